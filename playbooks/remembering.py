"""What a plan leaves in the state: which filters are known to be good, and which are held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from irrgate.changes import RouterChanges
from irrgate.filters import Filter
from irrgate.guards import Guard, judge_change, vetoes
from irrgate.network import GuardLimits
from irrgate.plan import FilterStatus
from irrgate.prefixes import PrefixSet
from irrgate.standins import Considered

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import GoodFilter, HeldFilter, State


def contents(known: Considered) -> Iterator[PrefixSet]:
    """Yield the prefixes of a filter, and those that a person may accept in their place."""
    for each in (known, known.instead):
        if each is not None and isinstance(each.intent, Filter):
            yield each.intent.prefixes


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan came to."""

    known: Mapping[str, Considered]
    """the filters by name"""
    changes: Mapping[str, RouterChanges]
    """what was decided on each router"""
    at: datetime
    """when the IRR was asked"""


def remember(state: State, limits: GuardLimits, planned: Planned, *, found: bool) -> None:
    """Note what was held, and (where `found`) what the IRR confirmed of what routers hold."""
    known, changes, now = planned.known, planned.changes, planned.at
    held = {name: _held(known[name], changes, limits, now) for name in sorted(known)}
    for each in held.values():
        if each is not None and each.digest is not None:
            state.keep_prefixes(_content(known[each.name], each.digest))
    state.set_held(tuple(held), [each for each in held.values() if each is not None])
    if found:
        in_use = {
            change.name
            for of_router in changes.values()
            for change in of_router.filters.values()
            if change.status is FilterStatus.UNCHANGED
        }
        good = [known[name] for name in sorted(known) if held[name] is None]
        _note_good(state, [each for each in good if each.intent.name in in_use], now)
        _touch(state, good, now)


def _note_good(state: State, used: Iterable[Considered], now: datetime) -> None:
    """Make what routers hold and the IRR confirms the last-known-good filters."""
    state.keep_goods(
        (good_of(each.intent, now), each.intent.prefixes)
        for each in used
        if isinstance(each.intent, Filter) and not each.intent.stale and not each.has_served
    )


def _touch(state: State, confirmed: Iterable[Considered], now: datetime) -> None:
    """Note when the IRR last said what served already."""
    digests = {
        each.intent.name: each.intent.prefixes.digest
        for each in confirmed
        if isinstance(each.intent, Filter) and not each.intent.stale and each.has_served
    }
    state.touch_goods(digests, now)


def good_of(intent: Filter, expanded_at: datetime) -> GoodFilter:
    """Return the filter as one that was found in use."""
    from irrgate.state import GoodFilter  # noqa: PLC0415

    servers = [str(each.server) for each in intent.sources if each.server]
    queries = [each.query for each in intent.sources]
    return GoodFilter(
        name=intent.name,
        peer=intent.peer,
        afi=intent.afi,
        digest=intent.prefixes.digest,
        entries=intent.prefixes.entry_count,
        objects=", ".join(str(query.object) for query in queries),
        sources=",".join(map(str, queries[0].sources)) if queries else "",
        server=servers[0] if servers else None,
        expanded_at=expanded_at,
        why="found",
    )


def _held(
    known: Considered,
    changes: Mapping[str, RouterChanges],
    limits: GuardLimits,
    now: datetime,
) -> HeldFilter | None:
    """Return the filter as held, if it is on any router, or anything stands in for it."""
    intent, instead = known.intent, known.instead
    on_routers = [
        change
        for of_router in changes.values()
        for change in of_router.filters.values()
        if change.name == intent.name and change.status is FilterStatus.HELD and not change.refused
    ]
    prefixes: PrefixSet | None = None
    guards: list[Guard] = []
    if instead is not None and isinstance(instead.intent, Filter):
        prefixes = instead.intent.prefixes
        old = instead.served() if instead.served and not instead.has_served else None
        judged = (*instead.readings, *judge_change(old, prefixes, limits))
        guards = [each.guard for each in vetoes(judged)]
    elif not isinstance(intent, Filter) or (intent.stale and not known.held_by):
        guards = [each.guard for each in vetoes(known.readings)]
    elif known.held_by or on_routers:
        prefixes = intent.prefixes
        judged = (*known.readings, *(each for on in on_routers for each in on.readings))
        guards = [each.guard for each in vetoes(judged)]
    else:
        return None
    from irrgate.state import HeldFilter  # noqa: PLC0415

    return HeldFilter(
        name=intent.name,
        peer=intent.peer,
        afi=intent.afi,
        digest=None if prefixes is None else prefixes.digest,
        entries=0 if prefixes is None else prefixes.entry_count,
        guards=tuple(map(str, guards)),
        seen_at=now,
    )


def _content(known: Considered, digest: str) -> PrefixSet:
    [content] = [each for each in contents(known) if each.digest == digest][:1]
    return content

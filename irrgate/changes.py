"""What to change on one router: the intended filters against those that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from irrgate.errors import ParseError, PlatformError, RenderError
from irrgate.filters import Filter, NoFilter
from irrgate.guards import Reading, judge_change, span_text, vetoes
from irrgate.network import FilterNames, GuardLimits
from irrgate.plan import FilterStatus
from irrgate.platforms.limits import print_within_limits
from irrgate.platforms.platform import (
    ManagedList,
    Platform,
    PrintedList,
    RunningFilters,
    Stranger,
    platform_on,
    read_candidate,
)
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import TEMPLATE, Renderer
from irrgate.rpsl import Asn
from irrgate.standins import Considered


@dataclass(frozen=True, slots=True)
class FilterChange:
    """What would happen to one filter on one router."""

    name: str
    peer: Asn
    afi: Afi
    intent: Filter | NoFilter | None
    """None for a filter that no session here needs any more"""
    status: FilterStatus
    reason: str
    added: PrefixSet
    removed: PrefixSet
    running: ManagedList | None
    readings: tuple[Reading, ...] = ()
    """of the guards that compare with what serves now"""
    acceptance: int | None = None
    """the number of the acceptance by which the filter passes here, where a guard would hold it"""
    stranger: Stranger | None = None
    """what the router has of a filter without an intent"""
    refused: bool = False
    """True when it is held because the platform cannot hold it, which nobody can accept away"""


@dataclass(frozen=True, slots=True)
class RouterChanges:
    """What would happen to a router's filters, by name in order."""

    filters: Mapping[str, FilterChange]
    strangers: tuple[Stranger, ...]
    """those that are left alone"""
    router: object = None
    """as in RunningFilters"""

    @property
    def written(self) -> tuple[FilterChange, ...]:
        """The filters that the candidate holds, by name in order."""
        return tuple(change for change in self.filters.values() if change.status.is_written)

    @property
    def removals(self) -> tuple[Stranger, ...]:
        """The filters that the candidate removes, by name in order."""
        return tuple(
            change.stranger
            for change in self.filters.values()
            if change.status is FilterStatus.REMOVE and change.stranger is not None
        )

    @property
    def changed(self) -> tuple[FilterChange, ...]:
        """The filters to which the candidate does something, by name in order."""
        return tuple(change for change in self.filters.values() if change.status.is_change)


def wanted_names(intents: Iterable[Filter | NoFilter]) -> dict[str, Afi]:
    """Return the names to look for in a running config."""
    return {intent.name: intent.afi for intent in intents}


def given_names(strangers: Iterable[Stranger], names: FilterNames) -> dict[str, tuple[Asn, Afi]]:
    """Return those of the filters that nobody asked for whose names irrgate gives."""
    given = {each.name: names.parse_name(each.name) for each in strangers}
    return {name: parsed for name, parsed in given.items() if parsed is not None}


def read_running(
    platform: Platform, running: str, wanted: Mapping[str, Afi], names: FilterNames
) -> RunningFilters:
    """Return what a running config holds of `wanted`, and of other names that irrgate gives.

    Those are among the strangers as well. Raises ParseError for what cannot be read of `wanted`;
    a stranger that cannot be read is a stranger and nothing else.
    """
    found = platform.parse(running, wanted, names.managed_prefix)
    given = {name: afi for name, (_, afi) in given_names(found.strangers, names).items()}
    if not given:
        return found
    try:
        more = platform.parse(running, {**wanted, **given}, names.managed_prefix)
    except ParseError:
        return found
    return replace(found, lists=more.lists)


def decide(
    intents: Iterable[Considered],
    running: RunningFilters,
    limits: GuardLimits,
    given: Mapping[str, tuple[Asn, Afi]],
) -> RouterChanges:
    """Return what would happen to each intended filter, and to those that nobody needs any more.

    `given` are the strangers that may go: names that irrgate gave, with their peer and family.
    """
    filters = {
        known.intent.name: _decide(known, running.lists.get(known.intent.name), limits)
        for known in intents
    }
    left_alone: list[Stranger] = []
    for stranger in running.strangers:
        held = running.lists.get(stranger.name)
        peer, afi = given.get(stranger.name, (None, None))
        if peer and afi and held is not None and stranger.removable and stranger.afi is afi:
            filters[stranger.name] = _unneeded(stranger, peer, held)
        else:
            left_alone.append(stranger)
    return RouterChanges(dict(sorted(filters.items())), tuple(left_alone), running.router)


def _unneeded(stranger: Stranger, peer: Asn, held: ManagedList) -> FilterChange:
    """Return the end of a filter, or what still refers to it.

    No guard is asked: a filter that nothing refers to lets nothing in, and keeps nothing out.
    """
    afi, nothing = held.afi, PrefixSet.empty(held.afi)
    if stranger.references:
        reason = f"no session here needs it, but it stands in: {'; '.join(stranger.references)}"
        return FilterChange(
            stranger.name, peer, afi, None, FilterStatus.REFERRED, reason, nothing, nothing, held,
            stranger=stranger,
        )  # fmt: skip
    return FilterChange(
        stranger.name, peer, afi, None, FilterStatus.REMOVE,
        "no session here needs it, and nothing refers to it", nothing, held.prefixes, held,
        stranger=stranger,
    )  # fmt: skip


def _decide(known: Considered, running: ManagedList | None, limits: GuardLimits) -> FilterChange:
    intent = known.intent
    name, peer, afi = intent.name, intent.peer, intent.afi
    nothing = PrefixSet.empty(afi)
    if isinstance(intent, NoFilter):
        return FilterChange(
            name, peer, afi, intent, FilterStatus.HELD, intent.reason, nothing, nothing, running
        )
    note = f"stale: what served {span_text(intent.stale.age)} ago" if intent.stale else ""
    old = running.prefixes if running else None
    if running and running.plain and running.prefixes == intent.prefixes:
        return FilterChange(
            name, peer, afi, intent, FilterStatus.UNCHANGED, note, nothing, nothing, running
        )
    readings = _compared(known, intent, old, limits)
    added = intent.prefixes.difference(old or nothing)
    removed = (old or nothing).difference(intent.prefixes)
    against = vetoes((*known.readings, *readings))
    acceptance = None
    if against and known.is_accepted:
        acceptance = known.acceptance.id if known.acceptance else None
        note = note or "accepted"
        against = ()
    if against:
        status, reason = FilterStatus.HELD, "; ".join(map(str, against))
    else:
        status = FilterStatus.CHANGE if running else FilterStatus.NEW
        same = running is not None and not added and not removed
        reason = "has a form that irrgate does not write" if same else note
    return FilterChange(
        name,
        peer,
        afi,
        intent,
        status,
        reason,
        added,
        removed,
        running,
        readings,
        acceptance,
    )


def _compared(
    known: Considered, intent: Filter, old: PrefixSet | None, limits: GuardLimits
) -> tuple[Reading, ...]:
    """Return the judgements on the step from what serves to what is intended.

    A router that has no such list is compared with what served elsewhere, or last. What served
    already has been judged, and needs no step.
    """
    if known.has_served:
        return ()
    if old is None and known.served is not None:
        old = known.served()
    return judge_change(old, intent.prefixes, limits)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A router's candidate, and the changes that it makes."""

    candidate: str
    """empty where nothing changes"""
    changes: RouterChanges
    """as they were decided, but for the filters that the platform cannot hold"""


def rendered(platform: Platform, renderer: Renderer, changes: RouterChanges) -> Rendered:
    """Return the text that brings the router's filters to what is intended.

    It holds only the filters that change. One that the platform cannot hold is held as the router
    has it, and the others go on. Raises RenderError when the platform's own parser does not read
    the same filters out of the text, whatever template printed them.
    """
    printed, refused = _printed(platform, changes)
    if refused:
        changes = replace(changes, filters={**changes.filters, **refused})
    text = _checked(platform, renderer, changes, printed) if changes.changed else ""
    return Rendered(text, changes)


def _printed(
    platform: Platform, changes: RouterChanges
) -> tuple[list[PrintedList], dict[str, FilterChange]]:
    """Return the filters that are written, and instead of the others why they are not."""
    printed: list[PrintedList] = []
    refused: dict[str, FilterChange] = {}
    there = platform_on(platform, changes.router)
    for change in changes.written:
        try:
            printed.append(
                print_within_limits(there, change.name, _intended(change), change.running)
            )
        except PlatformError as exc:
            why = exc.reason if exc.subject == change.name else str(exc)
            reason = f"{why} ({exc.hint})" if exc.hint else why
            refused[change.name] = replace(
                change, status=FilterStatus.HELD, reason=reason, acceptance=None, refused=True
            )
    return printed, refused


def _checked(
    platform: Platform, renderer: Renderer, changes: RouterChanges, printed: list[PrintedList]
) -> str:
    removals = [platform.removal(stranger) for stranger in changes.removals]
    candidate = renderer.render(platform.name, printed, removals)
    verify_candidate(platform, candidate, changes)
    return candidate


def verify_candidate(platform: Platform, candidate: str, changes: RouterChanges) -> None:
    """Raise RenderError unless `candidate` says exactly what `changes` intend."""
    subject = f"template {platform.name}/{TEMPLATE}"
    hint = "if the workspace has a template of its own for the platform, look there first"
    removals = {each.name: platform.removal(each).afi for each in changes.removals}
    running = {each.name: each.running for each in changes.written if each.running is not None}
    wanted = {change.name: change.afi for change in changes.written}
    try:
        found = read_candidate(platform, candidate, running, wanted, removals)
    except ParseError as exc:
        raise RenderError(subject, f"printed what cannot be read back: {exc}", hint=hint) from exc
    for change in changes.written:
        read = found.lists.get(change.name)
        if read is None or not read.plain or read.prefixes != _intended(change):
            reason = f"printed something else than {change.name} holds"
            raise RenderError(subject, reason, hint=hint)
    if found.strangers:
        raise RenderError(
            subject, f"printed a filter too many: {found.strangers[0].name}", hint=hint
        )
    if set(found.removed) != removals.keys():
        wrong = min(set(found.removed) ^ removals.keys())
        raise RenderError(subject, f"does not remove {wrong} as it should", hint=hint)


def _intended(change: FilterChange) -> PrefixSet:
    if not isinstance(change.intent, Filter):
        raise TypeError(f"{change.name} has no filter to write")
    return change.intent.prefixes

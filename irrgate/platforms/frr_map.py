"""A filter on FRR that is a route-map over many short lists, and how it changes.

FRR's time for a list grows with the square of its length, so a filter of a route-map over lists of
a hundred entries is what FRR before 9.0 can bear. `route-map NAME permit 10` matches the list
NAME-1, `permit 20` matches NAME-2, and so on; what no entry of the map matches is denied.

What holds at every moment, in whatever state a run that is killed leaves it: nothing is let through
that neither the old filter nor the new one lets through, and nothing is lost that both let through.
- The map only grows. A list without anything to permit denies all, and takes entries later.
- An entry of a map permits everything until its match is there, which is another command. So one
  is made behind an entry that denies everything, where nothing reaches it, and that one goes last.
- Each list changes as irrgate.platforms.numbered_delta does it, all new entries before old ones
  go, and an entry that stays keeps its list and its number.
- FRR's optimization of route-maps is off: before 9.0 it loses routes (see frr_facts).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from irrgate.aggregation import Entry
from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.frr_lines import DIALECT
from irrgate.platforms.numbered_delta import Delta, accepted_by, applied, delta_of, deny_all
from irrgate.platforms.numbered_lines import KEYWORDS
from irrgate.platforms.platform import Row
from irrgate.prefixes import Afi, PrefixSet

PART_ENTRIES: Final = 100
"""of one list; an old one may have more"""
STEP: Final = 10
"""between the numbers of a map's entries: that of the list N is 10 N"""
MAX_PARTS: Final = 65_535 // STEP
"""65,535 is the highest number of an entry"""


@dataclass(frozen=True, slots=True)
class MapEntry:
    """An entry of a route-map."""

    number: int
    permits: bool
    statements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeldMap:
    """A route-map as a router holds it, and its lists."""

    entries: tuple[MapEntry, ...] = ()
    """by their numbers"""
    optimized: bool = True
    parts: Mapping[int, tuple[Row, ...]] = field(default_factory=dict)
    """the lists that are there, by number; one without an entry permits everything"""


NO_MAP: Final = HeldMap()


@dataclass(frozen=True, slots=True)
class MapDelta:
    """What changes: lists' entries come, then entries of the map, then lists' entries go."""

    parts: Mapping[int, Delta]
    come: tuple[int, ...] = ()
    """lists that the map gets entries for"""
    go: tuple[tuple[int, bool], ...] = ()
    """what goes of the map: number, and whether it permits"""
    unoptimized: bool = False
    """True where the optimization goes"""


def part_name(name: str, part: int) -> str:
    """Return the name of a filter's list."""
    return f"{name}-{part}"


def split_part(listed: str) -> tuple[str, int] | None:
    """Return the filter and the number of a list, or None where its name is not of that kind."""
    match = _PART.fullmatch(listed)
    return (match[1], int(match[2])) if match else None


_PART: Final = re.compile(r"(.+)-([1-9][0-9]{0,3})")


def map_entry(name: str, afi: Afi, part: int) -> MapEntry:
    """Return the entry for a list."""
    statement = f"match {KEYWORDS[afi]} address prefix-list {part_name(name, part)}"
    return MapEntry(STEP * part, permits=True, statements=(statement,))


def live_parts(name: str, afi: Afi, held: HeldMap) -> tuple[int, ...]:
    """Return the lists that decide: those before an entry of the map that denies everything.

    Raises ParseError for anything before it that irrgate does not write: what a route is then
    matched by is not known.
    """
    found: list[int] = []
    for entry in held.entries:
        if not entry.permits and not entry.statements:
            break
        if entry != map_entry(name, afi, entry.number // STEP):
            action = "permit" if entry.permits else "deny"
            said = "; ".join(entry.statements) or "no match"
            raise ParseError(
                name,
                f"the entry `{action} {entry.number}` of the route-map is none of irrgate's: "
                f"{said!a}",
                hint="take it out, and put what it does into a route-map of your own that calls "
                "this one",
            )
        found.append(entry.number // STEP)
    return tuple(found)


def map_accepts(name: str, afi: Afi, held: HeldMap) -> PrefixSet:
    """Return what the map lets through; a list that is missing matches nothing."""
    rows = [held.parts[part] for part in live_parts(name, afi, held) if part in held.parts]
    plain = [each for each in rows if each and all(permits for _, permits, _ in each)]
    accepted = PrefixSet.from_entries(afi, (entry for each in plain for _, _, entry in each))
    for each in rows:
        if not each or not (_only_denies(each) or all(permits for _, permits, _ in each)):
            accepted = accepted.union(accepted_by(afi, each))
    return accepted


def is_plain(name: str, afi: Afi, held: HeldMap, accepted: PrefixSet) -> bool:
    """Tell whether the map has the form that irrgate writes."""
    live = live_parts(name, afi, held)
    if held.optimized or not live or len(live) < len(held.entries):
        return False
    entries: list[Entry] = []
    for rows in (held.parts.get(part, ()) for part in live):
        permits = [entry for _, permits, entry in rows if permits]
        spare = [row[1:] for row in rows] == [(False, deny_all(afi))]
        if not spare and not len(permits) == len(rows) > 0:
            return False
        entries += permits
    return sorted(entries) == sorted(accepted.entries())


def _only_denies(rows: Iterable[Row]) -> bool:
    return not any(permits for _, permits, _ in rows)


def _takes_entries(rows: Sequence[Row]) -> bool:
    """Tell whether each permit of a list takes effect, and new ones would as they come."""
    last_permit = max((number for number, permits, _ in rows if permits), default=0)
    first_deny = min((number for number, permits, _ in rows if not permits), default=None)
    return first_deny is None or (last_permit < first_deny and first_deny > 2 * PART_ENTRIES)


def map_delta_to(name: str, prefixes: PrefixSet, held: HeldMap) -> MapDelta:
    """Return what makes a filter accept exactly `prefixes`.

    An entry that stays keeps its place, and new ones fill the lists that have room. Raises
    PlatformError where there is no way, and where the map would be too long.
    """
    afi = prefixes.afi
    try:
        live = live_parts(name, afi, held)
    except ParseError as exc:
        raise PlatformError(name, exc.reason, hint=exc.hint) from exc
    wanted, come = _places(prefixes, held, live)
    if come and come[-1] > MAX_PARTS:
        raise PlatformError(
            name,
            f"needs the list {come[-1]}, and a route-map has room for {MAX_PARTS}",
            hint=f"let the policy refer to something else, and take `route-map {name}` out: it is "
            "then made anew",
        )
    parts = {
        part: delta_of(part_name(name, part), afi, entries, held.parts.get(part, ()), _NUMBERING)
        for part, entries in wanted.items()
    }
    delta = MapDelta(
        {part: each for part, each in parts.items() if each.added or each.removed},
        come,
        _behind(held, live),
        held.optimized,
    )
    try:
        map_applied(name, afi, held, delta)
    except ParseError as exc:
        raise PlatformError(name, exc.reason, hint=exc.hint) from exc
    return delta


def _behind(held: HeldMap, live: Sequence[int]) -> tuple[tuple[int, bool], ...]:
    """Return what nothing reaches, and what it is behind: a run was killed."""
    return tuple((entry.number, entry.permits) for entry in held.entries[len(live) :])


_NUMBERING: Final = DIALECT.numbering


def _places(
    prefixes: PrefixSet, held: HeldMap, live: Sequence[int]
) -> tuple[dict[int, list[Entry]], tuple[int, ...]]:
    """Return what each list is to have, and those lists that are new.

    A list with denies in the midst gets nothing: what it has goes to others.
    """
    open_parts = [part for part in live if _takes_entries(held.parts.get(part, ()))]
    wanted: dict[int, list[Entry]] = {part: [] for part in live}
    missing = dict.fromkeys(prefixes.entries())
    for part in open_parts:
        for _, permits, entry in held.parts.get(part, ()):
            if permits and entry in missing:
                del missing[entry]
                wanted[part].append(entry)
    new = list(missing)
    for part in open_parts:
        room = max(0, PART_ENTRIES - len(wanted[part]))
        wanted[part] += new[:room]
        del new[:room]
    taken = (*held.parts, *(-(-entry.number // STEP) for entry in held.entries))
    first = max(taken, default=0) + 1
    chunks = [new[at : at + PART_ENTRIES] for at in range(0, len(new), PART_ENTRIES)]
    if not chunks and not live:
        chunks = [[]]
    come = dict(enumerate(chunks, first))
    return {**wanted, **come}, tuple(come)


def map_applied(name: str, afi: Afi, held: HeldMap, delta: MapDelta) -> HeldMap:
    """Return the map after a delta; raises ParseError where it would not be as it must.

    It is what decides of a delta, whoever made it: see above.
    """
    live = live_parts(name, afi, held)
    _refuse_wrong_entries(name, held, live, delta)
    parts = dict(held.parts)
    for part, change in delta.parts.items():
        if part not in live and part not in delta.come:
            raise ParseError(name, f"the candidate changes its list {part}, which is not in use")
        rows = applied(part_name(name, part), afi, parts.get(part, ()), change)
        parts[part] = rows
    entries = (*held.entries[: len(live)], *(map_entry(name, afi, part) for part in delta.come))
    after = HeldMap(entries, held.optimized and not delta.unoptimized, parts)
    if any(not permits for part in live for _, permits, _ in held.parts.get(part, ())):
        _refuse_loss(name, afi, held, after)
    return after


def _refuse_wrong_entries(name: str, held: HeldMap, live: Sequence[int], delta: MapDelta) -> None:
    if delta.go != _behind(held, live):
        raise ParseError(name, "the candidate takes out of the route-map what it must not, or less")
    if held.optimized is not delta.unoptimized:
        raise ParseError(name, "the candidate leaves the route-map's optimization as it is")
    highest = max((entry.number for entry in held.entries), default=0)
    for part in delta.come:
        if STEP * part <= highest or part > MAX_PARTS:
            raise ParseError(name, f"the candidate puts its list {part} before what is there")
        if part in held.parts or part not in delta.parts:
            raise ParseError(name, f"the candidate's list {part} is not a new one")
        highest = STEP * part
    if not live and not delta.come:
        raise ParseError(name, "the candidate would leave the route-map without a list")


def _refuse_loss(name: str, afi: Afi, held: HeldMap, after: HeldMap) -> None:
    """Raise ParseError where denies would lose for a moment what is to stay.

    While permits come and go, all denies are as they were: the stage between has the least.
    """
    between = {}
    for part, rows in after.parts.items():
        denies = (row for row in held.parts.get(part, ()) if not row[1])
        stage = tuple(sorted({*denies, *(row for row in rows if row[1])}))
        if stage:
            between[part] = stage
    old, new = map_accepts(name, afi, held), map_accepts(name, afi, after)
    least = map_accepts(name, afi, HeldMap(after.entries, parts=between))
    if old.difference(old.difference(new)).difference(least):
        raise ParseError(name, "has denies, and would lose routes for a moment that are to stay")

"""FRR, where each filter is a route-map of irrgate's own over short lists: frr_route_map.

See irrgate.platforms.frr_map for what it is made of, and how it changes. The candidate is for
irrgate's own driver alone, which makes entries of a route-map in an order in which none of them is
ever in use without its match.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.eos_references import find_references
from irrgate.platforms.frr import FAULTS, work_of
from irrgate.platforms.frr_facts import FrrFacts, read_facts, refuse_too_long
from irrgate.platforms.frr_lines import DIALECT, lines_of, read_rows
from irrgate.platforms.frr_map import (
    MAX_PARTS,
    NO_MAP,
    PART_ENTRIES,
    STEP,
    HeldMap,
    is_plain,
    live_parts,
    map_accepts,
    map_applied,
    map_delta_to,
    part_name,
    split_part,
)
from irrgate.platforms.frr_map_candidate import read_map_changes
from irrgate.platforms.frr_map_text import read_entries, read_route_maps
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.numbered import Key
from irrgate.platforms.numbered_lines import FAMILIES, KEYWORDS
from irrgate.platforms.platform import (
    MAX_REFERENCES,
    NONE,
    Capabilities,
    DriverFault,
    ManagedList,
    PrintedList,
    Removal,
    RunningFilters,
    Stranger,
    UpdateStrategy,
    removable_afi,
)
from irrgate.prefixes import Afi, PrefixSet

_LISTED: Final = re.compile(r"^(ip|ipv6) prefix-list (\S+) (.*\S)[ \r]*$", re.MULTILINE)
_OWN_LINE: Final = re.compile(r"(?:(?:ip|ipv6) prefix-list|route-map|no route-map) (\S+)(?: .*)?")
_CAPABILITIES: Final = Capabilities(
    strategy=UpdateStrategy.DELTA,
    revert_step=1,
    commit_message=False,
    max_sequence=DIALECT.numbering.max_sequence,
    max_name=123,
    atomic=False,
    commit_confirm=True,
    verified_host="SSH host key",
    tested="the real daemon",
    max_entries=PART_ENTRIES * MAX_PARTS,
    faults=(
        *FAULTS,
        DriverFault(
            "A new entry of a route-map permits everything until its match is there",
            "it is made behind an entry that denies everything, which goes last",
        ),
        DriverFault(
            "A route-map that calls one which does not exist permits everything",
            "a filter that is referred to is never removed; the manual says what to write first",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class ManagedMap(ManagedList):
    """A filter as a router holds it."""

    held: HeldMap = field(default=NO_MAP, repr=False)


@dataclass(frozen=True, slots=True)
class PrintedMap(PrintedList):
    """A filter as the template gets it."""

    parts: Sequence[PrintedList] = field(default=(), repr=False)
    """the lists that change"""
    come: Sequence[tuple[int, str]] = ()
    """number and list of the route-map's new entries"""
    go: Sequence[tuple[int, str]] = ()
    """number and action of those that go"""
    unoptimized: bool = False
    """True where the optimization goes"""


class FrrRouteMap:
    """The platform: as it is on one router, where `facts` says which, or on any."""

    name: Final = "frr_route_map"
    capabilities: Final = _CAPABILITIES

    def __init__(self, facts: FrrFacts | None = None) -> None:
        self._facts = facts

    def on_router(self, router: object) -> FrrRouteMap:
        """Return the platform as it is on the router of these FrrFacts; see RouterPlatform."""
        return FrrRouteMap(router) if isinstance(router, FrrFacts) else self

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed filters of `show running-config`; see Platform."""
        DIALECT.refuse_cut_off(running)
        found = _Found(running, managed_prefix)
        lists = {
            name: _managed(name, afi, held)
            for name, afi in wanted.items()
            if (held := found.held(name, afi)) is not None
        }
        names = found.strange(wanted)
        references = _references(running, names)
        strangers = tuple(
            found.stranger(name, references[name], alone=name not in wanted)
            for name in sorted(names)
        )
        return RunningFilters(lists, strangers, router=read_facts(running))

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names`, or a list of it; see Platform."""
        DIALECT.refuse_cut_off(running)
        return _references(running, names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return what a candidate makes of a router without filters; see Platform."""
        return self.apply_candidate(candidate, {}, wanted, removals)

    def apply_candidate(
        self,
        candidate: str,
        running: Mapping[str, ManagedList],
        wanted: Mapping[str, Afi],
        removals: Mapping[str, Afi] = NONE,
    ) -> RunningFilters:
        """Return the filters as they are after a candidate; see DeltaPlatform."""
        changes = read_map_changes(candidate)
        for name, afi in changes.gone.items():
            if removals.get(name) is not afi:
                raise ParseError(name, "the candidate removes a filter that is to stay")
            if name in changes.families:
                raise ParseError(name, "the candidate sets the filter and removes it")
        lists = {name: running[name] for name in wanted if name in running}
        strangers: list[Stranger] = []
        for name, delta in changes.deltas.items():
            family, asked = changes.families[name], wanted.get(name)
            if asked is None or family not in {None, asked}:
                if delta.go or any(each.removed for each in delta.parts.values()):
                    reason = "the candidate removes entries of a filter not asked for"
                    raise ParseError(name, reason)
                strangers.append(Stranger(name, family, (), removable=False))
                continue
            after = map_applied(name, asked, held_map(running.get(name)), delta)
            lists[name] = _managed(name, asked, after)
        strangers.sort(key=lambda each: each.name)
        return RunningFilters(lists, tuple(strangers), tuple(sorted(changes.gone)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedMap:
        """Return what comes and what goes; see Platform.

        Raises PlatformError for a route-map with entries of somebody else's, or denies on which
        there is no way without a moment in between, and for what takes FRR too long.
        """
        held = held_map(running)
        delta = map_delta_to(name, prefixes, held)
        afi = prefixes.afi
        keyword = KEYWORDS[afi]
        parts = tuple(
            PrintedList(
                part_name(name, part),
                afi,
                keyword,
                lines_of(afi, each.added),
                lines_of(afi, each.removed),
            )
            for part, each in delta.parts.items()
        )
        if self._facts is not None:
            rows = (len(held.parts.get(part, ())) for part in delta.parts)
            refuse_too_long(name, self._facts, map(work_of, parts, rows), len(delta.come))
        return PrintedMap(
            name,
            afi,
            keyword,
            (),
            parts=parts,
            come=tuple((STEP * part, part_name(name, part)) for part in delta.come),
            go=tuple((number, "permit" if permits else "deny") for number, permits in delta.go),
            unoptimized=delta.unoptimized,
        )

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the filter; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, KEYWORDS[afi])


def held_map(running: ManagedList | None) -> HeldMap:
    """Return the route-map of a filter that `parse` has read."""
    return running.held if isinstance(running, ManagedMap) else NO_MAP


def _managed(name: str, afi: Afi, held: HeldMap) -> ManagedMap:
    accepted = map_accepts(name, afi, held)
    return ManagedMap(name, afi, accepted, is_plain(name, afi, held, accepted), held=held)


class _Found:
    """What a running config has of names with irrgate's prefix."""

    def __init__(self, running: str, managed_prefix: str) -> None:
        self._lists: dict[Key, list[str]] = {}
        for keyword, name, rest in _LISTED.findall(running):
            if name.startswith(managed_prefix):
                self._lists.setdefault((FAMILIES[keyword], name), []).append(rest)
        self._maps = {
            name: lines
            for name, lines in read_route_maps(running).items()
            if name.startswith(managed_prefix)
        }
        self._parts: dict[Key, dict[int, list[str]]] = {}
        for (afi, name), rests in self._lists.items():
            if split := split_part(name):
                self._parts.setdefault((afi, split[0]), {})[split[1]] = rests

    def held(self, name: str, afi: Afi) -> HeldMap | None:
        """Return a filter's route-map; None: there is none. Raises ParseError."""
        if name not in self._maps:
            return None
        entries, optimized = read_entries(name, self._maps[name])
        parts = {
            part: read_rows(afi, part_name(name, part), rests)
            for part, rests in sorted(self._parts.get((afi, name), {}).items())
        }
        return HeldMap(entries, optimized, parts)

    def strange(self, wanted: Mapping[str, Afi]) -> set[str]:
        """Return the names that nobody asked for."""
        of_a_map = {
            (afi, part_name(name, part))
            for (afi, name), parts in self._parts.items()
            if name in self._maps and wanted.get(name, afi) is afi
            for part in parts
        }
        lists = {name for afi, name in self._lists if (afi, name) not in of_a_map}
        return lists | (self._maps.keys() - wanted.keys())

    def stranger(self, name: str, references: tuple[str, ...], *, alone: bool) -> Stranger:
        """Return what there is to know of a name; `alone`: it is not asked for."""
        families = [afi for afi in Afi if (afi, name) in self._parts]
        afi = families[0] if len(families) == 1 and name in self._maps else None
        removable = alone and is_own_name(name) and afi is not None
        if afi is None or any((each, name) in self._lists for each in Afi):
            return Stranger(name, afi, references, removable=False)
        try:
            held = self.held(name, afi)
            live_parts(name, afi, held or NO_MAP)
        except ParseError:
            removable = False
        return Stranger(name, afi, references, removable)


def _references(running: str, names: Collection[str]) -> dict[str, tuple[str, ...]]:
    parts: dict[str, list[str]] = {name: [] for name in names}
    for _, listed, _ in _LISTED.findall(running):
        split = split_part(listed)
        if split and split[0] in parts:
            parts[split[0]].append(listed)
    owner = {part: name for name, listed in parts.items() for part in listed}
    told = find_references(running, {*parts, *owner}, _OWN_LINE, owner)
    return {
        name: _joined(told[each] for each in dict.fromkeys((name, *listed)))
        for name, listed in parts.items()
    }


def _joined(told: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    lines = tuple(dict.fromkeys(chain.from_iterable(told)))
    if len(lines) <= MAX_REFERENCES + 1:
        return lines
    return (*lines[:MAX_REFERENCES], f"and {len(lines) - MAX_REFERENCES} more")

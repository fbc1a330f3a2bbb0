"""The candidate of frr_route_map: entries of lists, and those of route-maps, that come and go."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.frr import read_changes
from irrgate.platforms.frr_map import STEP, MapDelta, part_name, split_part
from irrgate.platforms.numbered_delta import Delta
from irrgate.platforms.numbered_lines import FAMILIES
from irrgate.prefixes import Afi

_HEAD: Final = re.compile(r"route-map (\S+) permit ([0-9]{1,5})")
_STATEMENT: Final = re.compile(r"match (ip|ipv6) address prefix-list (\S+)")
_OFF: Final = re.compile(r"no route-map (\S+) optimization")
_GOES: Final = re.compile(r"no route-map (\S+) (permit|deny) ([0-9]{1,5})")
_GONE: Final = re.compile(r"no route-map (\S+) ! (ip|ipv6)")


@dataclass(frozen=True, slots=True)
class MapChanges:
    """What a candidate says, by the names of filters."""

    families: Mapping[str, Afi | None]
    """of those that are set; None where no line tells"""
    deltas: Mapping[str, MapDelta]
    gone: Mapping[str, Afi]
    """those that are removed whole"""


def read_map_changes(candidate: str) -> MapChanges:
    """Return what a candidate says; raises ParseError for whatever else it says."""
    reader = _Candidate()
    lines = [line for line in map(str.strip, candidate.splitlines()) if line]
    rest = reader.take(lines)
    deltas, gone = read_changes("\n".join(rest))
    if gone:
        raise ParseError(gone[0][1], "the candidate removes a list alone")
    for (afi, listed), delta in deltas.items():
        split = split_part(listed)
        if split is None:
            raise ParseError(listed, "the candidate has a list that is of no filter's route-map")
        name, part = split
        reader.family(name, afi)
        reader.parts.setdefault(name, {})[part] = delta
    return reader.changes()


class _Candidate:
    """What the lines about route-maps say."""

    def __init__(self) -> None:
        self.parts: dict[str, dict[int, Delta]] = {}
        self._families: dict[str, Afi] = {}
        self._come: dict[str, list[int]] = {}
        self._go: dict[str, list[tuple[int, bool]]] = {}
        self._off: set[str] = set()
        self._gone: dict[str, Afi] = {}

    def family(self, name: str, afi: Afi) -> None:
        """Note a filter's family; raises ParseError where it has another one already."""
        if self._families.setdefault(name, afi) is not afi:
            raise ParseError(name, "the candidate has lists of both families in one route-map")

    def take(self, lines: Sequence[str]) -> list[str]:
        """Read the lines about route-maps, and return the others."""
        rest: list[str] = []
        following = iter(lines)
        for line in following:
            if match := _HEAD.fullmatch(line):
                self._comes(match[1], int(match[2]), next(following, ""))
            elif match := _OFF.fullmatch(line):
                self._off.add(match[1])
            elif match := _GOES.fullmatch(line):
                self._go.setdefault(match[1], []).append((int(match[3]), match[2] == "permit"))
            elif match := _GONE.fullmatch(line):
                if match[1] in self._gone:
                    raise ParseError(match[1], "the candidate removes the filter twice")
                self._gone[match[1]] = FAMILIES[match[2]]
            else:
                rest.append(line)
        return rest

    def _comes(self, name: str, number: int, statement: str) -> None:
        match = _STATEMENT.fullmatch(statement)
        part, odd = divmod(number, STEP)
        if match is None or odd or match[2] != part_name(name, part):
            raise ParseError(
                name, f"the candidate's entry {number} of the route-map does not match its list"
            )
        self.family(name, FAMILIES[match[1]])
        self._come.setdefault(name, []).append(part)

    def changes(self) -> MapChanges:
        """Return it all, by filter."""
        names = dict.fromkeys((*self._families, *self._go, *self._off))
        return MapChanges(
            {name: self._families.get(name) for name in names},
            {
                name: MapDelta(
                    self.parts.get(name, {}),
                    tuple(self._come.get(name, ())),
                    tuple(self._go.get(name, ())),
                    name in self._off,
                )
                for name in names
            },
            self._gone,
        )

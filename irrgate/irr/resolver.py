"""Sets into ASNs and prefixes, over the sources that a client has selected, in their order.

A set that several sources have is taken from the first of them; routes are taken from all. What
is a member and not registered adds nothing, and a cycle ends where it closes, as with IRRd.

A set may hold 51,000 ASNs and 847,000 prefixes, and the server has one thread. So everything here
that may be long is a generator which yields after every few milliseconds of work, and returns its
result; nothing recurses, and the union of prefixes is one byte a prefix of the snapshot.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final

from irrgate.irr.registry import RegisteredSet, Registry
from irrgate.irr.schema import BLOCK, Family, unpack_numbers

SLICE: Final = 100
"""sets or origins between two yields: 1 to 6 ms of work on AS-NETIX."""

SMALL_UNION: Final = 32768
"""prefixes; up to here a union is a dict, which needs no look at the prefix blocks."""

Sliced = Generator[None, None, None]


@dataclass(frozen=True, slots=True)
class Selection:
    """The sources that answer, by number, the first one first."""

    registry: Registry
    order: tuple[int, ...]

    def find_set(self, name: str) -> RegisteredSet | None:
        """Return the set from the first source that has it."""
        found = {one.source: one for one in self.registry.sets_named(name)}
        return next((found[number] for number in self.order if number in found), None)

    def routes(self, origin: int, family: Family) -> list[tuple[bytes, bytes]]:
        """Return (packed ranks, prefixes) of each selected source that has routes of origin."""
        found = self.registry.routes(origin, family)
        return [(ranks, texts) for source, ranks, texts in found if source in self.order]


class PrefixUnion:
    """Prefixes of one family, each once, in the order of the addresses."""

    def __init__(self, selection: Selection, family: Family) -> None:
        self._selection = selection
        self._family = family
        self._texts: dict[int, bytes] = {}
        self._marks: bytearray | None = None

    def add_origins(self, origins: Sequence[int]) -> Sliced:
        """Add all routes of these origins."""
        for done, origin in enumerate(origins, 1):
            if self._marks is None:
                for ranks, texts in self._selection.routes(origin, self._family):
                    self._texts.update(zip(unpack_numbers(ranks), texts.split(b" "), strict=True))
                if len(self._texts) > SMALL_UNION:
                    self._mark()
            else:
                self._mark_origin(origin, self._marks)
            if done % SLICE == 0:
                yield

    def pieces(self) -> Iterator[bytes]:
        """Yield the prefixes with spaces between; no piece holds more than SMALL_UNION."""
        if self._marks is None:
            if self._texts:
                yield b" ".join([self._texts[rank] for rank in sorted(self._texts)])
            return
        for block in range(-(-len(self._marks) // BLOCK)):
            marks = self._marks[block * BLOCK : (block + 1) * BLOCK]
            if 1 in marks:
                prefixes = self._selection.registry.prefix_block(self._family, block)
                yield b" ".join(compress(prefixes, marks))

    def _mark(self) -> None:
        self._marks = bytearray(self._selection.registry.prefix_count[self._family])
        for rank in self._texts:
            self._marks[rank] = 1
        self._texts = {}

    def _mark_origin(self, origin: int, marks: bytearray) -> None:
        for source, ranks in self._selection.registry.ranks(origin, self._family):
            if source in self._selection.order:
                for rank in unpack_numbers(ranks):
                    marks[rank] = 1


def origins_of(selection: Selection, root: RegisteredSet) -> Generator[None, None, list[int]]:
    """Return the ASNs of an as-set and of every as-set in it, ascending."""
    asns: set[int] = set(root.asns)
    seen = {root.name}
    waiting = list(root.names)
    done = 0
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = selection.find_set(name)
        if found is not None and found.is_as_set:
            asns.update(found.asns)
            waiting.extend(found.names)
        done += 1
        if done % SLICE == 0:
            yield
    return sorted(asns)


@dataclass(slots=True)
class RouteSetMembers:
    """What a route-set comes to: prefixes as text (`192.0.2.0/24^+`), and origins of routes."""

    prefixes: set[str] = field(default_factory=set)
    origins: set[int] = field(default_factory=set)


def members_of_route_set(
    selection: Selection, root: RegisteredSet
) -> Generator[None, None, RouteSetMembers]:
    """Return the members of a route-set and of every set in it (RFC 2622, section 5.2).

    A set or an ASN that bears a range operator is passed over: IRRd knows no set of that name.
    """
    members = RouteSetMembers()
    seen = {root.name}
    waiting = [root]
    done = 0
    while waiting:
        found = waiting.pop()
        members.origins.update(found.asns)
        members.prefixes.update(found.prefixes)
        for name in found.names:
            if name not in seen:
                seen.add(name)
                waiting.extend(filter(None, [selection.find_set(name)]))
        done += 1
        if done % SLICE == 0:
            yield
    return members

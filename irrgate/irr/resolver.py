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
from irrgate.irr.registry_objects import range_lengths
from irrgate.irr.rpsl_dump import BrokenObject
from irrgate.irr.schema import BLOCK, Family, unpack_numbers

SLICE: Final = 100
"""sets or origins between two yields: 1 to 6 ms of work on AS-NETIX."""

SMALL_UNION: Final = 32768
"""prefixes; up to here a union is a dict, which needs no look at the prefix blocks."""

MAX_OPERATORS: Final = 8
"""range operators that may be stacked by nested route-sets; a cycle of them would never end."""

Sliced = Generator[None, None, None]


class ResolveError(Exception):
    """A set that cannot be expanded as registered; the message goes to the client."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The sources that answer, by number, the first one first."""

    registry: Registry
    order: tuple[int, ...]

    def find_set(self, name: str) -> RegisteredSet | None:
        """Return the set from the first source that has it; `SOURCE::NAME` looks there only."""
        source, pinned, name = name.rpartition("::")
        order: Sequence[int] = self.order
        if pinned:
            order = [n for n, known in enumerate(self.registry.sources) if known == source]
        found = {one.source: one for one in self.registry.sets_named(name)}
        return next((found[number] for number in order if number in found), None)

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
    """Return the ASNs of an as-set and of every set in it, ascending."""
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
        if found is not None:
            asns.update(found.asns)
            waiting.extend(found.names)
        done += 1
        if done % SLICE == 0:
            yield
    return sorted(asns)


Operators = tuple[str, ...]
"""Range operators in the order in which they apply."""


@dataclass(slots=True)
class RouteSetMembers:
    """What a route-set comes to: prefixes as text (`192.0.2.0/24^+`), and origins of routes.

    `ranged` has the origins whose routes bear range operators.
    """

    prefixes: set[str] = field(default_factory=set)
    origins: set[int] = field(default_factory=set)
    ranged: set[tuple[int, Operators]] = field(default_factory=set)

    def add_origins(self, asns: Sequence[int], operators: Operators) -> None:
        """Add origins, with the operators that apply to their routes."""
        if operators:
            self.ranged.update((asn, operators) for asn in asns)
        else:
            self.origins.update(asns)


def members_of_route_set(
    selection: Selection, root: RegisteredSet
) -> Generator[None, None, RouteSetMembers]:
    """Return the members of a route-set and of every set in it (RFC 2622, section 5.2)."""
    members = RouteSetMembers()
    seen: set[tuple[str, Operators]] = set()
    waiting: list[tuple[str, Operators]] = [(root.name, ())]
    done = 0
    while waiting:
        name, operators = item = waiting.pop()
        if item in seen:
            continue
        seen.add(item)
        if len(operators) > MAX_OPERATORS:
            raise ResolveError(f"{root.name}: range operators are nested too deep, at {name}")
        if name[2:3].isdigit() and ":" not in name:
            members.add_origins([int(name[2:])], operators)
            continue
        found = root if name == root.name else selection.find_set(name)
        if found is None:
            continue
        members.add_origins(found.asns, operators)
        members.prefixes.update(
            filter(None, (with_operators(prefix, operators) for prefix in found.prefixes))
        )
        for member in found.names:
            base, _, operator = member.partition("^")
            # ^+ after ^+ and ^n-m after ^n-m change nothing.
            same = not operator or (operators[:1] == (operator,) and operator != "-")
            waiting.append((base, operators if same else (operator, *operators)))
        done += 1
        if done % SLICE == 0:
            yield
    return members


def with_operators(prefix: str, operators: Operators) -> str:
    """Apply operators to a prefix that may bear one already; "" when nothing is left."""
    if not operators:
        return prefix
    base, _, own = prefix.partition("^")
    length = int(base.rpartition("/")[2])
    bits = 128 if ":" in base else 32
    low = high = length
    for operator in (own, *operators) if own else operators:
        try:
            low, high = range_lengths(operator, low, 128)
        except BrokenObject:
            return ""
        high = min(high, bits)
        if low > high:
            return ""
    return base if low == high == length else f"{base}^{low}-{high}"


def ranged_routes(
    selection: Selection, family: Family, ranged: set[tuple[int, Operators]], into: set[str]
) -> Sliced:
    """Add to `into` the routes of origins that bear range operators."""
    for origin, operators in sorted(ranged):
        for _, texts in selection.routes(origin, family):
            for text in texts.decode("ascii").split(" "):
                into.add(with_operators(text, operators))
        yield
    into.discard("")

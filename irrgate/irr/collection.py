"""What dumps hold, gathered object by object, with every problem told.

Routes are packed as they come: 5 or 17 bytes each in one byte array for an origin, family and
source: 1.65 million of them take 31 MB.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from irrgate.irr import rpsl_dump
from irrgate.irr.packed_prefix import pack_prefix, prefix_text
from irrgate.irr.registry_objects import (
    OTHER_CLASSES,
    AutNum,
    References,
    SetObject,
    read_aut_num,
    read_route,
    read_set,
)
from irrgate.irr.rpsl_dump import SIMPLE_ROUTE, Attribute, BrokenObject, Chunk
from irrgate.irr.schema import MAX_SOURCES, route_key
from irrgate.rpsl import MAX_ASN

_NEWLINE: Final = 10


class ProblemKind(StrEnum):
    """What became of what a problem is about."""

    BROKEN_OBJECT = "object skipped"
    IDLE_MEMBER = "member adds nothing"
    SECOND_DEFINITION = "first definition dropped"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a dump that was skipped; `reason` is printable whatever the dump holds."""

    kind: ProblemKind
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason} ({self.kind})"


OnProblem = Callable[[Problem], None]


@dataclass(slots=True)
class Collection:
    """Everything that was read, from all dumps; sources are numbered as they first appear."""

    sources: dict[str, int] = field(default_factory=dict)
    routes: dict[int, bytearray] = field(default_factory=dict)
    sets: dict[tuple[str, str], SetObject] = field(default_factory=dict)
    aut_nums: dict[tuple[int, str], AutNum] = field(default_factory=dict)
    route_references: list[tuple[str, str, References]] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    problems: Counter[ProblemKind] = field(default_factory=Counter)

    def source_id(self, name: str) -> int:
        """Return the number of a source, the next one for a new name."""
        number = self.sources.setdefault(name, len(self.sources))
        if number >= MAX_SOURCES:
            del self.sources[name]
            raise BrokenObject(f"more than {MAX_SOURCES} sources")
        return number

    def add_route(self, packed: bytes, origin: int, source: int) -> None:
        """Add a prefix to its origin's; repetitions are dropped when the snapshot is written."""
        key = route_key(origin, len(packed) == 17, source)
        known = self.routes.get(key)
        if known is None:
            self.routes[key] = bytearray(packed)
        else:
            known += packed


@dataclass(slots=True)
class DumpCollector:
    """Reads the chunks of one dump into a collection."""

    collection: Collection
    file: str
    on_problem: OnProblem
    default_source: str = ""
    _source_numbers: dict[bytes, int] = field(default_factory=dict)
    _text: bytes = b""
    _line_at: int = 0
    _line: int = 1

    def read(self, chunk: Chunk) -> None:
        """Read every object of a chunk."""
        text = chunk.text
        self._text, self._line_at, self._line = text, 0, chunk.first_line
        position, end = 0, len(text)
        while (position := self._read_simple_routes(text, position)) < end:
            if text[position] == _NEWLINE:
                position += 1
                continue
            after = text.index(b"\n\n", position) + 2
            try:
                self._add(text[position:after], position)
            except BrokenObject as exc:
                self._tell_broken(exc, position)
            position = after

    def _read_simple_routes(self, text: bytes, position: int) -> int:
        """Read the route objects of the common shape; return where the first other one begins.

        Nearly every object of a registry goes through here, so what the long way does in five
        calls is done in place. An object that is broken is another one too: the long way says
        what is wrong with it.
        """
        match = SIMPLE_ROUTE.match
        routes, source_numbers = self.collection.routes, self._source_numbers
        while (found := match(text, position)) is not None:
            class_name, address, length, digits, source = found.groups()
            try:
                packed = pack_prefix(address.decode("ascii"), int(length))
            except BrokenObject:
                break
            is_ipv6 = len(packed) == 17
            origin = int(digits)
            number = source_numbers.get(source.upper())
            if number is None or origin > MAX_ASN or (len(class_name) == 6) != is_ipv6:
                break
            key = route_key(origin, is_ipv6, number)
            if key in routes:
                routes[key] += packed
            else:
                routes[key] = bytearray(packed)
            position = found.end()
        return position

    def _add(self, paragraph: bytes, position: int) -> None:
        class_name = rpsl_dump.class_of(paragraph)
        if not class_name:
            return
        if class_name in OTHER_CLASSES:
            self.collection.ignored[class_name] += 1
            return
        if class_name not in _ADDERS:
            raise BrokenObject(f"the object does not begin with its class, but with {class_name}:")
        attributes = rpsl_dump.attributes_of(paragraph)
        _ADDERS[class_name](self, class_name, attributes, position)

    def _add_route(self, class_name: str, attributes: list[Attribute], _: int) -> None:
        route = read_route(class_name, attributes, self.default_source)
        collection = self.collection
        number = collection.source_id(route.source)
        collection.add_route(route.packed, route.origin, number)
        self._source_numbers[route.source.encode("ascii")] = number
        if route.references.member_of:
            text = prefix_text(route.packed)
            collection.route_references.append((text, route.source, route.references))

    def _add_aut_num(self, _: str, attributes: list[Attribute], position: int) -> None:
        aut_num = read_aut_num(attributes, self.default_source)
        collection = self.collection
        collection.source_id(aut_num.source)
        known = collection.aut_nums.get((aut_num.asn, aut_num.source), aut_num)
        collection.aut_nums[aut_num.asn, aut_num.source] = aut_num
        self._tell_second(known == aut_num, f"aut-num AS{aut_num.asn}", position)

    def _add_set(self, class_name: str, attributes: list[Attribute], position: int) -> None:
        found = read_set(class_name, attributes, self.default_source)
        self.collection.source_id(found.source)
        known = self.collection.sets.get((found.name, found.source))
        # As in a mirror, where an object that comes again takes the place of the one before.
        self.collection.sets[found.name, found.source] = found
        if known is not None:
            self._tell_second(known == found, f"{class_name} {found.name}", position)
        for member, reason in found.idle if known != found else ():
            self._tell(
                ProblemKind.IDLE_MEMBER, f"{found.name}: member {member}: {reason}", position
            )

    def _tell_second(self, same: bool, subject: str, position: int) -> None:
        if not same:
            self._tell(
                ProblemKind.SECOND_DEFINITION,
                f"{subject}: registered before in the same source, otherwise; the last one holds",
                position,
            )

    def _tell_broken(self, exc: BrokenObject, position: int) -> None:
        self._tell(ProblemKind.BROKEN_OBJECT, exc.reason, position, exc.line)

    def _tell(self, kind: ProblemKind, reason: str, position: int, line: int = 0) -> None:
        # Empty lines before an object belong to what SIMPLE_ROUTE matches.
        while self._text[position] == _NEWLINE:
            position += 1
        # Problems come in order, so each newline of a chunk is counted once.
        self._line += self._text.count(b"\n", self._line_at, position)
        self._line_at = position
        self.collection.problems[kind] += 1
        self.on_problem(Problem(kind, self.file, self._line + line, reason))


_Adder = Callable[[DumpCollector, str, list[Attribute], int], None]

_ADDERS: Final[dict[str, _Adder]] = {
    "route": DumpCollector._add_route,
    "route6": DumpCollector._add_route,
    "as-set": DumpCollector._add_set,
    "route-set": DumpCollector._add_set,
    "aut-num": DumpCollector._add_aut_num,
}

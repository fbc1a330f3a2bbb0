"""One client's conversation, without its socket: a query in, the bytes of its answer out.

A session keeps the snapshot that was current when the client came, and the client's selection of
sources. An answer is an iterable of pieces; an empty piece says "a few milliseconds are over, let
the others have their turn", so a short answer is a tuple and a long one a generator.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Final, TypeVar, cast

from irrgate import __version__
from irrgate.errors import RpslError
from irrgate.irr.object_text import object_text
from irrgate.irr.protocol import (
    MISSING_A_NAME,
    NO_DATA,
    NOT_FOUND,
    Query,
    answer,
    error,
    parse_query,
)
from irrgate.irr.registry import RegisteredSet, Registry
from irrgate.irr.resolver import (
    PrefixUnion,
    RouteSetMembers,
    Selection,
    members_of_route_set,
    origins_of,
)
from irrgate.irr.schema import Family
from irrgate.rpsl import parse_asn

Answer = Iterable[bytes]
_T = TypeVar("_T")

_PIECES_A_TURN: Final = 16
MAX_IDLE_SECONDS: Final = 1000


class Session:
    """The state of one connection."""

    def __init__(self, registry: Registry, idle_seconds: float) -> None:
        self.registry = registry
        self.idle_seconds = idle_seconds
        self.keeps_open = False
        self.ended = False
        self._selection = Selection(registry, tuple(range(len(registry.sources))))

    def respond(self, line: bytes) -> Answer:
        """Return the answer to one line, which has no newline any more."""
        if not line.strip():
            return ()
        query = parse_query(line)
        # Without !! first, a connection is for one query, as with IRRd.
        self.ended = not self.keeps_open and query.command != "!"
        handler = _HANDLERS.get(query.command)
        if handler is None:
            return (error(_unknown(query)),)
        if not query.argument and query.command in _WITH_ARGUMENT:
            return (error(f"Missing parameter for {query.command} query"),)
        try:
            return handler(self, query.argument)
        except RpslError as exc:
            return (error(str(exc)),)

    def _identify(self, _: str) -> Answer:
        return (NO_DATA,)

    def _version(self, _: str) -> Answer:
        return (answer(f"irrgate -- version {__version__}".encode()),)

    def _keep_open(self, _: str) -> Answer:
        self.keeps_open = True
        return ()

    def _quit(self, _: str) -> Answer:
        self.ended = True
        return ()

    def _set_idle(self, text: str) -> Answer:
        if not text.isdigit() or not 1 <= int(text[:5]) <= MAX_IDLE_SECONDS:
            return (error(f"a timeout lies between 1 and {MAX_IDLE_SECONDS} seconds"),)
        self.idle_seconds = int(text)
        return (NO_DATA,)

    def _sources(self, text: str) -> Answer:
        if text == "-*":
            return (NO_DATA,)
        if text == "-lc":
            names = [self.registry.sources[number] for number in self._selection.order]
            return (answer(",".join(names).encode()),)
        order: dict[int, None] = {}
        for name in text.upper().split(","):
            if name not in self.registry.sources:
                return (error("One or more selected sources are unavailable."),)
            order[self.registry.sources.index(name)] = None
        self._selection = Selection(self.registry, tuple(order))
        return (NO_DATA,)

    def _ipv4_of_origin(self, text: str) -> Answer:
        return self._routes_of_origin(text, Family.IPV4)

    def _ipv6_of_origin(self, text: str) -> Answer:
        return self._routes_of_origin(text, Family.IPV6)

    def _routes_of_origin(self, text: str, family: Family) -> Answer:
        origin = parse_asn(text).number
        found = self._selection.routes(origin, family)
        if len(found) == 1:
            return (answer(found[0][1]),)
        union = PrefixUnion(self._selection, family)
        for _turn in union.add_origins([origin]):
            pass
        return (answer(b" ".join(union.pieces())),)

    def _members(self, text: str) -> Answer:
        name = text.removesuffix(",1")
        found = self._find_set(name)
        if found is None:
            return (NOT_FOUND,)
        if name != text:
            return self._expanded(found, list(Family), as_asns=found.is_as_set)
        members = [*(f"AS{asn}" for asn in found.asns), *found.names, *found.prefixes]
        members.sort()
        return (answer(" ".join(m for m in members if m != found.name).encode("ascii")),)

    def _routes_of_set(self, text: str) -> Answer:
        families = {"4": [Family.IPV4], "6": [Family.IPV6]}.get(text[:1], list(Family))
        name = text if len(families) == 2 else text[1:]
        if not name:
            return (MISSING_A_NAME,)
        found = self._find_set(name)
        # It is for as-sets alone, which bgpq4 knows: a route-set it asks with !iRS-X,1.
        if found is None or not found.is_as_set:
            return (NOT_FOUND,)
        return self._expanded(found, families, as_asns=False)

    def _find_set(self, text: str) -> RegisteredSet | None:
        """Return a set by its name; what is no name names no set, as with IRRd."""
        return self._selection.find_set(text.upper())

    def _expanded(
        self, found: RegisteredSet, families: list[Family], *, as_asns: bool
    ) -> Iterator[bytes]:
        """Expand a set, to its ASNs or to prefixes, in turns."""
        if as_asns:
            asns = yield from _turns(origins_of(self._selection, found))
            yield answer(" ".join([f"AS{asn}" for asn in asns]).encode("ascii"))
            return
        if found.is_as_set:
            origins = yield from _turns(origins_of(self._selection, found))
            members = RouteSetMembers()
        else:
            members = yield from _turns(members_of_route_set(self._selection, found))
            origins = sorted(members.origins)
        unions = []
        for family in families:
            unions.append(PrefixUnion(self._selection, family))
            yield from _turns(unions[-1].add_origins(origins))
        yield from _framed(unions, members.prefixes)

    def _serials(self, text: str) -> Answer:
        lines = []
        for name in self._named(text):
            known = name in self.registry.sources
            lines.append(f"{name}:N:-" if known else f"{name}:X:Database unknown")
        return (answer("\n".join(lines).encode("ascii")),)

    def _status(self, text: str) -> Answer:
        counts = self.registry.object_counts()
        newest = self.registry.newest_dump
        status: dict[str, object] = {}
        for name in self._named(text):
            if name not in counts:
                status[name] = {"error": "Unknown source"}
                continue
            status[name] = {
                "authoritative": False,
                "local_journal_kept": False,
                "serial_newest_mirror": None,
                "rpsl_data_updated": newest.isoformat() if newest else None,
                "object_counts": counts[name],
            }
        return (answer(json.dumps(status, indent=2).encode("ascii")),)

    def _named(self, text: str) -> list[str]:
        if text == "-*":
            return list(self.registry.sources)
        return [name.strip().upper() for name in text.split(",") if name.strip()]

    def _object(self, text: str) -> Answer:
        class_name, comma, key = text.partition(",")
        if not comma:
            return (error(f"{text}: !mCLASS,KEY is expected"),)
        return (answer(object_text(self._selection, class_name, key)),)


_WITH_ARGUMENT: Final = frozenset("6gijmnst")

# One table for all sessions: one in each would tie it into a cycle, for the collector to find.
_HANDLERS: Final[dict[str, Callable[[Session, str], Answer]]] = {
    "!": Session._keep_open,
    "a": Session._routes_of_set,
    "g": Session._ipv4_of_origin,
    "6": Session._ipv6_of_origin,
    "i": Session._members,
    "j": Session._serials,
    "J": Session._status,
    "m": Session._object,
    "n": Session._identify,
    "q": Session._quit,
    "s": Session._sources,
    "t": Session._set_idle,
    "v": Session._version,
}


def _turns(work: Generator[None, None, _T]) -> Generator[bytes, None, _T]:
    """Turn the pauses of sliced work into empty pieces, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return cast("_T", stop.value)
        yield b""


def _framed(unions: list[PrefixUnion], texts: set[str]) -> Iterator[bytes]:
    """Frame the prefixes of unions and texts, each once.

    The length goes first, so the unions are printed twice: that is cheaper than to hold 14 MB
    (AS-NETIX) for every client that reads slowly.
    """
    extra = {text.encode("ascii") for text in texts}
    size = 0
    for turn, piece in enumerate(_pieces(unions)):
        size += len(piece) + 1
        if extra:
            extra.difference_update(piece.split(b" "))
        if turn % _PIECES_A_TURN == _PIECES_A_TURN - 1:
            yield b""
    if extra:
        head = b" ".join(sorted(extra))
        size += len(head) + 1
    if not size:
        yield NOT_FOUND
        return
    yield b"A%d\n" % size
    between = b""
    if extra:
        yield head
        between = b" "
    for turn, piece in enumerate(_pieces(unions)):
        yield between + piece
        between = b" "
        if turn % _PIECES_A_TURN == _PIECES_A_TURN - 1:
            yield b""
    yield b"\nC\n"


def _pieces(unions: list[PrefixUnion]) -> Iterator[bytes]:
    for union in unions:
        yield from union.pieces()


def _unknown(query: Query) -> str:
    return f"Unrecognised command: {query.command}" if query.command else "not an IRRd query"

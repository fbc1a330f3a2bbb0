"""A small client of the IRRd query protocol, for what bgpq4 does not tell."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from irrgate.errors import IrrServerError, RpslError
from irrgate.irr.protocol import DEFAULT_PORT, MAX_QUERY_BYTES
from irrgate.rpsl import SetName, SourceName, parse_source

MAX_CLIENT_ANSWER: Final = 16 << 20
"""bytes; the text of the largest as-sets is about 1 MB."""

_DATA_FOLLOWS = re.compile(rb"A([0-9]{1,15})")
_SERIALS = re.compile(
    r"(?P<source>[^:]+):(?P<journal>[YNX]):(?:(?P<first>[0-9]+)-(?P<last>[0-9]+)|[^0-9].*|)(?::.*)?"
)


class JournalState(StrEnum):
    """The letter in the second field of a `!j` answer."""

    KEPT = "Y"
    NOT_KEPT = "N"
    UNKNOWN_SOURCE = "X"


@dataclass(frozen=True, slots=True)
class SourceSerials:
    """What a server says about one source; serials are None where it has none (`-`)."""

    source: str
    journal: JournalState
    first: int | None = None
    last: int | None = None


class IrrClient:
    """A blocking client for what bgpq4 does not tell: whether a set exists, how old a source is.

    A context manager. `timeout` (seconds) bounds each call as a whole, name resolution and a
    server that drips included. Everything that is not an answer raises IrrServerError: silence,
    a closed connection, a length that does not fit, `F`. After any of these but `F` the
    connection is of no use, and every further call raises as well.
    """

    def __init__(
        self,
        host: str,
        port: int = DEFAULT_PORT,
        timeout: float = 30.0,
        *,
        max_answer: int = MAX_CLIENT_ANSWER,
    ) -> None:
        self._host = host
        self._port = port
        self._timeout = timeout
        self._max_answer = max_answer
        self._socket: socket.socket | None = None
        self._buffer = bytearray()
        self._until = 0.0

    def __enter__(self) -> Self:
        self._start()
        self._socket = self._connect()
        try:
            self._send("!!")
            self._ask("!nirrgate", b"C")
        except IrrServerError:
            self._close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.send(b"!q\n")
            self._close()

    def version(self) -> str:
        """Return what the server says it is (`!v`)."""
        self._start()
        return self._text("!v").strip()

    def sources(self) -> tuple[SourceName, ...]:
        """Return the sources that the server searches for this connection, in order (`!s-lc`)."""
        self._start()
        return self._sources()

    def select_sources(self, names: Sequence[SourceName]) -> None:
        """Search these sources from now on, in this order; an unknown one raises."""
        self._start()
        self._select(names)

    def object_exists(self, name: SetName) -> bool:
        """Tell whether a set is registered (in its pinned source, or in those selected)."""
        self._start()
        if name.source is None:
            return self._exists(name)
        before = self._sources()
        self._select([name.source])
        found = self._exists(name)
        self._select(before)
        return found

    def members(self, name: SetName) -> tuple[str, ...]:
        """Return the members of a set and of all sets in it as they are registered (`!iSET,1`).

        None of them may mean that there is no such set. Looked up in the sources selected.
        """
        self._start()
        data = self._ask(f"!i{name.name},1", b"A", b"D")
        return tuple((data or b"").decode("ascii", "replace").split())

    def serials(self, names: Sequence[SourceName] = ()) -> tuple[SourceSerials, ...]:
        """Return the serials of these sources, or of all that the server has (`!j`)."""
        self._start()
        text = self._text(f"!j{','.join(str(name) for name in names) or '-*'}")
        return tuple(self._serials(line) for line in text.splitlines())

    def _sources(self) -> tuple[SourceName, ...]:
        text = self._text("!s-lc").strip()
        try:
            return tuple(parse_source(name) for name in text.split(","))
        except RpslError as exc:
            raise self._error(f"answers !s-lc with {exc}") from exc

    def _select(self, names: Sequence[SourceName]) -> None:
        self._ask(f"!s{','.join(str(name) for name in names)}", b"C")

    def _exists(self, name: SetName) -> bool:
        # Only D means that it does not exist; a C without data would be no answer to this.
        data = self._ask(f"!m{name.kind.value},{name.name}", b"A", b"D")
        if data is None:
            return False
        expected = f"{name.kind.value}:{name.name}".upper()
        lines = data.decode("latin-1").upper().splitlines()
        if not any("".join(line.partition("#")[0].split()) == expected for line in lines):
            raise self._error(f"asked for {name.kind} {name.name}, answers with another object")
        return True

    def _text(self, query: str) -> str:
        data = self._ask(query, b"A")
        return (data or b"").decode("ascii", "replace")

    def _serials(self, line: str) -> SourceSerials:
        match = _SERIALS.fullmatch(line)
        if match is None:
            raise self._error(f"answers !j with {line[:60]!a}")
        first, last = match["first"], match["last"]
        return SourceSerials(
            match["source"].upper(),
            JournalState(match["journal"]),
            int(first) if first else None,
            int(last) if last else None,
        )

    def _start(self) -> None:
        self._until = time.monotonic() + self._timeout

    def _ask(self, query: str, *accepted: bytes) -> bytes | None:
        """Send a query; return its data, or None where there is none.

        Raises IrrServerError for every answer whose letter is not among `accepted`.
        """
        self._send(query)
        status = self._line()
        data = None
        if match := _DATA_FOLLOWS.fullmatch(status):
            size = int(match[1])
            if size > self._max_answer:
                raise self._error(f"announces {size} bytes, at most {self._max_answer} are taken")
            data = self._exactly(size)
            if data[-1:] != b"\n" or self._line() != b"C":
                raise self._error(f"the answer to {query} is not as long as it says")
        if self._buffer:
            raise self._error(f"sends more than the answer to {query}")
        if (b"A" if match else status) in accepted:
            return data
        shown = ascii(status[:120].decode("latin-1"))
        if status[:1] == b"F":
            raise IrrServerError(self._name, f"answers {query} with an error: {shown}")
        raise self._error(f"answers {query} with {shown}, which is no answer to that")

    def _send(self, query: str) -> None:
        if self._socket is None:
            raise IrrServerError(self._name, "the connection failed before, or is closed")
        try:
            self._socket.settimeout(self._left())
            self._socket.sendall(query.encode("ascii") + b"\n")
        except OSError as exc:
            raise self._error(f"cannot be asked: {_reason(exc)}{self._last_words()}") from exc

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > MAX_QUERY_BYTES:
                raise self._error("sends a line without an end")
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._receive()
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _receive(self) -> None:
        if self._socket is None:
            raise IrrServerError(self._name, "the connection is closed")
        try:
            self._socket.settimeout(self._left())
            data = self._socket.recv(1 << 16)
        except OSError as exc:
            raise self._error(f"no whole answer: {_reason(exc)}") from exc
        if not data:
            told = f"closed the connection before its answer was whole{self._last_words()}"
            raise self._error(told)
        self._buffer += data

    def _last_words(self) -> str:
        """Return what the server said before it closed, such as why: for the end of a reason."""
        with suppress(OSError):
            if self._socket is not None:
                self._socket.setblocking(False)
                self._buffer += self._socket.recv(1 << 12)
        said = bytes(self._buffer[:60]).decode("latin-1")
        return f", after {said!a}" if said else ""

    def _connect(self) -> socket.socket:
        last = "its name has no address"
        for family, address in self._addresses():
            connecting = socket.socket(family, socket.SOCK_STREAM)
            try:
                connecting.settimeout(self._left())
                connecting.connect(address)
            except OSError as exc:
                connecting.close()
                last = _reason(exc)
            else:
                return connecting
        raise self._error(f"cannot be reached: {last}")

    def _addresses(self) -> list[tuple[int, tuple[Any, ...]]]:
        """Resolve the name, in a thread since getaddrinfo() has no timeout."""
        found: list[tuple[int, tuple[Any, ...]]] = []
        failed: list[str] = []

        def resolve() -> None:
            try:
                rows = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as exc:
                failed.append(str(exc))
            else:
                found.extend((row[0], row[4]) for row in rows)

        thread = threading.Thread(target=resolve, daemon=True)
        thread.start()
        thread.join(self._left())
        if thread.is_alive():
            raise self._error(f"its name was not resolved within {self._timeout:g} s")
        if failed:
            raise self._error(f"its name cannot be resolved: {failed[0]}")
        return found

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._error(f"no whole answer within {self._timeout:g} s")
        return left

    @property
    def _name(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    def _error(self, reason: str) -> IrrServerError:
        """Return an error after which the connection is of no use."""
        self._close()
        return IrrServerError(self._name, reason)

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _reason(exc: OSError) -> str:
    return "timed out" if isinstance(exc, TimeoutError) else exc.strerror or str(exc)

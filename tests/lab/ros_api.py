"""The API of an emulated RouterOS: words and sentences over TLS, as MikroTik's manual has them.

A command may bear a tag, which its answers bear too; commands of one session are run in the order
in which they come. Until the login nothing but /login is answered.
"""

from __future__ import annotations

import contextlib
import hmac
import socket
import socketserver
import ssl
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.lab.device import LOOPBACK
from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.https_server import reset
from tests.lab.ros_config import RULES
from tests.lab.ros_router import RosRouter
from tests.lab.ros_rules import RuleRefusedError

_HANDSHAKE_TIMEOUT = 10.0
SILENT = "silent"
"""as the text of an `error` at the commit: nothing is done, and the router says that it was"""


class LineCut(Exception):  # noqa: N818 - it is no error here
    """The connection ends now."""


class ApiServer(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1; one thread a connection, the TLS handshake in that thread."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, router: RosRouter, port: int, certificate: Path, key: Path) -> None:
        self.router = router
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        super().__init__((LOOPBACK, port), _Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        # A client that goes away in mid-answer is what some tests are about.
        if not isinstance(sys.exception(), OSError | LineCut):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Connection(socketserver.BaseRequestHandler):
    """One session."""

    server: ApiServer

    def handle(self) -> None:
        self._router = self.server.router
        self._faults = self._router.chassis.faults
        self._user = ""
        raw: socket.socket = self.request
        try:
            self._meet(Step.CONNECT)
            raw.settimeout(_HANDSHAKE_TIMEOUT)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.request = raw = self.server.context.wrap_socket(raw, server_side=True)
            raw.settimeout(None)
            with raw.makefile("rb") as self._input:
                while (words := self._sentence()) is not None:
                    self._command(words)
        except (LineCut, EOFError):
            reset(raw)
        finally:
            with contextlib.suppress(OSError):
                self.request.close()

    # Faults

    def _meet(self, step: Step) -> Fault | None:
        """Do what a fault does before a step; returns the one that strikes otherwise."""
        fault = self._faults.take(step)
        if fault is None:
            return None
        if fault.kind in {FaultKind.HANG, FaultKind.SLOW}:
            self._faults.sleep(fault)
        if fault.kind is FaultKind.RESTART:
            self._router.chassis.restart()
        if fault.kind in {FaultKind.HANG, FaultKind.DROP, FaultKind.REFUSE}:
            raise LineCut
        return None if fault.kind is FaultKind.SLOW else fault

    def _leave(self, fault: Fault | None) -> None:
        """Do what a fault does after its step."""
        if fault is None:
            return
        if fault.kind is FaultKind.RESTART_AFTER:
            self._router.chassis.restart()
        if fault.kind is FaultKind.HANG_AFTER:
            self._faults.sleep(fault)
        if fault.kind in {FaultKind.HANG_AFTER, FaultKind.DROP_AFTER}:
            raise LineCut
        if fault.kind is FaultKind.GARBAGE:
            self.request.sendall(b"\xffHTTP/1.1 502 Bad Gateway\r\n\r\n")
            raise LineCut

    # Words and sentences

    def _sentence(self) -> list[str] | None:
        words: list[str] = []
        while True:
            word = self._word()
            if word is None:
                return None
            if word:
                words.append(word)
            elif words:
                return words

    def _word(self) -> str | None:
        first = self._input.read(1)
        if not first:
            return None
        length = first[0]
        more = next(n for n, top in enumerate((0x80, 0xC0, 0xE0, 0xF0, 0x100)) if length < top)
        length &= (0x7F, 0x3F, 0x1F, 0x0F, 0x00)[more]
        for byte in self._exactly(more):
            length = length << 8 | byte
        return self._exactly(length).decode("utf-8", "replace")

    def _exactly(self, count: int) -> bytes:
        data = self._input.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _send(self, sentences: Iterable[Iterable[str]]) -> None:
        data = bytearray()
        for words in sentences:
            for word in words:
                encoded = word.encode()
                data += _length(len(encoded)) + encoded
            data += b"\0"
        self.request.sendall(data)

    # Commands

    def _command(self, words: list[str]) -> None:
        command, given = words[0], words[1:]
        tag = [word for word in given if word.startswith(".tag=")]
        arguments = {
            name: value
            for name, _, value in (word[1:].partition("=") for word in given if word[0] == "=")
        }
        queries = [word[1:] for word in given if word[0] == "?"]
        if command == "/quit":
            self._send([("!fatal", "session terminated on request")])
            raise LineCut
        step = _step(command, arguments)
        fault = None if step is None else self._meet(step)
        try:
            if fault is not None and fault.kind is FaultKind.ERROR and fault.text != SILENT:
                raise RuleRefusedError(fault.text or "failure: not enough memory")
            answer = self._answer(command, arguments, queries, fault)
        except RuleRefusedError as exc:
            answer = [("!trap", f"=message={exc}"), ("!done",)]
        self._leave(fault)
        self._send((*sentence, *tag) for sentence in answer)

    def _answer(
        self, command: str, arguments: Mapping[str, str], queries: list[str], fault: Fault | None
    ) -> list[tuple[str, ...]]:
        router = self._router
        if command == "/login":
            return self._login(arguments)
        if not self._user:
            self._send([("!fatal", "not logged in")])
            raise LineCut
        menu, _, verb = command.rpartition("/")
        silent = fault is not None and fault.kind is FaultKind.ERROR
        with router.chassis.lock:
            if verb == "print":
                return self._print(menu, arguments, queries, fault)
            if menu != RULES or verb not in {"add", "remove"}:
                raise RuleRefusedError("no such command")
            if silent:
                return [("!done",)]
            if verb == "add":
                return [("!done", f"=ret={router.add_rule(arguments, self._user)}")]
            for rule_id in arguments.get(".id", "").split(","):
                router.remove_rule(rule_id, self._user)
        return [("!done",)]

    def _login(self, arguments: Mapping[str, str]) -> list[tuple[str, ...]]:
        options = self._router.chassis.options
        wanted = f"{options.username}:{options.password}".encode()
        given = f"{arguments.get('name', '')}:{arguments.get('password', '')}".encode()
        if not hmac.compare_digest(given, wanted):
            raise RuleRefusedError("invalid user name or password (6)")
        self._user = options.username
        return [("!done",)]

    def _print(
        self, menu: str, arguments: Mapping[str, str], queries: list[str], fault: Fault | None
    ) -> list[tuple[str, ...]]:
        try:
            rows = [row for row in self._router.rows(menu) if _asked_for(row, queries)]
        except KeyError:
            raise RuleRefusedError("no such command prefix") from None
        if "count-only" in arguments:
            return [("!done", f"=ret={len(rows)}")]
        if fault is not None and fault.kind is FaultKind.TRUNCATE:
            rows = rows[: len(rows) // 2]
        names = arguments.get(".proplist", "").split(",") if ".proplist" in arguments else None
        # RouterOS 7.18 and newer say that there is nothing.
        nothing = [] if rows else [("!empty",)]
        return [*(("!re", *_attributes(row, names)) for row in rows), *nothing, ("!done",)]


def _attributes(row: Mapping[str, str], names: list[str] | None) -> Iterator[str]:
    for name in row if names is None else names:
        if name in row:
            yield f"={name}={row[name]}"


def _asked_for(row: Mapping[str, str], queries: list[str]) -> bool:
    """Whether all conditions hold: only `?name=value` is known here."""
    for query in queries:
        name, equals, value = query.lstrip("=").partition("=")
        if not equals or name.startswith(("-", "#", "<", ">")):
            raise RuleRefusedError(f"this lab knows no query ?{query}")
        if row.get(name) != value:
            return False
    return True


def _step(command: str, arguments: Mapping[str, str]) -> Step | None:
    if command == "/login":
        return Step.LOGIN
    if command == f"{RULES}/print" and "count-only" not in arguments:
        return Step.GET_CONFIG
    if command in {f"{RULES}/add", f"{RULES}/remove"}:
        return Step.COMMIT
    return Step.BGP if command == "/routing/bgp/session/print" else None


def _length(length: int) -> bytes:
    for count, flag in ((1, 0), (2, 0x80), (3, 0xC0), (4, 0xE0)):
        if length < 1 << (8 * count - count):
            return (length | flag << 8 * (count - 1)).to_bytes(count, "big")
    raise ValueError(f"a word of {length} bytes")

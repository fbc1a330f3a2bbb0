"""The API of RouterOS: sentences over TLS, many at once, each of which is answered.

librouteros has the wire format and the login. Its reader asks the socket for each byte of a length
and drops what is not ASCII, so the reading is done here, from a buffer.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from irrgate.errors import DeviceError
from tasks.drivers.errors import CommandFailed, ConnectionFailed, LoginRefused, TimedOut

try:
    import librouteros
    from librouteros.connections import SocketTransport
    from librouteros.exceptions import (
        ConnectionClosed,
        FatalError,
        LibRouterosError,
        MultiTrapError,
        TrapError,
    )
    from librouteros.protocol import ApiProtocol
except ModuleNotFoundError as exc:  # pragma: no cover - it is there wherever the tests run
    raise DeviceError(
        "ros", "librouteros is not installed", hint="pip install 'irrgate[ros]'"
    ) from exc

TLS_PORT: Final = 8729
PLAIN_PORT: Final = 8728
_WINDOW: Final = 100
"""commands that are sent before their answers are read: as much as any socket's buffers hold"""
_CHUNK: Final = 65_536

Row = Mapping[str, str]
Command = tuple[str, ...]
"""the command, and its words as the wire has them: `=name=value`, `?name=value`"""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a router's API listens."""

    hostname: str
    port: int
    timeout: float
    """seconds for a connection, and without a byte of an answer"""
    context: ssl.SSLContext | None
    """None: without TLS"""


class RosApi:
    """A session; commands raise CommandFailed with the router's words, or what ended the line."""

    def __init__(self, endpoint: Endpoint, username: str, password: str) -> None:
        """Connect and log in; raises ConnectionFailed, LoginRefused or TimedOut."""
        self._hostname = endpoint.hostname
        context = endpoint.context
        try:
            with _telling(self._hostname):
                api = librouteros.connect(
                    endpoint.hostname,
                    username,
                    password,
                    port=endpoint.port,
                    timeout=endpoint.timeout,
                    encoding="utf-8",
                    ssl_wrapper=context
                    and partial(context.wrap_socket, server_hostname=endpoint.hostname),
                )
        except CommandFailed as exc:
            raise LoginRefused(
                self._hostname,
                f"did not accept the username with its password: {exc.reason}",
                hint="set IRRGATE_USERNAME and IRRGATE_PASSWORD; the user's group needs the "
                "policies api, read and write",
            ) from exc
        self._protocol = _Buffered(api.protocol.transport)

    def close(self) -> None:
        """End the session."""
        self._protocol.close()

    def ask(self, *command: str) -> list[Row]:
        """Return the rows of one command's answer."""
        with self._told():
            self._protocol.writeSentence(*command)
            rows, trap = self._answer()
        if trap:
            raise CommandFailed(self._hostname, f"{command[0]}: {trap}")
        return rows

    def count(self, *command: str) -> int:
        """Return how many rows a print has."""
        counted = self.ask(*command, "=count-only=")
        number = counted[-1].get("ret", "") if counted else ""
        if not number.isdecimal():
            raise CommandFailed(self._hostname, f"{command[0]}: its rows cannot be counted")
        return int(number)

    def run(self, commands: Sequence[Command]) -> list[str]:
        """Run commands that are independent of each other; returns what each returned.

        Once one is refused no more are sent; those that were on their way are waited for, and may
        have done what they were to do. Raises CommandFailed with the first refusal.
        """
        returned = [""] * len(commands)
        sent = answered = 0
        refused = ""
        with self._told():
            while answered < sent or (sent < len(commands) and not refused):
                while sent < len(commands) and sent - answered < _WINDOW and not refused:
                    self._protocol.writeSentence(*commands[sent], f".tag={sent}")
                    sent += 1
                kind, row = self._sentence()
                at = int(row.get(".tag", "-1"))
                if not 0 <= at < sent:
                    raise ConnectionClosed("answered a command that it was not given")
                if kind == "!trap":
                    refused = refused or f"{' '.join(commands[at])}: {row.get('message', '')}"
                elif kind == "!done":
                    returned[at] = row.get("ret", "")
                    answered += 1
        if refused:
            raise CommandFailed(self._hostname, refused)
        return returned

    def _answer(self) -> tuple[list[Row], str]:
        """Return the rows, that of the end included where it has any, and the router's refusal."""
        rows: list[Row] = []
        trap = ""
        while True:
            kind, row = self._sentence()
            if kind == "!trap":
                trap = trap or row.get("message", "") or "it was refused"
            elif row and kind in {"!re", "!done"}:
                rows.append(row)
            if kind == "!done":
                return rows, trap

    def _sentence(self) -> tuple[str, dict[str, str]]:
        kind, words = self._protocol.readSentence()
        row: dict[str, str] = {}
        for word in words:
            # `=name=value`, and `.tag=value`.
            name, _, value = word[word.startswith("=") :].partition("=")
            row[name] = value
        return kind, row

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Raise what a session raises as irrgate's errors; nothing is asked of a broken one."""
        try:
            with _telling(self._hostname):
                yield
        except (ConnectionFailed, TimedOut):
            # An answer that comes late must not be taken for that of another command.
            self._protocol.close()
            raise


@contextlib.contextmanager
def _telling(hostname: str) -> Iterator[None]:
    """Raise what librouteros and a socket raise as irrgate's errors."""
    try:
        yield
    except (TrapError, MultiTrapError) as exc:
        raise CommandFailed(hostname, str(exc)) from exc
    except FatalError as exc:
        raise ConnectionFailed(hostname, f"ended the session: {exc}") from exc
    except ssl.SSLCertVerificationError as exc:
        raise ConnectionFailed(
            hostname,
            f"its TLS certificate is not trusted: {exc.verify_message}",
            hint="name the CA's or the router's own certificate as ca_file under optional_args",
        ) from exc
    except ssl.SSLError as exc:
        raise ConnectionFailed(
            hostname,
            f"no TLS session with it: {exc.reason or exc}",
            hint="api-ssl needs a certificate: /ip service set api-ssl certificate=...",
        ) from exc
    except TimeoutError as exc:
        reason = "did not answer in time"
        hint = "if it is only slow, raise timeout under connection_options.napalm.extras"
        raise TimedOut(hostname, reason, hint=hint) from exc
    except (ConnectionClosed, ConnectionResetError, BrokenPipeError) as exc:
        raise ConnectionFailed(hostname, "closed the connection") from exc
    except ConnectionRefusedError as exc:
        hint = "/ip service enable api-ssl"
        raise ConnectionFailed(hostname, "refused the connection", hint=hint) from exc
    except OSError as exc:
        raise ConnectionFailed(hostname, exc.strerror or str(exc)) from exc
    except (LibRouterosError, ValueError, IndexError) as exc:
        raise ConnectionFailed(hostname, f"said what is not the API: {exc}") from exc


class _Buffered(ApiProtocol):  # type: ignore[misc]
    """Sentences as librouteros writes them, read from a buffer."""

    def __init__(self, transport: SocketTransport) -> None:
        super().__init__(transport, "utf-8")
        self._data = b""
        self._at = 0

    def readSentence(self) -> tuple[str, tuple[str, ...]]:  # noqa: N802 - librouteros's name
        """Return the next sentence: its first word, and the others."""
        words: list[str] = []
        while True:
            length = self._length()
            if length:
                words.append(self._take(length).decode("utf-8", "replace"))
            elif words:
                break
        if words[0] == "!fatal":
            self.close()
            raise FatalError(" ".join(words[1:]))
        return words[0], tuple(words[1:])

    def _length(self) -> int:
        first = self._take(1)[0]
        if first < 0x80:
            return first
        if first < 0xC0:
            return (first & 0x3F) << 8 | self._take(1)[0]
        if first < 0xE0:
            return (first & 0x1F) << 16 | int.from_bytes(self._take(2), "big")
        if first < 0xF0:
            return (first & 0x0F) << 24 | int.from_bytes(self._take(3), "big")
        raise ValueError(f"a word begins with the byte {first:#x}")

    def _take(self, length: int) -> bytes:
        end = self._at + length
        while len(self._data) < end:
            got = self.transport.sock.recv(max(_CHUNK, end - len(self._data)))
            if not got:
                raise ConnectionClosed("closed")
            self._data = self._data[self._at :] + got
            self._at, end = 0, length
        taken = self._data[self._at : end]
        self._at = end
        return taken

"""The embedded IRR server: a snapshot, answered to bgpq4 over the IRRd query protocol.

One thread, one event loop: an answer that takes long gives way to the other clients every few
milliseconds, and is made as fast as its client reads it, so that a slow reader costs a marked
byte a prefix (1 MB) and not its 14 MB answer.
"""

from __future__ import annotations

import asyncio
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from irrgate.irr.current_registry import CurrentRegistry
from irrgate.irr.listeners import listen_on
from irrgate.irr.protocol import DEFAULT_PORT, MAX_QUERY_BYTES, error
from irrgate.irr.session import Answer, Session

_READ_BYTES: Final = 1 << 16
_WRITE_BYTES: Final = 1 << 16
_BACKLOG: Final = 1024
_LONG_AT_ONCE: Final = 8
_WATCH_SECONDS: Final = 0.25
_TURN_SECONDS: Final = 0.005
_LINGER_SECONDS: Final = 2.0
_FLUSH_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """What to serve, and where.

    `listen` are addresses, all bound to one port; none at all means both loopback addresses.
    Port 0 takes a free one. `idle_seconds` is how long a client may say, or read, nothing.
    """

    snapshot: Path
    listen: tuple[str, ...] = ()
    port: int = DEFAULT_PORT
    max_clients: int = 512
    idle_seconds: float = 60.0


def serve(
    settings: ServerSettings,
    *,
    on_ready: Callable[[int], None],
    on_warning: Callable[[str], None],
) -> None:
    """Serve a snapshot until SIGTERM or SIGINT.

    `on_ready` is told the port once clients can connect. A snapshot that is renamed into the
    place of this one is what later clients see. Raises SnapshotError and IrrServerError.
    """
    asyncio.run(_serve(settings, on_ready, on_warning))


async def _serve(
    settings: ServerSettings,
    on_ready: Callable[[int], None],
    on_warning: Callable[[str], None],
) -> None:
    registries = CurrentRegistry(settings.snapshot, on_warning)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = IrrServer(registries, settings)
    async with AsyncExitStack() as stack:
        stack.callback(registries.close)
        stack.push_async_callback(server.end)
        sockets = listen_on(settings.listen, settings.port, on_warning)
        for bound in sockets:
            listener = await asyncio.start_server(server.handle, sock=bound, backlog=_BACKLOG)
            stack.callback(listener.close)
        watching = asyncio.create_task(server.watch())
        stack.callback(watching.cancel)
        on_ready(sockets[0].getsockname()[1])
        await stop.wait()


class IrrServer:
    """Serves the clients that are connected."""

    def __init__(self, registries: CurrentRegistry, settings: ServerSettings) -> None:
        self._registries = registries
        self._settings = settings
        self._clients: set[asyncio.Task[None]] = set()
        self._conversations: set[_Conversation] = set()
        self._places = asyncio.Semaphore(_LONG_AT_ONCE)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it leaves, idles, or breaks a limit."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task; for the type checker
        self._clients.add(task)
        most = self._settings.max_clients
        try:
            farewell: str | None
            if len(self._clients) <= most:
                farewell = await self._converse(reader, writer)
            else:
                farewell = "too many clients; come again later"
            # In a flood there is no time for farewells.
            if len(self._clients) <= 2 * most:
                await _part(farewell, reader, writer)
        except (ConnectionError, TimeoutError):
            pass
        except asyncio.CancelledError:
            # end() cancels; a task that asyncio.streams started must not end as cancelled.
            pass
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def watch(self) -> None:
        """End the conversations whose time is over; to be cancelled.

        One look at all of them four times a second: a timer for each read was a tenth of what a
        small client costs.
        """
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(_WATCH_SECONDS, self._settings.idle_seconds / 4))
            now = loop.time()
            for conversation in self._conversations:
                if conversation.deadline < now:
                    conversation.expire()

    async def end(self) -> None:
        """Disconnect everybody."""
        for task in self._clients:
            task.cancel()
        while self._clients:
            await asyncio.wait(self._clients)

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> str | None:
        registry = self._registries.acquire()
        session = Session(registry, self._settings.idle_seconds)
        conversation = _Conversation(session, self._places, reader, writer)
        self._conversations.add(conversation)
        try:
            return await conversation.run()
        finally:
            self._conversations.discard(conversation)
            self._registries.release(registry)


class _Conversation:
    """One client and its session: queries in, answers out, in turns with other clients."""

    def __init__(
        self,
        session: Session,
        places: asyncio.Semaphore,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._session = session
        self._places = places
        self._reader = reader
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._expired = False
        self.deadline = 0.0
        self._rearm()
        self._turn_ends = 0.0
        self._outbox: list[bytes] = []
        self._outbox_size = 0

    async def run(self) -> str | None:
        """Return the error with which to part ("": none), or None if the client left."""
        try:
            return await self._answer_all()
        except asyncio.CancelledError:
            if not self._expired or self._task is None:
                raise
            self._task.uncancel()
            return "idle for too long"

    def expire(self) -> None:
        """End the conversation: the client's time is over."""
        if self._task is not None:
            self._expired = True
            self._task.cancel()

    async def _answer_all(self) -> str | None:
        pending = b""
        while True:
            self._rearm()
            data = await self._reader.read(_READ_BYTES)
            if not data:
                return None
            self._turn_ends = self._loop.time() + _TURN_SECONDS
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                if len(line) > MAX_QUERY_BYTES:
                    pending = line
                    break
                await self._put(self._session.respond(line))
                if self._session.ended:
                    break
            await self._flush()
            if len(pending) > MAX_QUERY_BYTES:
                return f"a query has at most {MAX_QUERY_BYTES} bytes"
            if self._session.ended:
                return None if self._session.keeps_open else ""

    async def _put(self, answer: Answer) -> None:
        """Send an answer, sooner or later: what is small goes out in one write."""
        pieces = iter(answer)
        piece = next(pieces, None)
        if piece == b"":
            piece = await self._work(pieces)
        while piece is not None:
            self._outbox.append(piece)
            self._outbox_size += len(piece)
            if self._outbox_size >= _WRITE_BYTES:
                await self._flush()
            await self._give_way()
            piece = next(pieces, None)

    async def _work(self, pieces: Iterator[bytes]) -> bytes | None:
        """Return the first bytes of an answer that takes long, made in one of a few places.

        AS-NETIX needs 7 MB until it is resolved, and 1.3 MB from then on, however slowly its
        client reads; so the places, and not the clients, bound the memory.
        """
        self.deadline = math.inf
        async with self._places:
            piece: bytes | None = b""
            while piece == b"":
                await self._give_way()
                piece = next(pieces, None)
        self._rearm()
        return piece

    async def _give_way(self) -> None:
        if self._loop.time() > self._turn_ends:
            await asyncio.sleep(0)
            self._turn_ends = self._loop.time() + _TURN_SECONDS
            self._rearm()

    async def _flush(self) -> None:
        if self._outbox:
            if self._writer.transport.is_closing():
                raise ConnectionResetError
            self._writer.write(b"".join(self._outbox))
            self._outbox.clear()
            self._outbox_size = 0
            if self._writer.transport.get_write_buffer_size():
                self._rearm()
                await self._writer.drain()

    def _rearm(self) -> None:
        """Give the client its time anew: to send, to read, or to wait for its turn."""
        self.deadline = self._loop.time() + self._session.idle_seconds


async def _part(
    farewell: str | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Say why, and close so that the client can still read it.

    A close with unread queries in the socket would reset the connection and take the last
    answers with it, so these are read for a moment. A client that left before us (None) needs
    that only if it still has something to get; one that does not read needs nothing more.
    """
    unsent = writer.transport.get_write_buffer_size()
    if (farewell is None and not unsent) or (farewell and unsent):
        return
    async with asyncio.timeout(_FLUSH_SECONDS if unsent else _LINGER_SECONDS):
        if farewell:
            writer.write(error(farewell))
        writer.write_eof()
        while await reader.read(_READ_BYTES):
            pass

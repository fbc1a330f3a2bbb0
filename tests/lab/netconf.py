"""NETCONF over SSH, as all emulated routers serve it (RFC 6241, RFC 6242).

A device subclasses `NetconfSessions`, and its requests go through a `tests.lab.netconf_rpc.Rpcs`:

    class Device(NetconfSessions[MySession]):
        capabilities = ("urn:ietf:params:netconf:base:1.0", ...)
        def begin(self, number: int, user: str) -> MySession: ...
        def answer(self, session: MySession, message: bytes) -> Answer: ...
        def end(self, session: MySession) -> None: ...

    asyncio.run(run_ssh(Options.parse(), Device))

The control socket knows `sessions` (the numbers of those that are open) and `netconf_11` (whether
new sessions are offered chunked framing).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import asyncssh

from tests.lab.device import Chassis
from tests.lab.faults import Faults
from tests.lab.netconf_framing import Framer, FramingError, frame
from tests.lab.netconf_rpc import NETCONF_NS, Answer
from tests.lab.ssh_server import Process

BASE_11 = "urn:ietf:params:netconf:base:1.1"

S = TypeVar("S")


class Holder(Protocol):
    """A session that holds the lock on the candidate."""

    @property
    def name(self) -> str: ...

    @property
    def user(self) -> str: ...


def lock_holders(holder: Holder | None, faults: Faults) -> list[dict[str, object]]:
    """Who holds the lock now: a session of ours, or the one that a fault has brought."""
    found: list[dict[str, object]] = []
    if holder is not None:
        found.append({"session": holder.name, "user": holder.user})
    if faults.foreign_lock(strikes=False) is not None:
        found.append({"session": "4711", "user": "noc"})
    return found


class NetconfSessions(ABC, Generic[S]):
    """The NETCONF sessions of one device, each from its hello to its end."""

    capabilities: ClassVar[tuple[str, ...]]
    """what the hello says, without base 1.1"""
    offers_11: bool = False
    """whether new sessions are offered chunked framing"""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(os.getpid() + 1)
        self._open: dict[int, asyncssh.SSHServerConnection] = {}

    @abstractmethod
    def begin(self, number: int, user: str) -> S:
        """A session of that id begins; its hello is sent after this."""

    @abstractmethod
    def answer(self, session: S, message: bytes) -> Answer:
        """Do what a message asks; in a thread of its own, without the chassis lock."""

    @abstractmethod
    def end(self, session: S) -> None:
        """The session is gone, in whatever way; under the chassis lock."""

    def control(self, op: str, request: Mapping[str, object]) -> object:
        """What every NETCONF device can be asked; ValueError for another operation."""
        match op:
            case "netconf_11":
                self.offers_11 = bool(request["enabled"])
            case "sessions":
                return sorted(self._open)
            case _:
                raise ValueError(f"this device has no operation {op!r}")
        return None

    def kill(self, number: int) -> bool:
        """End another session; False when there is none of that number."""
        connection = self._open.get(number)
        if connection is None:
            return False
        self._loop.call_soon_threadsafe(connection.abort)
        return True

    async def serve(self, process: Process) -> None:
        """One NETCONF session, from its hello to its end."""
        connection = process.get_extra_info("connection")
        if process.subsystem != "netconf":
            process.exit(1)
            return
        number = next(self._numbers)
        session = self.begin(number, str(process.get_extra_info("username")))
        self._open[number] = connection
        gone = asyncio.ensure_future(connection.wait_closed())
        try:
            with contextlib.suppress(OSError, asyncssh.Error, FramingError):
                await self._talk(process, number, session, gone)
        finally:
            gone.cancel()
            await asyncio.to_thread(self._end, session)
            del self._open[number]
            connection.abort()

    async def _talk(
        self, process: Process, number: int, session: S, gone: asyncio.Future[None]
    ) -> None:
        framer = Framer()
        offers_11 = self.offers_11
        _write(process, self._hello(number), chunked=False)
        greeted = False
        while data := await process.stdin.read(1 << 16):
            framer.feed(data)
            while (message := framer.message()) is not None:
                if not greeted:
                    greeted = True
                    framer.chunked = offers_11 and BASE_11.encode() in message
                    continue
                answer = await self._answer(session, message, gone)
                if answer is None or answer.data is None:
                    return
                _write(process, answer.data, chunked=framer.chunked)
                await process.stdout.drain()
                if answer.ends:
                    process.exit(0)
                    await process.wait_closed()
                    return

    async def _answer(
        self, session: S, message: bytes, gone: asyncio.Future[None]
    ) -> Answer | None:
        """The answer, or None when the client is gone before it is ready."""
        asked = asyncio.ensure_future(asyncio.to_thread(self.answer, session, message))
        waiting: set[asyncio.Future[Any]] = {asked, gone}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else None

    def _end(self, session: S) -> None:
        with self.chassis.lock:
            self.end(session)

    def _hello(self, number: int) -> bytes:
        offered = (*self.capabilities, BASE_11) if self.offers_11 else self.capabilities
        capabilities = "".join(f"<capability>{uri}</capability>" for uri in offered)
        return (
            f'<hello xmlns="{NETCONF_NS}"><capabilities>{capabilities}</capabilities>'
            f"<session-id>{number}</session-id></hello>"
        ).encode()


def _write(process: Process, message: bytes, *, chunked: bool) -> None:
    for piece in frame(message, chunked=chunked):
        process.stdout.write(piece)

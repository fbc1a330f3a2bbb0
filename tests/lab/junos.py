"""The emulated Junos device: NETCONF over SSH, out of process.

    python -m tests.lab.junos --name edge1 --directory DIR --port 0

Beside what tests.lab.device says, DIR holds `ssh_host_key` (made once), `authorized_keys` (read at
each login, may be missing), the rollback configs and commits.json. The control socket knows two
operations more: `bgp_neighbors` (see tests.lab.neighbors; each is a junos_facts.Neighbor) and
`netconf_11` (whether new sessions are offered chunked framing; a router does not by default).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncssh

from tests.lab.device import LOOPBACK, Chassis, Options
from tests.lab.faults import FaultKind, Step
from tests.lab.junos_database import Database, Session
from tests.lab.junos_facts import Facts
from tests.lab.junos_framing import Framer, FramingError, frame
from tests.lab.junos_rpc import NETCONF_NS, Answer, Router
from tests.lab.junos_tree import render

THREADS = 64
"""One for each request that runs or hangs at a time."""

_CAPABILITIES = (
    "urn:ietf:params:netconf:base:1.0",
    "urn:ietf:params:netconf:capability:candidate:1.0",
    "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
    "urn:ietf:params:netconf:capability:validate:1.0",
    "urn:ietf:params:netconf:capability:url:1.0?scheme=http,ftp,file",
    "http://xml.juniper.net/netconf/junos/1.0",
    "http://xml.juniper.net/dmi/system/1.0",
)
_BASE_11 = "urn:ietf:params:netconf:base:1.1"

Process = asyncssh.SSHServerProcess[bytes]


class Device:
    """The sessions of one device, and what its control socket asks."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.database = Database(chassis)
        self.facts = Facts(chassis.options.name, self.database)
        self.router = Router(chassis, self.database, self.facts, self._kill)
        self.offers_11 = False
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(os.getpid() + 1)
        self._open: dict[int, asyncssh.SSHServerConnection] = {}

    def running(self) -> str:
        return render(self.database.running)

    def set_running(self, text: str) -> None:
        self.database.set_running(text)

    def lists(self) -> Mapping[str, str]:
        return {name: value.digest for name, value in self.database.lists().items()}

    def candidates(self) -> list[dict[str, object]]:
        """The shared candidate while it is changed, and a commit that awaits confirmation."""
        found: list[dict[str, object]] = []
        by, waiting = self.database.changed_by, self.database.history.unconfirmed
        if by is not None:
            who = {"session": by.name, "user": by.user}
            found.append({"name": "candidate", "state": "changed", **who})
        if waiting is not None:
            left = round(waiting.due - self.database.now(), 3)
            found.append({"name": "commit confirmed", "state": "pending", "seconds": left})
        return found

    def locks(self) -> list[dict[str, object]]:
        holder, foreign = self.database.holder, self.chassis.faults.foreign_lock(strikes=False)
        found: list[dict[str, object]] = []
        if holder is not None:
            found.append({"session": holder.name, "user": holder.user})
        if foreign is not None:
            found.append({"session": "4711", "user": "noc"})
        return found

    def control(self, op: str, request: Mapping[str, object]) -> object:
        match op:
            case "bgp_neighbors":
                self.chassis.neighbors.set(request)
                self.facts.neighbors()
            case "netconf_11":
                self.offers_11 = bool(request["enabled"])
            case "sessions":
                return sorted(self._open)
            case _:
                raise ValueError(f"a junos device has no operation {op!r}")
        return None

    async def serve(self, process: Process) -> None:
        """One NETCONF session, from its hello to its end."""
        connection = process.get_extra_info("connection")
        if process.subsystem != "netconf":
            process.exit(1)
            return
        user = str(process.get_extra_info("username"))
        session = Session(next(self._numbers), user, self.database.now())
        self._open[session.number] = connection
        gone = asyncio.ensure_future(connection.wait_closed())
        try:
            with contextlib.suppress(OSError, asyncssh.Error, FramingError):
                await self._talk(process, session, gone)
        finally:
            gone.cancel()
            await asyncio.to_thread(self._end, session)
            del self._open[session.number]
            connection.abort()

    async def _talk(self, process: Process, session: Session, gone: asyncio.Future[None]) -> None:
        framer = Framer()
        _write(process, self._hello(session), chunked=False)
        greeted = False
        while data := await process.stdin.read(1 << 16):
            framer.feed(data)
            while (message := framer.message()) is not None:
                if not greeted:
                    greeted = True
                    framer.chunked = self.offers_11 and _BASE_11.encode() in message
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
        self, session: Session, message: bytes, gone: asyncio.Future[None]
    ) -> Answer | None:
        """The answer, or None when the client is gone before it is ready."""
        asked = asyncio.ensure_future(asyncio.to_thread(self.router.answer, session, message))
        waiting: set[asyncio.Future[Any]] = {asked, gone}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else None

    def _end(self, session: Session) -> None:
        with self.chassis.lock:
            self.database.end(session)

    def _kill(self, number: int) -> bool:
        connection = self._open.get(number)
        if connection is None:
            return False
        self._loop.call_soon_threadsafe(connection.abort)
        return True

    def _hello(self, session: Session) -> bytes:
        offered = [*_CAPABILITIES, _BASE_11] if self.offers_11 else _CAPABILITIES
        capabilities = "".join(f"<capability>{uri}</capability>" for uri in offered)
        return (
            f'<hello xmlns="{NETCONF_NS}"><capabilities>{capabilities}</capabilities>'
            f"<session-id>{session.number}</session-id></hello>"
        ).encode()


class Login(asyncssh.SSHServer):
    """Lets the device's one user in, by password or by a key of `authorized_keys`."""

    def __init__(self, chassis: Chassis) -> None:
        self._chassis = chassis
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        keys = self._chassis.directory / "authorized_keys"
        known = username == self._chassis.options.username
        if known and self._connection is not None and keys.exists():
            self._connection.set_authorized_keys(str(keys))
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        fault = self._chassis.faults.take(Step.LOGIN)
        if fault is not None:
            if fault.kind in {FaultKind.HANG, FaultKind.SLOW}:
                await asyncio.to_thread(self._chassis.faults.sleep, fault)
            if fault.kind is FaultKind.RESTART:
                self._chassis.restart()
            if fault.kind is not FaultKind.SLOW:
                if fault.kind is not FaultKind.ERROR and self._connection is not None:
                    self._connection.abort()
                return False
        options = self._chassis.options
        return (username, password) == (options.username, options.password)


def host_key(directory: Path) -> asyncssh.SSHKey:
    """The device's host key: made once, kept as long as its directory."""
    path = directory / "ssh_host_key"
    if not path.exists():
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(path))
    return asyncssh.read_private_key(str(path))


async def accept(listener: socket.socket, chassis: Chassis, serve: Callable[..., object]) -> None:
    """Accept connections until cancelled; faults at connect strike before SSH begins."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    while True:
        client, _ = await loop.sock_accept(listener)
        task = asyncio.create_task(_connect(client, chassis, serve))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def _connect(client: socket.socket, chassis: Chassis, serve: Callable[..., object]) -> None:
    fault = chassis.faults.take(Step.CONNECT)
    if fault is not None and fault.kind in {FaultKind.HANG, FaultKind.SLOW}:
        await asyncio.to_thread(chassis.faults.sleep, fault)
    if fault is not None and fault.kind is FaultKind.RESTART:
        chassis.restart()
    if fault is not None and fault.kind is FaultKind.GARBAGE:
        client.send(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    if fault is not None and fault.kind is not FaultKind.SLOW:
        client.close()
        return
    with contextlib.suppress(OSError, asyncssh.Error):
        connection = await asyncssh.run_server(
            client,
            server_factory=lambda: Login(chassis),
            process_factory=serve,
            server_host_keys=[host_key(chassis.directory)],
            encoding=None,
            line_editor=False,
        )
        await connection.wait_closed()


def _write(process: Process, message: bytes, *, chunked: bool) -> None:
    for piece in frame(message, chunked=chunked):
        process.stdout.write(piece)


async def run(options: Options) -> None:
    chassis = Chassis(options)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    device = Device(chassis)
    with socket.create_server((LOOPBACK, options.port)) as listener:
        listener.setblocking(False)
        accepting = asyncio.create_task(accept(listener, chassis, device.serve))
        public = host_key(chassis.directory).export_public_key().decode().strip()
        chassis.start(device, listener.getsockname()[1], host_key=public)
        await asyncio.to_thread(chassis.stopping.wait)
        accepting.cancel()
    os._exit(0)


def main(argv: Sequence[str] | None = None) -> None:
    asyncio.run(run(Options.parse(argv)))


if __name__ == "__main__":
    main(sys.argv[1:])

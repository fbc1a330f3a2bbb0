"""The SSH side of an emulated router: its host key, its one user, and faults before a session.

    asyncio.run(run_ssh(options, MyDevice))

Beside what tests.lab.device says, the device's directory holds `ssh_host_key` (made once) and
`authorized_keys` (read at each login, may be missing).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import asyncssh

from tests.lab import device
from tests.lab.device import LOOPBACK, Chassis, Options
from tests.lab.faults import FaultKind, Step

THREADS = 64
"""One for each request that runs or hangs at a time."""

Process = asyncssh.SSHServerProcess[bytes]


class SshDevice(device.Platform, Protocol):
    """A platform that is reached by SSH."""

    async def serve(self, process: Process) -> None:
        """One session, from its first byte to its end."""


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


async def run_ssh(options: Options, make: Callable[[Chassis], SshDevice]) -> None:
    """Run a device until it is told to stop; the process ends with it."""
    chassis = Chassis(options)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS))
    served = make(chassis)
    with socket.create_server((LOOPBACK, options.port)) as listener:
        listener.setblocking(False)
        accepting = asyncio.create_task(accept(listener, chassis, served.serve))
        public = host_key(chassis.directory).export_public_key().decode().strip()
        chassis.start(served, listener.getsockname()[1], host_key=public)
        await asyncio.to_thread(chassis.stopping.wait)
        accepting.cancel()
    os._exit(0)

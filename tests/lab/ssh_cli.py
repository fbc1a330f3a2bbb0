"""The command line of an emulated router over SSH: shell and exec channels, and an SCP sink.

A router gives a `CliRouter`, and a `CommandLine` for each session: it takes a line, and returns
what is printed; its `prompt` is what comes after that, be it of a mode or a question in the middle
of a command. All lines that have come together are run in one go, in a thread: a hundred thousand
pasted lines take about a second. A line is echoed as it is run, as routers do.

    class Cli:
        prompt = "edge1#"
        echoes = True
        def enter(self, line: str) -> str: ...


    class Device:                      # an SshDevice: `serve` is that of CliServer(router)
        ...

    asyncio.run(run_ssh(Options.parse(argv), Device))
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import asyncssh

from tests.lab.device import Chassis
from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.ssh_server import Process

_FLUSH_AT: Final = 1 << 16
"""characters that are held back until the lines that came together are run"""
_GARBAGE: Final = "\x00\x7f%%\x1b[2J#$@!garbled"


class LineCut(Exception):  # noqa: N818 - no error of the device: the connection goes
    """The connection is cut, without a further byte."""


class SessionEnds(Exception):  # noqa: N818 - no error
    """The session is left by `exit`; what the exception says is printed before."""


class Refused(Exception):  # noqa: N818 - the router's own words
    """A command fails; what the exception says is printed."""


class CommandLine(Protocol):
    """One session's command line; called in one thread at a time, and not under any lock."""

    @property
    def prompt(self) -> str:
        """What is printed after the output of a line."""

    @property
    def echoes(self) -> bool:
        """False while a password is asked for."""

    def enter(self, line: str) -> str:
        """Take a line, and return what is printed; may raise what stands above."""


@dataclass
class Terminal:
    """What a command line knows of its session."""

    user: str
    number: int
    flush: Callable[[], None]
    """sends what was printed so far: before whatever takes its time"""
    cut: bool = False
    """after this line nothing is answered, and the connection is cut"""
    hang: Fault | None = None
    """after this line nothing is answered for a while"""


class CliRouter(Protocol):
    """What the sessions of a router have in common."""

    chassis: Chassis

    def open(self, terminal: Terminal) -> CommandLine:
        """Return the command line of a new session."""

    def greeting(self) -> str:
        """What is printed before the first prompt; may be empty."""

    def received(self, user: str, path: str, data: bytes) -> None:
        """Keep a file that came by SCP; Refused where it is not taken."""


def step(chassis: Chassis, terminal: Terminal, which: Step, action: Callable[[], str]) -> str:
    """Run a step of a command, with what a fault makes of it; returns what is printed.

    `action` runs under the chassis lock. An ERROR is printed as the router's own words, and
    nothing is applied; TRUNCATE prints the first half.
    """
    fault = chassis.faults.take(which)
    if fault is not None:
        _before(chassis, terminal, fault)
    if fault is not None and fault.kind is FaultKind.IGNORE:
        return ""
    with chassis.lock:
        output = action()
    match fault and fault.kind:
        case FaultKind.DROP_AFTER:
            terminal.cut = True
        case FaultKind.HANG_AFTER:
            terminal.cut, terminal.hang = True, fault
        case FaultKind.RESTART_AFTER:
            chassis.restart()
        case FaultKind.GARBAGE:
            return _GARBAGE
        case FaultKind.TRUNCATE:
            return output[: len(output) // 2]
    return output


def _before(chassis: Chassis, terminal: Terminal, fault: Fault) -> None:
    match fault.kind:
        case FaultKind.ERROR:
            raise Refused(fault.text or "% Internal error")
        case FaultKind.DROP:
            raise LineCut
        case FaultKind.HANG:
            terminal.flush()
            chassis.faults.sleep(fault)
            raise LineCut
        case FaultKind.RESTART:
            chassis.restart()
        case FaultKind.SLOW:
            terminal.flush()
            chassis.faults.sleep(fault)


class CliSession:
    """One shell: what came in is run line by line, and answered."""

    def __init__(self, router: CliRouter, process: Process, number: int) -> None:
        self._router = router
        self._process = process
        self._loop = asyncio.get_running_loop()
        user = str(process.get_extra_info("username"))
        self.terminal = Terminal(user, number, self._flush)
        self._cli = router.open(self.terminal)
        self._printed: list[str] = []
        self._held = 0

    async def run(self) -> None:
        """Serve until the client goes, the session is left, or the line is cut."""
        self._print(self._router.greeting() + self._cli.prompt)
        self._flush()
        rest = ""
        while data := await self._process.stdin.read(1 << 16):
            # A client may say \r, \n or both; NAPALM says NUL to see whether anybody is there.
            text = data.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")
            *lines, rest = (rest + text.replace("\0", "")).split("\n")
            # Ctrl-C and Ctrl-U throw away what stands on the line.
            rest = re.split("[\x03\x15]", rest)[-1]
            if lines and not await asyncio.to_thread(self._enter, lines):
                return
            with contextlib.suppress(asyncssh.Error, OSError):
                await self._process.stdout.drain()

    async def once(self, command: str) -> None:
        """Run one command on an exec channel: its output alone is printed."""

        def enter() -> None:
            self._print(self._answer(command))
            self._flush()

        await asyncio.to_thread(enter)

    def _enter(self, lines: list[str]) -> bool:
        """Run lines, in a thread; False: the session is over."""
        try:
            for line in lines:
                echo = re.split("[\x03\x15]", line)[-1]
                if self._cli.echoes:
                    self._print(echo)
                self._print("\n")
                output = self._answer(echo.strip())
                if self.terminal.cut:
                    return self._cut()
                if output and not output.endswith("\n"):
                    output += "\n"
                self._print(output + self._cli.prompt)
        except SessionEnds as exc:
            self._print(str(exc))
            self._flush()
            return False
        except LineCut:
            return self._cut()
        self._flush()
        return True

    def _answer(self, line: str) -> str:
        try:
            return self._cli.enter(line)
        except Refused as exc:
            return str(exc)

    def _cut(self) -> bool:
        if self.terminal.hang is not None:
            self._flush()
            self._router.chassis.faults.sleep(self.terminal.hang)
        connection = self._process.get_extra_info("connection")
        self._loop.call_soon_threadsafe(connection.abort)
        return False

    def _print(self, text: str) -> None:
        self._printed.append(text)
        self._held += len(text)
        if self._held > _FLUSH_AT:
            self._flush()

    def _flush(self) -> None:
        text = "".join(self._printed)
        self._printed, self._held = [], 0
        data = text.replace("\n", "\r\n").encode()
        if data:
            self._loop.call_soon_threadsafe(self._send, data)

    def _send(self, data: bytes) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            self._process.stdout.write(data)


class CliServer:
    """The sessions of one router: shells, single commands, and files that come by SCP."""

    def __init__(self, router: CliRouter) -> None:
        self._router = router
        self._next = 1
        self.open: dict[int, asyncssh.SSHServerConnection] = {}

    async def serve(self, process: Process) -> None:
        """One channel, from its first byte to its end."""
        number, self._next = self._next, self._next + 1
        connection = process.get_extra_info("connection")
        self.open[number] = connection
        command = process.command
        try:
            with contextlib.suppress(OSError, asyncssh.Error):
                if command is not None and (match := re.match(r"scp .*-t (\S+)", command)):
                    await self._receive(process, match[1].strip("'\""))
                elif command is not None:
                    await CliSession(self._router, process, number).once(command)
                else:
                    await CliSession(self._router, process, number).run()
                process.exit(0)
                await process.wait_closed()
        finally:
            del self.open[number]
            if command is None:
                connection.close()

    def cut(self, number: int) -> None:
        """Cut a session's connection, from the event loop."""
        self.open[number].abort()

    async def _receive(self, process: Process, path: str) -> None:
        """The sink of `scp -t`: one file, as paramiko's and OpenSSH's clients send it."""
        process.stdout.write(b"\0")
        buffer = b""
        while data := await process.stdin.read(1 << 16):
            buffer += data
            head, newline, rest = buffer.partition(b"\n")
            if not newline:
                continue
            if head[:1] != b"C":  # times come before, and are of no interest
                process.stdout.write(b"\0")
                buffer = rest
                continue
            size = int(head.split(b" ")[1])
            process.stdout.write(b"\0")
            parts, held = [rest], len(rest)
            while held < size + 1 and (more := await process.stdin.read(1 << 16)):
                parts.append(more)
                held += len(more)
            if held < size + 1:
                return
            await self._store(process, path, b"".join(parts)[:size])
            return

    async def _store(self, process: Process, path: str, data: bytes) -> None:
        user = str(process.get_extra_info("username"))
        try:
            await asyncio.to_thread(self._router.received, user, path, data)
        except Refused as exc:
            process.stdout.write(b"\x01" + str(exc).encode() + b"\n")
        except LineCut:
            process.get_extra_info("connection").abort()
        else:
            process.stdout.write(b"\0")
            # The client closes its end, or another file would come.
            await process.stdin.read(1)

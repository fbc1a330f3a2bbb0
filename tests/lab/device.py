"""What all emulated routers share: clock, timers, faults, apply log, files, control socket.

A device is a process of its own. It holds a `Chassis`, and gives the control socket a `Platform`
to ask. Everything that it keeps lies in one directory:

    ready.json     where it listens: written, by rename, when it does
    running.conf   the running config, after each change, by rename
    apply.jsonl    one `Applied` a line: what changed, when, by whom
    neighbors.json the BGP neighbours that a test gave it
    control.sock   for tests: one JSON object a line in, one out
    device.log     its stderr, when the harness started it

This module imports the standard library only: a device starts in a fraction of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from tests.lab.apply_log import ApplyLog
from tests.lab.clock import DeviceClock, Timers
from tests.lab.control import bind_control, serve_control
from tests.lab.faults import Fault, Faults, parse_fault
from tests.lab.neighbors import Neighbors

LOOPBACK = "127.0.0.1"
_ARMED = "armed.json"


@dataclass(frozen=True, slots=True)
class Options:
    """The command line of a device."""

    name: str
    directory: Path
    port: int
    username: str
    password: str
    running: Path | None
    lifeline: bool

    @classmethod
    def parse(cls, argv: Sequence[str] | None = None) -> Options:
        parser = argparse.ArgumentParser()
        parser.add_argument("--name", required=True)
        parser.add_argument("--directory", required=True, type=Path)
        parser.add_argument("--port", type=int, default=0)
        parser.add_argument("--username", default="lab")
        parser.add_argument("--password", default="lab")
        parser.add_argument("--running", type=Path, help="the first running config, of a new DIR")
        parser.add_argument("--lifeline", action="store_true", help="end when stdin is closed")
        return cls(**vars(parser.parse_args(argv)))


class Platform(Protocol):
    """What a device's control socket asks the platform; all under the chassis lock."""

    def running(self) -> str:
        """The running config, in the platform's own form."""

    def set_running(self, text: str) -> None:
        """Replace the running (and the startup) config, past all sessions and locks.

        Raises ValueError with the device's own error where the text is not accepted.
        """

    def lists(self) -> Mapping[str, str]:
        """The digest of each prefix list (or route-filter-list) of the running config."""

    def candidates(self) -> list[dict[str, object]]:
        """The candidates or sessions that are open now: at least `name` and `state`."""

    def locks(self) -> list[dict[str, object]]:
        """Who holds the configuration lock now: at least `session` and `user`."""

    def control(self, op: str, request: Mapping[str, object]) -> object:
        """An operation of the platform's own; ValueError when it has none of that name."""


class Chassis:
    """One device's box: its files, clock, faults and log, and the lock that guards its config."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.directory = options.directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self.clock = DeviceClock()
        self.timers = Timers(self.clock, self.lock)
        self.faults = Faults(self._kept_faults())
        self.neighbors = Neighbors(self.load("neighbors.json"), self.save)
        self._port = 0
        self.log = ApplyLog(self.directory, self.clock)
        self.stopping = threading.Event()

    def save(self, name: str, text: str) -> None:
        """Write a file of the device's directory by a temporary name and a rename."""
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)

    def load(self, name: str) -> str | None:
        """A file of the device's directory, or None where there is none."""
        path = self.directory / name
        return path.read_text(encoding="utf-8") if path.exists() else None

    def first_running(self) -> str | None:
        """The config that the command line gave for a new directory."""
        path = self.options.running
        return None if path is None else path.read_text(encoding="utf-8")

    def start(self, platform: Platform, port: int, **ready: str) -> None:
        """Serve the control socket, run the timers, and say that the device is ready.

        Called once, when the device listens on `port`; `ready` is added to ready.json.
        """
        self._port = port
        if self.options.lifeline:
            threading.Thread(target=self._watch_lifeline, name="lifeline", daemon=True).start()
        self.timers.start()
        serve_control(
            bind_control(self.directory),
            lambda op, request: self._control(platform, op, request),
        )
        where = {"host": LOOPBACK, "port": port, "pid": os.getpid(), **ready}
        self.save("ready.json", json.dumps(where))

    def restart(self) -> NoReturn:
        """Reboot: the process begins anew on the same directory and port, its faults still armed.

        The process id, the lifeline and the log stay; every connection is cut.
        """
        self.lock.acquire()
        (self.directory / "ready.json").unlink()
        self.save(_ARMED, json.dumps(self.faults.armed()))
        sys.stderr.flush()
        # The last --port wins. What Python opened is not inherited, but for stdin, out and err.
        os.execv(sys.executable, [*sys.orig_argv, "--port", str(self._port)])

    def _kept_faults(self) -> list[Fault]:
        """The faults that were armed when the device rebooted; it has none after a power cut."""
        armed = self.load(_ARMED)
        (self.directory / _ARMED).unlink(missing_ok=True)
        kept = [] if armed is None else json.loads(armed)
        return [Fault.kept(fault) for fault in kept]

    def _control(self, platform: Platform, op: str, request: dict[str, object]) -> object:
        match op:
            case "fault":
                self.faults.arm(parse_fault(request))
                return None
            case "clear_faults":
                self.faults.clear()
                return None
            case "clock_advance":
                self.timers.advance(float(str(request["seconds"])))
                return self.clock.now()
            case "stop":
                self.stopping.set()
                return None
        # Without the lock: a device that hangs can be asked what hangs.
        if op in {"faults", "steps"}:
            return self.faults.armed() if op == "faults" else self.faults.steps()
        with self.lock:
            return _ask(platform, op, request)

    def _watch_lifeline(self) -> None:
        # The write end lives in the process that started us: killed, it closes too.
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os._exit(0)


def _ask(platform: Platform, op: str, request: Mapping[str, object]) -> object:
    match op:
        case "running":
            return platform.running()
        case "set_running":
            platform.set_running(str(request["text"]))
            return None
        case "lists":
            return platform.lists()
        case "candidates":
            return platform.candidates()
        case "locks":
            return platform.locks()
    return platform.control(op, request)

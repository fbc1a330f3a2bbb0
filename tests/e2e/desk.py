"""A workspace of its own for each test, before routers and an IRR server that tests share."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from irrgate.irr.snapshot import load_dumps
from tests.e2e.command_server import CommandServer
from tests.e2e.written_by_hand import accepts as accepts  # noqa: PLC0414 - for the tests
from tests.e2e.written_by_hand import blank as blank  # noqa: PLC0414 - for the tests
from tests.e2e.written_by_hand import config as config  # noqa: PLC0414 - for the tests
from tests.lab.apply_log import Applied
from tests.lab.harness import LabDevice
from tests.lab.network import PASSWORD, Finished, LabNetwork, irrgate_argv

WIDE = {"COLUMNS": "400"}
"""a terminal on which nothing is folded"""
DONE, COULD_NOT_RUN, CHANGES, PROBLEMS, INTERRUPTED = 0, 1, 2, 3, 130

EJEMPLO_V4 = ["10.10.0.0/17", "10.10.128.0/17", "10.11.0.0/20", "10.11.16.0/22", "10.11.20.0/24"]
EJEMPLO_V4 += ["192.0.2.0/24"]
"""What the demo registry has for AS64500 in IPv4, as the policy lets it through."""


@dataclass
class Desk(LabNetwork):
    """A copy of the demo workspace; the IRR server reads `served`."""

    served: Path = Path()
    server: CommandServer | None = None

    def irrgate(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Finished:
        """As LabNetwork's, by the command server."""
        assert self.server
        argv = ["-w", str(self.directory), *arguments]
        return self.server.run(argv, {**self.environ, **(environ or {})}, self.directory)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start the console script itself."""
        return subprocess.Popen(
            [*irrgate_argv(), "-w", str(self.directory), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environ, **environ},
            cwd=self.directory,
        )

    @property
    def snapshot(self) -> Path:
        return self.served

    def load_registry(self, text: str | None = None) -> None:
        """As LabNetwork's, without a process of its own."""
        if text is not None:
            self.registry.write_text(text, encoding="latin-1")
        load_dumps([self.registry], self.snapshot, on_problem=lambda _: None)

    def edit_registry(self, old: str, new: str) -> None:
        text = self.registry.read_text(encoding="latin-1")
        assert old in text
        self.load_registry(text.replace(old, new))

    def plan(self, *arguments: str, expect: int) -> Plan:
        """Run `irrgate plan`; the plan's file is named by how many there are."""
        name = f"plan-{len(list(self.directory.glob('plan-*.zip')))}.zip"
        done = self.irrgate("plan", "--out", name, *arguments)
        told(done, expect)
        return Plan(self.directory / name, done)

    def apply(self, plan: Plan, *arguments: str, expect: int) -> Finished:
        return told(self.irrgate("apply", plan.path.name, *arguments), expect)

    def start_apply(self, plan: Plan, *arguments: str) -> int:
        """Apply a plan with the console script itself; its exit code."""
        process = self.start("apply", plan.path.name, *arguments)
        process.communicate()
        return process.returncode

    def outcomes(self, plan: Plan, *arguments: str, expect: int) -> dict[str, tuple[str, str]]:
        """Apply a plan; what came of each router, and why."""
        done = told(self.irrgate("--json", "apply", plan.path.name, *arguments), expect)
        routers = json.loads(done.stdout)["routers"]
        return {each["router"]: (each["outcome"], each["reason"]) for each in routers}


@dataclass
class Plan:
    """A plan file, and what the command printed that made it."""

    path: Path
    printed: Finished

    def member(self, name: str) -> str:
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(name).decode()

    @property
    def json(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.member("plan.json"))
        return loaded

    @property
    def hosts(self) -> dict[str, str]:
        """The status of each router."""
        return {name: host["status"] for name, host in self.json["hosts"].items()}

    def filters(self, host: str) -> dict[str, tuple[str, str]]:
        """The status of each filter of a router, and why."""
        filters = self.json["hosts"][host]["filters"]
        return {name: (each["status"], each["reason"]) for name, each in filters.items()}

    def delta(self, host: str) -> dict[str, dict[str, list[str]]]:
        loaded: dict[str, dict[str, list[str]]] = json.loads(
            self.member(f"hosts/{host}/delta.json")
        )
        return loaded


def inherited_environ() -> dict[str, str]:
    """The little of the environment that a command needs; nothing of whoever runs the tests."""
    names = ("PATH", "HOME", "PYTHONPATH")
    return {name: os.environ[name] for name in names if name in os.environ}


def told(done: Finished, expect: int) -> Finished:
    """Check what holds of every command: its exit code, no traceback, no secret."""
    assert done.exit_code == expect, f"{done.stdout}\n{done.stderr}"
    for text in (done.stdout, done.stderr):
        assert "Traceback" not in text
        assert PASSWORD not in text
        assert not re.search(r"\bWarning:|\w+Error\(|\w+Exception\b|object at 0x|\x1b", text), text
    return done


def renew(devices: Iterable[LabDevice], running: Callable[[LabDevice], str] | None = None) -> None:
    """Make routers like new, but for what is in their logs."""
    for device in devices:
        if not device.alive:
            device.restart()
        device.clear_faults()
        if device.platform == "eos":
            device.ask("forget_sessions")
        device.set_running(running(device) if running else blank(device))


def log(device: LabDevice) -> list[Applied]:
    """What a router did since it was renewed."""
    records = device.apply_log()
    last = max(at for at, record in enumerate(records) if record.event == "set-running")
    return records[last + 1 :]


def events(device: LabDevice) -> list[str]:
    return [record.event for record in log(device)]


_KINDS = "prefix-list |prefix-set |route-filter-list |ip-prefix |ipv6-prefix |chain=|<name>"


def has_list(device: LabDevice, name: str) -> bool:
    if device.platform == "srl":
        return name in device.lists()
    return bool(re.search(rf"({_KINDS}){name}\b", device.running()))


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it comes true; a router takes its time to see that a client is gone."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def new_desk(lab: LabNetwork, directory: Path, server: CommandServer) -> Desk:
    """Copy the lab's workspace into `directory`."""
    shutil.copytree(lab.directory / "inventory", directory / "inventory")
    (directory / "lab").mkdir()
    for name in ("certificates.pem", "known_hosts"):
        shutil.copy(lab.directory / "lab" / name, directory / "lab" / name)
    return Desk(
        directory,
        directory / "inventory" / "registry" / "demo.db",
        dict(lab.devices),
        dict(lab.environ),
        lab.snapshot,
        server,
    )

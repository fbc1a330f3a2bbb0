"""Fleets of emulated routers that are struck at each step of plan and of apply.

Each run strikes several routers, each with its own fault, so that it shows as well that one
failure stops one thing: the router of each platform that is left alone is always done.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    Desk,
    Plan,
    config,
    events,
    eventually,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.network import LabNetwork, lab_network

LIST = "IRR-AS64500-V4"
OLD = [*EJEMPLO_V4[:4], "10.11.24.0/22", "192.0.2.0/24"]
STRUCK = 4
"""routers of each platform that a run strikes at most; one more is left alone"""
HANG = 3.0
"""seconds that a hanging router says nothing; the drivers' timeout here is 1 s"""

CLOSED = "closed the connection without an answer"
SLOW = "if it is only slow, raise timeout under connection_options.napalm.extras"
NO_XML = "answered with what is not XML"
LOGIN = r"did not accept the username with its password or key \(set IRRGATE_USERNAME .*\)"
INTERNAL = "internal error: the request could not be done"


@dataclass(frozen=True)
class Strike:
    """A fault on one router, and what is said of it."""

    platform: str
    fault: str
    step: str
    says: str
    then: str = "old"
    """what the router has in the end: old, new, or (until its timer ends) pending"""
    outcome: str = "failed"


@dataclass
class Fleet:
    """Routers whose filter is to gain one prefix and lose one, and how they are when it is done."""

    desk: Desk
    old: dict[str, str]
    new: dict[str, str]
    digests: dict[str, set[str]]
    reviewed: Plan
    struck: int = STRUCK
    """routers of each platform that can be struck"""

    def strike(self, strikes: Sequence[Strike]) -> dict[str, Strike]:
        """Make all routers as they were, and arm the faults; returns them by router."""
        renew(self.desk.devices.values(), lambda device: self.old[device.name])
        struck = {}
        for platform in dict.fromkeys(strike.platform for strike in strikes):
            of_platform = [strike for strike in strikes if strike.platform == platform]
            assert len(of_platform) <= self.struck
            for number, strike in enumerate(of_platform, 1):
                struck[f"{platform}{number}"] = strike
        for name, strike in struck.items():
            self.desk.devices[name].inject(strike.fault, strike.step, seconds=HANG)
        return struck

    def wrong(self, struck: dict[str, Strike]) -> list[str]:
        """What is not as it must be on the struck routers, each with its fault."""
        return [
            f"{name} {strike.fault} at {strike.step}: {problem}"
            for name, strike in struck.items()
            for problem in self._wrong(self.desk.devices[name], strike)
        ]

    def _wrong(self, device: LabDevice, strike: Strike) -> Iterator[str]:
        [fault] = device.faults()
        foreign = strike.fault == "foreign_lock"
        if not foreign and fault["struck"] != 1:
            yield "the fault did not strike"
        ours = device.config.username
        if not eventually(lambda: all(lock["user"] != ours for lock in device.locks())):
            yield f"our lock is left: {device.locks()}"
        if foreign and (events(device) or not device.locks()):
            yield f"the foreign session was disturbed: {events(device)}"
        pending = strike.then == "pending"
        if not eventually(lambda: len(device.candidates()) == pending):
            yield f"candidates are left: {device.candidates()}"
        if pending:
            if device.running() != self.new[device.name]:
                yield "the commit that is to be confirmed is not there"
            device.advance(301)
        wanted = self.new if strike.then == "new" else self.old
        if device.running() != wanted[device.name]:
            yield f"its config is not the {strike.then} one: {events(device)}"
        if (
            not {record.after for record in log(device) if record.after}
            <= self.digests[device.name]
        ):
            yield "for a time it held a list that was neither the old one nor the new"


@contextmanager
def fleet_lab_of(
    directory: Path, groups: str, platforms: Iterable[str], struck: int = STRUCK
) -> Iterator[LabNetwork]:
    """Routers that all have one peer, and give up after a second; `groups` is groups.yaml."""
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(
        groups.replace("      extras:\n", "      extras:\n        timeout: 1\n")
    )
    hosts = ""
    for platform in platforms:
        for number in range(1, struck + 2):
            session = f"{{peer: AS64500, address: 198.51.100.{number}}}"
            hosts += f"{platform}{number}:\n  hostname: 127.0.0.1\n  groups: [{platform}]\n"
            hosts += f"  data: {{sessions: [{session}]}}\n"
    (inventory / "hosts.yaml").write_text(hosts)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


def fleet_of(
    network: LabNetwork, commands: CommandServer, directory: Path, struck: int = STRUCK
) -> Fleet:
    """The routers before, and how they are after an apply without a fault."""
    desk = new_desk(network, directory / "desk", commands)
    renew(desk.devices.values(), lambda device: config(device, {LIST: OLD}))
    old = {name: device.running() for name, device in desk.devices.items()}
    reviewed = desk.plan(expect=CHANGES)
    desk.apply(reviewed, expect=DONE)
    new = {name: device.running() for name, device in desk.devices.items()}
    digests = {}
    for name, device in desk.devices.items():
        [commit] = [record for record in log(device) if record.event == "commit-confirmed"]
        digests[name] = {commit.before, commit.after}
        assert old[name] != new[name]
    return Fleet(desk, old, new, digests, reviewed, struck)

"""SR Linux routers that refuse, hang, lie or vanish, at each step of plan and of apply."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    Desk,
    Plan,
    config,
    events,
    eventually,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.srl_lab import srl_inventory
from tests.lab.harness import LabDevice
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

NAME = "IRR-AS64500-V4"
OLD = [*EJEMPLO_V4[:4], "10.11.24.0/22", "192.0.2.0/24"]
STRUCK = [f"srl{number}" for number in range(1, 9)]
HEALTHY = "srl0"
HANG = 3.0
"""seconds that a hanging router says nothing; the driver's timeout here is 1 s"""

CLOSED = "closed the connection without an answer"
LATE = "did not answer in time (if it is only slow, raise timeout under connection_options.napalm"
NO_JSON = "answered with what is not JSON, or cut off"
INTERNAL = "Internal error: management server did not answer"
READ = "read the running config"
LOCKED = "Configuration is locked by an exclusive session of noc"


@dataclass(frozen=True)
class Strike:
    """A fault on one router, and how what is said of it begins."""

    fault: str
    step: str
    says: str = ""
    then: str = "old"
    outcome: str = "failed"


def done(fault: str, step: str) -> Strike:
    """A fault that the run gets over by itself."""
    return Strike(fault, step, "", "new", "done")


@dataclass
class Fleet:
    """Routers whose filter is to gain one prefix and lose one, and how they are when it is done."""

    desk: Desk
    old: str
    new: str
    reviewed: Plan

    def strike(self, strikes: Sequence[Strike]) -> dict[str, Strike]:
        """Make all routers as they were, and arm the faults; returns them by router."""
        renew(self.desk.devices.values(), before)
        assert len(strikes) <= len(STRUCK)
        struck = dict(zip(STRUCK, strikes, strict=False))
        for name, strike in struck.items():
            self.desk.devices[name].inject(strike.fault, strike.step, seconds=HANG)
        return struck

    def lists(self, device: LabDevice) -> set[str]:
        """What the router held of the filter since it was renewed."""
        return {record.lists[NAME] for record in log(device) if record.changed}


def before(device: LabDevice) -> str:
    return config(device, {NAME: OLD})


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("srl-fleet")
    sessions = {
        name: [("AS64500", f"198.51.100.{number}")]
        for number, name in enumerate([HEALTHY, *STRUCK], 1)
    }
    inventory = srl_inventory(directory, sessions, timeout=1)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    desk = new_desk(fleet_lab, tmp_path_factory.mktemp("srl-desk") / "desk", commands)
    renew(desk.devices.values(), before)
    reviewed = desk.plan(expect=CHANGES)
    healthy = desk.devices[HEALTHY]
    old = healthy.lists()[NAME]
    desk.apply(reviewed, "--limit", HEALTHY, expect=DONE)
    return Fleet(desk, old, healthy.lists()[NAME], reviewed)


PLAN_STRIKES = [
    Strike("refuse", "connect", f"connect: {CLOSED}"),
    Strike("hang", "connect", f"connect: {LATE}"),
    Strike("error", "login", "connect: did not accept the username with its password or key"),
    Strike("truncate", "get_config", f"{READ}: {NO_JSON}"),
    Strike("hang", "load", f"load: {LATE}"),
    Strike("foreign_lock", "load", f"load: {LOCKED}"),
    Strike("drop", "compare", f"compare: {CLOSED}"),
    Strike("error", "compare", f"compare: {INTERNAL}"),
]


def test_faults_during_a_plan(fleet: Fleet) -> None:
    struck = fleet.strike(PLAN_STRIKES)
    plan = fleet.desk.plan(expect=PROBLEMS)
    assert plan.hosts == {
        name: "change" if name == HEALTHY else "failed" for name in fleet.desk.devices
    }
    for name, strike in struck.items():
        host = plan.json["hosts"][name]
        assert host["reason"].startswith(strike.says), (name, strike, host["reason"])
        assert host["candidate"] is None
        assert not fleet.lists(fleet.desk.devices[name])
    assert fleet.desk.devices[HEALTHY].lists()[NAME] == fleet.old


APPLY_STRIKES = {
    "before and at the commit": [
        Strike("drop_after", "load", f"load: {CLOSED}"),
        Strike("foreign_lock", "load", f"load: {LOCKED}"),
        Strike("error", "commit", f"commit: {INTERNAL}"),
        Strike("hang", "commit", f"commit: {LATE.split(' (', maxsplit=1)[0]}"),
        Strike("drop", "commit", f"commit: {CLOSED}"),
        done("garbage", "commit"),
        done("drop_after", "commit"),
        Strike("restart_after", "commit", f"commit: {CLOSED}"),
    ],
    "after the commit": [
        done("error", "confirm"),
        done("hang", "confirm"),
        done("drop", "confirm"),
        done("garbage", "confirm"),
        done("drop_after", "confirm"),
        Strike("error", "get_config", f"{READ}: {INTERNAL}"),
        Strike("truncate", "get_config", f"{READ}: {NO_JSON}"),
        Strike("drop", "get_config", f"{READ}: {CLOSED}"),
    ],
}


@pytest.mark.parametrize("strikes", APPLY_STRIKES.values(), ids=APPLY_STRIKES)
def test_faults_during_an_apply(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=PROBLEMS)
    for name, (outcome, why) in outcomes.items():
        strike = struck.get(name, done("", ""))
        assert outcome == strike.outcome, (name, strike, why)
        assert why.startswith(strike.says), (name, strike, why)
        device = fleet.desk.devices[name]
        assert eventually(lambda d=device: d.candidates() == [])  # type: ignore[misc]
        assert device.lists()[NAME] == {"old": fleet.old, "new": fleet.new}[strike.then]
        assert fleet.lists(device) <= {fleet.old, fleet.new}
        assert device.ask("startup") == device.running()
        device.clear_faults()
    second = fleet.desk.outcomes(fleet.reviewed, expect=DONE)
    for name in fleet.desk.devices:
        was_new = struck.get(name, done("", "")).then == "new"
        assert second[name] == ("already" if was_new else "done", "")


@pytest.mark.parametrize(
    ("fault", "step", "late"),
    [("hang_after", "commit", False), ("hang", "confirm", False), ("hang", "confirm", True)],
)
def test_irrgate_is_killed_and_the_next_run_brings_it_to_an_end(
    fleet: Fleet, fault: str, step: str, late: bool
) -> None:
    """Also where the router has taken the commit back by then, since nobody confirmed it."""
    fleet.strike([])
    device = fleet.desk.devices[STRUCK[0]]
    device.inject(fault, step, seconds=60)
    with patient(fleet.desk):
        process = fleet.desk.start("apply", fleet.reviewed.path.name, "--limit", STRUCK[0])
        assert eventually(lambda: device.faults()[0]["struck"] == 1, 30)
        process.kill()
        process.wait()
    device.clear_faults()
    assert len(device.candidates()) == 1
    if late:
        device.advance(301)
    told(fleet.desk.irrgate("recover"), DONE)
    assert device.candidates() == []
    assert device.lists()[NAME] == (fleet.old if late else fleet.new)
    assert device.ask("startup") == device.running()
    assert events(device)[-1] == ("rollback-timer" if late else "save")


@contextmanager
def patient(desk: Desk) -> Iterator[None]:
    """Let irrgate wait for a router that hangs."""
    path = desk.directory / "inventory" / "groups.yaml"
    text = path.read_text()
    path.write_text(text.replace("timeout: 1", "timeout: 60"))
    yield
    path.write_text(text)


def test_a_certificate_that_changed(fleet: Fleet) -> None:
    fleet.strike([])
    changed, healthy = (fleet.desk.devices[name] for name in (STRUCK[0], HEALTHY))
    trusted = fleet.desk.directory / "lab" / "certificates.pem"
    text = trusted.read_text()
    try:
        trusted.write_text(healthy.certificate.read_text())
        reason = fleet.desk.plan(expect=PROBLEMS).json["hosts"][changed.name]["reason"]
    finally:
        trusted.write_text(text)
    assert reason == (
        "connect: its TLS certificate is not trusted: self-signed certificate "
        "(name the CA's or the router's own certificate as ca_file under optional_args)"
    )
    assert events(changed) == []


def test_a_wrong_password_and_a_config_that_is_not_whole(fleet: Fleet) -> None:
    fleet.strike([])
    wrong = {"IRRGATE_PASSWORD": "not-the-right-one"}
    argv = ("plan", "--limit", HEALTHY, "--out", "wrong.zip")
    done = told(fleet.desk.irrgate(*argv, environ=wrong), PROBLEMS)
    assert "connect: did not accept the username with its password or key" in done.stdout
    assert "not-the-right-one" not in done.stdout + done.stderr
    device = fleet.desk.devices[HEALTHY]
    root = json.loads(device.running())
    ours = root["srl_nokia-routing-policy:routing-policy"]["prefix-set"]
    device.set_running(json.dumps({**root, "srl_nokia-routing-policy:routing-policy": {
        "prefix-set": [{**ours[0], "mode": "invert"}],
    }}))  # fmt: skip
    plan = fleet.desk.plan("--limit", HEALTHY, expect=PROBLEMS)
    reason = plan.json["hosts"][HEALTHY]["reason"]
    assert re.fullmatch(rf"{READ}: {NAME}: has a field that is unknown: 'mode'", reason)

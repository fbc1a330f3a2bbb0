"""NX-OS routers that refuse, hang, lie or vanish: at each step of plan and apply.

A commit is a line after the other, so a fault strikes in the middle of it: whatever happens, each
list lies between the old one and the new, and in the end it is one of them.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    Desk,
    Plan,
    accepts,
    blank,
    config,
    eventually,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.nxos_lab import SESSIONS, detours, nxos_inventory, sent
from tests.lab.harness import LabDevice
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

LIST = "IRR-AS64500-V4"
OLD = [*EJEMPLO_V4[:2], "10.12.0.0/20", "10.13.0.0/22", "10.14.20.0/24", "192.0.2.0/24"]
ADDS, REMOVES = 4, 5
"""lines of the change from OLD to what the registry has: /17s become one entry for both"""
EVERYTHING = sorted({*OLD, *EJEMPLO_V4, "10.10.0.0/16", "10.10.0.0/18", "0.0.0.0/0"})
EACH = 4
"""routers of each platform"""
TIMEOUT, HANG = 4, 6.0
"""seconds: of the driver, and that a router which hangs says nothing"""
PLATFORMS = {"nxos": "api", "nxos_ssh": "cli"}

CLOSED = "closed the connection without an answer"
LATE = r"did not answer (in time|within 4 s).*"
INTERNAL = "% Internal error"
ADD, REMOVE = f"ip prefix-list {LIST} seq .*", f"no ip prefix-list {LIST} seq .*"


@dataclass(frozen=True)
class Strike:
    """A fault on one router of each platform, and what is said of it."""

    fault: str
    step: str
    says: str
    outcome: str = "reverted"
    skip: int = 0
    only: tuple[str, ...] = field(default=tuple(PLATFORMS))
    count: int = 1
    seconds: float = HANG


@dataclass
class Fleet:
    desk: Desk
    reviewed: Plan

    def start(self, device: LabDevice) -> str:
        return config(device, {LIST: OLD})

    def strike(self, strikes: Sequence[Strike]) -> dict[str, Strike]:
        """Make all routers as they were, and arm the faults; returns them by router."""
        renew(self.desk.devices.values(), self.start)
        struck = {}
        for platform, stem in PLATFORMS.items():
            here = [each for each in strikes if platform in each.only]
            for number, each in enumerate(here, 1):
                struck[f"{stem}{number}"] = each
        for name, each in struck.items():
            self.desk.devices[name].inject(
                each.fault, each.step, seconds=each.seconds, skip=each.skip, count=each.count
            )
        return struck

    def wrong(self, name: str, outcome: str) -> list[str]:
        """What is not as it must be on a router."""
        device = self.desk.devices[name]
        found = [] if device.faults()[0]["struck"] else ["the fault did not strike"]
        held = {prefix for prefix in EVERYTHING if accepts(device, LIST, prefix)}
        if held != set(EJEMPLO_V4 if outcome == "done" else OLD):
            found.append(f"it accepts {sorted(held)}")
        if not any(record.event == "start" for record in log(device)):
            found += detours(device, self.start(device), LIST, EVERYTHING, EJEMPLO_V4)
        if outcome == "done" and device.ask("startup") != device.running():
            found.append("it was not saved")
        return found


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("nxos-fleet")
    names = {
        f"{stem}{number}": platform
        for platform, stem in PLATFORMS.items()
        for number in range(1, EACH + 1)
    }
    inventory = nxos_inventory(directory, names, TIMEOUT, SESSIONS[:1])
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    desk = new_desk(fleet_lab, tmp_path_factory.mktemp("nxos-desk") / "desk", commands)
    renew(desk.devices.values(), lambda device: config(device, {LIST: OLD}))
    reviewed = desk.plan(expect=CHANGES)
    desk.apply(reviewed, expect=DONE)
    for device in desk.devices.values():
        lines = sent(device)
        assert [line.startswith("no ") for line in lines] == [False] * ADDS + [True] * REMOVES
    return Fleet(desk, reviewed)


READ = "read the running config"
PLAN_STRIKES = {
    "login": [
        Strike("refuse", "connect", f"connect: ({CLOSED}|did not say in time what SSH.*|SSH: .*)"),
        Strike("hang", "connect", "connect: did not .*"),
        Strike("error", "login", r"connect: did not accept the username with its password.*"),
        Strike("garbage", "login", r"connect: (answered with what is not NX-API's JSON|.*)"),
    ],
    "get_config": [
        Strike("error", "get_config", f"{READ}: show running-config: {INTERNAL}"),
        Strike("hang", "get_config", f"{READ}: {LATE}"),
        Strike("truncate", "get_config", f"{READ}: is cut off, or was changed while it was read: "
               "it has [0-9] lines with prefix-list, of which the router counts 6"),
        Strike("drop_after", "get_config", f"{READ}: {CLOSED}"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("strikes", PLAN_STRIKES.values(), ids=PLAN_STRIKES)
def test_a_fault_during_a_plan(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    plan = fleet.desk.plan(expect=PROBLEMS)
    for name, strike in struck.items():
        record = plan.json["hosts"][name]
        assert record["status"] == "failed"
        assert re.fullmatch(strike.says, record["reason"]), record["reason"]
        assert record["candidate"] is None
        assert sent(fleet.desk.devices[name]) == []
    for device in fleet.desk.devices.values():
        device.clear_faults()


APPLY_STRIKES = {
    "a line is not taken": [
        Strike("error", "commit", f"commit: {ADD}: {INTERNAL}", skip=2),
        Strike("error", "commit", f"commit: {REMOVE}: {INTERNAL}", skip=ADDS + 1),
        Strike("ignore", "commit", f"commit: said to have taken, and has not: {ADD}"),
        Strike("ignore", "commit", f"does not hold what was committed: {LIST}", skip=ADDS + 1),
    ],
    "the line is cut": [
        Strike("drop", "commit", f"commit: {CLOSED}", skip=2),
        Strike("drop_after", "commit", f"commit: {CLOSED}", skip=1),
        Strike("drop", "commit", f"commit: {CLOSED}", skip=ADDS + 2),
        Strike("drop_after", "commit", "", "done", skip=ADDS + REMOVES - 1),
    ],
    "it hangs or reboots": [
        Strike("hang", "commit", f"commit: {LATE}", skip=2),
        # A request is run to its end though nobody waits for it any more; a terminal is not.
        Strike("hang_after", "commit", "", "done", skip=ADDS + 1, only=("nxos",)),
        Strike("hang_after", "commit", f"commit: {LATE}", skip=ADDS + 1, only=("nxos_ssh",)),
        Strike("restart", "commit", "commit: .*", "failed", skip=2),
        Strike("garbage", "commit", "commit: .*", skip=1),
    ],
    "it goes on with what nobody waits for": [
        Strike("slow", "commit", f"commit: {LATE}", skip=2, count=2, seconds=2.5, only=("nxos",)),
    ],
    "it is not saved at once": [
        Strike("error", "save", "", "done"),
        Strike("drop", "save", "", "done"),
        Strike("drop_after", "save", "", "done"),
        Strike("ignore", "save", "", "done"),
    ],
}


@pytest.mark.parametrize("strikes", APPLY_STRIKES.values(), ids=APPLY_STRIKES)
def test_a_fault_during_an_apply(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    expect = DONE if all(each.outcome == "done" for each in strikes) else PROBLEMS
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=expect)
    for name, strike in struck.items():
        outcome, reason = outcomes[name]
        assert (outcome, fleet.wrong(name, outcome)) == (strike.outcome, []), f"{name}: {reason}"
        assert re.fullmatch(strike.says, reason), f"{name}: {reason}"
    for device in fleet.desk.devices.values():
        device.clear_faults()
    assert set(fleet.desk.plan(expect=CHANGES if expect else DONE).hosts.values()) <= {
        "change", "unchanged",
    }  # fmt: skip


def test_a_router_that_does_not_heed_the_error_action_is_as_safe(fleet: Fleet) -> None:
    """It runs the rest of the request: which adds all the same, or removes all the same."""
    strikes = [
        Strike("error", "commit", f"commit: {ADD}: {INTERNAL}", only=("nxos",)),
        Strike("error", "commit", f"commit: {REMOVE}: {INTERNAL}", skip=ADDS, only=("nxos",)),
    ]
    struck = fleet.strike(strikes)
    for name in struck:
        fleet.desk.devices[name].ask("stop_on_error", enabled=False)
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=PROBLEMS)
    for name, strike in struck.items():
        outcome, reason = outcomes[name]
        assert (outcome, fleet.wrong(name, outcome)) == ("reverted", [])
        assert re.fullmatch(strike.says, reason), reason
        lines = sent(fleet.desk.devices[name])
        assert len(lines) > ADDS  # the others of the request were run, and all went back
        fleet.desk.devices[name].ask("stop_on_error", enabled=True)


def test_a_config_that_cannot_be_saved_is_no_success(fleet: Fleet) -> None:
    renew(fleet.desk.devices.values(), fleet.start)
    names = ("api1", "cli1")
    for name in names:
        text = "% Copy failed: no space left on device"
        fleet.desk.devices[name].inject("error", "save", count=99, text=text)
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=PROBLEMS)
    for name in names:
        outcome, reason = outcomes[name]
        assert outcome == "reverted"
        assert reason.endswith("copy running-config startup-config: "
                               "% Copy failed: no space left on device")  # fmt: skip
        assert fleet.wrong(name, outcome) == []
        fleet.desk.devices[name].clear_faults()


@pytest.mark.parametrize("skip", [1, ADDS + 2], ids=["adding", "removing"])
def test_a_run_that_is_killed_in_mid_commit_is_brought_to_an_end(fleet: Fleet, skip: int) -> None:
    renew(fleet.desk.devices.values(), fleet.start)
    names = ("api1", "cli1")
    for name in names:
        fleet.desk.devices[name].inject("hang", "commit", seconds=60, skip=skip)
    process = fleet.desk.start("apply", fleet.reviewed.path.name)
    hang = eventually(lambda: all(fleet.desk.devices[name].hangs() for name in names), 60)
    process.kill()
    said = process.communicate()
    assert hang, said
    for device in fleet.desk.devices.values():
        device.clear_faults()
    told(fleet.desk.irrgate("recover"), DONE)
    for name, device in fleet.desk.devices.items():
        held = {prefix for prefix in EVERYTHING if accepts(device, LIST, prefix)}
        assert held in (set(OLD), set(EJEMPLO_V4)), name
        assert detours(device, fleet.start(device), LIST, EVERYTHING, EJEMPLO_V4) == []
        if held == set(EJEMPLO_V4):
            assert device.ask("startup") == device.running()


def test_a_router_that_shows_another_face(fleet: Fleet) -> None:
    renew(fleet.desk.devices.values(), fleet.start)
    lab = fleet.desk.directory / "lab"
    kept = {name: (lab / name).read_text() for name in ("certificates.pem", "known_hosts")}
    certificate = fleet.desk.devices["api1"].certificate.read_text()
    (lab / "certificates.pem").write_text(kept["certificates.pem"].replace(certificate, ""))
    key = fleet.desk.directory / "other"
    key.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    other = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    port = fleet.desk.devices["cli1"].port
    (lab / "known_hosts").write_text(
        re.sub(rf"(\[127\.0\.0\.1\]:{port}) .*", rf"\1 {other}", kept["known_hosts"])
    )
    hosts = fleet.desk.plan(expect=PROBLEMS).json["hosts"]
    for name, text in kept.items():
        (lab / name).write_text(text)
    failed = {name: host["reason"] for name, host in hosts.items() if host["status"] == "failed"}
    assert failed.keys() == {"api1", "cli1"}
    assert failed["api1"].startswith("connect: its TLS certificate is not trusted: self-signed")
    assert "ssh-ed25519" in failed["cli1"]
    assert "is not the one in known_hosts" in failed["cli1"]


def test_a_wrong_password(fleet: Fleet) -> None:
    renew(fleet.desk.devices.values(), fleet.start)
    wrong = {"IRRGATE_PASSWORD": "not-the-right-one"}
    done = told(fleet.desk.irrgate("--json", "plan", "--out", "no.zip", environ=wrong), PROBLEMS)
    assert done.stdout.count("did not accept the username with its password") == 2 * EACH
    assert "not-the-right-one" not in done.stdout + done.stderr
    assert all(blank(device) != device.running() for device in fleet.desk.devices.values())

"""IOS routers that refuse, hang, lie or vanish in the middle of a commit: nothing in between.

Each run strikes several routers, each with its own fault; one is left alone, and is always done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    eventually,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.vendor_lab import vendor_lab
from tests.lab.harness import LabDevice
from tests.lab.ios_semantics import accepts, states
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

V4 = "IRR-AS64500-V4"
OLD = ["10.10.0.0/16 ge 17 le 17", "10.11.0.0/20", "10.11.24.0/22", "10.11.28.0/24", "192.0.2.0/24"]
"""to which three lines come, the entry that denies all first, and from which two go"""
SAMPLES = [*EJEMPLO_V4, "10.11.24.0/22", "10.11.28.0/24", "10.10.0.0/16", "203.0.113.0/24"]
NEW = set(EJEMPLO_V4)
HANG = 3.0
"""seconds that a hanging router says nothing; the driver's timeout here is 1 s"""
STRUCK = 10
"""routers that a run strikes at most"""
HEALTHY = f"r{STRUCK}"


@dataclass(frozen=True)
class Strike:
    """A fault, and what comes of it."""

    fault: str
    step: str
    outcome: str
    says: str = ""
    skip: int = 0
    text: str = ""


@dataclass
class Fleet:
    """Routers with OLD in their filter, and plans that were made of them like that."""

    desk: Desk
    running: Mapping[str, str]
    startup: Mapping[str, str]
    timed: Plan
    untimed: Plan
    """with `commit_confirm: false`"""

    def strike(self, strikes: Mapping[str, Strike]) -> dict[str, tuple[str, Strike]]:
        """Make all routers as they were, and arm the faults; returns them by router."""
        renew(self.desk.devices.values(), old_config)
        assert len(strikes) <= STRUCK
        struck = {f"r{at}": each for at, each in enumerate(strikes.items())}
        for name, (_, strike) in struck.items():
            self.desk.devices[name].inject(
                strike.fault, strike.step, seconds=HANG, skip=strike.skip, text=strike.text
            )
        return struck

    def use(self, plan: Plan) -> None:
        """Set `commit_confirm` as it was when the plan was made."""
        path = self.desk.directory / "inventory" / "hosts.yaml"
        text = path.read_text().replace("    commit_confirm: false\n", "")
        if plan is self.untimed:
            text = text.replace("  data:\n", "  data:\n    commit_confirm: false\n")
        path.write_text(text)


def old_config(device: LabDevice) -> str:
    return config(device, {V4: OLD})


def accepted(running: str) -> set[str]:
    return {each for each in SAMPLES if accepts(running, V4, each)}


def never_wrong(device: LabDevice, before: str) -> None:
    """At no line did the filter accept what neither old nor new does, or lose what both do."""
    device.running()
    records = [each for each in log(device) if each.event == "lines"]
    lines = [line for each in records for line in each.detail.split("\n")]
    old = accepted(before)
    for state in states(before, lines, V4, SAMPLES):
        assert old & NEW <= state <= old | NEW, lines


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("ios-faults")
    sessions = {
        f"r{at}": [{"peer": "AS64500", "address": f"198.51.100.{at + 1}"}]
        for at in range(STRUCK + 1)
    }
    options = {"known_hosts": "lab/known_hosts"}
    environ = inherited_environ()
    with vendor_lab(directory, "ios", environ, options, sessions=sessions, timeout=1) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    desk = new_desk(fleet_lab, tmp_path_factory.mktemp("ios-fleet") / "desk", commands)
    renew(desk.devices.values(), old_config)
    running = {name: device.running() for name, device in desk.devices.items()}
    startup = {name: str(device.ask("startup")) for name, device in desk.devices.items()}
    timed = desk.plan(expect=CHANGES)
    made = Fleet(desk, running, startup, timed, timed)
    path = desk.directory / "inventory" / "hosts.yaml"
    path.write_text(path.read_text().replace("  data:\n", "  data:\n    commit_confirm: false\n"))
    made.untimed = desk.plan(expect=CHANGES)
    return made


LATE = r"did not answer .* within .* s"
CUT = r"commit: (the connection broke: .*|closed the connection without an answer)"
REFUSED = "commit: did not take every line: .*: "
NOT_IN = f"does not hold what was committed: {V4}"
TIMED: dict[str, dict[str, Strike]] = {
    "lines": {
        "cut between two lines": Strike("drop", "commit", "reverted", CUT, skip=2),
        "cut before the first": Strike("drop", "commit", "reverted", CUT),
        "cut after the last": Strike("drop_after", "commit", "done", skip=4),
        "hangs between two lines": Strike("hang", "commit", "reverted", f".*{LATE}.*", skip=2),
        "reboots between two lines": Strike("restart", "commit", "failed", CUT, skip=2),
        "reboots after the last": Strike("restart_after", "commit", "failed", ".*", skip=4),
        "refuses a line": Strike(
            "error", "commit", "reverted", REFUSED + "%Insertion failed .*", 1,
            "%Insertion failed - seq # exists: 20",
        ),
        "refuses to take one out": Strike(
            "error", "commit", "reverted", REFUSED + "% Can't find .*", 3, "% Can't find it",
        ),
        "loses a line without a word": Strike(
            "error", "commit", "reverted", f"commit: lost lines .*: {V4} has 7 .* 8", 1, " ",
        ),
        "keeps an entry without a word": Strike("error", "commit", "reverted", NOT_IN, 4, " "),
    },
    "the rest": {
        "somebody else's lock": Strike("foreign_lock", "commit", "failed", ".*user 'noc'.*"),
        "cut at the confirmation": Strike("drop", "confirm", "done"),
        "cut after the confirmation": Strike("drop_after", "confirm", "done"),
        "hangs after the confirmation": Strike("hang_after", "confirm", "done"),
        "refuses the confirmation once": Strike("error", "confirm", "done", text="%Error"),
        "a config cut off in the middle": Strike(
            "truncate", "get_config", "failed", ".*is cut off: IOS ends it .*"
        ),
        "a config that hangs": Strike("hang", "get_config", "failed", f".*{LATE}.*"),
        "a config that is nonsense": Strike("garbage", "get_config", "failed", ".*cut off.*"),
        "a cut after the commit": Strike("drop", "get_config", "done", skip=2),
        "sessions that cannot be read": Strike(
            "error", "bgp", "failed", "read the BGP sessions: .*", text="% Internal error"
        ),
    },
}  # fmt: skip
UNTIMED = {
    "cut": Strike("drop", "commit", "reverted", CUT, skip=2),
    "hang": Strike("hang", "commit", "reverted", f".*{LATE}.*", skip=2),
    "refused line": Strike("error", "commit", "reverted", ".*Insertion.*", 1, "%Insertion failed"),
    "lost line": Strike("error", "commit", "reverted", ".*lost lines.*", 1, " "),
    "kept entry": Strike("error", "commit", "reverted", NOT_IN, 4, " "),
    "cut after the last": Strike("drop_after", "commit", "done|reverted", ".*", skip=4),
}


@pytest.mark.parametrize("strikes", [*TIMED.values(), UNTIMED], ids=[*TIMED, "without a timer"])
def test_a_fault_during_an_apply(fleet: Fleet, strikes: dict[str, Strike]) -> None:
    """Without a timer what was there is put back entry by entry, and nothing between is saved."""
    plan = fleet.untimed if strikes is UNTIMED else fleet.timed
    fleet.use(plan)
    struck = fleet.strike(strikes)
    outcomes = fleet.desk.outcomes(plan, expect=PROBLEMS)
    assert outcomes[HEALTHY] == ("done", "")
    done = fleet.desk.devices.keys() - struck.keys()
    for name, (what, strike) in struck.items():
        device = fleet.desk.devices[name]
        outcome, reason = outcomes[name]
        assert re.fullmatch(strike.outcome, outcome), f"{what}: {outcome} {reason}"
        assert re.fullmatch(strike.says, reason), f"{what}: {reason}"
        if strike.fault != "foreign_lock":
            assert device.faults()[0]["struck"] == 1, what
        assert device.candidates() == []
        never_wrong(device, fleet.running[name])
        if outcome == "done":
            done.add(name)
            assert accepted(device.running()) == NEW
            assert device.ask("startup") == device.running()
        else:
            assert accepted(device.running()) == accepted(fleet.running[name])
            assert device.ask("startup") == fleet.startup[name]
    for device in fleet.desk.devices.values():
        device.clear_faults()
    if strikes is UNTIMED:
        # What was put back has its floor by now, to which the old candidate does not fit.
        plan = fleet.desk.plan(expect=CHANGES)
    again = fleet.desk.outcomes(plan, expect=DONE)
    gone_on = {name for name, (outcome, _) in again.items() if outcome == "done"}
    assert gone_on == fleet.desk.devices.keys() - done
    for device in fleet.desk.devices.values():
        assert accepted(device.running()) == NEW


@pytest.mark.parametrize(
    ("step", "skip", "new"), [("commit", 2, False), ("confirm", 0, True)], ids=["lines", "confirm"]
)
def test_a_run_that_is_killed_is_brought_to_an_end_by_recover(
    fleet: Fleet, step: str, skip: int, new: bool
) -> None:
    desk, device = fleet.desk, fleet.desk.devices["r0"]
    fleet.use(fleet.timed)
    fleet.strike({"the first": Strike("hang", step, "", skip=skip)})
    device.clear_faults()
    device.inject("hang", step, seconds=60, skip=skip)
    process = desk.start("apply", fleet.timed.path.name, "--limit", "r0")
    assert eventually(lambda: device.faults()[0]["struck"] == 1, 20)
    process.kill()
    process.wait()
    device.clear_faults()
    told(desk.irrgate("recover"), DONE)
    assert device.candidates() == []
    never_wrong(device, fleet.running["r0"])
    assert accepted(device.running()) == (NEW if new else accepted(fleet.running["r0"]))


def test_what_a_wrong_password_and_a_strange_key_say(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path: Path
) -> None:
    desk = new_desk(fleet_lab, tmp_path / "desk", commands)
    known_hosts = desk.directory / "lab" / "known_hosts"
    keys = known_hosts.read_text()
    known_hosts.write_text("")
    plan = desk.plan("--limit", HEALTHY, expect=PROBLEMS)
    reason = plan.json["hosts"][HEALTHY]["reason"]
    assert reason.startswith("connect: its SSH host key ")
    assert "is not the one in known_hosts" in reason
    known_hosts.write_text(keys)
    desk.environ["IRRGATE_PASSWORD"] = "not-the-right-one"
    plan = desk.plan("--limit", HEALTHY, expect=PROBLEMS)
    assert "did not accept the username" in plan.json["hosts"][HEALTHY]["reason"]
    assert "not-the-right-one" not in plan.printed.stdout + plan.printed.stderr

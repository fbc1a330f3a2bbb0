"""IOS routers that refuse, hang, lie or vanish in the middle of a commit: nothing in between."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
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

NAME = "edge1.mex"
V4 = "IRR-AS64500-V4"
OLD = ["10.10.0.0/16 ge 17 le 17", "10.11.0.0/20", "10.11.24.0/22", "10.11.28.0/24", "192.0.2.0/24"]
"""to which three lines come, the entry that denies all first, and from which two go"""
SAMPLES = [*EJEMPLO_V4, "10.11.24.0/22", "10.11.28.0/24", "10.10.0.0/16", "203.0.113.0/24"]
HANG = 3.0
"""seconds that a hanging router says nothing; the driver's timeout here is 1 s"""


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("ios-faults")
    options = {"known_hosts": "lab/known_hosts"}
    with vendor_lab(directory, "ios", inherited_environ(), options, timeout=1) as network:
        yield network


@pytest.fixture
def desk(routers: LabNetwork, commands: CommandServer, tmp_path: Path) -> Desk:
    """A router with OLD in its filter."""
    renew(routers.devices.values(), lambda device: config(device, {V4: OLD}))
    return new_desk(routers, tmp_path / "desk", commands)


def only_this_filter(desk: Desk) -> Plan:
    """A plan for one filter of one router: what is there else is of one's own line count."""
    path = desk.directory / "inventory" / "hosts.yaml"
    text = path.read_text()
    for line in re.findall(r"    - peer: AS64501\n +address: .*\n", text):
        text = text.replace(line, "")
    path.write_text(text.replace("    - peer: AS64500\n      address: 2001:db8:1::2\n", "", 1))
    return desk.plan("--limit", NAME, expect=CHANGES)


def never_wrong(device: LabDevice, before: str) -> None:
    """At no line did the filter accept what neither old nor new does, or lose what both do."""
    device.running()
    records = [each for each in log(device) if each.event == "lines"]
    lines = [line for each in records for line in each.detail.split("\n")]
    old = {each for each in SAMPLES if accepts(before, V4, each)}
    for state in states(before, lines, V4, SAMPLES):
        assert old & set(EJEMPLO_V4) <= state <= old | set(EJEMPLO_V4), lines


@dataclass(frozen=True)
class Strike:
    """A fault, and what comes of it."""

    fault: str
    step: str
    outcome: str
    says: str = ""
    skip: int = 0
    text: str = ""


LATE = r"did not answer .* within .* s"
CLOSED = "closed the connection without an answer"
REFUSED = "commit: did not take every line: .*: "
STRIKES = {
    "cut between two lines": Strike("drop", "commit", "reverted", ".*", skip=2),
    "cut before the first": Strike("drop", "commit", "reverted", ".*"),
    "cut after the last": Strike("drop_after", "commit", "done", skip=4),
    "hangs between two lines": Strike("hang", "commit", "reverted", ".*", skip=2),
    "reboots between two lines": Strike("restart", "commit", "reverted|failed", ".*", skip=2),
    "reboots after the last": Strike("restart_after", "commit", "reverted|failed", ".*", skip=4),
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
    "keeps an entry without a word": Strike(
        "error", "commit", "reverted", f"does not hold what was committed: {V4}", 4, " ",
    ),
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
}  # fmt: skip


@pytest.mark.parametrize("strike", STRIKES.values(), ids=STRIKES)
def test_a_fault_during_an_apply(desk: Desk, strike: Strike) -> None:
    device = desk.devices[NAME]
    plan = only_this_filter(desk)
    before, startup = device.running(), device.ask("startup")
    device.inject(strike.fault, strike.step, seconds=HANG, skip=strike.skip, text=strike.text)
    expect = DONE if strike.outcome == "done" else PROBLEMS
    outcome, reason = desk.outcomes(plan, expect=expect)[NAME]
    assert re.fullmatch(strike.outcome, outcome), reason
    assert re.fullmatch(strike.says, reason), reason
    if strike.fault != "foreign_lock":
        assert device.faults()[0]["struck"] == 1 or strike.fault.startswith("restart")
    assert device.candidates() == []
    never_wrong(device, before)
    accepted = {each for each in SAMPLES if accepts(device.running(), V4, each)}
    if strike.outcome == "done":
        assert accepted == set(EJEMPLO_V4)
        assert device.ask("startup") == device.running()
    else:
        assert accepted == {each for each in SAMPLES if accepts(before, V4, each)}
        assert device.ask("startup") == startup
    device.clear_faults()
    desk.outcomes(plan, expect=DONE)
    assert {each for each in SAMPLES if accepts(device.running(), V4, each)} == set(EJEMPLO_V4)


@pytest.mark.parametrize(
    "strike",
    [
        Strike("drop", "commit", "reverted", ".*", skip=2),
        Strike("hang", "commit", "reverted", ".*", skip=2),
        Strike("error", "commit", "reverted", ".*Insertion failed.*", 1, "%Insertion failed"),
        Strike("error", "commit", "reverted", ".*lost lines.*", 1, " "),
        Strike("drop_after", "commit", "reverted|done", ".*", skip=4),
    ],
    ids=["cut", "hang", "refused line", "lost line", "cut after the last"],
)
def test_a_fault_where_the_timer_must_not_be_used(desk: Desk, strike: Strike) -> None:
    """What was there is put back entry by entry; nothing of it is saved in between."""
    device = desk.devices[NAME]
    path = desk.directory / "inventory" / "hosts.yaml"
    path.write_text(path.read_text().replace("data:", "data:\n    commit_confirm: false", 1))
    plan = only_this_filter(desk)
    before, startup = device.running(), device.ask("startup")
    device.inject(strike.fault, strike.step, seconds=HANG, skip=strike.skip, text=strike.text)
    done = desk.irrgate("--json", "apply", plan.path.name)
    outcome, reason = desk_outcome(done.stdout)
    assert re.fullmatch(strike.outcome, outcome), reason
    assert re.fullmatch(strike.says, reason), reason
    never_wrong(device, before)
    accepted = {each for each in SAMPLES if accepts(device.running(), V4, each)}
    if outcome == "reverted":
        assert accepted == {each for each in SAMPLES if accepts(before, V4, each)}
        assert device.ask("startup") == startup
    else:
        assert accepted == set(EJEMPLO_V4)


def desk_outcome(stdout: str) -> tuple[str, str]:
    [router] = json.loads(stdout)["routers"]
    return router["outcome"], router["reason"]


@pytest.mark.parametrize(
    ("step", "skip", "new"), [("commit", 2, False), ("confirm", 0, True)], ids=["lines", "confirm"]
)
def test_a_run_that_is_killed_is_brought_to_an_end_by_recover(
    desk: Desk, step: str, skip: int, new: bool
) -> None:
    device = desk.devices[NAME]
    plan = only_this_filter(desk)
    before = device.running()
    device.inject("hang", step, seconds=60, skip=skip)
    process = desk.start("apply", plan.path.name)
    assert eventually(lambda: device.faults()[0]["struck"] == 1, 20)
    process.kill()
    process.wait()
    device.clear_faults()
    told(desk.irrgate("recover"), DONE)
    assert device.candidates() == []
    never_wrong(device, before)
    accepted = {each for each in SAMPLES if accepts(device.running(), V4, each)}
    old = {each for each in SAMPLES if accepts(before, V4, each)}
    assert accepted == (set(EJEMPLO_V4) if new else old)
    desk.apply(plan, expect=DONE)


def test_what_a_wrong_password_and_a_strange_key_say(desk: Desk) -> None:
    known_hosts = desk.directory / "lab" / "known_hosts"
    keys = known_hosts.read_text()
    known_hosts.write_text("")
    plan = desk.plan("--limit", NAME, expect=PROBLEMS)
    reason = plan.json["hosts"][NAME]["reason"]
    assert reason.startswith("connect: its SSH host key ")
    assert "is not the one in known_hosts" in reason
    known_hosts.write_text(keys)
    desk.environ["IRRGATE_PASSWORD"] = "not-the-right-one"
    plan = desk.plan("--limit", NAME, expect=PROBLEMS)
    assert "did not accept the username" in plan.json["hosts"][NAME]["reason"]
    assert "not-the-right-one" not in plan.printed.stdout + plan.printed.stderr

"""SR OS routers that refuse, hang, lie or vanish: the filters are the old ones or the new."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from collections.abc import Iterator

import pytest

from irrgate.platforms.platform import Removal
from irrgate.prefixes import Afi
from irrgate.render import Renderer
from tasks.drivers.errors import CandidateRefused, CommitRefused
from tasks.drivers.sros import SrosDriver
from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    DONE,
    PROBLEMS,
    config,
    eventually,
    told,
)
from tests.e2e.fleets import (
    CLOSED,
    INTERNAL,
    LIST,
    LOGIN,
    NO_XML,
    OLD,
    SLOW,
    STRUCK,
    Fleet,
    Strike,
    fleet_lab_of,
    fleet_of,
)
from tests.lab.harness import LabDevice
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

GROUPS = """\
sros:
  platform: sros
  connection_options:
    napalm:
      extras:
        optional_args: {known_hosts: lab/known_hosts}
"""
HEALTHY = f"sros{STRUCK + 1}"
NO_SSH = "connect: closed the connection, or said what is not SSH"
READ = "read the running config"
LOCKED = (
    r"MINOR: MGMT_CORE #2052: Lock denied - the candidate datastore is locked by session 4711 "
    r"\(somebody is at work on its configuration: .*\)"
)


_REFUSED = (
    "<rpc-error><error-type>application</error-type><error-tag>operation-failed</error-tag>"
    "<error-severity>error</error-severity><error-message>no space left on cf3:</error-message>"
    "</rpc-error>"
)


def late(operation: str) -> str:
    return rf"did not answer {operation} within 1 s \({SLOW}\)"


def strike(fault: str, step: str, says: str) -> Strike:
    """A fault that leaves the old filters."""
    return Strike("sros", fault, step, says)


def done(fault: str, step: str) -> Strike:
    """A fault that the run gets over by itself."""
    return Strike("sros", fault, step, "", "new", "done")


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("sros-fleet")
    with fleet_lab_of(directory, GROUPS, ["sros"]) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    return fleet_of(fleet_lab, commands, tmp_path_factory.mktemp("sros-desk"))


PLAN_STRIKES = {
    "connect": [
        strike("refuse", "connect", NO_SSH),
        # It hangs up after a while here: paramiko waits for 15 s, whatever the timeout is.
        strike("hang", "connect", NO_SSH),
        strike("drop", "login", "connect: closed the connection during the login"),
        strike("error", "login", f"connect: {LOGIN}"),
    ],
    "get_config": [
        strike("error", "get_config", f"{READ}: {INTERNAL}"),
        strike("hang", "get_config", f"{READ}: {late('get-config')}"),
        strike("garbage", "get_config", f"{READ}: {NO_XML}"),
        strike("truncate", "get_config", f"{READ}: {NO_XML}"),
    ],
    "load": [
        strike("error", "load", f"load: {INTERNAL}"),
        strike("hang", "load", f"load: {late('edit-config')}"),
        strike("foreign_lock", "load", f"load: {LOCKED}"),
        strike("drop_after", "load", f"load: {CLOSED}"),
    ],
    "compare and discard": [
        strike("error", "compare", f"load: {INTERNAL}"),
        strike("drop", "compare", f"load: {CLOSED}"),
        strike("error", "discard", f"discard: {INTERNAL}"),
        strike("hang", "discard", f"discard: {late('discard-changes')}"),
    ],
}


@pytest.mark.parametrize("strikes", PLAN_STRIKES.values(), ids=PLAN_STRIKES)
def test_a_fault_during_a_plan(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    plan = fleet.desk.plan(expect=PROBLEMS)
    assert plan.hosts == {
        name: "failed" if name in struck else "change" for name in fleet.desk.devices
    }
    for name, each in struck.items():
        reason = plan.json["hosts"][name]["reason"]
        assert re.fullmatch(each.says, reason), reason
        assert plan.json["hosts"][name]["candidate"] is None
    assert fleet.wrong(struck) == []


APPLY_STRIKES = {
    "before the commit": [
        strike("error", "login", f"connect: {LOGIN}"),
        strike("drop_after", "load", f"load: {CLOSED}"),
        strike("hang", "load", f"load: {late('edit-config')}"),
        strike("foreign_lock", "load", f"connect: {LOCKED}"),
    ],
    "commit": [
        strike("error", "commit", f"commit: {INTERNAL}"),
        strike("hang", "commit", f"commit: {late('commit')}".removesuffix(rf" \({SLOW}\)")),
        strike("drop", "commit", f"commit: {CLOSED}"),
        done("drop_after", "commit"),
    ],
    "a commit that was not answered, and a confirmation": [
        done("hang_after", "commit"),
        done("garbage", "commit"),
        done("error", "confirm"),
        done("drop", "confirm"),
    ],
    "confirm": [
        done("hang", "confirm"),
        done("hang_after", "confirm"),
        done("garbage", "confirm"),
        done("drop_after", "confirm"),
    ],
}


@pytest.mark.parametrize("strikes", APPLY_STRIKES.values(), ids=APPLY_STRIKES)
def test_a_fault_during_an_apply(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    expect = DONE if all(each.outcome == "done" for each in strikes) else PROBLEMS
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=expect)
    assert outcomes[HEALTHY] == ("done", "")
    for name, each in struck.items():
        outcome, reason = outcomes[name]
        assert outcome == each.outcome, reason
        assert re.fullmatch(each.says, reason), reason
    assert fleet.wrong(struck) == []
    for device in fleet.desk.devices.values():
        device.clear_faults()
    second = fleet.desk.outcomes(fleet.reviewed, expect=DONE)
    holds_it = fleet.desk.devices.keys() - {n for n, each in struck.items() if each.then != "new"}
    assert second == {
        name: ("already" if name in holds_it else "done", "") for name in fleet.desk.devices
    }
    assert {name: device.running() for name, device in fleet.desk.devices.items()} == fleet.new


@pytest.mark.parametrize(
    ("fault", "step", "outcome"),
    [
        ("hang", "commit", "failed"),
        ("hang_after", "commit", "done"),
        ("hang_after", "confirm", "done"),
    ],
)
def test_a_run_that_is_killed_is_brought_to_an_end(
    fleet: Fleet, fault: str, step: str, outcome: str
) -> None:
    fleet.strike([])
    desk, name = fleet.desk, "sros1"
    device = desk.devices[name]
    desk.edit("groups.yaml", "timeout: 1\n", "timeout: 60\n")
    try:
        device.inject(fault, step, seconds=60)
        process = desk.start("apply", fleet.reviewed.path.name)
        assert device.wait_for_hang()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        device.clear_faults()
        recovered = json.loads(told(desk.irrgate("--json", "recover"), DONE).stdout)
    finally:
        desk.edit("groups.yaml", "timeout: 60\n", "timeout: 1\n")
    assert {row["router"]: row["outcome"] for row in recovered}[name] == outcome
    new = outcome == "done"
    for _ in range(2):
        assert device.running() == (fleet.new if new else fleet.old)[name]
        assert eventually(lambda: device.locks() == device.candidates() == [])
        device.advance(4000)
    if new:
        assert (device.directory / "startup.conf").read_text() == device.running()


def test_a_commit_that_is_in_though_it_was_refused_is_confirmed_or_goes_back(fleet: Fleet) -> None:
    """As where the router saves by itself, and cannot."""
    fleet.strike([])
    device = fleet.desk.devices["sros1"]
    device.inject("garbage", "commit", text=_REFUSED)
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=DONE)
    assert outcomes["sros1"] == ("done", "")
    device.advance(4000)
    assert device.running() == fleet.new["sros1"]


def test_what_is_confirmed_and_cannot_be_saved_is_not_told_as_done(fleet: Fleet) -> None:
    fleet.strike([])
    device = fleet.desk.devices["sros1"]
    device.inject("error", "save", count=1000)
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=PROBLEMS)
    outcome, reason = outcomes["sros1"]
    assert outcome == "unsettled"
    assert "cannot be saved" in reason
    assert "save_startup: false" in reason
    assert device.running() == fleet.new["sros1"]
    device.clear_faults()
    told(fleet.desk.irrgate("recover"), DONE)
    assert (device.directory / "startup.conf").read_text() == device.running()


def test_what_nobody_confirms_the_router_takes_back(fleet: Fleet) -> None:
    fleet.strike([])
    device = fleet.desk.devices["sros1"]
    with connected(device) as driver:
        driver.load_merge_candidate(config=fleet.reviewed.member("hosts/sros1/candidate"))
        driver.commit_config(revert_in=60)
        mark = driver.commit_mark
    assert device.running() == fleet.new["sros1"]
    device.restart()
    assert device.running() == fleet.new["sros1"]
    [waiting] = device.candidates()
    device.advance(float(str(waiting["seconds"])) + 1)
    assert device.running() == fleet.old["sros1"]
    with connected(device) as driver:
        driver.commit_mark = mark
        assert not driver.has_pending_commit()
        with pytest.raises(CommitRefused, match="no commit waits"):
            driver.confirm_commit()


def test_a_commit_of_somebody_else_that_waits_is_left_alone(fleet: Fleet) -> None:
    """SR OS shows it to nobody, and lets nobody else commit."""
    fleet.strike([])
    device = fleet.desk.devices["sros1"]
    other = {LIST: OLD, "CORE": ["10.0.0.0/8"]}
    with connected(device) as person:
        person.load_replace_candidate(config=config(device, other).replace(_SYSTEM, ""))
        person.commit_config(revert_in=600)
        mark = person.commit_mark
    held = device.running()
    outcome, reason = fleet.desk.outcomes(fleet.reviewed, expect=PROBLEMS)["sros1"]
    assert outcome == "failed"
    assert re.fullmatch("commit: MINOR: MGMT_CORE #2056: Confirmed commit in progress.*", reason)
    assert device.running() == held
    with connected(device) as person:
        assert person._get_pending_commits() == {}
        person.commit_mark = mark
        assert person.has_pending_commit()
        person.rollback()
        assert not person.has_pending_commit()
    assert device.running() == fleet.old["sros1"]


def test_a_filter_that_a_policy_refers_to_is_not_removed_behind_its_back(fleet: Fleet) -> None:
    fleet.strike([])
    device = fleet.desk.devices["sros1"]
    uses = "<from><prefix-list>{}</prefix-list></from>"
    policy = f"<policy-statement><name>IN</name><entry><entry-id>10</entry-id>{uses.format(LIST)}"
    policy += "</entry></policy-statement></policy-options>"
    device.set_running(device.running().replace("</policy-options>", policy))
    removal = Renderer().render("sros", [], [Removal(LIST, Afi.IPV4, "ipv4")])
    with connected(device) as driver:
        with pytest.raises(CandidateRefused, match=r"#224: configure .* Entry does not exist"):
            driver.load_merge_candidate(config=removal)
        assert not driver.locked
        assert device.candidates() == []


def test_wrong_keys_and_passwords_are_told_apart(fleet: Fleet) -> None:
    fleet.strike([])
    desk = fleet.desk
    known_hosts = desk.directory / "lab" / "known_hosts"
    right = known_hosts.read_text()
    first = right.splitlines()[0].split()[-1]
    try:
        # Each with another one's key, but for the one whose key it is.
        known_hosts.write_text(re.sub(r"\S+$", first, right, flags=re.MULTILINE))
        plan = desk.plan(expect=PROBLEMS)
    finally:
        known_hosts.write_text(right)
    assert plan.hosts.pop("sros1") == "change"
    for name in fleet.desk.devices.keys() - {"sros1"}:
        assert re.match(
            "connect: its SSH host key MD5:.* is not the one in known_hosts",
            plan.json["hosts"][name]["reason"],
        )
        assert desk.devices[name].steps().get("login", 0) == 0
    wrong = desk.irrgate("plan", "--out", "w.zip", environ={"IRRGATE_PASSWORD": "wrong"})
    assert wrong.exit_code == PROBLEMS
    assert "did not accept the username" in wrong.stdout + wrong.stderr


_SYSTEM = "<system><name>sros1</name></system>"


@contextlib.contextmanager
def connected(device: LabDevice) -> Iterator[SrosDriver]:
    """A driver of NAPALM's own users."""
    known_hosts = device.directory / "known_hosts"
    ready = json.loads((device.directory / "ready.json").read_text())
    known_hosts.write_text(f"[{device.host}]:{device.port} {ready['host_key']}\n")
    options = {"port": device.port, "known_hosts": str(known_hosts)}
    driver = SrosDriver(device.host, device.username, device.password, 20, options)
    driver.open()
    try:
        yield driver
    finally:
        driver.close()

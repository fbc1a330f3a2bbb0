"""SR OS routers that refuse, hang, lie or vanish: the filters are the old ones or the new."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    PROBLEMS,
    config,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.e2e.test_router_faults import (
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
)
from tests.lab.harness import PROJECT
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

HEALTHY = f"sros{STRUCK + 1}"
NO_SSH = "connect: closed the connection, or said what is not SSH"
READ = "read the running config"
LOCKED = (
    r"MINOR: MGMT_CORE #2052: Lock denied - the candidate datastore is locked by session 4711 "
    r"\(somebody is at work on its configuration: .*\)"
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
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(
        "sros:\n  platform: sros\n  connection_options:\n    napalm:\n      extras:\n"
        "        timeout: 1\n        optional_args: {known_hosts: lab/known_hosts}\n"
    )
    (inventory / "hosts.yaml").write_text(
        "".join(
            f"sros{number}:\n  hostname: 127.0.0.1\n  groups: [sros]\n"
            f"  data: {{sessions: [{{peer: AS64500, address: 198.51.100.{number}}}]}}\n"
            for number in range(1, STRUCK + 2)
        )
    )
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    """The routers before, and how they are after an apply without a fault."""
    desk = new_desk(fleet_lab, tmp_path_factory.mktemp("sros-desk") / "desk", commands)
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
    return Fleet(desk, old, new, digests, reviewed)


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

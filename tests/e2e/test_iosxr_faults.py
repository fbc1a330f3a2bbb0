"""IOS-XR routers that refuse, hang, lie or vanish, at each step of plan and of apply.

As in test_router_faults, each run strikes several routers, and one of them is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    DONE,
    PROBLEMS,
)
from tests.e2e.fleets import (
    CLOSED,
    INTERNAL,
    LOGIN,
    NO_XML,
    SLOW,
    Fleet,
    Strike,
    fleet_lab_of,
    fleet_of,
)
from tests.e2e.iosxr_lab import GROUPS
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

STRUCK = 8
HEALTHY = f"iosxr_netconf{STRUCK + 1}"
FOREIGN = r"session 4711 holds the lock on its configuration \(on the router, show .*\)"
NO_SSH = "connect: closed the connection, or .* not SSH"


def late(what: str) -> str:
    return rf"did not answer within 1 s: {what} \({SLOW}\)"


def strike(fault: str, step: str, says: str, outcome: str = "failed", then: str = "old") -> Strike:
    return Strike("iosxr_netconf", fault, step, says, then, outcome)


def done(fault: str, step: str) -> Strike:
    """A fault that the run gets over by itself."""
    return strike(fault, step, "", "done", "new")


def reverted(fault: str, step: str, says: str) -> Strike:
    """A fault with which the session ended, and with it the commit."""
    return strike(fault, step, says, "reverted")


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("xr-fleet")
    with fleet_lab_of(directory, GROUPS, ["iosxr_netconf"], STRUCK) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    return fleet_of(fleet_lab, commands, tmp_path_factory.mktemp("xr-desk"), STRUCK)


PLAN_STRIKES = {
    "before a candidate": [
        strike("refuse", "connect", NO_SSH),
        strike("drop", "login", "connect: closed the connection during the login"),
        strike("error", "login", f"connect: {LOGIN}"),
        strike("error", "get_config", f"read the running config: {INTERNAL}"),
        strike("hang", "get_config", f"read the running config: {late('read .*')}"),
        strike("garbage", "get_config", f"read the running config: {NO_XML}"),
        strike("truncate", "get_config", "read the running config: is cut off: .*"),
        strike("foreign_lock", "load", f"load: {FOREIGN}"),
    ],
    "with a candidate": [
        strike("error", "load", f"load: {INTERNAL}"),
        strike("hang", "load", f"load: {late('load the candidate')}"),
        strike("drop_after", "load", f"load: {CLOSED}"),
        strike("hang", "compare", f"compare: {late('compare')}"),
        strike("garbage", "compare", f"compare: {NO_XML}"),
        strike("drop", "compare", f"compare: {CLOSED}"),
        strike("error", "discard", f"discard: {INTERNAL}"),
        strike("garbage", "discard", f"discard: {NO_XML}"),
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
        assert re.fullmatch(each.says, plan.json["hosts"][name]["reason"])
        assert plan.json["hosts"][name]["candidate"] is None
    assert fleet.wrong(struck) == []


APPLY_STRIKES = {
    "till it is committed": [
        strike("drop_after", "load", f"load: {CLOSED}"),
        strike("hang", "compare", f"compare: {late('compare')}"),
        strike("foreign_lock", "load", f"connect: {FOREIGN}"),
        strike("truncate", "get_config", "read the running config: is cut off: .*"),
        strike("error", "commit", f"commit: {INTERNAL}"),
        strike("hang", "commit", "commit: did not answer within 1 s: commit"),
        strike("drop", "commit", f"commit: {CLOSED}"),
        strike("garbage", "commit", f"commit: {NO_XML}"),
    ],
    "once it is committed": [
        strike("drop_after", "commit", f"commit: {CLOSED}"),
        strike("restart_after", "commit", f"commit: {CLOSED}"),
        strike("hang_after", "commit", "commit: did not answer within 1 s: commit"),
        done("drop_after", "confirm"),
        done("garbage", "confirm"),
        reverted("error", "confirm", f"confirm: {INTERNAL}"),
        reverted("drop", "confirm", f"confirm: {CLOSED}"),
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
        assert (outcome, bool(re.fullmatch(each.says, reason))) == (each.outcome, True), reason
    assert fleet.wrong(struck) == []
    for device in fleet.desk.devices.values():
        device.clear_faults()
    second = fleet.desk.outcomes(fleet.reviewed, expect=DONE)
    old = {name for name, each in struck.items() if each.then != "new"}
    assert second == {
        name: ("done" if name in old else "already", "") for name in fleet.desk.devices
    }

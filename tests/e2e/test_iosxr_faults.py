"""IOS-XR routers that refuse, hang, lie or vanish, at each step of plan and of apply.

As in test_router_faults, each run strikes several routers, and one of them is left alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    config,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.e2e.iosxr_lab import GROUPS, V4
from tests.e2e.test_router_faults import CLOSED, HANG, INTERNAL, LOGIN, NO_XML, SLOW, Fleet, Strike
from tests.lab.harness import PROJECT
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

STRUCK = 8
HEALTHY = f"iosxr_netconf{STRUCK + 1}"
OLD = [*EJEMPLO_V4[:4], "10.11.24.0/22", "192.0.2.0/24"]
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


class XrFleet(Fleet):
    """A fleet of one platform."""

    def strike(self, strikes: Sequence[Strike]) -> dict[str, Strike]:
        renew(self.desk.devices.values(), lambda device: self.old[device.name])
        assert len(strikes) <= STRUCK
        struck = {f"iosxr_netconf{at}": each for at, each in enumerate(strikes, 1)}
        for name, each in struck.items():
            self.desk.devices[name].inject(each.fault, each.step, seconds=HANG)
        return struck


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("xr-fleet")
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(
        GROUPS.replace("      extras:\n", "      extras:\n        timeout: 1\n")
    )
    (inventory / "hosts.yaml").write_text(
        "".join(
            f"iosxr_netconf{at}:\n  hostname: 127.0.0.1\n  groups: [iosxr_netconf]\n"
            f"  data: {{sessions: [{{peer: AS64500, address: 198.51.100.{at}}}]}}\n"
            for at in range(1, STRUCK + 2)
        )
    )
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> XrFleet:
    """The routers before, and how they are after an apply without a fault."""
    desk = new_desk(fleet_lab, tmp_path_factory.mktemp("xr-desk") / "desk", commands)
    renew(desk.devices.values(), lambda device: config(device, {V4: OLD}))
    old = {name: device.running() for name, device in desk.devices.items()}
    reviewed = desk.plan(expect=CHANGES)
    desk.apply(reviewed, expect=DONE)
    new = {name: device.running() for name, device in desk.devices.items()}
    digests = {}
    for name, device in desk.devices.items():
        [commit] = [each for each in log(device) if each.event == "commit-confirmed"]
        digests[name] = {commit.before, commit.after}
    return XrFleet(desk, old, new, digests, reviewed)


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
def test_a_fault_during_a_plan(fleet: XrFleet, strikes: list[Strike]) -> None:
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
def test_a_fault_during_an_apply(fleet: XrFleet, strikes: list[Strike]) -> None:
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

"""Routers that refuse, hang, lie or vanish, at each step of plan and of apply.

Each run strikes several routers, each with its own fault, so that it shows as well that one
failure stops one thing: the router of each platform that is left alone is always done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    PROBLEMS,
    eventually,
)
from tests.e2e.fleets import (
    CLOSED,
    INTERNAL,
    LOGIN,
    NO_XML,
    SLOW,
    STRUCK,
    Fleet,
    Strike,
    fleet_lab_of,
    fleet_of,
)
from tests.lab.harness import PROJECT
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

HEALTHY = [f"{platform}{STRUCK + 1}" for platform in ("eos", "junos")]

LATE = rf"did not answer in time \({SLOW}\)"
NO_JSON = "answered with what is not eAPI's JSON"
FOREIGN_EOS = (
    r"another configuration session is open on it "
    r"\(on the router, show configuration sessions lists it\)"
)
FOREIGN_JUNOS = r"configuration database locked by: noc terminal \(pid 4711\).*"
FOREIGN_JUNOS += r" \(somebody is at work on its configuration: try again when it is done\)"
SESSION = "configure session irrgate-[0-9a-f]{8}-[0-9a-f]{8}"


def eos_error(command: str) -> str:
    return rf"CLI command \d+ of \d+ '{command}' failed: could not run command: Internal error"


def late(rpc: str) -> str:
    return rf"did not answer {rpc} within 1 s \({SLOW}\)"


@pytest.fixture(scope="module")
def fleet_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("fleet")
    groups = (PROJECT / "inventory" / "groups.yaml").read_text()
    with fleet_lab_of(directory, groups, ("eos", "junos")) as network:
        yield network


@pytest.fixture(scope="module")
def fleet(
    fleet_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> Fleet:
    return fleet_of(fleet_lab, commands, tmp_path_factory.mktemp("fleet-desk"))


PLAN_STRIKES = {
    "connect": [
        Strike("eos", "refuse", "connect", f"connect: {CLOSED}"),
        Strike("eos", "hang", "connect", f"connect: {LATE}"),
        Strike("eos", "drop", "login", f"connect: {CLOSED}"),
        Strike("eos", "garbage", "login", f"connect: {NO_JSON}"),
        Strike("junos", "refuse", "connect", "connect: closed the connection, or .* not SSH"),
        # It hangs up after a while here: paramiko waits for 15 s, whatever the timeout is.
        Strike("junos", "hang", "connect", "connect: closed the connection, or .* not SSH"),
        Strike("junos", "drop", "login", "connect: closed the connection during the login"),
        Strike("junos", "garbage", "connect", "connect: closed the connection, or .* not SSH"),
    ],
    "login and foreign lock": [
        Strike("eos", "error", "login", f"connect: {LOGIN}"),
        Strike("eos", "hang", "login", f"connect: {LATE}"),
        Strike("eos", "foreign_lock", "load", f"load: {FOREIGN_EOS}"),
        Strike("eos", "drop", "load", f"load: {CLOSED}"),
        Strike("junos", "error", "login", f"connect: {LOGIN}"),
        Strike("junos", "hang", "login", "connect: closed the connection during the login"),
        Strike("junos", "foreign_lock", "load", f"load: {FOREIGN_JUNOS}"),
        Strike("junos", "drop", "load", f"load: {CLOSED}"),
    ],
    "get_config": [
        Strike("eos", "error", "get_config", f"read .*: {eos_error('show running-config')}"),
        Strike("eos", "hang", "get_config", f"read the running config: {LATE}"),
        Strike("eos", "garbage", "get_config", f"read the running config: {NO_JSON}"),
        Strike("eos", "truncate", "get_config", "read the running config: is cut off: .*"),
        Strike("junos", "error", "get_config", f"read the running config: {INTERNAL}"),
        Strike("junos", "hang", "get_config", f"read .*: {late('get-configuration')}"),
        Strike("junos", "garbage", "get_config", f"read the running config: {NO_XML}"),
        Strike("junos", "truncate", "get_config", "read the running config: is cut off inside .*"),
    ],
    "load": [
        Strike("eos", "error", "load", f"load: {eos_error(SESSION)}"),
        Strike("eos", "hang", "load", f"load: {LATE}"),
        Strike("eos", "garbage", "load", f"load: {NO_JSON}"),
        Strike("eos", "drop_after", "load", f"load: {CLOSED}"),
        Strike("junos", "error", "load", f"load: {INTERNAL}"),
        Strike("junos", "hang", "load", f"load: {late('load-configuration')}"),
        Strike("junos", "garbage", "load", f"load: {NO_XML}"),
        Strike("junos", "drop_after", "load", f"load: {CLOSED}"),
    ],
    "compare": [
        Strike("eos", "error", "compare", f"compare: {eos_error('show session-config .* diffs')}"),
        Strike("eos", "hang", "compare", f"compare: {LATE}"),
        Strike("eos", "garbage", "compare", f"compare: {NO_JSON}"),
        Strike("eos", "drop", "compare", f"compare: {CLOSED}"),
        Strike("junos", "error", "compare", f"compare: {INTERNAL}"),
        Strike("junos", "hang", "compare", f"compare: {late('get-configuration')}"),
        Strike("junos", "garbage", "compare", f"compare: {NO_XML}"),
        Strike("junos", "drop", "compare", f"compare: {CLOSED}"),
    ],
    "discard": [
        Strike("eos", "error", "discard", f"discard: {eos_error('configure session .* abort')}"),
        Strike("eos", "hang", "discard", f"discard: {LATE}"),
        Strike("eos", "garbage", "discard", f"discard: {NO_JSON}"),
        Strike("eos", "drop", "discard", f"discard: {CLOSED}"),
        Strike("junos", "error", "discard", f"discard: {INTERNAL}"),
        Strike("junos", "hang", "discard", f"discard: {late('load-configuration')}"),
        Strike("junos", "garbage", "discard", f"discard: {NO_XML}"),
        Strike("junos", "drop", "discard", f"discard: {CLOSED}"),
    ],
}


@pytest.mark.parametrize("strikes", PLAN_STRIKES.values(), ids=PLAN_STRIKES)
def test_a_fault_during_a_plan(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    plan = fleet.desk.plan(expect=PROBLEMS)
    assert plan.hosts == {
        name: "failed" if name in struck else "change" for name in fleet.desk.devices
    }
    for name, strike in struck.items():
        assert re.fullmatch(strike.says, plan.json["hosts"][name]["reason"])
        assert plan.json["hosts"][name]["candidate"] is None
    assert fleet.wrong(struck) == []
    for device in fleet.desk.devices.values():
        device.clear_faults()
    assert set(fleet.desk.plan(expect=CHANGES).hosts.values()) == {"change"}


def done(platform: str, fault: str, step: str) -> Strike:
    """A fault that the run gets over by itself."""
    return Strike(platform, fault, step, "", "new", "done")


READ = "read the running config"
APPLY_STRIKES = {
    "before the commit": [
        Strike("eos", "error", "login", f"connect: {LOGIN}"),
        Strike("eos", "drop_after", "load", f"load: {CLOSED}"),
        Strike("eos", "garbage", "compare", f"compare: {NO_JSON}"),
        Strike("eos", "foreign_lock", "load", f"load: {FOREIGN_EOS}"),
        Strike("junos", "refuse", "connect", "connect: closed the connection, or .* not SSH"),
        Strike("junos", "drop_after", "load", f"load: {CLOSED}"),
        Strike("junos", "hang", "compare", f"compare: {late('get-configuration')}"),
        Strike("junos", "foreign_lock", "load", f"connect: {FOREIGN_JUNOS}"),
    ],
    "commit": [
        Strike(
            "eos", "error", "commit", "commit: " + eos_error("configure session .* timer 00:05:00")
        ),
        Strike("eos", "hang", "commit", "commit: did not answer in time"),
        done("eos", "garbage", "commit"),
        done("eos", "drop_after", "commit"),
        Strike("junos", "error", "commit", f"commit: {INTERNAL}"),
        Strike("junos", "hang", "commit", "commit: did not answer commit-configuration within 1 s"),
        done("junos", "garbage", "commit"),
        done("junos", "drop_after", "commit"),
    ],
    "first look": [
        Strike("eos", "error", "get_config", f"{READ}: {eos_error('show running-config')}"),
        Strike("eos", "hang", "get_config", f"{READ}: {LATE}"),
        Strike("eos", "garbage", "get_config", f"{READ}: {NO_JSON}"),
        Strike("eos", "truncate", "get_config", f"{READ}: is cut off: .*"),
        Strike("junos", "error", "get_config", f"{READ}: {INTERNAL}"),
        Strike("junos", "garbage", "get_config", f"{READ}: {NO_XML}"),
        Strike("junos", "truncate", "get_config", f"{READ}: is cut off inside .*"),
        Strike("junos", "drop", "get_config", f"{READ}: {CLOSED}"),
    ],
    "confirm": [
        done("eos", "error", "confirm"),
        done("eos", "hang", "confirm"),
        done("eos", "garbage", "confirm"),
        done("eos", "drop_after", "confirm"),
        done("junos", "error", "confirm"),
        done("junos", "hang", "confirm"),
        done("junos", "garbage", "confirm"),
        done("junos", "drop_after", "confirm"),
    ],
    "cut before it is applied": [
        Strike("eos", "drop", "commit", f"commit: {CLOSED}"),
        done("eos", "drop", "confirm"),
        Strike("eos", "hang", "load", f"load: {LATE}"),
        Strike("junos", "drop", "commit", f"commit: {CLOSED}"),
        done("junos", "drop", "confirm"),
        Strike("junos", "hang", "load", f"load: {late('load-configuration')}"),
    ],
}


@pytest.mark.parametrize("strikes", APPLY_STRIKES.values(), ids=APPLY_STRIKES)
def test_a_fault_during_an_apply(fleet: Fleet, strikes: list[Strike]) -> None:
    struck = fleet.strike(strikes)
    expect = DONE if all(each.outcome == "done" for each in strikes) else PROBLEMS
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=expect)
    assert {name: outcomes[name] for name in HEALTHY} == dict.fromkeys(HEALTHY, ("done", ""))
    for name, strike in struck.items():
        outcome, reason = outcomes[name]
        assert outcome == strike.outcome, reason
        assert re.fullmatch(strike.says, reason)
    assert fleet.wrong(struck) == []
    for name in HEALTHY:
        assert fleet.desk.devices[name].running() == fleet.new[name]

    for device in fleet.desk.devices.values():
        device.clear_faults()
    second = fleet.desk.outcomes(fleet.reviewed, expect=DONE)
    holds_it = fleet.desk.devices.keys() - {n for n, each in struck.items() if each.then != "new"}
    assert second == {
        name: ("already" if name in holds_it else "done", "") for name in fleet.desk.devices
    }
    assert {name: device.running() for name, device in fleet.desk.devices.items()} == fleet.new


def test_a_candidate_that_cannot_be_discarded_is_cleared_by_the_next_run(fleet: Fleet) -> None:
    """EOS keeps a session whose owner is gone; another irrgate's, or a person's, is left alone."""
    struck = fleet.strike(
        [
            Strike("eos", "error", "compare", r"compare: .*Internal error"),
            Strike("junos", "error", "compare", f"compare: {INTERNAL}"),
        ]
    )
    for name, strike in struck.items():
        fault = "error" if strike.platform == "eos" else "drop"
        fleet.desk.devices[name].inject(fault, "discard", count=2)
    outcomes = fleet.desk.outcomes(fleet.reviewed, expect=PROBLEMS)
    for name, strike in struck.items():
        assert outcomes[name][0] == "failed"
        assert re.fullmatch(strike.says, outcomes[name][1])
        assert fleet.desk.devices[name].running() == fleet.old[name]
        fleet.desk.devices[name].clear_faults()
    [left] = fleet.desk.devices["eos1"].candidates()
    assert str(left["name"]).startswith("irrgate-")
    second = fleet.desk.outcomes(fleet.reviewed, expect=DONE)
    assert {name: second[name] for name in struck} == dict.fromkeys(struck, ("done", ""))
    for name in struck:
        device = fleet.desk.devices[name]
        assert eventually(lambda d=device: d.locks() == d.candidates() == [])  # type: ignore[misc]

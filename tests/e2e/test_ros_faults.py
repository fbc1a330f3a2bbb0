"""What goes wrong with RouterOS: the filters are the old ones or the new, and it is told which.

Each run strikes several routers at once, each at another line of its commit, and leaves one alone.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    Desk,
    config,
    eventually,
    inherited_environ,
    new_desk,
    renew,
    told,
)
from tests.e2e.ros_states import never_wrong
from tests.lab import ros_semantics
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.network import LabNetwork, lab_network
from tests.lab.ros_api import SILENT

pytestmark = pytest.mark.e2e

ROUTERS = ["ros0", "ros1", "ros2", "ros3"]
HEALTHY = "ros9"
V4 = "IRR-AS64500-V4"
OLD = [*EJEMPLO_V4[2:], "10.11.24.0/22", "10.11.32.0/22"]
"""two prefixes less than the registry has, and two others"""
LINES = 3
"""that the change takes: one rule comes, which is two prefixes, and two go"""
PROBES = {V4: sorted({*OLD, *EJEMPLO_V4, "10.0.0.0/8", "203.0.113.0/24"})}
HANG = 3.0
"""seconds that a hanging router says nothing; the driver's timeout here is 1 s"""
LATE = r"did not answer in time"
GROUPS = """\
ros:
  platform: ros
  connection_options:
    napalm: {extras: {timeout: 1, optional_args: {ca_file: lab/certificates.pem}}}
"""


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("ros")
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(GROUPS)
    (inventory / "hosts.yaml").write_text(
        "".join(
            f"{name}:\n  hostname: 127.0.0.1\n  groups: [ros]\n"
            f"  data: {{sessions: [{{peer: AS64500, address: 198.51.100.2}}]}}\n"
            for name in (*ROUTERS, HEALTHY)
        )
    )
    with (inventory / "network.yaml").open("a") as file:
        file.write("guards: {max_growth: 100}\n")
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(routers: LabNetwork, commands: CommandServer, tmp_path: Path) -> Desk:
    """All routers have the old filter of one neighbour."""
    renew(routers.devices.values(), before)
    return new_desk(routers, tmp_path / "desk", commands)


def before(device: LabDevice) -> str:
    return config(device, {V4: OLD})


def holds(device: LabDevice) -> str:
    """Which filter a router has."""
    chain = ros_semantics.chain(device.running(), V4)
    accepted = {probe for probe in PROBES[V4] if chain.accepts(probe)}
    named = {"old": set(OLD), "new": set(EJEMPLO_V4)}
    return next((name for name, wanted in named.items() if accepted == wanted), "between")


def never_wrong_between(device: LabDevice) -> None:
    never_wrong(before(device), device, PROBES, between=(OLD, EJEMPLO_V4))


FAULTS = {
    "error": "commit: /routing/filter/rule/.*: failure: not enough memory",
    "drop": "commit: closed the connection",
    "drop_after": "commit: closed the connection",
    "hang": f"commit: {LATE}",
    "garbage": "commit: said what is not the API: .*",
    "restart": "commit: closed the connection",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_commit_that_fails_on_the_way_is_undone(desk: Desk, fault: str) -> None:
    plan = desk.plan(expect=CHANGES)
    for at, name in enumerate(ROUTERS[:LINES]):
        desk.devices[name].inject(fault, "commit", skip=at, seconds=HANG)
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    assert outcomes[HEALTHY] == ("done", "")
    for at, name in enumerate(ROUTERS[:LINES]):
        device = desk.devices[name]
        outcome, why = outcomes[name]
        assert device.faults()[0]["struck"] == 1
        if at == LINES - 1 and fault in {"drop_after", "garbage"}:
            # The last line that it was told is done.
            assert (outcome, holds(device)) == ("done", "new")
            continue
        assert outcome in {"failed", "reverted"}, why
        assert re.match(FAULTS[fault], why), why
        assert holds(device) == "old"
        never_wrong_between(device)
        device.clear_faults()
    second = desk.outcomes(plan, expect=DONE)
    assert {outcome for outcome, _ in second.values()} <= {"done", "already"}
    assert {holds(device) for device in desk.devices.values()} == {"new"}


def test_what_a_router_does_not_do_though_it_says_so_is_seen(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    for at, name in enumerate(ROUTERS[:LINES]):
        desk.devices[name].inject("error", "commit", skip=at, text=SILENT)
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    for name in ROUTERS[:LINES]:
        outcome, why = outcomes[name]
        # Where it was the only one, and nothing goes in its place, nothing has changed.
        assert outcome in {"failed", "reverted"}
        read_back = f"does not hold what was committed: {V4}"
        assert read_back in why or "said to have taken, and has not: " in why
        assert holds(desk.devices[name]) == "old"
        never_wrong_between(desk.devices[name])


def test_a_router_that_cannot_be_read_is_not_one_without_filters(desk: Desk) -> None:
    faults = {
        "ros0": ("truncate", "get_config", "sent 3 filter rules and has 7: they are being changed"),
        "ros1": ("drop", "get_config", "closed the connection"),
        "ros2": ("error", "get_config", "not enough memory"),
        "ros3": ("hang", "login", LATE),
    }
    for name, (fault, step, _) in faults.items():
        desk.devices[name].inject(fault, step, seconds=HANG)
    plan = desk.plan(expect=PROBLEMS)
    for name, (_, _, says) in faults.items():
        assert plan.hosts[name] == "failed"
        assert says in plan.json["hosts"][name]["reason"]
    assert plan.hosts[HEALTHY] == "change"


def test_a_run_that_is_killed_is_brought_to_an_end(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    for at, name in enumerate(ROUTERS):
        # The last one has all of it when the run dies.
        desk.devices[name].inject("hang", "commit" if at < LINES else "bgp", skip=at % LINES)
    process = desk.start("apply", plan.path.name)
    struck = [desk.devices[name] for name in ROUTERS[:LINES]]
    assert all(eventually(lambda d=device: d.hangs(), 30) for device in struck)  # type: ignore[misc]
    process.send_signal(signal.SIGKILL)
    process.wait()
    for device in desk.devices.values():
        device.clear_faults()
    recovered = json.loads(told(desk.irrgate("--json", "recover"), DONE).stdout)
    assert {each["router"] for each in recovered} >= set(ROUTERS[:LINES])
    for device in desk.devices.values():
        assert holds(device) in {"old", "new"}
        never_wrong_between(device)
    told(desk.irrgate("refresh"), DONE)
    assert {holds(device) for device in desk.devices.values()} == {"new"}


def test_who_a_router_is_and_who_we_are(desk: Desk) -> None:
    trusted = desk.directory / "lab/certificates.pem"
    kept = trusted.read_text()
    trusted.write_text(desk.devices[HEALTHY].certificate.read_text())
    plan = desk.plan(expect=PROBLEMS)
    assert [name for name, status in plan.hosts.items() if status == "change"] == [HEALTHY]
    why = plan.json["hosts"]["ros0"]["reason"]
    assert why.startswith("connect: its TLS certificate is not trusted: self-signed certificate")
    trusted.write_text(kept)
    desk.environ["IRRGATE_PASSWORD"] = "not-the-right-one"
    plan = desk.plan(expect=PROBLEMS)
    for host in plan.json["hosts"].values():
        assert host["reason"].startswith("connect: did not accept the username with its password")
        assert "not-the-right-one" not in host["reason"]


def test_what_is_no_routeros_7_is_left_alone(desk: Desk) -> None:
    desk.devices["ros0"].ask("version", version="6.49.17 (long-term)")
    try:
        plan = desk.plan(expect=PROBLEMS)
    finally:
        desk.devices["ros0"].ask("version", version="7.16.1 (stable)")
    why = plan.json["hosts"]["ros0"]["reason"]
    assert why == "connect: runs RouterOS 6.49.17 (long-term), and not 7"

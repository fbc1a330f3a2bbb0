"""SR OS: plan, apply, change, removal and the way back, by NETCONF on an emulated router."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    Desk,
    accepts,
    events,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

ROUTER = "edge1.lim"
V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
DRY_RUN = ["lock", "discard", "unlock"]
COMMITTED = ["lock", "commit-confirmed", "confirmed", "unlock"]


def sros_inventory(directory: Path) -> Path:
    """The demo network with one router, of SR OS."""
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(
        "sros:\n  platform: sros\n  connection_options:\n    napalm:\n      extras:\n"
        "        optional_args: {known_hosts: lab/known_hosts}\n"
    )
    (inventory / "hosts.yaml").write_text(
        f"{ROUTER}:\n  hostname: 127.0.0.1\n  groups: [sros]\n  data:\n    sessions:\n"
        "      - {peer: AS64500, address: 198.51.100.2}\n"
        '      - {peer: AS64500, address: "2001:db8:1::2"}\n'
        "      - {peer: AS64501, address: 198.51.100.6}\n"
    )
    return inventory


@pytest.fixture(scope="module")
def sros_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("sros")
    inventory = sros_inventory(directory)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(sros_lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Desk:
    """A workspace that the test may change, a new router, and the shipped registry."""
    renew(sros_lab.devices.values())
    desk = new_desk(sros_lab, tmp_path / "desk", commands)
    desk.load_registry()
    return desk


def router(desk: Desk) -> LabDevice:
    return desk.devices[ROUTER]


def test_from_an_empty_router_to_a_removal_and_back(desk: Desk) -> None:
    device = router(desk)
    plan = desk.plan(expect=CHANGES)
    assert plan.hosts == {ROUTER: "change"}
    assert events(device) == DRY_RUN
    diff = plan.member(f"hosts/{ROUTER}/diff")
    assert f'+ prefix-list "{V4}" {{\n+     prefix 10.10.0.0/16 type range' in diff
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}
    assert events(device) == DRY_RUN + COMMITTED
    assert device.locks() == device.candidates() == []
    assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
    for prefix in ("10.10.0.0/16", "10.10.0.0/18", "10.11.21.128/25", "203.0.113.0/24"):
        assert not accepts(device, V4, prefix)
    assert accepts(device, V6, "2001:db8:507::/48")
    assert accepts(device, "IRR-AS64501-V4", "10.20.5.0/24")
    assert not accepts(device, "IRR-AS64501-V4", "10.20.5.0/25")

    # Nothing to do is done without a lock.
    before = device.apply_log()
    again = desk.plan(expect=DONE)
    assert again.hosts == {ROUTER: "unchanged"}
    assert device.apply_log() == before

    desk.edit_registry(WITHDRAWN, ADDED)
    changed = desk.plan(expect=CHANGES)
    assert changed.delta(ROUTER) == {V4: {"added": ["10.11.24.0/22"], "removed": ["10.11.20.0/24"]}}
    assert "IRR-AS64501" not in changed.member(f"hosts/{ROUTER}/candidate")
    assert changed.member(f"hosts/{ROUTER}/diff").splitlines() == [
        f'  prefix-list "{V4}" {{',
        "-     prefix 10.11.20.0/24 type exact",
        "+     prefix 10.11.24.0/22 type exact",
        "  }",
    ]
    assert desk.outcomes(changed, expect=DONE) == {ROUTER: ("done", "")}
    [record] = [each for each in log(device)[-4:] if each.changed]
    assert record.objects == (f"prefix-list {V4}",)
    assert record.detail.startswith("irrgate")

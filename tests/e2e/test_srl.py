"""SR Linux from the first plan to the way back, through irrgate and over a real socket."""

from __future__ import annotations

import json
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
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.e2e.srl_lab import srl_inventory
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
SESSIONS = {
    "srl1": [("AS64500", "198.51.100.2"), ("AS64500", "2001:db8:1::2"), ("AS64501", "198.51.100.6")]
}
WITHDRAWN = "route:      10.11.20.0/24"
ADDED = "route:      10.11.24.0/22"


@pytest.fixture(scope="module")
def srl_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("srl")
    inventory = srl_inventory(directory, SESSIONS, timeout=10)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(srl_network: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(srl_network.devices.values())
    desk = new_desk(srl_network, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def test_from_the_first_plan_to_no_change(desk: Desk) -> None:
    device = desk.devices["srl1"]
    plan = desk.plan(expect=CHANGES)
    assert events(device) == ["validate"]
    assert json.loads(plan.member("hosts/srl1/candidate"))
    assert f"+ prefix-set {V4}\n" in plan.member("hosts/srl1/diff")
    assert desk.outcomes(plan, expect=DONE) == {"srl1": ("done", "")}
    assert events(device)[1:] == ["validate", "commit-confirmed", "confirmed", "save"]
    assert device.ask("startup") == device.running()
    assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
    assert not accepts(device, V4, "10.11.24.0/22")
    again = desk.plan(expect=DONE)
    assert again.hosts == {"srl1": "unchanged"}
    assert len(log(device)) == 5
    assert has_list(device, V6)

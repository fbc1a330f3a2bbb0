"""NX-OS end to end: plan, apply, read back, over NX-API and over SSH."""

from __future__ import annotations

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
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.e2e.nxos_lab import change, detours, events, nxos_inventory, sent
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

LIST, LIST_V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
ROUTERS = {"nxos1": "nxos", "nxos2": "nxos_ssh"}
BYSTANDERS = [*EJEMPLO_V4, "10.11.24.0/22", "10.10.0.0/16", "10.10.0.0/18", "0.0.0.0/0"]


@pytest.fixture(scope="module")
def nxos_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("nxos")
    inventory = nxos_inventory(directory, ROUTERS, timeout=30)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def nxos_desk(nxos_lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(nxos_lab.devices.values())
    desk = new_desk(nxos_lab, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def test_a_filter_from_its_first_day_to_its_last(nxos_desk: Desk) -> None:
    desk = nxos_desk
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    for device in desk.devices.values():
        assert events(device) == []  # a dry run sends nothing
    start = {name: device.running() for name, device in desk.devices.items()}
    assert desk.outcomes(first, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    for name, device in desk.devices.items():
        assert events(device) == ["line", "save"]
        assert device.ask("startup") == device.running()
        assert all(accepts(device, LIST, prefix) for prefix in EJEMPLO_V4)
        assert not accepts(device, LIST, "10.10.0.0/16")
        assert accepts(device, LIST_V6, "2001:db8:507::/48")
        assert detours(device, start[name], LIST, BYSTANDERS) == []

    before = {name: len(log(device)) for name, device in desk.devices.items()}
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")
    assert {name: len(log(device)) for name, device in desk.devices.items()} == before

    desk.edit_registry(WITHDRAWN, ADDED)
    renew(desk.devices.values(), lambda device: device.running())
    start = {name: device.running() for name, device in desk.devices.items()}
    change(desk)
    for name, device in desk.devices.items():
        assert sent(device) == [
            f"ip prefix-list {LIST} seq 60 permit 10.11.24.0/22",
            f"no ip prefix-list {LIST} seq 40 permit 10.11.20.0/24",
        ]
        assert detours(device, start[name], LIST, BYSTANDERS) == []
        assert has_list(device, LIST)

"""IOS: plan and apply as a person runs them, line by line before a router over SSH and SCP."""

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
    events,
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
)
from tests.e2e.vendor_lab import SESSIONS, vendor_lab
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

ROUTERS = list(SESSIONS)
V4 = "IRR-AS64500-V4"


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("ios")
    options = {"known_hosts": "lab/known_hosts"}
    with vendor_lab(directory, "ios", inherited_environ(), options) as network:
        yield network


@pytest.fixture
def desk(routers: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(routers.devices.values())
    desk = new_desk(routers, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def applied(desk: Desk, name: str) -> list[str]:
    """The lines of prefix lists that a router took since it was renewed."""
    records = [each for each in log(desk.devices[name]) if each.event == "lines"]
    return [line for record in records for line in record.detail.split("\n")]


def test_from_nothing_to_a_delta_to_a_removal(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    for device in desk.devices.values():
        # A dry run leaves nothing on a router, not even a file.
        assert events(device) == []
    assert desk.outcomes(first, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    for device in desk.devices.values():
        assert events(device) == ["commit-confirmed", "lines", "write-memory", "confirmed"]
        assert device.candidates() == []
        assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
        assert not accepts(device, V4, "203.0.113.0/24")
        assert device.ask("startup") == device.running()
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")

    before = {name: len(applied(desk, name)) for name in ROUTERS}
    desk.edit_registry(WITHDRAWN, ADDED)
    second = desk.plan(expect=CHANGES)
    desk.apply(second, expect=DONE)
    for name in ROUTERS:
        assert applied(desk, name)[before[name] :] == [
            f"ip prefix-list {V4} seq 60 permit 10.11.24.0/22",
            f"no ip prefix-list {V4} seq 40 permit 10.11.20.0/24",
        ]
    assert not has_list(desk.devices["edge1.mex"], "IRR-AS64510-V4")

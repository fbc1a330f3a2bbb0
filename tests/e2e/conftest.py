"""The lab that tests share: four routers and the IRR server, started once in each process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_server import CommandServer, command_server
from tests.e2e.desk import Desk, inherited_environ, new_desk, renew
from tests.lab.network import LabNetwork, lab_network


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("lab") / "network"
    environ = inherited_environ()
    with lab_network(directory, environ=environ) as network:
        yield network


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandServer]:
    with command_server(tmp_path_factory.mktemp("commands")) as server:
        yield server


@pytest.fixture
def desk(lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    """A workspace that the test may change, new routers, and the shipped registry."""
    renew(lab.devices.values())
    desk = new_desk(lab, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()

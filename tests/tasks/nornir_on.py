"""Nornir as the tasks get it, on a desk's workspace or on no network at all."""

from __future__ import annotations

from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory

from irrgate.network import Workspace
from irrgate.platforms import PLATFORMS
from irrgate.workspace import load_workspace
from tasks.inventory import limited, open_inventory
from tasks.runner import InterruptibleRunner
from tests.e2e.desk import Desk


def workspace_of(desk: Desk) -> Workspace:
    return load_workspace(desk.directory, known_platforms=tuple(PLATFORMS))


def nornir_on(desk: Desk, *names: str, lock: bool = False) -> Nornir:
    """Nornir over these routers of the desk's workspace."""
    workspace = workspace_of(desk)
    return limited(open_inventory(workspace, desk.environ, 4, lock=lock), workspace, names)


def nornir_alone(*names: str, workers: int = 4) -> Nornir:
    """Nornir over hosts that nobody connects to."""
    hosts = Hosts({name: Host(name) for name in names})
    inventory = Inventory(hosts, Groups(), Defaults())
    return Nornir(inventory, Config(), runner=InterruptibleRunner(workers))

"""Nornir on a workspace: its inventory, our connection, credentials from the environment."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

from nornir import InitNornir
from nornir.core import Nornir
from nornir.core.inventory import ConnectionOptions, Host
from nornir.core.plugins.connections import ConnectionPluginRegister

from irrgate.errors import WorkspaceError
from irrgate.network import Workspace
from tasks.connection import CONNECTION, LOCK_KEY, WORKSPACE_KEY, NapalmConnection
from tasks.runner import InterruptibleRunner


def open_inventory(
    workspace: Workspace, environ: Mapping[str, str], workers: int, *, lock: bool = False
) -> Nornir:
    """Return Nornir over the workspace's hosts, `workers` at a time.

    IRRGATE_USERNAME and IRRGATE_PASSWORD of `environ` come before what the inventory says. `lock`
    is for those who commit: routers that can be locked are, as long as we are connected.
    """
    inventory = workspace.directory / "inventory"
    nornir = InitNornir(
        inventory={
            "plugin": "SimpleInventory",
            "options": {
                "host_file": str(inventory / "hosts.yaml"),
                "group_file": str(inventory / "groups.yaml"),
                "defaults_file": str(inventory / "defaults.yaml"),
            },
        },
        logging={"enabled": False},
        user_defined={WORKSPACE_KEY: str(workspace.directory), LOCK_KEY: lock},
    )
    # nornir_napalm, where it is installed, has registered its own plugin under this name.
    with contextlib.suppress(Exception):
        ConnectionPluginRegister.deregister(CONNECTION)
    ConnectionPluginRegister.register(CONNECTION, NapalmConnection)
    username, password = environ.get("IRRGATE_USERNAME"), environ.get("IRRGATE_PASSWORD")
    for host in nornir.inventory.hosts.values():
        _override(host, username, password)
    return nornir.with_runner(InterruptibleRunner(workers))


def _override(host: Host, username: str | None, password: str | None) -> None:
    if username is None and password is None:
        return
    options = host.connection_options.setdefault(CONNECTION, ConnectionOptions())
    if username is not None:
        host.username = options.username = username
    if password is not None:
        host.password = options.password = password


def limited(nornir: Nornir, workspace: Workspace, limit: tuple[str, ...]) -> Nornir:
    """Return Nornir over the hosts that `limit` names: hosts, groups, peers (AS64500).

    A host is taken when any word names it. Raises WorkspaceError for a word that names nothing,
    and when no host is left: Nornir itself would run on nobody and call it done.
    """
    if not limit:
        return nornir
    selectors = [_selector(word, workspace) for word in limit]
    chosen = nornir.filter(
        filter_func=lambda host: any(selects(host.name) for selects in selectors)
    )
    if not chosen.inventory.hosts:
        raise WorkspaceError(f"--limit {' '.join(limit)}", "no router of the inventory matches it")
    return chosen


def _selector(word: str, workspace: Workspace) -> Callable[[str], bool]:
    routers = workspace.hosts
    if word in routers:
        return lambda name: name == word
    if any(word in router.groups for router in routers.values()):
        return lambda name: word in routers[name].groups
    asn = next((asn for asn in workspace.peers if str(asn) == word.upper()), None)
    if asn is not None:
        return lambda name: any(session.peer == asn for session in routers[name].sessions)
    raise WorkspaceError(f"--limit {word!a}", "is no host, group or peer of the inventory")

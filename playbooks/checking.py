"""The compositions behind `check`: does what the workspace points to answer as it must."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from irrgate.errors import Bgpq4MissingError, IrrgateError, IrrServerError
from irrgate.irr.bgpq4 import find_bgpq4
from irrgate.irr.client import IrrClient
from irrgate.network import Workspace
from playbooks.planning import connections
from tasks.inventory import limited, open_inventory
from tasks.read import read


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    detail: str
    hint: str = ""


def check_irr(workspace: Workspace, environ: Mapping[str, str]) -> list[Finding]:
    """Look for bgpq4, and ask each IRR server for the workspace's sources."""
    findings = []
    try:
        findings.append(Finding("bgpq4", ok=True, detail=find_bgpq4(environ)))
    except Bgpq4MissingError as exc:
        findings.append(Finding("bgpq4", ok=False, detail=exc.reason, hint=exc.hint))
    irr = workspace.network.irr
    for server in irr.servers:
        what = f"IRR server {server}"
        try:
            with IrrClient(server.host, server.port, timeout=irr.timeout) as client:
                version = client.version()
                client.select_sources(irr.sources)
        except IrrServerError as exc:
            findings.append(Finding(what, ok=False, detail=exc.reason, hint=exc.hint))
        else:
            sources = ", ".join(map(str, irr.sources)) or "its default sources"
            findings.append(Finding(what, ok=True, detail=f"{version}, has {sources}"))
    return findings


def check_devices(
    workspace: Workspace, environ: Mapping[str, str], limit: tuple[str, ...], workers: int
) -> list[Finding]:
    """Log in to each router and read its filters; changes nothing."""
    nornir = limited(open_inventory(workspace, environ, workers), workspace, limit)
    policy = workspace.network.filters
    wanted = {
        name: {policy.filter_name(peer, afi): afi for peer, afi in router.filters()}
        for name, router in workspace.hosts.items()
    }
    with connections(nornir):
        results = nornir.run(task=read, wanted=wanted, names=policy.names)
    findings = []
    for name, result in sorted(results.items()):
        what = f"{name} ({workspace.hosts[name].platform})"
        error = result[0].exception
        if isinstance(error, IrrgateError):
            findings.append(Finding(what, ok=False, detail=error.reason, hint=error.hint))
        elif error is not None:
            raise error
        else:
            held, of = len(result[0].result.lists), len(wanted[name])
            findings.append(Finding(what, ok=True, detail=f"holds {held} of its {of} filters"))
    return findings

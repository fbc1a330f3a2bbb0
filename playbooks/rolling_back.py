"""The composition behind `rollback`: the way back from a deployment, as a plan like any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from irrgate.commits import CommitOutcome
from irrgate.errors import StateError
from irrgate.filters import Filter
from irrgate.network import Workspace
from irrgate.plan import Plan, Purpose
from irrgate.plan_file import PlanWriter
from irrgate.prefixes import Afi
from irrgate.rpsl import Asn
from irrgate.standins import Considered, Memory, consider
from playbooks.planning import Aims, PlanRequest, finish_plan, planned_routers
from playbooks.progress import Steps

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import Deployment, DeploymentHost


def plan_way_back(request: PlanRequest, deployment_id: int, target: Path, steps: Steps) -> Plan:
    """Plan the filters that the deployment's routers held before it; changes no router.

    Only what the deployment changed is touched: its filters get their old content, and those that
    it brought are removed where nothing refers to them. The guards judge it as they judge every
    step. Raises StateError for a deployment that is not kept or changed nothing (within the
    request's limit), or one of whose routers or filters is not the inventory's any more.
    """
    deployment = request.state.deployment(deployment_id)
    request = replace(request, purpose=Purpose.ROLLBACK, rollback_of=deployment_id, offline=False)
    routers = planned_routers(request)
    changed = _changed(deployment)
    gone = sorted(changed.keys() - request.workspace.hosts.keys())
    if gone and not request.limit:
        raise StateError(
            f"deployment {deployment_id}",
            f"changed {', '.join(gone)}, not in the inventory any more",
            hint="--limit to the others takes it back on these",
        )
    changed = {name: changed[name] for name in changed if name in routers.inventory.hosts}
    if not changed:
        raise StateError(
            f"deployment {deployment_id}",
            "there is nothing to take back on "
            + (
                f"--limit {' '.join(request.limit)}" if request.limit else "the inventory's routers"
            ),
            hint="irrgate history shows what it changed, and where",
        )
    chosen = routers.filter(filter_func=lambda host: host.name in changed)
    with PlanWriter(target) as writer:
        return finish_plan(request, chosen, steps, writer, _aims(request, changed))


def _changed(deployment: Deployment) -> dict[str, Mapping[str, str | None]]:
    """Return, by router, what each filter that the deployment changed held before; None: absent.

    A router on which it failed holds what others made of it, which is not to be undone. One that is
    unfinished is among them: the plan says that nobody knows what it holds.
    """
    return {
        each.host: before
        for each in deployment.hosts
        if (each.outcome == CommitOutcome.DONE or each.is_unfinished) and (before := _before(each))
    }


def _before(host: DeploymentHost) -> Mapping[str, str | None]:
    return {
        name: host.before.get(name)
        for name, after in sorted(host.after.items())
        if host.before.get(name) != after
    }


def _aims(request: PlanRequest, changed: Mapping[str, Mapping[str, str | None]]) -> Aims:
    workspace, memory = request.workspace, Memory(request.state)
    known: dict[tuple[str, str], Considered] = {}
    of_host: dict[str, tuple[Considered, ...]] = {}
    unneeded: dict[str, frozenset[str]] = {}
    for host, before in sorted(changed.items()):
        kept = []
        for name, digest in before.items():
            peer = _peer_of(workspace, name)
            if digest is None:
                continue
            if (name, digest) not in known:
                old = _old_filter(request, peer, name, digest)
                known[name, digest] = consider(old, workspace.network, memory, request.now)
            kept.append(known[name, digest])
        of_host[host] = tuple(kept)
        unneeded[host] = frozenset(name for name, digest in before.items() if digest is None)
    made: dict[tuple[Asn, Afi], Considered] = {}
    for each in known.values():
        # Where routers held different content, the plan's table of peers shows one of them.
        made.setdefault((each.intent.peer, each.intent.afi), each)
    return Aims(dict(sorted(made.items())), of_host, unneeded)


def _old_filter(request: PlanRequest, peer: Asn, name: str, digest: str) -> Filter:
    prefixes = request.state.prefixes(digest)
    return Filter(peer, prefixes.afi, name, prefixes, prefixes.entry_count, {}, (), ())


def _peer_of(workspace: Workspace, name: str) -> Asn:
    """Return whose filter it is; raises StateError when that cannot be told, so neither removed."""
    parsed = workspace.network.filters.names.parse_name(name)
    if parsed is None:
        raise StateError(
            name,
            "is no name that irrgate gives any more: filters.name in network.yaml was changed",
            hint="take it back by hand, or with the old filters.name",
        )
    return parsed[0]

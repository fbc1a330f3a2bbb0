"""The composition `recover`: what a run that died has begun is brought to an end."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from nornir.core import Nornir

from irrgate.commits import CommitOutcome, CommitReport, Step, Unfinished
from irrgate.errors import LockedError, StateError
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import PrefixSet
from irrgate.render import Renderer
from irrgate.restoring import restoring_candidate
from playbooks.deployments import ORIGINS, DeploymentJournal
from playbooks.identity import who
from playbooks.lastgood import keep_recovered
from playbooks.planning import connections, failure
from playbooks.progress import Steps
from tasks.inventory import limited, open_inventory
from tasks.recover import RecoverRun, recover

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import DeploymentHost, JournalEntry, State
    from playbooks.applying import ApplyRequest


class _Left:
    """Implements `playbooks.deployments.Targets` where all is in the journal already."""

    def __init__(self, state: State, left: DeploymentHost) -> None:
        self._state = state
        self._left = left

    def of(self, host: str) -> tuple[str, Mapping[str, PrefixSet | None]]:
        """Never asked: the router was begun by the run that died."""
        raise LookupError(host)

    def origins(self, host: str) -> list[dict[str, Any]]:
        """Never asked: a recovery commits nothing new."""
        raise LookupError(host)

    def ended(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
        """Keep what the run committed that died before it could."""
        del host
        sent = _sent(self._left)
        if report.outcome is CommitOutcome.DONE and found is not None and sent is not None:
            origins = cast("list[dict[str, Any]]", sent.detail[ORIGINS])
            keep_recovered(self._state, self._left.deployment, origins, found)


def recover_routers(
    request: ApplyRequest, nornir: Nornir, steps: Steps, hosts: Collection[str]
) -> dict[str, CommitReport]:
    """Bring those of `hosts` to an end that an earlier run left unfinished; by router.

    Deployments that have no unfinished router any more are ended as well.
    """
    state = request.state
    unfinished: dict[str, DeploymentHost] = {}
    for each in state.unfinished(hosts):
        if each.host in unfinished:
            older = unfinished[each.host]
            reason = f"superseded by deployment {each.deployment}"
            state.end_host(older.deployment, each.host, "failed", reason, request.now())
        unfinished[each.host] = each
    reports: dict[str, CommitReport] = {}
    if unfinished:
        renderer = Renderer.of(request.workspace)
        run = RecoverRun(
            lambda name: _unfinished(request, unfinished[name]),
            request.rules,
            {name: _journal(request, each) for name, each in unfinished.items()},
            partial(restoring_candidate, renderer),
            state.identity,
            request.pace,
        )
        chosen = nornir.filter(filter_func=lambda host: host.name in unfinished)
        with connections(chosen), steps.step("recovering", len(unfinished)) as step:
            results = step.watch(chosen).run(task=recover, run=run)
        for name in sorted(unfinished):
            if results[name].failed:
                reports[name] = CommitReport(CommitOutcome.UNSETTLED, failure(results, name))
            else:
                reports[name] = results[name][0].result
    _end_deployments(request)
    return reports


def _end_deployments(request: ApplyRequest) -> None:
    """End the deployments of dead runs that have no unfinished router any more."""
    state = request.state
    still = {each.deployment for each in state.unfinished()}
    for number in state.unended_deployments():
        if number in still:
            continue
        try:
            state.end_deployment(number, "recovered", request.now())
        except StateError:
            # Two runs at once see the same dead one.
            if state.deployment(number).result is None:
                raise


def _end_gone(request: ApplyRequest) -> dict[str, CommitReport]:
    """End what was left unfinished on routers that are in the inventory no more; by router.

    Nobody can read them, and what waited on them for longer than their timer has gone back.
    """
    state, why = request.state, "not in the inventory any more, so that nobody looked at it again"
    ended = {}
    for each in state.unfinished():
        if each.host in request.workspace.hosts:
            continue
        # A run that is under way has its own inventory, and ends it itself.
        with suppress(LockedError), _journal(request, each).lock(each.host):
            if each in state.unfinished([each.host]):
                ended[each.host] = CommitReport(CommitOutcome.FAILED, why)
                state.end_host(each.deployment, each.host, "failed", why, request.now())
    return ended


def recover_workspace(request: ApplyRequest, steps: Steps) -> dict[str, CommitReport]:
    """Recover all routers that `request` has, and no others; by router."""
    workspace = request.workspace
    gone = {} if request.limit else _end_gone(request)
    nornir = limited(
        open_inventory(workspace, request.environ, request.router_workers, lock=True),
        workspace,
        request.limit,
    )
    return gone | recover_routers(request, nornir, steps, sorted(nornir.inventory.hosts))


def _journal(request: ApplyRequest, left: DeploymentHost) -> DeploymentJournal:
    name, deployment = who(request.environ), left.deployment
    holder = f"{name}, irrgate recover, deployment {deployment}, process {os.getpid()}"
    targets = _Left(request.state, left)
    return DeploymentJournal(request.state, deployment, holder, request.now, targets)


def _sent(left: DeploymentHost) -> JournalEntry | None:
    """Return what was journalled before the commit was sent, if it was."""
    return next((each for each in left.journal if each.step == str(Step.COMMIT)), None)


def _unfinished(request: ApplyRequest, left: DeploymentHost) -> Unfinished | None:
    state = request.state
    found = state.unfinished([left.host])
    if not found:
        return None
    host = found[-1]
    if host.deployment != left.deployment:
        # The journal that we hold is not the one of that deployment.
        raise StateError(
            left.host,
            f"deployment {host.deployment} was left unfinished on it meanwhile",
            hint="irrgate recover brings it to an end, and so does the next apply or refresh",
        )
    sent = _sent(host)
    return Unfinished(
        host.deployment,
        {
            name: None if digest is None else state.prefixes(digest)
            for name, digest in host.before.items()
        },
        None if sent is None else sent.detail,
        0.0 if sent is None else (request.now() - sent.at).total_seconds(),
    )

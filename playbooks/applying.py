"""The composition `apply`: the plan's bytes, router by router, and what came of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nornir.core import Nornir
from nornir.core.task import AggregatedResult

from irrgate.commits import (
    CommitOrder,
    CommitOutcome,
    CommitReport,
    CommitRules,
    Pace,
    candidate_doubt,
)
from irrgate.errors import PlanError, StateError
from irrgate.network import Workspace
from irrgate.plan import HostStatus, Plan, Purpose
from irrgate.plan_file import PlanFile
from irrgate.platforms import find_platform
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from irrgate.restoring import restoring_candidate
from playbooks.batches import Budget, Canary, batches
from playbooks.deployments import DeploymentJournal
from playbooks.identity import who
from playbooks.lastgood import LastGood
from playbooks.plan_records import confirms
from playbooks.planning import connections, failure
from playbooks.progress import Steps
from playbooks.recovering import recover_routers
from tasks.commit import CommitRun, commit
from tasks.inventory import limited, open_inventory
from tasks.runner import RunInterruptedError

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import DeploymentKind, State


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """What is to be applied, and with what of the outside world."""

    workspace: Workspace
    environ: Mapping[str, str]
    state: State
    now: Callable[[], datetime]
    """with a zone"""
    limit: tuple[str, ...] = ()
    canary: Canary | None = None
    """None: what network.yaml says; likewise the following"""
    batch: int | None = None
    max_failures: int | None = None
    revert_in: int | None = None
    outside_window: str = ""
    """why routers may be changed outside of their change windows"""
    reason: str = ""
    router_workers: int = 20
    pace: Pace = field(default_factory=Pace)

    @property
    def rules(self) -> CommitRules:
        """How each commit is judged."""
        settings = self.workspace.network.apply
        return CommitRules(
            self.workspace.network.filters.managed_prefix,
            self.revert_in or settings.revert_in,
            settings.bgp_check,
            settings.max_accepted_loss,
            settings.settle,
        )


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of an apply."""

    deployment: int | None
    """None when there was nothing to change"""
    outcomes: Mapping[str, CommitReport]
    recovered: Mapping[str, CommitReport] = field(default_factory=dict)
    """of routers that an earlier run had left unfinished"""
    interrupted: bool = False
    trouble: StateError | None = None
    """why the end of it could not be written to the state"""

    @property
    def is_done(self) -> bool:
        """True when every router holds what the plan intended, and that is written down."""
        routers = self.outcomes.values()
        return (
            not self.interrupted
            and not self.trouble
            and all(each.outcome.is_done for each in routers)
        )

    @property
    def is_settled(self) -> bool:
        """True when of every router it is known what it holds."""
        reports = (*self.outcomes.values(), *self.recovered.values())
        return all(each.outcome.is_settled for each in reports)


class _Orders(Mapping[str, CommitOrder]):
    """The plan's orders by router, each read from the file when its router's turn comes."""

    def __init__(self, opened: PlanFile, path: str, workspace: Workspace, hosts: list[str]) -> None:
        self._opened = opened
        self._path = path
        self._workspace = workspace
        self._hosts = hosts

    def __getitem__(self, host: str) -> CommitOrder:
        record = self._opened.plan.hosts[host]
        if record.reviewed is None:
            raise PlanError(self._path, f"has no reviewed diff of {host}")
        changed = {n: each for n, each in record.filters.items() if each.status.is_change}
        router = self._workspace.hosts[host]
        names = {(each.peer, str(each.afi)): name for name, each in changed.items()}
        candidate = self._opened.candidate(host)
        intended = {name: (Afi(each.afi), each.digest) for name, each in changed.items()}
        platform = find_platform(router.platform)
        return CommitOrder(
            candidate=candidate,
            diff_digest=record.reviewed,
            intended=intended,
            running={name: each.running for name, each in changed.items()},
            message=f"irrgate plan {self._opened.digest[:12]}",
            sessions={
                each.address: (each.afi, names.get((str(each.peer), str(each.afi)), ""))
                for each in router.sessions
            },
            commit_confirm=confirms(router),
            reviewed=partial(self._reviewed, host),
            doubt=partial(candidate_doubt, platform, candidate, intended),
        )

    def _reviewed(self, host: str, name: str) -> PrefixSet | None:
        """Return what the router held of a filter when it was reviewed."""
        record = self._opened.plan.hosts[host].filters[name]
        if record.running is None:
            return None
        afi, delta = Afi(record.afi), self._opened.delta(host)[name]
        intended = self._opened.prefixes(record.digest) if record.digest else PrefixSet.empty(afi)
        gained = PrefixSet.parse(afi, delta.added)
        return intended.difference(gained).union(PrefixSet.parse(afi, delta.removed))

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)


class _Targets:
    """What the deployment's journal asks of the plan, and leaves behind."""

    def __init__(self, opened: PlanFile, good: LastGood) -> None:
        self._opened = opened
        self._good = good

    def of(self, host: str) -> tuple[str, Mapping[str, PrefixSet | None]]:
        """Return the router's platform, and what each filter is to be."""
        record = self._opened.plan.hosts[host]
        return record.platform, {
            name: self._opened.prefixes(each.digest) if each.digest else None
            for name, each in record.filters.items()
            if each.status.is_change
        }

    def origins(self, host: str) -> list[dict[str, Any]]:
        """Return where the router's new filters come from, for the run that recovers it."""
        return self._good.dumped(host, self._written(host))

    def _written(self, host: str) -> list[str]:
        filters = self._opened.plan.hosts[host].filters
        return [name for name, each in filters.items() if each.status.is_written]

    def ended(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
        """Keep what was committed as last-known-good."""
        if report.outcome is CommitOutcome.DONE and found is not None:
            for name in self._written(host):
                self._good.committed(host, name, found.lists[name].prefixes)


def apply_plan(request: ApplyRequest, opened: PlanFile, path: str, steps: Steps) -> Applied:
    """Commit what the plan holds on each of its routers.

    Raises PlanError when the plan is not one of this workspace as it now is, or has expired.
    """
    workspace, plan = request.workspace, opened.plan
    _check(request, plan, path)
    nornir = limited(
        open_inventory(workspace, request.environ, request.router_workers, lock=True),
        workspace,
        request.limit,
    )
    planned = sorted(name for name in nornir.inventory.hosts if name in plan.hosts)
    if not planned:
        raise PlanError(
            path,
            f"holds nothing for --limit {' '.join(request.limit)}: it was made "
            + (f"with --limit {' '.join(plan.limit)}" if plan.limit else "for other routers"),
        )
    hosts = [name for name in planned if plan.hosts[name].status is HostStatus.CHANGE]
    canary = request.canary or Canary(workspace.network.apply.canary)
    canary.check(hosts)
    recovered = recover_routers(request, nornir, steps, planned)
    closed = {name: why for name in hosts if (why := _window_closed(request, name))}
    chosen = canary.of([name for name in hosts if name not in closed])
    if len(closed) == len(hosts):
        # Nothing is begun, so that there is nothing for the history either.
        held = {name: CommitReport(CommitOutcome.HELD, why) for name, why in closed.items()}
        return Applied(None, held, recovered)
    return _Deployment(request, opened, path, steps, hosts, chosen).run(nornir, recovered)


def _check(request: ApplyRequest, plan: Plan, path: str) -> None:
    """Raise PlanError unless the plan may be applied here and now."""
    workspace = request.workspace
    if plan.inputs.workspace != workspace.digest:
        raise PlanError(
            path,
            f"was made for another workspace, or {workspace.directory} was changed since",
            hint="make the plan again, and have it reviewed again",
        )
    if plan.is_of_the_future(request.now()):
        raise PlanError(
            path,
            f"was made {plan.created}, which is still to come: its age cannot be told",
            hint="set the clock of this machine, or of the one that made it, and make it again",
        )
    if plan.has_expired(request.now()):
        raise PlanError(
            path,
            f"has expired: it was made {plan.created} and holds until {plan.expires}",
            hint="make the plan again, and have it reviewed again "
            "(guards.max_plan_age in network.yaml says for how long one holds)",
        )
    if plan.hosts and all(each.status is HostStatus.OFFLINE for each in plan.hosts.values()):
        raise PlanError(
            path,
            "was made with --offline, so no router's diff was reviewed and there is none to commit",
            hint="make the plan again without --offline",
        )


def _window_closed(request: ApplyRequest, host: str) -> str:
    """Return why the router's change window is closed; empty while it is open."""
    windows, now = request.workspace.hosts[host].windows, request.now()
    if windows is None or request.outside_window or windows.is_open(now):
        return ""
    return windows.why_closed(now)


class _Deployment:
    """The routers of one apply, from the canary to the last batch."""

    def __init__(  # noqa: PLR0913, PLR0917 - once, from apply_plan
        self,
        request: ApplyRequest,
        opened: PlanFile,
        path: str,
        steps: Steps,
        hosts: list[str],
        canary: tuple[str, ...],
    ) -> None:
        self._request = request
        self._opened = opened
        self._path = path
        self._steps = steps
        self._hosts = hosts
        settings = request.workspace.network.apply
        size = settings.batch if request.batch is None else request.batch
        limit = settings.max_failures if request.max_failures is None else request.max_failures
        self._batches = batches(hosts, canary, size)
        self._budget = Budget(limit, canary)
        self._outcomes: dict[str, CommitReport] = {}
        self._under_way: set[str] = set()

    def run(self, nornir: Nornir, recovered: Mapping[str, CommitReport]) -> Applied:
        """Commit on all routers, and write what came of it to the state."""
        request, plan = self._request, self._opened.plan
        state = request.state
        kind = _KINDS[plan.purpose]
        name = who(request.environ)
        number = state.begin_deployment(
            kind,
            name,
            request.reason or plan.reason,
            self._opened.digest,
            self._hosts,
            request.now(),
            request.outside_window,
        )
        good = LastGood(state, self._opened, number)
        holder = f"{name}, irrgate {kind}, deployment {number}, process {os.getpid()}"
        targets = _Targets(self._opened, good)
        journal = DeploymentJournal(state, number, holder, request.now, targets)
        for name, each in recovered.items():
            if each.outcome is CommitOutcome.UNSETTLED and name in self._hosts:
                why = f"{each.reason} (of an earlier deployment)"
                self._outcomes[name] = CommitReport(CommitOutcome.FAILED, why)
                self._budget.count(name, self._outcomes[name])
        interrupted = False
        try:
            self._commit(nornir, journal)
        except KeyboardInterrupt:
            interrupted = True
            for name in self._hosts:
                self._outcomes.setdefault(name, self._left(name))
        outcomes = {name: self._outcomes[name] for name in self._hosts}
        applied = Applied(number, outcomes, recovered, interrupted)
        result = "interrupted" if interrupted else "done" if applied.is_done else "problems"
        try:
            good.finish()
            state.end_deployment(number, result, request.now())
        except StateError as exc:
            # What came of the routers is to be told all the same.
            return replace(applied, trouble=exc)
        return applied

    def _left(self, host: str) -> CommitReport:
        """Return what is known of a router that did not come to an end before Ctrl-C."""
        if host in self._under_way:
            return CommitReport(
                CommitOutcome.UNSETTLED,
                "interrupted while it was under way",
                hint="irrgate recover brings it to an end, and so does the next apply or refresh",
            )
        return CommitReport(CommitOutcome.HELD, "interrupted before its turn came")

    def _commit(self, nornir: Nornir, journal: DeploymentJournal) -> None:
        request = self._request
        renderer = Renderer.of(request.workspace)
        run = CommitRun(
            _Orders(self._opened, self._path, request.workspace, self._hosts),
            request.rules,
            journal,
            partial(restoring_candidate, renderer),
            request.state.identity,
            self._why_not,
            request.pace,
            self._budget.count,
        )
        chosen = _only(nornir, self._hosts)
        with connections(chosen), self._steps.step("committing", len(self._hosts)) as step:
            for batch in self._batches:
                current = {name for name in batch if name not in self._outcomes}
                if current:
                    self._run_batch(step.watch(_only(chosen, current)), run, current)

    def _run_batch(self, nornir: Nornir, run: CommitRun, current: set[str]) -> None:
        self._under_way = current
        try:
            self._collect(nornir.run(task=commit, run=run))
        except RunInterruptedError as exc:
            self._collect(exc.results)
            self._under_way = current - exc.untouched
            raise

    def _why_not(self, host: str) -> str:
        """Return why the router is not to be changed now; asked when its turn comes."""
        return _window_closed(self._request, host) or self._budget.used_up(host)

    def _collect(self, results: AggregatedResult) -> None:
        for name, result in results.items():
            if result.failed:
                reason = failure(results, name)
                self._outcomes[name] = CommitReport(CommitOutcome.FAILED, reason)
            else:
                self._outcomes[name] = result[0].result


def _only(nornir: Nornir, hosts: Collection[str]) -> Nornir:
    return nornir.filter(filter_func=lambda host: host.name in hosts)


_KINDS: Final[Mapping[Purpose, DeploymentKind]] = {
    Purpose.PLAN: "apply",
    Purpose.REFRESH: "refresh",
    Purpose.ROLLBACK: "rollback",
}

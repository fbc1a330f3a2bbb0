"""The composition `apply`: the plan's bytes, router by router, and what came of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nornir.core.task import AggregatedResult

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport
from irrgate.errors import PlanError
from irrgate.network import Workspace
from irrgate.plan import HostStatus
from irrgate.plan_file import PlanFile
from irrgate.prefixes import Afi
from playbooks.planning import connections, failure
from playbooks.progress import Steps
from tasks.commit import commit
from tasks.inventory import limited, open_inventory
from tasks.runner import RunInterruptedError


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """What is to be applied."""

    workspace: Workspace
    environ: Mapping[str, str]
    limit: tuple[str, ...] = ()
    revert_in: int = 300
    """seconds after which a router takes back what was not confirmed"""
    router_workers: int = 20


@dataclass(frozen=True, slots=True)
class RouterFailure:
    """A router on which something went wrong, in its own words."""

    reason: str


Outcome = CommitReport | RouterFailure


class ApplyInterruptedError(KeyboardInterrupt):
    """Ctrl-C during an apply; `outcomes` says what came of each router until then."""

    def __init__(self, outcomes: Mapping[str, Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


class _Orders(Mapping[str, CommitOrder]):
    """The plan's orders by router, each read from the file when its router's turn comes."""

    def __init__(self, opened: PlanFile, path: str, hosts: list[str]) -> None:
        self._opened = opened
        self._path = path
        self._hosts = hosts

    def __getitem__(self, host: str) -> CommitOrder:
        record = self._opened.plan.hosts[host]
        if record.reviewed is None:
            raise PlanError(self._path, f"has no reviewed diff of {host}")
        intended = {
            name: (Afi(each.afi), each.digest)
            for name, each in record.filters.items()
            if each.digest is not None and each.status.is_written
        }
        return CommitOrder(
            self._opened.candidate(host),
            record.reviewed,
            intended,
            f"irrgate plan {self._opened.digest[:12]}",
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)


def apply_plan(
    request: ApplyRequest, opened: PlanFile, path: str, steps: Steps
) -> dict[str, Outcome]:
    """Commit what the plan holds on each of its routers; return what came of each, by name.

    Raises PlanError when the plan is not one of this workspace as it now is.
    """
    workspace, plan = request.workspace, opened.plan
    if plan.inputs.workspace != workspace.digest:
        raise PlanError(
            path,
            f"was made for another workspace, or {workspace.directory} was changed since",
            hint="make the plan again, and have it reviewed again",
        )
    if plan.hosts and all(each.status is HostStatus.OFFLINE for each in plan.hosts.values()):
        raise PlanError(
            path,
            "was made with --offline, so no router's diff was reviewed and there is none to commit",
            hint="make the plan again without --offline",
        )
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
    if not hosts:
        return {}
    chosen = nornir.filter(filter_func=lambda host: host.name in hosts)
    try:
        with connections(chosen), steps.step("committing", len(hosts)) as step:
            results = step.watch(chosen).run(
                task=commit,
                orders=_Orders(opened, path, hosts),
                managed_prefix=workspace.network.filters.managed_prefix,
                revert_in=request.revert_in,
            )
    except RunInterruptedError as exc:
        outcomes = _outcomes(hosts, exc.results)
        outcomes |= dict.fromkeys(exc.untouched, RouterFailure("interrupted before its turn came"))
        raise ApplyInterruptedError(outcomes) from exc
    return _outcomes(hosts, results)


def _outcomes(hosts: list[str], results: AggregatedResult) -> dict[str, Outcome]:
    outcomes: dict[str, Outcome] = {}
    for name in hosts:
        if name not in results:
            outcomes[name] = RouterFailure(
                "interrupted while it was under way; what was not confirmed it takes back by itself"
            )
        elif results[name].failed:
            outcomes[name] = RouterFailure(failure(results, name))
        else:
            outcomes[name] = results[name][0].result
    return outcomes


def all_done(outcomes: Mapping[str, Outcome]) -> bool:
    """Tell whether every router holds what the plan intended."""
    good = {CommitOutcome.DONE, CommitOutcome.ALREADY}
    return all(
        isinstance(each, CommitReport) and each.outcome in good for each in outcomes.values()
    )

"""The composition `plan`: expand, guard, read, decide, render, dry-run, write the plan file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nornir.core import Nornir
from nornir.core.task import AggregatedResult

from irrgate.changes import Rendered, RouterChanges, decide, given_names, wanted_names
from irrgate.commits import diff_digest
from irrgate.errors import IrrgateError, LockedError
from irrgate.intents import Intents
from irrgate.irr.bgpq4 import find_bgpq4
from irrgate.irr.expander import Expander
from irrgate.network import Workspace
from irrgate.plan import SCHEMA, HostRecord, HostStatus, Plan, Purpose, summarise
from irrgate.plan_file import PlanWriter
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi
from irrgate.printable import printable
from irrgate.render import Renderer
from irrgate.rpsl import Asn
from irrgate.standins import Considered, Memory, consider
from playbooks.drift import note_drift
from playbooks.identity import who
from playbooks.plan_records import (
    capabilities_record,
    changes_record,
    delta_of,
    inputs_of,
    peer_records,
)
from playbooks.progress import Steps
from playbooks.remembering import Planned, contents, remember
from tasks.close import close
from tasks.compare import compare
from tasks.expand import expand
from tasks.inventory import limited, open_inventory
from tasks.read import read
from tasks.render import render
from tasks.runner import InterruptibleRunner

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import State


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be planned, and with what of the outside world."""

    workspace: Workspace
    environ: Mapping[str, str]
    now: datetime
    """with a zone; stands in the plan, and tells the age of what stands in"""
    clock: Callable[[], float]
    """seconds that never go back"""
    state: State
    limit: tuple[str, ...] = ()
    offline: bool = False
    """no router is asked, and nothing is noted in the state"""
    router_workers: int = 20
    """routers at once"""
    purpose: Purpose = Purpose.PLAN
    reason: str = ""
    """why, where somebody said so"""
    rollback_of: int | None = None
    """the deployment that a rollback takes back"""


@dataclass(frozen=True, slots=True)
class Aims:
    """What routers should have."""

    made: Mapping[tuple[Asn, Afi], Considered]
    """the filters, as the plan shows them by peer"""
    of_host: Mapping[str, tuple[Considered, ...]]
    """those of each router"""
    unneeded: Mapping[str, frozenset[str]] | None = None
    """by router the names that may be removed; None: all that irrgate gives"""


def make_plan(request: PlanRequest, target: Path, steps: Steps) -> Plan:
    """Make a plan and write it to `target`; changes no router.

    Raises IrrgateError when nothing can be planned at all. What fails for one peer or one router
    stands in the plan, and the others go on.
    """
    nornir = planned_routers(request)
    with PlanWriter(target) as writer:
        return finish_plan(request, nornir, steps, writer, _expand(request, nornir, steps))


def planned_routers(request: PlanRequest) -> Nornir:
    """Return Nornir over the routers that the request is about."""
    workspace = request.workspace
    nornir = open_inventory(workspace, request.environ, request.router_workers)
    return limited(nornir, workspace, request.limit)


def finish_plan(
    request: PlanRequest, nornir: Nornir, steps: Steps, writer: PlanWriter, aims: Aims
) -> Plan:
    """Compare the routers with the aims, write the plan, and note in the state what came of it."""
    workspace = request.workspace
    with connections(nornir):
        routers = Routers(request, nornir, steps, writer)
        hosts = routers.compare(aims)
    known = [each for of_host in aims.of_host.values() for each in of_host]
    digests = {
        writer.add_filter(prefixes)
        for each in (*aims.made.values(), *known)
        for prefixes in contents(each)
    }
    peers = peer_records(workspace, sorted(aims.of_host), aims.made)
    expires = request.now + workspace.network.guards.max_plan_age
    plan = Plan(
        schema=SCHEMA,
        created=request.now.isoformat(timespec="seconds"),
        expires=expires.isoformat(timespec="seconds"),
        purpose=request.purpose,
        rollback_of=request.rollback_of,
        reason=printable(request.reason),
        inputs=inputs_of(workspace),
        limit=request.limit,
        peers=peers,
        hosts=dict(sorted(hosts.items())),
        filters=tuple(sorted(digests)),
        summary=summarise(peers, hosts),
    )
    writer.finish(plan)
    if not request.offline:
        filters = {each.intent.name: each for each in (*known, *aims.made.values())}
        found = request.purpose is not Purpose.ROLLBACK
        planned = Planned(filters, routers.changes, request.now)
        remember(request.state, workspace.network.guards, planned, found=found)
    return plan


@contextmanager
def connections(nornir: Nornir) -> Iterator[None]:
    """Close every connection at the end, all at once: a router that hangs takes its timeout.

    After Ctrl-C nothing is closed in order; the connections end with the process.
    """
    try:
        yield
    except Exception:
        nornir.run(task=close, on_failed=True)
        raise
    nornir.run(task=close, on_failed=True)


def failure(results: AggregatedResult, host: str) -> str:
    """Return why the task failed on the host, in the words of its first error."""
    error: Any = results[host][0].exception
    if isinstance(error, IrrgateError):
        reason = error.reason if error.subject == host else str(error)
        return f"{reason} ({error.hint})" if error.hint else reason
    raise error


def _expand(request: PlanRequest, nornir: Nornir, steps: Steps) -> Aims:
    workspace = request.workspace
    hosts = nornir.inventory.hosts
    wanted = sorted({pair for name in hosts for pair in workspace.hosts[name].filters()})
    program = find_bgpq4(request.environ)
    network = workspace.network
    with (
        steps.step("expanding", 0) as step,
        Expander(
            network.irr,
            program=program,
            clock=request.clock,
            on_done=lambda expansion: step.done(str(expansion.query)),
        ) as expander,
    ):
        intents = Intents(network, workspace.peers.__getitem__, expander)
        step.set_total(intents.prefetch(wanted))
        runner = InterruptibleRunner(request.router_workers, lambda _: expander.stop(), waits=False)
        results = nornir.with_runner(runner).run(task=expand, workspace=workspace, intents=intents)
        for name, result in results.items():
            if result.failed:
                raise result[0].exception or RuntimeError(name)
    memory = Memory(request.state)
    made = {
        pair: consider(intent, network, memory, request.now)
        for pair, intent in intents.made().items()
    }
    of_host = {
        name: tuple(made[pair] for pair in workspace.hosts[name].filters()) for name in results
    }
    return Aims(made, of_host)


class Routers:
    """The phases that look at routers, each a run of its own over those that are left."""

    def __init__(
        self, request: PlanRequest, nornir: Nornir, steps: Steps, writer: PlanWriter
    ) -> None:
        self._request = request
        self._nornir = nornir
        self._steps = steps
        self._writer = writer
        self._failed: dict[str, str] = {}
        self._members: dict[str, tuple[dict[str, str], str]] = {}
        self._holder = f"irrgate {request.purpose} by {who(request.environ)}"
        self.changes: dict[str, RouterChanges] = {}
        """what would happen to each router that could be read"""

    def compare(self, aims: Aims) -> dict[str, HostRecord]:
        """Return what would happen to each router; raises nothing for a single router."""
        if self._request.offline:
            return {name: self._untouched(name, HostStatus.OFFLINE) for name in aims.of_host}
        self._leave_out_unfinished(set(aims.of_host))
        self.changes = self._decide(aims)
        self._dry_run(self._render())
        records = {
            name: self._untouched(name, HostStatus.FAILED, reason)
            for name, reason in self._failed.items()
        }
        for name, of_router in self.changes.items():
            if name not in self._failed:
                records[name] = self._record(name, of_router)
        return records

    def _leave_out_unfinished(self, hosts: set[str]) -> None:
        """Fail the routers that another run is at work on, or died on."""
        state = self._request.state
        for name in sorted({each.host for each in state.unfinished(hosts)}):
            try:
                with state.lock(name, self._holder):
                    left = state.unfinished({name})
            except LockedError as exc:
                self._failed[name] = f"{exc.reason} ({exc.hint})" if exc.hint else exc.reason
                continue
            if left:
                self._failed[name] = (
                    f"deployment {left[0].deployment} was interrupted here, and nobody knows which "
                    "filters it left (run irrgate recover)"
                )

    def _decide(self, aims: Aims) -> dict[str, RouterChanges]:
        network = self._request.workspace.network
        wanted = {
            name: wanted_names(each.intent for each in known)
            for name, known in aims.of_host.items()
        }
        names = network.filters.names
        found: Mapping[str, RunningFilters] = self._run(
            "reading", set(aims.of_host), task=read, wanted=wanted, names=names
        )
        changes = {}
        for name, running in found.items():
            given = given_names(running.strangers, names)
            if aims.unneeded is not None:
                given = {each: given[each] for each in aims.unneeded[name] & given.keys()}
            of_router = decide(aims.of_host[name], running, network.guards, given)
            of_router = note_drift(self._request.state, name, of_router)
            # What is beside the aims of a rollback is the inventory's, and no stranger.
            is_partial = aims.unneeded is not None
            changes[name] = replace(of_router, strangers=()) if is_partial else of_router
        return changes

    def _render(self) -> dict[str, str]:
        renderer = Renderer.of(self._request.workspace)
        made: Mapping[str, Rendered] = self._run(
            "rendering", set(self.changes), task=render, renderer=renderer, changes=self.changes
        )
        self.changes |= {name: each.changes for name, each in made.items()}
        return {name: each.candidate for name, each in made.items()}

    def _dry_run(self, candidates: Mapping[str, str]) -> None:
        written = {name for name, candidate in candidates.items() if candidate}
        lock = partial(self._request.state.lock, holder=self._holder)
        diffs = self._run(
            "dry run",
            written,
            attribute="diff",
            task=compare,
            candidates=candidates,
            lock=lock,
            owner=self._request.state.identity,
        )
        for name, diff in sorted(diffs.items()):
            if not diff.strip():
                self._failed[name] = (
                    "sees no difference where its filters are not the intended ones"
                )
                continue
            delta = delta_of(self.changes[name])
            digests = self._writer.add_host(name, candidates[name], diff, delta)
            self._members[name] = digests, diff_digest(diff)

    def _run(
        self, name: str, hosts: set[str], *, attribute: str = "result", **task: Any
    ) -> dict[str, Any]:
        """Run a task on `hosts`; return its result of each that did not fail."""
        left = hosts - self._failed.keys()
        if not left:
            return {}
        chosen = self._nornir.filter(filter_func=lambda host: host.name in left)
        with self._steps.step(name, len(left)) as step:
            results = step.watch(chosen).run(on_failed=True, **task)
        succeeded = {}
        for host, result in results.items():
            if result.failed:
                self._failed[host] = failure(results, host)
            else:
                succeeded[host] = getattr(result[0], attribute)
        return succeeded

    def _untouched(self, name: str, status: HostStatus, reason: str = "") -> HostRecord:
        router = self._request.workspace.hosts[name]
        return HostRecord(
            platform=router.platform,
            status=status,
            reason=printable(reason),
            capabilities=capabilities_record(router),
        )

    def _record(self, name: str, changes: RouterChanges) -> HostRecord:
        digests, reviewed = self._members.get(name, ({}, None))
        return changes_record(self._request.workspace.hosts[name], changes, digests, reviewed)

"""The composition `plan`: expand, guard, read, decide, render, dry-run, write the plan file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nornir.core import Nornir
from nornir.core.task import AggregatedResult

from irrgate.changes import RouterChanges, decide, wanted_names
from irrgate.commits import diff_digest
from irrgate.errors import IrrgateError
from irrgate.filters import Filter
from irrgate.guards import Veto, judge_alone
from irrgate.intents import Intent, Intents
from irrgate.irr.bgpq4 import find_bgpq4
from irrgate.irr.expander import Expander
from irrgate.network import Workspace
from irrgate.plan import SCHEMA, HostRecord, HostStatus, Plan, Purpose, summarise
from irrgate.plan_file import PlanWriter
from irrgate.printable import printable
from irrgate.render import Renderer
from playbooks.plan_records import changes_record, delta_of, inputs_of, peer_records
from playbooks.progress import Steps
from tasks.close import close
from tasks.compare import compare
from tasks.expand import expand
from tasks.inventory import limited, open_inventory
from tasks.read import read
from tasks.render import render
from tasks.runner import InterruptibleRunner

Vetoes = Mapping[str, tuple[Veto, ...]]


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What is to be planned, and with what of the outside world."""

    workspace: Workspace
    environ: Mapping[str, str]
    now: datetime
    """with a zone; stands in the plan, and decides nothing"""
    clock: Callable[[], float]
    """seconds that never go back"""
    limit: tuple[str, ...] = ()
    offline: bool = False
    router_workers: int = 20
    """routers at once"""
    purpose: Purpose = Purpose.PLAN
    reason: str = ""
    """why, where somebody said so"""


def make_plan(request: PlanRequest, target: Path, steps: Steps) -> Plan:
    """Make a plan and write it to `target`; changes no router.

    Raises IrrgateError when nothing can be planned at all. What fails for one peer or one router
    stands in the plan, and the others go on.
    """
    workspace = request.workspace
    nornir = open_inventory(workspace, request.environ, request.router_workers)
    nornir = limited(nornir, workspace, request.limit)
    with PlanWriter(target) as writer:
        made, of_host = _expand(request, nornir, steps)
        vetoes = {
            intent.name: judge_alone(intent, workspace.network.guards)
            for intent in made.values()
            if isinstance(intent, Filter)
        }
        with connections(nornir):
            hosts = _Routers(request, nornir, steps, writer).compare(of_host, vetoes)
        digests = sorted(
            {writer.add_filter(i.prefixes) for i in made.values() if isinstance(i, Filter)}
        )
        expires = request.now + workspace.network.guards.max_plan_age
        peers = peer_records(workspace, sorted(of_host), made, vetoes)
        plan = Plan(
            schema=SCHEMA,
            created=request.now.isoformat(timespec="seconds"),
            expires=expires.isoformat(timespec="seconds"),
            purpose=request.purpose,
            reason=printable(request.reason),
            inputs=inputs_of(workspace),
            limit=request.limit,
            peers=peers,
            hosts=dict(sorted(hosts.items())),
            filters=tuple(digests),
            summary=summarise(peers, hosts),
        )
        writer.finish(plan)
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


def _expand(
    request: PlanRequest, nornir: Nornir, steps: Steps
) -> tuple[dict[tuple[Any, Any], Intent], dict[str, tuple[Intent, ...]]]:
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
        of_host: dict[str, tuple[Intent, ...]] = {}
        for name, result in results.items():
            if result.failed:
                raise result[0].exception or RuntimeError(name)
            of_host[name] = result[0].result
        return intents.made(), of_host


class _Routers:
    """The phases that look at routers, each a run of its own over those that are left."""

    def __init__(
        self, request: PlanRequest, nornir: Nornir, steps: Steps, writer: PlanWriter
    ) -> None:
        self._request = request
        self._nornir = nornir
        self._steps = steps
        self._writer = writer
        self._failed: dict[str, str] = {}

    def compare(
        self, of_host: Mapping[str, tuple[Intent, ...]], vetoes: Vetoes
    ) -> dict[str, HostRecord]:
        """Return what would happen to each router; raises nothing for a single router."""
        if self._request.offline:
            return {name: self._untouched(name, HostStatus.OFFLINE) for name in of_host}
        changes = self._decide(of_host, vetoes)
        candidates = self._render(changes)
        self._dry_run(changes, candidates)
        records = {
            name: self._untouched(name, HostStatus.FAILED, reason)
            for name, reason in self._failed.items()
        }
        for name, of_router in changes.items():
            if name not in self._failed:
                records[name] = self._record(name, of_router)
        return records

    def _decide(
        self, of_host: Mapping[str, tuple[Intent, ...]], vetoes: Vetoes
    ) -> dict[str, RouterChanges]:
        workspace = self._request.workspace
        wanted = {name: wanted_names(intents) for name, intents in of_host.items()}
        prefix = workspace.network.filters.managed_prefix
        found = self._run("reading", set(of_host), task=read, wanted=wanted, managed_prefix=prefix)
        return {
            name: decide(of_host[name], running, workspace.network.guards, vetoes)
            for name, running in found.items()
        }

    def _render(self, changes: Mapping[str, RouterChanges]) -> dict[str, str]:
        renderer = Renderer.of(self._request.workspace)
        return self._run("rendering", set(changes), task=render, renderer=renderer, changes=changes)

    def _dry_run(self, changes: Mapping[str, RouterChanges], candidates: Mapping[str, str]) -> None:
        self._members: dict[str, tuple[dict[str, str], str]] = {}
        written = {name for name, candidate in candidates.items() if candidate}
        diffs = self._run("dry run", written, attribute="diff", task=compare, candidates=candidates)
        for name, diff in sorted(diffs.items()):
            if not diff.strip():
                self._failed[name] = (
                    "sees no difference where its filters are not the intended ones"
                )
                continue
            delta = delta_of(changes[name])
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
        platform = self._request.workspace.hosts[name].platform
        return HostRecord(platform=platform, status=status, reason=printable(reason))

    def _record(self, name: str, changes: RouterChanges) -> HostRecord:
        platform = self._request.workspace.hosts[name].platform
        digests, reviewed = self._members.get(name, ({}, None))
        return changes_record(platform, changes, digests, reviewed)

"""Bring to an end what a run that died has begun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nornir.core.task import Result, Task

from irrgate.bgp import load_neighbours
from irrgate.commits import (
    CommitOutcome,
    CommitReport,
    CommitRules,
    Journal,
    Pace,
    Unfinished,
)
from irrgate.errors import IrrgateError
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi
from tasks.close import closing
from tasks.commit import leave
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.restore import Restoring
from tasks.settle import GRACE, SAVED_DEADLINE, Aim, Settlement
from tasks.unconfirmed import clear_leftovers


@dataclass(frozen=True, slots=True)
class RecoverRun:
    """What all routers of one recovery have in common."""

    unfinished: Callable[[str], Unfinished | None]
    """asked once the router's lock is held; None where its run has come to an end after all"""
    rules: CommitRules
    journals: Mapping[str, Journal]
    """by router: each ends the deployment that it belongs to"""
    restoring: Restoring
    owner: str
    pace: Pace = field(default_factory=Pace)


def recover(task: Task, run: RecoverRun) -> Result:
    """Read the router, and bring it to the new filters, confirmed, or back to the old ones.

    Returns:
        Result with `result`: CommitReport.
    """
    host, journal = task.host, run.journals[task.host.name]
    found: RunningFilters | None = None
    try:
        with journal.lock(host.name) as still_ours, closing(host):
            unfinished = run.unfinished(host.name)
            if unfinished is None:
                return Result(host=host, result=CommitReport(CommitOutcome.ALREADY))
            report, found = _recovered(task, run, unfinished, still_ours)
            journal.end(host.name, report, found)
    except IrrgateError as exc:
        reason = exc.reason if exc.subject == host.name else str(exc)
        report = CommitReport(CommitOutcome.UNSETTLED, reason, hint=exc.hint)
    return Result(host=host, result=report, changed=report.outcome is CommitOutcome.DONE)


def _recovered(
    task: Task, run: RecoverRun, unfinished: Unfinished, still_ours: Callable[[], None]
) -> tuple[CommitReport, RunningFilters | None]:
    host = task.host
    with device_errors(host, "connect"):
        driver = host.get_connection(CONNECTION, task.nornir.config)
    clear_leftovers(host, driver, run.owner)
    if unfinished.commit is None:
        return CommitReport(
            CommitOutcome.FAILED, "the run ended before it committed anything"
        ), None
    revert_in: int | None = unfinished.commit["revert_in"]
    wait, timer_has_run = SAVED_DEADLINE, False
    if revert_in is not None:
        wait = revert_in + GRACE
        timer_has_run = unfinished.age > wait
        wait = GRACE if timer_has_run else wait
    settlement = Settlement(
        task,
        _aim(unfinished),
        run.rules,
        run.journals[host.name],
        still_ours,
        run.pace,
        run.owner,
        run.restoring,
        run.pace.now() + wait,
        trouble="the run ended in the middle of it",
        timer_has_run=timer_has_run,
        in_flight=True,
    )
    report = settlement.run()
    leave(host, report, run.owner, still_ours)
    return report, settlement.found


def _aim(unfinished: Unfinished) -> Aim:
    """Return what `tasks.commit.commit_detail` wrote down."""
    commit = unfinished.commit or {}
    baseline = commit["baseline"]
    return Aim(
        intended={name: (Afi(afi), digest) for name, (afi, digest) in commit["intended"].items()},
        before=unfinished.before,
        session=commit["session"],
        message=commit["message"],
        sessions={at: (Afi(afi), name) for at, (afi, name) in commit["sessions"].items()},
        baseline=None if baseline is None else load_neighbours(baseline),
        commit_confirm=commit["revert_in"] is not None,
    )

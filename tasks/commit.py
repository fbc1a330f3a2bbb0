"""Commit what was reviewed: to be confirmed, read back, and only then confirmed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from irrgate.bgp import dump_neighbours
from irrgate.commits import (
    CommitOrder,
    CommitOutcome,
    CommitReport,
    CommitRules,
    Journal,
    Pace,
    Step,
    candidate_doubt,
    changed_since,
    diff_digest,
    digests_of,
    misread,
)
from irrgate.errors import DeviceError, IrrgateError
from irrgate.platforms import find_platform
from irrgate.platforms.platform import RunningFilters
from tasks.bgp import read_neighbours
from tasks.candidate import LoadedCandidate
from tasks.close import closing
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.read import read_filters, references
from tasks.restore import Restoring
from tasks.settle import GRACE, SAVED_DEADLINE, Aim, Settlement
from tasks.unconfirmed import clear_leftovers, let_go, pending_commit, session_of

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver


@dataclass(frozen=True, slots=True)
class CommitRun:
    """What all routers of one apply have in common."""

    orders: Mapping[str, CommitOrder]
    rules: CommitRules
    journal: Journal
    restoring: Restoring
    owner: str
    """by which a later run knows the sessions that this one leaves when it dies"""
    closed: Callable[[str], str] = field(default=lambda _: "")
    """why the router's change window is closed now; empty while it is open"""
    pace: Pace = field(default_factory=Pace)
    ended: Callable[[str, CommitReport], None] = field(default=lambda _host, _report: None)
    """told what came of each router, however it ended and before the next one begins"""


def commit(task: Task, run: CommitRun) -> Result:
    """Load the plan's bytes; commit them only if the router is as it was when they were reviewed.

    The router's lock is held meanwhile, each step is journalled before it is taken, and the
    router is brought to the new filters or back to the old ones, read back in either case.

    Returns:
        Result with `result`: CommitReport, and `changed`: True when the router was changed.
    """
    report = _report(task, run)
    run.ended(task.host.name, report)
    return Result(host=task.host, result=report, changed=report.outcome is CommitOutcome.DONE)


def _report(task: Task, run: CommitRun) -> CommitReport:
    host = task.host
    if why := run.closed(host.name):
        return CommitReport(CommitOutcome.HELD, why)
    try:
        with run.journal.lock(host.name) as still_ours, closing(host):
            return _Commit(task, run, still_ours).report()
    except IrrgateError as exc:
        reason = exc.reason if exc.subject == host.name else str(exc)
        return CommitReport(CommitOutcome.FAILED, reason, hint=exc.hint)


class _Commit:
    """One router's turn."""

    def __init__(self, task: Task, run: CommitRun, still_ours: Callable[[], None]) -> None:
        self._task = task
        self._host: Host = task.host
        self._run = run
        self._order = run.orders[task.host.name]
        self._still_ours = still_ours
        self._found: RunningFilters | None = None

    def report(self) -> CommitReport:
        """Return what came of the router, and journal it."""
        try:
            with device_errors(self._host, "connect"):
                driver = self._host.get_connection(CONNECTION, self._task.nornir.config)
            clear_leftovers(self._host, driver, self._run.owner)
            before = self._read()
            report = self._as_reviewed(driver, before)
            if report is None:
                report = self._commit(driver, before)
        except IrrgateError as exc:
            # Before the commit was sent: nothing was changed.
            reason = exc.reason if exc.subject == self._host.name else str(exc)
            report = CommitReport(CommitOutcome.FAILED, reason, hint=exc.hint)
        try:
            self._run.journal.end(self._host.name, report, self._found)
        except IrrgateError as exc:
            return _not_written(report, exc)
        return report

    def _read(self) -> RunningFilters:
        prefix = self._run.rules.managed_prefix
        self._found = read_filters(self._task, self._order.wanted, prefix)
        return self._found

    def _as_reviewed(self, driver: NetworkDriver, before: RunningFilters) -> CommitReport | None:
        """Return None when the router is as it was reviewed, else what keeps it from a commit."""
        order = self._order
        if pending_commit(self._host, driver) is not None:
            reason = "a commit of somebody else waits to be confirmed on it"
            return CommitReport(CommitOutcome.HELD, reason)
        if not misread(order.intended, before):
            return CommitReport(CommitOutcome.ALREADY)
        if digests_of(before, order.intended) != order.running:
            reason = "its filters are not what they were when the plan was made"
            return CommitReport(CommitOutcome.HELD, reason, since=changed_since(order, before))
        if wrong := self._unreviewed(before):
            return CommitReport(CommitOutcome.HELD, wrong)
        removed = [name for name, (_, digest) in order.intended.items() if digest is None]
        for name, lines in references(self._task, removed).items() if removed else ():
            reason = f"{name} was to be removed, and is referred to by now: {lines[0]}"
            return CommitReport(CommitOutcome.HELD, reason)
        return None

    def _unreviewed(self, before: RunningFilters) -> str:
        """Return what the candidate does beside the filters that the plan names, or nothing.

        A plan is a file, and its candidate need not be what irrgate wrote. Whether the filters
        come to hold what they should is read back; of anything else nobody would hear.
        """
        order, platform = self._order, find_platform(self._host.platform or "")
        return candidate_doubt(platform, order.candidate, order.intended, before)

    def _commit(self, driver: NetworkDriver, before: RunningFilters) -> CommitReport:
        run, order, name = self._run, self._order, self._host.name
        baseline = read_neighbours(self._host, driver) if run.rules.bgp_check else None
        sets = {
            each: before.lists[each].prefixes if each in before.lists else None
            for each in order.intended
        }
        run.journal.begin(name, sets)
        revert_in = revert_seconds(self._host, run.rules) if order.commit_confirm else None
        run.journal.note(name, Step.LOAD, {})
        with LoadedCandidate(self._host, driver, order.candidate, run.owner) as candidate:
            with device_errors(self._host, "compare"):
                diff = driver.compare_config()
            if diff_digest(diff) != order.diff_digest:
                reason = "its diff is not the one that was reviewed"
                return CommitReport(CommitOutcome.HELD, reason, diff)
            self._still_ours()
            aim = Aim(
                order.intended,
                sets,
                session_of(driver),
                order.message,
                order.sessions,
                baseline,
                order.commit_confirm,
            )
            run.journal.note(name, Step.COMMIT, commit_detail(aim, revert_in))
            candidate.sent()
            return self._settle(driver, aim, revert_in)

    def _settle(self, driver: NetworkDriver, aim: Aim, revert_in: int | None) -> CommitReport:
        """Send the commit, and stay until the router holds the new filters or the old ones."""
        run, order = self._run, self._order
        wait = SAVED_DEADLINE if revert_in is None else revert_in + GRACE
        settlement = Settlement(
            self._task,
            aim,
            run.rules,
            run.journal,
            self._still_ours,
            run.pace,
            run.owner,
            run.restoring,
            run.pace.now() + wait,
        )
        try:
            _send(self._host, driver, order, revert_in)
            settlement.surely_pending = order.commit_confirm
        except DeviceError as exc:
            settlement.trouble = settlement.refused = exc.reason
            # By its class's name, as in tasks.driver_words.
            raised = {type(exc).__name__, type(exc.__cause__).__name__}
            settlement.in_flight = "CommitRefused" not in raised
        # The router's timer may have begun as late as now.
        settlement.deadline = run.pace.now() + wait
        report = settlement.run()
        self._found = settlement.found
        leave(self._host, report, run.owner, self._still_ours)
        return report


def _not_written(report: CommitReport, exc: IrrgateError) -> CommitReport:
    """Return what came of a router whose end could not be written: to later runs it has none."""
    came = " ".join(filter(None, (f"{report.outcome}:", report.reason))).removesuffix(":")
    outcome = CommitOutcome.FAILED
    if report.outcome in {CommitOutcome.DONE, CommitOutcome.REVERTED, CommitOutcome.UNSETTLED}:
        outcome = CommitOutcome.UNSETTLED
    return CommitReport(outcome, f"{came}; that could not be written down: {exc}", hint=exc.hint)


def revert_seconds(host: Host, rules: CommitRules) -> int:
    """Return the time until a router takes back what is not confirmed, as it can count it."""
    step = find_platform(host.platform or "").capabilities.revert_step
    return -(-rules.revert_in // step) * step


def commit_detail(aim: Aim, revert_in: int | None) -> dict[str, object]:
    """Return what a later run needs to bring this commit to an end, as JSON has it."""
    return {
        "session": aim.session,
        "message": aim.message,
        "intended": {name: [str(afi), digest] for name, (afi, digest) in aim.intended.items()},
        "sessions": {at: [str(afi), name] for at, (afi, name) in aim.sessions.items()},
        "baseline": None if aim.baseline is None else dump_neighbours(aim.baseline),
        "revert_in": revert_in,
    }


def _send(host: Host, driver: NetworkDriver, order: CommitOrder, revert_in: int | None) -> None:
    capabilities = find_platform(host.platform or "").capabilities
    options: dict[str, object] = {}
    if capabilities.commit_message:
        options["message"] = order.message
    if revert_in is not None:
        options["revert_in"] = revert_in
    with device_errors(host, "commit"):
        driver.commit_config(**options)


def leave(host: Host, report: CommitReport, owner: str, still_ours: Callable[[], None]) -> None:
    """Leave no candidate on the router, and nothing that closing the connection would undo."""
    plugin = host.connections.get(CONNECTION)
    if plugin is None or plugin.connection is None:
        return
    driver = plugin.connection
    let_go(driver)
    if report.outcome in {CommitOutcome.FAILED, CommitOutcome.REVERTED}:
        # What was loaded, and not taken, may still be there; the next run of this owner clears
        # what this one cannot.
        with contextlib.suppress(IrrgateError):
            still_ours()
            clear_leftovers(host, driver, owner)
            if getattr(driver, "locked", False):
                with device_errors(host, "discard"):
                    driver.discard_config()

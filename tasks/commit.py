"""Commit what was reviewed: to be confirmed, read back, and only then confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport, diff_digest, misread
from irrgate.errors import DeviceError
from irrgate.platforms import find_platform
from tasks.candidate import loaded_candidate
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.read import read_filters

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver


def commit(
    task: Task, orders: Mapping[str, CommitOrder], managed_prefix: str, revert_in: int
) -> Result:
    """Load the plan's bytes; commit them only if the router's diff is the reviewed one.

    `revert_in` is in seconds, after which the router takes back by itself what was not confirmed;
    it is rounded up to what the platform can count.
    What is read back wrong is taken back at once. Raises DeviceError; the router's lock and
    candidate are released in any case.

    Returns:
        Result with `result`: CommitReport, and `changed`: True when the router was changed.
    """
    host = task.host
    order = orders[host.name]
    with device_errors(host, "connect"):
        driver = host.get_connection(CONNECTION, task.nornir.config)
    step = find_platform(host.platform or "").capabilities.revert_step
    revert_in = -(-revert_in // step) * step
    with loaded_candidate(host, driver, order.candidate):
        with device_errors(host, "compare"):
            diff = driver.compare_config()
        if not diff.strip():
            return Result(host=host, result=CommitReport(CommitOutcome.ALREADY))
        if diff_digest(diff) != order.diff_digest:
            reason = "its diff is not the one that was reviewed"
            return Result(host=host, result=CommitReport(CommitOutcome.HELD, reason, diff))
        _commit_unconfirmed(host, driver, order, revert_in)
        report = _verify(task, order, managed_prefix)
        if report.outcome is CommitOutcome.DONE:
            _confirm(host, driver, revert_in)
        else:
            _take_back(host, driver, report.reason, revert_in)
    return Result(host=host, result=report, changed=report.outcome is CommitOutcome.DONE)


def _commit_unconfirmed(
    host: Host, driver: NetworkDriver, order: CommitOrder, revert_in: int
) -> None:
    capabilities = find_platform(host.platform or "").capabilities
    message = {"message": order.message} if capabilities.commit_message else {}
    try:
        with device_errors(host, "commit"):
            driver.commit_config(revert_in=revert_in, **message)
    except DeviceError as exc:
        raise DeviceError(
            host.name,
            f"{exc.reason}; if it was applied all the same, the router takes it back by itself "
            f"within {revert_in} s, since nobody confirms it",
            hint=exc.hint,
        ) from exc


def _verify(task: Task, order: CommitOrder, managed_prefix: str) -> CommitReport:
    try:
        found = read_filters(
            task, {n: afi for n, (afi, _) in order.intended.items()}, managed_prefix
        )
    except DeviceError as exc:
        return CommitReport(CommitOutcome.REVERTED, f"could not be read back: {exc.reason}")
    wrong = misread(order, found)
    if wrong:
        return CommitReport(
            CommitOutcome.REVERTED, f"does not hold what was committed: {', '.join(wrong)}"
        )
    return CommitReport(CommitOutcome.DONE)


def _confirm(host: Host, driver: NetworkDriver, revert_in: int) -> None:
    try:
        with device_errors(host, "confirm"):
            driver.confirm_commit()
    except DeviceError as exc:
        raise DeviceError(
            host.name,
            f"{exc.reason}; the new filters were read back right, and the router may keep them or "
            f"take them back within {revert_in} s",
            hint="make a plan again to see which",
        ) from exc


def _take_back(host: Host, driver: NetworkDriver, reason: str, revert_in: int) -> None:
    """Undo an unconfirmed commit now; if that fails, the router's timer does it."""
    try:
        with device_errors(host, "take back the commit"):
            driver.rollback()
    except DeviceError as exc:
        raise DeviceError(
            host.name,
            f"{reason}; {exc.reason}; the router takes the unconfirmed commit back by itself "
            f"within {revert_in} s",
        ) from exc

"""The filters that a router holds now."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nornir.core.task import Result, Task

from irrgate.changes import read_running
from irrgate.errors import DeviceError, ParseError
from irrgate.network import FilterNames
from irrgate.platforms import find_platform
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors


def read(task: Task, wanted: Mapping[str, Mapping[str, Afi]], names: FilterNames) -> Result:
    """Read the managed filters out of the running config; changes nothing.

    `wanted` has the names to look for, by host; other filters whose names irrgate gives are read
    as well.

    Returns:
        Result with `result`: RunningFilters.
    """
    host = task.host
    try:
        platform = find_platform(host.platform or "")
        found = read_running(platform, _running(task), wanted[host.name], names)
    except ParseError as exc:
        raise _unreadable(task, exc) from exc
    return Result(host=host, result=found)


def read_filters(task: Task, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
    """Return the managed filters of the task's host; raises DeviceError."""
    platform = find_platform(task.host.platform or "")
    try:
        return platform.parse(_running(task), wanted, managed_prefix)
    except ParseError as exc:
        raise _unreadable(task, exc) from exc


def references(task: Task, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return what refers to each of `names` on the router, of those that are referred to."""
    platform = find_platform(task.host.platform or "")
    try:
        found = platform.references(_running(task), names)
    except ParseError as exc:
        raise _unreadable(task, exc) from exc
    return {name: lines for name, lines in found.items() if lines}


def _running(task: Task) -> str:
    host = task.host
    with device_errors(host, "connect"):
        driver = host.get_connection(CONNECTION, task.nornir.config)
    with device_errors(host, "read the running config"):
        running: str = driver.get_config(retrieve="running")["running"]
    return running


def _unreadable(task: Task, exc: ParseError) -> DeviceError:
    what = exc.reason if exc.subject == "running config" else str(exc)
    return DeviceError(task.host.name, f"read the running config: {what}")

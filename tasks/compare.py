"""The dry run: the router's own diff of a candidate, which is discarded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from nornir.core.task import Result, Task

from tasks.candidate import loaded_candidate
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors

Lock = Callable[[str], AbstractContextManager[object]]
"""takes a router for this run alone; raises LockedError"""


def compare(task: Task, candidates: Mapping[str, str], lock: Lock = nullcontext) -> Result:
    """Load the host's candidate, ask for the diff, and discard the candidate.

    Returns:
        Result with `diff`: the router's own diff; `changed` is False, as nothing was.
    """
    host = task.host
    with device_errors(host, "connect"):
        driver = host.get_connection(CONNECTION, task.nornir.config)
    with (
        device_errors(host, "lock"),
        lock(host.name),
        loaded_candidate(host, driver, candidates[host.name]),
        device_errors(host, "compare"),
    ):
        diff = driver.compare_config()
    return Result(host=host, diff=diff, changed=False)

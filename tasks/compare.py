"""The dry run: the router's own diff of a candidate, which is discarded again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from nornir.core.task import Result, Task

from tasks.candidate import LoadedCandidate
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.unconfirmed import SESSION_OWNER, clear_leftovers

Lock = Callable[[str], AbstractContextManager[object]]
"""takes a router for this run alone; raises LockedError"""


def compare(
    task: Task,
    candidates: Mapping[str, str],
    lock: Lock = nullcontext,
    owner: str = SESSION_OWNER,
) -> Result:
    """Load the host's candidate, ask for the diff, and discard the candidate.

    `owner` is by which a later run knows what this one leaves on the router when it dies.

    Returns:
        Result with `diff`: the router's own diff; `changed` is False, as nothing was.
    """
    host = task.host
    with device_errors(host, "connect"):
        driver = host.get_connection(CONNECTION, task.nornir.config)
    with device_errors(host, "lock"), lock(host.name):
        clear_leftovers(host, driver, owner)
        candidate = LoadedCandidate(host, driver, candidates[host.name], owner)
        with candidate, device_errors(host, "compare"):
            diff = driver.compare_config()
    return Result(host=host, diff=diff, changed=False)

"""The filters that a router should have."""

from __future__ import annotations

from nornir.core.task import Result, Task

from irrgate.intents import Intents
from irrgate.network import Workspace


def expand(task: Task, workspace: Workspace, intents: Intents) -> Result:
    """Expand the IRR objects of all peers of the host.

    Every host asks the one shared `intents`, so that each distinct query runs once.

    Returns:
        Result with `result`: a tuple of Filter and NoFilter, one for each peer and family.
    """
    router = workspace.hosts[task.host.name]
    made = tuple(intents.filter(peer, afi) for peer, afi in router.filters())
    return Result(host=task.host, result=made)

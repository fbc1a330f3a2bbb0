"""The candidate that brings a router's filters to what is intended."""

from __future__ import annotations

from collections.abc import Mapping

from nornir.core.task import Result, Task

from irrgate.changes import RouterChanges, rendered
from irrgate.platforms import find_platform
from irrgate.render import Renderer


def render(task: Task, renderer: Renderer, changes: Mapping[str, RouterChanges]) -> Result:
    """Print the filters that change; touches no router.

    Returns:
        Result with `result`: Rendered, with the candidate and the changes that are left.
    """
    platform = find_platform(task.host.platform or "")
    return Result(host=task.host, result=rendered(platform, renderer, changes[task.host.name]))

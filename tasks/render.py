"""The candidate that brings a router's filters to what is intended."""

from __future__ import annotations

from collections.abc import Mapping

from nornir.core.task import Result, Task

from irrgate.changes import RouterChanges, render_candidate
from irrgate.platforms import find_platform
from irrgate.render import Renderer


def render(task: Task, renderer: Renderer, changes: Mapping[str, RouterChanges]) -> Result:
    """Print the filters that change; touches no router.

    Returns:
        Result with `result`: the candidate as text, empty when nothing changes.
    """
    of_host = changes[task.host.name]
    if not of_host.changed:
        return Result(host=task.host, result="")
    platform = find_platform(task.host.platform or "")
    return Result(host=task.host, result=render_candidate(platform, renderer, of_host))

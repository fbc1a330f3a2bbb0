"""The end of a router's connection."""

from __future__ import annotations

from nornir.core.task import Result, Task


def close(task: Task) -> Result:
    """Close the host's connections; one that cannot be closed in order is dropped.

    Returns:
        Result without a result.
    """
    try:
        task.host.close_connections()
    except Exception:  # noqa: BLE001 - any driver's error; the router drops what is left
        task.host.connections.clear()
    return Result(host=task.host)

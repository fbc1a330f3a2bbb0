"""The end of a router's connection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core.inventory import Host
from nornir.core.task import Result, Task


def close(task: Task) -> Result:
    """Close the host's connections; one that cannot be closed in order is dropped.

    Returns:
        Result without a result.
    """
    _close(task.host)
    return Result(host=task.host)


@contextmanager
def closing(host: Host) -> Iterator[None]:
    """Close the host's connections at the end of the block.

    The lock on a router's configuration goes with them, which others wait for while later batches
    are under way.
    """
    try:
        yield
    finally:
        _close(host)


def _close(host: Host) -> None:
    try:
        host.close_connections()
    except Exception:  # noqa: BLE001 - any driver's error; the router drops what is left
        host.connections.clear()

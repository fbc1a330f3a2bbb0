"""A real daemon that nobody has a session with, and irrgate in front of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from tests.e2e.desk import inherited_environ, told
from tests.lab.daemons.namespace import ROUTER, namespaces
from tests.lab.daemons.under_test import DaemonUnderTest
from tests.lab.daemons.workspace import daemon_workspace
from tests.lab.network import LabNetwork

D = TypeVar("D", bound=DaemonUnderTest)


@contextmanager
def alone(daemon: D) -> Iterator[D]:
    """Start a daemon whose sessions are all down: nobody is there."""
    with namespaces((ROUTER,)) as (namespace,):
        try:
            daemon.start(namespace)
            yield daemon
        finally:
            daemon.stop()


def desk_of(
    daemon: DaemonUnderTest, directory: Path, **options: object
) -> AbstractContextManager[LabNetwork]:
    """Yield a workspace with the daemon as its router, on this machine."""
    arguments = {"transport": "local", **daemon.optional_args(), **options}
    return daemon_workspace(directory, daemon.platform, arguments, inherited_environ())


def planned(desk: LabNetwork, expect: int) -> tuple[str, str]:
    """Plan; what came of the router, and why."""
    done = told(desk.irrgate("--json", "plan", "--out", "plan.zip"), expect)
    router = json.loads(done.stdout)["hosts"]["router"]
    return router["status"], router["reason"]

"""The way back where the router has none of its own: the saved content is committed again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nornir.core.inventory import Host

from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import PrefixSet
from tasks.candidate import LoadedCandidate
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.unconfirmed import clear_leftovers, let_go

Restoring = Callable[[str, Mapping[str, PrefixSet | None], RunningFilters], str]
"""(platform, what each filter was, what the router holds now) to the candidate that restores it"""


def restore(
    host: Host,
    restoring: Restoring,
    before: Mapping[str, PrefixSet | None],
    found: RunningFilters,
    owner: str,
) -> None:
    """Commit what the filters were before; raises DeviceError. What came of it must be read.

    Only while the router's lock is held, and no commit of somebody else waits to be confirmed.
    """
    driver = host.connections[CONNECTION].connection
    text = restoring(host.platform or "", before, found)
    # The session of the commit is over, and one whose commit got lost is in the way of the next.
    let_go(driver)
    clear_leftovers(host, driver, owner)
    with LoadedCandidate(host, driver, text, owner) as candidate:
        with device_errors(host, "compare"):
            diff = driver.compare_config()
        if diff.strip():
            candidate.sent()
            with device_errors(host, "restore"):
                driver.commit_config()

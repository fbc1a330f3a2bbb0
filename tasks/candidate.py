"""A candidate on a router that is gone afterwards, whatever is thrown in between."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nornir.core.inventory import Host

from tasks.connection import CONNECTION, hurry
from tasks.device_errors import device_errors

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver


@contextmanager
def loaded_candidate(host: Host, driver: NetworkDriver, text: str) -> Iterator[None]:
    """Load `text` as a merge candidate, and discard what is left of it at the end.

    A lock that was never ours is not given back: where the driver says that it holds none, the
    shared candidate may hold another person's work, and discarding would throw it away.
    """
    try:
        with device_errors(host, "load"):
            driver.load_merge_candidate(config=text)
        yield
    except BaseException:
        # The first error is the one to report; the router must be left clean all the same.
        if _holds_candidate(driver):
            _discard_quietly(host, driver)
        raise
    else:
        if _holds_candidate(driver):
            with device_errors(host, "discard"):
                driver.discard_config()


def _holds_candidate(driver: NetworkDriver) -> bool:
    """Tell whether there is a candidate of ours: a session (eos), or a lock (junos)."""
    if hasattr(driver, "config_session"):
        return driver.config_session is not None
    return bool(getattr(driver, "locked", True))


def _discard_quietly(host: Host, driver: NetworkDriver) -> None:
    hurry(driver)
    try:
        driver.discard_config()
    except Exception:  # noqa: BLE001 - the connection may be what failed; its end is the next best
        with contextlib.suppress(Exception):
            host.close_connection(CONNECTION)

"""A candidate on a router that is gone afterwards, whatever is thrown in between."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import TYPE_CHECKING

from nornir.core.inventory import Host

from tasks.connection import CONNECTION, hurry
from tasks.device_errors import device_errors
from tasks.unconfirmed import name_session

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver


class LoadedCandidate:
    """Loads a merge candidate, and discards what is left of it at the end; a context manager.

    A lock that was never ours is not given back: where the driver says that it holds none, the
    shared candidate may hold another person's work, and discarding would throw it away.
    """

    def __init__(self, host: Host, driver: NetworkDriver, text: str, owner: str) -> None:
        self._host = host
        self._driver = driver
        self._text = text
        self._owner = owner
        self._sent = False

    def sent(self) -> None:
        """Say that a commit is on its way: from now on the candidate is not to be touched."""
        self._sent = True

    def __enter__(self) -> LoadedCandidate:
        try:
            with device_errors(self._host, "load"):
                name_session(self._driver, self._owner)
                self._driver.load_merge_candidate(config=self._text)
        except BaseException:
            self._leave_clean()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._sent:
            return
        if kind is not None:
            # The first error is the one to report; the router must be left clean all the same.
            self._leave_clean()
        elif _holds_candidate(self._driver):
            with device_errors(self._host, "discard"):
                self._driver.discard_config()

    def _leave_clean(self) -> None:
        if not _holds_candidate(self._driver):
            return
        hurry(self._driver)
        try:
            self._driver.discard_config()
        except Exception:  # noqa: BLE001 - the connection may be what failed; its end is next best
            with contextlib.suppress(Exception):
                self._host.close_connection(CONNECTION)


def _holds_candidate(driver: NetworkDriver) -> bool:
    """Tell whether there is a candidate of ours: a session (eos), or a lock (junos)."""
    if hasattr(driver, "config_session"):
        return driver.config_session is not None
    return bool(getattr(driver, "locked", True))

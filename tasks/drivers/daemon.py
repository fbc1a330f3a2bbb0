"""What the NAPALM drivers for routing daemons share: the connection, and the watch of a commit."""

from __future__ import annotations

from typing import Any

# As a module: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.base.base as napalm_base

from tasks.drivers.errors import CommitRefused, ConnectionFailed, TimedOut
from tasks.drivers.shell import Shell, open_shell
from tasks.drivers.watchdog import Decision, Progress, Waiting, Watchdog


class DaemonDriver(napalm_base.NetworkDriver):  # type: ignore[misc]
    """A daemon on a router over SSH, or on this machine with `transport: local`."""

    def __init__(
        self,
        hostname: str,
        username: str,
        password: str,
        timeout: int = 60,
        optional_args: dict[str, Any] | None = None,
    ) -> None:
        """Take NAPALM's arguments; raises DeviceError for options that cannot be."""
        self.hostname = hostname
        self.username = username
        self.password = password
        self.timeout = timeout
        self._options: dict[str, Any] = dict(optional_args or {})
        self._shell: Shell | None = None
        self._take_options()

    def _take_options(self) -> None:
        """Read `optional_args`; raises DeviceError."""
        raise NotImplementedError

    def _look(self) -> None:
        """See that the daemon answers, once the shell is open; raises DeviceError."""
        raise NotImplementedError

    def open(self) -> None:
        """Log in, and see that the daemon answers.

        What an earlier connection left on the router is brought to its end. Raises
        ConnectionFailed, LoginRefused, TimedOut, or DeviceError with what to change.
        """
        self._shell = open_shell(
            self.hostname, self.username, self.password, self.timeout, self._options
        )
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out; a commit that waits to be confirmed goes on waiting."""
        shell, self._shell = self._shell, None
        self.discard_config()
        if shell is not None:
            shell.close()

    def is_alive(self) -> dict[str, bool]:
        """Tell whether another command could be run."""
        return {"is_alive": self._shell is not None and self._shell.is_alive()}

    def has_pending_commit(self) -> bool:
        """Tell whether a commit waits to be confirmed, whoever made it."""
        return bool(self._get_pending_commits())

    def _get_pending_commits(self) -> dict[str, int]:
        """Return the seconds left of the commit that waits to be confirmed, by its id."""
        raise NotImplementedError

    @property
    def _open_shell(self) -> Shell:
        if self._shell is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self._shell

    def _refuse_past(self, revert_in: int | None) -> None:
        if revert_in is not None and revert_in <= 0:
            raise CommitRefused(self.hostname, f"revert_in must be positive, not {revert_in}")


class WatchedDriver(DaemonDriver):
    """One whose commits a process on the router takes back: see tasks.drivers.watchdog."""

    _directory: str
    """where that keeps what it has to know: empty after a restart of the router"""

    @property
    def _watchdog(self) -> Watchdog:
        return Watchdog(self._open_shell, self._directory)

    def _waiting(self) -> Waiting | None:
        """Return the commit that waits, its process started again where it was killed."""
        waiting = self._watchdog.waiting()
        if waiting is not None and not waiting.alive:
            self._watchdog.resume(waiting.id)
        return waiting

    def _get_pending_commits(self) -> dict[str, int]:
        waiting = self._waiting()
        return {} if waiting is None else {waiting.id: waiting.seconds}

    def _wanted(self) -> Waiting:
        """Return the commit that is to be confirmed; raises CommitRefused where there is none."""
        waiting = self._waiting()
        if waiting is None:
            raise CommitRefused(self.hostname, "no commit waits to be confirmed on it")
        return waiting

    def _until_over(self, change_id: str) -> Progress:
        return self._watchdog.until_over(change_id, self.timeout)

    def _told(self, said: str) -> str:
        """Return what the scripts said, for a person."""
        return said

    def _decide(self, change_id: str, decision: Decision) -> None:
        self._watchdog.decide(change_id, decision)
        progress = self._until_over(change_id)
        if not progress.over:
            step = "confirmed" if decision is Decision.CONFIRM else "taken back"
            reason = f"the commit is not {step} yet: {self._told(progress.said)}"
            raise TimedOut(self.hostname, reason)

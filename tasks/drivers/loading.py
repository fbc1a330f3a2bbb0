"""What the drivers share that are given a candidate as text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Protocol

from irrgate.errors import ParseError, PlatformError
from tasks.drivers.errors import CandidateRefused, CommitRefused


@contextmanager
def reading(hostname: str, filename: str | None, config: str | None) -> Iterator[str]:
    """Yield a candidate's text; what is wrong with it or its file is CandidateRefused."""
    try:
        yield Path(filename).read_text(encoding="utf-8") if filename else config or ""
    except OSError as exc:
        raise CandidateRefused(str(filename), f"cannot be read: {exc.strerror}") from exc
    except (ParseError, PlatformError) as exc:
        raise CandidateRefused(hostname, str(exc), hint=exc.hint) from exc


class Change(Protocol):
    """What a candidate makes of the router; false when that is nothing."""

    def diff(self) -> str:
        """Return it for people, by list and entry."""


class HeldCandidate:
    """A candidate that is held here, and not on the router, until it is committed.

    Stands before NAPALM's class in a driver's bases, and takes its place in what it has.
    """

    _change: Change | None

    @property
    def locked(self) -> bool:
        """True while a candidate is loaded, which is to be discarded."""
        return self._change is not None

    def compare_config(self) -> str:
        """Return the entries that come and go, by list; empty: nothing changes."""
        return self._change.diff() if self._change else ""

    def discard_config(self) -> None:
        """Forget the candidate; the router has nothing of it."""
        self._change = None


class NothingWaits:
    """A router on which every commit is there to stay; stands in a driver as HeldCandidate does."""

    hostname: str

    def confirm_commit(self) -> NoReturn:
        """Raise CommitRefused: nothing ever waits to be confirmed."""
        raise CommitRefused(self.hostname, "no commit waits to be confirmed on it")

    def has_pending_commit(self) -> bool:
        """Tell whether a commit waits to be confirmed: never."""
        return bool(self._get_pending_commits())

    def _get_pending_commits(self) -> dict[str, int]:
        return {}

"""In which order routers are changed: a canary, then batches, and when the rest is left alone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from irrgate.commits import CommitReport
from irrgate.errors import WorkspaceError


@dataclass(frozen=True, slots=True)
class Canary:
    """Which routers come first: so many, or these."""

    number: int = 0
    hosts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, words: Sequence[str]) -> Canary:
        """Return what `--canary` says: a number, or routers by name; raises WorkspaceError."""
        names = [word.strip() for each in words for word in each.split(",") if word.strip()]
        numbers = [name for name in names if name.isdecimal()]
        if not numbers:
            return cls(hosts=tuple(dict.fromkeys(names)))
        if len(names) > 1:
            raise WorkspaceError(
                f"--canary {' '.join(words)}", "is either a number or routers by name"
            )
        return cls(number=int(numbers[0]))

    def check(self, hosts: Sequence[str]) -> None:
        """Raise WorkspaceError for a router that is not among `hosts`.

        A canary that is misspelt must not mean that there is none.
        """
        for name in self.hosts:
            if name not in hosts:
                raise WorkspaceError(
                    f"--canary {name!a}", "is no router that the plan changes (within --limit)"
                )

    def of(self, hosts: Sequence[str]) -> tuple[str, ...]:
        """Return the routers that come first: those that are named, else the first of `hosts`.

        `hosts` are those that may be changed now. One that is named and is not among them does not
        come through, so that the others are not begun.
        """
        return self.hosts or tuple(hosts[: self.number])


def batches(hosts: Sequence[str], canary: tuple[str, ...], size: int | None) -> list[list[str]]:
    """Return `hosts` in the order in which they are changed: the canary first, if there is one."""
    rest = [name for name in hosts if name not in canary]
    step = size or max(len(rest), 1)
    chunks = [rest[at : at + step] for at in range(0, len(rest), step)]
    return [list(canary), *chunks] if canary else chunks


class Budget:
    """Counts failures, and says why the rest is left alone; safe for many threads."""

    def __init__(self, max_failures: int | None, canary: Sequence[str]) -> None:
        self._max = max_failures
        self._canary = frozenset(canary)
        self._failures = 0
        self._lame: list[str] = []
        self._lock = threading.Lock()

    def count(self, host: str, report: CommitReport) -> None:
        """Take note of what came of a router."""
        with self._lock:
            self._failures += report.outcome.is_failure
            if host in self._canary and not report.outcome.is_done:
                self._lame.append(host)

    def used_up(self, host: str) -> str:
        """Return why `host` must not be begun; empty when it may."""
        with self._lock:
            if self._lame and host not in self._canary:
                return f"not begun, since the canary {self._lame[0]} did not come through"
            if self._max is not None and self._failures > self._max:
                failed = f"{self._failures} router(s) failed"
                return f"not begun, since {failed} (max_failures: {self._max})"
        return ""

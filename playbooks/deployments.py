"""A run's deployment in the state: its journal, what it leaves as last-known-good, its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from pydantic import JsonValue

from irrgate.commits import CommitOutcome, CommitReport, Detail, Step
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import PrefixSet

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import State


ORIGINS: Final = "origins"
"""where the journal of a commit has what is to be kept once a router holds it"""


class Targets(Protocol):
    """What a run knows of its routers beside the state."""

    def of(self, host: str) -> tuple[str, Mapping[str, PrefixSet | None]]:
        """Return the router's platform, and what each of its filters is to be; None: removed."""

    def origins(self, host: str) -> list[dict[str, Any]]:
        """Return where the router's new filters come from, as JSON has it: see `Origin`."""

    def ended(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
        """Take note of what came of a router; `found` is what was read of it last."""


class DeploymentJournal:
    """Implements `irrgate.commits.Journal` for one deployment."""

    def __init__(
        self,
        state: State,
        deployment: int,
        holder: str,
        now: Callable[[], datetime],
        targets: Targets,
    ) -> None:
        self.deployment = deployment
        self._state = state
        self._holder = holder
        self._now = now
        self._targets = targets

    @contextmanager
    def lock(self, host: str) -> Iterator[Callable[[], None]]:
        """Take the router for this run alone; raises LockedError."""
        with self._state.lock(host, self._holder) as lock:
            yield lock.check

    def begin(self, host: str, before: Mapping[str, PrefixSet | None]) -> None:
        """Keep what the router holds before it is touched."""
        held = {name: self._kept(prefixes) for name, prefixes in before.items()}
        platform, after = self._targets.of(host)
        aim = {name: self._kept(prefixes) for name, prefixes in after.items()}
        self._state.begin_host(self.deployment, host, platform, held, aim, self._now())

    def _kept(self, prefixes: PrefixSet | None) -> str | None:
        return None if prefixes is None else self._state.keep_prefixes(prefixes)

    def note(self, host: str, step: Step, detail: Detail) -> None:
        """Write the step that comes next."""
        if step is Step.COMMIT:
            detail = {**detail, ORIGINS: self._targets.origins(host)}
        values = cast("Mapping[str, JsonValue]", detail)
        self._state.journal(self.deployment, host, str(step), self._now(), values)

    def end(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
        """Write what came of the router; one that is not settled stays unfinished."""
        self._targets.ended(host, report, found)
        if report.outcome is not CommitOutcome.UNSETTLED:
            self._state.end_host(
                self.deployment, host, str(report.outcome), report.reason, self._now()
            )

"""A commit run on a state of its own, as `playbooks.applying` puts one together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from irrgate.commits import CommitOrder, CommitReport, CommitRules, Pace
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import PrefixSet
from irrgate.render import Renderer
from irrgate.restoring import restoring_candidate
from irrgate.state import State
from playbooks.deployments import DeploymentJournal
from tasks.commit import CommitRun

RULES = CommitRules("IRR-", 300, bgp_check=True, settle=0)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Targets:
    """What the journal asks for, and what it was told."""

    platform: str
    after: Mapping[str, PrefixSet | None]
    told: dict[str, CommitReport] = field(default_factory=dict)

    def of(self, host: str) -> tuple[str, Mapping[str, PrefixSet | None]]:
        del host
        return self.platform, self.after

    def origins(self, host: str) -> list[dict[str, object]]:
        del host
        return []

    def ended(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
        del found
        self.told[host] = report


@dataclass
class Clock:
    """A clock that runs by what is slept, and a router's clock that runs with it."""

    seconds: float = 0.0
    on_sleep: object = None
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        if callable(self.on_sleep):
            self.on_sleep(seconds)

    @property
    def pace(self) -> Pace:
        return Pace(self.now, self.sleep)


def run_of(
    state: State,
    orders: Mapping[str, CommitOrder],
    targets: Targets,
    rules: CommitRules = RULES,
    pace: Pace | None = None,
) -> CommitRun:
    """A deployment of the state, and the run that commits it."""
    number = state.begin_deployment("apply", "tester", "", "0" * 64, list(orders), now())
    journal = DeploymentJournal(state, number, "the tests", now, targets)
    restoring = partial(restoring_candidate, Renderer())
    return CommitRun(orders, rules, journal, restoring, state.identity, pace=pace or Clock().pace)

"""What one run came to, for machines: metrics and notifications are made of it.

Nothing here is a secret, but reasons are in the words of registries and routers: whoever shows
them to a program that gives characters a meaning has to look after them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from irrgate.commits import CommitOutcome
from irrgate.plan import (
    FilterStatus,
    HostFilterRecord,
    HostRecord,
    HostStatus,
    PeerFilterRecord,
    PeerStatus,
    Plan,
)


class RunKind(StrEnum):
    """What was run, by the command's name."""

    PLAN = "plan"
    APPLY = "apply"
    REFRESH = "refresh"
    ROLLBACK = "rollback"


class FilterState(StrEnum):
    """How a filter stands after a run."""

    CURRENT = "current"
    """it rests on what the IRR said in this run"""
    STALE = "stale"
    """the expansion failed, and the last-known-good filter stands in for it"""
    HELD = "held"
    """what the IRR said was not let through; the routers keep what they have"""


_DONE: Final[frozenset[str]] = frozenset(each for each in CommitOutcome if each.is_done)
_GOOD: Final = _DONE | {HostStatus.UNCHANGED, HostStatus.CHANGE, HostStatus.OFFLINE}
_LEAVING: Final = frozenset({FilterStatus.REMOVE, FilterStatus.REFERRED})
_HELD_BEFORE: Final = frozenset(
    {PeerStatus.HELD, PeerStatus.UNKNOWN, PeerStatus.FAILED, PeerStatus.TOO_OLD}
)
"""before any router was asked"""


@dataclass(frozen=True, slots=True)
class RouterReport:
    """What came of one router."""

    name: str
    platform: str
    outcome: str
    """a `CommitOutcome`, or where nothing was to be committed a `HostStatus`, or `failed`"""
    reason: str = ""
    seconds: float = 0.0
    """that the run spent on it; 0 where it was not committed to"""

    @property
    def asked(self) -> bool:
        """False for a router that the run did not look at: a plan made with --offline."""
        return self.outcome != HostStatus.OFFLINE

    @property
    def held(self) -> bool:
        """True when it was left as it is on purpose."""
        return self.outcome == CommitOutcome.HELD

    @property
    def failed(self) -> bool:
        """True when it is not as the run meant it to be; a word that is not known here counts."""
        return self.outcome not in _GOOD and not self.held


@dataclass(frozen=True, slots=True)
class FilterReport:
    """How one peer's filter of one family stands."""

    peer: str
    afi: str
    name: str
    state: FilterState
    entries: int
    """of the filter that this run made or that stands in; 0 where there is none"""
    rests_on: datetime | None
    """when the IRR said what the routers' filter rests on; None where this run does not tell, as
    when it was held: then it rests on what it rested on before"""
    held_by: tuple[str, ...] = ()
    """the names of the guards, sorted"""
    reason: str = ""
    """the guards' figures and limits, or what went wrong"""

    @property
    def stale(self) -> bool:
        """True when it rests on older data because an expansion failed."""
        return self.state is FilterState.STALE

    def age(self, now: datetime) -> timedelta | None:
        """Return the age of the data that the filter rests on; never below zero."""
        return None if self.rests_on is None else max(timedelta(), now - self.rests_on)


@dataclass(frozen=True, slots=True)
class RunReport:
    """One run, whole enough to be measured and told of."""

    kind: RunKind
    started: datetime
    ended: datetime
    exit_code: int
    whole: bool
    """False for a run with --limit, which says nothing about what it left out"""
    routers: tuple[RouterReport, ...] = ()
    filters: tuple[FilterReport, ...] = ()
    deployment: int | None = None
    changed: tuple[str, ...] = ()
    """the routers on which something was committed and confirmed"""
    failure: str = ""
    """why it could not run at all"""

    @property
    def seconds(self) -> float:
        """How long it took; 0 where the clock was set back meanwhile."""
        return max(0.0, (self.ended - self.started).total_seconds())

    @property
    def succeeded(self) -> bool:
        """True when nothing was held back and nothing failed: exit codes 0 and 2."""
        return self.exit_code in {0, 2}


@dataclass(frozen=True, slots=True)
class RouterOutcome:
    """What an apply says of one router."""

    outcome: str
    reason: str = ""
    seconds: float = 0.0


def report_of_plan(  # noqa: PLR0913 - each is a fact about the run that the plan does not have
    plan: Plan,
    *,
    kind: RunKind,
    started: datetime,
    ended: datetime,
    exit_code: int,
    deployment: int | None = None,
    outcomes: Mapping[str, RouterOutcome] | None = None,
) -> RunReport:
    """Return the report of a run that made or applied `plan`.

    A router that is not in `outcomes` is reported as the plan has it.
    """
    applied = outcomes or {}
    routers = {
        name: _router(name, host, applied.get(name)) for name, host in sorted(plan.hosts.items())
    }
    return RunReport(
        kind=kind,
        started=started,
        ended=ended,
        exit_code=exit_code,
        whole=not plan.limit,
        routers=tuple(routers.values()),
        filters=_filters(plan, routers),
        deployment=deployment,
        changed=tuple(name for name, each in routers.items() if each.outcome == CommitOutcome.DONE),
    )


def _router(name: str, host: HostRecord, applied: RouterOutcome | None) -> RouterReport:
    if applied is None:
        return RouterReport(name, host.platform, str(host.status), host.reason)
    return RouterReport(name, host.platform, applied.outcome, applied.reason, applied.seconds)


def _filters(plan: Plan, routers: Mapping[str, RouterReport]) -> tuple[FilterReport, ...]:
    on_routers: dict[str, list[tuple[HostFilterRecord, RouterReport]]] = {}
    for host, record in plan.hosts.items():
        for name, each in record.filters.items():
            if each.status not in _LEAVING:
                on_routers.setdefault(name, []).append((each, routers[host]))
    made = datetime.fromisoformat(plan.created)
    return tuple(
        _filter(peer, afi, record, on_routers.get(record.name, []), made)
        for peer, each in sorted(plan.peers.items())
        for afi, record in sorted(each.filters.items())
    )


def _filter(
    peer: str,
    afi: str,
    record: PeerFilterRecord,
    on_routers: list[tuple[HostFilterRecord, RouterReport]],
    made: datetime,
) -> FilterReport:
    held = [each for each, _ in on_routers if each.status is FilterStatus.HELD]
    rests_on = None
    if record.stale is not None:
        rests_on = datetime.fromisoformat(record.stale.since)
    elif on_routers and all(_serves(each, router) for each, router in on_routers):
        rests_on = made
    report = FilterReport(peer, afi, record.name, FilterState.CURRENT, record.entries, rests_on)
    if held or record.status in _HELD_BEFORE:
        return replace(
            report,
            state=FilterState.HELD,
            held_by=_guards(record, held),
            reason=_reason(record, held),
        )
    if record.status is PeerStatus.STALE:
        return replace(report, state=FilterState.STALE, reason=record.reason)
    return report


def _serves(each: HostFilterRecord, router: RouterReport) -> bool:
    """Tell whether the router now holds the filter that the plan intends."""
    if each.status is FilterStatus.UNCHANGED:
        return True
    return each.status.is_written and router.outcome in _DONE


def _guards(record: PeerFilterRecord, held: list[HostFilterRecord]) -> tuple[str, ...]:
    readings = [*record.guards, *(reading for each in held for reading in each.guards)]
    guards = {str(each.guard) for each in readings if not each.passed}
    # An expansion that failed, and a list on a router that nobody can read, are held by no guard.
    return tuple(sorted(guards)) or (str(record.status if not held else FilterStatus.HELD),)


def _reason(record: PeerFilterRecord, held: list[HostFilterRecord]) -> str:
    if record.status.is_problem and record.reason:
        return record.reason
    return "; ".join(sorted({each.reason for each in held}))

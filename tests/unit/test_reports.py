"""The report that a plan and what came of it make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from irrgate.guards import Guard
from irrgate.plan import (
    FilterStatus,
    HostRecord,
    HostStatus,
    PeerStatus,
    Plan,
    ReadingRecord,
    StaleRecord,
)
from irrgate.reports import (
    FilterState,
    RouterOutcome,
    RouterReport,
    RunKind,
    RunReport,
    report_of_plan,
)
from tests.unit.plans_made import HOSTS, NAME, write
from tests.unit.reports_made import ENDED, HELD, STALE, STARTED, run


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A plan of which nothing is said but what each test says."""
    made = write(tmp_path / "plan.zip")
    peer = made.peers["AS64500"]
    record = peer.filters["ipv4"].model_copy(update={"reason": "", "guards": (), "stale": None})
    hosts = {name: _plain(host) for name, host in made.hosts.items()}
    peers = {"AS64500": peer.model_copy(update={"filters": {"ipv4": record}})}
    return made.model_copy(update={"hosts": hosts, "peers": peers})


def _plain(host: HostRecord) -> HostRecord:
    filters = {
        name: each.model_copy(update={"reason": "", "guards": ()})
        for name, each in host.filters.items()
    }
    reason = host.reason if host.status is HostStatus.FAILED else ""
    return host.model_copy(update={"reason": reason, "filters": filters})


def report(plan: Plan, **outcomes: RouterOutcome) -> RunReport:
    return report_of_plan(
        plan,
        kind=RunKind.APPLY,
        started=STARTED,
        ended=ENDED,
        exit_code=0,
        deployment=4,
        outcomes={name.replace("_", "."): each for name, each in outcomes.items()},
    )


def reading(guard: Guard, *, passed: bool = False) -> ReadingRecord:
    return ReadingRecord(guard=guard, figure="9", limit="3", passed=passed)


def changed_filter(plan: Plan, status: PeerStatus, reason: str, **changes: Any) -> Plan:
    peer = plan.peers["AS64500"]
    update = {"status": status, "reason": reason, **changes}
    record = peer.filters["ipv4"].model_copy(update=update)
    peer = peer.model_copy(update={"filters": {"ipv4": record}})
    return plan.model_copy(update={"peers": {"AS64500": peer}})


def test_routers_are_as_the_plan_has_them_where_nothing_came_of_them(plan: Plan) -> None:
    assert [(r.name, r.outcome, r.reason) for r in report(plan).routers] == [
        (HOSTS[0], "change", ""),
        (HOSTS[1], "change", ""),
        ("edge9.mex", "failed", "connect: refused"),
        (HOSTS[2], "change", ""),
    ]


def test_an_outcome_says_more_than_the_plan(plan: Plan) -> None:
    made = report(
        plan,
        edge1_mex=RouterOutcome("done", "", 1.5),
        edge2_mex=RouterOutcome("reverted", "IRR-AS64500-V4 is not as intended", 9),
    )
    assert made.routers[0] == RouterReport("edge1.mex", "eos", "done", "", 1.5)
    assert made.routers[1].failed
    assert made.routers[1].reason == "IRR-AS64500-V4 is not as intended"
    assert made.changed == ("edge1.mex",)
    assert (made.kind, made.deployment, made.seconds) == (RunKind.APPLY, 4, 90)


def test_a_plan_with_a_limit_is_not_the_whole_network(plan: Plan) -> None:
    assert not report(plan).whole
    assert report(plan.model_copy(update={"limit": ()})).whole


MADE = datetime(2026, 1, 1, tzinfo=UTC)
SINCE = "2025-12-30T00:00:00+00:00"
COMMITTED = {"edge1_mex": RouterOutcome("done"), "edge2_mex": RouterOutcome("already")}


def small(plan: Plan, status: FilterStatus = FilterStatus.CHANGE, **changes: Any) -> Plan:
    """Return the plan with two routers, on the second of which the filter has this status."""
    host = plan.hosts["edge2.mex"]
    record = host.filters[NAME].model_copy(update={"status": status, **changes})
    second = host.model_copy(update={"filters": {NAME: record}})
    hosts = {"edge1.mex": plan.hosts["edge1.mex"], "edge2.mex": second}
    return plan.model_copy(update={"hosts": hosts})


def test_a_filter_rests_on_this_plan_once_every_router_holds_it(plan: Plan) -> None:
    both = small(plan)
    (found,) = report(both, **COMMITTED).filters
    assert (found.peer, found.afi, found.name) == ("AS64500", "ipv4", NAME)
    assert (found.state, found.entries, found.held_by) == (FilterState.CURRENT, 3, ())
    assert found.rests_on == MADE
    for outcome in ("failed", "reverted", "held", "unsettled"):
        (found,) = report(both, **{**COMMITTED, "edge2_mex": RouterOutcome(outcome)}).filters
        assert found.rests_on is None
    (found,) = report(both).filters
    assert found.rests_on is None
    (found,) = report(both.model_copy(update={"hosts": {}})).filters
    assert found.rests_on is None


@pytest.mark.parametrize(
    ("status", "rests_on"),
    [
        (FilterStatus.UNCHANGED, MADE),
        (FilterStatus.NEW, MADE),
        (FilterStatus.HELD, None),
        # Where it goes away it need not be as intended.
        (FilterStatus.REMOVE, MADE),
        (FilterStatus.REFERRED, MADE),
    ],
)
def test_what_a_filter_rests_on_by_what_becomes_of_it(
    plan: Plan, status: FilterStatus, rests_on: datetime | None
) -> None:
    (found,) = report(small(plan, status), **COMMITTED).filters
    assert found.rests_on == rests_on


@pytest.mark.parametrize(
    "status", [PeerStatus.FAILED, PeerStatus.UNKNOWN, PeerStatus.HELD, PeerStatus.TOO_OLD]
)
def test_a_filter_that_is_held_before_a_router_is_asked(plan: Plan, status: PeerStatus) -> None:
    (found,) = report(changed_filter(plan, status, "no answer: timed out")).filters
    assert (found.state, found.held_by, found.reason, found.rests_on) == (
        FilterState.HELD,
        (str(status),),
        "no answer: timed out",
        None,
    )


def test_the_guards_that_hold_a_filter(plan: Plan) -> None:
    before = changed_filter(
        plan,
        PeerStatus.HELD,
        "max_prefixes: 9 entries (limit: 3)",
        guards=(reading(Guard.MAX_PREFIXES), reading(Guard.OWN, passed=True)),
    )
    (found,) = report(before).filters
    assert (found.state, found.held_by) == (FilterState.HELD, ("max_prefixes",))
    assert found.reason == "max_prefixes: 9 entries (limit: 3)"

    vetoes = "max_shrink: loses 45% (limit: 30%); max_growth: grows to 9 times (limit: 3 times)"
    guards = (reading(Guard.SHRINK), reading(Guard.GROWTH), reading(Guard.EMPTY, passed=True))
    (found,) = report(
        small(plan, FilterStatus.HELD, reason=vetoes, guards=guards), **COMMITTED
    ).filters
    assert (found.state, found.held_by) == (FilterState.HELD, ("max_growth", "max_shrink"))
    assert found.reason == vetoes

    (found,) = report(small(plan, FilterStatus.HELD, reason="cannot be read")).filters
    assert (found.held_by, found.reason) == (("held",), "cannot be read")


def test_a_filter_that_stands_in_rests_on_what_it_was_made_of(plan: Plan) -> None:
    stale = StaleRecord(digest="0" * 64, since=SINCE, age_seconds=172800)
    stands_in = changed_filter(small(plan), PeerStatus.STALE, "no answer", stale=stale)
    (found,) = report(stands_in, **COMMITTED).filters
    assert (found.state, found.reason, found.held_by) == (FilterState.STALE, "no answer", ())
    assert found.rests_on == datetime.fromisoformat(SINCE)
    too_old = changed_filter(plan, PeerStatus.TOO_OLD, "no answer", stale=stale)
    (found,) = report(too_old).filters
    assert (found.state, found.rests_on) == (FilterState.HELD, datetime.fromisoformat(SINCE))


@pytest.mark.parametrize(
    ("outcome", "failed", "held"),
    [
        ("done", False, False),
        ("already", False, False),
        ("unchanged", False, False),
        ("change", False, False),
        ("offline", False, False),
        ("held", False, True),
        ("failed", True, False),
        ("reverted", True, False),
        ("what nobody has thought of", True, False),
    ],
)
def test_an_outcome_that_is_not_known_to_be_good_is_a_failure(
    outcome: str, *, failed: bool, held: bool
) -> None:
    router = RouterReport("edge1", "eos", outcome)
    assert (router.failed, router.held) == (failed, held)
    assert router.asked is (outcome != HostStatus.OFFLINE)


def test_ages_and_durations_are_never_below_zero() -> None:
    assert STALE.age(STARTED) == timedelta(days=2, hours=5)
    assert STALE.stale
    assert not HELD.stale
    assert HELD.age(STARTED - timedelta(days=9)) == timedelta()
    assert run(ended=STARTED - timedelta(hours=1)).seconds == 0


@pytest.mark.parametrize(("code", "succeeded"), [(0, True), (2, True), (1, False), (3, False)])
def test_a_success_is_a_run_with_nothing_held_and_nothing_failed(
    code: int, *, succeeded: bool
) -> None:
    assert run(exit_code=code).succeeded is succeeded

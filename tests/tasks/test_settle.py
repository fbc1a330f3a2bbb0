"""After a commit was sent: the new filters, confirmed, or the old ones; read back in any case."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from nornir.core import Nornir

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport, Detail, Step
from irrgate.errors import StateError
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from irrgate.state import State
from playbooks.deployments import DeploymentJournal
from tasks.close import close
from tasks.commit import commit
from tests.lab.harness import LabDevice
from tests.tasks.changing import (
    COMMITTED,
    LIST,
    committed,
    driver_of,
    events_of,
    nornir,
    order,
    recovered,
    router,
    somebody_commits,
    state,
)
from tests.tasks.runs import RULES, Clock, Targets, now, run_of

__all__ = ["nornir", "router", "state"]

pytestmark = pytest.mark.e2e

ADDRESS = "198.51.100.2"
SHOWN = {"eos": "neighbors", "junos": "bgp_neighbors"}


def left_clean(router: LabDevice) -> bool:
    return router.candidates() == router.locks() == []


@pytest.mark.parametrize("step", ["commit", "confirm"])
def test_an_answer_that_is_lost_is_looked_for_on_a_new_connection(
    nornir: Nornir, router: LabDevice, state: State, step: str
) -> None:
    given = order(nornir, router)
    router.inject("drop_after", step)
    assert committed(nornir, router, state, given) == CommitReport(CommitOutcome.DONE)
    assert router.faults()[0]["struck"] == 1
    assert "10.0.0.0/8" in router.running()
    nornir.run(task=close, on_failed=True)
    assert left_clean(router)
    router.advance(4000)
    assert "10.0.0.0/8" in router.running()


def test_a_commit_that_is_not_taken_changes_nothing(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given, before = order(nornir, router), router.running()
    router.inject("error", "commit")
    report = committed(nornir, router, state, given)
    assert report.outcome is CommitOutcome.FAILED
    assert report.reason.startswith("commit: ")
    assert router.running() == before
    nornir.run(task=close, on_failed=True)
    assert left_clean(router)


def test_a_commit_that_cannot_be_confirmed_goes_back(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given, before = order(nornir, router), router.running()
    for step in ("confirm", "rollback"):
        router.inject("error", step, count=1000)
    report = committed(nornir, router, state, given)
    assert report.outcome is CommitOutcome.REVERTED
    assert report.reason.startswith("confirm: ")
    assert router.running() == before
    router.clear_faults()
    nornir.run(task=close, on_failed=True)
    assert left_clean(router)


def test_a_commit_that_cannot_be_confirmed_is_not_waited_for_but_taken_back(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given, before = order(nornir, router), router.running()
    router.inject("error", "confirm", count=1000)
    clock = Clock(on_sleep=router.advance)
    report = committed(nornir, router, state, given, clock=clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert router.running() == before
    assert clock.seconds < 30


def test_a_router_that_is_gone_is_not_known(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """It is told that nobody knows, and the deployment stays unfinished."""
    given = order(nornir, router)
    router.inject("drop", "confirm")

    def goes_away(seconds: float) -> None:
        if seconds:
            router.inject("refuse", "connect", count=1000)

    clock = Clock(on_sleep=goes_away)
    report = committed(nornir, router, state, given, clock=clock)
    assert report.outcome is CommitOutcome.UNSETTLED
    assert "is not known" in report.reason
    [left] = state.unfinished()
    assert left.host == router.name
    assert [entry.step for entry in left.journal] == [Step.LOAD, Step.COMMIT, Step.CONFIRM]


def watching(given: CommitOrder) -> CommitOrder:
    """The order, with the one session that `sessions` shows."""
    return replace(given, sessions={ADDRESS: (Afi.IPV4, LIST)})


def full_disk_at(*steps: str) -> Callable[[str, str], None]:
    """What raises when one of these is to be written."""

    def write(_: str, step: str) -> None:
        if step in steps:
            raise StateError("the state", "the disk is full")

    return write


def with_journal(  # noqa: PLR0917
    nornir: Nornir,
    router: LabDevice,
    state: State,
    given: CommitOrder,
    write: Callable[[str, Step], None],
    clock: Clock | None = None,
) -> CommitReport:
    """Commit, with a journal that does `write` before each entry; `begin` and `end` are entries."""

    class Writing(DeploymentJournal):
        def begin(self, host: str, before: Mapping[str, PrefixSet | None]) -> None:
            write(host, cast("Step", "begin"))
            super().begin(host, before)

        def note(self, host: str, step: Step, detail: Detail) -> None:
            write(host, step)
            super().note(host, step, detail)

        def end(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
            write(host, cast("Step", "end"))
            super().end(host, report, found)

    targets = Targets(router.platform, {LIST: COMMITTED})
    pace = (clock or Clock(on_sleep=router.advance)).pace
    run = run_of(state, {router.name: given}, targets, pace=pace)
    [deployment] = [each.id for each in state.deployments(1)]
    run = replace(run, journal=Writing(state, deployment, "the tests", now, targets))
    result = nornir.run(task=commit, run=run)[router.name][0]
    assert result.exception is None, repr(result.exception)
    report: CommitReport = result.result
    return report


def sessions(router: LabDevice, *, up: bool = True, accepted: int = 100) -> None:
    """Let the router show one session."""
    neighbor: dict[str, object]
    if router.platform == "eos":
        neighbor = {
            "address": ADDRESS,
            "asn": 64500,
            "state": "Established" if up else "Active",
            "accepted": accepted,
        }
    else:
        neighbor = {"address": ADDRESS, "peer_as": 64500, "accepted": accepted}
        if not up:
            neighbor["state"] = "Active"
    router.ask(SHOWN[router.platform], neighbors=[neighbor])


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (lambda router: sessions(router, up=False), "was up before the commit and is down"),
        (lambda router: sessions(router, accepted=20), "had 100 accepted ipv4 prefixes .* has 20"),
    ],
)
def test_a_commit_that_disturbs_a_session_goes_back(
    nornir: Nornir,
    router: LabDevice,
    state: State,
    after: Callable[[LabDevice], None],
    says: str,
) -> None:
    sessions(router)
    given, before = order(nornir, router), router.running()
    given = replace(given, sessions={ADDRESS: (Afi.IPV4, "IRR-AS64500-V4")})

    def passes(seconds: float) -> None:
        router.advance(seconds)
        after(router)

    clock = Clock(on_sleep=passes)
    report = committed(nornir, router, state, given, replace(RULES, settle=5), clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert pytest.raises(AssertionError, match=says).matches(AssertionError(report.reason))
    assert clock.slept[0] == 5
    assert router.running() == before
    router.advance(4000)
    assert router.running() == before


def test_a_session_that_stays_up_is_no_reason(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    sessions(router)
    given = replace(order(nornir, router), sessions={ADDRESS: (Afi.IPV4, "IRR-AS64500-V4")})
    assert committed(nornir, router, state, given).outcome is CommitOutcome.DONE


@pytest.mark.parametrize("settle", [5])
def test_a_timer_that_runs_out_before_the_confirm_is_seen(
    nornir: Nornir, router: LabDevice, state: State, settle: int
) -> None:
    """Junos says yes to a confirm when there is nothing to confirm any more."""
    sessions(router)
    given, before = watching(order(nornir, router)), router.running()
    clock = Clock(on_sleep=lambda seconds: router.advance(400 if seconds == settle else seconds))
    report = committed(nornir, router, state, given, replace(RULES, settle=settle), clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert router.running() == before


def test_a_confirm_that_was_taken_stays_though_nothing_answers_for_a_while(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given = order(nornir, router)
    router.inject("drop_after", "confirm")
    refused: list[float] = []

    def passes(seconds: float) -> None:
        router.advance(seconds)
        if not refused:
            router.inject("refuse", "connect", count=6)
        refused.append(seconds)

    clock = Clock(on_sleep=passes)
    assert committed(nornir, router, state, given, clock=clock) == CommitReport(CommitOutcome.DONE)
    assert clock.seconds < 60
    router.advance(4000)
    assert "10.0.0.0/8" in router.running()


def test_shortly_before_the_timer_runs_the_way_back_is_left_to_it(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """On Junos `rollback 1` after the timer would bring the new filters again."""
    sessions(router)
    given, before = watching(order(nornir, router)), router.running()

    def passes(seconds: float) -> None:
        sessions(router, up=False)
        router.advance(285 if seconds == 7 else seconds)

    clock = Clock(on_sleep=passes)
    report = committed(nornir, router, state, given, replace(RULES, settle=7), clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert router.running() == before
    assert events_of(router, "rollback", "rollback-timer") == ["rollback-timer"]


@pytest.mark.parametrize("up", [True, False])
def test_a_lock_that_is_lost_ends_the_run_on_the_router(
    nornir: Nornir, router: LabDevice, state: State, tmp_path: Path, *, up: bool
) -> None:
    """Another run may be at work: neither confirmed nor taken back, it goes back by itself."""
    sessions(router)
    given, before = watching(order(nornir, router)), router.running()

    def passes(seconds: float) -> None:
        sessions(router, up=up)
        for lock in (tmp_path / ".irrgate" / "locks").glob("*.lock"):
            lock.unlink()

    clock = Clock(on_sleep=passes)
    report = committed(nornir, router, state, given, replace(RULES, settle=5), clock)
    assert report.outcome is CommitOutcome.UNSETTLED
    assert report.reason.startswith("the lock on it was lost")
    assert clock.slept == [5]
    assert router.running() != before
    assert events_of(router, "confirmed", "rollback") == []
    router.advance(400)
    assert router.running() == before


def test_a_lock_that_is_lost_before_the_commit_keeps_it_from_the_router(
    nornir: Nornir, router: LabDevice, state: State, tmp_path: Path
) -> None:
    given, before = order(nornir, router), router.running()

    def lost(_: str, step: Step) -> None:
        if step is Step.LOAD:
            for lock in (tmp_path / ".irrgate" / "locks").glob("*.lock"):
                lock.unlink()

    report = with_journal(nornir, router, state, given, lost)
    assert report.outcome is CommitOutcome.FAILED
    assert report.reason.startswith("the lock on it was lost")
    assert router.running() == before
    assert events_of(router, "commit-confirmed") == []
    nornir.run(task=close, on_failed=True)
    assert left_clean(router)


def test_a_commit_that_was_not_answered_cannot_come_later(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """It is taken while we read that it was not: then it is confirmed, or not, as any other."""
    if router.platform == "junos":
        pytest.skip("the lock of a Junos is held until the commit is through")
    given = order(nornir, router)
    router.inject("drop", "commit")
    run = run_of(state, {router.name: given}, Targets(router.platform, {LIST: COMMITTED}))
    checks = 0

    class Late(DeploymentJournal):
        @contextlib.contextmanager
        def lock(self, host: str) -> Iterator[Callable[[], None]]:
            assert host == router.name

            def check() -> None:
                nonlocal checks
                checks += 1
                if checks == 2:
                    [session] = [str(each["name"]) for each in router.candidates()]
                    with driver_of(router) as driver:
                        driver.config_session = session
                        driver.commit_config(revert_in=300)

            yield check

    run = replace(run, journal=Late(state, 2, "late", now, Targets(router.platform, {})))
    state.begin_deployment("apply", "tester", "", "0" * 64, [router.name], now())
    result = nornir.run(task=commit, run=run)[router.name][0]
    assert checks >= 2
    assert result.result == CommitReport(CommitOutcome.DONE)
    router.advance(4000)
    assert "10.0.0.0/8" in router.running()


def test_somebody_elses_commit_that_came_between_is_theirs(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """Nobody's commit waited when we looked, and somebody was quicker than ours."""
    given, before = order(nornir, router), router.running()

    def quicker(_: str, step: Step) -> None:
        if step is Step.COMMIT:
            somebody_commits(router)

    if router.platform == "junos":
        pytest.skip("nobody is quicker than who holds the lock")
    report = with_journal(nornir, router, state, given, quicker, Clock())
    assert report.outcome is CommitOutcome.UNSETTLED
    assert report.reason.startswith("somebody else's commit waits")
    assert events_of(router, "rollback", "confirmed") == []
    router.advance(700)
    assert router.running() == before


@pytest.mark.parametrize(("step", "outcome"), [(Step.LOAD, "failed"), (Step.COMMIT, "failed")])
def test_a_step_that_cannot_be_written_is_not_taken(
    nornir: Nornir, router: LabDevice, state: State, step: Step, outcome: str
) -> None:
    given, before = order(nornir, router), router.running()
    report = with_journal(nornir, router, state, given, full_disk_at(step))
    assert report.outcome == outcome
    assert report.reason == "the state: the disk is full"
    assert router.running() == before
    assert events_of(router, "commit-confirmed") == []
    nornir.run(task=close, on_failed=True)
    assert left_clean(router)


def test_a_confirm_that_cannot_be_written_is_not_taken(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given, before = order(nornir, router), router.running()
    full = full_disk_at(Step.CONFIRM, Step.TAKE_BACK)
    report = with_journal(nornir, router, state, given, full)
    assert report == CommitReport(CommitOutcome.REVERTED, "the disk is full")
    assert router.running() == before
    assert events_of(router, "confirmed", "rollback", "rollback-timer") == ["rollback-timer"]


def test_an_end_that_cannot_be_written_is_not_told_as_no_change(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """The router holds the new filters; a later run finds it unfinished and says so."""
    report = with_journal(nornir, router, state, order(nornir, router), full_disk_at("end"))
    assert report.outcome is CommitOutcome.UNSETTLED
    assert report.reason == "done; that could not be written down: the state: the disk is full"
    assert "10.0.0.0/8" in router.running()
    assert recovered(nornir, router, state) == CommitReport(CommitOutcome.DONE)


def test_a_begin_that_cannot_be_written_is_no_begin(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given, logged = order(nornir, router), len(router.apply_log())
    report = with_journal(nornir, router, state, given, full_disk_at("begin"))
    assert report.outcome is CommitOutcome.FAILED
    assert len(router.apply_log()) == logged
    assert state.unfinished() == ()


def test_a_router_whose_turn_it_is_not_is_not_even_read(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """The window and the failure budget are asked when its turn comes, and its end is told."""
    run = run_of(
        state, {router.name: order(nornir, router)}, Targets(router.platform, {LIST: COMMITTED})
    )
    told: list[tuple[str, CommitReport]] = []
    run = replace(run, closed=lambda name: f"{name} sleeps", ended=lambda *of: told.append(of))
    router.clear_faults()
    held = CommitReport(CommitOutcome.HELD, f"{router.name} sleeps")
    assert nornir.run(task=commit, run=run)[router.name][0].result == held
    assert told == [(router.name, held)]
    assert router.steps() == {}


def test_what_cannot_be_locked_is_told_as_well(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    run = run_of(
        state, {router.name: order(nornir, router)}, Targets(router.platform, {LIST: COMMITTED})
    )
    told: list[CommitOutcome] = []
    run = replace(run, ended=lambda _, report: told.append(report.outcome))
    with state.lock(router.name, "another"):
        nornir.run(task=commit, run=run)
    assert told == [CommitOutcome.FAILED]

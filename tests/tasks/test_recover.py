"""What a run left that died: confirmed when it is right, taken back when not, and only if ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nornir.core import Nornir

from irrgate.commits import CommitOutcome, CommitReport, Step
from irrgate.prefixes import Afi
from irrgate.state import State
from tasks.close import close
from tests.e2e.desk import config, eventually, has_list
from tests.lab.harness import LabDevice
from tests.tasks.changing import (
    LIST,
    OTHER,
    died,
    driver_of,
    events_of,
    nornir,
    order,
    recovered,
    router,
    somebody_commits,
    state,
)
from tests.tasks.runs import RULES, Clock, now
from tests.tasks.test_settle import ADDRESS, left_clean, sessions

__all__ = ["nornir", "router", "state"]

pytestmark = pytest.mark.e2e

FOREIGN = "somebody else's commit waits to be confirmed on it"


def test_a_commit_that_waits_and_is_right_is_confirmed(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    died(nornir, router, state, order(nornir, router), "drop", "confirm")
    assert events_of(router, "confirmed") == []
    assert recovered(nornir, router, state) == CommitReport(CommitOutcome.DONE)
    assert events_of(router, "commit-confirmed", "confirmed") == ["commit-confirmed", "confirmed"]
    nornir.run(task=close, on_failed=True)
    assert left_clean(router)
    router.advance(4000)
    assert "10.0.0.0/8" in router.running()


@pytest.mark.usefixtures("read_otherwise")
def test_a_commit_that_is_not_the_intended_one_is_taken_back(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    before = router.running()
    given = order(nornir, router, intended=OTHER)
    died(nornir, router, state, given, "drop", "rollback")
    report = recovered(nornir, router, state)
    assert report == CommitReport(
        CommitOutcome.REVERTED, f"does not hold what was committed: {LIST}"
    )
    assert router.running() == before


def test_a_commit_that_disturbed_a_session_is_taken_back(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """What the sessions were is in the journal of the run that died."""
    sessions(router)
    given = replace(order(nornir, router), sessions={ADDRESS: (Afi.IPV4, LIST)})
    before = router.running()
    died(nornir, router, state, given, "drop", "bgp", replace(RULES, settle=5))
    assert router.running() != before
    sessions(router, up=False)
    report = recovered(nornir, router, state)
    assert report.outcome is CommitOutcome.REVERTED
    assert "was up before the commit and is down" in report.reason
    assert router.running() == before


def test_what_the_timer_took_back_is_not_done_again(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    before = router.running()
    died(nornir, router, state, order(nornir, router), "drop", "confirm")
    router.advance(4000)
    report = recovered(nornir, router, state, age=4000)
    assert report == CommitReport(CommitOutcome.FAILED, "the run ended in the middle of it")
    assert router.running() == before


@pytest.mark.parametrize("age", [10, 100_000, -100_000])
def test_somebody_elses_commit_is_neither_confirmed_nor_taken_back(
    nornir: Nornir, router: LabDevice, state: State, age: float
) -> None:
    """The clock may say what it likes: theirs is known by its session, or by its message."""
    died(nornir, router, state, order(nornir, router), "drop", "confirm")
    router.advance(301)
    somebody_commits(router)
    clock = Clock()
    report = recovered(nornir, router, state, age, clock=clock)
    assert report.outcome is CommitOutcome.UNSETTLED
    assert report.reason.startswith(FOREIGN)
    assert clock.seconds <= (80 if age > 1000 else 380)
    assert has_list(router, "OTHERS")
    assert events_of(router, "confirmed", "rollback") == []
    router.advance(601)
    assert not has_list(router, "OTHERS")
    assert recovered(nornir, router, state, age + 601).outcome is CommitOutcome.FAILED


def test_somebody_elses_commit_on_top_of_ours_is_not_confirmed(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """On Junos theirs confirms ours, and waits itself; EOS lets nobody in between."""
    if router.platform == "eos":
        pytest.skip("EOS refuses a second commit to be confirmed")
    died(nornir, router, state, order(nornir, router), "drop", "confirm")
    somebody_commits(router)
    report = recovered(nornir, router, state, clock=Clock())
    assert report.outcome is CommitOutcome.UNSETTLED
    assert report.reason.startswith(FOREIGN)
    router.advance(601)
    assert not has_list(router, "OTHERS")


def test_the_time_is_that_of_the_run_that_died(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """It may have had another --revert-in than the run that recovers."""
    given = order(nornir, router)
    died(nornir, router, state, given, "drop", "confirm", rules=replace(RULES, revert_in=3600))
    for step in ("confirm", "rollback"):
        router.inject("error", step, count=1000)
    clock = Clock(on_sleep=router.advance)
    report = recovered(nornir, router, state, 1000, replace(RULES, revert_in=60), clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert 3500 < clock.seconds < 3700


@pytest.mark.parametrize("age", [10, 4000])
def test_what_somebody_changed_since_is_theirs(
    nornir: Nornir, router: LabDevice, state: State, age: float
) -> None:
    """A router that holds neither goes to neither by itself: once its timer has run, it is over."""
    died(nornir, router, state, order(nornir, router), "drop", "confirm")
    router.set_running(config(router, {LIST: ["198.51.100.0/24"]}))
    if router.platform == "eos":
        router.ask("forget_sessions")
    report = recovered(nornir, router, state, age)
    if age < 300:
        assert report.outcome is CommitOutcome.UNSETTLED
    else:
        assert report.outcome is CommitOutcome.FAILED
        assert f"somebody has changed its filters since, and they are left as they are: {LIST}" in (
            report.reason
        )
    assert "198.51.100.0/24" in router.running()


def test_what_was_loaded_and_never_committed_is_thrown_away(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    number = state.begin_deployment("apply", "tester", "", "0" * 64, [router.name], now())
    state.begin_host(number, router.name, router.platform, {}, {}, now())
    state.journal(number, router.name, Step.LOAD, now())
    before = router.running()
    if router.platform == "eos":
        with driver_of(router) as driver:
            driver.config_session = f"irrgate-{state.identity}-12345678"
            driver.load_merge_candidate(config=f"no ip prefix-list {LIST}\n")
        assert router.candidates() != []
    report = recovered(nornir, router, state)
    assert report.outcome is CommitOutcome.FAILED
    assert report.reason == "the run ended before it committed anything"
    assert eventually(lambda: left_clean(router))
    assert router.running() == before

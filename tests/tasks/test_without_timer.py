"""A router whose commit timer must not be used: what its filters were is saved, and restored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nornir.core import Nornir
from nornir.core.inventory import Host

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport, Step
from irrgate.errors import DeviceError
from irrgate.prefixes import Afi
from irrgate.state import State
from tasks import settle
from tasks.close import close
from tasks.restore import restore
from tests.e2e.desk import config
from tests.lab.harness import LabDevice
from tests.tasks.changing import (
    LIST,
    OTHER,
    committed,
    died,
    events_of,
    nornir,
    order,
    recovered,
    router,
    somebody_commits,
    state,
)
from tests.tasks.runs import RULES, Clock
from tests.tasks.test_settle import ADDRESS, left_clean, sessions

__all__ = ["nornir", "router", "state"]

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("read_otherwise")]


def untimed(given: CommitOrder) -> CommitOrder:
    return replace(given, commit_confirm=False, sessions={ADDRESS: (Afi.IPV4, LIST)})


def left(nornir: Nornir, router: LabDevice) -> bool:
    nornir.run(task=close, on_failed=True)
    return left_clean(router)


def steps(state: State) -> list[str]:
    [one] = state.deployments(1)
    return [entry.step for host in state.deployment(one.id).hosts for entry in host.journal]


def test_it_is_committed_for_good_at_once(nornir: Nornir, router: LabDevice, state: State) -> None:
    given = untimed(order(nornir, router))
    assert committed(nornir, router, state, given) == CommitReport(CommitOutcome.DONE)
    assert events_of(router, "commit", "commit-confirmed", "confirmed") == ["commit"]
    assert "10.0.0.0/8" in router.running()
    assert steps(state) == [Step.LOAD, Step.COMMIT]
    assert left(nornir, router)


def test_what_is_read_back_otherwise_is_restored(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    before = router.lists()
    given = untimed(order(nornir, router, intended=OTHER))
    report = committed(nornir, router, state, given)
    assert report == CommitReport(
        CommitOutcome.REVERTED, f"does not hold what was committed: {LIST}"
    )
    assert router.lists() == before
    assert events_of(router, "commit", "commit-confirmed") == ["commit", "commit"]
    assert steps(state) == [Step.LOAD, Step.COMMIT, Step.RESTORE]
    assert left(nornir, router)


def test_a_session_that_went_down_brings_the_old_filters_back(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    sessions(router)
    before = router.lists()
    given = untimed(order(nornir, router))
    clock = Clock(on_sleep=lambda _: sessions(router, up=False))
    report = committed(nornir, router, state, given, replace(RULES, settle=5), clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert "was up before the commit and is down" in report.reason
    assert router.lists() == before
    assert left(nornir, router)


@pytest.mark.parametrize("fault", ["drop", "drop_after"])
def test_a_restore_that_is_not_answered_is_done_again(
    nornir: Nornir, router: LabDevice, state: State, fault: str
) -> None:
    """What the first one left behind is not in its way."""
    before = router.lists()
    given = untimed(order(nornir, router, intended=OTHER))
    router.inject(fault, "commit", skip=1)
    clock = Clock(on_sleep=router.advance)
    report = committed(nornir, router, state, given, clock=clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert router.faults()[0]["struck"] == 1
    assert router.lists() == before
    assert clock.seconds < 30
    assert left(nornir, router)


@pytest.mark.parametrize("fault", ["error", "drop", "drop_after"])
def test_a_commit_that_is_not_answered_is_looked_for(
    nornir: Nornir, router: LabDevice, state: State, fault: str
) -> None:
    before = router.lists()
    given = untimed(order(nornir, router))
    router.inject(fault, "commit")
    outcome = committed(nornir, router, state, given).outcome
    expected = CommitOutcome.DONE if fault == "drop_after" else CommitOutcome.FAILED
    assert outcome is expected
    assert (router.lists() == before) == (expected is CommitOutcome.FAILED)
    assert left(nornir, router)


@pytest.mark.parametrize("up", [True, False])
def test_a_run_that_died_after_the_commit_is_brought_to_an_end(
    nornir: Nornir, router: LabDevice, state: State, *, up: bool
) -> None:
    sessions(router)
    before = router.lists()
    given = untimed(order(nornir, router))
    died(nornir, router, state, given, "drop", "bgp", replace(RULES, settle=5))
    assert router.lists() != before
    sessions(router, up=up)
    report = recovered(nornir, router, state)
    assert report.outcome is (CommitOutcome.DONE if up else CommitOutcome.REVERTED)
    assert (router.lists() != before) == up
    assert left(nornir, router)


def test_a_restore_does_not_confirm_what_somebody_else_is_trying(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """On Junos any commit confirms it; on EOS the restore would be refused anyway."""
    sessions(router)
    given = untimed(order(nornir, router))
    died(nornir, router, state, given, "drop", "bgp", replace(RULES, settle=5))
    sessions(router, up=False)
    somebody_commits(router)
    report = recovered(nornir, router, state, clock=Clock())
    assert report.outcome is CommitOutcome.UNSETTLED
    assert "was up before the commit and is down" in report.reason
    assert events_of(router, "confirmed", "rollback") == []
    router.advance(700)
    assert recovered(nornir, router, state).outcome is CommitOutcome.REVERTED


def test_nothing_is_restored_once_the_lock_is_lost(
    nornir: Nornir, router: LabDevice, state: State, tmp_path: Path
) -> None:
    """Another run may be at work on the router, and has the journal to go by."""
    sessions(router)
    given = untimed(order(nornir, router))

    def passes(_: float) -> None:
        sessions(router, up=False)
        for lock in (tmp_path / ".irrgate" / "locks").glob("*.lock"):
            lock.unlink()

    clock = Clock(on_sleep=passes)
    report = committed(nornir, router, state, given, replace(RULES, settle=5), clock)
    assert report.outcome is CommitOutcome.UNSETTLED
    assert "10.0.0.0/8" in router.running()
    assert steps(state) == [Step.LOAD, Step.COMMIT]


def test_what_a_router_still_runs_is_waited_for(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """The connection broke, and the lines are on the router: now it holds the old filter yet."""
    given = untimed(order(nornir, router))
    router.inject("drop", "commit")
    coming = [["192.0.2.0/24", "10.0.0.0/8"], ["10.0.0.0/8"]]

    def passes(_: float) -> None:
        if coming:
            router.set_running(config(router, {LIST: coming.pop(0)}))

    report = committed(nornir, router, state, given, clock=Clock(on_sleep=passes))
    assert report == CommitReport(CommitOutcome.DONE)
    assert steps(state) == [Step.LOAD, Step.COMMIT]


def test_what_a_router_still_runs_of_a_dead_run_is_waited_for(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given = untimed(order(nornir, router))
    died(nornir, router, state, given, "drop", "commit")
    router.set_running(config(router, {LIST: ["192.0.2.0/24", "10.0.0.0/8"]}))

    def passes(_: float) -> None:
        router.set_running(config(router, {LIST: ["10.0.0.0/8"]}))

    report = recovered(nornir, router, state, clock=Clock(on_sleep=passes))
    assert report == CommitReport(CommitOutcome.DONE)
    assert Step.RESTORE not in steps(state)


def test_a_restore_that_takes_longer_than_the_patience_is_read_all_the_same(
    nornir: Nornir, router: LabDevice, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = router.lists()
    clock = Clock(on_sleep=router.advance)

    def slow(*given: Any) -> None:
        restore(*given)
        clock.seconds += 1000

    monkeypatch.setattr(settle, "restore", slow)
    given = untimed(order(nornir, router, intended=OTHER))
    report = committed(nornir, router, state, given, clock=clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert router.lists() == before


def test_what_may_have_been_saved_is_saved_as_it_was(
    nornir: Nornir, router: LabDevice, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer came to the saving of the new filters: a restart must not bring them back."""
    before = router.lists()
    startup = [before]

    def unanswered(host: Host, _: object) -> None:
        startup.append(router.lists())
        raise DeviceError(host.name, "save: no answer")

    monkeypatch.setattr(settle, "save", unanswered)
    clock = Clock(on_sleep=router.advance)
    report = committed(nornir, router, state, untimed(order(nornir, router)), clock=clock)
    assert report == CommitReport(CommitOutcome.REVERTED, "save: no answer")
    assert before not in startup[1:-1]
    assert startup[-1] == router.lists() == before

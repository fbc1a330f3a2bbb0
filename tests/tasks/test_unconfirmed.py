"""Whose sessions are aborted, and what a commit waits for: nobody's work but our own is touched."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace

import pytest
from nornir.core import Nornir

from irrgate.commits import CommitOutcome, CommitReport, Pace, Step
from irrgate.errors import StateError
from irrgate.state import State
from playbooks.deployments import DeploymentJournal
from tasks.close import close
from tasks.commit import commit
from tasks.connection import CONNECTION
from tasks.recover import RecoverRun, recover
from tasks.unconfirmed import clear_leftovers, drop_connection
from tests.e2e.desk import eventually, has_list
from tests.lab.harness import LabDevice
from tests.tasks.changing import (
    CANDIDATES,
    COMMITTED,
    LIST,
    committed,
    driver_of,
    events_of,
    nornir,
    order,
    router,
    somebody_commits,
    state,
)
from tests.tasks.runs import RULES, Clock, Targets, now, run_of
from tests.tasks.test_settle import sessions, watching

__all__ = ["nornir", "router", "state"]

pytestmark = pytest.mark.e2e


def test_only_the_uncommitted_sessions_of_the_owner_are_aborted(
    nornir: Nornir, router: LabDevice
) -> None:
    if router.platform == "junos":
        pytest.skip("a Junos drops what was loaded when the connection ends")
    for name in ("irrgate-0001-a", "irrgate-0002-a", "noc-4711"):
        with driver_of(router) as driver:
            driver.config_session = name
            driver.load_merge_candidate(config=CANDIDATES["eos"])
    with driver_of(router) as driver:
        driver.config_session = "irrgate-0001-b"
        driver.load_merge_candidate(config=CANDIDATES["eos"])
        driver.commit_config(revert_in=300)
    [host] = nornir.inventory.hosts.values()
    clear_leftovers(host, host.get_connection(CONNECTION, nornir.config), "0001")
    left = {str(each["name"]) for each in router.candidates()}
    assert left == {"irrgate-0001-b", "irrgate-0002-a", "noc-4711"}
    nornir.run(task=close, on_failed=True)
    assert {str(each["name"]) for each in router.candidates()} == left


def test_dropping_a_connection_takes_nothing_back(nornir: Nornir, router: LabDevice) -> None:
    """EOSDriver aborts its session when it is closed."""
    [host] = nornir.inventory.hosts.values()
    driver = host.get_connection(CONNECTION, nornir.config)
    driver.load_merge_candidate(config=CANDIDATES[router.platform])
    driver.commit_config(revert_in=300)
    drop_connection(host)
    assert CONNECTION not in host.connections
    assert "10.0.0.0/8" in router.running()


@pytest.mark.parametrize("timed", [True, False])
def test_where_somebodys_commit_waits_nothing_is_committed(
    nornir: Nornir, router: LabDevice, state: State, *, timed: bool
) -> None:
    given = replace(order(nornir, router), commit_confirm=timed)
    somebody_commits(router)
    report = committed(nornir, router, state, given)
    reason = "a commit of somebody else waits to be confirmed on it"
    assert report == CommitReport(CommitOutcome.HELD, reason)
    assert events_of(router, "confirmed") == []
    router.advance(601)
    assert not has_list(router, "OTHERS")


def test_a_commit_that_comes_while_we_read_is_not_taken_for_confirmed(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    if router.platform == "junos":
        pytest.skip("the lock of a Junos is held until the commit is through")
    given = order(nornir, router)
    router.inject("drop", "commit")
    router.inject("slow", "get_config", seconds=2, skip=1)

    def late() -> None:
        assert eventually(lambda: router.faults()[1]["struck"] == 1, 20)
        [session] = [str(each["name"]) for each in router.candidates()]
        with driver_of(router) as driver:
            driver.config_session = session
            driver.commit_config(revert_in=300)

    coming = threading.Thread(target=late)
    coming.start()
    report = committed(nornir, router, state, given)
    coming.join()
    assert report == CommitReport(CommitOutcome.DONE)
    assert events_of(router, "confirmed") == ["confirmed"]


def test_the_time_to_wait_begins_when_the_commit_was_sent(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """A commit may take its time; that is not taken off the time for the rest."""
    given = order(nornir, router)
    router.inject("error", "confirm")
    clock = Clock(on_sleep=router.advance)

    def slow() -> float:
        sent = events_of(router, "commit-confirmed") != []
        return clock.now() + (1000 if sent else 0)

    run = run_of(state, {router.name: given}, Targets(router.platform, {LIST: COMMITTED}))
    run = replace(run, pace=Pace(slow, clock.sleep))
    result = nornir.run(task=commit, run=run)[router.name][0]
    assert result.result == CommitReport(CommitOutcome.DONE)


def test_the_sessions_are_waited_for_once(nornir: Nornir, router: LabDevice, state: State) -> None:
    sessions(router)
    given = watching(order(nornir, router))
    router.inject("error", "confirm", count=2)
    clock = Clock(on_sleep=router.advance)
    rules = replace(RULES, settle=30)
    assert committed(nornir, router, state, given, rules, clock).outcome is CommitOutcome.DONE
    assert clock.slept.count(30) == 1


def recovering(state: State, router: LabDevice, unfinished: object) -> RecoverRun:
    journal = DeploymentJournal(state, 1, "the tests", now, Targets(router.platform, {}))

    def asked(_: str) -> None:
        if isinstance(unfinished, Exception):
            raise unfinished

    return RecoverRun(
        asked, RULES, {router.name: journal}, lambda *_: "", state.identity, Clock().pace
    )


def test_a_run_that_has_ended_after_all_is_left_alone(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    router.clear_faults()
    run = recovering(state, router, None)
    result = nornir.run(task=recover, run=run)[router.name][0]
    assert result.result == CommitReport(CommitOutcome.ALREADY)
    assert router.steps() == {}


@pytest.mark.parametrize("locked", [True, False])
def test_what_cannot_be_looked_at_stays_unsettled(
    nornir: Nornir, router: LabDevice, state: State, *, locked: bool
) -> None:
    router.clear_faults()
    error = StateError("state.db", "the disk is full")
    run = recovering(state, router, None if locked else error)
    with contextlib.ExitStack() as stack:
        if locked:
            stack.enter_context(state.lock(router.name, "another"))
        result = nornir.run(task=recover, run=run)[router.name][0]
    assert result.result.outcome is CommitOutcome.UNSETTLED
    assert ("at work" if locked else "the disk is full") in result.result.reason
    assert router.steps() == {}
    assert Step.CONFIRM not in str(state.deployments())


def test_a_new_connection_asks_whose_commit_waits(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """Ours was in when the connection broke; by now it may be somebody's who came between."""
    if router.platform == "eos":
        pytest.skip("EOS refuses a second commit to be confirmed")
    given = order(nornir, router)
    router.inject("drop", "get_config", skip=1)
    slept: list[float] = []

    def passes(seconds: float) -> None:
        if not slept:
            somebody_commits(router)
        slept.append(seconds)

    report = committed(nornir, router, state, given, clock=Clock(on_sleep=passes))
    assert report.outcome is CommitOutcome.UNSETTLED
    assert report.reason.startswith("somebody else's commit waits")
    assert events_of(router, "confirmed", "rollback") == []

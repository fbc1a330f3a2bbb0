"""After a commit was sent: the new filters, confirmed, or the old ones; read back in any case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from nornir.core import Nornir

from irrgate.commits import CommitOutcome, CommitReport, Step
from irrgate.prefixes import Afi
from irrgate.state import State
from tasks.close import close
from tests.lab.harness import LabDevice
from tests.tasks.changing import committed, nornir, order, router, state
from tests.tasks.runs import RULES, Clock

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

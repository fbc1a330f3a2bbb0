"""commit, and what a candidate leaves behind: nothing, whatever is thrown."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from jnpr.junos.exception import RpcError  # type: ignore[import-untyped]
from nornir.core import Nornir

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport, diff_digest
from irrgate.errors import DeviceError
from irrgate.state import State
from tasks.candidate import LoadedCandidate
from tasks.close import close
from tasks.compare import compare
from tasks.connection import CONNECTION
from tests.e2e.desk import Desk, config, events, eventually
from tests.lab.harness import LabDevice
from tests.lab.junos_driver import opened
from tests.tasks.changing import CANDIDATES, LIST, OTHER, committed, nornir, order, router, state
from tests.tasks.nornir_on import nornir_on
from tests.tasks.runs import RULES, Clock

__all__ = ["nornir", "router", "state"]

pytestmark = pytest.mark.e2e


def test_a_dry_run_is_gone_before_its_connection_is(nornir: Nornir, router: LabDevice) -> None:
    order(nornir, router)
    assert router.candidates() == router.locks() == []
    discarded = {"eos": ["session", "discard"], "junos": ["lock", "discard", "unlock"]}
    assert events(router) == discarded[router.platform]


def test_what_was_intended_is_committed(nornir: Nornir, router: LabDevice, state: State) -> None:
    report = committed(nornir, router, state, order(nornir, router))
    assert report == CommitReport(CommitOutcome.DONE)
    assert "10.0.0.0/8" in router.running()
    assert router.candidates() == router.locks() == []
    if router.platform == "junos":
        assert "irrgate plan 1234" in (Path(router.directory) / "commits.json").read_text()


def test_a_plan_that_intends_something_else_than_its_candidate_says_is_held(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    before = router.running()
    report = committed(nornir, router, state, order(nornir, router, intended=OTHER))
    reason = f"its candidate does not lead to what the plan has for {LIST}"
    assert report == CommitReport(CommitOutcome.HELD, reason)
    assert router.running() == before


@pytest.mark.usefixtures("read_otherwise")
def test_what_is_read_back_otherwise_is_taken_back(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """The router said yes, and holds something else than the plan intends."""
    before = router.running()
    report = committed(nornir, router, state, order(nornir, router, intended=OTHER))
    reason = f"does not hold what was committed: {LIST}"
    assert report == CommitReport(CommitOutcome.REVERTED, reason)
    assert router.running() == before
    assert "commit-confirmed" in events(router)
    assert router.candidates() == router.locks() == []
    router.advance(600)
    assert router.running() == before


def test_a_router_that_is_not_as_reviewed_is_held(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given = order(nornir, router)
    router.set_running(config(router, {LIST: ["192.0.2.0/25"]}))
    before = router.running()
    logged = len(events(router))
    report = committed(nornir, router, state, given)
    assert report.outcome is CommitOutcome.HELD
    assert report.reason == "its filters are not what they were when the plan was made"
    assert report.since == (f"{LIST} now has 192.0.2.0/25; has no 192.0.2.0/24",)
    assert router.running() == before
    assert events(router)[logged:] == []


def test_another_diff_than_the_reviewed_one_is_not_committed(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    """The filters are what they were, and the router shows another diff all the same."""
    given = replace(order(nornir, router), diff_digest="0" * 64)
    before = router.running()
    report = committed(nornir, router, state, given)
    assert report.outcome is CommitOutcome.HELD
    assert "10.0.0.0/8" in report.diff
    assert router.running() == before
    assert "commit-confirmed" not in events(router)
    assert router.candidates() == router.locks() == []


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ("a user", "its candidate does not fit the router, or is none of irrgate's: candidate"),
        ("a list", "its candidate sets OTHERS, which the plan does not name"),
    ],
)
def test_what_the_plan_does_not_name_is_not_committed(
    nornir: Nornir, router: LabDevice, state: State, beside: str, says: str
) -> None:
    """Somebody has written it into the plan, with every digest that depends on it."""
    mine = CANDIDATES[router.platform]
    others = mine.replace(LIST, "OTHERS")
    candidate = {
        ("eos", "a user"): f"{mine}username eve privilege 15 nopassword\n",
        ("eos", "a list"): mine + others,
        ("junos", "a user"): f"{mine}system {{ login {{ user eve {{ class super-user; }} }} }}\n",
        ("junos", "a list"): mine.removesuffix("}\n") + others.partition("\n")[2],
    }[router.platform, beside]
    compared = nornir.run(task=compare, candidates={router.name: candidate})[router.name][0]
    digest = diff_digest(compared.diff or "")
    given = replace(order(nornir, router), candidate=candidate, diff_digest=digest)
    before = router.running()
    report = committed(nornir, router, state, given)
    assert (report.outcome, router.running()) == (CommitOutcome.HELD, before)
    assert report.reason.startswith(says)


@pytest.mark.parametrize(
    ("revert_in", "counted"), [(60, {"eos": 60, "junos": 60}), (61, {"eos": 61, "junos": 120})]
)
def test_the_timer_is_what_the_platform_can_count(
    nornir: Nornir, router: LabDevice, state: State, revert_in: int, counted: dict[str, int]
) -> None:
    """Nothing confirms and nothing takes back but the router's own timer."""
    given = order(nornir, router)
    before = router.running()
    rules = replace(RULES, revert_in=revert_in)
    for step in ("confirm", "rollback"):
        router.inject("error", step, count=1000)
    seen: list[bool] = []

    def passes(seconds: float) -> None:
        router.advance(seconds)
        seen.append(router.running() != before)

    clock = Clock(on_sleep=passes)
    report = committed(nornir, router, state, given, rules, clock)
    assert report.outcome is CommitOutcome.REVERTED
    assert router.running() == before
    pending = sum(slept for slept, new in zip(clock.slept, seen, strict=True) if new)
    assert counted[router.platform] - 10 <= pending <= counted[router.platform]


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(1), MemoryError()])
def test_a_candidate_is_discarded_whatever_is_thrown(
    nornir: Nornir, router: LabDevice, error: BaseException
) -> None:
    before = router.running()
    [host] = nornir.inventory.hosts.values()
    driver = host.get_connection(CONNECTION, nornir.config)

    def throw() -> None:
        with LoadedCandidate(host, driver, CANDIDATES[router.platform], "0"):
            assert router.candidates() != []
            raise error

    with pytest.raises(type(error)):
        throw()
    assert router.candidates() == router.locks() == []
    assert router.running() == before


def test_a_candidate_that_the_router_refuses_is_gone_too(nornir: Nornir, router: LabDevice) -> None:
    wrong = {"eos": "ip prefix-list\n", "junos": "policy-options { route-filter-list { } }\n"}
    result = nornir.run(task=compare, candidates={router.name: wrong[router.platform]})
    error = result[router.name][0].exception
    assert isinstance(error, DeviceError)
    assert error.reason.startswith("load: ")
    assert router.candidates() == router.locks() == []


def test_a_router_that_holds_the_new_filters_is_left_alone(
    nornir: Nornir, router: LabDevice, state: State
) -> None:
    given = order(nornir, router)
    committed(nornir, router, state, given)
    logged = len(events(router))
    assert committed(nornir, router, state, given) == CommitReport(CommitOutcome.ALREADY)
    assert events(router)[logged:] == []


def test_another_persons_uncommitted_work_is_not_thrown_away(desk: Desk) -> None:
    """Junos has one candidate for all who do not lock it; whoever rolls back, rolls all back."""
    router = desk.devices["edge2.mex"]
    router.set_running(config(router, {LIST: ["192.0.2.0/24"]}))
    nornir = nornir_on(desk, "edge2.mex")
    with opened(router, lock_disable=True) as other:
        other.load_merge_candidate(config=CANDIDATES["junos"])
        [work] = router.candidates()
        result = nornir.run(task=compare, candidates={"edge2.mex": CANDIDATES["junos"]})
        error = result["edge2.mex"][0].exception
        assert isinstance(error, DeviceError)
        assert error.reason == "load: configuration database modified"
        assert error.hint.startswith("somebody is at work on its configuration")
        nornir.run(task=close, on_failed=True)
        assert router.candidates() == [work]
        assert "10.0.0.0/8" in other.compare_config()
        other.discard_config()


def test_what_others_write_before_the_confirm_is_not_committed(desk: Desk, state: State) -> None:
    """A confirming commit takes along what is in the shared candidate by then."""
    router = desk.devices["edge2.mex"]
    router.set_running(config(router, {LIST: ["192.0.2.0/24"]}))
    nornir = nornir_on(desk, "edge2.mex", lock=True)
    given = order(nornir, router)
    router.inject("slow", "get_config", seconds=1)
    found: list[CommitReport] = []
    committing = threading.Thread(
        target=lambda: found.append(committed(nornir, router, state, given))
    )
    with opened(router, lock_disable=True) as other:
        committing.start()
        assert eventually(lambda: router.faults()[0]["struck"] == 1)
        with contextlib.suppress(RpcError):
            other.load_merge_candidate(config=CANDIDATES["junos"].replace(LIST, "OTHERS"))
        committing.join()
    nornir.run(task=close, on_failed=True)
    assert found == [CommitReport(CommitOutcome.DONE)]
    assert "OTHERS" not in router.running()
    assert router.locks() == []


def test_a_router_that_hangs_is_let_go_with_its_lock(desk: Desk) -> None:
    """After a timeout the driver's own close times out as well, and leaves the session standing."""
    path = desk.directory / "inventory" / "groups.yaml"
    path.write_text(path.read_text().replace("extras:\n", "extras:\n        timeout: 1\n"))
    router = desk.devices["edge2.mex"]
    nornir = nornir_on(desk, "edge2.mex")
    router.inject("hang", "compare", seconds=60)
    result = nornir.run(task=compare, candidates={"edge2.mex": CANDIDATES["junos"]})
    assert isinstance(result["edge2.mex"][0].exception, DeviceError)
    nornir.run(task=close, on_failed=True)
    assert eventually(lambda: router.locks() == router.candidates() == [])


def test_a_lock_that_is_not_granted_leaves_no_session(desk: Desk, state: State) -> None:
    router = desk.devices["edge2.mex"]
    nornir = nornir_on(desk, "edge2.mex", lock=True)
    router.inject("foreign_lock", "load")
    given = CommitOrder(CANDIDATES["junos"], "0" * 64, {}, {}, "")
    refused = committed(nornir, router, state, given)
    assert refused.outcome is CommitOutcome.FAILED
    assert refused.reason.startswith("connect: configuration database locked by: noc terminal")
    assert eventually(lambda: router.ask("sessions") == [])

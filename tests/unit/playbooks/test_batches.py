"""In which order routers are changed, and when the rest is left alone."""

from __future__ import annotations

import pytest

from irrgate.commits import CommitOutcome, CommitReport
from irrgate.errors import WorkspaceError
from playbooks.batches import Budget, Canary, batches

HOSTS = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("words", "canary"),
    [
        (["2"], Canary(2)),
        (["0"], Canary(0)),
        (["b"], Canary(hosts=("b",))),
        (["d", "b,d"], Canary(hosts=("d", "b"))),
    ],
)
def test_what_canary_says(words: list[str], canary: Canary) -> None:
    assert Canary.parse(words) == canary


@pytest.mark.parametrize("words", [["1", "2"], ["1,b"], ["b", "1"]])
def test_a_number_and_names_are_refused(words: list[str]) -> None:
    with pytest.raises(WorkspaceError, match="either a number or routers by name"):
        Canary.parse(words)


def test_which_routers_are_the_canary() -> None:
    assert Canary().of(HOSTS) == ()
    assert Canary(2).of(HOSTS) == ("a", "b")
    assert Canary(9).of(HOSTS) == tuple(HOSTS)
    Canary(9).check(HOSTS)
    Canary(hosts=("d", "b")).check(HOSTS)
    with pytest.raises(WorkspaceError, match="no router that the plan changes"):
        Canary(hosts=("b", "x")).check(HOSTS)


def test_a_canary_that_is_named_is_one_though_it_is_not_its_time() -> None:
    assert Canary(hosts=("d", "b")).of(["a", "b"]) == ("d", "b")


@pytest.mark.parametrize(
    ("canary", "size", "order"),
    [
        ((), None, [HOSTS]),
        ((), 2, [["a", "b"], ["c", "d"], ["e"]]),
        (("c",), None, [["c"], ["a", "b", "d", "e"]]),
        (("c",), 3, [["c"], ["a", "b", "d"], ["e"]]),
        (tuple(HOSTS), 2, [HOSTS]),
    ],
)
def test_batches(canary: tuple[str, ...], size: int | None, order: list[list[str]]) -> None:
    assert batches(HOSTS, canary, size) == order


def test_nothing_is_no_batch() -> None:
    assert batches([], (), None) == []


def report(outcome: CommitOutcome) -> CommitReport:
    return CommitReport(outcome)


FAILURES = [CommitOutcome.FAILED, CommitOutcome.REVERTED, CommitOutcome.UNSETTLED]
OTHERS = [CommitOutcome.DONE, CommitOutcome.ALREADY, CommitOutcome.HELD]


@pytest.mark.parametrize("outcome", FAILURES)
def test_failures_use_up_the_budget(outcome: CommitOutcome) -> None:
    budget = Budget(1, ())
    budget.count("a", report(outcome))
    assert budget.used_up("b") == ""
    budget.count("b", report(outcome))
    assert budget.used_up("c") == "not begun, since 2 router(s) failed (max_failures: 1)"
    assert Budget(None, ()).used_up("c") == ""


@pytest.mark.parametrize("outcome", OTHERS)
def test_what_is_no_failure(outcome: CommitOutcome) -> None:
    budget = Budget(0, ())
    budget.count("a", report(outcome))
    assert budget.used_up("b") == ""


@pytest.mark.parametrize("outcome", [*FAILURES, CommitOutcome.HELD])
def test_a_canary_that_is_not_done_stops_the_others(outcome: CommitOutcome) -> None:
    budget = Budget(None, ("a", "b"))
    budget.count("a", report(outcome))
    assert budget.used_up("b") == ""
    assert budget.used_up("c") == "not begun, since the canary a did not come through"


@pytest.mark.parametrize("outcome", [CommitOutcome.DONE, CommitOutcome.ALREADY])
def test_a_canary_that_is_done_lets_them_go(outcome: CommitOutcome) -> None:
    budget = Budget(None, ("a",))
    budget.count("a", report(outcome))
    assert budget.used_up("c") == ""

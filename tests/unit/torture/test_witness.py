"""The judge of the torture run has to find fault where there is one."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.lab.apply_log import Applied
from tests.torture.witness import managed, never_whole, told

OLD = {"IRR-A": "a-old", "IRR-B": "b-old", "IRR-GONE": "gone"}
NEW = {"IRR-A": "a-new", "IRR-B": "b-old", "IRR-MADE": "made"}


def record(lists: Mapping[str, str], **more: object) -> Applied:
    named = {f"ip prefix-list {name}": digest for name, digest in lists.items()}
    values = {"sequence": 7, "event": "commit", "wall": "", "monotonic": 0.0, "device_clock": 0.0}
    return Applied(**{**values, "before": "1", "after": "2", "lists": named, **more})  # type: ignore[arg-type]


def test_old_and_new_are_right_and_what_changes_nothing_says_nothing() -> None:
    log = [record(OLD, event="start"), record(NEW), record(OLD, event="rollback-timer")]
    log.append(record({}, event="write-memory", before="2"))
    assert list(never_whole(log, OLD, NEW)) == []


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ({**OLD, "IRR-A": "half"}, ["IRR-A was neither its old content nor its new one"]),
        ({"IRR-B": "b-old", "IRR-GONE": "gone"}, ["IRR-A was missing"]),
        ({**OLD, "IRR-X": "x"}, ["there was a IRR-X, which is nobody's"]),
        (
            {**OLD, "IRR-A": "a-new"},
            ["some filters were old and some new: IRR-A new, IRR-GONE old, IRR-MADE old"],
        ),
        ({}, ["IRR-A was missing", "IRR-B was missing"]),
    ],
)
def test_what_is_not_whole(lists: dict[str, str], says: list[str]) -> None:
    problems = list(never_whole([record(OLD), record(lists)], OLD, NEW))
    assert [problem.removeprefix("after its commit (record 7) ") for problem in problems] == says


def test_a_router_that_comes_up_without_filters() -> None:
    [first, second] = never_whole([record({}, event="start", before="2")], OLD, NEW)
    assert "IRR-A was missing" in first
    assert "IRR-B was missing" in second


def test_a_filter_without_entries() -> None:
    log = [record(OLD, entries={"ip prefix-list IRR-A": 0, "ip prefix-list OTHER": 0})]
    assert list(never_whole(log, OLD, NEW)) == [
        "after its commit (record 7) ip prefix-list IRR-A was empty"
    ]


def test_what_is_not_managed_is_nobodys_business() -> None:
    lists = {"ip prefix-list IRR-A": "1", "ipv6 prefix-list OTHER": "2", "IRR-B": "3"}
    assert managed(lists) == {"IRR-A": "1", "IRR-B": "3"}


def test_told() -> None:
    assert told(OLD, OLD, NEW) == "the old filters"
    assert told(NEW, OLD, NEW) == "the new filters"
    assert told({**OLD, "IRR-A": "?"}, OLD, NEW) == "IRR-A neither, IRR-GONE old, IRR-MADE old"

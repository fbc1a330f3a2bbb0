"""plan.json: what it may hold, what it says of itself, and how it is summed up."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from irrgate.plan import (
    FilterStatus,
    HostFilterRecord,
    HostRecord,
    HostStatus,
    Inputs,
    PeerFilterRecord,
    PeerRecord,
    PeerStatus,
    Plan,
    Purpose,
    summarise,
)
from irrgate.workspace import fields
from tests.unit.plans_made import plan_of


def host(status: HostStatus, **filters: FilterStatus) -> HostRecord:
    return HostRecord(
        platform="eos",
        status=status,
        filters={
            name: HostFilterRecord(peer="AS64500", afi="ipv4", status=each)
            for name, each in filters.items()
        },
    )


def plan(hosts: dict[str, HostRecord], peer: PeerStatus = PeerStatus.READY) -> Plan:
    filters = {"ipv4": PeerFilterRecord(name="IRR-AS64500-V4", status=peer)}
    record = PeerRecord.model_validate({"name": "x", "role": "customer", "filters": filters})
    peers = {"AS64500": record}
    return Plan(
        schema=2,
        created="2026-01-01T00:00:00+00:00",
        expires="2026-01-02T00:00:00+00:00",
        purpose=Purpose.PLAN,
        inputs=Inputs(irrgate="0", workspace="0" * 64),
        peers=peers,
        hosts=hosts,
        summary=summarise(peers, hosts),
    )


@pytest.mark.parametrize(
    ("status", "changes", "problems"),
    [
        (HostStatus.UNCHANGED, False, False),
        (HostStatus.CHANGE, True, False),
        (HostStatus.HELD, False, True),
        (HostStatus.FAILED, False, True),
        (HostStatus.OFFLINE, False, False),
    ],
)
def test_what_a_routers_status_means(status: HostStatus, changes: bool, problems: bool) -> None:
    made = plan({"edge1": host(status), "edge2": host(HostStatus.UNCHANGED)})
    assert (made.has_changes, made.has_problems) == (changes, problems)


def test_a_filter_that_is_held_on_a_router_that_changes_is_a_problem() -> None:
    filters = {"A": FilterStatus.CHANGE, "B": FilterStatus.HELD}
    made = plan({"edge1": host(HostStatus.CHANGE, **filters)})
    assert made.has_changes
    assert made.has_problems


@pytest.mark.parametrize("status", PeerStatus)
def test_a_peer_without_filter_is_a_problem(status: PeerStatus) -> None:
    problem = status not in {PeerStatus.READY, PeerStatus.EMPTY}
    assert plan({"edge1": host(HostStatus.UNCHANGED)}, status).has_problems is problem


def test_what_a_candidate_holds() -> None:
    written = {status for status in FilterStatus if status.is_written}
    assert written == {FilterStatus.CHANGE, FilterStatus.NEW}


def test_the_summary_counts_everything_once() -> None:
    hosts = {
        "a": host(HostStatus.CHANGE, A=FilterStatus.NEW, B=FilterStatus.HELD),
        "b": host(HostStatus.CHANGE, A=FilterStatus.UNCHANGED),
        "c": host(HostStatus.FAILED),
    }
    counts = summarise({}, hosts)
    assert {name: count for name, count in counts.items() if count} == {
        "hosts_change": 2,
        "hosts_failed": 1,
        "filters_new": 1,
        "filters_held": 1,
        "filters_unchanged": 1,
    }
    assert list(counts) == sorted(counts)
    assert counts.keys() == summarise({}, {}).keys()


def test_a_plan_reads_as_it_was_written() -> None:
    made = plan_of({"edge1": host(HostStatus.CHANGE, A=FilterStatus.NEW)})
    text = made.model_dump_json(by_alias=True)
    assert '"schema":2' in text
    assert Plan.model_validate_json(text) == made


def test_a_plan_does_not_change() -> None:
    with pytest.raises(ValidationError):
        plan({}).created = "then"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"schema":2', '"schema":1'),
        ('"schema":2', '"schema":"2"'),
        ('"schema":2', '"schema":2,"more":1'),
        ('"platform":"eos"', '"platform":"eos","password":"secret"'),
        ('"status":"change"', '"status":"maybe"'),
        ('"added":0', '"added":"0"'),
        ("0" * 64, "0" * 63),
        ("0" * 64, "0" * 63 + "G"),
        ('"A":{', '"A B":{'),
        ('"A":{', '"-A":{'),
        ('"edge1":{', '"":{'),
    ],
)
def test_what_is_not_of_the_format_is_refused(old: str, new: str) -> None:
    text = plan({"edge1": host(HostStatus.CHANGE, A=FilterStatus.NEW)}).model_dump_json(
        by_alias=True
    )
    assert old in text
    with pytest.raises(ValidationError):
        Plan.model_validate_json(text.replace(old, new))


@pytest.mark.parametrize(
    "name",
    ["", "..", ".", ".hidden", "../edge1", "a/b", "a\\b", "a/../b", "a..b", "-rf", "a\nb", "a\0b",
     "a\x7fb", "a\u2028b", "x" * 256],
)  # fmt: skip
def test_a_hosts_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        plan({name: host(HostStatus.UNCHANGED)})


@given(st.text(min_size=1, max_size=110))
def test_every_name_that_a_workspace_may_have_can_be_in_a_plan(name: str) -> None:
    try:
        fields.key_name(name)
    except ValueError:
        return
    assert name in plan({name: host(HostStatus.UNCHANGED)}).hosts


@pytest.mark.parametrize(
    ("now", "expired", "of_the_future"),
    [
        ("2026-01-01T00:00:00+00:00", False, False),
        ("2026-01-02T00:00:00+00:00", False, False),
        ("2026-01-02T01:00:00+01:00", False, False),
        ("2026-01-02T00:00:01+00:00", True, False),
        ("2026-01-02T05:00:00+06:00", False, False),
        ("2025-12-31T23:55:00+00:00", False, False),
        ("2025-12-31T23:54:59+00:00", False, True),
        ("2025-12-31T23:00:00+00:00", False, True),
        ("2025-12-31T23:59:00+02:00", False, True),
    ],
)
def test_when_a_plan_holds(now: str, expired: bool, of_the_future: bool) -> None:
    """A little of the future is no more than two clocks that differ."""
    moment = datetime.fromisoformat(now)
    made = plan({})
    assert made.has_expired(moment) == expired
    assert made.is_of_the_future(moment) == of_the_future

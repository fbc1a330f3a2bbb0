"""A filter that no session needs any more goes, once nothing on the router refers to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from irrgate.state import open_state
from tests.e2e.desk import (
    CHANGES,
    DONE,
    PROBLEMS,
    WIDE,
    Desk,
    accepts,
    config,
    events,
    has_list,
    told,
)

pytestmark = pytest.mark.e2e

GONE = ["IRR-AS64502-V4", "IRR-AS64502-V6"]
REFERENCES = {
    "eos": "route-map IN permit 10\n   match ip address prefix-list {name}\n!\nend\n",
    "junos": "policy-options {{\n    policy-statement IN {{\n        term a {{\n"
    "            from {{\n                route-filter-list {name};\n            }}\n"
    "            then accept;\n        }}\n    }}\n}}\n",
}


def leave(desk: Desk, peer: str) -> None:
    """Take the peer's sessions and the peer out of the inventory."""
    path = desk.directory / "inventory/hosts.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if f"peer: {peer}" not in line))
    path = desk.directory / "inventory/peers.yaml"
    blocks = path.read_text().split("\nAS")
    path.write_text("\nAS".join(each for each in blocks if not each.startswith(peer[2:])))


def refer(desk: Desk, name: str, router: str) -> None:
    """Put something into a router's config that refers to the filter."""
    device = desk.devices[router]
    text = device.running()
    reference = REFERENCES[device.platform].format(name=name)
    if device.platform == "eos":
        assert text.endswith("end\n")
        device.set_running(text.removesuffix("end\n") + reference)
    else:
        device.set_running(text + reference)


def test_a_peer_that_left_takes_its_filters_along(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    leave(desk, "AS64502")
    leave(desk, "AS64503")
    plan = desk.plan(expect=CHANGES)
    assert plan.hosts == {
        "edge1.bog": "change", "edge1.mex": "unchanged",
        "edge2.bog": "change", "edge2.mex": "change",
    }  # fmt: skip
    reason = "no session here needs it, and nothing refers to it"
    for name in ("edge2.bog", "edge2.mex"):
        if GONE[1] in plan.filters(name):
            assert plan.filters(name)[GONE[1]] == ("remove", reason)
        assert plan.filters(name)[GONE[0]] == ("remove", reason)
        delta = plan.delta(name)[GONE[0]]
        assert delta["added"] == []
        assert "10.30.0.0/16" in delta["removed"]
        record = plan.json["hosts"][name]["filters"][GONE[0]]
        assert record["digest"] is None
        assert record["running"]
        assert record["peer"] == "AS64502"
    shown = told(desk.irrgate("show", plan.path.name, environ=WIDE), DONE).stdout
    assert "remove" in shown
    desk.apply(plan, expect=DONE)
    for name in ("edge2.bog", "edge2.mex"):
        assert not any(has_list(desk.devices[name], each) for each in GONE)
    assert not has_list(desk.devices["edge1.bog"], "IRR-AS64503-V4")
    assert not has_list(desk.devices["edge1.bog"], "IRR-AS64503-V6")
    assert accepts(desk.devices["edge1.bog"], "IRR-AS64501-V4", "10.20.5.0/24")
    desk.plan(expect=DONE)


@pytest.mark.parametrize(
    ("peer", "name", "router", "words"),
    [
        ("AS64503", "IRR-AS64503-V4", "edge1.bog", "route-map IN"),
        ("AS64504", "IRR-AS64504-V4", "edge2.bog", "policy-statement IN"),
    ],
)
def test_what_something_still_refers_to_stays_and_the_plan_says_what(
    desk: Desk, peer: str, name: str, router: str, words: str
) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    leave(desk, peer)
    refer(desk, name, router)
    running = desk.devices[router].running()
    plan = desk.plan("--limit", router, expect=DONE if router == "edge2.bog" else CHANGES)
    status, reason = plan.filters(router)[name]
    assert status == "still referred to"
    assert words in reason
    record = plan.json["hosts"][router]["filters"][name]
    assert any(words in each for each in record["references"])
    assert "still referred to" in plan.printed.stdout
    if router == "edge2.bog":
        assert events(desk.devices[router]) == []
    else:
        assert name not in plan.member(f"hosts/{router}/candidate")
    desk.apply(plan, expect=DONE)
    assert has_list(desk.devices[router], name)
    if router == "edge2.bog":
        assert desk.devices[router].running() == running


def test_names_that_irrgate_would_not_give_are_left_alone(desk: Desk) -> None:
    device = desk.devices["edge1.mex"]
    lists = {"IRR-STATIC-V4": ["10.99.0.0/16"], "IRR-AS064999-V4": ["10.99.0.0/16"]}
    device.set_running(config(device, lists))
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    assert plan.json["hosts"]["edge1.mex"]["strangers"] == sorted(lists)
    desk.apply(plan, expect=DONE)
    assert all(has_list(device, name) for name in lists)


# Routers at which somebody else is at work, or was


def test_a_router_that_another_run_works_on_is_a_failed_one(desk: Desk) -> None:
    with open_state(desk.directory, None, {}) as state, state.lock("edge1.mex", "ana@noc"):
        plan = desk.plan(expect=PROBLEMS)
        assert plan.hosts["edge1.mex"] == "failed"
        assert "ana@noc" in plan.json["hosts"]["edge1.mex"]["reason"]
        assert plan.hosts["edge1.bog"] == "change"
        assert "discard" not in events(desk.devices["edge1.mex"])
    assert desk.plan(expect=CHANGES).hosts["edge1.mex"] == "change"


def test_a_router_on_which_a_run_died_is_a_failed_one(desk: Desk) -> None:
    now = datetime.now(UTC)
    with open_state(desk.directory, None, {}) as state:
        number = state.begin_deployment("apply", "ana@noc", "", "0" * 64, ["edge1.mex"], now)
        state.begin_host(number, "edge1.mex", "eos", {}, {}, now)
    plan = desk.plan(expect=PROBLEMS)
    record = plan.json["hosts"]["edge1.mex"]
    assert record["status"] == "failed"
    assert f"deployment {number} was interrupted here" in record["reason"]
    assert "irrgate recover" in record["reason"]
    assert events(desk.devices["edge1.mex"]) == []


# The way back


def test_the_way_back_restores_removes_and_touches_nothing_else(desk: Desk) -> None:
    desk.apply(desk.plan("--limit", "edge1.mex", expect=CHANGES), expect=DONE)
    device = desk.devices["edge1.mex"]
    told(desk.irrgate("rollback", "1", "--out", "back.zip", "--reason", "a test"), CHANGES)
    made = json.loads(told(desk.irrgate("--json", "show", "back.zip"), DONE).stdout)
    assert made["purpose"] == "rollback"
    assert made["rollback_of"] == 1
    assert made["reason"] == "a test"
    assert list(made["hosts"]) == ["edge1.mex"]
    statuses = {each["status"] for each in made["hosts"]["edge1.mex"]["filters"].values()}
    assert statuses == {"remove"}
    assert "takes deployment 1 back" in told(desk.irrgate("show", "back.zip"), DONE).stdout

    desk.edit_registry("route:          10.11.20.0/24", "route:          10.11.24.0/24")
    desk.apply(desk.plan("--limit", "edge1.mex", expect=CHANGES), expect=DONE)
    assert accepts(device, "IRR-AS64500-V4", "10.11.24.0/24")
    told(desk.irrgate("rollback", "2", "--out", "back2.zip"), CHANGES)
    made = json.loads(told(desk.irrgate("--json", "show", "back2.zip"), DONE).stdout)
    filters = made["hosts"]["edge1.mex"]["filters"]
    assert {name: each["status"] for name, each in filters.items()} == {"IRR-AS64500-V4": "change"}
    assert made["hosts"]["edge1.mex"]["strangers"] == []
    told(desk.irrgate("apply", "back2.zip"), DONE)
    assert accepts(device, "IRR-AS64500-V4", "10.11.20.0/24")
    assert has_list(device, "IRR-AS64501-V4")

    # What was rolled back from is not brought again by the next plan.
    plan = desk.plan("--limit", "edge1.mex", expect=PROBLEMS)
    assert plan.filters("edge1.mex")["IRR-AS64500-V4"] == (
        "held",
        "rolled_back: was rolled back from, in deployment 3 (limit: until it is accepted)",
    )
    told(desk.irrgate("accept", "AS64500", "--reason", "it was right"), DONE)
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    assert plan.filters("edge1.mex")["IRR-AS64500-V4"] == ("change", "")
    accepted_by = plan.json["peers"]["AS64500"]["filters"]["ipv4"]["accepted_by"]
    assert accepted_by["reason"] == "it was right"

"""What served stands in for what the IRR does not give, as long as it is young enough."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from irrgate.prefixes import PrefixSet
from irrgate.state import State, open_state
from tests.e2e.desk import (
    CHANGES,
    COULD_NOT_RUN,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    WIDE,
    Desk,
    accepts,
    blank,
    events,
    told,
)
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

EJEMPLO = "IRR-AS64500-V4"
MOST_OF_EJEMPLO = "10.10.0.0/17", "10.10.128.0/17", "10.11.0.0/20"


def state_of(desk: Desk) -> State:
    return open_state(desk.directory, None, {})


def make_older(desk: Desk, age: timedelta) -> None:
    """Let what is known to be good date from so long ago."""
    then = datetime.now(UTC) - age
    with state_of(desk) as state:
        for good in state.goods().values():
            prefixes = state.prefixes(good.digest)
            other = PrefixSet.parse(good.afi, ["::/128" if ":" in str(prefixes) else "0.0.0.0/32"])
            # The time of the same content never moves back.
            state.keep_good(replace(good, digest=other.digest), other)
            state.keep_good(replace(good, expanded_at=then), prefixes)


def silence_irr(desk: Desk) -> None:
    """Name a port on which nobody listens as the IRR server."""
    text = (desk.directory / "inventory/network.yaml").read_text()
    server = re.search(r"127\.0\.0\.1:\d+", text)
    assert server
    desk.edit("network.yaml", server[0], "127.0.0.1:9")


def withdraw_most(desk: Desk) -> None:
    """Let the registry lose most of what AS64500 announces."""
    text = desk.registry.read_text("latin-1")
    for prefix in MOST_OF_EJEMPLO:
        assert f"route:          {prefix}\n" in text
        text = text.replace(
            f"route:          {prefix}\n", f"route:          {prefix}\nremarks: x\n"
        )
        text = re.sub(rf"(route: +{prefix}\n.*\norigin: +)AS\d+", r"\1AS64599", text)
    desk.load_registry(text)


# Stale


def test_what_served_stands_in_and_the_plan_says_how_old_it_is(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    make_older(desk, timedelta(hours=3, minutes=-1))
    silence_irr(desk)
    logged = {name: events(device) for name, device in desk.devices.items()}

    plan = desk.plan(expect=PROBLEMS)
    assert set(plan.hosts.values()) == {"unchanged"}
    record = plan.json["peers"]["AS64500"]["filters"]["ipv4"]
    assert record["status"] == "stale"
    assert "could not be expanded" in record["reason"]
    assert record["reason"].endswith("; what served stands in, 3 h old")
    assert 10_000 < record["stale"]["age_seconds"] < 10_800
    assert record["stale"]["digest"] == record["digest"]
    reading = {"guard": "max_age", "figure": "is 3 h old", "limit": "7 d", "passed": True}
    assert reading in record["guards"]
    shown = told(desk.irrgate("show", plan.path.name, environ=WIDE), DONE).stdout
    assert re.search(rf"{EJEMPLO} +│ stale ", shown)
    assert {name: events(device) for name, device in desk.devices.items()} == logged
    with state_of(desk) as state:
        good = state.good(EJEMPLO)
        assert good is not None
        assert datetime.now(UTC) - good.expanded_at > timedelta(hours=2, minutes=58)


def test_a_router_that_lost_a_filter_gets_what_served(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    silence_irr(desk)
    for name in ("edge1.mex", "edge2.mex"):
        desk.devices[name].set_running(blank(desk.devices[name]))
    plan = desk.plan(expect=PROBLEMS)
    for name in ("edge1.mex", "edge2.mex"):
        status, why = plan.filters(name)[EJEMPLO]
        assert status == "new"
        assert re.fullmatch(
            r"drift: removed on the router since deployment 1; stale: what served \d+ s ago", why
        )
    desk.apply(plan, expect=PROBLEMS)
    for name in ("edge1.mex", "edge2.mex"):
        assert all(accepts(desk.devices[name], EJEMPLO, prefix) for prefix in EJEMPLO_V4)


@pytest.mark.parametrize(
    ("age", "figure"),
    [
        (timedelta(days=8, hours=-1), r"is 8 d old \(limit: 7 d\)"),
        (timedelta(days=-2), r"dates from 48 h in the future, so that its age is not known"),
    ],
)
def test_what_is_too_old_stands_in_for_nothing_and_is_not_emptied(
    desk: Desk, age: timedelta, figure: str
) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    make_older(desk, age)
    silence_irr(desk)
    desk.devices["edge1.bog"].set_running(blank(desk.devices["edge1.bog"]))
    running = {name: device.running() for name, device in desk.devices.items()}

    plan = desk.plan(expect=PROBLEMS)
    assert set(plan.hosts.values()) == {"held"}
    record = plan.json["peers"]["AS64500"]["filters"]["ipv4"]
    assert record["status"] == "too_old"
    status, why = plan.filters("edge1.mex")[EJEMPLO]
    assert status == "held"
    assert re.search(
        rf"could not be expanded.*; the last filter that served: max_age: {figure}", why
    )
    assert {reading["guard"]: reading["passed"] for reading in record["guards"]} == {
        "max_age": False
    }
    desk.apply(plan, expect=PROBLEMS)
    assert {name: device.running() for name, device in desk.devices.items()} == running
    done = told(desk.irrgate("accept", "AS64500", "--reason", "x"), COULD_NOT_RUN)
    assert "its expansion failed, so that there is nothing to accept" in done.stderr


def test_an_unknown_set_is_stale_until_a_person_takes_it_for_an_empty_one(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    desk.edit("peers.yaml", "[DEMO::AS-EJEMPLO]", "[DEMO::AS-EJEMPLO, DEMO::AS-NADIE]")
    plan = desk.plan(expect=PROBLEMS)
    record = plan.json["peers"]["AS64500"]["filters"]["ipv4"]
    assert record["status"] == "stale"
    assert "DEMO::AS-NADIE does not exist in DEMO" in record["reason"]
    assert (
        "unknown_set"
        in told(desk.irrgate("accept", "AS64500", "--reason", "leaves soon"), DONE).stdout
    )
    # What the other set gives is what the routers hold.
    plan = desk.plan(expect=DONE)
    record = plan.json["peers"]["AS64500"]["filters"]["ipv4"]
    assert record["status"] == "ready"
    assert record["accepted_by"]["reason"] == "leaves soon"


# A router that is new, and its neighbour's filter


def test_a_new_router_of_a_known_peer_is_guarded_by_what_served(desk: Desk) -> None:
    desk.apply(desk.plan("--limit", "edge1.mex", expect=CHANGES), expect=DONE)
    withdraw_most(desk)
    plan = desk.plan("--limit", "edge2.mex", expect=PROBLEMS)
    status, why = plan.filters("edge2.mex")[EJEMPLO]
    assert status == "held"
    assert re.match(r"max_shrink: loses \d+% of its address space", why)
    assert plan.filters("edge2.mex")["IRR-AS64502-V4"] == ("new", "")


def test_what_served_elsewhere_needs_no_guard(desk: Desk) -> None:
    """The router fell far behind, and what it gets is what its neighbour holds."""
    desk.apply(desk.plan("--limit", "edge1.mex", expect=CHANGES), expect=DONE)
    device = desk.devices["edge2.mex"]
    device.set_running(
        "system {\n    host-name edge2.mex;\n}\npolicy-options {\n"
        f"    route-filter-list {EJEMPLO} {{\n        10.0.0.0/8 exact;\n    }}\n}}\n"
    )
    plan = desk.plan("--limit", "edge2.mex", expect=CHANGES)
    assert plan.filters("edge2.mex")[EJEMPLO] == ("change", "")


def test_what_routers_hold_and_the_irr_confirms_is_known_to_be_good(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    with state_of(desk) as state:
        committed = state.goods()
        names = tuple(committed)
    for file in (desk.directory / ".irrgate").glob("state.db*"):
        file.unlink()
    desk.plan("--offline", expect=DONE)
    with state_of(desk) as state:
        assert state.goods() == {}
    desk.plan(expect=DONE)
    with state_of(desk) as state:
        found = state.goods()
        assert tuple(found) == names
        assert {each.why for each in found.values()} == {"found"}
        assert {n: g.digest for n, g in found.items()} == {
            n: g.digest for n, g in committed.items()
        }
        assert found[EJEMPLO].objects == "DEMO::AS-EJEMPLO"
        first = found[EJEMPLO].expanded_at
    make_older(desk, timedelta(days=2))
    desk.plan(expect=DONE)
    with state_of(desk) as state:
        good = state.good(EJEMPLO)
        assert good is not None
        assert good.expanded_at >= first


# Accepted


def test_an_accepted_change_goes_through_once_and_no_other_does(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    shipped = desk.registry.read_text("latin-1")
    withdraw_most(desk)
    held = desk.plan(expect=PROBLEMS)
    assert held.filters("edge1.mex")[EJEMPLO][0] == "held"

    done = told(desk.irrgate("accept", "as64500", "--reason", "sold the /16"), DONE)
    assert (
        f"{EJEMPLO}: 3 entries, +0 -3 against what served last; held by max_shrink" in done.stdout
    )
    assert "- 10.10.0.0/17" in done.stdout

    # Other content than the accepted one.
    shrunk = desk.registry.read_text("latin-1")
    desk.load_registry(shrunk.replace(WITHDRAWN, ADDED))
    assert desk.plan(expect=PROBLEMS).filters("edge1.mex")[EJEMPLO][0] == "held"
    desk.load_registry(shrunk)

    plan = desk.plan(expect=CHANGES)
    assert plan.filters("edge1.mex")[EJEMPLO] == ("change", "accepted")
    record = plan.json["peers"]["AS64500"]["filters"]["ipv4"]
    assert record["accepted_by"]["reason"] == "sold the /16"
    assert "@" in record["accepted_by"]["who"]
    desk.apply(plan, expect=DONE)
    assert not accepts(desk.devices["edge1.mex"], EJEMPLO, "10.10.0.0/17")
    desk.plan(expect=DONE)

    # Once: the same loss a second time is held again.
    desk.load_registry(shipped)
    desk.edit("peers.yaml", "name: Ejemplo Telecom", "name: Ejemplo")
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("guards:\n  max_growth: 1000\n")
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    desk.load_registry(shrunk)
    assert desk.plan(expect=PROBLEMS).filters("edge1.mex")[EJEMPLO][0] == "held"


def test_accept_where_there_is_nothing_to_accept(desk: Desk) -> None:
    desk.plan(expect=CHANGES)
    for words in (["AS64500"], ["AS64500", "--afi", "ipv6"], ["AS64999"]):
        done = told(desk.irrgate("accept", *words, "--reason", "x"), COULD_NOT_RUN)
        assert "nothing of it was held by the last plan" in done.stderr
        assert "hint: " in done.stderr
    done = told(desk.irrgate("accept", "64500;", "--reason", "x"), COULD_NOT_RUN)
    assert "not an ASN" in done.stderr


def test_all_that_is_held_of_a_peer_is_accepted_unless_a_family_is_named(desk: Desk) -> None:
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("guards:\n  max_prefixes: {ipv4: 1, ipv6: 1}\n")
    plan = desk.plan("--limit", "edge1.mex", expect=PROBLEMS)
    assert plan.filters("edge1.mex")[EJEMPLO][0] == "held"
    done = told(desk.irrgate("--json", "accept", "AS64500", "--reason", "x", "--afi", "ipv6"), DONE)
    [accepted] = json.loads(done.stdout)
    assert accepted["filter"] == "IRR-AS64500-V6"
    assert accepted["guards"] == ["max_prefixes"]
    assert accepted["added"] is None
    plan = desk.plan("--limit", "edge1.mex", expect=PROBLEMS)
    assert plan.filters("edge1.mex")["IRR-AS64500-V6"] == ("new", "accepted")
    told(desk.irrgate("accept", "AS64500", "--reason", "x"), DONE)
    desk.irrgate("accept", "AS64501", "--reason", "x")
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    desk.apply(plan, expect=DONE)
    # Accepted once, it goes on serving, and is on the next router what it is here.
    desk.plan("--limit", "edge1.mex", expect=DONE)
    plan = desk.plan("--limit", "edge2.mex", expect=PROBLEMS)
    assert plan.filters("edge2.mex")[EJEMPLO][0] == "new"
    assert plan.filters("edge2.mex")["IRR-AS64502-V4"][0] == "held"
    told(desk.irrgate("accept", "AS64502", "--reason", ""), COULD_NOT_RUN)

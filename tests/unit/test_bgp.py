"""What a commit did to a router's BGP sessions."""

from __future__ import annotations

import json

import pytest

from irrgate.bgp import (
    BgpSession,
    Watch,
    disturbed,
    dump_neighbours,
    explained_loss,
    load_neighbours,
    neighbour_name,
)
from irrgate.prefixes import Afi
from tests.unit.filters_made import prefixes

A, B = "192.0.2.1", "2001:db8::1"


def up(accepted: int | None = None, afi: Afi = Afi.IPV4) -> BgpSession:
    return BgpSession(is_up=True, accepted={} if accepted is None else {afi: accepted})


DOWN = BgpSession(is_up=False, accepted={})


def watch(explained: int | None = 0) -> dict[str, Watch]:
    return {A: Watch(A, Afi.IPV4, explained)}


@pytest.mark.parametrize(
    ("before", "after", "fine"),
    [
        (up(), up(), True),
        (up(), DOWN, False),
        (up(), None, False),
        (DOWN, DOWN, True),
        (DOWN, None, True),
        (DOWN, up(), True),
        (up(100), up(50), True),
        (up(100), up(49), False),
        (up(100), up(0), False),
        (up(0), up(0), True),
        (up(1), up(0), False),
        (up(100), up(900), True),
        (up(100), up(), True),
        (up(), up(0), True),
        (up(100, Afi.IPV6), up(0, Afi.IPV6), True),
    ],
)
def test_sessions_before_and_after(
    before: BgpSession, after: BgpSession | None, fine: bool
) -> None:
    found = disturbed({A: before}, {A: after} if after else {}, watch(), 0.5)
    assert (found == ()) == fine


def test_what_the_filter_lost_explains_as_many_routes() -> None:
    assert disturbed({A: up(10)}, {A: up(1)}, watch(9), 0.5) == ()
    assert disturbed({A: up(10)}, {A: up(0)}, watch(9), 0.5) == (
        f"the BGP session with {A} had 10 accepted ipv4 prefixes before the commit and has 0",
    )


def test_a_session_whose_filter_is_not_touched_only_has_to_be_up() -> None:
    assert disturbed({A: up(10)}, {A: up(0)}, watch(None), 0.5) == ()
    assert disturbed({A: up(10)}, {A: DOWN}, watch(None), 0.5) != ()


def test_sessions_that_nobody_asked_for_are_not_looked_at() -> None:
    assert disturbed({B: up(10)}, {}, watch(), 0.5) == ()


def test_a_session_in_a_vrf_is_known_by_its_address() -> None:
    name = neighbour_name("CUSTOMERS", A)
    assert name == f"{A} (CUSTOMERS)"
    assert disturbed({name: up()}, {A: up()}, watch(), 0.5) != ()
    assert neighbour_name("global", "2001:DB8:0::1") == B


def test_how_many_routes_a_filter_can_have_lost() -> None:
    old = prefixes("10.0.0.0/24", "10.0.2.0/23 ge 24 le 24")
    assert explained_loss(old, old) == 0
    assert explained_loss(old, prefixes("10.0.0.0/24")) == 2
    assert explained_loss(old, None) == 3
    assert explained_loss(None, old) == 0


def test_sessions_go_through_a_journal() -> None:
    held = {A: up(10), B: BgpSession(is_up=False, accepted={Afi.IPV4: 1, Afi.IPV6: 2})}
    assert load_neighbours(json.loads(json.dumps(dump_neighbours(held)))) == held

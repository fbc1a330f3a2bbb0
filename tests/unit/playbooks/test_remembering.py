"""What a plan leaves in the state: good filters, held ones, and nothing of what it did not plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from irrgate.changes import decide
from irrgate.filters import Filter, NoFilter
from irrgate.plan import FilterStatus
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import PrefixSet
from irrgate.standins import Considered, Memory, consider
from irrgate.state import HeldFilter, State, open_state
from playbooks.remembering import Planned, remember
from tests.unit.filters_made import LIMITS, filter_of, prefixes
from tests.unit.test_standins import NAME, NETWORK, NOW, SERVED, accept, failed, keep, unknown

BOTH = filter_of("10.0.0.0/16", "10.2.0.0/16")
HALF = filter_of("10.0.0.0/16")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path, None, {}) as opened:
        yield opened


def plan(
    state: State, made: Filter | NoFilter, *routers: PrefixSet | None, found: bool = True
) -> None:
    """Plan one filter for routers that hold these."""
    known = consider(made, NETWORK, Memory(state), NOW)
    changes = {
        f"edge{number}": decide(
            [known],
            RunningFilters({NAME: ManagedList(NAME, held.afi, held, True)} if held else {}, ()),
            LIMITS,
            {},
        )
        for number, held in enumerate(routers)
    }
    remember(state, LIMITS, Planned({NAME: known}, changes, NOW), found=found)


def held(state: State) -> HeldFilter | None:
    rows = state.held()
    assert len(rows) < 2
    return rows[0] if rows else None


# Good


def test_what_a_router_holds_and_the_irr_confirms_is_good(state: State) -> None:
    plan(state, BOTH, SERVED)
    good = state.good(NAME)
    assert good is not None
    assert (good.digest, good.why, good.expanded_at) == (SERVED.digest, "found", NOW)
    assert state.prefixes(good.digest) == SERVED
    assert held(state) is None


@pytest.mark.parametrize(
    ("made", "routers"), [(BOTH, ()), (BOTH, (None,)), (BOTH, (HALF.prefixes,)), (failed(), ())]
)
def test_what_no_router_holds_is_not(
    state: State, made: Filter | NoFilter, routers: tuple[PrefixSet | None, ...]
) -> None:
    plan(state, made, *routers)
    assert state.goods() == {}


def test_a_guard_does_not_lift_itself(state: State) -> None:
    """One router holds the half already, and on the other it is held."""
    keep(state)
    plan(state, HALF, HALF.prefixes, SERVED)
    good = state.good(NAME)
    assert good is not None
    assert good.digest == SERVED.digest


def test_nothing_is_found_on_the_way_back(state: State) -> None:
    plan(state, BOTH, SERVED, found=False)
    assert state.goods() == {}


def test_the_same_again_moves_its_time_and_a_stand_in_does_not(state: State) -> None:
    keep(state, age=timedelta(days=1))
    plan(state, failed(), SERVED)
    good = state.good(NAME)
    assert good is not None
    assert good.expanded_at == NOW - timedelta(days=1)
    plan(state, BOTH, None)
    good = state.good(NAME)
    assert good is not None
    assert good.expanded_at == NOW


# Held


def test_what_is_held_on_a_router_can_be_accepted(state: State) -> None:
    keep(state)
    plan(state, HALF, SERVED)
    row = held(state)
    assert row is not None
    assert (row.digest, row.entries, row.guards) == (HALF.prefixes.digest, 1, ("max_shrink",))
    assert state.prefixes(HALF.prefixes.digest) == HALF.prefixes
    accept(state, HALF.prefixes)
    plan(state, HALF, SERVED)
    assert held(state) is None


def test_what_is_held_before_any_router_is_asked(state: State) -> None:
    short = filter_of("10.0.0.0/7")
    plan(state, short)
    row = held(state)
    assert row is not None
    assert (row.digest, row.guards) == (short.prefixes.digest, ("min_length",))


@pytest.mark.parametrize("served", [False, True])
def test_an_unknown_set_is_held_as_what_is_left_without_it(state: State, served: bool) -> None:
    if served:
        keep(state)
    plan(state, unknown("10.0.0.0/16"), SERVED)
    row = held(state)
    assert row is not None
    expected = ("unknown_set", "max_shrink") if served else ("unknown_set",)
    assert (row.digest, row.guards) == (HALF.prefixes.digest, expected)
    assert state.prefixes(HALF.prefixes.digest) == HALF.prefixes


@pytest.mark.parametrize(
    ("age", "guards"), [(None, ()), (timedelta(1), ()), (timedelta(9), ("max_age",))]
)
def test_a_failed_expansion_is_held_as_nothing(
    state: State, age: timedelta | None, guards: tuple[str, ...]
) -> None:
    if age is not None:
        keep(state, age=age)
    plan(state, failed(), SERVED)
    row = held(state)
    assert row is not None
    assert (row.digest, row.guards) == (None, guards)


def test_a_stand_in_that_a_guard_holds_can_be_accepted(state: State) -> None:
    ours = prefixes("203.0.0.0/16 le 24")
    keep(state, ours)
    plan(state, failed(), None)
    row = held(state)
    assert row is not None
    assert (row.digest, row.guards) == (ours.digest, ("own_prefixes",))


def test_what_was_held_of_others_stays(state: State) -> None:
    plan(state, filter_of("10.0.0.0/7"))
    known = Considered(replace(BOTH, name="IRR-AS1-V4"))
    remember(state, LIMITS, Planned({"IRR-AS1-V4": known}, {}, NOW), found=True)
    assert held(state) is not None
    plan(state, BOTH)
    assert held(state) is None


# The past that was read at once


def test_the_memory_says_what_the_state_says(state: State) -> None:
    keep(state)
    accept(state, HALF.prefixes)
    old, new = SERVED.digest, state.keep_prefixes(HALF.prefixes)
    number = state.begin_deployment("rollback", "ana", "", "0" * 64, ["edge1"], NOW)
    state.begin_host(number, "edge1", "eos", {NAME: old}, {NAME: new}, NOW)
    state.end_host(number, "edge1", "done", "", NOW)
    memory = Memory(state)
    for name in (NAME, "IRR-AS1-V4"):
        assert memory.good(name) == state.good(name)
        for digest in (old, new, "0" * 64):
            assert memory.acceptance(name, digest) == state.acceptance(name, digest)
            assert memory.rolled_back(name, digest) == state.rolled_back(name, digest)
    assert memory.rolled_back(NAME, old) == number
    assert memory.acceptance(NAME, new) is not None
    assert memory.prefixes(old) == SERVED


def test_what_a_platform_cannot_hold_is_not_there_to_be_accepted(state: State) -> None:
    known = consider(BOTH, NETWORK, Memory(state), NOW)
    running = RunningFilters({NAME: ManagedList(NAME, SERVED.afi, SERVED, True)}, ())
    decided = decide([known], running, LIMITS, {})
    change = replace(decided.filters[NAME], status=FilterStatus.HELD, refused=True)
    changes = {"edge1": replace(decided, filters={NAME: change})}
    remember(state, LIMITS, Planned({NAME: known}, changes, NOW), found=True)
    assert held(state) is None
    assert state.good(NAME) is None

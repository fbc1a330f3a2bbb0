"""What served, and what a person said, before any router is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from irrgate.filters import Filter, NoFilter
from irrgate.guards import Guard
from irrgate.irr.expander import Failed, Unknown
from irrgate.network import (
    FilterNames,
    FilterPolicy,
    IrrServer,
    IrrSettings,
    Network,
    PerAfi,
)
from irrgate.prefixes import Afi, PrefixRange, PrefixSet
from irrgate.rpsl import Asn
from irrgate.standins import Considered, consider
from irrgate.state import GoodFilter, HeldFilter, State, open_state
from irrgate.state.records import GoodBy
from tests.unit.filters_made import LIMITS, filter_of, no_filter, prefixes

NAME = "IRR-AS64500-V4"
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NETWORK = Network(
    Asn(64496),
    (PrefixRange.parse("203.0.113.0/24"),),
    IrrSettings((IrrServer("127.0.0.1", 9),), (), 10, 1),
    FilterPolicy(FilterNames.parse("IRR-{peer}-{afi}"), PerAfi(24, 48), False, True),
    LIMITS,
)
SERVED = prefixes("10.0.0.0/16", "10.2.0.0/16")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path, None, {}) as opened:
        yield opened


def keep(
    state: State,
    held: PrefixSet = SERVED,
    age: timedelta = timedelta(hours=1),
    why: GoodBy = "found",
) -> None:
    good = GoodFilter(
        NAME, Asn(64500), held.afi, held.digest, held.entry_count, "AS-X", "RIPE", "192.0.2.1",
        NOW - age, why,
    )  # fmt: skip
    state.keep_good(good, held)


def accept(state: State, held: PrefixSet) -> None:
    row = HeldFilter(NAME, Asn(64500), held.afi, held.digest, held.entry_count, (), NOW)
    state.accept(row, held, "ana@noc", "a new customer", NOW)


def failed() -> NoFilter:
    return NoFilter(
        Asn(64500), Afi.IPV4, NAME, Failed("no answer"), "AS-X could not be expanded: no answer", ()
    )


def unknown(*rest: str) -> NoFilter:
    left = filter_of(*rest) if rest else replace(filter_of("10.0.0.0/24"), prefixes=NOTHING)
    return NoFilter(Asn(64500), Afi.IPV4, NAME, Unknown(), "AS-X does not exist", (), left)


NOTHING = PrefixSet.empty(Afi.IPV4)


def considered(made: Filter | NoFilter, state: State) -> Considered:
    return consider(made, NETWORK, state, NOW)


def vetoed_by(known: Considered) -> list[Guard]:
    return [each.guard for each in known.held_by]


# A filter that was made


def test_a_filter_without_history(state: State) -> None:
    known = considered(filter_of("10.0.0.0/16"), state)
    assert [each.guard for each in known.readings] == [
        Guard.MAX_PREFIXES,
        Guard.SHORT,
        Guard.OWN,
    ]
    assert (known.held_by, known.good, known.served, known.acceptance) == ((), None, None, None)
    assert not known.has_served


def test_what_served_is_loaded_when_it_is_asked_for(state: State) -> None:
    keep(state)
    known = considered(filter_of("10.0.0.0/16"), state)
    assert known.served is not None
    assert known.served() == SERVED
    assert not known.has_served
    assert considered(filter_of("10.0.0.0/16", "10.2.0.0/16"), state).has_served


def test_an_acceptance_lifts_the_vetoes_of_its_content_and_of_no_other(state: State) -> None:
    short, other = filter_of("10.0.0.0/7"), filter_of("12.0.0.0/7")
    assert vetoed_by(considered(short, state)) == [Guard.SHORT]
    accept(state, short.prefixes)
    known = considered(short, state)
    assert known.held_by == ()
    assert known.acceptance is not None
    assert known.acceptance.who == "ana@noc"
    assert not next(each for each in known.readings if each.guard is Guard.SHORT).passed
    assert vetoed_by(considered(other, state)) == [Guard.SHORT]


def test_what_was_accepted_and_committed_stays_accepted_while_it_serves(state: State) -> None:
    short = filter_of("10.0.0.0/7")
    keep(state, short.prefixes, why="accepted")
    assert considered(short, state).held_by == ()
    keep(state, short.prefixes, why="committed")
    assert considered(short, state).held_by == ()
    keep(state, SERVED)
    assert vetoed_by(considered(short, state)) == [Guard.SHORT]


def test_what_merely_served_is_judged_by_itself_all_the_same(state: State) -> None:
    short = filter_of("10.0.0.0/7")
    keep(state, short.prefixes)
    assert vetoed_by(considered(short, state)) == [Guard.SHORT]


def test_what_was_rolled_back_from_is_held_until_it_is_accepted(state: State) -> None:
    new = filter_of("10.9.0.0/16")
    digest, old = new.prefixes.digest, state.keep_prefixes(SERVED)
    state.keep_prefixes(new.prefixes)
    number = state.begin_deployment("rollback", "ana@noc", "", "0" * 64, ["edge1"], NOW)
    state.begin_host(number, "edge1", "eos", {NAME: digest}, {NAME: old}, NOW)
    state.end_host(number, "edge1", "done", "", NOW)
    state.end_deployment(number, "done", NOW)
    known = considered(new, state)
    assert [str(each) for each in known.held_by] == [
        f"rolled_back: was rolled back from, in deployment {number} (limit: until it is accepted)"
    ]
    accept(state, new.prefixes)
    assert considered(new, state).held_by == ()


# A filter that could not be made


@pytest.mark.parametrize("made", [failed(), no_filter()], ids=["failed", "unknown"])
def test_without_history_nothing_stands_in(made: NoFilter, state: State) -> None:
    known = considered(made, state)
    assert known.intent is made
    assert not known.is_too_old


@pytest.mark.parametrize("made", [failed(), unknown("10.0.0.0/16")], ids=["failed", "unknown"])
@pytest.mark.parametrize("age", [timedelta(minutes=-5), timedelta(0), timedelta(days=7)])
def test_what_served_stands_in(made: NoFilter, age: timedelta, state: State) -> None:
    keep(state, age=age)
    known = considered(made, state)
    assert isinstance(known.intent, Filter)
    assert known.intent.prefixes == SERVED
    assert (known.intent.name, known.intent.peer, known.intent.afi) == (NAME, Asn(64500), Afi.IPV4)
    assert known.intent.stale is not None
    assert known.intent.stale.age == known.age == age
    assert known.intent.stale.since == NOW - age
    assert known.intent.stale.reason == made.reason
    assert (known.intent.stale.objects, known.intent.stale.server) == ("AS-X", "192.0.2.1")
    assert known.has_served
    assert known.held_by == ()
    assert known.readings[0].guard is Guard.STALE


@pytest.mark.parametrize("age", [timedelta(days=7, seconds=1), timedelta(minutes=-6)])
def test_what_is_too_old_or_of_no_known_age_does_not(age: timedelta, state: State) -> None:
    keep(state, age=age)
    known = considered(failed(), state)
    assert isinstance(known.intent, NoFilter)
    assert known.intent.reason.startswith("AS-X could not be expanded: no answer; the last filter ")
    assert "max_age: " in known.intent.reason
    assert known.is_too_old
    assert [each.passed for each in known.readings] == [False]


def test_what_stands_in_is_judged_by_todays_settings(state: State) -> None:
    keep(state, prefixes("203.0.0.0/16 le 24"))
    known = considered(failed(), state)
    assert vetoed_by(known) == [Guard.OWN]
    accept(state, prefixes("203.0.0.0/16 le 24"))
    assert considered(failed(), state).held_by == ()


def test_an_unknown_set_may_be_taken_for_an_empty_one(state: State) -> None:
    keep(state)
    known = considered(unknown("10.0.0.0/16"), state)
    assert known.instead is not None
    assert isinstance(known.instead.intent, Filter)
    assert known.instead.intent.prefixes == prefixes("10.0.0.0/16")
    assert [each.guard for each in known.instead.held_by] == [Guard.UNKNOWN]
    accept(state, SERVED)
    assert isinstance(considered(unknown("10.0.0.0/16"), state).intent, Filter)
    assert considered(unknown("10.0.0.0/16"), state).acceptance is not None
    accept(state, prefixes("10.0.0.0/16"))
    known = considered(unknown("10.0.0.0/16"), state)
    assert isinstance(known.intent, Filter)
    assert known.intent.prefixes == prefixes("10.0.0.0/16")
    assert known.intent.stale is None
    assert known.held_by == ()


def test_an_unknown_set_that_was_taken_for_an_empty_one_stays_it(state: State) -> None:
    keep(state, prefixes("10.0.0.0/16"), age=timedelta(days=30), why="accepted")
    known = considered(unknown("10.0.0.0/16"), state)
    assert isinstance(known.intent, Filter)
    assert known.held_by == ()
    known = considered(unknown("10.8.0.0/16"), state)
    assert isinstance(known.intent, NoFilter)


def test_a_failed_expansion_cannot_be_accepted(state: State) -> None:
    keep(state, age=timedelta(days=30))
    accept(state, SERVED)
    assert considered(failed(), state).instead is None
    assert isinstance(considered(failed(), state).intent, NoFilter)

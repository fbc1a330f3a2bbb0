"""Each guard at its limit and just above it, and what it does not concern."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.guards import (
    Guard,
    Reading,
    judge_age,
    judge_alone,
    judge_change,
    judge_rolled_back,
    judge_unknown,
    span_text,
    vetoes,
)
from irrgate.network import GuardLimits, PerAfi
from irrgate.prefixes import Afi, PrefixRange, PrefixSet
from tests.unit.filters_made import LIMITS, made, prefixes
from tests.unit.platforms.routers import UNIVERSES


def slash24s(count: int, first: int = 0) -> PrefixSet:
    """Return `count` prefixes of one size that do not aggregate."""
    base = 0x0A000000
    keys = [(base + (index << 9)) << 8 | 24 for index in range(first, first + count)]
    return PrefixSet.from_keys(Afi.IPV4, keys)


def slash48s(count: int, first: int = 0) -> PrefixSet:
    base = 0x20010DB8 << 96
    keys = [(base + (index << 81)) << 8 | 48 for index in range(first, first + count)]
    return PrefixSet.from_keys(Afi.IPV6, keys)


def guards(old: PrefixSet | None, new: PrefixSet, limits: GuardLimits = LIMITS) -> list[Guard]:
    return [veto.guard for veto in vetoes(judge_change(old, new, limits))]


def alone(new: PrefixSet, limits: GuardLimits, *own: str) -> tuple[Reading, ...]:
    return vetoes(judge_alone(made(new), limits, [PrefixRange.parse(text) for text in own]))


SOME = {Afi.IPV4: slash24s, Afi.IPV6: slash48s}
FAMILIES = tuple(Afi)


# How many


@pytest.mark.parametrize("afi", FAMILIES)
def test_entries_at_the_limit_and_above(afi: Afi) -> None:
    limits = replace(LIMITS, max_prefixes=PerAfi(10, 7))
    limit = limits.max_prefixes[afi]
    assert alone(SOME[afi](limit), limits) == ()
    assert alone(SOME[afi](limit + 1), limits) == (
        Reading(Guard.MAX_PREFIXES, f"{limit + 1} entries", str(limit), passed=False),
    )


def test_entries_are_counted_as_they_are_written() -> None:
    adjacent = PrefixSet.from_keys(
        Afi.IPV4, [(0x0A000000 + (index << 8)) << 8 | 24 for index in range(256)]
    )
    assert alone(adjacent, replace(LIMITS, max_prefixes=PerAfi(1, 1))) == ()


# How much less


@pytest.mark.parametrize("afi", FAMILIES)
@pytest.mark.parametrize("limit", [0.0, 0.1, 0.29, 0.3, 0.57, 0.7, 0.99])
def test_shrinking_to_the_limit_and_beyond(afi: Afi, limit: float) -> None:
    limits = replace(LIMITS, max_shrink=limit)
    lost = round(limit * 100)
    old = SOME[afi](100)
    assert guards(old, SOME[afi](100 - lost), limits) == []
    assert guards(old, SOME[afi](99 - lost) or SOME[afi](0), limits) != []


def test_what_is_lost_is_told() -> None:
    (veto,) = vetoes(judge_change(slash24s(1000), slash24s(699), LIMITS))
    assert str(veto) == "max_shrink: loses 31% of its address space (limit: 30%)"


def test_at_a_limit_of_all_only_emptiness_is_held() -> None:
    limits = replace(LIMITS, max_shrink=1.0)
    assert guards(slash24s(1000), slash24s(1), limits) == []
    assert guards(slash24s(1000), slash24s(0), limits) == [Guard.EMPTY]


def test_shrinking_is_in_address_space_and_not_in_the_lines_of_a_small_filter() -> None:
    old = prefixes("10.0.0.0/8", *(f"192.0.{index}.0/24" for index in range(0, 16, 2)))
    assert guards(old, prefixes("10.0.0.0/8")) == []
    assert guards(old, old.difference(prefixes("10.0.0.0/8"))) == [Guard.SHRINK]


def test_a_filter_that_gets_more_precise_loses_nothing() -> None:
    assert guards(prefixes("10.0.0.0/8 le 24"), prefixes("10.0.0.0/8")) == []


def test_a_prefix_that_is_registered_in_halves_instead_loses_nothing() -> None:
    strictest = replace(LIMITS, max_shrink=0.0, max_growth=1.0)
    halves = prefixes("10.0.0.0/9", "10.128.0.0/9")
    assert guards(prefixes("10.0.0.0/8"), halves, strictest) == []
    assert guards(halves, prefixes("10.0.0.0/8"), strictest) == []


def test_half_of_a_prefix_is_half_of_its_space() -> None:
    whole, half = prefixes("10.0.0.0/8"), prefixes("10.0.0.0/9")
    assert guards(whole, half, replace(LIMITS, max_shrink=0.5)) == []
    assert guards(whole, half, replace(LIMITS, max_shrink=0.49)) == [Guard.SHRINK]
    assert guards(half, whole, replace(LIMITS, max_growth=2.0)) == []
    assert guards(half, whole, replace(LIMITS, max_growth=1.99)) == [Guard.GROWTH]


# How many entries less, and more

LARGE = "10.0.0.0/8"
"""so much address space that the rest is none of it"""


def beside(large: str, count: int, *, step: int = 2) -> PrefixSet:
    return prefixes(large, *(f"172.16.{n}.0/24" for n in range(0, step * count, step)))


def test_entries_are_judged_where_the_space_says_nothing() -> None:
    readings = vetoes(judge_change(beside(LARGE, 19), beside(LARGE, 10), LIMITS))
    assert [str(each) for each in readings] == ["max_shrink: loses 45% of its entries (limit: 30%)"]
    readings = vetoes(judge_change(beside(LARGE, 9), beside(LARGE, 30), LIMITS))
    assert [str(each) for each in readings] == [
        "max_growth: grows to 3.1 times its entries (limit: 3 times)"
    ]
    assert guards(beside(LARGE, 9), beside(LARGE, 29)) == []
    assert guards(beside(LARGE, 19), beside(LARGE, 13)) == []


def test_of_a_filter_with_few_entries_only_the_space_is_judged() -> None:
    assert guards(beside(LARGE, 8), beside(LARGE, 1)) == []
    assert guards(beside(LARGE, 9), beside(LARGE, 1)) == [Guard.SHRINK]
    assert guards(beside(LARGE, 8), beside(LARGE, 100)) == []


def test_entries_that_are_taken_together_are_no_loss() -> None:
    many = prefixes(*(f"10.0.{n}.0/24" for n in range(0, 200, 2)), "10.0.0.0/16")
    assert guards(many, prefixes("10.0.0.0/16 le 24")) == []
    precise = prefixes(*(f"10.{n}.0.0/16" for n in range(0, 80, 2)), LARGE)
    assert guards(beside(LARGE + " le 16", 12), precise.union(beside(LARGE, 12))) == []


def test_every_guard_that_was_asked_is_told() -> None:
    readings = judge_change(slash24s(100), slash24s(90), LIMITS)
    assert [(str(each.guard), each.figure) for each in readings] == [
        ("empty", "90 entries are left"),
        ("max_shrink", "loses 10% of its address space"),
        ("max_growth", "grows to 1.0 times its address space"),
        ("max_shrink", "loses 10% of its entries"),
        ("max_growth", "grows to 1.0 times its entries"),
    ]
    assert all(each.passed for each in readings)


# How short


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("0.0.0.0/0", "accepts a default route"),
        ("0.0.0.0/0 ge 8 le 24", ""),
        ("0.0.0.0/0 ge 7 le 24", "accepts prefixes from /7 on"),
        ("10.0.0.0/7", "accepts prefixes from /7 on"),
        ("10.0.0.0/8", ""),
        ("::/0", "accepts a default route"),
        ("::/0 le 48", "accepts a default route"),
        ("2001:4000::/18", "accepts prefixes from /18 on"),
        ("2001:4000::/18 ge 19 le 48", ""),
        ("2001:4000::/19", ""),
    ],
)
def test_a_default_route_and_very_short_prefixes(text: str, figure: str) -> None:
    held = prefixes(text, "10.1.0.0/16") if "." in text else prefixes(text, "2001:db8::/32")
    limit = LIMITS.min_length[held.afi]
    expected = (Reading(Guard.SHORT, figure, f"/{limit}", passed=False),) if figure else ()
    assert alone(held, LIMITS) == expected


@given(st.sets(st.integers(0, 32), max_size=4))
def test_the_shortest_prefix_of_a_set(lengths: set[int]) -> None:
    held = PrefixSet.from_keys(Afi.IPV4, list(lengths))
    assert held.shortest == min(lengths, default=None)


# Our own


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("203.0.113.128/25", "203.0.113.128/25"),
        ("203.0.0.0/16 le 24", "203.0.113.0/24"),
        ("0.0.0.0/0 ge 32", "203.0.113.0/24 ge 32 le 32"),
        ("203.0.0.0/16", ""),
        ("203.0.112.0/23 le 23", ""),
        ("203.0.112.0/24", ""),
    ],
)
def test_our_own_prefixes_and_all_that_is_in_them(text: str, accepted: str) -> None:
    expected = f"own_prefixes: accepts {accepted} of ours (limit: none of ours)"
    held = alone(prefixes(text), LIMITS, "203.0.113.0/24", "2001:db8::/32")
    assert [str(each) for each in held] == ([expected] if accepted else [])


def test_our_own_of_the_other_family() -> None:
    held = alone(prefixes("2001:db8:1::/48"), LIMITS, "203.0.113.0/24", "2001:db8::/32")
    assert [each.guard for each in held] == [Guard.OWN]
    assert alone(prefixes("2001:db8:1::/48"), LIMITS, "203.0.113.0/24") == ()


# How old


@pytest.mark.parametrize(
    ("age", "passed", "figure"),
    [
        (timedelta(0), True, "is 0 s old"),
        (timedelta(days=7), True, "is 7 d old"),
        (timedelta(days=7, seconds=1), False, "is 8 d old"),
        (timedelta(minutes=-5), True, "is 0 s old"),
        (
            timedelta(minutes=-6),
            False,
            "dates from 6 min in the future, so that its age is not known",
        ),
    ],
)
def test_what_stands_in_is_not_too_old(age: timedelta, passed: bool, figure: str) -> None:
    assert judge_age(age, LIMITS) == Reading(Guard.STALE, figure, "7 d", passed=passed)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (60, "1 min"), (7199, "120 min"), (7200, "2 h"),
     (86_400, "1 d"), (90_000, "25 h"), (172_800, "2 d"), (-5, "0 s")],
)  # fmt: skip
def test_a_span_of_time_for_people(seconds: int, text: str) -> None:
    assert span_text(timedelta(seconds=seconds)) == text


def test_what_was_rolled_back_from_and_what_is_unknown() -> None:
    assert judge_rolled_back(None) == ()
    (veto,) = judge_rolled_back(12)
    assert str(veto) == (
        "rolled_back: was rolled back from, in deployment 12 (limit: until it is accepted)"
    )
    assert not veto.passed
    assert not judge_unknown("AS-X does not exist").passed


# How much more


@pytest.mark.parametrize("afi", FAMILIES)
@pytest.mark.parametrize("limit", [1.0, 1.1, 1.15, 1.57, 2.3, 3.0, 9.9])
def test_growing_to_the_limit_and_beyond(afi: Afi, limit: float) -> None:
    limits = replace(LIMITS, max_growth=limit)
    most = round(limit * 100)
    assert guards(SOME[afi](100), SOME[afi](most), limits) == []
    assert guards(SOME[afi](100), SOME[afi](most + 1), limits) == [Guard.GROWTH]


def test_how_much_it_grows_is_told() -> None:
    (veto,) = vetoes(judge_change(slash24s(100), slash24s(301), LIMITS))
    assert str(veto) == "max_growth: grows to 3.1 times its address space (limit: 3 times)"


def test_more_specifics_of_what_it_has_are_no_growth() -> None:
    assert guards(prefixes("10.0.0.0/8"), prefixes("10.0.0.0/8 le 24")) == []


# Swaps


def test_a_swap_of_one_space_for_another_is_a_loss() -> None:
    assert guards(slash24s(10), slash24s(10, first=100)) == [Guard.SHRINK]


def test_a_swap_of_a_part_within_both_limits() -> None:
    """7 of 10 stay, 3 others come: a loss of 30 %, and 1.3 times the space."""
    limits = replace(LIMITS, max_growth=1.3)
    assert guards(slash24s(10), slash24s(10, first=3), limits) == []
    assert guards(slash24s(10), slash24s(11, first=3), limits) == [Guard.GROWTH]
    assert guards(slash24s(10), slash24s(10, first=4), limits) == [Guard.SHRINK, Guard.GROWTH]


def test_a_swap_for_much_more_is_both() -> None:
    assert guards(slash24s(10), slash24s(100, first=100)) == [Guard.SHRINK, Guard.GROWTH]


# Nothing, before or after


@pytest.mark.parametrize("afi", FAMILIES)
def test_a_filter_does_not_become_empty(afi: Afi) -> None:
    assert guards(SOME[afi](1), SOME[afi](0)) == [Guard.EMPTY]


@pytest.mark.parametrize("afi", FAMILIES)
@pytest.mark.parametrize("count", [0, 1, 400])
def test_from_nothing_there_is_nothing_to_lose(afi: Afi, count: int) -> None:
    assert guards(None, SOME[afi](count)) == []
    assert guards(PrefixSet.empty(afi), SOME[afi](count)) == []


@pytest.mark.parametrize("afi", FAMILIES)
def test_no_change_is_no_offence(afi: Afi) -> None:
    strictest = GuardLimits(0.0, 0.1, PerAfi(0, 0), LIMITS.max_age)
    assert guards(SOME[afi](10), SOME[afi](10), strictest) == []


def test_a_growth_limit_below_one_is_as_one() -> None:
    """A filter that keeps or loses space does not grow."""
    limits = replace(LIMITS, max_growth=0.5)
    assert guards(slash24s(10), slash24s(9), limits) == []
    assert guards(slash24s(10), slash24s(11), limits) == [Guard.GROWTH]


def test_the_whole_of_ipv6_is_counted_exactly() -> None:
    """Figures of 128 bits: one address too many is one too many."""
    half = prefixes("::/1")
    assert guards(half, prefixes("::/0"), replace(LIMITS, max_growth=2.0)) == []
    one_more = prefixes("::/1", "8000::/128")
    assert guards(half, one_more, replace(LIMITS, max_growth=1.0)) == [Guard.GROWTH]
    siblings = PrefixSet.from_keys(
        Afi.IPV6, [(1 << (128 - length)) << 8 | length for length in range(2, 129)]
    )
    assert guards(half, siblings, replace(LIMITS, max_shrink=0.0)) == [Guard.SHRINK]
    whole = siblings.union(prefixes("::/128"))
    assert guards(half, whole, replace(LIMITS, max_shrink=0.0)) == []


@given(
    st.integers(1, 60), st.integers(0, 60), st.integers(0, 60),
    st.integers(0, 100), st.integers(1, 900),
)  # fmt: skip
def test_against_exact_arithmetic(
    before: int, first: int, after: int, shrink: int, growth: int
) -> None:
    limits = replace(LIMITS, max_shrink=shrink / 100, max_growth=growth / 100)
    old, new = set(range(before)), set(range(first, first + after))
    expected = []
    if not new:
        expected = [Guard.EMPTY]
    elif old != new:
        if Fraction(len(old - new), len(old)) > Fraction(shrink, 100):
            expected.append(Guard.SHRINK)
        if new - old and Fraction(len(old | new), len(old)) > Fraction(growth, 100):
            expected.append(Guard.GROWTH)
    assert guards(slash24s(before), slash24s(after, first), limits) == expected


@given(st.sampled_from(FAMILIES), st.data())
def test_the_space_that_two_filters_share_against_brute_force(
    afi: Afi, data: st.DataObject
) -> None:
    universe = UNIVERSES[afi]
    inside = [(address, n) for _, address, n in universe.prefixes if n >= universe.top]
    entry = st.sampled_from(inside).flatmap(
        lambda each: st.integers(each[1], afi.bits).map(lambda le: (*each, le, le))
    )
    one, other = (
        PrefixSet.from_entries(afi, data.draw(st.lists(entry, max_size=8))) for _ in range(2)
    )
    spaces = [
        {
            address
            for address in range(universe.root, universe.root + (1 << universe.depth))
            if any(held.contains(address >> n << n, afi.bits - n) for n in range(5))
        }
        for held in (one, other)
    ]
    assert one.address_count == len(spaces[0])
    assert one.shared_addresses(other) == len(spaces[0] & spaces[1])
    assert other.shared_addresses(one) == len(spaces[0] & spaces[1])


def test_a_veto_reads_as_a_sentence() -> None:
    (veto,) = judge_change(prefixes("10.0.0.0/24"), prefixes(), LIMITS)
    assert str(veto) == "empty: nothing is left of the filter (limit: at least one prefix)"

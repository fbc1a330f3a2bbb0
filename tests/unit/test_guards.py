"""Each guard at its limit and just above it, and what it does not concern."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.guards import Guard, Veto, judge_alone, judge_change
from irrgate.network import GuardLimits, PerAfi
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import LIMITS, filter_of, made, prefixes
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
    return [veto.guard for veto in judge_change(old, made(new), limits)]


SOME = {Afi.IPV4: slash24s, Afi.IPV6: slash48s}
FAMILIES = tuple(Afi)


# How many


@pytest.mark.parametrize("afi", FAMILIES)
def test_entries_at_the_limit_and_above(afi: Afi) -> None:
    limits = replace(LIMITS, max_prefixes=PerAfi(10, 7))
    limit = limits.max_prefixes[afi]
    assert judge_alone(made(SOME[afi](limit)), limits) == ()
    assert judge_alone(made(SOME[afi](limit + 1)), limits) == (
        Veto(Guard.MAX_PREFIXES, f"{limit + 1} entries", str(limit)),
    )


def test_entries_are_counted_as_they_are_written() -> None:
    adjacent = PrefixSet.from_keys(
        Afi.IPV4, [(0x0A000000 + (index << 8)) << 8 | 24 for index in range(256)]
    )
    assert judge_alone(made(adjacent), replace(LIMITS, max_prefixes=PerAfi(1, 1))) == ()


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
    (veto,) = judge_change(slash24s(1000), made(slash24s(699)), LIMITS)
    assert str(veto) == "max_shrink: loses 31% of its address space (limit: 30%)"


def test_at_a_limit_of_all_only_emptiness_is_held() -> None:
    limits = replace(LIMITS, max_shrink=1.0)
    assert guards(slash24s(1000), slash24s(1), limits) == []
    assert guards(slash24s(1000), slash24s(0), limits) == [Guard.EMPTY]


def test_shrinking_is_in_address_space_and_not_in_lines() -> None:
    old = prefixes("10.0.0.0/8", *(f"192.0.{index}.0/24" for index in range(0, 20, 2)))
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


# How much more


@pytest.mark.parametrize("afi", FAMILIES)
@pytest.mark.parametrize("limit", [1.0, 1.1, 1.15, 1.57, 2.3, 3.0, 9.9])
def test_growing_to_the_limit_and_beyond(afi: Afi, limit: float) -> None:
    limits = replace(LIMITS, max_growth=limit)
    most = round(limit * 100)
    assert guards(SOME[afi](100), SOME[afi](most), limits) == []
    assert guards(SOME[afi](100), SOME[afi](most + 1), limits) == [Guard.GROWTH]


def test_how_much_it_grows_is_told() -> None:
    (veto,) = judge_change(slash24s(100), made(slash24s(301)), LIMITS)
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
    (veto,) = judge_change(prefixes("10.0.0.0/24"), filter_of(), LIMITS)
    assert str(veto) == "empty: nothing is left of the filter (limit: at least one prefix)"

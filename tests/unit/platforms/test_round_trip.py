"""What is rendered is what is read back: from the candidate, and from the device's own print."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irrgate.aggregation import Entry
from irrgate.platforms import PLATFORMS, find_platform
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.platforms import routers
from tests.unit.platforms.routers import NAMES, UNIVERSES, WANTED, candidate, read, read_candidate

FAMILIES = tuple(Afi)


def entries(afi: Afi) -> st.SearchStrategy[Entry]:
    """Entries in the small universe: single prefixes and ge/le ranges, nested and adjacent."""
    universe = UNIVERSES[afi]

    @st.composite
    def entry(draw: st.DrawFn) -> Entry:
        length = draw(st.integers(universe.top - 2, afi.bits))
        host = afi.bits - length
        address = (universe.root + draw(st.integers(0, 15))) >> host << host
        if draw(st.booleans()):
            return address, length, length, length
        ge = draw(st.integers(length, afi.bits))
        return address, length, ge, draw(st.integers(ge, afi.bits))

    return entry()


@st.composite
def prefix_sets(draw: st.DrawFn, afi: Afi) -> PrefixSet:
    return PrefixSet.from_entries(afi, draw(st.lists(entries(afi), max_size=12)))


def anywhere(afi: Afi, count: int, seed: int) -> PrefixSet:
    """Return about `count` prefixes and ranges all over the address space."""
    source = random.Random(seed)
    lengths = range(20, 25) if afi is Afi.IPV4 else range(32, 49)
    drawn: list[Entry] = []
    for _ in range(count):
        length = source.choice(lengths)
        address = source.getrandbits(length) << (afi.bits - length)
        le = min(length + source.choice((0, 0, 0, 1, 4)), lengths[-1])
        drawn.append((address, length, source.randint(length, le), le))
    return PrefixSet.from_entries(afi, drawn)


def assert_reads_back(platform: str, prefixes: PrefixSet, name: str) -> None:
    """Render `prefixes`, read the candidate, load it on a device, read what that prints."""
    text = candidate(platform, {name: prefixes})
    device = routers.router(platform)
    device.load(text)
    for lists in (read_candidate(platform, text), read(platform, device.running())):
        assert lists[name].prefixes == prefixes
        assert lists[name].plain
        assert lists[name].afi is prefixes.afi


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@given(st.sampled_from(FAMILIES).flatmap(prefix_sets))
@example(PrefixSet.empty(Afi.IPV4))
@example(PrefixSet.empty(Afi.IPV6))
@example(PrefixSet.parse(Afi.IPV4, ["0.0.0.0/0"]))
@example(PrefixSet.parse(Afi.IPV4, ["0.0.0.0/0 le 24"]))
@example(PrefixSet.parse(Afi.IPV4, ["0.0.0.0/0 le 32"]))
@example(PrefixSet.parse(Afi.IPV4, ["255.255.255.255/32"]))
@example(PrefixSet.parse(Afi.IPV6, ["::/0 ge 1 le 128"]))
@example(PrefixSet.parse(Afi.IPV6, ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"]))
def test_what_is_rendered_is_read_back(platform: str, prefixes: PrefixSet) -> None:
    assert_reads_back(platform, prefixes, NAMES[prefixes.afi])


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@given(st.sampled_from(FAMILIES).flatmap(prefix_sets))
def test_the_device_accepts_what_the_set_has(platform: str, prefixes: PrefixSet) -> None:
    name = NAMES[prefixes.afi]
    device = routers.router(platform)
    device.load(candidate(platform, {name: prefixes}))
    assert not UNIVERSES[prefixes.afi].disagreement(device.rule(name), prefixes)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@pytest.mark.parametrize("afi", FAMILIES)
@pytest.mark.parametrize("count", [0, 1, 10, 100_000])
def test_sets_of_every_size(platform: str, afi: Afi, count: int) -> None:
    prefixes = anywhere(afi, count, seed=count)
    assert count * 0.9 <= prefixes.entry_count <= count
    assert_reads_back(platform, prefixes, NAMES[afi])


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_lists_side_by_side(platform: str) -> None:
    four, six = anywhere(Afi.IPV4, 30, 1), anywhere(Afi.IPV6, 30, 2)
    text = candidate(platform, {"IRR-AS64500-V4": four, "IRR-AS64500-V6": six})
    device = routers.router(platform)
    device.load(text)
    for lists in (read_candidate(platform, text), read(platform, device.running())):
        assert {name: held.prefixes for name, held in lists.items()} == {
            "IRR-AS64500-V4": four,
            "IRR-AS64500-V6": six,
        }


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@given(st.data())
def test_one_filter_becomes_another_on_the_device(platform: str, data: st.DataObject) -> None:
    """Change by change, as refreshes do it: what was there before never shines through."""
    afi = data.draw(st.sampled_from(FAMILIES))
    name = NAMES[afi]
    device = routers.router(platform)
    for _ in range(3):
        prefixes = data.draw(prefix_sets(afi))
        running = read(platform, device.running()).get(name)
        device.load(candidate(platform, {name: prefixes}, running))
        held = read(platform, device.running())[name]
        assert held.plain
        assert held.prefixes == prefixes
        assert not UNIVERSES[afi].disagreement(device.rule(name), prefixes)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_filter_of_the_other_name_is_a_stranger(platform: str) -> None:
    device = routers.router(platform)
    device.load(candidate(platform, {"IRR-AS64500-V4": anywhere(Afi.IPV4, 3, 1)}))
    device.load(candidate(platform, {"IRR-AS64511-V4": anywhere(Afi.IPV4, 3, 1)}))
    found = PLATFORMS[platform].parse(device.running(), WANTED, "IRR-")
    assert list(found.lists) == ["IRR-AS64500-V4"]
    assert [each.name for each in found.strangers] == ["IRR-AS64511-V4"]


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_what_does_not_bear_the_managed_prefix_is_none_of_ours(platform: str) -> None:
    found = find_platform(platform).parse(routers.router(platform).running(), WANTED, "IRR-")
    assert not found.lists
    assert not found.strangers

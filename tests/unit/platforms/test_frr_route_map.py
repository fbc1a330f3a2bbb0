"""FRR by route-maps over short lists: what each line of a change makes of what is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms import frr_map
from irrgate.platforms.frr_facts import comment
from irrgate.platforms.frr_route_map import FrrRouteMap
from irrgate.platforms.platform import ManagedList, RunningFilters, platform_on
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.frr_maps import FrrMaps
from tests.unit.platforms.routers import (
    NAMES,
    RENDERER,
    UNIVERSES,
    WANTED,
    FrrRouteMapRouter,
    candidate,
)

PLATFORM = FrrRouteMap()
NAME = NAMES[Afi.IPV4]
TEXTS = [text for text, *_ in UNIVERSES[Afi.IPV4].prefixes]
SETS = st.sets(st.sampled_from(TEXTS), max_size=7)


@pytest.fixture(autouse=True, scope="module")
def short_lists() -> Iterator[None]:
    """So that a few entries are several lists."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frr_map, "PART_ENTRIES", 2)
        yield


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


def parse(device: FrrRouteMapRouter) -> RunningFilters:
    return PLATFORM.parse(device.running(), WANTED, "IRR-")


def held(device: FrrRouteMapRouter) -> ManagedList:
    return parse(device).lists[NAME]


def text_to(device: FrrRouteMapRouter, wanted: PrefixSet) -> str:
    return candidate("frr_route_map", {NAME: wanted}, parse(device).lists.get(NAME))


def accepted(maps: FrrMaps) -> set[str]:
    rule = maps.map("ip", NAME)
    return {each for each in TEXTS if rule and rule.accepts(each)}


def told(device: FrrRouteMapRouter, lines: Iterable[str]) -> list[set[str]]:
    """What is accepted before the lines and after each of them."""
    seen = [accepted(device.maps)]
    for line in lines:
        device.maps.tell(line)
        seen.append(accepted(device.maps))
    return seen


def check_way(states: list[set[str]], old: set[str], new: set[str]) -> None:
    for state in states:
        assert state <= old | new
        assert old & new <= state


def checked(device: FrrRouteMapRouter, wanted: PrefixSet) -> None:
    """Go there, back and there again, and look at every step."""
    text = text_to(device, wanted)
    change = device.change(text)
    before, lines = accepted(device.maps), change.commands().splitlines()
    was = device.running()
    states = told(device, lines)
    after = accepted(device.maps)
    check_way(states, before, after)
    assert not UNIVERSES[Afi.IPV4].disagreement(device.rule(NAME), wanted)
    found = held(device)
    assert (found.prefixes, found.plain) == (wanted, True)
    check_way(told(device, change.reversed().commands().splitlines()), before, after)
    assert device.running() == was
    told(device, lines)


@given(st.lists(SETS, min_size=1, max_size=5))
def test_no_state_on_the_way_there_or_back_is_wrong(versions: list[set[str]]) -> None:
    device = FrrRouteMapRouter()
    for version in versions:
        checked(device, four(*sorted(version)))


@given(SETS, SETS, SETS, st.data())
def test_a_run_that_is_killed_leaves_what_the_next_one_goes_on_from(
    one: set[str], two: set[str], three: set[str], data: st.DataObject
) -> None:
    device = FrrRouteMapRouter()
    if one:
        checked(device, four(*sorted(one)))
    lines = device.change(text_to(device, four(*sorted(two)))).commands().splitlines()
    cut = data.draw(st.integers(0, len(lines)))
    for line in lines[:cut]:
        device.maps.tell(line)
    if NAME in parse(device).lists:
        checked(device, four(*sorted(three)))


@st.composite
def edits(draw: st.DrawFn) -> list[str]:
    """What a person does to a filter's lists."""
    lines = []
    for _ in range(draw(st.integers(1, 3))):
        name = f"{NAME}-{draw(st.integers(1, 3))}"
        number = draw(st.sampled_from((1, 5, 15, 25, 500)))
        prefix = draw(st.sampled_from(("any", *TEXTS)))
        action = draw(st.sampled_from(("permit", "deny")))
        lines.append(f"ip prefix-list {name} seq {number} {action} {prefix}")
    return lines


@given(SETS, edits(), SETS)
def test_edits_by_hand_are_taken_back_without_a_wrong_state_or_refused(
    one: set[str], lines: list[str], two: set[str]
) -> None:
    device = FrrRouteMapRouter()
    checked(device, four(*sorted(one)))
    for line in lines:
        device.maps.tell(line)
    found = held(device)
    assert not UNIVERSES[Afi.IPV4].disagreement(device.rule(NAME), found.prefixes)
    try:
        checked(device, four(*sorted(two)))
    except PlatformError as exc:
        assert "den" in exc.reason  # noqa: PT017


@pytest.fixture
def hidden() -> FrrRouteMapRouter:
    """A filter of which a person has one prefix denied in one list, and permitted in another."""
    device = FrrRouteMapRouter()
    device.load(text_to(device, four("10.0.0.0/8", "12.0.0.0/8", "14.0.0.0/8")))
    device.maps.tell(f"ip prefix-list {NAME}-1 seq 15 deny 12.0.0.0/8")
    device.maps.tell(f"ip prefix-list {NAME}-2 seq 15 permit 12.0.0.0/8")
    return device


def test_what_a_list_with_denies_has_goes_to_others(hidden: FrrRouteMapRouter) -> None:
    wanted = four("10.0.0.0/8", "12.0.0.0/8", "14.0.0.0/8")
    checked(hidden, wanted)
    assert list(hidden.maps.lists["ip", f"{NAME}-1"]) == [2_000_000_000]


def test_a_candidate_that_would_lose_for_a_moment_what_stays_is_refused(
    hidden: FrrRouteMapRouter,
) -> None:
    text = (
        f"no ip prefix-list {NAME}-2 seq 15 permit 12.0.0.0/8\n"
        f"no ip prefix-list {NAME}-1 seq 15 deny 12.0.0.0/8\n"
    )
    with pytest.raises(ParseError, match="would lose routes for a moment"):
        PLATFORM.apply_candidate(text, parse(hidden).lists, {NAME: Afi.IPV4})


def test_an_entry_that_stays_keeps_its_list_and_its_number() -> None:
    device = FrrRouteMapRouter()
    some = [f"10.{n}.0.0/16" for n in range(0, 12, 2)]
    device.load(text_to(device, four(*some)))
    assert device.maps.lists["ip", f"{NAME}-2"] == {
        10: ("permit", "10.4.0.0/16"),
        20: ("permit", "10.6.0.0/16"),
    }
    text = text_to(device, four(*some[:2], *some[3:], "11.0.0.0/8", "12.0.0.0/8"))
    assert text.splitlines() == [
        f"ip prefix-list {NAME}-2 seq 30 permit 11.0.0.0/8",
        f"ip prefix-list {NAME}-4 seq 10 permit 12.0.0.0/8",
        f"route-map {NAME} permit 40",
        f" match ip address prefix-list {NAME}-4",
        f"no ip prefix-list {NAME}-2 seq 10 permit 10.4.0.0/16",
    ]


def test_a_filter_shrinks_to_lists_that_deny_and_grows_into_them() -> None:
    device = FrrRouteMapRouter()
    device.load(text_to(device, four("10.0.0.0/8", "12.0.0.0/8", "14.0.0.0/8")))
    device.load(text_to(device, four()))
    for part in (1, 2):
        assert list(device.maps.lists["ip", f"{NAME}-{part}"]) == [2_000_000_000]
    assert held(device).plain
    device.load(text_to(device, four("16.0.0.0/8")))
    assert list(device.maps.lists["ip", f"{NAME}-1"]) == [10]
    assert len(device.maps.maps[NAME]) == 2


def test_a_persons_entry_that_denies_is_where_a_filter_may_begin() -> None:
    """As the manual has it, for a policy that is to call the filter before it is there."""
    device = FrrRouteMapRouter()
    device.maps.tell(f"route-map {NAME} deny 5")
    device.maps.tell("exit")
    assert not held(device).plain
    checked(device, four("10.0.0.0/8", "12.0.0.0/8", "14.0.0.0/8"))


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((f"route-map {NAME} permit 15", "exit"), "`permit 15`.*no match"),
        (
            (f"route-map {NAME} permit 30", f"match ip address prefix-list {NAME}-1", "exit"),
            f"`permit 30`.*{NAME}-1",
        ),
        (
            (f"route-map {NAME} deny 5", "match ip address prefix-list CORE", "exit"),
            "`deny 5`.*CORE",
        ),
    ],
)
def test_an_entry_of_somebody_elses_is_told(lines: tuple[str, ...], words: str) -> None:
    device = FrrRouteMapRouter()
    device.load(text_to(device, four("10.0.0.0/8")))
    for line in lines:
        device.maps.tell(line)
    with pytest.raises(ParseError, match=words) as caught:
        parse(device)
    assert caught.value.subject == NAME
    assert "of your own" in caught.value.hint


def test_the_optimization_that_somebody_switched_on_is_switched_off_again() -> None:
    device = FrrRouteMapRouter()
    wanted = four("10.0.0.0/8")
    device.load(text_to(device, wanted))
    device.maps.tell(f"route-map {NAME} optimization")
    assert not held(device).plain
    assert text_to(device, wanted) == f"no route-map {NAME} optimization\n"
    checked(device, wanted)


def test_a_list_of_the_name_that_another_mode_left_is_a_stranger_that_stays() -> None:
    device = FrrRouteMapRouter()
    device.load(text_to(device, four("10.0.0.0/8")))
    device.maps.tell(f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8")
    device.maps.tell("ip prefix-list IRR-OTHER-7 seq 10 permit 10.0.0.0/8")
    found = parse(device)
    assert [(each.name, each.removable) for each in found.strangers] == [
        (NAME, False),
        ("IRR-OTHER-7", False),
    ]
    assert found.lists[NAME].plain


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("route-map {0} permit 20\n match ip address prefix-list {0}-1\n", "does not match its"),
        ("route-map {0} permit 15\n match ip address prefix-list {0}-1\n", "does not match its"),
        ("route-map {0} permit 20\n", "does not match its list"),
        ("route-map {0} permit 20\n match ip address prefix-list {0}-2\n", "not a new one"),
        ("route-map {0} deny 20\n", "of no prefix list"),
        (" set local-preference 5\n", "of no prefix list"),
        ("no route-map {0} permit 10\n", "must not, or less"),
        ("ip prefix-list {0}-2 seq 10 permit 1.0.0.0/8\n", "not in use"),
        ("ip prefix-list {0} seq 10 permit 1.0.0.0/8\n", "no filter's route-map"),
        ("no ip prefix-list {0}-1\n", "a list alone"),
        ("no ip prefix-list {0}-1 seq 10 permit 10.0.0.0/8\n", "without an entry"),
        ("no route-map {0} optimization\n", "optimization"),
        (
            "ip prefix-list {0}-1 seq 9 permit any\nipv6 prefix-list {0}-1 seq 10 permit any",
            "both families",
        ),
    ],
)
def test_a_candidate_that_would_not_be_right_is_refused(text: str, words: str) -> None:
    device = FrrRouteMapRouter()
    device.load(text_to(device, four("10.0.0.0/8")))
    with pytest.raises(ParseError, match=words):
        PLATFORM.apply_candidate(text.format(NAME), parse(device).lists, {NAME: Afi.IPV4})


def test_the_map_has_an_end() -> None:
    device = FrrRouteMapRouter()
    device.maps.tell(f"ip prefix-list {NAME}-{frr_map.MAX_PARTS} seq 10 permit 10.0.0.0/8")
    device.maps.tell(f"route-map {NAME} permit {10 * frr_map.MAX_PARTS}")
    device.maps.tell(f"match ip address prefix-list {NAME}-{frr_map.MAX_PARTS}")
    with pytest.raises(PlatformError, match="room for 6553"):
        text_to(device, four("10.0.0.0/8", "12.0.0.0/8", "14.0.0.0/8"))


def test_lists_in_the_midst_count_for_the_time_together() -> None:
    running = comment(("zebra", "bgpd"), 1.5) + FrrMaps().running()
    many = four(*(f"10.{n >> 7}.{2 * (n & 127)}.0/24" for n in range(4000)))
    there = platform_on(PLATFORM, PLATFORM.parse(running, WANTED, "IRR-").router)
    with pytest.raises(PlatformError, match="to add 4,000 entries"):
        there.printed(NAME, many, None)
    RENDERER.render("frr_route_map", [PLATFORM.printed(NAME, many, None)])

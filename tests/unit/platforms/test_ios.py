"""IOS: deltas by which no list is ever wrong or missing, also where IOS itself goes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.ios import Ios
from irrgate.platforms.numbered_delta import DENY_ALL_SEQUENCE
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.ios_config import IosConfig, replacing
from tests.lab.ios_lists import IosLists
from tests.lab.ios_semantics import rule
from tests.unit.platforms.routers import (
    NAMES,
    RENDERER,
    UNIVERSES,
    WANTED,
    IosRouter,
    candidate,
    read,
)

IOS = Ios()
NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
FLOOR = f"seq {DENY_ALL_SEQUENCE} deny 0.0.0.0/0 le 32"
HEAD = "Building configuration...\n\nCurrent configuration : 171 bytes\n!\nhostname edge1\n!\n"


def config(*lines: str) -> str:
    return HEAD + "".join(f"{line}\n" for line in lines) + "!\nend\n"


def listed(*entries: str, name: str = NAME) -> str:
    return config(*(f"ip prefix-list {name} {entry}" for entry in entries))


def parse(running: str) -> RunningFilters:
    return IOS.parse(running, WANTED, "IRR-")


def only(*entries: str) -> ManagedList:
    (held,) = parse(listed(*entries)).lists.values()
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


# Every state on the way, and on IOS's own way back


def accepted(lists: IosLists, afi: Afi) -> set[str]:
    held = rule(lists, "ipv6" if afi is Afi.IPV6 else "ip", NAMES[afi])
    return {text for text, *_ in UNIVERSES[afi].prefixes if held.accepts(text)}


def states(device: IosRouter, lines: list[str], afi: Afi) -> list[set[str]]:
    """What the list accepts after each line; a list that is missing accepts everything."""
    seen: list[set[str]] = []
    for line in lines:
        said = device.config.lists.tell(line)
        assert not said, f"{line}: {said}"
        seen.append(accepted(device.config.lists, afi))
    return seen


@st.composite
def rows(draw: st.DrawFn, afi: Afi) -> list[str]:
    """A list as a person might have it: permits and denies in any order, numbers close together."""
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    numbers = draw(st.lists(st.integers(1, 60), unique=True, min_size=1, max_size=6))
    contents = st.tuples(st.sampled_from(("permit", "deny")), st.sampled_from(texts), st.booleans())
    found = draw(st.lists(contents, unique=True, min_size=len(numbers), max_size=len(numbers)))
    return [
        f"seq {number} {action} {prefix}"
        + (f" le {afi.bits}" if longer and not prefix.endswith(f"/{afi.bits}") else "")
        for number, (action, prefix, longer) in zip(numbers, found, strict=True)
    ]


CASES = st.sampled_from(tuple(Afi)).flatmap(lambda afi: st.tuples(st.just(afi), rows(afi)))


@given(CASES, st.data())
def test_no_state_on_the_way_is_wrong(case: tuple[Afi, list[str]], data: st.DataObject) -> None:
    """Of any list, or the change is refused: nothing outside old and new, nothing lost of both."""
    afi, entries = case
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    wanted = PrefixSet.parse(afi, sorted(data.draw(st.sets(st.sampled_from(texts), max_size=5))))
    device = IosRouter()
    keyword = "ipv6" if afi is Afi.IPV6 else "ip"
    for entry in entries:
        device.config.lists.tell(f"{keyword} prefix-list {NAMES[afi]} {entry}")
    running = read("ios", device.running())[NAMES[afi]]
    try:
        text = candidate("ios", {NAMES[afi]: wanted}, running)
    except PlatformError:
        return
    old = accepted(device.config.lists, afi)
    between = states(device, text.splitlines(), afi)
    new = between[-1] if between else old
    for state in between:
        assert state <= old | new
        assert old & new <= state
    held = read("ios", device.running())[NAMES[afi]]
    assert (held.prefixes, held.plain) == (wanted, True)
    assert not UNIVERSES[afi].disagreement(device.rule(NAMES[afi]), wanted)


SETS = st.lists(st.sets(st.sampled_from(range(8)), max_size=6), min_size=2, max_size=6)


@given(SETS)
def test_a_list_of_ours_never_goes_while_ios_itself_takes_a_change_back(
    versions: list[set[int]],
) -> None:
    """IOS takes out what is too much first: what both have stays, and nothing else comes in."""
    device = IosRouter()
    for version in versions:
        wanted = four(*(f"10.0.0.{4 * each}/30" for each in sorted(version)))
        before = IosConfig.parse(device.running())
        had_list = ("ip", NAME) in before.lists.lists
        device.load(candidate("ios", {NAME: wanted}, read("ios", device.running()).get(NAME)))
        if had_list:
            after = IosConfig.parse(device.running())
            old, new = accepted(before.lists, Afi.IPV4), accepted(after.lists, Afi.IPV4)
            back = IosRouter(device.running())
            for state in states(back, replacing(after.lists, before.lists), Afi.IPV4):
                assert old & new <= state <= old | new
            assert back.running() == before.text()


@given(SETS)
def test_numbers_stay_and_each_list_ends_with_its_floor(versions: list[set[int]]) -> None:
    device = IosRouter()
    before: dict[str, int] = {}
    for version in versions:
        wanted = four(*(f"10.0.{2 * each}.0/24" for each in sorted(version)))
        running = read("ios", device.running()).get(NAME)
        device.load(candidate("ios", {NAME: wanted}, running))
        after = device.config.lists.lists["ip", NAME].numbers
        kept = after.keys() & before.keys()
        assert {each: after[each] for each in kept} == {each: before[each] for each in kept}
        assert max(after.values()) == after["deny 0.0.0.0/0 le 32"] == DENY_ALL_SEQUENCE
        before = dict(after)


def test_a_new_list_denies_before_it_permits() -> None:
    text = candidate("ios", {NAME: four("10.0.0.0/8")})
    assert text.splitlines() == [
        f"ip prefix-list {NAME} {FLOOR}",
        f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8",
    ]


def test_going_to_nothing_takes_the_permits_out_and_nothing_else() -> None:
    held = only("seq 10 permit 10.0.0.0/8", FLOOR)
    text = candidate("ios", {NAME: four()}, held)
    assert text == f"no ip prefix-list {NAME} seq 10 permit 10.0.0.0/8\n"
    nothing = only(FLOOR)
    assert candidate("ios", {NAME: four("11.0.0.0/8")}, nothing).splitlines() == [
        f"ip prefix-list {NAME} seq 10 permit 11.0.0.0/8"
    ]


def test_a_list_of_a_persons_gets_its_floor_with_its_next_change() -> None:
    held = only("seq 5 permit 10.0.0.0/8", "seq 10 permit 192.0.2.0/24")
    assert held.plain
    text = candidate("ios", {NAME: four("10.0.0.0/8")}, held)
    assert text.splitlines() == [
        f"ip prefix-list {NAME} {FLOOR}",
        f"no ip prefix-list {NAME} seq 10 permit 192.0.2.0/24",
    ]


def test_where_numbers_run_out_the_holes_are_filled() -> None:
    held = only("seq 1999999990 permit 10.0.0.0/8", "seq 1999999999 permit 192.0.2.0/24", FLOOR)
    text = candidate("ios", {NAME: four("10.0.0.0/8", "192.0.2.0/24", "12.0.0.0/7")}, held)
    assert text == f"ip prefix-list {NAME} seq 1 permit 12.0.0.0/7\n"


def test_a_person_who_uses_the_highest_numbers_is_read_and_answered() -> None:
    held = only("seq 4294967294 permit 10.0.0.0/8")
    text = candidate("ios", {NAME: four("10.0.0.0/8", "12.0.0.0/8")}, held)
    # There is no place for a floor, and the list does without.
    assert text == f"ip prefix-list {NAME} seq 1 permit 12.0.0.0/8\n"
    device = IosRouter()
    device.config.lists.tell(f"ip prefix-list {NAME} seq 4294967294 permit 10.0.0.0/8")
    device.load(text)
    assert read("ios", device.running())[NAME].plain


def test_where_a_deny_leaves_no_room_it_is_refused() -> None:
    full = only("seq 1 deny 10.1.0.0/16", "seq 2 permit 10.0.0.0/8 le 16")
    with pytest.raises(PlatformError, match="no room for 1 entries before its entry 1"):
        candidate("ios", {NAME: four("10.0.0.0/8 le 16", "12.0.0.0/8")}, full)


# What IOS prints


@pytest.mark.parametrize(
    ("entries", "texts", "plain"),
    [
        (["seq 5 permit 10.0.0.0/8"], ["10.0.0.0/8"], True),
        (["seq 5 permit 10.0.0.0/8 ge 9"], ["10.0.0.0/8 ge 9 le 32"], True),
        (["seq 5 permit 10.0.0.0/8 le 24", FLOOR], ["10.0.0.0/8 le 24"], True),
        (["seq 5 permit 0.0.0.0/0 le 32"], ["0.0.0.0/0 le 32"], True),
        (["description of a person's", "seq 5 permit 10.0.0.0/8"], ["10.0.0.0/8"], True),
        (["description and nothing else"], ["0.0.0.0/0 le 32"], False),
        ([FLOOR], [], True),
        (["seq 5 deny 0.0.0.0/0 le 32"], [], True),
        (["seq 5 deny 0.0.0.0/0"], [], False),
        ([FLOOR, "seq 2000000001 permit 10.0.0.0/8"], [], False),
        (["permit 10.0.0.0/8", "permit 11.0.0.0/8"], ["10.0.0.0/8", "11.0.0.0/8"], False),
    ],
)
def test_what_a_list_accepts(entries: list[str], texts: list[str], plain: bool) -> None:
    held = only(*entries)
    assert (held.prefixes, held.plain) == (four(*texts), plain)


def test_ipv6_in_capitals() -> None:
    found = parse(config(f"ipv6 prefix-list {NAME_V6} seq 5 permit 2001:DB8:A::/48 ge 64"))
    assert found.lists[NAME_V6].prefixes == PrefixSet.parse(
        Afi.IPV6, ["2001:db8:a::/48 ge 64 le 128"]
    )


@pytest.mark.parametrize(
    "entry",
    [
        "seq 5 permit 10.0.0.0/33",
        "seq 5 permit 2001:db8::/32",
        "seq 5 allow 10.0.0.0/8",
        "seq 5 permit any",
        "seq 5 permit 10.0.0.0/8 eq 9",
        "seq 5 permit 10.0.0.0/8 ge 4",
        "seq 0 permit 10.0.0.0/8",
        "seq 4294967295 permit 10.0.0.0/8",
        "seq 5 permit \x1b[31m10.0.0.0/8",
        "deny",
    ],
)
def test_a_list_that_cannot_be_read_is_no_list(entry: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        only(entry)


def test_one_number_twice_is_no_list() -> None:
    with pytest.raises(ParseError, match="one sequence number"):
        only("seq 5 permit 10.0.0.0/8", "seq 5 permit 11.0.0.0/8")


@pytest.mark.parametrize("cut", ["end\n", "!\nend\n", "d\n", "0.0/8\n!\nend\n"])
def test_a_config_that_is_cut_off_is_not_one_without_lists(cut: str) -> None:
    running = listed("seq 5 permit 10.0.0.0/8")
    assert running.endswith(cut)
    with pytest.raises(ParseError, match="cut off"):
        parse(running.removesuffix(cut))


# Entries without numbers


def test_numbers_that_the_router_does_not_show_are_those_that_it_would_give() -> None:
    held = only(
        "permit 10.0.0.0/8", "deny 11.0.0.0/8", "seq 30 permit 12.0.0.0/8", "permit 1.0.0.0/8"
    )
    assert [number for number, *_ in held.rows] == [5, 10, 30, 35]
    assert not held.numbered


def test_nothing_is_changed_by_numbers_that_are_guessed() -> None:
    held = only("permit 10.0.0.0/8")
    with pytest.raises(PlatformError, match="does not show") as caught:
        candidate("ios", {NAME: four("11.0.0.0/8")}, held)
    assert caught.value.hint == "configure `ip prefix-list sequence-number`"
    with pytest.raises(ParseError, match="does not show"):
        IOS.apply_candidate(
            f"no ip prefix-list {NAME} seq 5 permit 10.0.0.0/8\n", {NAME: held}, WANTED
        )


# Candidates that are not let through, whoever printed them


HELD = ("seq 10 permit 10.0.0.0/8", "seq 20 permit 11.0.0.0/8", FLOOR)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["seq 10 permit 12.0.0.0/8"], "which is there already"),
        (["seq 30 permit 11.0.0.0/8"], "by another number"),
        (["no seq 30 permit 11.0.0.0/8"], "which is not there"),
        (["seq 2000000001 permit 12.0.0.0/8"], "behind one that denies|leaves a deny"),
        ([f"no {FLOOR}", "no seq 10 permit 10.0.0.0/8"], "a deny before a permit"),
        ([f"no {each}" for each in HELD], "without an entry"),
        (["seq 5 deny 12.0.0.0/8"], "not of the new list"),
        (["seq 30 permit 12.0.0.0/8 le 4"], "impossible"),
        (["permit 12.0.0.0/8"], "no entry with a number"),
        (["description ours"], "no entry with a number"),
        (["seq 30 permit 12.0.0.0/8 ; write memory"], "unknown"),
    ],
)
def test_a_delta_that_does_not_fit_is_refused(lines: list[str], words: str) -> None:
    text = "".join(
        f"no ip prefix-list {NAME} {line[3:]}\n"
        if line.startswith("no ")
        else f"ip prefix-list {NAME} {line}\n"
        for line in lines
    )
    with pytest.raises(ParseError, match=words):
        IOS.apply_candidate(text, {NAME: only(*HELD)}, WANTED)


@pytest.mark.parametrize(
    "line", ["router bgp 64496", "write memory", "end", "ip prefix-list sequence-number", "exit"]
)
def test_a_candidate_holds_lines_of_lists_and_nothing_else(line: str) -> None:
    with pytest.raises(ParseError):
        IOS.apply_candidate(f"{line}\n", {NAME: only(*HELD)}, WANTED)


def test_one_prefix_in_a_long_list_is_one_line() -> None:
    texts = [f"10.{high}.{low}.0/24" for high in range(200) for low in range(0, 200, 2)]
    held = only(*(f"seq {5 * at} permit {text}" for at, text in enumerate(texts, 1)), FLOOR)
    text = candidate("ios", {NAME: held.prefixes.union(four("192.0.2.0/24"))}, held)
    assert text == f"ip prefix-list {NAME} seq {5 * len(texts) + 10} permit 192.0.2.0/24\n"


def test_all_that_comes_in_any_list_comes_before_anything_goes() -> None:
    device = IosRouter()
    device.load(candidate("ios", {NAME: four("10.0.0.0/8")}))
    v6 = PrefixSet.parse(Afi.IPV6, ["2001:db8::/32"])
    device.load(RENDERER.render("ios", [IOS.printed(NAME_V6, v6, None)]))
    lists = read("ios", device.running())
    changes = {NAME: four("11.0.0.0/8"), NAME_V6: PrefixSet.parse(Afi.IPV6, ["2001:db9::/32"])}
    text = RENDERER.render("ios", [IOS.printed(n, p, lists[n]) for n, p in changes.items()])
    assert [line.startswith("no ") for line in text.splitlines()] == [False] * 2 + [True] * 2


def test_the_lab_says_to_wrong_lines_what_ios_says() -> None:
    """By Cisco's reference and people's transcripts: what the other tests stand on."""
    lists = IosLists()
    for line, said in (
        ("ip prefix-list A seq 5 permit 10.1.2.3/8", ""),
        ("ip prefix-list A permit 11.0.0.0/8 ge 9 le 32", ""),
        ("ip prefix-list A seq 5 permit 12.0.0.0/8", "%Insertion failed - seq # exists"),
        ("ip prefix-list A seq 9 permit 10.0.0.0/8", "%Insertion failed - prefix-list entry"),
        ("no ip prefix-list A seq 5", "% Incomplete command."),
        ("ip prefix-list A permit 10.0.0.0/8 ge 8", "% Invalid prefix range for 10.0.0.0/8"),
        ("ip prefix-list A permit 10.0.0.0/33", "% Invalid input detected at '^' marker."),
        ("no ip prefix-list A seq 5 permit 11.0.0.0/8", "% Can't find"),
        ("no ip prefix-list B", "% Can't find specified prefix-list"),
        (f"ip prefix-list {'N' * 64} permit 10.0.0.0/8", "% Invalid input"),
    ):
        assert said in lists.tell(line), line
        assert said or not lists.tell(line)
    assert lists.lines() == [
        "!",
        "ip prefix-list A seq 5 permit 10.0.0.0/8",
        "ip prefix-list A seq 10 permit 11.0.0.0/8 ge 9",
    ]
    lists.tell("no ip prefix-list A permit 11.0.0.0/8 ge 9")
    lists.tell("no ip prefix-list A seq 5 permit 10.0.0.0/8")
    assert not lists.lists

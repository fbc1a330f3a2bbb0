"""FRR: deltas by which no list is ever wrong, lists of other people's, what takes too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.frr import Frr
from irrgate.platforms.frr_cost import Work, seconds_for, seconds_for_map
from irrgate.platforms.frr_facts import comment
from irrgate.platforms.numbered_delta import DENY_ALL_SEQUENCE
from irrgate.platforms.platform import ManagedList, RunningFilters, platform_on
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.frr_lists import HEAD, FrrLists
from tests.unit.platforms.routers import (
    NAMES,
    RENDERER,
    UNIVERSES,
    WANTED,
    FrrRouter,
    candidate,
    read,
)

FRR = Frr()
NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]


def config(*lines: str) -> str:
    return "\n".join((HEAD.rstrip("\n"), *lines, "!", "end", ""))


def listed(*entries: str, name: str = NAME) -> str:
    return config(*(f"ip prefix-list {name} {entry}" for entry in entries))


def parse(running: str) -> RunningFilters:
    return FRR.parse(running, WANTED, "IRR-")


def only(*entries: str) -> ManagedList:
    (held,) = parse(listed(*entries)).lists.values()
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


def applied(text: str, held: ManagedList | None = None) -> ManagedList:
    running = {NAME: held} if held else {}
    return FRR.apply_candidate(text, running, {NAME: Afi.IPV4}).lists[NAME]


# Every state on the way


def states(device: FrrRouter, text: str, afi: Afi) -> list[set[str]]:
    """What the list accepts before the candidate and after each of its lines."""
    family = "ipv6" if afi is Afi.IPV6 else "ip"
    seen: list[set[str]] = []
    for line in ("", *filter(None, text.splitlines())):
        if line:
            device.lists.tell(line)
        rule = device.lists.rule(family, NAMES[afi])
        texts = (prefix for prefix, *_ in UNIVERSES[afi].prefixes)
        seen.append({each for each in texts if rule and rule.accepts(each)})
    return seen


@st.composite
def rows(draw: st.DrawFn, afi: Afi) -> list[str]:
    """A list as a person might have it: permits and denies in any order, numbers close together."""
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    numbers = draw(st.lists(st.integers(1, 60), unique=True, max_size=6))
    lines = []
    for number in numbers:
        action, prefix = draw(st.sampled_from(("permit", "deny"))), draw(st.sampled_from(texts))
        orlonger = f" le {afi.bits}" if draw(st.booleans()) else ""
        what = "any" if draw(st.integers(0, 9)) == 0 else f"{prefix}{orlonger}"
        lines.append(f"seq {number} {action} {what}")
    return lines


CASES = st.sampled_from(tuple(Afi)).flatmap(lambda afi: st.tuples(st.just(afi), rows(afi)))


@given(CASES, st.data())
def test_no_state_on_the_way_is_wrong(case: tuple[Afi, list[str]], data: st.DataObject) -> None:
    """Of any list, or the change is refused: nothing outside old and new, nothing lost of both."""
    afi, entries = case
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    wanted = PrefixSet.parse(afi, sorted(data.draw(st.sets(st.sampled_from(texts), max_size=5))))
    device = FrrRouter()
    keyword = "ipv6" if afi is Afi.IPV6 else "ip"
    for entry in entries:
        device.lists.tell(f"{keyword} prefix-list {NAMES[afi]} {entry}")
    running = read("frr", device.running()).get(NAMES[afi])
    try:
        text = candidate("frr", {NAMES[afi]: wanted}, running)
    except PlatformError:
        return
    old, *between = states(device, text, afi)
    new = between[-1] if between else old
    for state in between:
        assert state <= old | new
        assert old & new <= state
    held = read("frr", device.running())[NAMES[afi]]
    assert (held.prefixes, held.plain) == (wanted, True)
    assert not UNIVERSES[afi].disagreement(device.rule(NAMES[afi]), wanted)


@given(st.lists(st.sets(st.sampled_from(range(8)), max_size=6), min_size=2, max_size=6))
def test_irrgates_own_lists_always_have_a_way(versions: list[set[int]]) -> None:
    device = FrrRouter()
    before: dict[str, int] = {}
    for version in versions:
        wanted = four(*(f"10.0.{2 * each}.0/24" for each in sorted(version)))
        running = read("frr", device.running()).get(NAME)
        device.load(candidate("frr", {NAME: wanted}, running))
        held = device.lists.lists["ip", NAME]
        after = {what: number for number, (_, what) in held.items()}
        kept = after.keys() & before.keys()
        assert {each: after[each] for each in kept} == {each: before[each] for each in kept}
        before = after


def test_going_to_nothing_says_so_before_the_last_permit_goes() -> None:
    held = only("seq 10 permit 10.0.0.0/8")
    text = candidate("frr", {NAME: four()}, held)
    assert text.splitlines() == [
        f"ip prefix-list {NAME} seq {DENY_ALL_SEQUENCE} deny any",
        f"no ip prefix-list {NAME} seq 10 permit 10.0.0.0/8",
    ]
    back = candidate("frr", {NAME: four("11.0.0.0/8")}, applied(text, held))
    assert back.splitlines() == [
        f"ip prefix-list {NAME} seq 10 permit 11.0.0.0/8",
        f"no ip prefix-list {NAME} seq {DENY_ALL_SEQUENCE} deny any",
    ]


def test_all_that_comes_in_any_list_comes_before_anything_goes() -> None:
    """A prefix that moves from one list to another is always in one of them."""
    device = FrrRouter()
    device.load(candidate("frr", {NAME: four("10.0.0.0/8")}))
    device.load(
        "ipv6 prefix-list IRR-AS64500-V6 seq 5 permit 2001:db8::/32\n"
        "ipv6 prefix-list IRR-AS64500-V6 seq 6 permit 2001:db9::/32\n"
    )
    lists = read("frr", device.running())
    changes = {NAME: four("11.0.0.0/8"), NAME_V6: PrefixSet.parse(Afi.IPV6, ["2001:dba::/32"])}
    printed = [FRR.printed(name, prefixes, lists[name]) for name, prefixes in changes.items()]
    text = RENDERER.render("frr", printed)
    assert [line.startswith("no ") for line in text.splitlines()] == [False] * 2 + [True] * 3
    lines = text.splitlines()
    with pytest.raises(ParseError, match="adds entries after it removed some"):
        FRR.apply_candidate("\n".join(lines[::-1]), lists, WANTED)


# Candidates that are not let through, whoever printed them


HELD = ("seq 10 permit 10.0.0.0/8", "seq 20 permit 11.0.0.0/8")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["seq 10 permit 12.0.0.0/8"], "which is there already"),
        (["seq 30 permit 11.0.0.0/8"], "by another number"),
        (["no seq 30 permit 11.0.0.0/8"], "which is not there"),
        (["no seq 10 permit 11.0.0.0/8"], "which is not there"),
        (["no seq 10 permit 10.0.0.0/8", "no seq 20 permit 11.0.0.0/8"], "without an entry"),
        (["seq 30 permit any", "no seq 30 permit any"], "adds an entry 30 and removes it"),
        (["no seq 10 permit 10.0.0.0/8", "seq 30 permit 12.0.0.0/8"], "after it removed some"),
        (["seq 5 deny 12.0.0.0/8"], "not of the new list"),
        (["seq 30 permit 12.0.0.0/8 le 4"], "impossible"),
        (["seq 0 permit 12.0.0.0/8"], "impossible"),
        (["seq 4294967296 permit 12.0.0.0/8"], "impossible"),
        (["seq 30 permit 12.0.0.1/8"], "bits beyond"),
        (["permit 12.0.0.0/8"], "no entry with a number"),
        (["description ours"], "no entry with a number"),
        (["no description"], "no entry with a number"),
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
        applied(text, only(*HELD))


@pytest.mark.parametrize(
    "line",
    [
        "router bgp 64496",
        "route-map X permit 10",
        "write memory",
        "end",
        f"ip prefix-list {NAME}",
        "clear bgp *",
        "ip prefix-list",
    ],
)
def test_a_candidate_holds_lines_of_lists_and_nothing_else(line: str) -> None:
    with pytest.raises(ParseError):
        applied(f"ip prefix-list {NAME} seq 30 permit 12.0.0.0/8\n{line}\n", only(*HELD))


def test_a_list_of_another_name_is_a_filter_too_many() -> None:
    found = FRR.apply_candidate("ip prefix-list CORE seq 5 permit any\n", {}, WANTED)
    assert [each.name for each in found.strangers] == ["CORE"]


def test_lists_that_a_candidate_does_not_touch_are_there_after_it() -> None:
    held = only(*HELD)
    assert FRR.apply_candidate("", {NAME: held}, {NAME: Afi.IPV4}).lists == {NAME: held}


# Lists that others wrote


@pytest.mark.parametrize(
    ("entries", "accepted", "plain"),
    [
        (["seq 5 permit 10.0.0.0/8"], ["10.0.0.0/8"], True),
        (["seq 5 permit 10.0.0.0/8 ge 8"], ["10.0.0.0/8 le 32"], True),
        (["seq 5 permit 10.0.0.0/8 ge 9 le 16"], ["10.0.0.0/8 ge 9 le 16"], True),
        (["seq 5 permit any"], ["0.0.0.0/0 le 32"], True),
        (["seq 5 permit 0.0.0.0/0 ge 0 le 32"], ["0.0.0.0/0 le 32"], True),
        (["seq 5 permit 10.0.0.0/8", "description of a person's"], ["10.0.0.0/8"], True),
        (["description and nothing else"], ["0.0.0.0/0 le 32"], False),
        (["seq 5 deny any"], [], True),
        (["seq 5 deny 0.0.0.0/0 le 32"], [], True),
        (["seq 5 deny 0.0.0.0/0"], [], False),
        (["seq 5 deny any", "seq 10 permit 10.0.0.0/8"], [], False),
        (["seq 4000000000 deny any", "seq 10 permit 10.0.0.0/8"], ["10.0.0.0/8"], False),
        (
            ["seq 5 permit 10.0.0.0/24", "seq 6 permit 10.0.1.0/24"],
            ["10.0.0.0/24", "10.0.1.0/24"],
            False,
        ),
        (["seq 5 permit 10.0.0.0/8", "seq 6 permit 10.0.0.0/8"], ["10.0.0.0/8"], False),
    ],
)
def test_what_a_list_accepts(entries: list[str], accepted: list[str], plain: bool) -> None:
    held = only(*entries)
    assert (held.prefixes, held.plain) == (four(*accepted), plain)


@pytest.mark.parametrize(
    "entry",
    [
        "seq 5 permit 10.0.0.0/33",
        "seq 5 permit 2001:db8::/32",
        "seq 5 allow 10.0.0.0/8",
        "seq 5 permit 10.0.0.0/8 eq 9",
        "seq 5 permit 10.0.0.0/8 ge 4",
        "permit",
        "seq 5 permit \x1b[31m10.0.0.0/8",
    ],
)
def test_a_list_that_cannot_be_read_is_no_list(entry: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        only(entry)


def test_one_number_twice_is_no_list() -> None:
    with pytest.raises(ParseError, match="one sequence number"):
        only("seq 5 permit 10.0.0.0/8", "seq 5 permit 11.0.0.0/8")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_config_that_is_cut_off_is_not_one_without_lists(cut: int) -> None:
    running = listed("seq 5 permit 10.0.0.0/8")
    with pytest.raises(ParseError, match="cut off"):
        parse(running[:-cut] if cut > 1 else running.removesuffix("end\n"))


def test_where_others_denies_leave_no_room_or_no_way_it_is_refused() -> None:
    full = only("seq 1 deny 10.1.0.0/16", "seq 2 permit 10.0.0.0/8 le 16")
    with pytest.raises(PlatformError, match="no room for 1 entries before its entry 1") as caught:
        candidate("frr", {NAME: four("10.0.0.0/8 le 16", "12.0.0.0/8")}, full)
    assert "take them out" in caught.value.hint
    # 10.1.0.0/16 is accepted by the entry 1 that goes, and behind the deny by the one that stays.
    crossed = only(
        "seq 1 permit 10.1.0.0/16", "seq 2 deny 10.1.0.0/16", "seq 3 permit 10.0.0.0/8 le 16"
    )
    with pytest.raises(PlatformError, match="would lose routes"):
        candidate("frr", {NAME: four("10.0.0.0/8 le 16")}, crossed)


def test_a_list_of_the_other_family_has_nothing_to_do_with_it() -> None:
    running = config(
        f"ip prefix-list {NAME} seq 5 permit 10.0.0.0/8",
        f"ipv6 prefix-list {NAME} seq 5 permit 2001:db8::/32",
    )
    found = parse(running)
    assert found.lists[NAME].prefixes == four("10.0.0.0/8")
    assert [(each.name, each.removable) for each in found.strangers] == [(NAME, False)]


# What FRR gets wrong

_USERS_MAP = ("route-map IN permit 10", f" match ip address prefix-list {NAME}", "exit")


def printed_on(running: str, *wanted: str) -> None:
    found = parse(running)
    platform_on(FRR, found.router).printed(NAME, four(*wanted), found.lists.get(NAME))


@pytest.mark.parametrize("version", ["8.4.4", "8.5.2", "7.5", "unknown"])
@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("permit 10.0.0.0/8 le 24", ["10.0.0.0/8 le 16"]),
        ("permit 10.0.0.0/8", ["10.0.0.0/8", "10.0.0.0/8 ge 24 le 24"]),
        ("permit any", ["0.0.0.0/0 le 24"]),
        ("deny any", ["0.0.0.0/0 le 24"]),
    ],
)
def test_two_entries_of_one_prefix_are_held_where_an_optimized_route_map_refers_to_the_list(
    version: str, entry: str, wanted: list[str]
) -> None:
    lines = (f"ip prefix-list {NAME} seq 10 {entry}", *_USERS_MAP)
    running = config(*lines).replace("frr version 8.4.4", f"frr version {version}")
    with pytest.raises(PlatformError, match="two entries have the prefix") as caught:
        printed_on(running, *wanted)
    assert caught.value.hint == "on the router: no route-map IN optimization"
    printed_on(running, "11.0.0.0/8", *([] if entry.endswith(("any", "24")) else ["10.0.0.0/8"]))
    printed_on(running.replace("\nend", "\nno route-map IN optimization\nend"), *wanted)
    printed_on(running.replace(f"version {version}", "version 9.1"), *wanted)
    printed_on(running.replace(f"prefix-list {NAME}\n", "prefix-list OTHER\n"), *wanted)


# How long it takes


def test_a_filter_that_takes_too_long_is_refused_by_what_the_driver_says_of_the_router() -> None:
    running = comment(("zebra", "bgpd", "staticd"), 2.5) + config()
    with pytest.raises(PlatformError, match=r"takes about .* s to add 600 .* the limit is 2\.5 s"):
        printed_on(running, *(f"10.{n >> 7}.{2 * (n & 127)}.0/24" for n in range(600)))
    printed_on(running, "10.0.0.0/8")
    # Without that nothing is known, and with a newer version it is no matter.
    many = [f"10.{n >> 7}.{2 * (n & 127)}.0/24" for n in range(600)]
    printed_on(config(), *many)
    printed_on(running.replace("frr version 8.4.4", "frr version 10.3"), *many)


@pytest.mark.parametrize(
    ("version", "entries", "low", "high"),
    [
        ("8.4.4", 10_000, 600, 1200),
        ("7.5", 10_000, 600, 1200),
        ("", 10_000, 600, 1200),
        ("10.3", 10_000, 1, 4),
        ("10.3", 100_000, 90, 180),
        ("10.3.1-dev", 300_000, 18 * 60, 26 * 60),
        ("9.0", 10_000, 1, 4),
    ],
)
def test_the_estimate_is_what_was_measured(
    version: str, entries: int, low: float, high: float
) -> None:
    work = Work(NAME, 0, entries, 0)
    assert low < seconds_for(version, ("zebra", "bgpd", "staticd", "watchfrr"), work) < high


@pytest.mark.parametrize(
    ("entries", "qualifiers", "measured"),
    [
        (250, 0, 0.55), (1000, 0, 8.43), (3000, 0, 74.35),
        (250, 250, 1.14), (1000, 1000, 16.98), (2000, 2000, 69.55),
        (1000, 2000, 28.0),
    ],
)  # fmt: skip
def test_the_estimate_is_a_little_more_than_what_was_measured(
    entries: int, qualifiers: int, measured: float
) -> None:
    """CPU seconds of both daemons of 8.4.4, for a new list."""
    work = Work(NAME, 0, entries, 0, qualifiers)
    estimate = seconds_for("8.4.4", ("zebra", "bgpd"), work)
    assert measured < estimate < 1.35 * measured


@pytest.mark.parametrize(("entries", "measured"), [(10_010, 33.65), (30_010, 159.0)])
def test_the_estimate_of_many_short_lists_is_what_a_commit_took(
    entries: int, measured: float
) -> None:
    """CPU seconds of both daemons of 8.4.4; two of five entries have `le`."""
    both = ("zebra", "bgpd")
    lists = entries // 100
    one = seconds_for("8.4.4", both, Work(NAME, 0, 100, 0, 40))
    estimate = lists * one + seconds_for_map(both, lists, entries)
    assert measured < 1.05 * estimate < 1.4 * measured


def test_what_is_added_to_a_long_list_costs_by_its_length() -> None:
    both = ("zebra", "bgpd")
    one = seconds_for("8.4.4", both, Work(NAME, 10_000, 10, 0))
    assert 1 < one < 3
    assert seconds_for("8.4.4", (*both, "ospfd", "ripd"), Work(NAME, 10_000, 10, 0)) == 2 * one
    assert seconds_for("8.4.4", both, Work(NAME, 10_000, 0, 10)) < one / 5


def test_the_lab_treats_lines_as_frr_does() -> None:
    """As measured on 8.4.4: what the other tests stand on."""
    lists = FrrLists()
    for line in (
        "ip prefix-list A seq 5 permit 10.0.0.0/8",
        "ip prefix-list A seq 6 permit 10.0.0.0/8",
        "no ip prefix-list A seq 77 permit 10.0.0.0/8",
        "ip prefix-list A seq 7 permit 11.0.0.0/8",
        "no ip prefix-list A seq 7 permit 99.0.0.0/8",
    ):
        lists.tell(line)
    assert lists.lists == {("ip", "A"): {5: ("permit", "10.0.0.0/8")}}
    lists.tell("ip prefix-list A seq 5 permit 12.0.0.0/8")
    assert lists.lists == {("ip", "A"): {5: ("permit", "12.0.0.0/8")}}
    lists.tell("no ip prefix-list A seq 5 permit 12.0.0.0/8")
    assert lists.rule("ip", "A") is None

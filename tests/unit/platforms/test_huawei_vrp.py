"""VRP: deltas by which no list is ever wrong or missing, and lists of other people's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.huawei_vrp import HuaweiVrp
from irrgate.platforms.limits import print_within_limits
from irrgate.platforms.numbered_delta import DENY_ALL_SEQUENCE
from irrgate.platforms.platform import ManagedList, RunningFilters, Stranger
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.huawei_vrp_config import VrpConfig, VrpError
from tests.lab.huawei_vrp_semantics import prefix_list
from tests.unit.platforms.routers import (
    NAMES,
    RENDERER,
    UNIVERSES,
    WANTED,
    candidate,
    read,
)
from tests.unit.platforms.running_configs import NAME as STRANGER
from tests.unit.platforms.running_configs import only as only_stranger
from tests.unit.platforms.running_configs import vrp
from tests.unit.platforms.vrp_router import VrpRouter

VRP = HuaweiVrp()
NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
KEYWORDS = {Afi.IPV4: "ip-prefix", Afi.IPV6: "ipv6-prefix"}


def config(*lines: str) -> str:
    return "\n".join(("!Software Version V200R010C00SPC600", "#", *lines, "#", "return", ""))


def listed(*entries: str, name: str = NAME) -> str:
    return config(*(f"ip ip-prefix {name} {entry}" for entry in entries))


def parse(running: str) -> RunningFilters:
    return VRP.parse(running, WANTED, "IRR-")


def only(*entries: str) -> ManagedList:
    (held,) = parse(listed(*entries)).lists.values()
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


def applied(text: str, held: ManagedList | None = None) -> ManagedList:
    running = {NAME: held} if held else {}
    return VRP.apply_candidate(text, running, {NAME: Afi.IPV4}).lists[NAME]


# Every state on the way


def states(device: VrpRouter, text: str, afi: Afi) -> list[set[str]]:
    """What the list accepts before the candidate and after each of its lines."""
    seen: list[set[str]] = []
    for line in ("", *filter(None, text.splitlines())):
        if line:
            device.config.tell(line)
            assert (KEYWORDS[afi], NAMES[afi]) in device.config.lists
        rule = device.rule(NAMES[afi])
        seen.append({each for each, *_ in UNIVERSES[afi].prefixes if rule.accepts(each)})
    return seen


@st.composite
def rows(draw: st.DrawFn, afi: Afi) -> list[str]:
    """A list as a person might have it: permits and denies in any order, indexes close together."""
    texts = [text.replace("/", " ") for text, *_ in UNIVERSES[afi].prefixes]
    numbers = draw(st.lists(st.integers(1, 60), unique=True, min_size=1, max_size=6))
    lines = []
    for number in numbers:
        action, prefix = draw(st.sampled_from(("permit", "deny"))), draw(st.sampled_from(texts))
        longer = f" less-equal {afi.bits}" if draw(st.booleans()) else ""
        everything = f"{'0.0.0.0' if afi is Afi.IPV4 else '::'} 0 less-equal {afi.bits}"
        what = everything if draw(st.integers(0, 9)) == 0 else f"{prefix}{longer}"
        lines.append(f"ip {KEYWORDS[afi]} {NAMES[afi]} index {number} {action} {what}")
    return lines


CASES = st.sampled_from(tuple(Afi)).flatmap(lambda afi: st.tuples(st.just(afi), rows(afi)))


@given(CASES, st.data())
def test_no_state_on_the_way_is_wrong(case: tuple[Afi, list[str]], data: st.DataObject) -> None:
    """Of any list, or the change is refused: nothing outside old and new, nothing lost of both."""
    afi, entries = case
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    wanted = PrefixSet.parse(afi, sorted(data.draw(st.sets(st.sampled_from(texts), max_size=5))))
    device = VrpRouter(config(*entries))
    running = read("huawei_vrp", device.running())[NAMES[afi]]
    assert not UNIVERSES[afi].disagreement(device.rule(NAMES[afi]), running.prefixes)
    try:
        text = candidate("huawei_vrp", {NAMES[afi]: wanted}, running)
    except PlatformError:
        return
    old, *between = states(device, text, afi)
    new = between[-1] if between else old
    for state in between:
        assert state <= old | new
        assert old & new <= state
    held = read("huawei_vrp", device.running())[NAMES[afi]]
    assert (held.prefixes, held.plain) == (wanted, True)
    assert not UNIVERSES[afi].disagreement(device.rule(NAMES[afi]), wanted)


def test_going_to_nothing_says_so_before_the_last_permit_goes() -> None:
    held = only("index 10 permit 10.0.0.0 8")
    text = candidate("huawei_vrp", {NAME: four()}, held)
    assert text.splitlines() == [
        f"ip ip-prefix {NAME} index {DENY_ALL_SEQUENCE} deny 0.0.0.0 0 less-equal 32",
        f"undo ip ip-prefix {NAME} index 10",
    ]
    back = candidate("huawei_vrp", {NAME: four("11.0.0.0/8")}, applied(text, held))
    assert back.splitlines() == [
        f"ip ip-prefix {NAME} index 10 permit 11.0.0.0 8",
        f"undo ip ip-prefix {NAME} index {DENY_ALL_SEQUENCE}",
    ]


def test_all_that_comes_in_any_list_comes_before_anything_goes() -> None:
    device = VrpRouter()
    device.load(candidate("huawei_vrp", {NAME: four("10.0.0.0/8")}))
    device.load(f"ip ipv6-prefix {NAME_V6} index 5 permit 2001:DB8:: 32\n")
    lists = read("huawei_vrp", device.running())
    changes = {NAME: four("11.0.0.0/8"), NAME_V6: PrefixSet.parse(Afi.IPV6, ["2001:dba::/32"])}
    printed = [VRP.printed(name, prefixes, lists[name]) for name, prefixes in changes.items()]
    lines = RENDERER.render("huawei_vrp", printed).splitlines()
    assert [line.startswith("undo ") for line in lines] == [False] * 2 + [True] * 2
    with pytest.raises(ParseError, match="adds entries after it removed some"):
        VRP.apply_candidate("\n".join(lines[::-1]), lists, WANTED)


# Candidates that do not fit


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["undo ip ip-prefix {n} index 99"], "removes an entry 99, which is not there"),
        (["undo ip ip-prefix {n} index 10", "undo ip ip-prefix {n} index 20"], "without an entry"),
        (["ip ip-prefix {n} index 10 permit 12.0.0.0 8"], "an entry 10, which is there already"),
        (["ip ip-prefix {n} index 30 permit 10.0.0.0 8"], "entry 30 is there by another number"),
        (["ip ip-prefix {n} permit 12.0.0.0 8"], "no entry with an index"),
        (["ip ip-prefix {n} index 30 permit 12.0.0.0/8"], "no entry with an index"),
        (["ip ip-prefix {n} description x"], "no entry with an index"),
        (["ip ip-prefix {n}"], "is unknown"),
        (["undo ip ip-prefix {n} index 10 permit 10.0.0.0 8"], "is unknown"),
        (["undo ip ip-prefix {n} index 010"], "is unknown"),
        (["undo ip ip-prefix {n} description"], "is unknown"),
        (["undo ip ip-prefix {n}"], "removes a list that is to stay"),
        (["ip ip-prefix IRR-AS9-V4 index 1 permit 10.0.0.0 8",
          "undo ip ip-prefix IRR-AS9-V4 index 1"], "an entry 1, which is not there"),
        (["ip ip-prefix IRR-AS9-V4 index 1 permit 10.0.0.0 8",
          "undo ip ip-prefix IRR-AS9-V4"], "sets the list and removes it"),
        (["commit"], "of no prefix list"),
        (["quit"], "of no prefix list"),
        (["ip ip-prefix {n} index 30 permit 12.0.0.0 8 | ignore"], "unknown"),
    ],
)  # fmt: skip
def test_a_candidate_that_does_not_fit_is_refused(lines: list[str], says: str) -> None:
    held = only("index 10 permit 10.0.0.0 8", "index 20 permit 11.0.0.0 8")
    text = "\n".join(lines).format(n=NAME)
    with pytest.raises(ParseError, match=says):
        VRP.apply_candidate(text, {NAME: held}, WANTED)


# What lists say


@pytest.mark.parametrize(
    ("entries", "accepted", "plain"),
    [
        (["index 10 permit 10.0.0.0 8 greater-equal 8 less-equal 24"], ["10.0.0.0/8 le 24"], True),
        (["index 10 permit 10.0.0.0 8 less-equal 24"], ["10.0.0.0/8 le 24"], True),
        (["index 10 permit 10.0.0.0 8 greater-equal 24"], ["10.0.0.0/8 ge 24 le 32"], True),
        (["permit 10.0.0.0 8", "permit 12.0.0.0 8"], ["10.0.0.0/8", "12.0.0.0/8"], False),
        (["index 5 deny 0.0.0.0/0"], [], False),
        (["index 5 deny 0.0.0.0 0"], [], False),
        (["index 5 deny 0.0.0.0 0 less-equal 32"], [], True),
        (["description nothing but a word"], ["0.0.0.0/0 le 32"], False),
        (["description x", "index 9 permit 10.0.0.0 8"], ["10.0.0.0/8"], True),
        (["index 1 deny 10.1.0.0 16", "index 2 permit 10.0.0.0 8"], ["10.0.0.0/8"], False),
        # An address of zeros is any, unless the network is to match.
        (["index 1 permit 0.0.0.0 8"], ["0.0.0.0/0 ge 8 le 8"], True),
        (["index 1 permit 0.0.0.0 8 less-equal 10"], ["0.0.0.0/0 ge 8 le 10"], True),
        (["index 1 permit 0.0.0.0 8 match-network"], ["0.0.0.0/8"], True),
        (["index 1 permit 0.0.0.0 0"], ["0.0.0.0/0"], True),
    ],
)
def test_what_a_list_accepts(entries: list[str], accepted: list[str], plain: bool) -> None:
    held = only(*entries)
    assert (held.prefixes, held.plain) == (four(*accepted), plain)


def test_the_numbers_of_entries_without_one_are_those_that_vrp_gives() -> None:
    entries = ("permit 10.0.0.0 8", "index 15 permit 12.0.0.0 8", "permit 14.0.0.0 8")
    assert [number for number, _, _ in only(*entries).rows] == [10, 15, 20]
    router = VrpRouter(listed(*entries))
    assert list(router.config.lists["ip-prefix", NAME]) == [10, 15, 20]


def test_a_network_of_zeros_is_told_to_match() -> None:
    text = candidate("huawei_vrp", {NAME: four("0.0.0.0/8 le 10")})
    assert text == f"ip ip-prefix {NAME} index 10 permit 0.0.0.0 8 match-network less-equal 10\n"
    router = VrpRouter()
    router.load(text)
    rule = router.rule(NAME)
    assert [rule.accepts(each) for each in ("0.0.0.0/8", "0.64.0.0/10", "9.0.0.0/8")] == [1, 1, 0]


@pytest.mark.parametrize(
    "entry",
    [
        "index 5 permit 10.0.0.0 33",
        "index 5 permit 2001:DB8:: 32",
        "index 5 allow 10.0.0.0 8",
        "index 5 permit 10.0.0.0 8 greater-equal 4",
        "index 5 permit 10.0.0.0 8 less-equal 33",
        "index 5 permit 10.1.0.0 8",
        "index 0 permit 10.0.0.0 8",
        "index 4294967296 permit 10.0.0.0 8",
        "permit",
        "index 5 permit \x1b[31m10.0.0.0 8",
    ],
)
def test_a_list_that_cannot_be_read_is_no_list(entry: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        only(entry)


def test_one_index_twice_is_no_list() -> None:
    with pytest.raises(ParseError, match="have one index"):
        only("index 5 permit 10.0.0.0 8", "index 5 permit 11.0.0.0 8")


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_config_that_is_cut_off_is_not_one_without_lists(cut: int) -> None:
    running = listed("index 5 permit 10.0.0.0 8")
    with pytest.raises(ParseError, match="cut off"):
        parse(running[:-cut] if cut > 1 else running.removesuffix("return\n"))


def test_a_name_that_is_too_long_is_known_before_it_is_sent() -> None:
    print_within_limits(VRP, "I" * 169, four("10.0.0.0/8"), None)
    with pytest.raises(PlatformError, match="170 characters, and huawei_vrp takes 169"):
        print_within_limits(VRP, "I" * 170, four("10.0.0.0/8"), None)
    with pytest.raises(VrpError, match="Wrong parameter"):
        VrpConfig().tell(f"ip ip-prefix {'I' * 170} index 10 permit 10.0.0.0 8")


def test_where_the_last_index_is_used_up_there_is_room_between() -> None:
    last = only("index 10 permit 10.0.0.0 8", "index 4294967295 permit 12.0.0.0 8")
    text = candidate("huawei_vrp", {NAME: four("10.0.0.0/8", "12.0.0.0/8", "14.0.0.0/8")}, last)
    assert text == f"ip ip-prefix {NAME} index 1 permit 14.0.0.0 8\n"


def test_a_list_of_the_other_family_has_nothing_to_do_with_it() -> None:
    running = config(
        f"ip ip-prefix {NAME} index 5 permit 10.0.0.0 8",
        f"ip ipv6-prefix {NAME} index 5 permit 2001:DB8:: 32",
    )
    found = parse(running)
    assert found.lists[NAME].prefixes == four("10.0.0.0/8")
    assert [(each.name, each.removable) for each in found.strangers] == [(NAME, False)]


# What refers to a list


@pytest.mark.parametrize(
    ("block", "reference"),
    [
        (
            f"bgp 64496\n #\n ipv4-family unicast\n  peer 192.0.2.1 ip-prefix {STRANGER} import\n",
            f"bgp 64496: ipv4-family unicast: peer 192.0.2.1 ip-prefix {STRANGER} import",
        ),
        (
            f"route-policy IN permit node 10\n if-match ip-prefix {STRANGER}\n",
            f"route-policy IN permit node 10: if-match ip-prefix {STRANGER}",
        ),
        (
            f"route-policy IN permit node 10\n if-match ipv6 address prefix-list {STRANGER}\n",
            f"route-policy IN permit node 10: if-match ipv6 address prefix-list {STRANGER}",
        ),
        (f"acl name {STRANGER} 2999\n", f"acl name {STRANGER} 2999"),
        (
            f"ip ip-prefix OTHER description {STRANGER}\n",
            f"ip ip-prefix OTHER description {STRANGER}",
        ),
        (f"xpl ip-prefix-list {STRANGER}\n end-list\n", f"xpl ip-prefix-list {STRANGER}"),
    ],
)
def test_what_refers_to_a_list(block: str, reference: str) -> None:
    found = only_stranger("huawei_vrp", vrp(block))
    assert found == Stranger(STRANGER, Afi.IPV4, (reference,), removable=True)
    renamed = vrp(block.replace(STRANGER, f"{STRANGER}-OLD"))
    assert only_stranger("huawei_vrp", renamed).references == ()


# What the other tests stand on


def test_the_lab_treats_lists_as_huawei_says() -> None:
    """A list that is missing lets everything through, and goes with its last entry."""
    router = VrpConfig()
    router.tell("ip ip-prefix A permit 10.0.0.1 8 greater-equal 24")
    router.tell("ip ip-prefix A deny 11.0.0.0 8 less-equal 9")
    router.tell("ip ipv6-prefix B index 7 permit 2001:db8:0:0::1 32")
    assert list(router.lines()) == [
        "ip ip-prefix A index 10 permit 10.0.0.0 8 greater-equal 24 less-equal 32",
        "ip ip-prefix A index 20 deny 11.0.0.0 8 greater-equal 8 less-equal 9",
        "ip ipv6-prefix B index 7 permit 2001:DB8:: 32",
    ]
    assert not prefix_list(router.text(), "A", "ip-prefix").accepts("12.0.0.0/8")
    for line in ("undo ip ip-prefix A index 10", "undo ip ip-prefix A index 20"):
        router.tell(line)
    assert ("ip-prefix", "A") not in router.lists
    assert prefix_list(router.text(), "A", "ip-prefix").accepts("12.0.0.0/8")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ip prefix-list A permit 10.0.0.0/8", "Unrecognized command"),
        ("ip ip-prefix A", "Incomplete command"),
        ("ip ip-prefix A index 4294967296 permit 10.0.0.0 8", "Wrong parameter"),
        ("ip ip-prefix A permit 10.0.0.0 33", "Wrong parameter"),
        ("ip ip-prefix A permit 10.0.0.0/8", "Unrecognized command"),
        ("ip ip-prefix A permit 10.0.0.0 8 greater-equal 7", "range is invalid"),
        ("ip ip-prefix A permit 10.0.0.0 8 match-network", "Wrong parameter"),
        ("undo ip ip-prefix A index 10 permit 10.0.0.0 8", "Too many parameters"),
        ("undo ip ip-prefix A", "does not exist"),
    ],
)
def test_the_lab_refuses_what_vrp_refuses(line: str, says: str) -> None:
    with pytest.raises(VrpError, match=says):
        VrpConfig().tell(line)

"""What is read of IOS-XR prefix sets: forms that irrgate never writes, and texts cut off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms import PLATFORMS, find_platform
from irrgate.platforms.iosxr_limits import DEFAULT_MAXIMUM, policy_lines
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.iosxr_semantics import PrefixSetRule, prefix_sets
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import NAMES, UNIVERSES, WANTED, IosxrRouter, candidate

IOSXR = PLATFORMS["iosxr_netconf"]
NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
FOUR = UNIVERSES[Afi.IPV4]
HEAD = (
    "!! IOS XR Configuration 7.3.1\n!! Last configuration change at Fri Oct  2 23:27:33 2020\n!\n"
)


def running(*blocks: str) -> str:
    return f"{HEAD}hostname edge1\n{''.join(blocks)}end\n"


def listed(*lines: str, name: str = NAME) -> str:
    return "".join([f"prefix-set {name}\n", *(f"  {line}\n" for line in lines), "end-set\n!\n"])


def parse(text: str) -> RunningFilters:
    return IOSXR.parse(text, WANTED, "IRR-")


def only(*lines: str, name: str = NAME) -> ManagedList:
    return parse(running(listed(*lines, name=name))).lists[name]


# Entries


def test_each_form_of_an_entry() -> None:
    held = only(
        "10.0.0.0/8,", "10.1.0.0/16 le 24,", "10.2.0.0/16 ge 20 le 24,", "10.3.0.0/16 ge 30,",
        "10.4.0.0/16 eq 24,", "10.5.5.5",
    )  # fmt: skip
    assert held.prefixes == prefixes(
        "10.0.0.0/8", "10.1.0.0/16 le 24", "10.2.0.0/16 ge 20 le 24", "10.3.0.0/16 ge 30 le 32",
        "10.4.0.0/16 ge 24 le 24", "10.5.5.5/32",
    )  # fmt: skip
    assert held.plain


def test_newlines_are_blanks() -> None:
    held = only("10.0.0.0/8, 10.2.0.0/16", "le  24 ,10.4.0.0/16", "ge", "20 le 24")
    assert held.prefixes == prefixes("10.0.0.0/8", "10.2.0.0/16 le 24", "10.4.0.0/16 ge 20 le 24")
    assert held.plain == (
        held == only("10.0.0.0/8,", "10.2.0.0/16 le 24,", "10.4.0.0/16 ge 20 le 24")
    )


@pytest.mark.parametrize(
    "line",
    ["10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/8 ge 7", "10.0.0.0/8 ge 24 le 20", "10.0.0.0/8 le 33",
     "10.0.0.0 0.255.255.255", "10.0.0.0 le 24", "10.0.0.0/8 10.2.0.0/16", "$prefixes", "any",
     "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,10.2.0.0/16", "10.0.0.0/8 eq 24 le 32", ","],
)  # fmt: skip
def test_what_is_no_entry_is_an_error_that_names_the_set(line: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        only(line)


def test_an_empty_set_denies_whether_it_says_so_or_not() -> None:
    for lines in ((), ("# no ipv4 prefix is accepted",)):
        held = only(*lines)
        assert not held.prefixes
        assert held.plain
    assert not only("# no ipv6 prefix is accepted").plain
    assert not only("# no ipv4 prefix is accepted", "# really").plain
    assert not only("# no ipv4 prefix is accepted", "10.0.0.0/8").plain


def test_remarks_of_persons_are_read_over_and_go() -> None:
    held = only("# Ana, 10.9.0.0/16", "10.0.0.0/8, # the customer's", "10.2.0.0/16#", "# end")
    assert held.prefixes == prefixes("10.0.0.0/8", "10.2.0.0/16")
    assert not held.plain


def test_entries_of_the_other_family_match_no_route_of_this_one_and_go() -> None:
    held = only("10.0.0.0/8,", "2001:db8::/32,", "2001:db8:1::/48 le 64")
    assert held.prefixes == prefixes("10.0.0.0/8")
    assert not held.plain
    six = only("10.0.0.0/8 le 24,", "2001:DB8:0::/32", name=NAME_V6)
    assert six.prefixes == prefixes("2001:db8::/32")
    assert not six.plain
    assert not only("2001:db8::/32").prefixes


@st.composite
def hand_made(draw: st.DrawFn) -> str:
    """Return a set of any entries: nested, overlapping, of every form, in any order."""
    lines = []
    for _ in range(draw(st.integers(0, 8))):
        text, _, length = draw(st.sampled_from(FOUR.prefixes))
        low = draw(st.integers(length, 31)) if length < 32 else 32
        high = draw(st.integers(low, 32))
        forms = ["", f" eq {high}", f" le {high}"]
        forms += [f" ge {low}", f" ge {low} le {high}"] if low < 32 else []
        lines.append(text + draw(st.sampled_from(forms)))
    return listed(*(f"{line}," for line in lines[:-1]), *lines[-1:])


@given(hand_made())
def test_what_is_read_of_any_set_is_what_the_device_accepts(text: str) -> None:
    router = IosxrRouter(running(text))
    held = parse(router.running()).lists[NAME]
    assert not FOUR.disagreement(router.rule(NAME), held.prefixes)
    assert held.prefixes == parse(running(text)).lists[NAME].prefixes
    router.load(candidate("iosxr_netconf", {NAME: held.prefixes}))
    again = parse(router.running()).lists[NAME]
    assert again.plain
    assert again.prefixes == held.prefixes


def test_the_oracle_reads_by_itself() -> None:
    rule = PrefixSetRule("10.0.0.0/8 ge 16 le 24, # x\n 192.0.2.1,\n 2001:db8::/32 eq 48")
    yes = ["10.1.0.0/16", "10.1.2.0/24", "192.0.2.1/32", "2001:db8:1::/48"]
    no = ["10.0.0.0/8", "10.1.2.0/25", "11.0.0.0/16", "192.0.2.0/31", "2001:db8::/32"]
    assert all(map(rule.accepts, yes))
    assert not any(map(rule.accepts, no))
    assert not any(map(PrefixSetRule("# nothing").accepts, [*yes, *no]))


# Texts


@pytest.mark.parametrize("text", ["", "\n", "hostname x\n", running().removesuffix("end\n")])
def test_a_config_without_its_end_is_cut_off(text: str) -> None:
    with pytest.raises(ParseError, match="cut off"):
        parse(text)


def test_a_config_that_is_cut_off_anywhere() -> None:
    whole = running(listed("10.0.0.0/8,", "10.4.0.0/14 le 16"), listed("10.4.0.0/16", name="X"))
    for end in range(len(whole.rstrip())):
        with pytest.raises(ParseError, match="cut off"):
            parse(whole[:end])


@pytest.mark.parametrize(
    "text",
    [
        f"prefix-set {NAME}\n  10.0.0.0/8\n!\nroute-policy X\n  pass\nend-policy\n",
        f"prefix-set {NAME}\n  10.0.0.0/8\nprefix-set CORE\n  10.4.0.0/16\nend-set\n",
        f"prefix-set {NAME}\n  10.0.0.0/8\nrouter bgp 64496\n!\n",
        f"prefix-set {NAME}\n",
    ],
)
def test_a_set_without_its_end(text: str) -> None:
    with pytest.raises(ParseError, match=f"{NAME}: is cut off"):
        parse(running(text))


def test_a_name_that_stands_twice() -> None:
    with pytest.raises(ParseError, match="twice"):
        parse(running(listed("10.0.0.0/8"), listed("10.2.0.0/16")))


def test_line_ends_of_windows() -> None:
    text = running(listed("10.0.0.0/8,", "10.4.0.0/14 le 16")).replace("\n", "\r\n")
    held = parse(text).lists[NAME]
    assert held.plain
    assert held.prefixes == prefixes("10.0.0.0/8", "10.4.0.0/14 le 16")


def test_other_kinds_of_sets_of_the_same_name_are_no_prefix_sets() -> None:
    other = f"as-path-set {NAME}\n  ios-regex '_64500_'\nend-set\n!\n"
    assert not parse(running(other)).lists
    found = parse(running(other, listed("10.0.0.0/8")))
    assert found.lists[NAME].prefixes == prefixes("10.0.0.0/8")


# Strangers


@pytest.mark.parametrize(
    ("lines", "afi", "removable"),
    [
        (("10.0.0.0/8 le 24",), Afi.IPV4, True),
        (("2001:db8::/32",), Afi.IPV6, True),
        (("# no ipv6 prefix is accepted",), Afi.IPV6, True),
        ((), None, False),
        (("# somebody's",), None, False),
        (("10.0.0.0/8,", "2001:db8::/32"), None, False),
        (("10.0.0.0/8 0.255.255.255",), Afi.IPV4, False),
    ],
)
def test_a_stranger_is_of_the_family_of_its_entries(
    lines: tuple[str, ...], afi: Afi | None, removable: bool
) -> None:
    [found] = parse(running(listed(*lines, name="IRR-AS1-V4"))).strangers
    assert (found.afi, found.removable) == (afi, removable)


# Candidates


def test_what_bgpq4_writes_is_a_candidate() -> None:
    entries = " 10.0.0.0/8,\n 10.2.0.0/16 ge 17 le 24\n"
    text = f"no prefix-set {NAME}\nprefix-set {NAME}\n{entries}end-set\n"
    found = IOSXR.parse_candidate(text, WANTED)
    assert found.lists[NAME].prefixes == prefixes("10.0.0.0/8", "10.2.0.0/16 ge 17 le 24")
    assert found.removed == ()


@pytest.mark.parametrize(
    "line",
    [f"no prefix-set {NAME_V6}", f"no prefix-set {NAME}", "no route-policy IN", "hostname x",
     "route-policy IN\n  pass\nend-policy", "as-path-set X\nend-set", "commit", "end",
     f"prefix-set {NAME}\n  10.0.0.0/8\nend-set", "no prefix-set"],
)  # fmt: skip
def test_nothing_else_stands_in_a_candidate(line: str) -> None:
    text = candidate("iosxr_netconf", {NAME: prefixes("10.0.0.0/8")})
    IOSXR.parse_candidate(f"{text}! a comment\n", WANTED)
    with pytest.raises(ParseError):
        IOSXR.parse_candidate(f"{text}{line}\n", WANTED)


# Limits


def test_lines_are_counted_as_the_router_counts_them() -> None:
    policy = "route-policy IN\n  if destination in CORE then\n    pass\n  endif\nend-policy\n!\n"
    community = "community-set C\n  1:2\nend-set\n!\n"
    text = running(listed("10.0.0.0/8,", "10.2.0.0/16"), policy, community)
    held = policy_lines(text)
    assert (held.total, held.maximum) == (4 + 5 + 3, DEFAULT_MAXIMUM)
    assert held.after(listed("10.0.0.0/8")) == held.total - 1
    assert held.after(listed("10.0.0.0/8", name="OTHER")) == held.total + 3
    assert (
        policy_lines(text.replace("hostname", "rpl maximum lines 4000\nhostname")).maximum == 4000
    )
    assert policy_lines("prefix-set X\n").total == 0
    without = text.replace(community, "")
    router = IosxrRouter(without.replace("hostname", "rpl maximum lines 8\nhostname"))
    assert [each for each in router._config.problems() if "(9)" in each]


def test_napalms_other_driver_is_refused_by_name() -> None:
    with pytest.raises(PlatformError, match="iosxr: is NAPALM's driver") as raised:
        find_platform("iosxr")
    assert "iosxr_netconf" in raised.value.hint


def test_the_rules_of_a_running_config_are_by_name() -> None:
    text = running(listed("10.0.0.0/8"), listed("2001:db8::/32", name=NAME_V6))
    assert prefix_sets(text).keys() == {NAME, NAME_V6}
    assert PrefixSet.empty(Afi.IPV4) == only().prefixes

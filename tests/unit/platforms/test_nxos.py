"""NX-OS: how a whole running config is told, forms that irrgate does not write, its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms import find_platform
from irrgate.platforms.limits import print_within_limits
from irrgate.platforms.nxos import Nxos, NxosSsh, list_lines, sealed
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import shipped_templates
from tests.lab.nxos_config import NxosConfig, parse_config
from tests.lab.nxos_semantics import Everything, MissingPrefixListError, prefix_list
from tests.unit.platforms.routers import (
    NAMES,
    UNIVERSES,
    WANTED,
    candidate,
    nxos_shown,
    read,
)

NXOS = Nxos()
NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
LAST = 4_294_967_294


def shown(*entries: str, name: str = NAME, keyword: str = "ip", others: str = "") -> str:
    return nxos_shown(
        "".join(f"{keyword} prefix-list {name} {entry} \n" for entry in entries) + others
    )


def parse(running: str) -> RunningFilters:
    return NXOS.parse(running, WANTED, "IRR-")


def only(*entries: str) -> ManagedList:
    (held,) = parse(shown(*entries)).lists.values()
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


# A whole config


def test_a_config_is_whole_when_the_router_counts_what_is_there() -> None:
    text = f"version 9.3(8)\nip prefix-list {NAME} seq 5 permit 10.0.0.0/8 \nroute-map IN permit 10"
    text += f"\n  match ip address prefix-list {NAME} \n! prefix-list in a comment\n"
    assert parse(sealed(text, 2)).lists[NAME].prefixes == four("10.0.0.0/8")
    for counted in (0, 1, 3, 500_000):
        with pytest.raises(ParseError, match=f"has 2 lines .* counts {counted:,}"):
            parse(sealed(text, counted))


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_a_config_that_is_cut_off_is_no_config_without_filters(lines: int) -> None:
    """Wherever it is cut, and whether what the router counted came or not."""
    whole = shown("seq 5 permit 10.0.0.0/8", "seq 10 permit 11.0.0.0/8")
    kept = whole.splitlines()[: -2 - lines]
    for cut in ("\n".join(kept), "\n".join([*kept, whole.splitlines()[-1]])):
        with pytest.raises(ParseError, match="is cut off"):
            parse(cut)
        with pytest.raises(ParseError, match="is cut off"):
            NXOS.references(cut, [NAME])


def test_what_the_router_counted_stands_at_the_end() -> None:
    with pytest.raises(ParseError, match="is cut off"):
        parse(shown("seq 5 permit 10.0.0.0/8") + "hostname edge1\n")


# Forms


@pytest.mark.parametrize(
    ("entry", "means"),
    [
        ("seq 5 permit 10.0.0.0/8", "10.0.0.0/8"),
        ("seq 5 permit 10.0.0.0/8 eq 24", "10.0.0.0/8 ge 24 le 24"),
        ("seq 5 permit 10.0.0.0/8 ge 24", "10.0.0.0/8 ge 24 le 32"),
        ("seq 5 permit 10.0.0.0/8 ge 24 le 24", "10.0.0.0/8 ge 24 le 24"),
        ("seq 5 permit 10.0.0.0/8 le 24", "10.0.0.0/8 le 24"),
        (f"seq {LAST} permit 10.0.0.0/8 ge 20 le 24", "10.0.0.0/8 ge 20 le 24"),
    ],
)
def test_an_entry_in_each_form(entry: str, means: str) -> None:
    held = only(entry)
    assert held.prefixes == four(means)
    assert held.plain


def test_ipv6_as_nxos_prints_it() -> None:
    running = shown("seq 5 permit 0::/0 ge 19 le 48", name=NAME_V6, keyword="ipv6")
    assert parse(running).lists[NAME_V6].prefixes == PrefixSet.parse(Afi.IPV6, ["::/0 ge 19 le 48"])


@pytest.mark.parametrize(
    "entry",
    [
        "seq 5 permit 10.0.0.0/8 mask 255.0.255.0",
        "seq 0 permit 10.0.0.0/8",
        f"seq {LAST + 1} permit 10.0.0.0/8",
        "seq 5 permit 10.0.0.0/8 eq 4",
        "seq 5 permit any",
        "seq 5 remark x",
    ],
)
def test_an_entry_that_is_not_understood_is_no_filter_that_is_known(entry: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        only(entry)


def test_a_description_alone_is_a_list_that_permits_everything() -> None:
    held = only("description of somebody's")
    assert held.prefixes == four("0.0.0.0/0 le 32")
    assert not held.plain
    rule = prefix_list(shown("description of somebody's"), NAME, "ip")
    assert isinstance(rule, Everything)


def test_an_ipv6_list_of_the_same_name_is_somebody_elses() -> None:
    running = shown("seq 5 permit 2001:db8::/32", keyword="ipv6")
    found = parse(running)
    assert found.lists == {}
    assert [(each.name, each.removable) for each in found.strangers] == [(NAME, False)]


def test_a_candidate_is_nothing_but_lines_of_lists() -> None:
    """NX-OS takes several commands on a line, between semicolons."""
    good = candidate("nxos", {NAME: four("10.0.0.0/8")})
    for line in (
        "hostname x",
        good.rstrip("\n") + " ; reload",
        f"ip prefix-list {NAME} ; reload",
        f"ip prefix-list {NAME};reload seq 10 permit 10.0.0.0/8 x",
    ):
        with pytest.raises(ParseError):
            NXOS.parse_candidate(f"{line}\n", WANTED)


# Limits


def test_the_numbers_run_out() -> None:
    """There is room before the last number, and when there is none the filter is held."""
    full = only(f"seq {LAST} permit 10.0.0.0/8")
    text = candidate("nxos", {NAME: four("10.0.0.0/8", "192.0.2.0/24")}, full)
    assert text == f"ip prefix-list {NAME} seq 1 permit 192.0.2.0/24\n"
    blocked = only("seq 1 deny 10.1.0.0/16", "seq 5 permit 10.0.0.0/8")
    with pytest.raises(PlatformError, match="no room for 1 entries before its entry 1"):
        NXOS.printed(NAME, four("10.0.0.0/8", "192.0.2.0/24"), blocked)


def test_a_name_that_is_too_long() -> None:
    name = "IRR-" + 59 * "X"
    assert print_within_limits(NXOS, name, four("10.0.0.0/8"), None).name == name
    with pytest.raises(PlatformError, match="its name has 64 characters, and nxos takes 63"):
        print_within_limits(NXOS, f"{name}X", four("10.0.0.0/8"), None)


def test_both_platforms_are_one_in_all_but_the_way_there() -> None:
    assert isinstance(find_platform("nxos_ssh"), NxosSsh)
    texts = {
        (shipped_templates() / name / "prefix_filters.j2").read_text()
        for name in ("nxos", "nxos_ssh")
    }
    assert len(texts) == 1


def test_the_lines_of_each_list_are_the_routers_own() -> None:
    lines = list_lines(shown("description x", "seq 5 permit 10.0.0.0/8 ge 22", others="ip x\n"))
    assert lines == {(Afi.IPV4, NAME): ["description x", "seq 5 permit 10.0.0.0/8 ge 22"]}


# Every state on the way


def states(config: NxosConfig, text: str, afi: Afi) -> list[set[str]]:
    """What the list accepts before the candidate and after each of its lines."""
    family = "ipv6" if afi is Afi.IPV6 else "ip"
    seen: list[set[str]] = []
    for line in ("", *filter(None, text.splitlines())):
        if line:
            config.tell(line)
        try:
            rule = prefix_list(config, NAMES[afi], family)
        except MissingPrefixListError:
            seen.append(set())
            continue
        texts = (prefix for prefix, *_ in UNIVERSES[afi].prefixes)
        seen.append({each for each in texts if rule.accepts(each)})
    return seen


@given(st.sampled_from(tuple(Afi)), st.data())
def test_no_state_on_the_way_is_wrong(afi: Afi, data: st.DataObject) -> None:
    """Nothing outside old and new, nothing lost of both, and never a list without an entry."""
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    config = parse_config("")
    for _ in range(3):
        wanted = PrefixSet.parse(
            afi, sorted(data.draw(st.sets(st.sampled_from(texts), max_size=5)))
        )
        running = read("nxos", nxos_shown(config.text())).get(NAMES[afi])
        text = candidate("nxos", {NAMES[afi]: wanted}, running)
        old, *between = states(config, text, afi)
        new = between[-1] if between else old
        for state in between:
            assert old & new <= state <= old | new
        held = read("nxos", nxos_shown(config.text()))[NAMES[afi]]
        assert (held.prefixes, held.plain) == (wanted, True)

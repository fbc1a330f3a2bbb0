"""Junos: the longest match decides, groups and inactive statements, texts that are cut off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.junos_semantics import UndocumentedError
from tests.unit.platforms.routers import UNIVERSES, WANTED, JunosRouter, candidate

JUNOS = PLATFORMS["junos"]
NAME = "IRR-AS64500-V4"
NAME_V6 = "IRR-AS64500-V6"
FOUR = UNIVERSES[Afi.IPV4]


def config(*policy_options: str, before: str = "", after: str = "") -> str:
    """Return a configuration as Junos prints it, with these lines under policy-options."""
    inside = "".join(f"    {line}\n" for line in policy_options)
    head = "## Last commit: 2026-01-01 00:00:00 UTC by noc\nversion 22.4R1.10;\n"
    return f"{head}{before}policy-options {{\n{inside}}}\n{after}"


def listed(*entries: str, name: str = NAME, tag: str = "") -> str:
    head = f"{tag}route-filter-list {name} {{"
    return config(head, *(f"    {entry}" for entry in entries), "}")


def parse(running: str) -> RunningFilters:
    return JUNOS.parse(running, WANTED, "IRR-")


def strangers(found: RunningFilters) -> list[str]:
    return [stranger.name for stranger in found.strangers]


def only(running: str, name: str = NAME) -> ManagedList:
    (held,) = parse(running).lists.values()
    assert held.name == name
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


# Entries, and which of them decides


@pytest.mark.parametrize(
    ("entry", "means"),
    [
        ("10.0.0.0/8 exact;", "10.0.0.0/8"),
        ("10.0.0.0/8 orlonger;", "10.0.0.0/8 le 32"),
        ("10.0.0.0/8 longer;", "10.0.0.0/8 ge 9 le 32"),
        ("10.0.0.0/8 upto /24;", "10.0.0.0/8 le 24"),
        ("10.0.0.0/8 prefix-length-range /16-/24;", "10.0.0.0/8 ge 16 le 24"),
        ("10.0.0.0/8 prefix-length-range /24-/24;", "10.0.0.0/8 ge 24 le 24"),
    ],
)
def test_match_types(entry: str, means: str) -> None:
    held = only(listed(entry))
    assert held.prefixes == four(means)
    assert held.plain


@pytest.mark.parametrize(
    "entry",
    ["10.0.0.0/8 upto /7;", "10.0.0.0/8 upto /33;", "10.0.0.0/32 longer;", "10.0.0.0/33 exact;",
     "10.0.0.0/8 prefix-length-range /24-/16;", "10.0.0.0/8 prefix-length-range /7-/9;",
     "10.0.0.1/8 exact;", "2001:db8::/32 exact;", "10.0.0.0/8 through 10.0.0.0/16;",
     "10.0.0.0/8;", "10.0.0.0/8 exact", "10.0.0.0/8 exact metric 5;", "apply-flags omit;",
     "10.0.0.0/8 address-mask 255.0.255.0;", "apply-groups X;", "foo 10.0.0.0/8 exact;",
     "10.0.0.0/8 exact { metric 5; }", "10.0.0.0/8 upto /٩;"],
)  # fmt: skip
def test_an_entry_that_is_unknown_or_cannot_be_names_the_list(entry: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        parse(listed("10.9.0.0/16 exact;", entry))


def test_a_longer_entry_hides_a_shorter_one() -> None:
    """The example of Juniper's documentation."""
    held = only(listed("192.168.0.0/16 orlonger;", "192.168.254.0/23 exact;"))
    assert "192.168.254.0/24" not in held.prefixes
    assert "192.168.253.0/24" in held.prefixes
    assert "192.168.254.0/23" in held.prefixes
    assert not held.plain


def test_an_entry_that_rejects_hides_too() -> None:
    held = only(listed("10.0.0.0/8 orlonger;", "10.1.0.0/16 orlonger reject;"))
    assert held.prefixes == four("10.0.0.0/8 le 32").difference(four("10.1.0.0/16 le 32"))
    assert not held.plain


def test_entries_of_one_prefix_are_scanned_in_order() -> None:
    rejects_first = only(listed("10.0.0.0/8 exact reject;", "10.0.0.0/8 orlonger;"))
    assert rejects_first.prefixes == four("10.0.0.0/8 ge 9 le 32")
    accepts_first = only(listed("10.0.0.0/8 orlonger;", "10.0.0.0/8 exact reject;"))
    assert accepts_first.prefixes == four("10.0.0.0/8 le 32")


def test_an_inactive_entry_is_as_if_it_were_not_there() -> None:
    held = only(
        listed(
            "10.0.0.0/8 orlonger;", "inactive: 10.1.0.0/16 exact;", "inactive: 11.0.0.0/8 exact;"
        )
    )
    assert held.prefixes == four("10.0.0.0/8 le 32")
    assert not held.plain


@pytest.mark.parametrize("action", [" accept;", " {\n            accept;\n        }"])
def test_an_accept_that_irrgate_does_not_write(action: str) -> None:
    held = only(listed(f"10.0.0.0/8 exact{action}"))
    assert held.prefixes == four("10.0.0.0/8")
    assert not held.plain


@pytest.mark.parametrize("action", [" reject;", " {\n            reject;\n        }"])
def test_the_deny_all_is_plain(action: str) -> None:
    held = only(listed(f"255.255.255.255/32 exact{action}"))
    assert held.plain
    assert not held.prefixes
    assert not only(listed("/* mine */", f"255.255.255.255/32 exact{action}")).plain
    last = f"{'ffff:' * 7}ffff/128 exact{action}"
    assert only(listed(last, name=NAME_V6), NAME_V6).plain


@pytest.mark.parametrize(
    "entries",
    [
        ["inactive: 255.255.255.255/32 exact reject;"],
        ["255.255.255.255/32 exact reject;", "10.0.0.0/8 exact reject;"],
        ["0.0.0.0/0 orlonger reject;"],
        ["10.0.0.0/8 exact reject;"],
        [],
    ],
)
def test_other_ways_to_deny_are_written_anew(entries: list[str]) -> None:
    held = only(listed(*entries))
    assert not held.prefixes
    assert not held.plain


def test_entries_of_a_tool_that_does_not_aggregate_are_written_anew() -> None:
    held = only(listed("10.0.0.0/24 exact;", "10.0.1.0/24 exact;"))
    assert held.prefixes == four("10.0.0.0/23 ge 24 le 24")
    assert not held.plain


def test_the_order_of_entries_does_not_matter() -> None:
    held = only(listed("10.2.0.0/16 exact;", "10.0.0.0/16 upto /17;", "10.4.0.0/16 exact;"))
    assert held.plain


@st.composite
def hand_made(draw: st.DrawFn) -> str:
    """Return a list of any entries: nested, rejecting, inactive, of every match type."""
    lines: list[str] = []
    seen = set()
    for _ in range(draw(st.integers(0, 8))):
        text, _, length = draw(st.sampled_from(FOUR.prefixes))
        low = draw(st.integers(length, 32))
        high = draw(st.integers(low, 32))
        match = draw(
            st.sampled_from(
                ["exact", "orlonger", f"upto /{high}", f"prefix-length-range /{low}-/{high}"]
                + (["longer"] if length < 32 else [])
            )
        )
        if (text, match) in seen:  # Junos keeps one of each
            continue
        seen.add((text, match))
        action = draw(st.sampled_from(["", "", "", " accept", " reject"]))
        inactive = draw(st.sampled_from(["", "", "", "", "inactive: "]))
        lines.append(f"{inactive}{text} {match}{action};")
    return listed(*lines)


@given(hand_made())
def test_what_is_read_of_any_list_is_what_the_device_accepts(running: str) -> None:
    router = JunosRouter(running)
    held = only(router.running())
    try:
        rule = router.rule(NAME)
    except UndocumentedError:
        assert not held.plain  # what an empty list does is not known: it must go
        return
    assert not FOUR.disagreement(rule, held.prefixes)
    assert held == only(running)


@st.composite
def nearly_written(draw: st.DrawFn) -> str:
    """Return a list that irrgate wrote, in which a person may have changed one line."""
    chosen = draw(st.lists(st.sampled_from(FOUR.prefixes), min_size=1, max_size=6))
    entries = [(address, n, n, draw(st.integers(n, 32))) for _, address, n in chosen]
    router = JunosRouter()
    router.load(candidate("junos", {NAME: PrefixSet.from_entries(Afi.IPV4, entries)}))
    lines = [line.strip() for line in router.running().split(NAME)[1].split("\n")[1:]]
    lines = lines[: lines.index("}")]
    edit = draw(st.sampled_from(["none", "add", "drop", "inactive", "reject"]))
    at = draw(st.integers(0, len(lines) - 1))
    if edit == "add":
        lines.insert(at, f"{draw(st.sampled_from(FOUR.prefixes))[0]} exact;")
    elif edit == "drop":
        del lines[at]
    elif edit == "inactive":
        lines[at] = f"inactive: {lines[at]}"
    elif edit == "reject":
        lines[at] = lines[at].replace(";", " reject;")
    return listed(*dict.fromkeys(lines))


@given(nearly_written())
def test_a_plain_list_has_just_the_entries_that_irrgate_writes(running: str) -> None:
    held = only(running)
    router = JunosRouter(running)
    router.load(candidate("junos", {NAME: held.prefixes}))
    before, after = (
        sorted(line.strip() for line in text.split("\n") if "/" in line)
        for text in (running, router.running())
    )
    assert held.plain == (before == after)


# Where lists stand


GROUP = """\
groups {
    NODE {
        policy-options {
            route-filter-list LISTED {
                10.66.0.0/16 exact;
            }
        }
    }
}
"""


@pytest.mark.parametrize("name", [NAME, "<*>", "<IRR-*-V4>", f'"{NAME}"'])
def test_a_group_may_add_entries_that_no_replacing_takes_away(name: str) -> None:
    group = GROUP.replace("LISTED", name)
    with pytest.raises(ParseError, match=NAME) as raised:
        parse(listed("10.0.0.0/8 exact;") + group)
    assert "groups NODE" in raised.value.reason
    assert "delete groups NODE policy-options" in raised.value.hint


@pytest.mark.parametrize("name", ["CORE", "<CORE-*>"])
def test_other_lists_in_groups_do_not_matter(name: str) -> None:
    running = listed("10.0.0.0/8 exact;") + GROUP.replace("LISTED", name)
    assert only(running).prefixes == four("10.0.0.0/8")
    assert strangers(parse(running)) == []


def test_a_stranger_in_a_group_is_told() -> None:
    running = listed("10.0.0.0/8 exact;") + GROUP.replace("LISTED", "IRR-AS1-V4")
    assert strangers(parse(running)) == ["IRR-AS1-V4"]


def test_a_logical_system_is_another_router() -> None:
    lines = listed("10.66.0.0/16 exact;").splitlines()[2:]
    inside = "".join(f"        {line}\n" for line in lines)
    other = f"logical-systems {{\n    LS1 {{\n{inside}    }}\n}}\n"
    assert only(other + listed("10.0.0.0/8 exact;")).prefixes == four("10.0.0.0/8")
    assert not parse(other + config()).lists


def test_an_inactive_list_accepts_nothing_and_is_written_anew() -> None:
    held = only(listed("10.0.0.0/8 exact;", tag="inactive: "))
    assert not held.prefixes
    assert not held.plain
    router = JunosRouter(listed("10.0.0.0/8 exact;", tag="inactive: "))
    router.load(candidate("junos", {NAME: four("10.0.0.0/8")}))
    assert only(router.running()).plain


@pytest.mark.parametrize("tags", ["inactive: protect: ", "protect: inactive: "])
def test_inactive_beside_protect(tags: str) -> None:
    assert not only(listed("10.0.0.0/8 exact;", tag=tags)).plain
    assert only(listed("10.0.0.0/8 exact;", tag="protect: ")).plain


def test_lists_in_inactive_policy_options_are_inactive() -> None:
    running = listed("10.0.0.0/8 exact;").replace("policy-options {", "inactive: policy-options {")
    held = only(running)
    assert not held.prefixes
    assert not held.plain


def test_an_empty_list_has_no_braces() -> None:
    for tag in ("", "inactive: "):
        held = only(config(f"{tag}route-filter-list {NAME};"))
        assert not held.prefixes
        assert not held.plain


@pytest.mark.parametrize(
    "line",
    [f"route-filter-list {NAME} {{ 10.0.0.0/8 exact; 10.2.0.0/15 upto /16; }}",
     f"route-filter-list {NAME} {{10.0.0.0/8 exact; 10.2.0.0/15 upto /16;}}"],
)  # fmt: skip
def test_a_list_on_one_line(line: str) -> None:
    assert only(config(line)).prefixes == four("10.0.0.0/8", "10.2.0.0/15 le 16")
    assert not only(config(f"inactive: {line}")).prefixes


def test_a_list_of_one_entry_on_one_line() -> None:
    assert only(config(f"route-filter-list {NAME} 10.0.0.0/8 exact;")).plain


@pytest.mark.parametrize(
    "running",
    [config(f"route-filter-list {NAME} {{ /* OMITTED */ }};"),
     config(f"route-filter-list {NAME} {{ /* OMITTED */ }}"),
     "version 22.4R1.10;\npolicy-options { /* OMITTED */ };\n",
     "version 22.4R1.10;\ninactive: policy-options { /* OMITTED */ };\n"],
)  # fmt: skip
def test_what_the_router_does_not_show_is_not_empty(running: str) -> None:
    with pytest.raises(ParseError):
        parse(running)


# Comments


def test_a_comment_in_a_list_is_a_persons() -> None:
    held = only(listed("/* by hand */", "10.0.0.0/8 exact;"))
    assert held.prefixes == four("10.0.0.0/8")
    assert not held.plain
    assert not only(listed("# by hand", "10.0.0.0/8 exact;")).plain


def test_what_is_commented_out_is_not_accepted() -> None:
    held = only(listed("/* was:", "10.66.0.0/16 exact;", "*/", "10.0.0.0/8 exact;"))
    assert held.prefixes == four("10.0.0.0/8")


def test_the_routers_own_remarks_are_no_edit() -> None:
    entries = ("## Warning: /* something", "10.0.0.0/8 exact; ## of the router")
    assert only(listed(*entries)).plain


@pytest.mark.parametrize(
    "comment",
    ["/* one line { */", "/*\n * several lines {\n * }\n */", f"/* route-filter-list {NAME} {{ */",
     f"/* {{\n}}\nroute-filter-list {NAME};\n*/", "# one {"],
)  # fmt: skip
def test_comments_elsewhere_are_no_statements(comment: str) -> None:
    running = listed("10.0.0.0/8 exact;")
    for place in ("version", "policy-options {\n", "    route-filter-list"):
        at = running.index(place) + (len(place) if place.endswith("\n") else 0)
        held = only(f"{running[:at]}{comment}\n{running[at:]}")
        assert held.plain
        assert held.prefixes == four("10.0.0.0/8")


def test_blocks_have_remarks_behind_them() -> None:
    running = listed("10.0.0.0/8 exact;").replace("ptions {", "ptions { ## Warning: x")
    assert only(running + "system { ## x\n    host-name y;\n} ## z\n").plain


def test_secrets_have_a_remark_behind_them() -> None:
    before = 'system {\n    root-authentication {\n        x "y"; ## SECRET-DATA\n    }\n}\n'
    assert only(before + listed("10.0.0.0/8 exact;")).plain


# Texts that are no whole configuration


@pytest.mark.parametrize("running", ["", "\n", "None", "## Last commit: now\n", "version 22.4R1"])
def test_no_router_has_such_a_configuration(running: str) -> None:
    with pytest.raises(ParseError, match="cut off"):
        parse(running)


def test_a_config_that_is_cut_off_anywhere() -> None:
    """Undetected are cuts between two statements of the top level alone."""
    router = JunosRouter(listed("10.0.0.0/8 exact;", "10.4.0.0/14 upto /16;"))
    whole = router.running().rstrip()
    top = whole.index("policy-options {")
    for end in range(top + 1, len(whole)):
        with pytest.raises(ParseError):
            parse(whole[:end])


def test_a_config_that_is_cut_off_after_a_statement() -> None:
    with pytest.raises(ParseError, match="cut off inside system"):
        parse(listed("10.0.0.0/8 exact;") + "system {\n    host-name y;\n")


def test_a_brace_too_many() -> None:
    with pytest.raises(ParseError, match="closing brace"):
        parse(listed("10.0.0.0/8 exact;") + "}\n")


def test_line_ends_of_windows() -> None:
    running = listed("10.0.0.0/8 exact;", "10.4.0.0/14 upto /16;").replace("\n", "\r\n")
    held = only(running)
    assert held.plain
    assert held.prefixes == four("10.0.0.0/8", "10.4.0.0/14 le 16")


def test_any_indentation() -> None:
    running = listed("10.0.0.0/8 exact;", "10.4.0.0/14 exact {\n            reject;\n        }")
    for indent in ("  ", "\t"):
        assert only(running.replace("    ", indent)).prefixes == four("10.0.0.0/8")
    with pytest.raises(ParseError):
        parse(running.replace("    ", ""))

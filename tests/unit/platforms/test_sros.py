"""SR OS: what the forms of entries mean, what is no config, what else counts as a mention."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, RenderError
from irrgate.platforms import PLATFORMS, find_platform
from irrgate.platforms.platform import ManagedList, Stranger
from irrgate.platforms.sros_entries import one_range_each, written_entries
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer, shipped_templates
from tests.lab.sros_semantics import UndocumentedError, prefix_lists
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import UNIVERSES, candidate
from tests.unit.platforms.sros_configs import (
    NAME,
    SROS_LIST,
    prefix,
    sros,
    sros_entry,
    sros_group,
    sros_list,
    sros_policy,
)

SROS = PLATFORMS["sros"]
V4 = {NAME: Afi.IPV4}
UNREAD = '<prefix-list nc:operation="replace">'


def read(*entries: str, afi: Afi = Afi.IPV4) -> ManagedList:
    return SROS.parse(sros(a_list=sros_list(*entries)), {NAME: afi}, "IRR-").lists[NAME]


def only(running: str) -> Stranger:
    (stranger,) = SROS.parse(running, {}, "IRR-").strangers
    assert SROS.references(running, [stranger.name]) == {stranger.name: stranger.references}
    return stranger


def _below(text: str, kind: str, tag: str, leaf: str, *values: str) -> str:
    """An entry of the types that irrgate never writes."""
    inside = "".join(f"<{tag}><{leaf}>{value}</{leaf}></{tag}>" for value in values)
    return prefix(text, kind).replace("</prefix>", f"{inside}</prefix>")


# What an entry means


@pytest.mark.parametrize(
    ("entry", "means", "plain"),
    [
        (prefix("10.0.0.0/8"), "10.0.0.0/8", True),
        (prefix("10.0.0.0/8", "through", through=24), "10.0.0.0/8 le 24", True),
        (prefix("10.0.0.0/8", "range", start=16, end=24), "10.0.0.0/8 ge 16 le 24", True),
        (prefix("10.0.0.0/8", "range", start=8, end=24), "10.0.0.0/8 le 24", True),
        (prefix("10.0.0.0/8", "longer"), "10.0.0.0/8 ge 9 le 32", False),
        (prefix("2001:db8::/32", "longer"), "2001:db8::/32 ge 33 le 128", False),
        (prefix("2001:db8::/32", "through", through=48), "2001:db8::/32 le 48", True),
        (
            _below("10.0.0.0/8", "address-mask", "mask-pattern", "address", "255.0.0.0"),
            "10.0.0.0/8",
            False,
        ),
        (
            "<prefix>\n <type>exact</type>\n <ip-prefix> 10.0.0.0/8 </ip-prefix>\n</prefix>",
            "10.0.0.0/8",
            True,
        ),
        (f"<apply-groups>G</apply-groups>{prefix('10.0.0.0/8')}", "10.0.0.0/8", False),
        (
            prefix("10.0.0.0/8").replace("</prefix>", "<apply-groups>G</apply-groups></prefix>"),
            "10.0.0.0/8",
            False,
        ),
        (prefix("10.0.0.0/9") + prefix("10.128.0.0/9"), "10.0.0.0/8 ge 9 le 9", False),
    ],
)
def test_what_an_entry_means(entry: str, means: str, plain: bool) -> None:
    afi = Afi.IPV6 if ":" in means else Afi.IPV4
    found = read(entry, afi=afi)
    assert found.prefixes == PrefixSet.parse(afi, [means])
    assert found.plain is plain


def test_the_type_to_means_the_way_to_each_of_its_ends() -> None:
    ends = "10.20.0.0/18", "10.20.16.0/20"
    found = read(_below("10.20.0.0/16", "to", "to-prefix", "ip-prefix", *ends))
    ways = "10.20.0.0/16", "10.20.0.0/17", "10.20.0.0/18", "10.20.0.0/19", "10.20.16.0/20"
    assert found.prefixes == prefixes(*ways)
    assert not found.plain


def test_entries_of_the_other_family_are_not_ours_and_go_with_the_next_change() -> None:
    found = read(prefix("10.0.0.0/8"), prefix("2001:db8::/32", "through", through=48))
    assert found.prefixes == prefixes("10.0.0.0/8")
    assert not found.plain
    assert read(prefix("2001:db8::/32")).prefixes == PrefixSet.empty(Afi.IPV4)


def test_nothing_is_an_entry_that_no_prefix_matches() -> None:
    text = candidate("sros", {NAME: PrefixSet.empty(Afi.IPV4)})
    assert prefix("255.255.255.255/32", "longer") in text
    assert read(prefix("255.255.255.255/32", "longer")).plain
    assert not read(prefix("255.255.255.255/32", "longer"), prefix("10.0.0.0/8")).plain
    # What a list without entries matches is written nowhere.
    assert not read().plain
    with pytest.raises(UndocumentedError):
        prefix_lists(sros(a_list=sros_list()))


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (prefix("10.0.0.1/8"), "bits beyond its length"),
        (prefix("10.0.0.0/33"), "no ipv4 prefix"),
        (prefix("10.0.0.0"), "no ipv4 prefix"),
        (prefix("2001:db8::1/32"), "bits beyond its length"),
        (prefix("10.0.0.0/8", "range", start=4, end=24), "impossible lengths"),
        (prefix("10.0.0.0/8", "range", start=24, end=16), "impossible lengths"),
        (prefix("10.0.0.0/8", "range", start=24, end=33), "impossible lengths"),
        (prefix("10.0.0.0/8", "range"), "impossible lengths"),
        (prefix("10.0.0.0/8", "range", through=24), "impossible lengths"),
        (prefix("10.0.0.0/8", "through", start=9, end=24), "impossible lengths"),
        (prefix("10.0.0.0/8", "longer", through=24), "impossible lengths"),
        (prefix("10.0.0.0/8", "exact", through=24), "an entry is unknown"),
        (prefix("10.0.0.0/8", "sometimes"), "an entry is unknown"),
        (prefix("10.0.0.0/8", "range", start=9), "an entry is unknown"),
        (prefix("", "exact"), "has no prefix"),
        (prefix("10.0.0.0/8").replace("exact", "range") + "<x/>", "unknown"),
        ("10.0.0.0/8", "has text in it"),
        ("<prefix>", "is no XML"),
        ("<filter>IN</filter>", "has an element that is unknown"),
        (
            _below("10.0.0.0/8", "to", "to-prefix", "ip-prefix", "11.0.0.0/9"),
            "which is not below it",
        ),
        (
            _below("10.0.0.0/8", "address-mask", "mask-pattern", "address", "255.0.255.0"),
            "is not known to irrgate",
        ),
    ],
)
def test_a_managed_list_that_is_not_understood_is_an_error(entry: str, says: str) -> None:
    with pytest.raises(ParseError, match=f"{NAME}.*{says}"):
        read(entry)


# One range for a prefix


def test_no_prefix_has_two_ranges() -> None:
    wanted = prefixes("10.0.0.0/8 ge 10 le 12", "10.0.0.0/8 ge 16 le 20", "10.0.0.0/8")
    text = candidate("sros", {NAME: wanted})
    assert re.findall("<ip-prefix>(.*?)</ip-prefix><type>(.*?)</type>", text) == [
        ("10.0.0.0/8", "exact"),
        ("10.0.0.0/8", "range"),
        ("10.0.0.0/9", "range"),
        ("10.128.0.0/9", "range"),
    ]
    assert SROS.parse_candidate(text, V4).lists[NAME].prefixes == wanted


@given(st.data())
def test_ranges_are_given_to_halves_as_far_as_it_takes(data: st.DataObject) -> None:
    afi = data.draw(st.sampled_from(Afi))
    universe = UNIVERSES[afi]
    entries = []
    for _ in range(data.draw(st.integers(0, 9))):
        length = data.draw(st.integers(universe.top, afi.bits))
        address = universe.root >> (afi.bits - length) << (afi.bits - length)
        ge = data.draw(st.integers(length, afi.bits))
        entries.append((address, length, ge, data.draw(st.integers(ge, afi.bits))))
    wanted = PrefixSet.from_entries(afi, entries)
    for written in (written_entries(wanted), list(one_range_each(entries, afi.bits))):
        assert PrefixSet.from_entries(afi, written) == wanted
        ranged = [entry[:2] for entry in written if entry[1] < entry[2]]
        assert len(set(ranged)) == len(ranged)


# What is a config


def test_a_config_that_is_cut_off_anywhere_is_an_error() -> None:
    running = sros(sros_policy(sros_entry(10))).rstrip()
    assert SROS.parse(running, V4, "IRR-").lists
    for cut in range(len(running)):
        with pytest.raises(ParseError):
            SROS.parse(running[:cut], V4, "IRR-")


@pytest.mark.parametrize(
    ("running", "says"),
    [
        ("", "cut off"),
        ("{}", "cut off"),
        ("<configure><policy-options/></configure>", "is no configuration"),
        (sros().replace("sr:conf", "sr:state"), "is no configuration"),
        (sros() + sros(), "cut off"),
        ("<!DOCTYPE x [<!ENTITY e 'x'>]>" + sros(), "has <! in it"),
        (sros(f"<!-- {SROS_LIST} -->"), "has <! in it"),
        (sros("<x><![CDATA[<prefix-list>]]></x>"), "has <! in it"),
        (sros(f"<?x {SROS_LIST} ?>"), r"has <\? in it"),
    ],
)
def test_what_is_no_config_is_an_error(running: str, says: str) -> None:
    with pytest.raises(ParseError, match=says):
        SROS.parse(running, V4, "IRR-")


def test_a_router_without_anything_has_no_filters() -> None:
    empty = '<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf"/>'
    assert SROS.parse(empty, V4, "IRR-").lists == {}


def test_other_ways_to_write_the_same_xml_are_read() -> None:
    ours = sros(a_list=sros_list(prefix("10.0.0.0/8")))
    named = re.sub(r"<(/?)([a-z])", r"<\1c:\2", ours).replace("xmlns=", "xmlns:c=")
    for text in (ours, named, ours.replace("<prefix-list>", "<prefix-list a='b'>")):
        assert SROS.parse(text, V4, "IRR-").lists[NAME].prefixes == prefixes("10.0.0.0/8")


@pytest.mark.parametrize("written", [NAME, "&lt;IRR-.*&gt;", "&lt;IRR-[&gt;"])
def test_a_list_that_a_group_adds_to_is_not_guessed(written: str) -> None:
    inherits = sros_group(sros_list(prefix("0.0.0.0/0", "longer"), name=written))
    with pytest.raises(ParseError, match="may be inherited") as raised:
        SROS.parse(sros(after=inherits), V4, "IRR-")
    assert raised.value.hint.startswith("delete groups group G policy-options prefix-list")
    others = sros_group(sros_list(name="CORE") + sros_list(name="&lt;X.*&gt;"))
    assert SROS.parse(sros(after=others), V4, "IRR-").lists[NAME].plain


# What refers to a list, and whether it may be removed


@pytest.mark.parametrize(
    ("statement", "reference"),
    [
        (sros_policy(sros_entry(10)), f"policy-statement IN entry 10 from prefix-list {NAME}"),
        (
            sros_policy(f"<description>until {NAME} is gone</description>"),
            f"policy-statement IN description until {NAME} is gone",
        ),
        (
            f"<x><name><variable-name>@F@</variable-name><value>{NAME}</value></name></x>",
            f"x name @F@ value {NAME}",
        ),
    ],
)
def test_any_element_refers_to_a_list(statement: str, reference: str) -> None:
    assert only(sros(statement)).references == (f"policy-options {reference}",)
    assert only(sros(statement.replace(NAME, f"{NAME}-OLD"))).references == ()


@pytest.mark.parametrize(
    ("running", "afi", "removable"),
    [
        (sros(), Afi.IPV4, True),
        (sros(a_list=sros_list(prefix("2001:db8::/32"))), Afi.IPV6, True),
        (sros(a_list=sros_list()), None, False),
        (sros(a_list=sros_list(prefix("10.0.0.0/8", "sometimes"))), Afi.IPV4, False),
        (sros(a_list=sros_list(prefix("10.0.0.0/8"), name="IRR-A;B")), Afi.IPV4, False),
        (sros(a_list=sros_list(prefix("10.0.0.0/8"), prefix("::/0"))), None, False),
        (sros(a_list="", after=sros_group(SROS_LIST)), Afi.IPV4, False),
        (sros(after=sros_group(SROS_LIST)), Afi.IPV4, False),
    ],
)
def test_a_list_of_one_family_that_can_be_read_may_go(
    running: str, afi: Afi | None, removable: bool
) -> None:
    found = only(running)
    assert (found.afi, found.removable) == (afi, removable)
    assert (found.references != ()) == ("<groups>" in running)


def test_a_pattern_in_a_group_may_mean_any_list() -> None:
    group = sros_group(sros_list(prefix("10.0.0.0/8"), name="&lt;IRR-.*-V4&gt;"))
    told = "groups group G policy-options prefix-list <IRR-.*-V4>"
    assert SROS.references(sros(after=group), [NAME, "CORE"]) == {NAME: (told,), "CORE": ()}


# Candidates


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{{ action }}", "exact"),
        ("{{ action }}", "longer"),
        ("{{ prefix }}", "203.0.113.0/24"),
        ("list.lines", "list.lines[1:]"),
        ("list.lines", "[]"),
        ("in lists", "in lists[1:]"),
        ("{{ list.name }}", "{{ list.name }}X"),
        (UNREAD, "<prefix-list>"),
        (UNREAD, '<prefix-list nc:operation="merge">'),
        (UNREAD, '<prefix-list nc:operation="create">'),
        ("<policy-options>", '<policy-options nc:operation="replace">'),
        ("</policy-options>", "</policy-options><router><bgp/></router>"),
        ("  </policy", '<policy-statement nc:operation="remove"/></policy'),
        ("<policy-options>", "<policy-options><prefix-list><name>CORE</name></prefix-list>"),
        ("{% for sequence", "<apply-groups>G</apply-groups>{% for sequence"),
        ("{% for sequence", "<!-- mine -->{% for sequence"),
        ("{% for sequence", "<?mine?>{% for sequence"),
        ("{% endfor %}\n    </prefix-list>", "{% endfor %}<![CDATA[]]></prefix-list>"),
        ("sr:conf", "sr:state"),
        ("<end-length>{{ le }}", "<end-length>32"),
    ],
)
def test_a_template_that_prints_something_else_is_refused(old: str, new: str) -> None:
    template = (shipped_templates() / "sros" / "prefix_filters.j2").read_text()
    assert old in template
    wanted = {
        "IRR-AS64500-V4": prefixes("10.0.0.0/22 le 24", "10.0.8.0/24", "10.0.0.0/8 ge 12 le 20"),
        "IRR-AS64501-V4": PrefixSet.empty(Afi.IPV4),
    }
    lists = [SROS.printed(name, each, None) for name, each in wanted.items()]
    renderer = Renderer()
    right = SROS.parse_candidate(renderer.render("sros", lists), dict.fromkeys(wanted, Afi.IPV4))
    assert {name: each.prefixes for name, each in right.lists.items()} == wanted
    text = renderer._environment.from_string(template.replace(old, new)).render(
        lists=lists, removals=()
    )
    try:
        found = SROS.parse_candidate(text, dict.fromkeys(wanted, Afi.IPV4))
    except (ParseError, RenderError):
        return
    same = {name: each.prefixes for name, each in found.lists.items() if each.plain} == wanted
    assert not same or found.strangers


@pytest.mark.parametrize(
    "attribute",
    [
        'operation="delete"',
        'xmlns:x="urn:ietf:params:xml:ns:netconf:base:1.0" x:operation="delete"',
    ],
)
def test_an_entry_of_a_candidate_that_is_to_be_deleted_is_not_taken_for_one(attribute: str) -> None:
    text = candidate("sros", {NAME: prefixes("10.0.0.0/8")})
    assert SROS.parse_candidate(text, V4).lists
    with pytest.raises(ParseError, match="an entry with an attribute"):
        SROS.parse_candidate(text.replace("<prefix>", f"<prefix {attribute}>"), V4)


@pytest.mark.parametrize("again", ["replace", "remove"])
def test_a_candidate_has_each_list_once(again: str) -> None:
    text = candidate("sros", {NAME: prefixes("10.0.0.0/8")}, removals={"IRR-AS2-V4": Afi.IPV4})
    found = SROS.parse_candidate(text, V4, {"IRR-AS2-V4": Afi.IPV4})
    assert (list(found.lists), found.removed) == ([NAME], ("IRR-AS2-V4",))
    for name in (NAME, "IRR-AS2-V4"):
        twice = f'<prefix-list nc:operation="{again}"><name>{name}</name></prefix-list></policy-o'
        with pytest.raises(ParseError, match="has the list twice"):
            SROS.parse_candidate(
                text.replace("</policy-o", twice), V4, {"IRR-AS2-V4": Afi.IPV4, NAME: Afi.IPV4}
            )


def test_the_longest_name_that_irrgate_gives_fits() -> None:
    assert len("IRR-AS4294967295-V4") <= find_platform("sros").capabilities.max_name

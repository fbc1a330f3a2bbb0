"""SR Linux's configuration as JSON: what is read in it, and what it is refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import ManagedList, Stranger
from irrgate.platforms.srl_json import prefix_sets, under_routing_policy
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms import routers
from tests.unit.platforms.routers import NAMES, WANTED, candidate
from tests.unit.platforms.srl_made import NAME, POLICY, entry, srl

PLATFORM = PLATFORMS["srl"]
V4, V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
LAST = {Afi.IPV4: "255.255.255.255/32", Afi.IPV6: f"{'ffff:' * 7}ffff/128"}


def running(*sets: dict[str, Any]) -> str:
    return json.dumps({**json.loads(srl()), POLICY: {"prefix-set": list(sets)}})


def held(entries: list[dict[str, str]], name: str = V4, **fields: object) -> ManagedList:
    text = running({"name": name, "prefix": entries, **fields})
    return PLATFORM.parse(text, WANTED, "IRR-").lists[name]


def only(text: str) -> Stranger:
    found = PLATFORM.parse(text, WANTED, "IRR-").strangers
    asked = PLATFORM.references(text, [each.name for each in found])
    assert {each.name: each.references for each in found} == asked
    (stranger,) = found
    return stranger


# What a set holds


@pytest.mark.parametrize(
    ("entries", "accepted", "plain"),
    [
        ([("10.0.0.0/8", "exact")], "10.0.0.0/8", True),
        ([("10.0.0.0/8", "8..24")], "10.0.0.0/8 le 24", True),
        ([("10.0.0.0/8", "16..24")], "10.0.0.0/8 ge 16 le 24", True),
        ([("10.0.0.0/8", "8..8")], "10.0.0.0/8", True),
        ([("10.0.0.0/8", "0..24")], "10.0.0.0/8 le 24", True),
        ([("10.0.0.0/8", "exact"), ("10.0.0.0/8", "9..24")], "10.0.0.0/8 le 24", False),
        ([("192.0.2.0/24", "exact"), ("10.0.0.0/8", "exact")], "10.0.0.0/8, 192.0.2.0/24", True),
        ([("10.0.0.0/8", "exact"), ("2001:db8::/32", "exact")], "10.0.0.0/8", False),
        ([("10.0.0.0/8", "exact"), ("255.255.255.255/32", "exact")],
         "10.0.0.0/8, 255.255.255.255/32", True),
    ],
)  # fmt: skip
def test_every_form_of_an_entry_is_read(
    entries: list[tuple[str, str]], accepted: str, plain: bool
) -> None:
    found = held([entry(*each) for each in entries])
    assert found.prefixes == prefixes(*accepted.split(", "))
    assert found.plain is plain


def test_addresses_in_another_spelling_are_the_same() -> None:
    found = held([entry("2001:0DB8:0:0::/32"), entry("2001:db8:ffff:0::/48")], V6)
    assert found.prefixes == prefixes("2001:db8::/32", "2001:db8:ffff::/48")
    assert found.plain


@pytest.mark.parametrize("afi", Afi)
def test_the_deny_all_is_told_from_its_prefix_and_from_a_set_without_entries(afi: Afi) -> None:
    name, nothing = NAMES[afi], PrefixSet.empty(afi)
    found = held([entry(LAST[afi])], name)
    assert (found.prefixes, found.plain) == (nothing, True)
    for without in ({"name": name, "prefix": []}, {"name": name}):
        text = running(without)
        bare = PLATFORM.parse(text, WANTED, "IRR-").lists[name]
        assert (bare.prefixes, bare.plain) == (nothing, False)
    bits = str(afi.bits)
    this_one = held([entry(LAST[afi], f"{bits}..{bits}")], name)
    assert (this_one.prefixes, this_one.plain) == (PrefixSet.parse(afi, [LAST[afi]]), True)


@pytest.mark.parametrize(
    "wrong",
    [
        entry("10.0.0.0/8", "24..9"),
        entry("10.0.0.0/8", "8..33"),
        entry("10.0.0.0/8", "4..6"),
        entry("10.0.0.0/8", ""),
        entry("10.0.0.0/8", "longer"),
        entry("10.0.0.0/8", "8..24 "),
        entry("10.0.0.1/8"),
        entry("10.0.0.0/33"),
        entry("10.0.0.0"),
        entry("everything"),
        {**entry("10.0.0.0/8"), "action": "reject"},
        {"ip-prefix": "10.0.0.0/8"},
        {"ip-prefix": 10, "mask-length-range": "exact"},
        "10.0.0.0/8",
        ["ip-prefix", "mask-length-range"],
        None,
    ],
)
def test_an_entry_that_cannot_be_is_an_error_about_the_set(wrong: Any) -> None:
    with pytest.raises(ParseError, match=V4):
        held([entry("192.0.2.0/24"), wrong])


def test_a_field_that_is_unknown_is_an_error_about_the_set() -> None:
    with pytest.raises(ParseError, match=f"{V4}: has a field that is unknown: 'mode'"):
        held([entry("10.0.0.0/8")], mode="invert")
    with pytest.raises(ParseError, match=f"{V4}: its prefixes are no list"):
        PLATFORM.parse(running({"name": V4, "prefix": "10.0.0.0/8"}), WANTED, "IRR-")


def test_a_note_of_a_persons_goes_when_the_set_is_written() -> None:
    assert not held([entry("10.0.0.0/8")], _annotate="ask Ana first").plain
    assert not held([{**entry("10.0.0.0/8"), "_annotate_ip-prefix": "ours"}]).plain


# What is no configuration


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is cut off, or is no JSON"),
        (srl()[: len(srl()) // 2], "is cut off, or is no JSON"),
        (srl()[:-1], "is cut off, or is no JSON"),
        ("[]", "is not the router's whole configuration"),
        ("{}", "is not the router's whole configuration"),
        (json.dumps({POLICY: {}}), "is not the router's whole configuration"),
        (json.dumps({"system": {}, POLICY: []}), "its routing-policy is no container"),
        (json.dumps({"system": {}, POLICY: {}, "routing-policy": {}}), "is no container"),
        ("[" * 100_000, "is cut off, or is no JSON"),
        (running({"prefix": []}), "has a prefix-set without a name"),
        (running({"name": "IRR-\x1b[2J"}), "has a prefix-set without a name"),
        (running({"name": "IRR-A"}, {"name": "IRR-A"}), "IRR-A: is there twice"),
    ],
)
def test_a_config_that_is_not_whole_is_not_one_without_filters(text: str, why: str) -> None:
    with pytest.raises(ParseError, match=why):
        PLATFORM.parse(text, WANTED, "IRR-")


def test_a_router_without_policies_has_no_filters() -> None:
    for text in ('{"system": {}}', json.dumps({"srl_nokia-system:system": {}, POLICY: {}})):
        found = PLATFORM.parse(text, WANTED, "IRR-")
        assert not found.lists
        assert not found.strangers


def test_modules_before_the_names_of_fields_are_of_no_matter() -> None:
    bare = running({"name": V4, "prefix": [entry("10.0.0.0/8")]}).replace("srl_nokia-", "")
    for text in (bare, bare.replace('"prefix-set"', '"routing-policy:prefix-set"')):
        assert PLATFORM.parse(text, WANTED, "IRR-").lists[V4].plain


def test_what_a_router_answers_to_a_part_of_its_configuration() -> None:
    sets = [{"name": V4, "prefix": [entry("10.0.0.0/8")]}]
    for part in ({"prefix-set": sets}, {"srl_nokia-routing-policy:prefix-set": sets}):
        for answer in (part, {POLICY: part}):
            assert list(prefix_sets(under_routing_policy(answer))) == [V4]
    assert prefix_sets(under_routing_policy({})) == {}
    with pytest.raises(ParseError, match="its routing-policy is no container"):
        prefix_sets(under_routing_policy(None))


# What refers to a set

WHERE = "/routing-policy/policy[name=AS64500-IN]"


@pytest.mark.parametrize(
    ("policy", "reference"),
    [
        (
            {"statement": [{"sequence-id": 10, "match": {"prefix-set": NAME}}]},
            f"{WHERE}/statement[sequence-id=10]/match/prefix-set {NAME}",
        ),
        (
            {"statement": [{"name": "10", "match": {"prefix": {"prefix-set": NAME}}}]},
            f"{WHERE}/statement[name=10]/match/prefix/prefix-set {NAME}",
        ),
        ({"_annotate": f"until {NAME} is gone"}, f"{WHERE}/_annotate until {NAME} is gone"),
        ({"tags": ["x", NAME]}, f"{WHERE}/tags {NAME}"),
    ],
)
def test_any_value_that_has_the_name_refers_to_it(
    policy: dict[str, object], reference: str
) -> None:
    found = only(srl([{"name": "AS64500-IN", **policy}]))
    assert found == Stranger(NAME, Afi.IPV4, (reference,), removable=True)
    other = srl([{"name": "AS64500-IN", **policy}]).replace(NAME, f"{NAME}-OLD")
    assert only(other.replace(f'"name": "{NAME}-OLD"', f'"name": "{NAME}"')).references == ()


def test_the_rest_of_the_configuration_counts_too() -> None:
    bgp = {"srl_nokia-bgp:bgp": {"import-policy": [NAME]}}
    instance = [{"name": "default", "protocols": bgp}]
    running = srl(**{"srl_nokia-network-instance:network-instance": instance})
    where = "/network-instance[name=default]/protocols/bgp/import-policy"
    assert only(running).references == (f"{where} {NAME}",)


@pytest.mark.parametrize(
    ("entries", "afi", "removable"),
    [
        (["10.0.0.0/8"], Afi.IPV4, True),
        (["2001:db8::/32"], Afi.IPV6, True),
        (["10.0.0.0/8", "2001:db8::/32"], None, False),
        ([], None, False),
        (["10.0.0.1/8"], None, False),
    ],
)
def test_a_set_of_one_family_that_can_be_read(
    entries: list[str], afi: Afi | None, removable: bool
) -> None:
    listed = [entry(each) for each in entries]
    running = json.loads(srl())
    running[POLICY]["prefix-set"][0]["prefix"] = listed
    assert only(json.dumps(running)) == Stranger(NAME, afi, (), removable)


# Candidates


def test_a_name_that_the_platform_does_not_take() -> None:
    long = f"IRR-{'A' * 252}"
    with pytest.raises(PlatformError, match=f"{long}: SR Linux has names of 255 characters"):
        candidate("srl", {long: prefixes("10.0.0.0/8")})
    assert candidate("srl", {long[:255]: prefixes("10.0.0.0/8")})


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('"replace"', '"update"', "sets or removes no prefix-set"),
        ("/prefix-set[", "/policy[", "sets or removes no prefix-set"),
        (f"[name={V4}]", "[name=*]", "sets or removes no prefix-set"),
        (f"[name={V4}]", f"[name={V4}]/prefix", "sets or removes no prefix-set"),
        ('{"action"', '{"datastore": "tools", "action"', "sets or removes no prefix-set"),
        ('{"prefix": [', '{"name": "X", "prefix": [', "sets something else than its prefixes"),
        ('{"ip-prefix"', '{"_annotate": "x", "ip-prefix"', "which would be committed unread"),
        ('{"ip-prefix": "10.0.0.0/8", "mask-length-range": "exact"}', "", "without an entry"),
        ('"exact"}', f'"exact"}}, {json.dumps(entry("10.0.0.0/8"))}', "an entry twice"),
        ('"exact"}', '"exact", "mask-length-range": "8..32"}', "a field is there twice"),
        (" ]}}\n]", ' ]}},\n "x"]', "sets or removes no prefix-set"),
        (" ]}}\n]", " ]}}\n", "is no JSON"),
        (" ]}}\n]", " ]}}\n]\n[]", "is no JSON"),
    ],
)  # fmt: skip
def test_a_candidate_that_does_anything_else_is_refused(old: str, new: str, why: str) -> None:
    text = candidate("srl", {V4: prefixes("10.0.0.0/8")})
    assert text.count(old) == 1
    with pytest.raises(ParseError, match=why):
        PLATFORM.parse_candidate(text.replace(old, new), WANTED)


def test_a_candidate_with_a_set_twice_or_of_no_commands_is_refused() -> None:
    text = candidate("srl", {V4: prefixes("10.0.0.0/8")})
    (command,) = json.loads(text)
    with pytest.raises(ParseError, match=f"{V4}: the candidate has the set twice"):
        PLATFORM.parse_candidate(json.dumps([command, command]), WANTED)
    with pytest.raises(ParseError, match="candidate: is no JSON"):
        PLATFORM.parse_candidate("[" * 100_000, WANTED)
    with pytest.raises(ParseError, match="is no list of commands"):
        PLATFORM.parse_candidate(json.dumps(command), WANTED)


def test_a_range_below_the_prefix_is_read_but_never_written() -> None:
    device = routers.router("srl")
    device.load(candidate("srl", {V4: prefixes("10.0.0.0/8 ge 9 le 24")}))
    by_hand = device.running().replace('"9..24"', '"4..24"')
    found = PLATFORM.parse(by_hand, WANTED, "IRR-").lists[V4]
    assert found.prefixes == prefixes("10.0.0.0/8 le 24")

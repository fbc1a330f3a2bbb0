"""What refers to a filter that nobody asked for, and whether it may be removed at all."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pytest

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import Stranger
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.frr_lists import FrrLists
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import (
    WANTED,
    BirdRouter,
    FrrRouteMapRouter,
    OpenbgpdRouter,
    candidate,
)

NAME = "IRR-AS1-V4"
EOS_LIST = f"ip prefix-list {NAME}\n   seq 10 permit 10.0.0.0/8\n!\n"
JUNOS_LIST = f"    route-filter-list {NAME} {{\n        10.0.0.0/8 exact;\n    }}\n"


def eos(*blocks: str) -> str:
    return "! Command: show running-config\n!\nhostname edge1\n!\n" + "".join(blocks) + "end\n"


def junos(*policy_options: str, after: str = "") -> str:
    return f"version 22.4R1.10;\npolicy-options {{\n{''.join(policy_options)}}}\n{after}"


def bird(text: str, lists: Mapping[str, PrefixSet] | None = None) -> str:
    router = BirdRouter(user={"/etc/bird/bird.conf": text})
    router.load(candidate("bird", lists or {NAME: prefixes("10.0.0.0/8")}))
    return router.running()


def frr(*blocks: str) -> str:
    lists = FrrLists()
    lists.tell(f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8")
    return lists.running(blocks="".join(blocks))


def frr_route_map(*blocks: str) -> str:
    router = FrrRouteMapRouter()
    router.load(candidate("frr_route_map", {NAME: prefixes("10.0.0.0/8")}))
    return router.maps.running(blocks="".join(blocks))


def ios(*blocks: str) -> str:
    entry = f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8\n"
    return f"hostname edge1\n!\n{entry}!\n{''.join(blocks)}end\n"


def iosxr(*blocks: str) -> str:
    listed = f"prefix-set {NAME}\n  10.0.0.0/8\nend-set\n!\n"
    return f"!! IOS XR Configuration 7.3.1\n!\nhostname edge1\n{listed}{''.join(blocks)}end\n"


def openbgpd(text: str, lists: Mapping[str, PrefixSet] | None = None) -> str:
    router = OpenbgpdRouter(user={"/etc/bgpd.conf": text})
    router.load(candidate("openbgpd", lists or {NAME: prefixes("10.0.0.0/8")}))
    return router.running()


def in_group(policy_options: str) -> str:
    inside = textwrap.indent(policy_options, 8 * " ")
    return f"groups {{\n    G {{\n        policy-options {{\n{inside}        }}\n    }}\n}}\n"


def strangers(platform: str, running: str) -> tuple[Stranger, ...]:
    found = PLATFORMS[platform].parse(running, WANTED, "IRR-").strangers
    names = [each.name for each in found]
    assert names == sorted(set(names))
    asked = PLATFORMS[platform].references(running, names)
    assert {each.name: each.references for each in found} == asked
    return found


def only(platform: str, running: str) -> Stranger:
    (stranger,) = strangers(platform, running)
    return stranger


# What counts on EOS


@pytest.mark.parametrize(
    ("block", "reference"),
    [
        (
            f"route-map RM-IN permit 10\n   match ip address prefix-list {NAME}\n!\n",
            f"route-map RM-IN permit 10: match ip address prefix-list {NAME}",
        ),
        (
            f"router bgp 64496\n   neighbor 192.0.2.1 prefix-list {NAME} in\n!\n",
            f"router bgp 64496: neighbor 192.0.2.1 prefix-list {NAME} in",
        ),
        (
            (
                "router bgp 64496\n   router-id 192.0.2.9\n   !\n   address-family ipv4\n"
                "      neighbor 192.0.2.2 activate\n"
                f"      neighbor 192.0.2.1 prefix-list {NAME} in\n!\n"
            ),
            f"router bgp 64496: address-family ipv4: neighbor 192.0.2.1 prefix-list {NAME} in",
        ),
        (
            f'interface Ethernet1\n   description "for {NAME}."\n!\n',
            f'interface Ethernet1: description "for {NAME}."',
        ),
        (
            f"route-map RM-IN permit 10\n   !! until {NAME} is gone\n!\n",
            f"route-map RM-IN permit 10: !! until {NAME} is gone",
        ),
        (
            f"ip prefix-list CORE\n   seq 10 remark see {NAME}\n!\n",
            f"ip prefix-list CORE: seq 10 remark see {NAME}",
        ),
        (f"route-map {NAME} permit 10\n!\n", f"route-map {NAME} permit 10"),
        (f"ip access-list {NAME}\n!\n", f"ip access-list {NAME}"),
        (
            f"route-map RM-IN permit 10\r\n   match ip address prefix-list {NAME}\r\n!\r\n",
            f"route-map RM-IN permit 10: match ip address prefix-list {NAME}",
        ),
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_on_eos_any_line_that_has_the_name_refers_to_it(
    block: str, reference: str, place: str
) -> None:
    blocks = (block, EOS_LIST) if place == "before" else (EOS_LIST, block)
    assert only("eos", eos(*blocks)) == Stranger(NAME, Afi.IPV4, (reference,), removable=True)


@pytest.mark.parametrize(
    "block",
    [
        f"route-map RM-IN permit 10\n   match ip address prefix-list {NAME}-OLD\n!\n",
        f"route-map RM-IN permit 10\n   match ip address prefix-list X-{NAME}\n!\n",
        f"route-map RM-IN permit 10\n   match ip address prefix-list {NAME}6\n!\n",
        "ip prefix-list CORE\n   seq 10 permit 10.0.0.0/8\n!\n",
    ],
)
def test_on_eos_another_name_does_not_refer_to_it(block: str) -> None:
    assert only("eos", eos(EOS_LIST, block)) == Stranger(NAME, Afi.IPV4, (), removable=True)


def test_on_eos_what_stands_in_the_list_itself_is_no_reference() -> None:
    block = EOS_LIST.replace("   seq 10", f"   seq 5 remark {NAME}\n   seq 10")
    assert only("eos", eos(block)).references == ()
    older = [f"ip prefix-list {NAME} seq {n} permit 10.0.{n}.0/24\n" for n in range(3)]
    assert only("eos", eos(*older)) == Stranger(NAME, Afi.IPV4, (), removable=True)


def test_on_eos_lines_of_one_section_keep_their_ways() -> None:
    text = eos(
        EOS_LIST,
        "router bgp 64496\n",
        f"   neighbor A prefix-list {NAME} in\n",
        "   address-family ipv6\n      neighbor B activate\n",
        f"      neighbor B prefix-list {NAME} in\n",
        f"   neighbor C prefix-list {NAME} in\n!\n",
    )
    assert only("eos", text).references == (
        f"router bgp 64496: neighbor A prefix-list {NAME} in",
        f"router bgp 64496: address-family ipv6: neighbor B prefix-list {NAME} in",
        f"router bgp 64496: neighbor C prefix-list {NAME} in",
    )


# What counts on Junos

IN_FROM = f"""\
    policy-statement IN {{
        term 1 {{
            from {{
                route-filter-list {NAME};
            }}
            then accept;
        }}
    }}
"""


@pytest.mark.parametrize(
    ("policy", "reference"),
    [
        (IN_FROM, f"policy-options policy-statement IN term 1 from route-filter-list {NAME}"),
        (
            IN_FROM.replace(NAME, f'"{NAME}"'),
            f'policy-options policy-statement IN term 1 from route-filter-list "{NAME}"',
        ),
        (
            IN_FROM.replace("route-filter-list", "inactive: route-filter-list"),
            f"policy-options policy-statement IN term 1 from inactive: route-filter-list {NAME}",
        ),
        (
            IN_FROM.replace("    policy", "    inactive: policy"),
            f"policy-options policy-statement IN term 1 from route-filter-list {NAME}",
        ),
        (
            f"    policy-statement IN {{\n        from route-filter-list {NAME};\n    }}\n",
            f"policy-options policy-statement IN from route-filter-list {NAME}",
        ),
        (
            f"    policy-statement IN {{\n        from route-filter-list {NAME} accept;\n    }}\n",
            f"policy-options policy-statement IN from route-filter-list {NAME} accept",
        ),
        (
            f"    /* once\n       {NAME} */\n    community X members 64496:1;\n",
            f"policy-options {NAME} */",
        ),
        (
            (
                "    route-filter-list CORE {\n"
                f"        /* not {NAME} */\n        10.0.0.0/8 exact;\n    }}\n"
            ),
            f"policy-options /* not {NAME} */",
        ),
        (
            f"    prefix-list {NAME} {{\n        10.0.0.0/8;\n    }}\n",
            f"policy-options prefix-list {NAME}",
        ),
        (
            (
                "    prefix-list ALL {\n"
                '        apply-path "policy-options route-filter-list <IRR-*> <*>";\n    }\n'
            ),
            (
                "policy-options prefix-list ALL "
                'apply-path "policy-options route-filter-list <IRR-*> <*>"'
            ),
        ),
        (
            (
                "    prefix-list ALL {\n"
                '        apply-path "policy-options route-filter-list <*> <*>";\n    }\n'
            ),
            'policy-options prefix-list ALL apply-path "policy-options route-filter-list <*> <*>"',
        ),
        (
            "    policy-statement IN { /* OMITTED */ };\n",
            "policy-options policy-statement IN { /* OMITTED */ }",
        ),
    ],
)
@pytest.mark.parametrize("place", ["before", "after"])
def test_on_junos_any_statement_that_has_the_name_refers_to_it(
    policy: str, reference: str, place: str
) -> None:
    inside = (policy, JUNOS_LIST) if place == "before" else (JUNOS_LIST, policy)
    assert only("junos", junos(*inside)) == Stranger(NAME, Afi.IPV4, (reference,), removable=True)


@pytest.mark.parametrize(
    ("after", "reference"),
    [
        (
            in_group(IN_FROM),
            f"groups G policy-options policy-statement IN term 1 from route-filter-list {NAME}",
        ),
        (
            in_group(JUNOS_LIST.replace(NAME, "<IRR-AS1-*>")),
            "groups G policy-options route-filter-list <IRR-AS1-*>",
        ),
        (
            in_group(IN_FROM).replace("groups", "logical-systems").replace(" G ", " LS "),
            (
                "logical-systems LS policy-options policy-statement IN term 1 from "
                f"route-filter-list {NAME}"
            ),
        ),
        (
            f'system {{\n    login {{\n        message "ask for {NAME}";\n    }}\n}}\n',
            f'system login message "ask for {NAME}"',
        ),
    ],
)
def test_on_junos_the_rest_of_the_configuration_counts_too(after: str, reference: str) -> None:
    found = only("junos", junos(JUNOS_LIST, after=after))
    assert found == Stranger(NAME, Afi.IPV4, (reference,), removable=True)


@pytest.mark.parametrize(
    "after",
    [
        in_group("    }\n    interfaces {\n        <*> {\n            mtu 9000;\n        }\n"),
        in_group("    }\n    interfaces {\n        <ge-*> {\n            mtu 9000;\n        }\n"),
        f"snmp {{\n    location {NAME}-X;\n}}\n",
    ],
)
def test_on_junos_what_cannot_mean_it_is_no_reference(after: str) -> None:
    assert only("junos", junos(JUNOS_LIST, after=after)).references == ()


def test_on_junos_a_wildcard_that_fits_any_name_counts_among_the_lists() -> None:
    running = junos(JUNOS_LIST, after=in_group(JUNOS_LIST.replace(NAME, "<*>")))
    asked = PLATFORMS["junos"].references(running, [NAME])
    assert asked == {NAME: ("groups G policy-options route-filter-list <*>",)}


# Which may be removed


@pytest.mark.parametrize(
    ("blocks", "afi", "removable"),
    [
        (EOS_LIST, Afi.IPV4, True),
        (f"ipv6 prefix-list {NAME}\n   seq 10 permit 2001:db8::/32\n!\n", Afi.IPV6, True),
        (f"ip prefix-list {NAME}\n!\n", Afi.IPV4, True),
        (EOS_LIST.replace("permit 10.0.0.0/8", "match all"), Afi.IPV4, False),
        (EOS_LIST + EOS_LIST.replace("ip p", "ipv6 p").replace("10.0.0.0", "::"), None, False),
        (EOS_LIST.replace(NAME, "IRR-A;B"), Afi.IPV4, False),
        (EOS_LIST.replace("ip p", "ipv6 p").replace(NAME, "IRR-AS64500-V4"), Afi.IPV6, False),
    ],
)
def test_on_eos_a_list_of_one_family_that_can_be_read(
    blocks: str, afi: Afi | None, removable: bool
) -> None:
    if afi is Afi.IPV6:
        blocks = blocks.replace("10.0.0.0/8", "2001:db8::/32")
    found = only("eos", eos(blocks))
    assert (found.afi, found.references, found.removable) == (afi, (), removable)


@pytest.mark.parametrize(
    ("running", "afi", "removable"),
    [
        (junos(JUNOS_LIST), Afi.IPV4, True),
        (junos(JUNOS_LIST.replace("10.0.0.0/8", "2001:db8::/32")), Afi.IPV6, True),
        (junos(f"    route-filter-list {NAME} 10.0.0.0/8 exact;\n"), Afi.IPV4, True),
        (junos(f"    route-filter-list {NAME};\n"), None, False),
        (junos(JUNOS_LIST.replace("    route", "    inactive: route")), Afi.IPV4, False),
        (junos(JUNOS_LIST.replace("exact", "sometimes")), None, False),
        (
            junos(JUNOS_LIST.replace("    }", "        2001:db8::/32 exact;\n    }")),
            Afi.IPV4,
            False,
        ),
        (junos(JUNOS_LIST.replace(NAME, "IRR-A<B")), Afi.IPV4, False),
        (junos(after=in_group(JUNOS_LIST)), Afi.IPV4, False),
        (junos(JUNOS_LIST, after=in_group(JUNOS_LIST)), Afi.IPV4, False),
        (f"inactive: {junos(JUNOS_LIST)[len('version 22.4R1.10;') + 1 :]}", Afi.IPV4, False),
    ],
)
def test_on_junos_an_active_list_at_the_top_that_can_be_read(
    running: str, afi: Afi | None, removable: bool
) -> None:
    found = only("junos", running)
    assert (found.afi, found.removable) == (afi, removable)
    with_group = "groups" in running
    assert (found.references != ()) == with_group


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
@pytest.mark.parametrize(
    "stranger",
    [Stranger(NAME, None, (), removable=True), Stranger(NAME, Afi.IPV4, (), removable=False)],
)
def test_what_may_not_be_removed_is_not(platform: str, stranger: Stranger) -> None:
    with pytest.raises(PlatformError, match=NAME):
        PLATFORMS[platform].removal(stranger)


# What counts in BIRD's files


@pytest.mark.parametrize(
    "line",
    [f"    if net ~ '{NAME}' then accept;", f"# until {NAME} is gone", f"define X = '{NAME}';"],
)
def test_in_birds_files_any_line_of_the_users_refers_to_it(line: str) -> None:
    reference = f"/etc/bird/bird.conf: {line.strip()}"
    assert only("bird", bird(f"{line}\n")) == Stranger(NAME, Afi.IPV4, (reference,), removable=True)
    assert only("bird", bird(line.replace(NAME, f"{NAME}-OLD"))).references == ()


def test_in_birds_files_those_of_every_file_count() -> None:
    router = BirdRouter(user={"/a": f"{NAME}\n", "/b": "", "/c": f"x {NAME}"})
    router.load(candidate("bird", {NAME: prefixes("10.0.0.0/8")}))
    assert only("bird", router.running()).references == (f"/a: {NAME}", f"/c: x {NAME}")


# What counts in OpenBGPD's files


@pytest.mark.parametrize(
    "line",
    [
        f"allow from AS 64500 prefix-set {NAME}",
        f'\tprefix-set "{NAME}" or-longer',
        f"# until {NAME} is gone",
        f"network prefix-set {NAME}",
    ],
)
def test_in_openbgpds_files_any_line_of_the_users_refers_to_it(line: str) -> None:
    reference = f"/etc/bgpd.conf: {line.strip()}"
    found = only("openbgpd", openbgpd(f"{line}\n"))
    assert found == Stranger(NAME, Afi.IPV4, (reference,), removable=True)
    assert only("openbgpd", openbgpd(line.replace(NAME, f"{NAME}-OLD"))).references == ()


@pytest.mark.parametrize("afi", Afi)
def test_of_an_empty_set_of_openbgpd_the_family_is_known(afi: Afi) -> None:
    found = only("openbgpd", openbgpd("", {NAME: PrefixSet.empty(afi)}))
    assert found == Stranger(NAME, afi, (), removable=True)


def test_a_set_of_the_users_is_not_ours_to_remove() -> None:
    elsewhere = f'prefix-set "{NAME}" {{ 2001:db8::/32 }}\n'
    found = only("openbgpd", openbgpd(elsewhere, {"IRR-AS64500-V4": prefixes("10.0.0.0/8")}))
    assert (found.afi, found.removable) == (Afi.IPV6, False)


# How much is told, and how long it takes


def many(platform: str, count: int) -> str:
    if platform == "openbgpd":
        uses = "".join(f"allow from AS {n} prefix-set {NAME}\n" for n in range(count))
        return openbgpd(f'group "IN" {{\n}}\n{uses}')
    if platform == "bird":
        uses = "".join(f"    if net ~ '{NAME}' then accept; # {n}\n" for n in range(count))
        return bird(f"filter IN {{\n{uses}    reject; # 64496\n}}\n")
    if made := {"frr": frr, "frr_route_map": frr_route_map, "ios": ios}.get(platform):
        kind = "route-map" if made is frr_route_map else "prefix-list"
        neighbors = "".join(f"  neighbor {n} {kind} {NAME} in\n" for n in range(count))
        family = f" address-family ipv4 unicast\n{neighbors} exit-address-family\n"
        return made(f"router bgp 64496\n{family}!\n")
    if platform == "iosxr_netconf":
        uses = "".join(f"  if destination in {NAME} and tag is {n} then\n" for n in range(count))
        return iosxr(f"route-policy IN\n{uses}end-policy\n!\n")
    if platform == "eos":
        neighbors = "".join(f"   neighbor {n} prefix-list {NAME} in\n" for n in range(count))
        return eos(EOS_LIST, f"router bgp 64496\n{neighbors}!\n")
    terms = "".join(
        f"        term {n} {{\n            from route-filter-list {NAME};\n        }}\n"
        for n in range(count)
    )
    return junos(JUNOS_LIST, f"    policy-statement IN {{\n{terms}    }}\n")


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
@pytest.mark.parametrize(
    ("count", "last"), [(5, ""), (6, "and 1 more"), (40_000, "and 39995 more")]
)
def test_the_first_five_are_told_and_the_rest_is_counted(
    platform: str, count: int, last: str
) -> None:
    """Of 40,000 in one section: a way to look again at what was seen would take minutes."""
    told = only(platform, many(platform, count)).references
    assert len(told) == (6 if last else 5)
    assert told[-1] == last or not last
    assert NAME in told[4]


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_what_a_router_says_is_told_in_one_line_of_print(platform: str) -> None:
    long = f"x\x1b[2J {'y' * 300}"
    running = {
        "eos": eos(EOS_LIST, f"interface Ethernet1\n   description {NAME} {long}\n!\n"),
        "junos": junos(JUNOS_LIST, after=f'snmp {{\n    location "{NAME} {long}";\n}}\n'),
        "bird": bird(f"# {NAME} {long}\n"),
        "frr": frr(f"interface eth1\n description {NAME} {long}\nexit\n!\n"),
        "frr_route_map": frr_route_map(f"interface e\n description {NAME}-1 {long}\nexit\n!\n"),
        "ios": ios(f"interface Loopback1\n description {NAME} {long}\n!\n"),
        "openbgpd": openbgpd(f"# {NAME} {long}\n"),
        "iosxr_netconf": iosxr(f"interface Loopback0\n description {NAME} {long}\n!\n"),
    }
    (told,) = only(platform, running[platform]).references
    assert told.isprintable()
    assert len(told) == 200


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_any_names_can_be_asked_for(platform: str) -> None:
    running = many(platform, 1)
    names = [NAME, "NOWHERE", "IN", "64496"]
    asked = PLATFORMS[platform].references(running, names)
    assert list(asked) == names
    assert len(asked[NAME]) == 1
    assert asked["NOWHERE"] == ()
    number = platform in {"eos", "frr", "frr_route_map", "ios"}
    assert len(asked["64496" if number else "IN"]) == 1
    assert PLATFORMS[platform].references(running, []) == {}


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_a_config_that_is_cut_off_is_not_one_without_references(platform: str) -> None:
    running = many(platform, 3)
    for cut in (len(running) // 2, len(running) - 3):
        with pytest.raises(ParseError, match="cut off"):
            PLATFORMS[platform].references(running[:cut], [NAME])

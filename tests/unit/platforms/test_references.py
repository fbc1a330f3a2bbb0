"""What refers to a filter that nobody asked for, and whether it may be removed at all."""

from __future__ import annotations

import pytest

from irrgate.errors import PlatformError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import Stranger
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import BirdRouter, candidate
from tests.unit.platforms.running_configs import (
    EOS_LIST,
    JUNOS_LIST,
    NAME,
    bird,
    eos,
    in_group,
    junos,
    only,
    openbgpd,
)


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

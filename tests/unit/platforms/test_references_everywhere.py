"""What refers to a filter, on every platform: many places, its print, configs that are cut off."""

from __future__ import annotations

import pytest

from irrgate.errors import ParseError
from irrgate.platforms import PLATFORMS
from tests.unit.platforms.running_configs import (
    EOS_LIST,
    JUNOS_LIST,
    NAME,
    bird,
    eos,
    frr,
    frr_route_map,
    ios,
    iosxr,
    junos,
    nxos,
    only,
    openbgpd,
    ros,
    vrp,
)
from tests.unit.platforms.srl_made import srl
from tests.unit.platforms.sros_configs import sros, sros_entry, sros_policy


def many_on_iosxr(count: int) -> str:
    uses = "".join(f"  if destination in {NAME} and tag is {n} then\n" for n in range(count))
    return iosxr(f"route-policy IN\n{uses}end-policy\n!\n")


def many_on_ros(count: int) -> str:
    rule = f"if (chain {NAME} && dst-len == {{}}) {{{{accept}}}}"
    return ros(
        "/routing bgp template add as=64496 name=default\n",
        *(f'/routing filter rule add chain=IN rule="{rule.format(n)}"\n' for n in range(count)),
    )


def many_on_vrp(count: int) -> str:
    peers = "".join(f"  peer {n} ip-prefix {NAME} import\n" for n in range(count))
    return vrp(f"bgp 64496\n #\n ipv4-family unicast\n{peers}")


def many_on_openbgpd(count: int) -> str:
    uses = "".join(f"allow from AS {n} prefix-set {NAME}\n" for n in range(count))
    return openbgpd(f'group "IN" {{\n}}\n{uses}')


def many_on_bird(count: int) -> str:
    uses = "".join(f"    if net ~ '{NAME}' then accept; # {n}\n" for n in range(count))
    return bird(f"filter IN {{\n{uses}    reject; # 64496\n}}\n")


def many_neighbors(count: int) -> str:
    neighbors = "".join(f"  neighbor {n} prefix-list {NAME} in\n" for n in range(count))
    family = f" address-family ipv4 unicast\n{neighbors} exit-address-family\n"
    return f"router bgp 64496\n{family}exit\n!\n"


def many_on_eos(count: int) -> str:
    neighbors = "".join(f"   neighbor {n} prefix-list {NAME} in\n" for n in range(count))
    return eos(EOS_LIST, f"router bgp 64496\n{neighbors}!\n")


def many_on_junos(count: int) -> str:
    terms = "".join(
        f"        term {n} {{\n            from route-filter-list {NAME};\n        }}\n"
        for n in range(count)
    )
    return junos(JUNOS_LIST, f"    policy-statement IN {{\n{terms}    }}\n")


def many_on_nxos(count: int) -> str:
    uses = "".join(f"    prefix-list {NAME} in {n}\n" for n in range(count))
    return nxos(f"router bgp 64496\n  neighbor 192.0.2.1\n{uses}")


def many_on_sros(count: int) -> str:
    return sros(sros_policy(*map(sros_entry, range(count))))


def many_on_srl(count: int) -> str:
    statements = [{"name": str(n), "match": {"prefix-set": NAME}} for n in range(count)]
    return srl([{"name": "IN", "statement": statements}])


MANY = {
    "openbgpd": many_on_openbgpd,
    "bird": many_on_bird,
    "frr": lambda count: frr(many_neighbors(count)),
    "frr_route_map": lambda count: frr_route_map(
        many_neighbors(count).replace("prefix-list", "route-map")
    ),
    "ios": lambda count: ios(many_neighbors(count).replace("exit\n", "")),
    "eos": many_on_eos,
    "junos": many_on_junos,
    "iosxr_netconf": many_on_iosxr,
    "huawei_vrp": many_on_vrp,
    "ros": many_on_ros,
    "nxos": many_on_nxos,
    "nxos_ssh": many_on_nxos,
    "sros": many_on_sros,
    "srl": many_on_srl,
}


def many(platform: str, count: int) -> str:
    return MANY[platform](count)


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
        "huawei_vrp": vrp(f"interface LoopBack0\n description {NAME} {long}\n"),
        "nxos": nxos(f"interface mgmt0\n  description {NAME} {long}\n"),
        "nxos_ssh": nxos(f"interface mgmt0\n  description {NAME} {long}\n"),
        # Of what a terminal obeys, XML knows the one byte that stands for it.
        "sros": sros(after=f"<x>{NAME} {long}</x>".replace("\x1b[", "\x9b")),
        "ros": ros(f'/routing bgp template add comment="{NAME} {long}"\n'),
        "srl": srl(location=f"{NAME} {long}"),
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
    in_bgp = {"eos", "frr", "frr_route_map", "ios", "ros", "huawei_vrp", "nxos", "nxos_ssh"}
    assert len(asked["64496" if platform in in_bgp else "IN"]) == 1
    assert PLATFORMS[platform].references(running, []) == {}


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_a_config_that_is_cut_off_is_not_one_without_references(platform: str) -> None:
    running = many(platform, 3)
    for cut in (len(running) // 2, len(running) - 3):
        with pytest.raises(ParseError, match="cut off"):
            PLATFORMS[platform].references(running[:cut], [NAME])


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_what_is_said_of_a_config_that_is_cut_off_is_no_secret_of_it(platform: str) -> None:
    with pytest.raises(ParseError) as caught:
        PLATFORMS[platform].references(f'{many(platform, 1)[:-40]}\nkey "S3CRET', [NAME])
    assert "S3CRET" not in str(caught.value)

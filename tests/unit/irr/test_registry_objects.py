"""Objects to values: what is taken, and what is refused with which reason."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.irr.registry_objects import (
    SetObject,
    pack_prefix,
    prefix_text,
    range_lengths,
    read_aut_num,
    read_route,
    read_set,
)
from irrgate.irr.rpsl_dump import BrokenObject, attributes_of


def a_set(class_name: str, text: str) -> SetObject:
    return read_set(class_name, attributes_of(f"{text}\nsource: TEST\n\n".encode()), "")


NETWORKS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).flatmap(
    lambda address: st.integers(0, address.max_prefixlen).map(
        lambda length: ipaddress.ip_network(f"{address}/{length}", strict=False)
    )
)


@given(NETWORKS)
def test_a_prefix_packs_and_prints_as_the_standard_library_has_it(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    packed = pack_prefix(str(network.network_address), network.prefixlen)
    assert ipaddress.ip_network(prefix_text(packed)) == network
    assert packed[:-1] == network.network_address.packed
    assert packed[-1] == network.prefixlen


@given(st.lists(NETWORKS, max_size=6))
def test_packed_prefixes_sort_as_addresses_do(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> None:
    same = [n for n in networks if isinstance(n, ipaddress.IPv4Network)]
    packed = [pack_prefix(str(n.network_address), n.prefixlen) for n in same]
    assert [prefix_text(p) for p in sorted(packed)] == [str(n) for n in sorted(same)]


@pytest.mark.parametrize(
    ("address", "length", "reason"),
    [
        ("192.0.2.1", 24, "host bits"),
        ("192.0.2.0", 33, "not a prefix"),
        ("192.0.2", 24, "not a prefix"),
        ("192.0.02.0", 24, "not a prefix"),
        ("2001:db8::", 129, "not a prefix"),
        ("2001:db8::1", 64, "host bits"),
        ("2001:db8:::", 64, "not a prefix"),
    ],
)
def test_what_is_no_prefix_is_refused(address: str, length: int, reason: str) -> None:
    with pytest.raises(BrokenObject, match=reason):
        pack_prefix(address, length)


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("route: 192.0.2.0/24\nsource: TEST", 0, "no origin"),
        ("route: 192.0.2.0/24\norigin: AS1\norigin: AS2\nsource: TEST", 2, "2 attributes origin"),
        ("route: 192.0.2.0/24\norigin: AS4294967296\nsource: TEST", 1, "ASN lies between"),
        ("route: 192.0.2.0/24\norigin: AS1", 0, "no source"),
        ("route: 192.0.2.0/24\norigin: AS1\nsource: -x", 2, "source '-x'"),
        ("route: 2001:db8::/32\norigin: AS1\nsource: TEST", 0, "other address family"),
        ("route: 192.0.2.0/24 AS1\norigin: AS1\nsource: TEST", 0, "not a prefix"),
    ],
)
def test_a_broken_route_names_its_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(BrokenObject, match=reason) as told:
        read_route("route", attributes_of(f"{text}\n\n".encode()), "")
    assert told.value.line == line


def test_an_object_without_source_takes_the_default() -> None:
    attributes = attributes_of(b"route: 192.0.2.0/24\norigin: AS1\n\n")
    assert read_route("route", attributes, "TEST").source == "TEST"


def test_references_are_read_where_an_object_names_sets() -> None:
    aut_num = read_aut_num(
        attributes_of(
            b"aut-num: AS1\nmember-of: AS-X, as-y\nmnt-by: m-1\nmnt-by: M-2 # x\nsource: TEST\n\n"
        ),
        "",
    )
    assert aut_num.references.member_of == ("AS-X", "AS-Y")
    assert aut_num.references.mnt_by == ("M-1", "M-2")


def test_members_of_an_as_set_in_every_way_of_writing() -> None:
    found = a_set(
        "as-set",
        "as-set: as-x\nmembers: AS1, as2,AS3\n AS-Y\nmp-members: AS4 AS1\n"
        "members: AS5:AS-Z, RIPE::AS-W,, as-v\nmbrs-by-ref: any",
    )
    assert (found.name, found.source) == ("AS-X", "TEST")
    assert found.asns == (1, 2, 3, 4)
    assert found.names == ("AS-Y", "AS5:AS-Z", "RIPE::AS-W", "AS-V")
    assert found.mbrs_by_ref == ("ANY",)
    assert not found.unusable


def test_members_of_a_route_set_in_every_way_of_writing() -> None:
    found = a_set(
        "route-set",
        "route-set: RS-X\nmembers: 192.0.2.0/24, 192.0.2.0/24^+, RS-Y^24-25, AS1, AS2^-, AS-Z\n"
        "mp-members: 2001:DB8:0::/32^48, 198.51.100.0/24^16-25",
    )
    assert found.prefixes == (
        "192.0.2.0/24",
        "192.0.2.0/24^+",
        "2001:db8::/32^48-48",
        "198.51.100.0/24^24-25",
    )
    assert found.asns == (1,)
    assert found.names == ("RS-Y^24-25", "AS2^-", "AS-Z")


@pytest.mark.parametrize(
    ("class_name", "member", "reason"),
    [
        ("as-set", "AS-ANY", "every route"),
        ("as-set", "any", "every route"),
        ("as-set", "RS-X", "route-set cannot"),
        ("as-set", "192.0.2.0/24", "not an ASN"),
        ("as-set", "AS-X^+", "no range operator"),
        ("as-set", "AS4294967296", "ASN lies"),
        ("as-set", "64500", "not an ASN"),
        ("as-set", "-X", "begin with -"),
        ("as-set", "AS-\xfc", "neither an ASN"),
        ("route-set", "RS-ANY", "every route"),
        ("route-set", "192.0.2.1/24", "host bits"),
        ("route-set", "192.0.2.0/24^16", "leaves nothing"),
        ("route-set", "192.0.2.0/32^-", "leaves nothing"),
        ("route-set", "192.0.2.0/24^33", "not a range within /32"),
        ("route-set", "192.0.2.0/24^26-25", "not a range"),
        ("route-set", "192.0.2.0/24^", "not a range operator"),
        ("route-set", "RS-X^x", "not a range operator"),
    ],
)
def test_a_member_that_names_nothing_is_set_aside(
    class_name: str, member: str, reason: str
) -> None:
    prefix = "AS" if class_name == "as-set" else "RS"
    found = a_set(class_name, f"{class_name}: {prefix}-X\nmembers: AS1, {member}, AS2")
    assert found.asns == (1, 2)
    [(_, told)] = found.unusable
    assert re.search(reason, told), told


@pytest.mark.parametrize(
    ("class_name", "name"),
    [("as-set", "RS-X"), ("route-set", "AS-X"), ("as-set", "RIPE::AS-X"), ("as-set", "AS1")],
)
def test_a_set_is_named_as_its_class_is(class_name: str, name: str) -> None:
    with pytest.raises(BrokenObject, match="name"):
        a_set(class_name, f"{class_name}: {name}")


@pytest.mark.parametrize(
    ("operator", "low", "expected"),
    [
        ("+", 16, (16, 32)),
        ("-", 16, (17, 32)),
        ("24", 16, (24, 24)),
        ("20-24", 16, (20, 24)),
        ("18-22", 20, (20, 22)),  # RFC 2622, section 2: {128.9.0.0/16^20-24}^18-22
    ],
)
def test_range_operators_are_those_of_the_rfc(
    operator: str, low: int, expected: tuple[int, int]
) -> None:
    assert range_lengths(operator, low, 32) == expected


def test_a_range_may_leave_nothing() -> None:
    low, high = range_lengths("18-19", 20, 32)
    assert low > high

"""Members of sets: what is kept, what adds nothing, and for what a whole set is refused."""

from __future__ import annotations

import pytest

from irrgate.irr.registry_objects import SetObject, read_set
from irrgate.irr.rpsl_dump import BrokenObject, attributes_of


def a_set(class_name: str, text: str) -> SetObject:
    return read_set(class_name, attributes_of(f"{text}\nsource: TEST\n\n".encode("latin-1")), "")


def with_member(class_name: str, member: str, attribute: str = "members") -> SetObject:
    name = "AS-X" if class_name == "as-set" else "RS-X"
    return a_set(class_name, f"{class_name}: {name}\n{attribute}: AS1, {member}, AS2")


def test_members_of_an_as_set_in_every_way_of_writing() -> None:
    found = a_set(
        "as-set",
        "as-set: as-x\nmembers: AS1, as2,AS3\n AS-Y\n+ AS6 # a comment\n+\nmp-members: AS4\n"
        "members: AS5:AS-Z,, as-v,\nmbrs-by-ref: any",
    )
    assert (found.name, found.source) == ("AS-X", "TEST")
    assert found.asns == (1, 2, 3, 6)
    assert found.names == ("AS-Y", "AS5:AS-Z", "AS-V")
    assert found.mbrs_by_ref == ("ANY",)
    assert not found.idle


def test_members_of_a_route_set_in_every_way_of_writing() -> None:
    found = a_set(
        "route-set",
        "route-set: RS-X\nmembers: 192.0.2.0/24, 192.0.2.0/24^+, RS-Y, AS1, AS-Z, 192.0.2.1\n"
        "mp-members: 2001:DB8:0::/32^48, 198.51.100.0/24^24-25, 192.0.2.0/24^24, 2001:db8::1",
    )
    assert found.prefixes == (
        "192.0.2.0/24",
        "192.0.2.0/24^+",
        "192.0.2.1/32",
        "2001:db8::/32^48",
        "198.51.100.0/24^24-25",
        "192.0.2.0/24^24",
        "2001:db8::1/128",
    )
    assert found.asns == (1,)
    assert found.names == ("RS-Y", "AS-Z")
    assert not found.idle


@pytest.mark.parametrize(
    ("class_name", "member", "reason"),
    [
        ("as-set", "AS-ANY", "every route"),
        ("as-set", "any", "every route"),
        ("as-set", "RS-X", "route-set cannot"),
        ("as-set", "AS1:RS-X", "route-set cannot"),
        ("as-set", "AS4294967296", "ASN lies"),
        ("as-set", "NONSENSE", "not a set name"),
        ("route-set", "RS-ANY", "every route"),
        ("route-set", "RS-Y^24-25", "bears a range operator"),
        ("route-set", "AS3^+", "bears a range operator"),
        ("route-set", "RS-Y^nonsense", "bears a range operator"),
    ],
)
def test_a_member_of_which_nothing_comes_stays_in_the_list(
    class_name: str, member: str, reason: str
) -> None:
    found = with_member(class_name, member)
    assert found.asns == (1, 2)
    base, hat, operator = member.partition("^")
    assert found.names == (base.upper() + hat + operator,)
    [(shown, told)] = found.idle
    assert shown == repr(found.names[0])
    assert reason in told


@pytest.mark.parametrize(
    ("class_name", "member", "reason"),
    [
        ("as-set", "192.0.2.0/24", "neither an ASN"),
        ("as-set", "AS-X^+", "no range operator"),
        ("as-set", "AS3^+", "no range operator"),
        ("as-set", "RIPE::AS-X", "neither an ASN"),
        ("as-set", "64500", "neither an ASN"),
        ("as-set", "-X", "neither an ASN"),
        ("as-set", "AS-\xfc", "neither an ASN"),
        ("as-set", "AS-", "neither an ASN"),
        ("as-set", "AS3 AS4", "a comma is missing"),
        ("route-set", "192.0.2.1/24", "host bits"),
        ("route-set", "192.0.2.0/33", "not a prefix"),
        ("route-set", "2001:db8::/32", "belongs into mp-members"),
        ("route-set", "192.0.2.0/24^16", "not a range of a /24"),
        ("route-set", "192.0.2.0/24^16-26", "not a range of a /24"),
        ("route-set", "192.0.2.0/24^26-25", "not a range of a /24"),
        ("route-set", "192.0.2.0/24^", "not a range operator"),
        ("route-set", "192.0.2.0/24^x", "not a range operator"),
        ("route-set", "RS-Y^", "no range operator after"),
        ("route-set", "RS-Y^\xfc", "no range operator after"),
        ("route-set", "RS-Y^\x1b[2J", "no range operator after"),
        ("route-set", "RIPE::RS-Y", "neither a prefix"),
    ],
)
def test_for_a_member_that_cannot_be_read_the_set_is_refused(
    class_name: str, member: str, reason: str
) -> None:
    with pytest.raises(BrokenObject, match=reason) as told:
        with_member(class_name, member)
    assert told.value.line == 1


@pytest.mark.parametrize("member", ["192.0.2.0/24^33", "192.0.2.0/32^-", "2001:db8::/32^64-200"])
def test_a_range_beyond_the_address_is_kept_for_bgpq4_to_complain_of(member: str) -> None:
    assert with_member("route-set", member, "mp-members").prefixes == (member,)

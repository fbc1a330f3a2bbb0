"""Objects to values: what is taken, and what is refused with which reason."""

from __future__ import annotations

import pytest

from irrgate.irr.registry_objects import read_aut_num, read_route, read_set
from irrgate.irr.rpsl_dump import BrokenObject, attributes_of


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


@pytest.mark.parametrize("attribute", ["member-of: AS-X AS-Y", "mnt-by: MNT-A MNT-B"])
def test_references_have_commas_between_them(attribute: str) -> None:
    text = f"aut-num: AS1\nmember-of: AS-Z\n{attribute}\nsource: TEST\n\n"
    with pytest.raises(BrokenObject, match="a comma is missing") as told:
        read_aut_num(attributes_of(text.encode()), "")
    assert told.value.line == 2


@pytest.mark.parametrize(
    ("class_name", "name"),
    [("as-set", "RS-X"), ("route-set", "AS-X"), ("as-set", "RIPE::AS-X"), ("as-set", "AS1")],
)
def test_a_set_is_named_as_its_class_is(class_name: str, name: str) -> None:
    with pytest.raises(BrokenObject, match="name"):
        read_set(class_name, attributes_of(f"{class_name}: {name}\nsource: T\n\n".encode()), "")

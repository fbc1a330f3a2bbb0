"""What is a name of the registries, and what is refused with which reason."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import RpslError
from irrgate.rpsl import (
    Asn,
    SetKind,
    SetName,
    SourceName,
    parse_asn,
    parse_object,
    parse_set_name,
    parse_source,
)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("AS64500", Asn(64500)),
        ("as64500", Asn(64500)),
        ("AS0", Asn(0)),
        ("AS4294967295", Asn(4294967295)),
        ("AS-EJEMPLO", SetName("AS-EJEMPLO", SetKind.AS_SET)),
        ("as-ejemplo", SetName("AS-EJEMPLO", SetKind.AS_SET)),
        ("RS-PRUEBA", SetName("RS-PRUEBA", SetKind.ROUTE_SET)),
        ("AS64500:AS-CLIENTES", SetName("AS64500:AS-CLIENTES", SetKind.AS_SET)),
        ("AS-A:AS64500:AS-B", SetName("AS-A:AS64500:AS-B", SetKind.AS_SET)),
        ("RIPE::AS-X", SetName("AS-X", SetKind.AS_SET, SourceName("RIPE"))),
        ("arin-nonauth::as-x", SetName("AS-X", SetKind.AS_SET, SourceName("ARIN-NONAUTH"))),
        ("AS-2_B-c", SetName("AS-2_B-C", SetKind.AS_SET)),
    ],
)
def test_names(text: str, meant: Asn | SetName) -> None:
    assert parse_object(text) == meant
    assert parse_object(str(meant)) == meant


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("-AS-X", "begin with -"),
        ("--help", "begin with -"),
        ("AS-X AS-Y", "white space"),
        ("AS-X\n!q", "white space"),
        ("AS-X\t", "white space"),
        ("A" * 256, "256 characters"),
        ("AS-" + "X" * 253, "256 characters"),
        ("AS-", "neither an ASN nor a word"),
        ("RS-", "neither an ASN nor a word"),
        ("EJEMPLO", "neither an ASN nor a word"),
        ("AS-X;reload", "neither an ASN nor a word"),
        ("AS-X:RS-Y", "mixes"),
        ("AS64500:AS64501", "at least one part"),
        ("AS64500:", "neither"),
        (":AS-X", "neither"),
        ("AS4294967296", "between 0 and"),
        ("AS007", "neither"),
        ("RIPE::AS64500", "not for an ASN"),
        ("RIPE::RS-X", "not for a route-set"),
        ("-x::AS-X", "begin with -"),
        ("1RIPE::AS-X", "not a source name"),
        ("::AS-X", "empty"),
        ("RIPE::", "neither"),
        ("A::B::AS-X", "neither"),
        ("AS-\u00d1ANDU", "neither"),
        ("AS-X\x00", "neither"),
        ("\u0661", "neither"),
    ],
)
def test_what_is_refused(text: str, reason: str) -> None:
    with pytest.raises(RpslError, match=reason) as caught:
        parse_object(text)
    assert caught.value.subject.isprintable()
    assert caught.value.subject.isascii()


def test_the_longest_name_that_is_allowed() -> None:
    assert str(parse_set_name("AS-" + "X" * 252)) == "AS-" + "X" * 252


@given(st.text(max_size=300))
def test_whatever_is_parsed_is_safe_on_a_command_line(text: str) -> None:
    with contextlib.suppress(RpslError):
        name = str(parse_object(text))
        assert name.isascii()
        assert name.isprintable()
        assert not name.startswith("-")
        assert " " not in name
        assert len(name) <= 255


@pytest.mark.parametrize("text", ["RIPE", "ripe", "ARIN-NONAUTH", "NTTCOM", "RADB2"])
def test_sources(text: str) -> None:
    assert str(parse_source(text)) == text.upper()


@pytest.mark.parametrize("text", ["", "-S", "RIPE,RADB", "RI PE", "2RIPE", "RIPE::"])
def test_what_is_no_source(text: str) -> None:
    with pytest.raises(RpslError):
        parse_source(text)


@pytest.mark.parametrize("text", ["64500", "ASN64500", "AS-64500", "AS1.10", "AS", "AS 5"])
def test_what_is_no_asn(text: str) -> None:
    with pytest.raises(RpslError):
        parse_asn(text)


@pytest.mark.parametrize(
    ("number", "special"),
    [
        (0, True), (1, False), (3333, False), (23456, True), (64495, False), (64496, True),
        (64512, True), (65535, True), (65551, True), (131071, True), (131072, False),
        (396982, False), (4199999999, False), (4200000000, True), (4294967295, True),
    ],
)  # fmt: skip
def test_special_use_numbers(number: int, special: bool) -> None:
    assert Asn(number).is_special_use is special

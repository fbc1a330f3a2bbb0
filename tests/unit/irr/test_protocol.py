"""The wire's pieces: queries apart, answers framed."""

from __future__ import annotations

import pytest

from irrgate.irr import protocol
from irrgate.irr.protocol import Query, parse_query


@pytest.mark.parametrize(
    ("line", "query"),
    [
        (b"!gas64500", Query("g", "as64500")),
        (b"!6as64500\r", Query("6", "as64500")),
        (b"!!", Query("!", "")),
        (b"!a", Query("a", "")),
        (b"!a4AS-X ", Query("a", "4AS-X")),
        (b"!s RIPE,RADB", Query("s", "RIPE,RADB")),
        (b"!nbgpq4 1.9", Query("n", "bgpq4 1.9")),
    ],
)
def test_a_query_is_a_letter_and_an_argument(line: bytes, query: Query) -> None:
    assert parse_query(line) == query


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"!",
        b"-K 192.0.2.1",
        b"GET / HTTP/1.1",
        b"!gas1\x00",
        b"!iAS-\xc3\x9c",
        b"\x16\x03\x01",
    ],
)
def test_anything_else_is_no_query(line: bytes) -> None:
    assert parse_query(line).command == ""


def test_an_answer_counts_its_newline() -> None:
    assert protocol.answer(b"192.0.2.0/24") == b"A13\n192.0.2.0/24\nC\n"


def test_no_data_is_not_found() -> None:
    assert protocol.answer(b"") == b"D\n"


def test_an_error_is_one_printable_line_however_it_quotes() -> None:
    framed = protocol.error("what\nC\nis \x1b[31m this ü" + "x" * 1000)
    assert framed.count(b"\n") == 1
    assert framed.startswith(b"F what?C?is ?[31m this ?xxx")
    assert len(framed) < 500

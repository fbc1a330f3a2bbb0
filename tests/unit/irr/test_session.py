"""Queries and answers, one by one, as a client sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from irrgate import __version__
from irrgate.irr.session import Session
from tests.unit.irr.registries import Loaded, asked, loaded

REGISTRY = """\
as-set: AS-EXAMPLE
members: AS64500, AS-INNER
source: TEST

as-set: AS-INNER
members: AS64501, AS-EXAMPLE, AS-NOT-THERE
source: TEST

as-set: AS-INNER
members: AS64502
source: OTHER

as-set: AS64500:AS-CUSTOMERS
members: AS64502, AS-INNER
source: TEST

as-set: AS-HOLLOW
source: TEST

as-set: AS-WITHOUT-ROUTES
members: AS64511
source: TEST

route: 198.51.100.0/24
origin: AS64500
source: TEST

route: 192.0.2.0/24
origin: AS64500
source: TEST

route: 192.0.2.0/24
origin: AS64500
source: OTHER

route: 192.0.2.0/25
origin: AS64500
source: OTHER

route: 192.0.2.0/24
origin: AS64501
source: TEST

route: 203.0.113.0/24
origin: AS64502
source: OTHER

route6: 2001:db8:1::/48
origin: AS64501
source: OTHER

route6: 2001:db8::/32
origin: AS64500
source: TEST

aut-num: AS64500
member-of: AS-EXAMPLE
mnt-by: MNT-A
source: TEST

route-set: RS-EXAMPLE
members: 192.0.2.0/24, 203.0.113.0/24^25-26, RS-INNER, AS64501, AS-HOLLOW
mp-members: 2001:db8::/32^+
source: TEST

route-set: RS-INNER
members: 198.51.100.0/24, RS-EXAMPLE, RS-NOT-THERE
mbrs-by-ref: MNT-A
source: TEST
"""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with loaded(tmp_path_factory.mktemp("registry"), REGISTRY) as found:
        assert not found.problems
        yield found


@pytest.fixture
def session(registry: Loaded) -> Session:
    return registry.session()


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("!gas64500", "192.0.2.0/24 192.0.2.0/25 198.51.100.0/24"),
        ("!gAS64500", "192.0.2.0/24 192.0.2.0/25 198.51.100.0/24"),
        ("!6as64500", "2001:db8::/32"),
        ("!gas64511", "D\n"),
        ("!6as64502", "D\n"),
        ("!iAS-EXAMPLE", "AS-INNER AS64500"),
        ("!ias-inner", "AS-EXAMPLE AS-NOT-THERE AS64501"),
        ("!iAS-EXAMPLE,1", "AS64500 AS64501"),
        ("!iAS64500:AS-CUSTOMERS", "AS-INNER AS64502"),
        ("!iAS64500:AS-CUSTOMERS,1", "AS64500 AS64501 AS64502"),
        ("!iAS-HOLLOW", "D\n"),
        ("!iAS-HOLLOW,1", "D\n"),
        ("!iAS-NOT-THERE,1", "D\n"),
        ("!a4AS-EXAMPLE", "192.0.2.0/24 192.0.2.0/25 198.51.100.0/24"),
        ("!a6AS-EXAMPLE", "2001:db8::/32 2001:db8:1::/48"),
        (
            "!aAS-EXAMPLE",
            "192.0.2.0/24 192.0.2.0/25 198.51.100.0/24 2001:db8::/32 2001:db8:1::/48",
        ),
        ("!a4AS64500:AS-CUSTOMERS", "192.0.2.0/24 192.0.2.0/25 198.51.100.0/24 203.0.113.0/24"),
        ("!a4AS-WITHOUT-ROUTES", "D\n"),
        ("!a4AS-NOT-THERE", "D\n"),
        (
            "!iRS-EXAMPLE",
            "192.0.2.0/24 2001:db8::/32^+ 203.0.113.0/24^25-26 AS-HOLLOW AS64501 RS-INNER",
        ),
        (
            "!iRS-EXAMPLE,1",
            "198.51.100.0/24 2001:db8::/32^+ 203.0.113.0/24^25-26 192.0.2.0/24 2001:db8:1::/48",
        ),
        # No set of that name, as far as IRRd is concerned.
        ("!a4RS-EXAMPLE", "D\n"),
        ("!aAS-ANY", "D\n"),
        ("!iany,1", "D\n"),
        ("!iTEST::AS-EXAMPLE", "D\n"),
        ("!iAS-EXAMPLE,2", "D\n"),
        ("!iNONSENSE", "D\n"),
        ("!a4AS64500", "D\n"),
        ("!mperson,X", "D\n"),
        ("!mroute,192.0.2.0/25", "D\n"),
        ("!mroute,192.0.2.0/33AS1", "D\n"),
        ("!mroute,192.0.2.0AS1", "D\n"),
        ("!s-*", "C\n"),
        ("!s-lc", "TEST,OTHER"),
        ("!sother", "C\n"),
        ("!nbgpq4 1.9", "C\n"),
        ("!t30", "C\n"),
        ("!v", f"irrgate -- version {__version__}"),
        ("!j-*", "TEST:N:-\nOTHER:N:-"),
        ("!j*", "*:X:Database unknown"),
        ("!jother,nope", "OTHER:N:-\nNOPE:X:Database unknown"),
        ("!mas-set,AS-NOT-THERE", "D\n"),
        ("!mas-set,RS-EXAMPLE", "D\n"),
        ("!mas-set,as-hollow", "as-set:         AS-HOLLOW\nsource:         TEST"),
        (
            "!mas-set,AS-EXAMPLE",
            (
                "as-set:         AS-EXAMPLE\nmembers:        AS64500\n"
                "members:        AS-INNER\nsource:         TEST"
            ),
        ),
        (
            "!mroute-set,RS-INNER",
            (
                "route-set:      RS-INNER\nmp-members:     RS-EXAMPLE\n"
                "mp-members:     RS-NOT-THERE\nmp-members:     198.51.100.0/24\n"
                "mbrs-by-ref:    MNT-A\nsource:         TEST"
            ),
        ),
        (
            "!maut-num,as64500",
            (
                "aut-num:        AS64500\nmember-of:      AS-EXAMPLE\nmnt-by:         MNT-A\n"
                "source:         TEST"
            ),
        ),
        ("!maut-num,AS64501", "D\n"),
        (
            "!mroute,192.0.2.0/25AS64500",
            "route:          192.0.2.0/25\norigin:         AS64500\nsource:         OTHER",
        ),
        (
            "!mroute6,2001:DB8::/32-as64500",
            "route6:         2001:db8::/32\norigin:         AS64500\nsource:         TEST",
        ),
        ("!mroute,192.0.2.0/25AS64501", "D\n"),
    ],
)
def test_an_answer(session: Session, query: str, answer: str) -> None:
    assert asked(session, query) == answer


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("!a", "F Missing required set name for A query\n"),
        ("!a4", "F Missing required set name for A query\n"),
        ("!a6", "F Missing required set name for A query\n"),
        ("!i", "Missing parameter for i query"),
        ("!n", "Missing parameter for n query"),
        ("!j", "Missing parameter for j query"),
        ("!g", "Missing parameter for g query"),
        ("!g64501", "not an ASN"),
        ("!gAS-EXAMPLE", "not an ASN"),
        ("!gas4294967296", "ASN lies between"),
        ("!s", "Missing parameter for s query"),
        ("!sTEST,NOPE", "unavailable"),
        ("!sTEST,", "unavailable"),
        ("!t0", "between 1 and 1000"),
        ("!t1001", "between 1 and 1000"),
        ("!tx", "between 1 and 1000"),
        ("!m", "Missing parameter for m query"),
        ("!mas-set", "is expected"),
        ("!oMNT-A", "Unrecognised command: o"),
        ("!r192.0.2.0/24,o", "Unrecognised command: r"),
        ("-K 192.0.2.0/24", "not an IRRd query"),
        ("GET / HTTP/1.1", "not an IRRd query"),
        ("!", "not an IRRd query"),
    ],
)
def test_an_error(session: Session, query: str, part: str) -> None:
    answer = b"".join(session.respond(query.encode())).decode()
    assert answer.startswith("F ")
    assert answer.endswith("\n")
    assert part in answer
    assert asked(session, "!gas64501") == "192.0.2.0/24", "the session goes on"


def test_an_empty_line_is_no_query(session: Session) -> None:
    assert list(session.respond(b"")) == []
    assert list(session.respond(b"\r")) == []
    assert not session.ended


def test_selected_sources_are_the_only_ones_in_their_order(session: Session) -> None:
    assert asked(session, "!sOTHER,TEST") == "C\n"
    assert asked(session, "!s-lc") == "OTHER,TEST"
    assert asked(session, "!iAS-INNER") == "AS64502", "the first source that has the set"
    assert asked(session, "!iAS-EXAMPLE,1") == "AS64500 AS64502"
    assert asked(session, "!sOTHER,OTHER") == "C\n"
    assert asked(session, "!s-lc") == "OTHER"
    assert asked(session, "!gas64500") == "192.0.2.0/24 192.0.2.0/25"
    assert asked(session, "!iAS-EXAMPLE") == "D\n"
    assert asked(session, "!mas-set,AS-EXAMPLE") == "D\n"


def test_an_unknown_source_leaves_the_selection(session: Session) -> None:
    asked(session, "!sOTHER")
    assert asked(session, "!sTEST,NOPE").startswith("F ")
    assert asked(session, "!s-lc") == "OTHER"


def test_sessions_have_selections_of_their_own(registry: Loaded) -> None:
    one, other = registry.session(), registry.session()
    asked(one, "!sOTHER")
    assert asked(other, "!s-lc") == "TEST,OTHER"


def test_without_two_exclamation_marks_a_connection_is_for_one_query(registry: Loaded) -> None:
    session = Session(registry.registry, 60)
    list(session.respond(b"!gas64500"))
    assert session.ended
    session = registry.session()
    list(session.respond(b"!gas64500"))
    assert not session.ended
    list(session.respond(b"!q"))
    assert session.ended


def test_a_client_may_ask_for_another_idle_time(session: Session) -> None:
    asked(session, "!t7")
    assert session.idle_seconds == 7


def test_the_status_says_what_is_there(session: Session) -> None:
    status = json.loads(asked(session, "!Jtest,nope"))
    assert status["TEST"]["object_counts"] == {
        "route": 3,
        "route6": 1,
        "as-set": 5,
        "route-set": 2,
        "aut-num": 1,
    }
    assert status["TEST"]["rpsl_data_updated"].startswith("20")
    assert status["NOPE"] == {"error": "Unknown source"}
    assert list(json.loads(asked(session, "!J-*"))) == ["TEST", "OTHER"]

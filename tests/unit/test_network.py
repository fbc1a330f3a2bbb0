from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import IrrServerError, WorkspaceError
from irrgate.network import FilterNames, IrrServer, PerAfi, Role, Router, Session
from irrgate.prefixes import Afi
from irrgate.rpsl import MAX_ASN, Asn

ASNS = st.integers(0, MAX_ASN).map(Asn)
AFIS = st.sampled_from(Afi)


def test_a_filter_is_named_after_its_peer_and_family() -> None:
    names = FilterNames.parse("IRR-{peer}-{afi}")
    assert names.of(Asn(64500), Afi.IPV4) == "IRR-AS64500-V4"
    assert names.of(Asn(64500), Afi.IPV6) == "IRR-AS64500-V6"
    assert names.managed_prefix == "IRR-"


@pytest.mark.parametrize("template", ["IRR-{peer}-{afi}", "irr{afi}{peer}", "X_1{peer}{afi}-in"])
def test_every_name_begins_with_the_managed_prefix_and_no_two_are_equal(template: str) -> None:
    names = FilterNames.parse(template)

    @given(st.lists(st.tuples(ASNS, AFIS), unique=True, min_size=2, max_size=20))
    def check(filters: list[tuple[Asn, Afi]]) -> None:
        made = [names.of(asn, afi) for asn, afi in filters]
        assert len(set(made)) == len(made)
        assert all(name.startswith(names.managed_prefix) for name in made)

    check()


@pytest.mark.parametrize(
    "template", ["IRR-{peer}-{afi}", "irr{afi}{peer}", "X_1{peer}{afi}-in", "IRR-{peer}4-{afi}"]
)
def test_a_name_is_read_back_and_no_other_is(template: str) -> None:
    names = FilterNames.parse(template)

    @given(ASNS, AFIS, st.text(max_size=3))
    def check(asn: Asn, afi: Afi, more: str) -> None:
        name = names.of(asn, afi)
        assert names.parse_name(name) == (asn, afi)
        for other in (name + more, more + name, name.lower(), name.replace("AS", "AS0")):
            parsed = names.parse_name(other)
            assert parsed is None or names.of(*parsed) == other

    check()


@pytest.mark.parametrize(
    "name",
    ["", "IRR-", "IRR-AS64500", "IRR-AS64500-V5", "IRR-AS064500-V4", "IRR-AS4294967296-V4",
     "IRR-AS64500-V4\n", "IRR-AS6450\u0660-V4", "IRR-64500-V4", "IRR-as64500-V4", "XIRR-AS1-V4"],
)  # fmt: skip
def test_names_that_irrgate_does_not_give(name: str) -> None:
    assert FilterNames.parse("IRR-{peer}-{afi}").parse_name(name) is None


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("IRR-{peer}", "{afi} must stand in it once"),
        ("IRR-{afi}", "{peer} must stand in it once"),
        ("IRR-{peer}-{afi}-{peer}", "{peer} must stand in it once"),
        ("IRR-{peer}-{afi}-{role}", "only letters"),
        ("IRR {peer}-{afi}", "only letters"),
        ("IRR-{peer}-{afi}\n", "only letters"),
        ("IRR-{peer!r}-{afi}", "{peer} must stand in it once"),
        ("É-RR{peer}{afi}", "only letters"),
        ("{peer}-{afi}-IRR", "before the first placeholder"),
        ("IR{peer}-{afi}", "before the first placeholder"),
        ("-IRR{peer}-{afi}", "begin with a letter"),
        ("1RR-{peer}-{afi}", "begin with a letter"),
        ("I" * 50 + "{peer}{afi}", "up to 64 characters"),
    ],
)
def test_a_template_that_a_router_or_a_person_could_misread_is_refused(
    template: str, reason: str
) -> None:
    with pytest.raises(WorkspaceError) as caught:
        FilterNames.parse(template)
    assert reason in caught.value.reason


def test_the_longest_name_may_have_63_characters() -> None:
    names = FilterNames.parse("I" * 49 + "{peer}{afi}")
    assert len(names.of(Asn(MAX_ASN), Afi.IPV6)) == 63


@pytest.mark.parametrize(
    ("text", "server", "shown"),
    [
        ("rr.example.net", IrrServer("rr.example.net", 43), "rr.example.net"),
        ("RR.example.net:4343", IrrServer("rr.example.net", 4343), "rr.example.net:4343"),
        ("192.0.2.1:43", IrrServer("192.0.2.1"), "192.0.2.1"),
        ("localhost:1", IrrServer("localhost", 1), "localhost:1"),
    ],
)
def test_a_server_is_a_host_and_maybe_a_port(text: str, server: IrrServer, shown: str) -> None:
    assert IrrServer.parse(text) == server
    assert str(server) == shown
    assert IrrServer.parse(str(server)) == server


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[2001:db8::1]:43", "IPv6 address"),
        ("[2001:db8::1]", "IPv6 address"),
        ("2001:db8::1", "IPv6 address"),
        ("[rr.example.net]:43", "not a server"),
        ("[2001:db8::1", "IPv6 address"),
        ("-hlocalhost", "not a server"),
        ("rr.example.net -p", "not a server"),
        ("rr.example.net\n", "not a server"),
        ("", "not a server"),
        ("a" * 64 + ".example", "not a server"),
        (".".join(["a" * 60] * 5), "not a server"),
        ("rr.example.net:", "a port is"),
        ("rr.example.net:0", "a port is"),
        ("rr.example.net:65536", "a port is"),
        ("rr.example.net:whois", "a port is"),
        ("rr.example.net:٤٣", "a port is"),
    ],
)
def test_what_bgpq4_cannot_ask_is_no_server(text: str, reason: str) -> None:
    with pytest.raises(IrrServerError) as caught:
        IrrServer.parse(text)
    assert reason in caught.value.reason


def test_only_who_can_list_what_they_announce_gets_a_filter() -> None:
    assert {role for role in Role if role.has_filter} == {
        Role.CUSTOMER,
        Role.PEER,
        Role.RS_CLIENT,
    }


def test_a_value_per_family_is_asked_by_family() -> None:
    per = PerAfi(24, 48)
    assert (per[Afi.IPV4], per[Afi.IPV6]) == (24, 48)


def test_sessions_of_a_peer_share_its_filter_and_a_provider_has_none() -> None:
    router = Router(
        name="edge1",
        platform="eos",
        hostname="192.0.2.1",
        groups=(),
        sessions=(
            Session(Asn(64501), Afi.IPV4, "198.51.100.2", True),
            Session(Asn(64500), Afi.IPV6, "2001:db8::2", True),
            Session(Asn(64500), Afi.IPV4, "198.51.100.6", True),
            Session(Asn(64500), Afi.IPV4, "198.51.100.10", True),
            Session(Asn(64502), Afi.IPV4, "198.51.100.14", False),
        ),
    )
    assert router.filters() == (
        (Asn(64500), Afi.IPV4),
        (Asn(64500), Afi.IPV6),
        (Asn(64501), Afi.IPV4),
    )

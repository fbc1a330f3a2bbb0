"""What comes through of an expansion, and what is counted as dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from irrgate.filters import DropReason, Filter, NoFilter, build_filter, queries
from irrgate.irr.bgpq4 import Query
from irrgate.irr.expander import Empty, Expansion, Failed, Unknown, Verdict, Whole
from irrgate.network import (
    FilterNames,
    FilterPolicy,
    GuardLimits,
    IrrServer,
    IrrSettings,
    Network,
    Peer,
    PerAfi,
    Role,
)
from irrgate.prefixes import Afi, PrefixRange, PrefixSet
from irrgate.rpsl import Asn, parse_object, parse_source
from irrgate.special_use import special_use

POLICY = FilterPolicy(FilterNames.parse("IRR-{peer}-{afi}"), PerAfi(24, 48), False, False)
NETWORK = Network(
    Asn(3333),
    (PrefixRange.parse("193.0.0.0/21"), PrefixRange.parse("2001:67c:2e8::/48")),
    IrrSettings((IrrServer("127.0.0.1"),), (parse_source("RIPE"),), 10, 2),
    POLICY,
    GuardLimits(0.3, 3.0, PerAfi(1000, 1000), timedelta(days=7)),
)


def peer(policy: FilterPolicy = POLICY, **more: object) -> Peer:
    made = Peer(
        Asn(1103),
        "SURF",
        Role.CUSTOMER,
        PerAfi((parse_object("AS-SURF"),), (parse_object("AS-SURF"),)),
        PerAfi(None, None),
        (),
        (),
        policy,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def whole(*texts: str) -> Whole:
    ranges = [PrefixRange.parse(text) for text in texts]
    return Whole(
        sorted(r.key for r in ranges if r.is_single),
        sorted(r.entry for r in ranges if not r.is_single),
    )


def expansion(verdict: Verdict, afi: Afi = Afi.IPV4) -> Expansion:
    query = Query(parse_object("AS-SURF"), afi, NETWORK.irr.sources)
    return Expansion(query, verdict, NETWORK.irr.servers[0], (), 0.1)


def built(verdicts: Sequence[Verdict], afi: Afi = Afi.IPV4, of: Peer | None = None) -> Filter:
    made = build_filter(of or peer(), afi, NETWORK, [expansion(v, afi) for v in verdicts])
    assert isinstance(made, Filter)
    return made


def test_each_kind_of_prefix_that_never_comes_through_is_counted() -> None:
    made = built(
        [
            whole(
                "145.0.0.0/16",
                "145.0.1.0/25",  # longer than /24
                "0.0.0.0/0",
                "193.0.0.0/21",  # ours
                "193.0.2.0/24",  # within ours
                "193.0.0.0/16",  # covers ours: theirs to announce
                "192.168.0.0/16",
                "192.0.0.0/8",  # covers special-use space
            )
        ]
    )
    assert made.prefixes == PrefixSet.parse(
        Afi.IPV4, ["145.0.0.0/16", "193.0.0.0/16", "192.0.0.0/8"]
    )
    assert made.registered == 8
    assert made.dropped == {
        DropReason.TOO_LONG: 1,
        DropReason.DEFAULT_ROUTE: 1,
        DropReason.OUR_OWN: 2,
        DropReason.SPECIAL_USE: 1,
    }
    assert made.name == "IRR-AS1103-V4"


def test_ipv6_likewise() -> None:
    made = built(
        [whole("2001:610::/32", "2001:db8::/32", "2001:67c:2e8::/48", "::/0", "2001:610:1::/49")],
        Afi.IPV6,
    )
    assert made.prefixes == PrefixSet.parse(Afi.IPV6, ["2001:610::/32"])
    assert sum(made.dropped.values()) == 4


def test_more_specifics_never_open_our_own_or_special_space() -> None:
    policy = replace(POLICY, more_specifics=True)
    made = built([whole("193.0.0.0/16", "192.0.0.0/8", "145.0.0.0/16")], of=peer(policy))
    assert "145.0.9.0/24" in made.prefixes
    assert "145.0.9.0/25" not in made.prefixes
    assert "193.0.200.0/24" in made.prefixes
    assert "193.0.2.0/24" not in made.prefixes
    assert "193.0.0.0/21" not in made.prefixes
    assert "193.0.0.0/20" in made.prefixes
    assert "192.168.0.0/17" not in made.prefixes
    assert "192.160.0.0/12" in made.prefixes  # it covers 192.168.0.0/16, as the /8 does
    assert not (set_of(made.prefixes, special_use(Afi.IPV4)))


def set_of(one: PrefixSet, other: PrefixSet) -> PrefixSet:
    """Return what both hold."""
    return one.difference(one.difference(other))


def test_ranges_of_route_sets_are_clipped() -> None:
    made = built([whole("145.0.0.0/16 le 32", "0.0.0.0/0 le 24", "146.0.0.0/16 ge 25 le 32")])
    assert made.prefixes == PrefixSet.parse(Afi.IPV4, ["145.0.0.0/16 le 24"])
    assert made.dropped == {DropReason.TOO_LONG: 2, DropReason.DEFAULT_ROUTE: 1}


def test_a_range_over_our_own_prefixes_loses_them_and_is_counted() -> None:
    made = built([whole("193.0.0.0/16 le 24")])
    assert "193.0.1.0/24" not in made.prefixes
    assert "193.0.8.0/24" in made.prefixes
    assert made.dropped == {DropReason.OUR_OWN: 1}


def test_accept_and_reject() -> None:
    made = built(
        [whole("145.0.0.0/16", "146.0.0.0/16")],
        of=peer(
            accept=(PrefixRange.parse("147.0.0.0/16"), PrefixRange.parse("193.0.1.0/24")),
            reject=(PrefixRange.parse("146.0.0.0/8"),),
        ),
    )
    assert made.prefixes == PrefixSet.parse(Afi.IPV4, ["145.0.0.0/16", "147.0.0.0/16"])
    assert made.dropped == {DropReason.REJECTED: 1, DropReason.OUR_OWN: 1}
    assert [str(r) for r in made.accepted] == ["147.0.0.0/16", "193.0.1.0/24"]


def test_special_use_is_let_through_only_when_asked_for() -> None:
    lab = replace(POLICY, special_use=True)
    assert built([whole("192.0.2.0/24")], of=peer(lab)).prefixes
    assert not built([whole("192.0.2.0/24")]).prefixes


@pytest.mark.parametrize("verdict", [Unknown(), Failed("F error")])
def test_one_object_without_an_answer_means_no_filter(verdict: Unknown | Failed) -> None:
    made = build_filter(
        peer(), Afi.IPV4, NETWORK, [expansion(whole("145.0.0.0/16")), expansion(verdict)]
    )
    assert isinstance(made, NoFilter)
    assert made.verdict is verdict
    assert "AS-SURF" in made.reason


def test_an_empty_object_adds_nothing() -> None:
    assert built([whole("145.0.0.0/16"), Empty()]).prefixes
    assert not built([Empty()]).prefixes


def test_each_object_is_asked_by_itself() -> None:
    objects = (parse_object("RIPE::AS-A"), parse_object("RS-B"))
    asked = queries(peer(as_sets=PerAfi(objects, ())), Afi.IPV4, NETWORK)
    assert [str(q.object) for q in asked] == ["RIPE::AS-A", "RS-B"]
    assert [q.max_length for q in asked] == [None, 24]
    assert queries(peer(as_sets=PerAfi(objects, ())), Afi.IPV6, NETWORK) == ()


@pytest.mark.parametrize(
    ("afi", "inside", "outside"),
    [
        (Afi.IPV4, "192.168.7.0/24", "8.8.8.0/24"),
        (Afi.IPV4, "10.0.0.0/8", "0.0.0.0/0"),
        (Afi.IPV4, "224.0.0.0/4", "192.0.0.9/32"),
        (Afi.IPV4, "192.88.99.0/24", "223.255.255.0/24"),
        (Afi.IPV6, "2001:db8:1::/48", "2001:610::/32"),
        (Afi.IPV6, "3fff::/20", "2001:4:112::/48"),
        (Afi.IPV6, "fc00::/7", "2a00::/12"),
        (Afi.IPV6, "4000::/3", "2000::/3"),
    ],
)
def test_special_use_space(afi: Afi, inside: str, outside: str) -> None:
    assert inside in special_use(afi)
    assert outside not in special_use(afi)

"""The judge of the truth tests: whatever a daemon does wrong, it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from irrgate.prefixes import Afi
from tests.lab.daemons.speaker import attribute, chunks, decode, encode
from tests.lab.daemons.truth import ANNOUNCED, Verdict, covered, everything
from tests.unit.filters_made import prefixes

ANNOUNCES = {"192.0.2.0/24", "10.0.0.0/8", "0.0.0.0/0"}


def test_what_is_right_is_counted_and_nothing_else() -> None:
    verdict = Verdict()
    verdict.compare(ANNOUNCES, {"10.0.0.0/8"}, {"10.0.0.0/8"})
    assert str(verdict) == "3 routes judged, 0 wrong"


@pytest.mark.parametrize(
    "accepted",
    [set(), {"192.0.2.0/24"}, {"10.0.0.0/8", "0.0.0.0/0"}, {"10.0.0.0/8", "10.1.0.0/16"}],
)
def test_one_route_too_many_or_too_few_is_wrong(accepted: set[str]) -> None:
    verdict = Verdict()
    verdict.compare(ANNOUNCES, {"10.0.0.0/8"}, accepted)
    assert verdict.wrong


OLD, NEW = {"192.0.2.0/24", "10.0.0.0/8"}, {"192.0.2.0/24", "10.1.0.0/16"}


@pytest.mark.parametrize(
    ("event", "prefix", "wrong"),
    [
        ("announce", "10.1.0.0/16", False),
        ("announce", "10.0.0.0/8", False),
        ("announce", "0.0.0.0/0", True),
        ("withdraw", "10.0.0.0/8", False),
        ("withdraw", "192.0.2.0/24", True),
        ("down", "", True),
        ("up", "", True),
    ],
)
def test_what_happens_meanwhile_is_judged(event: str, prefix: str, wrong: bool) -> None:
    verdict = Verdict()
    verdict.watch([{"event": event, "prefix": prefix}], OLD, NEW)
    assert bool(verdict.wrong) is wrong


def test_what_is_announced_has_both_families_in_each_group() -> None:
    assert len(everything()) == len({each for group in ANNOUNCED.values() for each in group})
    for group in ANNOUNCED.values():
        assert {":" in each for each in group} == {True, False}


def test_the_filter_itself_says_what_is_covered() -> None:
    filters = {
        Afi.IPV4: prefixes("10.0.0.0/8 le 16"),
        Afi.IPV6: prefixes("2001:db8::/32"),
    }
    announced = ["10.1.0.0/16", "10.1.1.0/24", "2001:db8::/32", "2001:db8::/48", "0.0.0.0/0"]
    assert covered(filters, announced) == {Afi.IPV4: {"10.1.0.0/16"}, Afi.IPV6: {"2001:db8::/32"}}


# The speaker


@pytest.mark.parametrize("of_family", [lambda p: ":" in p, lambda p: ":" not in p])
def test_prefixes_go_over_the_wire_and_back(of_family: Callable[[str], bool]) -> None:
    sent = [each for each in everything() if of_family(each)]
    afi = Afi.IPV6 if ":" in sent[0] else Afi.IPV4
    assert list(decode(b"".join(map(encode, sent)), afi)) == sent
    many = list(chunks(sent * 50))
    assert all(len(chunk) < 4000 for chunk in many)
    assert [p for chunk in many for p in decode(chunk, afi)] == sent * 50


def test_an_attribute_has_its_length() -> None:
    assert attribute(0x40, 1, b"\0") == bytes([0x50, 1, 0, 1, 0])

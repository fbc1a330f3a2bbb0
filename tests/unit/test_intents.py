"""Filters on demand: each made once, each query run once, and errors that reach all who wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from irrgate.errors import Bgpq4MissingError
from irrgate.filters import Filter, NoFilter
from irrgate.intents import Intent, Intents
from irrgate.irr.expander import Expander
from irrgate.network import (
    FilterNames,
    FilterPolicy,
    IrrServer,
    IrrSettings,
    Network,
    Peer,
    PerAfi,
    Role,
)
from irrgate.prefixes import Afi
from irrgate.rpsl import Asn, parse_object
from tests.unit.filters_made import LIMITS, prefixes
from tests.unit.irr.scripts import script

POLICY = FilterPolicy(FilterNames.parse("IRR-{peer}-{afi}"), PerAfi(24, 48), False, True)
SETTINGS = IrrSettings((IrrServer("127.0.0.1", 9),), (), 10, 1)
NETWORK = Network(Asn(64496), (), SETTINGS, POLICY, LIMITS)
FAMILIES = tuple(Afi)


def peer(asn: int, *objects: str) -> Peer:
    as_sets = tuple(map(parse_object, objects))
    return Peer(
        Asn(asn), f"Peer {asn}", Role.CUSTOMER, PerAfi(as_sets, as_sets), PerAfi(None, None),
        (), (), POLICY,
    )  # fmt: skip


PEERS = {
    each.asn: each
    for each in (
        peer(64500, "AS-SHARED", "AS64500"),
        peer(64501, "AS-SHARED"),
        peer(64502, "AS-BROKEN"),
        peer(64503, "AS64503", "AS-SHARED"),
    )
}
ALL = [(asn, afi) for asn in PEERS for afi in Afi]

# Answers by the object, which bgpq4 gets last; notes who was asked, in order.
BODY = """\
echo "$*" >> {log}
for object; do :; done
case "$*" in *-6*) prefix=2001:db8::/32;; *) prefix=192.0.2.0/24;; esac
case $object in
AS-BROKEN) echo "ERROR:no" >&2;;
esac
echo '{{ "irrgate": [ {{ "prefix": "'$prefix'", "exact": true }} ] }}'
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def program(tmp_path: Path, log: Path) -> str:
    return script(tmp_path, BODY.format(log=log))


@pytest.fixture
def expander(program: str) -> Iterator[Expander]:
    with Expander(SETTINGS, program=program, clock=lambda: 0.0) as made:
        yield made


@pytest.fixture
def intents(expander: Expander) -> Intents:
    return Intents(NETWORK, PEERS.__getitem__, expander)


def asked(log: Path) -> list[str]:
    return log.read_text().splitlines()


def test_a_filter_is_made_of_all_objects_of_the_peer(intents: Intents) -> None:
    made = intents.filter(Asn(64500), Afi.IPV4)
    assert isinstance(made, Filter)
    assert made.prefixes == prefixes("192.0.2.0/24")
    assert made.name == "IRR-AS64500-V4"
    assert [str(each.query.object) for each in made.sources] == ["AS-SHARED", "AS64500"]
    assert made.registered == 2


def test_families_are_apart(intents: Intents) -> None:
    four, six = (intents.filter(Asn(64501), afi) for afi in FAMILIES)
    assert isinstance(four, Filter)
    assert isinstance(six, Filter)
    assert (four.name, six.name) == ("IRR-AS64501-V4", "IRR-AS64501-V6")
    assert six.prefixes == prefixes("2001:db8::/32")


def test_each_query_runs_once_whoever_asks(intents: Intents, log: Path) -> None:
    made: list[list[Intent]] = []
    threads = [
        threading.Thread(target=lambda: made.append([intents.filter(*pair) for pair in ALL]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert all(one is other for many in made for one, other in zip(many, made[0], strict=True))
    # AS-SHARED, AS-BROKEN, AS64500 and AS64503, for each family.
    assert len(asked(log)) == 8


def test_prefetch_counts_and_asks_each_distinct_query(
    intents: Intents, expander: Expander, log: Path
) -> None:
    assert intents.prefetch([*ALL, *ALL]) == 8
    made = [intents.filter(*pair) for pair in ALL]
    assert len(made) == len(ALL)
    assert len(asked(log)) == 8


def test_the_server_sees_one_order_whatever_the_inventorys_is(program: str, log: Path) -> None:
    orders = []
    for wanted in (ALL, ALL[::-1], ALL[3:] + ALL[:3]):
        log.unlink(missing_ok=True)
        with Expander(SETTINGS, program=program, clock=lambda: 0.0) as expander:
            Intents(NETWORK, PEERS.__getitem__, expander).prefetch(wanted)
        orders.append(asked(log))
    assert orders[0] == orders[1] == orders[2]
    assert len(orders[0]) == 8


def test_queries_that_differ_in_their_lengths_alone_are_in_order_too(
    program: str, log: Path
) -> None:
    lengths = (24, 16, 20, 22, 18)
    peers = {
        Asn(64500 + n): replace(
            peer(64500 + n, "RS-ONE"), policy=replace(POLICY, max_length=PerAfi(length, 48))
        )
        for n, length in enumerate(lengths)
    }
    with Expander(SETTINGS, program=program, clock=lambda: 0.0) as expander:
        made = Intents(NETWORK, peers.__getitem__, expander)
        assert made.prefetch([(asn, Afi.IPV4) for asn in peers]) == 5
    seen = [line.split("-m ")[1].split()[0] for line in asked(log)]
    assert seen == ["16", "18", "20", "22", "24"]


def test_one_peer_that_fails_does_not_stop_the_others(intents: Intents) -> None:
    made = {pair: intents.filter(*pair) for pair in ALL}
    failed = {pair for pair, intent in made.items() if isinstance(intent, NoFilter)}
    assert failed == {(Asn(64502), afi) for afi in Afi}


def test_what_was_made_in_order(intents: Intents) -> None:
    assert intents.made() == {}
    for pair in ALL[::-1]:
        intents.filter(*pair)
    assert list(intents.made()) == ALL
    assert intents.made()[ALL[0]] is intents.filter(*ALL[0])


def caught(call: Callable[[], object], errors: list[BaseException]) -> None:
    try:
        call()
    except Exception as exc:  # noqa: BLE001 - whatever it is, the test looks at it
        errors.append(exc)


def test_an_error_reaches_everybody_who_waits(tmp_path: Path) -> None:
    """Nobody waits for a filter that never comes."""
    errors: list[BaseException] = []
    missing = str(tmp_path / "nowhere")
    with Expander(replace(SETTINGS, workers=4), program=missing, clock=lambda: 0.0) as expander:
        intents = Intents(NETWORK, PEERS.__getitem__, expander)
        ask = partial(intents.filter, Asn(64500), Afi.IPV4)
        threads = [
            threading.Thread(target=caught, args=(ask, errors), daemon=True) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert [type(error) for error in errors] == [Bgpq4MissingError] * 4
        with pytest.raises(Bgpq4MissingError):
            intents.made()


def test_a_peer_that_nobody_knows_is_an_error_and_no_empty_filter(intents: Intents) -> None:
    for _ in range(2):
        with pytest.raises(KeyError):
            intents.filter(Asn(64511), Afi.IPV4)

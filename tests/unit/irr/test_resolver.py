"""Sets into prefixes: cycles, depth, size, and what of route-sets is passed over."""

from __future__ import annotations

import ipaddress
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from irrgate.irr import resolver, schema
from irrgate.irr.resolver import PrefixUnion, Selection, members_of_route_set, origins_of
from irrgate.irr.schema import Family
from tests.unit.irr.registries import Loaded, asked, loaded

_T = TypeVar("_T")


def selection_of(found: Loaded) -> Selection:
    return Selection(found.registry, tuple(range(len(found.registry.sources))))


def run(work: Generator[None, None, _T]) -> tuple[_T, int]:
    """The result of sliced work, and how often it paused."""
    pauses = 0
    while True:
        try:
            next(work)
        except StopIteration as stop:
            return stop.value, pauses
        pauses += 1


def test_a_chain_of_sets_may_be_longer_than_python_recurses(tmp_path: Path) -> None:
    text = "".join(
        f"as-set: AS-N{n}\nmembers: AS{n + 1}, AS-N{n + 1}\nsource: TEST\n\n" for n in range(3000)
    )
    with loaded(tmp_path, text) as found:
        selection = selection_of(found)
        root = selection.find_set("AS-N0")
        assert root is not None
        asns, pauses = run(origins_of(selection, root))
        assert asns == list(range(1, 3001))
        assert pauses >= 25, "long work gives way to others"


def test_cycles_end(tmp_path: Path) -> None:
    text = "".join(
        f"as-set: AS-N{n}\nmembers: AS{n}, AS-N{(n + 1) % 5}, AS-N{n}, AS-N2\nsource: TEST\n\n"
        for n in range(5)
    )
    with loaded(tmp_path, text) as found:
        assert asked(found.session(), "!iAS-N3,1") == "AS0 AS1 AS2 AS3 AS4"


@pytest.mark.parametrize("small", [0, 1_000_000])
def test_a_union_is_the_same_small_or_big(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """More prefixes than a block holds, in two sources that share some."""
    networks = [ipaddress.ip_network((10 << 24 | n << 8, 24)) for n in range(3 * schema.BLOCK)]
    text = "".join(
        f"route: {network}\norigin: AS{64500 + n % 300}\nsource: {source}\n\n"
        for source, step in (("TEST", 1), ("OTHER", 3))
        for n, network in list(enumerate(networks))[::step]
    )
    monkeypatch.setattr(resolver, "SMALL_UNION", small)
    with loaded(tmp_path, text) as found:
        union = PrefixUnion(selection_of(found), Family.IPV4)
        _, pauses = run(union.add_origins(range(64500, 64800)))
        assert pauses >= 2
        assert b" ".join(union.pieces()).decode() == " ".join(map(str, sorted(networks)))
        assert found.report.duplicates == 0

        only_other = PrefixUnion(Selection(found.registry, (1,)), Family.IPV4)
        run(only_other.add_origins(range(64500, 64800)))
        assert b" ".join(only_other.pieces()).decode() == " ".join(map(str, networks[::3]))


def test_a_big_answer_is_framed_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "SMALL_UNION", 10)
    routes = "".join(
        f"route: 10.{n // 256}.{n % 256}.0/24\norigin: AS64500\nsource: TEST\n\n"
        for n in range(2 * schema.BLOCK + 7)
    )
    sets = (
        "as-set: AS-X\nmembers: AS64500\nsource: TEST\n\n"
        "route-set: RS-X\nmembers: AS64500, 10.0.1.0/24, 192.0.2.0/24\nsource: TEST\n\n"
    )
    with loaded(tmp_path, routes + sets) as found:
        prefixes = asked(found.session(), "!a4AS-X").split(" ")
        assert prefixes[:2] == ["10.0.0.0/24", "10.0.1.0/24"]
        assert len(prefixes) == len(set(prefixes)) == 2 * schema.BLOCK + 7
        prefixes = asked(found.session(), "!iRS-X,1").split(" ")
        assert prefixes[:2] == ["192.0.2.0/24", "10.0.0.0/24"], "a member's own prefix is not twice"
        assert len(prefixes) == len(set(prefixes)) == 2 * schema.BLOCK + 8


@dataclass(frozen=True)
class Model:
    """A registry as plain dicts, and what its sets come to, the slow and obvious way."""

    sets: dict[tuple[str, str], list[str]]
    routes: list[tuple[str, int, str]]

    def text(self) -> str:
        # Both sources first, in a fixed order, so that the default order is known.
        head = "".join(f"route: 0.0.0.0/0\norigin: AS9\nsource: {source}\n\n" for source in "AB")
        sets = "".join(
            f"as-set: {name}\nmembers: {', '.join(members)}\nsource: {source}\n\n"
            for (name, source), members in self.sets.items()
        )
        routes = "".join(
            f"route: {prefix}\norigin: AS{origin}\nsource: {source}\n\n"
            for prefix, origin, source in self.routes
        )
        return head + sets + routes

    def asns(self, name: str, order: str) -> set[int]:
        found: set[int] = set()
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            sources = [s for s in order if (one, s) in self.sets]
            for member in self.sets[one, sources[0]] if sources else []:
                if member[2:].isdigit():
                    found.add(int(member[2:]))
                else:
                    waiting.append(member)
        return found

    def prefixes(self, name: str, order: str) -> set[str]:
        asns = self.asns(name, order)
        return {p for p, origin, source in self.routes if origin in asns and source in order}


NAMES = [f"AS-N{n}" for n in range(6)]
MEMBERS = st.sampled_from([*NAMES, "AS-GONE", "RS-GONE", "AS1", "AS2", "AS3", "AS4"])
MODELS = st.builds(
    Model,
    st.dictionaries(
        st.tuples(st.sampled_from(NAMES), st.sampled_from("AB")), st.lists(MEMBERS, max_size=5)
    ),
    st.lists(
        st.tuples(
            st.integers(0, 40).map(lambda n: f"10.{n // 8}.{n % 8 * 32}.0/19"),
            st.integers(1, 5),
            st.sampled_from("AB"),
        ),
        max_size=40,
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MODELS, st.sampled_from(["AB", "BA", "A", "B"]), st.sampled_from([0, 5, 1000]))
def test_any_registry_comes_to_what_the_obvious_way_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Model, order: str, small: int
) -> None:
    monkeypatch.setattr(resolver, "SMALL_UNION", small)
    with loaded(tmp_path, model.text()) as found:
        session = found.session()
        assert asked(session, f"!s{','.join(order)}") == "C\n"
        for name in NAMES:
            asns = " ".join(f"AS{asn}" for asn in sorted(model.asns(name, order))) or "D\n"
            assert asked(session, f"!i{name},1") == asns
            expected = sorted(map(ipaddress.ip_network, model.prefixes(name, order)))
            answer = asked(session, f"!a4{name}")
            assert answer == (" ".join(map(str, expected)) or "D\n")


ROUTE_SETS = """\
route-set: RS-TOP
members: RS-MIDDLE, AS64500, RS-LOOP, RS-NOT-THERE
source: TEST

route-set: RS-MIDDLE
members: 192.0.2.0/24, 198.51.100.0/23^24, RS-LOW, RS-FAR^+, AS64502^24
source: TEST

route-set: RS-LOW
members: 10.0.0.0/8^16-20, AS-SET
source: TEST

route-set: RS-FAR
members: 10.98.0.0/16
source: TEST

as-set: AS-SET
members: AS64501, RS-LOOP
source: TEST

route-set: RS-LOOP
members: 10.99.0.0/16, RS-LOOP, RS-TOP
source: TEST

route: 10.1.0.0/16
origin: AS64500
source: TEST

route: 10.2.0.0/16
origin: AS64501
source: TEST

route: 10.3.0.0/16
origin: AS64502
source: TEST
"""


def test_route_sets_come_to_their_prefixes_as_registered(tmp_path: Path) -> None:
    """A set or an ASN that bears a range operator adds nothing, as with IRRd."""
    with loaded(tmp_path, ROUTE_SETS) as found:
        for name in ("RS-TOP", "RS-LOOP"):
            assert sorted(asked(found.session(), f"!i{name},1").split()) == [
                "10.0.0.0/8^16-20",
                "10.1.0.0/16",
                "10.2.0.0/16",
                "10.99.0.0/16",
                "192.0.2.0/24",
                "198.51.100.0/23^24",
            ]


def test_a_route_set_in_an_as_set_adds_nothing_to_it(tmp_path: Path) -> None:
    with loaded(tmp_path, ROUTE_SETS) as found:
        session = found.session()
        assert asked(session, "!iAS-SET") == "AS64501 RS-LOOP"
        assert asked(session, "!iAS-SET,1") == "AS64501"
        assert asked(session, "!a4AS-SET") == "10.2.0.0/16"
        assert asked(session, "!a4RS-TOP") == "D\n", "!a is for as-sets"


def test_a_chain_of_route_sets_gives_way_to_others(tmp_path: Path) -> None:
    text = "".join(
        f"route-set: RS-N{n}\nmembers: AS{n + 1}, RS-N{n + 1}\nsource: TEST\n\n"
        for n in range(3000)
    )
    with loaded(tmp_path, text) as found:
        selection = selection_of(found)
        root = selection.find_set("RS-N0")
        assert root is not None
        members, pauses = run(members_of_route_set(selection, root))
        assert members.origins == set(range(1, 3001))
        assert pauses >= 25

"""A tenth of the torture run: each platform, each fault and each step; all: make torture."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from tests.torture.bench import Bench, bench
from tests.torture.cases import Case, Column, Place, Row, all_cases, representative
from tests.torture.irr_trial import IRR_CASES, IrrBench, IrrCase, irr_bench, run_irr_case
from tests.torture.trial import run_case

pytestmark = pytest.mark.e2e

TENTH = representative(all_cases())
IRR_TENTH = IRR_CASES[::10]


@pytest.fixture(scope="module")
def bench_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Column], Bench]]:
    """A router of each column, started when the first case wants it."""
    with ExitStack() as stack:

        @cache
        def started(column: Column) -> Bench:
            return stack.enter_context(bench(column, tmp_path_factory.mktemp(column)))

        yield started


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IrrBench]:
    with irr_bench(tmp_path_factory.mktemp("irr")) as made:
        yield made


def test_the_tenth_has_everything_in_it() -> None:
    cases = all_cases()
    assert len(set(cases)) == len(cases) >= 200
    assert {case.column for case in TENTH} == set(Column)
    assert {case.row for case in TENTH} == set(Row)
    assert {case.place for case in TENTH} == set(Place)
    assert len(TENTH) <= len(cases) // 10 + 1


@pytest.mark.parametrize("case", TENTH, ids=str)
def test_a_case(case: Case, bench_of: Callable[[Column], Bench]) -> None:
    assert run_case(bench_of(case.column), case) == []


@pytest.mark.parametrize("case", IRR_TENTH, ids=lambda case: str(case.row))
def test_a_case_of_the_registries(case: IrrCase, registries: IrrBench) -> None:
    assert set(map(tuple, run_irr_case(registries, case).values())) == {()}


def test_a_filter_that_is_empty_for_a_moment_is_a_case_lost(
    bench_of: Callable[[Column], Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The torture can lose: a colleague empties a filter while irrgate works, and puts it back."""
    made = bench_of(Column.JUNOS)
    whole_refresh = Bench.refresh

    def refresh(self: Bench) -> object:
        config = self.device.running()
        self.device.set_running(config.replace("2001:db8:500::/40 exact;", ""))
        self.device.set_running(config)
        return whole_refresh(self)

    monkeypatch.setattr(Bench, "refresh", refresh)
    problems = run_case(made, Case(Column.JUNOS, Row.CUT, Place.LOAD))
    assert any("IRR-AS64500-V6 was empty" in problem for problem in problems), problems


def test_a_fault_that_does_not_strike_is_a_case_lost(bench_of: Callable[[Column], Bench]) -> None:
    made = bench_of(Column.EOS)
    [problem] = run_case(made, Case(Column.EOS, Row.CUT, Place.CLOSE))
    assert problem == "the torture's own error: drop at close did not strike"

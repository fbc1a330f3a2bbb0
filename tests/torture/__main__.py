"""`python -m tests.torture`: all cases, the matrix, and as its last line `N cases, M lost`."""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.torture.bench import bench
from tests.torture.cases import Case, Column, Row, all_cases, representative
from tests.torture.irr_trial import COLUMNS, IRR_CASES, IrrCase, irr_bench, run_irr_case
from tests.torture.matrix import Result, lost, table, verdict, write_table
from tests.torture.trial import run_case

CHUNK = 30
"""cases that share a router and a workspace, made new in between"""

Part = Callable[[Path, "Progress"], list[Result]]
"""Some of the cases, on routers of their own: given a new directory, returns what came of them."""


class Progress:
    """A line on stderr for each case that comes to an end."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = itertools.count(1)
        self._lock = threading.Lock()

    def tell(self, result: Result, seconds: float) -> None:
        with self._lock:
            word = "LOST" if result.problems else "ok"
            number = next(self._done)
            print(f"{number}/{self._total} {word} {seconds:.1f} s {result.name}", file=sys.stderr)
            for problem in result.problems:
                print(f"    {problem}", file=sys.stderr, flush=True)


def router_part(cases: Sequence[Case]) -> Part:
    """Cases of one column, on one router."""

    def run(directory: Path, progress: Progress) -> list[Result]:
        results = []
        with bench(cases[0].column, directory) as made:
            for case in cases:
                started = time.monotonic()
                problems = tuple(run_case(made, case))
                results.append(Result(case.column, case.row, str(case), problems))
                progress.tell(results[-1], time.monotonic() - started)
        return results

    return run


def irr_part(cases: Sequence[IrrCase]) -> Part:
    """Cases of the registries' side; each is one for each platform."""

    def run(directory: Path, progress: Progress) -> list[Result]:
        results = []
        with irr_bench(directory) as made:
            for case in cases:
                started = time.monotonic()
                for column, problems in run_irr_case(made, case).items():
                    name = f"{column}: {case.row}"
                    results.append(Result(column, case.row, name, tuple(problems)))
                    progress.tell(results[-1], time.monotonic() - started)
        return results

    return run


def parts(cases: Iterable[Case], irr_cases: Sequence[IrrCase]) -> Iterator[Part]:
    """The cases in parts that can run at once, the longest first."""
    for _, group in itertools.groupby(cases, key=lambda case: case.column):
        of_column = list(group)
        for start in range(0, len(of_column), CHUNK):
            yield router_part(of_column[start : start + CHUNK])
    for start in range(0, len(irr_cases), CHUNK):
        yield irr_part(irr_cases[start : start + CHUNK])


def run_all(cases: Sequence[Case], irr_cases: Sequence[IrrCase], jobs: int) -> list[Result]:
    """Run the cases, `jobs` at once; the results in their order."""
    progress = Progress(len(cases) + len(irr_cases) * len(COLUMNS))
    with tempfile.TemporaryDirectory(prefix="torture-") as root, ThreadPoolExecutor(jobs) as pool:
        futures = [
            pool.submit(part, Path(root) / str(number), progress)
            for number, part in enumerate(parts(cases, irr_cases))
        ]
        return [result for future in futures for result in future.result()]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--jobs", type=int, default=6, help="cases at once; most of them wait")
    parser.add_argument("--tenth", action="store_true", help="the routers' part of make test")
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds it")
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into FILE")
    options = parser.parse_args()
    cases = representative(all_cases()) if options.tenth else all_cases()
    cases = tuple(case for case in cases if options.only in str(case))
    irr_cases = [case for case in IRR_CASES if options.only in case.row and not options.tenth]
    results = run_all(cases, irr_cases, options.jobs)
    rows = [*map(str, Row), *(case.row for case in IRR_CASES)]
    text, line = table(results, [str(each) for each in Column], rows), verdict(results)
    if options.write:
        write_table(options.write, text, line)
    print(f"{text}\n{lost(results)}{line}")
    return 1 if lost(results) else 0


if __name__ == "__main__":
    sys.exit(main())

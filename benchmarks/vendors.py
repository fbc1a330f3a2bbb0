"""What big filters cost on the emulated routers: a first load, one prefix that changes, a read.

    python -m benchmarks.vendors [eos junos ...]

Each filter is brought to an emulated router by the steps of apply, through the real driver and
transport. What counts is irrgate's own part; the emulated router's is in the wall time as well.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from irrgate.platforms import find_platform
from irrgate.platforms.platform import ManagedList, read_candidate
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from tasks.connection import NapalmConnection
from tasks.shown_identity import REACHED_BY, Proof, ask_identity
from tasks.unconfirmed import SavesConfig, let_go
from tests.lab.harness import PLATFORMS, LabDevice
from tests.lab.network import EMPTY_CONFIG
from tests.unit.platforms.routers import router

NAME: Final = "IRR-AS64500-V4"
ENTRIES: Final = 100_000
LISTS: Final = 5
REVERT_IN: Final = 600
DELTA_AIM: Final = 1.0
"""seconds to compute the change of one prefix in 100,000"""
PARSE_AIM: Final = 3.0
"""seconds to read 500,000 lines"""


@dataclass
class Figures:
    """What one platform took."""

    platform: str
    seconds: dict[str, float] = field(default_factory=dict)
    own_cpu: float = 0.0
    """of the first load"""
    delta_lines: int = 0
    """lines of the candidate that changes one prefix; of a whole filter where it is replaced"""
    delta_bytes: int = 0
    parsed_lines: int = 0

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[step] = self.seconds.get(step, 0.0) + time.monotonic() - started


def scattered(entries: int, first: int = 0x0B000000) -> PrefixSet:
    """As many /24 of which no two make one entry."""
    return PrefixSet.from_entries(
        Afi.IPV4, ((first + (number << 9), 24, 24, 24) for number in range(entries))
    )


@dataclass
class Bench:
    """An emulated router with an open driver to it."""

    platform: str
    driver: Any
    figures: Figures
    held: dict[str, ManagedList] = field(default_factory=dict)

    def candidate(self, prefixes: PrefixSet) -> str:
        platform = find_platform(self.platform)
        printed = platform.printed(NAME, prefixes, self.held.get(NAME))
        text = Renderer().render(platform.name, [printed])
        made = read_candidate(platform, text, self.held, {NAME: Afi.IPV4})
        if made.lists[NAME].prefixes != prefixes:
            raise SystemExit(f"{self.platform}: the candidate says something else")
        return text

    def push(self, candidate: str, prefixes: PrefixSet, what: str) -> None:
        can = find_platform(self.platform).capabilities
        with self.figures.timed(f"{what}: dry run"):
            self.driver.load_merge_candidate(config=candidate)
            if not self.driver.compare_config().strip():
                raise SystemExit(f"{self.platform}: nothing to change")
            self.driver.discard_config()
        with self.figures.timed(f"{what}: commit"):
            self.driver.load_merge_candidate(config=candidate)
            self.driver.compare_config()
            self.driver.commit_config(**({"revert_in": REVERT_IN} if can.commit_confirm else {}))
        with self.figures.timed(f"{what}: read back"):
            self.read(prefixes)
        with self.figures.timed(f"{what}: confirm"):
            if can.commit_confirm:
                self.driver.confirm_commit()
            elif isinstance(self.driver, SavesConfig):
                self.driver.save_config()

    def read(self, prefixes: PrefixSet) -> None:
        running = self.driver.get_config(retrieve="running")["running"]
        self.held = dict(
            find_platform(self.platform).parse(running, {NAME: Afi.IPV4}, "IRR-").lists
        )
        if self.held[NAME].prefixes != prefixes:
            raise SystemExit(f"{self.platform}: {NAME} is not what it was to be")


@contextmanager
def bench(platform: str, directory: Path) -> Iterator[Bench]:
    with LabDevice.start(
        platform, "edge1", directory, running=EMPTY_CONFIG[platform].format(name="edge1")
    ) as device:
        proof, _ = REACHED_BY[platform]
        known = directory / "known"
        known.write_text(ask_identity(proof, device.host, device.port).line)
        option = "known_hosts" if proof is Proof.SSH else "ca_file"
        connection = NapalmConnection()
        connection.open(
            device.host, device.username, device.password, device.port, platform,
            extras={"timeout": 900, "optional_args": {option: str(known)}},
        )  # fmt: skip
        try:
            yield Bench(platform, connection.connection, Figures(platform))
            let_go(connection.connection)
        finally:
            connection.close()


def parse(figures: Figures) -> None:
    """Read a running config with 500,000 lines of ours."""
    platform, device = find_platform(figures.platform), router(figures.platform)
    wanted = {f"IRR-AS{64500 + number}-V4": Afi.IPV4 for number in range(LISTS)}
    prefixes = scattered(ENTRIES)
    for name in wanted:
        device.load(Renderer().render(platform.name, [platform.printed(name, prefixes, None)]))
    running = device.running()
    figures.parsed_lines = running.count("\n")
    with figures.timed("parse"):
        found = platform.parse(running, wanted, "IRR-")
    if any(found.lists[name].prefixes != prefixes for name in wanted):
        raise SystemExit(f"{figures.platform}: reads something else than it holds")


def measure(platform: str, directory: Path) -> Figures:
    first = scattered(ENTRIES)
    [gone, *_] = first.entries()
    came = PrefixSet.parse(Afi.IPV4, ["198.18.0.0/24"])
    second = first.difference(PrefixSet.from_entries(Afi.IPV4, [gone])).union(came)
    with bench(platform, directory) as on:
        before = _own_cpu()
        with on.figures.timed("first load: render"):
            candidate = on.candidate(first)
        on.push(candidate, first, "first load")
        on.figures.own_cpu = _own_cpu() - before
        with on.figures.timed("one prefix: compute"):
            candidate = on.candidate(second)
        on.figures.delta_lines = candidate.count("\n")
        on.figures.delta_bytes = len(candidate)
        on.push(candidate, second, "one prefix")
    parse(on.figures)
    return on.figures


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


HEADINGS: Final = (
    "platform", "first load", "of it commit", "irrgate CPU", "one prefix: computed",
    "lines sent", "and committed", "500,000 lines read",
)  # fmt: skip


def row(figures: Figures) -> tuple[str, ...]:
    seconds: Mapping[str, float] = figures.seconds
    computed, parsed = seconds["one prefix: compute"], seconds["parse"]
    return (
        figures.platform,
        f"{sum(each for step, each in seconds.items() if step.startswith('first')):.1f}",
        f"{seconds['first load: commit']:.1f}",
        f"{figures.own_cpu:.1f}",
        f"{computed:.2f} ({_verdict(computed, DELTA_AIM)})",
        f"{figures.delta_lines:,}",
        f"{sum(each for step, each in seconds.items() if step.startswith('one')):.1f}",
        f"{parsed:.2f} ({_verdict(parsed, PARSE_AIM)})",
    )


def _verdict(value: float, aim: float) -> str:
    return "met" if value <= aim else f"missed: {aim:g}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("platforms", nargs="*", default=list(PLATFORMS))
    print(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        for platform in parser.parse_args().platforms:
            figures = measure(platform, Path(temporary) / platform)
            print(f"| {' | '.join(row(figures))} |", flush=True)


if __name__ == "__main__":
    main()

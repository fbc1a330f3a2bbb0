"""irrgate's expansion, filter and render of 200 peers against the same bgpq4 calls run alone.

    python -m benchmarks.expansion irr.db.gz

Both ask the same embedded server, in turns; the figure is the ratio of their wall times.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.irr import VARIABLE, load
from irrgate.filters import Filter
from irrgate.intents import Intents
from irrgate.irr import bgpq4
from irrgate.irr.expander import Expander
from irrgate.irr.registry import RegisteredSet, Registry
from irrgate.irr.resolver import Selection, origins_of
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
from irrgate.platforms import find_platform
from irrgate.prefixes import Afi, PrefixRange
from irrgate.render import Renderer
from irrgate.rpsl import Asn, SourceName, parse_set_name
from tests.lab.irr_process import irr_server

PEERS = 200
PREFIXES = 480_000
AT_ONCE = 8
ORIGINS = range(20, 1500)
CANDIDATES = 400
ROUNDS = 5
SOURCES = ("RIPE", "RADB", "ARIN", "APNIC", "AFRINIC", "LACNIC")
OURS = PrefixRange.parse("193.0.0.0/21")


@dataclass(frozen=True, slots=True)
class ExpansionFigures:
    """Medians of ROUNDS rounds, taken in turns."""

    peers: int
    prefixes: int
    entries: int
    irrgate_seconds: float
    bgpq4_seconds: float
    ratio: float
    """the median of the rounds' own ratios"""
    irrgate_cpu: float
    """seconds of irrgate's own process"""


def network(port: int, workers: int = AT_ONCE) -> Network:
    """Return a network that asks the server on this port."""
    policy = FilterPolicy(FilterNames.parse("IRR-{peer}-{afi}"), PerAfi(24, 48), False, False)
    sources = tuple(SourceName(name) for name in SOURCES)
    irr = IrrSettings((IrrServer("127.0.0.1", port),), sources, 600, workers)
    limits = GuardLimits(0.3, 3.0, PerAfi(2_000_000, 2_000_000), timedelta(days=7))
    return Network(Asn(3333), (OURS,), irr, policy, limits)


def peer(number: int, name: str, policy: FilterPolicy) -> Peer:
    """Return an invented neighbour that announces a real as-set."""
    both = (parse_set_name(name),)
    return Peer(
        Asn(number), name, Role.CUSTOMER, PerAfi(both, both), PerAfi(None, None), (), (), policy
    )


def choose_sets(snapshot: Path, port: int) -> list[str]:
    """Return PEERS as-sets with about PREFIXES prefixes together; the same ones every time."""
    counted = sorted(
        (size, name)
        for name in sets_by_origins(snapshot, ORIGINS, CANDIDATES)
        if 20 <= (size := prefix_count(port, name)) <= 20_000
    )
    # A window of the sorted sizes whose sum is nearest: small networks and large ones alike.
    windows = range(max(1, len(counted) - PEERS))
    best = min(
        windows,
        key=lambda i: abs(sum(size for size, _ in counted[i : i + PEERS]) - PREFIXES),
    )
    return [name for _, name in counted[best : best + PEERS]]


def sets_by_origins(snapshot: Path, wanted: range, number: int) -> list[str]:
    """Return the names of `number` as-sets with so many origins, drawn with a fixed seed."""
    registry = Registry.open(snapshot)
    try:
        selection = Selection(registry, tuple(range(len(registry.sources))))
        names = sorted(name for name in registry.set_names() if name.startswith("AS-"))
        random.Random(4).shuffle(names)
        found: list[str] = []
        for name in names:
            as_set = selection.find_set(name)
            if as_set is not None and _origins(selection, as_set, wanted.stop) in wanted:
                found.append(name)
                if len(found) == number:
                    break
        return found
    finally:
        registry.close()


def _origins(selection: Selection, as_set: RegisteredSet, limit: int) -> int:
    """Return the number of origins of a set; -1 when it takes more than `limit` steps to say."""
    work = origins_of(selection, as_set)
    try:
        for _ in range(limit):
            next(work)
    except StopIteration as stop:
        return len(stop.value)
    return -1


def prefix_count(port: int, name: str) -> int:
    """Return the number of prefixes of both families that bgpq4 has for the set."""
    size = 0
    for family in ("-4", "-6"):
        argv = ["bgpq4", "-h", f"127.0.0.1:{port}", family, "-F", ".\\n", name]
        size += subprocess.run(argv, capture_output=True, check=True).stdout.count(b".")
    return size


def run_irrgate(port: int, names: Sequence[str]) -> tuple[int, int]:
    """Expand, filter and render for EOS; return the prefixes registered and entries printed."""
    ours = network(port)
    peers = {Asn(1000 + i): peer(1000 + i, name, ours.filters) for i, name in enumerate(names)}
    wanted = [(asn, afi) for asn in peers for afi in Afi]
    platform, renderer = find_platform("eos"), Renderer()
    registered = entries = 0
    program = bgpq4.find_bgpq4(os.environ)
    with Expander(ours.irr, program=program, clock=time.monotonic) as expander:
        intents = Intents(ours, peers.__getitem__, expander)
        intents.prefetch(wanted)
        for asn, afi in wanted:
            made = intents.filter(asn, afi)
            if not isinstance(made, Filter):
                raise SystemExit(f"{made.name}: {made.reason}")
            registered += made.registered
            printed = platform.printed(made.name, made.prefixes, None)
            entries += len(printed.lines)
            renderer.render("eos", [printed])
    return registered, entries


def run_bgpq4(port: int, names: Sequence[str]) -> None:
    """Run the same bgpq4 calls, and nothing else."""
    argv = ["xargs", f"-P{AT_ONCE}", "-n2", "bgpq4", "-h", f"127.0.0.1:{port}", "-j", "-l"]
    argv += ["irrgate", "-S", ",".join(SOURCES)]
    calls = "\n".join(f"{family} {name}" for name in names for family in ("-4", "-6"))
    subprocess.run(argv, input=calls.encode(), stdout=subprocess.DEVNULL, check=True)


def measure(snapshot: Path) -> ExpansionFigures:
    """Take ROUNDS rounds of both."""
    ours: list[float] = []
    alone: list[float] = []
    registered = entries = 0
    used = 0.0
    sys.setswitchinterval(0.0005)  # as the command line does
    with irr_server(snapshot) as server:
        chosen = choose_sets(snapshot, server.port)
        for _ in range(ROUNDS + 1):
            started, cpu = time.monotonic(), _cpu()
            registered, entries = run_irrgate(server.port, chosen)
            ours.append(time.monotonic() - started)
            used = _cpu() - cpu
            started = time.monotonic()
            run_bgpq4(server.port, chosen)
            alone.append(time.monotonic() - started)
    ratios = [a / b for a, b in zip(ours[1:], alone[1:], strict=True)]
    return ExpansionFigures(
        len(chosen),
        registered,
        entries,
        statistics.median(ours[1:]),
        statistics.median(alone[1:]),
        statistics.median(ratios),
        used,
    )


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("dump", nargs="?", type=Path, default=os.environ.get(VARIABLE))
    parser.add_argument("--snapshot", type=Path, help="use this snapshot instead of loading one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        snapshot = arguments.snapshot or Path(directory) / "registry.irr"
        if arguments.snapshot is None:
            if arguments.dump is None:
                print(f"skipped: no registry dump (name one as the argument, or in {VARIABLE})")
                return
            load(Path(arguments.dump), snapshot)
        figures = measure(snapshot)
    print(figures)


if __name__ == "__main__":
    main()

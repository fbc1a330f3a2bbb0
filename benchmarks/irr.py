"""What the embedded IRR server costs, on a registry of the Internet's size.

    python -m benchmarks.irr irr.db.gz

reads RPSL dumps (or the file that IRRGATE_REAL_IRR names), and prints the time and memory of the
load, of bgpq4 on one very big as-set, and of 500 small ones compared with a server that only
looks recorded answers up.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from irrgate.irr.registry import Registry
from irrgate.irr.resolver import Selection, origins_of
from tests.lab import memory_irr
from tests.lab.irr_process import ROOT, irr_server

VARIABLE = "IRRGATE_REAL_IRR"
BIG_SET = "AS-NETIX"
SMALL_SETS = 500
AT_ONCE = 8
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class LoadFigures:
    """The load of one dump by the command line."""

    seconds: float
    peak_mib: float
    snapshot_mib: float


@dataclass(frozen=True, slots=True)
class BigSetFigures:
    """bgpq4 on one big set, both families, and the server's memory afterwards."""

    ipv4_seconds: float
    ipv4_prefixes: int
    ipv6_seconds: float
    ipv6_prefixes: int
    server_peak_mib: float


@dataclass(frozen=True, slots=True)
class SmallSetsFigures:
    """bgpq4 on many small sets, AT_ONCE at once: medians of ROUNDS rounds."""

    sets: int
    seconds: float
    memory_seconds: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.memory_seconds


def load(dump: Path, snapshot: Path) -> LoadFigures:
    argv = ["-m", "playbooks.irr", "load", str(dump), "--snapshot", str(snapshot)]
    argv += ["--show-problems", "0"]
    started = time.monotonic()
    process = subprocess.Popen([sys.executable, *argv], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"irr load ended with {process.returncode}")
    return LoadFigures(seconds, usage.ru_maxrss / 1024, snapshot.stat().st_size / 2**20)


def big_set(snapshot: Path, name: str = BIG_SET) -> BigSetFigures:
    with irr_server(snapshot) as server:
        ipv4_seconds, ipv4_prefixes = _timed_bgpq4(server.port, "-4", name)
        ipv6_seconds, ipv6_prefixes = _timed_bgpq4(server.port, "-6", name)
        status = Path(f"/proc/{server.process.pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return BigSetFigures(
        ipv4_seconds, ipv4_prefixes, ipv6_seconds, ipv6_prefixes, int(peak.split()[1]) / 1024
    )


def small_sets(snapshot: Path, directory: Path) -> SmallSetsFigures:
    names = small_set_names(snapshot, SMALL_SETS)
    mine: list[float] = []
    memory: list[float] = []
    with ExitStack() as stack:
        server = stack.enter_context(irr_server(snapshot))
        hello = [b"!a", b"!s-lc"]
        answers = memory_irr.record(server.port, hello)
        sources = answers[b"!s-lc"].split(b"\n")[1]
        queries = [b"!s" + sources, *(b"!a4" + name.encode() for name in names)]
        answers |= memory_irr.record(server.port, queries)
        port = stack.enter_context(memory_irr.start(answers, directory / "recording.json"))
        # Rounds take turns, so that whatever else the machine does hits both.
        for _ in range(ROUNDS):
            mine.append(_timed_xargs(server.port, names))
            memory.append(_timed_xargs(port, names))
    return SmallSetsFigures(len(names), statistics.median(mine), statistics.median(memory))


def small_set_names(snapshot: Path, number: int) -> list[str]:
    """Names of as-sets of 1 to 50 ASNs, spread over the alphabet; the same ones every time."""
    registry = Registry.open(snapshot)
    try:
        selection = Selection(registry, tuple(range(len(registry.sources))))
        names: list[str] = []
        candidates = registry.set_names()
        step = max(1, len(candidates) // (3 * number))
        for name in candidates[::step]:
            found = selection.find_set(name)
            if found is None or len(found.names) > 3 or len(found.asns) > 20:
                continue
            work = origins_of(selection, found)
            try:
                next(work)
            except StopIteration as stop:
                if 1 <= len(stop.value) <= 50:
                    names.append(name)
            if len(names) == number:
                break
        return names
    finally:
        registry.close()


def _timed_bgpq4(port: int, family: str, name: str) -> tuple[float, int]:
    argv = ["bgpq4", "-h", f"127.0.0.1:{port}", family, "-j", "-l", "x", name]
    started = time.monotonic()
    done = subprocess.run(argv, capture_output=True, check=True, timeout=300)
    return time.monotonic() - started, done.stdout.count(b'"prefix"')


def _timed_xargs(port: int, names: Sequence[str]) -> float:
    argv = ["xargs", f"-P{AT_ONCE}", "-n1", "bgpq4", "-h", f"127.0.0.1:{port}", "-4", "-j", "-lx"]
    started = time.monotonic()
    subprocess.run(
        argv, input="\n".join(names).encode(), stdout=subprocess.DEVNULL, check=True, timeout=300
    )
    return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("dump", nargs="?", type=Path, default=os.environ.get(VARIABLE))
    dump = parser.parse_args().dump
    if dump is None or not Path(dump).exists():
        print(f"skipped: no registry dump (name one as the argument, or in {VARIABLE})")
        return
    with tempfile.TemporaryDirectory() as directory:
        snapshot = Path(directory) / "registry.irr"
        loaded = load(Path(dump), snapshot)
        print(f"load                  {loaded.seconds:7.1f} s   {loaded.peak_mib:6.0f} MiB peak")
        print(f"snapshot              {loaded.snapshot_mib:7.1f} MiB")
        big = big_set(snapshot)
        print(f"{BIG_SET} IPv4         {big.ipv4_seconds:7.2f} s   {big.ipv4_prefixes:,} prefixes")
        print(f"{BIG_SET} IPv6         {big.ipv6_seconds:7.2f} s   {big.ipv6_prefixes:,} prefixes")
        print(f"server's peak memory  {big.server_peak_mib:7.0f} MiB")
        small = small_sets(snapshot, Path(directory))
        print(f"{small.sets} small sets        {small.seconds:7.2f} s")
        print(f"  from a dict         {small.memory_seconds:7.2f} s   ratio {small.ratio:.2f}")


if __name__ == "__main__":
    main()

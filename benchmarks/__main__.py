"""`make bench`: every figure of docs/performance.md, as one table.

    IRRGATE_REAL_IRR=/path/to/irr.db.gz make bench

The registry dump is RPSL at Internet scale: an IRRd mirror's, or the registries' own, joined.
Ratios are taken in one run, in turns with what they are compared with.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

from benchmarks import expansion, irr, whole_run
from irrgate import __version__

Row = tuple[str, str, str]
GIB = 1024.0


def _verdict(value: float, limit: float) -> str:
    return "met" if value <= limit else "MISSED"


def irr_rows(dump: Path, snapshot: Path, directory: Path) -> list[Row]:
    """Load, one very big set, 500 small ones."""
    loaded = irr.load(dump, snapshot)
    big = irr.big_set(snapshot)
    small = irr.small_sets(snapshot, directory)
    return [
        (
            "irr load",
            f"{loaded.seconds:.1f} s, {loaded.peak_mib:.0f} MiB",
            f"90 s, 1 GiB: {_verdict(max(loaded.seconds / 90, loaded.peak_mib / GIB), 1)}",
        ),
        (
            f"bgpq4 {irr.BIG_SET} IPv4 ({big.ipv4_prefixes:,} prefixes)",
            f"{big.ipv4_seconds:.1f} s",
            f"10 s: {_verdict(big.ipv4_seconds, 10)}",
        ),
        (
            f"bgpq4 {irr.BIG_SET} IPv6 ({big.ipv6_prefixes:,} prefixes)",
            f"{big.ipv6_seconds:.1f} s",
            f"10 s: {_verdict(big.ipv6_seconds, 10)}",
        ),
        ("IRR server, peak memory", f"{big.server_peak_mib:.0f} MiB", ""),
        (
            f"{small.sets} small sets, {irr.AT_ONCE} at once / the same from memory",
            f"{small.seconds:.2f} s / {small.memory_seconds:.2f} s = {small.ratio:.2f}",
            f"3.0: {_verdict(small.ratio, 3)}",
        ),
    ]


def expansion_rows(snapshot: Path) -> list[Row]:
    """irrgate on 200 peers against bgpq4 alone."""
    found = expansion.measure(snapshot)
    return [
        (
            f"irrgate, {found.peers} peers, {found.prefixes:,} prefixes / bgpq4 alone",
            f"{found.irrgate_seconds:.2f} s / {found.bgpq4_seconds:.2f} s = {found.ratio:.2f}",
            f"2.0: {_verdict(found.ratio, 2)}",
        )
    ]


def whole_run_rows(snapshot: Path, directory: Path) -> list[Row]:
    """Plan, apply and plan for 50 networks on two routers."""
    found = whole_run.measure(snapshot, directory)
    rows = [
        (
            f"{each.command} ({name})",
            f"{each.seconds:.0f} s ({each.cpu_seconds:.0f} s CPU), {each.peak_mib:.0f} MiB",
            f"1.5 GiB: {_verdict(each.peak_mib / GIB, 1.5)}",
        )
        for each, name in zip(found.runs, ("all new", "commit", "nothing to do"), strict=True)
    ]
    about = f"{found.registered:,} prefixes, {found.entries:,} entries, {found.routers} routers"
    return [(f"whole run, {whole_run.NETWORKS} networks", about, ""), *rows]


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("dump", nargs="?", type=Path, default=os.environ.get(irr.VARIABLE))
    dump = parser.parse_args().dump
    if dump is None or not Path(dump).exists():
        print(f"skipped: no registry dump at hand; {irr.VARIABLE}=/path/to/irr.db.gz names one")
        return
    print(
        f"irrgate {__version__}, Python {platform.python_version()}, {os.cpu_count()} CPUs, "
        f"{platform.machine()}\n",
        flush=True,
    )
    print("| what | measured | aim |\n|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        snapshot = directory / "registry.irr"
        _print(irr_rows(Path(dump), snapshot, directory))
        _print(expansion_rows(snapshot))
        _print(whole_run_rows(snapshot, directory))


def _print(rows: list[Row]) -> None:
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()

"""A whole plan and apply for 50 real networks, small to AS-NETIX, on one EOS and one Junos router.

    python -m benchmarks.whole_run irr.db.gz

The routers are the emulated ones of tests/lab: what is measured is irrgate's own process, from
the command line to its end; the routers' own time is in the wall time and not in the CPU time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.expansion import ORIGINS, SOURCES, sets_by_origins
from benchmarks.irr import BIG_SET, VARIABLE, load
from irrgate.plan_file import PlanFile
from tests.lab.harness import LabDevice
from tests.lab.irr_process import irr_server
from tests.lab.network import EMPTY_CONFIG, PASSWORD, irrgate_argv

NETWORKS = 50
PLATFORMS = ("eos", "junos")


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run of a command."""

    command: str
    exit_code: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class WholeRunFigures:
    """The runs in their order, and what the plan held."""

    runs: tuple[RunFigures, ...]
    registered: int
    entries: int
    routers: int


def choose_networks(snapshot: Path) -> list[str]:
    """Return as-sets from a few prefixes to AS-NETIX; the same ones every time."""
    small = sets_by_origins(snapshot, range(1, 20), 30)
    return [*small, *sets_by_origins(snapshot, ORIGINS, NETWORKS - 1 - len(small)), BIG_SET]


def write_workspace(directory: Path, port: int, names: list[str], devices: list[LabDevice]) -> None:
    """Write a workspace in which each of the devices has a session with each network."""
    inventory = directory / "inventory"
    inventory.mkdir()
    peers = {f"AS{1000 + i}": name for i, name in enumerate(names)}
    (inventory / "peers.yaml").write_text(
        "".join(
            f"{asn}:\n  name: {name}\n  role: customer\n  as_sets: [{name}]\n"
            for asn, name in peers.items()
        )
    )
    (inventory / "network.yaml").write_text(
        "asn: AS3333\nprefixes: [193.0.0.0/21]\n"
        f'irr:\n  servers: ["127.0.0.1:{port}"]\n  sources: [{", ".join(SOURCES)}]\n'
        "  timeout: 600\n  workers: 8\n"
        "guards:\n  max_prefixes: {ipv4: 2000000, ipv6: 2000000}\n"
    )
    hosts = ""
    for device in devices:
        sessions = "".join(
            f"      - {{peer: {asn}, address: {address}}}\n"
            for i, asn in enumerate(peers)
            for address in (f"198.51.100.{i + 1}", f'"2001:db8::{i + 1:x}"')
        )
        verify = (
            f"ca_file: {device.certificate}"
            if device.platform == "eos"
            else f"ssh_config_file: {device.napalm_optional_args()['ssh_config_file']}"
        )
        hosts += (
            f"{device.name}:\n  hostname: 127.0.0.1\n  port: {device.port}\n"
            f"  platform: {device.platform}\n  username: lab\n"
            "  connection_options:\n    napalm:\n      extras:\n        timeout: 900\n"
            f"        optional_args: {{{verify}}}\n"
            f"  data:\n    sessions:\n{sessions}"
        )
    (inventory / "hosts.yaml").write_text(hosts)


def run(directory: Path, *arguments: str) -> RunFigures:
    """Run one irrgate command to its end."""
    argv = [*irrgate_argv(), "-w", str(directory), *arguments]
    started = time.monotonic()
    with (directory / "output.txt").open("ab") as output:
        process = subprocess.Popen(
            argv,
            stdout=output,
            stderr=output,
            cwd=directory,
            env={**os.environ, "IRRGATE_PASSWORD": PASSWORD},
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return RunFigures(
        " ".join(arguments[:1]),
        process.returncode,
        time.monotonic() - started,
        usage.ru_utime + usage.ru_stime,
        usage.ru_maxrss / 1024,
    )


def measure(snapshot: Path, directory: Path) -> WholeRunFigures:
    """Plan, apply, and plan again."""
    names = choose_networks(snapshot)
    devices = [
        LabDevice.start(
            platform,
            f"edge-{platform}",
            directory / platform,
            running=EMPTY_CONFIG[platform].format(name=f"edge-{platform}"),
            password=PASSWORD,
        )
        for platform in PLATFORMS
    ]
    try:
        with irr_server(snapshot) as server:
            write_workspace(directory, server.port, names, devices)
            runs = (
                run(directory, "plan", "--out", "first.zip"),
                run(directory, "apply", "first.zip"),
                run(directory, "plan", "--out", "second.zip"),
            )
    finally:
        for device in devices:
            device.stop()
    if [each.exit_code for each in runs] != [2, 0, 0]:
        sys.stdout.write((directory / "output.txt").read_text()[-4000:])
        raise SystemExit(f"exit codes {[each.exit_code for each in runs]}")
    with PlanFile(directory / "first.zip") as opened:
        filters = [each for p in opened.plan.peers.values() for each in p.filters.values()]
    return WholeRunFigures(
        runs,
        sum(each.registered for each in filters),
        sum(each.entries for each in filters),
        len(devices),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("dump", nargs="?", type=Path, default=os.environ.get(VARIABLE))
    parser.add_argument("--snapshot", type=Path, help="use this snapshot instead of loading one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        snapshot = arguments.snapshot or directory / "registry.irr"
        if arguments.snapshot is None:
            if arguments.dump is None:
                print(f"skipped: no registry dump (name one as the argument, or in {VARIABLE})")
                return
            load(Path(arguments.dump), snapshot)
        figures = measure(snapshot, directory)
    for each in figures.runs:
        print(each)
    print(figures.registered, figures.entries, figures.routers)


if __name__ == "__main__":
    main()

"""`make demo`: the whole of irrgate on invented networks, in under a minute.

    python -m tests.lab.demo [--keep DIR]

Starts the embedded IRR server and four emulated routers, which NAPALM's own drivers talk to over
TLS and SSH, and runs the real command line: plan, apply, a registry change, the way back, refresh.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.lab.network import LabNetwork, irrgate_argv, lab_network

WITHDRAWN = """route:          10.11.20.0/24
origin:         AS64507
source:         DEMO
"""
ADDED = """route:          10.11.24.0/22
origin:         AS64505
source:         DEMO
"""
CHANGES = 2
HELD = 3


class Demo:
    """Tells what happens, and stops at the first command that does not end as it must."""

    def __init__(self, network: LabNetwork) -> None:
        self._network = network
        self._paint = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(self, text: str) -> None:
        start, end = ("\033[1;36m", "\033[0m") if self._paint else ("", "")
        print(f"\n{start}── {text}{end}", flush=True)

    def run(self, *arguments: str, expect: int = 0) -> None:
        start, end = ("\033[1m", "\033[0m") if self._paint else ("", "")
        print(f"{start}$ irrgate {' '.join(arguments)}{end}", flush=True)
        done = subprocess.run(
            [*irrgate_argv(), *arguments],
            cwd=self._network.directory,
            env=self._network.environ,
            check=False,
        )
        if done.returncode != expect:
            raise SystemExit(f"demo: exit code {done.returncode}, where {expect} was expected")

    def tell(self) -> None:
        """Run all of it."""
        self.say("Four routers, six neighbours, one IRR server: does everything answer?")
        self.run("check", "--irr", "--devices")
        self.say("What does the IRR say of a customer, and what does the policy let through?")
        self.run("expand", "-4", "DEMO::AS-EJEMPLO")
        self.say("The plan: expanded by bgpq4, rendered, and dry-run on each router. Exit code 2")
        self.run("plan", "--out", "first.zip", expect=CHANGES)
        self.say("Apply commits the plan's bytes, reads them back, and only then confirms")
        self.run("apply", "first.zip")
        self.say("A second plan is empty: the routers hold what they should, and are not touched")
        self.run("plan", "--out", "second.zip")
        self.say("The registry changes: 10.11.24.0/22 is registered, 10.11.20.0/24 withdrawn")
        registry = self._network.registry.read_text(encoding="latin-1")
        assert WITHDRAWN in registry
        self._network.load_registry(registry.replace(WITHDRAWN, ADDED))
        self.say("The plan shows just these two, on the routers that have the customer")
        self.run("plan", "--out", "third.zip", expect=CHANGES)
        self.run("apply", "third.zip", "--canary", "edge1.mex", "--reason", "CHG-1")
        self.say("The customer calls: the way back is a plan as well, and is applied like one")
        self.run("rollback", "2", "--out", "back.zip", "--reason", "INC-1", expect=CHANGES)
        self.run("apply", "back.zip")
        self.say("The nightly refresh does not bring back what was rolled back from. Exit code 3")
        self.run("refresh", expect=HELD)
        self.say("Somebody says that it was not the filter, and it comes through: this once")
        self.run("accept", "AS64500", "--reason", "it was their router")
        self.run("refresh")
        self.run("history")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", type=Path, help="make the workspace here, and leave it there")
    keep: Path | None = parser.parse_args().keep
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="irrgate-demo-") as temporary:
        directory = keep or Path(temporary) / "workspace"
        with lab_network(directory, environ=dict(os.environ)) as network:
            Demo(network).tell()
    print(f"\nDone in {time.monotonic() - started:.0f} s. Next: irrgate init my-network")


if __name__ == "__main__":
    main()

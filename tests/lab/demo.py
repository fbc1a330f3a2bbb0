"""`make demo`: the whole of irrgate on invented networks, in under a minute.

    python -m tests.lab.demo [--keep DIR]

Starts the embedded IRR server and four emulated routers, which NAPALM's own drivers talk to over
TLS and SSH, and runs the real command line: plan, apply, a registry change, the way back, refresh.
Then, where BIRD or FRR is installed and may run in namespaces, what these accept.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from tests.lab.demo_real import installed, obstacle, real_part
from tests.lab.network import LabNetwork, lab_network
from tests.lab.telling import interruptible, run, say

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


def tell(network: LabNetwork) -> None:
    """Run all of it."""
    say("Four routers, six neighbours, one IRR server: does everything answer?")
    run(network, "check", "--irr", "--devices")
    say("What does the IRR say of a customer, and what does the policy let through?")
    run(network, "expand", "-4", "DEMO::AS-EJEMPLO")
    say("The plan: expanded by bgpq4, rendered, and dry-run on each router. Exit code 2")
    run(network, "plan", "--out", "first.zip", expect=CHANGES)
    say("Apply commits the plan's bytes, reads them back, and only then confirms")
    run(network, "apply", "first.zip")
    say("A second plan is empty: the routers hold what they should, and are not touched")
    run(network, "plan", "--out", "second.zip")
    say("The registry changes: 10.11.24.0/22 is registered, 10.11.20.0/24 withdrawn")
    registry = network.registry.read_text(encoding="latin-1")
    assert WITHDRAWN in registry
    network.load_registry(registry.replace(WITHDRAWN, ADDED))
    say("The plan shows just these two, on the routers that have the customer")
    run(network, "plan", "--out", "third.zip", expect=CHANGES)
    run(network, "apply", "third.zip", "--canary", "edge1.mex", "--reason", "CHG-1")
    say("The customer calls: the way back is a plan as well, and is applied like one")
    run(network, "rollback", "2", "--out", "back.zip", "--reason", "INC-1", expect=CHANGES)
    run(network, "apply", "back.zip")
    say("The nightly refresh does not bring back what was rolled back from. Exit code 3")
    run(network, "refresh", expect=HELD)
    say("Somebody says that it was not the filter, and it comes through: this once")
    run(network, "accept", "AS64500", "--reason", "it was their router")
    run(network, "refresh")
    run(network, "history")


def main() -> None:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", type=Path, help="make the workspace here, and leave it there")
    keep: Path | None = parser.parse_args().keep
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="irrgate-demo-") as temporary:
        directory = keep or Path(temporary) / "workspace"
        with lab_network(directory, environ=dict(os.environ)) as network:
            tell(network)
    names = installed()
    if obstacle(names) is None:
        print(real_part(names, short=True))
    else:
        print("\nWith real BIRD and FRR as well: make demo-real")
    print(f"Done in {time.monotonic() - started:.0f} s. Next: irrgate init my-network")


if __name__ == "__main__":
    with interruptible():
        main()

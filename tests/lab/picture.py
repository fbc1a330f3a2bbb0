"""Draws the README's picture: the demo's third plan, as `irrgate show` prints it.

python -m tests.lab.picture docs/plan.svg
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from irrgate.plan_file import PlanFile
from playbooks.plan_text import show_text
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.network import lab_network


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as temporary,
        lab_network(Path(temporary) / "ws", environ=dict(os.environ)) as network,
    ):
        network.irrgate("plan", "--out", "first.zip")
        network.irrgate("apply", "first.zip")
        registry = network.registry.read_text(encoding="latin-1")
        network.load_registry(registry.replace(WITHDRAWN, ADDED))
        network.irrgate("plan", "--out", "plan.zip")
        console = Console(record=True, width=118, file=io.StringIO(), force_terminal=True)
        with PlanFile(network.directory / "plan.zip") as opened:
            show_text(opened, "plan.zip", console)
    console.save_svg(sys.argv[1], title="irrgate plan")


if __name__ == "__main__":
    main()

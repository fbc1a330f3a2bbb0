"""`make parity`: what bgpq4 prints, and what irrgate prints, say the same on every platform."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.parity.comparing import VARIANTS, Row, rows, served
from tests.parity.printers import PRINTERS
from tests.parity.sets import SETS


def told(row: Row) -> str:
    flags = " ".join(("bgpq4", *row.printer.flags))
    line = f"{row.printer.platform:<16} {flags:<14} {row.compared:>6} compared, "
    line += f"{row.different} differences"
    if row.by_own_rule:
        line += f" ({row.by_own_rule} of them by the platform's own way of matching)"
    return "\n    ".join((line, *row.examples))


def main() -> None:
    parser = argparse.ArgumentParser(prog="make parity", description=__doc__)
    parser.add_argument("--sets", type=int, default=SETS)
    parser.add_argument("--platform", action="append", help="this one alone; may be repeated")
    options = parser.parse_args()
    chosen = [each for each in PRINTERS if each.platform in (options.platform or [each.platform])]
    print(
        f"{options.sets} random sets, IPv4 and IPv6, {len(VARIANTS)} ways of asking: "
        f"{', '.join(variant.name for variant in VARIANTS)}"
    )
    with (
        tempfile.TemporaryDirectory() as temporary,
        served(Path(temporary), options.sets) as port,
    ):
        found = rows(port, chosen, range(options.sets))
    for row in found:
        print(told(row))
    sys.exit(any(row.unexplained for row in found))


if __name__ == "__main__":
    main()

"""bgpq4's own text and irrgate's render say the same, on every platform that bgpq4 prints for.

A twentieth of what `make parity` compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.platforms import PLATFORMS, find_platform
from irrgate.prefixes import Afi, PrefixSet
from tests.parity import comparing
from tests.parity.comparing import NAMES, VARIANTS, Row, read, rows, served
from tests.parity.printers import PRINTERS, Printer
from tests.parity.sets import SETS

pytestmark = pytest.mark.e2e

NOT_PRINTED = frozenset({"frr_route_map"})
"""platforms of which bgpq4 1.9 prints another form alone"""
IDS = [" ".join((each.platform, *each.flags)) for each in PRINTERS]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Row]]:
    with served(tmp_path_factory.mktemp("parity"), SETS // 20) as port:
        yield rows(port, PRINTERS, range(SETS // 20))


@pytest.mark.parametrize("at", range(len(PRINTERS)), ids=IDS)
def test_what_bgpq4_prints_is_what_irrgate_prints(compared: list[Row], at: int) -> None:
    row = compared[at]
    assert row.compared == SETS // 20 * len(Afi) * len(VARIANTS)
    assert row.unexplained == 0, "\n".join(row.examples)


def test_every_platform_that_bgpq4_prints_for_is_compared() -> None:
    assert {each.platform for each in PRINTERS} | NOT_PRINTED == PLATFORMS.keys()


@pytest.mark.parametrize("printer", PRINTERS, ids=IDS)
def test_a_difference_would_be_seen(printer: Printer, tmp_path: Path) -> None:
    name = NAMES[Afi.IPV4]
    with served(tmp_path, 3) as port:
        label = printer.label(name)
        text = comparing.bgpq4(port, *printer.flags, "-l", label, "-4", "AS-PARITY0").decode()
    platform = find_platform(printer.platform)
    right = read(platform, printer, Afi.IPV4, text)
    [first, *_] = right.entries()
    other = PrefixSet.from_entries(Afi.IPV4, [(first[0] ^ 1 << 31, *first[1:])])
    old, new = str(right).split("/")[0], str(other).split("/")[0]
    assert old in text
    row = Row(printer)
    comparing.compare(row, "altered", right, text.replace(old, new, 1))
    assert row.different == row.unexplained == 1

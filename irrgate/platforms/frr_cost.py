"""How long FRR takes over its prefix lists: quadratic in their length, and much worse before 9.0.

Measured with `vtysh -f` on one core: 8.4.4 takes 9 µs for each entry that a list has when another
is added, as it looks through the list for a duplicate, and 0.6 µs when one is removed; 10.3 takes
13 ns. Each daemon that keeps prefix lists does it all, one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

KEEPERS: Final = frozenset(
    {
        "zebra", "bgpd", "ospfd", "ospf6d", "ripd", "ripngd", "isisd", "pimd", "pim6d", "eigrpd",
        "babeld", "fabricd",
    }
)  # fmt: skip
"""daemons to which vtysh passes on what it is told of prefix lists"""


@dataclass(frozen=True, slots=True)
class Rate:
    """Seconds that one daemon takes."""

    added: float
    """for an entry that is added, and each that the list has by then"""
    removed: float
    """for an entry that is removed, likewise"""
    line: float = 1e-4
    """for a line, however long the list is"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done to one list."""

    name: str
    held: int
    """entries that it has"""
    added: int
    removed: int


_DUPLICATE_CHECK: Final = Rate(9.2e-6, 6e-7)
_WITHOUT: Final = Rate(1.3e-8, 1.3e-8)
_FIXED_IN: Final = 9
"""the first major version without the check (FRR's pull request 13005)"""


def seconds_for(version: str, daemons: Collection[str], work: Work) -> float:
    """Return how long a change of a list is estimated to take; an unknown version is a slow one."""
    major = re.match(r"([0-9]+)\.", version)
    rate = _WITHOUT if major and int(major[1]) >= _FIXED_IN else _DUPLICATE_CHECK
    keepers = max(len(KEEPERS.intersection(daemons)), 1)
    full = work.held + work.added
    adding = rate.added * work.added * (work.held + full) / 2
    removing = rate.removed * work.removed * (full + full - work.removed) / 2
    return keepers * (adding + removing + rate.line * (work.added + work.removed))

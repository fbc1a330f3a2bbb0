"""How long FRR takes over its prefix lists: quadratic in their length, and much worse before 9.0.

Measured with `vtysh -f` in CPU seconds of the daemons, which do not depend on what else the machine
does: 8.4.4 takes 8.2 µs for each entry that a list has when another is added, as it looks through
the list for a duplicate, 17 µs when that one has a `ge` or `le`, and 28 µs when it has both; and
0.5 to 0.9 µs when one is removed. 10.3 takes 13 ns. Each daemon that keeps prefix lists does it
all, one after the other. The figures here are on the safe side of these by 3 to 20 %.
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
    qualifier: float
    """more, for each `ge` or `le` of an entry that is added"""
    removed: float
    """for an entry that is removed, and each that the list has by then"""
    line: float
    """for a line, however long the list is"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done to one list."""

    name: str
    held: int
    """entries that it has"""
    added: int
    removed: int
    qualifiers: int = 0
    """`ge` and `le` of all entries that are added"""


_DUPLICATE_CHECK: Final = Rate(9.7e-6, 9.7e-6, 1e-6, 2.5e-4)
_WITHOUT: Final = Rate(1.3e-8, 0, 1.3e-8, 1e-4)
_FIXED_IN: Final = 9
"""the first major version without the check (FRR's pull request 13005)"""


_MAP_ENTRY: Final = 7e-6
"""seconds that one daemon takes for a new entry of a route-map, and each entry that its lists have:
by two commits on 8.4.4, of 10,010 and 30,010 entries; of others it was not measured"""


def seconds_for_map(daemons: Collection[str], come: int, held: int) -> float:
    """Return how long `come` new entries of a route-map take over lists of `held` entries."""
    return _keepers(daemons) * _MAP_ENTRY * come * held


def _keepers(daemons: Collection[str]) -> int:
    return max(len(KEEPERS.intersection(daemons)), 1)


def is_at_least(version: str, major: int) -> bool:
    """Tell whether a version is of this major version or a later one; an unknown one is not."""
    found = re.match(r"([0-9]+)\.", version)
    return found is not None and int(found[1]) >= major


def seconds_for(version: str, daemons: Collection[str], work: Work) -> float:
    """Return how long a change of a list is estimated to take; an unknown version is a slow one."""
    rate = _WITHOUT if is_at_least(version, _FIXED_IN) else _DUPLICATE_CHECK
    full = work.held + work.added
    each = rate.added * work.added + rate.qualifier * work.qualifiers
    adding = each * (work.held + full) / 2
    removing = rate.removed * work.removed * (full + full - work.removed) / 2
    return _keepers(daemons) * (adding + removing + rate.line * (work.added + work.removed))

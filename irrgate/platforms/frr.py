"""FRR: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that is missing denies, and one that exists without an entry permits everything (measured on
8.4 and 10.3; on IOS it is the other way round). Nothing is committed at once here, so a candidate
is a delta that never comes by such a list: see irrgate.platforms.numbered_delta.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from irrgate.platforms.frr_cost import Work
from irrgate.platforms.frr_facts import (
    FrrFacts,
    read_facts,
    refuse_too_long,
    refuse_twin_prefixes,
)
from irrgate.platforms.frr_lines import DIALECT, lines_of
from irrgate.platforms.numbered import Key, NumberedLists
from irrgate.platforms.numbered_delta import Delta
from irrgate.platforms.platform import (
    Capabilities,
    DriverFault,
    ManagedList,
    PrintedList,
    RunningFilters,
    UpdateStrategy,
)
from irrgate.prefixes import Afi, PrefixSet

__all__ = ["FAULTS", "Frr", "Key", "read_changes"]

FAULTS: Final = (
    DriverFault(
        (
            "vtysh exits with 0 when a batch was refused, and leaves part of the list when it is "
            "killed"
        ),
        (
            "its words are read, one change at a time is made under a lock, and the running config "
            "is read back"
        ),
    ),
    DriverFault(
        "A prefix-list that exists without an entry permits everything",
        "no change ever comes by such a list",
    ),
    DriverFault(
        "Adding entries is quadratic in the length of the list, and much slower before 9.0",
        "a filter that would take too long is held, with the estimate, and the others go on",
    ),
    DriverFault(
        "Two entries with the same content are taken as one before 9.0, without a word",
        "an entry is never added under another number while the list has it",
    ),
    DriverFault(
        (
            "Before 9.0 a route-map's optimization loses the routes of a prefix when one of two "
            "entries of the prefix goes"
        ),
        "such a change is held where a route-map with it refers to the list",
    ),
    DriverFault(
        "`write memory` while bgpd is down saves a configuration without BGP",
        "it is not used: the lines of the lists are replaced in frr.conf",
    ),
    DriverFault(
        "FRR cannot undo a change",
        (
            "a watchdog on the router takes back what nobody confirms, also when the connection is "
            "lost"
        ),
    ),
)
_CAPABILITIES: Final = Capabilities(
    strategy=UpdateStrategy.DELTA,
    revert_step=1,
    commit_message=False,
    max_sequence=DIALECT.numbering.max_sequence,
    max_name=128,
    atomic=False,
    commit_confirm=True,
    verified_host="SSH host key",
    tested="the real daemon",
    faults=FAULTS,
)


class Frr(NumberedLists):
    """The FRR platform: as it is on one router, where `facts` says which, or on any."""

    def __init__(self, facts: FrrFacts | None = None) -> None:
        super().__init__("frr", _CAPABILITIES, DIALECT)
        self._facts = facts

    def on_router(self, router: object) -> Frr:
        """Return the platform as it is on the router of these FrrFacts; see RouterPlatform."""
        return Frr(router) if isinstance(router, FrrFacts) else self

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix lists of `show running-config`; see Platform."""
        found = super().parse(running, wanted, managed_prefix)
        return replace(found, router=read_facts(running))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the entries that come and those that go; see NumberedLists.

        Raises PlatformError as well for what takes FRR too long, and for what it gets wrong.
        """
        made = super().printed(name, prefixes, running)
        if self._facts is not None:
            rows = running.rows if running else ()
            refuse_too_long(name, self._facts, [work_of(made, len(rows))])
            if name in self._facts.optimized:
                held = (*lines_of(prefixes.afi, rows), *made.lines)
                changed = (*made.lines, *made.removed)
                texts = ([line[2] for line in lines] for lines in (held, changed))
                refuse_twin_prefixes(name, self._facts, *texts)
        return made


def work_of(made: PrintedList, held: int) -> Work:
    """Return what is to be done to a list of so many entries, for an estimate of the time."""
    qualifiers = sum((ge is not None) + (le is not None) for *_, ge, le in made.lines)
    return Work(made.name, held, len(made.lines), len(made.removed), qualifiers)


def read_changes(candidate: str) -> tuple[dict[Key, Delta], tuple[Key, ...]]:
    """Return the delta of each list, and lists that are removed whole; see NumberedLists."""
    return Frr().read_changes(candidate)

"""FRR: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that is missing denies, and one that exists without an entry permits everything (measured on
8.4 and 10.3; on IOS it is the other way round). Nothing is committed at once here, so a candidate
is a delta that never comes by such a list: see irrgate.platforms.numbered_delta.
"""

from __future__ import annotations

from typing import Final

from irrgate.platforms.frr_lines import DIALECT
from irrgate.platforms.numbered import Key, NumberedLists
from irrgate.platforms.numbered_delta import Delta
from irrgate.platforms.platform import Capabilities, DriverFault, UpdateStrategy

__all__ = ["Frr", "Key", "read_changes"]

_FAULTS: Final = (
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
        "a change that would take too long is refused with the estimate",
    ),
    DriverFault(
        "Two entries with the same content are taken as one before 9.0, without a word",
        "an entry is never added under another number while the list has it",
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
    faults=_FAULTS,
)


class Frr(NumberedLists):
    """The FRR platform."""

    def __init__(self) -> None:
        super().__init__("frr", _CAPABILITIES, DIALECT)


def read_changes(candidate: str) -> tuple[dict[Key, Delta], tuple[Key, ...]]:
    """Return the delta of each list, and lists that are removed whole; see NumberedLists."""
    return Frr().read_changes(candidate)

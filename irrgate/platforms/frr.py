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
from irrgate.platforms.platform import Capabilities, UpdateStrategy

__all__ = ["Frr", "Key", "read_changes"]

_CAPABILITIES: Final = Capabilities(
    strategy=UpdateStrategy.DELTA,
    revert_step=1,
    commit_message=False,
    max_sequence=DIALECT.numbering.max_sequence,
    max_name=128,
    atomic=False,
    commit_confirm=True,
    verified_host="SSH host key",
)


class Frr(NumberedLists):
    """The FRR platform."""

    def __init__(self) -> None:
        super().__init__("frr", _CAPABILITIES, DIALECT)


def read_changes(candidate: str) -> tuple[dict[Key, Delta], tuple[Key, ...]]:
    """Return the delta of each list, and lists that are removed whole; see NumberedLists."""
    return Frr().read_changes(candidate)

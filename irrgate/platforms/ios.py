"""Cisco IOS and IOS-XE: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that is missing permits everything, and so does one that exists without an entry (Cisco's
documentation of `ip prefix-list`); the last entry takes its list along when it goes. Nothing is
committed at once here, so a candidate is a delta. And since IOS itself takes entries out before it
puts others in when it reverts (`configure replace`), each list that irrgate writes ends with an
entry that denies all, which stays whatever else changes: see irrgate.platforms.numbered_delta.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from irrgate.platforms.numbered import NumberedLists
from irrgate.platforms.numbered_delta import Numbering
from irrgate.platforms.numbered_lines import Dialect
from irrgate.platforms.platform import Capabilities, DriverFault, UpdateStrategy
from irrgate.platforms.reading import refuse_without_last

UNNUMBERED_STEP: Final = 5
"""between the numbers that IOS gives to entries which are entered without one"""


DIALECT: Final = Dialect(
    partial(refuse_without_last, line="end", system="IOS"),
    Numbering(floor=True),
    open_ge=True,
    unnumbered_step=UNNUMBERED_STEP,
)

_CAPABILITIES: Final = Capabilities(
    strategy=UpdateStrategy.DELTA,
    revert_step=60,
    commit_message=False,
    max_sequence=DIALECT.numbering.max_sequence,
    # None is documented; it is NX-OS's, and the longest that was found in use.
    max_name=63,
    atomic=False,
    commit_confirm=True,
    verified_host="SSH host key",
    faults=(
        DriverFault(
            "NAPALM's driver takes `Invalid input detected` alone for an error: a line that IOS "
            "refuses in other words is lost silently",
            "every answer is read, and whatever begins with % is an error",
        ),
        DriverFault(
            "NAPALM's driver does not look at SSH host keys",
            "they are verified against known_hosts",
        ),
        DriverFault(
            "`show archive config incremental-diffs` takes minutes for a long list",
            "the diff is made of the entries that come and go, by what the router holds",
        ),
        DriverFault(
            "NAPALM's driver configures `file prompt quiet` on the router",
            "the router's questions are answered",
        ),
        DriverFault(
            "IOS takes entries out before it puts others in when it reverts, and a list without an "
            "entry permits everything",
            "each list ends with an entry that denies all and never goes",
        ),
    ),
)


class Ios(NumberedLists):
    """The IOS platform."""

    def __init__(self) -> None:
        super().__init__("ios", _CAPABILITIES, DIALECT)

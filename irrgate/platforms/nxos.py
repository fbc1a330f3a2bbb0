"""Cisco NX-OS: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that exists without an entry permits everything, and what a missing one does to a route-map
that matches it Cisco's manuals do not say ("Configuring Route Policy Manager"): so no list is ever
left without an entry, and none is removed that something refers to. Each line takes effect as it
comes, so a candidate is a delta: see irrgate.platforms.numbered_delta.
"""

from __future__ import annotations

import re
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.numbered import Key, NumberedLists
from irrgate.platforms.numbered_delta import Numbering
from irrgate.platforms.numbered_lines import FAMILIES, Dialect
from irrgate.platforms.platform import Capabilities, DriverFault, UpdateStrategy

COUNTED_LINES: Final = "^[a-z ].*prefix-list"
"""the lines by which a running config is known to be whole, as a regular expression of NX-OS: all
that define a prefix list or refer to one, and not the comment that repeats the command"""

_COUNTED: Final = re.compile(COUNTED_LINES.replace(".*", ".*?"), re.MULTILINE)
_SEAL: Final = re.compile(r"\n!irrgate: ([0-9]+) lines with prefix-list\s*\Z")
_LINE: Final = re.compile(r"^(ip|ipv6) prefix-list (\S+) (.*?)[ \r]*$", re.MULTILINE)
_UNNUMBERED_STEP: Final = 5
_MAX_SEQUENCE: Final = 4_294_967_294
_MAX_NAME: Final = 63


def sealed(running: str, counted: int) -> str:
    """Return `show running-config` with what the router counted of COUNTED_LINES in it.

    NX-OS ends its config with no line of its own, so this is what tells a whole one.
    """
    return f"{running.rstrip()}\n!irrgate: {counted} lines with prefix-list\n"


def _refuse_cut_off(running: str) -> None:
    seal = _SEAL.search(running)
    if seal is None:
        raise ParseError("running config", "is cut off: what the router counted of it is missing")
    counted, found = int(seal[1]), len(_COUNTED.findall(running, 0, seal.start()))
    if counted != found:
        raise ParseError(
            "running config",
            f"is cut off, or was changed while it was read: it has {found:,} lines with "
            f"prefix-list, of which the router counts {counted:,}",
        )


def list_lines(running: str) -> dict[Key, list[str]]:
    """Return what stands on the lines of each prefix list after its name, as the router has it."""
    lines: dict[Key, list[str]] = {}
    for keyword, name, rest in _LINE.findall(running):
        lines.setdefault((FAMILIES[keyword], name), []).append(rest)
    return lines


DIALECT: Final = Dialect(
    _refuse_cut_off,
    Numbering(max_sequence=_MAX_SEQUENCE),
    equals=True,
    unnumbered_step=_UNNUMBERED_STEP,
)

_BOTH: Final = (
    DriverFault(
        "a load is only buffered, and a candidate that was refused stays in front of the next",
        "a load forgets what was loaded before, and is held against the router's lists at once",
    ),
    DriverFault(
        "lines take effect one by one, and the way back replays a checkpoint of the whole router",
        "a candidate is a delta that adds before it removes, and the way back is one as well",
    ),
    DriverFault(
        "get_config drops the header, and nothing tells a running config that is cut off",
        "the router counts the lines with prefix-list, and they have to be there",
    ),
    DriverFault(
        "get_bgp_neighbors fails on sessions that are being set up, and of two families of a "
        "neighbour shows one",
        "the summary is read anew, all states and both families",
    ),
)


def _capabilities(verified_host: str, *own: DriverFault) -> Capabilities:
    return Capabilities(
        strategy=UpdateStrategy.DELTA,
        revert_step=1,
        commit_message=False,
        max_sequence=_MAX_SEQUENCE,
        max_name=_MAX_NAME,
        atomic=False,
        commit_confirm=False,
        verified_host=verified_host,
        faults=(*own, *_BOTH),
    )


class Nxos(NumberedLists):
    """NX-OS by NX-API."""

    def __init__(self) -> None:
        super().__init__(
            "nxos",
            _capabilities(
                "TLS certificate",
                DriverFault("the TLS certificate is not verified", "it is, unless switched off"),
                DriverFault(
                    "a load is one request, and after a line that is refused the others are run",
                    "500 lines a request, which stops at the first error, and none that adds "
                    "holds a removal",
                ),
                DriverFault(
                    "an answer with fewer results than commands passes as a success",
                    "each command must have its result, and a line that is answered with a word "
                    "is an error",
                ),
            ),
            DIALECT,
        )


class NxosSsh(NumberedLists):
    """NX-OS by the command line over SSH."""

    def __init__(self) -> None:
        super().__init__(
            "nxos_ssh",
            _capabilities(
                "SSH host key",
                DriverFault("the SSH host key is not verified", "it is, unless switched off"),
                DriverFault(
                    "of what the router says to the lines only `Invalid command` is noticed",
                    "each line waits for its prompt, and one that is answered with a word ends it",
                ),
            ),
            DIALECT,
        )

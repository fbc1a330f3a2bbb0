"""Huawei VRP: `ip ip-prefix` and `ip ipv6-prefix`, first match by index.

A list that is missing lets everything through, and takes its last entry with it; one with entries
denies what none of them matches (Huawei's command references, "if-match ip-prefix"). On VRP5
each line takes effect by itself, so a candidate is a delta that never comes by such a list: see
irrgate.platforms.numbered_delta. On VRP8 the same delta is one commit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.candidate_lines import candidate_lines
from irrgate.platforms.eos_references import find_references
from irrgate.platforms.huawei_vrp_lines import (
    FAMILIES,
    KEYWORDS,
    MAX_SEQUENCE,
    lines_of,
    read_rows,
)
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.numbered import NO_LISTS, Key, NumberedLists
from irrgate.platforms.numbered_delta import Delta, Numbering
from irrgate.platforms.numbered_lines import Dialect, ListedRows
from irrgate.platforms.platform import (
    Capabilities,
    DriverFault,
    Line,
    Row,
    UpdateStrategy,
)
from irrgate.platforms.reading import refuse_without_last
from irrgate.prefixes import Afi

_DEFINITION: Final = re.compile(r"ip ip(?:v6)?-prefix (\S+)")
_CHANGE: Final = re.compile(r"(undo )?ip (ip-prefix|ipv6-prefix) (\S+)(?: (.*))?")
_INDEX: Final = re.compile(r"index ([1-9][0-9]{0,9})")


_DIALECT: Final = Dialect(
    partial(refuse_without_last, line="return", system="VRP"), Numbering(max_sequence=MAX_SEQUENCE)
)
_CAPABILITIES: Final = Capabilities(
    strategy=UpdateStrategy.DELTA,
    revert_step=1,
    commit_message=False,
    max_sequence=MAX_SEQUENCE,
    max_name=169,
    atomic=False,
    commit_confirm=False,
    verified_host="SSH host key",
    faults=(
        DriverFault(
            "napalm-huawei-vrp's load_replace_candidate does nothing, its commit_config knows "
            "no revert_in and sends line by line, and no host key is verified",
            "a driver of our own, which needs no package beside NAPALM",
        ),
        DriverFault(
            "VRP lets everything through by a list that is missing, and a list goes with its "
            "last entry",
            "entries come before others go, an empty filter is one that denies, and a list is "
            "removed only when nothing refers to it",
        ),
        DriverFault(
            "`0.0.0.0 8` is any prefix of length 8, not 0.0.0.0/8",
            "it is read so, and written with match-network",
        ),
        DriverFault(
            "VRP5 has no candidate, and VRP8's `commit trial` is not on all releases",
            "the filters as they were are sent again and read back; on VRP8 all lines of a "
            "candidate are one commit",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a candidate says, in its order: entries that come, indexes that go, lists that go."""

    added: Mapping[Key, tuple[Row, ...]]
    removed: Mapping[Key, tuple[int, ...]]
    gone: tuple[Key, ...]

    @property
    def keys(self) -> tuple[Key, ...]:
        """The lists whose entries change."""
        return tuple(dict.fromkeys((*self.added, *self.removed)))

    def delta(self, key: Key, rows: Sequence[Row]) -> Delta:
        """Return what changes in a list of these entries; raises ParseError.

        VRP removes an entry by its index alone, so which one goes is known of the list only.
        """
        held = {row[0]: row for row in rows}
        wrong = [number for number in self.removed.get(key, ()) if number not in held]
        if wrong:
            reason = f"the candidate removes an entry {wrong[0]}, which is not there"
            raise ParseError(key[1], reason)
        removed = tuple(held[number] for number in self.removed.get(key, ()))
        return Delta(self.added.get(key, ()), removed)


class HuaweiVrp(NumberedLists):
    """The VRP platform."""

    keywords = KEYWORDS

    def __init__(self) -> None:
        super().__init__("huawei_vrp", _CAPABILITIES, _DIALECT)

    def texts(self, running: str, managed_prefix: str) -> dict[Key, list[str]]:
        """Return what stands on the lines of each managed list after its name."""
        return texts_of(running, managed_prefix)

    def read(self, afi: Afi, name: str, rests: Sequence[str]) -> ListedRows:
        """Return the entries of what stands on a list's lines, or raise ParseError."""
        return read_rows(afi, name, rests)

    def lines(self, afi: Afi, rows: Sequence[Row]) -> Sequence[Line]:
        """Return entries as the template prints them."""
        return lines_of(afi, rows)

    def mentioned(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names` outside of its own list."""
        return find_references(running, names, _DEFINITION)

    def read_changes(
        self, candidate: str, running: Mapping[Key, Sequence[Row]] = NO_LISTS
    ) -> tuple[dict[Key, Delta], tuple[Key, ...]]:
        """Return the delta of each list, and lists that are removed whole; raises ParseError."""
        changes = read_changes(candidate)
        deltas = {key: changes.delta(key, running.get(key, ())) for key in changes.keys}
        return deltas, changes.gone


def texts_of(running: str, prefix: str = "") -> dict[Key, list[str]]:
    """Return what stands on the lines of each list after its name, which begins with `prefix`."""
    line = re.compile(
        rf"^ip (ip-prefix|ipv6-prefix) ({re.escape(prefix)}\S*) (.*?)[ \r]*$", re.MULTILINE
    )
    texts: dict[Key, list[str]] = {}
    for keyword, name, rest in line.findall(running):
        texts.setdefault((FAMILIES[keyword], name), []).append(rest)
    return texts


def read_changes(candidate: str) -> Changes:
    """Return what a candidate says; raises ParseError.

    All entries are added before any is removed, and lists go last: a prefix that moves from one
    list to another is always in one of them. Every line must be of a list: whatever else the
    router is told would be committed unread.
    """
    added: dict[Key, list[str]] = {}
    removed: dict[Key, list[int]] = {}
    gone: list[Key] = []
    for line in candidate_lines(candidate):
        if not line or line == "#":
            continue
        match = _CHANGE.fullmatch(line)
        if match is None:
            raise ParseError("candidate", f"has a line that is of no prefix list: {line!a}")
        undo, keyword, name, rest = match.groups()
        key = FAMILIES[keyword], name
        if not is_own_name(name):
            raise ParseError(name, "the candidate has a name that irrgate does not give")
        if rest is None and undo:
            gone.append(key)
            continue
        index = _INDEX.fullmatch(rest or "") if undo else None
        if rest is None or (undo and index is None):
            raise ParseError(name, f"a line of the list is unknown: {line!a}")
        if gone or (removed and not undo):
            raise ParseError(name, "the candidate adds entries after it removed some")
        if index is not None:
            removed.setdefault(key, []).append(int(index[1]))
        else:
            added.setdefault(key, []).append(rest)
    for key in gone:
        if key in added or key in removed:
            raise ParseError(key[1], "the candidate sets the list and removes it")
    return Changes(
        {key: _in_order(key, rests) for key, rests in added.items()},
        {key: tuple(numbers) for key, numbers in removed.items()},
        tuple(gone),
    )


def _in_order(key: Key, rests: list[str]) -> tuple[Row, ...]:
    afi, name = key
    # A slash is bgpq4's, in a list of nothing, and VRP does not take it.
    if any(not rest.startswith("index ") or "/" in rest for rest in rests):
        raise ParseError(name, "the candidate has a line that is no entry with an index")
    by_number = {row[0]: row for row in read_rows(afi, name, rests).rows}
    return tuple(by_number[int(rest.split(" ", 2)[1])] for rest in rests)

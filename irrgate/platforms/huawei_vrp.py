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
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.eos_references import find_references
from irrgate.platforms.huawei_vrp_lines import (
    FAMILIES,
    KEYWORDS,
    MAX_SEQUENCE,
    lines_of,
    read_rows,
)
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.numbered_delta import Delta, accepted_by, applied, delta_to, deny_all
from irrgate.platforms.platform import (
    NONE,
    Capabilities,
    DriverFault,
    ManagedList,
    PrintedList,
    Removal,
    Row,
    RunningFilters,
    Stranger,
    UpdateStrategy,
    removable_afi,
)
from irrgate.prefixes import Afi, PrefixSet

_DEFINITION: Final = re.compile(r"ip ip(?:v6)?-prefix (\S+)")
_CHANGE: Final = re.compile(r"(undo )?ip (ip-prefix|ipv6-prefix) (\S+)(?: (.*))?")
_INDEX: Final = re.compile(r"index ([1-9][0-9]{0,9})")

Key = tuple[Afi, str]
"""of a list: both families may have one of the same name"""


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


class HuaweiVrp:
    """The VRP platform."""

    name: Final = "huawei_vrp"
    capabilities: Final = Capabilities(
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

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed lists of `display current-configuration`; see Platform."""
        _refuse_cut_off(running)
        texts = texts_of(running, managed_prefix)
        lists = {
            name: _read(name, afi, rests)
            for name, afi in wanted.items()
            if (rests := texts.get((afi, name)))
        }
        strange: dict[str, dict[Afi, list[str]]] = {}
        for (afi, name), rests in texts.items():
            if wanted.get(name) is not afi:
                strange.setdefault(name, {})[afi] = rests
        references = find_references(running, strange, _DEFINITION)
        return RunningFilters(
            lists,
            tuple(
                _stranger(name, strange[name], references[name], alone=name not in wanted)
                for name in sorted(strange)
            ),
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names`; see Platform."""
        _refuse_cut_off(running)
        return find_references(running, names, _DEFINITION)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return what a candidate makes of a router without prefix lists; see Platform."""
        return self.apply_candidate(candidate, {}, wanted, removals)

    def apply_candidate(
        self,
        candidate: str,
        running: Mapping[str, ManagedList],
        wanted: Mapping[str, Afi],
        removals: Mapping[str, Afi] = NONE,
    ) -> RunningFilters:
        """Return the lists as they are after a candidate; see DeltaPlatform."""
        changes = read_changes(candidate)
        for afi, name in changes.gone:
            if removals.get(name) is not afi:
                raise ParseError(name, "the candidate removes a list that is to stay")
        lists = {name: running[name] for name in wanted if name in running}
        strangers: list[Stranger] = []
        for key in changes.keys:
            afi, name = key
            if wanted.get(name) is not afi:
                if key in changes.removed:
                    raise ParseError(name, "the candidate removes entries of a list not asked for")
                strangers.append(Stranger(name, afi, (), removable=False))
                continue
            rows = running[name].rows if name in running else ()
            lists[name] = _managed(name, afi, applied(name, afi, rows, changes.delta(key, rows)))
        strangers.sort(key=lambda each: each.name)
        gone = tuple(sorted({name for _, name in changes.gone}))
        return RunningFilters(lists, tuple(strangers), gone)

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the entries that come and those that go; see Platform.

        Raises PlatformError for a list with denies of somebody else's on which there is no way
        without a moment in between.
        """
        afi = prefixes.afi
        delta = delta_to(name, prefixes, running.rows if running else ())
        return PrintedList(
            name, afi, KEYWORDS[afi], lines_of(afi, delta.added), lines_of(afi, delta.removed)
        )

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the list; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, KEYWORDS[afi])


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
    for line in map(str.strip, candidate.splitlines()):
        if not line or line == "#":
            continue
        match = _CHANGE.fullmatch(line)
        if match is None:
            raise ParseError("candidate", f"has a line that is of no prefix list: {line!a}")
        undo, keyword, name, rest = match.groups()
        key = FAMILIES[keyword], name
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


def _refuse_cut_off(running: str) -> None:
    if not running.rstrip().endswith("\nreturn"):
        raise ParseError(
            "running config", "is cut off: VRP ends it with the line `return`, which is missing"
        )


def _read(name: str, afi: Afi, rests: list[str]) -> ManagedList:
    read = read_rows(afi, name, rests)
    return _managed(name, afi, read.rows, numbered=read.numbered)


def _managed(name: str, afi: Afi, rows: tuple[Row, ...], *, numbered: bool = True) -> ManagedList:
    accepted = accepted_by(afi, rows)
    if accepted and rows:
        entries = [entry for _, permits, entry in rows if permits]
        plain = len(entries) == len(rows) and sorted(entries) == sorted(accepted.entries())
    else:
        plain = [(permits, entry) for _, permits, entry in rows] == [(False, deny_all(afi))]
    return ManagedList(name, afi, accepted, plain and numbered, rows=rows)


def _stranger(
    name: str, definitions: Mapping[Afi, list[str]], references: tuple[str, ...], *, alone: bool
) -> Stranger:
    """Return what there is to know of a list; `alone`: the other family's is not asked for."""
    if len(definitions) > 1:
        return Stranger(name, None, references, removable=False)
    ((afi, rests),) = definitions.items()
    removable = alone and is_own_name(name)
    try:
        read_rows(afi, name, rests)
    except ParseError:
        removable = False
    return Stranger(name, afi, references, removable)

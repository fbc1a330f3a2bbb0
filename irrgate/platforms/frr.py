"""FRR: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that is missing denies, and one that exists without an entry permits everything (measured on
8.4 and 10.3; on IOS it is the other way round). Nothing is committed at once here, so a candidate
is a delta that never comes by such a list: see irrgate.platforms.numbered_delta.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.eos_references import find_references
from irrgate.platforms.frr_lines import FAMILIES, KEYWORDS, MAX_SEQUENCE, lines_of, read_rows
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.numbered_delta import Delta, accepted_by, applied, delta_to, deny_all
from irrgate.platforms.platform import (
    NONE,
    Capabilities,
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

_LINE: Final = re.compile(r"^(ip|ipv6) prefix-list (\S+) (.*?)[ \r]*$", re.MULTILINE)
_CHANGE: Final = re.compile(r"(no )?(ip|ipv6) prefix-list (\S+)(?: (.*))?")

Key = tuple[Afi, str]
"""of a list: both families may have one of the same name"""


class Frr:
    """The FRR platform."""

    name: Final = "frr"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.DELTA,
        revert_step=1,
        commit_message=False,
        max_sequence=MAX_SEQUENCE,
        max_name=128,
        atomic=False,
        commit_confirm=True,
        verified_host="SSH host key",
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix lists of `show running-config`; see Platform."""
        _refuse_cut_off(running)
        texts: dict[Key, list[str]] = {}
        for match in _LINE.finditer(running):
            keyword, name, rest = match.groups()
            if name.startswith(managed_prefix):
                texts.setdefault((FAMILIES[keyword], name), []).append(rest)
        lists = {
            name: _managed(name, afi, read_rows(afi, name, rests))
            for name, afi in wanted.items()
            if (rests := texts.get((afi, name)))
        }
        strange: dict[str, dict[Afi, list[str]]] = {}
        for (afi, name), rests in texts.items():
            if wanted.get(name) is not afi:
                strange.setdefault(name, {})[afi] = rests
        references = find_references(running, strange)
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
        return find_references(running, names)

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
        """Return the prefix lists as they are after a candidate; see DeltaPlatform."""
        deltas, gone = read_changes(candidate)
        for afi, name in gone:
            if removals.get(name) is not afi:
                raise ParseError(name, "the candidate removes a list that is to stay")
            if (afi, name) in deltas:
                raise ParseError(name, "the candidate sets the list and removes it")
        lists = {name: running[name] for name in wanted if name in running}
        strangers: list[Stranger] = []
        for (afi, name), delta in deltas.items():
            if wanted.get(name) is not afi:
                if delta.removed:
                    raise ParseError(name, "the candidate removes entries of a list not asked for")
                strangers.append(Stranger(name, afi, (), removable=False))
                continue
            rows = running[name].rows if name in running else ()
            lists[name] = _managed(name, afi, applied(name, afi, rows, delta))
        strangers.sort(key=lambda each: each.name)
        return RunningFilters(lists, tuple(strangers), tuple(sorted({name for _, name in gone})))

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


def read_changes(candidate: str) -> tuple[dict[Key, Delta], tuple[Key, ...]]:
    """Return the delta of each list, and the lists that are removed whole; raises ParseError.

    All entries are added before any is removed, and lists go last: a prefix that moves from one
    list to another is always in one of them. Every line must be of a list: whatever else the
    router is told would be committed unread.
    """
    added: dict[Key, list[str]] = {}
    removed: dict[Key, list[str]] = {}
    gone: list[Key] = []
    for line in map(str.strip, candidate.splitlines()):
        if not line or line.startswith("!"):
            continue
        match = _CHANGE.fullmatch(line)
        if match is None:
            raise ParseError("candidate", f"has a line that is of no prefix list: {line!a}")
        no, keyword, name, rest = match.groups()
        key = FAMILIES[keyword], name
        if rest is None:
            if not no:
                raise ParseError(name, f"a line of the list is unknown: {line!a}")
            gone.append(key)
        elif gone or (removed and not no):
            raise ParseError(name, "the candidate adds entries after it removed some")
        else:
            (removed if no else added).setdefault(key, []).append(rest)
    deltas = {
        key: Delta(_in_order(key, added.get(key, [])), _in_order(key, removed.get(key, [])))
        for key in dict.fromkeys((*added, *removed))
    }
    return deltas, tuple(gone)


def _in_order(key: Key, rests: list[str]) -> tuple[Row, ...]:
    afi, name = key
    if any(not rest.startswith("seq ") for rest in rests):
        raise ParseError(name, "the candidate has a line that is no entry with a number")
    by_number = {row[0]: row for row in read_rows(afi, name, rests)}
    return tuple(by_number[int(rest.split(" ", 2)[1])] for rest in rests)


def _refuse_cut_off(running: str) -> None:
    if not running.rstrip().endswith("\nend"):
        raise ParseError(
            "running config", "is cut off: FRR ends it with the line `end`, which is missing"
        )


def _managed(name: str, afi: Afi, rows: tuple[Row, ...]) -> ManagedList:
    accepted = accepted_by(afi, rows)
    if accepted and rows:
        entries = [entry for _, permits, entry in rows if permits]
        plain = len(entries) == len(rows) and sorted(entries) == sorted(accepted.entries())
    else:
        plain = [(permits, entry) for _, permits, entry in rows] == [(False, deny_all(afi))]
    return ManagedList(name, afi, accepted, plain, rows=rows)


def _stranger(
    name: str, definitions: Mapping[Afi, Iterable[str]], references: tuple[str, ...], *, alone: bool
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

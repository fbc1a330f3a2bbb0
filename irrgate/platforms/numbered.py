"""What platforms with numbered prefix lists share, in words `ip prefix-list` where not overridden.

First match by sequence number, and each line takes effect as it comes: nothing is committed at
once. So a candidate is a delta; see irrgate.platforms.numbered_delta.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.candidate_lines import candidate_lines
from irrgate.platforms.eos_references import find_references
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.numbered_delta import (
    Delta,
    accepted_by,
    applied,
    delta_to,
    deny_all,
    floor_of,
)
from irrgate.platforms.numbered_lines import (
    FAMILIES,
    KEYWORDS,
    Dialect,
    ListedRows,
    printed_lines,
    read_lines,
)
from irrgate.platforms.platform import (
    NONE,
    Capabilities,
    Line,
    ManagedList,
    PrintedList,
    Removal,
    Row,
    RunningFilters,
    Stranger,
    removable_afi,
)
from irrgate.platforms.reading import stranger_of
from irrgate.prefixes import Afi, PrefixSet

_LINE: Final = re.compile(r"^(ip|ipv6) prefix-list (\S+) (.*\S)[ \r]*$", re.MULTILINE)
_CHANGE: Final = re.compile(r"(no )?(ip|ipv6) prefix-list (\S+)(?: (.*))?")
_ENTRY: Final = re.compile(r"seq ([0-9]+) ")

Key = tuple[Afi, str]
"""of a list: both families may have one of the same name"""
NO_LISTS: Final[Mapping[Key, Sequence[Row]]] = MappingProxyType({})


class NumberedLists:
    """A platform with numbered prefix lists; its parts beside these say what is its own."""

    keywords: Mapping[Afi, str] = KEYWORDS

    def __init__(self, name: str, capabilities: Capabilities, dialect: Dialect) -> None:
        self.name: Final = name
        self.capabilities: Final = capabilities
        self.dialect: Final = dialect

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix lists of `show running-config`; see Platform."""
        self.dialect.refuse_cut_off(running)
        texts = self.texts(running, managed_prefix)
        lists = {
            name: self._managed(name, afi, self.read(afi, name, rests))
            for name, afi in wanted.items()
            if (rests := texts.get((afi, name)))
        }
        strange: dict[str, dict[Afi, list[str]]] = {}
        for (afi, name), rests in texts.items():
            if wanted.get(name) is not afi:
                strange.setdefault(name, {})[afi] = rests
        references = self.mentioned(running, strange)
        return RunningFilters(
            lists,
            tuple(
                self._stranger(name, strange[name], references[name], alone=name not in wanted)
                for name in sorted(strange)
            ),
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names`; see Platform."""
        self.dialect.refuse_cut_off(running)
        return self.mentioned(running, names)

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
        rows_of = {(held.afi, name): held.rows for name, held in running.items()}
        deltas, gone = self.read_changes(candidate, rows_of)
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
            held = running.get(name)
            if held is not None and not held.numbered:
                raise ParseError(name, _NO_NUMBERS)
            before = held.rows if held else ()
            rows = applied(name, afi, before, delta, self.dialect.numbering)
            lists[name] = self._managed(name, afi, ListedRows(rows, numbered=True))
        strangers.sort(key=lambda each: each.name)
        return RunningFilters(lists, tuple(strangers), tuple(sorted({name for _, name in gone})))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the entries that come and those that go; see Platform.

        Raises PlatformError for a list with denies of somebody else's on which there is no way
        without a moment in between, and for one whose numbers the router does not show.
        """
        afi = prefixes.afi
        if running is not None and not running.numbered:
            keyword = self.keywords[afi]
            raise PlatformError(
                name, _NO_NUMBERS, hint=f"configure `{keyword} prefix-list sequence-number`"
            )
        rows = running.rows if running else ()
        delta = delta_to(name, prefixes, rows, self.dialect.numbering)
        return PrintedList(
            name,
            afi,
            self.keywords[afi],
            self.lines(afi, delta.added),
            self.lines(afi, delta.removed),
        )

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the list; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, self.keywords[afi])

    # What a platform may say in other words

    def texts(self, running: str, managed_prefix: str) -> dict[Key, list[str]]:
        """Return what stands on the lines of each managed list after its name."""
        texts: dict[Key, list[str]] = {}
        for keyword, name, rest in _LINE.findall(running):
            if name.startswith(managed_prefix):
                texts.setdefault((FAMILIES[keyword], name), []).append(rest)
        return texts

    def read(self, afi: Afi, name: str, rests: Sequence[str]) -> ListedRows:
        """Return the entries of what stands on a list's lines, or raise ParseError."""
        return read_lines(self.dialect, afi, name, rests)

    def lines(self, afi: Afi, rows: Sequence[Row]) -> Sequence[Line]:
        """Return entries as the template prints them."""
        return printed_lines(self.dialect, afi, rows)

    def mentioned(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names` outside of its own list."""
        return find_references(running, names)

    def read_changes(
        self, candidate: str, running: Mapping[Key, Sequence[Row]] = NO_LISTS
    ) -> tuple[dict[Key, Delta], tuple[Key, ...]]:
        """Return the delta of each list, and lists that are removed whole; raises ParseError.

        `running` is for platforms on which a candidate does not say what an entry is that goes.

        All entries are added before any is removed, and lists go last: a prefix that moves from
        one list to another is always in one of them. Every line must be of a list: whatever else
        the router is told would be committed unread.
        """
        del running
        added: dict[Key, list[str]] = {}
        removed: dict[Key, list[str]] = {}
        gone: list[Key] = []
        for line in candidate_lines(candidate):
            if not line or line.startswith("!"):
                continue
            match = _CHANGE.fullmatch(line)
            if match is None:
                raise ParseError("candidate", f"has a line that is of no prefix list: {line!a}")
            no, keyword, name, rest = match.groups()
            key = FAMILIES[keyword], name
            if not is_own_name(name):
                raise ParseError(name, "the candidate has a name that irrgate does not give")
            if rest is None:
                if not no:
                    raise ParseError(name, f"a line of the list is unknown: {line!a}")
                gone.append(key)
            elif gone or (removed and not no):
                raise ParseError(name, "the candidate adds entries after it removed some")
            else:
                (removed if no else added).setdefault(key, []).append(rest)
        deltas = {
            key: Delta(
                self._in_order(key, added.get(key, [])), self._in_order(key, removed.get(key, []))
            )
            for key in dict.fromkeys((*added, *removed))
        }
        return deltas, tuple(gone)

    def _in_order(self, key: Key, rests: list[str]) -> tuple[Row, ...]:
        afi, name = key
        numbers = [int(match[1]) for rest in rests if (match := _ENTRY.match(rest))]
        if len(numbers) < len(rests):
            raise ParseError(name, "the candidate has a line that is no entry with a number")
        by_number = {row[0]: row for row in read_lines(self.dialect, afi, name, rests).rows}
        return tuple(map(by_number.__getitem__, numbers))

    def _stranger(
        self,
        name: str,
        definitions: Mapping[Afi, Iterable[str]],
        references: tuple[str, ...],
        *,
        alone: bool,
    ) -> Stranger:
        """Return what there is to know of a list; `alone`: the other family's is not asked for."""
        if len(definitions) > 1:
            return Stranger(name, None, references, removable=False)
        ((afi, rests),) = definitions.items()
        return stranger_of(
            name,
            afi,
            references,
            ours=alone,
            read=lambda family: self.read(family, name, list(rests)),
        )

    def _managed(self, name: str, afi: Afi, listed: ListedRows) -> ManagedList:
        rows = listed.rows
        accepted = accepted_by(afi, rows)
        if accepted and rows:
            count = len(rows) - (floor_of(afi, rows, self.dialect.numbering) is not None)
            entries = [entry for _, permits, entry in rows if permits]
            plain = len(entries) == count and sorted(entries) == sorted(accepted.entries())
        else:
            plain = [(permits, entry) for _, permits, entry in rows] == [(False, deny_all(afi))]
        return ManagedList(
            name, afi, accepted, plain and listed.numbered, rows=rows, numbered=listed.numbered
        )


_NO_NUMBERS: Final = "the router does not show the entries' sequence numbers"

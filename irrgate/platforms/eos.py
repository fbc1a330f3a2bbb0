"""Arista EOS: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that exists and matches nothing denies. Evaluation and syntax: Arista's EOS User Manual,
"ACLs and Route Maps", "Prefix Lists".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.eos_references import find_references
from irrgate.platforms.first_match import first_match
from irrgate.platforms.platform import (
    NONE,
    Capabilities,
    DriverFault,
    Line,
    ManagedList,
    PrintedList,
    Removal,
    RunningFilters,
    Stranger,
    UpdateStrategy,
    removable_afi,
)
from irrgate.platforms.reading import keys_of, lengths_of, refuse_without_last, stranger_of
from irrgate.prefixes import Afi, PrefixSet, format_address, format_prefixes

_KEYWORDS: Final = {Afi.IPV4: "ip", Afi.IPV6: "ipv6"}
_FAMILIES: Final = {keyword: afi for afi, keyword in _KEYWORDS.items()}
_STEP: Final = 10
"""between sequence numbers of a new list, so that a person finds room between two"""

_DOCUMENTED_SEQUENCE: Final = 65_535

_HEADER = re.compile(r"^(ip|ipv6) prefix-list (\S+)[ \t]*(.*)$", re.MULTILINE)
_REMOVAL = re.compile(r"no (ip|ipv6) prefix-list (\S+)")
_SINGLE = re.compile(r"^[ \t]*seq ([0-9]{1,10}) permit (\S+)[ \t\r]*$", re.MULTILINE)
_ENTRY = re.compile(r"seq ([0-9]{1,10}) (permit|deny) (\S+)(?: (.*))?")
_REMARK = re.compile(r"(?:seq \d+ )?remark\b.*|!.*")
_BLOCK_END = re.compile(r"\n(?=\S)")

_FAULTS: Final = (
    DriverFault(
        (
            "EOSDriver.close(), and the driver when it is collected, abort the session: a commit "
            "that waits to be confirmed goes back"
        ),
        (
            "the driver forgets the session before it is closed, and a new connection takes it up "
            "by its name"
        ),
    ),
    DriverFault(
        "The driver does not verify TLS certificates by default",
        "it gets a TLS context that does",
    ),
    DriverFault(
        "rollback() of the driver restores the startup config, not what ran before",
        "it is only used to abort a commit that waits to be confirmed",
    ),
    DriverFault(
        "A run that dies leaves its configuration session on the router",
        "the next run of the same state aborts it",
    ),
)


@dataclass(slots=True)
class _Read:
    """One prefix list as it is read: the sequence number of each entry beside it."""

    numbers: list[int]
    permits: list[Entry]
    denied_numbers: list[int] = field(default_factory=list)
    denies: list[Entry] = field(default_factory=list)
    plain: bool = True


class Eos:
    """The EOS platform."""

    name: Final = "eos"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.SESSION,
        revert_step=1,
        commit_message=False,
        max_sequence=_DOCUMENTED_SEQUENCE,
        max_name=255,
        atomic=True,
        commit_confirm=True,
        verified_host="TLS certificate",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix lists of `show running-config`; see Platform."""
        refuse_without_last(running, "end", "EOS")
        texts: dict[str, list[str]] = {}
        strange: dict[str, dict[Afi, list[str]]] = {}
        for match in _HEADER.finditer(running):
            keyword, name, rest = match.groups()
            if not name.startswith(managed_prefix):
                continue
            if name not in wanted or _KEYWORDS[wanted[name]] != keyword:
                into = strange.setdefault(name, {}).setdefault(_FAMILIES[keyword], [])
            else:
                into = texts.setdefault(name, [])
            # EOS prints a list as a block, or in an older form with the name on every line.
            into += (rest, _block(running, match.end()))
        lists = {name: _managed(name, wanted[name], parts) for name, parts in texts.items()}
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
        refuse_without_last(running, "end", "EOS")
        return find_references(running, names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the prefix lists that a candidate sets; see Platform.

        Each must be removed first, since a session begins with what is running; one of `removals`
        is not set again. Every line must be of a list: whatever else the router is told would be
        committed unread.
        """
        written: dict[tuple[str, str], list[str]] = {}
        removed: set[tuple[str, str]] = set()
        block: list[str] | None = None
        # Stripped as NAPALM's driver does it; what a line means depends on the line before.
        for line in map(str.strip, candidate.splitlines()):
            if block is not None and line.startswith("seq "):
                block.append(line)
            elif line == "exit":
                block = None
            elif match := _REMOVAL.fullmatch(line):
                keyword, name = match.groups()
                if (keyword, name) in written:
                    raise ParseError(name, "the candidate removes the list after it set it")
                removed.add((keyword, name))
                block = None
            elif match := _HEADER.fullmatch(line):
                keyword, name, rest = match.groups()
                into = written.setdefault((keyword, name), [])
                into += [rest] if rest else []
                block = None if rest else into
            elif line.startswith("!!") or (line and not line.startswith("!")):
                raise ParseError("candidate", f"has a line that is of no prefix list: {line!a}")
        for keyword, name in sorted(written.keys() ^ removed):
            goes = name in removals and _KEYWORDS[removals[name]] == keyword
            if not goes or (keyword, name) in written:
                raise ParseError(name, "the candidate must remove the list and then set it")
        lists: dict[str, ManagedList] = {}
        strangers: dict[str, Stranger] = {}
        for (keyword, name), lines in written.items():
            if name in wanted and _KEYWORDS[wanted[name]] == keyword:
                lists[name] = _managed(name, wanted[name], lines)
            else:
                strangers[name] = Stranger(name, _FAMILIES[keyword], (), removable=False)
        gone = tuple(sorted({name for _, name in removed - written.keys()}))
        return RunningFilters(lists, tuple(strangers[each] for each in sorted(strangers)), gone)

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the list with stable sequence numbers; see Platform.

        All entries permit, so their order means nothing: an entry that stays keeps its number
        and a new one gets a number after the last.
        """
        afi = prefixes.afi
        keyword = _KEYWORDS[afi]
        if not prefixes:
            everything = f"{format_address(afi, 0)}/0"
            return PrintedList(name, afi, keyword, [(_STEP, "deny", everything, None, afi.bits)])
        kept = running.sequences if running else {}
        entries = list(prefixes.entries())
        numbers = _sequence_numbers(entries, kept)
        texts = format_prefixes(afi, entries)
        lines: list[Line] = [
            (
                number,
                "permit",
                text,
                ge if ge > length else None,
                le if le > length else None,
            )
            for number, text, (_, length, ge, le) in zip(numbers, texts, entries, strict=True)
        ]
        if kept:
            lines.sort()
        return PrintedList(name, afi, keyword, lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the list; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, _KEYWORDS[afi])


def _stranger(
    name: str, definitions: Mapping[Afi, list[str]], references: tuple[str, ...], *, alone: bool
) -> Stranger:
    """Return what there is to know of a list; `alone`: the other family's is not asked for."""
    if len(definitions) > 1:
        return Stranger(name, None, references, removable=False)
    ((afi, texts),) = definitions.items()
    text = "\n".join(texts)
    return stranger_of(
        name, afi, references, ours=alone, read=lambda family: _read(text, family, name)
    )


def _sequence_numbers(entries: list[Entry], kept: Mapping[Entry, int]) -> list[int]:
    if not kept:
        return list(_fresh_numbers([], len(entries)))
    stay = [kept[entry] for entry in entries if entry in kept]
    fresh = _fresh_numbers(stay, len(entries) - len(stay))
    return [kept[entry] if entry in kept else next(fresh) for entry in entries]


def _fresh_numbers(used: list[int], count: int) -> Iterator[int]:
    """Yield `count` numbers that are not used: after the last one, or where there is room.

    Arista's manual gives 0 to 65535. Only a list of more entries than that goes beyond it, which
    a router that knows no higher numbers refuses as a whole when the candidate is loaded.
    """
    start = max(used, default=0) // _STEP * _STEP + _STEP
    if start + (count - 1) * _STEP <= _DOCUMENTED_SEQUENCE:
        return iter(range(start, start + count * _STEP, _STEP))
    taken = set(used)
    return islice((number for number in itertools.count(1) if number not in taken), count)


def _block(running: str, start: int) -> str:
    """Return the indented lines that follow position `start`."""
    # The block ends at the next line that is not indented; `!` or a header, never far on.
    following = _BLOCK_END.search(running, start)
    return running[start : following.start() if following else len(running)]


def _read(text: str, afi: Afi, name: str) -> _Read:
    text = text.strip()
    found = _SINGLE.findall(text)
    keys = keys_of(afi, [prefix for _, prefix in found], name)
    read = _Read(
        [int(number) for number, _ in found],
        [(key >> LENGTH_BITS, n := key & LENGTH_MASK, n, n) for key in keys],
    )
    # Single prefixes that are permitted are most of nearly every list: the rest is read slowly.
    if text and len(found) <= text.count("\n"):
        _read_others(read, _SINGLE.sub("", text), afi, name)
    numbers = {*read.numbers, *read.denied_numbers}
    if len(numbers) < len(read.numbers) + len(read.denied_numbers):
        raise ParseError(name, "two entries of the list have one sequence number")
    return read


def _read_others(into: _Read, text: str, afi: Afi, name: str) -> None:
    entries: list[re.Match[str]] = []
    for line in filter(None, map(str.strip, text.split("\n"))):
        if match := _ENTRY.fullmatch(line):
            entries.append(match)
        elif _REMARK.fullmatch(line):
            into.plain = False
        else:
            raise ParseError(name, f"a line of the list is unknown: {line!a}")
    for key, match in zip(keys_of(afi, [each[3] for each in entries], name), entries, strict=True):
        lengths = lengths_of(match[4] or "", key & LENGTH_MASK, afi.bits)
        if lengths is None:
            raise ParseError(name, f"an entry has impossible qualifiers: {match[0]!a}")
        permits = match[2] == "permit"
        (into.numbers if permits else into.denied_numbers).append(int(match[1]))
        (into.permits if permits else into.denies).append((key >> LENGTH_BITS, *lengths))


def _managed(name: str, afi: Afi, texts: Iterable[str]) -> ManagedList:
    read = _read("\n".join(texts), afi, name)
    sequences = dict(zip(read.permits, read.numbers, strict=True))
    if not read.denies:
        accepted = PrefixSet.from_entries(afi, sequences)
        # A list without entries denies here, but does not say so.
        plain = read.plain and bool(accepted) and _is_canonical(accepted, read, sequences)
        return ManagedList(name, afi, accepted, plain, sequences)
    if not read.permits and read.denies == [(0, 0, 0, afi.bits)]:
        return ManagedList(name, afi, PrefixSet.empty(afi), read.plain)
    permits = zip(read.numbers, repeat(True), read.permits, strict=False)
    denies = zip(read.denied_numbers, repeat(False), read.denies, strict=False)
    accepted = first_match(afi, [*permits, *denies])
    return ManagedList(name, afi, accepted, plain=False, sequences=sequences)


def _is_canonical(accepted: PrefixSet, read: _Read, sequences: Mapping[Entry, int]) -> bool:
    """Tell whether the list has just the entries that `printed` writes, in any order."""
    written = list(accepted.entries())
    same_number = len(read.permits) == len(sequences) == len(written)
    return same_number and all(map(sequences.__contains__, written))

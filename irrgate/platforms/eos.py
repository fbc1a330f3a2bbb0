"""Arista EOS: `ip prefix-list` and `ipv6 prefix-list`, first match by sequence number.

A list that exists and matches nothing denies. Evaluation and syntax: Arista's EOS User Manual,
"ACLs and Route Maps", "Prefix Lists".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.platform import (
    Capabilities,
    Line,
    ManagedList,
    PrintedList,
    RunningFilters,
    UpdateStrategy,
)
from irrgate.prefixes import Afi, PrefixSet, format_address, parse_keys

_KEYWORDS: Final = {Afi.IPV4: "ip", Afi.IPV6: "ipv6"}
_STEP: Final = 10
"""between sequence numbers of a new list, so that a person finds room between two"""

_DOCUMENTED_SEQUENCE: Final = 65_535

_HEADER = re.compile(r"^(ip|ipv6) prefix-list (\S+)(?: (seq \d+ .*))?$", re.MULTILINE)
_REMOVAL = re.compile(r"^no (ip|ipv6) prefix-list (\S+)$", re.MULTILINE)
_REMOVAL_OR_EXIT = re.compile(r"^(?:no (?:ip|ipv6) prefix-list \S+| *exit)\n", re.MULTILINE)
_REMARK = re.compile(r"(?:seq \d+ )?remark\b.*|!.*")


@dataclass(slots=True)
class _Read:
    """One prefix list as it is read: entries as (sequence, permits, entry)."""

    permits: list[tuple[int, Entry]]
    denies: list[tuple[int, Entry]]
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
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix lists of `show running-config`; see Platform."""
        if not running.rstrip().endswith("\nend"):
            raise ParseError(
                "running config", "is cut off: EOS ends it with the line `end`, which is missing"
            )
        read: dict[str, _Read] = {}
        strangers: set[str] = set()
        for match in _HEADER.finditer(running):
            keyword, name, rest = match.groups()
            if not name.startswith(managed_prefix):
                continue
            afi = wanted.get(name)
            if afi is None or _KEYWORDS[afi] != keyword:
                strangers.add(name)
                continue
            into = read.setdefault(name, _Read([], []))
            lines = [rest] if rest else _block(running, match.end())
            _read_lines(into, lines, afi, name)
        lists = {name: _managed(name, wanted[name], each) for name, each in read.items()}
        return RunningFilters(lists, tuple(sorted(strangers)))

    def parse_candidate(self, candidate: str, wanted: Mapping[str, Afi]) -> RunningFilters:
        """Return the prefix lists that a candidate sets; see Platform.

        Each must be removed first, since a session begins with what is running.
        """
        removed = set(_REMOVAL.findall(candidate))
        found = self.parse(_REMOVAL_OR_EXIT.sub("", candidate) + "\nend", wanted, "")
        for name in found.lists:
            if (_KEYWORDS[wanted[name]], name) not in removed:
                raise ParseError(name, "the candidate adds to the list and does not replace it")
        return found

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
        lines = list(_numbered(afi, entries, kept))
        if kept:
            lines.sort()
        return PrintedList(name, afi, keyword, lines)


def _numbered(afi: Afi, entries: list[Entry], kept: Mapping[Entry, int]) -> Iterator[Line]:
    stay = [kept[entry] for entry in entries if entry in kept]
    fresh = _fresh_numbers(stay, len(entries) - len(stay))
    for entry in entries:
        address, length, ge, le = entry
        number = kept.get(entry)
        yield (
            next(fresh) if number is None else number,
            "permit",
            f"{format_address(afi, address)}/{length}",
            ge if ge > length else None,
            le if le > length else None,
        )


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


def _block(running: str, start: int) -> list[str]:
    """Return the indented lines that follow position `start`."""
    end = start
    # The block ends at the next line that is not indented; `!` or a header, never far on.
    next_line = re.compile(r"\n(?! )").search(running, start)
    end = next_line.start() if next_line else len(running)
    return running[start + 1 : end].split("\n") if end > start else []


def _read_lines(into: _Read, lines: list[str], afi: Afi, name: str) -> None:
    sequences: list[str] = []
    singles: list[str] = []
    others: list[tuple[str, bool, str, list[str]]] = []
    for line in lines:
        words = line.split()
        if len(words) >= 4 and words[0] == "seq" and words[2] in {"permit", "deny"}:
            if len(words) == 4 and words[2] == "permit":
                sequences.append(words[1])
                singles.append(words[3])
            else:
                others.append((words[1], words[2] == "permit", words[3], words[4:]))
        elif words and _REMARK.fullmatch(line.strip()):
            into.plain = False
        elif words:
            raise ParseError(name, f"a line of the running config is unknown: {line.strip()!a}")
    for key, sequence in zip(_keys(afi, singles, name), sequences, strict=True):
        length = key & LENGTH_MASK
        entry = (key >> LENGTH_BITS, length, length, length)
        into.permits.append((_number(sequence, name), entry))
    keys = _keys(afi, [each[2] for each in others], name)
    for key, (sequence, permits, _, qualifiers) in zip(keys, others, strict=True):
        length = key & LENGTH_MASK
        ge, le = _bounds(qualifiers, length, afi.bits, name) if qualifiers else (length, length)
        into_list = into.permits if permits else into.denies
        into_list.append((_number(sequence, name), (key >> LENGTH_BITS, length, ge, le)))


def _keys(afi: Afi, texts: list[str], name: str) -> list[int]:
    try:
        return parse_keys(afi, texts)
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise ParseError(name, f"a sequence number is expected, not {text!a}")
    return int(text)


def _bounds(qualifiers: list[str], length: int, bits: int, name: str) -> tuple[int, int]:
    given = dict(zip(qualifiers[::2], qualifiers[1::2], strict=False))
    known = given.keys() <= {"ge", "le", "eq"} and len(qualifiers) == 2 * len(given)
    if not known or not all(value.isdecimal() for value in given.values()):
        raise ParseError(name, f"unknown qualifiers of an entry: {' '.join(qualifiers)!a}")
    if "eq" in given:
        return int(given["eq"]), int(given["eq"])
    ge = int(given.get("ge", length))
    le = int(given["le"]) if "le" in given else bits
    if not length <= ge <= le <= bits:
        raise ParseError(name, f"impossible qualifiers of an entry: {' '.join(qualifiers)!a}")
    return ge, le


def _managed(name: str, afi: Afi, read: _Read) -> ManagedList:
    sequences = {entry: sequence for sequence, entry in read.permits}
    if not read.denies:
        accepted = PrefixSet.from_entries(afi, sequences)
        # A list without entries denies here, but does not say so.
        return ManagedList(name, afi, accepted, read.plain and bool(accepted), sequences)
    everything = (0, 0, 0, afi.bits)
    if not read.permits and [entry for _, entry in read.denies] == [everything]:
        return ManagedList(name, afi, PrefixSet.empty(afi), read.plain)
    return ManagedList(name, afi, _first_match(afi, read), plain=False, sequences=sequences)


def _first_match(afi: Afi, read: _Read) -> PrefixSet:
    """Return what a list with denies accepts: each permit less the denies before it."""
    accepted = denied = PrefixSet.empty(afi)
    numbered = [(s, True, e) for s, e in read.permits] + [(s, False, e) for s, e in read.denies]
    batch: list[Entry] = []
    for _, permits, entry in sorted(numbered):
        if permits:
            batch.append(entry)
            continue
        accepted = accepted.union(PrefixSet.from_entries(afi, batch).difference(denied))
        batch = []
        denied = denied.union(PrefixSet.from_entries(afi, [entry]))
    return accepted.union(PrefixSet.from_entries(afi, batch).difference(denied))

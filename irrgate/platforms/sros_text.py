"""Prefix-lists in the words of SR OS's two command lines, which bgpq4 prints, as XML.

The model-driven one has braces (bgpq4 -n), the classic one has a line an entry (bgpq4 -N). Both
remove a list before they set it anew, which is `replace` in one word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.sros_config import CONF
from irrgate.platforms.sros_entries import one_range_each
from irrgate.prefixes import Afi, format_prefixes, parse_keys

NETCONF: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
_TOKEN: Final = re.compile(r'"[^"\n]*"|[{}]|[^\s{}"]+')
_NAME: Final = re.compile(r'"?([A-Za-z0-9_.:-]{1,64})"?')
_CLASSIC: Final = re.compile(
    r"prefix (\S+) (?:(exact|longer)|(through) ([0-9]{1,3})"
    r"|(prefix-length-range) ([0-9]{1,3})-([0-9]{1,3}))"
)
_AROUND: Final = frozenset({
    "configure router policy-options", "/configure router policy-options", "begin", "exit",
    "exit all", "commit",
})  # fmt: skip
_LEAVES: Final = {
    "exact": (),
    "longer": (),
    "through": ("through-length",),
    "range": ("start-length", "end-length"),
}


@dataclass(slots=True)
class _List:
    name: str
    entries: list[tuple[str, str, tuple[int, ...]]] = field(default_factory=list)
    """(prefix, type, lengths)"""


def is_text(candidate: str) -> bool:
    """Tell whether a candidate is of a command line, and not XML."""
    return not candidate.lstrip().startswith("<")


def to_xml(text: str) -> str:
    """Return `configure` as XML for what a command line is told; ParseError for anything else.

    Where one prefix has several ranges, which SR OS cannot have, all but the first are given to
    its halves.
    """
    statements = list(_model_driven(text) if "{" in text else _classic(text))
    gone: set[str] = set()
    told: list[str] = []
    for at, statement in enumerate(statements):
        if isinstance(statement, str):
            gone.add(statement)
            later = (each for each in statements[at + 1 :] if isinstance(each, _List))
            if all(each.name != statement for each in later):
                told.append(_opening(statement, "remove") + _CLOSING)
        else:
            operation = "replace" if statement.name in gone else ""
            gone.discard(statement.name)
            told.append(_opening(statement.name, operation) + _printed(statement) + _CLOSING)
    return (
        f'<configure xmlns="{CONF}" xmlns:nc="{NETCONF}">\n  <policy-options>\n{"".join(told)}'
        "  </policy-options>\n</configure>\n"
    )


_CLOSING: Final = "    </prefix-list>\n"


def _opening(name: str, operation: str) -> str:
    given = f' nc:operation="{operation}"' if operation else ""
    return f"    <prefix-list{given}>\n      <name>{name}</name>\n"


def _printed(one: _List) -> str:
    lines: list[str] = []
    for afi in Afi:
        mark = ":" if afi is Afi.IPV6 else "."
        own = [each for each in one.entries if (":" in each[0]) == (mark == ":")]
        try:
            keys = parse_keys(afi, [prefix for prefix, _, _ in own])
        except ValueError as exc:
            raise ParseError(one.name, str(exc)) from exc
        longer = [prefix for prefix, kind, _ in own if kind == "longer"]
        lines += [_entry(prefix, "longer") for prefix in longer]
        entries = [
            _lengths(one.name, prefix, key, kind, lengths)
            for key, (prefix, kind, lengths) in zip(keys, own, strict=True)
            if kind != "longer"
        ]
        ranged = [entry[:2] for entry in entries if entry[1] < entry[2]]
        if len(set(ranged)) < len(ranged):
            entries = list(one_range_each(entries, afi.bits))
        lines += [
            _entry(prefix, *_told(entry))
            for prefix, entry in zip(format_prefixes(afi, entries), entries, strict=True)
        ]
    return "".join(lines)


def _lengths(name: str, prefix: str, key: int, kind: str, given: tuple[int, ...]) -> Entry:
    length = key & LENGTH_MASK
    low, high = given if kind == "range" else (length, *given) if given else (length, length)
    if not length <= low <= high:
        raise ParseError(name, f"an entry has impossible lengths: {prefix} {kind}")
    return key >> LENGTH_BITS, length, low, high


def _told(entry: Entry) -> tuple[str, str]:
    _, length, ge, le = entry
    if ge > length:
        return "range", f"<start-length>{ge}</start-length><end-length>{le}</end-length>"
    return ("through", f"<through-length>{le}</through-length>") if le > length else ("exact", "")


def _entry(prefix: str, kind: str, lengths: str = "") -> str:
    inside = f"<ip-prefix>{prefix}</ip-prefix><type>{kind}</type>{lengths}"
    return f"      <prefix>{inside}</prefix>\n"


def _classic(text: str) -> Iterator[_List | str]:
    """Yield the lists, and the names of those that are removed, in the order of the text."""
    now: _List | None = None
    for line in map(str.strip, text.splitlines()):
        if match := _CLASSIC.fullmatch(line):
            if now is None:
                raise ParseError("candidate", f"has an entry outside of a list: {line!a}")
            prefix, alone, through, length, _, low, high = match.groups()
            kind = alone or through or "range"
            given = tuple(int(each) for each in (length, low, high) if each)
            now.entries.append((prefix, kind, given))
            continue
        if now is not None:
            yield now
            now = None
        words = line.split()
        if line in _AROUND or not words or line.startswith("#"):
            continue
        if words[:2] == ["no", "prefix-list"] and len(words) == 3:
            yield _name(words[2])
        elif words[0] == "prefix-list" and len(words) == 2:
            now = _List(_name(words[1]))
        else:
            raise ParseError("candidate", f"has a line that is of no prefix-list: {line[:80]!a}")
    if now is not None:
        yield now


def _model_driven(text: str) -> Iterator[_List | str]:
    """Yield the lists, and the names of those that are removed, in the order of the text."""
    words = _Words(re.sub(r"(?m)^\s*#.*$", "", text))
    depth = 0
    while word := words.next():
        if word in {"/configure", "configure", "policy-options"}:
            continue
        if word == "{":
            depth += 1
        elif word == "}":
            depth -= 1
            if depth < 0:
                raise ParseError("candidate", "has a closing brace too many")
        elif word == "delete":
            words.expect("prefix-list")
            yield _name(words.next())
        elif word == "prefix-list":
            yield _braced(words)
        else:
            raise ParseError("candidate", f"has what is of no prefix-list: {word[:80]!a}")
    if depth:
        raise ParseError("candidate", "is cut off: a brace is not closed")


def _braced(words: _Words) -> _List:
    found = _List(_name(words.next()))
    words.expect("{")
    while (word := words.next()) != "}":
        if word != "prefix":
            raise ParseError(found.name, f"has what is no entry: {word[:80]!a}")
        prefix = words.next()
        words.expect("type")
        kind = words.next()
        words.expect("{")
        given: dict[str, int] = {}
        while (leaf := words.next()) != "}":
            number = words.next()
            if not number.isdecimal():
                raise ParseError(found.name, f"an entry is cut off, or unknown: {prefix[:80]!a}")
            given[leaf] = int(number)
        leaves = _LEAVES.get(kind)
        if leaves is None or given.keys() != set(leaves):
            raise ParseError(found.name, f"an entry is unknown: {prefix[:80]} {kind[:40]!a}")
        found.entries.append((prefix, kind, tuple(given[each] for each in leaves)))
    return found


class _Words:
    """The words of a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._words = iter(_TOKEN.findall(text))

    def next(self) -> str:
        """Return the next word; empty at the end."""
        return next(self._words, "")

    def expect(self, word: str) -> None:
        """Take the next word, which must be this one."""
        found = self.next()
        if found != word:
            said = f"has {found[:80]!a}" if found else "ends"
            raise ParseError("candidate", f"{said} where {word!a} must stand")


def _name(word: str) -> str:
    match = _NAME.fullmatch(word)
    if match is None:
        raise ParseError("candidate", f"has a list whose name cannot be: {word[:80]!a}")
    return match[1]

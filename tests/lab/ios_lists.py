"""The prefix lists of an emulated IOS router: what each line does, and what IOS says about it.

From Cisco's command reference (`ip prefix-list`, `ipv6 prefix-list`, `ip prefix-list
sequence-number`) and from transcripts of people's routers:
- a length satisfies len < ge <= le; an entry without a number gets the last one's plus 5;
- a number that is taken, and an entry that is there already under another number, are refused by
  `%Insertion failed`, which is no `Invalid input`;
- `no ip prefix-list NAME seq N` alone is an incomplete command;
- bits beyond the length are cleared without a word; IPv6 is shown in capitals;
- `ge N le 32` is shown as `ge N`;
- the last entry takes its list along, unless that has a description.

Where nothing was found: names end at 63 characters, and the same line again changes nothing.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from typing import Final

from tests.lab.apply_log import content_digest

STEP: Final = 5
MAX_SEQUENCE: Final = 4_294_967_294
MAX_NAME: Final = 63
INVALID: Final = "% Invalid input detected at '^' marker."
_WIDTH: Final = {"ip": 32, "ipv6": 128}
_FAMILY: Final = {"ip": socket.AF_INET, "ipv6": socket.AF_INET6}
_LINE: Final = re.compile(r"(no )?(ip|ipv6) prefix-list (\S+)(?: (.*))?")
_ENTRY: Final = re.compile(
    r"(?:seq (\d+) )?(permit|deny) ([0-9A-Fa-f.:]+)/(\d{1,3})(?: ge (\d{1,3}))?(?: le (\d{1,3}))?"
)

Key = tuple[str, str]
"""family and name"""


def invalid(line: str, word: int) -> str:
    """IOS's answer to a line that cannot be parsed from a word on."""
    words = line.split(" ")
    if word >= len(words):
        return "% Incomplete command.\n"
    at = len(" ".join(words[:word])) + (word > 0)
    return f"{' ' * at}^\n{INVALID}\n"


@dataclass
class IosList:
    """One list: its entries by number, and the numbers by entry."""

    entries: dict[int, str] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    description: str = ""
    highest: int = 0
    _digest: str = ""

    @property
    def digest(self) -> str:
        """Of its entries, whatever their numbers; kept, since a long list takes its time."""
        if not self._digest:
            self._digest = content_digest(self.numbers)
        return self._digest

    def put(self, number: int, text: str) -> None:
        self._digest = ""
        self.entries[number] = text
        self.numbers[text] = number
        self.highest = max(self.highest, number)

    def drop(self, number: int) -> None:
        self._digest = ""
        del self.numbers[self.entries.pop(number)]
        self.highest = max(self.entries, default=0) if number == self.highest else self.highest


class IosLists:
    """All lists of a router, in the order in which they came."""

    def __init__(self) -> None:
        self.lists: dict[Key, IosList] = {}
        self.numbered = {"ip": True, "ipv6": True}
        """whether numbers are shown"""

    def tell(self, line: str) -> str:
        """Take one line of configuration mode; what IOS prints, which is nothing when it is well.

        ValueError for a line that is of no prefix list.
        """
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(line)
        no, family, name, rest = match.groups()
        if name == "sequence-number" and rest is None:
            self.numbered[family] = not no
            return ""
        if len(name) > MAX_NAME:
            return invalid(line, 2 + bool(no))
        key = family, name
        if rest is None:
            return self._drop_list(key) if no else invalid(line, 99)
        if rest.startswith("description"):
            return self._describe(key, "" if no else rest[12:].strip())
        return self._entry(line, key, rest, removes=bool(no))

    def _drop_list(self, key: Key) -> str:
        if self.lists.pop(key, None) is None:
            return "% Can't find specified prefix-list\n"
        return ""

    def _describe(self, key: Key, text: str) -> str:
        self.lists.setdefault(key, IosList()).description = text
        self._tidy(key)
        return ""

    def _entry(self, line: str, key: Key, rest: str, *, removes: bool) -> str:
        match = _ENTRY.fullmatch(rest)
        if match is None:
            return invalid(line, 99 if re.fullmatch(r"seq \d+", rest) else 3 + removes)
        number = int(match[1]) if match[1] else None
        if number is not None and not 0 < number <= MAX_SEQUENCE:
            return invalid(line, 4 + removes)
        text = _normal(key[0], match)
        if text is None:
            return invalid(line, line.split(" ").index(f"{match[3]}/{match[4]}"))
        if text.startswith("%"):
            return text
        return (self._drop_entry if removes else self._add)(key, number, text)

    def _add(self, key: Key, number: int | None, text: str) -> str:
        held = self.lists.get(key)
        there = held.numbers.get(text) if held else None
        if there is not None:
            if number is None or there == number:
                return ""
            return f"%Insertion failed - prefix-list entry exists:\n seq {there} {text}\n"
        if held is not None and number is not None and number in held.entries:
            return f"%Insertion failed - seq # exists: {number}\n"
        held = self.lists.setdefault(key, IosList())
        held.put(held.highest + STEP if number is None else number, text)
        return ""

    def _drop_entry(self, key: Key, number: int | None, text: str) -> str:
        held = self.lists.get(key)
        if held is None:
            return "% Can't find specified prefix-list\n"
        there = held.numbers.get(text)
        if there is None or number not in {None, there}:
            return "% Can't find specified prefix-list entry\n"
        held.drop(there)
        self._tidy(key)
        return ""

    def _tidy(self, key: Key) -> None:
        held = self.lists[key]
        if not held.entries and not held.description:
            del self.lists[key]

    def lines(self) -> list[str]:
        """What `show running-config` has of them, `!` between two lists."""
        shown = [
            f"no {family} prefix-list sequence-number"
            for family, numbered in self.numbered.items()
            if not numbered
        ]
        for (family, name), held in self.lists.items():
            head = f"{family} prefix-list {name}"
            shown.append("!")
            if held.description:
                shown.append(f"{head} description {held.description}")
            for number in sorted(held.entries):
                seq = f"seq {number} " if self.numbered[family] else ""
                shown.append(f"{head} {seq}{held.entries[number]}")
        return shown

    def digests(self) -> dict[str, str]:
        """The digest of each list's entries, whatever their numbers."""
        return {name: held.digest for (_, name), held in self.lists.items()}

    def counts(self) -> dict[str, int]:
        return {name: len(held.entries) for (_, name), held in self.lists.items()}


def _normal(family: str, match: re.Match[str]) -> str | None:
    """The entry as IOS shows it, or what it says to wrong lengths; None: no prefix."""
    _, action, address, length_text, ge_text, le_text = match.groups()
    length, width = int(length_text), _WIDTH[family]
    try:
        packed = socket.inet_pton(_FAMILY[family], address)
    except OSError:
        return None
    if length > width:
        return None
    ge, le = int(ge_text or 0), int(le_text or 0)
    bounds = [bound for bound in (ge, le) if bound]
    if bounds and (bounds[0] <= length or bounds != sorted(bounds) or bounds[-1] > width):
        return (
            f"% Invalid prefix range for {address}/{length}, make sure: "
            "len < ge-value <= le-value\n"
        )
    number = int.from_bytes(packed, "big") >> (width - length) << (width - length)
    shown = socket.inet_ntop(_FAMILY[family], number.to_bytes(width // 8, "big")).upper()
    at_least = f" ge {ge}" if ge else ""
    at_most = f" le {le}" if le and not (ge and le == width) else ""
    return f"{action} {shown}/{length}{at_least}{at_most}"

"""The configuration of an emulated NX-OS: what it holds, how it takes a line, how it prints.

From Cisco's "Unicast Routing Command Reference" for NX-OS (`ip prefix-list`): a name of up to 63
characters, numbers 1 to 4294967294, `eq N`, `ge N`, `le N`, `ge N le N`, lengths from 1; an entry
without a number gets the last one's plus 5. From running configs that public tools parse: a list is
printed line by line, with a space at each line's end, and no line ends the config. A number that is
in use is refused (ansible-collections/cisco.nxos issue 774); with which words is not known, nor are
those for an entry that is not there. An entry is what it was told with: `ge 25` and `ge 25 le 32`
are not the same to a line that removes one, since the object model has both bounds apart.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from typing import Final

MAX_SEQUENCE: Final = 4294967294
MAX_NAME: Final = 63

ListKey = tuple[str, str]  # ("ip" or "ipv6", name)

_LINE: Final = re.compile(r"(no )?(ip|ipv6) prefix-list (\S+)(?: (.+))?")
_ENTRY: Final = re.compile(
    r"(?:seq (\d{1,10}) )?(permit|deny) ([0-9A-Fa-f.:]+)/(\d{1,3})"
    r"(?: eq (\d{1,3})|(?: ge (\d{1,3}))?(?: le (\d{1,3}))?)"
)
_WIDTH: Final = {"ip": 32, "ipv6": 128}
_FAMILY: Final = {"ip": socket.AF_INET, "ipv6": socket.AF_INET6}
_BEFORE_LISTS: Final = ("hostname", "vdc", "feature", "username", "no ", "ip domain", "vrf", "vlan")
INVALID: Final = "% Invalid command at '^' marker."


class CommandRefused(Exception):  # noqa: N818 - the CLI refuses a command, nothing is broken
    """A line that the device does not take, with the device's text."""


class PrefixList:
    """One list: its entries by their numbers, as they are printed after the number."""

    def __init__(self) -> None:
        self.entries: dict[int, str] = {}
        self.description = ""
        self._content = 0
        self._numbered = 0

    @property
    def content(self) -> str:
        """The digest of the entries; their order and their numbers do not change it."""
        return f"{self._content:064x}"

    @property
    def state(self) -> str:
        """The digest of all that is printed."""
        return f"{self._numbered:064x} {self.description}"

    def put(self, number: int, text: str) -> None:
        self.entries[number] = text
        self._count(number, text, 1)

    def take(self, number: int) -> None:
        self._count(number, self.entries.pop(number), -1)

    def _count(self, number: int, text: str, sign: int) -> None:
        # Sums, so that a line costs the same whatever the list's length.
        self._content = (self._content + sign * _hash(text)) % (1 << 256)
        self._numbered = (self._numbered + sign * _hash(f"{number} {text}")) % (1 << 256)


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


class NxosConfig:
    """A running config."""

    def __init__(self) -> None:
        self.lists: dict[ListKey, PrefixList] = {}
        self.others: dict[str, list[str]] = {}
        """other lines of the top, and what stands below each"""

    @property
    def hostname(self) -> str:
        found = (line for line in self.others if line.startswith("hostname "))
        return next(found, "hostname switch").split()[1]

    @property
    def state(self) -> str:
        """What a digest is made of: two configs that print alike have the same."""
        lists = [f"{key} {held.state}" for key, held in sorted(self.lists.items())]
        return "\n".join([*lists, str(self.others)])

    def counts(self) -> dict[str, int]:
        return {header(key): len(held.entries) for key, held in sorted(self.lists.items())}

    def digests(self) -> dict[str, str]:
        return {header(key): held.content for key, held in sorted(self.lists.items())}

    def tell(self, line: str) -> ListKey:
        """Take one line of a prefix list, or raise CommandRefused; the list that it is of."""
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise CommandRefused(INVALID)
        no, family, name, rest = match.groups()
        if len(name) > MAX_NAME:
            raise CommandRefused("% String exceeded max length of (63) at '^' marker.")
        key = family, name
        if rest is None:
            self._remove_list(key, no)
        elif rest.startswith("description "):
            self._describe(key, no, rest)
        elif no:
            self._remove_entry(key, rest)
        else:
            self._add_entry(key, rest)
        return key

    def _remove_list(self, key: ListKey, no: str | None) -> None:
        if not no:
            raise CommandRefused("% Incomplete command at '^' marker.")
        if self.lists.pop(key, None) is None:
            raise CommandRefused("% Prefix-list does not exist")

    def _describe(self, key: ListKey, no: str | None, rest: str) -> None:
        held = self.lists.setdefault(key, PrefixList())
        held.description = "" if no else rest

    def _remove_entry(self, key: ListKey, rest: str) -> None:
        number, text = _parsed(key[0], rest)
        held = self.lists.get(key)
        if held is None or number is None or held.entries.get(number) != text:
            raise CommandRefused("% Specified entry does not exist")
        held.take(number)
        if not held.entries and not held.description:
            del self.lists[key]

    def _add_entry(self, key: ListKey, rest: str) -> None:
        number, text = _parsed(key[0], rest)
        held = self.lists.get(key) or PrefixList()
        if number is None:
            number = max(held.entries, default=0) + 5
        if not 0 < number <= MAX_SEQUENCE:
            raise CommandRefused("% Invalid number, range is (1:4294967294) at '^' marker.")
        if held.entries.get(number, text) != text:
            raise CommandRefused("% Sequence number already exists")
        if number not in held.entries:
            held.put(number, text)
        self.lists[key] = held

    def lines(self) -> Iterator[str]:
        """The config as it is printed, without its header."""
        before = {top for top in self.others if top.startswith(_BEFORE_LISTS)}
        for top, below in self.others.items():
            if top in before:
                yield from (top, *below)
        yield ""
        for key, held in sorted(self.lists.items()):
            if held.description:
                yield f"{header(key)} {held.description} "
            for number in sorted(held.entries):
                yield f"{header(key)} seq {number} {held.entries[number]} "
        for top, below in self.others.items():
            if top not in before:
                yield from (top, *below)

    def text(self) -> str:
        return "\n".join(self.lines()) + "\n"


def header(key: ListKey) -> str:
    """What the lines of a list begin with."""
    return f"{key[0]} prefix-list {key[1]}"


def parse_config(text: str) -> NxosConfig:
    """A config of its text; ValueError for a line of a prefix list that cannot be."""
    config = NxosConfig()
    below: list[str] = []
    for line in text.splitlines():
        if line.startswith(("ip prefix-list ", "ipv6 prefix-list ")):
            try:
                config.tell(line)
            except CommandRefused as exc:
                raise ValueError(f"{line}: {exc}") from exc
        elif line[:1].isspace() and line.strip():
            below.append(line.rstrip())
        elif line.strip() and not line.startswith(("!", "version ")):
            below = config.others.setdefault(line.rstrip(), [])
    return config


def _parsed(family: str, rest: str) -> tuple[int | None, str]:
    """The number of an entry, and the entry as it is printed."""
    match = _ENTRY.fullmatch(rest)
    if match is None:
        raise CommandRefused(INVALID)
    number, action, address, length_text, *bounds = match.groups()
    length, width = int(length_text), _WIDTH[family]
    try:
        packed = socket.inet_pton(_FAMILY[family], address)
    except OSError:
        raise CommandRefused(INVALID) from None
    eq, ge, le = (None if bound is None else int(bound) for bound in bounds)
    given = [bound for bound in (eq, ge, le) if bound is not None]
    if length > width or any(not max(1, length) <= bound <= width for bound in given):
        raise CommandRefused("% Invalid prefix length range")
    if ge is not None and le is not None and ge > le:
        raise CommandRefused("% Invalid prefix length range")
    if ge is not None and ge == le:
        eq, ge, le = ge, None, None
    host = (1 << (width - length)) - 1
    network = (int.from_bytes(packed, "big") & ~host).to_bytes(width // 8, "big")
    shown = socket.inet_ntop(_FAMILY[family], network)
    if shown.startswith("::"):
        shown = f"0{shown}"
    words = [f"{action} {shown}/{length}"]
    words += [f"{word} {n}" for word, n in (("eq", eq), ("ge", ge), ("le", le)) if n is not None]
    return (None if number is None else int(number)), " ".join(words)

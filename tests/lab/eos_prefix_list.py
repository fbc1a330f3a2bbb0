"""The entries of EOS prefix lists: what a device accepts, and how it refuses the rest.

From Arista's manual (chapter "ACLs and Route Maps", `ip prefix-list`, `ipv6 prefix-list`):
`[seq N] permit|deny PREFIX [eq N | ge N | le N | ge N le N]`, CIDR or address and mask; lengths
from 1; a rule without a number gets the last one's plus 10; a name begins with a letter and holds
no space or quotation mark.

Where the manual and this module differ, or the manual says nothing:
- Sequence numbers. The manual says 0 to 65535. This device takes 0 to 4294967295, or lists of
  850,000 entries could not be tried; the `limits` control operation sets another maximum.
- A number that another entry has. Both public tools that write such entries (Ansible's
  arista.eos, annet) send `no seq N` first, and EOS says "Duplicate sequence number"
  (ansible-collections/arista.eos issue 284): refused here. The same entry again is accepted.
- Host bits. No source found: refused here.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Final

MAX_SEQUENCE: Final = 4294967295

_ENTRY: Final = re.compile(
    r"(?:seq (\d{1,10}) )?(permit|deny) ([0-9A-Fa-f.:]+)"
    r"(?:/(\d{1,3})| (\d+\.\d+\.\d+\.\d+))"
    r"((?: eq \d{1,3}| ge \d{1,3} le \d{1,3}| ge \d{1,3}| le \d{1,3})?)$"
)
_REMARK: Final = re.compile(r"(?:seq (\d{1,10}) )?remark (\S.*)$")
_NAME: Final = re.compile(r"[A-Za-z][^\s\"']*$")
_WIDTH: Final = {"ip": 32, "ipv6": 128}
_FAMILY: Final = {"ip": socket.AF_INET, "ipv6": socket.AF_INET6}
_HOST_BITS: Final = {
    "ip": [(1 << (32 - length)) - 1 for length in range(33)],
    "ipv6": [(1 << (128 - length)) - 1 for length in range(129)],
}


class CommandRefused(Exception):  # noqa: N818 - the CLI refuses a command, nothing is broken
    """A command that the device does not take: eAPI's error code, and the device's text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


def invalid(line: str, token: int) -> CommandRefused:
    """The refusal of a line that cannot be parsed from a token on."""
    words = line.split()
    if token >= len(words):
        return CommandRefused(1002, f"Incomplete command (at token {len(words)}: '{words[-1]}')")
    return CommandRefused(1002, f"Invalid input (at token {token}: '{words[token]}')")


def check_name(line: str, name: str, token: int) -> None:
    if not _NAME.match(name):
        raise invalid(line, token)


class Entries(dict[int, str]):
    """A prefix list: sequence number to entry, in any order."""

    __slots__ = ("_highest",)

    def __init__(self, entries: Mapping[int, str] | None = None) -> None:
        super().__init__(entries or {})
        self._highest: int | None = None  # None: not known

    def next_sequence(self) -> int:
        """The number of an entry that is given without one."""
        if self._highest is None:
            self._highest = max(self, default=0)
        return self._highest + 10

    def place(self, sequence: int, text: str) -> None:
        """Put an entry at a number; CommandRefused when another entry has it."""
        if self.setdefault(sequence, text) != text:
            raise CommandRefused(1000, "Error: Duplicate sequence number")
        if self._highest is not None and sequence > self._highest:
            self._highest = sequence

    def remove(self, sequence: int) -> None:
        """Take the entry of a number away; none there is no error, as for any `no`."""
        self.pop(sequence, None)
        self._highest = None


def add_entry(entries: Entries, family: str, line: str, maximum: int = MAX_SEQUENCE) -> None:
    """Add `[seq N] permit|deny …` or a remark to a list, or raise CommandRefused."""
    match = _ENTRY.match(line)
    if match is None:
        number, text = _remark(line)
    else:
        number = match[1]
        text = _checked(match, family, line)
    sequence = int(number) if number is not None else entries.next_sequence()
    if sequence > maximum:
        raise invalid(line, 1)
    entries.place(sequence, text)


def _remark(line: str) -> tuple[str | None, str]:
    match = _REMARK.match(line)
    if match is None:
        raise invalid(line, _bad_token(line))
    return match[1], f"remark {match[2]}"


def _checked(match: re.Match[str], family: str, line: str) -> str:
    number, action, address, length_text, mask, lengths = match.groups()
    at = 1 if number is None else 3
    try:
        packed = socket.inet_pton(_FAMILY[family], address)
        length = int(length_text) if mask is None else _mask_length(mask, family)
    except (OSError, ValueError):
        raise invalid(line, at) from None
    if length > _WIDTH[family]:
        raise invalid(line, at)
    if int.from_bytes(packed, "big") & _HOST_BITS[family][length]:
        raise CommandRefused(1000, f"Host part of prefix {address}/{length} must be zero")
    if lengths:
        _check_lengths(line, length, _WIDTH[family], [int(n) for n in lengths.split()[1::2]])
    if family == "ipv6":
        address = socket.inet_ntop(socket.AF_INET6, packed)
    return f"{action} {address}/{length}{lengths}"


def _check_lengths(line: str, length: int, width: int, bounds: list[int]) -> None:
    for bound in bounds:
        if not 1 <= bound <= width:
            raise invalid(line, line.split().index(str(bound), 2))
    if bounds[0] < length or bounds != sorted(bounds):
        raise CommandRefused(1000, f"Invalid prefix length range for a prefix of length {length}")


def _mask_length(mask: str, family: str) -> int:
    if family != "ip":
        raise ValueError(mask)
    value = int.from_bytes(socket.inet_pton(socket.AF_INET, mask), "big")
    length = value.bit_count()
    if value != ((1 << length) - 1) << (32 - length):
        raise ValueError(mask)
    return length


def _bad_token(line: str) -> int:
    """The first token of an entry that cannot be: what the device points at."""
    words = line.split()
    at = 0
    if words[0] == "seq":
        if len(words) < 2 or not words[1].isdecimal():
            return 1
        at = 2
    if len(words) <= at or words[at] not in ("permit", "deny"):
        return at
    if len(words) <= at + 1 or not re.match(r"[0-9A-Fa-f.:]+/\d{1,3}$", words[at + 1]):
        return at + 1
    for token in range(at + 2, len(words), 2):
        known = words[token] in ("eq", "ge", "le")
        if not known or (token > at + 2 and (words[token - 2], words[token]) != ("ge", "le")):
            return token
        if token + 1 >= len(words) or not words[token + 1].isdecimal():
            return token + 1
    return len(words)

"""The lines of FRR's prefix lists: `ip prefix-list NAME seq 10 permit 192.0.2.0/24 le 25`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK
from irrgate.errors import ParseError
from irrgate.platforms.platform import Line, Row
from irrgate.prefixes import Afi, format_prefixes, parse_keys

KEYWORDS: Final = {Afi.IPV4: "ip", Afi.IPV6: "ipv6"}
FAMILIES: Final = {keyword: afi for afi, keyword in KEYWORDS.items()}
MAX_SEQUENCE: Final = 4_294_967_295

_ENTRY: Final = re.compile(
    r"seq ([0-9]{1,10}) (permit|deny) (?:any|(\S+?/[0-9]{1,3}))"
    r"((?: ge [0-9]{1,3})?(?: le [0-9]{1,3})?)"
)
_QUALIFIERS: Final = re.compile(r"(?: ge ([0-9]+))?(?: le ([0-9]+))?")
_DESCRIPTION: Final = re.compile(r"description\b.*")


def read_rows(afi: Afi, name: str, rests: Iterable[str]) -> tuple[Row, ...]:
    """Return the entries of a list, by their numbers, of what stands on its lines after the name.

    Raises ParseError for a line that is unknown, and for two entries of one number. A description
    is no entry.
    """
    everything, any_le = ("0.0.0.0/0" if afi is Afi.IPV4 else "::/0"), f" le {afi.bits}"
    numbers, permits, prefixes, qualifiers = [], [], [], []
    for rest in rests:
        match = _ENTRY.fullmatch(rest)
        if match is None:
            if not _DESCRIPTION.fullmatch(rest):
                raise ParseError(name, f"a line of the list is unknown: {rest!a}")
            continue
        number, action, prefix, qualified = match.groups()
        numbers.append(int(number))
        permits.append(action == "permit")
        prefixes.append(prefix or everything)
        qualifiers.append(qualified if prefix else any_le)
    try:
        keys = parse_keys(afi, prefixes)
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc
    rows: list[Row] = []
    for number, permit, key, qualified in zip(numbers, permits, keys, qualifiers, strict=True):
        lengths = _lengths(qualified, key & LENGTH_MASK, afi.bits)
        if lengths is None or not 0 < number <= MAX_SEQUENCE:
            raise ParseError(name, f"entry {number} has an impossible number or qualifiers")
        rows.append((number, permit, (key >> LENGTH_BITS, *lengths)))
    if len(set(numbers)) < len(numbers):
        raise ParseError(name, "two entries of the list have one sequence number")
    return tuple(sorted(rows))


@lru_cache(maxsize=4096)
def _lengths(qualifiers: str, length: int, bits: int) -> tuple[int, int, int] | None:
    """Return (length, ge, le) of an entry, or None where they cannot be."""
    match = _QUALIFIERS.fullmatch(qualifiers)
    if match is None:
        return None
    ge, le = match.groups()
    low = int(ge or length)
    high = int(le or (bits if ge else length))
    return (length, low, high) if length <= low <= high <= bits else None


def lines_of(afi: Afi, rows: Sequence[Row]) -> list[Line]:
    """Return entries as a template prints them."""
    texts = format_prefixes(afi, [entry for _, _, entry in rows])
    lines: list[Line] = []
    for (number, permits, (_, length, ge, le)), text in zip(rows, texts, strict=True):
        action = "permit" if permits else "deny"
        if (length, ge, le) == (0, 0, afi.bits):
            lines.append((number, action, "any", None, None))
        else:
            at_least, at_most = ge if ge > length else None, le if le > length else None
            lines.append((number, action, text, at_least, at_most))
    return lines


def entry_text(line: Line) -> str:
    """Return what stands on an entry's line after the list's name."""
    number, action, prefix, ge, le = line
    at_least = "" if ge is None else f" ge {ge}"
    at_most = "" if le is None else f" le {le}"
    return f"seq {number} {action} {prefix}{at_least}{at_most}"

"""The lines of numbered prefix lists: `ip prefix-list NAME seq 10 permit 192.0.2.0/24 le 25`.

FRR, IOS and NX-OS print them alike, down to some words: a Dialect has those.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK
from irrgate.errors import ParseError
from irrgate.platforms.numbered_delta import Numbering
from irrgate.platforms.platform import Line, Row
from irrgate.platforms.reading import keys_of
from irrgate.prefixes import Afi, format_address, format_prefixes

KEYWORDS: Final = {Afi.IPV4: "ip", Afi.IPV6: "ipv6"}
FAMILIES: Final = {keyword: afi for afi, keyword in KEYWORDS.items()}

_ENTRY: Final = re.compile(
    r"^(?:seq ([0-9]{1,10}) )?(permit|deny) (?:any|([0-9A-Fa-f.:]+/[0-9]{1,3}))"
    r"( eq [0-9]{1,3}|(?: ge [0-9]{1,3})?(?: le [0-9]{1,3})?)$",
    re.MULTILINE,
)
_QUALIFIERS: Final = re.compile(r"(?: eq ([0-9]+))?(?: ge ([0-9]+))?(?: le ([0-9]+))?")
_DESCRIPTION: Final = re.compile(r"description\b.*")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What platforms with numbered prefix lists say differently."""

    refuse_cut_off: Callable[[str], None]
    """raises ParseError for a running config that is not whole"""
    numbering: Numbering
    any_word: bool = False
    """everything is `any`; elsewhere it is 0.0.0.0/0 le 32"""
    open_ge: bool = False
    """lengths up to the longest are printed as `ge` alone"""
    equals: bool = False
    """there is `eq` as well"""
    unnumbered_step: int = 0
    """between the numbers that the platform gives to entries without one; 0: it prints none
    without"""


@dataclass(frozen=True, slots=True)
class ListedRows:
    """What stands on a list's lines."""

    rows: tuple[Row, ...]
    """by their numbers"""
    numbered: bool
    """False where the platform does not show the numbers: those in the rows are guessed"""


def read_lines(dialect: Dialect, afi: Afi, name: str, rests: Iterable[str]) -> ListedRows:
    """Return the entries of a list, of what stands on its lines after the name.

    Raises ParseError for a line that is unknown, and for two entries of one number. A description
    is no entry.
    """
    rests = list(rests)
    # All at once, since there may be hundreds of thousands; what is no entry is looked at after.
    found = _ENTRY.findall("\n".join(rests))
    if len(found) < len(rests):
        _refuse_unknown(name, rests)
    texts = [text for text, _, _, _ in found]
    numbered = "" not in texts
    qualifiers = {qualified for _, _, _, qualified in found}
    if (
        (not numbered and not dialect.unnumbered_step)
        or (not dialect.any_word and any(not prefix for _, _, prefix, _ in found))
        or (not dialect.equals and any(each.startswith(" eq") for each in qualifiers))
    ):
        raise ParseError(name, "an entry of the list has a form that the platform has not")
    numbers = list(map(int, texts)) if numbered else _guessed(texts, dialect.unnumbered_step)
    everything = f"{format_address(afi, 0)}/0"
    keys = keys_of(afi, [prefix or everything for _, _, prefix, _ in found], name)
    rows: list[Row] = []
    highest, bits = dialect.numbering.max_sequence, afi.bits
    for number, key, (_, action, prefix, qualified) in zip(numbers, keys, found, strict=True):
        lengths = _lengths(qualified if prefix else f" le {bits}", key & LENGTH_MASK, bits)
        if lengths is None or not 0 < number <= highest:
            raise ParseError(name, f"entry {number} has an impossible number or qualifiers")
        rows.append((number, action == "permit", (key >> LENGTH_BITS, *lengths)))
    if len(set(numbers)) < len(numbers):
        raise ParseError(name, "two entries of the list have one sequence number")
    rows.sort()
    return ListedRows(tuple(rows), numbered)


def _refuse_unknown(name: str, rests: Iterable[str]) -> None:
    for rest in rests:
        if not _ENTRY.fullmatch(rest) and not _DESCRIPTION.fullmatch(rest):
            raise ParseError(name, f"a line of the list is unknown: {rest!a}")


def _guessed(texts: Iterable[str], step: int) -> list[int]:
    """Return the numbers of entries of which some have none: each after the highest before it."""
    numbers: list[int] = []
    last = 0
    for text in texts:
        numbers.append(int(text) if text else last + step)
        last = max(last, numbers[-1])
    return numbers


@lru_cache(maxsize=4096)
def _lengths(qualifiers: str, length: int, bits: int) -> tuple[int, int, int] | None:
    """Return (length, ge, le) of an entry, or None where they cannot be."""
    match = _QUALIFIERS.fullmatch(qualifiers)
    if match is None:
        return None
    eq, ge, le = match.groups()
    low = int(eq or ge or length)
    high = int(eq or le or (bits if ge else length))
    return (length, low, high) if length <= low <= high <= bits else None


def printed_lines(dialect: Dialect, afi: Afi, rows: Sequence[Row]) -> list[Line]:
    """Return entries as a template prints them."""
    texts = format_prefixes(afi, [entry for _, _, entry in rows])
    lines: list[Line] = []
    for (number, permits, (_, length, ge, le)), text in zip(rows, texts, strict=True):
        action = "permit" if permits else "deny"
        if dialect.any_word and (length, ge, le) == (0, 0, afi.bits):
            lines.append((number, action, "any", None, None))
            continue
        at_least = ge if ge > length else None
        implied = dialect.open_ge and at_least is not None and le == afi.bits
        at_most = le if le > length and not implied else None
        lines.append((number, action, text, at_least, at_most))
    return lines


def entry_text(line: Line) -> str:
    """Return what stands on an entry's line after the list's name."""
    number, action, prefix, ge, le = line
    at_least = "" if ge is None else f" ge {ge}"
    at_most = "" if le is None else f" le {le}"
    return f"seq {number} {action} {prefix}{at_least}{at_most}"

"""The lines of VRP's prefix lists: `ip ip-prefix NAME index 10 permit 192.0.2.0 24`.

Other than elsewhere, an address of zeros stands for any: `0.0.0.0 8` are all prefixes of length 8,
and `0.0.0.0 8 match-network` is 0.0.0.0/8. Syntax and evaluation: Huawei's NetEngine 8000 and
CloudEngine command references, "ip ip-prefix", "ip ipv6-prefix".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.numbered_lines import ListedRows
from irrgate.platforms.platform import Line, Row
from irrgate.platforms.reading import keys_of
from irrgate.prefixes import Afi, format_prefixes

KEYWORDS: Final = {Afi.IPV4: "ip-prefix", Afi.IPV6: "ipv6-prefix"}
FAMILIES: Final = {keyword: afi for afi, keyword in KEYWORDS.items()}
MAX_SEQUENCE: Final = 4_294_967_295

_STEP: Final = 10
"""between the index that VRP gives an entry without one, and the last"""
_RANGE: Final = r"((?: greater-equal [0-9]{1,3})?(?: less-equal [0-9]{1,3})?)"
_USUAL: Final = re.compile(
    rf"^index ([0-9]{{1,10}}) (permit|deny) (\S+ [0-9]{{1,3}}){_RANGE}$", re.MULTILINE
)
_UNUSUAL: Final = re.compile(
    rf"(?:index ([0-9]{{1,10}}) )?(permit|deny) (\S+[ /][0-9]{{1,3}})( match-network)?{_RANGE}"
)
_QUALIFIERS: Final = re.compile(r"(?: greater-equal ([0-9]+))?(?: less-equal ([0-9]+))?")
_DESCRIPTION: Final = re.compile(r"description\b.*")
_MATCH_NETWORK: Final = " match-network"

_Words = tuple[str, str, str, str]
"""(index, action, prefix, qualifiers) of an entry, in VRP's words"""


def read_rows(afi: Afi, name: str, rests: Sequence[str]) -> ListedRows:
    """Return the entries of a list, of what stands on its lines after the name.

    Raises ParseError for a line that is unknown, and for two entries of one number. A description
    is no entry. An entry without an index gets the one that VRP would give it.
    """
    found: list[_Words] = _USUAL.findall("\n".join(rests))
    networks: frozenset[int] = frozenset()
    numbered = True
    # Nearly every list is all of these: the others are read slowly.
    if len(found) < len(rests):
        found, networks, numbered = _read_one_by_one(name, rests)
    keys = keys_of(afi, [prefix.replace(" ", "/") for _, _, prefix, _ in found], name)
    bits = afi.bits
    rows: list[Row] = []
    for (number, action, _, qualified), key in zip(found, keys, strict=True):
        address, length = key >> LENGTH_BITS, key & LENGTH_MASK
        lengths = _lengths(qualified, length, bits)
        if lengths is None:
            raise ParseError(name, f"entry {number} has impossible lengths: {qualified.strip()!a}")
        if not address and length and int(number) not in networks:
            length = 0
        rows.append((int(number), action == "permit", (address, length, *lengths)))
    rows.sort()
    if rows and not 0 < rows[0][0] <= rows[-1][0] <= MAX_SEQUENCE:
        raise ParseError(name, f"an index of the list is not in 1 to {MAX_SEQUENCE}")
    if len({number for number, _, _ in rows}) < len(rows):
        raise ParseError(name, "two entries of the list have one index")
    return ListedRows(tuple(rows), numbered)


def _read_one_by_one(name: str, rests: Iterable[str]) -> tuple[list[_Words], frozenset[int], bool]:
    """Return the entries, the numbers of those with `match-network`, and whether all have one."""
    found: list[_Words] = []
    networks: set[int] = set()
    numbered, last = True, 0
    for rest in rests:
        match = _UNUSUAL.fullmatch(rest)
        if match is None:
            if not _DESCRIPTION.fullmatch(rest):
                raise ParseError(name, f"a line of the list is unknown: {rest!a}")
            continue
        number, action, prefix, network, qualified = match.groups()
        if number is None:
            numbered = False
            number = str(last // _STEP * _STEP + _STEP)
        last = max(last, int(number))
        if network:
            networks.add(int(number))
        found.append((number, action, prefix, qualified))
    return found, frozenset(networks), numbered


@lru_cache(maxsize=4096)
def _lengths(qualifiers: str, length: int, bits: int) -> tuple[int, int] | None:
    """Return (ge, le) of an entry, or None where they cannot be."""
    match = _QUALIFIERS.fullmatch(qualifiers)
    if match is None:
        return None
    ge, le = match.groups()
    low = int(ge or length)
    high = int(le or (bits if ge else length))
    return (low, high) if length <= low <= high <= bits else None


def lines_of(afi: Afi, rows: Sequence[Row]) -> list[Line]:
    """Return entries as a template prints them."""
    texts = format_prefixes(afi, [entry for _, _, entry in rows])
    lines: list[Line] = []
    for (number, permits, entry), text in zip(rows, texts, strict=True):
        _, length, ge, le = entry
        action = "permit" if permits else "deny"
        at_least, at_most = ge if ge > length else None, le if le > length else None
        lines.append((number, action, _prefix_text(text, entry), at_least, at_most))
    return lines


def _prefix_text(text: str, entry: Entry) -> str:
    address, length, _, _ = entry
    words = text.replace("/", " ").upper()
    return words if address or not length else words + _MATCH_NETWORK


def entry_text(line: Line) -> str:
    """Return what stands on an entry's line after the list's name."""
    number, action, prefix, ge, le = line
    at_least = "" if ge is None else f" greater-equal {ge}"
    at_most = "" if le is None else f" less-equal {le}"
    return f"index {number} {action} {prefix}{at_least}{at_most}"

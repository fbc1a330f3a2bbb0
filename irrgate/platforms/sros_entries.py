"""The entries of an SR OS prefix-list: as XML, and as prefixes and lengths.

A list is keyed by prefix and type, so that a prefix has one `range` at most, and one `through`.
Every entry permits and any one that matches is enough, so their order means nothing.
"""

from __future__ import annotations

import heapq
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry, Nodes, runs, span
from irrgate.errors import ParseError
from irrgate.prefixes import Afi, PrefixSet, format_address, parse_keys

_EXACT: Final = re.compile(
    r"<prefix>\s*<ip-prefix>([0-9A-Fa-f.:/]+)</ip-prefix>\s*<type>exact</type>\s*</prefix>"
)
_SPAN: Final = re.compile(
    r"<prefix>\s*<ip-prefix>([0-9A-Fa-f.:/]+)</ip-prefix>\s*<type>(longer|through|range)</type>"
    r"(?:\s*<start-length>([0-9]{1,3})</start-length>\s*<end-length>([0-9]{1,3})</end-length>"
    r"|\s*<through-length>([0-9]{1,3})</through-length>)?\s*</prefix>"
)
_TEXT: Final = re.compile(r"[0-9A-Fa-f.:/]{1,64}")

Found = tuple[str, str, int | None, int | None]
"""(prefix, type, start or through, end), as they stand in the list"""


@dataclass(frozen=True, slots=True)
class ReadList:
    """A prefix-list as it is read, for one family."""

    entries: tuple[Entry, ...]
    plain: bool
    """False when it has what irrgate never writes, entries of the other family among it"""
    denies: bool
    """True when it is the deny-all and nothing else"""

    def accepted(self, afi: Afi) -> PrefixSet:
        """Return what the list matches of the family."""
        return PrefixSet.from_entries(afi, self.entries)


def nothing(afi: Afi) -> str:
    """Return the prefix of the deny-all entry: the last host of the address space.

    The entry asks for what is longer than it, which no prefix is.
    """
    return f"{format_address(afi, (1 << afi.bits) - 1)}/{afi.bits}"


def written_entries(prefixes: PrefixSet) -> list[Entry]:
    """Return the entries that make a list accept exactly `prefixes`, in address order.

    No prefix has two ranges: what it would need a second one for is written at its two halves.
    """
    entries = list(prefixes.entries())
    ranged = [entry[:2] for entry in entries if entry[1] < entry[2]]
    # A range begins beyond its prefix's own length: two of one prefix stand side by side.
    if all(one != other for one, other in pairwise(ranged)):
        return entries
    return list(one_range_each(entries, prefixes.afi.bits))


def one_range_each(entries: Iterable[Entry], bits: int) -> Iterator[Entry]:
    """Yield entries that match the same, of which no two ranges have one prefix."""
    masks: Nodes = {}
    for address, length, ge, le in entries:
        key = address << LENGTH_BITS | length
        masks[key] = masks.get(key, 0) | span(ge, le)
    keys = list(masks)
    heapq.heapify(keys)
    while keys:
        key = heapq.heappop(keys)
        length, has_range = key & LENGTH_MASK, False
        for ge, le in runs(masks.pop(key)):
            if ge == length or not has_range:
                has_range = has_range or ge > length
                yield key >> LENGTH_BITS, length, ge, le
                continue
            step = 1 << (bits - length - 1 + LENGTH_BITS)
            for half in (key + 1, key + 1 + step):
                if half not in masks:
                    heapq.heappush(keys, half)
                masks[half] = masks.get(half, 0) | span(ge, le)


def read_list(body: str, afi: Afi, name: str) -> ReadList:
    """Return what a list holds; `body` is what stands in it after its name, as XML."""
    exact, rest = _taken(_EXACT, body)
    spans: list[Found] = []
    plain = True
    if rest:
        spans, rest = _spans(rest)
    if rest:
        more, plain = _read_slowly(rest, name)
        exact += [prefix for prefix, kind, _, _ in more if kind == "exact"]
        spans += [each for each in more if each[1] != "exact"]
    keys, others = _keys(afi, exact, name)
    entries = [(key >> LENGTH_BITS, n := key & LENGTH_MASK, n, n) for key in keys]
    if not entries and not others and plain and spans == [(nothing(afi), "longer", None, None)]:
        return ReadList((), plain=True, denies=True)
    span_keys, foreign = _keys(afi, [each[0] for each in spans], name)
    others += foreign
    own = spans if not foreign else [each for each in spans if each[0] not in set(foreign)]
    for key, found in zip(span_keys, own, strict=True):
        low, high = _lengths(found, key & LENGTH_MASK, afi.bits, name)
        if low <= high:
            entries.append((key >> LENGTH_BITS, key & LENGTH_MASK, low, high))
    # Releases may not agree on `longer`: what irrgate means, it writes as a range.
    plain = plain and not others and not any(each[1] == "longer" for each in spans)
    return ReadList(tuple(entries), plain, denies=False)


def family_of(body: str) -> Afi | None:
    """Return the family of a list's entries; None where it has both, or none."""
    found = set(re.findall(r"<ip-prefix>[^<]*?([.:])", body))
    if len(found) != 1:
        return None
    return Afi.IPV6 if found == {":"} else Afi.IPV4


def _taken(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """Return what the pattern's one group has, and what is left of the text without its matches."""
    parts = pattern.split(text)
    return parts[1::2], "".join(parts[0::2]).strip()


def _spans(text: str) -> tuple[list[Found], str]:
    parts = _SPAN.split(text)
    found: list[Found] = []
    for prefix, kind, start, end, through in zip(
        parts[1::6], parts[2::6], parts[3::6], parts[4::6], parts[5::6], strict=True
    ):
        low = through or start
        found.append((prefix, kind, int(low) if low else None, int(end) if end else None))
    return found, "".join(parts[0::6]).strip()


def _keys(afi: Afi, texts: list[str], name: str) -> tuple[list[int], list[str]]:
    """Return the keys of those of the family, and the prefixes of the other one."""
    mark = ":" if afi is Afi.IPV6 else "."
    foreign = [text for text in texts if mark not in text]
    if foreign:
        texts = [text for text in texts if mark in text]
    try:
        parse_keys(Afi.IPV4 if afi is Afi.IPV6 else Afi.IPV6, foreign)
        return parse_keys(afi, texts), foreign
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc


def _lengths(found: Found, length: int, bits: int, name: str) -> tuple[int, int]:
    """Return (ge, le) of an entry that is not exact; ge beyond le: it matches nothing."""
    prefix, kind, start, end = found
    low, high = start, end
    if kind == "longer" and start is None:
        return length + 1, bits
    if kind == "through" and end is None:
        low, high = length, start
    elif kind != "range":
        low = None
    if low is None or high is None or not length <= low <= high <= bits:
        raise ParseError(name, f"an entry has impossible lengths: {prefix} {kind}")
    return low, high


def _read_slowly(xml: str, name: str) -> tuple[list[Found], bool]:
    """Return the entries that are left, and whether all have a form that irrgate writes."""
    try:
        root = ET.fromstring(f"<list>{xml}</list>")  # noqa: S314 - no DOCTYPE can be in there
    except ET.ParseError as exc:
        raise ParseError(name, f"is no XML: {exc}") from exc
    if root.text and root.text.strip():
        raise ParseError(name, f"has text in it: {root.text.strip()[:80]!a}")
    found: list[Found] = []
    plain = True
    for element in root:
        if element.tag in {"apply-groups", "apply-groups-exclude"}:
            plain = False
        elif element.tag == "prefix":
            entries, same = _read_entry(element, name)
            found += entries
            plain = plain and same
        else:
            raise ParseError(name, f"has an element that is unknown: {element.tag[:80]!a}")
    return found, plain


def _read_entry(element: ET.Element, name: str) -> tuple[list[Found], bool]:
    leaves: dict[str, str] = {}
    below: list[ET.Element] = []
    same = True
    for child in element:
        if child.tag in {"to-prefix", "mask-pattern"}:
            below.append(child)
        elif child.tag in {"apply-groups", "apply-groups-exclude"}:
            same = False
        else:
            leaves[child.tag] = (child.text or "").strip()
    prefix, kind = leaves.pop("ip-prefix", ""), leaves.pop("type", "")
    if not _TEXT.fullmatch(prefix):
        raise ParseError(name, f"an entry has no prefix: {prefix[:80]!a}")
    if kind == "to":
        ends = [(each.findtext("ip-prefix") or "").strip() for each in below]
        return list(chain.from_iterable(_path(prefix, end, name) for end in ends)), False
    if kind == "address-mask":
        masks = [(each.findtext("address") or "").strip() for each in below]
        return _masked(prefix, masks, name), False
    try:
        numbers = {tag: int(text) for tag, text in leaves.items()}
    except ValueError as exc:
        raise ParseError(name, f"an entry has no length where one stands: {exc}") from exc
    expected = {
        "exact": set(),
        "longer": set(),
        "through": {"through-length"},
        "range": {"start-length", "end-length"},
    }.get(kind)
    if expected != numbers.keys():
        raise ParseError(name, f"an entry is unknown: {prefix} {kind[:40]!a}")
    if kind == "through":
        return [(prefix, kind, numbers["through-length"], None)], same
    return [(prefix, kind, numbers.get("start-length"), numbers.get("end-length"))], same


def _path(prefix: str, end: str, name: str) -> list[Found]:
    """Return the prefixes from `prefix` down to `end`: what the type `to` matches."""
    afi = Afi.IPV6 if ":" in prefix else Afi.IPV4
    try:
        first, last = parse_keys(afi, [prefix, end])
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc
    shortest, longest = first & LENGTH_MASK, last & LENGTH_MASK
    address = last >> LENGTH_BITS
    found: list[Found] = []
    for length in range(shortest, longest + 1):
        host = afi.bits - length
        found.append(
            (f"{format_address(afi, address >> host << host)}/{length}", "exact", None, None)
        )
    if not found or found[0][0] != f"{format_address(afi, first >> LENGTH_BITS)}/{shortest}":
        raise ParseError(name, f"an entry goes from {prefix} to {end}, which is not below it")
    return found


def _masked(prefix: str, masks: list[str], name: str) -> list[Found]:
    """Return the prefix itself where its masks say no more than its length does."""
    afi = Afi.IPV6 if ":" in prefix else Afi.IPV4
    try:
        (key,) = parse_keys(afi, [prefix])
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc
    host = afi.bits - (key & LENGTH_MASK)
    own = format_address(afi, (1 << afi.bits) - (1 << host))
    if any(mask != own for mask in masks) or not masks:
        raise ParseError(
            name,
            f"what an entry matches is not known to irrgate: {prefix} address-mask",
            hint="delete the entry on the router",
        )
    return [(prefix, "exact", None, None)]

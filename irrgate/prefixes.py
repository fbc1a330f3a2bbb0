"""Prefixes, prefix ranges and sets of prefixes of one address family.

netaddr reads what people write, one at a time. Everything that loops runs on integers (see
`irrgate.aggregation`): one `ip_network()` a prefix is what makes other tools take minutes.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import repeat
from typing import Final, Self

import netaddr

from irrgate.aggregation import (
    LENGTH_BITS,
    LENGTH_MASK,
    Entry,
    Nodes,
    accepts,
    canonical,
    entries,
    longest_match_entries,
    outside,
    shared_addresses,
    spaces,
    span,
    subtract,
)
from irrgate.errors import PrefixError
from irrgate.packing import pack, unpack


class Afi(StrEnum):
    """An address family; the value is what people write in the inventory."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def bits(self) -> int:
        """The length of an address: 32 or 128."""
        return 32 if self is Afi.IPV4 else 128

    @property
    def tag(self) -> str:
        """The family in a filter's name: V4 or V6."""
        return "V4" if self is Afi.IPV4 else "V6"

    @property
    def family(self) -> socket.AddressFamily:
        """The family as the socket module has it, for inet_pton and inet_ntop."""
        return socket.AF_INET if self is Afi.IPV4 else socket.AF_INET6


def format_address(afi: Afi, address: int) -> str:
    """Return the address as text; for IPv6 in RFC 5952's form."""
    return socket.inet_ntop(afi.family, address.to_bytes(afi.bits >> 3, "big"))


def format_entry(afi: Afi, entry: Entry) -> str:
    """Return `192.0.2.0/24`, `10.0.0.0/8 le 24`, `10.0.0.0/8 ge 9 le 24`: one form an entry."""
    address, length, ge, le = entry
    text = f"{format_address(afi, address)}/{length}"
    if ge == le == length:
        return text
    return f"{text} le {le}" if ge == length else f"{text} ge {ge} le {le}"


def parse_keys(afi: Afi, prefixes: Sequence[str]) -> list[int]:
    """Return the key of each `ADDRESS/LENGTH`, in order; ValueError names the first that is none.

    For what programs print, by the hundred thousand: about 0.5 µs each.
    """
    split = "/".join(prefixes).split("/")
    if len(split) != 2 * len(prefixes):
        if not prefixes:
            return []
        wrong = next(prefix for prefix in prefixes if prefix.count("/") != 1)
        raise ValueError(f"{wrong!r} is no {afi} prefix")
    bits = afi.bits
    lengths = {str(length): length for length in range(bits + 1)}
    try:
        # Packed by C in one go: three times as fast as an int.from_bytes() an address.
        packed = b"".join(map(socket.inet_pton, repeat(afi.family), split[::2]))
        keys = [
            number << LENGTH_BITS | lengths[length]
            for number, length in zip(_unpacked(afi, packed), split[1::2], strict=True)
        ]
    except (KeyError, OSError, ValueError) as exc:
        raise ValueError(f"{_first_wrong(afi, prefixes)!r} is no {afi} prefix") from exc
    hosts = [((1 << (bits - length)) - 1) << LENGTH_BITS for length in range(bits + 1)]
    wrong_keys = [key for key in keys if key & hosts[key & LENGTH_MASK]]
    if wrong_keys:
        shown = format_prefixes(
            afi, [(k >> LENGTH_BITS, k & LENGTH_MASK, 0, 0) for k in wrong_keys]
        )
        raise ValueError(f"{shown[0]} has bits beyond its length")
    return keys


def _unpacked(afi: Afi, packed: bytes) -> Sequence[int]:
    if afi is Afi.IPV4:
        return struct.unpack(f">{len(packed) // 4}I", packed)
    halves = struct.unpack(f">{len(packed) // 8}Q", packed)
    return [high << 64 | low for high, low in zip(halves[::2], halves[1::2], strict=True)]


def _first_wrong(afi: Afi, prefixes: Sequence[str]) -> str:
    for prefix in prefixes:
        address, _, length = prefix.partition("/")
        try:
            socket.inet_pton(afi.family, address)
        except (OSError, ValueError):
            return prefix
        if str(length) not in map(str, range(afi.bits + 1)):
            return prefix
    return ""


def format_prefixes(afi: Afi, wanted: Sequence[Entry]) -> list[str]:
    """Return `ADDRESS/LENGTH` of each entry, without its ge and le; about 0.4 µs each."""
    family, size, text = afi.family, afi.bits >> 3, socket.inet_ntop
    return [
        f"{text(family, address.to_bytes(size, 'big'))}/{length}"
        for address, length, _, _ in wanted
    ]


_RANGE = re.compile(
    r"(?P<address>[0-9A-Fa-f.:]+)/(?P<length>[0-9]{1,3})"
    r"(?:\^(?P<operator>\+|-|[0-9]{1,3}(?:-[0-9]{1,3})?)"
    r"|(?:\s+ge\s+(?P<ge>[0-9]{1,3}))?(?:\s+le\s+(?P<le>[0-9]{1,3}))?)"
)


@dataclass(frozen=True, slots=True, order=True)
class PrefixRange:
    """A prefix and the lengths, `ge` to `le` (both included), of its more specifics that it means.

    `ge == le == length` is the prefix alone.
    """

    afi: Afi
    address: int
    length: int
    ge: int
    le: int

    def __post_init__(self) -> None:
        bits = self.afi.bits
        if not 0 <= self.length <= self.ge <= self.le <= bits:
            raise PrefixError(
                str(self),
                f"lengths must satisfy {self.length} <= ge <= le <= {bits}",
            )
        if self.address & ((1 << (bits - self.length)) - 1):
            masked = self.address >> (bits - self.length) << (bits - self.length)
            raise PrefixError(
                f"{format_address(self.afi, self.address)}/{self.length}",
                "bits are set beyond the prefix length",
                hint=f"did you mean {format_address(self.afi, masked)}/{self.length}?",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the range that `text` names, or raise PrefixError.

        Forms: `192.0.2.0/24`, `10.0.0.0/8 le 24`, `10.0.0.0/8 ge 9 le 24`, and RPSL's
        `^+`, `^-`, `^n`, `^n-m` (RFC 2622 section 2).
        """
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            raise PrefixError(
                ascii(text),
                "not a prefix: ADDRESS/LENGTH is expected, maybe with ge N, le N or ^N-M",
            )
        try:
            parsed = netaddr.IPAddress(match["address"], flags=netaddr.INET_PTON)
        except (netaddr.AddrFormatError, ValueError) as exc:
            raise PrefixError(ascii(text), "the part before / is no IP address") from exc
        afi = Afi.IPV4 if parsed.version == 4 else Afi.IPV6
        length = int(match["length"])
        if length > afi.bits:
            raise PrefixError(text, f"a length is at most {afi.bits} for {afi}")
        ge, le = _bounds(match, length, afi.bits)
        return cls(afi, int(parsed), length, ge, le)

    @property
    def is_single(self) -> bool:
        """True for a prefix without more specifics."""
        return self.ge == self.le == self.length

    @property
    def key(self) -> int:
        """The prefix as one integer; see `irrgate.aggregation`."""
        return self.address << LENGTH_BITS | self.length

    @property
    def entry(self) -> Entry:
        """The range as the plain tuple that loops work with."""
        return self.address, self.length, self.ge, self.le

    def __str__(self) -> str:
        return format_entry(self.afi, self.entry)


def _bounds(match: re.Match[str], length: int, bits: int) -> tuple[int, int]:
    operator = match["operator"]
    if operator == "+":
        return length, bits
    if operator == "-":
        return length + 1, bits
    if operator:
        low, _, high = operator.partition("-")
        return int(low), int(high or low)
    ge = int(match["ge"]) if match["ge"] else length
    if match["le"]:
        return ge, int(match["le"])
    return ge, (bits if match["ge"] else length)


class PrefixSet:
    """An immutable set of prefixes of one family.

    Two sets are equal when they accept the same prefixes, however they were written.
    """

    __slots__ = ("__dict__", "_nodes", "afi")

    def __init__(self, afi: Afi, nodes: Nodes) -> None:
        """Take over `nodes`, which must be in canonical form; use a class method instead."""
        self.afi: Final = afi
        self._nodes: Final = nodes

    @classmethod
    def empty(cls, afi: Afi) -> Self:
        """Return the set that accepts nothing."""
        return cls(afi, {})

    @classmethod
    def from_nodes(cls, afi: Afi, nodes: Nodes) -> Self:
        """Return the set of any nodes (not yet canonical), which are used up."""
        return cls(afi, canonical(nodes, afi.bits))

    @classmethod
    def from_keys(cls, afi: Afi, keys: Iterable[int]) -> Self:
        """Return the set of the single prefixes with these keys."""
        own = [1 << length for length in range(afi.bits + 1)]
        return cls.from_nodes(afi, {key: own[key & LENGTH_MASK] for key in keys})

    @classmethod
    def from_entries(cls, afi: Afi, wanted: Iterable[Entry]) -> Self:
        """Return the union of the entries, which are trusted to have no host bits."""
        nodes: Nodes = {}
        get = nodes.get
        for address, length, ge, le in wanted:
            key = address << LENGTH_BITS | length
            nodes[key] = get(key, 0) | span(ge, le)
        return cls.from_nodes(afi, nodes)

    @classmethod
    def from_ranges(cls, afi: Afi, ranges: Iterable[PrefixRange]) -> Self:
        """Return the union of the ranges of this family; ranges of the other are left out."""
        return cls.from_entries(afi, (r.entry for r in ranges if r.afi is afi))

    @classmethod
    def parse(cls, afi: Afi, texts: Iterable[str]) -> Self:
        """Return the union of the ranges that `texts` name, or raise PrefixError."""
        ranges = [PrefixRange.parse(text) for text in texts]
        for each in ranges:
            if each.afi is not afi:
                raise PrefixError(str(each), f"an {afi} prefix is expected")
        return cls.from_ranges(afi, ranges)

    def contains(self, address: int, length: int) -> bool:
        """Tell whether the prefix `address`/`length` is in the set."""
        return accepts(self._nodes, address, length, self.afi.bits)

    def __contains__(self, prefix: str) -> bool:
        wanted = PrefixRange.parse(prefix)
        if wanted.afi is not self.afi:
            return False
        if wanted.is_single:
            return self.contains(wanted.address, wanted.length)
        return not PrefixSet.from_ranges(self.afi, [wanted]).difference(self)

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PrefixSet):
            return NotImplemented
        return self.afi is other.afi and self._nodes == other._nodes

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<PrefixSet {self.afi} {len(self._nodes)} nodes {self.digest[:12]}>"

    def entries(self) -> Iterator[Entry]:
        """Yield few entries, in address order, of which any one that matches accepts."""
        return entries(self._nodes, self.afi.bits)

    def longest_match_entries(self) -> Iterator[Entry]:
        """Yield entries, in address order, for a list in which the longest match decides alone."""
        return longest_match_entries(self._nodes, self.afi.bits)

    def __str__(self) -> str:
        return ", ".join(format_entry(self.afi, entry) for entry in self.entries())

    def spelled_out(self) -> Iterator[Entry]:
        """Yield entries as a person would write them: adjacent single prefixes one by one.

        Up to 256 prefixes of one length that aggregation took together are taken apart again.
        """
        bits = self.afi.bits
        for address, length, ge, le in self.entries():
            if length < ge == le and ge - length <= 8:
                size = 1 << (bits - ge)
                for index in range(1 << (ge - length)):
                    yield address + index * size, ge, ge, ge
            else:
                yield address, length, ge, le

    def difference(self, other: PrefixSet) -> PrefixSet:
        """Return the prefixes that are in this set and not in `other`, of the same family."""
        self._same_family(other)
        if not other:
            return self
        rest = subtract(self._nodes, other._nodes, self.afi.bits)
        return self if rest is self._nodes else PrefixSet(self.afi, rest)

    def union(self, other: PrefixSet) -> PrefixSet:
        """Return the prefixes that are in either set, of the same family."""
        self._same_family(other)
        nodes = dict(self._nodes)
        for key, mask in other._nodes.items():
            nodes[key] = nodes.get(key, 0) | mask
        return PrefixSet.from_nodes(self.afi, nodes)

    def shared_addresses(self, other: PrefixSet) -> int:
        """Return how many addresses lie in prefixes of this set and in some of `other`."""
        self._same_family(other)
        return shared_addresses(self._nodes, other._nodes, self.afi.bits)

    @cached_property
    def entry_count(self) -> int:
        """The number of entries that `entries` yields."""
        return sum(1 for _ in self.entries())

    @cached_property
    def prefix_count(self) -> int:
        """The number of prefixes in the set, each more specific of a range counted."""
        # A length n bits longer than the prefix has 2**n prefixes: just the mask's value.
        return sum(mask >> (key & LENGTH_MASK) for key, mask in self._nodes.items())

    @cached_property
    def shortest(self) -> int | None:
        """The length of the shortest prefix in the set; None when there is none."""
        return min(((mask & -mask).bit_length() - 1 for mask in self._nodes.values()), default=None)

    @cached_property
    def address_count(self) -> int:
        """The number of addresses in the prefixes of the set, each counted once."""
        return sum(last - first + 1 for first, last in spaces(self._nodes, self.afi.bits))

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the canonical form: equal for equal sets, on every machine."""
        hashed = hashlib.sha256(f"irrgate prefix set {self.afi}\n".encode())
        hashed.update(self.packed())
        return hashed.hexdigest()

    def packed(self) -> bytes:
        """Return the canonical form as bytes, which `unpacked` reads."""
        return pack(self._nodes, self.afi.bits)

    @classmethod
    def unpacked(cls, afi: Afi, packed: bytes) -> Self:
        """Return the set that was packed, in canonical form only if its digest is the right one."""
        return cls(afi, unpack(packed, afi.bits))

    def keys_outside(self, keys: list[int]) -> list[int]:
        """Return those of the sorted keys of single prefixes that are not in the set."""
        return outside(keys, self._nodes, self.afi.bits)

    def _same_family(self, other: PrefixSet) -> None:
        if other.afi is not self.afi:
            raise PrefixError(str(self.afi), f"cannot be compared with {other.afi}")

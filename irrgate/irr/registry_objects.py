"""The five object classes that decide filters, from attributes to values.

route and route6 (RFC 2622 section 4, RFC 4012), as-set and route-set (section 5), and aut-num for
its `member-of`: with `mbrs-by-ref` a set takes members that name it themselves.

A prefix is `packed` here: the address's 4 or 16 bytes and one byte of length, which sorts in the
order of the addresses and costs a few bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

from irrgate.errors import RpslError
from irrgate.irr.rpsl_dump import Attribute, BrokenObject
from irrgate.rpsl import SetKind, parse_asn, parse_set_name, parse_source

MAX_LENGTH: Final = {AF_INET: 32, AF_INET6: 128}

OTHER_CLASSES: Final = frozenset(
    {
        "as-block",
        "as-name",
        "contact",
        "dictionary",
        "domain",
        "filter-set",
        "inet-rtr",
        "inet6num",
        "inetnum",
        "irt",
        "key-cert",
        "limerick",
        "mntner",
        "organisation",
        "peering-set",
        "person",
        "poem",
        "poetic-form",
        "repository",
        "role",
        "rtr-set",
    }
)
"""The classes of RFC 2622 and of the registries that say nothing about what a network announces."""

_SEPARATORS = re.compile(rb"[,\s]+")
_PREFIX = re.compile(rb"([0-9a-f.:]+)/([0-9]{1,3})", re.IGNORECASE)
_PLAIN_ASN = re.compile(rb"AS([1-9][0-9]{0,8})", re.IGNORECASE)
_PLAIN_AS_SET = re.compile(rb"AS-[A-Z0-9_-]{1,200}")
_RANGE = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")
_ANY: Final = frozenset({"ANY", "AS-ANY", "RS-ANY"})

_HOST_MASK: Final = {
    family: [(1 << (bits - length)) - 1 for length in range(bits + 1)]
    for family, bits in MAX_LENGTH.items()
}
_LENGTH_BYTE: Final = [bytes([length]) for length in range(129)]


@dataclass(frozen=True, slots=True)
class References:
    """The sets that an object wants to be in, and the maintainers who may have put it there."""

    member_of: tuple[str, ...] = ()
    mnt_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteObject:
    """A prefix that its registrant announces from `origin`."""

    packed: bytes
    origin: int
    source: str
    references: References


@dataclass(frozen=True, slots=True)
class AutNum:
    """An AS; kept only for the sets that it names."""

    asn: int
    source: str
    references: References


@dataclass(frozen=True, slots=True)
class SetObject:
    """An as-set or route-set as registered.

    `prefixes` and `names` may bear a range operator (`192.0.2.0/24^+`, `RS-X^24-26`); so may an
    ASN in a route-set, which then stands in `names`. `unusable` has the members that can name
    nothing, with the reason.
    """

    name: str
    kind: SetKind
    source: str
    asns: tuple[int, ...]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    mbrs_by_ref: tuple[str, ...]
    unusable: tuple[tuple[str, str], ...]


def pack_prefix(address: str, length: int) -> bytes:
    """Pack a prefix, or raise BrokenObject with the reason."""
    family = AF_INET6 if ":" in address else AF_INET
    try:
        packed = inet_pton(family, address)
        mask = _HOST_MASK[family][length]
    except (OSError, IndexError):
        raise BrokenObject(f"{address}/{length} is not a prefix") from None
    if int.from_bytes(packed) & mask:
        raise BrokenObject(f"{address}/{length} has host bits set")
    return packed + _LENGTH_BYTE[length]


def prefix_text(packed: bytes) -> str:
    """Return the canonical text of a packed prefix (RFC 5952 for IPv6)."""
    if len(packed) == 5:
        return "{}.{}.{}.{}/{}".format(*packed)
    return f"{inet_ntop(AF_INET6, packed[:-1])}/{packed[-1]}"


def read_route(class_name: str, attributes: list[Attribute], default_source: str) -> RouteObject:
    """Return the route object, or raise BrokenObject."""
    key = attributes[0]
    match = _PREFIX.fullmatch(key.value)
    if match is None:
        raise BrokenObject(f"{_shown(key.value)} is not a prefix", key.line)
    packed = pack_prefix(match[1].decode("ascii"), int(match[2]))
    if (class_name == "route6") != (len(packed) == 17):
        raise BrokenObject(f"{_shown(key.value)} is of the other address family", key.line)
    origin = _single(attributes, "origin")
    return RouteObject(
        packed, _asn(origin), _source(attributes, default_source), _references(attributes)
    )


def read_aut_num(attributes: list[Attribute], default_source: str) -> AutNum:
    """Return the aut-num, or raise BrokenObject."""
    return AutNum(_asn(attributes[0]), _source(attributes, default_source), _references(attributes))


def read_set(class_name: str, attributes: list[Attribute], default_source: str) -> SetObject:
    """Return the as-set or route-set, or raise BrokenObject."""
    key = attributes[0]
    try:
        name = parse_set_name(key.value.decode("ascii", "replace"))
    except RpslError as exc:
        raise BrokenObject(exc.reason, key.line) from None
    if name.kind != class_name or name.source is not None:
        raise BrokenObject(f"{name} is not the name of a {class_name}", key.line)
    members = _Members(name.kind)
    for word in _words(attributes, "members", "mp-members"):
        members.add(word)
    return SetObject(
        name.name,
        name.kind,
        _source(attributes, default_source),
        tuple(members.asns),
        tuple(members.names),
        tuple(members.prefixes),
        _upper_words(attributes, "mbrs-by-ref"),
        tuple(members.unusable),
    )


@dataclass(slots=True)
class _Members:
    """Sorts a set's members by what they are; dicts keep the order and drop repetitions."""

    kind: SetKind
    asns: dict[int, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    prefixes: dict[str, None] = field(default_factory=dict)
    unusable: list[tuple[str, str]] = field(default_factory=list)

    def add(self, word: bytes) -> None:
        if match := _PLAIN_ASN.fullmatch(word):
            self.asns[int(match[1])] = None
        elif self.kind is SetKind.AS_SET and word != b"AS-ANY" and _PLAIN_AS_SET.fullmatch(word):
            self.names[word.decode("ascii")] = None
        else:
            try:
                self._add_other(word.decode("ascii", "replace"))
            except (RpslError, BrokenObject) as exc:
                self.unusable.append((_shown(word), exc.reason))

    def _add_other(self, text: str) -> None:
        if text.upper() in _ANY:
            raise BrokenObject("every route there is cannot be a member of a filter")
        base, hat, operator = text.partition("^")
        is_route_set = self.kind is SetKind.ROUTE_SET
        if hat and not is_route_set:
            raise BrokenObject("an as-set's member has no range operator")
        if is_route_set and (match := _PREFIX.fullmatch(base.encode())):
            packed = pack_prefix(match[1].decode("ascii"), int(match[2]))
            self.prefixes[_prefix_member(packed, operator if hat else None)] = None
            return
        if hat:
            range_lengths(operator, 0, 128)
        if base[2:3].isdigit() and ":" not in base:
            number = parse_asn(base).number
            if hat:
                self.names[f"AS{number}^{operator}"] = None
            else:
                self.asns[number] = None
            return
        name = parse_set_name(base)
        if name.kind is SetKind.ROUTE_SET and not is_route_set:
            raise BrokenObject("a route-set cannot be a member of an as-set")
        self.names[f"{name}{hat}{operator}"] = None


def _prefix_member(packed: bytes, operator: str | None) -> str:
    if operator is None:
        return prefix_text(packed)
    low, high = range_lengths(operator, packed[-1], (len(packed) - 1) * 8)
    if low > high:
        raise BrokenObject(f"^{operator} leaves nothing of a /{packed[-1]}")
    if operator not in {"+", "-"}:
        # bgpq4 1.9 reads ^25 as 25-0 and silently drops the prefix, and refuses a range that
        # begins above the prefix; ^25-25 and ^24-25 say the same.
        operator = f"{low}-{high}"
    return f"{prefix_text(packed)}^{operator}"


def range_lengths(operator: str, low: int, bits: int) -> tuple[int, int]:
    """Return the lengths, lowest and highest, that `^operator` makes of prefixes of length >= low.

    RFC 2622 section 2: `-` more specifics, `+` these and the prefix itself, `n`, `n-m`. Applied
    to a range it keeps what is at least as specific: `{/16^20-24}^18-22` is `^20-22`. It may
    leave nothing; then the lowest is greater than the highest. Raises BrokenObject for what is
    no operator, ends before it begins, or ends beyond `bits`.
    """
    if operator == "+":
        return low, bits
    if operator == "-":
        return low + 1, bits
    match = _RANGE.fullmatch(operator)
    if match is None:
        raise BrokenObject(f"^{operator[:20]} is not a range operator (^-, ^+, ^n or ^n-m)")
    n, m = int(match[1]), int(match[2] or match[1])
    if n > m or m > bits:
        raise BrokenObject(f"^{operator} is not a range within /{bits}")
    return max(n, low), m


def _single(attributes: list[Attribute], name: str) -> Attribute:
    found = [a for a in attributes if a.name == name]
    if len(found) != 1:
        reason = f"no {name}" if not found else f"{len(found)} attributes {name}, where one belongs"
        raise BrokenObject(reason, found[1].line if found else 0)
    return found[0]


def _asn(attribute: Attribute) -> int:
    try:
        return parse_asn(attribute.value.decode("ascii", "replace")).number
    except RpslError as exc:
        raise BrokenObject(f"{exc.subject}: {exc.reason}", attribute.line) from None


def _source(attributes: list[Attribute], default_source: str) -> str:
    if default_source and not any(a.name == "source" for a in attributes):
        return default_source
    attribute = _single(attributes, "source")
    try:
        return parse_source(attribute.value.decode("ascii", "replace")).name
    except RpslError as exc:
        raise BrokenObject(f"source {exc.subject}: {exc.reason}", attribute.line) from None


def _references(attributes: list[Attribute]) -> References:
    member_of = _upper_words(attributes, "member-of")
    return References(member_of, _upper_words(attributes, "mnt-by")) if member_of else References()


def _upper_words(attributes: list[Attribute], name: str) -> tuple[str, ...]:
    return tuple(word.decode("latin-1").upper() for word in _words(attributes, name))


def _words(attributes: list[Attribute], *names: str) -> Iterator[bytes]:
    for attribute in attributes:
        if attribute.name in names:
            yield from filter(None, _SEPARATORS.split(attribute.value))


def _shown(value: bytes) -> str:
    shown = ascii(value.decode("latin-1"))
    return shown if len(shown) <= 60 else f"{shown[:56]}...'"

"""The five object classes that decide filters, from attributes to values.

route and route6 (RFC 2622 section 4, RFC 4012), as-set and route-set (section 5), and aut-num for
its `member-of`: with `mbrs-by-ref` a set takes members that name it themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from irrgate.errors import RpslError
from irrgate.irr.packed_prefix import pack_prefix
from irrgate.irr.rpsl_dump import Attribute, BrokenObject
from irrgate.irr.set_members import SetMembers
from irrgate.rpsl import SetKind, parse_asn, parse_set_name, parse_source

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

_SEPARATORS = re.compile(rb"[,\n]")
_SPACE = re.compile(rb"\s")
_PREFIX = re.compile(rb"([0-9a-f.:]+)/([0-9]{1,3})", re.IGNORECASE)


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
    ASN in a route-set, which then stands in `names`. `idle` has the names that can never come to
    anything, with the reason.
    """

    name: str
    kind: SetKind
    source: str
    asns: tuple[int, ...]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    mbrs_by_ref: tuple[str, ...]
    idle: tuple[tuple[str, str], ...]


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
    members = _members(name.kind, attributes)
    return SetObject(
        name.name,
        name.kind,
        _source(attributes, default_source),
        tuple(members.asns),
        tuple(members.names),
        tuple(members.prefixes),
        _upper_words(attributes, "mbrs-by-ref"),
        tuple(members.idle),
    )


def _members(kind: SetKind, attributes: list[Attribute]) -> SetMembers:
    members = SetMembers(kind)
    is_route_set = kind is SetKind.ROUTE_SET
    for attribute in attributes:
        # An as-set has no mp-members (RFC 4012, section 4.2): an ASN is of no family.
        if attribute.name == "members" or (is_route_set and attribute.name == "mp-members"):
            for word in _words(attribute):
                try:
                    members.add(word, ipv4_only=is_route_set and attribute.name == "members")
                except BrokenObject as exc:
                    raise BrokenObject(exc.reason, attribute.line) from None
    return members


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
    return tuple(
        word.decode("latin-1").upper() for a in attributes if a.name == name for word in _words(a)
    )


def _words(attribute: Attribute) -> Iterator[bytes]:
    """Yield the words of a list; commas and ends of lines are between them, and no spaces."""
    for part in _SEPARATORS.split(attribute.value):
        word = part.strip()
        if _SPACE.search(word):
            raise BrokenObject(f"{_shown(word)}: a comma is missing", attribute.line)
        if word:
            yield word


def _shown(value: bytes) -> str:
    shown = ascii(value.decode("latin-1"))
    return shown if len(shown) <= 60 else f"{shown[:56]}...'"

"""RPSL names: the only way in which a string becomes part of an IRR query.

RFC 2622 section 2 says what an object name is, section 5 what a set name is (a prefix such as
`AS-`, hierarchical with `:` and ASNs); RFC 4012 keeps both for IPv6. `SOURCE::NAME` is IRRd's and
bgpq4's way to pin the registry in which a set is looked up. bgpq4 takes names as they come: one
that begins with `-` is an option to it, one of 300 characters aborts it, a newline passes through
(measured), so nothing reaches its command line that was not parsed here first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from irrgate.errors import RpslError

MAX_NAME_LENGTH: Final = 255
"""characters; bgpq4 aborts (SIGABRT) on a name of 300, and no registry has one this long."""

MAX_ASN: Final = 2**32 - 1
"""RFC 6793."""

_ASN = re.compile(r"AS(0|[1-9][0-9]{0,9})", re.IGNORECASE)
_WORD = re.compile(r"[A-Z0-9][A-Z0-9_-]*", re.IGNORECASE)
_SOURCE = re.compile(r"[A-Z][A-Z0-9_-]*", re.IGNORECASE)
_LOOSE_SPACE = re.compile(r"\s")


class SetKind(StrEnum):
    """The two kinds of set that routes are expanded from; the value is RPSL's class name."""

    AS_SET = "as-set"
    ROUTE_SET = "route-set"


_KIND_OF_PREFIX: Final = {"AS-": SetKind.AS_SET, "RS-": SetKind.ROUTE_SET}


@dataclass(frozen=True, slots=True, order=True)
class Asn:
    """An autonomous system number, 0 to 4294967295 (RFC 6793)."""

    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number <= MAX_ASN:
            raise RpslError(f"AS{self.number}", f"an ASN lies between 0 and {MAX_ASN}")

    def __str__(self) -> str:
        return f"AS{self.number}"

    @property
    def is_special_use(self) -> bool:
        """True for numbers that no network on the Internet holds.

        0 and 4294967295 (RFC 7607, RFC 7300), AS_TRANS (RFC 6793), documentation (RFC 5398),
        private use (RFC 6996) and the block that IANA reserves between them (65536 to 131071).
        """
        n = self.number
        return n in {0, 23456} or 64496 <= n <= 131071 or n >= 4_200_000_000


@dataclass(frozen=True, slots=True, order=True)
class SourceName:
    """The name of a registry, such as RIPE or ARIN-NONAUTH; upper case."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True)
class SetName:
    """An as-set or route-set, maybe hierarchical, maybe pinned to a source; upper case."""

    name: str
    kind: SetKind
    source: SourceName | None = None

    def __str__(self) -> str:
        return f"{self.source}::{self.name}" if self.source else self.name


RpslObject = Asn | SetName
"""What can be expanded into prefixes."""


def parse_asn(text: str) -> Asn:
    """Return the ASN that `text` (AS64500, as64500) names, or raise RpslError."""
    _refuse_loose(text)
    match = _ASN.fullmatch(text)
    if match is None:
        raise RpslError(_shown(text), "not an ASN: AS and a decimal number is expected (AS64500)")
    return Asn(int(match[1]))


def parse_source(text: str) -> SourceName:
    """Return the source that `text` names, or raise RpslError."""
    _refuse_loose(text)
    if not _SOURCE.fullmatch(text):
        raise RpslError(
            _shown(text),
            "not a source name: a letter, then letters, digits, - or _ (RIPE, ARIN-NONAUTH)",
        )
    return SourceName(text.upper())


def parse_set_name(text: str) -> SetName:
    """Return the set that `text` names, `SOURCE::` included, or raise RpslError.

    Of a hierarchical name each part is an ASN or a set word, and all set words are of one kind
    (RFC 2622 section 5).
    """
    _refuse_loose(text)
    source, name = _split_source(text)
    kinds: set[SetKind] = set()
    for part in name.split(":"):
        kind = _KIND_OF_PREFIX.get(part[:3].upper())
        if kind is not None and len(part) > 3 and _WORD.fullmatch(part):
            kinds.add(kind)
        elif _ASN.fullmatch(part):
            parse_asn(part)
        else:
            raise RpslError(
                _shown(text),
                f"not a set name: {_shown(part)} is neither an ASN nor a word that begins with "
                "AS- or RS-",
            )
    if not kinds:
        raise RpslError(
            _shown(text), "not a set name: at least one part must begin with AS- or RS-"
        )
    if len(kinds) > 1:
        raise RpslError(_shown(text), "not a set name: it mixes as-set and route-set parts")
    kind = kinds.pop()
    if source is not None and kind is SetKind.ROUTE_SET:
        # bgpq4 prints a line of its own into the JSON for it, and expands no nested set (measured).
        raise RpslError(
            _shown(text),
            "a source can be pinned for an as-set, not for a route-set; name the sources under irr",
        )
    return SetName(name.upper(), kind, source)


def parse_object(text: str) -> RpslObject:
    """Return the ASN or set that `text` names, or raise RpslError with the reason."""
    _refuse_loose(text)
    source, name = _split_source(text)
    if _ASN.fullmatch(name):
        if source is not None:
            # bgpq4 exits 0 with an empty list for SOURCE::AS123 (measured).
            raise RpslError(
                _shown(text),
                "a source can be pinned for a set, not for an ASN; name the sources under irr",
            )
        return parse_asn(name)
    return parse_set_name(text)


def _split_source(text: str) -> tuple[SourceName | None, str]:
    source, separator, name = text.partition("::")
    if not separator:
        return None, text
    return parse_source(source), name


def _refuse_loose(text: str) -> None:
    if not text:
        raise RpslError("''", "an empty string names nothing")
    if len(text) > MAX_NAME_LENGTH:
        raise RpslError(
            _shown(text), f"{len(text)} characters long, at most {MAX_NAME_LENGTH} are allowed"
        )
    if text.startswith("-"):
        raise RpslError(_shown(text), "a name cannot begin with - (a program would read an option)")
    if _LOOSE_SPACE.search(text):
        raise RpslError(_shown(text), "a name cannot hold white space")


def _shown(text: str) -> str:
    """Return `text` so that no control character of it reaches a terminal, and not too much."""
    shown = ascii(text)
    return shown if len(shown) <= 60 else f"{shown[:56]}...'"

"""The members of sets as registered: which words a registry takes, and what they can name.

A mirror with IRRd 4 drops a whole set for one member that it cannot read (measured, with 4.5.4),
and so does this: it raises BrokenObject. What it can read and nothing can come of (`AS-ANY`, a
route-set in an as-set, a set or an ASN with a range operator) is a member that stays in the list
and adds no prefix; these are told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from irrgate.errors import RpslError
from irrgate.irr.packed_prefix import pack_prefix, prefix_text
from irrgate.irr.rpsl_dump import BrokenObject
from irrgate.rpsl import SetKind, parse_asn, parse_set_name

_ADDRESS = re.compile(r"([0-9a-f.:]+)(?:/([0-9]{1,3}))?", re.IGNORECASE)
_PLAIN_ASN = re.compile(rb"AS([1-9][0-9]{0,8})", re.IGNORECASE)
_PLAIN_AS_SET = re.compile(rb"AS-[A-Z0-9_-]{0,199}[A-Z0-9]")
_NAME = re.compile(r"[A-Z][A-Z0-9_-]*[A-Z0-9]", re.IGNORECASE)
_RANGE = re.compile(r"([0-9]{1,3})(?:-([0-9]{1,3}))?")
_OPERATOR = re.compile(r"[A-Z0-9+-]{1,20}", re.IGNORECASE)
"""after a name IRRd takes anything for one, since it makes nothing of it"""
_ANY: Final = frozenset({"ANY", "AS-ANY", "RS-ANY"})


@dataclass(slots=True)
class SetMembers:
    """Sorts a set's members by what they are; dicts keep the order and drop repetitions.

    `names` has everything that is neither an ASN nor a prefix; `idle` those of them (with the
    reason) that can never name anything.
    """

    kind: SetKind
    asns: dict[int, None] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    prefixes: dict[str, None] = field(default_factory=dict)
    idle: list[tuple[str, str]] = field(default_factory=list)

    def add(self, word: bytes, *, ipv4_only: bool) -> None:
        """Add one member, or raise BrokenObject; `members:` of a route-set is for IPv4 only."""
        if match := _PLAIN_ASN.fullmatch(word):
            self.asns[int(match[1])] = None
        elif self.kind is SetKind.AS_SET and word != b"AS-ANY" and _PLAIN_AS_SET.fullmatch(word):
            self.names[word.decode("ascii")] = None
        else:
            self._add_other(word.decode("latin-1"), ipv4_only=ipv4_only)

    def _add_other(self, text: str, *, ipv4_only: bool) -> None:
        base, hat, operator = text.partition("^")
        if hat and self.kind is SetKind.AS_SET:
            raise BrokenObject(f"member {_shown(text)}: an as-set's member has no range operator")
        if all(_NAME.fullmatch(part) for part in base.split(":")):
            if hat and not _OPERATOR.fullmatch(operator):
                raise BrokenObject(f"member {_shown(text)}: no range operator after the ^")
            self._add_name(base.upper(), f"{hat}{operator}")
        elif self.kind is SetKind.ROUTE_SET and (match := _ADDRESS.fullmatch(base)):
            self._add_prefix(match, operator if hat else None, text, ipv4_only=ipv4_only)
        else:
            raise BrokenObject(f"member {_shown(text)}: {self._expected}")

    @property
    def _expected(self) -> str:
        if self.kind is SetKind.AS_SET:
            return "neither an ASN nor the name of a set"
        return "neither a prefix, nor an ASN, nor the name of a set"

    def _add_name(self, name: str, operator: str) -> None:
        """Add an ASN or a name; what cannot be asked for stays in the list and is told."""
        reason = ""
        try:
            if name[2:].isdigit():
                number = parse_asn(name).number
                if not operator:
                    self.asns[number] = None
                    return
            elif name in _ANY:
                reason = "every route there is cannot be a member of a filter"
            elif SetKind.AS_SET is self.kind is not parse_set_name(name).kind:
                reason = "a route-set cannot be a member of an as-set"
        except RpslError as exc:
            reason = exc.reason
        if operator:
            reason = "IRR servers expand no set or ASN that bears a range operator"
        self.names[name + operator] = None
        if reason:
            self.idle.append((_shown(name + operator), reason))

    def _add_prefix(
        self, match: re.Match[str], operator: str | None, text: str, *, ipv4_only: bool
    ) -> None:
        address, length = match.groups()
        bits = 128 if ":" in address else 32
        if ipv4_only and bits == 128:
            raise BrokenObject(f"member {text}: an IPv6 prefix, which belongs into mp-members")
        packed = pack_prefix(address, int(length) if length else bits)
        if operator is not None:
            _check_range(operator, packed[-1], text)
        hat = "" if operator is None else f"^{operator}"
        self.prefixes[prefix_text(packed) + hat] = None


def _check_range(operator: str, length: int, text: str) -> None:
    """Raise BrokenObject for a range operator that IRRd refuses; it looks at no upper bound."""
    if operator in {"+", "-"}:
        return
    match = _RANGE.fullmatch(operator)
    if match is None:
        raise BrokenObject(
            f"member {_shown(text)}: ^{_shown(operator)} is not a range operator (^-, ^+, ^n, ^n-m)"
        )
    low, high = int(match[1]), int(match[2] or match[1])
    if low < length or high < low:
        raise BrokenObject(f"member {text}: ^{operator} is not a range of a /{length}")


def _shown(text: str) -> str:
    shown = ascii(text)
    return shown if len(shown) <= 60 else f"{shown[:56]}...'"

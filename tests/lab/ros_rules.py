"""The language of RouterOS 7's routing filter rules, as far as filters of prefixes need it.

Grammar and words: MikroTik's manual, "Route Selection and Filters". What the router answers to a
rule that is none is this lab's own wording.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field

_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|>=|<=|[(){};<>]|[^\s(){};&|=!<>]+)")
_COMPARISONS = frozenset({"==", "!=", ">=", "<=", ">", "<", "in"})
_NUMBER = re.compile(r"\d{1,10}")
_RANGE = re.compile(r"(\d{1,3})(?:-|\.\.)(\d{1,3})")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class RuleRefusedError(ValueError):
    """What the router says to a rule that it does not take."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix, its address without host bits."""

    version: int
    network: int
    length: int

    @property
    def width(self) -> int:
        return 32 if self.version == 4 else 128

    @classmethod
    def parse(cls, text: str) -> Prefix:
        address, slash, length = text.partition("/")
        version = 6 if ":" in address else 4
        family, width = (socket.AF_INET6, 128) if version == 6 else (socket.AF_INET, 32)
        try:
            packed = socket.inet_pton(family, address)
        except OSError:
            raise RuleRefusedError(f"failure: {text!r} is no prefix") from None
        if not slash or not length.isdecimal() or int(length) > width:
            raise RuleRefusedError(f"failure: {text!r} is no prefix")
        network = int.from_bytes(packed, "big")
        if network & ((1 << width - int(length)) - 1):
            raise RuleRefusedError(f"failure: {text!r} has host bits")
        return cls(version, network, int(length))

    def covers(self, other: Prefix) -> bool:
        same = self.version == other.version and other.length >= self.length
        return same and (other.network ^ self.network) >> (self.width - self.length) == 0


@dataclass(frozen=True, slots=True)
class Condition:
    """One matcher, or several: kind is and, or, not, dst, dst-len, chain, or another property."""

    kind: str
    operator: str = ""
    prefix: Prefix | None = None
    numbers: tuple[int, int] = (0, 0)
    name: str = ""
    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """accept, reject, return, jump, if, or what changes an attribute (`set`)."""

    kind: str
    name: str = ""
    condition: Condition | None = None
    then: tuple[Statement, ...] = field(default=())
    otherwise: tuple[Statement, ...] = field(default=())


def parse_rule(text: str) -> tuple[Statement, ...]:
    """The statements of a rule; RuleRefusedError where it is none."""
    parser = _Parser(_tokens(text))
    statements = parser.statements()
    if parser.peek():
        raise RuleRefusedError(f"failure: unexpected {parser.peek()!r}")
    if not statements:
        raise RuleRefusedError("failure: the rule is empty")
    return statements


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RuleRefusedError(f"failure: syntax error at position {at}")
        tokens.append(match[1])
        at = match.end()
    return tokens


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise RuleRefusedError(f"failure: expected {wanted or 'more'!r}, not {token!r}")
        self._at += 1
        return token

    def statements(self) -> tuple[Statement, ...]:
        found = []
        while self.peek() not in {"", "}"}:
            if self.peek() == ";":
                self.take()
                continue
            found.append(self._statement())
            if self.peek() not in {"", "}", ";"} and found[-1].kind != "if":
                raise RuleRefusedError(f"failure: unexpected {self.peek()!r}")
        return tuple(found)

    def _statement(self) -> Statement:
        word = self.take()
        if word in {"accept", "reject", "return"}:
            return Statement(word)
        if word == "jump":
            return Statement("jump", self._name())
        if word == "if":
            self.take("(")
            condition = self._either()
            self.take(")")
            then = self._block()
            if self.peek() != "else":
                return Statement("if", "", condition, then)
            self.take()
            return Statement("if", "", condition, then, self._block())
        if word in {"set", "unset", "append", "filter", "delete", "rpki-verify"}:
            while self.peek() not in {"", ";", "}"}:
                self.take()
            return Statement("set", word)
        raise RuleRefusedError(f"failure: unknown command {word!r}")

    def _block(self) -> tuple[Statement, ...]:
        self.take("{")
        found = self.statements()
        self.take("}")
        return found

    def _either(self) -> Condition:
        parts = [self._all()]
        while self.peek() == "||":
            self.take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Condition("or", parts=tuple(parts))

    def _all(self) -> Condition:
        parts = [self._one()]
        while self.peek() == "&&":
            self.take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Condition("and", parts=tuple(parts))

    def _one(self) -> Condition:
        word = self.take()
        if word == "not":
            return Condition("not", parts=(self._one(),))
        if word == "chain":
            return Condition("chain", name=self._name())
        if word == "dst":
            return self._dst()
        if word == "dst-len":
            return self._length()
        if not _NAME.fullmatch(word):
            raise RuleRefusedError(f"failure: unknown property {word!r}")
        while self.peek() not in {"", ")", "&&", "||"}:
            self.take()
        return Condition("other", name=word)

    def _dst(self) -> Condition:
        operator = self.take()
        if operator not in {"==", "!=", "in"}:
            raise RuleRefusedError(f"failure: unknown operator {operator!r}")
        value = self.take()
        if operator == "in" and "/" not in value and _NAME.fullmatch(value):
            return Condition("address-list", name=value)
        return Condition("dst", operator, Prefix.parse(value))

    def _length(self) -> Condition:
        operator, value = self.take(), self.take()
        if operator == "in" and (match := _RANGE.fullmatch(value)):
            return Condition("dst-len", "in", numbers=(int(match[1]), int(match[2])))
        if operator not in _COMPARISONS or operator == "in" or not _NUMBER.fullmatch(value):
            raise RuleRefusedError(f"failure: dst-len {operator} {value} is no condition")
        return Condition("dst-len", operator, numbers=(int(value), int(value)))

    def _name(self) -> str:
        name = self.take()
        if not _NAME.fullmatch(name):
            raise RuleRefusedError(f"failure: {name!r} is no name")
        return name

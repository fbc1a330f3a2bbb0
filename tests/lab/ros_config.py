"""The configuration of an emulated RouterOS: filter rules in their order, and rows of other menus.

As text it is what `/export terse` prints of them, a line each; `set` for what there is one of.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.lab.ros_rules import RuleRefusedError, parse_rule

RULES = "/routing/filter/rule"
IDENTITY = "/system/identity"
MENUS = (
    RULES,
    "/routing/filter/select-rule",
    "/routing/bgp/template",
    "/routing/bgp/connection",
    "/routing/bgp/vpn",
    "/routing/ospf/instance",
    "/routing/rip/instance",
    IDENTITY,
)
_LINE = re.compile(r"(/[a-z0-9 /-]+?)[ /](add|set)( .*)?")
_WORD = re.compile(r' +([a-z0-9.-]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_ESCAPE = re.compile(r"\\([0-9A-F]{2}|.)")
_SPECIAL = re.compile(r'["\\$?\n\r\t]')
_BARE = re.compile(r"[A-Za-z0-9._:/,@*+-]+")
_MODULUS = 1 << 256

Row = dict[str, str]


@dataclass(slots=True, eq=False)
class RosRule:
    """A filter rule; `id` is the router's own name of it, which is never used again."""

    id: str
    chain: str
    text: str
    disabled: bool = False
    comment: str = ""
    weight: int = 0
    """of the rule in the digests of its chain and of the configuration"""


@dataclass
class RosConfig:
    """Filter rules, and the rows of other menus; identity is one row."""

    rules: list[RosRule] = field(default_factory=list)
    menus: dict[str, list[Row]] = field(default_factory=dict)
    sums: dict[str, int] = field(default_factory=dict)
    """the sum of the weights of a chain's rules: a digest that one rule more or less changes
    without the others being looked at"""
    counts: dict[str, int] = field(default_factory=dict)
    _next: int = 1
    _named: dict[tuple[str, str], list[RosRule]] = field(default_factory=dict)
    """the rules of a chain and a text"""

    def add(
        self,
        chain: str,
        text: str,
        *,
        before: str | None = None,
        disabled: bool = False,
        comment: str = "",
    ) -> RosRule:
        """Add a rule; RuleRefusedError for one that is none, and where `before` is not there."""
        parse_rule(text)
        if not chain:
            raise RuleRefusedError("missing value(s) of argument(s) chain")
        at = len(self.rules)
        if before is not None:
            # From the end, where a chain's reject stands.
            places = (
                at for at in range(len(self.rules) - 1, -1, -1) if self.rules[at].id == before
            )
            at = next(places, -1)
            if at < 0:
                raise RuleRefusedError("input does not match any value of place-before")
        weight = int.from_bytes(hashlib.sha256(f"{chain}\0{text}\0{disabled}".encode()).digest())
        rule = RosRule(f"*{self._next:X}", chain, text, disabled, comment, weight)
        self._next += 1
        self.rules.insert(at, rule)
        self._named.setdefault((chain, text), []).append(rule)
        self._count(rule, 1)
        return rule

    def remove(self, rule_id: str) -> RosRule:
        """Remove a rule; RuleRefusedError where there is none of that id."""
        for at, rule in enumerate(self.rules):
            if rule.id == rule_id:
                del self.rules[at]
                self._named[rule.chain, rule.text].remove(rule)
                self._count(rule, -1)
                return rule
        raise RuleRefusedError("no such item")

    def named(self, chain: str, text: str) -> list[RosRule]:
        """The rules of a chain that have this text."""
        return list(self._named.get((chain, text), ()))

    def _count(self, rule: RosRule, sign: int) -> None:
        count = self.counts.get(rule.chain, 0) + sign
        if not count:
            del self.counts[rule.chain], self.sums[rule.chain]
            return
        self.counts[rule.chain] = count
        self.sums[rule.chain] = (self.sums.get(rule.chain, 0) + sign * rule.weight) % _MODULUS

    def lists(self) -> dict[str, str]:
        """The digest of each chain's rules, whatever their order."""
        return {name: f"{value:064x}" for name, value in self.sums.items()}

    def digest(self) -> str:
        """The digest of the configuration, the order of rules left out."""
        others = repr((self.menus, sorted(self.sums.items())))
        return hashlib.sha256(others.encode()).hexdigest()

    def rows(self, menu: str) -> Iterable[Mapping[str, str]]:
        """The rows of a menu as the API prints them."""
        if menu != RULES:
            return self.menus.get(menu, [])
        return map(_rule_row, self.rules)

    def text(self) -> str:
        lines = [_line(RULES, "add", dict(_rule_words(rule))) for rule in self.rules]
        for menu, rows in self.menus.items():
            verb = "set" if menu == IDENTITY else "add"
            lines += [_line(menu, verb, row) for row in rows]
        return "".join(f"{line}\n" for line in lines)

    def follow_ids(self, other: RosConfig) -> None:
        """Give ids that `other` has not given."""
        self._next = max(self._next, other._next)


def _rule_words(rule: RosRule) -> Iterable[tuple[str, str]]:
    yield "chain", rule.chain
    if rule.comment:
        yield "comment", rule.comment
    if rule.disabled:
        yield "disabled", "yes"
    yield "rule", rule.text


def _rule_row(rule: RosRule) -> Row:
    row = {".id": rule.id, "chain": rule.chain, "rule": rule.text}
    row |= {"disabled": "true" if rule.disabled else "false", "inactive": "false"}
    return {**row, "comment": rule.comment} if rule.comment else row


def parse_config(text: str) -> RosConfig:
    """The configuration of a text; ValueError with the router's words where it is none."""
    config = RosConfig()
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise ValueError(f"bad command name or syntax: {line!r}")
        menu = match[1].replace(" ", "/")
        words = {
            name: unescaped(quoted) or bare for name, quoted, bare in _WORD.findall(match[3] or "")
        }
        if menu == RULES:
            disabled, comment = words.get("disabled") == "yes", words.get("comment", "")
            config.add(words["chain"], words["rule"], disabled=disabled, comment=comment)
        elif menu in MENUS:
            config.menus.setdefault(menu, []).append(words)
        else:
            raise ValueError(f"no such command or directory ({menu})")
    return config


def _line(menu: str, verb: str, words: Mapping[str, str]) -> str:
    path = menu.replace("/", " ").strip()
    return f"/{path} {verb}" + "".join(
        f" {name}={_value(name, text)}" for name, text in words.items()
    )


def _value(name: str, text: str) -> str:
    if name != "rule" and _BARE.fullmatch(text):
        return text
    escaped = _SPECIAL.sub(
        lambda m: {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(m[0], f"\\{m[0]}"), text
    )
    return f'"{escaped}"'


def unescaped(quoted: str) -> str:
    """The string that stands so between quotes."""
    return _ESCAPE.sub(lambda m: {"n": "\n", "r": "\r", "t": "\t"}.get(m[1], m[1]), quoted)

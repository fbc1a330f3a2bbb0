"""What RouterOS 7 does with a route to a prefix, by the filter chains in its running config.

For tests: it has nothing in common with irrgate's own reading. The first rule that decides does;
what comes to the end of a chain is rejected where a BGP connection names it, and goes back to the
chain from which it jumped. `if (chain X)` is true for what X accepts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.lab.ros_config import RosConfig, parse_config
from tests.lab.ros_rules import Condition, Prefix, Statement, parse_rule

_MAX_DEPTH = 8


class MissingChainError(LookupError):
    """The running config has no enabled rule of that chain."""


class RosChain:
    """One chain among those of a router."""

    def __init__(self, name: str, chains: Mapping[str, Sequence[tuple[Statement, ...]]]) -> None:
        if name not in chains:
            raise MissingChainError(f"no chain {name}")
        self._name = name
        self._chains = chains

    def accepts(self, prefix: str) -> bool:
        """Whether a route to this prefix (`192.0.2.0/24`) is accepted by the chain."""
        return self._decide(self._name, Prefix.parse(prefix), 0) == "accept"

    def _decide(self, name: str, route: Prefix, depth: int) -> str:
        assert depth < _MAX_DEPTH, f"{name}: chains go in a circle"
        for statements in self._chains.get(name, ()):
            decided = self._run(statements, route, depth)
            if decided:
                return "" if decided == "return" else decided
        return ""

    def _run(self, statements: Iterable[Statement], route: Prefix, depth: int) -> str:
        for statement in statements:
            decided = ""
            if statement.kind in {"accept", "reject", "return"}:
                decided = statement.kind
            elif statement.kind == "jump":
                decided = self._decide(statement.name, route, depth + 1)
            elif statement.kind == "if":
                assert statement.condition is not None
                matches = self._matches(statement.condition, route, depth)
                taken = statement.then if matches else statement.otherwise
                decided = self._run(taken, route, depth)
            if decided:
                return decided
        return ""

    def _matches(self, condition: Condition, route: Prefix, depth: int) -> bool:
        def one(part: Condition) -> bool:
            return self._matches(part, route, depth)

        # Any other is a property of the route that this lab has none of.
        known = {
            "and": lambda: all(map(one, condition.parts)),
            "or": lambda: any(map(one, condition.parts)),
            "not": lambda: not one(condition.parts[0]),
            "chain": lambda: self._decide(condition.name, route, depth + 1) == "accept",
            "dst": lambda: _is_there(condition, route),
            "dst-len": lambda: _compares(condition, route.length),
        }
        return known[condition.kind]() if condition.kind in known else False


def _is_there(condition: Condition, route: Prefix) -> bool:
    assert condition.prefix is not None
    if condition.operator == "in":
        return condition.prefix.covers(route)
    return (condition.prefix == route) is (condition.operator == "==")


def _compares(condition: Condition, length: int) -> bool:
    low, high = condition.numbers
    return {
        "in": low <= length <= high,
        "==": length == low,
        "!=": length != low,
        ">=": length >= low,
        "<=": length <= low,
        ">": length > low,
        "<": length < low,
    }[condition.operator]


def chain(running: str | RosConfig, name: str) -> RosChain:
    """A chain of a running config; MissingChainError where it has no rule in effect."""
    config = parse_config(running) if isinstance(running, str) else running
    return of_rules(((rule.chain, rule.text) for rule in config.rules if not rule.disabled), name)


def of_rules(rules: Iterable[tuple[str, str]], name: str) -> RosChain:
    """A chain among rules given as (chain, text)."""
    chains: dict[str, list[tuple[Statement, ...]]] = {}
    for each, text in rules:
        chains.setdefault(each, []).append(parse_rule(text))
    return RosChain(name, chains)


def accepts(running: str | RosConfig, name: str, prefix: str) -> bool:
    """Whether the chain of that name accepts a route to the prefix."""
    return chain(running, name).accepts(prefix)

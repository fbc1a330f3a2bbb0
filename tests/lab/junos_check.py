"""The commit check of the emulated Junos device: what rpd says of a candidate.

The texts are those of real devices, as their users reported them: `Policy error: NAME
route-filter-list referenced (in term T) but not defined`, then `configuration check-out failed`.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.junos_filters import problems
from tests.lab.junos_tree import Node, walk_lists

CHECK_OUT_FAILED = "configuration check-out failed"
_REFERENCES = {
    "prefix-list": "prefix-list",
    "prefix-list-filter": "prefix-list",
    "route-filter-list": "route-filter-list",
}


def check_candidate(root: Node) -> list[str]:
    """What is wrong with a candidate; empty when it can be committed."""
    found: list[str] = []
    for key, value in walk_lists(root):
        _, name = key.split(" ", 1)
        found += (f"Policy error: {problem}" for problem in problems(name, value))
    options = _active(root, "policy-options") or Node()
    found += _undefined_lists(root, options)
    policies = {key.split(" ", 1)[1] for key in _keys(options, "policy-statement ")}
    protocols = _active(root, "protocols") or Node()
    found += _undefined_policies(_active(protocols, "bgp") or Node(), policies)
    return [*found, CHECK_OUT_FAILED] if found else []


def _undefined_lists(root: Node, options: Node) -> Iterator[str]:
    defined = {key for key, _ in walk_lists(root)}
    for key in _keys(options, "policy-statement "):
        policy = options.children[key]
        if not isinstance(policy, Node):
            continue
        terms = {name.split(" ", 1)[1]: _active(policy, name) for name in _keys(policy, "term ")}
        terms["unnamed"] = policy
        for term, node in terms.items():
            origin = _active(node, "from") if node else None
            for reference in _keys(origin or Node(), ""):
                kind, _, name = reference.partition(" ")
                if kind in _REFERENCES and f"{_REFERENCES[kind]} {name}" not in defined:
                    what = f"{name} {_REFERENCES[kind]}"
                    yield f"Policy error: {what} referenced (in term {term}) but not defined"


def _undefined_policies(node: Node, policies: set[str]) -> Iterator[str]:
    for key in _keys(node, ""):
        value = node.children[key]
        if isinstance(value, Node):
            yield from _undefined_policies(value, policies)
        elif key in {"import", "export"} and isinstance(value, str):
            for name in value.strip("[ ]").split():
                if name not in policies:
                    yield f"Policy error: Policy {name} referenced but not defined"
                    yield f"BGP: {key} list not applied"


def _active(node: Node, key: str) -> Node | None:
    value = node.children.get(key)
    return value if isinstance(value, Node) and key not in node.inactive else None


def _keys(node: Node, start: str) -> list[str]:
    """The active statements of a block whose key begins with `start`."""
    return [key for key in node.children if key.startswith(start) and key not in node.inactive]

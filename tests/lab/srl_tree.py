"""The configuration of an emulated SR Linux: a tree of JSON, gNMI-style paths into it, its checks.

From Nokia's YANG modules (srl_nokia-routing-policy, srl_nokia-common): the names, patterns and
lengths of prefix-sets and their entries, and that a policy refers to a prefix-set by a leafref,
`match/prefix-set`, which is `match/prefix/prefix-set` in later releases. The errors' wording is
that of the learn.srlinux.dev tutorial where it shows one ("Path not valid - unknown element",
"Failed to parse value"); that of the leafref, and that host bits are refused, is assumed. All other
parts of the configuration are kept as they are.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.lab.apply_log import content_digest

Json = dict[str, Any]
Step = tuple[str, dict[str, str]]

ROOTS: Final = {
    "acl": "srl_nokia-acl:acl",
    "interface": "srl_nokia-interfaces:interface",
    "network-instance": "srl_nokia-network-instance:network-instance",
    "platform": "srl_nokia-platform:platform",
    "routing-policy": "srl_nokia-routing-policy:routing-policy",
    "system": "srl_nokia-system:system",
}
_POLICY: Final = ROOTS["routing-policy"]
_NAME: Final = re.compile(r"[A-Za-z0-9!@#$%^&()|+=`~.,/_:;?-][A-Za-z0-9 !@#$%^&()|+=`~.,/_:;?-]*")
_ENTRY: Final = {"ip-prefix", "mask-length-range"}
_LENGTHS: Final = r"([0-9]+\.\.[0-9]+)|exact"
_ELEMENT: Final = re.compile(r"/([A-Za-z0-9_:-]+)((?:\[[^\]=]+=[^\]]*\])*)")
_KEY: Final = re.compile(r"\[([^\]=]+)=([^\]]*)\]")


class SrlRefusedError(Exception):
    """The router's own words."""


class SrlConfig:
    """A configuration; `apply` changes a copy that the caller made."""

    def __init__(self, root: Json) -> None:
        self.root = root

    @classmethod
    def parse(cls, text: str) -> SrlConfig:
        """Read JSON as it prints it; ValueError for what it does not accept."""
        root = json.loads(text)
        if not isinstance(root, dict):
            raise TypeError("a configuration is an object")
        config = cls(root)
        try:
            config.check(config.prefix_sets())
        except SrlRefusedError as exc:
            raise ValueError(str(exc)) from exc
        return config

    def text(self) -> str:
        return json.dumps(self.root, separators=(",", ":"))

    def copy(self) -> SrlConfig:
        return SrlConfig(dict(self.root))

    def prefix_sets(self) -> dict[str, list[Json]]:
        held = self.root.get(_POLICY, {}).get("prefix-set", [])
        return {each["name"]: each.get("prefix", []) for each in held}

    def counts(self) -> dict[str, int]:
        return {name: len(entries) for name, entries in self.prefix_sets().items()}

    def digests(self) -> dict[str, str]:
        return {
            name: content_digest(f"{e['ip-prefix']} {e['mask-length-range']}" for e in entries)
            for name, entries in self.prefix_sets().items()
        }

    def changed_objects(self, other: SrlConfig) -> list[str]:
        old, new = self.digests(), other.digests()
        return sorted(name for name in old.keys() | new if old.get(name) != new.get(name))

    def get(self, path: str) -> Any:
        """What stands at a path: a container, a list under its name, or a leaf."""
        if path == "/":
            return self.root
        steps = _steps(path)
        node: Any = {name: self.root[key] for name, key in ROOTS.items() if key in self.root}
        for name, keys in steps:
            held = node.get(name) if isinstance(node, dict) else None
            if held is None:
                return {}
            node = held
            if isinstance(held, list):
                node = {name: [each for each in held if _has(each, keys)]}
                if keys and "*" not in keys.values():
                    node = node[name][0] if node[name] else {}
        return node

    def apply(self, command: Mapping[str, Any]) -> None:
        """One command of a `set`; the lab knows those that are about an entry of a list."""
        action, steps = command.get("action"), _steps(str(command.get("path")))
        if action not in ("replace", "update", "delete"):
            raise SrlRefusedError(f"Unknown action '{action}'")
        if len(steps) != 2 or not steps[1][1]:
            raise SrlRefusedError("the lab sets entries of top-level lists only")
        (top, _), (name, keys) = steps
        # What is replaced is a list and the container that it is in; all else is shared.
        container = dict(self.root.get(ROOTS[top], {}))
        held = container.get(name, [])
        before = [each for each in held if _has(each, keys)]
        entries = [each for each in held if not _has(each, keys)]
        if action != "delete":
            value = command.get("value", {})
            if not isinstance(value, dict):
                raise SrlRefusedError(f"Invalid value for '{name}'")
            old = before[0] if before and action == "update" else {}
            entries.append({**old, **keys, **value})
        # The router shows the entries of a list by their keys.
        container[name] = sorted(entries, key=lambda each: [str(each.get(key)) for key in keys])
        self.root[ROOTS[top]] = container

    def check(self, changed: Mapping[str, list[Json]]) -> None:
        """Raise SrlRefusedError where a changed set, or a reference, cannot be."""
        for name, entries in changed.items():
            _check_set(name, entries)
        known = self.prefix_sets()
        for policy in self.root.get(_POLICY, {}).get("policy", []):
            for statement in policy.get("statement", []):
                for wanted in _referred(statement.get("match", {})):
                    if wanted not in known:
                        where = f'.routing-policy.policy{{.name=="{policy["name"]}"}}'
                        raise SrlRefusedError(
                            f"Leafref validation failed: {where} refers to prefix-set "
                            f"'{wanted}', which does not exist"
                        )


def _referred(match: Json) -> Iterator[str]:
    for where in (match, match.get("prefix", {})):
        if "prefix-set" in where:
            yield where["prefix-set"]


def _check_set(name: str, entries: list[Json]) -> None:
    if not _NAME.fullmatch(name) or len(name) > 255:
        raise SrlRefusedError(
            f"Failed to parse value '{name}' for key 'name' (node 'prefix-set') - Invalid value "
            f'"{name}": Length must be in the range 1..255'
        )
    seen = set()
    for entry in entries:
        unknown = {key for key in entry if not key.startswith("_annotate")} ^ _ENTRY
        if unknown:
            raise SrlRefusedError(
                f"Path not valid - unknown element '{min(unknown)}'. Options are "
                "[ip-prefix, mask-length-range]"
            )
        prefix, lengths = entry["ip-prefix"], entry["mask-length-range"]
        if not re.fullmatch(_LENGTHS, lengths):
            raise SrlRefusedError(
                f"Failed to parse value '{lengths}' for key 'mask-length-range' (node 'prefix') - "
                f"Invalid value \"{lengths}\": Must match the pattern '{_LENGTHS}'"
            )
        if (prefix, lengths) in seen:
            raise SrlRefusedError(f"Duplicate entry '{prefix} {lengths}' (node 'prefix')")
        seen.add((prefix, lengths))
        try:
            ipaddress.ip_network(prefix)
        except ValueError as exc:
            raise SrlRefusedError(
                f"Failed to parse value '{prefix}' for key 'ip-prefix' (node 'prefix') - Invalid "
                f'value "{prefix}"'
            ) from exc


def _steps(path: str) -> list[Step]:
    elements = list(_ELEMENT.finditer(path))
    if not elements or "".join(each[0] for each in elements) != path:
        raise SrlRefusedError(f"Path not valid - '{path}'")
    first = elements[0][1].rpartition(":")[2]
    if first not in ROOTS:
        raise SrlRefusedError(
            f"Path not valid - unknown element '{first}'. Options are [{', '.join(sorted(ROOTS))}]"
        )
    return [(each[1].rpartition(":")[2], dict(_KEY.findall(each[2]))) for each in elements]


def set_steps(command: Mapping[str, Any]) -> str:
    """The name of the prefix-set that a command is about; empty where it is about another thing."""
    steps = _steps(str(command.get("path")))
    names = [name for name, _ in steps]
    return steps[1][1].get("name", "") if names == ["routing-policy", "prefix-set"] else ""


def _has(entry: Json, keys: Mapping[str, str]) -> bool:
    return all(value in ("*", str(entry.get(key))) for key, value in keys.items())

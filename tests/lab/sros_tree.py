"""The configuration of the emulated SR OS router: a tree of nokia-conf, read, edited and printed.

Prefix-lists, which may have 100,000 entries, are kept apart from the rest of the tree, with the
checks of the model; of everything else only that lists have keys is known. A tree is not changed
once it is the running one: `edited` makes another.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from tests.lab.apply_log import content_digest
from tests.lab.netconf_rpc import NETCONF_NS, RefusedError, RpcError, tag_of

CONF_NS: Final = "urn:nokia.com:sros:ns:yang:sr:conf"
_OPERATION: Final = f"{{{NETCONF_NS}}}operation"
_OPERATIONS: Final = frozenset({"merge", "replace", "create", "delete", "remove"})
_KEYS: Final = frozenset({
    "name", "entry-id", "router-name", "group-name", "ip-address", "service-name",
    "interface-name", "member", "user-name", "ip-prefix", "variable-name", "port-id",
})  # fmt: skip
_LEAF_LISTS: Final = frozenset({
    ("from", "prefix-list"), ("from", "family"), ("import", "policy"), ("export", "policy"),
})  # fmt: skip
_MAX_NAME: Final = 32
_SPACE: Final = " " * 12
"""before what stands in a prefix-list"""
_LENGTHS: Final = {
    "exact": (),
    "longer": (),
    "through": ("through-length",),
    "range": ("start-length", "end-length"),
}

Entry = tuple[str, str]
"""(ip-prefix, type): the key of an entry"""


@dataclass(eq=False)
class PrefixList:
    """One prefix-list: each entry with its lengths, or what it has in their place, as XML."""

    entries: dict[Entry, tuple[str, ...]] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    """such as apply-groups, as XML"""
    _printed: str = ""
    _digest: str = ""

    def copy(self) -> PrefixList:
        return PrefixList(dict(self.entries), self.others)

    @property
    def digest(self) -> str:
        if not self._digest:
            told = (f"{prefix} {kind} {how}" for (prefix, kind), how in self.entries.items())
            self._digest = content_digest([*told, *self.others])
        return self._digest

    def xml(self) -> str:
        """What stands in the list after its name, in the order of the keys."""
        if not self._printed:
            lines = [f"{_SPACE}{other}\n" for other in self.others]
            for prefix, kind in sorted(self.entries, key=_order):
                leaves = (
                    f"<ip-prefix>{prefix}</ip-prefix>",
                    f"<type>{kind}</type>",
                    *self.entries[prefix, kind],
                )
                inside = "".join(f"{_SPACE}    {leaf}\n" for leaf in leaves)
                lines.append(f"{_SPACE}<prefix>\n{inside}{_SPACE}</prefix>\n")
            self._printed = "".join(lines)
        return self._printed


@dataclass(eq=False)
class Node:
    """A container, or an entry of a list: what is in it, by tag and key."""

    children: dict[tuple[str, ...], Node | str] = field(default_factory=dict)

    def copy(self) -> Node:
        return Node({k: v.copy() if isinstance(v, Node) else v for k, v in self.children.items()})


@dataclass(eq=False)
class Tree:
    """A whole configuration."""

    root: Node = field(default_factory=Node)
    lists: dict[str, PrefixList] = field(default_factory=dict)

    def edited(self, config: etree._Element) -> Tree:
        """The tree after an edit-config of `configure`; RefusedError leaves nothing of it."""
        tree = Tree(self.root.copy(), dict(self.lists))
        _known(config, "configure")
        _Edit(tree).container(tree.root, config, (), _operation(config, "merge"))
        return tree

    def xml(self, names: frozenset[str] | None = None) -> str:
        """`configure` as the router prints it; with `names`, these prefix-lists alone."""
        root = self.root if names is None else Node({("policy-options",): Node()})
        body = "".join(self._printed(root, 1, names))
        if not body:
            return ""
        return f'<configure xmlns="{CONF_NS}">\n{body}</configure>\n'

    def texts(self, tag: str) -> Iterator[tuple[str, str]]:
        """Each leaf, or leaf-list's value, of that tag with the path to it."""
        yield from _texts(self.root, tag, ())

    def _printed(self, node: Node, depth: int, names: frozenset[str] | None) -> Iterator[str]:
        space = "    " * depth
        for key, child in node.children.items():
            if isinstance(child, str):
                yield f"{space}<{key[0]}>{escape(child)}</{key[0]}>\n"
            elif key == ("policy-options",):
                inside = "".join([*self._lists(names), *self._printed(child, depth + 1, names)])
                if inside:
                    yield f"{space}<policy-options>\n{inside}{space}</policy-options>\n"
            else:
                inside = "".join(self._printed(child, depth + 1, names))
                yield f"{space}<{key[0]}>\n{inside}{space}</{key[0]}>\n"

    def _lists(self, names: frozenset[str] | None) -> Iterator[str]:
        for name in sorted(self.lists):
            if names is None or name in names:
                yield f"        <prefix-list>\n            <name>{escape(name)}</name>\n"
                yield self.lists[name].xml()
                yield "        </prefix-list>\n"


class _Edit:
    """One edit-config on its way through a tree."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._copied: set[str] = set()

    def container(
        self, node: Node, element: etree._Element, path: tuple[str, ...], operation: str
    ) -> None:
        for child in element.iterchildren("*"):
            tag = tag_of(child)
            _known(child, tag)
            if path == ("policy-options",) and tag == "prefix-list":
                self._list(child, _operation(child, operation))
            elif not _is_key_of(child, node):
                self._child(node, child, path, _operation(child, operation))

    def _child(
        self, node: Node, child: etree._Element, path: tuple[str, ...], operation: str
    ) -> None:
        tag = tag_of(child)
        text = (child.text or "").strip()
        if not len(child) and text:
            leaf_list = (path[-1] if path else "", tag) in _LEAF_LISTS or tag == "apply-groups"
            leaf: tuple[str, ...] = (tag, text) if leaf_list else (tag,)
            if operation in {"delete", "remove"}:
                _gone(node, leaf, operation)
            else:
                node.children[leaf] = text
            return
        key = _key(child)
        if operation in {"delete", "remove"}:
            _gone(node, key, operation)
            return
        found = node.children.get(key)
        if found is not None and operation == "create":
            raise RefusedError(RpcError(f"MINOR: MGMT_CORE #2203: Element exists - {tag}"))
        if operation == "replace" and tag == "policy-options":
            self._tree.lists.clear()
        if not isinstance(found, Node) or operation == "replace":
            found = Node({(tag_of(child[0]),): key[1]} if len(key) > 1 else {})
            node.children[key] = found
        self.container(found, child, (*path, tag), operation)

    def _list(self, element: etree._Element, operation: str) -> None:
        lists = self._tree.lists
        name = (element.findtext(f"{{{CONF_NS}}}name") or "").strip()
        if not name or len(name) > _MAX_NAME:
            said = f"MINOR: MGMT_CORE #2301: Invalid element value - '{name}' is not of 1..32"
            raise RefusedError(RpcError(said, bad_element="name"))
        if operation in {"delete", "remove"}:
            if lists.pop(name, None) is None and operation == "delete":
                raise _missing(f"prefix-list {name}")
            return
        found = lists.get(name)
        if found is None or operation == "replace":
            lists[name] = found = PrefixList()
        elif name not in self._copied:
            lists[name] = found = found.copy()
        self._copied.add(name)
        others = []
        for child in element.iterchildren("*"):
            tag = tag_of(child)
            _known(child, tag)
            if tag == "prefix":
                self._entry(found, child, _operation(child, operation))
            elif tag in {"apply-groups", "apply-groups-exclude"}:
                others.append(f"<{tag}>{escape((child.text or '').strip())}</{tag}>")
            elif tag != "name":
                raise _unknown(tag)
        found.others = (*found.others, *others)

    def _entry(self, found: PrefixList, element: etree._Element, operation: str) -> None:
        key, lengths = _read_entry(element)
        if operation in {"delete", "remove"}:
            if found.entries.pop(key, None) is None and operation == "delete":
                raise _missing(f"prefix {key[0]} type {key[1]}")
        elif operation == "create" and key in found.entries:
            raise RefusedError(RpcError("MINOR: MGMT_CORE #2203: Element exists - prefix"))
        else:
            found.entries[key] = lengths


def parse_config(text: str) -> Tree:
    """Read a configuration; ValueError where the router would not take it."""
    if not text.strip():
        return Tree()
    try:
        element = etree.fromstring(text.encode(), etree.XMLParser(huge_tree=True))
        return Tree().edited(element)
    except (etree.XMLSyntaxError, RefusedError) as exc:
        raise ValueError(str(exc)) from exc


def check(tree: Tree) -> list[str]:
    """What keeps a tree from being committed: references to what is not there, lengths."""
    found = []
    for path, name in tree.texts("prefix-list"):
        if name not in tree.lists and not re.fullmatch("@.*@", name):
            found.append(
                f"MINOR: MGMT_CORE #224: configure {path} - Entry does not exist - configure "
                f"policy-options prefix-list {name}"
            )
    return found


def changed_lists(before: Tree, after: Tree) -> list[str]:
    """The lists that are another, by the names that the apply log has for them."""
    names = sorted(before.lists.keys() | after.lists.keys())
    return [
        f"prefix-list {name}"
        for name in names
        if before.lists.get(name) is not after.lists.get(name)
        and _digest(before.lists, name) != _digest(after.lists, name)
    ]


def _digest(lists: Mapping[str, PrefixList], name: str) -> str:
    return lists[name].digest if name in lists else ""


def _read_entry(element: etree._Element) -> tuple[Entry, tuple[str, ...]]:
    leaves: dict[str, str] = {}
    below: list[str] = []
    for child in element.iterchildren("*"):
        if len(child):
            inner = child[0]
            text = f"<{tag_of(inner)}>{escape((inner.text or '').strip())}</{tag_of(inner)}>"
            below.append(f"<{tag_of(child)}>{text}</{tag_of(child)}>")
        else:
            leaves[tag_of(child)] = (child.text or "").strip()
    prefix, kind = leaves.pop("ip-prefix", ""), leaves.pop("type", "")
    own, size = _prefix_length(prefix)
    if kind in {"to", "address-mask"}:
        return (prefix, kind), tuple(below)
    if kind not in _LENGTHS:
        raise _invalid(kind, "type")
    if set(leaves) - set(_LENGTHS[kind]):
        raise _unknown(min(set(leaves) - set(_LENGTHS[kind])))
    numbers = []
    for leaf in _LENGTHS[kind]:
        if not leaves.get(leaf, "").isdecimal():
            raise _invalid(leaves.get(leaf, ""), leaf)
        numbers.append(int(leaves[leaf]))
    if any(not own <= number <= size for number in numbers) or numbers != sorted(numbers):
        raise _invalid(" ".join(map(str, numbers)), _LENGTHS[kind][-1])
    return (prefix, kind), tuple(f"<{leaf}>{leaves[leaf]}</{leaf}>" for leaf in _LENGTHS[kind])


def _prefix_length(prefix: str) -> tuple[int, int]:
    """The length of a prefix and the longest of its family; RefusedError for host bits."""
    address, _, length = prefix.partition("/")
    family, size = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
    try:
        number = int.from_bytes(socket.inet_pton(family, address), "big")
    except OSError as exc:
        raise _invalid(prefix, "ip-prefix") from exc
    own = int(length) if length.isdecimal() else size + 1
    if own > size or number & ((1 << (size - own)) - 1):
        raise _invalid(prefix, "ip-prefix")
    return own, size


def _order(entry: Entry) -> tuple[int, bytes, int, str]:
    address, _, length = entry[0].partition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return family, socket.inet_pton(family, address), int(length), entry[1]


def _texts(node: Node, tag: str, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, child in node.children.items():
        if isinstance(child, Node):
            yield from _texts(child, tag, (*path, *key))
        elif key[0] == tag:
            yield " ".join((*path, tag)), child


def _key(element: etree._Element) -> tuple[str, ...]:
    """The tag of a container; with its key, for an entry of a list."""
    tag = tag_of(element)
    if len(element) and tag_of(element[0]) in _KEYS and not len(element[0]):
        return tag, (element[0].text or "").strip()
    return (tag,)


def _is_key_of(child: etree._Element, node: Node) -> bool:
    return not len(child) and node.children.get((tag_of(child),)) == (child.text or "").strip()


def _gone(node: Node, key: tuple[str, ...], operation: str) -> None:
    if node.children.pop(key, None) is None and operation == "delete":
        raise _missing(" ".join(key))


def _operation(element: etree._Element, inherited: str) -> str:
    operation = element.get(_OPERATION, inherited)
    if operation not in _OPERATIONS:
        raise RefusedError(RpcError("MINOR: MGMT_CORE #2010: Invalid operation"))
    return operation


def _known(element: etree._Element, tag: str) -> None:
    if element.tag != f"{{{CONF_NS}}}{tag}":
        raise _unknown(tag_of(element))


def _unknown(tag: str) -> RefusedError:
    said = f"MINOR: MGMT_CORE #2201: Unknown element - '{tag}'"
    return RefusedError(RpcError(said, tag="unknown-element", bad_element=tag))


def _invalid(value: str, tag: str) -> RefusedError:
    said = f"MINOR: MGMT_CORE #2301: Invalid element value - '{value}'"
    return RefusedError(RpcError(said, tag="invalid-value", bad_element=tag))


def _missing(what: str) -> RefusedError:
    said = f"MINOR: MGMT_CORE #224: Entry does not exist - {what}"
    return RefusedError(RpcError(said, tag="data-missing"))

"""The configuration tree of the emulated Junos device, and its text form.

A statement is a key in its parent's `children`. What identifies it is the key (`host-name`,
`group UPSTREAM`, `term 10`); the value says what it is:

    None         a leaf without a value             `accept;`
    str          a leaf with one                    `host-name edge1;`
    Node         a block of statements              `system { ... }`
    FilterList   a prefix-list or route-filter-list

A filter list holds its entries as dictionary keys, no object for each: 850,000 of them take some
110 MB. It is never changed once it stands in a tree, so that trees share it, and two trees
compare by identity first.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.lab.apply_log import content_digest

FILTER_KINDS = frozenset({"prefix-list", "route-filter-list"})
ONE_LINERS = frozenset({"from", "then", "to"})
"""Blocks that Junos prints on one line when they hold one leaf: `then accept;`."""

INDENT = "    "


class FilterList:
    """A prefix-list or route-filter-list: entries in order, with their action or None."""

    __slots__ = ("_digest", "entries", "inactive", "kind", "problems")

    def __init__(
        self,
        kind: str,
        entries: dict[str, str | None],
        inactive: frozenset[str] = frozenset(),
    ) -> None:
        self.kind = kind
        self.entries = entries
        self.inactive = inactive
        self.problems: tuple[str, ...] | None = None
        """What the commit check found, once it looked."""
        self._digest = ""

    @property
    def digest(self) -> str:
        """The digest of its entries, in whatever order they stand."""
        if not self._digest:
            lines = (f"{key} {self.entries[key]} {key in self.inactive}" for key in self.entries)
            self._digest = content_digest(lines)
        return self._digest

    def same_as(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, FilterList)
            and self.kind == other.kind
            and self.inactive == other.inactive
            and self.entries == other.entries
            and list(self.entries) == list(other.entries)
        )


class Node:
    """A block of statements."""

    __slots__ = ("children", "inactive", "notes")

    def __init__(self) -> None:
        self.children: dict[str, Value] = {}
        self.inactive: set[str] = set()
        self.notes: dict[str, str] = {}
        """The comments (`/* ... */`) that stand before a statement."""

    def clone(self) -> Node:
        """A copy that can be changed; filter lists are shared, since they never are."""
        copy = Node()
        copy.inactive = set(self.inactive)
        copy.notes = dict(self.notes)
        for key, value in self.children.items():
            copy.children[key] = value.clone() if isinstance(value, Node) else value
        return copy

    def block(self, key: str) -> Node:
        """The block of that key, made if there is none (a leaf becomes a block)."""
        value = self.children.get(key)
        if not isinstance(value, Node):
            value = self.children[key] = Node()
        return value

    def remove(self, key: str) -> bool:
        """Remove a statement; False when there is none."""
        if key not in self.children:
            return False
        del self.children[key]
        self.inactive.discard(key)
        self.notes.pop(key, None)
        return True

    def same_as(self, other: object) -> bool:
        """Whether both hold the same statements, terms and filter entries in the same order.

        Comments do not count.
        """
        if self is other:
            return True
        if not isinstance(other, Node) or self.children.keys() != other.children.keys():
            return False
        if self.inactive != other.inactive:
            return False
        if ordered_keys(self) != ordered_keys(other):
            return False
        return all(same(value, other.children[key]) for key, value in self.children.items())


Value = Node | FilterList | str | None


def same(one: Value, other: Value) -> bool:
    """Whether two statements of the same key are equal."""
    if isinstance(one, Node | FilterList):
        return one.same_as(other)
    return one == other


def ordered_keys(node: Node) -> list[str]:
    """The statements of a block whose order means something: the terms of a policy."""
    return [key for key in node.children if key.startswith("term ")]


def walk_lists(root: Node) -> Iterator[tuple[str, FilterList]]:
    """The active filter lists under [edit policy-options], by `KIND NAME`."""
    options = root.children.get("policy-options")
    if not isinstance(options, Node) or "policy-options" in root.inactive:
        return
    for key, value in options.children.items():
        if isinstance(value, FilterList) and key not in options.inactive:
            yield key, value


def render(root: Node) -> str:
    """The text of a tree as Junos prints it."""
    return "".join(_lines(root, ""))


def render_statement(key: str, value: Value, indent: str = "", tag: str = "") -> Iterator[str]:
    """The lines of one statement, each with its newline."""
    head = f"{indent}{tag}{key}"
    if isinstance(value, FilterList):
        yield f"{head} {{\n" if value.entries else f"{head};\n"
        if value.entries:
            yield from _entries(value, indent + INDENT)
            yield f"{indent}}}\n"
    elif isinstance(value, Node):
        line = _one_line(key, value)
        if line is not None:
            yield f"{indent}{tag}{line};\n"
        elif value.children:
            yield f"{head} {{\n"
            yield from _lines(value, indent + INDENT)
            yield f"{indent}}}\n"
        else:
            yield f"{head};\n"
    else:
        yield f"{head};\n" if value is None else f"{head} {value};\n"


def _lines(node: Node, indent: str) -> Iterator[str]:
    for key, value in node.children.items():
        if key in node.notes:
            yield f"{indent}{node.notes[key]}\n"
        yield from render_statement(
            key, value, indent, "inactive: " if key in node.inactive else ""
        )


def _entries(value: FilterList, indent: str) -> Iterator[str]:
    inactive = value.inactive
    for key, action in value.entries.items():
        tag = "inactive: " if inactive and key in inactive else ""
        yield f"{indent}{tag}{key};\n" if action is None else f"{indent}{tag}{key} {action};\n"


def _one_line(key: str, node: Node) -> str | None:
    if key not in ONE_LINERS or len(node.children) != 1 or node.inactive or node.notes:
        return None
    ((child, value),) = node.children.items()
    if isinstance(value, Node | FilterList):
        return None
    return f"{key} {child}" if value is None else f"{key} {child} {value}"

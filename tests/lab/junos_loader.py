"""Loads Junos configuration text (curly brackets) into a tree, as `load merge` and `load replace`.

The tags `replace:`, `delete:`, `inactive:` and `active:` are understood; `replace:` counts for
action replace only, `delete:` for both: Juniper's "Delete Elements in Configuration Data Using the
Junos XML Protocol" puts it before the object, ended by a semicolon, and ties it to no action. What
is not there to be deleted is the warning "statement not found", which py-junos-eznc raises.
`/* ... */` before a statement stays with it, `#` comments are dropped. A statement that is refused
is reported and left out, and what stands around it is loaded, as on a router.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab.junos_filters import EntryError, parse_entries, parse_entry, sorted_prefixes
from tests.lab.junos_tree import FILTER_KINDS, ONE_LINERS, FilterList, Node

MAX_ERRORS = 100
"""Errors that one load reports; the rest is left out."""

_TAGS = frozenset({"replace:", "delete:", "inactive:", "active:", "protect:", "unprotect:"})
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<note>/\*.*?\*/)
    | (?P<comment>\#[^\n]*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<sign>[{};])
    | (?P<list>\[[^\[\]{};]*\])
    | (?P<word>[^\s{};"\[]+)
    | (?P<bad>\S)
    )""",
    re.VERBOSE | re.DOTALL,
)
_BARE = re.compile(r"[\w.:/@+=,*<>^$&|?!~%-]+")
_MARKS = ('"', "{", "[", "#", "/*", "replace:", "delete:", "active:", "protect:")
"""What makes a block of entries more than entries."""

_KEYED = frozenset(
    {
        "address", "as-path", "community", "condition", "group", "interface", "member", "neighbor",
        "policy-statement", "prefix-list", "prefix-list-filter", "route-filter-list", "server",
        "term", "unit", "user",
    }
)  # fmt: skip
_LEAF_LISTS = frozenset(
    {"apply-groups", "export", "import", "members", "policy", "protocol", "rib-group"}
)
_COMMUNITY_VERBS = (["add"], ["delete"], ["set"])


@dataclass(frozen=True, slots=True)
class LoadError:
    """A statement that was not loaded, and where it stands; `warning` where it does no harm."""

    message: str
    bad_element: str
    line: int
    path: str
    warning: bool = False


@dataclass(frozen=True, slots=True)
class _Statement:
    """The words of a statement, its tags and comment, and where its first word begins."""

    words: list[str]
    tags: frozenset[str]
    note: str
    position: int
    end: str


def load_text(text: str, root: Node, *, replace: bool) -> list[LoadError]:
    """Load into `root`, which changes in place. Returns what was refused."""
    loader = _Loader(text, replace=replace)
    loader.block(root, ())
    return loader.errors


def parse_config(text: str) -> Node:
    """The tree of a whole config; ValueError with the first error when it has one."""
    root = Node()
    for error in load_text(text, root, replace=False):
        raise ValueError(f"line {error.line}: {error.message}: {error.bad_element}")
    return root


class _Loader:
    def __init__(self, text: str, *, replace: bool) -> None:
        self.text = text
        self.replace = replace
        self.position = 0
        self.errors: list[LoadError] = []

    def block(self, node: Node, path: tuple[str, ...]) -> None:
        """Load the statements up to the closing bracket, or (without a path) to the end."""
        while True:
            statement = self._statement()
            match statement.end:
                case ";":
                    self._leaf(node, statement, path)
                case "{":
                    self._container(node, statement, path)
                case "}" if path:
                    self._unfinished(statement, path)
                    return
                case "}":
                    self._error("syntax error", "}", self.position - 1, path)
                case _:
                    self._unfinished(statement, path)
                    if path:
                        self._error("syntax error, expecting '}'", "", self.position, path)
                    return

    def _statement(self) -> _Statement:
        words: list[str] = []
        tags: set[str] = set()
        note, start = "", self.position
        while True:
            token = _TOKEN.match(self.text, self.position)
            kind = token.lastgroup if token else None
            if token is None or kind is None:
                self.position = len(self.text)
                return _Statement(words, frozenset(tags), note, start, "")
            self.position = token.end()
            value = token[kind]
            if kind == "sign":
                return _Statement(words, frozenset(tags), note, start, value)
            if kind == "note" and not words:
                note = value
            if kind in {"comment", "note"}:
                continue
            if not words:
                start = token.start(kind)
                if value in _TAGS:
                    tags.add(value)
                    continue
            words.append(_plain(kind, value))

    def _leaf(self, node: Node, statement: _Statement, path: tuple[str, ...]) -> None:
        words = statement.words
        if not words:
            self._error("syntax error", ";", self.position - 1, path)
        elif words[0] in ONE_LINERS and len(words) > 1 and "delete:" not in statement.tags:
            inner = self._open_node(node, words[0], statement)
            tags = statement.tags & {"inactive:", "active:"}
            self._leaf(inner, _Statement(words[1:], tags, "", statement.position, ";"), path)
        elif "delete:" in statement.tags:
            key = _full_key(node, words)
            self._deleted(node.remove(key), words, statement.position, path)
        elif _is_filter(path, words) and len(words) == 2:
            self._store_filter(node, statement, {}, frozenset())
        else:
            key, value = _identity(words)
            existing = node.children.get(key)
            if value is not None and words[0] in _LEAF_LISTS and "replace:" not in statement.tags:
                value = _union(existing, value)
            if value is not None or not isinstance(existing, Node):
                node.children[key] = value
            self._mark(node, key, statement)

    def _container(self, node: Node, statement: _Statement, path: tuple[str, ...]) -> None:
        words = statement.words
        here = (*path, " ".join(words) or "{")
        if not words:
            self._error("syntax error", "{", self.position - 1, path)
            self.block(Node(), here)
        elif _is_filter(path, words):
            if len(words) != 2:
                self._error("syntax error", words[-1], statement.position, path)
            entries, inactive = self._filter_entries(node, statement, here)
            if len(words) == 2 and "delete:" not in statement.tags:
                self._store_filter(node, statement, entries, inactive)
        elif "delete:" in statement.tags:
            self.block(Node(), here)
            self._deleted(node.remove(here[-1]), words, statement.position, path)
        else:
            self.block(self._open_node(node, here[-1], statement), here)
            self._mark(node, here[-1], statement)

    def _open_node(self, node: Node, key: str, statement: _Statement) -> Node:
        if "replace:" in statement.tags and self.replace:
            node.children[key] = Node()
        return node.block(key)

    def _filter_entries(
        self, node: Node, statement: _Statement, path: tuple[str, ...]
    ) -> tuple[dict[str, str | None], frozenset[str]]:
        kind, key = statement.words[0], " ".join(statement.words)
        existing = node.children.get(key)
        entries: dict[str, str | None] = {}
        inactive: set[str] = set()
        fresh = self.replace and "replace:" in statement.tags
        if isinstance(existing, FilterList) and not fresh:
            entries, inactive = dict(existing.entries), set(existing.inactive)
        if "delete:" in statement.tags:
            self._deleted(node.remove(key), statement.words, statement.position, path[:-1])
        end = self.text.find("}", self.position)
        body = self.text[self.position : end] if end >= 0 else '"'
        if any(mark in body for mark in _MARKS):
            self._tagged_entries(kind, entries, inactive, path)
        else:
            loaded, errors = parse_entries(kind, body)
            entries.update(loaded)
            for offset, error in errors[:MAX_ERRORS]:
                self._error(error.message, error.bad_element, self.position + offset, path)
            self.position = end + 1
        if kind == "prefix-list":
            entries = sorted_prefixes(entries)
        return entries, frozenset(inactive)

    def _tagged_entries(
        self,
        kind: str,
        entries: dict[str, str | None],
        inactive: set[str],
        path: tuple[str, ...],
    ) -> None:
        while True:
            statement = self._statement()
            if statement.end != ";":
                self._unfinished(statement, path)
                if statement.end == "{":
                    self.block(Node(), (*path, "{"))
                    continue
                if statement.end == "":
                    self._error("syntax error, expecting '}'", "", self.position, path)
                return
            try:
                key, action = parse_entry(kind, statement.words or [";"])
            except EntryError as exc:
                self._error(exc.message, exc.bad_element, statement.position, path)
                continue
            if "delete:" in statement.tags:
                found = entries.pop(key, self) is not self
                self._deleted(found, statement.words, statement.position, path)
                inactive.discard(key)
                continue
            entries[key] = action
            if "inactive:" in statement.tags:
                inactive.add(key)
            elif "active:" in statement.tags:
                inactive.discard(key)

    def _store_filter(
        self,
        node: Node,
        statement: _Statement,
        entries: dict[str, str | None],
        inactive: frozenset[str],
    ) -> None:
        key = " ".join(statement.words)
        existing = node.children.get(key)
        replaced = self.replace and "replace:" in statement.tags
        if entries or replaced or not isinstance(existing, FilterList):
            node.children[key] = FilterList(statement.words[0], entries, inactive)
        self._mark(node, key, statement)

    def _mark(self, node: Node, key: str, statement: _Statement) -> None:
        if "inactive:" in statement.tags:
            node.inactive.add(key)
        elif "active:" in statement.tags or (self.replace and "replace:" in statement.tags):
            node.inactive.discard(key)
        if statement.note:
            node.notes[key] = statement.note

    def _deleted(
        self, found: bool, words: Sequence[str], position: int, path: tuple[str, ...]
    ) -> None:
        if not found:
            self._error("statement not found", words[-1], position, path, warning=True)

    def _unfinished(self, statement: _Statement, path: tuple[str, ...]) -> None:
        if statement.words:
            self._error("syntax error", statement.words[-1], statement.position, path)

    def _error(
        self,
        message: str,
        element: str,
        position: int,
        path: tuple[str, ...],
        *,
        warning: bool = False,
    ) -> None:
        if len(self.errors) < MAX_ERRORS:
            line = self.text.count("\n", 0, position) + 1
            edit = f"[{' '.join(('edit', *path))}]"
            self.errors.append(LoadError(message, element, line, edit, warning))


def _plain(kind: str, value: str) -> str:
    """A word as it is kept: no quotes where none are needed, a list with single spaces."""
    if kind == "string" and _BARE.fullmatch(value[1:-1]):
        return value[1:-1]
    if kind == "list":
        words = value[1:-1].split()
        return words[0] if len(words) == 1 else f"[ {' '.join(words)} ]"
    return value


def _is_filter(path: tuple[str, ...], words: Sequence[str]) -> bool:
    return bool(path) and path[-1] == "policy-options" and words[0] in FILTER_KINDS


def _identity(words: Sequence[str]) -> tuple[str, str | None]:
    """What identifies a leaf among its neighbours, and its value."""
    head = words[0]
    size = 2 if head in _KEYED else 1
    if head in {"route-filter", "source-address-filter"} or words[1:2] in _COMMUNITY_VERBS:
        size = len(words)
    return " ".join(words[:size]), " ".join(words[size:]) or None


def _full_key(node: Node, words: Sequence[str]) -> str:
    """The key of the statement that `delete: WORDS;` means."""
    whole = " ".join(words)
    return whole if whole in node.children else _identity(words)[0]


def _union(existing: object, value: str) -> str:
    words = existing.strip("[ ]").split() if isinstance(existing, str) else []
    words += [word for word in value.strip("[ ]").split() if word not in words]
    return words[0] if len(words) == 1 else f"[ {' '.join(words)} ]"

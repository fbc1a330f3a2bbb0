"""What is loaded into an SR OS candidate: prefix-lists, in requests that it takes; their diff."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from irrgate.errors import ParseError
from irrgate.platforms.sros_text import is_text, to_xml
from tasks.drivers.sros_netconf import BASE, CONF, element

MAX_ENTRIES: Final = 10_000
"""entries in one edit-config, about a megabyte; those of one list may take several"""
_OPERATION: Final = f"{{{BASE}}}operation"
_PREFIX: Final = f"{{{CONF}}}prefix"
_IP_PREFIX: Final = f"{{{CONF}}}ip-prefix"
_NAME: Final = f"{{{CONF}}}name"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Prefix-lists to load, each with its operation."""

    lists: tuple[etree._Element, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the lists, as often as they stand in the candidate."""
        return tuple(map(name_of, self.lists))

    def requests(self) -> Iterator[etree._Element]:
        """Yield `configure` elements which, merged one after the other, make the candidate.

        The first of a list that takes several has its operation; the others add to it.
        """
        batch: list[etree._Element] = []
        room = MAX_ENTRIES
        for one in self.lists:
            for piece in _pieces(one):
                size = len(piece)
                if batch and size > room:
                    yield _configure(batch)
                    batch, room = [], MAX_ENTRIES
                batch.append(piece)
                room -= size
        if batch:
            yield _configure(batch)


def read_lists(text: str, *, replace: bool = False) -> Loaded:
    """Return the prefix-lists of a candidate, or raise ParseError for anything else in it.

    `text` is XML (`configure`, which may stand in `config`), or what the CLI takes: see
    `irrgate.platforms.sros_text`. With `replace`, each list is replaced whole.
    """
    if is_text(text):
        text = to_xml(text)
    try:
        root = _parsed(text)
    except etree.XMLSyntaxError as exc:
        raise ParseError("candidate", f"is no XML: {exc}") from exc
    if root.tag == f"{{{BASE}}}config" and len(root) == 1:
        root = root[0]
    lists: list[etree._Element] = []
    _plain(root, "configure")
    for options in root.iterchildren():
        _plain(options, "policy-options")
        for one in options.iterchildren():
            if one.tag != f"{{{CONF}}}prefix-list" or not name_of(one):
                raise ParseError("candidate", f"has what is no prefix-list: {_tag(one)!a}")
            if replace:
                one.set(_OPERATION, "replace")
            lists.append(one)
    return Loaded(tuple(lists))


def undoing(names: Iterable[str], before: Mapping[str, etree._Element]) -> Loaded:
    """Return what brings lists back to what they were; those that are not in `before` go."""
    lists: list[etree._Element] = []
    for name in names:
        one = copy.deepcopy(before[name]) if name in before else _named(name)
        one.set(_OPERATION, "replace" if name in before else "remove")
        lists.append(one)
    return Loaded(tuple(lists))


def lists_of(data: str) -> dict[str, etree._Element]:
    """Return the prefix-lists in the answer to a get-config, by name."""
    root = _parsed(f'<data xmlns="{BASE}">{data}</data>')
    path = f"{{{CONF}}}configure/{{{CONF}}}policy-options/{{{CONF}}}prefix-list"
    return {name_of(one): one for one in root.findall(path)}


def selecting(names: Iterable[str]) -> etree._Element:
    """Return the filter of a get-config that asks for these prefix-lists."""
    return element("filter", _configure([_named(name) for name in names]), type="subtree")


def diff(before: Mapping[str, etree._Element], after: Mapping[str, etree._Element]) -> str:
    """Return the entries that come and go, a line each, by list; empty: nothing changes."""
    told: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        old_lines = [] if old is None else _lines(old)
        new_lines = [] if new is None else _lines(new)
        sign = "" if old is not None and new is not None else "+ " if old is None else "- "
        had, has = set(old_lines), set(new_lines)
        lines = [
            *(f"-     {line}" for line in old_lines if line not in has),
            *(f"+     {line}" for line in new_lines if line not in had),
        ]
        if lines or sign:
            told += [f'{sign}prefix-list "{name}" {{', *lines, f"{sign}}}"]
    return "\n".join(told)


def name_of(one: etree._Element) -> str:
    """Return the name of a prefix-list."""
    return (one.findtext(_NAME) or "").strip()


def _pieces(one: etree._Element) -> Iterator[etree._Element]:
    if len(one) <= MAX_ENTRIES:
        yield one
        return
    name = name_of(one)
    entries = [child for child in one.iterchildren() if child.tag != _NAME]
    for at in range(0, len(entries), MAX_ENTRIES):
        piece = _named(name)
        if not at and (operation := one.get(_OPERATION)):
            piece.set(_OPERATION, operation)
        piece.extend(entries[at : at + MAX_ENTRIES])
        yield piece


def _parsed(text: str) -> etree._Element:
    return etree.fromstring(text.encode(), etree.XMLParser(resolve_entities=False, huge_tree=True))


def _named(name: str) -> etree._Element:
    return element("prefix-list", element("name", name, ns=CONF), ns=CONF)


def _configure(lists: Sequence[etree._Element]) -> etree._Element:
    return element("configure", element("policy-options", *lists, ns=CONF), ns=CONF)


def _lines(one: etree._Element) -> list[str]:
    """Return what stands in a list, a line each, as the CLI calls it."""
    return [_line(child) for child in one.iterchildren() if child.tag != _NAME]


def _line(child: etree._Element) -> str:
    tag = _tag(child)
    if child.tag != _PREFIX:
        return f"{tag} {(child.text or '').strip()}"
    words = [tag]
    for leaf in child:
        text = (leaf.text or "").strip()
        if leaf.tag == _IP_PREFIX:
            words.append(text)
        elif len(leaf):
            words += [_tag(leaf), *((each.text or "").strip() for each in leaf)]
        else:
            words += [_tag(leaf), text]
    return " ".join(words)


def _plain(one: etree._Element, tag: str) -> None:
    if one.tag != f"{{{CONF}}}{tag}" or one.attrib or (one.text or "").strip():
        raise ParseError("candidate", f"has what is no prefix-list: {_tag(one)!a}")


def _tag(one: etree._Element) -> str:
    return str(one.tag).rpartition("}")[2][:80]

"""A part of a config: the filter of get-configuration, and small trees as XML."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape

from lxml import etree

from tests.lab.junos_tree import FilterList, Node, Value


def select(root: Node, wanted: etree._Element | None) -> Node:
    """The part of a tree that a `<configuration>` filter asks for; all of it without one.

    An element without children selects the statements of its name whole; a `<name>` child picks
    the one of that name.
    """
    if wanted is None or len(wanted) == 0:
        return root
    part = Node()
    for element in wanted:
        for key, value in _matching(root, element):
            if key in root.inactive:
                part.inactive.add(key)
            inner = [child for child in element if _tag(child) != "name"]
            if inner and isinstance(value, Node):
                found = select(value, element)
                if found.children:
                    part.children[key] = found
            else:
                part.children[key] = value
    return part


def to_xml(node: Node) -> str:
    """A small tree as XML: what PyEZ's facts read. Filter lists are left out."""
    return "".join(_xml(key, value) for key, value in node.children.items())


def _matching(root: Node, element: etree._Element) -> Iterator[tuple[str, Value]]:
    tag = _tag(element)
    name = element.findtext("{*}name")
    for key, value in root.children.items():
        head, _, rest = key.partition(" ")
        if head == tag and (name is None or rest == name.strip()):
            yield key, value


def _xml(key: str, value: Value) -> str:
    head, _, name = key.partition(" ")
    if isinstance(value, FilterList) or not head.replace("-", "").isalnum():
        return ""
    named = f"<name>{escape(name)}</name>" if name else ""
    if isinstance(value, Node):
        return f"<{head}>{named}{to_xml(value)}</{head}>"
    return f"<{head}>{named}{escape(value or '')}</{head}>"


def _tag(element: etree._Element) -> str:
    return etree.QName(element).localname

"""Where the prefix-lists stand in an SR OS configuration as XML, and what else mentions them.

The entries, which are most of a configuration that irrgate manages, are cut out of the text first
and read by themselves. What is left goes through an XML parser, which proves that the text is
whole, and tells where each list stands.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.mentions import References, mentions

CONF: Final = "urn:nokia.com:sros:ns:yang:sr:conf"
_OPEN: Final = re.compile(r"<prefix-list>\s*<name>([^<>&]*)</name>")
_CLOSE: Final = "</prefix-list>"
_CUT: Final = "irrgate-cut"
"""the element that stands in for what was cut out"""
_STRANGE: Final = ("<!", "<?", f"<{_CUT}")
"""comments, CDATA, declarations: what is in them looks like what it is not"""
_TOP: Final = ("configure", "policy-options")
_KEYS: Final = re.compile(r"(?:.*-)?(?:name|id)|ip-address|entry")
_PATTERN: Final = re.compile(r"<(.*)>")


@dataclass(frozen=True, slots=True)
class FoundList:
    """A prefix-list where it stands in the configuration."""

    name: str
    body: str
    """what stands in it after its name, as XML"""
    path: tuple[str, ...]
    """the elements around it, outermost first, each with its key"""

    @property
    def is_own(self) -> bool:
        """True for the router's own list: not one of a configuration group."""
        return self.path == _TOP


class SrosConfig:
    """A configuration that was read; raises ParseError where it is not a whole one."""

    def __init__(self, text: str) -> None:
        self._bodies: list[str] = []
        refuse_hidden(text, "running config")
        outside = "".join(self._cut(text))
        try:
            root = ET.fromstring(outside)  # noqa: S314 - it has no DOCTYPE and no entities
        except ET.ParseError as exc:
            raise ParseError("running config", f"is cut off, or no XML: {exc}") from exc
        if root.tag != f"{{{CONF}}}configure":
            raise ParseError("running config", f"is no configuration: it is {root.tag[:80]!a}")
        self._root = root
        lists = (self._found(*each) for each in _walk(root, ()) if _tag(each[0]) == "prefix-list")
        self.lists = tuple(found for found in lists if found is not None)
        self._groups = tuple(found for found in self.lists if not found.is_own)

    def inherited(self, name: str) -> FoundList | None:
        """Return the list of a configuration group that may add its entries to `name`."""
        return next((found for found in self._groups if _means(found.name, name)), None)

    def references(self, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return what mentions each of `names`; see `Platform.references`."""
        held = frozenset(names)
        references = References(names)
        for element, path in _walk(self._root, ()):
            text = element.text or ""
            # The name of a list is told by its path, wherever the list stands.
            names_list = _tag(element) == "name" and path[-1].partition(" ")[0] == "prefix-list"
            if names_list and path[:-1] == _TOP:
                continue
            around = path[1:] if names_list else (*path[1:], _tag(element), text)
            meant = {name for _, name in mentions(text, held)}
            if names_list and _PATTERN.fullmatch(text.strip()):
                meant |= {name for name in held if _means(text.strip(), name)}
            for name in sorted(meant):
                references.add(name, " ".join(around))
        return references.told()

    def _cut(self, text: str) -> Iterator[str]:
        """Yield the text without the lists' entries, which are kept."""
        position = 0
        for match in _OPEN.finditer(text):
            if match.start() < position:
                continue
            end = text.find(_CLOSE, match.end())
            if end < 0:
                raise ParseError("running config", f"is cut off inside {match[1][:80]!a}")
            yield text[position : match.end()]
            yield f"<{_CUT}>{len(self._bodies)}</{_CUT}>"
            self._bodies.append(text[match.end() : end])
            position = end
        yield text[position:]

    def _found(self, element: ET.Element, path: tuple[str, ...]) -> FoundList | None:
        name = element.find(f"{{{CONF}}}name")
        if name is None:
            # A policy's criterion: the name of a list, not a list.
            return None
        cut = element.find(f"{{{CONF}}}{_CUT}")
        if cut is not None:
            body = self._bodies[int(cut.text or "")]
        else:
            below = [child for child in element if child is not name]
            body = "".join(map(_bare, below))
        return FoundList((name.text or "").strip(), body, path)


def refuse_hidden(text: str, subject: str) -> None:
    """Raise ParseError where the text has what an XML parser skips, or replaces."""
    for mark in _STRANGE:
        if mark in text:
            raise ParseError(subject, f"has {mark} in it, which is not read")


def _walk(
    element: ET.Element, path: tuple[str, ...]
) -> Iterator[tuple[ET.Element, tuple[str, ...]]]:
    """Yield each element with those around it."""
    yield element, path
    if len(element):
        inside = (*path, _told(element))
        for child in element:
            yield from _walk(child, inside)


def _told(element: ET.Element) -> str:
    """Return an element's name, with its key where it has one, as the router's CLI has it."""
    tag, first = _tag(element), element[0]
    if not len(first) and first.text and _KEYS.fullmatch(_tag(first)) and len(element) > 1:
        return f"{tag} {first.text.strip()}"
    return tag


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _means(written: str, name: str) -> bool:
    """Tell whether the name of a list in a group may mean `name`: it may be a pattern."""
    pattern = _PATTERN.fullmatch(written)
    if pattern is None:
        return written == name
    try:
        return re.fullmatch(pattern[1], name) is not None
    except re.error:
        return True


def _bare(element: ET.Element) -> str:
    """Return an element as XML without its namespace."""
    for each in element.iter():
        each.tag = _tag(each)
    return ET.tostring(element, encoding="unicode")

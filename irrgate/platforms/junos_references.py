"""What refers to a route-filter-list in a Junos configuration: any statement that has its name.

Statements that are inactive and comments count as well, and so does what may mean the name without
having it: wildcards, such as groups and `apply-path` have them (`<IRR-*>`), and parts of the
configuration that the router does not show.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from irrgate.platforms.junos_blocks import ConfigWalk, FoundList
from irrgate.platforms.mentions import References, line_around, mentions

_WILDCARD = re.compile(r"<([^<>\s]*[*?\[][^<>\s]*)>")
_HIDDEN = "/* OMITTED */"


def find_references(running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the statements that mention each of `names`, with the blocks that they stand in.

    Not those of the router's own list of that name. Raises ParseError when the text was cut off.
    """
    walk = _MentioningWalk(running, names)
    for _ in walk.lists():
        pass
    return walk.references()


class _MentioningWalk(ConfigWalk):
    """A walk that notes what is mentioned on its way."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        super().__init__(text)
        self._places = sorted(_places(text, names), reverse=True)
        self._references = References(names)
        self._around: list[tuple[str, bool]] = []
        """the blocks around the last line"""
        self._defined = ""
        """the list that the last line begins, if it is one of the router's own"""

    def references(self) -> Mapping[str, tuple[str, ...]]:
        """Return what was found; to be asked for at the end of the way."""
        self._note()
        return self._references.told()

    def _next_line(self) -> str | None:
        # Of the last line, or list, it is known by now what it was and where it ends.
        self._note()
        self._around = self._path.copy()
        self._defined = ""
        return super()._next_line()

    def _found(self, name: str, body: str, *, active: bool) -> FoundList:
        found = super()._found(name, body, active=active)
        self._defined = found.name if len(found.path) == 1 else ""
        return found

    def _note(self) -> None:
        while self._places and self._places[-1][0] < self._position:
            at, name = self._places.pop()
            if name != self._defined:
                line = line_around(self._text, at).removesuffix("{").rstrip(" ;")
                self._references.add(name, " ".join([*(each for each, _ in self._around), line]))


def _places(text: str, names: Collection[str]) -> Iterator[tuple[int, str]]:
    yield from mentions(text, names)
    meant: dict[str, list[str]] = {}
    for match in _WILDCARD.finditer(text):
        pattern = match[1]
        # One that fits any name stands for lists only where their names do: interfaces have it too.
        before = text[max(0, match.start() - 40) : match.start()]
        if pattern.strip("*?") or before.endswith(("route-filter-list ", "policy-options ")):
            if pattern not in meant:
                meant[pattern] = [name for name in names if fnmatchcase(name, pattern)]
            for name in meant[pattern]:
                yield match.start(), name
    at = text.find(_HIDDEN)
    while at >= 0:
        for name in names:
            yield at, name
        at = text.find(_HIDDEN, at + 1)

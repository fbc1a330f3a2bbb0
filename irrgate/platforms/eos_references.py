"""What refers to a prefix list in a running config of indented sections: any line with its name."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from irrgate.platforms.mentions import References, mentions

_DEFINITION: Final = re.compile(r"ip(?:v6)? prefix-list (\S+)")


def find_references(
    running: str,
    names: Collection[str],
    definition: re.Pattern[str] = _DEFINITION,
    owners: Mapping[str, str] = MappingProxyType({}),
) -> Mapping[str, tuple[str, ...]]:
    """Return the lines that mention each of `names`, with the sections that they stand in.

    Not those of a prefix list of that name itself, of whatever family: what `definition` matches,
    with the name as its group, at the outermost section's line. Nor those of what it is a part of,
    by `owners`.
    """
    references = References(names)
    sections = Sections(running)
    for position, name in mentions(running, names):
        path = sections.path(position)
        defined = definition.match(path[0])
        if defined is None or defined[1] not in {name, owners.get(name)}:
            references.add(name, ": ".join(path))
    return references.told()


class Sections:
    """The sections around lines that are asked for in the order of the text.

    No line is looked at more than twice, however many are asked for.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._walked = 0
        """where the first line begins that was not walked"""
        self._open: list[tuple[int, str]] = []
        """indent and text of the last line walked and of the sections around it"""

    def path(self, position: int) -> tuple[str, ...]:
        """Return the line of a position, outermost section first."""
        if position >= self._walked:
            self._walk(position)
        return tuple(line for _, line in self._open)

    def _walk(self, position: int) -> None:
        text = self._text
        line_end = text.find("\n", position)
        end = line_end + 1 if line_end >= 0 else len(text)
        start = text.rfind("\n", 0, position) + 1
        # Up to the line that begins the section, unless the last one asked for is in it as well.
        while start > self._walked and text[start].isspace():
            start = text.rfind("\n", 0, start - 1) + 1
        for line in text[start:end].split("\n"):
            words = line.strip()
            if words in {"", "!", "#"}:
                continue
            indent = len(line) - len(line.lstrip())
            while self._open and self._open[-1][0] >= indent:
                self._open.pop()
            self._open.append((indent, words))
        self._walked = end

"""What refers to a prefix list in an EOS running config: any line that has its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from irrgate.platforms.mentions import References, mentions

_DEFINITION = re.compile(r"ip(?:v6)? prefix-list (\S+)")


def _is_own_list(name: str, line: str) -> bool:
    defined = _DEFINITION.match(line)
    return defined is not None and defined[1] == name


def find_references(
    running: str, names: Collection[str], is_own: Callable[[str, str], bool] = _is_own_list
) -> Mapping[str, tuple[str, ...]]:
    """Return the lines that mention each of `names`, with the sections that they stand in.

    Not those of what has the name itself, as `is_own` tells of a name and an outermost line: a
    prefix list of that name, of whatever family.
    """
    references = References(names)
    sections = Sections(running)
    for position, name in mentions(running, names):
        path = sections.path(position)
        if not is_own(name, path[0]):
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
            if words in {"", "!"}:
                continue
            indent = len(line) - len(line.lstrip())
            while self._open and self._open[-1][0] >= indent:
                self._open.pop()
            self._open.append((indent, words))
        self._walked = end

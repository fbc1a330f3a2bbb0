"""Where the route-filter-lists stand in a Junos configuration as text (curly brackets)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from irrgate.errors import ParseError

_TAGS = r"(?P<tags>(?:(?:inactive|protect): )*)"
_OPEN = re.compile(_TAGS + r"(?P<header>\S.*?) \{")
_LIST = re.compile(r"route-filter-list (\S+)")
_ONE_LINE = re.compile(
    _TAGS + r"route-filter-list (?P<name>[^\s;]+)(?:;| \{(?P<inside>.*)\};?| (?P<entry>.*;))"
)
_HIDDEN = re.compile(_TAGS + r"policy-options \{.*\};?")


@dataclass(frozen=True, slots=True)
class FoundList:
    """A list where it stands in the configuration."""

    name: str
    body: str
    """the text between its braces"""
    active: bool
    """False when it, or a block around it, is `inactive:`"""
    path: tuple[str, ...]
    """the blocks around it, outermost first"""


def route_filter_lists(running: str) -> Iterator[FoundList]:
    """Yield the router's own lists under policy-options, and those of its groups.

    A logical system is a router of its own: its lists are not. Only the lines outside of the
    lists are looked at one by one. Raises ParseError when the text was cut off, as braces that do
    not balance tell, or the end of the last line.
    """
    return ConfigWalk(running).lists()


class ConfigWalk:
    """One way through a configuration, from its first line to its last.

    What there is to a line is seen in `_next_line`, and a list in `_found`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = self._position = 0
        self._path: list[tuple[str, bool]] = []
        """the headers of the blocks that are open, and whether each is active"""

    def lists(self) -> Iterator[FoundList]:
        """Yield the lists on the way; see route_filter_lists."""
        last = ""
        while (line := self._next_line()) is not None:
            last = line or last
            if line == "}":
                if not self._path:
                    raise ParseError("running config", "has a closing brace too many")
                self._path.pop()
            elif line.endswith("{"):
                opened = self._open(line)
                if opened is not None:
                    yield opened
            elif self._holds_lists and (one := _ONE_LINE.fullmatch(line)):
                body = one["inside"] or one["entry"] or ""
                yield self._found(one["name"], body, active="inactive" not in one["tags"])
            elif not self._path and _HIDDEN.fullmatch(line):
                raise ParseError("policy-options", "the router does not show what is in it")
        if self._path:
            raise ParseError("running config", f"is cut off inside {self._path[-1][0]}")
        if not last.endswith((";", "}")):
            # Not what stands there: it may be a password.
            raise ParseError("running config", "is cut off in the middle of its last line")

    def _next_line(self) -> str | None:
        """Return the next line without outer space and the router's remark; "" for a comment."""
        text, start = self._text, self._position
        if start >= len(text):
            return None
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        self._start, self._position = start, end + 1
        line = text[start:end].split(" ##", 1)[0].strip()
        if line.startswith("/*"):
            # Of several lines, maybe, which may look like statements.
            close = text.find("*/", text.index("/*", start) + 2)
            if close < 0:
                raise ParseError("running config", "is cut off inside a comment")
            self._position = max(self._position, close + 2)
            return ""
        return "" if line.startswith("#") else line

    def _open(self, line: str) -> FoundList | None:
        """Enter a block; return the list that it is, with its closing brace passed."""
        opened = _OPEN.fullmatch(line)
        header = opened["header"] if opened else line
        active = not (opened and "inactive" in opened["tags"])
        found = _LIST.fullmatch(header) if self._holds_lists else None
        if found is None:
            self._path.append((header, active))
            return None
        # Its own closing brace stands under the first letter of its header.
        indent = self._text[self._start : self._text.index(line[0], self._start)]
        pattern = re.compile(rf"^{indent}\}}", re.MULTILINE)
        close = pattern.search(self._text, self._position)
        if close is None:
            raise ParseError("running config", f"is cut off inside {found[1]}")
        body = self._text[self._position : close.start()]
        self._position = close.end()
        return self._found(found[1], body, active=active)

    @property
    def _holds_lists(self) -> bool:
        """True in [policy-options], and in that of a group."""
        path = self._path
        if not path or path[-1][0] != "policy-options":
            return False
        return len(path) == 1 or (len(path) == 3 and path[0][0] == "groups")

    def _found(self, name: str, body: str, *, active: bool) -> FoundList:
        active = active and all(each for _, each in self._path)
        return FoundList(name.strip('"'), body, active, tuple(header for header, _ in self._path))

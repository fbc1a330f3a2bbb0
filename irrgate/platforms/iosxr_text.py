"""The prefix sets of an IOS-XR configuration, where they stand in its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from irrgate.errors import ParseError

_HEADER = re.compile(r"^prefix-set +([^\n]*?)[ \t\r]*$", re.MULTILINE)
_END = re.compile(r"^ *end-set[ \t\r]*$", re.MULTILINE)
_OTHERS: Final = ("prefix-set ", "route-policy ", "router ", "end-policy", "!")
"""what no line of a set begins with: an end-set is missing before it"""


@dataclass(frozen=True, slots=True)
class FoundSet:
    """One `prefix-set NAME` ... `end-set`."""

    name: str
    body: str = field(repr=False)
    start: int
    end: int
    """behind its end-set"""


def prefix_sets(text: str) -> Iterator[FoundSet]:
    """Yield the prefix sets of the top level, or raise ParseError for one without an end."""
    at = 0
    while header := _HEADER.search(text, at):
        name = header[1]
        if not name or " " in name:
            raise ParseError("prefix-set", f"has a name that cannot be: {name!a}")
        end = _END.search(text, header.end())
        body = text[header.end() + 1 : end.start()] if end else ""
        if end is None or any(f"\n{other}" in f"\n{body}" for other in _OTHERS):
            raise ParseError(name, "is cut off: there is no end-set behind it")
        at = end.end()
        yield FoundSet(name, body, header.start(), at)

"""Where a config mentions a filter's name, whatever the statement around it means."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Final

from irrgate.platforms.platform import MAX_REFERENCES

_NAME_CHARACTERS: Final = frozenset(string.ascii_letters + string.digits + "_-")
_OWN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,254}")
_MAX_LENGTH: Final = 200
"""characters of a statement that are told"""


def is_own_name(name: str) -> bool:
    """Tell whether irrgate could have given the name: no other reaches a template."""
    return _OWN_NAME.fullmatch(name) is not None


def mentions(text: str, names: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield where a name stands as a whole word, quoted or not, in the order of the text.

    The time is that of the text, and does not grow with the names.
    """
    held = frozenset(names) - {""}
    if not held:
        return
    pairs = zip(min(held), max(held), strict=False)
    common = "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    first = "".join(sorted({name[0] for name in held}))
    pattern = re.escape(common) if common else f"[{re.escape(first)}]"
    lengths = sorted({len(name) for name in held})
    for match in re.finditer(pattern, text):
        at = match.start()
        if at and text[at - 1] in _NAME_CHARACTERS:
            continue
        for length in lengths:
            name = text[at : at + length]
            if name in held and text[at + length : at + length + 1] not in _NAME_CHARACTERS:
                yield at, name


def line_around(text: str, position: int) -> str:
    """Return the line of a position, without outer space."""
    end = text.find("\n", position)
    return text[text.rfind("\n", 0, position) + 1 : end if end >= 0 else len(text)].strip()


class References:
    """What was found to refer to each of some names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._statements: dict[str, list[str]] = {name: [] for name in names}
        self._more = dict.fromkeys(self._statements, 0)

    def add(self, name: str, statement: str) -> None:
        """Note a statement, unless it was noted before."""
        told = " ".join(statement.split())
        # It comes from a router, and goes to a terminal and into a plan.
        told = "".join(each if each.isprintable() else "?" for each in told)
        if len(told) > _MAX_LENGTH:
            told = f"{told[: _MAX_LENGTH - 3]}..."
        held = self._statements[name]
        if told in held:
            return
        if len(held) < MAX_REFERENCES:
            held.append(told)
        else:
            self._more[name] += 1

    def told(self) -> Mapping[str, tuple[str, ...]]:
        """Return the first of each name, and how many more there are."""
        return {
            name: (*held, *([f"and {self._more[name]} more"] if self._more[name] else []))
            for name, held in self._statements.items()
        }

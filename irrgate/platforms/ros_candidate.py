"""A candidate for RouterOS: lines of a script that add rules, then remove some, then whole chains.

/routing filter rule add chain=NAME rule="reject"
/routing filter rule add chain=NAME place-before=[find chain=NAME rule="reject"] rule="if ..."
/routing filter rule remove [find chain=NAME rule="if ..."]
/routing filter rule remove [find chain=NAME rule="if ..." disabled=yes]
/routing filter rule remove [find chain=NAME]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.platform import PrintedList
from irrgate.platforms.ros_delta import RosDelta
from irrgate.platforms.ros_rules import REJECT, unescaped

_NAME: Final = r"([A-Za-z][A-Za-z0-9_-]*)"
_TEXT: Final = r"\"([^\"\\\n]*(?:\\.[^\"\\\n]*)*)\""
_ADD: Final = re.compile(
    rf"/routing filter rule add chain={_NAME}"
    rf"(?: place-before=\[find chain={_NAME} rule={_TEXT}\])? rule={_TEXT}"
)
_REMOVE: Final = re.compile(
    rf"/routing filter rule remove \[find chain={_NAME}(?: rule={_TEXT}( disabled=yes)?)?\]"
)


@dataclass(frozen=True, slots=True)
class RosPrinted(PrintedList):
    """A chain as the template gets it; texts are as they stand between a script's quotes."""

    rejects: bool = False
    """True when the chain has no `reject` yet, which comes first"""
    before: str = ""
    """the rule before which the lines come"""
    gone: Sequence[str] = field(default=(), repr=False)
    """rules that are removed"""
    off: Sequence[str] = ()
    """disabled rules that are removed"""


@dataclass(slots=True)
class _Lines:
    """The lines of one chain."""

    reject: bool = False
    before: str | None = None
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)

    def delta(self) -> RosDelta:
        return RosDelta(
            self.reject, self.before or "", tuple(self.added), tuple(self.removed), tuple(self.off)
        )


def read_changes(candidate: str) -> tuple[dict[str, RosDelta], tuple[str, ...]]:
    """Return the delta of each chain, and the chains that are removed whole; raises ParseError.

    All rules are added before any is removed, and chains go last: a prefix that moves from one
    chain to another is always in one of them. Every line must be of a chain: whatever else the
    router is told would be done unread.
    """
    chains: dict[str, _Lines] = {}
    gone: list[str] = []
    removed_some = False
    for line in map(str.strip, candidate.splitlines()):
        if not line or line.startswith("#"):
            continue
        if match := _ADD.fullmatch(line):
            name, before_chain, before, text = match.groups()
            if gone or removed_some:
                raise ParseError(name, "the candidate adds rules after it removed some")
            if before_chain not in {None, name}:
                raise ParseError(name, "the candidate adds a rule before one of another chain")
            _add(name, chains.setdefault(name, _Lines()), before, unescaped(text))
        elif match := _REMOVE.fullmatch(line):
            name, text, disabled = match.groups()
            if text is None:
                gone.append(name)
                continue
            removed_some = True
            if gone:
                raise ParseError(name, "the candidate removes rules after it removed a chain")
            lines = chains.setdefault(name, _Lines())
            (lines.off if disabled else lines.removed).append(unescaped(text))
        else:
            raise ParseError("candidate", f"has a line that is of no filter rule: {line!a}")
    return {name: lines.delta() for name, lines in chains.items()}, tuple(gone)


def _add(name: str, lines: _Lines, before: str | None, text: str) -> None:
    if before is None and text == REJECT:
        if lines.reject or lines.added:
            raise ParseError(name, "the candidate adds the chain's reject after other rules")
        lines.reject = True
        return
    before = "" if before is None else unescaped(before)
    if lines.before not in {None, before}:
        raise ParseError(name, "the candidate adds rules in more than one place")
    lines.before = before
    lines.added.append(text)

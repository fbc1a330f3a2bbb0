"""irrgate's own file on a router with BIRD: its filters, and a digest that BIRD can be asked for.

BIRD cannot print a configuration. So the last line of the file defines a string constant that
BIRD's `eval` shows, by which it is known which content it has loaded; and since it comes last, a
file without it was cut off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from irrgate.errors import ParseError
from irrgate.prefixes import Afi

CONTENT: Final = "IRRGATE-CONTENT"
"""the constant's name"""
_HEADER: Final = "# Written by irrgate, whole with each change: nothing else belongs in here."
_COMMIT: Final = "# Last commit: "
MAX_MESSAGE: Final = 200
"""characters of a commit's message"""

_DEFINE = re.compile(r"\s*define '([^'\n]+)' = \[(?: # (ipv4|ipv6))?\n")
_DIGEST = re.compile(rf"define '{CONTENT}' = \"([0-9a-f]{{64}})\";\n?")
_REMOVE = re.compile(r"\s*# remove '([^'\n]+)' # (ipv4|ipv6)\n")
_END = "];\n"


@dataclass(frozen=True, slots=True)
class Block:
    """One filter as it stands in the file, or in a candidate."""

    name: str
    family: str
    """ipv4 or ipv6"""
    body: str
    """its entries, a line each"""

    @property
    def text(self) -> str:
        """The whole statement."""
        return f"define '{self.name}' = [ # {self.family}\n{self.body}{_END}"


@dataclass(frozen=True, slots=True)
class OwnFile:
    """The file, taken apart."""

    blocks: Mapping[str, Block]
    """by name"""
    digest: str
    """what BIRD shows when it has loaded this file; empty where the file is"""
    intact: bool
    """False when a filter was changed by hand: BIRD may have loaded it or not"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Filters to set and filters to remove."""

    blocks: Mapping[str, Block]
    removals: Mapping[str, str]
    """family by name"""


def read_own(text: str) -> OwnFile:
    """Return what the file holds; raises ParseError for what irrgate has not written."""
    body = "".join(line for line in text.splitlines(keepends=True)[:2] if line.startswith("#"))
    at = len(body)
    if not text[at:].strip():
        return OwnFile({}, "", intact=True)
    blocks, at = _blocks(text, at)
    stated = _DIGEST.fullmatch(text, at)
    if stated is None:
        line = text[at:].split("\n", 1)[0]
        raise ParseError(
            "irrgate's own file",
            f"is cut off, or holds what irrgate has not written: {line[:80]!a}",
            hint="nothing but irrgate's filters belongs there",
        )
    return OwnFile(blocks, stated[1], intact=_digest(blocks) == stated[1])


def write_own(blocks: Mapping[str, Block], message: str = "") -> str:
    """Return the text of a file with these filters; the message is not part of its digest."""
    told = "".join(each if each.isprintable() else "?" for each in " ".join(message.split()))
    ordered = [blocks[name].text for name in sorted(blocks)]
    digest = f"define '{CONTENT}' = \"{_digest(blocks)}\";\n"
    return "".join([f"{_HEADER}\n{_COMMIT}{told[:MAX_MESSAGE]}\n", *ordered, digest])


def message_of(text: str) -> str:
    """Return the message of the file's last commit."""
    lines = text.split("\n", 2)
    has_one = len(lines) > 1 and lines[1].startswith(_COMMIT)
    return lines[1].removeprefix(_COMMIT) if has_one else ""


def read_candidate(text: str) -> Candidate:
    """Return what a candidate sets and removes; raises ParseError for anything else in it."""
    blocks, at = _blocks(text, 0)
    removals: dict[str, str] = {}
    while match := _REMOVE.match(text, at):
        if match[1] in removals or match[1] in blocks:
            raise ParseError(match[1], "the candidate has the filter twice")
        removals[match[1]] = match[2]
        at = match.end()
    rest = text[at:].strip()
    if rest:
        line = rest.split("\n", 1)[0]
        raise ParseError("candidate", f"has a line that is of no filter: {line[:80]!a}")
    return Candidate(blocks, removals)


def merged(own: OwnFile, candidate: Candidate) -> dict[str, Block]:
    """Return the filters of the file once the candidate is in it."""
    kept = {name: each for name, each in own.blocks.items() if name not in candidate.removals}
    return {**kept, **candidate.blocks}


def _digest(blocks: Mapping[str, Block]) -> str:
    hashed = hashlib.sha256()
    for name in sorted(blocks):
        hashed.update(blocks[name].text.encode())
    return hashed.hexdigest()


def _blocks(text: str, at: int) -> tuple[dict[str, Block], int]:
    """Return the filters from position `at` on, and where they end."""
    blocks: dict[str, Block] = {}
    while match := _DEFINE.match(text, at):
        name, start = match[1], match.end()
        # An empty one has nothing but a comment in it.
        end = text.find(f"\n{_END}", start - 1) + 1
        if not end:
            raise ParseError(name, "the filter is cut off")
        if name in blocks:
            raise ParseError(name, "the filter stands there twice")
        body = text[start:end]
        # Without its family a set is not of irrgate's making; bgpq4 prints it so.
        family = match[2] or (Afi.IPV6 if ":" in body else Afi.IPV4)
        blocks[name] = Block(name, family, body)
        at = end + len(_END)
    return blocks, at

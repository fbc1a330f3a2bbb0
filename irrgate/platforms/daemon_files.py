"""The configuration files of a routing daemon as one text: irrgate's own file, and the user's.

A daemon does not print its configuration, so a driver hands over the files: the one that irrgate
owns, in which the filters stand, and those of the user, in which they are referred to. Each is
preceded by a line that says how long it is, and a last line says how many there were, so that a
text that was cut off anywhere is known for what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from irrgate.errors import ParseError
from irrgate.platforms.mentions import References, line_around, mentions

_FILE = re.compile(r"# irrgate: (own|user) file of ([0-9]+) characters: ([^\n]*)\n")
_END = re.compile(r"# irrgate: end of ([0-9]+) files\n?")


@dataclass(frozen=True, slots=True)
class DaemonFile:
    """A configuration file on a router."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class DaemonFiles:
    """What a daemon's configuration is made of."""

    own: DaemonFile
    """irrgate's: nobody else writes it"""
    user: tuple[DaemonFile, ...]
    """all others, in the order in which the daemon reads them"""


def join_files(files: DaemonFiles) -> str:
    """Return the files as one text, which `split_files` takes apart again."""
    parts: list[str] = []
    for kind, each in [("own", files.own), *(("user", each) for each in files.user)]:
        parts += [f"# irrgate: {kind} file of {len(each.text)} characters: {each.path}\n"]
        parts += [each.text, "" if each.text.endswith("\n") else "\n"]
    return "".join([*parts, f"# irrgate: end of {1 + len(files.user)} files\n"])


def split_files(running: str) -> DaemonFiles:
    """Return the files of such a text; raises ParseError when it was cut off or is none."""
    own: list[DaemonFile] = []
    user: list[DaemonFile] = []
    at = 0
    while match := _FILE.match(running, at):
        start = match.end()
        at = start + int(match[2])
        text = running[start:at]
        if not text.endswith("\n"):
            # The line end that `join_files` has put there.
            at += 1
        (own if match[1] == "own" else user).append(DaemonFile(match[3], text))
    end = _END.fullmatch(running, at)
    if len(own) != 1 or end is None or int(end[1]) != 1 + len(user):
        raise ParseError("running config", "is cut off, or is not what irrgate's driver returns")
    return DaemonFiles(own[0], tuple(user))


def find_references(files: DaemonFiles, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the lines of the user's files that mention each of `names`; see Platform."""
    references = References(names)
    for each in files.user:
        for position, name in mentions(each.text, names):
            references.add(name, f"{each.path}: {line_around(each.text, position)}")
    return references.told()

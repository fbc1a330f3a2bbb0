"""The texts that irrgate and its OpenBGPD driver exchange: the file of sets, and what is running.

irrgate owns one file, which the user's own configuration includes. It holds prefix-sets and ends
with one that holds nothing and has the SHA-256 of the text before it in its name. bgpd cannot
print what it has loaded, but it lists the names of its sets: so that name tells which file it was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.daemon_files import DaemonFile, DaemonFiles, join_files, split_files

FILE_HEAD: Final = "# Written by irrgate: a change by hand is undone by the next one.\n"
_SEAL_NAME: Final = re.compile(r"irrgate-[0-9a-f]{64}")
_SEAL: Final = re.compile(r'^prefix-set "(irrgate-[0-9a-f]{64})" \{ \}\n\Z', re.MULTILINE)
_SET: Final = re.compile(
    r"""[ \t]*prefix-set[ \t]+(?:"([^"\n]*)"|([^\s"{}]+))\s*\{([^{}]*)\}[ \t]*(?:\n|\Z)"""
)
_COMMENT: Final = re.compile(r"#[^\n]*")
_BLANK: Final = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)+|[ \t\r]*(?:#[^\n]*)?\Z")
_LOADED: Final = re.compile(
    r"# irrgate: bgpd has loaded (unknown|nothing|irrgate-[0-9a-f]{64})\n?\Z"
)
_NOTHING: Final = "nothing"
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Running:
    """What an OpenBGPD router runs, as the driver hands it over."""

    files: DaemonFiles
    """irrgate's own as the daemon has loaded it, and the user's"""
    loaded: str | None
    """the seal of the file that the daemon says it has loaded; empty: it has loaded none; None:
    one that is not known"""

    @property
    def proven(self) -> bool:
        """True when the daemon says that it holds just these filters."""
        return self.loaded is not None and self.loaded == seal_of(self.files.own.text)


def sealed(sets: Mapping[str, str]) -> str:
    """Return the file that holds the sets (name to definition), in the order of their names."""
    text = FILE_HEAD + "".join(sets[name] for name in sorted(sets))
    return f'{text}prefix-set "{_seal(text)}" {{ }}\n'


def seal_of(text: str) -> str | None:
    """Return the seal of a file that is as it was written; empty for a file of comments alone.

    None when it was changed by hand, or was never sealed.
    """
    match = _SEAL.search(text)
    if match is None:
        return None if _COMMENT.sub("", text).strip() else ""
    return match[1] if match[1] == _seal(text[: match.start()]) else None


def is_seal(name: str) -> bool:
    """Tell whether a prefix-set of this name says which file was loaded."""
    return _SEAL_NAME.fullmatch(name) is not None


def _seal(text: str) -> str:
    return f"irrgate-{hashlib.sha256(text.encode()).hexdigest()}"


def definitions(text: str, what: str) -> dict[str, str]:
    """Return the body of each prefix-set of a file that holds nothing else, without the seal.

    Raises ParseError about `what` otherwise, and where a name is defined twice.
    """
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            if blank.end() > blank.start():
                continue
        match = _SET.match(text, position)
        if match is None:
            line = text[position:].split("\n", 1)[0].strip()
            raise ParseError(
                what,
                f"holds what is no prefix-set: {line[:80]!a}",
                hint="irrgate writes this file anew: what else is needed belongs elsewhere",
            )
        position = match.end()
        name = match[1] or match[2] or ""
        if is_seal(name):
            continue
        if name in found:
            raise ParseError(name, f"is defined twice in {what}")
        found[name] = match[3]
    return found


def defined_elsewhere(files: DaemonFiles) -> dict[str, tuple[str, str]]:
    """Return the prefix-sets of the user's own files: name to path and body."""
    found: dict[str, tuple[str, str]] = {}
    for each in files.user:
        for match in _SET.finditer(_COMMENT.sub("", each.text)):
            found[match[1] or match[2] or ""] = each.path, match[3]
    return found


def merged(text: str, sets: Mapping[str, str], removed: Collection[str]) -> str:
    """Return irrgate's file with these sets (name to body) in it and those of `removed` gone.

    What stays is written as it was. Raises ParseError where the file holds anything but sets.
    """
    bodies = {**definitions(text, "irrgate's file"), **sets}
    return sealed(
        {
            name: f'prefix-set "{name}" {{{body}}}\n'
            for name, body in bodies.items()
            if name not in removed
        }
    )


def joined(running: Running) -> str:
    """Return what a router runs as the one text that `split` reads."""
    loaded = _UNKNOWN if running.loaded is None else running.loaded or _NOTHING
    return f"{join_files(running.files)}# irrgate: bgpd has loaded {loaded}\n"


def split(text: str) -> Running:
    """Return what `joined` was given; raises ParseError where some of it is missing."""
    last = _LOADED.search(text, max(0, text.rfind("# irrgate: ")))
    if last is None:
        raise ParseError("running config", "is cut off: its last line is missing")
    loaded = {_UNKNOWN: None, _NOTHING: ""}.get(last[1], last[1])
    return Running(split_files(text[: last.start()]), loaded)


def running_text(own: DaemonFile, user: Mapping[str, str], loaded: str | None) -> str:
    """Return the text of a router that runs these files; `user` is by path."""
    others = tuple(DaemonFile(path, text) for path, text in user.items())
    return joined(Running(DaemonFiles(own, others), loaded))

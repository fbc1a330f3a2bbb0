"""Route-maps in what FRR prints, an entry a line: `route-map M permit 10: match …; set …`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.frr_map import MapEntry

_BLOCK: Final = re.compile(
    r"^(?:route-map (?P<name>\S+) (?P<head>(?:permit|deny) [0-9]+)[ \r]*\n"
    r"(?P<body>(?:[ !][^\n]*\n)*)|no route-map (?P<off>\S+) optimization[ \r]*\n)",
    re.MULTILINE,
)
_LINE: Final = re.compile(r"route-map (\S+) (permit|deny) ([0-9]+)(?:: (.*))?")


def unoptimized(name: str) -> str:
    """Return the line that says that a route-map has no optimization."""
    return f"no route-map {name} optimization"


def entry_line(name: str, entry: MapEntry) -> str:
    """Return an entry as a line."""
    action = "permit" if entry.permits else "deny"
    statements = f": {'; '.join(entry.statements)}" if entry.statements else ""
    return f"route-map {name} {action} {entry.number}{statements}"


def read_route_maps(running: str) -> dict[str, tuple[str, ...]]:
    """Return the route-maps of a running config, each with its lines in their order."""
    found: dict[str, list[str]] = {}
    for match in _BLOCK.finditer(running):
        if match["off"]:
            found.setdefault(match["off"], []).append(unoptimized(match["off"]))
            continue
        lines = (line.strip() for line in match["body"].splitlines())
        body = "; ".join(line for line in lines if line not in {"", "!"})
        line = f"route-map {match['name']} {match['head']}{f': {body}' if body else ''}"
        found.setdefault(match["name"], []).append(line)
    return {name: tuple(lines) for name, lines in found.items()}


def read_entries(name: str, lines: Sequence[str]) -> tuple[tuple[MapEntry, ...], bool]:
    """Return a route-map's entries by their numbers, and whether it has the optimization.

    Raises ParseError for two entries of one number.
    """
    entries: dict[int, MapEntry] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        _, action, number, body = match.groups()
        if int(number) in entries:
            raise ParseError(name, f"two entries of the route-map have the number {number}")
        statements = tuple(body.split("; ")) if body else ()
        entries[int(number)] = MapEntry(int(number), action == "permit", statements)
    return tuple(entries[number] for number in sorted(entries)), unoptimized(name) not in lines


def with_route_maps(running: str, maps: Mapping[str, Sequence[str]]) -> str:
    """Return a running config that has these route-maps in the place of all its own."""
    blocks: list[str] = []
    for name, lines in maps.items():
        for line in lines:
            head, _, body = line.partition(": ")
            statements = "".join(f" {each}\n" for each in body.split("; ") if each)
            end = "" if line == unoptimized(name) else "exit\n"
            blocks.append(f"{head}\n{statements}{end}")
    kept = _BLOCK.sub("", running)
    at = kept.rfind("end")
    return f"{kept[:at]}{''.join(blocks)}{kept[at:]}"

"""Which BGP sessions of an IOS router filter by some prefix lists, and what makes them look again.

IOS holds routes that came in against a list when they come, and not when the list changes: a
session has to be asked for them again (`soft in`: by route refresh, which interrupts nothing).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from irrgate.prefixes import Afi

_FAMILY: Final = re.compile(r" +address-family (ipv[46])(?: unicast)?(?: vrf (\S+))?$")
_NEIGHBOR: Final = re.compile(r" +neighbor (\S+) (.*\S)")
_TEMPLATE: Final = re.compile(r" +template peer-policy (\S+)")
_FILTERS: Final = re.compile(r"(prefix-list|route-map) (\S+) in")
_INHERITS: Final = re.compile(r"inherit peer-policy (\S+)")
_ROUTE_MAP: Final = re.compile(r"^route-map (\S+) .*\n((?: .*\n)*)", re.MULTILINE)
_WORD: Final = re.compile(r"[A-Za-z0-9_.:%-]+")


def clear_commands(running: str, names: Collection[str]) -> list[str]:
    """Return the commands that let the sessions which filter by lists `names` look again."""
    maps = _route_maps(running, names)
    bgp = _section(running, "router bgp ")
    by = {("prefix-list", name) for name in names} | {("route-map", name) for name in maps}
    templates = _templates(bgp, by)
    found: dict[str, None] = {}
    groups: dict[tuple[str, str], list[str]] = {}
    """of each peer group in a VRF, the addresses that belong to it"""
    filtered: list[tuple[str, str, str]] = []
    for family, vrf, who, what in _neighbors(bgp):
        if what.startswith("peer-group "):
            groups.setdefault((vrf, what.split(" ")[1]), []).append(who)
        match, inherits = _FILTERS.match(what), _INHERITS.match(what)
        if (match and match.groups() in by) or (inherits and inherits[1] in templates):
            filtered.append((family, vrf, who))
    for family, vrf, who in filtered:
        members = groups.get((vrf, who)) or groups.get(("", who)) or [who]
        for address in members:
            if _is_address(address) and _WORD.fullmatch(vrf or "-"):
                of = f" vrf {vrf}" if vrf else ""
                found[f"clear bgp{of} {family} unicast {address} soft in"] = None
    return list(found)


def _neighbors(bgp: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield family, VRF, neighbour and what is said of it.

    Outside of an address family a filter is of IPv4 unicast.
    """
    family, vrf = str(Afi.IPV4), ""
    for line in bgp.split("\n"):
        if match := _FAMILY.match(line):
            family, vrf = match[1], match[2] or ""
        elif line.strip() == "exit-address-family":
            family, vrf = str(Afi.IPV4), ""
        elif match := _NEIGHBOR.match(line):
            yield family, vrf, match[1], match[2]


def _templates(bgp: str, by: Collection[tuple[str, ...]]) -> set[str]:
    """Return the peer policies that filter by any of `by`, or inherit from one that does."""
    bodies: dict[str, list[str]] = {}
    body: list[str] = []
    for line in bgp.split("\n"):
        if match := _TEMPLATE.match(line):
            body = bodies.setdefault(match[1], [])
        elif line.strip() == "exit-peer-policy":
            body = []
        else:
            body.append(line.strip())
    found: set[str] = set()
    while new := {
        name
        for name, lines in bodies.items()
        if name not in found and any(_says(line, by, found) for line in lines)
    }:
        found |= new
    return found


def _says(line: str, by: Collection[tuple[str, ...]], templates: Collection[str]) -> bool:
    filters, inherits = _FILTERS.match(line), _INHERITS.match(line)
    return bool((filters and filters.groups() in by) or (inherits and inherits[1] in templates))


def _route_maps(running: str, names: Collection[str]) -> set[str]:
    """Return the route-maps that refer to a list, or continue in one that does."""
    bodies: dict[str, str] = {}
    for match in _ROUTE_MAP.finditer(running):
        bodies[match[1]] = bodies.get(match[1], "") + match[2]
    return {name for name, body in bodies.items() if _refers(body, names)}


def _refers(body: str, names: Collection[str]) -> bool:
    lines = (line.strip() for line in body.split("\n"))
    return any(name in line.split(" ") for line in lines if "prefix-list" in line for name in names)


def _section(running: str, head: str) -> str:
    at = running.find(f"\n{head}")
    if at < 0:
        return ""
    lines = running[at + 1 :].split("\n", 1)[1]
    match = re.search(r"^[^ !]", lines, re.MULTILINE)
    return lines[: match.start()] if match else lines


def _is_address(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9A-Fa-f.:]+(%\S+)?", text)) and ("." in text or ":" in text)

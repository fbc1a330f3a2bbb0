"""What vtysh prints, as values."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from irrgate.errors import ParseError
from irrgate.platforms.frr import Key
from irrgate.platforms.frr_lines import FAMILIES, KEYWORDS, read_rows
from irrgate.platforms.frr_map_text import read_route_maps, with_route_maps

COMMANDS: Final = (
    "show daemons",
    "show version",
    "show running-config",
    "show ip prefix-list",
    "show ipv6 prefix-list",
)
"""what `read_shown` takes apart, in this order in one vtysh"""

MAP_COMMANDS: Final = (*COMMANDS, "show running-config bgpd")
"""what `read_shown_maps` takes apart"""

_BEGIN: Final = "Building configuration..."
_END: Final = "\nend\n"
_HEADER: Final = re.compile(
    r"^([A-Za-z0-9_]+): (ip|ipv6) prefix-list (\S+): ([0-9]+) entries\n"
    r"((?:   seq [^\n]*\n|   Description: [^\n]*\n)*)",
    re.MULTILINE,
)
_SEQ: Final = re.compile(r"^   (seq [^\n]*?)[ \r]*$", re.MULTILINE)
_DEFINITION: Final = re.compile(
    r"^(ip|ipv6) prefix-list (\S+) (?!description\b)[^\n]*\n", re.MULTILINE
)
_VERSION: Final = re.compile(r"^FRRouting (\S+)", re.MULTILINE)
_FAMILIES: Final = {"ipv4Unicast": "ipv4", "ipv6Unicast": "ipv6"}
_FAMILY_WORDS: Final = {
    f"ipv{version}{kind}": f"ipv{version} {word}"
    for version in (4, 6)
    for kind, word in (
        ("Unicast", "unicast"), ("Multicast", "multicast"), ("LabeledUnicast", "labeled-unicast"),
    )
}  # fmt: skip
_NO_DELAY: Final = re.compile(r"^ *bgp route-map delay-timer 0 *$", re.MULTILINE)
_ROUTE_MAP: Final = re.compile(
    r"^route-map (\S+) (?:permit|deny) [0-9]+\n((?:[ !][^\n]*\n)*)", re.MULTILINE
)
_WORD: Final = re.compile(r"[A-Za-z0-9_.:%/-]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """What FRR says of itself."""

    daemons: tuple[str, ...]
    version: str
    running: str
    """`show running-config`, with the prefix lists that bgpd holds"""
    lists: Mapping[Key, tuple[str, ...]]
    """bgpd's: what stands on each list's lines after its name, in the order of the numbers"""
    maps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """bgpd's route-maps, where they count, as irrgate.platforms.frr_map_text has their lines"""


def read_shown(text: str) -> Shown:
    """Return what COMMANDS printed; raises ParseError where it was cut off.

    `show running-config` is made of what all daemons say, and one that was down, or a vtysh that
    was killed, leaves them with different lists. bgpd's are those that filter.
    """
    first, _, rest = text.partition("\n")
    at = rest.find(_END)
    if at < 0:
        raise ParseError(
            "running config", "is cut off: FRR ends it with the line `end`, which is missing"
        )
    head, shown = rest[: at + len(_END)], rest[at + len(_END) :]
    begin = head.find(_BEGIN)
    found = _VERSION.search(head)
    running = head[max(begin, 0) :]
    lists = dict(_lists(shown))
    return Shown(tuple(first.split()), found[1] if found else "", _agreeing(running, lists), lists)


def read_shown_maps(text: str) -> Shown:
    """Return what MAP_COMMANDS printed; raises ParseError where it was cut off.

    The route-maps are bgpd's, as the lists are.
    """
    before, begin, bgpd = text.rpartition(_BEGIN)
    if not begin or not bgpd.rstrip().endswith(_END.rstrip()):
        raise ParseError("running config", "is cut off: bgpd's does not end with the line `end`")
    shown = read_shown(before)
    maps = read_route_maps(bgpd)
    if read_route_maps(shown.running) == maps:
        return replace(shown, maps=maps)
    return replace(shown, running=with_route_maps(shown.running, maps), maps=maps)


def _lists(text: str) -> Iterator[tuple[Key, tuple[str, ...]]]:
    for match in _HEADER.finditer(text):
        daemon, keyword, name, count, body = match.groups()
        entries = tuple(_SEQ.findall(body))
        if len(entries) != int(count):
            raise ParseError(name, f"is cut off: {len(entries)} of its {count} entries were shown")
        if daemon == "BGP":
            yield (FAMILIES[keyword], name), entries


def _agreeing(running: str, lists: Mapping[Key, tuple[str, ...]]) -> str:
    """Return the running config with bgpd's lists in the place of all that it has."""
    seen: dict[Key, set[str]] = {}
    for match in _DEFINITION.finditer(running):
        rest = match[0].split(" ", 3)[3].rstrip()
        seen.setdefault((FAMILIES[match[1]], match[2]), set()).add(rest)
    told = {key: set(entries) for key, entries in lists.items() if entries}
    if seen.keys() == told.keys() and all(_alike(key, seen[key], told[key]) for key in seen):
        return running
    own = "".join(
        f"{KEYWORDS[afi]} prefix-list {name} {entry}\n"
        for (afi, name), entries in lists.items()
        for entry in entries
    )
    return _DEFINITION.sub("", running).removesuffix(_END[1:]) + own + _END[1:]


def _alike(key: Key, one: Collection[str], other: Collection[str]) -> bool:
    """Tell whether entries are the same; one place may say `le 32` where the other says `any`."""
    if one == other:
        return True
    try:
        return read_rows(*key, one) == read_rows(*key, other)
    except ParseError:
        return False


def clear_commands(
    neighbours: Mapping[str, Any], names: Collection[str], running: str
) -> list[str]:
    """Return what makes FRR look again at the routes of the sessions that lists `names` filter.

    Where a route-map refers to a list FRR does so by itself, `bgp route-map delay-timer` later
    (5 s unless it is set); for one of 0 seconds it never does.
    """
    maps = _route_maps(running, names) if _NO_DELAY.search(running) else set()
    return [
        f"clear bgp vrf {vrf} {_FAMILY_WORDS[family]} {peer} soft in"
        for vrf, peer, details in _sessions(neighbours)
        for family, has in details.get("addressFamilyInfo", {}).items()
        if family in _FAMILY_WORDS
        and (
            has.get("incomingUpdatePrefixFilterList") in names
            or has.get("routeMapForIncomingAdvertisements") in maps
        )
        and _WORD.fullmatch(vrf)
        and _WORD.fullmatch(peer)
    ]


def _route_maps(running: str, names: Collection[str]) -> set[str]:
    """Return the route-maps that refer to a list, or call one that does, or that are among them."""
    bodies: dict[str, str] = {}
    for match in _ROUTE_MAP.finditer(running):
        bodies[match[1]] = bodies.get(match[1], "") + match[2]
    sought = [f" prefix-list {name}" for name in names] + [f" call {name}" for name in names]
    # One that is new is in no config yet, and may be referred to all the same.
    found = set(names)
    while new := {
        each
        for each, body in bodies.items()
        if each not in found and any(line.endswith(tuple(sought)) for line in body.split("\n"))
    }:
        found |= new
        sought = [f" call {name}" for name in new]
    return found


def neighbours_of(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return `show bgp vrf all neighbors json` as NAPALM has it, by VRF."""
    tables: dict[str, Any] = {}
    for vrf, peer, details in _sessions(shown):
        table = tables.setdefault(
            "global" if vrf == "default" else vrf,
            {"router_id": details.get("localRouterId", ""), "peers": {}},
        )
        # Sessions of unnumbered interfaces are named by these, and NAPALM has addresses.
        table["peers"][details.get("neighborAddr") or peer] = _peer(details)
    return tables or {"global": {"router_id": "", "peers": {}}}


def _sessions(shown: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for vrf, table in shown.items():
        if isinstance(table, dict):
            for peer, details in table.items():
                if isinstance(details, dict) and "bgpState" in details:
                    yield vrf, peer, details


def _peer(details: Mapping[str, Any]) -> dict[str, Any]:
    up = details["bgpState"] == "Established"
    return {
        "local_as": int(details.get("localAs", 0)),
        "remote_as": int(details.get("remoteAs", 0)),
        "remote_id": details.get("remoteRouterId", "") if up else "",
        "is_up": up,
        "is_enabled": not details.get("adminShutDown", False),
        "description": details.get("nbrDesc", ""),
        "uptime": int(details.get("bgpTimerUpMsec", -1000)) // 1000 if up else -1,
        "address_family": {
            _FAMILIES[family]: {
                "received_prefixes": -1,
                "accepted_prefixes": int(has.get("acceptedPrefixCounter", -1)) if up else -1,
                "sent_prefixes": int(has.get("sentPrefixCounter", -1)) if up else -1,
            }
            for family, has in details.get("addressFamilyInfo", {}).items()
            if family in _FAMILIES
        },
    }

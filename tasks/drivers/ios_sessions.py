"""The BGP sessions of an IOS router, out of what it shows of its neighbours.

NAPALM's driver names the families `ipv4 unicast`, where NAPALM's own documentation and every other
driver has `ipv4`, gives a neighbour in two VRFs the counts of one, and fails by an assertion where
the answers to its eight commands do not fit each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

COMMANDS: Final = (
    "bgp ipv4 unicast neighbors",
    "bgp ipv6 unicast neighbors",
    "bgp vpnv4 unicast all neighbors",
    "bgp vpnv6 unicast all neighbors",
)
SUMMARY: Final = "bgp all summary"

_NEIGHBOR: Final = re.compile(
    # The star is of one that came by itself, of a range for which IOS listens.
    r"^BGP neighbor is \*?(\S+?),(?: +vrf (\S+),)? +remote AS ([0-9.]+)",
    re.MULTILINE,
)
_STATE: Final = re.compile(r"^ +BGP state = (\w+)(?: \((\w+)\))?(?:, up for (\S+))?", re.MULTILINE)
_DESCRIPTION: Final = re.compile(r"^ Description: (.*\S)", re.MULTILINE)
_REMOTE_ID: Final = re.compile(r"remote router ID (\S+)")
_FAMILY: Final = re.compile(r"^ For address family: (\S+) Unicast", re.MULTILINE)
_CURRENT: Final = re.compile(r"^ +Prefixes Current: +([0-9]+) +([0-9]+)", re.MULTILINE)
_LOCAL: Final = re.compile(r"router identifier (\S+), local AS number ([0-9.]+)")
_FAMILIES: Final[Mapping[str, str]] = {
    "IPv4": "ipv4",
    "IPv6": "ipv6",
    # What a neighbour in a VRF says of its IPv4 and IPv6 routes.
    "VPNv4": "ipv4",
    "VPNv6": "ipv6",
}
_UNITS: Final = {"y": 31_536_000, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}


def neighbours_of(summary: str, shown: str) -> dict[str, Any]:
    """Return the sessions as NAPALM has them, by VRF, of the answers to all COMMANDS."""
    local = _LOCAL.search(summary)
    router_id, local_as = (local[1], _asn(local[2])) if local else ("", 0)
    tables: dict[str, Any] = {"global": {"router_id": router_id, "peers": {}}}
    for address, vrf, remote_as, block in _blocks(shown):
        table = tables.setdefault(vrf or "global", {"router_id": router_id, "peers": {}})
        peer = table["peers"].setdefault(
            address.lower(), {"local_as": local_as, "address_family": {}}
        )
        families = {**peer["address_family"], **_counts(block, in_vrf=bool(vrf))}
        peer |= {"remote_as": _asn(remote_as), **_state(block), "address_family": families}
    return tables


def _blocks(shown: str) -> Iterator[tuple[str, str, str, str]]:
    for match, block in _parts(_NEIGHBOR, shown):
        address, vrf, remote_as = match.groups()
        yield address, vrf or "", remote_as, block


def _parts(head: re.Pattern[str], text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Yield each head, and what stands between it and the next one."""
    matches = list(head.finditer(text))
    for at, match in enumerate(matches, 1):
        end = matches[at].start() if at < len(matches) else len(text)
        yield match, text[match.end() : end]


def _state(block: str) -> dict[str, Any]:
    state, description = _STATE.search(block), _DESCRIPTION.search(block)
    remote_id = _REMOTE_ID.search(block)
    is_up = state is not None and state[1] == "Established"
    return {
        "remote_id": remote_id[1] if remote_id else "",
        "is_up": is_up,
        "is_enabled": "Administratively shut down" not in block,
        "description": description[1] if description else "",
        "uptime": _seconds(state[3]) if state and is_up and state[3] else -1,
    }


def _counts(block: str, *, in_vrf: bool) -> dict[str, dict[str, int]]:
    """Return the prefixes by family; -1 where nothing is said."""
    found = {}
    for match, part in _parts(_FAMILY, block):
        family = _FAMILIES.get(match[1])
        if family is None or (match[1].startswith("VPN") and not in_vrf):
            continue
        current = _CURRENT.search(part)
        sent, accepted = map(int, current.groups()) if current else (-1, -1)
        # IOS keeps what it refused only where soft-reconfiguration is configured.
        found[family] = {
            "sent_prefixes": sent,
            "accepted_prefixes": accepted,
            "received_prefixes": accepted,
        }
    return found


def _asn(text: str) -> int:
    high, _, low = text.rpartition(".")
    return (int(high or 0) << 16) + int(low)


def _seconds(text: str) -> int:
    """Return an uptime such as 00:12:34, 1d02h or 3w4d in seconds."""
    if ":" in text:
        hours, minutes, seconds = (int(part) for part in text.split(":"))
        return hours * 3600 + minutes * 60 + seconds
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([ywdhms])", text))

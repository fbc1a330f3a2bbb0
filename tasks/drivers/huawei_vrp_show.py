"""What VRP's display commands print, as values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, Final

PEER_COMMANDS: Final = (
    ("ipv4", "display bgp peer"),
    ("ipv6", "display bgp ipv6 peer"),
    ("ipv4", "display bgp vpnv4 all peer"),
    ("ipv6", "display bgp vpnv6 all peer"),
)
"""the sessions by family: of the main table, then of the VPN instances"""

_LOCAL: Final = re.compile(r"BGP local router ID ?: ?(\S+)\s+Local AS number ?: ?(\S+)")
_INSTANCE: Final = re.compile(
    r"^ *VPN-Instance (\S+?) ?, (?:Router ID|router ID) (\S+?):", re.MULTILINE
)
# A long address stands on a line of its own.
_PEER: Final = re.compile(
    r"^ *([0-9A-Fa-f:.]+)\s+4\s+([0-9]+(?:\.[0-9]+)?)\s+[0-9]+\s+[0-9]+\s+[0-9]+"
    r"\s+(\S+)\s+(\S+)\s+([0-9]+) *$",
    re.MULTILINE,
)
_CLOCK: Final = re.compile(r"([0-9]+):([0-9]{2}):([0-9]{2})")
_HOURS: Final = re.compile(r"([0-9]+)h([0-9]+)m")
_VERSION: Final = re.compile(r"^ ?VRP \(R\) software, Version (.+?) *$", re.MULTILINE)
_UPTIME: Final = re.compile(
    r"^ ?(?:HUAWEI |Quidway )?(\S[^\n]*?) +uptime is (.+?) *$", re.MULTILINE | re.IGNORECASE
)
_UNITS: Final = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_INTERFACE: Final = re.compile(
    r"^([A-Za-z][A-Za-z-]*[0-9][0-9/.:]*)(?:\([^)]*\))? +\S", re.MULTILINE
)


def version_facts(text: str) -> tuple[str, str, float]:
    """Return (version, model, seconds since the start) of `display version`; -1: not told."""
    version, up = _VERSION.search(text), _UPTIME.search(text)
    seconds = -1.0
    if up is not None:
        told = re.findall(r"([0-9]+) (week|day|hour|minute|second)", up[2])
        seconds = float(sum(int(count) * _UNITS[unit] for count, unit in told))
    return version[1] if version else "", up[1] if up else "", seconds


def interfaces(text: str) -> list[str]:
    """Return the names in `display interface brief`."""
    return list(dict.fromkeys(_INTERFACE.findall(text.partition("Interface ")[2])))


def neighbours_of(shown: dict[str, str]) -> dict[str, Any]:
    """Return what the PEER_COMMANDS printed as NAPALM has it, by VPN instance.

    VRP counts the prefixes that the import policy let in, or all where keep-all-routes is set.
    """
    tables: dict[str, Any] = {"global": {"router_id": "", "peers": {}}}
    for afi, command in PEER_COMMANDS:
        text = shown.get(command, "")
        local = _LOCAL.search(text)
        for vrf, router_id, part in _parts(text, of_instances="vpn" in command):
            router = local[1] if router_id is None and local else router_id or ""
            table = tables.setdefault(vrf, {"router_id": router, "peers": {}})
            table["router_id"] = table["router_id"] or router
            for match in _PEER.finditer(part):
                address = str(ip_address(match[1]))
                peer = table["peers"].setdefault(address, _peer(match, local[2] if local else "0"))
                peer["address_family"][afi] = _counts(match)
                peer["is_up"] = peer["is_up"] or match[4] == "Established"
    return tables


def _parts(text: str, *, of_instances: bool) -> Iterator[tuple[str, str | None, str]]:
    if not of_instances:
        yield "global", None, text
        return
    # What stands before the first instance are the sessions that carry the VPN routes themselves.
    _, *found = _INSTANCE.split(text)
    yield from zip(found[::3], found[1::3], found[2::3], strict=True)


def _peer(match: re.Match[str], local: str) -> dict[str, Any]:
    up = match[4] == "Established"
    return {
        "local_as": _asn(local),
        "remote_as": _asn(match[2]),
        "remote_id": "",
        "is_up": up,
        "is_enabled": "Admin" not in match[4],
        "description": "",
        "uptime": _seconds(match[3]) if up else -1,
        "address_family": {},
    }


def _counts(match: re.Match[str]) -> dict[str, int]:
    accepted = int(match[5]) if match[4] == "Established" else -1
    return {"received_prefixes": -1, "accepted_prefixes": accepted, "sent_prefixes": -1}


def _asn(text: str) -> int:
    high, _, low = text.rpartition(".")
    return int(high or 0) << 16 | int(low)


def _seconds(text: str) -> int:
    if clock := _CLOCK.fullmatch(text):
        return int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
    hours = _HOURS.fullmatch(text)
    return int(hours[1]) * 3600 + int(hours[2]) * 60 if hours else -1

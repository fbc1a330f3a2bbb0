"""What an emulated IOS router shows, in the words that NAPALM's driver looks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.lab.ios_router import IosRouter

Show = Callable[[IosRouter, str], str]

_VERSION: Final = """\
Cisco IOS Software, IOSv Software (VIOS-ADVENTERPRISEK9-M), Version 15.9(3)M4, RELEASE SOFTWARE
{name} uptime is 1 day, 2 hours, 3 minutes
Cisco IOSv (revision 1.0) with 460009K/62464K bytes of memory.
Processor board ID 9ABCDEFGHIJ
"""


def _archive(router: IosRouter, _: str) -> str:
    if not router.config.archives:
        return "Archive feature not enabled\n"
    return (
        "The maximum archive configurations allowed is 10.\n"
        "There are currently 1 archive configurations saved.\n"
        "The next archive file will be named flash:archive-<timestamp>-2\n"
    )


def _timer(router: IosRouter, _: str) -> str:
    revert = router.revert
    if revert is None:
        return "%No Rollback Confirmed Change pending\n"
    return (
        f"Time configured(or reconfigured): {revert.configured}\n"
        "Timer type: absolute timer\n"
        f"Timer value: {revert.minutes} min\n"
        f"User: {revert.user}\n"
    )


def _clock(router: IosRouter, _: str) -> str:
    time, _, rest = router.clock().partition(" ")
    return f"*{time}.123 {rest}\n"


def _list_summary(router: IosRouter, command: str) -> str:
    _, family, _, _, name = command.split(" ")
    held = router.config.lists.lists.get((family, name))
    if held is None:
        return ""
    numbers = sorted(held.entries)
    return (
        f"{family} prefix-list {name}:\n   count: {len(numbers)}, range entries: 0, "
        f"sequences: {numbers[0]} - {numbers[-1]}, refcount: 1\n"
    )


def _is_v6(neighbor: Mapping[str, object]) -> bool:
    return ":" in str(neighbor["address"])


def _families(router: IosRouter) -> list[tuple[str, list[Mapping[str, object]]]]:
    now = router.chassis.neighbors.now
    families = [
        ("IPv4 Unicast", [each for each in now if not _is_v6(each)]),
        ("IPv6 Unicast", [each for each in now if _is_v6(each)]),
    ]
    return [(name, listed) for name, listed in families if listed]


def _summary(router: IosRouter, _: str) -> str:
    """The neighbours of the operation `neighbors`: `address`, `asn`, `state`, `accepted`."""
    said = []
    for name, listed in _families(router):
        said.append(f"For address family: {name}\n")
        said.append("BGP router identifier 192.0.2.1, local AS number 64496\n\n")
        said.append("Neighbor  V  AS MsgRcvd MsgSent   TblVer  InQ OutQ Up/Down  State/PfxRcd\n")
        for each in listed:
            state = str(each.get("state", "Established"))
            shown = each.get("accepted", 0) if state == "Established" else state
            row = f"4 {each['asn']:>12} 100 100 1 0 0 1d02h {shown:>12}\n"
            address = str(each["address"]).upper()
            said.append(f"{address}\n                {row}" if _is_v6(each) else f"{address} {row}")
        said.append("\n")
    return "".join(said) or "% BGP not active\n"


def _neighbors(router: IosRouter, command: str) -> str:
    family = "IPv6 Unicast" if "ipv6" in command else "IPv4 Unicast"
    listed = dict(_families(router)).get(family, []) if "unicast" in command else []
    return "".join(_neighbor(each, family) for each in listed if "vpn" not in command)


def _neighbor(neighbor: Mapping[str, object], family: str) -> str:
    state = neighbor.get("state", "Established")
    accepted = neighbor.get("accepted", 0)
    return (
        f"BGP neighbor is {str(neighbor['address']).upper()},  remote AS {neighbor['asn']}, "
        "external link\n"
        f" Description: {neighbor.get('description', 'peer')}\n"
        "  BGP version 4, remote router ID 192.0.2.254\n"
        f"  BGP state = {state}, up for 1d02h\n"
        f" For address family: {family}\n"
        "  Session: 192.0.2.2\n"
        "                                 Sent       Rcvd\n"
        "  Prefix activity:               ----       ----\n"
        f"    Prefixes Current:              10   {accepted:>8} (Consumes 100 bytes)\n"
        "                                   Outbound    Inbound\n"
        "  Local Policy Denied Prefixes:    --------    -------\n"
        "    Total:                                0          0\n\n"
    )


SHOWS: Final[Mapping[str, Show]] = {
    "show running-config": lambda router, _: router.config.text(),
    "show startup-config": lambda router, _: f"Using 100 out of 262144 bytes\n{router.startup}",
    "show archive": _archive,
    "show archive config rollback timer": _timer,
    "show clock": _clock,
    r"show ip(v6)? prefix-list summary \S+": _list_summary,
    "show version": lambda router, _: _VERSION.format(name=router.config.hostname),
    "show hosts": lambda _r, _: "Default domain is example.net\n",
    "show ip interface brief": lambda _r, _: (
        "Interface              IP-Address      OK? Method Status                Protocol\n"
        "GigabitEthernet0/0     192.0.2.1       YES NVRAM  up                    up\n"
    ),
    "show bgp all summary": _summary,
    r"show bgp (ipv4|ipv6|vpnv4|vpnv6) \w+ (all )?neighbors": _neighbors,
}
"""The first that is the whole command."""

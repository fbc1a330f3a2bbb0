"""What an emulated NX-OS answers to `show` commands: as text, and as data.

Only what NAPALM's NXOSDriver and irrgate ask. Values that no test depends on are fixed ones.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tests.lab.nxos_config import INVALID, CommandRefused, NxosConfig
from tests.lab.nxos_switch import NxosSwitch

Json = dict[str, Any]

RUNNING: Final = "show running-config"
BGP: Final = "show bgp all summary vrf all"
_VERSION: Final = "9.3(8)"
_CLOCK: Final = "%a %b %d %H:%M:%S %Y"
_PIPE: Final = re.compile(r' \| include "([^"]+)"| \| (count)')
_FAMILIES: Final = (("ip", "1", "IPv4 Unicast"), ("ipv6", "2", "IPv6 Unicast"))


_TEXTS: Final = {
    "show hostname": "{name} \n",
    "show version": (
        "Cisco Nexus Operating System (NX-OS) Software\n\nSoftware\n  BIOS: version 05.45\n"
        f"  NXOS: version {_VERSION}\n\nHardware\n  cisco Nexus9000 C9300v Chassis \n"
        "  Device name: {name}\n"
        "Kernel uptime is 1 day(s), 1 hour(s), 1 minute(s), 1 second(s)\n"
    ),
    "show hosts": "DNS lookup enabled\n\nName servers for vrf:management is \n",
    "show interface status": (
        "\n----\nPort          Name               Status    Vlan      Duplex  Speed   Type\n----\n"
        "mgmt0         --                 connected routed    full    1000    -- \n"
    ),
}


def show_text(switch: NxosSwitch, command: str) -> str:
    """The text of a show command; CommandRefused for one that the lab does not have."""
    base, _, pipes = command.partition(" | ")
    if pipes == "json":
        return f"{json.dumps(show_data(switch, base))}\n"
    text = _text(switch, base)
    for pattern, count in _PIPE.findall(f" | {pipes}" if pipes else ""):
        lines = text.splitlines()
        if count:
            text = f"{len(lines)}\n"
        else:
            found = [line for line in lines if re.search(pattern, line)]
            text = "".join(f"{line}\n" for line in found)
    return text


def _text(switch: NxosSwitch, command: str) -> str:
    if command in {RUNNING, "show running-config all"}:
        return _header(switch, command) + switch.running()
    if command == "show startup-config":
        startup = switch.chassis.load("startup.conf") or ""
        return f"\n!Command: show startup-config\n!Time: {_clock()}\n{startup}"
    if command in _TEXTS:
        return _TEXTS[command].format(name=switch.config.hostname)
    raise CommandRefused(INVALID)


def _header(switch: NxosSwitch, command: str) -> str:
    changed = time.strftime(_CLOCK, time.gmtime(switch.changed_at))
    return (
        f"\n!Command: {command}\n!Running configuration last done at: {changed}\n"
        f"!Time: {_clock()}\n\nversion {_VERSION} Bios:version 05.45 \n"
    )


def _clock() -> str:
    return time.strftime(_CLOCK, time.gmtime())


def show_data(switch: NxosSwitch, command: str) -> Json:
    """The same as data; CommandRefused where NX-OS, or this lab, has text only."""
    match command:
        case "show hostname":
            return {"hostname": switch.config.hostname}
        case "show version":
            return {
                "host_name": switch.config.hostname,
                "chassis_id": "Nexus9000 C9300v Chassis",
                "sys_ver_str": _VERSION,
                **{f"kern_uptm_{unit}": "1" for unit in ("days", "hrs", "mins", "secs")},
            }
        case "show inventory":
            chassis = {"name": "Chassis", "serialnum": f"LAB{switch.chassis.options.name}"}
            return {"TABLE_inv": {"ROW_inv": [chassis, {"name": "Slot 1", "serialnum": ""}]}}
        case "show interface":
            rows = [{"interface": "mgmt0"}, {"interface": "Ethernet1/1"}]
            return {"TABLE_interface": {"ROW_interface": rows}}
        case "show bgp all summary vrf all" if _runs_bgp(switch.config):
            return _bgp(switch)
    raise CommandRefused(INVALID)


def _runs_bgp(config: NxosConfig) -> bool:
    return "no feature bgp" not in config.others


def _bgp(switch: NxosSwitch) -> Json:
    """The neighbours that the control operation `neighbors` set, by their address family.

    A neighbour is an `address` and `asn`, and may have `state` (Established), `received` prefixes,
    and `family` (4 or 6) where it is not that of the address.
    """
    afs = []
    for family, number, name in _FAMILIES:
        rows = [
            _neighbour(each) for each in switch.chassis.neighbors.now if _family(each) == family
        ]
        if rows:
            saf = {"safi": "1", "af-name": name, "TABLE_neighbor": _table("neighbor", rows)}
            afs.append({"af-id": number, "TABLE_saf": _table("saf", [saf])})
    local_as = next(_local_as(switch.config), "64496")
    vrf: Json = {
        "vrf-name-out": "default",
        "vrf-router-id": "192.0.2.1",
        "vrf-local-as": local_as,
    }
    if afs:
        vrf["TABLE_af"] = _table("af", afs)
    return {"TABLE_vrf": _table("vrf", [vrf])}


def _table(name: str, rows: Sequence[Json]) -> Json:
    """A table, of which one row is no list: so is every table of NX-OS."""
    return {f"ROW_{name}": rows[0] if len(rows) == 1 else list(rows)}


def _family(neighbour: Mapping[str, object]) -> str:
    own = 6 if ":" in str(neighbour["address"]) else 4
    return "ipv6" if neighbour.get("family", own) == 6 else "ip"


def _neighbour(neighbour: Mapping[str, object]) -> Json:
    state = str(neighbour.get("state", "Established"))
    received = neighbour.get("received", 0) if state == "Established" else 0
    return {
        "neighborid": neighbour["address"],
        "neighborversion": "4",
        "neighboras": str(neighbour["asn"]),
        "time": "1d02h",
        "state": state,
        "prefixreceived": str(received),
    }


def _local_as(config: NxosConfig) -> Iterator[str]:
    return (top.split()[2] for top in config.others if top.startswith("router bgp "))

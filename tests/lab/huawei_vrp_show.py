"""What the emulated VRP prints of itself: its version, interfaces and BGP peers.

The forms are those of the examples in Huawei's command references ("display version", "display
interface brief", "display bgp peer").
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.lab.neighbors import Neighbor

_HEAD = "  Peer            V          AS  MsgRcvd  MsgSent  OutQ  Up/Down       State  PrefRcv\n"


def version(*, two_phase: bool) -> str:
    if two_phase:
        return (
            "Huawei Versatile Routing Platform Software\n"
            "VRP (R) software, Version 8.200 (NE8000 V800R021C00SPC100)\n"
            "Copyright (C) 2012-2021 Huawei Technologies Co., Ltd.\n"
            "HUAWEI NE8000 M4 uptime is 12 days, 3 hours, 4 minutes\n"
        )
    return (
        "Huawei Versatile Routing Platform Software\n"
        "VRP (R) software, Version 5.170 (AR2200 V200R010C00SPC600)\n"
        "Copyright (C) 2011-2018 HUAWEI TECH CO., LTD\n"
        "Huawei AR2220 Router uptime is 0 week, 1 day, 2 hours, 3 minutes\n"
    )


INTERFACES = """\
PHY: Physical
*down: administratively down
InUti/OutUti: input utility/output utility
Interface                   PHY   Protocol InUti OutUti   inErrors  outErrors
GigabitEthernet0/0/1        up    up          0%     0%          0          0
LoopBack0                   up    up(s)       0%     0%          0          0
"""


def peers(neighbors: Sequence[Neighbor], command: str) -> str:
    """What a `display bgp ... peer` prints.

    Each neighbor has `address`, `state`, `prefixes` (by family: ipv4 and ipv6), and maybe `vrf`.
    """
    family = "ipv6" if "ipv6" in command or "vpnv6" in command else "ipv4"
    of_instances = "vpn" in command
    found = [
        each
        for each in neighbors
        if bool(each.get("vrf")) == of_instances and family in _prefixes(each)
    ]
    up = sum(each["state"] == "Established" for each in found)
    text = (
        "\n BGP local router ID : 192.0.2.1\n Local AS number : 64496\n"
        f" Total number of peers : {len(found)}{'':17}Peers in established state : {up}\n\n"
    )
    if not of_instances:
        return text + _HEAD + "".join(_row(each, family) for each in found)
    for vrf in sorted({str(each["vrf"]) for each in found}):
        text += f"  VPN-Instance {vrf}, Router ID 192.0.2.9:\n{_HEAD}"
        text += "".join(_row(each, family) for each in found if each["vrf"] == vrf)
    return text


def _prefixes(neighbor: Neighbor) -> dict[str, int]:
    prefixes = neighbor["prefixes"]
    assert isinstance(prefixes, dict)
    return prefixes


def _row(neighbor: Neighbor, family: str) -> str:
    address = str(neighbor["address"]).upper()
    counts = f"4 {neighbor.get('asn', 64500):>11}     1284     1289     0 04:05:22"
    state, prefixes = neighbor["state"], _prefixes(neighbor)[family]
    # A long address stands on a line of its own.
    if len(address) > 15:
        return f"  {address}\n{'':18}{counts} {state:>11} {prefixes:>8}\n"
    return f"  {address:<16}{counts} {state:>11} {prefixes:>8}\n"

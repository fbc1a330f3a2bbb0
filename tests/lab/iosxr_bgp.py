"""The BGP sessions of the emulated IOS-XR device, as Cisco-IOS-XR-ipv4-bgp-oper shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

_NS = "http://cisco.com/ns/yang/Cisco-IOS-XR-ipv4-bgp-oper"
_ESTABLISHED = "bgp-st-estab"


@dataclass(slots=True)
class Neighbor:
    """One BGP neighbour, as a test sets it (control operation bgp_neighbors)."""

    address: str
    peer_as: int
    local_as: int = 64496
    state: str = _ESTABLISHED
    description: str = ""
    uptime: int = 0
    vrf: str = ""
    families: dict[str, int] = field(default_factory=dict)
    """the prefixes accepted in each, by the model's name of the family: ipv4, ipv6"""


def neighbors_of(given: Iterable[Mapping[str, object]]) -> list[Neighbor]:
    """The neighbours of a control request; TypeError for a field that there is not."""
    return [Neighbor(**each) for each in given]  # type: ignore[arg-type]


def bgp_xml(given: Iterable[Mapping[str, object]]) -> str:
    vrfs: dict[str, list[Neighbor]] = {"": []}
    for each in neighbors_of(given):
        vrfs.setdefault(each.vrf, []).append(each)
    others = "".join(
        f"<vrf><vrf-name>{escape(name)}</vrf-name>{_table(found)}</vrf>"
        for name, found in vrfs.items()
        if name
    )
    return (
        f'<bgp xmlns="{_NS}"><instances><instance><instance-name>default</instance-name>'
        f"<instance-active><default-vrf>{_table(vrfs[''])}</default-vrf>"
        f"<vrfs>{others}</vrfs></instance-active></instance></instances></bgp>"
    )


def _table(neighbors: Iterable[Neighbor]) -> str:
    told = "".join(_neighbor(each) for each in neighbors)
    router = "<vrf><router-id>203.0.113.1</router-id></vrf>"
    return f"<global-process-info>{router}</global-process-info><neighbors>{told}</neighbors>"


def _neighbor(each: Neighbor) -> str:
    afi = "ipv6" if ":" in each.address else "ipv4"
    data = "".join(
        f"<af-data><af-name>{name}</af-name><prefixes-accepted>{accepted}</prefixes-accepted>"
        "<prefixes-denied>1</prefixes-denied><prefixes-advertised>2</prefixes-advertised></af-data>"
        for name, accepted in each.families.items()
    )
    return (
        f"<neighbor><neighbor-address>{each.address}</neighbor-address>"
        f"<description>{escape(each.description)}</description>"
        f"<local-as>{each.local_as}</local-as><remote-as>{each.peer_as}</remote-as>"
        f"<connection-established-time>{each.uptime}</connection-established-time>"
        f"<connection-state>{each.state}</connection-state>"
        f"<connection-remote-address><afi>{afi}</afi></connection-remote-address>"
        "<is-administratively-shut-down>false</is-administratively-shut-down>"
        f"<router-id>198.51.100.1</router-id>{data}</neighbor>"
    )

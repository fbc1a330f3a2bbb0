"""The operational RPCs that NAPALM's getters need: who the device is, its commits, its peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from lxml import etree

from tests.lab.junos_database import Database
from tests.lab.junos_history import Commit
from tests.lab.junos_tree import Node

MODEL = "MX204"
VERSION = "23.4R1.10"


@dataclass(slots=True)
class Neighbor:
    """One BGP neighbour, as a test sets it (control operation bgp_neighbors)."""

    address: str
    peer_as: int
    local_as: int = 64496
    state: str = "Established"
    description: str = ""
    uptime: int = 0
    received: int = 0
    accepted: int = 0
    advertised: int = 0


@dataclass(slots=True)
class Facts:
    """Answers the operational RPCs from the device's name, its config and its database."""

    name: str
    database: Database

    def answers(self) -> Mapping[str, Callable[[etree._Element], str]]:
        return {
            "get-software-information": self._software,
            "get-route-engine-information": self._route_engine,
            "get-chassis-inventory": self._chassis,
            "get-interface-information": self._interfaces,
            "get-system-uptime-information": self._uptime,
            "get-commit-information": self._commits,
            "get-commit-revision-information": self._revision,
            "get-instance-information": self._instances,
            "get-bgp-summary-information": self._bgp_summary,
            "get-bgp-neighbor-information": self._bgp_neighbors,
        }

    def neighbors(self) -> list[Neighbor]:
        """The BGP neighbours; TypeError for a field that there is not."""
        now = self.database.chassis.neighbors.now
        return [Neighbor(**neighbor) for neighbor in now]  # type: ignore[arg-type]

    def host_name(self) -> str:
        system = self.database.running.children.get("system")
        name = system.children.get("host-name") if isinstance(system, Node) else None
        return name if isinstance(name, str) else self.name

    def _software(self, _: etree._Element) -> str:
        return (
            f"<software-information><host-name>{escape(self.host_name())}</host-name>"
            f"<product-model>{MODEL.lower()}</product-model>"
            f"<product-name>{MODEL.lower()}</product-name>"
            f"<junos-version>{VERSION}</junos-version></software-information>"
        )

    def _route_engine(self, _: etree._Element) -> str:
        return (
            "<route-engine-information><route-engine><slot>0</slot>"
            "<mastership-state>master</mastership-state><status>OK</status>"
            "<model>RE-S-1600x8</model></route-engine></route-engine-information>"
        )

    def _chassis(self, _: etree._Element) -> str:
        return (
            "<chassis-inventory><chassis><name>Chassis</name>"
            f"<serial-number>LAB-{escape(self.name)}</serial-number>"
            f"<description>{MODEL}</description></chassis></chassis-inventory>"
        )

    def _interfaces(self, request: etree._Element) -> str:
        if request.find("{*}routing-instance") is not None:
            return "<interface-information/>"
        interfaces = self.database.running.children.get("interfaces")
        names = list(interfaces.children) if isinstance(interfaces, Node) else []
        items = "".join(
            f"<physical-interface><name>{escape(name)}</name><admin-status>up</admin-status>"
            "<oper-status>up</oper-status></physical-interface>"
            for name in dict.fromkeys([*names, "lo0"])
        )
        return f"<interface-information>{items}</interface-information>"

    def _uptime(self, _: etree._Element) -> str:
        now = self.database.now()
        up = self.database.chassis.clock.now()
        return (
            f"<system-uptime-information><current-time>{_date(now)}</current-time>"
            f"<system-booted-time>{_date(now - up)}"
            f'<time-length junos:seconds="{int(up)}">{int(up)} secs</time-length>'
            "</system-booted-time></system-uptime-information>"
        )

    def _commits(self, _: etree._Element) -> str:
        items = "".join(
            f"<commit-history><sequence-number>{number}</sequence-number>{_commit(commit)}"
            "</commit-history>"
            for number, commit in enumerate(self.database.history.commits)
        )
        return f"<commit-information>{items}</commit-information>"

    def _revision(self, _: etree._Element) -> str:
        commit = self.database.history.commits[0]
        return (
            f"<commit-revision-information><revision>{commit.revision}</revision>{_commit(commit)}"
            "</commit-revision-information>"
        )

    def _instances(self, _: etree._Element) -> str:
        return (
            "<instance-information><instance-core><instance-name>master</instance-name>"
            "<instance-type>forwarding</instance-type></instance-core></instance-information>"
        )

    def _bgp_summary(self, _: etree._Element) -> str:
        items = "".join(
            f"<bgp-peer><peer-address>{peer.address}</peer-address>"
            f'<elapsed-time junos:seconds="{peer.uptime}">{peer.uptime}</elapsed-time></bgp-peer>'
            for peer in self.neighbors()
        )
        return f"<bgp-information>{items}</bgp-information>"

    def _bgp_neighbors(self, _: etree._Element) -> str:
        return f"<bgp-information>{''.join(map(_neighbor, self.neighbors()))}</bgp-information>"


def _neighbor(peer: Neighbor) -> str:
    description = ""
    if peer.description:
        description = f"<description>{escape(peer.description)}</description>"
    table = "inet6.0" if ":" in peer.address else "inet.0"
    return (
        f"<bgp-peer><peer-address>{peer.address}+179</peer-address>"
        f"<peer-as>{peer.peer_as}</peer-as><local-as>{peer.local_as}</local-as>"
        f"{description}"
        f"<peer-state>{escape(peer.state)}</peer-state><peer-id>192.0.2.1</peer-id>"
        "<local-id>192.0.2.2</local-id><bgp-option-information/>"
        f"<bgp-rib><name>{table}</name><send-state>in sync</send-state>"
        f"<received-prefix-count>{peer.received}</received-prefix-count>"
        f"<accepted-prefix-count>{peer.accepted}</accepted-prefix-count>"
        f"<advertised-prefix-count>{peer.advertised}</advertised-prefix-count></bgp-rib></bgp-peer>"
    )


def _commit(commit: Commit) -> str:
    parts = [
        f"<user>{escape(commit.user)}</user><client>{commit.client}</client>",
        _date(commit.seconds),
    ]
    if commit.comment:
        parts.append(f"<comment>{commit.comment}</comment>")
    if commit.log:
        parts.append(f"<log>{escape(commit.log)}</log>")
    if commit.rollback_pending:
        parts.append("<commit-confirmed>rollback pending</commit-confirmed>")
    return "".join(parts)


def _date(seconds: float) -> str:
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f'<date-time junos:seconds="{int(seconds)}">{text}</date-time>'

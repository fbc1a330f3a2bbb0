"""The operational state of the emulated SR OS router, as far as NAPALM's getters need it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from lxml import etree

from tests.lab.sros_database import Database

STATE_NS = "urn:nokia.com:sros:ns:yang:sr:state"
CONF_NS = "urn:nokia.com:sros:ns:yang:sr:conf"
VERSION = "B-23.10.R1"


@dataclass(slots=True)
class Neighbor:
    """One BGP neighbour, as a test sets it (control operation bgp_neighbors)."""

    address: str
    peer_as: int
    local_as: int = 64496
    state: str = "Established"
    description: str = ""
    received: int = 0
    rejected: int = 0
    active: int = 0
    sent: int = 0


@dataclass(slots=True)
class State:
    """Answers `get`: the system, and the BGP neighbours of the base router."""

    name: str
    database: Database

    def neighbors(self) -> list[Neighbor]:
        """The BGP neighbours; TypeError for a field that there is not."""
        now = self.database.chassis.neighbors.now
        return [Neighbor(**neighbor) for neighbor in now]  # type: ignore[arg-type]

    def xml(self, request: etree._Element) -> str:
        if request.find(".//{*}bgp") is not None:
            return f"{self._bgp_config()}{self._bgp_state()}"
        return self._system()

    def host_name(self) -> str:
        names = [
            text for path, text in self.database.running.texts("name") if path == "system name"
        ]
        return names[0] if names else self.name

    def _system(self) -> str:
        up = int(self.database.chassis.clock.now() * 1000)
        return (
            f'<configure xmlns="{CONF_NS}"><system><name>{escape(self.host_name())}</name></system>'
            f'</configure><state xmlns="{STATE_NS}"><system>'
            f"<oper-name>{escape(self.host_name())}</oper-name>"
            f"<platform>7750 SR-1</platform><version><version-number>{VERSION}</version-number>"
            f"</version><up-time>{up}</up-time></system>"
            "<chassis><chassis-class>router</chassis-class><chassis-number>1</chassis-number>"
            f"<hardware-data><serial-number>LAB-{escape(self.name)}</serial-number>"
            "</hardware-data></chassis>"
            "<router><router-name>Base</router-name><interface><interface-name>system"
            "</interface-name></interface></router></state>\n"
        )

    def _bgp_config(self) -> str:
        items = "".join(
            f"<neighbor><ip-address>{each.address}</ip-address>"
            f"<description>{escape(each.description)}</description>"
            f"<peer-as>{each.peer_as}</peer-as></neighbor>"
            for each in self.neighbors()
        )
        local = min((each.local_as for each in self.neighbors()), default=64496)
        return (
            f'<configure xmlns="{CONF_NS}"><router><router-name>Base</router-name>'
            f"<autonomous-system>{local}</autonomous-system><bgp>{items}</bgp></router></configure>"
        )

    def _bgp_state(self) -> str:
        items = "".join(map(_neighbor, self.neighbors()))
        now = _time(datetime.fromtimestamp(self.database.now(), UTC))
        return (
            f'<state xmlns="{STATE_NS}"><system><current-time>{now}</current-time></system>'
            "<router><router-name>Base</router-name><oper-router-id>192.0.2.2</oper-router-id>"
            f"<bgp>{items}</bgp></router></state>\n"
        )


def _neighbor(each: Neighbor) -> str:
    family = "ipv6" if ":" in each.address else "ipv4"
    return (
        f"<neighbor><ip-address>{each.address}</ip-address><statistics>"
        f"<peer-identifier>192.0.2.1</peer-identifier><session-state>{each.state}</session-state>"
        "<last-established-time>2026-01-01T00:00:00.0Z</last-established-time>"
        f"<negotiated-family>{family.upper()}</negotiated-family><family-prefix><{family}>"
        f"<received>{each.received}</received><active>{each.active}</active>"
        f"<rejected>{each.rejected}</rejected><sent>{each.sent}</sent>"
        f"</{family}></family-prefix></statistics></neighbor>"
    )


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.0Z")

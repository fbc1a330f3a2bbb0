"""The BGP sessions that drivers show, as they are watched."""

from __future__ import annotations

from typing import Any, cast

from napalm.base.base import NetworkDriver
from nornir.core.inventory import Host

from irrgate.bgp import BgpSession
from irrgate.prefixes import Afi
from tasks.bgp import read_neighbours

PEER = {"is_up": True, "address_family": {"ipv4": {"accepted_prefixes": 7}}}


class Shows:
    """A driver that shows these neighbours."""

    def __init__(self, *addresses: str) -> None:
        self._peers: dict[str, Any] = dict.fromkeys(addresses, PEER)

    def get_bgp_neighbors(self) -> dict[str, Any]:
        return {"global": {"router_id": "192.0.2.254", "peers": self._peers}}


def test_a_neighbour_without_an_address_of_its_own_does_not_hide_the_others() -> None:
    """A router that listens for a whole range could not be committed to at all."""
    driver = Shows("*192.0.2.1", "2001:DB8::1", "192.0.2.0/24", "", "fe80::1%Gi1")
    found = read_neighbours(Host("edge1"), cast("NetworkDriver", driver))
    session = BgpSession(is_up=True, accepted={Afi.IPV4: 7})
    assert found == dict.fromkeys(("192.0.2.1", "2001:db8::1", "fe80::1%Gi1"), session)

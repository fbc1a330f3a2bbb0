"""A router's BGP sessions, as its NAPALM driver shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nornir.core.inventory import Host

from irrgate.bgp import BgpSession, Neighbours, neighbour_name
from irrgate.errors import DeviceError
from irrgate.prefixes import Afi
from tasks.device_errors import device_errors

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver

_HINT = "apply: {bgp_check: false} in network.yaml commits without looking at the sessions"


def read_neighbours(host: Host, driver: NetworkDriver) -> Neighbours:
    """Return the sessions of all tables; raises DeviceError where the driver cannot tell."""
    try:
        with device_errors(host, "read the BGP sessions"):
            return dict(_sessions(driver.get_bgp_neighbors()))
    except DeviceError as exc:
        raise DeviceError(exc.subject, exc.reason, hint=exc.hint or _HINT) from exc


def _sessions(tables: dict[str, Any]) -> Iterator[tuple[str, BgpSession]]:
    for vrf, table in tables.items():
        for shown, peer in table["peers"].items():
            # IOS marks a neighbour that came by itself, of a range for which it listens; the
            # range, or a session that is not set up whole, has no address that one could watch.
            address = str(shown).removeprefix("*")
            try:
                name = neighbour_name(vrf, address)
            except ValueError:
                continue
            accepted = {
                afi: count
                for afi in Afi
                if (count := peer["address_family"].get(str(afi), {}).get("accepted_prefixes", -1))
                >= 0
            }
            yield name, BgpSession(bool(peer["is_up"]), accepted)

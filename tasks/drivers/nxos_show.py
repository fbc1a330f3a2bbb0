"""What NX-OS shows, read: the lines that it counts, and its BGP sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from irrgate.platforms.nxos import COUNTED_LINES
from tasks.drivers.errors import CommandFailed

COUNT: Final = f'show running-config | include "{COUNTED_LINES}" | count'

_FAMILIES: Final = {(1, 1): "ipv4", (2, 1): "ipv6", (1, 128): "vpnv4", (2, 128): "vpnv6"}
"""address family and subsequent one, by IANA's numbers"""


def counted_lines(hostname: str, said: str) -> int:
    """Return the number that COUNT printed; raises CommandFailed."""
    try:
        return int(said)
    except ValueError as exc:
        raise CommandFailed(hostname, f"{COUNT}: {said.strip()[:200] or 'said nothing'}") from exc


def no_bgp(exc: CommandFailed) -> bool:
    """Tell whether a BGP command failed since the router runs none: `feature bgp` is off."""
    return "invalid command" in exc.reason.lower()


def neighbours_of(hostname: str, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return NAPALM's get_bgp_neighbors of `show bgp all summary vrf all`, or raise CommandFailed.

    The prefixes of a session are those that the router has in its table from it: after its inbound
    policy, but for a neighbour with `soft-reconfiguration inbound`, of which it keeps all.
    """
    tables: dict[str, Any] = {}
    try:
        for vrf in _rows(summary, "vrf"):
            name = str(vrf["vrf-name-out"])
            peers: dict[str, Any] = {}
            for family, row in _sessions(vrf):
                _add(peers, family, row, str(vrf["vrf-local-as"]))
            tables["global" if name == "default" else name] = {
                "router_id": str(vrf["vrf-router-id"]),
                "peers": peers,
            }
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        reason = f"show bgp all summary vrf all: has a form that is not known ({exc})"
        raise CommandFailed(hostname, reason) from exc
    return tables


def _rows(parent: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a table; NX-OS makes a list of more than one, of tables as of rows."""
    tables = parent.get(f"TABLE_{name}") or []
    for table in tables if isinstance(tables, list) else [tables]:
        rows = table.get(f"ROW_{name}") or []
        yield from rows if isinstance(rows, list) else [rows]


def _sessions(vrf: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for af in _rows(vrf, "af"):
        for saf in _rows(af, "saf"):
            family = _FAMILIES.get((int(af["af-id"]), int(saf["safi"])))
            for neighbour in _rows(saf, "neighbor") if family else ():
                yield str(family), neighbour


def _add(peers: dict[str, Any], family: str, row: Mapping[str, Any], local_as: str) -> None:
    state = str(row["state"])
    is_up = state == "Established"
    peer = peers.setdefault(
        str(row["neighborid"]),
        {
            "local_as": _as_number(local_as),
            "remote_as": _as_number(str(row["neighboras"])),
            "remote_id": "",
            "is_up": False,
            "is_enabled": "shut" not in state.lower() and "admin" not in state.lower(),
            "description": "",
            "uptime": -1,
            "address_family": {},
        },
    )
    peer["is_up"] = peer["is_up"] or is_up
    count = int(row["prefixreceived"]) if is_up else -1
    peer["address_family"][family] = {
        "sent_prefixes": -1,
        "accepted_prefixes": count,
        "received_prefixes": count,
    }


def _as_number(text: str) -> int:
    """Return an ASN in either form: 65550 or 1.14."""
    high, _, low = text.rpartition(".")
    return (int(high) << 16) + int(low) if high else int(low)

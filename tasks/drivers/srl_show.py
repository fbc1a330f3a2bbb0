"""What SR Linux shows of its state, in NAPALM's terms."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from irrgate.platforms.srl_json import bare

_FAMILIES: Final = {"ipv4-unicast": "ipv4", "ipv6-unicast": "ipv6"}


def plain(node: Any) -> Any:
    """Return an answer with its fields' names bare of the modules before them."""
    if isinstance(node, dict):
        return {bare(key): plain(value) for key, value in node.items()}
    return [plain(each) for each in node] if isinstance(node, list) else node


def listed(node: Any, name: str) -> list[dict[str, Any]]:
    """Return the entries of a list in an answer; none where it has no such."""
    found = node.get(name, []) if isinstance(node, dict) else []
    entries = found if isinstance(found, list) else [found]
    return [each for each in entries if isinstance(each, dict)]


def inside(node: Any, *path: str) -> Any:
    """Return what stands at a path of containers; an empty one where there is nothing."""
    for name in path:
        node = node.get(name, {}) if isinstance(node, dict) else {}
    return node


def seconds_between(earlier: object, later: object) -> float:
    """Return the seconds between two of the router's times; -1 where one is missing."""
    try:
        return (_time(later) - _time(earlier)).total_seconds()
    except ValueError:
        return -1.0


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def neighbours(state: Any, now: object) -> dict[str, Any]:
    """Return the BGP sessions of all network instances; `state` is plain."""
    tables: dict[str, Any] = {"global": {"router_id": "", "peers": {}}}
    for instance in listed(state, "network-instance"):
        bgp = inside(instance, "protocols", "bgp")
        if not bgp:
            continue
        table = "global" if instance.get("name") == "default" else str(instance.get("name"))
        peers = {
            str(each["peer-address"]): _peer(each, bgp, now) for each in listed(bgp, "neighbor")
        }
        tables[table] = {"router_id": str(bgp.get("router-id", "")), "peers": peers}
    return tables


def _peer(neighbour: dict[str, Any], bgp: dict[str, Any], now: object) -> dict[str, Any]:
    up = neighbour.get("session-state") == "established"
    own = bgp.get("autonomous-system", -1)
    local_as = inside(neighbour, "local-as").get("as-number", own)
    uptime = seconds_between(neighbour.get("last-established"), now) if up else -1
    return {
        "local_as": int(local_as),
        "remote_as": int(neighbour.get("peer-as", own)),
        "remote_id": str(neighbour.get("peer-router-id", "")) if up else "",
        "is_up": up,
        "is_enabled": neighbour.get("admin-state") == "enable",
        "description": str(neighbour.get("description", "")),
        "uptime": int(uptime),
        "address_family": dict(_counts(neighbour, up=up)),
    }


def _counts(neighbour: dict[str, Any], *, up: bool) -> list[tuple[str, dict[str, int]]]:
    """Return the routes by family: of the list `afi-safi`, or as older releases have it."""
    found = [(bare(str(each.get("afi-safi-name"))), each) for each in listed(neighbour, "afi-safi")]
    found += [
        (name, neighbour[name])
        for name in _FAMILIES
        if "received-routes" in inside(neighbour, name)
    ]
    return [
        (_FAMILIES[name], _routes(each, up=up))
        for name, each in found
        if name in _FAMILIES and each.get("admin-state", "enable") == "enable"
    ]


def _routes(family: dict[str, Any], *, up: bool) -> dict[str, int]:
    def number(name: str) -> int:
        return int(family.get(name, -1)) if up else 0

    received, rejected = number("received-routes"), number("rejected-routes")
    # A route that the policy accepts and that is not the best one is not active.
    accepted = number("active-routes") if min(received, rejected) < 0 else received - rejected
    return {
        "received_prefixes": received,
        "accepted_prefixes": accepted,
        "sent_prefixes": number("sent-routes"),
    }

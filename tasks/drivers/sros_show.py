"""What an SR OS router says of itself and of its BGP sessions, as NAPALM has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from lxml import etree

from tasks.drivers.sros_netconf import BASE, CONF, Netconf, element

_STATE: Final = "urn:nokia.com:sros:ns:yang:sr:state"
_NAMES: Final = {"c": CONF, "s": _STATE}
_UP: Final = "established"


def facts(device: Netconf) -> dict[str, Any]:
    """Return NAPALM's facts; raises as `Netconf.ask` does."""
    root = _got(device, _FACTS)
    name = _text(root, "s:state/s:system/s:oper-name")
    milliseconds = _text(root, "s:state/s:system/s:up-time")
    return {
        "vendor": "Nokia",
        "model": _text(root, "s:state/s:system/s:platform"),
        "hostname": name,
        "fqdn": name,
        "os_version": _text(root, "s:state/s:system/s:version/s:version-number"),
        "serial_number": _text(root, "s:state/s:chassis/s:hardware-data/s:serial-number"),
        "uptime": int(milliseconds) / 1000 if milliseconds.isdecimal() else -1.0,
        "interface_list": [
            (each.text or "").strip()
            for each in root.findall("s:state/s:router/s:interface/s:interface-name", _NAMES)
        ],
    }


def neighbours(device: Netconf) -> dict[str, Any]:
    """Return the BGP sessions by table; raises as `Netconf.ask` does."""
    root = _got(device, _BGP)
    now = _time(_text(root, "s:state/s:system/s:current-time"))
    tables: dict[str, Any] = {}
    for path in ("router", "service/vprn"):
        inside = path.replace("/", "/{}:")
        configured = root.findall(f"c:configure/c:{inside.format('c')}", _NAMES)
        known = {_table(each, "c"): each for each in configured}
        for table in root.findall(f"s:state/s:{inside.format('s')}", _NAMES):
            name = _table(table, "s")
            peers = {
                _text(each, "s:ip-address"): _peer(each, known.get(name), now)
                for each in table.findall("s:bgp/s:neighbor", _NAMES)
            }
            if peers or name == "global":
                tables[name] = {"router_id": _text(table, "s:oper-router-id"), "peers": peers}
    tables.setdefault("global", {"router_id": "", "peers": {}})
    return tables


def _peer(peer: etree._Element, table: etree._Element | None, now: float) -> dict[str, Any]:
    address = _text(peer, "s:ip-address")
    own = None
    for each in () if table is None else table.findall("c:bgp/c:neighbor", _NAMES):
        if _text(each, "c:ip-address") == address:
            own = each
    is_up = _text(peer, "s:statistics/s:session-state").lower() == _UP
    since = _time(_text(peer, "s:statistics/s:last-established-time"))
    local = _text(own, "c:local-as/c:as-number") or _text(table, "c:autonomous-system")
    remote = _text(own, "c:peer-as") or _text(peer, "s:statistics/s:peer-as")
    return {
        "local_as": _number(local),
        "remote_as": _number(remote),
        "remote_id": _text(peer, "s:statistics/s:peer-identifier"),
        "is_up": is_up,
        "is_enabled": _text(own, "c:admin-state") != "disable",
        "description": _text(own, "c:description"),
        "uptime": int(now - since) if is_up and now > 0 and since > 0 else -1,
        "address_family": {
            family: _counts(peer.find(f"s:statistics/s:family-prefix/s:{family}", _NAMES))
            for family in ("ipv4", "ipv6")
            if _speaks(peer, family)
        },
    }


def _speaks(peer: etree._Element, family: str) -> bool:
    """Tell whether a session has the family: the router counts all of them for each session."""
    negotiated = [
        (each.text or "").strip().lower()
        for each in peer.findall("s:statistics/s:negotiated-family", _NAMES)
    ]
    if negotiated:
        return any(each.startswith(family) for each in negotiated)
    return peer.find(f"s:statistics/s:family-prefix/s:{family}", _NAMES) is not None


def _counts(family: etree._Element | None) -> dict[str, int]:
    received, sent = (_number(_text(family, f"s:{each}")) for each in ("received", "sent"))
    rejected, active = (_text(family, f"s:{each}") for each in ("rejected", "active"))
    # What is accepted need not be in use; where the router does not tell, that is the next best.
    accepted = received - int(rejected) if rejected.isdecimal() else _number(active)
    return {
        "received_prefixes": received,
        "accepted_prefixes": accepted,
        "sent_prefixes": sent,
    }


def _got(device: Netconf, selected: str) -> etree._Element:
    filtered = etree.fromstring(f'<filter xmlns="{BASE}" type="subtree">{selected}</filter>')
    data = device.data(element("get", filtered))
    return etree.fromstring(
        f"<data>{data}</data>".encode(), etree.XMLParser(resolve_entities=False, huge_tree=True)
    )


def _table(table: etree._Element, prefix: str) -> str:
    name = _text(table, f"{prefix}:service-name") or _text(table, f"{prefix}:router-name")
    return "global" if name in {"", "Base"} else name


def _text(root: etree._Element | None, path: str) -> str:
    return "" if root is None else (root.findtext(path, "", _NAMES) or "").strip()


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _time(text: str) -> float:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0


_FACTS: Final = (
    f'<state xmlns="{_STATE}"><chassis><hardware-data><serial-number/></hardware-data></chassis>'
    "<system><oper-name/><up-time/><platform/><version><version-number/></version></system>"
    "<router><interface><interface-name/></interface></router></state>"
)
_CONFIGURED: Final = (
    "<autonomous-system/><bgp><neighbor><ip-address/><admin-state/><description/><peer-as/>"
    "<local-as><as-number/></local-as></neighbor></bgp>"
)
_STATISTICS: Final = (
    # The statistics whole: what a release calls them in detail is not asked for by name.
    "<oper-router-id/><bgp><neighbor><ip-address/><statistics/></neighbor></bgp>"
)
_BGP: Final = (
    f'<configure xmlns="{CONF}"><router><router-name/>{_CONFIGURED}</router>'
    f"<service><vprn><service-name/>{_CONFIGURED}</vprn></service></configure>"
    f'<state xmlns="{_STATE}"><system><current-time/></system>'
    f"<router><router-name/>{_STATISTICS}</router>"
    f"<service><vprn><service-name/>{_STATISTICS}</vprn></service></state>"
)

"""What an IOS-XR router answers by NETCONF, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import napalm.base.helpers
from lxml import etree

_CLI: Final = "{http://cisco.com/ns/yang/Cisco-IOS-XR-cli-cfg}cli"
_BGP: Final = {"bgp": "http://cisco.com/ns/yang/Cisco-IOS-XR-ipv4-bgp-oper"}
_INSTANCES: Final = ".//bgp:bgp/bgp:instances/bgp:instance/bgp:instance-active"
_FAMILIES: Final = {
    "ipv4": "ipv4",
    "ipv4-unicast": "ipv4",
    "ipv6": "ipv6",
    "ipv6-unicast": "ipv6",
}
"""by the model's name of an address family: NAPALM's"""
_LOCKED: Final = frozenset({"lock-denied", "in-use", "resource-denied"})
_LOCK = re.compile(r"\block(?:ed|s)?\b", re.IGNORECASE)
_SESSION_ID = re.compile(r"session-id[^>]*>\s*([0-9]+)\s*<")
_HEADER = re.compile(r"Building configuration.*|!!.*|end|[A-Z][a-z]{2} [A-Z][a-z]{2} .*[0-9]{2}:.*")
_MAX_ERRORS: Final = 5
_NO_CLI: Final = "IOS-XR 7.0 or later is needed, which takes its configuration as CLI text"


def parse(answer: str) -> Any:
    """Return the root of an answer; 100,000 prefixes are one text node."""
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    return etree.fromstring(answer.encode(), parser)


def cli_text(answer: str) -> str:
    """Return the configuration of an answer to get-config; empty where there is none in it."""
    found = parse(answer).find(f".//{_CLI}")
    return "" if found is None else (found.text or "").strip() + "\n"


def clean_diff(answer: str) -> str:
    """Return the diff of an answer, without the version, times and `end` around it."""
    root = parse(answer)
    text = (root[0].text or "") if len(root) else ""
    lines = [line.rstrip() for line in text.strip("\n").split("\n")]
    return "\n".join(line for line in lines if not _HEADER.fullmatch(line)).strip("\n")


def said(exc: Any) -> tuple[str, str]:
    """Return the router's words of an RPCError, and what to do about it, or nothing."""
    found = list(dict.fromkeys(_one(each) for each in exc.errlist or [exc]))
    more = len(found) - _MAX_ERRORS
    told = [*found[:_MAX_ERRORS], f"and {more} more"] if more > 0 else found
    old = any(each.tag == "unknown-namespace" for each in exc.errlist or [exc])
    return "; ".join(told), _NO_CLI if old else ""


def is_locked(exc: BaseException | None) -> bool:
    """Tell whether a router's no is that of one at which somebody else is at work."""
    for each in getattr(exc, "errlist", None) or [exc]:
        if getattr(each, "tag", None) in _LOCKED:
            return True
        if _LOCK.search(getattr(each, "message", None) or ""):
            return True
    return False


def is_warning(exc: Any) -> bool:
    """Tell whether an RPCError has nothing but warnings, with which a request is done."""
    errors = getattr(exc, "errlist", None) or [exc]
    return all(getattr(each, "severity", None) == "warning" for each in errors)


def lock_holder(exc: Any) -> str | None:
    """Return who holds the lock that was not granted; None where that is not what was said."""
    if not is_locked(exc):
        return None
    session = lock_session(exc)
    if session is None:
        return "somebody else holds the lock on its configuration"
    who = "a session of the command line" if session == "0" else f"session {session}"
    return f"{who} holds the lock on its configuration"


def lock_session(exc: Any) -> str | None:
    """Return the session-id of who holds the lock, where the router says it."""
    for each in getattr(exc, "errlist", None) or [exc]:
        if match := _SESSION_ID.search(getattr(each, "info", None) or ""):
            return match[1]
    return None


def _one(error: Any) -> str:
    message = " ".join((error.message or "").split())
    # IOS-XR leaves the message out of many errors.
    bad = re.search(r"bad-element[^>]*>([^<]+)<", error.info or "")
    about = f" ({bad[1]})" if bad and bad[1] not in message else ""
    return f"{message or error.tag or 'refused without a word'}{about}"


def bgp_tables(answer: str) -> dict[str, dict[str, Any]]:
    """Return NAPALM's get_bgp_neighbors of an answer."""
    root = parse(answer)
    tables: dict[str, dict[str, Any]] = {"global": {"router_id": "", "peers": {}}}
    for table in root.iterfind(f"{_INSTANCES}/bgp:default-vrf", _BGP):
        tables["global"] = _table(table)
    for table in root.iterfind(f"{_INSTANCES}/bgp:vrfs/bgp:vrf", _BGP):
        tables[_text(table, "vrf-name")] = _table(table)
    return tables


def _table(table: Any) -> dict[str, Any]:
    return {
        "router_id": _text(table, "global-process-info/bgp:vrf/bgp:router-id"),
        "peers": dict(_peers(table)),
    }


def _peers(table: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in table.iterfind("bgp:neighbors/bgp:neighbor", _BGP):
        is_up = _text(each, "connection-state") == "bgp-st-estab"
        yield (
            napalm.base.helpers.ip(_text(each, "neighbor-address")),
            {
                "local_as": _number(each, "local-as"),
                "remote_as": _number(each, "remote-as"),
                "remote_id": _text(each, "router-id"),
                "description": _text(each, "description"),
                "is_enabled": _text(each, "is-administratively-shut-down") != "true",
                "is_up": is_up,
                "uptime": _number(each, "connection-established-time") if is_up else -1,
                "address_family": dict(_families(each)),
            },
        )


def _families(neighbor: Any) -> Iterator[tuple[str, dict[str, int]]]:
    for data in neighbor.iterfind("bgp:af-data", _BGP):
        name = _text(data, "af-name")
        accepted = _number(data, "prefixes-accepted")
        yield (
            _FAMILIES.get(name, name),
            {
                "received_prefixes": accepted + _number(data, "prefixes-denied"),
                "accepted_prefixes": accepted,
                "sent_prefixes": _number(data, "prefixes-advertised"),
            },
        )


def _text(element: Any, path: str) -> str:
    return str(element.findtext(f"bgp:{path}", "", _BGP)).strip()


def _number(element: Any, path: str) -> int:
    text = _text(element, path)
    return int(text) if text.isdecimal() else 0

"""What `birdc show` prints, as values."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

_PROTOCOL = re.compile(r"^(\S+) +BGP +\S+ +(\S+)( .*)?$")
_CHANNEL = re.compile(r"^  Channel (\S+)$")
_FIELD = re.compile(r"^ {2,}([A-Za-z][A-Za-z -]*[A-Za-z]): +(.*?) *$")
_ROUTES = re.compile(r"([0-9]+) (imported|filtered|exported|preferred)")
_CHANNELS: Final = ("ipv4", "ipv6")
_VERSION = re.compile(r"^BIRD ([0-9]\S*)$", re.MULTILINE)


def status_value(status: str, label: str) -> str:
    """Return what stands after a label of `show status`; empty where it is not there."""
    found = re.search(rf"^{label} (.*)$", status, re.MULTILINE)
    return found[1].strip() if found else ""


def version(status: str) -> str:
    """Return BIRD's version, or nothing."""
    found = _VERSION.search(status)
    return found[1] if found else ""


def uptime(status: str) -> float:
    """Return the seconds since BIRD was started; -1 where its time format does not tell."""
    try:
        now = datetime.fromisoformat(status_value(status, "Current server time is"))
        start = datetime.fromisoformat(status_value(status, "Last reboot on"))
    except ValueError:
        return -1.0
    return (now - start).total_seconds()


def interfaces(summary: str) -> list[str]:
    """Return the names of `show interfaces summary`."""
    rows = [line.split() for line in summary.splitlines()]
    return [row[0] for row in rows if len(row) > 1 and row[1].lower() in {"up", "down"}]


def neighbours(protocols: str) -> dict[str, dict[str, Any]]:
    """Return the BGP sessions of `show protocols all` by the neighbour's address, as NAPALM has it.

    A session that is not up has no counts: -1.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, state, lines in _protocols(protocols):
        peer, address = _peer(name, state, lines)
        # Of two sessions with one address, in two VRFs, the one that is up tells more.
        if address and (address not in found or peer["is_up"]):
            found[address] = peer
    return found


def _protocols(text: str) -> list[tuple[str, str, list[str]]]:
    protocols: list[tuple[str, str, list[str]]] = []
    lines: list[str] | None = None
    for line in text.splitlines():
        if line and not line[0].isspace():
            match = _PROTOCOL.fullmatch(line)
            lines = [] if match else None
            if match and lines is not None:
                protocols.append((match[1], match[2], lines))
        elif lines is not None:
            lines.append(line)
    return protocols


def _peer(name: str, state: str, lines: list[str]) -> tuple[dict[str, Any], str]:
    fields: dict[str, str] = {}
    channels: dict[str, dict[str, str]] = {}
    into = fields
    for line in lines:
        if match := _CHANNEL.fullmatch(line):
            into = channels.setdefault(match[1], {})
        elif match := _FIELD.fullmatch(line):
            into.setdefault(match[1], match[2])
    up = fields.get("BGP state") == "Established"
    peer = {
        "local_as": _number(fields.get("Local AS")),
        "remote_as": _number(fields.get("Neighbor AS")),
        "remote_id": fields.get("Neighbor ID", ""),
        "is_up": up,
        "is_enabled": state != "down",
        "description": fields.get("Description", name),
        "uptime": -1,
        "address_family": {
            each: _counts(channels[each] if up else {}) for each in _CHANNELS if each in channels
        },
    }
    # `fe80::1%eth0` for a link-local one.
    return peer, fields.get("Neighbor address", "").partition("%")[0]


def _counts(channel: dict[str, str]) -> dict[str, int]:
    if channel.get("State") != "UP":
        return {"received_prefixes": -1, "accepted_prefixes": -1, "sent_prefixes": -1}
    routes = {word: int(count) for count, word in _ROUTES.findall(channel.get("Routes", ""))}
    accepted = routes.get("imported", -1)
    # What was refused is counted only where the user lets BIRD keep it.
    received = accepted + routes["filtered"] if "filtered" in routes else -1
    return {
        "received_prefixes": received,
        "accepted_prefixes": accepted,
        "sent_prefixes": routes.get("exported", -1),
    }


def _number(text: str | None) -> int:
    digits = (text or "").split(" ")[0]
    return int(digits) if digits.isdigit() else -1

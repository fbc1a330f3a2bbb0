"""What an emulated EOS answers to `show` commands: JSON models, or text.

Only what NAPALM's EOSDriver asks. Values that no test depends on are fixed ones.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

from tests.lab.eos_config import EosConfig
from tests.lab.eos_diff import diff
from tests.lab.eos_prefix_list import CommandRefused, invalid
from tests.lab.eos_switch import (
    FOREIGN_SESSION,
    MAX_PENDING,
    EosSwitch,
    Session,
    SessionState,
)

Json = dict[str, object]

_FIRST_UPTIME: Final = 86400.0  # seconds that the switch was up when its process started
BGP_SHOWS: Final = {
    "show ip bgp summary vrf all": "summary",
    "show ipv6 bgp summary vrf all": "summary",
    "show ip bgp neighbors vrf all": "neighbors",
    "show ipv6 bgp peers vrf all": "neighbors",
}


def show_json(switch: EosSwitch, command: str) -> Json:
    """The JSON of a show command; CommandRefused (1003) where EOS, or this lab, has text only."""
    match command:
        case "show version":
            return _version(switch)
        case "show hostname":
            name = switch.running_config.hostname
            return {"hostname": name, "fqdn": name}
        case "show interfaces":
            return _interfaces(switch.running_config)
        case "show configuration sessions":
            return _sessions(switch, detail=False)
        case "show configuration sessions detail":
            return _sessions(switch, detail=True)
    if command in BGP_SHOWS:
        return _bgp(switch, command)
    show_text(switch, command)
    raise CommandRefused(1003, "This is an unconverted command")


def show_text(switch: EosSwitch, command: str) -> str:
    """The text of a show command; CommandRefused (1002) for one that the lab does not have."""
    words = command.split()
    if words[1] == "running-config":
        return _running(switch, command, words)
    if command == "show startup-config":
        return switch.startup_text.replace("show running-config", command, 1)
    if words[1:3] == ["session-config", "named"] and len(words) in (4, 5):
        session = switch.find(words[3])
        if words[4:] == ["diffs"]:
            return diff(switch.running_config, session.config, session.name)
        if words[4:] in ([], ["sanitized"]):
            return session.config.text(command, switch.description)
    if command.startswith("show configuration sessions"):
        return _sessions_text(switch)
    if command == "show version":
        return f"Arista vEOS-lab\nSoftware image version: {switch.version}\n"
    raise invalid(command, min(len(words) - 1, 1))


def _running(switch: EosSwitch, command: str, words: list[str]) -> str:
    if words[2:3] == ["section"] and len(words) > 3:
        wanted = " ".join(words[3:])
        config = switch.running_config
        headers = [header for _, header in config.blocks() if wanted in header]
        return "".join("\n".join(config.block_lines(h)) + "\n" for h in headers)
    if words[2:] not in ([], ["all"], ["sanitized"], ["all", "sanitized"]):
        raise invalid(command, 2)
    return switch.running_text.replace("show running-config", command, 1)


def _version(switch: EosSwitch) -> Json:
    uptime = _FIRST_UPTIME + switch.chassis.clock.now()
    return {
        "modelName": "vEOS-lab",
        "version": switch.version,
        "internalVersion": f"{switch.version}-1.1",
        "serialNumber": f"LAB-{switch.chassis.options.name}",
        "systemMacAddress": "00:1c:73:00:00:01",
        "uptime": uptime,
        "bootupTimestamp": time.time() - uptime,
        "memTotal": 4002360,
        "memFree": 2700192,
    }


def _interfaces(config: EosConfig) -> Json:
    names = [header.split()[1] for header in config.stanzas if header.startswith("interface ")]
    return {
        "interfaces": {
            name: {
                "name": name,
                "interfaceStatus": "connected",
                "lineProtocolStatus": "up",
                "hardware": "ethernet",
                "description": "",
                "mtu": 1500,
                "bandwidth": 10_000_000_000,
                "physicalAddress": "00:1c:73:00:00:01",
            }
            for name in names or ["Management1"]
        }
    }


def _sessions(switch: EosSwitch, *, detail: bool) -> Json:
    """As napalm issue 2166 quotes both forms: EOS 4.32 moved the timer out of the session."""
    new_form = _version_numbers(switch.version) >= (4, 32)
    sessions = {s.name: _session(switch, s, new_form=new_form) for s in switch.sessions.values()}
    if switch.chassis.faults.foreign_lock() is not None:
        sessions[FOREIGN_SESSION] = {"state": "pending", "commitUser": "", "instances": {}}
    answer: Json = {
        "sessions": sessions,
        "maxSavedSessions": 1,
        "maxOpenSessions": MAX_PENDING,
        "mergeOnCommit": False,
        "saveToStartupConfigOnCommit": False,
    }
    waiting = [s for s in switch.sessions.values() if s.state is SessionState.PENDING_TIMER]
    if detail and new_form and waiting:
        answer["commitTimerSessionName"] = waiting[0].name
        answer["commitTimerExpireTime"] = _FIRST_UPTIME + waiting[0].expires_at
    return answer


def _session(switch: EosSwitch, session: Session, *, new_form: bool) -> Json:
    answer: Json = {"state": str(session.state), "description": "", "instances": {}}
    if session.state is SessionState.PENDING:
        return {**answer, "commitUser": ""}
    answer |= {"commitUser": session.user, "completedTime": session.completed_at}
    if new_form:
        answer["state"] = "committed"
    elif session.state is SessionState.PENDING_TIMER:
        answer["commitBy"] = _FIRST_UPTIME + session.expires_at
    return answer


def _version_numbers(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _sessions_text(switch: EosSwitch) -> str:
    head = "Maximum number of completed sessions: 1\n"
    head += f"Maximum number of pending sessions: {MAX_PENDING}\n\n"
    rows = [f"  {s.name}  {s.state}  {s.user}\n" for s in switch.sessions.values()]
    return head + "  Name  State  User\n" + "".join(rows)


def _bgp(switch: EosSwitch, command: str) -> Json:
    """The neighbours that the control operation `neighbors` set, by their address family.

    A neighbour is an `address` and `asn`, and may have `state` (Established), `description`,
    `received`, `accepted` and `sent` prefixes, and `uptime` in seconds.
    """
    local_asn, router_id = _bgp_process(switch.running_config)
    wanted = [n for n in switch.chassis.neighbors.now if _is_v6(n) == ("ipv6" in command)]
    if BGP_SHOWS[command] == "summary":
        peers = {str(n["address"]): _summary(n) for n in wanted}
        vrf: Json = {"vrf": "default", "routerId": router_id, "asn": local_asn, "peers": peers}
    else:
        vrf = {"peerList": [_neighbor(n, local_asn) for n in wanted]}
    return {"vrfs": {"default": vrf}}


def _bgp_process(config: EosConfig) -> tuple[str, str]:
    for header, stanza in config.stanzas.items():
        if header.startswith("router bgp "):
            found = [line.split()[1] for line in stanza[""] if line.startswith("router-id ")]
            return header.split()[2], found[0] if found else "192.0.2.1"
    return "0", "0.0.0.0"


def _is_v6(neighbor: Mapping[str, object]) -> bool:
    return ":" in str(neighbor["address"])


def _summary(neighbor: Mapping[str, object]) -> Json:
    return {
        "asn": str(neighbor["asn"]),
        "peerState": neighbor.get("state", "Established"),
        "prefixReceived": neighbor.get("received", 0),
        "prefixAccepted": neighbor.get("accepted", 0),
        "upDownTime": time.time() - float(str(neighbor.get("uptime", 3600))),
    }


def _neighbor(neighbor: Mapping[str, object], local_asn: str) -> Json:
    v6 = _is_v6(neighbor)
    received, sent = neighbor.get("received", 0), neighbor.get("sent", 0)
    return {
        "peerAddress": neighbor["address"],
        "localAsn": local_asn,
        "asn": str(neighbor["asn"]),
        "routerId": neighbor.get("router_id", "192.0.2.254"),
        "state": neighbor.get("state", "Established"),
        "idleReason": neighbor.get("idle_reason", ""),
        "description": neighbor.get("description", ""),
        "establishedTime": neighbor.get("uptime", 3600),
        "prefixesReceived": 0 if v6 else received,
        "prefixesSent": 0 if v6 else sent,
        "v6PrefixesReceived": received if v6 else 0,
        "v6PrefixesSent": sent if v6 else 0,
    }

"""A router with RouterOS 7: what is asked of it over the API, and how chains are changed there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

from irrgate.platforms.ros import END
from irrgate.platforms.ros_rules import REJECT, escaped
from tasks.drivers.errors import CommandFailed
from tasks.drivers.ros_api import Command, RosApi, Row
from tasks.drivers.ros_change import ChainChange, ChainsChange, RouterRule

_RULES: Final = "/routing/filter/rule"
_MENUS: Final = (
    "/routing/filter/select-rule",
    "/routing/bgp/instance",
    "/routing/bgp/template",
    "/routing/bgp/connection",
    "/routing/bgp/vpn",
    "/routing/bgp/evpn",
    "/routing/ospf/instance",
    "/routing/rip/instance",
    "/routing/isis/instance",
    "/routing/isis/interface-template",
)
"""where a configuration can name a chain; which of them there are depends on the version"""
_MISSING: Final = "no such command"
_SECRET: Final = re.compile(r"(^|[.-])(key|password|secret)s?($|[.-])")
_BARE: Final = re.compile(r"[A-Za-z0-9._:/,@*+-]+")
_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION: Final = re.compile(r"(\d+)(ms|[wdhms])")
_FAMILIES: Final = {"ip": "ipv4", "ipv6": "ipv6"}


class RosRouter:
    """The router behind a session."""

    def __init__(self, hostname: str, api: RosApi) -> None:
        self._hostname = hostname
        self._api = api

    def rules(self) -> list[RouterRule]:
        """Return all filter rules in their order; raises CommandFailed where some are missing."""
        rows = self._api.ask(f"{_RULES}/print", "=.proplist=.id,chain,rule,disabled,invalid")
        there = self._api.count(f"{_RULES}/print")
        if there != len(rows):
            reason = f"sent {len(rows):,} filter rules and has {there:,}: they are being changed"
            raise CommandFailed(self._hostname, reason, hint="try again")
        return [
            RouterRule(
                row[".id"],
                row.get("chain", ""),
                row.get("rule", ""),
                row.get("disabled") in {"true", "yes"},
                row.get("invalid") in {"true", "yes"},
            )
            for row in rows
        ]

    def running(self) -> str:
        """Return the filter rules and what may refer to them, as `/export terse` has them."""
        lines = [
            f"/routing filter rule add chain={_value(rule.chain)}{_flag(rule)} "
            f'rule="{escaped(rule.text)}"'
            for rule in self.rules()
        ]
        for menu in _MENUS:
            path = menu.replace("/", " ").strip()
            lines += (f"/{path} add{words}" for words in map(_words, self._rows(menu)))
        return "\n".join((*lines, END, ""))

    def _rows(self, menu: str) -> list[Row]:
        try:
            return self._api.ask(f"{menu}/print")
        except CommandFailed as exc:
            if _MISSING in exc.reason:
                return []
            raise

    def change(self, change: ChainsChange) -> None:
        """Add rules, and then remove others; raises CommandFailed with the router's words.

        No rule goes before all that come are there, nor before its turn: see
        irrgate.platforms.ros_delta.
        """
        ends = self._reject([each for each in change.chains if each.reject])
        adds = [
            _add(each.name, text, each.before or ends.get(each.name, ""))
            for each in change.chains
            for text in each.added
        ]
        self._api.run(adds)
        for turn in zip_longest(*(each.removed for each in change.chains), fillvalue=()):
            self._remove(rule for rules in turn for rule in rules)

    def _reject(self, chains: Sequence[ChainChange]) -> dict[str, str]:
        """Add the `reject` of each; returns its id, by chain."""
        returned = self._api.run([_add(each.name, REJECT, "") for each in chains])
        return {each.name: end for each, end in zip(chains, returned, strict=True)}

    def _remove(self, rules: Iterator[RouterRule]) -> None:
        self._api.run([(f"{_RULES}/remove", f"=.id={rule.id}") for rule in rules])

    def facts(self) -> dict[str, Any]:
        """Return NAPALM's facts."""
        [resource] = self._api.ask("/system/resource/print")
        [identity] = self._api.ask("/system/identity/print")
        board = next(iter(self._rows("/system/routerboard")), {})
        interfaces = self._api.ask("/interface/print", "=.proplist=name")
        name = identity.get("name", "")
        return {
            "uptime": _seconds(resource.get("uptime", "")),
            "vendor": resource.get("platform", "MikroTik"),
            "os_version": resource.get("version", ""),
            "serial_number": board.get("serial-number", ""),
            "model": resource.get("board-name", ""),
            "hostname": name,
            "fqdn": name,
            "interface_list": [row["name"] for row in interfaces],
        }

    def version(self) -> str:
        """Return the version, such as `7.16.1 (stable)`."""
        [resource] = self._api.ask("/system/resource/print", "=.proplist=version")
        return resource.get("version", "")

    def neighbours(self) -> dict[str, Any]:
        """Return the BGP sessions by VRF and the neighbour's address."""
        connections = {row.get("name", ""): row for row in self._rows("/routing/bgp/connection")}
        tables: dict[str, Any] = {}
        for row in self._rows("/routing/bgp/session"):
            # A session has the name of its connection, and a number.
            connection = connections.pop(row.get("name", "").rpartition("-")[0], {})
            _put(tables, connection, row)
        for connection in connections.values():
            _put(tables, connection, {})
        return tables


def _add(chain: str, text: str, before: str) -> Command:
    words = (f"{_RULES}/add", f"=chain={chain}", f"=rule={text}")
    return (*words, f"=place-before={before}") if before else words


def _flag(rule: RouterRule) -> str:
    if rule.disabled:
        return " disabled=yes"
    return " invalid=yes" if rule.invalid else ""


def _words(row: Row) -> str:
    shown = sorted((name, text) for name, text in row.items() if not _SECRET.search(name))
    return "".join(f" {name}={_value(text)}" for name, text in shown if name != ".id")


def _value(text: str) -> str:
    return text if _BARE.fullmatch(text) else f'"{escaped(text)}"'


def _seconds(duration: str) -> float:
    """Return the seconds of RouterOS's `1w2d3h4m5s`; -1.0 for what is none."""
    found = _DURATION.findall(duration)
    return float(sum(int(n) * _UNITS.get(unit, 0) for n, unit in found)) if found else -1.0


def _put(tables: dict[str, Any], connection: Row, session: Row) -> None:
    """Put a session, or a connection without one, into its table as NAPALM has it."""
    address = session.get("remote.address") or connection.get("remote.address", "")
    vrf = session.get("vrf") or connection.get("vrf") or connection.get("routing-table", "main")
    router_id = session.get("local.id") or connection.get("router-id", "")
    table = tables.setdefault("global" if vrf == "main" else vrf, {"router_id": "", "peers": {}})
    table["router_id"] = table["router_id"] or router_id
    afis = session.get("remote.afi") or session.get("local.afi")
    afis = afis or connection.get("address-families") or connection.get("afi") or "ip"
    families = [_FAMILIES[afi] for afi in afis.split(",") if afi in _FAMILIES]
    # It is one number for all families, and a loss in one must not be taken for one in another.
    count = _number(session.get("prefix-count", "")) if len(families) == 1 else -1
    prefixes = {"sent_prefixes": -1, "accepted_prefixes": count, "received_prefixes": count}
    table["peers"][address.partition("/")[0].partition("%")[0]] = {
        "local_as": _number(session.get("local.as") or connection.get("as", "")),
        "remote_as": _number(session.get("remote.as") or connection.get("remote.as", "")),
        "remote_id": session.get("remote.id", ""),
        "is_up": session.get("established") == "true",
        "is_enabled": connection.get("disabled") != "true",
        "description": connection.get("comment", "") or connection.get("name", ""),
        "uptime": max(int(_seconds(session.get("uptime", ""))), -1),
        "address_family": {family: dict(prefixes) for family in families},
    }


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0

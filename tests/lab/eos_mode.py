"""The configuration mode of an emulated EOS: one line after the other, into a configuration.

Lines come without indentation (NAPALM strips it), so a line goes where EOS would put it: to the
mode that it is in, else to a parent's. Only prefix lists have a grammar; of the rest the first
words must be ones that EOS has there, and the line is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tests.lab.eos_config import EosConfig, ListKey
from tests.lab.eos_prefix_list import MAX_SEQUENCE, CommandRefused, add_entry, check_name, invalid

_GLOBAL: Final = re.compile(
    r"aaa|agent|alias|banner|boot|clock|daemon|enable|errdisable|event-handler|hardware|hostname"
    r"|interface|ip|ipv6|lldp|logging|mac|management|monitor|mpls|ntp|peer-filter|platform"
    r"|queue-monitor|radius-server|route-map|router|service|sflow|snmp-server|spanning-tree"
    r"|system|tacacs-server|transceiver|tunnel|username|vlan|vrf"
)
_ONE_LINE: Final = re.compile(
    r"(?:aaa|alias|boot|clock|enable|hostname|logging|mac|ntp|radius-server|service|snmp-server"
    r"|spanning-tree|system|tacacs-server|transceiver|username|ip (?!access-list)\S+"
    r"|ipv6 (?!access-list)\S+)\b"
)
_IN: Final = {
    "interface": re.compile(
        r"bfd|channel-group|description|encapsulation|flowcontrol|ip|ipv6|lacp|lldp|load-interval"
        r"|logging|mac|mpls|mtu|no-autostate|service-policy|sflow|shutdown|snmp|spanning-tree"
        r"|speed|storm-control|switchport|tcp|vrf|vxlan"
    ),
    "router": re.compile(
        r"address-family|aggregate-address|bgp|default|default-metric|distance|dynamic"
        r"|graceful-restart|graceful-restart-helper|ip|ipv6|isis|maximum-paths|neighbor|net"
        r"|network|ospf|passive-interface|rd|redistribute|route-target|router-id|shutdown|timers"
        r"|ucmp|update|vlan|vrf"
    ),
    "route-map": re.compile(r"continue|description|match|set|sub-route-map"),
}
_INTERFACE_IP: Final = re.compile(
    r"access-group|address|enable|helper-address|igmp|nd|ospf|pim|proxy-arp|verify|virtual-router"
    r"|mtu"
)
_NESTED: Final = ("address-family", "vrf", "vlan")
_VALUED: Final = re.compile(
    r"(neighbor \S+ (?:prefix-list|route-map))(?: \S+)( in| out)$"
    r"|(neighbor \S+ (?:remote-as|description|maximum-routes|peer group|update-source))(?: .*)()$"
    r"|(description|mtu|router-id|ip address|speed|maximum-paths|vrf|hostname)(?: .*)()$"
)


class ConfigMode:
    """A configuration session's mode, over one request; the configuration outlives it."""

    def __init__(self, config: EosConfig, max_sequence: int = MAX_SEQUENCE) -> None:
        self._config = config
        self._max_sequence = max_sequence
        self._list: ListKey | None = None
        self._stanza = ""
        self._nested = ""
        self.at = 0  # the index of the line that `feed` looked at last

    @property
    def is_top(self) -> bool:
        """Whether `exit` would leave configuration mode."""
        return self._list is None and not self._stanza

    def leave(self) -> None:
        """Leave the innermost mode, as `exit` does."""
        if self._nested:
            self._nested = ""
        else:
            self._list, self._stanza = None, ""

    def feed(self, lines: Sequence[str], start: int, stop: int) -> None:
        """Apply lines[start:stop]; CommandRefused at the line `at`, the ones before applied."""
        index = start
        while index < stop:
            if self._list is not None:
                index = self._entries(lines, index, stop)
                if index == stop:
                    break
            self.at = index
            self._line(lines[index])
            index += 1

    def _entries(self, lines: Sequence[str], index: int, stop: int) -> int:
        assert self._list is not None
        entries = self._config.entries_of(self._list)
        for at in range(index, stop):
            line = lines[at]
            if not line.startswith(("seq ", "permit ", "deny ", "remark ")):
                return at
            self.at = at
            add_entry(entries, self._list[0], line, self._max_sequence)
        return stop

    def _line(self, line: str) -> None:
        words = line.split()
        if not words or words[0].startswith("!"):
            return
        if words[0] == "exit":
            self.leave()
            return
        negated = words[0] in ("no", "default")
        rest = words[1:] if negated else words
        if not rest:
            raise invalid(line, len(words))
        if self._list is not None and rest[0] in ("seq", "permit", "deny", "remark"):
            self._remove_entry(line, rest)
        elif self._stanza and self._belongs(rest):
            self._stanza_line(" ".join(rest), words, negated=negated)
        elif not _GLOBAL.fullmatch(rest[0]):
            raise invalid(line, len(words) - len(rest))
        else:
            self._list, self._stanza, self._nested = None, "", ""
            self._global(line, rest, negated=negated)

    def _remove_entry(self, line: str, rest: list[str]) -> None:
        if rest[0] != "seq" or len(rest) < 2 or not rest[1].isdecimal():
            raise invalid(line, 2 if rest[0] == "seq" else 1)
        assert self._list is not None
        self._config.entries_of(self._list).remove(int(rest[1]))

    def _belongs(self, rest: list[str]) -> bool:
        kind = self._stanza.split(" ")[0]
        known = _IN.get(kind)
        if known is None:
            return not _GLOBAL.fullmatch(rest[0])
        if kind == "interface" and rest[0] in ("ip", "ipv6"):
            return len(rest) > 1 and bool(_INTERFACE_IP.fullmatch(rest[1]))
        if kind == "router" and rest[0] in ("ip", "ipv6"):
            return len(rest) > 1 and rest[1] == "access-group"
        return bool(known.fullmatch(rest[0]))

    def _stanza_line(self, text: str, words: list[str], *, negated: bool) -> None:
        stanza = dict(self._config.stanzas[self._stanza])
        kind = self._stanza.split(" ")[0]
        if kind == "router" and text.startswith(_NESTED):
            if negated:
                stanza.pop(text, None)
            else:
                self._nested = text
                stanza.setdefault(text, ())
        else:
            held = stanza[self._nested]
            if words[:2] == ["no", "switchport"]:
                text, negated = "no switchport", False
            key = _value_key(text)
            kept = tuple(line for line in held if not _same(line, text, key, negated=negated))
            if not negated and text in held:
                kept = held
            elif not negated:
                kept = (*kept, text)
            stanza[self._nested] = kept
        self._config.stanzas[self._stanza] = stanza

    def _global(self, line: str, rest: list[str], *, negated: bool) -> None:
        if rest[0] in ("ip", "ipv6") and len(rest) > 1 and rest[1] == "prefix-list":
            self._prefix_list(line, rest, negated=negated)
            return
        header = " ".join(rest)
        if negated:
            for held in [h for h in self._config.stanzas if f"{h} ".startswith(f"{header} ")]:
                del self._config.stanzas[held]
            return
        if len(rest) < 2:
            raise invalid(line, 1)
        if rest[0] == "hostname":
            for held in [h for h in self._config.stanzas if h.startswith("hostname ")]:
                del self._config.stanzas[held]
        self._config.stanzas.setdefault(header, {"": ()})
        if not _ONE_LINE.match(header):
            self._stanza = header

    def _prefix_list(self, line: str, rest: list[str], *, negated: bool) -> None:
        shift = 1 if negated else 0
        if len(rest) < 3:
            raise invalid(line, len(rest) + shift)
        check_name(line, rest[2], 2 + shift)
        key = (rest[0], rest[2])
        if negated:
            self._no_prefix_list(line, rest, key)
        elif len(rest) == 3:
            self._config.entries_of(key)
            self._list = key
        elif rest[3] in ("seq", "permit", "deny", "remark"):
            try:
                entries = self._config.entries_of(key)
                add_entry(entries, rest[0], " ".join(rest[3:]), self._max_sequence)
            except CommandRefused as exc:
                raise _shifted(exc) from None
        else:
            raise invalid(line, 3)

    def _no_prefix_list(self, line: str, rest: list[str], key: ListKey) -> None:
        if len(rest) == 3:
            # Whatever refers to it: EOS takes route-maps that match lists which are not there
            # (aristanetworks/avd, issue 6803, has such configs).
            self._config.remove_list(key)
        elif rest[3] == "seq" and len(rest) >= 5 and rest[4].isdecimal():
            if key in self._config.lists:
                self._config.entries_of(key).remove(int(rest[4]))
        else:
            raise invalid(line, 4 if rest[3] != "seq" else 5)


def _value_key(text: str) -> str | None:
    match = _VALUED.match(text)
    return None if match is None else "".join(part for part in match.groups() if part)


def _same(held: str, text: str, key: str | None, *, negated: bool) -> bool:
    if held == text or (key is not None and _value_key(held) == key):
        return True
    return negated and held.startswith(f"{text} ")


def _shifted(refused: CommandRefused) -> CommandRefused:
    # The entry was parsed without the three words before it.
    shift = re.compile(r"at token (\d+)")
    text = shift.sub(lambda match: f"at token {int(match[1]) + 3}", refused.text)
    return CommandRefused(refused.code, text)


def parse_config(text: str) -> EosConfig:
    """A running config's text as a configuration; ValueError names the first line refused."""
    config = EosConfig()
    mode = ConfigMode(config)
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line != "end"]
    try:
        mode.feed(lines, 0, len(lines))
    except CommandRefused as exc:
        raise ValueError(f"{lines[mode.at]!r}: {exc.text}") from exc
    return config

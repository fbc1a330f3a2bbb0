"""What an EOS device does with a prefix, read from its own running config.

For tests: it judges a candidate by the device's semantics and by the device's parser, and has
nothing in common with irrgate's.
"""

from __future__ import annotations

import socket
from typing import Final

from tests.lab.eos_config import EosConfig
from tests.lab.eos_mode import parse_config
from tests.lab.eos_prefix_list import Entries

_WIDTH: Final = {"ip": 32, "ipv6": 128}
_FAMILY: Final = {"ip": socket.AF_INET, "ipv6": socket.AF_INET6}


class MissingPrefixListError(LookupError):
    """The running config has no prefix list of that name and family."""


class EosPrefixList:
    """One list as the device evaluates it: the lowest number that matches decides.

    A prefix that no entry matches is denied. `accepts` takes 33 look-ups at most (129 for IPv6),
    however long the list is.
    """

    def __init__(self, family: str, entries: Entries) -> None:
        self._family = family
        self._rules: dict[tuple[int, int], list[tuple[int, int, int, bool]]] = {}
        for sequence in sorted(entries):
            words = entries[sequence].split()
            if words[0] == "remark":
                continue
            network, length = self._parse(words[1])
            shortest, longest = _lengths(words[2:], length, _WIDTH[family])
            rules = self._rules.setdefault((network, length), [])
            rules.append((sequence, shortest, longest, words[0] == "permit"))

    def _parse(self, prefix: str) -> tuple[int, int]:
        address, _, length = prefix.partition("/")
        network = int.from_bytes(socket.inet_pton(_FAMILY[self._family], address), "big")
        return network, int(length)

    def accepts(self, prefix: str) -> bool:
        """Whether a route to this prefix (`192.0.2.0/24`) passes the list."""
        network, length = self._parse(prefix)
        width = _WIDTH[self._family]
        best: tuple[int, bool] | None = None
        for covering in range(length + 1):
            masked = network >> (width - covering) << (width - covering)
            for sequence, shortest, longest, permit in self._rules.get((masked, covering), ()):
                if shortest <= length <= longest and (best is None or sequence < best[0]):
                    best = (sequence, permit)
        return best is not None and best[1]


def prefix_list(running: str | EosConfig, name: str, family: str) -> EosPrefixList:
    """A list of a running config; family is `ip` or `ipv6`.

    Raises MissingPrefixListError, and ValueError when the text is no EOS configuration.
    """
    config = parse_config(running) if isinstance(running, str) else running
    if (family, name) not in config.lists:
        raise MissingPrefixListError(f"no {family} prefix-list {name}")
    return EosPrefixList(family, config.lists[family, name])


def accepts(running: str | EosConfig, name: str, prefix: str) -> bool:
    """Whether the list of that name, in the prefix's family, lets the prefix pass."""
    return prefix_list(running, name, "ipv6" if ":" in prefix else "ip").accepts(prefix)


def _lengths(words: list[str], length: int, width: int) -> tuple[int, int]:
    bounds = {words[at]: int(words[at + 1]) for at in range(0, len(words), 2)}
    if "eq" in bounds:
        return bounds["eq"], bounds["eq"]
    if not bounds:
        return length, length
    return bounds.get("ge", length), bounds.get("le", width)

"""What an NX-OS device does with a prefix, read from its own running config.

For tests: it judges by the device's semantics and the device's parser, and has nothing in common
with irrgate's.
"""

from __future__ import annotations

from typing import Final

from tests.lab.eos_prefix_list import Entries
from tests.lab.eos_semantics import EosPrefixList
from tests.lab.nxos_config import NxosConfig, parse_config


class Everything:
    """A list that exists and has no entry: Cisco's guides say that it permits all routes."""

    def accepts(self, prefix: str) -> bool:
        return bool(prefix)


class MissingPrefixListError(LookupError):
    """The running config has no prefix list of that name and family."""


Rule = EosPrefixList | Everything
_EVERYTHING: Final = Everything()


def prefix_list(running: str | NxosConfig, name: str, family: str) -> Rule:
    """A list of a running config; family is `ip` or `ipv6`.

    The lowest number that matches decides, and what matches none is denied, as on EOS.
    """
    config = parse_config(running) if isinstance(running, str) else running
    held = config.lists.get((family, name))
    if held is None:
        raise MissingPrefixListError(f"no {family} prefix-list {name}")
    if not held.entries:
        return _EVERYTHING
    return EosPrefixList(family, Entries(held.entries))


def accepts(running: str | NxosConfig, name: str, prefix: str) -> bool:
    """Whether the list of that name, in the prefix's family, lets the prefix pass."""
    return prefix_list(running, name, "ipv6" if ":" in prefix else "ip").accepts(prefix)

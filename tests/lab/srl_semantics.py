"""What an SR Linux router does with a prefix, read from its own running configuration.

Written without irrgate's parser: a prefix is in a prefix-set when one of its entries matches, that
is when it lies in the entry's prefix and its length is in the entry's range (srl_nokia-routing-
policy, `mask-length-range`), which is the prefix's own where it says `exact`.
"""

from __future__ import annotations

import ipaddress
import json
from typing import Any


class SrlPrefixSet:
    """One set as the router evaluates it; a look-up takes 33 steps, or 129, not one an entry."""

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        self._ranges: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        for entry in entries:
            net = ipaddress.ip_network(entry["ip-prefix"])
            low, dots, high = entry["mask-length-range"].partition("..")
            within = (int(low), int(high)) if dots else (net.prefixlen, net.prefixlen)
            key = (net.version, int(net.network_address), net.prefixlen)
            self._ranges.setdefault(key, []).append(within)

    def accepts(self, prefix: str) -> bool:
        net = ipaddress.ip_network(prefix)
        for length in range(net.prefixlen + 1):
            cover = net.supernet(new_prefix=length)
            key = (net.version, int(cover.network_address), length)
            for low, high in self._ranges.get(key, ()):
                if low <= net.prefixlen <= high:
                    return True
        return False


def prefix_sets(running: str) -> dict[str, SrlPrefixSet]:
    policy = json.loads(running).get("srl_nokia-routing-policy:routing-policy", {})
    return {
        each["name"]: SrlPrefixSet(each.get("prefix", [])) for each in policy.get("prefix-set", [])
    }


def accepts(running: str, name: str, prefix: str) -> bool:
    """Whether a route to this prefix is in the set of that name; KeyError without one."""
    return prefix_sets(running)[name].accepts(prefix)

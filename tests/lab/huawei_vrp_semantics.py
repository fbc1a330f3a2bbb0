"""What a VRP router does with a prefix, read from what it prints.

For tests: it judges by Huawei's description of the lists, and has nothing in common with irrgate's
reading of them, nor with the parser of the emulated router.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import pairwise


class VrpPrefixList:
    """One list as the router evaluates it: the lowest index that matches decides.

    What no entry matches is denied, and where there is no entry at all, nothing is.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._rules = sorted(map(_rule, lines))

    def accepts(self, prefix: str) -> bool:
        """Whether a route to this prefix (`192.0.2.0/24`) passes the list."""
        route = ipaddress.ip_network(prefix)
        for _, permits, address, length, shortest, longest in self._rules:
            distance = route.max_prefixlen - length
            same = length == 0 or int(route.network_address) >> distance == address >> distance
            if same and shortest <= route.prefixlen <= longest:
                return permits
        return not self._rules


def prefix_list(running: str, name: str, keyword: str) -> VrpPrefixList:
    """A list of a running config; the keyword is `ip-prefix` or `ipv6-prefix`."""
    head = f"ip {keyword} {name} "
    found = [line for line in running.split("\n") if line.startswith(head)]
    return VrpPrefixList(line for line in found if not line.startswith(f"{head}description"))


def accepts(running: str, name: str, prefix: str) -> bool:
    """Whether the list of that name, in the prefix's family, lets the prefix pass."""
    keyword = "ipv6-prefix" if ":" in prefix else "ip-prefix"
    return prefix_list(running, name, keyword).accepts(prefix)


def _rule(line: str) -> tuple[int, bool, int, int, int, int]:
    """(index, permits, address, bits of it that count, shortest, longest)."""
    _, _, _, _, index, action, address, length, *more = line.split()
    parsed = ipaddress.ip_address(address)
    counts = int(length)
    bounds = {word: int(value) for word, value in pairwise(more) if "-eq" in word}
    if bounds:
        shortest = bounds.get("greater-equal", counts)
        longest = bounds.get("less-equal", parsed.max_prefixlen)
    else:
        shortest = longest = counts
    # An address of zeros is any, unless the network is to match.
    if int(parsed) == 0 and "match-network" not in more:
        counts = 0
    return int(index), action == "permit", int(parsed), counts, shortest, longest

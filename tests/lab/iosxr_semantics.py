"""What an IOS-XR prefix set accepts: an oracle for tests, after Cisco's documentation.

It shares no code with irrgate, nor with the emulated device. From "Implementing Routing Policy"
(routing configuration guides): a set is an unordered collection; `destination in` is true when any
entry matches: the route's address lies in the entry's prefix, and its mask length between the
least and the greatest. Without a mask length an address is a host. The least length is the mask
length, and the greatest is as long, or that of an address where a least length is given. `eq N` is
both. "Null (empty) sets are allowed", and make the condition false for every route.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

_SET = re.compile(r"^prefix-set (\S+)\n(.*?)^end-set$", re.MULTILINE | re.DOTALL)

Bounds = tuple[int, int]


class PrefixSetRule:
    """One set, ready for many questions."""

    def __init__(self, body: str) -> None:
        self._entries: dict[tuple[int, int, int], list[Bounds]] = {}
        bare = "\n".join(line.split("#")[0] for line in body.split("\n"))
        for item in filter(None, (" ".join(each.split()) for each in bare.split(","))):
            words = item.split(" ")
            prefix = ipaddress.ip_network(words[0])
            given = dict(zip(words[1::2], map(int, words[2::2]), strict=True))
            assert given.keys() <= {"eq", "ge", "le"}, item
            least = given.get("eq", given.get("ge", prefix.prefixlen))
            greatest = prefix.max_prefixlen if "ge" in given else prefix.prefixlen
            greatest = given.get("eq", given.get("le", greatest))
            place = (prefix.version, prefix.prefixlen, int(prefix.network_address))
            self._entries.setdefault(place, []).append((least, greatest))

    def accepts(self, prefix: str) -> bool:
        """Whether `destination in` the set is true of a route for this prefix."""
        route = ipaddress.ip_network(prefix)
        return any(low <= route.prefixlen <= high for low, high in self._around(route))

    def _around(self, route: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Iterator[Bounds]:
        address, size = int(route.network_address), route.max_prefixlen
        for length in range(route.prefixlen + 1):
            network = address >> (size - length) << (size - length)
            yield from self._entries.get((route.version, length, network), ())


def prefix_sets(running: str) -> Mapping[str, PrefixSetRule]:
    """The prefix sets of a running config, by name."""
    return {name: PrefixSetRule(body) for name, body in _SET.findall(running)}


def accepts(running: str, name: str, prefix: str) -> bool:
    """Whether the set of that name in a running config accepts a prefix; KeyError without it."""
    return prefix_sets(running)[name].accepts(prefix)

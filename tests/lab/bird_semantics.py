"""A prefix set as BIRD evaluates it, by its User's Guide: written without irrgate's parser.

`prefix{low,high}` matches what agrees with the prefix in its first bits (as many as the shorter of
both has) and whose length is from low to high; `prefix` alone matches itself; `+` is {length,max}.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_DEFINE = re.compile(r"define\s+'([^']+)'\s*=\s*\[([^\]]*)\]\s*;")
_ITEM = re.compile(r"([0-9a-fA-F.:]+)/(\d+)(?:\{(\d+),(\d+)\}|(\+))?")


@dataclass(frozen=True)
class BirdSet:
    items: tuple[tuple[str, int, int, int], ...]
    """(bits of the prefix, length, low, high); the bits as a text of 0 and 1"""

    def accepts(self, prefix: str) -> bool:
        net = ipaddress.ip_network(prefix)
        mine = bits(net.network_address)
        for pattern, length, low, high in self.items:
            agree = min(length, net.prefixlen)
            same = len(pattern) == len(mine) and pattern[:agree] == mine[:agree]
            if same and low <= net.prefixlen <= high:
                return True
        return False


def bits(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return format(int(address), f"0{address.max_prefixlen}b")


def prefix_sets(config: str) -> dict[str, BirdSet]:
    """The prefix set constants of a configuration; ValueError for what BIRD would not take."""
    bare = re.sub(r"#[^\n]*", "", config)
    found: dict[str, BirdSet] = {}
    for name, body in _DEFINE.findall(bare):
        if name in found:
            raise ValueError(f"{name} is defined twice")
        items = body.split(",\n") if body.strip() else []
        found[name] = BirdSet(tuple(map(_item, items)))
    return found


def _item(text: str) -> tuple[str, int, int, int]:
    match = _ITEM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"no prefix: {text!r}")
    address = ipaddress.ip_network(f"{match[1]}/{match[2]}").network_address
    length = int(match[2])
    low, high = int(match[3] or length), int(match[4] or length)
    if match[5]:
        high = address.max_prefixlen
    return bits(address), length, low, high

"""What a filter is to let through, said by the filter itself, and what a daemon did meanwhile."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from irrgate.prefixes import Afi, PrefixSet


def covered(filters: Mapping[Afi, PrefixSet], announced: Iterable[str]) -> dict[Afi, set[str]]:
    """Of the announced prefixes those that the filters contain, by family."""
    found: dict[Afi, set[str]] = {afi: set() for afi in Afi}
    for prefix in announced:
        net = ipaddress.ip_network(prefix)
        afi = Afi.IPV4 if net.version == 4 else Afi.IPV6
        if filters[afi].contains(int(net.network_address), net.prefixlen):
            found[afi].add(prefix)
    return found


@dataclass
class Verdict:
    """Routes that were judged, of one daemon and family."""

    judged: int = 0
    wrong: list[str] = field(default_factory=list)

    def compare(self, announced: set[str], right: set[str], accepted: set[str]) -> None:
        """Judge each announced route, and whatever else is accepted."""
        self.judged += len(announced | accepted)
        self.wrong += [f"{each} was not accepted" for each in sorted(right - accepted)]
        self.wrong += [f"{each} was accepted" for each in sorted(accepted - right)]

    def watch(self, changes: Sequence[Mapping[str, Any]], old: set[str], new: set[str]) -> None:
        """Judge what the collector heard while the filter went from `old` to `new`."""
        for change in changes:
            prefix, event = change["prefix"], change["event"]
            if event == "announce":
                self.judged += 1
                if prefix not in old | new:
                    self.wrong.append(f"{prefix} was accepted for a while")
            elif event == "withdraw":
                self.judged += 1
                if prefix in old & new:
                    self.wrong.append(f"{prefix} was lost for a while")
            else:
                self.wrong.append(f"the session to the collector: {event}")

    def __str__(self) -> str:
        return f"{self.judged} routes judged, {len(self.wrong)} wrong"


ANNOUNCED: dict[str, list[str]] = {
    "registered": ["192.0.2.0/24", "10.10.0.0/17", "2001:db8:1::/48", "2001:db8:4000::/36"],
    "more specific, within max_length": ["10.10.4.0/24", "10.10.64.0/18", "2001:db8:4001::/48"],
    "more specific, beyond max_length": [
        "192.0.2.128/25", "10.10.0.1/32", "2001:db8:1:1::/64", "2001:db8:4001:8000::/49",
    ],
    "less specific": [
        "192.0.0.0/16", "10.10.0.0/16", "10.0.0.0/8", "2001:db8::/32", "2001:d00::/24",
    ],
    "another network's (hijack)": ["198.51.100.0/24", "198.51.100.128/25", "2001:db8:ffff::/48"],
    "a third network's table (leak)": [
        *(f"{a}.{b}.0.0/16" for a in (20, 77, 133) for b in range(0, 250, 10)),
        *(f"203.0.{c}.0/24" for c in range(100, 120)),
        *(f"2a00:{n:x}::/32" for n in range(0x1000, 0x1032)),
        *(f"2c0f:{n:x}:8000::/33" for n in range(0x10, 0x20)),
    ],
    "bogons": [
        "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "172.16.0.0/12",
        "100.64.0.0/10", "240.0.0.0/4", "::/8", "fc00::/7", "100::/64", "3ffe::/16", "2002::/16",
    ],
    "default": ["0.0.0.0/0", "::/0"],
}  # fmt: skip
"""What a neighbour announces, by what is the matter with it; the registry covers the first two."""


def everything() -> list[str]:
    return sorted({each for group in ANNOUNCED.values() for each in group})

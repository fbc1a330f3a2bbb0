"""A prefix-set as bgpd.conf(5) describes it: written without irrgate's parser.

A route matches when one of the entries does: it lies in the entry's prefix, and its length is the
prefix's own, or one that the operator after it allows.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class OpenbgpdSet:
    entries: tuple[tuple[Network, int, int], ...]
    """(prefix, shortest, longest)"""

    def accepts(self, prefix: str) -> bool:
        net = ipaddress.ip_network(prefix)
        return any(
            type(entry) is type(net)
            and int(net.network_address) >> (net.max_prefixlen - entry.prefixlen)
            == int(entry.network_address) >> (net.max_prefixlen - entry.prefixlen)
            and net.prefixlen >= entry.prefixlen
            and low <= net.prefixlen <= high
            for entry, low, high in self.entries
        )


def prefix_sets(config: str) -> dict[str, OpenbgpdSet]:
    """The prefix-sets of a file of such; ValueError for what bgpd would not take."""
    words = iter(_words(config))
    found: dict[str, OpenbgpdSet] = {}
    for word in words:
        name = next(words)
        if word != "prefix-set" or next(words) != "{" or name in found:
            raise ValueError(f"no prefix-set: {word} {name}")
        held = []
        while (each := next(words)) != "}":
            held.append(each)
        found[name] = OpenbgpdSet(tuple(_entries(held)))
    return found


def _words(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = line.partition("#")[0].replace("{", " { ").replace("}", " } ").replace(",", " ")
        for word in bare.split():
            yield word.strip('"')


def _entries(words: list[str]) -> Iterator[tuple[Network, int, int]]:
    at = 0
    while at < len(words):
        net = ipaddress.ip_network(words[at])
        at += 1
        low = high = net.prefixlen
        following = words[at : at + 1]
        if following == ["or-longer"]:
            high, at = net.max_prefixlen, at + 1
        elif following == ["maxlen"]:
            high, at = int(words[at + 1]), at + 2
        elif following == ["prefixlen"] and words[at + 1] == ">=":
            low, high, at = int(words[at + 2]), net.max_prefixlen, at + 3
        elif following == ["prefixlen"] and words[at + 1] == "=":
            low, high, at = int(words[at + 2]), int(words[at + 2]), at + 3
        elif following == ["prefixlen"] and words[at + 2] == "-":
            low, high, at = int(words[at + 1]), int(words[at + 3]), at + 4
        if not net.prefixlen <= low <= high <= net.max_prefixlen:
            raise ValueError(f"impossible lengths after {net}")
        yield net, low, high

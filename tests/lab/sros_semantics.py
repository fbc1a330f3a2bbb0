"""What a prefix-list of SR OS accepts: an oracle for tests, after Nokia's documentation.

It shares no code with irrgate. A route matches a list when any entry matches it:

- `exact`: this prefix. `longer`: what lies below it and is longer. `through`: it and what lies
  below it, to that length. `range`: what lies below it, of those lengths.
- `to` and `address-mask`, which irrgate never writes, are not read: UndocumentedError.

What a list without entries matches is not documented either.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from lxml import etree

_NS = "{urn:nokia.com:sros:ns:yang:sr:conf}"


class UndocumentedError(Exception):
    """What a real router does here is not known."""


class SrosPrefixList:
    """One list, ready for many questions."""

    def __init__(self, element: etree._Element) -> None:
        self._spans: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
        self._lengths: set[tuple[int, int]] = set()
        entries = element.findall(f"{_NS}prefix")
        if not entries:
            raise UndocumentedError("what a list without entries matches is not known")
        for entry in entries:
            network = ipaddress.ip_network(str(entry.findtext(f"{_NS}ip-prefix")))
            own, size = network.prefixlen, network.max_prefixlen
            kind = entry.findtext(f"{_NS}type")
            match kind:
                case "exact":
                    bounds = own, own
                case "longer":
                    bounds = own + 1, size
                case "through":
                    bounds = own, int(str(entry.findtext(f"{_NS}through-length")))
                case "range":
                    low = int(str(entry.findtext(f"{_NS}start-length")))
                    bounds = low, int(str(entry.findtext(f"{_NS}end-length")))
                case _:
                    raise UndocumentedError(f"the type {kind}")
            place = network.version, own, int(network.network_address) >> (size - own)
            self._spans.setdefault(place, []).append(bounds)
            self._lengths.add((network.version, own))

    def accepts(self, prefix: str) -> bool:
        """Whether a route for this prefix passes."""
        route = ipaddress.ip_network(prefix)
        network, size = int(route.network_address), route.max_prefixlen
        return any(
            low <= route.prefixlen <= high
            for version, length in self._lengths
            if version == route.version and length <= route.prefixlen
            for low, high in self._spans.get((version, length, network >> (size - length)), ())
        )


def prefix_lists(running: str) -> Mapping[str, SrosPrefixList]:
    """The router's own prefix-lists in a running config, by name."""
    root = etree.fromstring(running.encode(), etree.XMLParser(huge_tree=True))
    return {
        str(element.findtext(f"{_NS}name")): SrosPrefixList(element)
        for element in root.findall(f"{_NS}policy-options/{_NS}prefix-list")
    }


def config(name: str, lists: Mapping[str, list[str]]) -> str:
    """A running config with prefix-lists of exact entries."""
    told = ""
    for each, prefixes in lists.items():
        entries = "".join(
            f"<prefix><ip-prefix>{prefix}</ip-prefix><type>exact</type></prefix>"
            for prefix in prefixes
        )
        told += f"<prefix-list><name>{each}</name>{entries}</prefix-list>"
    return (
        f'<configure xmlns="{_NS[1:-1]}"><system><name>{name}</name></system>'
        f"<policy-options>{told}</policy-options></configure>"
    )


def accepts(running: str, name: str, prefix: str) -> bool:
    """Whether the list of that name in a running config lets a route for `prefix` pass.

    KeyError where there is no list of that name; UndocumentedError where nobody knows.
    """
    return prefix_lists(running)[name].accepts(prefix)

"""What a route-filter-list accepts: an oracle for tests, after Juniper's documentation.

It shares no code with irrgate. "How Route Filters Are Evaluated in Routing Policy Match
Conditions" (Junos routing policy guide) says:

- The entry with the longest prefix that contains the route is looked up (a radix tree), and it
  alone is examined. When its match type fails, the list does not match: shorter entries, which
  might match, are not tried. So `192.168.0.0/16 orlonger; 192.168.254.0/23 exact;` does not accept
  192.168.254.0/24.
- The order of entries does not matter, but for entries of one prefix: those are scanned from top
  to bottom, and the first whose match type fits the route applies.
- An entry's own action is taken at once: `reject` refuses the route.

Where the documentation says nothing, `accepts` raises UndocumentedError rather than guess: an
empty list, an entry with host bits, the match type `through`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.lab.junos_loader import parse_config
from tests.lab.junos_tree import FilterList, walk_lists

_ENTRY = re.compile(
    r"(?P<prefix>\S+) (?P<match>exact|longer|orlonger|upto|prefix-length-range|through)"
    r"(?: (?P<argument>\S+))?"
)


class UndocumentedError(Exception):
    """What a real device does here is not known."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """The prefix lengths that an entry takes, from its own prefix on, and whether it rejects."""

    shortest: int
    longest: int
    rejects: bool


class RouteFilter:
    """One list, ready for many questions."""

    def __init__(self, name: str, value: FilterList) -> None:
        active = {k: action for k, action in value.entries.items() if k not in value.inactive}
        if not active:
            raise UndocumentedError(f"{name}: what an empty route-filter-list does is not known")
        self._entries: dict[tuple[int, int, int], list[_Entry]] = {}
        self._lengths: dict[int, list[int]] = {4: [], 6: []}
        for key, action in active.items():
            place, entry = _parse(key, action)
            self._entries.setdefault(place, []).append(entry)
        for version in self._lengths:
            lengths = {place[1] for place in self._entries if place[0] == version}
            self._lengths[version] = sorted(lengths, reverse=True)

    def accepts(self, prefix: str) -> bool:
        """Whether a route for this prefix passes."""
        route = ipaddress.ip_network(prefix)
        network, size = int(route.network_address), route.max_prefixlen
        for length in self._lengths[route.version]:
            if length > route.prefixlen:
                continue
            found = self._entries.get((route.version, length, network >> (size - length)))
            if found is not None:
                return _first_that_fits(found, route.prefixlen)
        return False


def route_filters(running: str) -> Mapping[str, RouteFilter]:
    """The route-filter-lists of a running config, by name."""
    return {
        key.split(" ", 1)[1]: RouteFilter(key, value)
        for key, value in walk_lists(parse_config(running))
        if value.kind == "route-filter-list"
    }


def accepts(running: str | Mapping[str, RouteFilter], name: str, prefix: str) -> bool:
    """Whether the list of that name in a running config lets a route for `prefix` pass.

    KeyError where there is no active list of that name; UndocumentedError where nobody knows.
    """
    filters = route_filters(running) if isinstance(running, str) else running
    return filters[name].accepts(prefix)


def _first_that_fits(entries: list[_Entry], length: int) -> bool:
    for entry in entries:
        if entry.shortest <= length <= entry.longest:
            return not entry.rejects
    return False


def _parse(key: str, action: str | None) -> tuple[tuple[int, int, int], _Entry]:
    match = _ENTRY.fullmatch(key)
    if match is None or match["match"] == "through":
        raise UndocumentedError(key)
    try:
        prefix = ipaddress.ip_network(match["prefix"])
    except ValueError as exc:
        raise UndocumentedError(f"{key}: {exc}") from exc
    if action not in {None, "accept", "reject"}:
        raise UndocumentedError(f"{key}: only accept and reject say whether a route passes")
    own, size = prefix.prefixlen, prefix.max_prefixlen
    argument = [int(part) for part in re.findall("[0-9]+", match["argument"] or "")]
    bounds = {
        "exact": (own, own),
        "longer": (own + 1, size),
        "orlonger": (own, size),
        "upto": (own, *argument),
        "prefix-length-range": tuple(argument),
    }[match["match"]]
    place = (prefix.version, own, int(prefix.network_address) >> (size - own))
    return place, _Entry(bounds[0], bounds[1], action == "reject")

"""A router of each platform in memory, made of the lab's own parsers, printers and oracles.

Nothing here has anything in common with irrgate's platform modules: what they say of a list is
held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final

from irrgate.platforms import find_platform
from irrgate.platforms.platform import ManagedList, Stranger
from irrgate.prefixes import Afi, PrefixSet, format_address
from tests.unit.platforms.frr_map_router import FrrRouteMapRouter
from tests.unit.platforms.in_memory import (
    EOS_RUNNING,
    IOS_RUNNING,
    IOSXR_RUNNING,
    JUNOS_RUNNING,
    NAMES,
    RENDERER,
    SRL_RUNNING,
    SROS_RUNNING,
    WANTED,
    BirdRouter,
    EosRouter,
    FrrRouter,
    IosRouter,
    IosxrRouter,
    JunosRouter,
    NxosRouter,
    OpenbgpdRouter,
    RosRouter,
    Router,
    Rule,
    SrlRouter,
    SrosRouter,
    nxos_shown,
)
from tests.unit.platforms.vrp_router import VRP, VrpRouter

__all__ = [
    "EOS_RUNNING",
    "IOSXR_RUNNING",
    "IOS_RUNNING",
    "JUNOS_RUNNING",
    "NAMES",
    "PLATFORMS",
    "RENDERER",
    "SRL_RUNNING",
    "SROS_RUNNING",
    "UNIVERSES",
    "WANTED",
    "BirdRouter",
    "EosRouter",
    "FrrRouteMapRouter",
    "FrrRouter",
    "IosRouter",
    "IosxrRouter",
    "JunosRouter",
    "NxosRouter",
    "OpenbgpdRouter",
    "RosRouter",
    "Router",
    "Rule",
    "SrlRouter",
    "SrosRouter",
    "Universe",
    "candidate",
    "nxos_shown",
    "read",
    "read_candidate",
    "router",
]

PLATFORMS: Final = (
    "eos",
    "junos",
    "bird",
    "frr",
    "frr_route_map",
    "openbgpd",
    "ios",
    "iosxr_netconf",
    "ros",
    "nxos",
    "sros",
    "srl",
)


def router(platform: str, running: str | None = None) -> Router:
    """Return a router with this config, or one that has a list of others in it."""
    made: Mapping[str, Callable[[], Router]] = {
        "eos": lambda: EosRouter(running or EOS_RUNNING),
        "junos": lambda: JunosRouter(running or JUNOS_RUNNING),
        "bird": BirdRouter,
        "frr": FrrRouter,
        "frr_route_map": FrrRouteMapRouter,
        "openbgpd": OpenbgpdRouter,
        "ios": lambda: IosRouter(running or IOS_RUNNING),
        "iosxr_netconf": lambda: IosxrRouter(running or IOSXR_RUNNING),
        "nxos": NxosRouter,
        "nxos_ssh": NxosRouter,
        "ros": RosRouter,
        "huawei_vrp": lambda: VrpRouter(running or VRP),
        "srl": lambda: SrlRouter(running or SRL_RUNNING),
        "sros": lambda: SrosRouter(running or SROS_RUNNING),
    }
    return made[platform]()


def candidate(
    platform: str,
    filters: Mapping[str, PrefixSet],
    running: ManagedList | None = None,
    removals: Mapping[str, Afi] = MappingProxyType({}),
) -> str:
    """Return the shipped template's text that sets `filters`, and removes others, by name."""
    module = find_platform(platform)
    printed = [module.printed(name, prefixes, running) for name, prefixes in filters.items()]
    gone = [
        module.removal(Stranger(name, afi, (), removable=True)) for name, afi in removals.items()
    ]
    return RENDERER.render(platform, printed, gone)


def read(platform: str, running: str) -> Mapping[str, ManagedList]:
    """Return the managed lists that irrgate reads in a running config."""
    return find_platform(platform).parse(running, WANTED, "IRR-").lists


def read_candidate(platform: str, text: str) -> Mapping[str, ManagedList]:
    """Return the managed lists that irrgate reads in a candidate."""
    return find_platform(platform).parse_candidate(text, WANTED).lists


class Universe:
    """A corner of the address space small enough to ask about every prefix of it."""

    depth: Final = 4

    def __init__(self, afi: Afi) -> None:
        self.afi = afi
        self.root = 0x0A000020 if afi is Afi.IPV4 else (0x20010DB8 << 96) + 0x20
        self.top = afi.bits - self.depth

    @cached_property
    def prefixes(self) -> tuple[tuple[str, int, int], ...]:
        """Each prefix as (text, address, length): two above the root, and all below it."""
        return tuple(self._all())

    def _all(self) -> Iterator[tuple[str, int, int]]:
        for length in range(self.top - 2, self.afi.bits + 1):
            size = 1 << (self.afi.bits - length)
            first = self.root // size * size
            for index in range(max(1, (1 << self.depth) // size)):
                address = first + index * size
                yield f"{format_address(self.afi, address)}/{length}", address, length

    def disagreement(self, rule: Rule, prefixes: PrefixSet) -> list[str]:
        """Return the prefixes of which the device says something else than the set."""
        return [
            text
            for text, address, length in self.prefixes
            if rule.accepts(text) != prefixes.contains(address, length)
        ]


UNIVERSES: Final = {afi: Universe(afi) for afi in Afi}

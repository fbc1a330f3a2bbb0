"""A router of each platform in memory, made of the lab's own parsers, printers and oracles.

Nothing here has anything in common with irrgate's platform modules: what they say of a list is
held against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Final, Protocol

from irrgate.platforms import find_platform
from irrgate.platforms.bird_file import merged, read_own, write_own
from irrgate.platforms.bird_file import read_candidate as read_bird_candidate
from irrgate.platforms.daemon_files import DaemonFile, DaemonFiles, join_files
from irrgate.platforms.frr_map_text import read_route_maps
from irrgate.platforms.numbered_lines import FAMILIES
from irrgate.platforms.openbgpd import changes
from irrgate.platforms.openbgpd_text import merged as merged_sets
from irrgate.platforms.openbgpd_text import running_text, seal_of
from irrgate.platforms.platform import ManagedList, Stranger
from irrgate.platforms.ros import END
from irrgate.prefixes import Afi, PrefixSet, format_address
from irrgate.render import Renderer
from tasks.drivers.frr_change import ListsChange
from tasks.drivers.frr_map_change import merge_maps
from tests.lab.bird_semantics import BirdSet
from tests.lab.bird_semantics import prefix_sets as bird_sets
from tests.lab.eos_mode import ConfigMode
from tests.lab.eos_mode import parse_config as parse_eos
from tests.lab.eos_semantics import EosPrefixList, prefix_list
from tests.lab.frr_lists import FrrLists
from tests.lab.frr_maps import FrrMaps
from tests.lab.ios_config import IosConfig
from tests.lab.ios_semantics import rule as ios_rule
from tests.lab.iosxr_config import parse_config as parse_iosxr
from tests.lab.iosxr_semantics import PrefixSetRule
from tests.lab.iosxr_semantics import prefix_sets as iosxr_sets
from tests.lab.junos_loader import load_text
from tests.lab.junos_loader import parse_config as parse_junos
from tests.lab.junos_semantics import RouteFilter, route_filters
from tests.lab.junos_tree import render
from tests.lab.openbgpd_semantics import OpenbgpdSet
from tests.lab.openbgpd_semantics import prefix_sets as openbgpd_sets
from tests.lab.ros_config import RosConfig
from tests.lab.ros_script import run_line
from tests.lab.ros_semantics import RosChain
from tests.lab.ros_semantics import chain as ros_chain

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
)
NAMES: Final = {Afi.IPV4: "IRR-AS64500-V4", Afi.IPV6: "IRR-AS64500-V6"}
WANTED: Final[Mapping[str, Afi]] = {name: afi for afi, name in NAMES.items()}
RENDERER: Final = Renderer()

_EOS: Final = """\
! Command: show running-config
!
hostname edge1
!
ip prefix-list CORE
   seq 10 permit 10.0.0.0/8
!
end
"""
_JUNOS: Final = """\
version 22.4R1.10;
system {
    host-name edge1;
}
policy-options {
    route-filter-list CORE {
        10.0.0.0/8 exact;
    }
}
"""
_IOS: Final = """\
hostname edge1
!
ip prefix-list CORE seq 5 permit 10.0.0.0/8
!
end
"""
_IOSXR: Final = """\
!! IOS XR Configuration 7.3.1
!! Last configuration change at Fri Oct  2 23:27:33 2020 by admin
!
hostname edge1
rpl maximum lines 1000000
prefix-set CORE
  10.0.0.0/8
end-set
!
end
"""
_BIRD_USER: Final = {
    "/etc/bird/bird.conf": "define 'CORE' = [ 10.0.0.0/8 ];\ninclude \"irrgate.conf\";\n"
}
_OPENBGPD_USER: Final = {
    "/etc/bgpd.conf": """\
AS 64496
prefix-set CORE { 10.0.0.0/8 }
include "/etc/bgpd/irrgate.conf"
""",
}


class Rule(Protocol):
    """A list as the device evaluates it."""

    def accepts(self, prefix: str) -> bool: ...


class Router(Protocol):
    """What a test needs of a router."""

    platform: str

    def load(self, candidate: str) -> None:
        """Commit a candidate; the test fails where the device refuses a line."""

    def running(self) -> str:
        """Return the running config in the form in which the device prints it."""

    def rule(self, name: str) -> Rule:
        """Return the list as the device evaluates it."""


class EosRouter:
    def __init__(self, running: str = _EOS) -> None:
        self.platform = "eos"
        self._config = parse_eos(running)

    def load(self, candidate: str) -> None:
        lines = [line.strip() for line in candidate.splitlines()]
        ConfigMode(self._config).feed(lines, 0, len(lines))

    def running(self) -> str:
        return self._config.text("show running-config", "edge1 (vEOS-lab)")

    def rule(self, name: str) -> EosPrefixList:
        return prefix_list(self._config, name, "ipv6" if WANTED[name] is Afi.IPV6 else "ip")


class JunosRouter:
    def __init__(self, running: str = _JUNOS) -> None:
        self.platform = "junos"
        self._root = parse_junos(running)

    def load(self, candidate: str) -> None:
        errors = load_text(candidate, self._root, replace=True)
        assert not errors, errors[0]

    def running(self) -> str:
        return render(self._root)

    def rule(self, name: str) -> RouteFilter:
        return route_filters(self.running())[name]


class IosxrRouter:
    def __init__(self, running: str = _IOSXR) -> None:
        self.platform = "iosxr_netconf"
        self._config = parse_iosxr(running)

    def load(self, candidate: str) -> None:
        self._config.load(candidate)
        assert not self._config.problems()

    def running(self) -> str:
        return f"!! IOS XR Configuration 7.3.1\n!\n{self._config.text()}end\n"

    def rule(self, name: str) -> PrefixSetRule:
        return iosxr_sets(self.running())[name]


class BirdRouter:
    """The files alone; what the driver makes of a candidate is irrgate's own merge of it."""

    def __init__(self, user: Mapping[str, str] = _BIRD_USER) -> None:
        self.platform = "bird"
        self._user = tuple(DaemonFile(path, text) for path, text in user.items())
        self._own = DaemonFile("/etc/bird/irrgate.conf", "")

    def load(self, candidate: str) -> None:
        blocks = merged(read_own(self._own.text), read_bird_candidate(candidate))
        self._own = DaemonFile(self._own.path, write_own(blocks))

    def running(self) -> str:
        return join_files(DaemonFiles(self._own, self._user))

    def rule(self, name: str) -> BirdSet:
        return bird_sets(self._own.text)[name]


class FrrRouter:
    """FRR, which is told a candidate line by line."""

    def __init__(self) -> None:
        self.platform = "frr"
        self.lists = FrrLists()
        self.lists.tell("ip prefix-list CORE seq 10 permit 10.0.0.0/8")

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                self.lists.tell(line)

    def running(self) -> str:
        return self.lists.running()

    def rule(self, name: str) -> Rule:
        rule = self.lists.rule("ipv6" if WANTED[name] is Afi.IPV6 else "ip", name)
        assert rule
        return rule


class FrrRouteMapRouter:
    """FRR, which is told line by line what the driver makes of a candidate."""

    def __init__(self) -> None:
        self.platform = "frr_route_map"
        self.maps = FrrMaps()
        self.maps.tell("ip prefix-list CORE seq 10 permit 10.0.0.0/8")

    def change(self, candidate: str) -> ListsChange:
        """Return what the driver makes of it."""
        lists = {
            (FAMILIES[family], name): [f"seq {n} {' '.join(held[n])}" for n in sorted(held)]
            for (family, name), held in self.maps.lists.items()
        }
        return merge_maps(candidate, lists, read_route_maps(self.running()))

    def load(self, candidate: str) -> None:
        for line in self.change(candidate).commands().splitlines():
            self.maps.tell(line)

    def running(self) -> str:
        return self.maps.running()

    def rule(self, name: str) -> Rule:
        rule = self.maps.map("ipv6" if WANTED[name] is Afi.IPV6 else "ip", name)
        assert rule
        return rule


class IosRouter:
    """IOS, which is told a candidate line by line."""

    def __init__(self, running: str = _IOS) -> None:
        self.platform = "ios"
        self.config = IosConfig.parse(running)

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                said = self.config.lists.tell(line)
                assert not said, said

    def running(self) -> str:
        return self.config.text()

    def rule(self, name: str) -> Rule:
        return ios_rule(self.config.lists, "ipv6" if WANTED[name] is Afi.IPV6 else "ip", name)


class OpenbgpdRouter:
    """The files alone; what the driver makes of a candidate is irrgate's own merge of it."""

    def __init__(self, user: Mapping[str, str] = _OPENBGPD_USER) -> None:
        self.platform = "openbgpd"
        self._user = user
        self.own = ""

    def load(self, candidate: str) -> None:
        self.own = merged_sets(self.own, *changes(candidate))

    def running(self) -> str:
        own = DaemonFile("/etc/bgpd/irrgate.conf", self.own)
        return running_text(own, self._user, seal_of(self.own))

    def rule(self, name: str) -> OpenbgpdSet:
        return openbgpd_sets(self.own)[name]


class RosRouter:
    """RouterOS, which is told a candidate line by line; it prints what the driver makes of it."""

    def __init__(self) -> None:
        self.platform = "ros"
        self.config = RosConfig()
        self.config.add("CORE", "if (dst==10.0.0.0/8) {accept}")

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                run_line(self.config, line)

    def running(self) -> str:
        return f"{self.config.text()}{END}\n"

    def rule(self, name: str) -> RosChain:
        return ros_chain(self.config, name)


def router(platform: str, running: str | None = None) -> Router:
    """Return a router with this config, or one that has a list of others in it."""
    made: Mapping[str, Callable[[], Router]] = {
        "eos": lambda: EosRouter(running or _EOS),
        "junos": lambda: JunosRouter(running or _JUNOS),
        "bird": BirdRouter,
        "frr": FrrRouter,
        "frr_route_map": FrrRouteMapRouter,
        "openbgpd": OpenbgpdRouter,
        "ios": lambda: IosRouter(running or _IOS),
        "iosxr_netconf": lambda: IosxrRouter(running or _IOSXR),
        "ros": RosRouter,
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

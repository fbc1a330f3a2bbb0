"""FRR in memory, by route-maps over short lists, which the driver changes line by line."""

from __future__ import annotations

from irrgate.platforms.frr_map_text import read_route_maps
from irrgate.platforms.numbered_lines import FAMILIES
from irrgate.prefixes import Afi
from tasks.drivers.frr_change import ListsChange
from tasks.drivers.frr_map_change import merge_maps
from tests.lab.frr_maps import FrrMaps
from tests.unit.platforms.in_memory import WANTED, Rule


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

"""NAPALM driver for FRR with a route-map of irrgate's own for each filter; see docs/daemons.md."""

from __future__ import annotations

# As a module: NAPALM takes the first NetworkDriver in here, imported ones included.
from tasks.drivers import frr
from tasks.drivers.frr_change import ListsChange
from tasks.drivers.frr_map_change import merge_maps, replace_maps
from tasks.drivers.frr_show import Shown


class FrrRouteMapDriver(frr.FrrDriver):
    """As FrrDriver, with the same `optional_args`; candidates are those of frr_route_map."""

    platform = "frr_route_map"

    def _shown(self) -> Shown:
        return self._router.shown(maps=True)

    @staticmethod
    def _read(text: str, shown: Shown, *, whole: bool) -> ListsChange:
        return (replace_maps if whole else merge_maps)(text, shown.lists, shown.maps)

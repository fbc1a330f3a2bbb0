"""What a candidate of frr_route_map does to the filters that a router holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from irrgate.platforms.frr import Key
from irrgate.platforms.frr_lines import read_rows
from irrgate.platforms.frr_map import (
    NO_MAP,
    HeldMap,
    MapDelta,
    map_accepts,
    map_applied,
    map_delta_to,
    part_name,
    split_part,
)
from irrgate.platforms.frr_map_candidate import read_map_changes
from irrgate.platforms.frr_map_text import entry_line, read_entries, unoptimized
from irrgate.prefixes import Afi
from tasks.drivers.frr_change import ListChange, Lists, ListsChange, changed_list, removed_list
from tasks.drivers.frr_map_commands import MapChange

Maps = Mapping[str, Sequence[str]]
"""route-maps by name, as irrgate.platforms.frr_map_text has their lines"""


def merge_maps(candidate: str, lists: Lists, maps: Maps) -> ListsChange:
    """Return what a candidate does to the filters of a router; see merge_change.

    Raises ParseError where it does not fit them.
    """
    changes = read_map_changes(candidate)
    made = ListsChange()
    for name, delta in changes.deltas.items():
        afi = changes.families[name] or _family(name, lists)
        made = _with(made, name, afi, delta, _held(name, afi, lists, maps), lists, maps)
    return _without(made, changes.gone, lists, maps)


def replace_maps(candidate: str, lists: Lists, maps: Maps) -> ListsChange:
    """Return what makes each filter that a text holds accept what it says there.

    Raises ParseError, or PlatformError where there is no way without a moment in between.
    """
    changes = read_map_changes(candidate)
    made = ListsChange()
    for name, whole in changes.deltas.items():
        afi = changes.families[name] or _family(name, lists)
        wanted = map_accepts(name, afi, map_applied(name, afi, NO_MAP, whole))
        held = _held(name, afi, lists, maps)
        made = _with(made, name, afi, map_delta_to(name, wanted, held), held, lists, maps)
    return _without(made, changes.gone, lists, maps)


def _with(  # noqa: PLR0913, PLR0917 - what is there, and what is done to it
    made: ListsChange,
    name: str,
    afi: Afi,
    delta: MapDelta,
    held: HeldMap,
    lists: Lists,
    maps: Maps,
) -> ListsChange:
    after = map_applied(name, afi, held, delta)
    of_lists = [
        changed_list((afi, part_name(name, part)), each, lists, name)
        for part, each in delta.parts.items()
    ]
    lines = [entry_line(name, entry) for entry in after.entries]
    of_map = MapChange(name, tuple(maps.get(name, ())), (unoptimized(name), *lines))
    return ListsChange((*made.lists, *of_lists), (*made.maps, of_map))


def _without(made: ListsChange, gone: Mapping[str, Afi], lists: Lists, maps: Maps) -> ListsChange:
    of_lists: list[ListChange] = []
    for name, afi in gone.items():
        parts = (key for key in lists if key[0] is afi and _is_part(key, name))
        of_lists += (removed_list(key, lists) for key in parts)
    of_maps = (MapChange(name, tuple(maps[name]), ()) for name in gone if name in maps)
    return ListsChange((*made.lists, *of_lists), (*made.maps, *of_maps))


def _is_part(key: Key, name: str) -> bool:
    split = split_part(key[1])
    return split is not None and split[0] == name


def _family(name: str, lists: Lists) -> Afi:
    return next((key[0] for key in lists if _is_part(key, name)), Afi.IPV4)


def _held(name: str, afi: Afi, lists: Lists, maps: Maps) -> HeldMap:
    entries, optimized = read_entries(name, maps.get(name, ()))
    parts = {
        split[1]: read_rows(afi, listed, texts)
        for (family, listed), texts in lists.items()
        if family is afi and (split := split_part(listed)) and split[0] == name
    }
    return HeldMap(entries, optimized, parts)

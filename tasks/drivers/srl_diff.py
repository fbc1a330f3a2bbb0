"""The difference that a candidate makes to the prefix-sets that a router holds.

The router has a `diff` of its own, which older releases do not know and whose form is not
promised; this one has the same lines for the same router and candidate, whatever the release.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping

from irrgate.platforms.srl_json import Commands, Json, RawEntry, RawSet, read_set

_Known = tuple[int, bytes, int, str]
"""(address family, address, length, range of lengths): an entry, however it is spelled"""


def difference(commands: Commands, running: Mapping[str, Json]) -> str:
    """Return the lines that go and come, set by set; empty where nothing changes."""
    lines: list[str] = []
    for name, wanted in sorted(commands.replaced.items()):
        lines += _changed(name, _entries(name, running), wanted)
    for name in sorted(commands.removed):
        gone = _entries(name, running)
        if gone is not None:
            lines += [f"- prefix-set {name}", *(f"-   {_told(each)}" for each in sorted(gone))]
    return "\n".join(lines)


def _entries(name: str, running: Mapping[str, Json]) -> set[_Known] | None:
    return _known(read_set(name, running[name])) if name in running else None


def _changed(name: str, held: set[_Known] | None, wanted: RawSet) -> Iterator[str]:
    target = _known(wanted)
    if held == target:
        return
    yield f"{'+' if held is None else ' '} prefix-set {name}"
    # What goes of a prefix stands before what comes in its place.
    for each in sorted((held or set()) ^ target, key=lambda each: (each[:3], each in target)):
        yield f"{'+' if each in target else '-'}   {_told(each)}"


def _known(found: RawSet) -> set[_Known]:
    return {_spelled(entry) for entry in found.entries}


def _spelled(entry: RawEntry) -> _Known:
    prefix, lengths = entry
    address, _, length = prefix.partition("/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return int(family), socket.inet_pton(family, address), int(length), lengths
    except (OSError, ValueError):
        # Of a set that a person has written, which is told as it stands.
        return 0, prefix.encode(), 0, lengths


def _told(entry: _Known) -> str:
    family, address, length, lengths = entry
    if not family:
        return f"{address.decode()} {lengths}"
    return f"{socket.inet_ntop(family, address)}/{length} {lengths}"

"""A change of a route-map over short lists, in an order in which no entry is in use too early."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from irrgate.platforms.frr_map import STEP, MapEntry
from irrgate.platforms.frr_map_text import read_entries, unoptimized


@dataclass(frozen=True, slots=True)
class MapChange:
    """What is done to one route-map."""

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    """empty: it goes"""

    def reversed(self) -> MapChange:
        """Return the way back."""
        return MapChange(self.name, self.after, self.before)

    def commands(self) -> Iterator[str]:
        """Yield the lines for vtysh that make it what it is to be, if it stays.

        All that comes or goes is behind an entry that denies everything, which is there meanwhile:
        an entry permits everything until its match is there.
        """
        if self.before == self.after or not self.after:
            return
        before, was_on = read_entries(self.name, self.before)
        after, is_on = read_entries(self.name, self.after)
        barrier = _barrier(before, after)
        head = f"route-map {self.name}"
        if barrier not in before:
            yield from (f"{head} deny {barrier.number}", "exit")
        if was_on and not is_on:
            yield unoptimized(self.name)
        for entry in after:
            if entry not in before and entry != barrier:
                action = "permit" if entry.permits else "deny"
                yield f"{head} {action} {entry.number}"
                yield from (f" {each}" for each in entry.statements)
                yield "exit"
        for entry in before:
            if entry not in after and entry != barrier:
                yield f"no {head} {'permit' if entry.permits else 'deny'} {entry.number}"
        if is_on and not was_on:
            yield f"{head} optimization"
        if barrier not in after:
            yield f"no {head} deny {barrier.number}"

    def diff(self) -> Iterator[str]:
        """Yield what differs, as people read it."""
        yield f"@@ route-map {self.name} @@"
        yield from (f"-{line}" for line in self.before if line not in self.after)
        yield from (f"+{line}" for line in self.after if line not in self.before)


def _barrier(before: Sequence[MapEntry], after: Sequence[MapEntry]) -> MapEntry:
    """Return the entry behind which everything happens: one that is there, or a new one."""
    for entry in (*before, *after):
        if not entry.permits and not entry.statements:
            return entry
    staying = (entry.number for entry in before if entry in after)
    return MapEntry(max(staying, default=0) + STEP // 2, permits=False)

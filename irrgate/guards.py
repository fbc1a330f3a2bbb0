"""What may replace what: a filter that served is not lost to an answer that merely looks right.

Every guard compares what a router holds with what the IRR now says, and has a name, a figure and
a limit. A filter that is held keeps its old content on the router; the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from irrgate.filters import Filter
from irrgate.network import GuardLimits
from irrgate.prefixes import PrefixSet


class Guard(StrEnum):
    """The guards, by the name that plans show."""

    EMPTY = "empty"
    MAX_PREFIXES = "max_prefixes"
    SHRINK = "max_shrink"
    GROWTH = "max_growth"


@dataclass(frozen=True, slots=True)
class Veto:
    """Why a filter is held: the guard, and its figure and limit as people read them."""

    guard: Guard
    figure: str
    limit: str

    def __str__(self) -> str:
        return f"{self.guard}: {self.figure} (limit: {self.limit})"


def judge_alone(new: Filter, limits: GuardLimits) -> tuple[Veto, ...]:
    """Return the vetoes that need no router: they are raised before a connection opens."""
    limit = limits.max_prefixes[new.afi]
    entries = new.prefixes.entry_count
    if entries > limit:
        return (Veto(Guard.MAX_PREFIXES, f"{entries:,} entries", f"{limit:,}"),)
    return ()


def judge_change(old: PrefixSet | None, new: Filter, limits: GuardLimits) -> tuple[Veto, ...]:
    """Return the vetoes against replacing `old`, what a router accepts now, by `new`.

    Shrink and growth are in address space, a swap of one space for another counting as both: the
    part of the old space that no prefix of the new filter lies in, and the new space, old space
    included, as a multiple of the old. Without an old filter, or with one that accepts nothing,
    there is nothing that could be lost.
    """
    if not old:
        return ()
    if not new.prefixes:
        return (Veto(Guard.EMPTY, "nothing is left of the filter", "at least one prefix"),)
    before, after = old.covering(), new.prefixes.covering()
    if before == after:
        return ()
    vetoes: list[Veto] = []
    lost = before.difference(after).address_count / before.address_count
    if lost > limits.max_shrink:
        vetoes.append(
            Veto(
                Guard.SHRINK,
                f"loses {lost:.0%} of its address space",
                f"{limits.max_shrink:.0%}",
            )
        )
    growth = 1 + after.difference(before).address_count / before.address_count
    if growth > limits.max_growth:
        vetoes.append(
            Veto(
                Guard.GROWTH,
                f"grows to {growth:.1f} times its address space",
                f"{limits.max_growth:g} times",
            )
        )
    return tuple(vetoes)

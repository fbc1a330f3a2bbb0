"""What may replace what: a filter that served is not lost to an answer that merely looks right.

Every guard compares what a router holds with what the IRR now says, and has a name, a figure and
a limit. A filter that is held keeps its old content on the router; the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

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
    held = old.address_count
    kept = old.shared_addresses(new.prefixes)
    lost, gained = held - kept, new.prefixes.address_count - kept
    vetoes: list[Veto] = []
    # Exactly, as people write the limits: 0.3 is three tenths, and 2**128 addresses have no float.
    # Figures are rounded up, so that none reads as the limit that it exceeds.
    if Fraction(lost, held) > _exact(limits.max_shrink):
        figure = f"loses {-(-100 * lost // held)}% of its address space"
        vetoes.append(Veto(Guard.SHRINK, figure, f"{limits.max_shrink * 100:g}%"))
    if gained and 1 + Fraction(gained, held) > _exact(limits.max_growth):
        figure = f"grows to {-(-10 * (held + gained) // held) / 10:.1f} times its address space"
        vetoes.append(Veto(Guard.GROWTH, figure, f"{limits.max_growth:g} times"))
    return tuple(vetoes)


def _exact(limit: float) -> Fraction:
    return Fraction(str(limit))

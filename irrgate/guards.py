"""What may replace what: a filter that served is not lost to an answer that merely looks right.

Every guard has a name, a figure and a limit, and every judgement is a `Reading` that stands in the
plan, whether the filter passed or not. A filter that is held keeps its old content on the router;
the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Final

from irrgate.filters import Filter, with_more_specifics
from irrgate.network import GuardLimits
from irrgate.prefixes import PrefixRange, PrefixSet, format_entry

FEW_ENTRIES: Final = 10
"""entries; of a filter with fewer, only the address space tells how far it moves: one customer more
of one that has two is half as many entries again"""

CLOCK_SKEW: Final = timedelta(minutes=5)
"""by how much two clocks that are both right may differ"""


class Guard(StrEnum):
    """The guards, by the name that plans show."""

    EMPTY = "empty"
    UNKNOWN = "unknown_set"
    MAX_PREFIXES = "max_prefixes"
    SHRINK = "max_shrink"
    GROWTH = "max_growth"
    SHORT = "min_length"
    OWN = "own_prefixes"
    STALE = "max_age"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a guard judged a filter: its figure and its limit as people read them."""

    guard: Guard
    figure: str
    limit: str
    passed: bool = True

    def __str__(self) -> str:
        return f"{self.guard}: {self.figure} (limit: {self.limit})"


def vetoes(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return what holds a filter: of each guard that did not let it pass, its first figure."""
    failed: dict[Guard, Reading] = {}
    for reading in readings:
        if not reading.passed:
            failed.setdefault(reading.guard, reading)
    return tuple(failed.values())


def judge_alone(
    new: Filter, limits: GuardLimits, own: Iterable[PrefixRange]
) -> tuple[Reading, ...]:
    """Return the judgements that need no router and no history; `own` are our own prefixes."""
    limit = limits.max_prefixes[new.afi]
    entries = new.prefixes.entry_count
    return (
        Reading(Guard.MAX_PREFIXES, f"{entries:,} entries", f"{limit:,}", passed=entries <= limit),
        _judge_length(new, limits.min_length[new.afi]),
        _judge_own(new, own),
    )


def _judge_length(new: Filter, limit: int) -> Reading:
    shortest = new.prefixes.shortest
    if shortest is None:
        figure = "accepts nothing"
    elif shortest == 0:
        figure = "accepts a default route"
    else:
        figure = f"accepts prefixes from /{shortest} on"
    passed = shortest is None or shortest >= limit
    return Reading(Guard.SHORT, figure, f"/{limit}", passed=passed)


def _judge_own(new: Filter, own: Iterable[PrefixRange]) -> Reading:
    # The sieve lets none of ours through; a filter made under other settings may hold some.
    ours = with_more_specifics(new.afi, own)
    theirs = ours.difference(new.prefixes)
    if theirs == ours:
        return Reading(Guard.OWN, "accepts none of ours", "none of ours")
    accepted = format_entry(new.afi, next(ours.difference(theirs).entries()))
    return Reading(Guard.OWN, f"accepts {accepted} of ours", "none of ours", passed=False)


def judge_change(old: PrefixSet | None, new: PrefixSet, limits: GuardLimits) -> tuple[Reading, ...]:
    """Return the judgements on replacing `old`, what serves now, by `new`.

    Shrink and growth are in address space, a swap of one space for another counting as both: the
    part of the old space that no prefix of the new filter lies in, and the new space, old space
    included, as a multiple of the old. They are in entries as well, from FEW_ENTRIES on. Without
    an old filter, or with one that accepts nothing, there is nothing that could be lost.
    """
    if not old:
        return ()
    if not new:
        figure = "nothing is left of the filter"
        return (Reading(Guard.EMPTY, figure, "at least one prefix", passed=False),)
    return (
        Reading(Guard.EMPTY, f"{new.entry_count:,} entries are left", "at least one prefix"),
        *_judge_space(old, new, limits),
        *_judge_entries(old, new, limits),
    )


def _judge_space(old: PrefixSet, new: PrefixSet, limits: GuardLimits) -> tuple[Reading, ...]:
    held = old.address_count
    kept = old.shared_addresses(new)
    lost, gained = held - kept, new.address_count - kept
    # Exactly, as people write the limits: 0.3 is three tenths, and 2**128 addresses have no float.
    # Figures are rounded up, so that none reads as the limit that it exceeds.
    return (
        Reading(
            Guard.SHRINK,
            f"loses {-(-100 * lost // held)}% of its address space",
            f"{limits.max_shrink * 100:g}%",
            passed=Fraction(lost, held) <= _exact(limits.max_shrink),
        ),
        Reading(
            Guard.GROWTH,
            f"grows to {_times(held + gained, held)} times its address space",
            f"{limits.max_growth:g} times",
            passed=not gained or 1 + Fraction(gained, held) <= _exact(limits.max_growth),
        ),
    )


def _judge_entries(old: PrefixSet, new: PrefixSet, limits: GuardLimits) -> tuple[Reading, ...]:
    """Judge the numbers of entries, unless nothing of the old filter goes, or nothing comes.

    A thousand entries that are taken together in one range are no loss.
    """
    before, after = old.entry_count, new.entry_count
    if before < FEW_ENTRIES:
        return ()
    lost = max(0, before - after)
    shrinks = Fraction(lost, before) > _exact(limits.max_shrink)
    grows = after > before and Fraction(after, before) > _exact(limits.max_growth)
    return (
        Reading(
            Guard.SHRINK,
            f"loses {-(-100 * lost // before)}% of its entries",
            f"{limits.max_shrink * 100:g}%",
            passed=not (shrinks and old.difference(new)),
        ),
        Reading(
            Guard.GROWTH,
            f"grows to {_times(max(after, before), before)} times its entries",
            f"{limits.max_growth:g} times",
            passed=not (grows and new.difference(old)),
        ),
    )


def judge_unknown(reason: str) -> Reading:
    """Return the judgement on a filter of which an object does not exist."""
    return Reading(Guard.UNKNOWN, reason, "objects that exist", passed=False)


def judge_age(age: timedelta, limits: GuardLimits) -> Reading:
    """Return the judgement on what stands in for a filter that could not be made.

    An age below zero is told by a clock that was wrong then, or is wrong now: nobody knows it.
    """
    limit = span_text(limits.max_age)
    if age < -CLOCK_SKEW:
        figure = f"dates from {span_text(-age)} in the future, so that its age is not known"
        return Reading(Guard.STALE, figure, limit, passed=False)
    figure = f"is {span_text(age)} old"
    return Reading(Guard.STALE, figure, limit, passed=age <= limits.max_age)


def judge_rolled_back(deployment: int | None) -> tuple[Reading, ...]:
    """Return the judgement on content that was rolled back from in `deployment`, if it was."""
    if deployment is None:
        return ()
    figure = f"was rolled back from, in deployment {deployment}"
    return (Reading(Guard.ROLLED_BACK, figure, "until it is accepted", passed=False),)


def span_text(span: timedelta) -> str:
    """Return how long it is, for people: 45 s, 12 min, 5 h, 3 d; rounded up."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and not seconds % size):
            return f"{-(-seconds // size)} {unit}"
    return f"{seconds} s"


def _times(now: int, before: int) -> str:
    return f"{-(-10 * now // before) / 10:.1f}"


def _exact(limit: float) -> Fraction:
    return Fraction(str(limit))

"""How a numbered prefix list goes from its old content to its new one without a moment between.

FRR, IOS and NX-OS have no candidate: each line takes effect. What holds at every moment, in
whatever state a run that is killed leaves the list:
- nothing is let through that neither the old list nor the new one lets through;
- nothing is lost that both let through;
- the list has an entry, since one without permits everything.

So what is new is added first, what is gone is removed after that, and numbers stay. A number that
is in use is never given anew, which would replace its entry; and an entry that the list has already
is never added under another number, which FRR before 9.0 ignores without a word (measured), and
IOS refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

from irrgate.aggregation import Entry
from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.first_match import first_match
from irrgate.platforms.platform import Row
from irrgate.prefixes import Afi, PrefixSet

DENY_ALL_SEQUENCE: Final = 2_000_000_000
"""of the entry that says that nothing is accepted: behind all others, so that permits which come
take effect as they come. Beyond 2³¹ FRR 8.4 shows entries before the others."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """How entries are numbered."""

    max_sequence: int = 4_294_967_294
    deny_all: int = DENY_ALL_SEQUENCE
    """of the entry that says that nothing is accepted"""
    step: int = 10
    """between new entries, so that a person finds room between two"""
    floor: bool = False
    """every list ends with the entry that denies all, whatever it permits: then no router that
    takes entries out and puts others in by its own way, as IOS does when it reverts, comes by a
    list without an entry"""


NUMBERING: Final = Numbering()


@dataclass(frozen=True, slots=True)
class Delta:
    """What changes in a list: first all of `added`, in order, then all of `removed`, in order."""

    added: tuple[Row, ...] = ()
    removed: tuple[Row, ...] = ()


def accepted_by(afi: Afi, rows: Sequence[Row]) -> PrefixSet:
    """Return what a list that exists lets through: everything, when it has no entry."""
    if not rows:
        return PrefixSet.from_entries(afi, [deny_all(afi)])
    # What is denied at the end is denied anyway.
    denies = next((at for at, row in enumerate(reversed(rows)) if row[1]), len(rows))
    permitting = rows[: len(rows) - denies]
    if all(permits for _, permits, _ in permitting):
        return PrefixSet.from_entries(afi, (entry for _, _, entry in permitting))
    return first_match(afi, permitting)


def deny_all(afi: Afi) -> Entry:
    """Return what FRR calls `any`, and others 0.0.0.0/0 le 32."""
    return (0, 0, 0, afi.bits)


def delta_to(
    name: str, prefixes: PrefixSet, rows: Sequence[Row], numbering: Numbering = NUMBERING
) -> Delta:
    """Return what makes a list of these entries accept exactly `prefixes`.

    `rows` is empty for a list that does not exist. Raises PlatformError where there is no way
    without a moment between; irrgate's own lists always have one.
    """
    return delta_of(name, prefixes.afi, tuple(prefixes.entries()), rows, numbering)


def delta_of(
    name: str,
    afi: Afi,
    entries: Sequence[Entry],
    rows: Sequence[Row],
    numbering: Numbering = NUMBERING,
) -> Delta:
    """Return what makes a list have these entries, as they are, and no others; see delta_to."""
    wanted = set(entries)
    held_floor = floor_of(afi, rows, numbering)
    floor = held_floor or (_new_floor(afi, rows, numbering) if wanted else None)
    stay: set[Row] = {held_floor} if held_floor else set()
    missing = set(wanted)
    denies: list[Row] = []
    for row in sorted(rows):
        if row in stay:
            continue
        _, permits, entry = row
        if permits and entry in missing:
            missing.remove(entry)
            stay.add(row)
        elif not permits and not wanted and entry == deny_all(afi) and not stay:
            stay.add(row)
        elif not permits:
            denies.append(row)
    gone = [row for row in sorted(rows) if row[1] and row not in stay]
    added: list[Row] = [floor] if floor and not held_floor else []
    if not wanted and not stay:
        taken = {number for number, _, _ in rows}
        number = next(each for each in count(numbering.deny_all) if each not in taken)
        added.append((number, False, deny_all(afi)))
    elif missing:
        numbers = _numbers(name, afi, (*rows, *added), len(missing), numbering)
        new = (entry for entry in entries if entry in missing)
        added += ((number, True, entry) for number, entry in zip(numbers, new, strict=True))
    delta = Delta(tuple(added), (*gone, *denies))
    try:
        applied(name, afi, rows, delta, numbering)
    except ParseError as exc:
        raise PlatformError(name, exc.reason, hint=_HINT) from exc
    return delta


def floor_of(afi: Afi, rows: Sequence[Row], numbering: Numbering) -> Row | None:
    """Return the entry at the end of a list that denies all, where the platform's lists have one.

    Not one that a person has put so far in front that there is no room before it.
    """
    last = max(rows, default=None)
    if not numbering.floor or last is None or last[0] < numbering.deny_all:
        return None
    return last if last[1:] == (False, deny_all(afi)) else None


def _new_floor(afi: Afi, rows: Sequence[Row], numbering: Numbering) -> Row | None:
    """Return the floor for a list without one, or None where it has no place for it."""
    if not numbering.floor or any(row[1:] == (False, deny_all(afi)) for row in rows):
        return None
    number = max((row[0] + 1 for row in rows if row[0] >= numbering.deny_all), default=0)
    number = number or numbering.deny_all
    return (number, False, deny_all(afi)) if number <= numbering.max_sequence else None


_HINT: Final = (
    "the list has denies that irrgate does not write: take them out on the router, or let the "
    "policy refer to a list of another name meanwhile"
)


def _numbers(
    name: str, afi: Afi, rows: Sequence[Row], wanted: int, numbering: Numbering
) -> list[int]:
    """Return free numbers for new permits: before the first deny, where they take effect at once.

    Where the list accepts nothing anyway, they may as well stand behind it.
    """
    first_deny = min((number for number, permits, _ in rows if not permits), default=None)
    before = numbering.max_sequence + 1 if first_deny is None else first_deny
    found = _free(rows, wanted, before, numbering.step)
    if len(found) < wanted and not first_match(afi, rows):
        found = _free(rows, wanted, numbering.max_sequence + 1, numbering.step)
    if len(found) < wanted:
        reason = f"has no room for {wanted:,} entries before its entry {before}, which denies"
        raise PlatformError(name, reason, hint=_HINT)
    return found


def _free(rows: Sequence[Row], wanted: int, before: int, step: int) -> list[int]:
    used = {number for number, _, _ in rows if number < before}
    start = max(used, default=0) // step * step + step
    if start + (wanted - 1) * step < before:
        return list(range(start, start + wanted * step, step))
    return list(islice((each for each in range(1, before) if each not in used), wanted))


def applied(
    name: str, afi: Afi, rows: Sequence[Row], delta: Delta, numbering: Numbering = NUMBERING
) -> tuple[Row, ...]:
    """Return the entries after a delta; raises ParseError where it would not be as it must.

    It is what decides of a delta, whoever made it: see above.
    """
    held = {number: (permits, entry) for number, permits, entry in rows}
    has = {(permits, entry) for _, permits, entry in rows}
    for number, permits, entry in delta.added:
        if number in held:
            raise ParseError(name, f"the candidate adds an entry {number}, which is there already")
        if (permits, entry) in has:
            raise ParseError(name, f"the candidate's entry {number} is there by another number")
        held[number] = permits, entry
        has.add((permits, entry))
    between = dict(held)
    added = {number for number, _, _ in delta.added}
    seen_deny = False
    for number, permits, entry in delta.removed:
        if number in added:
            raise ParseError(name, f"the candidate adds an entry {number} and removes it")
        if held.pop(number, None) != (permits, entry):
            raise ParseError(name, f"the candidate removes an entry {number}, which is not there")
        if permits:
            if seen_deny:
                raise ParseError(name, "the candidate removes a deny before a permit")
            del between[number]
        seen_deny = seen_deny or not permits
    if not held:
        raise ParseError(name, "the candidate would leave the list without an entry")
    after = _rows(held)
    floor = {floor_of(afi, after, numbering)}
    # What stands at the end of the old list, or comes there first, means nothing to what is before.
    stages = [
        tuple(row for row in each if row not in floor)
        for each in (delta.added, rows, _rows(between), after)
    ]
    if not all(permits for each in stages[:2] for _, permits, _ in each):
        _refuse_detour(name, afi, stages[0], (stages[1], stages[2], stages[3]))
    return after


def _rows(held: dict[int, tuple[bool, Entry]]) -> tuple[Row, ...]:
    return tuple((number, *held[number]) for number in sorted(held))


def _refuse_detour(
    name: str, afi: Afi, added: Sequence[Row], stages: tuple[Sequence[Row], ...]
) -> None:
    """Raise ParseError where a list with denies would let through, or lose, what it must not.

    Permits that come before the first deny add to what is accepted, permits that go take from it,
    and denies that go give back what permits of the new list have. So the stage between, with all
    permits as they will be and all denies as they were, has the least.
    """
    before, between, after = stages
    old, new = first_match(afi, before), first_match(afi, after)
    if any(permits is not bool(new) for _, permits, _ in added):
        raise ParseError(name, "the candidate adds an entry that is not of the new list")
    if not old or not new:
        return
    if not all(permits for _, permits, _ in after):
        raise ParseError(name, "the candidate leaves a deny in a list that accepts something")
    first_deny = min(number for number, permits, _ in before if not permits)
    if any(number > first_deny for number, _, _ in added):
        raise ParseError(name, "the candidate adds an entry behind one that denies")
    both = old.difference(old.difference(new))
    if both.difference(first_match(afi, between)):
        raise ParseError(name, "has denies, and would lose routes for a moment that are to stay")

"""What is tried: each fault at each step of an apply at which it can strike, on each platform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.lab.faults import FaultKind, Step


class Column(StrEnum):
    """A platform, with its own commit timer or as one that has none."""

    EOS = "eos"
    JUNOS = "junos"
    EOS_SAVED = "eos-saved"
    JUNOS_SAVED = "junos-saved"

    @property
    def platform(self) -> str:
        return self.value.removesuffix("-saved")

    @property
    def has_timer(self) -> bool:
        return self is Column(self.platform)


class Row(StrEnum):
    """What goes wrong."""

    KILL = "kill -9 before the step is applied"
    KILL_AFTER = "kill -9 after it"
    KILL_LATE = "kill -9 after it, and the next run when the timer has run"
    KILL_TWICE = "kill -9 after the commit, and the run that recovers as well"
    CUT = "connection cut before the step is applied"
    CUT_AFTER = "connection cut after it"
    HANG = "device hangs before the step is applied"
    HANG_AFTER = "device hangs after it"
    ERROR = "device answers an error"
    GARBAGE = "device answers garbage"
    TRUNCATED = "device answers half a config"
    RESTART = "device restarts before the step is applied"
    RESTART_AFTER = "device restarts after it"
    FOREIGN_LOCK = "another person's lock or session"
    SESSION_DOWN = "the commit brings a BGP session down"
    PREFIXES_LOST = "the commit loses accepted prefixes"

    @property
    def kills(self) -> bool:
        return self in {Row.KILL, Row.KILL_AFTER, Row.KILL_LATE, Row.KILL_TWICE}

    @property
    def is_bgp(self) -> bool:
        return self in {Row.SESSION_DOWN, Row.PREFIXES_LOST}


KINDS = {
    Row.KILL: FaultKind.HANG,
    Row.KILL_AFTER: FaultKind.HANG_AFTER,
    Row.KILL_LATE: FaultKind.HANG_AFTER,
    Row.KILL_TWICE: FaultKind.HANG_AFTER,
    Row.CUT: FaultKind.DROP,
    Row.CUT_AFTER: FaultKind.DROP_AFTER,
    Row.HANG: FaultKind.HANG,
    Row.HANG_AFTER: FaultKind.HANG_AFTER,
    Row.ERROR: FaultKind.ERROR,
    Row.GARBAGE: FaultKind.GARBAGE,
    Row.TRUNCATED: FaultKind.TRUNCATE,
    Row.RESTART: FaultKind.RESTART,
    Row.RESTART_AFTER: FaultKind.RESTART_AFTER,
}


class Place(StrEnum):
    """A step of an apply."""

    CONNECT = "connect"
    LOGIN = "login"
    READ = "first read"
    REFERENCES = "look for references"
    SESSIONS = "BGP before"
    LOAD = "load"
    COMPARE = "compare"
    DISCARD = "discard"
    COMMIT = "commit"
    READ_BACK = "read back"
    SESSIONS_AFTER = "BGP after"
    CONFIRM = "confirm"
    TAKE_BACK = "take back"
    TAKE_BACK_COMMIT = "take back: commit"
    RESTORE_LOAD = "restore: load"
    RESTORE_COMPARE = "restore: compare"
    RESTORE_COMMIT = "restore: commit"
    CLOSE = "close"

    @property
    def step(self) -> Step:
        """As the devices call it."""
        return _STEPS[self]

    @property
    def changes(self) -> bool:
        """True where the router is another one after the step."""
        return self in _CHANGES

    @property
    def is_way_back(self) -> bool:
        """True where there is something to undo: the commit brought a BGP session down."""
        return self in _WAY_BACK


_STEPS = {
    Place.CONNECT: Step.CONNECT,
    Place.LOGIN: Step.LOGIN,
    Place.READ: Step.GET_CONFIG,
    Place.REFERENCES: Step.GET_CONFIG,
    Place.SESSIONS: Step.BGP,
    Place.LOAD: Step.LOAD,
    Place.COMPARE: Step.COMPARE,
    Place.DISCARD: Step.DISCARD,
    Place.COMMIT: Step.COMMIT,
    Place.READ_BACK: Step.GET_CONFIG,
    Place.SESSIONS_AFTER: Step.BGP,
    Place.CONFIRM: Step.CONFIRM,
    Place.TAKE_BACK: Step.ROLLBACK,
    Place.TAKE_BACK_COMMIT: Step.ROLLBACK,
    Place.RESTORE_LOAD: Step.LOAD,
    Place.RESTORE_COMPARE: Step.COMPARE,
    Place.RESTORE_COMMIT: Step.COMMIT,
    Place.CLOSE: Step.CLOSE,
}
_RESTORING = {Place.RESTORE_LOAD, Place.RESTORE_COMPARE, Place.RESTORE_COMMIT}
_WAY_BACK = {Place.TAKE_BACK, Place.TAKE_BACK_COMMIT, *_RESTORING}
_CHANGES = {Place.LOAD, Place.DISCARD, Place.COMMIT, Place.CONFIRM, Place.CLOSE}
_CHANGES |= {Place.TAKE_BACK, Place.TAKE_BACK_COMMIT, Place.RESTORE_LOAD, Place.RESTORE_COMMIT}
_ONLY_TIMER = {Place.CONFIRM, Place.TAKE_BACK, Place.TAKE_BACK_COMMIT}
_ONLY_JUNOS = {Place.TAKE_BACK_COMMIT, Place.CLOSE}
"""EOS takes back by one command, and an eAPI session just ends"""
_READS = {Place.READ, Place.REFERENCES, Place.READ_BACK}
_COMMITTED = {Place.COMMIT, Place.READ_BACK, Place.SESSIONS_AFTER, Place.CONFIRM}
_COMMITTED |= {Place.TAKE_BACK, Place.TAKE_BACK_COMMIT, Place.RESTORE_COMMIT}
_RECOVERY = {Place.READ_BACK, Place.SESSIONS_AFTER, Place.CONFIRM, Place.TAKE_BACK}
_RECOVERY |= {Place.TAKE_BACK_COMMIT, *_RESTORING}


@dataclass(frozen=True, slots=True)
class Case:
    """One fault at one step on one platform."""

    column: Column
    row: Row
    place: Place

    def __str__(self) -> str:
        return f"{self.column}: {self.row}, at {self.place}"


def all_cases() -> tuple[Case, ...]:
    """Every case, in the order of the matrix."""
    return tuple(
        Case(column, row, place)
        for column in Column
        for row in Row
        for place in places(column)
        if _can_be(column, row, place)
    )


def places(column: Column) -> Iterator[Place]:
    """The steps of an apply on a platform."""
    for place in Place:
        if place in _ONLY_TIMER and not column.has_timer:
            continue
        if place in _RESTORING and column.has_timer:
            continue
        if place in _ONLY_JUNOS and column.platform == "eos":
            continue
        yield place


def _can_be(column: Column, row: Row, place: Place) -> bool:
    match row:
        case Row.SESSION_DOWN | Row.PREFIXES_LOST:
            can_be = place is Place.COMMIT
        case Row.TRUNCATED:
            can_be = place in _READS
        case Row.KILL_TWICE:
            can_be = place in _RECOVERY
        case Row.KILL_LATE:
            can_be = column.has_timer and place in _COMMITTED
        case Row.FOREIGN_LOCK if column.platform == "junos":
            # While irrgate holds the lock nobody else can have it: the connection goes first.
            can_be = place is Place.CONNECT or place in _COMMITTED
        case Row.FOREIGN_LOCK:
            can_be = place not in {Place.CONNECT, Place.LOGIN}
        case Row.GARBAGE if place is Place.CONNECT:
            can_be = column.platform == "junos"  # on EOS it is the cut connection once more
        case Row.KILL_AFTER | Row.CUT_AFTER | Row.HANG_AFTER | Row.RESTART_AFTER:
            can_be = place.changes
        case _:
            can_be = True
    return can_be


def representative(cases: Sequence[Case], share: int = 10) -> tuple[Case, ...]:
    """One case of `share`, always the same: each platform, each fault and each step is in it.

    Of the cases left, the one that shows most of what was not shown yet is taken, and the first
    of those.
    """
    wanted = -(-len(cases) // share)
    left, taken = list(cases), list[Case]()
    shown: dict[object, int] = {}
    while left and (len(taken) < wanted or any(_new(case, shown) for case in left)):
        best = max(left, key=lambda case: (_new(case, shown), -_seen(case, shown)))
        left.remove(best)
        taken.append(best)
        for aspect in _aspects(best):
            shown[aspect] = shown.get(aspect, 0) + 1
    return tuple(sorted(taken, key=list(cases).index))


def _aspects(case: Case) -> tuple[object, ...]:
    return (case.column, case.row, case.place)


def _new(case: Case, shown: dict[object, int]) -> int:
    return sum(aspect not in shown for aspect in _aspects(case))


def _seen(case: Case, shown: dict[object, int]) -> int:
    return sum(shown.get(aspect, 0) for aspect in _aspects(case))

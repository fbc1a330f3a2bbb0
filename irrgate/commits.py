"""What is committed on a router, how far it got, and what came of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any, Final, Protocol

from irrgate.errors import ParseError
from irrgate.platforms.platform import Platform, RunningFilters, read_candidate
from irrgate.prefixes import Afi, PrefixSet, format_entry

MAX_SHOWN: Final = 5
"""prefixes shown of what changed in a filter since the review"""


@dataclass(frozen=True, slots=True)
class CommitOrder:
    """What a plan says about one router: the bytes, the diff that was reviewed, the aim."""

    candidate: str
    diff_digest: str
    """SHA-256 of the reviewed diff"""
    intended: Mapping[str, tuple[Afi, str | None]]
    """the family and the digest of the prefixes of each filter that the candidate writes; None for
    a filter that it removes"""
    running: Mapping[str, str | None]
    """the digest of what the router held of each of these when it was reviewed; None: no such"""
    message: str
    """for the router's commit log, where it has one"""
    sessions: Mapping[str, tuple[Afi, str]] = field(default_factory=dict)
    """by the neighbour's address: the session's family, and the name of its filter"""
    commit_confirm: bool = True
    """False for a router whose commit timer must not be used"""
    reviewed: Callable[[str], PrefixSet | None] = field(default=lambda _: None, compare=False)
    """what the router held of a filter when it was reviewed"""

    @property
    def wanted(self) -> dict[str, Afi]:
        """The names to look for in a running config."""
        return {name: afi for name, (afi, _) in self.intended.items()}


class CommitOutcome(StrEnum):
    """How a router came out of an apply."""

    DONE = "done"
    """committed, read back, confirmed"""
    ALREADY = "already"
    """the router held the intended filters before; nothing was sent to it"""
    HELD = "held"
    """not as it was reviewed, or not now; nothing was changed"""
    FAILED = "failed"
    """something went wrong, and the router holds what it held before"""
    REVERTED = "reverted"
    """committed, found wrong, and gone back; read back to be sure"""
    UNSETTLED = "unsettled"
    """committed, and what the router holds now could not be found out; the next run looks again"""

    @property
    def is_done(self) -> bool:
        """True when the router holds what was intended."""
        return self in {CommitOutcome.DONE, CommitOutcome.ALREADY}

    @property
    def is_settled(self) -> bool:
        """True when it is known what the router holds."""
        return self is not CommitOutcome.UNSETTLED

    @property
    def is_failure(self) -> bool:
        """True for what counts against the failure budget."""
        return self in {CommitOutcome.FAILED, CommitOutcome.REVERTED, CommitOutcome.UNSETTLED}


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What came of one router, with the reason where it is not simply done."""

    outcome: CommitOutcome
    reason: str = ""
    diff: str = ""
    """the router's diff now, where it is not the reviewed one"""
    since: tuple[str, ...] = ()
    """where the router is not as it was reviewed: what changed in each filter since"""
    hint: str = ""


class Step(StrEnum):
    """What is about to be done to a router; journalled before it is done."""

    LOAD = "load"
    COMMIT = "commit"
    CONFIRM = "confirm"
    TAKE_BACK = "take back"
    RESTORE = "restore"


Detail = Mapping[str, object]
"""JSON"""


class Journal(Protocol):
    """Where a run writes what it is about to do; each call has reached the disk when it returns."""

    def lock(self, host: str) -> AbstractContextManager[Callable[[], None]]:
        """Take the router for this run alone; raises LockedError.

        What it gives raises LockedError once the router is not ours any more.
        """

    def begin(self, host: str, before: Mapping[str, PrefixSet | None]) -> None:
        """Keep what the router holds, by filter, before it is touched."""

    def note(self, host: str, step: Step, detail: Detail) -> None:
        """Write the step that comes next."""

    def end(self, host: str, report: CommitReport, found: RunningFilters | None) -> None:
        """Write what came of it; `found` is what was read back of the router at the end."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The clock and the waiting of a run."""

    now: Callable[[], float] = time.monotonic
    """seconds that never go back"""
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class CommitRules:
    """How a commit is judged before it is confirmed."""

    managed_prefix: str
    revert_in: int
    """seconds, 60 to 3600"""
    bgp_check: bool = True
    max_accepted_loss: float = 0.5
    """0 to 1: the part of its accepted prefixes that a session may lose"""
    settle: int = 5
    """seconds between a commit and the look at the sessions"""


def diff_digest(diff: str) -> str:
    """Return the digest by which a diff is known; space at line ends and outer lines is none."""
    lines = "\n".join(line.rstrip() for line in diff.split("\n")).strip("\n")
    # A router may print what is no Unicode text; it still has to be the same.
    return hashlib.sha256(lines.encode(errors="surrogatepass")).hexdigest()


def digests_of(found: RunningFilters, names: Iterable[str]) -> dict[str, str | None]:
    """Return the digest of each of `names` as a router holds it; None where it has no such."""
    return {
        name: found.lists[name].prefixes.digest if name in found.lists else None for name in names
    }


def misread(
    intended: Mapping[str, tuple[Afi, str | None]], found: RunningFilters
) -> tuple[str, ...]:
    """Return the names of the filters that a router does not hold as it is intended."""
    wrong = []
    for name, (_, digest) in sorted(intended.items()):
        held = found.lists.get(name)
        if digest is None:
            right = held is None
        else:
            right = held is not None and held.plain and held.prefixes.digest == digest
        if not right:
            wrong.append(name)
    return tuple(wrong)


def candidate_doubt(
    platform: Platform,
    candidate: str,
    intended: Mapping[str, tuple[Afi, str | None]],
    found: RunningFilters,
) -> str:
    """Return what a candidate says beside what is intended, or else than that; empty: nothing.

    A plan comes from outside: who shows it shows the filters, and what is committed is the text.
    """
    wanted = {name: afi for name, (afi, digest) in intended.items() if digest is not None}
    removals = {name: afi for name, (afi, digest) in intended.items() if digest is None}
    held = {name: found.lists[name] for name in wanted if name in found.lists}
    try:
        says = read_candidate(platform, candidate, held, wanted, removals)
    except ParseError as exc:
        return f"its candidate does not fit the router, or is none of irrgate's: {exc}"
    if says.strangers:
        return f"its candidate sets {says.strangers[0].name}, which the plan does not name"
    wrong = set(says.removed) ^ removals.keys()
    for name in wanted:
        read = says.lists.get(name)
        if read is None or read.prefixes.digest != intended[name][1]:
            wrong.add(name)
    names = ", ".join(sorted(wrong))
    return f"its candidate does not lead to what the plan has for {names}" if wrong else ""


def changed_since(order: CommitOrder, found: RunningFilters) -> tuple[str, ...]:
    """Return what changed in each filter of the order since the review, as people read it."""
    now = digests_of(found, order.intended)
    return tuple(
        _changed(name, afi, order.reviewed(name), found)
        for name, (afi, _) in sorted(order.intended.items())
        if now[name] != order.running.get(name)
    )


def _changed(name: str, afi: Afi, reviewed: PrefixSet | None, found: RunningFilters) -> str:
    held = found.lists.get(name)
    if held is None:
        return f"{name} is gone"
    if reviewed is None:
        return f"{name} is there now, with {held.prefixes.entry_count:,} entries"
    gained, lost = held.prefixes.difference(reviewed), reviewed.difference(held.prefixes)
    return f"{name} now {_listed(afi, 'has', gained, lost)}".rstrip()


def _listed(afi: Afi, word: str, gained: PrefixSet, lost: PrefixSet) -> str:
    parts = []
    for verb, prefixes in ((word, gained), (f"{word} no", lost)):
        shown = [
            format_entry(afi, entry) for entry in islice(prefixes.spelled_out(), MAX_SHOWN + 1)
        ]
        if shown:
            more = " and more" if len(shown) > MAX_SHOWN else ""
            parts.append(f"{verb} {', '.join(shown[:MAX_SHOWN])}{more}")
    return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A router that a run began to change and did not bring to an end: the run died."""

    deployment: int
    before: Mapping[str, PrefixSet | None]
    """what the router held of each filter"""
    commit: Mapping[str, Any] | None
    """what was journalled before the commit was sent; None: it was not"""
    age: float
    """seconds since then by the wall clock; negative where that jumped back"""

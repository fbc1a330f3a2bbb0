"""What the rest of irrgate knows of a platform: its promises, its parser, its way of printing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol, runtime_checkable

from irrgate.aggregation import Entry
from irrgate.errors import PlatformError
from irrgate.prefixes import Afi, PrefixSet

NONE: Final[Mapping[str, Afi]] = MappingProxyType({})
"""no names"""
MAX_REFERENCES: Final = 5
"""of one filter that are told; the rest is counted"""


class UpdateStrategy(StrEnum):
    """How a filter on a router is brought to its new content."""

    REPLACE = "replace"
    """the whole object in a candidate, committed at once"""
    SESSION = "session"
    """the whole object inside a configuration session, committed at once"""
    DELTA = "delta"
    """entry by entry: those that are new are added first, then those that are gone are removed"""


@dataclass(frozen=True, slots=True)
class DriverFault:
    """Something that a NAPALM driver, or a platform, does wrong; a sentence each, without a dot."""

    fault: str
    answer: str
    """what irrgate does about it"""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What can be promised on a platform, and its limits."""

    strategy: UpdateStrategy
    revert_step: int
    """seconds; `revert_in` of a commit to be confirmed is a multiple of it"""
    commit_message: bool
    """the driver passes a message on to the router's commit log"""
    max_sequence: int | None
    """the highest sequence number of an entry; None where entries have none"""
    max_name: int
    """characters in the name of a filter"""
    atomic: bool
    """all filters of a candidate change in one commit, or none of them"""
    commit_confirm: bool
    """a commit that nobody confirms is taken back by the router itself"""
    verified_host: str
    """by what the router is known to be the right one"""
    tested: str = "emulated"
    """on what the tests push: the real daemon, or an emulated router behind the real driver"""
    max_entries: int | None = None
    """entries of one filter; None where no limit is known"""
    faults: tuple[DriverFault, ...] = ()
    """what the driver, or the platform, is known to do wrong"""


Row = tuple[int, bool, Entry]
"""(number, permits, entry): one entry of a list as a router holds it"""


@dataclass(frozen=True, slots=True)
class ManagedList:
    """A filter as a router holds it."""

    name: str
    afi: Afi
    prefixes: PrefixSet
    """what the router accepts by it, by the platform's own way of evaluating it"""
    plain: bool
    """False when it has a form that irrgate never writes: then it is written anew, even when it
    accepts the right prefixes"""
    sequences: Mapping[Entry, int] = field(default_factory=dict, repr=False)
    """where entries are numbered: the number of each permitting entry"""
    rows: Sequence[Row] = field(default=(), repr=False)
    """where a candidate is a delta: all entries, by their numbers"""
    numbered: bool = True
    """False where the router does not show the numbers of the entries: those of the rows are
    guessed, and nothing can be changed by them"""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A filter with irrgate's prefix that nobody asked for."""

    name: str
    afi: Afi | None
    """None where it cannot be told; such a filter is never removed"""
    references: tuple[str, ...]
    """what mentions the name outside of the filter itself, as a person would read it: the first
    MAX_REFERENCES, and then how many more there are"""
    removable: bool
    """True for an object of irrgate's own kind that the platform removes whole, whatever refers
    to it"""


@dataclass(frozen=True, slots=True)
class RunningFilters:
    """What a running config, or a candidate, holds of the names that irrgate manages."""

    lists: Mapping[str, ManagedList]
    """those asked for that are there"""
    strangers: tuple[Stranger, ...]
    """those with irrgate's prefix that were not asked for; by name, each name once"""
    removed: tuple[str, ...] = ()
    """names that a candidate removes; sorted"""
    router: object = field(default=None, compare=False, repr=False)
    """what the platform has to know of the router to print for it: for RouterPlatform"""


Line = tuple[int, str, str, int | None, int | None]
"""(sequence, action, prefix, ge, le): what a template prints as one line; ge and le are None where
the platform's default says the same; the sequence is 0 where the platform has none."""


@dataclass(frozen=True, slots=True)
class PrintedList:
    """A filter as a template gets it."""

    name: str
    afi: Afi
    keyword: str
    """what the platform calls the family in the object's own syntax, such as ip or ipv6"""
    lines: Sequence[Line] = field(repr=False)
    """where a candidate is a delta, those that are added"""
    removed: Sequence[Line] = field(default=(), repr=False)
    """where a candidate is a delta, those that are removed once the others were added"""


@dataclass(frozen=True, slots=True)
class Removal:
    """A filter to remove, as a template gets it."""

    name: str
    afi: Afi
    keyword: str
    """as in PrintedList"""


def removable_afi(stranger: Stranger) -> Afi:
    """Return the family of a filter to remove, or raise PlatformError where it is not removable."""
    if stranger.afi is None or not stranger.removable:
        raise PlatformError(stranger.name, "cannot be removed by irrgate")
    return stranger.afi


class Platform(Protocol):
    """One module a platform implements this; it knows neither sockets nor templates."""

    @property
    def name(self) -> str:
        """The NAPALM driver's name."""

    @property
    def capabilities(self) -> Capabilities:
        """What can be promised here."""

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed filters of a running config, or raise ParseError.

        A config that is cut off is an error, and never a config without filters.
        """

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return what mentions each of `names` in a running config, or raise ParseError.

        As in Stranger; empty where nothing does. Every mention counts outside of the filter's own
        definition, in whatever statement, even one that is switched off: when in doubt, it is
        referred to.
        """

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the filters that a candidate sets, whatever their names, or raise ParseError.

        It may remove those of `removals` and no others.
        """

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the lines that make `name` accept exactly `prefixes`, or raise PlatformError.

        `running` is what the router has under this name: numbers of entries that stay are kept,
        so that the router's diff shows what changes and nothing else.
        """

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the filter, or raise PlatformError where it is not removable.

        What refers to it is not looked at.
        """


@runtime_checkable
class DeltaPlatform(Protocol):
    """A platform on which a candidate says what changes, and only that: see UpdateStrategy.DELTA.

    What it makes of a router can only be told with what the router holds.
    """

    def apply_candidate(
        self,
        candidate: str,
        running: Mapping[str, ManagedList],
        wanted: Mapping[str, Afi],
        removals: Mapping[str, Afi] = NONE,
    ) -> RunningFilters:
        """Return the filters as they are after the candidate, or raise ParseError.

        Also where it does not fit what is running, or would on its way let through what neither
        the old filter nor the new one has, or lose what both have.
        """


@runtime_checkable
class RouterPlatform(Protocol):
    """A platform on which it depends on the router, such as on its version, what it can hold."""

    def on_router(self, router: object) -> Platform:
        """Return the platform as it is on the router that said this of itself.

        `router` is RunningFilters.router; None where it is not known.
        """


def platform_on(platform: Platform, router: object) -> Platform:
    """Return the platform as it is on one router."""
    return platform.on_router(router) if isinstance(platform, RouterPlatform) else platform


def read_candidate(
    platform: Platform,
    candidate: str,
    running: Mapping[str, ManagedList],
    wanted: Mapping[str, Afi],
    removals: Mapping[str, Afi] = NONE,
) -> RunningFilters:
    """Return the filters that a candidate makes of those running, or raise ParseError."""
    if isinstance(platform, DeltaPlatform):
        return platform.apply_candidate(candidate, running, wanted, removals)
    return platform.parse_candidate(candidate, wanted, removals)

"""What the rest of irrgate knows of a platform: its promises, its parser, its way of printing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from irrgate.aggregation import Entry
from irrgate.prefixes import Afi, PrefixSet


class UpdateStrategy(StrEnum):
    """How a filter on a router is brought to its new content."""

    REPLACE = "replace"
    """the whole object in a candidate, committed at once"""
    SESSION = "session"
    """the whole object inside a configuration session, committed at once"""


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


@dataclass(frozen=True, slots=True)
class RunningFilters:
    """What a running config holds of the names that irrgate manages."""

    lists: Mapping[str, ManagedList]
    """those asked for that are there"""
    strangers: tuple[str, ...]
    """names with irrgate's prefix that were not asked for; sorted"""


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

    def parse_candidate(self, candidate: str, wanted: Mapping[str, Afi]) -> RunningFilters:
        """Return the filters that a candidate sets, whatever their names, or raise ParseError."""

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the lines that make `name` accept exactly `prefixes`, or raise PlatformError.

        `running` is what the router has under this name: numbers of entries that stay are kept,
        so that the router's diff shows what changes and nothing else.
        """

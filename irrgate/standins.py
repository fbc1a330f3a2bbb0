"""What is known of a filter before any router is looked at: what served, and what a person said.

The last filter of a peer that was committed, accepted or found in use is its last-known-good. It
stands in for one that could not be made, as long as it is young enough; and what a person accepted
passes every guard, that content and no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from irrgate.filters import Filter, NoFilter, Stale
from irrgate.guards import (
    Reading,
    judge_age,
    judge_alone,
    judge_rolled_back,
    judge_unknown,
    span_text,
    vetoes,
)
from irrgate.irr.expander import Unknown
from irrgate.network import Network
from irrgate.prefixes import PrefixSet

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import Acceptance, GoodFilter, State

Intent = Filter | NoFilter


class Past(Protocol):
    """What is remembered of filters; the state is one."""

    def good(self, name: str) -> GoodFilter | None:
        """Return the last-known-good of the name."""

    def prefixes(self, digest: str) -> PrefixSet:
        """Return the content with this digest."""

    def acceptance(self, name: str, digest: str) -> Acceptance | None:
        """Return a person's word for this content that was not used yet."""

    def rolled_back(self, name: str, digest: str) -> int | None:
        """Return the deployment in which this content was rolled back from."""


class Memory:
    """The state's past, of which what is short was read at once: a plan asks of every filter."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._goods = state.goods()
        self._acceptances = state.acceptances()
        self._rolled_back = state.rolled_back_names()

    def good(self, name: str) -> GoodFilter | None:
        """See Past."""
        return self._goods.get(name)

    def prefixes(self, digest: str) -> PrefixSet:
        """See Past."""
        return self._state.prefixes(digest)

    def acceptance(self, name: str, digest: str) -> Acceptance | None:
        """See Past."""
        return self._acceptances.get((name, digest))

    def rolled_back(self, name: str, digest: str) -> int | None:
        """See Past."""
        return self._state.rolled_back(name, digest) if name in self._rolled_back else None


@dataclass(frozen=True, slots=True)
class Considered:
    """A filter that routers should have, with what speaks for it and against it."""

    intent: Intent
    readings: tuple[Reading, ...] = ()
    """of the guards that need no router"""
    good: GoodFilter | None = None
    """the last-known-good"""
    served: Callable[[], PrefixSet] | None = None
    """loads the last-known-good's prefixes"""
    acceptance: Acceptance | None = None
    """a person's word for this very content, not used yet"""
    age: timedelta | None = None
    """of the last-known-good, where the IRR gave no filter"""
    instead: Considered | None = None
    """where an object does not exist: what a person would get who takes it for an empty one"""

    @property
    def has_served(self) -> bool:
        """True when the content is the last-known-good's."""
        return (
            isinstance(self.intent, Filter)
            and self.good is not None
            and self.good.digest == self.intent.prefixes.digest
        )

    @property
    def is_accepted(self) -> bool:
        """True when a person let this very content pass, now or when it was committed."""
        return self.acceptance is not None or _was_accepted(self.good, self.intent)

    @property
    def held_by(self) -> tuple[Reading, ...]:
        """The vetoes that need no router: they are raised before a connection opens."""
        return () if self.is_accepted else vetoes(self.readings)

    @property
    def is_too_old(self) -> bool:
        """True when there is a last-known-good, and it is too old to stand in."""
        return isinstance(self.intent, NoFilter) and self.age is not None


def consider(made: Intent, network: Network, past: Past, now: datetime) -> Considered:
    """Return what is known of a filter as the IRR gave it, or did not.

    Raises StateError where the state cannot be read: without it no guard can be trusted.
    """
    good = past.good(made.name)
    if isinstance(made, Filter):
        return _with_history(made, network, past, good)
    if made.would_be is None:
        return _stand_in(made, network, past, good, now)
    instead = _with_history(made.would_be, network, past, good)
    instead = replace(instead, readings=(judge_unknown(made.reason), *instead.readings))
    if instead.is_accepted:
        return instead
    return replace(_stand_in(made, network, past, good, now), instead=instead)


def _with_history(
    made: Filter, network: Network, past: Past, good: GoodFilter | None
) -> Considered:
    digest = made.prefixes.digest
    rolled_back = past.rolled_back(made.name, digest)
    return Considered(
        made,
        judge_alone(made, network.guards, network.prefixes) + judge_rolled_back(rolled_back),
        good,
        partial(past.prefixes, good.digest) if good else None,
        past.acceptance(made.name, digest),
    )


def _stand_in(
    made: NoFilter, network: Network, past: Past, good: GoodFilter | None, now: datetime
) -> Considered:
    """Return the last-known-good in the place of what could not be made, or why it cannot."""
    readings = (judge_unknown(made.reason),) if isinstance(made.verdict, Unknown) else ()
    if good is None:
        return Considered(made, readings)
    age = now - good.expanded_at
    of_age = judge_age(age, network.guards)
    if not of_age.passed:
        held = replace(made, reason=f"{made.reason}; the last filter that served: {of_age}")
        return Considered(held, (*readings, of_age), good, age=age)
    stale = Stale(good.expanded_at, age, made.reason, good.objects, good.sources, good.server)
    prefixes = past.prefixes(good.digest)
    old = Filter(
        made.peer, made.afi, made.name, prefixes, prefixes.entry_count, {}, (), made.sources, stale
    )
    known = _with_history(old, network, past, good)
    return replace(known, readings=(of_age, *known.readings), age=age)


def _was_accepted(good: GoodFilter | None, intent: Intent) -> bool:
    return (
        good is not None
        and good.why == "accepted"
        and isinstance(intent, Filter)
        and good.digest == intent.prefixes.digest
    )


def stale_words(stale: Stale) -> str:
    """Return why a filter is stale and how much, for people."""
    return f"{stale.reason}; what served stands in, {span_text(stale.age)} old"

"""From what the IRR says to the filter of a peer: what is let through, and what is not and why.

A filter belongs to a peer and a family; the sessions of that peer on a router share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry, span
from irrgate.irr.bgpq4 import Query
from irrgate.irr.expander import Attempt, Empty, Expansion, Failed, Unknown, Whole
from irrgate.network import IrrServer, Network, Peer
from irrgate.prefixes import Afi, PrefixRange, PrefixSet
from irrgate.rpsl import Asn, SetKind, SetName
from irrgate.special_use import special_use


class DropReason(StrEnum):
    """Why a registered prefix does not come through; a prefix is counted under the first."""

    DEFAULT_ROUTE = "default route"
    TOO_LONG = "longer than max_length"
    OUR_OWN = "our own prefixes"
    SPECIAL_USE = "special-use space"
    REJECTED = "rejected by the inventory"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a part of a filter comes from; like an Expansion, without the prefixes."""

    query: Query
    verdict: type[Whole | Empty | Unknown | Failed]
    count: int
    """prefixes and ranges that the IRR has"""
    server: IrrServer | None
    attempts: tuple[Attempt, ...]
    seconds: float


def provenance(expansion: Expansion) -> Provenance:
    """Return what is kept of an expansion."""
    verdict = expansion.verdict
    count = verdict.count if isinstance(verdict, Whole) else 0
    return Provenance(
        expansion.query,
        type(verdict),
        count,
        expansion.server,
        expansion.attempts,
        expansion.seconds,
    )


@dataclass(frozen=True, slots=True)
class Stale:
    """Why a filter that served once stands in for one that could not be made."""

    since: datetime
    """when the IRR gave it"""
    age: timedelta
    reason: str
    """why there is no newer one"""
    objects: str
    sources: str
    server: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a peer may announce in one family."""

    peer: Asn
    afi: Afi
    name: str
    prefixes: PrefixSet
    registered: int
    """prefixes and ranges that the IRR has, each counted once for each object that names it"""
    dropped: Mapping[DropReason, int]
    """of `registered` (and of the inventory's accept), what did not come through, or not whole"""
    accepted: tuple[PrefixRange, ...]
    """what the inventory accepts besides the IRR"""
    sources: tuple[Provenance, ...]
    stale: Stale | None = None
    """set where these are the prefixes of the last filter that served"""


@dataclass(frozen=True, slots=True)
class NoFilter:
    """Why no filter could be made: the old one stays on the routers as it is."""

    peer: Asn
    afi: Afi
    name: str
    verdict: Unknown | Failed
    reason: str
    sources: tuple[Provenance, ...]
    would_be: Filter | None = None
    """of an unknown object: what is left of the filter where a person takes it for an empty one"""


def queries(peer: Peer, afi: Afi, network: Network) -> tuple[Query, ...]:
    """Return what must be asked for the peer's filter: each object by itself.

    By itself, since of several objects in one bgpq4 run an unknown one would go unnoticed.
    """
    policy = peer.policy
    return tuple(
        Query(
            each,
            afi,
            network.irr.sources,
            max_length=policy.max_length[afi] if _is_route_set(each) else None,
        )
        for each in peer.objects(afi)
    )


def _is_route_set(each: Asn | SetName) -> bool:
    return isinstance(each, SetName) and each.kind is SetKind.ROUTE_SET


def build_filter(
    peer: Peer, afi: Afi, network: Network, expansions: Iterable[Expansion]
) -> Filter | NoFilter:
    """Return the peer's filter, or why there is none: one object that failed fails the filter.

    An object that is empty adds nothing; whether an empty filter may be used is for the guards. One
    that failed tells before one that is unknown: a person cannot let it pass.
    """
    expansions = tuple(expansions)
    sources = tuple(provenance(each) for each in expansions)
    name = peer.policy.filter_name(peer.asn, afi)
    unknown: NoFilter | None = None
    for expansion in expansions:
        query, verdict = expansion.query, expansion.verdict
        if isinstance(verdict, Failed):
            reason = f"{query.object} could not be expanded: {verdict.reason}"
            return NoFilter(peer.asn, afi, name, verdict, reason, sources)
        if isinstance(verdict, Unknown) and unknown is None:
            reason = f"{query.object} does not exist in {_sources(query)}"
            unknown = NoFilter(peer.asn, afi, name, verdict, reason, sources)
    wholes = [each.verdict for each in expansions if isinstance(each.verdict, Whole)]
    accepted = tuple(r for r in peer.accept if r.afi is afi)
    sieve = Sieve(peer, afi, network)
    prefixes = sieve.let_through(wholes, accepted)
    registered = sum(whole.count for whole in wholes)
    dropped = dict(sieve.dropped)
    made = Filter(peer.asn, afi, name, prefixes, registered, dropped, accepted, sources)
    return made if unknown is None else replace(unknown, would_be=made)


def _sources(query: Query) -> str:
    if isinstance(query.object, SetName) and query.object.source:
        return str(query.object.source)
    return ", ".join(map(str, query.sources)) or "the server's sources"


class Sieve:
    """Applies a peer's policy to registered prefixes, counting what it drops, on integers."""

    def __init__(self, peer: Peer, afi: Afi, network: Network) -> None:
        self.dropped: dict[DropReason, int] = {}
        self._afi = afi
        self._policy = peer.policy
        self._blocked = _blocked(
            afi, network.prefixes, tuple(peer.reject), special=not peer.policy.special_use
        )

    def let_through(self, wholes: Iterable[Whole], accepted: Iterable[PrefixRange]) -> PrefixSet:
        """Return what comes through of the expansions and of the inventory's own ranges."""
        keys: list[int] = []
        ranges: list[Entry] = [each.entry for each in accepted]
        for whole in wholes:
            keys += whole.keys
            ranges += whole.ranges
        nodes = self._nodes_of_keys(self._keys_in_bounds(keys))
        for address, length, ge, le in self._ranges_in_bounds(ranges):
            key = address << LENGTH_BITS | length
            nodes[key] = nodes.get(key, 0) | span(ge, le)
        wanted = PrefixSet.from_nodes(self._afi, nodes)
        for _, blocked in self._blocked:
            wanted = wanted.difference(blocked)
        return wanted

    def _keys_in_bounds(self, keys: list[int]) -> list[int]:
        limit = self._policy.max_length[self._afi]
        kept = [key for key in keys if 0 < key & LENGTH_MASK <= limit]
        kept.sort()
        defaults = keys.count(0)
        self._count(DropReason.DEFAULT_ROUTE, defaults)
        self._count(DropReason.TOO_LONG, len(keys) - len(kept) - defaults)
        for reason, blocked in self._blocked:
            before = len(kept)
            kept = blocked.keys_outside(kept)
            self._count(reason, before - len(kept))
        return kept

    def _nodes_of_keys(self, keys: list[int]) -> dict[int, int]:
        bits, limit = self._afi.bits, self._policy.max_length[self._afi]
        if self._policy.more_specifics:
            masks = [span(length, max(limit, length)) for length in range(bits + 1)]
        else:
            masks = [1 << length for length in range(bits + 1)]
        return {key: masks[key & LENGTH_MASK] for key in keys}

    def _ranges_in_bounds(self, ranges: Iterable[Entry]) -> list[Entry]:
        limit = self._policy.max_length[self._afi]
        kept: list[Entry] = []
        for address, length, ge, le in ranges:
            if length == 0:
                self._count(DropReason.DEFAULT_ROUTE, 1)
                continue
            if ge > limit:
                self._count(DropReason.TOO_LONG, 1)
                continue
            self._count(DropReason.TOO_LONG, int(le > limit))
            entry = (address, length, ge, limit if self._policy.more_specifics else min(le, limit))
            kept.append(entry)
            alone = PrefixSet.from_entries(self._afi, [entry])
            for reason, blocked in self._blocked:
                if alone.difference(blocked) != alone:
                    self._count(reason, 1)
                    break
        return kept

    def _count(self, reason: DropReason, number: int) -> None:
        if number:
            self.dropped[reason] = self.dropped.get(reason, 0) + number


@cache
def _blocked(
    afi: Afi, ours: tuple[PrefixRange, ...], reject: tuple[PrefixRange, ...], *, special: bool
) -> tuple[tuple[DropReason, PrefixSet], ...]:
    """Return the sets that never come through; a single prefix stands for all that is in it."""
    blocked = [(DropReason.OUR_OWN, with_more_specifics(afi, ours))]
    if special:
        blocked.append((DropReason.SPECIAL_USE, special_use(afi)))
    blocked.append((DropReason.REJECTED, with_more_specifics(afi, reject)))
    return tuple((reason, prefixes) for reason, prefixes in blocked if prefixes)


def with_more_specifics(afi: Afi, ranges: Iterable[PrefixRange]) -> PrefixSet:
    """Return the ranges of the family; a single prefix stands for all that is in it."""
    return PrefixSet.from_ranges(
        afi,
        [
            PrefixRange(afi, r.address, r.length, r.length, afi.bits) if r.is_single else r
            for r in ranges
            if r.afi is afi
        ],
    )

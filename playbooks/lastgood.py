"""What a deployment leaves behind as last-known-good, and the acceptances that it uses up."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from irrgate.plan import Plan
from irrgate.plan_file import PlanFile
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import Asn

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import State


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a filter of a router comes from; its fields are what JSON has."""

    name: str
    peer: int
    afi: str
    objects: str
    sources: str
    server: str | None
    expanded_at: str
    """ISO 8601"""
    accepted: bool
    """a person let it pass, on this router or before any"""
    stale: bool
    """a stand-in is the last-known-good already, and no younger for it"""

    def keep(self, state: State, prefixes: PrefixSet) -> None:
        """Make the prefixes, which a router was just seen to hold, the last-known-good."""
        from irrgate.state import GoodFilter  # noqa: PLC0415

        if self.stale:
            return
        good = GoodFilter(
            self.name,
            Asn(self.peer),
            Afi(self.afi),
            prefixes.digest,
            prefixes.entry_count,
            self.objects,
            self.sources,
            self.server,
            datetime.fromisoformat(self.expanded_at),
            "accepted" if self.accepted else "committed",
        )
        state.keep_good(good, prefixes)


def keep_recovered(
    state: State, deployment: int, origins: Iterable[Mapping[str, Any]], found: RunningFilters
) -> None:
    """Keep what a run committed that died before it could, once a router is seen to hold it."""
    for each in origins:
        origin = Origin(**each)
        prefixes = found.lists[origin.name].prefixes
        origin.keep(state, prefixes)
        if origin.accepted:
            _use_up(state, origin.name, prefixes.digest, deployment)


def _use_up(state: State, name: str, digest: str, deployment: int) -> None:
    """Use up the acceptance, unless a first part of the same plan (`--limit`) did so."""
    accepted = state.acceptance(name, digest)
    if accepted is not None:
        state.use_acceptance(accepted.id, deployment)


class LastGood:
    """Keeps each filter once, when the first router holds it; safe for many threads."""

    def __init__(self, state: State, opened: PlanFile, deployment: int) -> None:
        self._state = state
        self._deployment = deployment
        self._plan = opened.plan
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._accepted: set[tuple[str, str]] = set()

    def dumped(self, host: str, names: Iterable[str]) -> list[dict[str, Any]]:
        """Return for a journal what `keep_recovered` needs of these filters."""
        return [asdict(origin_of(self._plan, host, name)) for name in names]

    def committed(self, host: str, name: str, prefixes: PrefixSet) -> None:
        """Keep a filter that a router was just seen to hold."""
        origin = origin_of(self._plan, host, name)
        with self._lock:
            if origin.accepted:
                self._accepted.add((name, prefixes.digest))
            if name not in self._seen:
                origin.keep(self._state, prefixes)
                self._seen.add(name)

    def finish(self) -> None:
        """Use up the acceptances by which filters were committed."""
        for name, digest in sorted(self._accepted):
            _use_up(self._state, name, digest, self._deployment)


def origin_of(plan: Plan, host: str, name: str) -> Origin:
    """Return where a filter comes from that a plan writes to a router."""
    here = plan.hosts[host].filters[name]
    record = plan.peers[here.peer].filters[here.afi]
    objects = ", ".join(query.object for query in record.queries)
    if plan.rollback_of is not None:
        objects = f"the way back from deployment {plan.rollback_of}"
    servers = sorted({query.server for query in record.queries if query.server})
    return Origin(
        name,
        int(here.peer.removeprefix("AS")),
        str(Afi(here.afi)),
        objects,
        ", ".join(dict.fromkeys(query.sources for query in record.queries)),
        ", ".join(servers) or None,
        plan.created,
        accepted=here.acceptance is not None or record.accepted_by is not None,
        stale=record.stale is not None,
    )

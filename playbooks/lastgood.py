"""What a deployment leaves behind as last-known-good, and the acceptances that it uses up."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

from irrgate.plan import PeerFilterRecord
from irrgate.plan_file import PlanFile
from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import Asn

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import State


class LastGood:
    """Keeps each filter once, when the first router holds it; safe for many threads."""

    def __init__(self, state: State, opened: PlanFile, deployment: int) -> None:
        self._state = state
        self._deployment = deployment
        self._expanded = datetime.fromisoformat(opened.plan.created)
        self._lock = threading.Lock()
        self._hosts = opened.plan.hosts
        self._rollback_of = opened.plan.rollback_of
        self._seen: set[str] = set()
        self._accepted: set[int] = set()
        self._records: dict[str, tuple[Asn, Afi, PeerFilterRecord]] = {
            each.name: (Asn(int(peer.removeprefix("AS"))), Afi(afi), each)
            for peer, record in opened.plan.peers.items()
            for afi, each in record.filters.items()
        }

    def committed(self, host: str, name: str, prefixes: PrefixSet) -> None:
        """Keep a filter that a router was just seen to hold."""
        acceptance = self._acceptance(host, name)
        with self._lock:
            if acceptance is not None:
                self._accepted.add(acceptance)
            if name in self._seen or name not in self._records:
                return
            self._seen.add(name)
        from irrgate.state import GoodFilter  # noqa: PLC0415

        peer, afi, record = self._records[name]
        if record.stale is not None:
            return  # a stand-in is the last-known-good already, and no younger for it
        objects = ", ".join(query.object for query in record.queries)
        if self._rollback_of is not None:
            objects = f"the way back from deployment {self._rollback_of}"
        servers = sorted({query.server for query in record.queries if query.server})
        self._state.keep_good(
            GoodFilter(
                name,
                peer,
                afi,
                prefixes.digest,
                prefixes.entry_count,
                objects,
                ", ".join(dict.fromkeys(query.sources for query in record.queries)),
                ", ".join(servers) or None,
                self._expanded,
                "committed" if acceptance is None else "accepted",
            ),
            prefixes,
        )

    def _acceptance(self, host: str, name: str) -> int | None:
        """Return the acceptance by which the filter passed, on this router or before any."""
        here = self._hosts[host].filters[name].acceptance
        word = self._records[name][2].accepted_by if name in self._records else None
        return here if here is not None or word is None else word.acceptance

    def finish(self) -> None:
        """Use up the acceptances by which filters were committed."""
        for acceptance in sorted(self._accepted):
            self._state.use_acceptance(acceptance, self._deployment)

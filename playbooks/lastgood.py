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
        self._seen: set[str] = set()
        self._records: dict[str, tuple[Asn, Afi, PeerFilterRecord]] = {
            each.name: (Asn(int(peer.removeprefix("AS"))), Afi(afi), each)
            for peer, record in opened.plan.peers.items()
            for afi, each in record.filters.items()
        }

    def committed(self, name: str, prefixes: PrefixSet) -> None:
        """Keep a filter that a router was just seen to hold."""
        with self._lock:
            if name in self._seen or name not in self._records:
                return
            self._seen.add(name)
        from irrgate.state import GoodFilter  # noqa: PLC0415

        peer, afi, record = self._records[name]
        if record.stale is not None:
            return  # a stand-in is the last-known-good already, and no younger for it
        servers = sorted({query.server for query in record.queries if query.server})
        self._state.keep_good(
            GoodFilter(
                name,
                peer,
                afi,
                prefixes.digest,
                prefixes.entry_count,
                ", ".join(query.object for query in record.queries),
                ", ".join(dict.fromkeys(query.sources for query in record.queries)),
                ", ".join(servers) or None,
                self._expanded,
                "accepted" if record.accepted_by else "committed",
            ),
            prefixes,
        )

    def finish(self) -> None:
        """Use up the acceptances of the filters that were committed."""
        for name in sorted(self._seen):
            accepted = self._records[name][2].accepted_by
            if accepted is not None:
                self._state.use_acceptance(accepted.acceptance, self._deployment)

"""The filters that the routers should have: each made once, however many routers hold it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from irrgate.filters import Filter, NoFilter, build_filter, queries
from irrgate.irr.expander import Expander
from irrgate.network import Network, Peer
from irrgate.prefixes import Afi
from irrgate.rpsl import Asn

Intent = Filter | NoFilter


class Intents:
    """Makes filters on demand from one shared Expander; safe for many threads."""

    def __init__(
        self, network: Network, peer_of: Callable[[Asn], Peer], expander: Expander
    ) -> None:
        self._network = network
        self._peer_of = peer_of
        self._expander = expander
        self._lock = threading.Lock()
        self._made: dict[tuple[Asn, Afi], Future[Intent]] = {}

    def prefetch(self, wanted: Iterable[tuple[Asn, Afi]]) -> int:
        """Start all expansions that `wanted` filters need; return how many distinct ones."""
        asked = {
            query
            for asn, afi in wanted
            for query in queries(self._peer_of(asn), afi, self._network)
        }
        # Sorted, so that the IRR server sees one order whatever the inventory's is.
        for query in sorted(asked, key=lambda each: (str(each), each.max_length or 0)):
            self._expander.submit(query)
        return len(asked)

    def filter(self, asn: Asn, afi: Afi) -> Intent:
        """Return the peer's filter, or why there is none; waits for its expansions."""
        with self._lock:
            future = self._made.get((asn, afi))
            mine = future is None
            if future is None:
                future = self._made[asn, afi] = Future()
        if mine:
            try:
                peer = self._peer_of(asn)
                expansions = self._expander.expand(queries(peer, afi, self._network))
                future.set_result(build_filter(peer, afi, self._network, expansions))
            except BaseException as exc:
                future.set_exception(exc)
                raise
        return future.result()

    def made(self) -> dict[tuple[Asn, Afi], Intent]:
        """Return all filters that were asked for, by peer and family, in order."""
        with self._lock:
            made = dict(self._made)
        return {key: made[key].result() for key in sorted(made)}

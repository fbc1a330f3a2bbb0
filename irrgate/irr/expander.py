"""Expansion: each distinct query once, some at a time, the next server when one fails.

The four ends of an expansion are four types, so that none can be taken for another: `Whole`
holds prefixes; `Empty` and `Unknown` are answers that the IRR gave; `Failed` is no answer at all.
Only `Whole` can become a filter without a guard's say.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from irrgate.aggregation import Entry
from irrgate.errors import IrrServerError
from irrgate.irr import bgpq4
from irrgate.irr.bgpq4 import (
    NothingFound,
    Output,
    Query,
    Refused,
    Registered,
    StopSignal,
    printable,
)
from irrgate.irr.client import IrrClient
from irrgate.network import IrrServer, IrrSettings
from irrgate.rpsl import SetKind, SetName


@dataclass(frozen=True, slots=True)
class Whole:
    """Every prefix that the IRR has for the object: keys of single ones, sorted, and ranges."""

    keys: Sequence[int]
    ranges: Sequence[Entry]

    @property
    def count(self) -> int:
        """The number of prefixes and ranges, at least 1."""
        return len(self.keys) + len(self.ranges)

    def __repr__(self) -> str:
        return f"Whole({self.count} prefixes)"


@dataclass(frozen=True, slots=True)
class Empty:
    """The IRR knows the object and has no prefix of the family for it."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The IRR has no such set in these sources."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No server gave an answer that can be used; the reason names each."""

    reason: str


Verdict = Whole | Empty | Unknown | Failed


@dataclass(frozen=True, slots=True)
class Attempt:
    """A server that was asked in vain before the one that answered."""

    server: IrrServer
    reason: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """The result of one query, and where it comes from."""

    query: Query
    verdict: Verdict
    server: IrrServer | None
    """the one whose answer this is; None when all failed"""
    attempts: tuple[Attempt, ...]
    seconds: float
    """wall time, failed attempts included"""


class Expander:
    """Runs queries, `irr.workers` at a time; a context manager, safe for many threads.

    `clock` returns seconds that never go back; `on_done` is told of each expansion, from any
    thread. Leaving the context waits for what runs, but after an error or Ctrl-C it kills what
    runs, and waits for no server. A query is run at most once in the life of the Expander, whoever
    asks and whatever came of it.
    """

    def __init__(
        self,
        irr: IrrSettings,
        *,
        program: str,
        clock: Callable[[], float],
        on_done: Callable[[Expansion], None] | None = None,
    ) -> None:
        self._irr = irr
        self._on_done = on_done
        self._program = program
        self._clock = clock
        self._lock = threading.Lock()
        self._expansions: dict[Query, Future[Expansion]] = {}
        self._pool = ThreadPoolExecutor(irr.workers, thread_name_prefix="expand")
        self._stop = StopSignal()
        self._running = 0
        self._all_ended = threading.Condition(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if value is None:
            self._pool.shutdown(wait=True)
            self._stop.close()
        else:
            self.stop()
            with self._all_ended:
                self._all_ended.wait_for(lambda: self._running == 0)

    def stop(self) -> None:
        """Begin no further expansion, and kill the bgpq4 processes that run.

        An expansion that was to come ends in CancelledError, one that runs in Failed.
        """
        # In this order: a worker whose bgpq4 was killed would take the next query at once.
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._stop.give()

    def submit(self, query: Query) -> Future[Expansion]:
        """Return the expansion to come; a query that was asked before is not run again."""
        with self._lock:
            future = self._expansions.get(query)
            if future is None:
                future = self._expansions[query] = self._pool.submit(self._run, query)
            return future

    def expand(self, queries: Iterable[Query]) -> list[Expansion]:
        """Return the expansions of `queries`, in their order."""
        return [future.result() for future in [self.submit(query) for query in queries]]

    def _run(self, query: Query) -> Expansion:
        expansion = self._expand(query)
        if self._on_done is not None:
            self._on_done(expansion)
        return expansion

    def _expand(self, query: Query) -> Expansion:
        start = self._clock()
        attempts: list[Attempt] = []
        for server in self._irr.servers:
            verdict = self._ask(query, server)
            if not isinstance(verdict, Failed):
                seconds = self._clock() - start
                return Expansion(query, verdict, server, tuple(attempts), seconds)
            attempts.append(Attempt(server, verdict.reason))
        reason = "; ".join(f"{a.server}: {a.reason}" for a in attempts)
        return Expansion(query, Failed(reason), None, tuple(attempts), self._clock() - start)

    def _ask(self, query: Query, server: IrrServer) -> Verdict:
        timeout = self._irr.timeout
        output = self._run_bgpq4(bgpq4.argv(self._program, query, server))
        found = bgpq4.judge(output, query.afi, timeout)
        if isinstance(found, Refused):
            return Failed(found.reason)
        if isinstance(query.object, SetName) and query.object.kind is SetKind.ROUTE_SET:
            return self._complete(query, query.object, server, found)
        if isinstance(found, NothingFound):
            return self._explain_nothing(query, server)
        return Whole(found.keys, found.ranges)

    def _complete(
        self, query: Query, asked: SetName, server: IrrServer, found: Registered | NothingFound
    ) -> Verdict:
        """Add to a route-set's prefixes those that bgpq4 loses."""
        try:
            with IrrClient(server.host, server.port, timeout=self._irr.timeout) as client:
                if query.sources:
                    client.select_sources(query.sources)
                lost = bgpq4.lost_ranges(client.members(asked), query)
        except IrrServerError as exc:
            return Failed(f"asked for the members that bgpq4 drops: {exc.reason}")
        except ValueError as exc:
            return Failed(f"answers !i{asked.name},1 with what is no prefix: {printable(str(exc))}")
        if isinstance(found, Registered):
            return Whole(found.keys, sorted({*found.ranges, *lost}))
        return Whole((), sorted(lost)) if lost else self._explain_nothing(query, server)

    def _run_bgpq4(self, vector: Sequence[str]) -> Output:
        with self._lock:
            self._running += 1
        try:
            return bgpq4.run(vector, self._irr.timeout, self._stop)
        finally:
            with self._all_ended:
                self._running -= 1
                self._all_ended.notify_all()

    def _explain_nothing(self, query: Query, server: IrrServer) -> Verdict:
        """Ask the server itself whether a set without prefixes is there at all."""
        wanted = query.object
        if not isinstance(wanted, SetName):
            # An ASN needs no object to exist: without routes it is empty.
            return Empty()
        try:
            with IrrClient(server.host, server.port, timeout=self._irr.timeout) as client:
                sources = (wanted.source,) if wanted.source else query.sources
                if sources:
                    client.select_sources(sources)
                exists = client.object_exists(wanted)
        except IrrServerError as exc:
            return Failed(f"bgpq4 found nothing, and asked whether the set exists: {exc.reason}")
        return Empty() if exists else Unknown()

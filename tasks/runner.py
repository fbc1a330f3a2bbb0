"""Nornir's threaded runner, which Ctrl-C stops: those under way end well, the others never begin.

Nornir's own runner waits for every host when it is interrupted, those included whose turn has not
come: an apply would go on to the last router.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Task

OnInterrupt = Callable[[int], None]
"""Told how many hosts are under way when a run is interrupted."""


class RunInterruptedError(KeyboardInterrupt):
    """Ctrl-C during a run; `results` has the hosts that came to an end, and no others."""

    def __init__(self, results: AggregatedResult, untouched: frozenset[str]) -> None:
        super().__init__()
        self.results = results
        self.untouched = untouched
        """the hosts whose turn had not come"""


class InterruptibleRunner:
    """Nornir's RunnerPlugin.

    Interrupted, it starts no further host and waits for those under way, since a router is left
    clean by the thread that talks to it; interrupted again, it waits no longer. `waits` is False
    for tasks that leave nothing behind.
    """

    def __init__(
        self, workers: int, on_interrupt: OnInterrupt | None = None, *, waits: bool = True
    ) -> None:
        self.workers = workers
        self._on_interrupt = on_interrupt
        self._waits = waits

    def telling(self, on_interrupt: OnInterrupt) -> InterruptibleRunner:
        """Return a runner that is the same, but tells of an interrupt."""
        return InterruptibleRunner(self.workers, on_interrupt, waits=self._waits)

    def run(self, task: Task, hosts: list[Host]) -> AggregatedResult:
        """Run the task on each host; raises RunInterruptedError after a Ctrl-C."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix=task.name)
        futures: dict[str, Future[MultiResult]] = {}
        try:
            for host in hosts:
                futures[host.name] = pool.submit(task.copy().start, host)
            for future in futures.values():
                future.result()
        except KeyboardInterrupt as exc:
            self._stop(pool, futures)
            begun = {name for name, each in futures.items() if not each.cancelled()}
            untouched = frozenset(host.name for host in hosts) - begun
            raise RunInterruptedError(_finished(task, futures), untouched) from exc
        pool.shutdown()
        return _finished(task, futures)

    def _stop(self, pool: ThreadPoolExecutor, futures: dict[str, Future[MultiResult]]) -> None:
        pool.shutdown(wait=False, cancel_futures=True)
        under_way = sum(not future.done() for future in futures.values())
        if self._on_interrupt is not None:
            self._on_interrupt(under_way)
        if self._waits:
            # The second Ctrl-C ends the wait.
            with contextlib.suppress(KeyboardInterrupt):
                pool.shutdown(wait=True)


def _finished(task: Task, futures: dict[str, Future[MultiResult]]) -> AggregatedResult:
    results = AggregatedResult(task.name)
    for name, future in futures.items():
        if future.done() and not future.cancelled():
            results[name] = future.result()
    return results

"""The clock of an emulated router, which a test can let run ahead, and timers on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


class DeviceClock:
    """The device's own uptime in seconds: the monotonic clock, and what a test added to it."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._offset = 0.0

    def now(self) -> float:
        return time.monotonic() - self._start + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds


@dataclass(slots=True, eq=False)
class Timer:
    """Something to do at a time of the device clock."""

    due: float
    action: Callable[[], None]
    done: bool = False

    def cancel(self) -> None:
        self.done = True


class Timers:
    """Runs timers on the device clock, under the chassis lock, in order of their time."""

    def __init__(self, clock: DeviceClock, lock: threading.RLock) -> None:
        self._clock = clock
        self._wake = threading.Condition(lock)
        self._timers: list[Timer] = []

    def start(self) -> None:
        threading.Thread(target=self._run, name="timers", daemon=True).start()

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run the action in so many seconds of the device clock, unless it is cancelled."""
        timer = Timer(self._clock.now() + seconds, action)
        with self._wake:
            self._timers.append(timer)
            self._wake.notify()
        return timer

    def advance(self, seconds: float) -> None:
        """Let the device clock run ahead. What is due has run when this returns."""
        with self._wake:
            self._clock.advance(seconds)
            self._fire()
            self._wake.notify()

    def _fire(self) -> None:
        while due := [t for t in self._timers if t.done or t.due <= self._clock.now()]:
            timer = min(due, key=lambda t: t.due)
            self._timers.remove(timer)
            if not timer.done:
                timer.done = True
                timer.action()

    def _run(self) -> None:
        with self._wake:
            while True:
                self._fire()
                next_due = min((t.due for t in self._timers), default=None)
                self._wake.wait(None if next_due is None else next_due - self._clock.now())

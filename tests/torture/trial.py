"""Runs one case: an apply that a fault strikes, then the next run without it, then the verdict."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.e2e.desk import eventually
from tests.lab.apply_log import Applied
from tests.lab.faults import FaultKind, Step
from tests.lab.harness import LabDevice, LabError
from tests.lab.network import PASSWORD, Finished
from tests.torture.bench import Bench
from tests.torture.cases import KINDS, Case, Place, Row
from tests.torture.witness import never_whole, told

HANG = 3.0
"""seconds that a hanging router says nothing; the drivers' timeout here is 1 s"""
LONG = 600.0
"""seconds of a hang that a kill ends"""
TO_THE_STEP = 60.0
"""seconds in which a run must have come to the step at which it is killed"""
PATIENCE = 8.0
"""seconds that a commit may wait to be confirmed before the router's clock runs ahead: longer than
irrgate needs to confirm it where it can"""
PAST_THE_TIMER = 65.0
"""seconds by which the clock runs ahead; the timer is one of 60 s"""
OWN_CLEAN_UP = 5.0
"""seconds that a router may take to see that a client is gone"""


@dataclass(frozen=True, slots=True)
class Arm:
    """A fault as the device is given it."""

    kind: FaultKind
    step: Step
    skip: int = 0
    seconds: float = HANG


def run_case(bench: Bench, case: Case) -> list[str]:
    """Return what is wrong with what came of the case; nothing is as it must be."""
    bench.renew()
    if case.row is Row.SESSION_DOWN or case.place.is_way_back:
        bench.set_sessions({"state": "Active", "accepted": 0})
    if case.row is Row.PREFIXES_LOST:
        bench.set_sessions({"accepted": 3})
    for arm in arms(bench, case):
        bench.device.inject(arm.kind, arm.step, skip=arm.skip, seconds=arm.seconds)
    applied = ("apply", bench.plan)
    problems = list(_killed(bench, applied) if case.row.kills else _struck(bench, case))
    bench.device.clear_faults()
    if case.row is Row.KILL_TWICE:
        bench.device.inject(KINDS[case.row], case.place.step, skip=_later(case.place), seconds=LONG)
        problems += _killed(bench, ("refresh",))
        bench.device.clear_faults()
    if case.row is Row.KILL_LATE:
        bench.device.advance(PAST_THE_TIMER)
    if case.row.is_bgp:
        problems += _must_be_back(bench)
        bench.set_sessions()
    problems += _next_run(bench)
    problems += never_whole(_log(bench), bench.old, bench.new)
    return problems


def arms(bench: Bench, case: Case) -> Iterator[Arm]:
    """The faults that make the case; those that strike first come last."""
    if case.row.is_bgp:
        return
    step, skip = case.place.step, _skip(bench, case.place)
    if case.row is Row.KILL_TWICE:
        yield Arm(FaultKind.HANG_AFTER, Step.COMMIT, 0, LONG)
    elif case.row is Row.FOREIGN_LOCK:
        yield from _foreign(bench, case, skip)
    else:
        yield Arm(KINDS[case.row], step, skip, LONG if case.row.kills else HANG)
    if case.place is Place.DISCARD:
        # An error when the diff is asked for is what makes an apply give its candidate up.
        yield Arm(FaultKind.ERROR, Step.COMPARE)


def _foreign(bench: Bench, case: Case, skip: int) -> Iterator[Arm]:
    if bench.column.platform == "eos":
        yield Arm(FaultKind.FOREIGN_LOCK_FROM, case.place.step, skip)
        return
    if case.place is Place.CONNECT:
        yield Arm(FaultKind.FOREIGN_LOCK, Step.LOGIN)
        return
    # Somebody takes the lock that a broken connection lets go.
    yield Arm(FaultKind.FOREIGN_LOCK_FROM, Step.LOGIN, 1)
    yield Arm(FaultKind.DROP_AFTER, case.place.step, skip)


def _skip(bench: Bench, place: Place) -> int:
    """How often the step comes before it is the one that is meant."""
    times = bench.steps.get(place.step, 0)
    match place:
        case Place.REFERENCES | Place.TAKE_BACK_COMMIT:
            return 1
        case Place.READ_BACK:
            return times - 1
        case Place.SESSIONS_AFTER:
            return times // 2
        case Place.RESTORE_LOAD | Place.RESTORE_COMPARE | Place.RESTORE_COMMIT:
            return times
    return 0


def _later(place: Place) -> int:
    """As `_skip`, in a run that recovers: it begins with reading back."""
    return 1 if place is Place.TAKE_BACK_COMMIT else 0


def _struck(bench: Bench, case: Case) -> Iterator[str]:
    """An apply that ends by itself."""
    with Hurry(bench.device) as hurry:
        done = bench.irrgate("apply", bench.plan)
    faults = hurry.faults or bench.device.faults()
    for fault in faults:
        if not fault["struck"]:
            yield f"the torture's own error: {fault['kind']} at {fault['step']} did not strike"
    yield from unseemly("apply", done)
    if done.exit_code not in {0, 3}:
        yield f"apply: exit code {done.exit_code}: {said(done)}"
    if done.exit_code == 0 and bench.holds() != bench.new:
        yield f"apply says that all is done, and the router holds {_holds(bench)}"
    if done.exit_code == 0 and (left := bench.device.candidates()):
        yield f"apply says that all is done, and this is left: {left}"
    if case.row.is_bgp and done.exit_code != 3:
        yield f"apply: exit code {done.exit_code} though it disturbed a BGP session"


def _killed(bench: Bench, command: tuple[str, ...]) -> Iterator[str]:
    """A run that is killed while the router keeps it waiting."""
    process = bench.start(*command)
    try:
        if not bench.device.wait_for_hang(TO_THE_STEP):
            yield f"the torture's own error: nothing hung: {bench.device.faults()}"
    finally:
        process.kill()
        process.wait()


def _must_be_back(bench: Bench) -> Iterator[str]:
    if bench.holds() != bench.old:
        yield f"a BGP session is disturbed, and the router holds {_holds(bench)}"
    if any(record.event == "confirmed" and not record.changed for record in _log(bench)):
        yield "a commit that disturbed a BGP session was confirmed"


def _next_run(bench: Bench) -> Iterator[str]:
    with Hurry(bench.device):
        done = bench.refresh()
    for each in done:
        yield from unseemly("the next run", each)
    if done[-1].exit_code != 0:
        yield f"the next run: exit code {done[-1].exit_code}: {said(done[-1])}"
    if bench.holds() != bench.new:
        yield f"after the next run the router holds {_holds(bench)}"
    if not eventually(lambda: not bench.device.locks(), OWN_CLEAN_UP):
        yield f"a lock is left: {bench.device.locks()}"
    if not eventually(lambda: not bench.device.candidates(), OWN_CLEAN_UP):
        yield f"a candidate is left: {bench.device.candidates()}"
    if bench.column.platform == "eos" and bench.device.ask("startup") != bench.device.running():
        yield "the new filters are not in the startup config: the next restart loses them"


def unseemly(what: str, done: Finished) -> Iterator[str]:
    """What no command may print."""
    for text in (done.stdout, done.stderr):
        if "Traceback" in text:
            yield f"{what}: a traceback: {text[-800:]}"
        if PASSWORD in text:
            yield f"{what}: the password is printed"


def said(done: Finished) -> str:
    """What a command printed, in a line."""
    return " ".join(f"{done.stdout} {done.stderr}".split())[-600:]


def _holds(bench: Bench) -> str:
    return told(bench.holds(), bench.old, bench.new)


def _log(bench: Bench) -> list[Applied]:
    return bench.device.apply_log()[bench.start_of_log :]


class Hurry:
    """Lets the router's clock run ahead while something waits for its commit timer.

    A person who holds the lock meanwhile goes home after that time, too. `faults` is what had
    struck when that happened.
    """

    def __init__(self, device: LabDevice) -> None:
        self._device = device
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.faults: list[dict[str, object]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        waiting_since = time.monotonic()
        while not self._over.wait(0.2):
            try:
                if not self._is_waiting():
                    waiting_since = time.monotonic()
                elif time.monotonic() - waiting_since > PATIENCE:
                    self._let_time_pass()
                    waiting_since = time.monotonic()
            except LabError:
                waiting_since = time.monotonic()

    def _is_waiting(self) -> bool:
        pending = any("pending" in str(c["state"]).lower() for c in self._device.candidates())
        return pending or any(lock["user"] == "noc" for lock in self._device.locks())

    def _let_time_pass(self) -> None:
        self._device.advance(PAST_THE_TIMER)
        if any(fault["kind"] == FaultKind.FOREIGN_LOCK for fault in self._device.faults()):
            self.faults = self._device.faults()
            self._device.clear_faults()

"""Faults that a test arms in an emulated router: a kind, the step that it strikes, how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"  # closed at connect, before a byte is read
    HANG = "hang"  # nothing is applied and nothing answered for `seconds`, then the line is cut
    ERROR = "error"  # the device's own error, with `text` if given; nothing is applied
    DROP = "drop"  # the line is cut before the step is applied
    DROP_AFTER = "drop_after"  # the step is applied, then the line is cut without an answer
    FOREIGN_LOCK = "foreign_lock"  # another session is at work: stands until clear_faults
    SLOW = "slow"  # answered as always, `seconds` later
    GARBAGE = "garbage"  # applied, and answered with nonsense
    TRUNCATE = "truncate"  # a config that is read ends in the middle


class Step(StrEnum):
    """Where it goes wrong."""

    CONNECT = "connect"
    LOGIN = "login"
    GET_CONFIG = "get_config"
    LOAD = "load"
    COMPARE = "compare"
    COMMIT = "commit"
    CONFIRM = "confirm"
    DISCARD = "discard"
    CLOSE = "close"


# The kinds that few steps can have; at another they would never strike.
_ONLY_AT = {
    FaultKind.REFUSE: (Step.CONNECT, Step.LOGIN),
    FaultKind.TRUNCATE: (Step.GET_CONFIG,),
}


@dataclass(slots=True)
class Fault:
    """One armed fault; `count` is how many times it still strikes."""

    kind: FaultKind
    step: Step
    count: int = 1
    seconds: float = 30.0
    text: str = ""
    struck: int = 0


class Faults:
    """The armed faults. A step asks `take` once, and does what the fault says."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._cleared = threading.Event()

    def arm(self, fault: Fault) -> None:
        with self._lock:
            self._cleared = threading.Event()
            self._faults.append(fault)

    def take(self, step: Step) -> Fault | None:
        """The next fault of this step, counted as struck; a foreign lock is never taken."""
        with self._lock:
            for fault in self._faults:
                standing = fault.kind is FaultKind.FOREIGN_LOCK
                if fault.step is step and fault.count > 0 and not standing:
                    fault.count -= 1
                    fault.struck += 1
                    return fault
        return None

    def foreign_lock(self) -> Fault | None:
        """The foreign lock that stands now. Its step does not matter."""
        with self._lock:
            return next((f for f in self._faults if f.kind is FaultKind.FOREIGN_LOCK), None)

    def clear(self) -> None:
        """Disarm all, and wake what hangs."""
        with self._lock:
            self._faults.clear()
            self._cleared.set()

    def armed(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def sleep(self, seconds: float) -> None:
        """Wait for the time of a hang or a slow answer, or until the faults are cleared.

        Blocks its thread: asyncio code calls it by `asyncio.to_thread`.
        """
        self._cleared.wait(seconds)


def parse_fault(request: Mapping[str, object]) -> Fault:
    """The fault of a control request; ValueError for one that cannot be."""
    fault = Fault(
        kind=FaultKind(str(request["kind"])),
        step=Step(str(request["step"])),
        count=int(str(request.get("count", 1))),
        seconds=float(str(request.get("seconds", 30.0))),
        text=str(request.get("text", "")),
    )
    if unknown := set(request) - {"kind", "step", "count", "seconds", "text"}:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    if fault.step not in _ONLY_AT.get(fault.kind, (fault.step,)):
        raise ValueError(f"{fault.kind} can only be armed at {', '.join(_ONLY_AT[fault.kind])}")
    return fault

"""Faults that a test arms in an emulated router: a kind, the step that it strikes, how often."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self


class FaultKind(StrEnum):
    """What goes wrong."""

    REFUSE = "refuse"  # closed at connect, before a byte is read
    HANG = "hang"  # nothing is applied and nothing answered for `seconds`, then the line is cut
    HANG_AFTER = "hang_after"  # the step is applied, then as HANG
    ERROR = "error"  # the device's own error, with `text` if given; nothing is applied
    DROP = "drop"  # the line is cut before the step is applied
    DROP_AFTER = "drop_after"  # the step is applied, then the line is cut without an answer
    RESTART = "restart"  # the device reboots by itself before the step is applied
    RESTART_AFTER = "restart_after"  # the step is applied, and then it reboots
    FOREIGN_LOCK = "foreign_lock"  # another session is at work: stands until clear_faults
    FOREIGN_LOCK_FROM = "foreign_lock_from"  # as FOREIGN_LOCK, from when the step comes
    SLOW = "slow"  # answered as always, `seconds` later
    GARBAGE = "garbage"  # applied, and answered with nonsense
    TRUNCATE = "truncate"  # a config that is read ends in the middle
    IGNORE = "ignore"  # answered as if it were applied, and nothing is


class Step(StrEnum):
    """Where it goes wrong."""

    CONNECT = "connect"
    LOGIN = "login"
    GET_CONFIG = "get_config"
    LOAD = "load"
    COMPARE = "compare"
    COMMIT = "commit"
    BGP = "bgp"  # the state of the BGP sessions is read
    CONFIRM = "confirm"
    SAVE = "save"  # the running config becomes the startup config, where that is a step of its own
    ROLLBACK = "rollback"  # a commit is taken back by a command, not by its timer
    DISCARD = "discard"
    CLOSE = "close"


# The kinds that few steps can have; at another they would never strike.
_APPLIED = tuple(step for step in Step if step not in {Step.CONNECT, Step.LOGIN})
_ONLY_AT = {
    FaultKind.REFUSE: (Step.CONNECT, Step.LOGIN),
    FaultKind.TRUNCATE: (Step.GET_CONFIG,),
    FaultKind.IGNORE: (Step.COMMIT, Step.SAVE),
    FaultKind.HANG_AFTER: _APPLIED,
    FaultKind.RESTART_AFTER: _APPLIED,
}


@dataclass(slots=True, eq=False)
class Fault:
    """One armed fault; `count` is how many times it still strikes."""

    kind: FaultKind
    step: Step
    count: int = 1
    seconds: float = 30.0
    text: str = ""
    skip: int = 0
    """how often the step still goes by unharmed before the fault strikes"""
    struck: int = 0
    hanging: int = 0
    """how many clients it keeps waiting now"""

    @classmethod
    def kept(cls, fields: Mapping[str, Any]) -> Self:
        """A fault of `Faults.armed`, after a restart: nobody waits for it any more."""
        enums = {"kind": FaultKind(fields["kind"]), "step": Step(fields["step"])}
        return cls(**{**fields, **enums, "hanging": 0})


class Faults:
    """The armed faults. A step asks `take` once, and does what the fault says."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = list(faults)
        self._steps: Counter[Step] = Counter()
        self._lock = threading.Lock()
        self._cleared = threading.Event()

    def arm(self, fault: Fault) -> None:
        with self._lock:
            if self._cleared.is_set():
                self._cleared = threading.Event()
            self._faults.append(fault)

    def take(self, step: Step) -> Fault | None:
        """The next fault of this step, counted as struck; a foreign lock is never taken."""
        taken: Fault | None = None
        with self._lock:
            self._steps[step] += 1
            for fault in self._faults:
                standing = fault.kind is FaultKind.FOREIGN_LOCK
                if fault.step is not step or fault.count == 0 or standing:
                    continue
                if fault.skip:
                    fault.skip -= 1
                elif fault.kind is FaultKind.FOREIGN_LOCK_FROM:
                    fault.kind = FaultKind.FOREIGN_LOCK
                    fault.struck += 1
                elif taken is None:
                    taken = fault
                    fault.count -= 1
                    fault.struck += 1
        return taken

    def foreign_lock(self, *, strikes: bool = True) -> Fault | None:
        """The foreign lock that stands now. Its step does not matter."""
        with self._lock:
            found = next((f for f in self._faults if f.kind is FaultKind.FOREIGN_LOCK), None)
            if found is not None and strikes:
                found.struck += 1
            return found

    def clear(self) -> None:
        """Disarm all, wake what hangs, and count the steps anew."""
        with self._lock:
            self._faults.clear()
            self._steps.clear()
            self._cleared.set()

    def steps(self) -> dict[str, int]:
        """How often each step came since the last clear."""
        with self._lock:
            return {str(step): count for step, count in self._steps.items()}

    def armed(self) -> list[dict[str, object]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def sleep(self, fault: Fault) -> None:
        """Wait for the time of a hang or a slow answer, or until the faults are cleared.

        Blocks its thread: asyncio code calls it by `asyncio.to_thread`.
        """
        with self._lock:
            fault.hanging += 1
            cleared = self._cleared
            gone = fault not in self._faults
        if not gone:
            cleared.wait(fault.seconds)
        with self._lock:
            fault.hanging -= 1


def parse_fault(request: Mapping[str, object]) -> Fault:
    """The fault of a control request; ValueError for one that cannot be."""
    fault = Fault(
        kind=FaultKind(str(request["kind"])),
        step=Step(str(request["step"])),
        count=int(str(request.get("count", 1))),
        seconds=float(str(request.get("seconds", 30.0))),
        text=str(request.get("text", "")),
        skip=int(str(request.get("skip", 0))),
    )
    if unknown := set(request) - {"kind", "step", "count", "seconds", "text", "skip"}:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    if fault.step not in _ONLY_AT.get(fault.kind, (fault.step,)):
        raise ValueError(f"{fault.kind} can only be armed at {', '.join(_ONLY_AT[fault.kind])}")
    return fault

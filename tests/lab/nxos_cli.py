"""One command of an emulated NX-OS after the other, with the faults of each step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.https_server import LineCut
from tests.lab.nxos_config import CommandRefused
from tests.lab.nxos_show import BGP, RUNNING, show_data, show_text
from tests.lab.nxos_switch import NxosSwitch

Shown = str | dict[str, Any]

_SAVE: Final = ("copy running-config startup-config", "copy run startup-config", "copy run start")
_SAVED: Final = "[########################################] 100%\nCopy complete.\n"
_NOTHING: Final = ("configure terminal", "end", "terminal dont-ask")


def meaning(
    switch: NxosSwitch, user: str, command: str, *, data: bool = False
) -> tuple[Step | None, Callable[[], Shown]]:
    """The step that a command is, and what it does: it prints text, or returns data.

    To be called under the chassis lock; CommandRefused with the device's words where it refuses.
    """

    def save() -> str:
        switch.save_startup(user)
        return _SAVED

    def tell() -> str:
        switch.tell(command, user)
        return ""

    def clear() -> str:
        now = switch.digest
        switch.chassis.log.append("clear", user=user, before=now, after=now, detail=command)
        return ""

    def show() -> Shown:
        return show_data(switch, command) if data else show_text(switch, command)

    if command in _NOTHING or not command:
        return None, lambda: ""
    if command in _SAVE:
        return Step.SAVE, save
    if command == RUNNING:
        return Step.GET_CONFIG, show
    if command.startswith("clear bgp "):
        return None, clear
    if command.startswith("show "):
        return (Step.BGP if command.startswith(BGP) else None), show
    return Step.COMMIT, tell


@dataclass(slots=True)
class Cut:
    """What a fault makes of the answer to a request."""

    cut: bool = False
    garbage: bool = False
    hang: Fault | None = None


@dataclass(slots=True)
class NxosCli:
    """The command line of one request."""

    switch: NxosSwitch
    user: str
    after: Cut = field(default_factory=Cut)

    def run(self, command: str, *, data: bool = False) -> Shown:
        """Run one command: what it prints, or the same as data.

        Raises CommandRefused with the device's words, or LineCut where a fault cuts the line.
        """
        step, action = meaning(self.switch, self.user, command.strip(), data=data)
        if step is not None:
            return self._step(step, action)
        with self.switch.chassis.lock:
            return action()

    def _step(self, step: Step, action: Callable[[], Shown]) -> Shown:
        fault = self._begin(step)
        if fault is not None and fault.kind is FaultKind.IGNORE:
            return ""
        with self.switch.chassis.lock:
            shown = action()
        self._end(fault)
        if fault is not None and fault.kind is FaultKind.TRUNCATE and isinstance(shown, str):
            return shown[: len(shown) // 2]
        return shown

    def _begin(self, step: Step) -> Fault | None:
        """What a fault does before the step is applied."""
        faults = self.switch.chassis.faults
        fault = faults.take(step)
        match fault and fault.kind:
            case FaultKind.ERROR:
                raise CommandRefused(fault.text if fault and fault.text else "% Internal error")
            case FaultKind.DROP:
                raise LineCut
            case FaultKind.HANG if fault:
                faults.sleep(fault)
                raise LineCut
            case FaultKind.RESTART:
                self.switch.chassis.restart()
            case FaultKind.SLOW if fault:
                faults.sleep(fault)
        return fault

    def _end(self, fault: Fault | None) -> None:
        """What a fault makes of the answer, once the step was applied."""
        match fault and fault.kind:
            case FaultKind.DROP_AFTER:
                self.after.cut = True
            case FaultKind.HANG_AFTER:
                self.after.hang, self.after.cut = fault, True
            case FaultKind.RESTART_AFTER:
                self.switch.chassis.restart()
            case FaultKind.GARBAGE:
                self.after.garbage = True

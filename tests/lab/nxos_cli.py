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
_NOTHING: Final = (
    "configure terminal", "end", "terminal dont-ask", "terminal length 0", "terminal width 511",
)  # fmt: skip


@dataclass(slots=True)
class Cut:
    """What a fault makes of the answer to a request, or to a line of a terminal."""

    cut: bool = False
    garbage: bool = False
    hang: Fault | None = None


@dataclass(slots=True)
class NxosCli:
    """The command line of one client."""

    switch: NxosSwitch
    user: str
    after: Cut = field(default_factory=Cut)

    def run(self, command: str, *, data: bool = False) -> Shown:
        """Run one command: what it prints, or the same as data.

        Raises CommandRefused with the device's words, or LineCut where a fault cuts the line.
        """
        command = command.strip()
        if command in _NOTHING or not command:
            return ""
        if command in _SAVE:
            return self._step(Step.SAVE, self._save)
        if command.startswith("show "):
            return self._show(command, data=data)
        return self._step(Step.COMMIT, lambda: self._tell(command))

    def _save(self) -> str:
        self.switch.save_startup(self.user)
        return _SAVED

    def _tell(self, line: str) -> str:
        self.switch.tell(line, self.user)
        return ""

    def _show(self, command: str, *, data: bool) -> Shown:
        def show() -> Shown:
            return show_data(self.switch, command) if data else show_text(self.switch, command)

        if command == RUNNING:
            return self._step(Step.GET_CONFIG, show)
        if command.startswith(BGP):
            return self._step(Step.BGP, show)
        with self.switch.chassis.lock:
            return show()

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

"""The command line that one eAPI request runs on an emulated EOS, with the faults of each step.

A request is one command after the other, from exec mode; the first that fails ends it, and what
the ones before did stays done. A request whose client is gone runs to its end all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.lab.eos_mode import ConfigMode
from tests.lab.eos_prefix_list import CommandRefused, invalid
from tests.lab.eos_show import BGP_SHOWS, Json, show_json, show_text
from tests.lab.eos_switch import EosSwitch, Session, SessionState
from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.https_server import LineCut

COPIED: Final = "Copy completed successfully.\n"

_SESSION: Final = re.compile(
    r"configure session (\S+)(?: (abort|commit)(?: timer (\d{1,2}:\d{2}(?::\d{2})?))?)?$"
)
_LEAVES_CONFIG: Final = frozenset({"end", "abort", "commit"})


@dataclass(frozen=True, slots=True)
class CommandFailed(Exception):  # noqa: N818 - eAPI's word
    """A command that failed: its index in the request, the error code and the device's text."""

    index: int
    code: int
    text: str


@dataclass(slots=True)
class Outcome:
    """The outputs of a request, and what a fault makes of the answer."""

    outputs: list[Json] = field(default_factory=list)
    cut: bool = False
    garbage: bool = False
    hang: Fault | None = None


class Cli:
    """One request's command line."""

    def __init__(self, switch: EosSwitch, user: str, *, text: bool) -> None:
        self._switch = switch
        self._user = user
        self._text = text
        self._session: Session | None = None
        self._mode: ConfigMode | None = None
        self.outcome = Outcome()

    def run(self, commands: Sequence[str]) -> Outcome:
        """Run all; CommandFailed at the first that fails, LineCut where a fault cuts the line."""
        index = 0
        while index < len(commands):
            try:
                if self._session is not None and commands[index] not in _LEAVES_CONFIG:
                    index = self._configure(commands, index)
                    continue
                output = self._exec(commands[index])
            except CommandRefused as exc:
                failed_at = index if self._mode is None else max(index, self._mode.at)
                raise CommandFailed(failed_at, exc.code, exc.text) from exc
            self.outcome.outputs.append(output)
            index += 1
        return self.outcome

    def _configure(self, commands: Sequence[str], start: int) -> int:
        """Config lines up to the next one that is none, in one go; returns that one's index."""
        stop = start
        while stop < len(commands) and not self._leaves(commands[stop]):
            stop += 1
        assert self._session is not None
        assert self._mode is not None
        with self._switch.chassis.lock:
            try:
                self._mode.feed(commands, start, stop)
            except CommandRefused as exc:
                at = self._mode.at
                self.outcome.outputs += [self._answer()] * (at - start)
                self._switch.load_error(self._session, self._user, f"{commands[at]}: {exc.text}")
                raise
        self.outcome.outputs += [self._answer()] * (stop - start)
        if stop < len(commands) and commands[stop] == "rollback clean-config":
            self._session.config.clear()
            self._mode.leave()
            self.outcome.outputs.append(self._answer())
            stop += 1
        return stop

    def _leaves(self, command: str) -> bool:
        return command in _LEAVES_CONFIG or command == "rollback clean-config"

    def _answer(self, text: str = "") -> Json:
        return {"output": text} if self._text else {}

    def _exec(self, command: str) -> Json:
        if command in ("enable", "disable"):
            return self._answer()
        if self._session is not None:
            return self._leave_session(command)
        if match := _SESSION.match(command):
            return self._session_command(match[1], match[2], match[3])
        if command.startswith("show "):
            return self._show(command)
        return self._copy(command)

    def _copy(self, command: str) -> Json:
        switch, user = self._switch, self._user
        if command in ("write memory", "copy running-config startup-config"):
            self._locked(lambda: switch.save_startup(user))
            return self._answer(COPIED)
        if command.startswith("copy startup-config flash:"):
            self._locked(lambda: switch.save_flash(_flash_name(command)))
            return self._answer(COPIED)
        if command.startswith("configure replace flash:"):
            name = _flash_name(command)
            return self._step(Step.ROLLBACK, lambda: switch.configure_replace(name, user))
        raise invalid(command, 0)

    def _leave_session(self, command: str) -> Json:
        assert self._session is not None
        session, self._session, self._mode = self._session, None, None
        if command != "end":
            return self._session_command(session.name, command, None)
        return self._answer()

    def _locked(self, action: Callable[[], None]) -> None:
        with self._switch.chassis.lock:
            action()

    def _session_command(self, name: str, verb: str | None, timer: str | None) -> Json:
        if verb is None:
            return self._step(Step.LOAD, lambda: self._enter(name))
        with self._switch.chassis.lock:
            session = self._switch.find(name)
        waits = session.state is SessionState.PENDING_TIMER
        if verb == "abort":
            return self._step(
                Step.ROLLBACK if waits else Step.DISCARD,
                lambda: self._switch.abort(session, self._user),
                None if waits else Step.CLOSE,
            )
        seconds = None if timer is None else _seconds(timer)
        return self._step(
            Step.CONFIRM if waits else Step.COMMIT,
            lambda: self._switch.commit(session, self._user, seconds),
        )

    def _enter(self, name: str) -> None:
        self._session = self._switch.open_session(name, self._user)
        self._mode = ConfigMode(self._session.config, self._switch.max_sequence)

    def _show(self, command: str) -> Json:
        answer: Json = {}

        def show() -> None:
            if self._text:
                answer["output"] = show_text(self._switch, command)
            else:
                answer.update(show_json(self._switch, command))

        step = _show_step(command)
        if step is None:
            self._locked(show)
            return answer
        fault = self._begin(step)
        self._locked(show)
        self._end(fault)
        if fault is not None and fault.kind is FaultKind.TRUNCATE:
            text = str(answer["output"])
            answer["output"] = text[: len(text) // 2]
        return answer

    def _step(self, step: Step, action: Callable[[], None], other: Step | None = None) -> Json:
        fault = self._begin(step, other)
        self._locked(action)
        self._end(fault)
        return self._answer()

    def _begin(self, step: Step, other: Step | None = None) -> Fault | None:
        """What a fault does before the step is applied."""
        faults = self._switch.chassis.faults
        fault = faults.take(step)
        if fault is None and other is not None:
            fault = faults.take(other)
        if fault is None:
            return None
        match fault.kind:
            case FaultKind.ERROR:
                raise CommandRefused(1000, fault.text or "Internal error")
            case FaultKind.DROP:
                raise LineCut
            case FaultKind.HANG:
                faults.sleep(fault)
                raise LineCut
            case FaultKind.RESTART:
                self._switch.chassis.restart()
            case FaultKind.SLOW:
                faults.sleep(fault)
        return fault

    def _end(self, fault: Fault | None) -> None:
        """What a fault makes of the answer, once the step was applied."""
        match fault and fault.kind:
            case FaultKind.DROP_AFTER:
                self.outcome.cut = True
            case FaultKind.HANG_AFTER:
                self.outcome.hang, self.outcome.cut = fault, True
            case FaultKind.RESTART_AFTER:
                self._switch.chassis.restart()
            case FaultKind.GARBAGE:
                self.outcome.garbage = True


def _show_step(command: str) -> Step | None:
    if command.startswith(("show running-config", "show startup-config")):
        return Step.GET_CONFIG
    if command.startswith("show session-config") and command.endswith(" diffs"):
        return Step.COMPARE
    if command in BGP_SHOWS:
        return Step.BGP
    return None


def _flash_name(command: str) -> str:
    name = command.rpartition("flash:")[2]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise invalid(command, 2)
    return name


def _seconds(timer: str) -> float:
    """A commit timer, HH:MM:SS or HH:MM."""
    parts = [int(part) for part in timer.split(":")]
    hours, minutes, seconds = [*parts, 0][:3]
    total = hours * 3600 + minutes * 60 + seconds
    if total == 0 or minutes > 59 or seconds > 59:
        raise CommandRefused(1002, f"Invalid input (at token 5: '{timer}')")
    return float(total)

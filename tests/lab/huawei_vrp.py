"""An emulated Huawei VRP, to run as `python -m tests.lab.huawei_vrp --name edge1 --directory DIR`.

A config whose first line is `!Software Version V8...` makes it a VRP8: what a session is told is
that session's candidate, and takes effect by `commit`. On any other, a VRP5, each line takes effect
by itself. Beside what tests.lab.device says, DIR holds `startup.conf`, which is what it starts
with, and `told.jsonl`: since the running config was set by a test, a JSON list of the lines that
took effect at once, for each such moment.

The control socket knows besides: `neighbors` (see tests.lab.neighbors; each is one of
huawei_vrp_show.peers), `deaf` (the next `lines` lines are answered as if they were taken),
`max_entries` (of a list), `asks` (the next line of configuration is answered by a question) and
`trial` (a VRP8 is in the middle of somebody's trial).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TextIO

from tests.lab.apply_log import digest
from tests.lab.device import Chassis, Options
from tests.lab.faults import Step
from tests.lab.huawei_vrp_config import VrpConfig, VrpError, unrecognized
from tests.lab.huawei_vrp_show import INTERFACES, peers, version
from tests.lab.ssh_cli import CliServer, Refused, SessionEnds, Terminal, step
from tests.lab.ssh_server import Process, run_ssh

STARTUP = "startup.conf"
TOLD = "told.jsonl"
_SURE = {
    True: ("Warning: The current configuration will be written to the device.\n", "? [Y/N]:"),
    False: ("The current configuration will be written to the device.\n", "?[Y/N]"),
}
"""what is said, and how the question ends, by whether it is a VRP8"""
_SAVED = {
    True: """\
Now saving the current configuration to the slot 0 .
Info: Save the configuration successfully.
""",
    False: """\
It will take several minutes to save configuration file, please wait.......
Configuration file had been saved successfully
Note: The configuration file will take effect after being activated
""",
}
_UNCOMMITTED = (
    "Warning: Uncommitted configurations found. Are you sure to commit them before exiting? "
    "[Y(yes)/N(no)/C(cancel)]:"
)


class Vrp:
    """The router: its running config, and what its sessions and the control socket ask."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        kept = chassis.load(STARTUP) or chassis.first_running()
        self.running_config = VrpConfig(kept or f"sysname {chassis.options.name}\n#\nreturn\n")
        self.deaf = 0
        self.asks = ""
        self.trial = False
        self._told: TextIO = (chassis.directory / TOLD).open("a", encoding="utf-8")
        self.server = CliServer(self)
        self.log("start", "", self.running_config.text())
        chassis.save(STARTUP, self.running_config.text())

    # What a device is asked

    async def serve(self, process: Process) -> None:
        await self.server.serve(process)

    def running(self) -> str:
        return self.running_config.text()

    def set_running(self, text: str) -> None:
        config = VrpConfig(text)
        before = self.running()
        self.running_config = config
        self.chassis.save(STARTUP, self.running())
        self._told.truncate(0)
        self.deaf, self.asks, self.trial = 0, "", False
        self.log("set-running", before, self.running())

    def lists(self) -> Mapping[str, str]:
        return self.running_config.digests()

    def candidates(self) -> list[dict[str, object]]:
        return []

    def locks(self) -> list[dict[str, object]]:
        return []

    def control(self, op: str, request: Mapping[str, object]) -> object:
        match op:
            case "neighbors":
                self.chassis.neighbors.set(request)
            case "deaf":
                self.deaf = int(str(request["lines"]))
            case "max_entries":
                self.running_config.max_entries = int(str(request["entries"]))
            case "asks":
                self.asks = str(request["question"])
            case "trial":
                self.trial = True
            case "saved":
                return self.chassis.load(STARTUP)
            case _:
                raise ValueError(f"a VRP has no operation {op!r}")
        return None

    # What a session is opened with

    def open(self, terminal: Terminal) -> VrpSession:
        return VrpSession(self, terminal)

    def greeting(self) -> str:
        return (
            "Info: The max number of VTY users is 10, and the number of current VTY users on line "
            "is 1.\n"
        )

    def received(self, user: str, path: str, data: bytes) -> None:
        del user, path, data
        raise Refused("Error: SCP is not enabled.")

    # What sessions do, under the chassis lock

    def took_effect(self, lines: Sequence[str]) -> None:
        """Note lines that took effect in one moment; on the disk when this returns."""
        self._told.write(json.dumps(lines) + "\n")
        self._told.flush()

    def log(self, event: str, before: str, after: str, user: str = "") -> None:
        """Note an event in the apply log, with the digests of the running config."""
        old, new = digest(before) if before else "", digest(after)
        self.chassis.log.append(event, user=user, before=old, after=new, lists=self.lists())
        self.chassis.neighbors.follow(old, new)
        self.chassis.save("running.conf", after)


class VrpSession:
    """One session's command line."""

    echoes = True

    def __init__(self, router: Vrp, terminal: Terminal) -> None:
        self._router = router
        self._terminal = terminal
        self._in_system_view = False
        self._pages = True
        self._before = ""
        self._candidate: VrpConfig | None = None
        self._lines: list[str] = []
        self._question = ""
        """why something is asked now"""
        self._asked = ""
        self.prompt = self._view_prompt()

    @property
    def _two_phase(self) -> bool:
        return self._router.running_config.is_two_phase

    def _view_prompt(self) -> str:
        name = self._router.running_config.sysname
        if not self._in_system_view:
            return f"<{name}>"
        changed = self._lines or self._router.trial
        mark = ("*" if changed else "~") if self._two_phase else ""
        return f"[{mark}{name}]"

    def enter(self, line: str) -> str:
        """Take one line, or the answer to a question."""
        try:
            return self._entered(line)
        finally:
            self.prompt = self._asked or self._view_prompt()

    def _entered(self, line: str) -> str:
        if self._asked:
            why, self._question, self._asked = self._question, "", ""
            return self._answered(why, line.lower()[:1])
        if not line:
            return ""
        if line.startswith("display "):
            return self._paged(self._display(line))
        return self._system_view(line) if self._in_system_view else self._user_view(line)

    def _user_view(self, line: str) -> str:
        match line:
            case "system-view":
                self._in_system_view = True
                self._before = self._router.running()
                return "Enter system view, return user view with return command.\n"
            case "save":
                said, end = _SURE[self._two_phase]
                self._question, self._asked = "save", f"Are you sure to continue{end}"
                return said
            case "screen-length 0 temporary":
                self._pages = False
                return ""
            case "undo terminal monitor":
                return "Info: Current terminal monitor is off.\n"
            case "quit":
                raise SessionEnds("")
        return f"{unrecognized(line)}\n"

    def _system_view(self, line: str) -> str:
        match line:
            case "return" | "quit":
                return self._left()
            case "commit" if self._two_phase:
                return self._step(Step.COMMIT, self._commit)
            case "clear configuration candidate" if self._two_phase:
                self._candidate, self._lines = None, []
                return ""
        if self._router.asks:
            self._asked, self._router.asks = self._router.asks, ""
            return ""
        which = Step.LOAD if self._two_phase else Step.COMMIT
        return self._step(which, lambda: self._told(line))

    def _step(self, which: Step, action: Callable[[], str]) -> str:
        return step(self._router.chassis, self._terminal, which, action)

    def _told(self, line: str) -> str:
        router = self._router
        if router.deaf:
            router.deaf -= 1
            return ""
        try:
            if not self._two_phase:
                router.running_config.tell(line)
                router.took_effect([line])
                return ""
            if self._candidate is None:
                self._candidate = router.running_config.copy()
            self._candidate.tell(line)
            self._lines.append(line)
        except VrpError as exc:
            return f"{exc}\n"
        return ""

    def _commit(self) -> str:
        router = self._router
        before = router.running()
        config = router.running_config.copy()
        try:
            for line in self._lines:
                config.tell(line)
        except VrpError as exc:
            return f"Error: The configuration conflicts with what others committed.\n{exc}\n"
        router.running_config = config
        router.took_effect(self._lines)
        self._candidate, self._lines = None, []
        router.log("commit", before, router.running(), self._terminal.user)
        return "Committing....done.\n"

    def _left(self) -> str:
        if self._lines:
            self._question, self._asked = "leave", _UNCOMMITTED
            return ""
        self._in_system_view = False
        now = self._router.running()
        if not self._two_phase and now != self._before:
            with self._router.chassis.lock:
                self._router.log("told", self._before, now, self._terminal.user)
        return ""

    def _answered(self, why: str, answer: str) -> str:
        if why == "save" and answer == "y":
            return self._step(Step.SAVE, self._save)
        if why == "leave" and answer in {"y", "n"}:
            said = self._commit() if answer == "y" else ""
            self._candidate, self._lines = None, []
            return said + self._left()
        return ""

    def _save(self) -> str:
        router = self._router
        text = router.running()
        router.chassis.save(STARTUP, text)
        router.log("saved", text, text, self._terminal.user)
        return _SAVED[self._two_phase]

    def _display(self, line: str) -> str:
        router = self._router
        match line.removeprefix("display "):
            case "current-configuration":
                return self._step(Step.GET_CONFIG, router.running)
            case "saved-configuration":
                return router.chassis.load(STARTUP) or ""
            case "version":
                return version(two_phase=self._two_phase)
            case "interface brief":
                return INTERFACES
            case what if what.startswith("bgp ") and what.endswith(" peer"):
                return self._step(Step.BGP, lambda: peers(router.chassis.neighbors.now, what))
        return f"{unrecognized(line)}\n"

    def _paged(self, text: str) -> str:
        lines = text.split("\n")
        if self._pages and len(lines) > 24:
            return "\n".join([*lines[:23], "  ---- More ----"])
        return text


def main(argv: Sequence[str] | None = None) -> None:
    asyncio.run(run_ssh(Options.parse(argv), Vrp))


if __name__ == "__main__":
    main(sys.argv[1:])

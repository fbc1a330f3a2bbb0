"""The command line of the emulated IOS router, as far as NAPALM and irrgate talk to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from tests.lab.faults import Step
from tests.lab.ios_config import IosConfig
from tests.lab.ios_lists import invalid
from tests.lab.ios_router import FLASH_SIZE, IosRouter
from tests.lab.ios_show import SHOWS
from tests.lab.ssh_cli import LineCut, Refused, SessionEnds, Terminal, step

_CONFIGURE = re.compile(r"conf(?:igure)? t(?:erminal)?(?: revert timer (\d+))?")
_BGP_SHOW = re.compile(r"show (?:ip )?bgp .*")
_HELD = "Configuration mode is locked by process '4711' user 'noc' from terminal '2'. "


class IosCli:
    """One session."""

    def __init__(self, router: IosRouter, terminal: Terminal, secret: str) -> None:
        self._router = router
        self._terminal = terminal
        self._secret = secret
        self._mode = ">" if secret else "#"
        self._asks: tuple[str, Callable[[str], str]] | None = None
        """a question in the middle of a command, and what its answer does"""
        self.echoes = True

    @property
    def prompt(self) -> str:
        if self._asks is not None:
            return self._asks[0]
        return f"{self._router.config.hostname}{self._mode}"

    def enter(self, line: str) -> str:
        try:
            if self._asks is not None:
                (_, answer), self._asks, self.echoes = self._asks, None, True
                return answer(line)
            if not line or line.startswith("!"):
                return ""
            return self._configure(line) if self._mode.startswith("(") else self._exec(line)
        except LineCut:
            with self._router.chassis.lock:
                self._router.flush(self._terminal.user)
            raise

    def _step(self, which: Step, action: Callable[[], str]) -> str:
        return step(self._router.chassis, self._terminal, which, action)

    # Configuration mode

    def _configure(self, line: str) -> str:
        if line == "end" or (line == "exit" and self._mode == "(config)#"):
            self._mode = "#"
            with self._router.chassis.lock:
                self._router.flush(self._terminal.user)
            return ""
        if "prefix-list" in line:
            return self._step(Step.COMMIT, lambda: self._router.configure(line))
        with self._router.chassis.lock:
            return self._router.configure(line)

    def _enter_config(self, minutes: str | None) -> str:
        if self._router.chassis.faults.foreign_lock() is not None:
            raise Refused(f"{_HELD}Please try later.\n")
        head = ""
        if minutes is not None:
            if not 1 <= int(minutes) <= 120:
                return invalid(f"configure terminal revert timer {minutes}", 4)
            head = self._router.arm(self._terminal.user, int(minutes))
        self._mode = "(config)#"
        said = f"{head}Enter configuration commands, one per line.  End with CNTL/Z.\n"
        if minutes == "1":
            # IOS prints it on the terminal as it is, behind the prompt.
            said += (
                f"{self.prompt}Rollback Confirmed Change: Rollback will begin in one minute. "
                'Enter "configure confirm" if you wish to keep what you\'ve configured\n\n'
            )
        return said

    # Exec mode

    def _exec(self, line: str) -> str:
        if line in {"exit", "logout", "quit"}:
            raise SessionEnds("")
        if line == "enable" or self._mode == ">":
            return self._enable(line)
        if match := _CONFIGURE.fullmatch(line):
            with self._router.chassis.lock:
                return self._enter_config(match[1])
        if line.startswith("show "):
            return self._show(line)
        for start, run in self._commands().items():
            if line.startswith(start):
                return run(line)
        return invalid(line, 0)

    def _commands(self) -> dict[str, Callable[[str], str]]:
        return {
            "terminal ": lambda _: "",
            "write mem": self._write,
            "copy running-config startup-config": self._write,
            "copy flash:": self._copy,
            "configure confirm": self._confirm,
            "configure revert now": self._revert,
            "configure revert timer ": self._timer,
            "configure replace flash:": self._replace,
            "delete /force flash:": self._delete,
            "dir": self._dir,
            "verify /md5 flash:": self._verify,
            "clear ": self._clear,
        }

    def _enable(self, line: str) -> str:
        """The commands of a session without privileges."""
        if self._mode == "#" or line.startswith("terminal "):
            return ""
        if line != "enable":
            return invalid(line, 0)

        def check(given: str) -> str:
            if given != self._secret:
                return "% Access denied\n"
            self._mode = "#"
            return ""

        self._asks, self.echoes = ("Password: ", check), False
        return ""

    def _show(self, line: str) -> str:
        command, _, wanted = line.partition(" | ")
        if command == "show running-config":
            which: Step | None = None if wanted else Step.GET_CONFIG
        else:
            which = Step.BGP if line == "show bgp all summary" else None

        def show() -> str:
            self._router.flush()
            for pattern, shown in SHOWS.items():
                if re.fullmatch(pattern, command):
                    return shown(self._router, command)
            return invalid(line, 1)

        output = show() if which is None else self._step(which, show)
        if not wanted:
            return output
        text = re.sub(r"^inc\w* ", "", wanted)
        return "".join(f"{each}\n" for each in output.split("\n") if text in each)

    def _write(self, _: str) -> str:
        with self._router.chassis.lock:
            self._router.save_startup(self._terminal.user)
        return "Building configuration...\n[OK]\n"

    def _confirm(self, _: str) -> str:
        def confirm() -> str:
            self._router.confirm(self._terminal.user)
            return ""

        return self._step(Step.CONFIRM, confirm)

    def _revert(self, _: str) -> str:
        def revert() -> str:
            self._router.take_back("rollback", self._terminal.user)
            return "Total number of passes: 1\nRollback Done\n\n"

        return self._step(Step.ROLLBACK, revert)

    def _timer(self, line: str) -> str:
        with self._router.chassis.lock:
            self._router.reset_timer(int(line.rpartition(" ")[2]))
        return ""

    def _replace(self, line: str) -> str:
        name = line.split(" ")[2]

        def replace() -> str:
            file = self._router.file(name)
            if not file.exists():
                return f"%Error opening {name} (No such file or directory)\n"
            target = IosConfig.parse(file.read_text())
            self._router.replace(target, "rollback", self._terminal.user, line)
            return "Total number of passes: 1\nRollback Done\n\n"

        return self._step(Step.ROLLBACK, replace)

    # Files

    def _copy(self, line: str) -> str:
        _, name, target = line.split(" ")
        if target != "running-config":
            return invalid(line, 2)
        if "file prompt quiet" in self._router.config.blocks:
            return self._copied(name)
        self._asks = ("Destination filename [running-config]? ", lambda _: self._copied(name))
        return ""

    def _copied(self, name: str) -> str:
        file = self._router.file(name)
        if not file.exists():
            return f"%Error opening {name} (No such file or directory)\n"
        text = file.read_text()
        said = []
        for each in map(str.strip, text.splitlines()):
            if each and not each.startswith("!") and each != "end":
                try:
                    said.append(
                        self._step(Step.COMMIT, lambda line=each: self._router.configure(line))  # type: ignore[misc]
                    )
                except Refused as exc:
                    said.append(f"{exc}\n")
                if self._terminal.cut:
                    break
        with self._router.chassis.lock:
            self._router.flush(self._terminal.user)
        size = len(text.encode())
        said.append(f"{size} bytes copied in 0.412 secs ({int(size / 0.412)} bytes/sec)\n")
        return "".join(said)

    def _delete(self, line: str) -> str:
        name = line.split(" ")[2]
        file = self._router.file(name)
        if not file.is_file():
            return f"%Error deleting {name} (No such file or directory)\n"
        file.unlink()
        return ""

    def _dir(self, line: str) -> str:
        name = line.removeprefix("dir").strip() or "flash:/"
        free = f"\n{FLASH_SIZE} bytes total ({self._router.flash_free} bytes free)\n"
        file = self._router.file(name)
        if not file.exists():
            return f"%Error opening {name} (No such file or directory)\n"
        listed = [file] if file.is_file() else sorted(file.iterdir())
        rows = "".join(
            f"{at:5}  -rw-  {each.stat().st_size:10}  Nov 25 2026 14:02:07 +00:00  {each.name}\n"
            for at, each in enumerate(listed, 1)
        )
        return f"Directory of {name}\n\n{rows}{free}"

    def _verify(self, line: str) -> str:
        name = line.split(" ")[2]
        file = self._router.file(name)
        if not file.is_file():
            return f"%Error verifying {name} (No such file or directory)\n"
        found = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        return f".....Done!\nverify /md5 ({name}) = {found}\n"

    def _clear(self, line: str) -> str:
        with self._router.chassis.lock:
            self._router.cleared.append(line)
        return ""

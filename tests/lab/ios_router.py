"""What an emulated IOS router holds: running and startup config, flash, and what reverts by itself.

startup.conf   what it boots with: a running config that was not saved is gone after a restart
flash/         its files
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.apply_log import digest
from tests.lab.clock import Timer
from tests.lab.device import Chassis
from tests.lab.ios_config import IosConfig, replacing
from tests.lab.ios_lists import INVALID
from tests.lab.ssh_cli import Refused

FLASH_SIZE = 262_144_000
_NOW = "%H:%M:%S UTC %a %b %d %Y"


@dataclass
class Revert:
    """A change that IOS takes back unless it is confirmed."""

    before: IosConfig
    user: str
    minutes: int
    configured: str
    timer: Timer


class IosRouter:
    """Called under the chassis lock."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        first = chassis.load("startup.conf") or chassis.first_running()
        self.config = IosConfig.parse(first or f"hostname {chassis.options.name}\nend\n")
        self.startup = self.config.text()
        self.revert: Revert | None = None
        self.flash_free = FLASH_SIZE
        self.nvram_locked = False
        self.cleared: list[str] = []
        """the soft resets of BGP sessions that it was told to make"""
        self._booted = time.time() - chassis.clock.now()
        self._lines: list[str] = []
        """of prefix lists, applied and not in the log yet"""
        self._before = ""
        self._save_running()
        self.log("start")

    # What the control socket asks

    def running(self) -> str:
        self.flush()
        return self.config.text()

    def set_running(self, text: str) -> None:
        self.flush()
        self.config = IosConfig.parse(text)
        self.cancel_revert()
        self.save_startup("")
        self._save_running()
        self.log("set-running")

    # The clock

    def clock(self) -> str:
        """`show clock`, without its fraction of a second."""
        return time.strftime(_NOW, time.gmtime(self._booted + self.chassis.clock.now()))

    # The log

    def log(self, event: str, *, user: str = "", detail: str = "", before: str = "") -> None:
        """Write to the apply log what happened, with what the running config is now."""
        after = digest(self.config.text())
        self.chassis.neighbors.follow(before or after, after)
        self.chassis.log.append(
            event,
            user=user,
            before=before or after,
            after=after,
            entries=self.config.lists.counts(),
            lists=self.config.lists.digests(),
            detail=detail,
        )

    def flush(self, user: str = "") -> None:
        """Log the lines that were applied since the last time, in one record."""
        if self._lines:
            lines, self._lines = self._lines, []
            self._save_running()
            self.log("lines", user=user, detail="\n".join(lines), before=self._before)

    def _save_running(self) -> None:
        self.chassis.save("running.conf", self.config.text())

    # What configures it

    def configure(self, line: str) -> str:
        """One line of configuration mode; what IOS prints."""
        try:
            if not self._lines:
                self._before = digest(self.config.text())
            said = self.config.lists.tell(line)
        except ValueError:
            return self._block(line)
        if not said:
            self._lines.append(line)
        return said

    def _block(self, line: str) -> str:
        known = ("hostname ", "archive", "ip scp server enable", "file prompt quiet")
        plain = line.removeprefix("no ")
        if not plain.startswith(known):
            return f"^\n{INVALID}\n"
        if line.startswith("no "):
            self.config.blocks.pop(plain, None)
        else:
            self.config.blocks.setdefault(line, [])
        return ""

    def replace(self, target: IosConfig, event: str, user: str, detail: str = "") -> None:
        """As `configure replace`: lines that are not in the target go, then its own come."""
        self.flush(user)
        before = digest(self.config.text())
        for line in replacing(self.config.lists, target.lists):
            self.configure(line)
        self.config.blocks = target.copy().blocks
        self.flush(user)
        self._save_running()
        self.log(event, user=user, detail=detail, before=before)

    def save_startup(self, user: str) -> None:
        """`write memory`."""
        if user and self.nvram_locked:
            raise Refused("startup-config file open failed (Device or resource busy)\n")
        self.flush(user)
        self.startup = self.config.text()
        self.chassis.save("startup.conf", self.startup)
        if user:
            self.log("write-memory", user=user)

    # What reverts by itself

    def arm(self, user: str, minutes: int) -> str:
        """`configure terminal revert timer N`; what IOS prints."""
        if not self.config.archives:
            raise Refused("%Please turn config archive on before using the rollback timer\n")
        if self.revert is not None:
            raise Refused("%Rollback Confirmed Change already pending\n")
        self.flush()
        self._set_timer(self.config.copy(), user, minutes)
        self.log("commit-confirmed", user=user, detail=f"{minutes} min")
        name = f"flash:archive-{time.strftime('%b-%d-%H-%M-%S')}.000-0"
        return f"Rollback Confirmed Change: Backing up current running config to {name}\n\n"

    def reset_timer(self, minutes: int) -> None:
        """`configure revert timer N`."""
        revert = self._pending()
        revert.timer.cancel()
        self._set_timer(revert.before, revert.user, minutes)

    def _set_timer(self, before: IosConfig, user: str, minutes: int) -> None:
        timer = self.chassis.timers.after(minutes * 60, self._timer_ended)
        self.revert = Revert(before, user, minutes, self.clock(), timer)

    def _timer_ended(self) -> None:
        self.take_back("rollback-timer", "")

    def take_back(self, event: str, user: str) -> None:
        revert = self._pending()
        self.cancel_revert()
        self.replace(revert.before, event, user)

    def confirm(self, user: str) -> None:
        self._pending()
        self.flush(user)
        self.cancel_revert()
        self.log("confirmed", user=user)

    def cancel_revert(self) -> None:
        if self.revert is not None:
            self.revert.timer.cancel()
            self.revert = None

    def _pending(self) -> Revert:
        if self.revert is None:
            raise Refused("%No Rollback Confirmed Change pending\n")
        return self.revert

    # Flash

    def file(self, name: str) -> Path:
        folder = self.chassis.directory / "flash"
        folder.mkdir(exist_ok=True)
        return folder / name.rpartition(":")[2].lstrip("/")

    def control(self, op: str, request: Mapping[str, object]) -> object:
        match op:
            case "neighbors":
                self.chassis.neighbors.set(request)
            case "startup":
                return self.startup
            case "flash":
                return sorted(each.name for each in self.file("").iterdir())
            case "flash_free":
                self.flash_free = int(str(request["bytes"]))
            case "cleared":
                return self._cleared()
            case "nvram_locked":
                self.nvram_locked = bool(request["locked"])
            case _:
                raise ValueError(f"an ios device has no operation {op!r}")
        return None

    def _cleared(self) -> Sequence[str]:
        """Return the soft resets since the last time that this was asked."""
        cleared, self.cleared = self.cleared, []
        return cleared

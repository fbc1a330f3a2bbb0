"""The commits of the emulated Junos device: running config, rollback 1 to 49, what is pending.

All of it lies in the device's directory, so that a device that was killed and started again knows
what a router knows after a power cut:

    running.conf                       rollback 0
    rollback/juniper.conf.N.gz         rollback N
    commits.json                       who, when, why; and the commit that awaits its confirmation
    rollback/unconfirmed.conf          what comes back when that does not arrive
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.lab.device import Chassis

ROLLBACKS = 49


@dataclass(frozen=True, slots=True)
class Commit:
    """One line of `show system commit`; `comment` is Junos's own, `log` the user's."""

    revision: str
    user: str
    client: str
    seconds: int
    log: str = ""
    comment: str = ""
    rollback_pending: bool = False


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A commit that is undone at a time (seconds since 1970) unless it is confirmed before."""

    due: float
    session: str
    user: str


class History:
    """Reads and writes the files; what the configs mean is not its business."""

    def __init__(self, chassis: Chassis) -> None:
        self._chassis = chassis
        self._folder = chassis.directory / "rollback"
        self._folder.mkdir(exist_ok=True)
        self.commits: list[Commit] = []
        self.unconfirmed: Unconfirmed | None = None
        saved = chassis.load("commits.json")
        if saved is not None:
            state = json.loads(saved)
            self.commits = [Commit(**commit) for commit in state["commits"]]
            if state["unconfirmed"]:
                self.unconfirmed = Unconfirmed(**state["unconfirmed"])

    def commit(
        self,
        text: str,
        commit: Commit,
        unconfirmed: Unconfirmed | None = None,
        undo: str | None = None,
    ) -> None:
        """Make `text` the running config, and what was it rollback 1.

        `unconfirmed` awaits its confirmation; `undo` is what comes back without it, or None to
        leave what an earlier one kept. The running config is written last: a device that is
        killed in between has the old one, or knows how to go back to it.
        """
        running = self._chassis.directory / "running.conf"
        if running.exists():
            for number in range(ROLLBACKS - 1, 0, -1):
                if self._path(number).exists():
                    self._path(number).replace(self._path(number + 1))
            self._path(1).write_bytes(gzip.compress(running.read_bytes(), 1))
        if undo is not None:
            self._chassis.save("rollback/unconfirmed.conf", undo)
        settled = [replace(earlier, rollback_pending=False) for earlier in self.commits]
        self.commits = [commit, *settled[:ROLLBACKS]]
        self.unconfirmed = unconfirmed
        self._save()
        self._chassis.save("running.conf", text)

    def next_number(self) -> int:
        """The last part of the next commit's revision, which says how many there were."""
        return int(self.commits[0].revision.rsplit("-", 1)[1]) + 1 if self.commits else 1

    def rollback(self, number: int) -> str | None:
        """The text of an older config, or None where there is none of that number."""
        if number == 0:
            return self._chassis.load("running.conf")
        path = self._path(number)
        return gzip.decompress(path.read_bytes()).decode() if path.exists() else None

    def undo_text(self) -> str:
        """The config to which an unconfirmed commit goes back."""
        text = self._chassis.load("rollback/unconfirmed.conf")
        assert text is not None
        return text

    def settle(self) -> None:
        """Forget the pending confirmation without a commit: a check has brought it."""
        self.unconfirmed = None
        self.commits = [replace(commit, rollback_pending=False) for commit in self.commits]
        self._save()

    def _path(self, number: int) -> Path:
        return self._folder / f"juniper.conf.{number}.gz"

    def _save(self) -> None:
        state = {
            "commits": [asdict(commit) for commit in self.commits],
            "unconfirmed": asdict(self.unconfirmed) if self.unconfirmed else None,
        }
        self._chassis.save("commits.json", json.dumps(state))

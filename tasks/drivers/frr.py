"""NAPALM driver for FRR: prefix lists, changed entry by entry; see docs/daemons.md."""

from __future__ import annotations

import math
import re
import time
from dataclasses import replace
from typing import Any, Final

from irrgate.errors import DeviceError
from irrgate.platforms.frr_cost import seconds_for, seconds_for_map
from irrgate.platforms.frr_facts import (
    FrrFacts,
    comment,
    read_facts,
    refuse_too_long,
    refuse_twin_prefixes,
)
from tasks.drivers import daemon, loading
from tasks.drivers.errors import CommitRefused, Locked, TimedOut
from tasks.drivers.frr_change import ListsChange, merge_change, replace_change
from tasks.drivers.frr_router import FrrRouter, Places
from tasks.drivers.frr_scripts import Commit, bundle
from tasks.drivers.frr_show import Shown, clear_commands, neighbours_of
from tasks.drivers.shell import OPTIONS
from tasks.drivers.watchdog import Decision, Progress

RUN_DIRECTORY: Final = "/run/irrgate/frr"
MAX_SECONDS: Final = 300
"""the longest change of one filter that is taken on, unless `max_seconds` says otherwise"""
_PLACES: Final = ("vtysh", "vty_socket", "config_dir", "config")
_PATH: Final = re.compile(r"/[A-Za-z0-9_./@+:-]*[A-Za-z0-9_-]")
_PROGRAM: Final = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./@+:-]*")
_SECRET: Final = re.compile(r"\b((?:password|md5|key-string|community)(?: [0-9])? )\S+")
_AT_ONCE: Final = 60
"""seconds that a commit has which is confirmed as soon as it is made"""
_LOOK: Final = 20
"""seconds between two looks whether the process of a change is there"""
_SLACK: Final = 2
"""times the estimate that a change may take before it is given up"""


class FrrDriver(loading.HeldCandidate, daemon.WatchedDriver):
    """FRR on a router over SSH, or on this machine with `transport: local`.

    `optional_args`, beside those of `tasks.drivers.shell`: `vtysh` (the program), `vty_socket` and
    `config_dir` (vtysh's own options), `config` (/etc/frr/frr.conf), `run_directory`
    (/run/irrgate/frr: a folder of its own, empty after a restart) and `max_seconds` (300: a change
    of one filter that FRR is estimated to take longer for is refused).
    """

    platform = "frr"

    def _take_options(self) -> None:
        hostname = self.hostname
        for name in sorted(self._options.keys() - {*OPTIONS, *_PLACES, *_OWN}):
            raise DeviceError(hostname, f"optional_args: {name!a} is unknown")
        given: dict[str, str] = {
            name: str(self._options[name]) for name in _PLACES if name in self._options
        }
        self._places = Places(**given)
        self._directory = str(self._options.get("run_directory", RUN_DIRECTORY))
        paths = {name: path for name, path in given.items() if name != "vtysh"}
        for name, path in {**paths, "run_directory": self._directory}.items():
            if not _PATH.fullmatch(path):
                raise DeviceError(hostname, f"{name} is not an absolute path: {path!a}")
        if not _PROGRAM.fullmatch(self._places.vtysh):
            raise DeviceError(hostname, f"vtysh is no program's name: {self._places.vtysh!a}")
        self._max_seconds = self._options.get("max_seconds", MAX_SECONDS)
        if isinstance(self._max_seconds, bool) or not isinstance(self._max_seconds, int | float):
            raise DeviceError(hostname, f"max_seconds is no number: {self._max_seconds!a}")
        self._text = ""
        """the candidate"""
        self._change: ListsChange | None = None
        self._seconds = 0.0
        """that the change is estimated to take"""
        self._back = 0.0
        """that the way back is: to take entries out is quick, and to put them in again is not"""
        self._undo: ListsChange | None = None
        """the way back from what this driver has committed to stay"""
        self._pending: ListsChange | None = None
        """what this driver has committed and not confirmed yet"""

    def _look(self) -> None:
        self._shown()
        self._waiting()

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load entries to add (`ip prefix-list …`) and then some to remove (`no ip prefix-list …`).

        Raises CandidateRefused for anything else, for what does not fit the lists as they are, for
        what would on its way open or close a list that is to be neither, and for what takes FRR
        too long.
        """
        self._load(filename, config, whole=False)

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Load lists whole: those in the text come to accept what it says, others stay as they are.

        FRR's configuration as such cannot be replaced without a moment in which routes are lost.
        """
        self._load(filename, config, whole=True)

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Change the lists; with `revert_in`, to be confirmed within these seconds.

        They count from when the change is made, as well as that can be estimated. FRR has no
        commit log for the message. Raises CommitRefused when it was not taken: then the router is
        what it was.
        """
        del message
        change, self._change = self._change, None
        if change is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        self._refuse_past(revert_in)
        if not change:
            return
        self._commit(change, revert_in)

    def confirm_commit(self) -> None:
        """Let the commit that waits stay, after a restart as well.

        Raises CommitRefused when it is taken back already.
        """
        self._decide(self._wanted().id, Decision.CONFIRM)
        self._undo, self._pending = self._pending and self._pending.reversed(), None

    def rollback(self) -> None:
        """Take back the commit that waits, or else the last one that this driver made to stay."""
        waiting = self._waiting()
        if waiting is not None:
            self._decide(waiting.id, Decision.REVERT)
            self._pending = None
        elif self._undo is not None:
            self._seconds, self._back = self._back, self._seconds
            self._commit(self._undo, None)
            self._undo = None
        else:
            raise CommitRefused(self.hostname, "there is no commit to go back from")

    # What there is

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return `show running-config`, with the lists as bgpd holds them, and the saved file.

        A comment before it tells what irrgate's platform has to know to judge what FRR can bear.
        """
        del full
        if format != "text":
            raise NotImplementedError(format)
        found = {"running": "", "candidate": "", "startup": ""}
        if retrieve in {"all", "running"}:
            shown = self._shown()
            found["running"] = comment(shown.daemons, self._max_seconds) + shown.running
        if retrieve in {"all", "startup"}:
            found["startup"] = self._router.saved()
        if retrieve in {"all", "candidate"} and self._change is not None:
            found["candidate"] = self._text
        if sanitized:
            found = {name: _SECRET.sub(r"\1<removed>", text) for name, text in found.items()}
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return NAPALM's facts; uptime is the system's."""
        hostname, fqdn, uptime, *interfaces = self._router.facts()
        return {
            "hostname": hostname,
            "fqdn": fqdn,
            "vendor": "FRRouting",
            "model": "FRR",
            "serial_number": "",
            "os_version": self._shown().version,
            "uptime": float(uptime),
            "interface_list": interfaces,
        }

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions by VRF, with the prefixes that the filters let in, by family."""
        return neighbours_of(self._router.neighbours())

    def cli(self, commands: list[str], encoding: str = "text") -> dict[str, str]:
        """Return what vtysh prints for each command."""
        if encoding != "text":
            raise NotImplementedError(encoding)
        return {each: self._router.vtysh([each]).said for each in commands}

    # The rest

    @property
    def _router(self) -> FrrRouter:
        return FrrRouter(self._open_shell, self._places)

    def _load(self, filename: str | None, config: str | None, *, whole: bool) -> None:
        self._change = None
        if self._waiting() is not None:
            raise Locked(self.hostname, "a commit waits to be confirmed on it")
        shown = self._shown()
        with loading.reading(self.hostname, filename, config) as text:
            change = self._read(text, shown, whole=whole)
            self._refuse(change, shown)
        self._seconds, self._back = (_estimate(way, shown) for way in (change, change.reversed()))
        self._text, self._change = text, change

    def _shown(self) -> Shown:
        return self._router.shown()

    @staticmethod
    def _read(text: str, shown: Shown, *, whole: bool) -> ListsChange:
        """Return what a candidate does; raises ParseError or PlatformError."""
        return (replace_change if whole else merge_change)(text, shown.lists)

    def _refuse(self, change: ListsChange, shown: Shown) -> None:
        """Raise PlatformError for a filter that FRR takes too long over, or gets wrong."""
        facts = self._facts(shown)
        for name, lists in change.filters.items():
            refuse_too_long(name, facts, (each.work for each in lists), change.come(name))
        for each in change.lists:
            prefixes = [text.split(" ", 4)[3] for text in (*each.added, *each.removed)]
            held = [text.split(" ", 4)[3] for text in (*each.before, *each.added)]
            refuse_twin_prefixes(each.key[1], facts, held, prefixes)

    def _facts(self, shown: Shown) -> FrrFacts:
        return replace(
            read_facts(shown.running),
            version=shown.version,
            daemons=shown.daemons,
            max_seconds=self._max_seconds,
        )

    def _commit(self, change: ListsChange, revert_in: int | None) -> None:
        self._router.check_ready()
        running = self._shown().running
        clears = clear_commands(self._router.neighbours(), change.names, running)
        slack = math.ceil(_SLACK * self._seconds)
        watchdog = self._watchdog
        change_id = watchdog.new_id()
        places = self._places
        scripts = Commit(
            places.vtysh,
            places.vty_socket,
            places.config_dir,
            places.config,
            f"{self._directory}/vtysh.lock",
        ).scripts()
        armed = False
        try:
            self._router.put(watchdog.folder(change_id), bundle(change, clears))
            armed = True
            watchdog.arm(change_id, scripts, (revert_in or _AT_ONCE) + slack)
        except BaseException:
            if not armed:
                watchdog.forget(change_id)
            raise
        progress = self._wait(change_id, self.timeout + slack, made=True)
        if not progress.made:
            raise TimedOut(self.hostname, f"FRR does not take the entries in time: {progress.said}")
        if progress.decision is Decision.REVERT:
            self._until_over(change_id)
            raise CommitRefused(self.hostname, f"the commit was taken back: {progress.said}")
        if revert_in is None:
            self._decide(change_id, Decision.CONFIRM)
            self._undo = change.reversed()
        else:
            self._pending = change

    def _until_over(self, change_id: str) -> Progress:
        slack = math.ceil(_SLACK * max(self._seconds, self._back))
        return self._wait(change_id, self.timeout + slack)

    def _wait(self, change_id: str, seconds: float, *, made: bool = False) -> Progress:
        """Wait until a change is over, or made; its process is started again where it was killed.

        What it returns tells whether the time was enough.
        """
        watchdog = self._watchdog
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            until = watchdog.until_made if made else watchdog.until_over
            progress = until(change_id, min(left, _LOOK))
            if left <= _LOOK or (progress.made if made else progress.over):
                return progress
            self._waiting()


def _estimate(change: ListsChange, shown: Shown) -> float:
    """Return the seconds that FRR takes for it all."""
    held = sum(map(len, shown.lists.values())) + sum(len(each.added) for each in change.lists)
    come = sum(change.come(each.name) for each in change.maps)
    return seconds_for_map(shown.daemons, come, held) + sum(
        seconds_for(shown.version, shown.daemons, each.work) for each in change.lists
    )


# The last is Junos's, which irrgate gives every driver: here the watchdog knows of other commits.
_OWN: Final = frozenset({"run_directory", "max_seconds", "config_lock"})

"""NAPALM's driver for Cisco IOS and IOS-XE, made safe for prefix lists; see docs/ios.md."""

from __future__ import annotations

import contextlib
import math
import secrets
from typing import Any, Final

# As a module: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.base.constants as napalm_constants
import napalm.base.helpers as napalm_helpers
import napalm.ios.ios as napalm_ios

from irrgate.errors import DeviceError
from irrgate.platforms.ios import Ios
from tasks.drivers import loading
from tasks.drivers.cli_terminal import CliTerminal, Refusal
from tasks.drivers.errors import CommitRefused, ConnectionFailed, Locked
from tasks.drivers.frr_change import ListsChange, merge_change
from tasks.drivers.ios_clears import clear_commands
from tasks.drivers.ios_router import (
    MAX_MINUTES,
    NOISE,
    IosRouter,
    PendingChange,
    is_before,
    lists_of,
    told,
    upload,
)
from tasks.drivers.ios_sessions import COMMANDS, SUMMARY, neighbours_of
from tasks.drivers.netmiko_ssh import KNOWN_HOSTS, VERIFY, open_netmiko

TYPED: Final = 500
"""lines that are entered at most; more go into a file first, where the router takes files"""
LINES_A_SECOND: Final = 100
"""that a slow router takes; IOS's timer gets as much longer for the time of the change"""
_PROMPT: Final = 16
"""characters of a router's name that IOS shows in every mode"""
_SCP: Final = "\nip scp server enable"


class IosDriver(loading.HeldCandidate, napalm_ios.IOSDriver):  # type: ignore[misc]
    """IOSDriver with a candidate that is held here, whole answers, and hosts that are verified.

    `optional_args` beside NAPALM's and netmiko's own: `verify_host`, `known_hosts`; `soft_clear`
    (true: BGP sessions look again at their routes when a list changes). `inline_transfer: true`
    enters all lines, where else a large change is sent by SCP; `dest_file_system` (flash:).
    """

    def __init__(
        self,
        hostname: str,
        username: str,
        password: str,
        timeout: int = 60,
        optional_args: dict[str, Any] | None = None,
    ) -> None:
        """Take NAPALM's arguments."""
        options = dict(optional_args or {})
        if options.get("transport", "ssh") != "ssh":
            raise DeviceError(hostname, "transport must be ssh: nothing else shows who it is")
        super().__init__(hostname, username, password, timeout, options)
        self._options = options
        self._file_system = options.get("dest_file_system") or "flash:"
        self._soft_clear = options.get("soft_clear", True)
        self._router: IosRouter | None = None
        self._change: ListsChange | None = None
        """the candidate"""
        self._text = ""
        self._running = ""
        """the running config that the candidate was held against"""
        self.commit_mark = ""
        """the router's time when the candidate was loaded: see tasks.unconfirmed.MarksCommit"""
        self._undo: ListsChange | None = None
        """the way back from what this driver has committed, as long as it knows of it"""

    # The connection

    def open(self) -> None:
        """Log in, to privileged mode. Raises ConnectionFailed or LoginRefused."""
        device: Any = open_netmiko(
            "cisco_ios",
            self.hostname,
            self.username,
            self.password,
            self.timeout,
            self._login_arguments(),
        )
        self.device = self._netmiko_device = device
        terminal = CliTerminal(
            device.remote_conn,
            self.hostname,
            device.base_prompt[:_PROMPT],
            self.timeout,
            noise=NOISE,
        )
        self._router = IosRouter(terminal, self.hostname)

    def _login_arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = dict(self.netmiko_optional_args)
        for name in (VERIFY, KNOWN_HOSTS):
            if name in self._options:
                arguments[name] = self._options[name]
        return arguments

    def close(self) -> None:
        """Log out; a change that waits to be confirmed goes on waiting."""
        device: Any = self.device
        self.device = self._netmiko_device = None
        self._router = self._change = None
        if device is not None:
            # Netmiko would ask the router first which mode it is in, and wait for the answer.
            with contextlib.suppress(Exception):
                device.write_channel("exit\n")
            with contextlib.suppress(Exception):
                device.paramiko_cleanup()

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load entries to add (`ip prefix-list …`) and then some to remove (`no ip prefix-list …`).

        They stay here until they are committed. Raises CandidateRefused for anything else, and for
        what does not fit the lists as they are; Locked while a change waits to be confirmed.
        """
        self._change = None
        if self._asked.pending() is not None:
            raise Locked(self.hostname, "a commit waits to be confirmed on it")
        running = self._asked.running()
        with loading.reading(self.hostname, filename, config) as text:
            Ios().dialect.refuse_cut_off(running)
            change = merge_change(text, lists_of(running), Ios())
        self._text, self._change, self._running = text, change, running
        self.commit_mark = self._asked.clock()

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Raise NotImplementedError: IOS replaces a list by way of one that has no entry."""
        del filename, config
        raise NotImplementedError("irrgate changes prefix lists on IOS, and replaces no config")

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Change the lists; with `revert_in`, to be confirmed within these seconds.

        They are a multiple of 60, up to 7200, and count from when all lines are in. The startup
        config is not written before `confirm_commit` or `save_config`. IOS has no commit log for
        the message. Raises CommitRefused when any line was not taken.
        """
        del message
        change, self._change = self._change, None
        if change is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        if not change:
            return
        if revert_in is not None:
            self._check_timer(revert_in, change)
        self._apply(change, self._running, revert_in and revert_in // 60)
        self._undo = change.reversed()

    def confirm_commit(self) -> None:
        """Let the commit that waits stay, after a restart as well.

        The startup config is written first: where that fails, IOS takes the commit back. Raises
        CommitRefused when it is taken back already, or is not ours.
        """
        if self._own_pending() is None:
            raise CommitRefused(self.hostname, "no commit waits to be confirmed on it")
        self._asked.save()
        self._asked.confirm()

    def save_config(self) -> None:
        """Write the startup config; raises CommandFailed where IOS does not say that it did."""
        self._asked.save()

    def has_pending_commit(self) -> bool:
        """Tell whether a commit waits to be confirmed, whoever made it."""
        return bool(self._get_pending_commits())

    def _get_pending_commits(self) -> dict[str, int]:
        pending = self._asked.pending()
        return {} if pending is None else {_name(pending): pending.seconds}

    def is_own_commit(self, pending: str, message: str) -> bool:
        """Tell whether a pending commit is of our user, and from after the candidate was loaded.

        IOS keeps nothing else of it, and has room for one.
        """
        del message
        user, _, configured = pending.partition(" ")
        return user == self.username and not is_before(configured, self.commit_mark)

    def rollback(self) -> None:
        """Take back the commit that waits, or the last one that this driver made to stay.

        By the lines that lead back where this driver made it, and else by IOS's own way.
        """
        waits = self._own_pending() is not None
        undo, self._undo = self._undo, None
        if undo is None and not waits:
            raise CommitRefused(self.hostname, "there is no commit to go back from")
        if undo is None:
            before = self._asked.running()
            self._asked.revert_now(self.timeout)
            self._clear(before, _changed_names(before, self._asked.running()))
            return
        self._apply(undo, self._asked.running())
        if waits:
            # What IOS would go back to is what there is now.
            self._asked.confirm()
        else:
            self._asked.save()

    # What there is

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return the running and the startup config as IOS prints them, and the candidate."""
        if format != "text":
            raise NotImplementedError(format)
        found = {"running": "", "candidate": "", "startup": ""}
        if retrieve in {"all", "running"}:
            found["running"] = (
                self._asked.shown("running-config all") if full else self._asked.running()
            )
        if retrieve in {"all", "startup"}:
            found["startup"] = self._asked.shown("startup-config")
        if retrieve in {"all", "candidate"} and self._change is not None:
            found["candidate"] = self._text
        if sanitized:
            filters = napalm_constants.CISCO_SANITIZE_FILTERS
            found = dict(napalm_helpers.sanitize_configs(found, filters))
        return found

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions by VRF, with the prefixes that the filters let in, by family."""
        summary = self._asked.sessions(SUMMARY)
        if not summary:
            return {}
        return neighbours_of(summary, "\n".join(map(self._asked.sessions, COMMANDS)))

    # The rest

    @property
    def _asked(self) -> IosRouter:
        if self._router is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self._router

    def _own_pending(self) -> PendingChange | None:
        pending = self._asked.pending()
        if pending is not None and pending.user != self.username:
            reason = f"the commit that waits to be confirmed is {pending.user}'s"
            raise CommitRefused(self.hostname, reason)
        return pending

    def _check_timer(self, revert_in: int, change: ListsChange) -> None:
        """Raise CommitRefused where IOS cannot take the change back, or not without a gap."""
        if revert_in % 60 or not 60 <= revert_in <= MAX_MINUTES * 60:
            reason = f"revert_in must be 60 to {MAX_MINUTES * 60} in steps of 60, not {revert_in}"
            raise CommitRefused(self.hostname, reason)
        if not self._asked.has_archive():
            raise CommitRefused(
                self.hostname,
                "has no archive to go back by",
                hint="configure `archive` and under it `path flash:irrgate`, or set data: "
                "{commit_confirm: false} for this router",
            )
        for each in change.lists:
            if each.existed and each.exists and not set(each.before) & set(each.after):
                raise CommitRefused(
                    self.hostname,
                    f"{each.key[1]}: no entry stays, so IOS would go back by way of an empty list",
                    hint="data: {commit_confirm: false} for this router commits it this once; "
                    "from then on an entry that denies all stays",
                )

    def _apply(self, change: ListsChange, running: str, minutes: int | None = None) -> None:
        """Let the entries that come come, see that they are there, and let the others go."""
        coming, going = change.coming(), change.going()
        files = _SCP in running and not self.inline_transfer
        timer = minutes
        if minutes is not None:
            # IOS's time begins before the first line, and ours after the last.
            slack = math.ceil(len([*coming, *going]) / LINES_A_SECOND / 60)
            timer = min(minutes + slack, MAX_MINUTES)
        for lines in filter(None, (coming, going)):
            if lines is going and coming:
                self._refuse_lost(change)
            enter = self._enter_file if files and len(lines) > TYPED else self._enter
            if refused := enter(lines, timer):
                reason = f"did not take every line: {told(refused)}"
                raise CommitRefused(self.hostname, reason)
            timer = None
        if minutes is not None:
            self._asked.set_timer(minutes)
        self._clear(running, {each.key[1] for each in change.lists})

    def _refuse_lost(self, change: ListsChange) -> None:
        """Raise CommitRefused where a line that was to come was lost without a word.

        What goes next may be what it was to stand in for.
        """
        for each in change.lists:
            if each.added and each.exists:
                expected = len(each.before) + len(each.added)
                if (found := self._asked.count(each.key)) != expected:
                    reason = f"{each.key[1]} has {found:,} entries, and should have {expected:,}"
                    raise CommitRefused(self.hostname, f"lost lines without a word: {reason}")

    def _enter(self, lines: list[str], timer: int | None) -> list[Refusal]:
        return self._asked.configure(lines, minutes=timer, timeout=self._patience(lines))

    def _enter_file(self, lines: list[str], timer: int | None) -> list[Refusal]:
        """Send the lines as a file, see that it came whole, and let IOS take them from there."""
        text = "".join(f"{line}\n" for line in (*lines, "end"))
        free = self._asked.free(self._file_system)
        if free < len(text):
            reason = f"{self._file_system} has {free:,} bytes free, and {len(text):,} are needed"
            raise CommitRefused(self.hostname, reason)
        path = f"{self._file_system.rstrip('/')}/irrgate-{secrets.token_hex(4)}.txt"
        patience = self._patience(lines)
        try:
            upload(self.device, text, path)
            if not self._asked.has_file(path, text, patience):
                raise CommitRefused(self.hostname, f"{path} is not what was sent")
            if timer is not None:
                self._asked.configure((), minutes=timer, timeout=self.timeout)
            return self._asked.copy_to_running(path, patience)
        finally:
            with contextlib.suppress(DeviceError):
                self._asked.delete(path)

    def _patience(self, lines: list[str]) -> float:
        return float(self.timeout + math.ceil(len(lines) / LINES_A_SECOND))

    def _clear(self, running: str, names: set[str]) -> None:
        if self._soft_clear:
            self._asked.clear(clear_commands(running, names))


def _name(pending: PendingChange) -> str:
    return f"{pending.user} {pending.configured}"


def _changed_names(before: str, after: str) -> set[str]:
    old, new = lists_of(before), lists_of(after)
    keys = old.keys() | new.keys()
    return {key[1] for key in keys if old.get(key) != new.get(key)}

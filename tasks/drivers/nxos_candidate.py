"""What the two NX-OS drivers share: a candidate that is a delta, and how it is committed.

NX-OS runs each line as it comes, so a commit never sends a line that removes something before the
router has said of every line that adds that it took it, and was read to be sure. In whatever state
it ends, each list lies between what it was and what it is to be.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import napalm.base.constants as napalm_constants
from napalm.base.helpers import sanitize_configs

from irrgate.errors import ParseError
from irrgate.platforms.numbered import NumberedLists
from irrgate.platforms.nxos import list_lines, sealed
from tasks.drivers import loading
from tasks.drivers.errors import CommandFailed, CommitRefused
from tasks.drivers.nxos_change import ListsChange, merge_change
from tasks.drivers.nxos_clears import clear_commands
from tasks.drivers.nxos_show import COUNT, counted_lines, neighbours_of, no_bgp

_SAVE: Final = "copy running-config startup-config"
_NO_TIMER: Final = "NX-OS has no commit that takes itself back"


class NxosCandidates(loading.HeldCandidate):
    """Stands before NAPALM's class in a driver's bases, and takes its place in what it has.

    There is one candidate, held here and not on the router.
    """

    hostname: str
    timeout: float
    lists: NumberedLists
    """the platform"""
    _text = ""
    """the candidate"""
    _change: ListsChange | None = None
    _undo: ListsChange | None = None
    """the way back from the last commit"""
    _clears: Sequence[str] = ()
    """commands that let BGP sessions look again by the lists of the candidate"""

    # What each driver has its own way for

    def _ask(self, command: str) -> str:
        """Return what a command prints; raises CommandFailed for one that the router refuses."""
        raise NotImplementedError

    def _structured(self, command: str) -> dict[str, Any]:
        """Return the same as data, or raise CommandFailed."""
        raise NotImplementedError

    def _configure(self, lines: Sequence[str]) -> None:
        """Have lines taken, one after the other.

        Raises CommitRefused at the first that is not simply taken; none after it is sent, but for
        those of the same request.
        """
        raise NotImplementedError

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load entries to add (`ip prefix-list …`) and then some to remove (`no ip prefix-list …`).

        Raises CandidateRefused for anything else, for what does not fit the lists as they are, and
        for what would on its way open or close a list that is to be neither.
        """
        self._change = None
        with loading.reading(self.hostname, filename, config) as text:
            running = self._whole_running()
            change = merge_change(self.lists, text, list_lines(running))
        self._text, self._change = text, change
        self._clears = clear_commands(running, [each.key for each in change.lists])

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> NoReturn:
        """Raise NotImplementedError: on NX-OS it leaves a time without lists."""
        del filename, config
        raise NotImplementedError("prefix lists are changed entry by entry: load_merge_candidate")

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Change the lists; `save_config` is what makes them outlast a restart.

        NX-OS has no commit log for the message. Raises CommitRefused for a line that is refused:
        then the lists lie between the old ones and the new.
        """
        del message
        if revert_in is not None:
            raise NotImplementedError(_NO_TIMER)
        change, self._change = self._change, None
        if change is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        if change:
            self._apply(change)
            self._undo = change.reversed()

    def save_config(self) -> None:
        """Make all that is running what the router starts with; raises CommandFailed."""
        said = self._ask(_SAVE)
        if "copy complete" not in said.lower():
            words = " ".join(said.split()) or "said nothing"
            raise CommandFailed(self.hostname, f"{_SAVE}: {words}")

    def confirm_commit(self) -> NoReturn:
        """Raise CommitRefused: no commit waits to be confirmed."""
        raise CommitRefused(self.hostname, f"no commit waits to be confirmed: {_NO_TIMER}")

    def has_pending_commit(self) -> bool:
        """Return False; see confirm_commit."""
        return False

    def _get_pending_commits(self) -> dict[str, int]:
        return {}

    def rollback(self) -> None:
        """Take back the last commit that this driver made, without saving that."""
        if self._undo is None:
            raise CommitRefused(self.hostname, "there is no commit to go back from")
        undo, self._undo = self._undo, None
        self._apply(undo)

    def _apply(self, change: ListsChange) -> None:
        self._configure(change.added)
        if change.removed:
            if change.added:
                self._check_taken(change)
            self._configure(change.removed)
        for command in self._clears:
            # One that is refused changes nothing: the session is down, or asks by itself.
            with contextlib.suppress(CommandFailed):
                self._ask(command)

    def _check_taken(self, change: ListsChange) -> None:
        try:
            line = change.missing(self.lists, list_lines(self._whole_running()))
        except ParseError as exc:
            raise CommitRefused(self.hostname, str(exc)) from exc
        if line:
            raise CommitRefused(self.hostname, f"said to have taken, and has not: {line}")

    # What there is

    def _running(self) -> str:
        text = self._ask("show running-config")
        return sealed(text, counted_lines(self.hostname, self._ask(COUNT)))

    def _whole_running(self) -> str:
        """Return the running config; raises ParseError where it is cut off."""
        running = self._running()
        self.lists.references(running, ())
        return running

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return the configs; the running one with what the router counted in it as its last line.

        See irrgate.platforms.nxos.sealed.
        """
        if format != "text":
            raise NotImplementedError(format)
        found = {"running": "", "candidate": "", "startup": ""}
        if retrieve in {"all", "running"}:
            everything = self._ask("show running-config all") if full else ""
            found["running"] = everything or self._running()
        if retrieve in {"all", "startup"}:
            found["startup"] = self._ask("show startup-config")
        if retrieve in {"all", "candidate"} and self._change is not None:
            found["candidate"] = self._text
        if sanitized:
            found = dict(sanitize_configs(found, napalm_constants.CISCO_SANITIZE_FILTERS))
        return found

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions by VRF, with the prefixes that the router has of each, by family."""
        try:
            summary = self._structured("show bgp all summary vrf all")
        except CommandFailed as exc:
            if no_bgp(exc):
                return {}
            raise
        return neighbours_of(self.hostname, summary)

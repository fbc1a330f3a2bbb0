"""NAPALM driver for Huawei VRP over SSH: prefix lists; see docs/huawei_vrp.md."""

from __future__ import annotations

import re
from typing import Any, Final

# As a module: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.base.base as napalm_base

from irrgate.errors import DeviceError, ParseError
from irrgate.platforms.huawei_vrp import texts_of
from tasks.drivers import loading
from tasks.drivers.errors import CommandFailed, CommitRefused, ConnectionFailed
from tasks.drivers.huawei_vrp_change import ListsChange, merge_change, replace_change
from tasks.drivers.huawei_vrp_cli import COLUMNS, Answer, VrpCli
from tasks.drivers.huawei_vrp_show import (
    PEER_COMMANDS,
    interfaces,
    neighbours_of,
    version_facts,
)
from tasks.drivers.shell import flag
from tasks.drivers.ssh import SshTransport

_RUNNING: Final = "display current-configuration"
_SAVED: Final = "display saved-configuration"
_SAVED_IT: Final = re.compile(r"\bsuccess", re.IGNORECASE)
_SECRET: Final = re.compile(r"\b((?:password|cipher|irreversible-cipher|simple|key) )\S+")


class HuaweiVrpDriver(loading.HeldCandidate, loading.NothingWaits, napalm_base.NetworkDriver):  # type: ignore[misc]
    """A router with VRP5, on which each line takes effect by itself, or VRP8, which commits.

    Which one it is its prompt tells: [~edge1] in the system view is the two-phase mode, and what
    was told there is one commit. `optional_args`, beside those of `tasks.drivers.ssh`: `save`
    (true; false: `save_config` does nothing).
    """

    platform = "huawei_vrp"

    def __init__(
        self,
        hostname: str,
        username: str,
        password: str,
        timeout: int = 60,
        optional_args: dict[str, Any] | None = None,
    ) -> None:
        """Take NAPALM's arguments; raises DeviceError for options that cannot be."""
        self.hostname = hostname
        self.username = username
        self.password = password
        self.timeout = timeout
        self._options = dict(optional_args or {})
        for name in sorted(self._options.keys() - _OPTIONS):
            raise DeviceError(hostname, f"optional_args: {name!a} is unknown")
        self._saves = flag(hostname, self._options, "save", default=True)
        self._transport: SshTransport | None = None
        self._session: VrpCli | None = None
        self._text = ""
        """the candidate"""
        self._change: ListsChange | None = None
        self._undo: ListsChange | None = None
        """the way back from what this driver has committed"""

    # The connection

    def open(self) -> None:
        """Log in; raises ConnectionFailed, LoginRefused or TimedOut."""
        options = self._options
        self._transport = SshTransport.connect(
            self.hostname,
            self.username,
            self.password,
            self.timeout,
            port=options.get("port"),
            known_hosts=options.get("known_hosts"),
            verify=flag(self.hostname, options, "verify_host", default=True),
            key_file=options.get("key_file"),
            use_agent=flag(self.hostname, options, "use_agent", default=True),
            ssh_config_file=options.get("ssh_config_file"),
        )
        try:
            channel = self._transport.terminal(COLUMNS, self.timeout)
            self._session = VrpCli(channel, self.hostname, self.timeout)
            self._session.login()
            self._checked("screen-length 0 temporary")
            # Logs in the middle of an answer; where there is no such command there are none.
            self._session.run("undo terminal monitor")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out; what was not committed is gone with the session."""
        session, transport = self._session, self._transport
        self._session = self._transport = self._change = None
        if session is not None:
            session.close()
        if transport is not None:
            transport.close()

    def is_alive(self) -> dict[str, bool]:
        """Tell whether another command could be run."""
        return {"is_alive": self._session is not None and self._session.is_alive()}

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load entries to add (`ip ip-prefix …`) and then some to remove (`undo ip ip-prefix …`).

        Raises CandidateRefused for anything else, for what does not fit the lists as they are, and
        for what would on its way open or close a list that is to be neither.
        """
        self._load(filename, config, whole=False)

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Load lists whole: those in the text come to accept what it says, others stay as they are.

        VRP5 cannot replace its configuration without a moment in which routes are lost.
        """
        self._load(filename, config, whole=True)

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Change the lists; `save_config` is what makes them outlast a restart.

        VRP5 has no commit log for the message. Raises NotImplementedError for `revert_in`, and
        CommitRefused when a line or the commit was not taken: then the router is to be read.
        """
        del message
        if revert_in is not None:
            raise NotImplementedError("a commit on VRP is not taken back by the router itself")
        change, self._change = self._change, None
        if change is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        if change:
            self._commit(change)
            self._undo = change.reversed()

    def save_config(self) -> None:
        """Save the running configuration; see SavesConfig. Raises CommandFailed."""
        if not self._saves:
            return
        answer = self._cli.consent("save")
        if answer.is_refusal or not _SAVED_IT.search(answer.text):
            said = answer.words if answer.is_refusal else answer.text.rpartition("\n")[2]
            raise CommandFailed(self.hostname, said or "nothing was saved")

    def rollback(self) -> None:
        """Take back the last commit that this driver made."""
        if self._undo is None:
            raise CommitRefused(self.hostname, "there is no commit to go back from")
        self._commit(self._undo)
        self._undo = None

    # What there is

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return the running configuration, the saved one, and the candidate."""
        del full
        if format != "text":
            raise NotImplementedError(format)
        found = {"running": "", "candidate": "", "startup": ""}
        if retrieve in {"all", "running"}:
            found["running"] = self._running()
        if retrieve in {"all", "startup"}:
            found["startup"] = _text(self._checked(_SAVED))
        if retrieve in {"all", "candidate"} and self._change is not None:
            found["candidate"] = self._text
        if sanitized:
            found = {name: _SECRET.sub(r"\1<removed>", text) for name, text in found.items()}
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return NAPALM's facts."""
        version, model, seconds = version_facts(_text(self._checked("display version")))
        return {
            "hostname": self._cli.sysname,
            "fqdn": self._cli.sysname,
            "vendor": "Huawei",
            "model": model,
            "serial_number": "",
            "os_version": version,
            "uptime": seconds,
            "interface_list": interfaces(_text(self._cli.run("display interface brief"))),
        }

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions by VPN instance, with the prefixes that were let in, by family.

        Raises CommandFailed where the router does not show its sessions.
        """
        shown = {command: self._cli.run(command) for _, command in PEER_COMMANDS}
        first = shown[PEER_COMMANDS[0][1]]
        if first.is_refusal and "BGP" not in first.text:
            raise CommandFailed(self.hostname, f"{PEER_COMMANDS[0][1]}: {first.words}")
        return neighbours_of({command: _text(answer) for command, answer in shown.items()})

    def cli(self, commands: list[str], encoding: str = "text") -> dict[str, str]:
        """Return what the router prints for each command in the user view."""
        if encoding != "text":
            raise NotImplementedError(encoding)
        return {each: _text(self._cli.run(each)) for each in commands}

    # The rest

    @property
    def _cli(self) -> VrpCli:
        if self._session is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self._session

    def _checked(self, command: str) -> Answer:
        """Return the answer to a command; raises CommandFailed where it is an error."""
        answer = self._cli.run(command)
        # A config may have the words of an error in it.
        if not answer.text.endswith("\nreturn") and answer.is_refusal:
            raise CommandFailed(self.hostname, f"{command}: {answer.words}")
        return answer

    def _running(self) -> str:
        text = _text(self._checked(_RUNNING))
        if not text.rstrip().endswith("\nreturn"):
            raise CommandFailed(
                self.hostname, "the running config is cut off: VRP ends it with the line `return`"
            )
        return text

    def _load(self, filename: str | None, config: str | None, *, whole: bool) -> None:
        self._change = None
        running = self._running()
        with loading.reading(self.hostname, filename, config) as text:
            change = (replace_change if whole else merge_change)(text, texts_of(running))
        self._text, self._change = text, change

    def _commit(self, change: ListsChange) -> None:
        """Change the lists; raises CommitRefused where the router does not take all of it.

        On VRP8 nothing is changed then. On VRP5 what was taken so far stays.
        """
        prompt = self._checked("system-view").prompt
        two_phase = prompt.startswith("[~")
        if prompt.startswith("[*"):
            self._leave(discard=False)
            reason = "it has changes that nobody has committed, or a trial of some"
            raise CommitRefused(self.hostname, reason)
        try:
            is_checked = two_phase
            for step in change.steps():
                if step[0].startswith("undo ") and not is_checked:
                    self._refuse_unmet(change)
                    is_checked = True
                self._cli.tell(step)
            if two_phase:
                answer = self._cli.run("commit")
                if answer.is_refusal or not answer.prompt.startswith("[~"):
                    raise CommandFailed(self.hostname, answer.words or "was not done")
        except CommandFailed as exc:
            self._leave(discard=two_phase)
            raise CommitRefused(self.hostname, exc.reason, hint=exc.hint) from exc
        self._leave(discard=False)

    def _refuse_unmet(self, change: ListsChange) -> None:
        """Raise CommandFailed where what came was lost without a word, or what goes is another.

        What goes next may be what it was to stand in for.
        """
        try:
            why = change.unmet(texts_of(self._running()))
        except ParseError as exc:
            raise CommandFailed(self.hostname, str(exc)) from exc
        if why:
            raise CommandFailed(self.hostname, why)

    def _leave(self, *, discard: bool) -> None:
        """Go back to the user view; a session that does not is ended, and its candidate with it."""
        try:
            if discard:
                self._checked("clear configuration candidate")
            if not self._checked("return").prompt.startswith("<"):
                self._cli.close()
        except DeviceError:
            self._cli.close()


def _text(answer: Answer) -> str:
    """Return an answer as the text that it is, which ends with a line end."""
    text = answer.text.encode("latin-1").decode(errors="replace")
    return f"{text}\n" if text else ""


# The last is Junos's, which irrgate gives every driver.
_OPTIONS: Final = frozenset(
    {
        "port",
        "known_hosts",
        "verify_host",
        "key_file",
        "use_agent",
        "ssh_config_file",
        "config_lock",
        "save",
    }
)

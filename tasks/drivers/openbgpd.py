"""NAPALM driver for OpenBGPD: prefix-sets in a file of irrgate's own; see docs/daemons.md."""

from __future__ import annotations

import re
import time
from typing import Any, Final

from irrgate.errors import DeviceError, ParseError
from irrgate.platforms.daemon_files import DaemonFile
from irrgate.platforms.openbgpd import changes
from irrgate.platforms.openbgpd_text import merged, running_text, seal_of
from tasks.drivers import daemon, loading
from tasks.drivers.errors import CommitRefused, Locked, TimedOut
from tasks.drivers.openbgpd_daemon import Daemon, Places, families, told
from tasks.drivers.openbgpd_scripts import STAGE, Commit
from tasks.drivers.shell import OPTIONS
from tasks.drivers.watchdog import Decision

_RUN_DIRECTORY: Final = "/run/irrgate/openbgpd"
_PLACES: Final = ("config", "include", "socket", "bgpd")
_SECRET: Final = re.compile(
    r"(md5sig\s+(?:password|key)\s+|\b(?:sha1|md5|3des|3des-cbc|aes|aes-128-cbc)\s+)"
    r"(?:\"[^\"\n]*\"|\S+)"
)
_AT_ONCE: Final = 60
"""seconds that a commit has which is confirmed as soon as it is made"""
_MAX_MESSAGE: Final = 200
"""characters of a message; bgpctl refuses a reason of more than 255 bytes"""
_READS: Final = 5


class OpenbgpdDriver(daemon.WatchedDriver):
    """OpenBGPD on a router over SSH, or on this machine with `transport: local`.

    `optional_args`, beside those of `tasks.drivers.shell`: `config` (/etc/bgpd.conf), `include`
    (/etc/bgpd/irrgate.conf), `socket` (/run/openbgpd/bgpd.sock.0), `bgpd` (the program) and
    `run_directory` (/run/irrgate/openbgpd: a folder of its own, empty after a restart).
    """

    platform = "openbgpd"

    def _take_options(self) -> None:
        hostname = self.hostname
        # Whoever commits first has it: there is no other lock to ask for.
        known = {*OPTIONS, *_PLACES, "run_directory", "config_lock"}
        for name in sorted(self._options.keys() - known):
            raise DeviceError(hostname, f"optional_args: {name!a} is unknown")
        self._places = Places(
            **{name: self._options[name] for name in _PLACES if name in self._options}
        )
        self._places.check(hostname)
        self._directory: str = self._options.get("run_directory", _RUN_DIRECTORY)
        self._candidate: str | None = None
        self._base = ""
        """the last line of irrgate's file when the candidate was made of it"""
        self._file = ""
        """where irrgate's file really is"""

    def _look(self) -> None:
        self._daemon.loaded()
        self._daemon.configuration()
        self._waiting()
        self._file = self._daemon.find_file(self._directory)

    @property
    def locked(self) -> bool:
        """True while a candidate is loaded, which is to be discarded."""
        return self._candidate is not None

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load prefix-sets that take the place of those of their names; `no prefix-set "X"`."""
        self._load(filename, config, merge=True)

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Load prefix-sets that take the place of all that irrgate's file holds."""
        self._load(filename, config, merge=False)

    def compare_config(self) -> str:
        """Return the unified diff of irrgate's file, once bgpd accepts the candidate.

        A file that is right already and that bgpd has not loaded is a difference as well.
        """
        if self._candidate is None:
            return ""
        chain = self._daemon.configuration().chain
        diff = self._daemon.check(self._candidate, self._file, chain)
        if not diff and self._daemon.loaded() != seal_of(self._candidate):
            include = self._places.include
            return f"--- {include}\n+++ {include}\n@@ bgpd has not loaded this file @@"
        return diff

    def discard_config(self) -> None:
        """Forget the candidate; the router has nothing of it."""
        self._candidate = None

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Make bgpd load the candidate; with `revert_in`, to be confirmed within these seconds.

        Raises CommitRefused when it was not taken: then the router holds what it held before.
        """
        candidate, self._candidate = self._candidate, None
        if candidate is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        self._refuse_past(revert_in)
        if revert_in is not None:
            self._daemon.check_present()
        change_id = self._commit(candidate, self._base, message, revert_in or _AT_ONCE)
        if revert_in is None:
            self._decide(change_id, Decision.CONFIRM)

    def confirm_commit(self) -> None:
        """Let the commit that waits stay; raises CommitRefused when it is taken back already."""
        waiting = self._wanted()
        staged = self._text(self._staged(waiting.id))
        if not staged or self._daemon.loaded() != seal_of(staged):
            reason = "bgpd does not hold what was committed any more: was it restarted?"
            raise CommitRefused(self.hostname, reason)
        self._decide(waiting.id, Decision.CONFIRM)

    def rollback(self) -> None:
        """Take back the commit that waits, else the last one that was confirmed."""
        waiting = self._waiting()
        if waiting is not None:
            self._decide(waiting.id, Decision.REVERT)
            return
        before = self._text(f"{self._file}.irrgate-previous")
        if before is None:
            raise CommitRefused(self.hostname, "there is no commit to go back from")
        self._daemon.check(before, self._file, self._daemon.configuration().chain)
        base = _last_line(self._text(self._file) or "")
        self._decide(self._commit(before, base, "rollback", _AT_ONCE), Decision.CONFIRM)

    # What is there

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002
    ) -> dict[str, str]:
        """Return irrgate's file as bgpd holds it, and the user's own files; see openbgpd_text.

        `startup` has the file that bgpd would read now: the old one while a commit is pending.
        Passwords and keys are always left out.
        """
        del full, sanitized
        if format != "text":
            raise NotImplementedError(format)
        found = {"running": "", "startup": "", "candidate": ""}
        own = self._daemon.configuration().texts if retrieve != "candidate" else {}
        own = {path: _SECRET.sub(r"\1<removed>", text) for path, text in own.items()}
        if retrieve in {"all", "running"}:
            filters, loaded = self._running()
            found["running"] = running_text(self._own(filters), own, loaded)
        if retrieve in {"all", "startup"}:
            filters = self._text(self._file) or ""
            found["startup"] = running_text(self._own(filters), own, seal_of(filters))
        if retrieve in {"all", "candidate"}:
            found["candidate"] = self._candidate or ""
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return what the system and bgpd say of themselves."""
        hostname, fqdn, version, uptime, *interfaces = self._daemon.facts()
        return {
            "hostname": hostname,
            "fqdn": fqdn,
            "vendor": "OpenBSD",
            "model": "OpenBGPD",
            "serial_number": "",
            "os_version": version,
            "uptime": float(uptime),
            "interface_list": interfaces,
        }

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions with the routes that the filters let in, by family.

        Of a session of both families bgpd tells received and sent routes together: these are -1.
        """
        local_as, router_id = self._daemon.identity(self._places.config)
        listed = self._daemon.neighbours()
        accepted = self._daemon.accepted()
        peers = {each["remote_addr"]: _peer(each, local_as, accepted) for each in listed}
        return {"global": {"router_id": router_id, "peers": peers}}

    # The rest

    @property
    def _daemon(self) -> Daemon:
        return Daemon(self._open_shell, self._places)

    def _staged(self, change_id: str) -> str:
        return f"{self._file}.{change_id}"

    def _text(self, path: str) -> str | None:
        content = self._open_shell.get(path)
        return None if content is None else content.decode(errors="replace")

    def _own(self, text: str) -> DaemonFile:
        return DaemonFile(self._places.include, text)

    def _running(self) -> tuple[str, str | None]:
        """Return irrgate's file as bgpd holds it, and the seal that bgpd has loaded."""
        filters, loaded = "", None
        for attempt in range(_READS):
            if attempt:
                # A commit may have been made, confirmed or taken back between two looks.
                time.sleep(0.2)
            loaded = self._daemon.loaded()
            filters = self._text(self._file) or ""
            if loaded == seal_of(filters):
                break
            waiting = self._watchdog.waiting()
            staged = self._text(self._staged(waiting.id)) if waiting else None
            if staged is not None and loaded == seal_of(staged):
                return staged, loaded
        return filters, loaded

    def _load(self, filename: str | None, config: str | None, *, merge: bool) -> None:
        loaded, self._candidate = self._candidate, None
        if self._waiting() is not None:
            raise Locked(self.hostname, "a commit waits to be confirmed on it")
        with loading.reading(self.hostname, filename, config) as given:
            sets, removed = changes(given)
            if not merge and removed:
                raise ParseError(min(removed), "is removed, in what is to replace everything")
            if loaded is None:
                text = self._text(self._file) or ""
                self._base = _last_line(text)
            else:
                # As NAPALM has it: a second one comes on top of the first.
                text = loaded
            self._candidate = merged(text if merge else "", sets, removed)

    def _commit(self, text: str, base: str, message: str, seconds: int) -> str:
        """Make bgpd load `text`, to be taken back after `seconds`; return the commit's id.

        `base` is the last line of what it replaces.
        """
        self._daemon.loaded()
        self._daemon.check(text, self._file, self._daemon.configuration().chain)
        watchdog = self._watchdog
        change_id = watchdog.new_id()
        staged = self._staged(change_id)
        armed = False
        try:
            self._stage(staged, text)
            printable = "".join(c if c.isascii() and c.isprintable() else "?" for c in message)
            commit = Commit(
                self._file,
                staged,
                seal_of(text) or "",
                base,
                self._places.socket,
                self._places.config,
                printable[:_MAX_MESSAGE],
            )
            armed = True
            watchdog.arm(change_id, commit.change(), seconds)
        except BaseException as exc:
            if not armed or isinstance(exc, Locked):
                self._open_shell.run(["rm", "-f", staged])
                watchdog.forget(change_id)
            raise
        progress = watchdog.until_made(change_id, self.timeout)
        if not progress.made:
            raise TimedOut(self.hostname, "bgpd does not take the new filters in time")
        if progress.decision is Decision.REVERT:
            watchdog.until_over(change_id, self.timeout)
            raise CommitRefused(self.hostname, f"the commit was taken back: {told(progress.said)}")
        return change_id

    def _stage(self, path: str, text: str) -> None:
        ran = self._open_shell.script(STAGE, [self._file, path, self._directory])
        if ran.exit_code:
            raise self._open_shell.failed(f"write {path}", ran)
        self._open_shell.put(path, text.encode())

    def _told(self, said: str) -> str:
        return told(said)


def _last_line(text: str) -> str:
    return text.rstrip("\n").rpartition("\n")[2]


def _peer(
    session: dict[str, Any], local_as: int, accepted: dict[tuple[str, str], int]
) -> dict[str, Any]:
    """Return a session as NAPALM has it."""
    up = session["state"] == "Established"
    spoken = families(session)
    whole = session["stats"]["prefixes"] if len(spoken) == 1 else {"received": -1, "sent": -1}
    return {
        "local_as": local_as,
        "remote_as": int(session["remote_as"]),
        "remote_id": session.get("bgpid", "") if up else "",
        "is_up": up,
        "is_enabled": not session["config"].get("down", False),
        "description": session.get("description", ""),
        "uptime": int(session.get("last_updown_sec", -1)) if up else -1,
        "address_family": {
            family: {
                "accepted_prefixes": accepted.get((family, session["remote_addr"]), 0),
                "received_prefixes": whole["received"] if up else 0,
                "sent_prefixes": whole["sent"] if up else 0,
            }
            for family in spoken
        },
    }

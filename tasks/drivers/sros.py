"""NAPALM driver for Nokia SR OS, model-driven: prefix-lists, by NETCONF; see docs/sros.md."""

from __future__ import annotations

import contextlib
import math
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any, Final

# As a module: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.base.base as napalm_base
from lxml import etree

from irrgate.errors import DeviceError
from tasks.drivers import loading
from tasks.drivers import sros_commits as commits
from tasks.drivers.errors import CandidateRefused, CommitRefused, ConnectionFailed, Locked
from tasks.drivers.sros_candidate import Loaded, diff, lists_of, read_lists, selecting, undoing
from tasks.drivers.sros_netconf import AUGMENTS, CONF, PORT, Netconf, Refused, element
from tasks.drivers.sros_show import facts, neighbours

_OPTIONS: Final = frozenset({
    "port", "verify_host", "known_hosts", "key_file", "use_agent", "ssh_config_file", "config_lock",
    "save_startup",
})  # fmt: skip
_ASK_AGAIN: Final = 300
"""seconds that a commit waits on from when it was asked whether it waits"""
_UNSAVED: Final = "let the user copy-config (base-op-authorization), or say save_startup: false"
_SECRET: Final = re.compile(
    r"<((?:[\w-]*-)?(?:password|secret|key|community|authentication-key|md5))>[^<]+</"
)


class SrosDriver(napalm_base.NetworkDriver):  # type: ignore[misc]
    """An SR OS router in the model-driven configuration mode.

    `optional_args`: `port` (830), `verify_host` (true), `known_hosts`, `key_file`, `use_agent`
    (true), `ssh_config_file`, `config_lock` (false: the candidate is locked from `open` to
    `close`, and not only while something is loaded) and `save_startup` (true; false: `save_config`
    does nothing).

    A commit with `revert_in` waits under its mark, `commit_mark`, which another driver needs to
    confirm it or to take it back.
    """

    platform = "sros"

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
        options = dict(optional_args or {})
        for name in sorted(options.keys() - _OPTIONS):
            raise DeviceError(hostname, f"optional_args: {name!a} is unknown")
        self._holds_lock = bool(options.pop("config_lock", False))
        self._saves = bool(options.pop("save_startup", True))
        self._options = options
        self.device: Netconf | None = None
        self._locked = False
        self._names: list[str] = []
        """of the lists that were loaded, each once"""
        self._before: dict[str, etree._Element] = {}
        """those of them that the router had"""
        self._mark = ""
        self._waits: bool | None = False
        """whether a commit of that mark waits; None: the router has to be asked"""
        self._due = 0.0
        """of time.monotonic: when it is taken back"""
        self.wait_on = _ASK_AGAIN
        """seconds that a commit waits on from when the router is asked whether it waits"""
        self._undo: Loaded | None = None
        """the way back from what this driver has committed to stay"""

    # The connection

    def open(self) -> None:
        """Log in, and take the lock where it is to be held; raises DeviceError."""
        options = self._options
        port = options.get("port", PORT)
        if isinstance(port, bool) or not isinstance(port, int):
            raise DeviceError(self.hostname, f"port is no number: {port!a}")
        self.device = Netconf.open(
            self.hostname,
            self.username,
            self.password,
            self.timeout,
            port=port,
            known_hosts=options.get("known_hosts"),
            verify=options.get("verify_host", True),
            key_file=options.get("key_file"),
            use_agent=options.get("use_agent", True),
            ssh_config_file=options.get("ssh_config_file"),
        )
        try:
            for capability in (":candidate:1.0", ":confirmed-commit:1.1"):
                if not self.device.offers(f"urn:ietf:params:netconf:capability{capability}"):
                    raise ConnectionFailed(
                        self.hostname,
                        f"its NETCONF has no {capability}",
                        hint="configure system management-interface configuration-mode "
                        "model-driven",
                    )
            if self._holds_lock:
                self._lock()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out; a commit that waits to be confirmed goes on waiting."""
        device, self.device = self.device, None
        self._locked, self._names, self._before = False, [], {}
        if device is not None:
            # The router discards the candidate of a session that ends with the lock.
            device.close()

    def is_alive(self) -> dict[str, bool]:
        """Tell whether another request could be made."""
        return {"is_alive": self.device is not None and self.device.is_alive}

    @property
    def locked(self) -> bool:
        """True while the candidate is ours, which is to be discarded."""
        return self._locked

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load prefix-lists: as XML, each with its `nc:operation`, or as the CLI is told them.

        Raises CandidateRefused for anything else and for what the router refuses, and Locked.
        """
        self._load(filename, config, replace=False)

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Load prefix-lists whole: those in the text come to be what it says, others stay."""
        self._load(filename, config, replace=True)

    def compare_config(self) -> str:
        """Return the entries that come and go, as the router's candidate has them."""
        if not self._names:
            return ""
        return diff(self._before, self._lists("candidate"))

    def discard_config(self) -> None:
        """Forget the candidate; the router has nothing of it any more."""
        self._names, self._before = [], {}
        if self._locked:
            self._ask(element("discard-changes"))
            self._unlock()

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Commit the candidate; with `revert_in`, to be confirmed within these seconds.

        `message` goes to the commit history. Raises CommitRefused when it was not taken: then the
        router is what it was.
        """
        if not self._locked or not self._names:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        if revert_in is not None and revert_in <= 0:
            raise CommitRefused(self.hostname, f"revert_in must be positive, not {revert_in}")
        comment = message if self._device.offers(AUGMENTS) else ""
        request = commits.committing(comment, revert_in, self._mark)
        if revert_in is not None:
            self._waits = None
        undo = undoing(self._names, self._before)
        try:
            self._ask(request)
        except Refused as exc:
            # Nor is that a word on whether it waits: to save may have been what went wrong.
            raise CommitRefused(self.hostname, exc.reason, hint=exc.hint) from exc
        if revert_in is not None:
            self._waits, self._due = True, time.monotonic() + revert_in
        self._undo, self._names, self._before = undo, [], {}
        if revert_in is None:
            self._unlock()

    def confirm_commit(self) -> None:
        """Let the commit that waits stay, after a restart as well.

        Raises CommitRefused when it does not wait any more, or is there to stay and not saved.
        """
        if self._waits is False:
            raise CommitRefused(self.hostname, "no commit waits to be confirmed on it")
        with self._under_lock():
            self._decide(commits.confirming(self._mark))
            self._save()

    def save_config(self) -> None:
        """Make what is running what the router starts with; raises CommitRefused."""
        with self._under_lock():
            self._save()

    def has_pending_commit(self) -> bool:
        """Tell whether the commit of `commit_mark` waits to be confirmed."""
        return bool(self._get_pending_commits())

    @property
    def commit_mark(self) -> str:
        """The persist-id of the commit of what is loaded, or was last."""
        return self._mark

    @commit_mark.setter
    def commit_mark(self, mark: str) -> None:
        if mark != self._mark:
            self._mark, self._waits = mark, None if mark else False

    def is_own_commit(self, pending: str, message: str) -> bool:
        """Tell whether a commit is the one of `commit_mark`: SR OS shows nobody any other."""
        del message
        return pending == self._mark

    def _get_pending_commits(self) -> dict[str, int]:
        if self._waits is False:
            return {}
        if not self._waits or self._due <= time.monotonic():
            self._ask_whether_it_waits()
        return {self._mark: math.ceil(self._due - time.monotonic())} if self._waits else {}

    def rollback(self) -> None:
        """Take back the commit that waits, or else the last one that this driver made to stay."""
        if self._waits is not False:
            with self._under_lock():
                self._decide(commits.cancelling(self._mark))
                # What was committed must not stay behind in the candidate.
                self._ask(element("discard-changes"))
            self._undo = None
        elif self._undo is not None:
            undo, self._undo = self._undo, None
            self._load_lists(undo)
            self.commit_config()
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
        """Return `configure` as XML, running and candidate; the startup file is not read."""
        del full
        if format not in {"text", "xml"}:
            raise NotImplementedError(format)
        found = {"running": "", "candidate": "", "startup": ""}
        for source in ("running", "candidate"):
            if retrieve in {"all", source}:
                whole = element("filter", element("configure", ns=CONF), type="subtree")
                found[source] = self._data(source, whole).strip()
        if sanitized:
            found = {name: _SECRET.sub(r"<\1>removed</", text) for name, text in found.items()}
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return NAPALM's facts; uptime is the system's."""
        return facts(self._device)

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions of the base router and of each VPRN, with the prefixes let in."""
        return neighbours(self._device)

    # The rest

    @property
    def _device(self) -> Netconf:
        if self.device is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self.device

    def _ask(self, request: etree._Element) -> None:
        self._device.ask(request)

    def _data(self, source: str, filtered: etree._Element) -> str:
        return self._device.data(
            element("get-config", element("source", element(source)), filtered)
        )

    def _lists(self, source: str) -> dict[str, etree._Element]:
        return lists_of(self._data(source, selecting(self._names)))

    def _lock(self) -> None:
        if self._locked:
            return
        try:
            self._ask(element("lock", element("target", element("candidate"))))
        except Refused as exc:
            raise Locked(self.hostname, exc.reason, hint=exc.hint) from exc
        self._locked = True

    def _unlock(self) -> None:
        if self._locked and not self._holds_lock:
            self._ask(element("unlock", element("target", element("candidate"))))
            self._locked = False

    @contextlib.contextmanager
    def _under_lock(self) -> Iterator[None]:
        """Hold the lock: any commit takes along what others have put into the candidate."""
        self._lock()
        try:
            yield
        except DeviceError:
            with contextlib.suppress(DeviceError):
                self._unlock()
            raise
        self._unlock()

    def _load(self, filename: str | None, config: str | None, *, replace: bool) -> None:
        with loading.reading(self.hostname, filename, config) as text:
            loaded = read_lists(text, replace=replace)
        self._load_lists(loaded)

    def _load_lists(self, loaded: Loaded) -> None:
        if self.has_pending_commit():
            raise Locked(self.hostname, "a commit waits to be confirmed on it")
        self._lock()
        self._mark, self._waits = f"irrgate-{secrets.token_hex(8)}", False
        known = set(self._names)
        fresh = [name for name in dict.fromkeys(loaded.names) if name not in known]
        self._names += fresh
        try:
            running = self._lists("running")
            self._before.update((name, running[name]) for name in fresh if name in running)
            for configure in loaded.requests():
                self._ask(
                    element(
                        "edit-config",
                        element("target", element("candidate")),
                        element("default-operation", "merge"),
                        element("config", configure),
                    )
                )
            self._ask(element("validate", element("source", element("candidate"))))
        except Refused as exc:
            self.discard_config()
            raise CandidateRefused(self.hostname, exc.reason, hint=exc.hint) from exc

    def _decide(self, request: etree._Element) -> None:
        """Confirm or take back the commit that waits."""
        self._waits = None
        try:
            self._ask(request)
        except Refused as exc:
            raise CommitRefused(self.hostname, exc.reason, hint=exc.hint) from exc
        self._waits = False

    def _save(self) -> None:
        """Save under the lock: nobody's commit that waits is saved along."""
        if not self._saves:
            return
        try:
            self._ask(commits.saving())
        except Refused as exc:
            reason = f"what is committed cannot be saved: {exc.reason}"
            raise CommitRefused(self.hostname, reason, hint=exc.hint or _UNSAVED) from exc

    def _ask_whether_it_waits(self) -> None:
        """Ask the router whether the commit waits, by letting it wait on.

        It has no other way of telling: a confirmed commit with the persist-id of the first one
        sets its timer anew, and is refused where there is no first one (RFC 6241, 8.4). Any other
        refusal says nothing of the commit, and is raised.
        """
        seconds, self._names, self._before = max(1, self.wait_on), [], {}
        with self._under_lock():
            # What a commit that was refused has left would be committed by the question.
            self._ask(element("discard-changes"))
            try:
                self._ask(commits.waiting_on(self._mark, seconds))
            except Refused as exc:
                if not commits.knows_none(exc):
                    raise
                self._waits = False
            else:
                self._waits, self._due = True, time.monotonic() + seconds

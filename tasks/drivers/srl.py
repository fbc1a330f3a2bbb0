"""NAPALM driver for Nokia SR Linux over JSON-RPC: prefix-sets, replaced whole; see docs/srl.md.

The interface keeps no candidate between two requests: a `set` is one transaction, which is
committed when all of it is right. So the candidate is here until then, and the router has judged
it by `validate`, which changes nothing.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import napalm.base.base as napalm_base

from irrgate.errors import DeviceError, ParseError
from irrgate.platforms.srl_json import (
    Commands,
    commands_of,
    on_top,
    prefix_sets,
    read_commands,
    under_routing_policy,
)
from tasks.drivers import loading
from tasks.drivers.errors import CandidateRefused, CommitRefused, Locked
from tasks.drivers.srl_commits import Commits, is_waiting
from tasks.drivers.srl_diff import difference
from tasks.drivers.srl_rpc import JsonRpc, Refused
from tasks.drivers.srl_show import listed, neighbours, plain, seconds_between

_OPTIONS: Final = frozenset(
    {"port", "verify_host", "ca_file", "known_hosts", "config_lock", "save_startup"}
)
"""the middle two come for all drivers; there is neither an SSH key to know nor a lock to ask for"""
_CONFIRM_TIMEOUT: Final = (23, 3, 2)
"""the first release that knows it"""
_MAX_REVERT: Final = 86_400
"""seconds; the range of `commit-confirmed-timeout` in srl_nokia-json-rpc"""


class SrlDriver(napalm_base.NetworkDriver):  # type: ignore[misc]
    """A router that runs SR Linux, with its JSON-RPC server enabled over HTTPS.

    `optional_args`: `port` (443), `verify_host` (true), `ca_file` (PEM: the router's CA, or its own
    certificate; else the system's CAs), `save_startup` (true: the running configuration is saved
    once a commit is there to stay).
    """

    platform = "srl"

    def __init__(
        self,
        hostname: str,
        username: str,
        password: str,
        timeout: int = 60,
        optional_args: dict[str, Any] | None = None,
    ) -> None:
        arguments = dict(optional_args or {})
        for name in sorted(arguments.keys() - _OPTIONS):
            raise DeviceError(hostname, f"optional_args: {name!a} is unknown")
        self.hostname = hostname
        self.username = username
        self.password = password
        self.timeout = timeout
        self._arguments = arguments
        self._server: JsonRpc | None = None
        self._version: tuple[int, ...] = ()
        self._candidate: Commands | None = None
        self._committed: int | None = None
        """the commit that this connection made"""
        self._is_saved = False
        """True once what this connection committed is saved"""
        self.commit_mark = ""
        """the last commit before the candidate was loaded: ours is a later one"""

    # The connection

    def open(self) -> None:
        """Verify the router and log in; raises ConnectionFailed, LoginRefused or TimedOut."""
        self._server = JsonRpc(
            self.hostname,
            int(self._arguments.get("port", 443)),
            username=self.username,
            password=self.password,
            timeout=self.timeout,
            context=_trusting(
                self.hostname,
                self._arguments.get("ca_file"),
                verify=self._arguments.get("verify_host", True),
            ),
        )
        try:
            (version,) = self._rpc.get(["/system/information/version"], "state")
        except BaseException:
            self.close()
            raise
        self._version = tuple(int(each) for each in re.findall(r"\d+", str(version))[:3])

    def close(self) -> None:
        """Forget the candidate; a commit that waits to be confirmed goes on waiting."""
        self._server = self._candidate = None

    def is_alive(self) -> dict[str, bool]:
        """Tell whether the connection is open; each request has one of its own."""
        return {"is_alive": self._server is not None}

    @property
    def locked(self) -> bool:
        """True while a candidate is loaded, which is to be discarded."""
        return self._candidate is not None

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load the commands of a `set`, once the router says that they are valid.

        A second one comes on top of the first. Raises CandidateRefused, or Locked while a commit
        waits to be confirmed.
        """
        loaded, self._candidate = self._candidate, None
        commands = self._read(filename, config)
        if loaded is not None:
            commands = on_top(loaded, commands)
        commits = self._commits.listed()
        if any(map(is_waiting, commits)):
            raise Locked(self.hostname, "a commit waits to be confirmed on it")
        with self._refused(CandidateRefused):
            self._rpc.call("validate", {"commands": commands_of(commands)})
        self.commit_mark = str(max((int(each["id"]) for each in commits), default=0))
        self._candidate, self._committed, self._is_saved = commands, None, False

    def compare_config(self) -> str:
        """Return the entries that the candidate adds to each prefix-set, and takes from it."""
        return "" if self._candidate is None else self._difference(self._candidate)

    def discard_config(self) -> None:
        """Forget the candidate; the router has nothing of it."""
        self._candidate, self.commit_mark = None, ""

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Commit the candidate; with `revert_in`, to be confirmed within these seconds.

        Raises CommitRefused when the router says no: then it holds what it held before; also when
        it says yes, and the commit is not there, or does not wait. JSON-RPC has no place for
        `message`.
        """
        del message
        commands, self._candidate = self._candidate, None
        if commands is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        params: dict[str, object] = {"commands": commands_of(commands)}
        if revert_in is not None:
            params["confirm-timeout"] = self._checked(revert_in)
        with self._refused(CommitRefused):
            self._rpc.call("set", params)
        waiting = [each for each in self._commits.waiting() if self._is_ours(each)]
        self._committed = int(waiting[-1]["id"]) if waiting else None
        if revert_in is None:
            if waiting:
                self._confirm()
            if self._difference(commands):
                raise CommitRefused(self.hostname, "does not hold what it says it committed")
            self._save()
        elif not waiting:
            raise CommitRefused(self.hostname, "the commit does not wait to be confirmed")

    def confirm_commit(self) -> None:
        """Let our commit that waits stay, and save it; raises CommitRefused when there is none."""
        self._ours_waits()
        self._confirm()
        self._save()

    def rollback(self) -> None:
        """Take back our commit that waits to be confirmed; one that stays is not taken back."""
        self._ours_waits()
        with self._refused(CommitRefused):
            self._commits.run("confirmed-reject")

    def save_config(self) -> None:
        """Save what runs, unless it is saved; raises CommitRefused, also while a commit waits."""
        if self._is_saved:
            return
        if self._commits.waiting():
            raise CommitRefused(self.hostname, "a commit waits to be confirmed, and is not saved")
        self._save()

    def has_pending_commit(self) -> bool:
        """Tell whether a commit waits to be confirmed, whoever made it."""
        return bool(self._commits.waiting())

    def _get_pending_commits(self) -> dict[str, int]:
        """Return the commits that wait; the router does not tell the seconds that are left."""
        return {str(each["id"]): -1 for each in self._commits.waiting()}

    def is_own_commit(self, pending: str, message: str) -> bool:
        """Tell whether a commit that waits is ours: by its number, and by who made it."""
        del message
        return any(
            str(each["id"]) == pending and self._is_ours(each) for each in self._commits.waiting()
        )

    # What is there

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002
    ) -> dict[str, str]:
        """Return the whole running configuration as JSON.

        The startup configuration is a file, which JSON-RPC does not show; the candidate is that of
        this connection. Passwords are hashed or encrypted by the router.
        """
        del full
        if format != "text" or sanitized:
            raise NotImplementedError("only the running configuration as it is")
        found = {"running": "", "startup": "", "candidate": ""}
        if retrieve in {"all", "running"}:
            (config,) = self._rpc.get(["/"], "running")
            found["running"] = json.dumps(config, separators=(",", ":"))
        if retrieve in {"all", "candidate"} and self._candidate is not None:
            found["candidate"] = json.dumps(commands_of(self._candidate), indent=1)
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return who the router is."""
        paths = ["/system/information", "/system/name", "/platform/chassis", "/interface[name=*]"]
        system, name, chassis, interfaces = map(plain, self._rpc.get(paths, "state"))
        hostname = str(name.get("host-name", ""))
        booted, now = system.get("last-booted"), system.get("current-datetime")
        return {
            "vendor": "Nokia",
            "model": str(chassis.get("type", "")),
            "os_version": str(system.get("version", "")),
            "serial_number": str(chassis.get("serial-number", "")),
            "hostname": hostname,
            "fqdn": ".".join(filter(None, (hostname, str(name.get("domain-name", ""))))),
            "uptime": seconds_between(booted, now),
            "interface_list": [str(each["name"]) for each in listed(interfaces, "interface")],
        }

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions of all network instances, with the routes of each family."""
        paths = ["/network-instance[name=*]/protocols/bgp", "/system/information"]
        state, system = map(plain, self._rpc.get(paths, "state"))
        return neighbours(state, system.get("current-datetime"))

    # The rest

    @property
    def _rpc(self) -> JsonRpc:
        if self._server is None:
            raise DeviceError(self.hostname, "the connection is not open")
        return self._server

    @contextmanager
    def _refused(self, kind: type[DeviceError]) -> Iterator[None]:
        try:
            yield
        except Refused as exc:
            raise kind(self.hostname, exc.reason) from exc

    def _read(self, filename: str | None, config: str | None) -> Commands:
        with loading.reading(self.hostname, filename, config) as text:
            return read_commands(text)

    def _difference(self, commands: Commands) -> str:
        with self._refused(CandidateRefused):
            (policy,) = self._rpc.get(["/routing-policy"], "running")
        try:
            return difference(commands, prefix_sets(under_routing_policy(policy)))
        except ParseError as exc:
            raise CandidateRefused(self.hostname, str(exc)) from exc

    def _checked(self, revert_in: int) -> int:
        if not 0 < revert_in <= _MAX_REVERT:
            reason = f"revert_in must be 1 to {_MAX_REVERT}, not {revert_in}"
            raise CommitRefused(self.hostname, reason)
        if self._version < _CONFIRM_TIMEOUT:
            has = ".".join(map(str, self._version))
            raise CommitRefused(
                self.hostname,
                f"SR Linux {has} has no commit to be confirmed over JSON-RPC; 23.3.2 has",
                hint="data: {commit_confirm: false} for this router commits without it",
            )
        return revert_in

    @property
    def _commits(self) -> Commits:
        return Commits(self._rpc, self.timeout)

    def _is_ours(self, commit: dict[str, Any]) -> bool:
        number = int(commit["id"])
        if self._committed is not None and self._committed != number:
            return False
        later = self.commit_mark.isdigit() and number > int(self.commit_mark)
        return later and commit.get("username", self.username) == self.username

    def _ours_waits(self) -> None:
        waiting = self._commits.waiting()
        if not any(map(self._is_ours, waiting)):
            why = "no commit waits to be confirmed on it"
            if waiting:
                why = "somebody else's commit waits to be confirmed on it"
            raise CommitRefused(self.hostname, why)

    def _confirm(self) -> None:
        with self._refused(CommitRefused):
            self._commits.run("confirmed-accept")

    def _save(self) -> None:
        if self._arguments.get("save_startup", True):
            try:
                self._commits.run("save")
            except Refused as exc:
                reason = f"the commit is there to stay, and cannot be saved: {exc.reason}"
                raise CommitRefused(self.hostname, reason) from exc
        self._is_saved = True


def _trusting(hostname: str, ca_file: str | None, *, verify: bool) -> ssl.SSLContext:
    """Return a context that trusts the system's CAs, or those of the file alone."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as exc:
        why = "it holds no certificate" if isinstance(exc, ssl.SSLError) else exc.strerror
        raise DeviceError(hostname, f"ca_file {ca_file} cannot be read: {why}") from exc
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context

"""Cisco IOS-XR by NETCONF: NAPALM's driver, with what it leaves undone.

What a commit to be confirmed means here (docs/decisions/0022-iosxr-commit.md): it is a confirmed
commit of the NETCONF session, without `persist`. The session that made it confirms it, or takes it
back; when the session ends, however it ends, the router goes back by itself. IOS-XR tells nobody
whether one waits. So a session that did not make it must be granted the lock on the candidate, and
a commit that changes nothing, before it may believe what it reads.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from lxml import etree
from napalm.iosxr_netconf import constants
from napalm.iosxr_netconf import iosxr_netconf as napalm_iosxr
from ncclient.operations.rpc import RPCError
from ncclient.xml_ import to_ele

from irrgate.errors import DeviceError
from irrgate.platforms.iosxr_limits import PolicyLines, policy_lines
from tasks.driver_words import driver_words
from tasks.drivers.errors import (
    CandidateRefused,
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
    Locked,
    TimedOut,
)
from tasks.drivers.iosxr_answers import (
    bgp_tables,
    clean_diff,
    cli_text,
    is_locked,
    is_warning,
    lock_holder,
    lock_session,
    said,
)
from tasks.drivers.iosxr_session import LOST, connect

CLI: Final = "{http://cisco.com/ns/yang/Cisco-IOS-XR-cli-cfg}cli"
_CONFIG: Final = "{urn:ietf:params:xml:ns:netconf:base:1.0}config"
MAX_REVERT_IN: Final = 65535
_SLOW: Final = "if it is only slow, raise timeout under connection_options.napalm.extras"
_WHOSE: Final = (
    "on the router, show netconf-yang clients and show configuration sessions tell whose"
)
_NO_CHANGES = re.compile(r"no (?:configuration )?changes|buffer is empty", re.IGNORECASE)
"""what a router may say of a commit that changes nothing"""


class IosxrNetconfDriver(napalm_iosxr.IOSXRNETCONFDriver):  # type: ignore[misc]
    """An IOS-XR router, 7.0 or later.

    `optional_args` are NAPALM's, and `verify_host` and `known_hosts` (see tasks.connection).
    """

    def __init__(
        self,
        hostname: str,
        username: str,
        password: str,
        timeout: int = 60,
        optional_args: dict[str, Any] | None = None,
    ) -> None:
        arguments = dict(optional_args or {})
        self._verify = arguments.pop("verify_host", True)
        arguments.pop("known_hosts", None)  # ncclient reads its name from the SSH configuration
        arguments.pop("ca_file", None)
        super().__init__(hostname, username, password, timeout, arguments)
        self.config_encoding = "cli"
        self.pending_changes: bool = False
        self.locked: bool = False
        self._revert_at: float | None = None
        """of time.monotonic(): when the router takes back the commit of this session"""
        self._held: PolicyLines | None = None
        """the policy lines of the running config, as it was last read"""

    def open(self) -> None:
        """Log in, and take the lock where `config_lock` says so."""
        self.device = connect(
            self.hostname,
            self._verify,
            self.timeout,
            port=self.port,
            username=self.username,
            password=self.password,
            key_filename=self.key_file,
            **self.optional_args,
        )
        if self.lock_on_connect:
            try:
                self._lock()
            except DeviceError:
                self._cut()
                raise

    def close(self) -> None:
        """End the session; what it committed and did not confirm is taken back by the router."""
        if self.device is None:
            return
        try:
            self._unlock()
            self.device.close_session()
        except Exception:  # noqa: BLE001 - the end of the connection ends the session as well
            self._cut()
        self.locked = False

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Raise NotImplementedError: irrgate never replaces a whole configuration."""
        raise NotImplementedError("whole configurations are not replaced by this driver")

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load CLI text into a fresh candidate, whole or not at all, under the lock."""
        text = Path(filename).read_text(encoding="utf-8") if filename else config or ""
        self._lock()
        with self._asking("load the candidate", CandidateRefused):
            try:
                self._refuse_too_many_lines(text)
                # Escaped by lxml; NAPALM pastes it between two tags.
                element = etree.Element(_CONFIG)
                etree.SubElement(element, CLI).text = text
                if self.pending_changes:
                    self.device.discard_changes()
                self.device.edit_config(
                    config=element, target="candidate", error_option="rollback-on-error"
                )
            except (RPCError, ValueError, DeviceError) as exc:
                if not is_warning(exc):
                    # The lock must not stay, nor what the router may have kept.
                    self.discard_config()
                raise
        self.pending_changes = True

    def compare_config(self) -> str:
        """Return the router's own diff, without what the time of day puts into it."""
        if not self.pending_changes:
            return ""
        with self._asking("compare", CommandFailed):
            answer = self.device.dispatch(to_ele(constants.CLI_DIFF_RPC_REQ))
            return clean_diff(answer.xml)

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Commit the candidate; with `revert_in` (seconds, 1 to 65535) to be confirmed.

        The confirmation must come from this session. Where no answer comes, the session is ended,
        and with it a commit that may have been on its way.
        """
        if message:
            raise NotImplementedError("IOS-XR takes no message with a commit by NETCONF")
        if revert_in is not None and not 1 <= revert_in <= MAX_REVERT_IN:
            raise CommitRefused(self.hostname, f"revert_in must be 1 to {MAX_REVERT_IN} seconds")
        with self._or_nothing("commit"):
            if revert_in is None:
                self.device.commit()
            else:
                self.device.commit(confirmed=True, timeout=str(revert_in))
        self.pending_changes = False
        if revert_in is not None:
            self._revert_at = time.monotonic() + revert_in
        else:
            self._give_back_lock()

    def confirm_commit(self) -> None:
        """Confirm the commit of this session; raises CommitRefused where none waits."""
        self._own_commit()
        with self._or_nothing("confirm"):
            self.device.commit()
        self._revert_at = None
        self._give_back_lock()

    def rollback(self) -> None:
        """Take back the commit of this session that waits; no other commit is touched."""
        self._own_commit()
        with self._or_nothing("take back the commit"):
            self.device.cancel_commit()
        self._revert_at = None
        self._give_back_lock()

    def discard_config(self) -> None:
        """Discard the candidate, if there is one, and give the lock back."""
        if self.locked:
            with self._asking("discard", CommandFailed):
                self.device.discard_changes()
        self.pending_changes = False
        self._give_back_lock()

    def has_pending_commit(self) -> bool:
        """Tell whether a commit waits to be confirmed, of this session or of another."""
        return bool(self._get_pending_commits())

    def _get_pending_commits(self) -> dict[str, int]:
        """Return the commit of this session that waits, and the seconds that it has left.

        Of another's only that there is one: by what the router refuses while it waits.
        """
        if self._revert_at is not None:
            left = int(self._revert_at - time.monotonic())
            if left > 0:
                return {self._session(): left}
            # The router's timer began before ours. What it is at now is for another session to see.
            self._cut()
            reason = "the time to confirm the commit has run out"
            raise ConnectionFailed(self.hostname, reason)
        if self.pending_changes:
            return {}
        self._lock()
        try:
            with self._asking("look for a commit to be confirmed", CommitRefused):
                self.device.commit()
        except CommitRefused as exc:
            if is_locked(exc.__cause__):
                if LOST.lately(self.hostname, self.port):
                    reason = "has not taken back yet what the session that was lost had committed"
                    raise CommitRefused(self.hostname, reason) from exc
                return {"another session": -1}
            if not _NO_CHANGES.search(exc.reason):
                raise
        finally:
            self._give_back_lock()
        return {}

    def is_own_commit(self, pending: str, message: str) -> bool:
        """Tell whether it is this session's; see tasks.unconfirmed.KnowsOwnCommit."""
        del message
        return self._revert_at is not None and pending == self._session()

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return the running config as CLI text; there is no startup config on IOS-XR."""
        if full or sanitized or format != "text":
            raise NotImplementedError("only the running config as it is, as text")
        running = ""
        if retrieve in {"all", "running"}:
            cli = ("subtree", constants.CLI_CONFIG_RPC_REQ_FILTER)
            with self._asking("read the configuration", CommandFailed):
                running = cli_text(self.device.get_config(source="running", filter=cli).xml)
            self._held = policy_lines(running)
        return {"running": running, "candidate": "", "startup": ""}

    def get_bgp_neighbors(self) -> dict[str, dict[str, Any]]:
        """Return the sessions of all tables, with the prefixes of each of their families."""
        with self._asking("read the BGP sessions", CommandFailed):
            wanted = ("subtree", constants.BGP_NEIGHBOR_REQ_FILTER)
            return bgp_tables(self.device.get(filter=wanted).xml)

    def _lock(self) -> None:
        if self.locked:
            return
        try:
            with self._asking("lock", Locked):
                self.device.lock()
        except Locked as exc:
            if not self._kill_own(lock_session(exc.__cause__)):
                raise
            with self._asking("lock", Locked):
                self.device.lock()
        self.locked = True

    def _kill_own(self, session: str | None) -> bool:
        """End a session that was lost here, and that the router has not missed yet."""
        if session is None or not LOST.take(self.hostname, self.port, session):
            return False
        with self._asking("end the session that was lost", Locked):
            self.device.kill_session(session)
        return True

    def _unlock(self) -> None:
        if self.locked:
            with self._asking("unlock", Locked):
                self.device.unlock()
        self.locked = False

    def _give_back_lock(self) -> None:
        if not self.lock_on_connect:
            self._unlock()

    def _own_commit(self) -> None:
        if self._revert_at is None:
            reason = "no commit of this session waits to be confirmed"
            raise CommitRefused(self.hostname, reason)

    def _session(self) -> str:
        return f"session {self.device.session_id}"

    def _refuse_too_many_lines(self, candidate: str) -> None:
        held = self._held
        if held is None:
            return
        after = held.after(candidate)
        if after > held.maximum:
            raise CandidateRefused(
                self.hostname,
                f"its policies and sets would have {after:,} lines, and it takes {held.maximum:,}",
                hint=f"on the router: rpl maximum lines {after + after // 4}",
            )

    @contextlib.contextmanager
    def _or_nothing(self, what: str) -> Iterator[None]:
        """Ask for what changes the running config; where there is no yes, the session ends.

        With it goes a commit that waits, or is on its way. That a router which says no has done
        nothing is not relied on.
        """
        try:
            with self._asking(what, CommitRefused):
                yield
        except BaseException:
            self._cut()
            raise

    @contextlib.contextmanager
    def _asking(self, what: str, refused: type[DeviceError]) -> Iterator[None]:
        """Turn what ncclient raises into an error of ours; `refused` is the router's own no.

        ncclient raises warnings as well, and without them misses an error that follows one.
        """
        try:
            yield
        except (DeviceError, NotImplementedError):
            raise
        except RPCError as exc:
            if is_warning(exc):
                return
            holder = lock_holder(exc)
            if holder is not None and refused in {Locked, CandidateRefused}:
                raise Locked(self.hostname, holder, hint=_WHOSE) from exc
            text, hint = said(exc)
            raise refused(self.hostname, text, hint=hint) from exc
        except Exception as exc:
            name = type(exc).__name__
            if name == "TimeoutExpiredError":
                reason = f"did not answer within {self.device.timeout} s: {what}"
                raise TimedOut(self.hostname, reason, hint=_SLOW) from exc
            words = driver_words(exc)
            failure = refused if isinstance(exc, ValueError) else CommandFailed
            if name in {"SessionCloseError", "TransportError"} or isinstance(
                exc, OSError | EOFError
            ):
                failure = ConnectionFailed
            raise failure(self.hostname, words.text, hint=words.hint) from exc

    def _cut(self) -> None:
        """End the connection at once; whatever waits on the router goes with its session."""
        self._revert_at, self.locked, self.pending_changes = None, False, False
        with contextlib.suppress(Exception):
            LOST.add(self.hostname, self.port, str(self.device.session_id))
            self.device._session.close()

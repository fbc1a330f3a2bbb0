"""NAPALM driver for MikroTik RouterOS 7: filter chains, changed rule by rule; see docs/ros.md."""

from __future__ import annotations

import ssl
from typing import Any, Final

# As a module: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.base.base as napalm_base

from irrgate.errors import DeviceError, ParseError, PlatformError
from tasks.drivers import loading
from tasks.drivers.errors import CommandFailed, CommitRefused, ConnectionFailed
from tasks.drivers.ros_api import PLAIN_PORT, TLS_PORT, Endpoint, RosApi
from tasks.drivers.ros_change import ChainsChange, back_from, merge_change, replace_change
from tasks.drivers.ros_router import RosRouter

_TRANSPORTS: Final = {"api-ssl": TLS_PORT, "api": PLAIN_PORT}
_OPTIONS: Final = frozenset(
    # The last is Junos's, which irrgate gives every driver, and known_hosts is for SSH.
    {"transport", "port", "verify_host", "ca_file", "known_hosts", "key_file", "config_lock"}
)


class RosDriver(loading.HeldCandidate, loading.NothingWaits, napalm_base.NetworkDriver):  # type: ignore[misc]
    """RouterOS 7 over its API, with TLS.

    `optional_args`: `port`, `verify_host` (true), `ca_file` (PEM: the CA's certificate or the
    router's own), and `transport` (`api-ssl`; `api` is without TLS and verifies nothing).
    """

    platform = "ros"

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
        transport = options.get("transport", "api-ssl")
        if transport not in _TRANSPORTS:
            known = " or ".join(_TRANSPORTS)
            raise DeviceError(hostname, f"transport must be {known}, not {transport!a}")
        self._verify = options.get("verify_host", True)
        if transport == "api" and self._verify:
            raise DeviceError(
                hostname,
                "its API without TLS verifies nothing, and sends the password in the clear",
                hint="use api-ssl; or verify_host: false beside transport: api",
            )
        self._tls = transport == "api-ssl"
        self._port = int(options.get("port", _TRANSPORTS[transport]))
        self._ca_file = options.get("ca_file")
        self._api: RosApi | None = None
        self._text = ""
        """the candidate"""
        self._change: ChainsChange | None = None
        self._committed: ChainsChange | None = None
        """the last change that this driver has made"""

    # The connection

    def open(self) -> None:
        """Log in, and see that it is RouterOS 7.

        Raises ConnectionFailed, LoginRefused or TimedOut.
        """
        context = self._context() if self._tls else None
        endpoint = Endpoint(self.hostname, self._port, self.timeout, context)
        self._api = RosApi(endpoint, self.username, self.password)
        try:
            version = self._router.version()
            if not version.startswith("7."):
                reason = f"runs RouterOS {version or 'of an unknown version'}, and not 7"
                raise ConnectionFailed(self.hostname, reason)
        except BaseException:
            self.close()
            raise

    def _context(self) -> ssl.SSLContext:
        """Return a context that trusts the system's CAs, or those of the file alone."""
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except (ssl.SSLError, OSError) as exc:
            why = "it holds no certificate" if isinstance(exc, ssl.SSLError) else exc.strerror
            raise DeviceError(
                self.hostname, f"ca_file {self._ca_file} cannot be read: {why}"
            ) from exc
        if not self._verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def close(self) -> None:
        """End the session; what was committed stays."""
        api, self._api, self._change = self._api, None, None
        if api is not None:
            api.close()

    def is_alive(self) -> dict[str, bool]:
        """Tell whether another command could be run."""
        if self._api is None:
            return {"is_alive": False}
        try:
            self._router.version()
        except DeviceError:
            return {"is_alive": False}
        return {"is_alive": True}

    @property
    def _router(self) -> RosRouter:
        if self._api is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return RosRouter(self.hostname, self._api)

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Load rules to add and then some to remove, in the form of irrgate's own template.

        Raises CandidateRefused for anything else, for what does not fit the chains as they are,
        and for what would on its way lose or let through what it must not.
        """
        self._load(filename, config, whole=False)

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Load chains whole: those in the text come to accept what it says, others stay."""
        self._load(filename, config, whole=True)

    def _load(self, filename: str | None, config: str | None, *, whole: bool) -> None:
        self._change = None
        rules = self._router.rules()
        with loading.reading(self.hostname, filename, config) as text:
            change = (replace_change if whole else merge_change)(text, rules)
        self._text, self._change = text, change

    # The commit

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Change the chains, rule by rule; there is no log for the message.

        Raises CommitRefused with the router's words, and what was done until then stays: it must
        be read. So it must after ConnectionFailed and TimedOut.
        """
        del message
        change, self._change = self._change, None
        if change is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        if revert_in is not None:
            raise CommitRefused(self.hostname, "RouterOS takes nothing back that is not confirmed")
        try:
            self._router.change(change)
        except CommandFailed as exc:
            raise CommitRefused(self.hostname, exc.reason, hint=exc.hint) from exc
        self._committed = change

    def rollback(self) -> None:
        """Make the chains accept what they did before this driver's last commit."""
        if self._committed is None:
            raise CommitRefused(self.hostname, "there is no commit to go back from")
        router = self._router
        try:
            router.change(back_from(self._committed, router.rules()))
        except (ParseError, PlatformError, CommandFailed) as exc:
            raise CommitRefused(self.hostname, exc.reason, hint=exc.hint) from exc
        self._committed = None

    # What there is

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return the filter rules and what may refer to them, as `/export terse` has them.

        Keys and passwords are always left out. The last line says that it is whole. RouterOS has
        no startup configuration of its own.
        """
        del full, sanitized
        if format != "text":
            raise NotImplementedError(format)
        found = {"running": "", "candidate": "", "startup": ""}
        if retrieve in {"all", "running"}:
            found["running"] = self._router.running()
        if retrieve in {"all", "candidate"} and self._change is not None:
            found["candidate"] = self._text
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return NAPALM's facts."""
        return self._router.facts()

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the sessions by VRF, with prefix counts where a session has one family."""
        return self._router.neighbours()

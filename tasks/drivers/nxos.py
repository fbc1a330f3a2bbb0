"""NAPALM's NX-OS driver by NX-API, hardened: see docs/nxos.md."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final

# As modules: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.nxos.nxos as napalm_nxos

from irrgate.errors import DeviceError
from irrgate.platforms.nxos import Nxos, list_lines
from tasks.drivers.errors import CommandFailed, ConnectionFailed, TimedOut
from tasks.drivers.nxos_api import NxApi, trusted
from tasks.drivers.nxos_candidate import NxosCandidates

REST: Final = 3
"""seconds in which a router that still runs a request takes another line of it"""
LONGEST: Final = 330
"""seconds that a request can take at most: NX-API ends it after 300"""
_PORTS: Final = {"https": 443, "http": 80}
_OWN: Final = ("verify_host", "known_hosts", "ca_file", "key_file", "config_lock")


class NxosDriver(NxosCandidates, napalm_nxos.NXOSDriver):  # type: ignore[misc]
    """NX-OS by NX-API.

    `optional_args`: `port`, `transport` (https; http only by name), `verify_host` (true) and
    `ca_file` (PEM; the system's CAs where there is none).
    """

    lists = Nxos()

    def __init__(
        self,
        hostname: str,
        username: str,
        password: str,
        timeout: int = 60,
        optional_args: dict[str, Any] | None = None,
    ) -> None:
        """Take NAPALM's arguments; raises DeviceError for options that cannot be."""
        options = dict(optional_args or {})
        own = {name: options.pop(name, None) for name in _OWN}
        transport = options.get("transport", "https")
        if transport not in _PORTS:
            raise DeviceError(hostname, f"transport must be https or http, not {transport!a}")
        super().__init__(hostname, username, password, timeout, options)
        self._verify = own["verify_host"] is not False
        self._ca_file: str | None = own["ca_file"]
        self._url = f"{transport}://{_bracketed(hostname)}:{self.port}/ins"

    def open(self) -> None:
        """Log in; raises ConnectionFailed, LoginRefused, TimedOut or CommandFailed."""
        verify = trusted(self.hostname, self._ca_file, verify=self._verify)
        login = self.username or "", self.password or ""
        self.device: NxApi | None = NxApi(self.hostname, self._url, login, self.timeout, verify)
        try:
            self._ask("show hostname")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Forget the session; NX-API has nothing to be closed."""
        device, self.device, self._change = self.device, None, None
        if device is not None:
            device.close()

    def is_alive(self) -> dict[str, bool]:
        """Tell whether the router answers."""
        try:
            return {"is_alive": self.device is not None and bool(self._ask("show hostname"))}
        except DeviceError:
            return {"is_alive": False}

    def _ask(self, command: str) -> str:
        return str(self._api.show(command, raw_text=True))

    def _structured(self, command: str) -> dict[str, Any]:
        found = self._api.show(command)
        if not isinstance(found, dict):
            raise CommandFailed(self.hostname, f"{command}: answered with {str(found)[:200]!a}")
        return found

    def _configure(self, lines: Sequence[str]) -> None:
        try:
            self._api.config_list(lines)
        except (ConnectionFailed, TimedOut):
            # The router may still run the rest of the request: who looks now sees it half done,
            # and what is put right before that is over is not right for long.
            with contextlib.suppress(DeviceError):
                self._await_rest()
            raise

    def _await_rest(self) -> None:
        """Wait until the prefix lists do not change any more; raises DeviceError."""
        end = time.monotonic() + LONGEST
        before, now = None, list_lines(self._ask("show running-config"))
        while now != before and time.monotonic() < end:
            time.sleep(REST)
            before, now = now, list_lines(self._ask("show running-config"))

    @property
    def _api(self) -> NxApi:
        if self.device is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self.device


def _bracketed(hostname: str) -> str:
    return f"[{hostname}]" if ":" in hostname else hostname

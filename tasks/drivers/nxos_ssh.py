"""NAPALM's NX-OS driver over SSH, hardened: see docs/nxos.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

# As modules: NAPALM takes the first NetworkDriver in here, imported ones included.
import napalm.nxos_ssh.nxos_ssh as napalm_nxos_ssh

from irrgate.platforms.nxos import NxosSsh
from tasks.drivers.errors import CommandFailed, ConnectionFailed
from tasks.drivers.nxos_candidate import NxosCandidates
from tasks.drivers.nxos_terminal import COLUMNS, NxosTerminal
from tasks.drivers.shell import flag
from tasks.drivers.ssh import SshTransport

_OWN: Final = ("verify_host", "known_hosts", "ca_file", "key_file", "use_agent", "ssh_config_file")


class NxosSshDriver(NxosCandidates, napalm_nxos_ssh.NXOSSSHDriver):  # type: ignore[misc]
    """NX-OS by its command line over SSH.

    `optional_args`: `port`, `verify_host` (true), `known_hosts`, `key_file`, `use_agent` and
    `ssh_config_file`, as in tasks.drivers.ssh.
    """

    lists = NxosSsh()

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
        self._own: dict[str, Any] = {n: options.pop(n) for n in _OWN if n in options}
        self._port = options.get("port")
        super().__init__(hostname, username, password, timeout, options)
        self._transport: SshTransport | None = None
        self._terminal: NxosTerminal | None = None

    def open(self) -> None:
        """Log in; raises ConnectionFailed, LoginRefused, TimedOut or CommandFailed."""
        self._transport = SshTransport.connect(
            self.hostname,
            self.username,
            self.password,
            self.timeout,
            port=self._port,
            known_hosts=self._own.get("known_hosts"),
            verify=flag(self.hostname, self._own, "verify_host", default=True),
            key_file=self._own.get("key_file"),
            use_agent=flag(self.hostname, self._own, "use_agent", default=True),
            ssh_config_file=self._own.get("ssh_config_file"),
        )
        try:
            channel = self._transport.terminal(COLUMNS, self.timeout)
            self._terminal = NxosTerminal(channel, self.hostname, self.timeout)
            self._terminal.login()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Log out; a candidate is gone with it."""
        terminal, transport = self._terminal, self._transport
        self._terminal = self._transport = self._change = None
        if terminal is not None:
            terminal.close()
        if transport is not None:
            transport.close()

    def is_alive(self) -> dict[str, bool]:
        """Tell whether another command could be run."""
        return {"is_alive": self._terminal is not None and self._terminal.is_alive()}

    def _send_command(self, command: str, raw_text: bool = False, cmd_verify: bool = True) -> str:
        """Return what a command prints, for NAPALM's getters: whatever it says."""
        del raw_text, cmd_verify
        try:
            return self._open_terminal.ask(command)
        except CommandFailed as exc:
            return exc.reason

    def _ask(self, command: str) -> str:
        return self._open_terminal.ask(command)

    def _structured(self, command: str) -> dict[str, Any]:
        said = self._ask(f"{command} | json")
        try:
            found = json.loads(said)
        except ValueError as exc:
            reason = f"{command} | json: answered with what is not JSON"
            raise CommandFailed(self.hostname, reason) from exc
        if not isinstance(found, dict):
            raise CommandFailed(self.hostname, f"{command} | json: answered with no object")
        return found

    def _configure(self, lines: Sequence[str]) -> None:
        if lines:
            self._open_terminal.configure(lines)

    @property
    def _open_terminal(self) -> NxosTerminal:
        if self._terminal is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self._terminal

"""Commands over SSH, each on a channel of its own and without a terminal; hosts are verified."""

from __future__ import annotations

import contextlib
import shlex
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Self

import paramiko

from irrgate.errors import DeviceError
from tasks.drivers.errors import ConnectionFailed, LoginRefused, TimedOut
from tasks.drivers.local import SLOW, SYSTEM_PATHS

LOGIN_TIMEOUT: Final = 30
"""seconds for each part of a login; a command gets the driver's timeout"""
KEEPALIVE: Final = 15
"""seconds between signs of life, so that a peer that is gone is noticed"""
_GRACE: Final = 5
"""seconds for an exit code, once the outputs are at their end"""

# A login shell over SSH may find neither the daemons' programs nor English words. What comes
# after it is a vector, of which the remote shell interprets nothing.
_WRAPPER: Final = f'LC_ALL=C PATH="$PATH:{SYSTEM_PATHS}"; export LC_ALL PATH; exec "$@"'


class UnknownHostKeyError(paramiko.SSHException):  # type: ignore[misc]
    """The router showed a host key, and known_hosts has none of it."""


class RefuseUnknown(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Known hosts alone are let pass."""

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Raise UnknownHostKeyError."""
        del client, hostname
        raise UnknownHostKeyError(f"{key.get_name()} {key.fingerprint}")


class AcceptAny(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Whoever answers is let pass."""

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        """Take any key: the user has switched it off by name."""


class SshTransport:
    """Runs commands on a router; see Transport."""

    def __init__(self, client: paramiko.SSHClient, name: str) -> None:
        self._client = client
        self._name = name

    @classmethod
    def connect(  # noqa: PLR0913 - what a login needs
        cls,
        hostname: str,
        username: str,
        password: str,
        timeout: float,
        *,
        port: int | None = None,
        known_hosts: str | None = None,
        verify: bool = True,
        key_file: str | None = None,
        use_agent: bool = True,
        ssh_config_file: str | None = None,
    ) -> Self:
        """Log in; the host key must be in `known_hosts`, or in the user's own where that is None.

        `~/.ssh/config` (or `ssh_config_file`) gives what is not given here: the host's name, port,
        user, key and jump host. Raises ConnectionFailed, LoginRefused or TimedOut.
        """
        config = _ssh_config(hostname, ssh_config_file)
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(RefuseUnknown() if verify else AcceptAny())
        proxy: paramiko.ProxyCommand | None = None
        wait = min(timeout, LOGIN_TIMEOUT)
        try:
            if verify:
                load_known_hosts(client, hostname, known_hosts)
            if command := _proxy_command(config):
                proxy = paramiko.ProxyCommand(command)
            client.connect(
                config.get("hostname", hostname),
                port=int(port or config.get("port", 22)),
                username=username or config.get("user"),
                password=password or None,
                key_filename=key_file or config.get("identityfile"),
                allow_agent=use_agent,
                look_for_keys=key_file is None,
                timeout=wait,
                banner_timeout=wait,
                auth_timeout=wait,
                sock=proxy,
            )
        except DeviceError:
            client.close()
            raise
        except Exception as exc:
            # Of paramiko, of the socket module, and of the libraries that read keys.
            client.close()
            if proxy is not None:
                proxy.close()
            raise login_error(hostname, exc) from exc
        transport = client.get_transport()
        if transport is not None:
            transport.set_keepalive(KEEPALIVE)
        return cls(client, hostname)

    def execute(
        self, argv: Sequence[str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run one command on a channel of its own; see Transport."""
        command = shlex.join(["sh", "-c", _WRAPPER, "sh", *argv])
        deadline = time.monotonic() + timeout
        transport = self._client.get_transport()
        if transport is None or not transport.is_active():
            raise ConnectionFailed(self._name, "the connection was closed")
        try:
            channel = transport.open_session(timeout=timeout)
            try:
                channel.settimeout(timeout)
                channel.exec_command(command)
                return self._finish(channel, argv[0], stdin, deadline)
            finally:
                channel.close()
        except TimeoutError as exc:
            raise self._late(argv[0], timeout) from exc
        except (paramiko.SSHException, EOFError, OSError) as exc:
            if time.monotonic() >= deadline:
                raise self._late(argv[0], timeout) from exc
            said = str(exc) or "it ended"
            raise ConnectionFailed(self._name, f"the connection broke: {said}") from exc

    def terminal(self, columns: int, timeout: float) -> paramiko.Channel:
        """Return a channel with a terminal of that width on it, and behind it the user's shell."""
        transport = self._client.get_transport()
        if transport is None or not transport.is_active():
            raise ConnectionFailed(self._name, "the connection was closed")
        try:
            channel = transport.open_session(timeout=timeout)
            channel.settimeout(timeout)
            channel.get_pty(term="vt100", width=columns, height=1000)
            channel.invoke_shell()
        except (paramiko.SSHException, EOFError, OSError) as exc:
            said = str(exc) or "it ended"
            raise ConnectionFailed(self._name, f"no terminal was opened: {said}") from exc
        return channel

    def _finish(
        self, channel: paramiko.Channel, program: str, stdin: bytes, deadline: float
    ) -> tuple[int, bytes, bytes]:
        """Send and receive all at once: either side may have to wait for the other."""
        errors: list[bytes] = []
        side = [
            threading.Thread(target=_send, args=(channel, stdin), daemon=True),
            threading.Thread(target=_receive, args=(channel, errors), daemon=True),
        ]
        for thread in side:
            thread.start()
        output: list[bytes] = []
        while True:
            channel.settimeout(max(deadline - time.monotonic(), 0.01))
            if not (received := channel.recv(1 << 17)):
                break
            output.append(received)
        left = max(deadline - time.monotonic(), _GRACE)
        if not channel.status_event.wait(left):
            raise TimeoutError
        side[1].join(_GRACE)
        code = channel.recv_exit_status()
        if code < 0:
            how = "was killed" if self.is_alive() else "ran when the connection broke"
            raise ConnectionFailed(self._name, f"{program} {how}; what it did is not known")
        return code, b"".join(output), b"".join(errors)

    def _late(self, program: str, timeout: float) -> TimedOut:
        return TimedOut(self._name, f"{program} did not end within {timeout:g} s", hint=SLOW)

    def is_alive(self) -> bool:
        """Tell whether the connection stands."""
        transport = self._client.get_transport()
        return transport is not None and transport.is_active()

    def close(self) -> None:
        """End the connection."""
        self._client.close()


def _send(channel: paramiko.Channel, stdin: bytes) -> None:
    # What is not sent is missed by whoever counts; the exit code tells.
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        if stdin:
            channel.sendall(stdin)
        channel.shutdown_write()


def _receive(channel: paramiko.Channel, into: list[bytes]) -> None:
    with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
        while received := channel.recv_stderr(1 << 15):
            into.append(received)


def _ssh_config(hostname: str, path: str | None) -> dict[str, Any]:
    file = Path(path or "~/.ssh/config").expanduser()
    if path is None and not file.is_file():
        return {}
    try:
        return dict(paramiko.SSHConfig.from_path(str(file)).lookup(hostname))
    except (OSError, ValueError, paramiko.SSHException, paramiko.ConfigParseError) as exc:
        raise DeviceError(hostname, f"{file} cannot be read: {exc}") from exc


def _proxy_command(config: dict[str, Any]) -> str:
    if jump := config.get("proxyjump"):
        # The jump host is verified by ssh itself.
        *before, last = str(jump).split(",")
        through = ["-J", ",".join(before)] if before else []
        target = f"{config['hostname']}:{config.get('port', 22)}"
        return shlex.join(["ssh", *through, "-W", target, last])
    return str(config.get("proxycommand", ""))


def load_known_hosts(client: paramiko.SSHClient, hostname: str, path: str | None) -> None:
    """Let a client know the hosts of a file, or those of the user and the system."""
    if path is None:
        client.load_system_host_keys()
        with contextlib.suppress(OSError):
            client.load_system_host_keys("/etc/ssh/ssh_known_hosts")
        return
    try:
        client.load_host_keys(path)
    except OSError as exc:
        reason = f"known_hosts {path} cannot be read: {exc.strerror}"
        hint = "ssh-keyscan -p PORT ROUTER, then compare"
        raise ConnectionFailed(hostname, reason, hint=hint) from exc


def login_error(hostname: str, exc: Exception) -> DeviceError:
    """Return what kept us out, in words that tell."""
    if isinstance(exc, UnknownHostKeyError | paramiko.BadHostKeyException):
        shown = str(exc)
        if isinstance(exc, paramiko.BadHostKeyException):
            shown = f"{exc.key.get_name()} {exc.key.fingerprint}"
        return ConnectionFailed(
            hostname,
            f"its SSH host key {shown} is not the one in known_hosts",
            hint="compare the key with the router's own, then put it into known_hosts",
        )
    # The second: there was neither a password nor a key to try.
    nothing_to_show = "No authentication methods" in str(exc)
    if isinstance(exc, paramiko.AuthenticationException) or nothing_to_show:
        return LoginRefused(
            hostname,
            "did not accept the username with its password or key",
            hint="set IRRGATE_USERNAME and IRRGATE_PASSWORD, key_file, or load the key in an agent",
        )
    # The last is paramiko's word for a banner that did not come while it began the session.
    silent = ("protocol banner", "No existing session")
    if isinstance(exc, TimeoutError) or any(each in str(exc) for each in silent):
        return ConnectionFailed(hostname, "did not say in time what SSH begins with")
    if isinstance(exc, paramiko.ssh_exception.NoValidConnectionsError):
        return ConnectionFailed(hostname, "does not accept SSH connections")
    said = str(getattr(exc, "strerror", None) or exc) or type(exc).__name__
    return ConnectionFailed(hostname, f"SSH: {said}")

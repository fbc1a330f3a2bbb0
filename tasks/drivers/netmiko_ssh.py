"""Logins by netmiko on which it depends that the router is the one that it should be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import paramiko

from irrgate.errors import DeviceError
from tasks.drivers.errors import LoginRefused
from tasks.drivers.ssh import AcceptAny, RefuseUnknown, load_known_hosts, login_error

if TYPE_CHECKING:
    from netmiko import BaseConnection

VERIFY: Final = "verify_host"
KNOWN_HOSTS: Final = "known_hosts"
LOGIN_TIMEOUT: Final = 30
"""seconds for each part of a login"""


def open_netmiko(  # noqa: PLR0913, PLR0917 - what a login needs
    device_type: str,
    hostname: str,
    username: str,
    password: str,
    timeout: float,
    arguments: dict[str, Any],
) -> BaseConnection:
    """Log in by the netmiko class of `device_type`, and become what `secret` lets us be.

    `arguments` are netmiko's own, and `verify_host` and `known_hosts`; see tasks.connection. All
    later SSH connections that netmiko makes of this one, as for SCP, are verified likewise.
    Raises ConnectionFailed or LoginRefused.
    """
    # Loading netmiko takes a while, which only those should wait who go to a router.
    from netmiko.ssh_dispatcher import CLASS_MAPPER  # noqa: PLC0415

    own = dict(arguments)
    verify, known_hosts = own.pop(VERIFY, True), own.pop(KNOWN_HOSTS, None)
    kind: Any = CLASS_MAPPER[device_type]

    class Verified(kind):  # type: ignore[misc]
        """The class, with a client that knows who it may talk to."""

        def _build_ssh_client(self) -> paramiko.SSHClient:
            client: paramiko.SSHClient = super()._build_ssh_client()
            client.set_missing_host_key_policy(RefuseUnknown() if verify else AcceptAny())
            if verify:
                load_known_hosts(client, hostname, known_hosts)
            return client

    own.setdefault("use_keys", bool(own.get("key_file")))
    wait = min(timeout, LOGIN_TIMEOUT)
    for name in ("conn_timeout", "auth_timeout", "banner_timeout"):
        own.setdefault(name, wait)
    own.setdefault("read_timeout_override", timeout)
    connection = None
    try:
        connection = Verified(
            device_type=device_type,
            host=hostname,
            username=username,
            password=password,
            timeout=timeout,
            auto_connect=False,
            **own,
        )
        connection._open()
        _enable(connection, hostname)
    except DeviceError:
        _cut(connection)
        raise
    except Exception as exc:
        _cut(connection)
        raise login_error(hostname, _cause(exc)) from exc
    opened: BaseConnection = connection
    return opened


def _enable(connection: Any, hostname: str) -> None:
    if connection.check_enable_mode():
        return
    try:
        connection.enable()
    except ValueError:
        refused = LoginRefused(
            hostname,
            "did not accept the enable secret",
            hint="secret under optional_args, or a username that is privileged at login",
        )
        # What netmiko says has the router's answer in it, and whatever that echoed.
        raise refused from None


def _cut(connection: Any) -> None:
    client = getattr(connection, "remote_conn_pre", None)
    if client is not None:
        client.close()


def _cause(exc: Exception) -> Exception:
    """Return what paramiko or the system said, which netmiko wraps into advice of many lines."""
    seen: BaseException | None = exc
    while seen is not None:
        if isinstance(seen, paramiko.SSHException | OSError) and type(seen).__module__ != (
            "netmiko.exceptions"
        ):
            return seen if isinstance(seen, Exception) else exc
        seen = seen.__cause__ or seen.__context__
    if type(exc).__name__ == "ReadTimeout":
        return TimeoutError()
    return exc

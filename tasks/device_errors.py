"""Driver errors as irrgate's own: which router, in which step, in the router's own words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core.inventory import Host

from irrgate.errors import DeviceError, IrrgateError

MAX_WORDS = 400
"""characters of a router's words that are passed on"""

_HINTS = (
    (
        ("CERTIFICATE_VERIFY_FAILED", "certificate verify failed"),
        "name the CA or the router's own certificate as ca_file under optional_args",
    ),
    (
        ("Unknown host key", "SSHUnknownHostError", "not found in known_hosts"),
        "add the router's key to the workspace's known_hosts (ssh-keyscan, then compare)",
    ),
    (
        ("Unauthorized", "ConnectAuthError", "AuthenticationError", "Authentication failed"),
        "set IRRGATE_USERNAME and IRRGATE_PASSWORD, or username and password in the inventory",
    ),
)


@contextmanager
def device_errors(host: Host, step: str) -> Iterator[None]:
    """Turn whatever a driver raises into DeviceError about `host`.

    The drivers raise exceptions of pyeapi, PyEZ, ncclient, netmiko, the ssl and socket modules as
    well as NAPALM's own, so there is no narrower class to catch.
    """
    try:
        yield
    except IrrgateError:
        raise
    except Exception as exc:
        raise DeviceError(host.name, f"{step}: {_words(exc, host)}", hint=_hint(exc)) from exc


def _chain(exc: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = exc
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _hint(exc: BaseException) -> str:
    told = " ".join(f"{type(each).__name__} {each}" for each in _chain(exc))
    return next((hint for marks, hint in _HINTS if any(mark in told for mark in marks)), "")


def _words(exc: BaseException, host: Host) -> str:
    said = str(exc).strip() or type(exc).__name__
    cause = next(
        (
            each
            for each in _chain(exc)
            if isinstance(each, ssl.SSLError | OSError) and each is not exc
        ),
        None,
    )
    if cause is not None and str(cause) not in said:
        said = f"{said} ({cause})"
    for secret in (host.password, host.get_connection_parameters("napalm").password):
        if secret:
            said = said.replace(secret, "***")
    line = " ".join(said.split())
    return "".join(c if c.isprintable() else "?" for c in line)[:MAX_WORDS]

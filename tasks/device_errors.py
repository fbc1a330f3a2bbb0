"""Driver errors as irrgate's own: which router, in which step, in words that tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core.inventory import Host

from irrgate.errors import DeviceError, IrrgateError
from tasks.driver_words import driver_words

MAX_WORDS = 400
"""characters of a router's words that are passed on"""


@contextmanager
def device_errors(host: Host, step: str) -> Iterator[None]:
    """Turn whatever a driver raises into DeviceError about `host`.

    The drivers raise exceptions of pyeapi, PyEZ, ncclient, netmiko, the ssl and socket modules as
    well as NAPALM's own, so there is no narrower class to catch.
    """
    try:
        yield
    except IrrgateError as exc:
        # What a driver of our own says has the router's words in it.
        reason = _printable(exc.reason, host)
        if exc.subject == host.name:
            if reason == exc.reason:
                raise
            raise DeviceError(host.name, reason, hint=exc.hint) from exc
        raise DeviceError(host.name, f"{step}: {reason}", hint=exc.hint) from exc
    except Exception as exc:
        words = driver_words(exc)
        raise DeviceError(
            host.name, f"{step}: {_printable(words.text, host)}", hint=words.hint
        ) from exc


def _printable(said: str, host: Host) -> str:
    """Return the words on one line, without the password or what a terminal would obey."""
    parameters = host.get_connection_parameters("napalm")
    options = (parameters.extras or {}).get("optional_args") or {}
    enable, passphrase = options.get("secret"), options.get("passphrase")
    for secret in (host.password, parameters.password, enable, passphrase):
        if secret:
            said = said.replace(str(secret), "***")
    line = " ".join(said.split())
    return "".join(c if c.isprintable() else "?" for c in line)[:MAX_WORDS]

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
        reason = _without_secrets(exc.reason, host)
        if exc.subject == host.name:
            if reason != exc.reason:
                raise DeviceError(host.name, reason, hint=exc.hint) from exc
            raise
        raise DeviceError(host.name, f"{step}: {reason}", hint=exc.hint) from exc
    except Exception as exc:
        words = driver_words(exc)
        raise DeviceError(
            host.name, f"{step}: {_printable(words.text, host)}", hint=words.hint
        ) from exc


def _printable(said: str, host: Host) -> str:
    """Return the words on one line, without secrets or what a terminal would obey."""
    line = " ".join(_without_secrets(said, host).split())
    return "".join(c if c.isprintable() else "?" for c in line)[:MAX_WORDS]


def _without_secrets(said: str, host: Host) -> str:
    for secret in (host.password, host.get_connection_parameters("napalm").password):
        if secret:
            said = said.replace(secret, "***")
    return said

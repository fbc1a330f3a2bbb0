"""NETCONF sessions with IOS-XR: begun with a host that is known, remembered when lost."""

from __future__ import annotations

import time
from typing import Any, Final

from ncclient import manager
from ncclient.devices.iosxr import IosxrDeviceHandler

from tasks.driver_words import driver_words
from tasks.drivers.errors import ConnectionFailed, LoginRefused

LOGIN_TIMEOUT: Final = 30
"""seconds for the connection, and again for the router's hello"""
_FORGET_AFTER: Final = 3600
"""seconds after which a session that was lost here is not ours to kill any more"""
_REVERTING: Final = 120
"""seconds that a router may need to take back what a lost session had committed"""


class NotXmlError(Exception):
    """What the router sent is no NETCONF."""


class _Handler(IosxrDeviceHandler):  # type: ignore[misc]
    """ncclient's handler for IOS-XR, without its leave to be any host."""

    def add_additional_ssh_connect_params(self, kwargs: dict[str, Any]) -> None:
        """Add none: ncclient's own adds a callback that takes every unknown host key."""

    def handle_raw_dispatch(self, raw: str) -> Exception:
        """Make an error of what is not XML, which would be waited for until the timeout."""
        return NotXmlError(f"answered with what is not XML: {raw[:40]!a}")


def connect(hostname: str, verify: bool, timeout: float, **arguments: Any) -> Any:
    """Return ncclient's Manager of a new session; raises ConnectionFailed or LoginRefused.

    `timeout` is for each request, in seconds; the login gets no more than LOGIN_TIMEOUT.
    """
    try:
        session = manager.connect(
            host=hostname,
            timeout=min(timeout, LOGIN_TIMEOUT),
            device_params={"handler": _Handler},
            hostkey_verify=verify,
            **arguments,
        )
    except Exception as exc:
        words = driver_words(exc)
        refused = type(exc).__name__ == "AuthenticationError"
        failure = LoginRefused if refused else ConnectionFailed
        raise failure(hostname, words.text, hint=words.hint) from exc
    # A config of 100,000 prefixes is one XML text node, which lxml refuses without it.
    session.huge_tree = True
    session.timeout = timeout
    return session


class LostSessions:
    """Sessions that were ended without a word to the router.

    Where the network is broken, the router holds them, and their locks, until it notices.
    """

    def __init__(self) -> None:
        self._lost: dict[tuple[str, int, str], float] = {}

    def add(self, hostname: str, port: int, session: str) -> None:
        """Remember a session by its id."""
        self._lost[hostname, port, session] = time.monotonic()

    def take(self, hostname: str, port: int, session: str) -> bool:
        """Tell whether the session is one of them, and forget it."""
        at = self._lost.pop((hostname, port, session), None)
        return at is not None and time.monotonic() - at < _FORGET_AFTER

    def lately(self, hostname: str, port: int) -> bool:
        """Tell whether the router may still be taking back what one of them had committed."""
        now = time.monotonic()
        return any(
            key[:2] == (hostname, port) and now - at < _REVERTING for key, at in self._lost.items()
        )


LOST: Final = LostSessions()
"""of this process; each connection has a driver of its own"""

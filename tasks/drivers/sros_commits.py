"""What is asked of an SR OS about commits, and how its no to a question is understood."""

from __future__ import annotations

import re
from typing import Final

from lxml import etree

from tasks.drivers.sros_netconf import AUGMENTS, Refused, element

_MAX_COMMENT: Final = 2048
_NONE_WAITS: Final = re.compile(r"persist|confirmed.commit", re.IGNORECASE)
"""what is in the words of a router that knows no commit of a persist-id"""
_ANOTHER_TIME: Final = frozenset({"in-use", "lock-denied", "resource-denied", "access-denied"})
"""errors of RFC 6241 that say nothing of it, whatever the words"""


def committing(comment: str, revert_in: int | None, mark: str) -> etree._Element:
    """Return what commits the candidate; with `revert_in`, in seconds, under a persist-id."""
    request = element("commit")
    if comment:
        request.append(element("comment", comment[:_MAX_COMMENT], ns=AUGMENTS))
    if revert_in is not None:
        request.append(element("confirmed"))
        request.append(element("confirm-timeout", str(revert_in)))
        request.append(element("persist", mark))
    return request


def confirming(mark: str) -> etree._Element:
    """Return what lets a commit stay."""
    return element("commit", element("persist-id", mark))


def waiting_on(mark: str, seconds: int) -> etree._Element:
    """Return what lets a commit wait for so long from now."""
    timeout = element("confirm-timeout", str(seconds))
    return element("commit", element("confirmed"), timeout, element("persist-id", mark))


def cancelling(mark: str) -> etree._Element:
    """Return what takes a commit back."""
    return element("cancel-commit", element("persist-id", mark))


def saving() -> etree._Element:
    """Return what makes the running configuration the one that the router starts with."""
    source, target = element("source", element("running")), element("target", element("startup"))
    return element("copy-config", target, source)


def knows_none(refused: Refused) -> bool:
    """Tell whether a router says by its no to `waiting_on` that no commit of that mark waits."""
    if refused.tag in _ANOTHER_TIME:
        return False
    by_tag = refused.tag == "invalid-value" and "timeout" not in refused.reason
    return by_tag or _NONE_WAITS.search(refused.reason) is not None

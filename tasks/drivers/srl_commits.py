"""The commits of an SR Linux router: who made which, and how far it got.

What is confirmed, taken back and saved is always the router's one commit that waits, or what runs:
its commands take no number. So whose it is has to be looked at before.
"""

from __future__ import annotations

import time
from typing import Any, Final

from tasks.drivers.errors import TimedOut
from tasks.drivers.srl_rpc import JsonRpc
from tasks.drivers.srl_show import inside, listed, plain

_PATH: Final = "/system/configuration"
_UNDER_WAY: Final = frozenset({"validating", "publishing", "checkpoint", "save", "reverting"})
"""states of a commit in which the router is neither at the old configuration nor at the new one"""
_LOOK_AGAIN: Final = 0.2
"""seconds between two looks at a commit that is under way"""

Commit = dict[str, Any]
"""`id`, `status`, `username` and more, by the names of srl_nokia-configuration"""


def is_waiting(commit: Commit) -> bool:
    """Tell whether a commit waits to be confirmed."""
    return commit.get("status") == "unconfirmed"


class Commits:
    """What the router tells of its commits; each look is a request."""

    def __init__(self, rpc: JsonRpc, timeout: float) -> None:
        self._rpc = rpc
        self._timeout = timeout

    def listed(self) -> list[Commit]:
        """Return all that the router remembers."""
        (state,) = self._rpc.get([f"{_PATH}/commit[id=*]"], "state")
        state = plain(state)
        if isinstance(state, dict) and "commit" not in state:
            # An answer may begin at the top of the tree.
            state = inside(state, "system", "configuration")
        return [each for each in listed(state, "commit") if str(each.get("id", "")).isdigit()]

    def settled(self) -> list[Commit]:
        """Return them once none is under way any more; raises TimedOut."""
        deadline = time.monotonic() + self._timeout
        while True:
            commits = self.listed()
            if not any(each.get("status") in _UNDER_WAY for each in commits):
                return commits
            if time.monotonic() > deadline:
                raise TimedOut(self._rpc.hostname, "a commit is still under way on it")
            time.sleep(_LOOK_AGAIN)

    def waiting(self) -> list[Commit]:
        """Return those that wait to be confirmed, whoever made them."""
        return [each for each in self.settled() if is_waiting(each)]

    def run(self, command: str) -> None:
        """Run one of the operational commands, to its end; raises Refused."""
        self._rpc.tool(f"{_PATH}/{command}")
        self.settled()

"""The BGP neighbours that a test gives to an emulated router: now, and from its next commit on.

The router runs no BGP: what a commit does to a session, a test says. Kept in neighbors.json, so
that they are there again after a restart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

Neighbor = Mapping[str, object]


class Neighbors:
    """Called under the chassis lock; `save` keeps a file of the device's directory."""

    def __init__(self, stored: str | None, save: Callable[[str, str], None]) -> None:
        kept = {} if stored is None else json.loads(stored)
        self.now: list[Neighbor] = kept.get("now", [])
        self._next: list[Neighbor] | None = kept.get("next")
        self._before: list[Neighbor] = kept.get("before", [])
        self._back_at: str = kept.get("back_at", "")
        self._save = save

    def set(self, request: Mapping[str, object]) -> None:
        """Replace them by the list `neighbors` of a control request.

        A list `after_commit` is what they become with the next change of the running config, until
        the config from before it is back.
        """
        self.now = _listed(request["neighbors"])
        after = request.get("after_commit")
        self._next = None if after is None else _listed(after)
        self._back_at = ""
        self._keep()

    def follow(self, before: str, after: str) -> None:
        """The running config of the digest `before` gave way to that of `after`; "": at a start."""
        if self._back_at == after:
            self.now, self._back_at = self._before, ""
        elif self._next is not None and before not in {"", after}:
            self._before, self.now, self._next = self.now, self._next, None
            self._back_at = before
        else:
            return
        self._keep()

    def _keep(self) -> None:
        kept = {"now": self.now, "next": self._next, "before": self._before}
        self._save("neighbors.json", json.dumps({**kept, "back_at": self._back_at}))


def _listed(neighbors: object) -> list[Neighbor]:
    if not isinstance(neighbors, list):
        raise TypeError("neighbors must be a list")
    return [dict(neighbor) for neighbor in neighbors]

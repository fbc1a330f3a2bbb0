"""Filters that are not as irrgate left them: somebody has changed them on the router since."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from irrgate.changes import FilterChange, RouterChanges
from irrgate.plan import FilterStatus

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import Left, State


def note_drift(state: State, host: str, changes: RouterChanges) -> RouterChanges:
    """Return the changes, with a word on each that takes back, or keeps, what somebody else did.

    What is as it should be is no drift, whoever brought it there.
    """
    moving = {
        name: each
        for name, each in changes.filters.items()
        if each.status is not FilterStatus.UNCHANGED
    }
    noted = {
        name: replace(moving[name], reason=_with(moving[name].reason, words))
        for name, left in state.left_on(host, moving).items()
        if (words := _drift(moving[name], left))
    }
    return replace(changes, filters={**changes.filters, **noted}) if noted else changes


def _drift(change: FilterChange, left: Left) -> str:
    held = change.running.prefixes.digest if change.running else None
    if held == left.digest:
        return ""
    if held is None:
        return f"drift: removed on the router since deployment {left.deployment}"
    how = "made anew" if left.digest is None else "changed"
    return f"drift: {how} on the router since deployment {left.deployment}"


def _with(reason: str, words: str) -> str:
    return f"{words}; {reason}" if reason else words

"""change_windows as a person wrote it, as the value that is asked."""

from __future__ import annotations

from irrgate.windows import ChangeWindows, Window
from irrgate.workspace.models import ChangeWindowsEntry


def change_windows(entry: ChangeWindowsEntry) -> ChangeWindows:
    """Return the windows of a network, a host, a group or the defaults."""
    return ChangeWindows(
        time_zone=entry.time_zone,
        windows=tuple(
            Window(frozenset[int]().union(*each.days), *each.hours) for each in entry.allow
        ),
        freezes=tuple(sorted(set(entry.freeze))),
    )

"""The state and the time, as the command line gets them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from irrgate.network import Workspace
from playbooks.terminal import Terminal

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import State


def open_workspace_state(terminal: Terminal, workspace: Workspace) -> State:
    """Open the workspace's state, made where there is none; raises StateError."""
    from irrgate.state import open_state  # noqa: PLC0415

    return open_state(workspace.directory, workspace.network.state.url, terminal.environ)


def now() -> datetime:
    """Return the time with the machine's zone."""
    return datetime.now().astimezone()

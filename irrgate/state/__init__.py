"""What irrgate remembers between runs: filters that were good, deployments, and who is at work.

SQLAlchemy takes 0.1 s to load, so only the commands that need the state import this package.
"""

from irrgate.state.locks import HostLock
from irrgate.state.records import (
    DONE,
    Acceptance,
    Deployment,
    DeploymentHost,
    DeploymentKind,
    Filters,
    GoodBy,
    GoodFilter,
    HeldFilter,
    JournalEntry,
    Left,
    Stored,
)
from irrgate.state.store import URL_VARIABLE, State, open_state

__all__ = [
    "DONE",
    "URL_VARIABLE",
    "Acceptance",
    "Deployment",
    "DeploymentHost",
    "DeploymentKind",
    "Filters",
    "GoodBy",
    "GoodFilter",
    "HeldFilter",
    "HostLock",
    "JournalEntry",
    "Left",
    "State",
    "Stored",
    "open_state",
]

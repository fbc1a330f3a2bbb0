"""Reads a workspace's files into the types of `irrgate.network`, and names every error in them."""

from irrgate.workspace.complaints import WorkspaceErrors
from irrgate.workspace.loading import digest, load_workspace

__all__ = ["WorkspaceErrors", "digest", "load_workspace"]

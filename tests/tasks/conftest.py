"""The tasks are tried on the routers that the end-to-end tests share."""

from __future__ import annotations

from tests.e2e.conftest import commands, desk, lab

__all__ = ["commands", "desk", "lab"]

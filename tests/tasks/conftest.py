"""The tasks are tried on the routers that the end-to-end tests share."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import commands, desk, lab

__all__ = ["commands", "desk", "lab"]


@pytest.fixture
def read_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a platform's parser read a candidate in another way than the router does.

    Otherwise a plan that intends something else than its candidate says is held at once.
    """
    monkeypatch.setattr("tasks.commit.candidate_doubt", lambda *_: "")

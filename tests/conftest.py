"""What all tests share: hypothesis without a stopwatch, and the switch that renews golden files."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A loaded machine is slow now and then, which says nothing about the code.
settings.register_profile("irrgate", deadline=None)
settings.load_profile("irrgate")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite the files of tests/golden, to be reviewed"
    )

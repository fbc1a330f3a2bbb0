"""Other people's programs that say whether what is shipped is right."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def checker(name: str) -> str:
    """Return the program's path; without it the test is skipped, and in CI it fails."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:{Path(sys.executable).parent}")
    if found is None:
        missing = f"{name} is missing: sh .ci/install-checkers .venv/bin"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


def check(name: str, *arguments: str | Path, stdin: str = "") -> str:
    """Run a checker that must be content; return what it printed."""
    done = subprocess.run(
        [checker(name), *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout

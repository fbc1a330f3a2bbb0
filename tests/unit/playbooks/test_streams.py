"""Standard output that fails, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import sys
from playbooks.streams import StandardStreams
streams = StandardStreams()
for n in range(20000):
    print(f"line {n} \\u2502 \\xe9")
print("told", file=sys.stderr)
print("failure:", streams.failure(), file=sys.stderr)
sys.exit(3)
"""


def run(stdout: int, **environ: str) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
        check=False,
    )
    return done.returncode, done.stderr


def test_a_reader_that_is_gone_changes_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    assert run(write) == (3, b"told\nfailure: \n")
    os.close(write)


def test_a_full_disk_is_a_failure() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    assert run(full) == (3, b"told\nfailure: No space left on device\n")
    os.close(full)


@pytest.mark.parametrize(("encoding", "last"), [("utf-8", "│ é"), ("ascii", "? ?")])
def test_what_an_encoding_lacks_is_shown_as_a_question_mark(encoding: str, last: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    lines = done.stdout.decode(encoding).splitlines()
    assert len(lines) == 20000
    assert lines[-1] == f"line 19999 {last}"

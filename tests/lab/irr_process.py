"""Starts the IRR servers of tests and benchmarks as processes of their own, and always ends them.

Each prints `listening on port N` when it is ready, on loopback.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 20.0
END_SECONDS = 5.0


class NotReadyError(AssertionError):
    """A server that did not come up."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that accepts connections on 127.0.0.1."""

    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def running(*argv: str) -> Iterator[Running]:
    """Run `python ARGV` from the root of the repository while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield Running(_port(process), process)
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def irr_server(snapshot: Path, *options: str) -> Iterator[Running]:
    """Run the embedded IRR server (`irrgate irr serve`) on a free port."""
    argv = ("-m", "playbooks.irr", "serve", "--snapshot", str(snapshot), "--port", "0")
    with running(*argv, *options) as server:
        yield server


def _port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    until = time.monotonic() + READY_SECONDS
    line = b""
    while not line.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            raise NotReadyError(f"{process.args!r} said {line!r} in {READY_SECONDS:g} s")
        byte = os.read(process.stdout.fileno(), 1)
        if not byte:
            raise NotReadyError(f"{process.args!r} ended with {process.wait()}")
        line += byte
    return int(line.rsplit(b" ", 1)[1])

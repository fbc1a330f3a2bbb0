"""How the demos tell what happens: a heading, the command as it is typed, and what it prints."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from tests.lab.network import LabNetwork, irrgate_argv


class Style(StrEnum):
    """What a terminal is told; anything else that reads the demo gets plain text."""

    HEADING = "1;36"
    COMMAND = "1"
    GOOD = "32"
    BAD = "31"
    QUIET = "2"


def paint(text: str, style: Style) -> str:
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{style}m{text}\033[0m"


def say(text: str) -> None:
    print(f"\n{paint(f'── {text}', Style.HEADING)}", flush=True)


def run(network: LabNetwork, *arguments: str, expect: int = 0) -> None:
    """Run irrgate on the workspace, and stop the demo if it does not end as it must."""
    print(paint(f"$ irrgate {' '.join(arguments)}", Style.COMMAND), flush=True)
    command = [*irrgate_argv(), *arguments]
    with subprocess.Popen(command, cwd=network.directory, env=network.environ) as process:
        try:
            process.wait()
        except KeyboardInterrupt:
            # It has been told as well, and leaves its routers clean, which must outlast it.
            process.wait()
            raise
    if process.returncode != expect:
        raise SystemExit(f"demo: exit code {process.returncode}, where {expect} was expected")


@contextmanager
def interruptible() -> Iterator[None]:
    """End at Ctrl-C without a word, once all that was started has ended."""
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None

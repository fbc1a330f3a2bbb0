"""Standard streams whose failing does not change what a command has done, or says it has.

An apply whose reader is gone (`irrgate apply plan.zip | head -1`) has committed all the same, and
its exit code must say so.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any, TextIO


class _Forgiving(io.FileIO):
    """A descriptor that swallows what cannot be written; `failure` says why it could not be."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, or note why not and write nowhere from then on."""
        try:
            return super().write(data)
        except BrokenPipeError:
            self._silence()
        except OSError as exc:
            self.failure = exc
            self._silence()
        return len(data)

    def _silence(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


class StandardStreams:
    """Takes the place of sys.stdout and sys.stderr."""

    def __init__(self) -> None:
        # A descriptor that is closed would be given to the next file or socket that is opened.
        for number in (0, 1, 2):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        self._out = _Forgiving(1, "w", closefd=False)
        self._err = _Forgiving(2, "w", closefd=False)
        sys.stdout = _text(self._out, sys.stdout)
        sys.stderr = _text(self._err, sys.stderr)

    def failure(self) -> str:
        """Flush, and return why a part of the results is lost: a full disk, but no closed pipe."""
        sys.stdout.flush()
        sys.stderr.flush()
        return "" if self._out.failure is None else str(self._out.failure.strerror)


def _text(raw: _Forgiving, old: TextIO | None) -> io.TextIOWrapper:
    # What the terminal's encoding does not have is shown as ?, and no reason to stop.
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old is not None else "utf-8",
        errors="replace",
        line_buffering=raw.isatty(),
    )

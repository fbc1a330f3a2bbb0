"""A file that is there as a whole or not at all, whoever reads it meanwhile."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int, *, suffix: str = "") -> None:
    """Write a file by a temporary name beside it (with this suffix) and a rename.

    It is on the disk before it takes the place of the old one. Raises OSError, and then the old one
    stands.
    """
    made: str | None = None
    try:
        descriptor, made = tempfile.mkstemp(prefix=".irrgate-", suffix=suffix, dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(path)
        made = None
    finally:
        if made is not None:
            with suppress(OSError):
                Path(made).unlink()

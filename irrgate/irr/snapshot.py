"""RPSL dumps into a snapshot: one SQLite file that is whole or not there.

The snapshot is written beside its place under one fixed name that a lock guards, synced to disk
and renamed. So a load that is killed leaves the old snapshot standing, and the file that it leaves
is taken over by the next load; a server that has the old snapshot open keeps it.
"""

from __future__ import annotations

import fcntl
import gzip
import io
import os
import sqlite3
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from irrgate.errors import SnapshotError
from irrgate.irr import snapshot_tables
from irrgate.irr.collection import Collection, DumpCollector, OnProblem, Problem, ProblemKind
from irrgate.irr.rpsl_dump import BrokenObject, read_chunks

__all__ = ["LoadReport", "Problem", "ProblemKind", "load_dumps"]

STANDARD_INPUT: Final = "-"
_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load found: objects kept, by source and class, and everything that was not.

    `duplicates` counts route objects whose prefix and origin the same source has already.
    """

    objects: dict[str, dict[str, int]]
    duplicates: int
    ignored: dict[str, int]
    problems: dict[ProblemKind, int]

    @property
    def kept(self) -> int:
        """The number of objects in the snapshot."""
        return sum(sum(classes.values()) for classes in self.objects.values())


def load_dumps(
    paths: Sequence[Path | str],
    snapshot_path: Path,
    *,
    on_problem: Callable[[Problem], None],
    default_source: str = "",
) -> LoadReport:
    """Read RPSL dumps (plain or gzip; `-` is standard input) into a new snapshot.

    `on_problem` is called for every object or member that is skipped, as it is met. An object
    without `source:` belongs to `default_source`, and is a broken one where that is empty.
    Raises SnapshotError when a dump cannot be read to its end, when not one object was in them,
    or when the snapshot cannot be written; the snapshot that was there stays then.
    """
    with _replacing(snapshot_path) as temporary:
        collection = Collection()
        newest = 0.0
        for path in paths:
            newest = max(newest, _read_dump(str(path), collection, on_problem, default_source))
        if not collection.sources:
            raise SnapshotError(
                ", ".join(str(path) for path in paths) or "irr load",
                "no RPSL object that decides a filter was found",
                hint="route, route6, as-set, route-set and aut-num objects are read",
            )
        try:
            counts = snapshot_tables.write(temporary, collection, newest)
        except sqlite3.Error as exc:
            raise SnapshotError(str(temporary), f"cannot be written: {exc}") from exc
        return LoadReport(
            counts.objects, counts.duplicates, dict(collection.ignored), dict(collection.problems)
        )


def _read_dump(
    path: str, collection: Collection, on_problem: OnProblem, default_source: str
) -> float:
    """Read one dump; return when its file was last changed (seconds since 1970), 0 for a pipe."""
    name = "standard input" if path == STANDARD_INPUT else path
    collector = DumpCollector(collection, name, on_problem, default_source)
    try:
        with ExitStack() as stack:
            stream = _open(path, stack)
            for chunk in read_chunks(stream):
                collector.read(chunk)
        return 0.0 if path == STANDARD_INPUT else Path(path).stat().st_mtime
    except BrokenObject as exc:
        raise SnapshotError(
            f"{name}:{exc.line + 1}", exc.reason, hint="is this a dump of RPSL objects?"
        ) from exc
    except (EOFError, zlib.error, gzip.BadGzipFile) as exc:
        raise SnapshotError(
            name,
            f"the gzip file is truncated or damaged: {exc}",
            hint="nothing of it was loaded; fetch it again",
        ) from exc
    except OSError as exc:
        raise SnapshotError(name, f"cannot be read: {exc.strerror or exc}") from exc


def _open(path: str, stack: ExitStack) -> BinaryIO:
    """Open a dump; what it holds, and not its name, says whether it is compressed."""
    if path == STANDARD_INPUT:
        raw = io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False))
    else:
        raw = io.BufferedReader(io.FileIO(path))
    stack.enter_context(raw)
    if raw.peek(2)[:2] == _GZIP_MAGIC:
        return cast("BinaryIO", stack.enter_context(gzip.open(raw)))
    return raw


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """Give a path to write to, which becomes `target` if the block ends well."""
    temporary = target.with_name(f"{target.name}.loading")
    try:
        descriptor = _lock(temporary)
    except BlockingIOError:
        raise SnapshotError(str(target), "another load is writing it at this moment") from None
    except OSError as exc:
        raise SnapshotError(str(target), f"cannot be written: {exc.strerror}") from exc
    try:
        yield temporary
        os.fsync(descriptor)
        temporary.replace(target)
        _sync_directory(target.parent)
    except OSError as exc:
        raise SnapshotError(str(target), f"cannot be written: {exc.strerror}") from exc
    finally:
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), temporary.stat()):
                temporary.unlink()
        os.close(descriptor)


def _lock(path: Path) -> int:
    """Open an empty file under an exclusive lock, which the kernel drops with the process."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another load may have renamed the file between the open and the lock.
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), path.stat()):
                    os.truncate(descriptor, 0)
                    return descriptor
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

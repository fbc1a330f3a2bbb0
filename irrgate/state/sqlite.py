"""The state in a file: `.irrgate/state.db` of the workspace."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, QueuePool, create_engine, event

from irrgate.errors import StateError
from irrgate.state.database import Database

FOLDER: Final = ".irrgate"
FILE: Final = "state.db"
BUSY_SECONDS: Final = 60
"""how long a run waits for another's transaction; each takes well under a second"""

_DAMAGED: Final = (
    "it is left as it is: move it away and restore a backup, or begin with an empty state"
)
_REASONS: Final = {
    sqlite3.SQLITE_CORRUPT: ("is damaged", _DAMAGED),
    sqlite3.SQLITE_NOTADB: ("is no SQLite database, or a damaged one", _DAMAGED),
    sqlite3.SQLITE_READONLY: (
        "cannot be written: it or its folder is read-only",
        "see its owner and mode",
    ),
    sqlite3.SQLITE_PERM: ("may not be opened", "see its owner and mode"),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened, or no file be made beside it",
        "see the owner and mode of its folder, and whether the disk is full",
    ),
    sqlite3.SQLITE_FULL: ("cannot be written: the disk is full", "make room, then run it again"),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk is full or fails",
        "make room; look at the system's log",
    ),
    sqlite3.SQLITE_BUSY: (
        f"has been in use by another program for {BUSY_SECONDS} seconds",
        "end what holds it, then run it again",
    ),
}  # fmt: skip


def open_file(directory: Path) -> Database:
    """Open or make the database of the workspace in `directory`; raises StateError."""
    path = directory / FOLDER / FILE
    _make(path)
    url = URL.create("sqlite", database=str(path))
    # As many connections as threads: each waits for its turn, and none for a connection.
    engine = create_engine(
        url, poolclass=QueuePool, max_overflow=-1, connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,
    )  # fmt: skip
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    database = Database(engine, str(path), _explain)
    try:
        _check(database)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: Database) -> None:
    """Read all of it once, 0.4 s for 270 MB, so that damage is not found between two routers."""
    with database.reading() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one()
    if found != "ok":
        raise StateError(
            database.where, f"is damaged: {' '.join(str(found).split())}", hint=_DAMAGED
        )


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may enter, whatever the umask; OSError."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise
        if not found.st_mode & 0o077 or found.st_uid != os.geteuid():
            return
    folder.chmod(0o700)


def _make(path: Path) -> None:
    """Make the file, empty, before SQLite does: it would take its mode from the umask."""
    try:
        make_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise StateError(str(path), "is no file", hint="move it out of the way")
            if stat.S_IMODE(found.st_mode) != 0o600 and found.st_uid == os.geteuid():
                os.fchmod(descriptor, 0o600)
            if not found.st_size:
                _sync_folders(path)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise StateError(
            str(exc.filename or path),
            f"cannot be opened for writing: {exc.strerror}",
            hint="the state lies there; see the owner and mode of the folder, and the disk",
        ) from exc


def _sync_folders(path: Path) -> None:
    """Make the names of a new file and folder durable; SQLite does so for its other files."""
    for folder in (path.parent, path.parent.parent):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for another's write.
    writing = connection.get_execution_options().get("irrgate_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _explain(exc: BaseException) -> tuple[str, str]:
    if isinstance(exc, sqlite3.IntegrityError):
        return f"refuses an entry that contradicts what it holds: {exc}", ""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    reason, hint = _REASONS.get(code, ("cannot be used", ""))
    return f"{reason} ({exc})", hint

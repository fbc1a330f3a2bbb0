"""Locks that the kernel or the server frees when the run that holds them dies.

So nobody has to guess whether a lock is stale: while it is held, its holder lives.
"""

from __future__ import annotations

import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self
from urllib.parse import quote

from irrgate.errors import LockedError, StateError
from irrgate.state.sqlite import make_folder
from irrgate.state.texts import told

Clock = Callable[[], datetime]

_MOST_OF_A_HOLDER: Final = 4096
"""bytes read of a lock file"""

_LONGEST_NAME: Final = 200
"""characters; file systems take 255 bytes, and quoting makes three of one"""


class Locked(StrEnum):
    """What can be locked; the value is the folder of its lock files, below the hosts' own."""

    HOST = ""
    """a router: nobody else changes it"""
    RUN = "running"
    """a deployment, by its number: its process lives"""


class HostLock(ABC):
    """A lock that is held until `release`, the end of its block, or the end of the process."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def check(self) -> None:
        """Raise LockedError when the lock was lost, so that another run may be at work."""

    @abstractmethod
    def release(self) -> None:
        """Give the lock back; a second time does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


def described(holder: str, since: datetime) -> str:
    """Return who holds a lock and since when, for the message to another run."""
    return f"{told(holder)}, since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def taken(name: str, holder: str) -> LockedError:
    """Return the error for a lock that another run holds; `holder` may be empty."""
    return LockedError(
        name,
        f"another run is at work on it{f': {holder}' if holder else ''}",
        hint="wait until it has ended; its lock goes with it, however it ends",
    )


def lost(name: str, reason: str) -> LockedError:
    """Return the error for a lock that is not held any more."""
    return LockedError(
        name,
        f"the lock on it was lost: {reason}",
        hint="another run may be at work on it; run this again",
    )


class Locks(Protocol):
    """Where locks are taken."""

    def take(self, what: Locked, name: str, holder: str) -> HostLock:
        """Take the lock or raise LockedError; StateError when none can be taken at all."""

    def close(self) -> None:
        """Give back all locks that are still held."""


class FileLocks:
    """Locks of one machine: a file each, locked with flock(2)."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._held: set[_FileLock] = set()

    def take(self, what: Locked, name: str, holder: str) -> HostLock:
        """Take the lock or raise LockedError; StateError when there can be no lock file."""
        path = self._folder / what / _file_name(name)
        try:
            make_folder(self._folder)
            make_folder(path.parent)
            descriptor = _locked(path)
        except BlockingIOError:
            raise taken(name, _holder(path)) from None
        except OSError as exc:
            raise _unusable(path, exc) from exc
        lock = _FileLock(name, path, descriptor, self._held)
        self._held.add(lock)
        try:
            text = f"{described(holder, self._clock())}\n"
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text.encode(), 0)
        except OSError as exc:
            lock.release()
            raise _unusable(path, exc) from exc
        except BaseException:
            lock.release()
            raise
        return lock

    def close(self) -> None:
        """Give back all locks that are still held."""
        for lock in tuple(self._held):
            lock.release()


def _file_name(name: str) -> str:
    quoted = quote(name, safe="", errors="surrogatepass")
    if len(quoted) > _LONGEST_NAME:
        quoted = sha256(quoted.encode()).hexdigest()
    return f"{quoted}.lock"


def _unusable(path: Path, exc: OSError) -> StateError:
    return StateError(
        str(exc.filename or path),
        f"cannot be locked: {exc.strerror}",
        hint="a router is locked there while a run is at work on it; see its owner and the disk",
    )


def _locked(path: Path) -> int:
    """Return a descriptor of the file that has the path and is locked; BlockingIOError."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        # Its holder removed it between our open and our lock.
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    ours = os.fstat(descriptor)
    try:
        there = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)


def _holder(path: Path) -> str:
    with suppress(OSError), path.open("rb") as file:
        return told(file.read(_MOST_OF_A_HOLDER).decode(errors="replace").strip())
    return ""


class _FileLock(HostLock):
    def __init__(self, name: str, path: Path, descriptor: int, held: set[_FileLock]) -> None:
        super().__init__(name)
        self._path = path
        self._held = held
        self._descriptor: int | None = descriptor

    def check(self) -> None:
        if self._descriptor is None:
            raise lost(self.name, "it was given back")
        if not _is_at(self._descriptor, self._path):
            raise lost(self.name, f"{self._path} was removed or replaced")

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        self._held.discard(self)
        try:
            # Removed while it is held: who opened it before finds that out (see `_locked`).
            if _is_at(descriptor, self._path):
                self._path.unlink(missing_ok=True)
        except OSError:
            pass  # It stays, and is as good for the next holder.
        finally:
            os.close(descriptor)

"""Which snapshot is current, and which ones are still in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from irrgate.errors import SnapshotError
from irrgate.irr.registry import Registry


class CurrentRegistry:
    """The snapshot at a path: opened again when another file was renamed into its place.

    Each client holds the snapshot that was current when it came; one that nobody holds and that
    is not current any more is closed.
    """

    def __init__(self, path: Path, on_warning: Callable[[str], None]) -> None:
        self._path = path
        self._on_warning = on_warning
        self._identity = _identity(path)
        self._current = Registry.open(path)
        self._holders: dict[int, int] = {}

    def acquire(self) -> Registry:
        """Return the snapshot that is current now; give it back with release()."""
        identity = _identity(self._path)
        if identity is not None and identity != self._identity:
            self._identity = identity
            try:
                fresh = Registry.open(self._path)
            except SnapshotError as exc:
                self._on_warning(f"{exc}; the snapshot before it goes on being served")
            else:
                old, self._current = self._current, fresh
                if not self._holders.get(id(old)):
                    old.close()
        self._holders[id(self._current)] = self._holders.get(id(self._current), 0) + 1
        return self._current

    def release(self, registry: Registry) -> None:
        """Say that a client is done with a snapshot."""
        self._holders[id(registry)] -= 1
        if not self._holders[id(registry)]:
            del self._holders[id(registry)]
            if registry is not self._current:
                registry.close()

    def close(self) -> None:
        """Close the current snapshot."""
        self._current.close()


def _identity(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

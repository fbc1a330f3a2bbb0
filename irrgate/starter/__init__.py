"""The commented workspace that a network starts from."""

from __future__ import annotations

import os
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from irrgate.errors import WorkspaceError

# Under its own name it would be in force here.
_WRITTEN_AS: Final = {"gitignore.txt": ".gitignore"}


def starter_files() -> dict[str, bytes]:
    """Return the starter's files by their paths in a workspace, in order."""
    files: dict[str, bytes] = {}

    def collect(folder: Traversable, path: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda each: each.name):
            if entry.is_dir():
                collect(entry, f"{path}{entry.name}/")
            else:
                files[path + _WRITTEN_AS.get(entry.name, entry.name)] = entry.read_bytes()

    collect(resources.files("irrgate.starter") / "files", "")
    return files


def write_starter(directory: Path) -> tuple[Path, ...]:
    """Write the starter into `directory`, which may exist, and return the files written.

    Overwrites nothing: where one of its files is there already, WorkspaceError names it and
    nothing is written.
    """
    files = starter_files()
    written: list[Path] = []
    try:
        for name in files:
            if os.path.lexists(directory / name):
                raise WorkspaceError(
                    str(directory / name),
                    "is there already",
                    hint="irrgate init overwrites nothing: name a new DIR",
                )
        for name, content in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            # Exclusive: what came into being since the check is not overwritten either.
            with path.open("xb") as file:
                written.append(path)
                file.write(content)
    except OSError as exc:
        for path in written:
            path.unlink(missing_ok=True)
        raise WorkspaceError(
            str(exc.filename or directory), f"cannot be written: {exc.strerror}"
        ) from exc
    return tuple(written)

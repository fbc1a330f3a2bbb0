"""Programs that stand in for bgpq4 where the real one does not misbehave on demand."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class _Process(NamedTuple):
    pid: int
    state: str
    parent: int
    group: int


def script(directory: Path, body: str, name: str = "bgpq4") -> str:
    """Write a shell script and return its path."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return str(path)


def children(parent: int | None = None) -> list[int]:
    """The child processes, zombies included; not the routers and servers that other tests keep."""
    wanted = parent or os.getpid()
    return [each.pid for each in _processes() if each.parent == wanted and not _is_python(each.pid)]


def _is_python(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(Path(os.fsdecode(word)).name.startswith("python") for word in words[:2])


def bgpq4_children(parent: int | None = None) -> list[int]:
    """Those of the child processes that are bgpq4; one may end while we look."""
    found = []
    for pid in children(parent):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "bgpq4":
                found.append(pid)
    return found


def group(leader: int) -> list[int]:
    """What runs in a process group; whoever was killed and only waits to be reaped does not."""
    return [each.pid for each in _processes() if each.group == leader and each.state != "Z"]


def alive(pid: int) -> bool:
    """Whether there is such a process, if only as a zombie."""
    return Path(f"/proc/{pid}").exists()


def _processes() -> Iterator[_Process]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            state, parent, of_group = stat.rpartition(")")[2].split()[:3]
            yield _Process(int(entry.name), state, int(parent), int(of_group))

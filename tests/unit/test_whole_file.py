"""A file that is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from irrgate.whole_file import write_whole


def test_it_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old and longer")
    write_whole(path, b"new", 0o640)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_take_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="irectory"):
        write_whole(path, b"new", 0o600, suffix=".new")
    assert list(tmp_path.iterdir()) == [path]
    assert (path / "inside").is_dir()

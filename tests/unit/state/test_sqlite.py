"""The state in a file: whose it is, and what is said of one that cannot be used."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from irrgate.errors import StateError
from irrgate.state import State, open_state
from irrgate.state.schema import SCHEMA_VERSION
from tests.unit.filters_made import prefixes
from tests.unit.state.places import NAME, NEW, NOW, OLD, Place, deploy, good

NOBODY: Final = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(place: Place) -> StateError:
    with pytest.raises(StateError) as caught:
        place.open()
    assert str(place.directory) in caught.value.subject
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("umask", [0, 0o777])
def test_only_its_owner_can_read_it_whatever_the_umask(place: Place, umask: int) -> None:
    before = os.umask(umask)
    try:
        with place.open() as state, state.lock("edge1", "ana"):
            deploy(state, {}, {}, outcome=None)
            files = {path for path in place.database.parent.rglob("*") if path.is_file()}
            assert {path.name for path in files} >= {
                "state.db", "state.db-wal", "state.db-shm", "edge1.lock", "1.lock",
            }  # fmt: skip
            assert {mode(path) for path in files} == {0o600}
            folders = [path for path in place.directory.rglob("*") if path.is_dir()]
            assert {mode(path) for path in folders} == {0o700}
    finally:
        os.umask(before)


def test_what_others_could_read_is_closed_to_them(place: Place) -> None:
    place.open().close()
    place.database.chmod(0o644)
    place.database.parent.chmod(0o755)
    place.open().close()
    assert (mode(place.database), mode(place.database.parent)) == (0o600, 0o700)


def test_without_a_url_it_is_a_file(place: Place) -> None:
    for environ in ({}, {"IRRGATE_STATE_URL": ""}):
        with open_state(place.directory, None, environ) as state:
            assert state.where == str(place.database)
            assert state.stored().schema == SCHEMA_VERSION


def test_the_environment_comes_before_the_workspace(place: Place) -> None:
    environ = {"IRRGATE_STATE_URL": "oracle://there"}
    with pytest.raises(StateError, match="no URL of a PostgreSQL database"):
        open_state(place.directory, "postgresql://127.0.0.1:1/here", environ)


def test_one_of_a_newer_irrgate_is_left_alone(place: Place) -> None:
    place.open().close()
    with sqlite3.connect(place.database) as connection:
        connection.execute("UPDATE irrgate_schema SET version = version + 1")
    connection.close()
    before = place.database.read_bytes()
    told = refused(place)
    newer = SCHEMA_VERSION + 1
    assert f"by a newer irrgate (version {newer}; this one reads {SCHEMA_VERSION})" in told.reason
    assert place.database.read_bytes() == before


@pytest.mark.parametrize("statement", ["DELETE FROM irrgate_schema", "DROP TABLE irrgate_schema"])
def test_one_that_does_not_say_its_version(place: Place, statement: str) -> None:
    place.open().close()
    with sqlite3.connect(place.database) as connection:
        connection.execute(statement)
    connection.close()
    assert refused(place).reason


def test_the_database_of_another_program(place: Place) -> None:
    place.database.parent.mkdir()
    with sqlite3.connect(place.database) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    assert "'songs' and is no state of irrgate's" in refused(place).reason


@pytest.mark.parametrize(
    "content", [b"\0" * 8192, b"not a database\n" * 400, b"SQLite format 3\0" + b"\xff" * 8176]
)
def test_a_file_that_is_no_database(place: Place, content: bytes) -> None:
    place.database.parent.mkdir()
    place.database.write_bytes(content)
    assert "no SQLite database" in refused(place).reason
    assert place.database.read_bytes() == content


def filled(place: Place) -> None:
    with place.open() as state:
        state.keep_good(good(), OLD)
        for number in range(30):
            content = prefixes(*(f"10.{number}.{n}.0/24" for n in range(0, 256, 2)))
            deploy(state, {}, {NAME: state.keep_prefixes(content)})


def test_damage_anywhere_is_told_and_nothing_is_replaced(place: Place) -> None:
    filled(place)
    whole = place.database.read_bytes()
    page = 4096
    for number in range(1, len(whole) // page):
        damaged = bytearray(whole)
        damaged[number * page : number * page + 200] = b"\xa5" * 200
        place.database.write_bytes(damaged)
        assert "damaged" in refused(place).reason, number
        assert place.database.read_bytes() == damaged


def test_a_database_that_was_cut_off(place: Place) -> None:
    filled(place)
    os.truncate(place.database, place.database.stat().st_size // 2)
    assert "damaged" in refused(place).reason


def test_damage_within_a_prefix_set_is_told(place: Place) -> None:
    with place.open() as state:
        state.keep_good(good(), OLD)
        state.keep_prefixes(NEW)
    with sqlite3.connect(place.database) as connection:
        swap = "UPDATE prefix_sets SET packed = (SELECT packed FROM prefix_sets WHERE digest = ?)"
        connection.execute(swap, (NEW.digest,))
    connection.close()
    with place.open() as state:
        assert state.prefixes(NEW.digest) == NEW
        with pytest.raises(StateError, match="not what was kept"):
            state.prefixes(OLD.digest)
    for wrong in (b"", b"abc", b"x\x9c"):
        with sqlite3.connect(place.database) as connection:
            connection.execute("UPDATE prefix_sets SET packed = ?", (wrong,))
        connection.close()
        with place.open() as state, pytest.raises(StateError, match="not what was kept"):
            state.prefixes(OLD.digest)


@pytest.mark.parametrize(
    "change", ["afi = 'ipv5'", "peer = -1", f"expanded_at = {1 << 62}", "expanded_at = 'now'"]
)
def test_a_row_that_irrgate_never_wrote(place: Place, change: str) -> None:
    with place.open() as state:
        state.keep_good(good(), OLD)
        with sqlite3.connect(place.database) as connection:
            connection.execute(f"UPDATE good_filters SET {change}")
        connection.close()
        with pytest.raises(StateError, match="what irrgate never wrote"):
            state.good(NAME)


@pytest.mark.parametrize("what", [".irrgate", ".irrgate/state.db"])
def test_something_else_in_its_place(place: Place, what: str) -> None:
    there = place.directory / what
    if what == ".irrgate":
        there.write_text("a file")
    else:
        there.mkdir(parents=True)
    assert "cannot be opened" in refused(place).reason
    assert there.exists()


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in refused(Place(tmp_path / "nowhere")).reason


@contextmanager
def unprivileged() -> Iterator[Place]:
    """Give a place as a user whom the mode of a file stops, which root is not."""
    with tempfile.TemporaryDirectory() as made:
        user = NOBODY if os.geteuid() == 0 else os.geteuid()
        os.chown(made, user, -1)
        before = os.geteuid()
        os.seteuid(user)
        try:
            yield Place(Path(made))
        finally:
            os.seteuid(before)


@pytest.mark.parametrize("what", [".", ".irrgate", ".irrgate/state.db"])
def test_what_may_not_be_written(what: str) -> None:
    with unprivileged() as place:
        if what != ".":
            filled(place)
        target = place.directory / what
        target.chmod(0o500 if target.is_dir() else 0o400)
        try:
            told = refused(place)
        finally:
            target.chmod(0o700)
        assert "cannot be opened" in told.reason or "read-only" in told.reason
        assert str(target) in told.subject


_FULL: Final = """
import os, sys
from pathlib import Path
from irrgate.errors import StateError
from tests.unit.state.places import Place, deploy, good
from tests.unit.filters_made import prefixes

place = Place(Path(sys.argv[1]))
filler = place.directory / "filler"
written = []
with place.open() as state:
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, int(sys.argv[2]))
    try:
        for number in range(10_000):
            content = prefixes(*(f"10.{number % 256}.{n}.0/24" for n in range(0, 256, 2)))
            state.keep_good(good(content, name=f"IRR-AS{number}-V4"), content)
            written.append(number)
    except StateError as exc:
        print(exc, "|", exc.hint)
try:
    with place.open() as state:
        print(len(state.goods()) == len(written))
except StateError as exc:
    print(exc, "|", exc.hint)
filler.unlink()
with place.open() as state:
    goods = state.goods()
    assert list(goods) == sorted(f"IRR-AS{number}-V4" for number in written)
    assert all(state.prefixes(each.digest).digest == each.digest for each in goods.values())
    deploy(state, {}, {})
    print("works", len(written) > 5)
"""

_READ_ONLY: Final = """
import os, subprocess, sys
from pathlib import Path
from irrgate.errors import StateError
from tests.unit.state.places import Place, deploy

place = Place(Path(sys.argv[1]))
with place.open() as state:
    deploy(state, {}, {})
subprocess.run(["mount", "-o", "remount,ro", sys.argv[1]], check=True)
try:
    place.open()
except StateError as exc:
    print(exc, "|", exc.hint)
"""


def in_small_disk(script: str, directory: Path, *arguments: str) -> list[str]:
    """Run the script with a disk of 1 MB at the directory, which goes with the process."""
    unshare = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    mount = f'mount -t tmpfs -o size=1m tmpfs "{directory}" || exit 77; exec "$@"'
    done = subprocess.run(
        [*unshare, "sh", "-c", mount, "sh", sys.executable, "-c", script, directory, *arguments],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no file system can be mounted here")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    told = in_small_disk(_FULL, tmp_path, str(600_000))
    assert "the disk is full" in told[0]
    assert "make room" in told[0]
    assert told[-1] == "works True"


def test_a_read_only_disk(tmp_path: Path) -> None:
    (told,) = in_small_disk(_READ_ONLY, tmp_path)
    assert "Read-only file system" in told
    assert str(tmp_path) in told


def test_a_file_that_may_not_grow(place: Place) -> None:
    with place.open() as state:
        state.keep_good(good(), OLD)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (90_000, hard))
        try:
            with pytest.raises(StateError, match="disk is full or fails"):
                filled_until_it_fails(state)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert state.good(NAME) == good()
        deploy(state, {}, {})


def filled_until_it_fails(state: State) -> None:
    for number in range(256):
        content = prefixes(*(f"10.{number}.{n}.0/24" for n in range(0, 256, 2)))
        state.keep_prefixes(content)


def test_a_copy_is_a_backup(place: Place, tmp_path: Path) -> None:
    filled(place)
    copy = Place(tmp_path / "copy")
    shutil.copytree(place.database.parent, copy.database.parent)
    with copy.open() as state:
        assert state.good(NAME) == good()
        assert state.deployments(1)[0].began_at == NOW

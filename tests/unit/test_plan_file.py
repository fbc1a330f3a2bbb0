"""Writing plan files: read again as they were, the same bytes each time, whole or not there."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import PlanError
from irrgate.plan import Plan
from irrgate.plan_file import PlanFile, PlanWriter
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.plans_made import (
    DELTA,
    FILTERS,
    HOSTS,
    add_hosts,
    candidate,
    diff,
    members,
    plan_of,
    write,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "plan.zip"
    write(path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.zip"


# Round trip


def test_what_is_written_is_read(path: Path) -> None:
    plan = write(path)
    with PlanFile(path) as opened:
        assert opened.plan == plan
        for host in HOSTS:
            assert opened.candidate(host) == candidate(host)
            assert opened.diff(host) == diff(host)
            assert opened.delta(host) == DELTA
        for each in FILTERS:
            assert opened.prefixes(each.digest) == each


def test_the_digest_is_that_of_plan_json(path: Path) -> None:
    with PlanWriter(path) as writer:
        told = writer.finish(plan_of(add_hosts(writer), ()))
    with PlanFile(path) as opened:
        assert opened.digest == told
    assert told == hashlib.sha256(dict(members(path))["plan.json"]).hexdigest()


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), max_size=40))
def test_any_text_of_a_router_comes_back_as_it_was(text: str, other: str) -> None:
    """Lone surrogates and line ends of all kinds too: committed is what was reviewed."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "plan.zip")
        with PlanWriter(path) as writer:
            digests = writer.add_host("edge1", text + "\r\n", other + "\ud800", {})
            record = plan_of({}).hosts["edge9.mex"].model_copy(update=digests)
            writer.finish(plan_of({"edge1": record}, ()))
        with PlanFile(path) as opened:
            assert opened.candidate("edge1") == text + "\r\n"
            assert opened.diff("edge1") == other + "\ud800"


def test_filters_of_every_shape(path: Path) -> None:
    shapes = (
        PrefixSet.empty(Afi.IPV4),
        prefixes("0.0.0.0/0"),
        prefixes("0.0.0.0/0 le 32"),
        prefixes("10.0.0.0/8 ge 24 le 24"),
        prefixes("::/0", "2001:db8::/32 ge 33 le 48", "2001:db8::/128"),
    )
    write(path, filters=shapes)
    with PlanFile(path) as opened:
        for each in shapes:
            assert opened.prefixes(each.digest) == each


def test_a_filter_that_many_routers_share_is_kept_once(path: Path) -> None:
    with PlanWriter(path) as writer:
        threads = [threading.Thread(target=writer.add_filter, args=(FILTERS[0],)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.finish(plan_of(add_hosts(writer), FILTERS[:1]))
    assert sum(name.startswith("filters/") for name, _ in members(path)) == 1


def test_unzip_and_sha256sum_read_it_too(good: Path, tmp_path: Path) -> None:
    if not (shutil.which("unzip") and shutil.which("sha256sum")):
        pytest.skip("needs unzip and sha256sum")
    shown = subprocess.check_output(["unzip", "-p", good, "hosts/edge1.mex/diff"])
    assert shown.decode() == diff("edge1.mex")
    subprocess.run(["unzip", "-q", good], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", "plan.sha256"], cwd=tmp_path, check=True)


# The same input, the same bytes


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    orders = [(HOSTS, FILTERS), (HOSTS[::-1], FILTERS[::-1])]
    files = []
    for number, (hosts, filters) in enumerate(orders):
        write(tmp_path / f"{number}.zip", hosts, filters)
        files.append((tmp_path / f"{number}.zip").read_bytes())
    assert files[0] == files[1]


def test_routers_that_are_added_at_once_give_the_same_bytes(good: Path, path: Path) -> None:
    with PlanWriter(path) as writer:
        for each in FILTERS:
            writer.add_filter(each)
        threads = [threading.Thread(target=add_hosts, args=(writer, [host])) for host in HOSTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.finish(plan_of(add_hosts(writer)))
    assert path.read_bytes() == good.read_bytes()


# The file


def test_only_its_owner_reads_it(path: Path) -> None:
    path.touch(0o644)
    before = os.umask(0)
    try:
        write(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_left_beside_it(path: Path) -> None:
    write(path)
    assert list(path.parent.iterdir()) == [path]


def test_an_error_on_the_way_leaves_the_old_file(path: Path) -> None:
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), PlanWriter(path) as writer:
        assert len(add_hosts(writer)) / 0
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_members_that_the_plan_does_not_name(path: Path) -> None:
    def without(plan: Plan) -> Plan:
        return plan.model_copy(update={"filters": ()})

    with pytest.raises(PlanError, match="members"):
        write(path, changed=without)
    assert not path.exists()


def test_members_that_are_not_those_of_the_plan(path: Path) -> None:
    with PlanWriter(path) as writer:
        plan = plan_of(add_hosts(writer), ())
        writer.add_host(HOSTS[0], "another candidate", diff(HOSTS[0]), DELTA)
        with pytest.raises(PlanError, match="members"):
            writer.finish(plan)
    assert not path.exists()


def test_a_target_that_is_a_directory_is_found_out_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="directory"), PlanWriter(tmp_path):
        pytest.fail("the work began")


@pytest.mark.parametrize("target", [".", "nowhere/plan.zip", "file/plan.zip"])
def test_a_target_that_cannot_be(tmp_path: Path, target: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlanError, match="cannot be written"):
        write(tmp_path / target)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


# Little of the disk is left: each write fails at another place.
_FULL = """
import resource, sys
from pathlib import Path
from irrgate.errors import PlanError
from tests.unit.plans_made import write
target, limit = Path(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    write(target)
except PlanError as exc:
    sys.exit(str(exc))
"""


def write_with_limit(path: Path, limit: int) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", _FULL, str(path), str(limit)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize("limit", [0, 100, 1000, 5_000, 7_000])
def test_a_disk_that_is_full_leaves_the_old_file(path: Path, good: Path, limit: int) -> None:
    assert 7_000 < good.stat().st_size < 20_000
    path.write_text("old")
    done = write_with_limit(path, limit)
    assert done.returncode == 1
    assert done.stderr == f"{path}: cannot be written: File too large\n"
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_where_there_is_room_the_same_is_written(path: Path, good: Path) -> None:
    assert write_with_limit(path, 20_000).returncode == 0
    assert path.read_bytes() == good.read_bytes()

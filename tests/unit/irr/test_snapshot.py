"""Loading: what is kept, what is told, and that a snapshot is whole or not there."""

from __future__ import annotations

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from irrgate.errors import SnapshotError
from irrgate.irr import schema
from irrgate.irr.registry import Registry
from irrgate.irr.schema import Family
from irrgate.irr.snapshot import Problem, ProblemKind, load_dumps
from tests.unit.irr.registries import asked, loaded

ROUTES = (
    "route: 192.0.2.0/24\norigin: AS64500\nsource: TEST\n\n"
    "route: 198.51.100.0/24\norigin: AS64500\nsource: OTHER\n\n"
    "route6: 2001:db8::/32\norigin: AS64500\nsource: TEST\n\n"
)


def load(dumps: list[Path | str], target: Path) -> list[Problem]:
    problems: list[Problem] = []
    load_dumps(dumps, target, on_problem=problems.append)
    return problems


def prefixes(registry: Registry, origin: int, family: Family) -> dict[str, str]:
    return {
        registry.sources[source]: texts.decode()
        for source, _, texts in registry.routes(origin, family)
    }


def test_routes_are_kept_by_origin_family_and_source(tmp_path: Path) -> None:
    with loaded(tmp_path, ROUTES) as found:
        assert found.registry.sources == ("TEST", "OTHER")
        assert prefixes(found.registry, 64500, Family.IPV4) == {
            "TEST": "192.0.2.0/24",
            "OTHER": "198.51.100.0/24",
        }
        assert prefixes(found.registry, 64500, Family.IPV6) == {"TEST": "2001:db8::/32"}
        assert found.report.objects == {"TEST": {"route": 1, "route6": 1}, "OTHER": {"route": 1}}
        assert found.registry.object_counts() == found.report.objects


def test_a_prefix_and_origin_count_once_in_a_source(tmp_path: Path) -> None:
    text = ROUTES + "route: 192.0.2.0/24\norigin: as64500\nsource: test\n# again\n\n" + ROUTES
    with loaded(tmp_path, text) as found:
        assert prefixes(found.registry, 64500, Family.IPV4)["TEST"] == "192.0.2.0/24"
        assert found.report.duplicates == 4
        assert found.report.kept == 3


def test_other_classes_are_counted_and_left_out(tmp_path: Path) -> None:
    text = ROUTES + "person: J\xfcrgen\nnonsense that nobody reads\n\nmntner: M\nsource: TEST\n\n"
    with loaded(tmp_path, text.encode("latin-1")) as found:
        assert found.report.ignored == {"person": 1, "mntner": 1}
        assert not found.problems


def test_every_broken_object_is_told_with_its_line_and_the_others_stay(tmp_path: Path) -> None:
    text = (
        "route: 203.0.113.0/24\norigin: AS64501\nsource: TEST\n\n"  # 1
        "route: 192.0.2.1/24\norigin: AS64500\nsource: TEST\n\n"  # 5
        "route: 192.0.2.0/33\norigin: AS64500\nsource: TEST\n\n"  # 9
        "route: 192.0.2.0/24\norigin: AS4294967296\nsource: TEST\n\n"  # 13
        "route6: 192.0.2.0/24\norigin: AS64500\nsource: TEST\n\n"  # 17
        "route: 192.0.2.0/24\norigin: AS64500\n\n"  # 21
        "as-set: CUSTOMERS\nsource: TEST\n\n"  # 24
        "as-set: AS-X\nmembers AS1\nsource: TEST\n\n"  # 27
        " a continuation of nothing\n\n"  # 31
        "origin: AS64500\nsource: TEST\n\n"  # 33
        "route: 198.51.100.0/24\norigin: AS64500\nsource: TEST\n"  # 36
    )
    with loaded(tmp_path, text) as found:
        assert [line for line, _ in found.reasons()] == [5, 9, 14, 17, 21, 24, 28, 31, 33]
        reasons = "\n".join(reason for _, reason in found.reasons())
        for part in (
            "192.0.2.1/24 has host bits",
            "192.0.2.0/33 is not a prefix",
            "AS4294967296",
            "other address family",
            "no source",
            "neither an ASN nor a word",
            "no attribute",
            "begin with its class",
            "but with origin:",
        ):
            assert part in reasons
        assert found.report.problems == {ProblemKind.BROKEN_OBJECT: 9}
        assert prefixes(found.registry, 64500, Family.IPV4) == {"TEST": "198.51.100.0/24"}
        assert str(found.problems[0]).startswith(f"{tmp_path / 'dump.db'}:5: 192.0.2.1/24 has")


def test_what_a_dump_says_reaches_no_terminal_raw(tmp_path: Path) -> None:
    text = (
        ROUTES + "as-set: AS-\x1b[2J\nsource: TEST\n\nas-set: AS-Y\nmembers: \x1b[2J\nsource: T\n"
    )
    with loaded(tmp_path, text) as found:
        assert len(found.problems) == 2
        assert all(str(problem).isprintable() for problem in found.problems)


def test_a_source_may_be_given_to_objects_without_one(tmp_path: Path) -> None:
    text = "route: 192.0.2.0/24\norigin: AS64500\n\n" + ROUTES
    with loaded(tmp_path, text, default_source="LOCAL") as found:
        assert prefixes(found.registry, 64500, Family.IPV4)["LOCAL"] == "192.0.2.0/24"


def test_a_second_definition_is_told_where_it_differs(tmp_path: Path) -> None:
    one = "as-set: AS-X\nmembers: AS1\nsource: TEST\n\n"
    with loaded(tmp_path, one + one + one.replace("AS1", "AS2")) as found:
        assert found.registry.sets_named("AS-X")[0].asns == (2,), "the last one, as in a mirror"
        [problem] = found.problems
        assert (problem.line, problem.kind) == (9, ProblemKind.SECOND_DEFINITION)


MEMBERS_BY_REFERENCE = """\
as-set: AS-ANYBODY
members: AS64500
mbrs-by-ref: ANY
source: TEST

as-set: AS-OURS
mbrs-by-ref: MNT-A, mnt-b
source: TEST

as-set: AS-CLOSED
source: TEST

route-set: RS-OURS
mbrs-by-ref: MNT-B
source: TEST

aut-num: AS64501
member-of: AS-ANYBODY, AS-OURS, AS-CLOSED, RS-OURS
mnt-by: MNT-X
 MNT-B
source: TEST

aut-num: AS64502
member-of: AS-ANYBODY
member-of: AS-OURS
mnt-by: MNT-C
source: TEST

aut-num: AS64503
member-of: AS-ANYBODY, AS-OURS
mnt-by: MNT-A
source: OTHER

route: 192.0.2.0/24
origin: AS64500
member-of: RS-OURS, AS-OURS
mnt-by: MNT-B
source: TEST

route: 198.51.100.0/24
origin: AS64500
member-of: RS-OURS
mnt-by: MNT-A
source: TEST

route6: 2001:db8::/32
origin: AS64500
member-of: rs-ours
mnt-by: mnt-b # ours
source: TEST
"""


def test_members_by_reference_need_both_sides_and_one_source(tmp_path: Path) -> None:
    with loaded(tmp_path, MEMBERS_BY_REFERENCE) as found:
        registry = found.registry
        assert registry.sets_named("AS-ANYBODY")[0].asns == (64500, 64501, 64502)
        assert registry.sets_named("AS-OURS")[0].asns == (64501,)
        assert registry.sets_named("AS-CLOSED")[0].asns == ()
        assert registry.sets_named("RS-OURS")[0].prefixes == ("192.0.2.0/24", "2001:db8::/32")
        session = found.session()
        assert asked(session, "!iAS-ANYBODY") == "AS64500 AS64501 AS64502"
        assert asked(session, "!mas-set,AS-ANYBODY") == (
            "as-set:         AS-ANYBODY\nmembers:        AS64500\n"
            "mbrs-by-ref:    ANY\nsource:         TEST"
        ), "as registered"
        assert "192.0.2.0/24" not in asked(session, "!mroute-set,RS-OURS")


def test_several_dumps_of_either_kind_make_one_snapshot(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed"
    plain.write_text(ROUTES)
    packed.write_bytes(
        gzip.compress(b"route: 203.0.113.0/24\norigin: AS64500\nsource: TEST\n")
        + gzip.compress(b"\nroute: 192.0.2.128/25\norigin: AS64500\nsource: TEST\n")
    )
    target = tmp_path / "snapshot.irr"
    assert load([packed, plain], target) == []
    registry = Registry.open(target)
    assert prefixes(registry, 64500, Family.IPV4)["TEST"] == (
        "192.0.2.0/24 192.0.2.128/25 203.0.113.0/24"
    )
    assert registry.sources == ("TEST", "OTHER")


def test_the_same_dumps_make_the_same_bytes(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_text(ROUTES + MEMBERS_BY_REFERENCE)
    one, other = tmp_path / "one", tmp_path / "other"
    load([dump], one)
    load([dump], other)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(os.urandom(5000) + ROUTES.encode())[:3000], "truncated or damaged"),
        (gzip.compress(ROUTES.encode())[:-9] + b"\0" * 9, "truncated or damaged"),
        (b"", "no RPSL object"),
        (b"person: x\n\n", "no RPSL object"),
        (b'{"roas": []}', "no RPSL object"),
    ],
)
def test_a_bad_dump_leaves_the_old_snapshot(tmp_path: Path, content: bytes, reason: str) -> None:
    good, bad, target = tmp_path / "good", tmp_path / "bad", tmp_path / "snapshot.irr"
    good.write_text(ROUTES)
    bad.write_bytes(content)
    load([good], target)
    before = target.read_bytes()
    with pytest.raises(SnapshotError, match=reason) as told:
        load([good, bad] if "truncated" in reason else [bad], target)
    assert str(bad) in str(told.value)
    assert target.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "good", "snapshot.irr"]


def test_a_missing_dump_and_a_missing_directory_are_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="nowhere: cannot be read: No such file"):
        load([tmp_path / "nowhere"], tmp_path / "snapshot.irr")
    with pytest.raises(SnapshotError, match="cannot be written: No such file"):
        load(["-"], tmp_path / "nowhere" / "snapshot.irr")


def locks() -> str:
    """The locks of the system, each with the inode of its file."""
    return Path("/proc/locks").read_text()


def start_load_from_pipe(target: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-m", "playbooks.irr", "load", "-", "--snapshot", str(target)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(ROUTES.encode())
    process.stdin.flush()
    temporary = target.with_name(f"{target.name}.loading")
    until = time.monotonic() + 20
    # The file is there a moment before its lock is.
    while not (temporary.exists() and f":{temporary.stat().st_ino} " in locks()):
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.01)
    return process


def test_a_killed_load_leaves_the_old_snapshot_and_at_most_one_file(tmp_path: Path) -> None:
    good, target = tmp_path / "good", tmp_path / "snapshot.irr"
    good.write_text(ROUTES)
    load([good], target)
    before = target.read_bytes()
    for _ in range(2):
        process = start_load_from_pipe(target)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert target.read_bytes() == before
        assert len(list(tmp_path.iterdir())) <= 3
    load([good], target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good", "snapshot.irr"]


def test_what_a_killed_load_has_written_is_overwritten(tmp_path: Path) -> None:
    good, target = tmp_path / "good", tmp_path / "snapshot.irr"
    good.write_text(ROUTES)
    load([good], tmp_path / "other.irr")
    left = target.with_name("snapshot.irr.loading")
    left.write_bytes((tmp_path / "other.irr").read_bytes() + b"x" * 10_000)
    load([good], target)
    assert target.read_bytes() == (tmp_path / "other.irr").read_bytes()
    assert not left.exists()


def test_two_loads_into_one_place_do_not_meet(tmp_path: Path) -> None:
    good, target = tmp_path / "good", tmp_path / "snapshot.irr"
    good.write_text(ROUTES)
    process = start_load_from_pipe(target)
    with pytest.raises(SnapshotError, match="another load"):
        load([good], target)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert Registry.open(target).sources == ("TEST", "OTHER")


def test_the_loading_file_is_no_way_to_another_file(tmp_path: Path) -> None:
    good, target, victim = tmp_path / "good", tmp_path / "snapshot.irr", tmp_path / "victim"
    good.write_text(ROUTES)
    victim.write_text("precious")
    target.with_name("snapshot.irr.loading").symlink_to(victim)
    with pytest.raises(SnapshotError, match="cannot be written"):
        load([good], target)
    assert victim.read_text() == "precious"


def test_a_reader_keeps_the_snapshot_that_it_opened(tmp_path: Path) -> None:
    with loaded(tmp_path, ROUTES) as found:
        other = tmp_path / "other"
        other.write_text("route: 203.0.113.0/24\norigin: AS64500\nsource: NEW\n")
        load([other], tmp_path / "snapshot.irr")
        assert prefixes(found.registry, 64500, Family.IPV4)["TEST"] == "192.0.2.0/24"


@pytest.mark.parametrize("kind", ["text", "empty", "database", "other", "future", "half"])
def test_only_a_whole_snapshot_of_this_version_is_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "snapshot.irr"
    path.touch()
    expected = {
        "text": "file is not a database",
        "empty": "some SQLite database",
        "database": "some SQLite database",
        "other": r"another program's SQLite database \(application id 0x7\)",
        "future": "schema version 99; this irrgate reads version",
        "half": "not a whole irrgate snapshot: no such table",
    }[kind]
    if kind == "text":
        path.write_text("route: 192.0.2.0/24\n" * 100)
    elif kind != "empty":
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE x (y)")
        if kind != "database":
            application = 7 if kind == "other" else schema.APPLICATION_ID
            connection.execute(f"PRAGMA application_id = {application}")
            version = 99 if kind == "future" else schema.SCHEMA_VERSION
            connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.close()
    with pytest.raises(SnapshotError, match=expected) as told:
        Registry.open(path)
    assert str(path) in str(told.value)
    assert told.value.hint


def test_a_missing_snapshot_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="no such snapshot"):
        Registry.open(tmp_path / "snapshot.irr")
    assert not list(tmp_path.iterdir())


def test_a_load_is_synced_before_it_is_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut would show cannot be tried here; the order of the calls can."""
    good, target = tmp_path / "good", tmp_path / "snapshot.irr"
    good.write_text(ROUTES)
    calls: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(descriptor: int) -> None:
        calls.append("fsync")
        fsync(descriptor)

    def noted_replace(path: Path, other: Path) -> Path:
        calls.append("rename")
        return replace(path, other)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    load([good], target)
    assert calls == ["fsync", "rename", "fsync"]

"""Plan files that are truncated, altered, of something else or far too large: each a PlanError."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from irrgate import plan_file
from irrgate.errors import PlanError
from irrgate.plan_file import PlanFile, PlanWriter
from tests.unit.plans_made import FILTERS, HOSTS, Members, members, plan_of, write

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "plan.zip"
    write(path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.zip"


def pack(path: Path, held: Members) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held:
            archive.writestr(name, content)
    return path


def sums(held: Members) -> Members:
    """Return the members with a plan.sha256 that fits them, as whoever edits a plan may do."""
    lines = [f"{hashlib.sha256(c).hexdigest()}  {n}\n" for n, c in held if n != "plan.sha256"]
    return [(n, "".join(lines).encode() if n == "plan.sha256" else c) for n, c in held]


def read_all(path: Path) -> list[object]:
    """Return all that can be read of a plan."""
    with PlanFile(path) as opened:
        hosts = [name for name, host in opened.plan.hosts.items() if host.candidate]
        return [
            opened.plan,
            opened.digest,
            [(opened.candidate(h), opened.diff(h), opened.delta(h)) for h in hosts],
            [opened.prefixes(digest) for digest in opened.plan.filters],
        ]


def refused(path: Path) -> PlanError:
    with pytest.raises(PlanError) as raised:
        PlanFile(path)
    assert raised.value.subject == str(path)
    assert raised.value.reason
    return raised.value


def test_a_file_that_is_not_there(path: Path) -> None:
    assert "no such file" in refused(path).reason


@pytest.mark.parametrize("content", [b"", b"PK", b"{}", b"PK\5\6" + bytes(18), b"\0" * 5000])
def test_a_file_that_is_no_plan(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(path)


def test_a_directory(tmp_path: Path) -> None:
    assert "directory" in refused(tmp_path).reason


def test_a_file_that_may_not_be_read(tmp_path: Path, good: Path) -> None:
    path = tmp_path / "plan.zip"
    shutil.copy(good, path)
    path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(65534)
    try:
        assert "Permission denied" in refused(path).reason
    finally:
        if is_root:
            os.seteuid(0)


def test_a_zip_of_something_else(path: Path) -> None:
    assert "not an irrgate plan" in refused(pack(path, [("readme", b"x")])).reason


def test_cut_off_at_any_byte(path: Path, good: Path) -> None:
    whole = good.read_bytes()
    for end in [*range(0, len(whole), 23), *range(len(whole) - 60, len(whole))]:
        path.write_bytes(whole[:end])
        refused(path)


def test_a_bit_that_fell_over_anywhere(path: Path, good: Path) -> None:
    """It is found, or it is in what no reader looks at: times, attributes, versions."""
    whole = bytearray(good.read_bytes())
    expected = read_all(good)
    found_out = 0
    directory = whole.index(b"PK\1\2")
    tried = [*range(0, directory, 11), *range(directory, len(whole), 2)]
    for at in tried:
        whole[at] ^= 1 << at % 8
        path.write_bytes(whole)
        whole[at] ^= 1 << at % 8
        try:
            found = read_all(path)
        except PlanError:
            found_out += 1
        else:
            assert found == expected
    assert found_out > len(tried) / 2


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("index", range(13))
def test_each_member_altered_removed_or_twice(path: Path, good: Path, index: int) -> None:
    held = members(good)
    assert len(held) == 13  # as many as are tried
    name, content = held[index]
    altered = content.replace(b"10", b"11", 1) if b"10" in content else content + b" "
    for version in (
        [*held[:index], (name, altered), *held[index + 1 :]],
        [*held[:index], (name, b""), *held[index + 1 :]],
        [*held[:index], *held[index + 1 :]],
        [*held, (name, content)],
        [*held, (name, altered)],
    ):
        refused(pack(path, version))


@pytest.mark.parametrize(
    "name",
    ["more", "../../etc/cron.d/x", "/etc/cron.d/x", "hosts/edge1.mex/../../x", "hosts/x/candidate",
     "hosts/edge1.mex/", f"filters/{'0' * 64}.json", "filters/x", "a\nb", "plan.json "],
)  # fmt: skip
def test_a_member_too_many(path: Path, good: Path, name: str) -> None:
    held = [*members(good), (name, b"x")]
    assert ascii(name) in refused(pack(path, held)).reason
    refused(pack(path, sums(held)))


def edited(good: Path, edit: Edit) -> Members:
    """Return the plan's members with an edit in plan.json, and digests that fit."""
    held = dict(members(good))
    plan = json.loads(held["plan.json"])
    edit(plan)
    held["plan.json"] = json.dumps(plan).encode()
    return sums(list(held.items()))


def test_an_edit_of_plan_json_with_digests_that_fit_is_another_plan(path: Path, good: Path) -> None:
    """There is no signature: the digest that a person approved is what tells the two apart."""
    pack(path, edited(good, lambda plan: plan.update(created="2026-01-01T00:00:01+00:00")))
    with PlanFile(path) as opened, PlanFile(good) as original:
        assert opened.digest != original.digest


@pytest.mark.parametrize("member", ["candidate", "diff", "delta.json"])
def test_an_edit_of_a_router_with_digests_that_fit_is_found(
    path: Path, good: Path, member: str
) -> None:
    held = dict(members(good))
    held[f"hosts/{HOSTS[0]}/{member}"] += b" "
    assert member in refused(pack(path, sums(list(held.items())))).reason


@pytest.mark.parametrize(
    "entries",
    [["10.0.0.0/25"], [], ["x"], ["10.0.0.0/24 le"], ["10.0.0.0/24 le x"], [""],
     ["10.0.0.0/24 le 16"], ["10.0.0.0/24 le 99"], ["10.0.0.1/24"], ["2001:db8::/32"]],
)  # fmt: skip
def test_an_edit_of_a_filter_with_digests_that_fit_is_found(
    path: Path, good: Path, entries: list[str]
) -> None:
    held = dict(members(good))
    name = f"filters/{FILTERS[0].digest}.json"
    held[name] = json.dumps({"afi": "ipv4", "entries": entries}).encode()
    with (
        PlanFile(pack(path, sums(list(held.items())))) as opened,
        pytest.raises(PlanError, match=name),
    ):
        opened.prefixes(FILTERS[0].digest)


@pytest.mark.parametrize(
    "edit",
    [
        lambda plan: plan["hosts"].update({"../../x": plan["hosts"]["edge1.mex"]}),
        lambda plan: plan["hosts"].update({"a/b": plan["hosts"]["edge1.mex"]}),
        lambda plan: plan["hosts"].pop("edge1.mex"),
        lambda plan: plan["hosts"]["edge1.mex"].update(candidate=None),
        lambda plan: plan["hosts"]["edge1.mex"].update(candidate="f" * 64),
        lambda plan: plan["filters"].pop(),
        lambda plan: plan["filters"].append("f" * 64),
        lambda plan: plan["filters"].append("../x"),
        lambda plan: plan.update(more=1),
        lambda plan: plan.pop("peers"),
        lambda plan: plan.clear(),
    ],
)
def test_a_plan_json_that_does_not_fit(path: Path, good: Path, edit: Edit) -> None:
    refused(pack(path, edited(good, edit)))


@pytest.mark.parametrize("version", [0, 1, 3, "2", None, [1], "x" * 10_000])
def test_a_plan_of_another_version(path: Path, good: Path, version: object) -> None:
    told = refused(pack(path, edited(good, lambda plan: plan.update(schema=version))))
    assert "version" in told.reason
    assert len(told.reason) < 100
    assert "make the plan again" in told.hint


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"1", b"{", b"\xff", b"[" * 200_000, b'{"schema": 2}', b'{"schema": 1e999}'],
)
def test_a_plan_json_that_is_no_plan(path: Path, good: Path, body: bytes) -> None:
    held = dict(members(good)) | {"plan.json": body}
    refused(pack(path, sums(list(held.items()))))


@pytest.mark.parametrize("text", [b"", b"\xff", b"0" * 64 + b"  plan.json\n", b"x\n", b"\n"])
def test_digests_that_are_none(path: Path, good: Path, text: bytes) -> None:
    held = dict(members(good)) | {"plan.sha256": text}
    refused(pack(path, list(held.items())))


@pytest.mark.parametrize("more", [b"\n", b"# mine\n", b"x", b"0" * 64 + b"  plan.json\n"])
def test_digests_with_something_beside_them(path: Path, good: Path, more: bytes) -> None:
    held = dict(members(good))
    for text in (held["plan.sha256"] + more, more + held["plan.sha256"]):
        refused(pack(path, list((held | {"plan.sha256": text}).items())))


def test_a_member_with_a_password(path: Path, good: Path) -> None:
    whole = bytearray(good.read_bytes())
    at = whole.rindex(b"PK\1\2")
    whole[at + 8] |= 1
    path.write_bytes(whole)
    refused(path)


# Members that are larger than they say, or than a plan's can be


def bomb(path: Path, good: Path, name: str, size: int, declared: int | None) -> None:
    """Put a member of `size` zeros into the plan; `declared` overwrites the size it tells."""
    chunk = bytes(1 << 20)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in members(good):
            if each != name:
                archive.writestr(each, content)
        with archive.open(name, "w", force_zip64=True) as member:
            for _ in range(size // len(chunk)):
                member.write(chunk)
        if declared is not None:
            archive.getinfo(name).file_size = declared


_OPEN = """
import resource, sys
from irrgate.errors import PlanError
from irrgate.plan_file import PlanFile
from pathlib import Path
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    PlanFile(Path(sys.argv[1]))
except PlanError:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def megabytes_to_refuse(path: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _OPEN, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("hosts/edge1.mex/candidate", None),
        ("hosts/edge1.mex/candidate", 100),
        ("hosts/edge1.mex/candidate", 1 << 40),
        ("plan.json", 100),
        ("plan.json", 1 << 40),
        ("plan.sha256", 100),
    ],
)
def test_a_small_file_does_not_unpack_to_a_large_one(
    path: Path, good: Path, name: str, declared: int | None
) -> None:
    bomb(path, good, name, 128 << 20, declared)
    assert path.stat().st_size < 1 << 20
    assert megabytes_to_refuse(path) < 64


def test_the_largest_members_are_refused_unread(
    path: Path, good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest = max(len(content) for _, content in members(good))
    monkeypatch.setattr(plan_file, "MAX_MEMBER", longest)
    read_all(good)
    monkeypatch.setattr(plan_file, "MAX_MEMBER", longest - 1)
    assert "larger" in refused(good).reason


def test_reading_holds_one_router_at_a_time(tmp_path: Path) -> None:
    """A plan of many large candidates is checked and read as a stream."""
    path = tmp_path / "plan.zip"
    large = "   seq 10 permit 10.0.0.0/24\n" * 350_000  # 10 MB
    with PlanWriter(path) as writer:
        records = {}
        for number in range(8):
            host = f"edge{number}"
            digests = writer.add_host(host, f"{host}\n{large}", "", {})
            failed = plan_of({}, ()).hosts["edge9.mex"]
            records[host] = failed.model_copy(update=digests)
        writer.finish(plan_of(records, ()))
    body = _OPEN.replace("    PlanFile(Path(sys.argv[1]))", "    read()").replace(
        "try:",
        "def read():\n"
        "    with PlanFile(Path(sys.argv[1])) as opened:\n"
        "        for n in range(8):\n"
        "            assert len(opened.candidate(f'edge{n}')) > 9_000_000\n"
        "    raise PlanError('', '')\n"
        "try:",
    )
    done = subprocess.run(
        [sys.executable, "-c", body, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout, done.stderr
    assert int(done.stdout) < 64

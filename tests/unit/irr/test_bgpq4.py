"""bgpq4's argument vector, the verdict on its output, and its process, which always ends."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from irrgate.errors import Bgpq4MissingError
from irrgate.irr import bgpq4
from irrgate.irr.bgpq4 import (
    Ending,
    NothingFound,
    Output,
    Query,
    Refused,
    Registered,
    StopSignal,
    argv,
    find_bgpq4,
    judge,
    lost_ranges,
    parse_json,
    run,
)
from irrgate.network import IrrServer
from irrgate.prefixes import Afi, format_entry, parse_keys
from irrgate.rpsl import SourceName, parse_object
from tests.unit.irr.scripts import alive, children, group, script

SERVER = IrrServer("192.0.2.43", 4343)
SOURCES = (SourceName("RPKI"), SourceName("RIPE"))


def query(text: str = "AS-EJEMPLO", afi: Afi = Afi.IPV4, **options: object) -> Query:
    return Query(parse_object(text), afi, options.pop("sources", ()), **options)  # type: ignore[arg-type]


HEAD = ["/usr/bin/bgpq4", "-h", "192.0.2.43:4343", "-p", "-j", "-l", "irrgate"]


@pytest.mark.parametrize(
    ("asked", "vector"),
    [
        (query(), ["-4", "AS-EJEMPLO"]),
        (query(afi=Afi.IPV6), ["-6", "AS-EJEMPLO"]),
        (query("as64500"), ["-4", "AS64500"]),
        (query("RIPE::AS-X", sources=SOURCES), ["-4", "-S", "RPKI,RIPE", "RIPE::AS-X"]),
        (query("RS-X", max_length=24), ["-4", "-m", "24", "RS-X"]),
        (query("RS-X"), ["-4", "-m", "32", "RS-X"]),
        (query("AS64500:RS-X", Afi.IPV6), ["-6", "-m", "128", "AS64500:RS-X"]),
        (query("AS64500:AS-CUSTOMERS"), ["-4", "AS64500:AS-CUSTOMERS"]),
    ],
)
def test_argument_vector(asked: Query, vector: list[str]) -> None:
    assert argv("/usr/bin/bgpq4", asked, SERVER) == HEAD + vector


ONE = b'{ "irrgate": [\n    { "prefix": "192.0.2.0\\/24", "exact": true }\n] }\n'
NONE = b'{ "irrgate": [\n] }\n'


def output(stdout: bytes = ONE, stderr: bytes = b"", exit_code: int = 0, **more: Ending) -> Output:
    return Output(exit_code, stdout, stderr, **more)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (output(stderr=b"ERROR:Error expanding AS-X\n"), "bgpq4 says ERROR:Error expanding AS-X"),
        (output(NONE, b"ERROR:x\nERROR:y\nERROR:z"), "bgpq4 says ERROR:x (and 2 more lines)"),
        (output(stderr=b"FATAL: x"), "bgpq4 says FATAL: x"),
        (output(stderr=b"Segmentation fault"), "bgpq4 says Segmentation fault"),
        (output(stderr=b"\x1b[2Jboo\xff"), "bgpq4 says ?[2Jboo\ufffd"),
        (output(stderr=b"E" * 5000), f"bgpq4 says {'E' * 200}"),
        (output(exit_code=1), "bgpq4 ended with exit code 1"),
        (output(exit_code=-6), "bgpq4 ended with signal 6"),
        (output(b"", exit_code=-9, ending=Ending.TIMED_OUT), "no answer within 30 s"),
        (output(exit_code=-9, ending=Ending.STOPPED), "bgpq4 was interrupted"),
        (output(exit_code=-9, ending=Ending.TOO_LARGE), "bgpq4 printed more than 512 MiB"),
    ],
)
def test_nothing_of_a_run_with_a_complaint_is_used(seen: Output, reason: str) -> None:
    assert judge(seen, Afi.IPV4, 30) == Refused(reason)


@pytest.mark.parametrize(
    "stdout",
    [
        b"",
        b"\n",
        ONE[:-3],
        ONE[:30],
        b"null",
        b"[]",
        b"{}",
        b'{"NN": []}',
        b'{"irrgate": [], "NN": []}',
        b'{"irrgate": {}}',
        b'{"irrgate": ["192.0.2.0/24"]}',
        b'{"irrgate": [{"exact": true}]}',
        b'{"irrgate": [{"prefix": 24}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24"}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "exact": false}]}',
        b'{"irrgate": [{"prefix": "192.0.2.1/24", "exact": true}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/33", "exact": true}]}',
        b'{"irrgate": [{"prefix": "2001:db8::/32", "exact": true}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "exact": true, "le": 24}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "exact": true, "less-equal": 24}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "greater-equal": 25}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "less-equal": 33}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "less-equal": 23}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "less-equal": "32"}]}',
        b'{"irrgate": [{"prefix": "192.0.2.0/24", "greater-equal": 28, "less-equal": 26}]}',
        b"<html>",
        b"\xff\xfe",
        NONE + NONE,
        b"[" * 100_000,
    ],
)
def test_what_is_not_bgpq4s_json_is_refused(stdout: bytes) -> None:
    found = judge(output(stdout), Afi.IPV4, 30)
    assert isinstance(found, Refused)
    assert found.reason.startswith("bgpq4 printed what is not its JSON: ")
    assert len(found.reason) < 300
    assert found.reason.isprintable()


def test_an_empty_list_is_nothing_found() -> None:
    assert judge(output(NONE), Afi.IPV4, 30) == NothingFound()


def test_members_of_the_other_family_are_no_failure() -> None:
    said = b"ERROR:Ignoring prefix 2001:db8::/32, wrong af 10\n"
    assert isinstance(judge(output(stderr=said * 3), Afi.IPV4, 30), Registered)
    assert isinstance(judge(output(stderr=said + b"ERROR:other"), Afi.IPV4, 30), Refused)


def test_prefixes_and_ranges() -> None:
    items = [
        {"prefix": "198.51.100.0/24", "exact": True},
        {"prefix": "192.0.2.0/24", "exact": True},
        {"prefix": "10.0.0.0/8", "exact": False, "less-equal": 24},
        {"prefix": "10.0.0.0/8", "exact": False, "greater-equal": 16, "less-equal": 24},
    ]
    keys, ranges = parse_json(json.dumps({"irrgate": items}).encode(), Afi.IPV4)
    assert keys == sorted(parse_keys(Afi.IPV4, ["192.0.2.0/24", "198.51.100.0/24"]))
    assert ranges == [(10 << 24, 8, 8, 24), (10 << 24, 8, 16, 24)]
    found = judge(output(json.dumps({"irrgate": items}).encode()), Afi.IPV4, 30)
    assert found == Registered(keys, ranges)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_both_ways_of_reading_find_the_same(count: int) -> None:
    """The quick way takes bgpq4's own layout apart; any other layout goes to a JSON parser."""
    prefixes = [f"2001:db8:{n}::/48" for n in range(count)]
    entries = ",\n".join(
        f'    {{ "prefix": "{prefix}", "exact": true }}'.replace("/", "\\/") for prefix in prefixes
    )
    own = f'{{ "irrgate": [\n{entries}\n] }}\n'.encode()
    spaced = own.replace(b"[\n", b"[ \n")
    assert parse_json(own, Afi.IPV6) == parse_json(spaced, Afi.IPV6)
    assert parse_json(own, Afi.IPV6)[0] == parse_keys(Afi.IPV6, prefixes)
    assert isinstance(judge(output(own), Afi.IPV4, 30), Refused)


def test_bgpq4_is_looked_for_on_the_path_that_was_given(tmp_path: Path) -> None:
    found = script(tmp_path, "exit 0")
    assert find_bgpq4({"PATH": f"/nowhere:{tmp_path}"}) == found
    with pytest.raises(Bgpq4MissingError) as caught:
        find_bgpq4({"PATH": "/nowhere"})
    assert str(caught.value) == ("bgpq4: not found on the PATH; irrgate expands as-sets with it")
    assert "apt install bgpq4" in caught.value.hint


def test_a_program_that_cannot_be_started(tmp_path: Path) -> None:
    broken = tmp_path / "bgpq4"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o700)
    with pytest.raises(Bgpq4MissingError, match="cannot be started: Exec format error"):
        run([str(broken)], 5)


def test_a_run_sees_both_streams_and_nothing_of_our_environment(tmp_path: Path) -> None:
    os.environ["IRRGATE_PASSWORD"] = "secret"
    try:
        seen = run([script(tmp_path, "env; echo complaint >&2; exit 3")], 5)
    finally:
        del os.environ["IRRGATE_PASSWORD"]
    assert (seen.exit_code, seen.stderr, seen.ending) == (3, b"complaint\n", Ending.BY_ITSELF)
    assert b"LC_ALL=C\n" in seen.stdout
    assert b"secret" not in seen.stdout


@pytest.mark.parametrize(
    "body",
    [
        "sleep 60",
        "trap '' TERM INT HUP; while :; do sleep 1; done",
        "exec >&- 2>&-; sleep 60",
        "sleep 60 & exit 0",
        "printf '{'; sleep 60",
        "while :; do echo complaint >&2; sleep 0.01; done",
    ],
)
def test_a_run_ends_at_its_timeout_with_all_that_it_started(tmp_path: Path, body: str) -> None:
    started = time.monotonic()
    seen = run([script(tmp_path, f"echo $$ >> {tmp_path}/pids; {body}")], 0.4)
    # What it started would run for a minute; a machine under load takes its time to end it.
    assert 0.4 <= time.monotonic() - started < 10
    assert seen.ending is Ending.TIMED_OUT
    assert children() == []
    leader = int((tmp_path / "pids").read_text())
    assert not alive(leader)
    # A signal to a process that is no child of ours arrives when it arrives.
    until = time.monotonic() + 10
    while group(leader) and time.monotonic() < until:
        time.sleep(0.01)
    assert group(leader) == []


def test_output_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bgpq4, "MAX_OUTPUT", 1 << 20)
    seen = run([script(tmp_path, "exec yes")], 30)
    assert seen.ending is Ending.TOO_LARGE
    assert len(seen.stdout) < 2 << 20
    assert children() == []


def test_complaints_without_end_are_thrown_away(tmp_path: Path) -> None:
    seen = run([script(tmp_path, "yes | head -c 3000000 >&2; echo done")], 30)
    assert (seen.exit_code, seen.stdout, seen.ending) == (0, b"done\n", Ending.BY_ITSELF)
    assert len(seen.stderr) < 1 << 20


def test_a_stop_signal_ends_what_runs_and_what_would(tmp_path: Path) -> None:
    stop = StopSignal()
    vector = [script(tmp_path, "trap '' TERM; echo begun; sleep 60")]
    threading.Timer(0.2, stop.give).start()
    started = time.monotonic()
    seen = run(vector, 30, stop)
    assert (seen.ending, seen.stdout, seen.exit_code) == (
        Ending.STOPPED,
        b"begun\n",
        -signal.SIGKILL,
    )
    stop.give()
    assert run(vector, 30, stop).ending is Ending.STOPPED
    assert time.monotonic() - started < 2
    assert children() == []
    stop.close()


MEMBERS = [
    *("10.4.0.0/22^24", "10.5.0.0/22^23-24", "10.6.0.0/22^+", "10.7.0.0/24", "10.8.0.0/24^24"),
    *("10.9.0.0/24^26", "10.10.0.0/24^33", "10.11.0.0/24^16", "2001:db8::/46^48"),
    *("2001:DB8:8::/46^49", "AS64500", "RS-X^24"),
]


@pytest.mark.parametrize(
    ("asked", "lost"),
    [
        (query("RS-X"), ["10.4.0.0/22 ge 24 le 24", "10.8.0.0/24", "10.9.0.0/24 ge 26 le 26"]),
        (query("RS-X", max_length=24), ["10.4.0.0/22 ge 24 le 24", "10.8.0.0/24"]),
        (query("RS-X", Afi.IPV6, max_length=48), ["2001:db8::/46 ge 48 le 48"]),
    ],
)
def test_members_of_one_length_are_what_bgpq4_loses(asked: Query, lost: list[str]) -> None:
    found = lost_ranges(MEMBERS, asked)
    assert [format_entry(asked.afi, entry) for entry in found] == lost


@pytest.mark.parametrize("member", ["10.4.0.0/33^24", "10.4.0/22^24", "1::2::3/46^48"])
def test_a_member_that_is_no_prefix_is_no_answer(member: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        lost_ranges([member], query("RS-X", Afi.IPV6 if ":" in member else Afi.IPV4))

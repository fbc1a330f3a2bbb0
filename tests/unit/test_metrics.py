"""The Prometheus textfile: what is in it, what outlives a run, and what a damaged one does."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from irrgate.errors import MetricsError
from irrgate.metrics import write_metrics
from irrgate.reports import RouterReport, RunKind
from tests.unit.reports_made import CURRENT, ENDED, FAILED, HELD, MIXED, STALE, STARTED, run

Samples = dict[str, dict[tuple[str, ...], float]]
LABELS = ("peer", "afi", "guard", "router", "outcome", "kind")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "irrgate.prom"


def read(path: Path) -> Samples:
    found: Samples = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        assert family.documentation
        assert family.type == "gauge"
        for sample in family.samples:
            assert sample.labels.keys() <= set(LABELS)
            labels = tuple(sample.labels[name] for name in LABELS if name in sample.labels)
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_a_run_with_a_bit_of_everything(target: Path) -> None:
    write_metrics(target, MIXED)
    assert read(target) == {
        "irrgate_filter_data_timestamp_seconds": {
            ("AS64500", "ipv4"): STARTED.timestamp(),
            ("AS64501", "ipv4"): STARTED.timestamp() - 53 * 3600,
            ("AS64502", "ipv6"): STARTED.timestamp() - 3 * 3600,
        },
        "irrgate_filter_entries": {
            ("AS64500", "ipv4"): 12,
            ("AS64501", "ipv4"): 3,
            ("AS64502", "ipv6"): 7,
        },
        "irrgate_filter_stale": {
            ("AS64500", "ipv4"): 0,
            ("AS64501", "ipv4"): 1,
            ("AS64502", "ipv6"): 0,
        },
        "irrgate_filter_held": {
            ("AS64502", "ipv6", "max_prefixes"): 1,
            ("AS64502", "ipv6", "max_shrink"): 1,
        },
        "irrgate_router_outcome": {
            ("edge1.mex", "done"): 1,
            ("edge2.mex", "failed"): 1,
            ("edge1.bog", "unchanged"): 1,
            ("edge2.bog", "held"): 1,
        },
        "irrgate_router_duration_seconds": {
            ("edge1.mex",): 4.5,
            ("edge2.mex",): 0.5,
            ("edge1.bog",): 0,
            ("edge2.bog",): 0,
        },
        "irrgate_run_duration_seconds": {("refresh",): 90},
        "irrgate_run_exit_code": {("refresh",): 3},
        "irrgate_last_run_timestamp_seconds": {("refresh",): ENDED.timestamp()},
    }


def test_the_same_run_gives_the_same_bytes(target: Path) -> None:
    write_metrics(target, MIXED)
    first = target.read_bytes()
    write_metrics(target, replace(MIXED, filters=MIXED.filters[::-1], routers=MIXED.routers[::-1]))
    assert target.read_bytes() == first


def test_the_last_success_outlives_runs_that_fail(target: Path) -> None:
    write_metrics(target, run())
    later = timedelta(days=1)
    write_metrics(target, replace(MIXED, started=STARTED + later, ended=ENDED + later))
    write_metrics(
        target,
        run(ended=ENDED + 2 * later, exit_code=1, failure="state.db: is damaged", whole=True),
    )
    found = read(target)
    assert found["irrgate_last_success_timestamp_seconds"] == {("refresh",): ENDED.timestamp()}
    assert found["irrgate_last_run_timestamp_seconds"] == {
        ("refresh",): (ENDED + 2 * later).timestamp()
    }
    assert found["irrgate_run_exit_code"] == {("refresh",): 1}


def test_kinds_of_runs_do_not_hide_each_other(target: Path) -> None:
    write_metrics(target, run())
    write_metrics(target, run(kind=RunKind.PLAN, exit_code=2, ended=ENDED + timedelta(hours=1)))
    found = read(target)
    assert found["irrgate_run_exit_code"] == {("refresh",): 0, ("plan",): 2}
    assert found["irrgate_last_success_timestamp_seconds"] == {
        ("refresh",): ENDED.timestamp(),
        ("plan",): ENDED.timestamp() + 3600,
    }


def test_a_run_with_a_limit_keeps_what_it_left_out(target: Path) -> None:
    write_metrics(target, MIXED)
    again = replace(CURRENT, peer="AS64502", afi="ipv6", name="IRR-AS64502-V6", entries=9)
    fixed = RouterReport("edge2.mex", "junos", "done", seconds=2)
    write_metrics(target, run(whole=False, filters=(again,), routers=(fixed,)))
    found = read(target)
    assert found["irrgate_filter_stale"] == {
        ("AS64500", "ipv4"): 0,
        ("AS64501", "ipv4"): 1,
        ("AS64502", "ipv6"): 0,
    }
    assert "irrgate_filter_held" not in found
    assert found["irrgate_filter_entries"]["AS64502", "ipv6"] == 9
    assert found["irrgate_router_outcome"] == {
        ("edge1.mex", "done"): 1,
        ("edge2.mex", "done"): 1,
        ("edge1.bog", "unchanged"): 1,
        ("edge2.bog", "held"): 1,
    }


def test_a_whole_run_forgets_what_is_not_in_the_inventory_any_more(target: Path) -> None:
    write_metrics(target, MIXED)
    write_metrics(target, run())
    found = read(target)
    assert set(found["irrgate_filter_entries"]) == {("AS64500", "ipv4")}
    assert set(found["irrgate_router_outcome"]) == {
        ("edge1.mex", "done"),
        ("edge1.bog", "unchanged"),
    }
    assert "irrgate_filter_held" not in found


def test_a_run_that_could_not_be_made_says_nothing_about_filters(target: Path) -> None:
    write_metrics(target, MIXED)
    before = read(target)
    write_metrics(
        target, run(exit_code=1, failure="state.db: is damaged", routers=(), filters=(), changed=())
    )
    after = read(target)
    for name in ("irrgate_filter_held", "irrgate_filter_stale", "irrgate_router_outcome"):
        assert after[name] == before[name]


def test_a_plan_that_asks_no_router_says_nothing_about_routers(target: Path) -> None:
    write_metrics(target, MIXED)
    offline = RouterReport("edge2.mex", "junos", "offline")
    write_metrics(target, run(kind=RunKind.PLAN, routers=(offline,)))
    assert read(target)["irrgate_router_outcome"] == {("edge2.mex", "failed"): 1}


def test_a_filter_of_which_nobody_knows_the_age_has_none(target: Path) -> None:
    write_metrics(target, run(filters=(replace(HELD, rests_on=None),)))
    found = read(target)
    assert "irrgate_filter_data_timestamp_seconds" not in found
    assert found["irrgate_filter_entries"] == {("AS64502", "ipv6"): 7}


def test_a_filter_that_is_held_rests_on_what_it_rested_on_before(target: Path) -> None:
    write_metrics(target, run())
    held = replace(HELD, peer="AS64500", afi="ipv4", rests_on=None)
    write_metrics(target, run(exit_code=3, filters=(held,), ended=ENDED + timedelta(days=1)))
    found = read(target)
    assert found["irrgate_filter_data_timestamp_seconds"] == {
        ("AS64500", "ipv4"): STARTED.timestamp()
    }
    write_metrics(target, run(filters=()))
    assert "irrgate_filter_data_timestamp_seconds" not in read(target)


def test_names_cannot_break_out_of_their_label(target: Path) -> None:
    name = 'a"} 1\nirrgate_run_exit_code{kind="refresh\\'
    write_metrics(target, run(routers=(RouterReport(name, "eos", "done"),)))
    assert read(target)["irrgate_router_outcome"] == {(name, "done"): 1}
    write_metrics(target, run(whole=False, routers=()))
    assert read(target)["irrgate_router_outcome"] == {(name, "done"): 1}


DAMAGED = [
    b"\xff\xfe",
    b"irrgate_last_success_timestamp_seconds{kind=",
    b'irrgate_last_success_timestamp_seconds{kind="refresh"} yesterday\n',
    b"# TYPE irrgate_run_exit_code what\n",
    b"{} {} {}\n",
    b"\0" * 100,
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_counts_as_none(target: Path, content: bytes) -> None:
    target.write_bytes(content)
    write_metrics(target, run(exit_code=3))
    assert "irrgate_last_success_timestamp_seconds" not in read(target)
    assert read(target)["irrgate_run_exit_code"] == {("refresh",): 3}


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_time_is_not_kept(target: Path, value: str) -> None:
    target.write_text(f'irrgate_last_success_timestamp_seconds{{kind="refresh"}} {value}\n')
    write_metrics(target, run(exit_code=3))
    assert "irrgate_last_success_timestamp_seconds" not in read(target)


def test_what_is_not_ours_is_not_kept(target: Path) -> None:
    write_metrics(target, run())
    with target.open("a") as file:
        file.write('node_load1 1\nirrgate_run_exit_code{host="x"} 1\nirrgate_other 2\n')
    write_metrics(target, run(exit_code=3))
    assert "irrgate_last_success_timestamp_seconds" in read(target)
    assert set(read(target)["irrgate_run_exit_code"]) == {("refresh",)}
    assert not {"node_load1", "irrgate_other"} & read(target).keys()


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_becomes_of_the_file_a_run_can_be_written(
    target: Path, data: st.DataObject
) -> None:
    write_metrics(target, MIXED)
    content = bytearray(target.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[at] = data.draw(st.sampled_from(b'{}",=\\\n #\0\xff1eN'))
    target.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    write_metrics(target, run(exit_code=3))
    assert read(target)["irrgate_run_exit_code"]["refresh",] == 3


def test_others_may_read_it_whatever_the_umask(target: Path) -> None:
    old = os.umask(0o077)
    try:
        write_metrics(target, run())
    finally:
        os.umask(old)
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert [path.name for path in target.parent.iterdir()] == ["irrgate.prom"]


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(MetricsError, match="cannot be written: No such file") as caught:
        write_metrics(tmp_path / "missing" / "irrgate.prom", run())
    assert "its directory must be there" in caught.value.hint
    (tmp_path / "irrgate.prom").mkdir()
    with pytest.raises(MetricsError):
        write_metrics(tmp_path / "irrgate.prom", run())
    assert [path.name for path in tmp_path.iterdir()] == ["irrgate.prom"]


def test_a_failed_router_and_a_stale_filter_come_right_again(target: Path) -> None:
    write_metrics(target, run(exit_code=3, routers=(FAILED,), filters=(STALE,)))
    fresh = replace(CURRENT, peer="AS64501", name="IRR-AS64501-V4")
    fixed = RouterReport("edge2.mex", "junos", "done")
    write_metrics(target, run(routers=(fixed,), filters=(fresh,)))
    found = read(target)
    assert found["irrgate_router_outcome"] == {("edge2.mex", "done"): 1}
    assert found["irrgate_filter_stale"] == {("AS64501", "ipv4"): 0}


def test_prometheus_is_not_loaded_until_metrics_are_written() -> None:
    code = "import sys, irrgate.metrics; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

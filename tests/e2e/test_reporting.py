"""What commands tell besides what they print: the metrics file, and messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.desk import CHANGES, COULD_NOT_RUN, DONE, PROBLEMS, Desk, told
from tests.e2e.hook import TOKEN, Service, hook_service
from tests.e2e.pipelines import settle_at_once
from tests.lab.network import Finished

pytestmark = pytest.mark.e2e

ROUTERS = ["edge1.bog", "edge1.mex", "edge2.bog", "edge2.mex"]


@pytest.fixture
def service() -> Iterator[Service]:
    with hook_service() as service:
        yield service


@pytest.fixture
def watched(desk: Desk) -> Desk:
    """A desk that writes metrics and tells of everything."""
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write(f"metrics: {desk.directory}/irrgate.prom\n")
        file.write("notify: [held, failed, stale, changed]\n")
    settle_at_once(desk)
    return desk


def run(desk: Desk, service: Service, *arguments: str, expect: int) -> Finished:
    done = told(desk.irrgate(*arguments, environ={"IRRGATE_NOTIFY": service.url("hook")}), expect)
    assert TOKEN not in done.stdout + done.stderr
    return done


def messages(service: Service) -> list[tuple[str, list[str]]]:
    """Return what was posted since it was last asked for: titles, and the lines of bodies."""
    posted = service.posted.pop("/hook", [])
    return [(each["title"], each["message"].splitlines()) for each in posted]


def metrics(desk: Desk) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the values by name and by labels in the order of their names."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    text = Path(desk.directory / "irrgate.prom").read_text(encoding="utf-8")
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def test_a_refresh_that_changes_and_one_that_holds(watched: Desk, service: Service) -> None:
    run(watched, service, "refresh", expect=DONE)
    assert messages(service) == [
        (
            "irrgate refresh: 4 changed",
            [
                "Changed: edge1.bog, edge1.mex, edge2.bog, edge2.mex",
                "The way back: irrgate rollback 1 --out back.zip",
            ],
        )
    ]
    first = metrics(watched)
    assert first["irrgate_router_outcome"] == {("done", name): 1 for name in ROUTERS}
    assert all(seconds > 0 for seconds in first["irrgate_router_duration_seconds"].values())
    assert set(first["irrgate_filter_stale"].values()) == {0}
    assert first["irrgate_run_exit_code"] == {("refresh",): 0}
    assert (
        first["irrgate_last_success_timestamp_seconds"]
        == first["irrgate_last_run_timestamp_seconds"]
    )
    dated = first["irrgate_filter_data_timestamp_seconds"]
    assert dated.keys() == first["irrgate_filter_entries"].keys()

    watched.edit_registry("origin:         AS64503", "origin:         AS64511")
    run(watched, service, "refresh", expect=PROBLEMS)
    ((title, lines),) = messages(service)
    assert title == "irrgate refresh: 2 held"
    nothing = "empty: nothing is left of the filter (limit: at least one prefix)"
    assert lines == [
        f"Held: AS64503 ipv4, {nothing}",
        f"Held: AS64503 ipv6, {nothing}",
        "Next: irrgate plan shows why; if it is right, irrgate accept AS64503 --reason WHY",
    ]
    second = metrics(watched)
    assert second["irrgate_filter_held"] == {
        ("ipv4", "empty", "AS64503"): 1,
        ("ipv6", "empty", "AS64503"): 1,
    }
    assert second["irrgate_router_outcome"].keys() == {
        ("held", "edge1.bog"),
        ("unchanged", "edge1.mex"),
        ("unchanged", "edge2.bog"),
        ("unchanged", "edge2.mex"),
    }
    again = second["irrgate_filter_data_timestamp_seconds"]
    held = ("ipv4", "AS64503")
    assert again[held] == dated[held]
    assert again["ipv4", "AS64500"] > dated["ipv4", "AS64500"]
    assert (
        second["irrgate_last_success_timestamp_seconds"]
        == first["irrgate_last_success_timestamp_seconds"]
    )


def test_an_irr_that_fails(watched: Desk, service: Service) -> None:
    run(watched, service, "refresh", expect=DONE)
    messages(service)
    dated = metrics(watched)["irrgate_filter_data_timestamp_seconds"]
    text = (watched.directory / "inventory/network.yaml").read_text()
    (port,) = [line.split(":")[2].split('"')[0] for line in text.splitlines() if "servers" in line]
    watched.edit("network.yaml", f"127.0.0.1:{port}", "127.0.0.1:1")
    run(watched, service, "refresh", expect=PROBLEMS)
    ((title, lines),) = messages(service)
    assert title == f"irrgate refresh: {len(dated)} stale"
    assert lines[0].startswith("Stale: AS64500 ipv4, 0 h old: ")
    assert "Next: irrgate check --irr" in lines
    found = metrics(watched)
    assert set(found["irrgate_filter_stale"].values()) == {1}
    assert found["irrgate_filter_data_timestamp_seconds"].keys() == dated.keys()
    for labels, when in found["irrgate_filter_data_timestamp_seconds"].items():
        assert abs(when - dated[labels]) < 30


def test_a_router_that_fails(watched: Desk, service: Service) -> None:
    watched.devices["edge2.mex"].kill()
    run(watched, service, "refresh", expect=PROBLEMS)
    ((title, lines),) = messages(service)
    assert title == "irrgate refresh: 1 failed, 3 changed"
    assert lines[0].startswith("Failed: edge2.mex failed: ")
    assert ("failed", "edge2.mex") in metrics(watched)["irrgate_router_outcome"]


def test_a_plan_is_measured_and_nobody_is_told_of_it(watched: Desk, service: Service) -> None:
    run(watched, service, "plan", "--out", "plan.zip", expect=CHANGES)
    found = metrics(watched)
    assert found["irrgate_run_exit_code"] == {("plan",): 2}
    assert found["irrgate_last_success_timestamp_seconds"].keys() == {("plan",)}
    assert "irrgate_filter_data_timestamp_seconds" not in found
    assert messages(service) == []

    run(watched, service, "apply", "plan.zip", expect=DONE)
    assert [title for title, _ in messages(service)] == ["irrgate apply: 4 changed"]
    assert metrics(watched)["irrgate_run_exit_code"] == {("plan",): 2, ("apply",): 0}

    watched.devices["edge2.mex"].kill()
    run(watched, service, "plan", "--out", "plan.zip", expect=PROBLEMS)
    assert messages(service) == []


def test_a_run_that_could_not_be_made_is_told_of(watched: Desk, service: Service) -> None:
    run(watched, service, "refresh", expect=DONE)
    messages(service)
    (watched.directory / ".irrgate" / "state.db").write_bytes(b"this is no database" * 1000)
    run(watched, service, "refresh", expect=COULD_NOT_RUN)
    ((title, lines),) = messages(service)
    assert title == "irrgate refresh: 1 failed"
    assert lines[0].startswith("Failed: the run could not be made: ")
    found = metrics(watched)
    assert found["irrgate_run_exit_code"] == {("refresh",): 1}
    assert ("done", "edge1.mex") in found["irrgate_router_outcome"]

    watched.edit("network.yaml", "workers: 8", "workers: many")
    run(watched, service, "refresh", expect=COULD_NOT_RUN)
    ((title, lines),) = messages(service)
    assert title == "irrgate refresh: 1 failed"


def test_what_cannot_be_told_changes_nothing(watched: Desk, service: Service) -> None:
    (watched.directory / "irrgate.prom").mkdir()
    done = told(watched.irrgate("refresh", environ={"IRRGATE_NOTIFY": service.url("refuse")}), DONE)
    assert "warning: " in done.stderr
    assert "the metrics cannot be written: Is a directory" in done.stderr
    assert "warning: the notification was not sent (IRRGATE_NOTIFY)" in done.stderr

"""Deployments that nobody watches: in order, within windows, and when runs meet or die."""

from __future__ import annotations

import json
import signal
import threading
import time

import pytest

from tests.e2e.desk import (
    CHANGES,
    DONE,
    INTERRUPTED,
    PROBLEMS,
    Desk,
    accepts,
    blank,
    events,
    eventually,
    has_list,
    log,
    told,
)
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

ROUTERS = ["edge1.bog", "edge1.mex", "edge2.bog", "edge2.mex"]
CLOSED = """
change_windows:
  time_zone: Europe/Berlin
  freeze: [2000-01-01..2099-12-31]
  allow: []
"""


def committed_at(desk: Desk) -> dict[str, float]:
    """When each router took its commit, by the machine's clock."""
    return {
        name: record.monotonic
        for name, device in desk.devices.items()
        for record in log(device)
        if record.event == "commit-confirmed"
    }


def history(desk: Desk, *arguments: str) -> list[dict[str, object]]:
    loaded: list[dict[str, object]] = json.loads(
        told(desk.irrgate("--json", "history", *arguments), DONE).stdout
    )
    return loaded


def test_the_canary_comes_first_and_the_rest_in_batches(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    desk.apply(plan, "--canary", "edge2.mex", "--batch", "1", expect=DONE)
    at = committed_at(desk)
    assert sorted(at, key=at.__getitem__) == ["edge2.mex", "edge1.bog", "edge1.mex", "edge2.bog"]


@pytest.mark.parametrize(
    ("canary", "says"),
    [
        ("edge9.mex", "'edge9.mex': is no router that the plan changes"),
        ("1,edge1.mex", "is either a number or routers by name"),
    ],
)
def test_a_canary_that_is_misspelt_is_refused(desk: Desk, canary: str, says: str) -> None:
    plan = desk.plan(expect=CHANGES)
    done = desk.apply(plan, "--canary", canary, expect=1)
    assert says in done.stderr
    assert not any(record.changed for device in desk.devices.values() for record in log(device))


def test_a_canary_that_fails_stops_the_rest(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    desk.devices["edge1.bog"].inject("error", "commit")
    outcomes = desk.outcomes(plan, "--canary", "1", expect=PROBLEMS)
    assert outcomes.pop("edge1.bog")[0] == "failed"
    why = "not begun, since the canary edge1.bog did not come through"
    assert outcomes == dict.fromkeys(ROUTERS[1:], ("held", why))
    [one] = history(desk)
    assert one["result"] == "problems"


def test_a_failure_budget_stops_the_rest(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    for name in ("edge1.bog", "edge1.mex"):
        desk.devices[name].inject("error", "commit")
    outcomes = desk.outcomes(plan, "--batch", "1", "--max-failures", "1", expect=PROBLEMS)
    assert [outcomes[name][0] for name in ROUTERS] == ["failed", "failed", "held", "held"]
    assert outcomes["edge2.bog"][1] == "not begun, since 2 router(s) failed (max_failures: 1)"
    for name in ("edge2.bog", "edge2.mex"):
        assert not has_list(desk.devices[name], "IRR-AS64502-V4")


def test_a_closed_window_is_told_and_a_reason_goes_past_it(desk: Desk) -> None:
    with (desk.directory / "inventory" / "network.yaml").open("a") as file:
        file.write(CLOSED)
    plan = desk.plan(expect=CHANGES)
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    assert {outcome for outcome, _ in outcomes.values()} == {"held"}
    assert all("frozen from 2000-01-01 to 2099-12-31" in why for _, why in outcomes.values())
    refused = told(desk.irrgate("refresh"), PROBLEMS)
    assert "frozen" in refused.stdout
    assert not any(record.changed for device in desk.devices.values() for record in log(device))
    assert history(desk) == []

    desk.apply(plan, "--outside-window", "INC-4711, a leak", expect=DONE)
    [one] = history(desk)
    assert one["outside_window"] == "INC-4711, a leak"
    assert "outside the change window: INC-4711, a leak" in told(desk.irrgate("history"), 0).stdout


def test_a_window_of_a_group_is_its_own(desk: Desk) -> None:
    path = desk.directory / "inventory" / "groups.yaml"
    text = path.read_text().replace("eos:\n", "eos:\n  data:\n" + indented(CLOSED), 1)
    path.write_text(text)
    plan = desk.plan(expect=CHANGES)
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    assert {name: out for name, (out, _) in outcomes.items()} == {
        "edge1.bog": "held", "edge1.mex": "held", "edge2.bog": "done", "edge2.mex": "done",
    }  # fmt: skip


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip().splitlines())


def test_refresh_goes_on_its_own_and_keeps_its_plan(desk: Desk) -> None:
    told(desk.irrgate("refresh", "--reason", "nightly"), DONE)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V4", "10.11.20.0/24")
    [one] = history(desk)
    assert (one["kind"], one["reason"], one["result"]) == ("refresh", "nightly", "done")
    [plan] = (desk.directory / ".irrgate" / "plans").iterdir()
    assert plan.stat().st_mode & 0o777 == 0o600
    told(desk.irrgate("show", str(plan)), DONE)

    before = {name: device.apply_log() for name, device in desk.devices.items()}
    again = told(desk.irrgate("refresh"), DONE)
    assert "nothing to change" in again.stdout
    assert {name: device.apply_log() for name, device in desk.devices.items()} == before
    assert len(history(desk)) == 1

    desk.edit_registry(WITHDRAWN, ADDED)
    told(desk.irrgate("refresh"), DONE)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V4", "10.11.24.0/22")
    assert len(history(desk)) == 2


def test_the_way_back_is_a_plan(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    desk.edit_registry(WITHDRAWN, ADDED)
    told(desk.irrgate("refresh"), DONE)
    planned = told(
        desk.irrgate("rollback", "2", "--out", "back.zip", "--reason", "a customer called"), CHANGES
    )
    assert "- 10.11.24.0/22" in planned.stdout
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V4", "10.11.24.0/22")
    told(desk.irrgate("apply", "back.zip"), DONE)
    for name in ("edge1.mex", "edge2.mex"):
        assert accepts(desk.devices[name], "IRR-AS64500-V4", "10.11.20.0/24")
        assert not accepts(desk.devices[name], "IRR-AS64500-V4", "10.11.24.0/22")
    newest = history(desk)[0]
    assert (newest["kind"], newest["reason"]) == ("rollback", "a customer called")

    # The registry still says what was rolled back from: that is held, until somebody accepts it.
    held = told(desk.irrgate("refresh"), PROBLEMS)
    assert "rolled_back" in held.stderr
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V4", "10.11.20.0/24")
    told(desk.irrgate("accept", "AS64500", "--reason", "it was not the filter"), DONE)
    told(desk.irrgate("refresh"), DONE)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V4", "10.11.24.0/22")


def test_a_first_deployment_is_rolled_back_to_nothing(desk: Desk) -> None:
    told(desk.irrgate("refresh", "--limit", "edge1.mex"), DONE)
    told(desk.irrgate("rollback", "1", "--out", "back.zip"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    assert desk.devices["edge1.mex"].running().endswith(blank(desk.devices["edge1.mex"])[-10:])
    assert not has_list(desk.devices["edge1.mex"], "IRR-AS64500-V4")


def test_two_runs_do_not_meet_on_a_router(desk: Desk) -> None:
    """The one that comes second is told who holds the router, and changes nothing on it."""
    plan = desk.plan(expect=CHANGES)
    slow = desk.devices["edge1.mex"]
    slow.inject("slow", "commit", seconds=4)
    first: list[int] = []
    running = threading.Thread(target=lambda: first.append(desk.start_apply(plan)))
    running.start()
    assert eventually(lambda: slow.faults()[0]["struck"] == 1, 20)
    outcomes = desk.outcomes(plan, "--limit", "edge1.mex", expect=PROBLEMS)
    outcome, why = outcomes["edge1.mex"]
    assert outcome == "failed"
    assert "another run is at work on it" in why
    assert "irrgate apply, deployment 1" in why
    running.join()
    assert first == [DONE]


@pytest.mark.parametrize("name", ["edge1.mex", "edge2.mex"])
@pytest.mark.parametrize(("fault", "step"), [("hang", "commit"), ("hang", "confirm")])
def test_a_run_that_is_killed_is_brought_to_an_end(
    desk: Desk, name: str, fault: str, step: str
) -> None:
    plan = desk.plan("--limit", name, expect=CHANGES)
    router = desk.devices[name]
    before = router.running()
    router.inject(fault, step, seconds=60)
    process = desk.start("apply", plan.path.name)
    assert eventually(lambda: router.faults()[0]["struck"] == 1, 20)
    process.send_signal(signal.SIGKILL)
    process.wait()
    router.clear_faults()
    blocked = desk.plan("--limit", name, expect=PROBLEMS)
    assert "deployment 1 was interrupted here" in blocked.json["hosts"][name]["reason"]

    recovered = json.loads(told(desk.irrgate("--json", "recover"), DONE).stdout)
    [row] = recovered
    held_new = has_list(router, "IRR-AS64500-V4")
    assert row["outcome"] == ("done" if held_new else "failed")
    assert held_new or router.running() == before
    assert eventually(lambda: router.locks() == router.candidates() == [])
    told(desk.irrgate("refresh", "--limit", name), DONE)
    assert has_list(router, "IRR-AS64500-V4")
    router.advance(4000)
    assert has_list(router, "IRR-AS64500-V4")


def test_ctrl_c_is_journalled(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    slow = desk.devices["edge1.bog"]
    slow.inject("slow", "commit", seconds=3)
    process = desk.start("apply", plan.path.name, "--batch", "1")
    assert eventually(lambda: slow.faults()[0]["struck"] == 1, 20)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == INTERRUPTED
    [one] = history(desk)
    assert one["result"] == "interrupted"
    routers = {each["router"]: each["outcome"] for each in one["routers"]}  # type: ignore[attr-defined]
    assert routers["edge1.bog"] == "done"
    assert {routers[name] for name in ROUTERS[1:]} == {None}
    assert events(desk.devices["edge1.mex"])[-1] == "discard"
    desk.apply(plan, expect=DONE)


def test_a_plan_that_is_too_old_is_refused(desk: Desk) -> None:
    desk.edit("network.yaml", "\nfilters:", "\nguards: {max_plan_age: 1s}\n\nfilters:")
    plan = desk.plan(expect=CHANGES)
    time.sleep(2)
    refused = desk.apply(plan, expect=1)
    assert "has expired: it was made" in refused.stderr
    assert not any(record.changed for device in desk.devices.values() for record in log(device))


def test_a_state_that_cannot_be_written_stops_before_the_routers(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    state = desk.directory / ".irrgate" / "state.db"
    state.write_bytes(b"this is no database" * 100)
    for command in (["plan"], ["apply", plan.path.name], ["refresh"], ["history"], ["recover"]):
        refused = told(desk.irrgate(*command), 1)
        assert "state.db" in refused.stderr
    assert state.read_bytes().startswith(b"this is no database")
    assert not any(record.changed for device in desk.devices.values() for record in log(device))

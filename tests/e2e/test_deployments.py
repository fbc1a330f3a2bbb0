"""Deployments in parts, beside others, without their state or their routers, and the way back."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from nornir.core import Nornir
from nornir.core.task import AggregatedResult
from rich.console import Console

from irrgate.commits import CommitOutcome
from irrgate.errors import StateError
from irrgate.plan_file import PlanFile
from irrgate.platforms import PLATFORMS
from irrgate.state import State, open_state
from irrgate.workspace import load_workspace
from playbooks import applying
from playbooks.apply_commands import apply_exit
from playbooks.applying import Applied, ApplyRequest, apply_plan
from playbooks.progress import Steps
from playbooks.recovering import recover_workspace
from playbooks.terminal import Exit, local_now
from tasks.runner import RunInterruptedError
from tests.e2e.desk import (
    CHANGES,
    COULD_NOT_RUN,
    DONE,
    INTERRUPTED,
    PROBLEMS,
    Desk,
    Plan,
    accepts,
    eventually,
    log,
    told,
)
from tests.e2e.test_last_known_good import withdraw_most
from tests.e2e.test_unattended import CLOSED, ROUTERS, history, indented
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

LIST = "IRR-AS64500-V4"


def request_of(desk: Desk, state: State) -> ApplyRequest:
    workspace = load_workspace(desk.directory, known_platforms=tuple(PLATFORMS))
    return ApplyRequest(workspace, desk.environ, state, local_now)


def applied_here(desk: Desk, plan: Plan) -> Applied:
    """Apply a plan in this process."""
    steps = Steps(Console(quiet=True))
    with open_state(desk.directory, None, {}) as state, PlanFile(plan.path) as opened:
        return apply_plan(request_of(desk, state), opened, str(plan.path), steps)


def test_an_accepted_change_may_be_applied_in_parts(desk: Desk) -> None:
    """The first part uses the acceptance up; that is no error of the second one."""
    told(desk.irrgate("refresh"), DONE)
    withdraw_most(desk)
    told(desk.irrgate("plan"), PROBLEMS)
    told(desk.irrgate("accept", "AS64500", "--reason", "sold the /16"), DONE)
    plan = desk.plan(expect=CHANGES)
    for name in ("edge1.mex", "edge2.mex"):
        desk.apply(plan, "--limit", name, expect=DONE)
        assert not accepts(desk.devices[name], LIST, "10.10.0.0/17")
    assert [each["result"] for each in history(desk)] == ["done"] * 3


def test_what_a_dead_run_committed_is_the_last_known_good_of_the_run_that_recovers(
    desk: Desk,
) -> None:
    """Else an outage of the IRR would bring the filter back that served before it."""
    told(desk.irrgate("refresh"), DONE)
    withdraw_most(desk)
    told(desk.irrgate("plan"), PROBLEMS)
    told(desk.irrgate("accept", "AS64500", "--reason", "sold the /16"), DONE)
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    die_at_confirm(desk, "edge1.mex", plan)
    told(desk.irrgate("recover"), DONE)
    with open_state(desk.directory, None, {}) as state:
        good = state.good(LIST)
        assert good is not None
        assert (good.entries, good.why) == (3, "accepted")
        assert good.objects == "DEMO::AS-EJEMPLO"
        assert state.acceptances() == {}


def die_at_confirm(desk: Desk, name: str, plan: Plan) -> None:
    """Apply a plan, and kill it (-9) when it is about to confirm on the router."""
    router = desk.devices[name]
    router.inject("hang", "confirm", seconds=60)
    process = desk.start("apply", plan.path.name)
    assert eventually(lambda: router.faults()[0]["struck"] == 1, 20)
    process.kill()
    process.wait()
    router.clear_faults()


def test_a_canary_that_another_run_works_on_stops_the_rest(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    with open_state(desk.directory, None, {}) as state, state.lock("edge1.bog", "somebody"):
        outcomes = desk.outcomes(plan, "--canary", "1", expect=PROBLEMS)
    assert outcomes.pop("edge1.bog")[0] == "failed"
    why = "not begun, since the canary edge1.bog did not come through"
    assert outcomes == dict.fromkeys(ROUTERS[1:], ("held", why))


def test_a_router_that_another_run_works_on_is_a_failure_of_the_budget(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    with open_state(desk.directory, None, {}) as state, state.lock("edge1.bog", "somebody"):
        outcomes = desk.outcomes(plan, "--batch", "1", "--max-failures", "0", expect=PROBLEMS)
    assert [outcomes[name][0] for name in ROUTERS] == ["failed", "held", "held", "held"]


@pytest.mark.parametrize(
    ("canary", "edge2"), [("edge1.mex", "held"), ("1", "done"), ("edge2.mex", "done")]
)
def test_a_canary_whose_time_it_is_not(desk: Desk, canary: str, edge2: str) -> None:
    """One that is named does not come through; of a number, one is taken that may be changed."""
    path = desk.directory / "inventory" / "groups.yaml"
    path.write_text(path.read_text().replace("eos:\n", "eos:\n  data:\n" + indented(CLOSED), 1))
    plan = desk.plan(expect=CHANGES)
    outcomes = desk.outcomes(plan, "--canary", canary, expect=PROBLEMS)
    assert {name: outcome for name, (outcome, _) in outcomes.items()} == {
        "edge1.bog": "held", "edge1.mex": "held", "edge2.bog": edge2, "edge2.mex": edge2,
    }  # fmt: skip


def test_ctrl_c_twice_leaves_a_router_of_which_nothing_is_known(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    slow = desk.devices["edge1.bog"]
    slow.inject("hang", "confirm", seconds=60)
    process = desk.start("--json", "apply", plan.path.name, "--batch", "1")
    assert eventually(lambda: slow.faults()[0]["struck"] == 1, 20)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
    out, err = process.communicate(timeout=10)
    assert process.returncode == INTERRUPTED
    assert "Traceback" not in err
    outcomes = {each["router"]: each["outcome"] for each in json.loads(out)["routers"]}
    assert outcomes == {"edge1.bog": "unsettled", **dict.fromkeys(ROUTERS[1:], "held")}
    slow.clear_faults()
    assert history(desk)[0]["result"] == "interrupted"
    told(desk.irrgate("recover"), DONE)
    desk.apply(plan, expect=DONE)


@pytest.mark.parametrize("at_end", [RunInterruptedError(AggregatedResult("close"), frozenset())])
def test_ctrl_c_when_all_is_done_does_not_undo_what_is_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at_end: KeyboardInterrupt
) -> None:
    plan = desk.plan(expect=CHANGES)
    at_end.results["edge1.bog"] = None  # type: ignore[attr-defined]

    @contextmanager
    def closing(nornir: Nornir) -> Iterator[None]:
        yield
        raise at_end

    monkeypatch.setattr(applying, "connections", closing)
    applied = applied_here(desk, plan)
    assert {each.outcome for each in applied.outcomes.values()} == {CommitOutcome.DONE}
    assert apply_exit(applied, has_problems=False) is Exit.INTERRUPTED


@pytest.mark.parametrize("method", ["end_deployment", "acceptance"])
def test_what_came_of_the_routers_is_told_though_it_cannot_be_written(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    told(desk.irrgate("refresh"), DONE)
    withdraw_most(desk)
    told(desk.irrgate("plan"), PROBLEMS)
    told(desk.irrgate("accept", "AS64500", "--reason", "sold the /16"), DONE)
    plan = desk.plan(expect=CHANGES)

    def full(*_: object) -> None:
        raise StateError("state.db", "the disk is full")

    monkeypatch.setattr(State, method, full)
    applied = applied_here(desk, plan)
    assert {each.outcome for each in applied.outcomes.values()} == {CommitOutcome.DONE}
    assert str(applied.trouble) == "state.db: the disk is full"
    assert apply_exit(applied, has_problems=False) is Exit.PROBLEMS
    monkeypatch.undo()
    told(desk.irrgate("recover"), DONE)
    assert history(desk)[0]["result"] == "recovered"


def test_only_what_a_deployment_changed_is_rolled_back(desk: Desk) -> None:
    """It failed on one router, which a later one brought to the same: that is not its to undo."""
    told(desk.irrgate("refresh"), DONE)
    desk.edit_registry(WITHDRAWN, ADDED)
    desk.devices["edge2.mex"].inject("error", "commit")
    told(desk.irrgate("refresh"), PROBLEMS)
    told(desk.irrgate("refresh"), DONE)
    told(desk.irrgate("rollback", "2", "--out", "back.zip"), CHANGES)
    shown = json.loads(told(desk.irrgate("--json", "show", "back.zip"), DONE).stdout)
    assert "edge1.mex" in shown["hosts"]
    assert "edge2.mex" not in shown["hosts"]


def test_a_filter_whose_name_is_no_more_given_is_not_left_behind_in_silence(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    desk.edit("network.yaml", "\nfilters:", "\nfilters:\n  name: FROM-{peer}-{afi}")
    refused = told(desk.irrgate("rollback", "1", "--out", "back.zip"), COULD_NOT_RUN)
    assert "is no name that irrgate gives any more" in refused.stderr
    assert not (desk.directory / "back.zip").exists()


def without_edge2_mex(desk: Desk) -> None:
    for name in ("hosts.yaml",):
        path = desk.directory / "inventory" / name
        head, _, tail = path.read_text().partition("edge2.mex:\n")
        rest = tail.splitlines(keepends=True)
        after = next((at for at, line in enumerate(rest) if line[0] not in " \n#"), len(rest))
        path.write_text(head + "".join(rest[after:]))


def test_a_router_that_left_the_inventory_is_not_passed_over_by_a_rollback(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    without_edge2_mex(desk)
    refused = told(desk.irrgate("rollback", "1", "--out", "back.zip"), COULD_NOT_RUN)
    assert "deployment 1: changed edge2.mex, not in the inventory any more" in refused.stderr
    told(desk.irrgate("rollback", "1", "--out", "back.zip", "--limit", "edge1.mex"), CHANGES)


def test_a_router_that_left_the_inventory_unfinished_is_ended(desk: Desk) -> None:
    plan = desk.plan("--limit", "edge2.mex", expect=CHANGES)
    die_at_confirm(desk, "edge2.mex", plan)
    without_edge2_mex(desk)
    told(desk.irrgate("recover", "--limit", "edge1.mex"), DONE)
    assert history(desk)[0]["result"] is None
    [row] = json.loads(told(desk.irrgate("--json", "recover"), DONE).stdout)
    assert (row["router"], row["outcome"]) == ("edge2.mex", "failed")
    assert "not in the inventory any more" in row["reason"]
    assert history(desk)[0]["result"] == "recovered"
    assert "nothing was left unfinished" in told(desk.irrgate("recover"), DONE).stdout


def test_two_runs_may_end_the_same_dead_deployment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(desk.irrgate("refresh"), DONE)
    monkeypatch.setattr(State, "unended_deployments", lambda _: (1,))
    with open_state(desk.directory, None, {}) as state:
        assert recover_workspace(request_of(desk, state), Steps(Console(quiet=True))) == {}


def test_a_folder_that_cannot_be_made_is_no_traceback(desk: Desk) -> None:
    told(desk.irrgate("history"), DONE)
    (desk.directory / ".irrgate" / "plans").write_text("in the way")
    refused = told(desk.irrgate("refresh"), COULD_NOT_RUN)
    assert "plans: cannot be made" in refused.stderr
    assert not any(record.changed for device in desk.devices.values() for record in log(device))


def test_what_another_run_left_open_is_told_though_the_plan_does_not_change_it(desk: Desk) -> None:
    """Nothing of the plan failed, but nobody knows what a router of it holds."""
    told(desk.irrgate("refresh", "--limit", "edge1.mex"), DONE)
    plan = desk.plan(expect=CHANGES)
    desk.edit_registry(WITHDRAWN, ADDED)
    other = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    die_at_confirm(desk, "edge1.mex", other)
    with open_state(desk.directory, None, {}) as state, state.lock("edge1.mex", "somebody"):
        done = told(desk.irrgate("--json", "apply", plan.path.name), PROBLEMS)
    said: dict[str, Any] = json.loads(done.stdout)
    assert {each["outcome"] for each in said["routers"]} == {"done"}
    assert [each["outcome"] for each in said["recovered"]] == ["unsettled"]

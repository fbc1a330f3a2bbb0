"""Rollbacks that cannot be planned, and routers that held different things before."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from irrgate.prefixes import Afi, PrefixSet
from irrgate.state import open_state
from tests.e2e.desk import CHANGES, COULD_NOT_RUN, DONE, Desk, config, told

pytestmark = pytest.mark.e2e

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "IRR-AS64500-V4"


def deployed(
    desk: Desk, befores: dict[str, list[str] | None], after: list[str], name: str = NAME
) -> int:
    """Write a deployment into the state that brought routers from these contents to one."""
    with open_state(desk.directory, None, {}) as state:
        new = state.keep_prefixes(PrefixSet.parse(Afi.IPV4, after))
        olds = {
            host: None if before is None else state.keep_prefixes(PrefixSet.parse(Afi.IPV4, before))
            for host, before in befores.items()
        }
        number = state.begin_deployment("apply", "ana@noc", "", "0" * 64, list(befores), NOW)
        for host, old in olds.items():
            state.begin_host(number, host, "eos", {name: old}, {name: new}, NOW)
            state.end_host(number, host, "done", "", NOW)
        state.end_deployment(number, "done", NOW)
        return number


def test_each_router_gets_what_it_held_itself(desk: Desk) -> None:
    now = ["10.10.0.0/16", "10.12.0.0/16"]
    befores = {"edge1.mex": ["10.10.0.0/16"], "edge2.mex": ["10.12.0.0/16"], "gone.mex": None}
    for name in ("edge1.mex", "edge2.mex"):
        desk.devices[name].set_running(config(desk.devices[name], {NAME: now}))
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("guards:\n  max_shrink: 0.5\n")
    number = deployed(desk, befores, now)
    words = ["rollback", str(number), "--out", "back.zip"]
    refused = told(desk.irrgate(*words), COULD_NOT_RUN)
    assert "changed gone.mex, not in the inventory any more" in refused.stderr
    told(desk.irrgate(*words, "--limit", "edge1.mex", "--limit", "edge2.mex"), CHANGES)
    made = json.loads(told(desk.irrgate("--json", "show", "back.zip"), DONE).stdout)
    assert list(made["hosts"]) == ["edge1.mex", "edge2.mex"]
    digests = {made["hosts"][name]["filters"][NAME]["digest"] for name in made["hosts"]}
    assert digests == {PrefixSet.parse(Afi.IPV4, befores[n] or []).digest for n in made["hosts"]}
    assert digests <= set(made["filters"])
    for name, lost in (("edge1.mex", "10.12.0.0/16"), ("edge2.mex", "10.10.0.0/16")):
        record = made["hosts"][name]["filters"][NAME]
        assert (record["status"], record["added"], record["removed"]) == ("change", 0, 1)
        delta = told(desk.irrgate("show", "back.zip"), DONE).stdout
        assert f"- {lost}" in delta


def test_the_way_back_is_guarded_as_every_step(desk: Desk) -> None:
    device = desk.devices["edge1.mex"]
    device.set_running(config(device, {NAME: ["10.10.0.0/16"]}))
    number = deployed(desk, {"edge1.mex": ["10.10.0.0/24"]}, ["10.10.0.0/16"])
    told(desk.irrgate("rollback", str(number), "--out", "back.zip"), 3)
    made = json.loads(told(desk.irrgate("--json", "show", "back.zip"), DONE).stdout)
    record = made["hosts"]["edge1.mex"]["filters"][NAME]
    assert record["status"] == "held"
    assert record["reason"] == "max_shrink: loses 100% of its address space (limit: 30%)"
    told(desk.irrgate("accept", "AS64500", "--reason", "as it was"), DONE)
    told(desk.irrgate("rollback", str(number), "--out", "back.zip"), CHANGES)


def test_what_cannot_be_planned(desk: Desk) -> None:
    done = told(desk.irrgate("rollback", "99", "--out", "back.zip"), COULD_NOT_RUN)
    assert "there is no deployment 99" in done.stderr
    number = str(deployed(desk, {"edge1.mex": ["10.10.0.0/16"]}, ["10.10.0.0/16"]))
    done = told(desk.irrgate("rollback", number, "--out", "back.zip"), COULD_NOT_RUN)
    assert "there is nothing to take back on the inventory's routers" in done.stderr
    number = str(deployed(desk, {"edge1.mex": None}, ["10.10.0.0/16"]))
    words = ["rollback", number, "--out", "back.zip", "--limit", "edge2.bog"]
    done = told(desk.irrgate(*words), COULD_NOT_RUN)
    assert "there is nothing to take back on --limit edge2.bog" in done.stderr
    number = str(deployed(desk, {"edge1.mex": ["10.1.0.0/16"]}, ["10.10.0.0/16"], "OLD-AS1-V4"))
    done = told(desk.irrgate("rollback", number, "--out", "back.zip"), COULD_NOT_RUN)
    assert "OLD-AS1-V4: is no name that irrgate gives any more" in done.stderr
    assert not (desk.directory / "back.zip").exists()

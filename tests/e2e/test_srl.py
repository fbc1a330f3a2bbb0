"""SR Linux from the first plan to the way back, through irrgate and over a real socket."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    Desk,
    accepts,
    events,
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.srl_lab import srl_inventory
from tests.e2e.test_removal import leave
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.harness import LabDevice
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
SESSIONS = {
    "srl1": [("AS64500", "198.51.100.2"), ("AS64500", "2001:db8:1::2"), ("AS64501", "198.51.100.6")]
}
POLICY = "srl_nokia-routing-policy:routing-policy"


@pytest.fixture(scope="module")
def srl_network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("srl")
    inventory = srl_inventory(directory, SESSIONS, timeout=10)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(srl_network: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(srl_network.devices.values())
    desk = new_desk(srl_network, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def ready(desk: Desk) -> LabDevice:
    """The router, with the filters as the registry has them."""
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    return desk.devices["srl1"]


def refer(device: LabDevice, name: str, where: str = "prefix-set") -> None:
    """Let a policy refer to a filter, as older releases have it, or later ones."""
    match: object = {"prefix-set": name}
    for each in where.split("/")[:-1]:
        match = {each: match}
    root = json.loads(device.running())
    root[POLICY]["policy"] = [{"name": "IN", "statement": [{"name": "10", "match": match}]}]
    device.set_running(json.dumps(root))


def assert_never_wrong(device: LabDevice, *steps: dict[str, str]) -> None:
    """By the apply log: each managed set had one of these digests, and none was ever missing."""
    changed = [record.lists for record in log(device) if record.changed]
    seen = [{name: lists[name] for name in steps[0]} for lists in changed]
    assert seen[-len(steps) + 1 :] == list(steps[1:])


def test_from_the_first_plan_to_no_change(desk: Desk) -> None:
    device = desk.devices["srl1"]
    plan = desk.plan(expect=CHANGES)
    assert events(device) == ["validate"]
    commands = json.loads(plan.member("hosts/srl1/candidate"))
    assert {command["action"] for command in commands} == {"replace"}
    assert f"+ prefix-set {V4}\n+   10.10.0.0/16 17..17\n" in plan.member("hosts/srl1/diff")
    assert f"+ prefix-set {V4}" in plan.printed.stdout
    assert desk.outcomes(plan, expect=DONE) == {"srl1": ("done", "")}
    assert events(device)[1:] == ["validate", "commit-confirmed", "confirmed", "save"]
    assert device.ask("startup") == device.running()
    assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
    for prefix in ("10.10.0.0/16", "10.10.0.0/18", "10.11.24.0/22", "203.0.113.0/24"):
        assert not accepts(device, V4, prefix)
    assert accepts(device, V6, "2001:db8:507::/48")
    assert accepts(device, "IRR-AS64501-V4", "10.20.5.0/24")
    before = device.apply_log()
    again = desk.plan(expect=DONE)
    assert again.hosts == {"srl1": "unchanged"}
    assert desk.outcomes(plan, expect=DONE) == {"srl1": ("already", "")}
    # Nothing is sent to a router on which nothing differs.
    assert device.apply_log() == before


def test_one_prefix_comes_and_one_goes_and_comes_back(desk: Desk) -> None:
    device = ready(desk)
    refer(device, V4)
    old, running = device.lists(), device.running()
    desk.edit_registry(WITHDRAWN, ADDED)
    plan = desk.plan(expect=CHANGES)
    moved = {"added": ["10.11.24.0/22"], "removed": ["10.11.20.0/24"]}
    assert plan.delta("srl1") == {V4: moved}
    diff = f"  prefix-set {V4}\n-   10.11.20.0/24 exact\n+   10.11.24.0/22 exact"
    assert plan.member("hosts/srl1/diff") == diff
    assert "IRR-AS64501" not in plan.member("hosts/srl1/candidate")
    assert desk.outcomes(plan, expect=DONE) == {"srl1": ("done", "")}
    new = device.lists()
    assert {name for name in old if old[name] != new[name]} == {V4}
    assert [record.objects for record in log(device) if record.changed] == [(V4,)]

    told(desk.irrgate("rollback", "2", "--out", "back.zip"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    assert json.loads(device.running()) == json.loads(running)
    assert_never_wrong(device, old, new, old)


def test_a_filter_that_is_emptied_denies_all(desk: Desk) -> None:
    device = ready(desk)
    refer(device, V4)
    old = device.lists()
    text = desk.registry.read_text(encoding="latin-1")
    desk.load_registry(re.sub("(origin: +)AS6450[0567]", r"\1AS64599", text))
    plan = desk.plan(expect=PROBLEMS)
    assert plan.filters("srl1")[V4][0] == "held"
    told(desk.irrgate("accept", "AS64500", "--reason", "they left"), DONE)
    plan = desk.plan(expect=CHANGES)
    desk.apply(plan, expect=DONE)
    for prefix in (*EJEMPLO_V4, "0.0.0.0/0", "255.255.255.254/31"):
        assert not accepts(device, V4, prefix)
    for prefix in ("::/0", "2001:db8:507::/48"):
        assert not accepts(device, V6, prefix)
    assert desk.plan(expect=DONE).hosts == {"srl1": "unchanged"}
    assert_never_wrong(device, old, device.lists())


@pytest.mark.parametrize("where", ["prefix-set", "prefix/prefix-set"])
def test_a_filter_goes_once_nothing_refers_to_it(desk: Desk, where: str) -> None:
    device = ready(desk)
    gone = "IRR-AS64501-V4"
    refer(device, gone, where)
    leave(desk, "AS64501")
    plan = desk.plan(expect=DONE)
    status, reason = plan.filters("srl1")[gone]
    assert status == "still referred to"
    assert f"/routing-policy/policy[name=IN]/statement[name=10]/match/{where} {gone}" in reason

    refer(device, V4, where)
    plan = desk.plan(expect=CHANGES)
    assert plan.filters("srl1")[gone][0] == "remove"
    assert plan.member("hosts/srl1/diff").startswith(f"- prefix-set {gone}\n-   10.20.")
    refer(device, gone, where)
    (outcome, why) = desk.outcomes(plan, expect=PROBLEMS)["srl1"]
    assert outcome == "held"
    assert why.startswith(f"{gone} was to be removed, and is referred to by now: /routing-policy")
    refer(device, V4, where)
    assert desk.outcomes(plan, expect=DONE) == {"srl1": ("done", "")}
    assert not has_list(device, gone)
    assert has_list(device, V4)


def test_a_set_edited_by_hand_is_shown_and_taken_back(desk: Desk) -> None:
    device = ready(desk)
    intended = device.lists()
    root = json.loads(device.running())
    [ours] = [each for each in root[POLICY]["prefix-set"] if each["name"] == V4]
    ours["prefix"] = [each for each in ours["prefix"] if each["ip-prefix"] != "10.11.20.0/24"] + [
        {"ip-prefix": "10.11.96.0/20", "mask-length-range": "20..24"}
    ]
    root[POLICY]["prefix-set"].append({"name": "CUSTOMERS", "prefix": ours["prefix"]})
    root[POLICY]["community-set"] = [{"name": V4, "member": ["64496:1"]}]
    device.set_running(json.dumps(root))
    plan = desk.plan(expect=CHANGES)
    assert plan.delta("srl1")[V4]["added"] == ["10.11.20.0/24"]
    assert plan.delta("srl1")[V4]["removed"] == ["10.11.96.0/20 le 24"]
    assert desk.outcomes(plan, expect=DONE) == {"srl1": ("done", "")}
    assert {name: device.lists()[name] for name in intended} == intended
    # What is not irrgate's stays, also what has its name in another place.
    after = json.loads(device.running())[POLICY]
    assert after["community-set"] == root[POLICY]["community-set"]
    assert accepts(device, "CUSTOMERS", "10.11.96.0/22")


def test_a_router_whose_commit_timer_must_not_be_used(desk: Desk) -> None:
    desk.edit("hosts.yaml", "  data:\n", "  data:\n    commit_confirm: false\n")
    device = ready(desk)
    assert events(device)[1:] == ["validate", "commit", "save"]
    assert device.ask("startup") == device.running()
    device.set_neighbors([neighbor(5)], after_commit=[neighbor(1)])
    before = device.running()
    desk.edit_registry(WITHDRAWN, ADDED)
    (outcome, why) = desk.outcomes(desk.plan(expect=CHANGES), expect=PROBLEMS)["srl1"]
    assert outcome == "reverted"
    assert "had 5 accepted ipv4 prefixes before the commit and has 1" in why
    assert json.loads(device.running()) == json.loads(before)
    assert device.ask("startup") == device.running()


def neighbor(received: int, state: str = "established") -> dict[str, object]:
    family = {"afi-safi-name": "srl_nokia-common:ipv4-unicast", "admin-state": "enable"}
    counts = {"received-routes": received, "active-routes": received, "rejected-routes": 0}
    return {
        "peer-address": "198.51.100.2",
        "admin-state": "enable",
        "session-state": state,
        "peer-as": 64500,
        "afi-safi": [{**family, **counts}],
    }


def test_a_commit_that_disturbs_a_session_is_taken_back(desk: Desk) -> None:
    device = ready(desk)
    desk.edit_registry(WITHDRAWN, ADDED)
    device.set_neighbors([neighbor(5)], after_commit=[neighbor(0, "active")])
    before = device.running()
    (outcome, why) = desk.outcomes(desk.plan(expect=CHANGES), expect=PROBLEMS)["srl1"]
    assert outcome == "reverted"
    assert why == "the BGP session with 198.51.100.2 was up before the commit and is down"
    assert events(device)[-2:] == ["commit-confirmed", "rollback"]
    assert device.running() == before == device.ask("startup")

"""SR OS: plan, apply, change, removal and the way back, by NETCONF on an emulated router."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core.configuration import Config

from irrgate.platforms import find_platform
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from tasks.connection import WORKSPACE_KEY, NapalmConnection
from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    Desk,
    accepts,
    config,
    events,
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.test_removal import leave
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.network import LabNetwork, lab_network
from tests.unit.plans_made import members

pytestmark = pytest.mark.e2e

ROUTER = "edge1.lim"
V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
DRY_RUN = ["lock", "discard", "unlock"]
COMMITTED = ["lock", "commit-confirmed", "confirmed", "save", "unlock"]


def sros_inventory(directory: Path) -> Path:
    """The demo network with one router, of SR OS."""
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(
        "sros:\n  platform: sros\n  connection_options:\n    napalm:\n      extras:\n"
        "        optional_args: {known_hosts: lab/known_hosts}\n"
    )
    (inventory / "hosts.yaml").write_text(
        f"{ROUTER}:\n  hostname: 127.0.0.1\n  groups: [sros]\n  data:\n    sessions:\n"
        "      - {peer: AS64500, address: 198.51.100.2}\n"
        '      - {peer: AS64500, address: "2001:db8:1::2"}\n'
        "      - {peer: AS64501, address: 198.51.100.6}\n"
    )
    return inventory


@pytest.fixture(scope="module")
def sros_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("sros")
    inventory = sros_inventory(directory)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(sros_lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Desk:
    """A workspace that the test may change, a new router, and the shipped registry."""
    renew(sros_lab.devices.values())
    desk = new_desk(sros_lab, tmp_path / "desk", commands)
    desk.edit("network.yaml", "asn: AS64496\n", "asn: AS64496\napply: {settle: 0}\n")
    desk.load_registry()
    return desk


def router(desk: Desk) -> LabDevice:
    return desk.devices[ROUTER]


def test_from_an_empty_router_to_a_removal_and_back(desk: Desk) -> None:
    device = router(desk)
    plan = desk.plan(expect=CHANGES)
    assert plan.hosts == {ROUTER: "change"}
    assert events(device) == DRY_RUN
    diff = plan.member(f"hosts/{ROUTER}/diff")
    assert f'+ prefix-list "{V4}" {{\n+     prefix 10.10.0.0/16 type range' in diff
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}
    assert events(device) == DRY_RUN + COMMITTED
    assert device.locks() == device.candidates() == []
    assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
    for prefix in ("10.10.0.0/16", "10.10.0.0/18", "10.11.21.128/25", "203.0.113.0/24"):
        assert not accepts(device, V4, prefix)
    assert accepts(device, V6, "2001:db8:507::/48")
    assert accepts(device, "IRR-AS64501-V4", "10.20.5.0/24")
    assert not accepts(device, "IRR-AS64501-V4", "10.20.5.0/25")

    # Nothing to do is done without a lock.
    before = device.apply_log()
    again = desk.plan(expect=DONE)
    assert again.hosts == {ROUTER: "unchanged"}
    assert device.apply_log() == before

    desk.edit_registry(WITHDRAWN, ADDED)
    changed = desk.plan(expect=CHANGES)
    assert changed.delta(ROUTER) == {V4: {"added": ["10.11.24.0/22"], "removed": ["10.11.20.0/24"]}}
    assert "IRR-AS64501" not in changed.member(f"hosts/{ROUTER}/candidate")
    assert changed.member(f"hosts/{ROUTER}/diff").splitlines() == [
        f'prefix-list "{V4}" {{',
        "-     prefix 10.11.20.0/24 type exact",
        "+     prefix 10.11.24.0/22 type exact",
        "}",
    ]
    assert desk.outcomes(changed, expect=DONE) == {ROUTER: ("done", "")}
    [record] = [each for each in log(device)[-5:] if each.changed]
    assert record.objects == (f"prefix-list {V4}",)
    assert record.detail.startswith("irrgate")

    # No list was ever missing, empty, or anything between the old one and the new.
    seen = [each.lists[V4] for each in device.apply_log() if V4 in each.lists]
    assert len(set(seen)) == 2
    at = next(n for n, each in enumerate(device.apply_log()) if V4 in each.lists)
    assert all(V4 in each.lists for each in device.apply_log()[at:])

    leave(desk, "AS64501")
    gone = desk.plan(expect=CHANGES)
    assert gone.filters(ROUTER)["IRR-AS64501-V4"][0] == "remove"
    assert desk.outcomes(gone, expect=DONE) == {ROUTER: ("done", "")}
    assert not has_list(device, "IRR-AS64501-V4")
    assert has_list(device, V4)


def test_a_first_deployment_is_taken_back_to_nothing(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    told(desk.irrgate("rollback", "1", "--out", "all.zip"), CHANGES)
    told(desk.irrgate("apply", "all.zip"), DONE)
    assert router(desk).lists() == {}


def test_what_somebody_did_by_hand_is_drift_and_taken_back(desk: Desk) -> None:
    device = router(desk)
    told(desk.irrgate("refresh"), DONE)
    right = device.running()
    by_hand = right.replace("192.0.2.0/24", "198.51.100.0/24", 1)
    device.set_running(by_hand)
    plan = desk.plan(expect=CHANGES)
    status, reason = plan.filters(ROUTER)[V4]
    assert status == "change"
    assert "drift" in reason
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}
    assert device.running() == right
    # The same content, and entries of the other family beside it.
    device.set_running(config(device, {V4: [*EJEMPLO_V4, "2001:db8::/32"]}))
    plan = desk.plan(expect=CHANGES)
    assert plan.delta(ROUTER)[V4] == {"added": [], "removed": []}
    assert "-     prefix 2001:db8::/32 type exact" in plan.member(f"hosts/{ROUTER}/diff")


def test_without_a_commit_timer_the_filters_are_committed_to_stay(desk: Desk) -> None:
    device = router(desk)
    desk.edit("hosts.yaml", "  data:\n", "  data:\n    commit_confirm: false\n")
    plan = desk.plan(expect=CHANGES)
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}
    assert [each for each in events(device) if "commit" in each] == ["commit"]
    assert device.locks() == device.candidates() == []


@pytest.mark.parametrize("timer", ["true", "false"])
def test_a_commit_that_costs_a_session_its_prefixes_is_taken_back(desk: Desk, timer: str) -> None:
    device = router(desk)
    desk.edit("hosts.yaml", "  data:\n", f"  data:\n    commit_confirm: {timer}\n")
    told(desk.irrgate("refresh"), DONE)
    right = device.running()
    peer = {"address": "198.51.100.2", "peer_as": 64500, "received": 9, "rejected": 1, "active": 2}
    device.set_neighbors([peer], after_commit=[{**peer, "state": "Active", "received": 0}])
    desk.edit_registry(WITHDRAWN, ADDED)
    plan = desk.plan(expect=CHANGES)
    ((outcome, reason),) = desk.outcomes(plan, expect=PROBLEMS).values()
    assert outcome == "reverted"
    assert "198.51.100.2" in reason
    assert device.running() == right
    assert device.locks() == device.candidates() == []


def test_a_plan_whose_candidate_says_more_than_its_filters_is_not_committed(desk: Desk) -> None:
    """Though each digest in it is right."""
    device, plan = router(desk), desk.plan(expect=CHANGES)
    held, name = dict(members(plan.path)), f"hosts/{ROUTER}/candidate"
    more = b'<prefix-list nc:operation="replace"><name>MINE</name><prefix><ip-prefix>10.0.0.0/8'
    more += b"</ip-prefix><type>exact</type></prefix></prefix-list></policy-options>"
    held[name] = held[name].replace(b"</policy-options>", more)
    record = json.loads(held["plan.json"])
    record["hosts"][ROUTER]["candidate"] = hashlib.sha256(held[name]).hexdigest()
    held["plan.json"] = json.dumps(record).encode()
    sums = (
        f"{hashlib.sha256(content).hexdigest()}  {each}\n"
        for each, content in held.items()
        if each != "plan.sha256"
    )
    held["plan.sha256"] = "".join(sums).encode()
    with zipfile.ZipFile(plan.path, "w") as archive:
        for each, content in held.items():
            archive.writestr(each, content)
    before = device.running()
    outcome, reason = desk.outcomes(plan, expect=PROBLEMS)[ROUTER]
    assert outcome == "held"
    assert reason == "its candidate sets MINE, which the plan does not name"
    assert device.running() == before


def test_a_set_that_is_empty_denies_all(desk: Desk) -> None:
    desk.edit("peers.yaml", "as_sets: {ipv4: [AS64501:AS-CLIENTES]}", "as_sets: {ipv4: [AS64501]}")
    desk.edit("peers.yaml", "filters: {more_specifics: true}", "max_prefix: {ipv4: 10}")
    text = desk.registry.read_text("latin-1")
    desk.load_registry(text.replace("origin:         AS64501", "origin:         AS64511"))
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    device = router(desk)
    assert "<ip-prefix>255.255.255.255/32</ip-prefix>" in device.running()
    for prefix in ("0.0.0.0/0", "10.20.0.0/16", "255.255.255.255/32"):
        assert not accepts(device, "IRR-AS64501-V4", prefix)
    desk.plan(expect=DONE)


def test_a_first_load_of_many_entries_is_sent_in_parts_and_committed_at_once(
    desk: Desk,
) -> None:
    device = router(desk)
    wanted = PrefixSet.from_keys(Afi.IPV4, ((n << 12) << 8 | 24 for n in range(0, 50_000, 2)))
    platform = find_platform("sros")
    text = Renderer().render("sros", [platform.printed(V4, wanted, None)])
    connection = NapalmConnection()
    connection.open(
        "127.0.0.1",
        device.username,
        device.password,
        device.port,
        "sros",
        {"optional_args": {"known_hosts": "lab/known_hosts"}},
        Config(user_defined={WORKSPACE_KEY: str(desk.directory)}),
    )
    driver = connection.connection
    device.clear_faults()
    driver.load_merge_candidate(config=text)
    assert device.steps()["load"] == 3
    assert device.lists() == {}
    driver.commit_config()
    running = driver.get_config(retrieve="running")["running"]
    found = platform.parse(running, {V4: Afi.IPV4}, "IRR-").lists[V4]
    assert (found.prefixes, found.plain) == (wanted, True)
    connection.close()
    assert [each.objects for each in log(device) if each.changed] == [(f"prefix-list {V4}",)]

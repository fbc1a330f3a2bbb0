"""IOS: plan and apply as a person runs them, line by line before routers over SSH and SCP."""

from __future__ import annotations

import json
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
    blank,
    config,
    events,
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.vendor_lab import SESSIONS, vendor_lab
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.ios_semantics import states
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

ROUTERS = list(SESSIONS)
V4 = "IRR-AS64500-V4"
ALL_DONE = dict.fromkeys(ROUTERS, ("done", ""))
COMMITTED = ["commit-confirmed", "lines", "write-memory", "confirmed"]
SAMPLES = [*EJEMPLO_V4, "10.11.24.0/22", "10.99.0.0/16", "203.0.113.0/24", "10.10.0.0/16"]


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("ios")
    options = {"known_hosts": "lab/known_hosts"}
    with vendor_lab(directory, "ios", inherited_environ(), options) as network:
        yield network


@pytest.fixture
def desk(routers: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(routers.devices.values())
    desk = new_desk(routers, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def applied(desk: Desk, name: str) -> list[str]:
    """The lines of prefix lists that a router took since it was renewed."""
    desk.devices[name].running()
    records = [each for each in log(desk.devices[name]) if each.event == "lines"]
    return [line for record in records for line in record.detail.split("\n")]


def held(desk: Desk, name: str) -> set[str]:
    return {each for each in SAMPLES if accepts(desk.devices[name], V4, each)}


def test_from_nothing_to_a_delta_to_nothing_to_a_removal_and_back(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    for device in desk.devices.values():
        # A dry run leaves nothing on a router, not even a file.
        assert events(device) == []
    assert desk.outcomes(first, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert events(device) == COMMITTED
        assert device.candidates() == []
        assert device.ask("startup") == device.running()
    assert held(desk, "edge1.mex") == set(EJEMPLO_V4)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V6", "2001:db8:507::/48")
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")

    before = {name: (desk.devices[name].running(), applied(desk, name)) for name in ROUTERS}
    old = held(desk, "edge1.mex")
    desk.edit_registry(WITHDRAWN, ADDED)
    second = desk.plan(expect=CHANGES)
    assert second.member("hosts/edge1.mex/diff") == (
        f"--- running\n+++ candidate\n@@ ip prefix-list {V4} @@\n"
        f"-ip prefix-list {V4} seq 40 permit 10.11.20.0/24\n"
        f"+ip prefix-list {V4} seq 60 permit 10.11.24.0/22"
    )
    desk.apply(second, expect=DONE)
    for name in ROUTERS:
        assert applied(desk, name)[len(before[name][1]) :] == [
            f"ip prefix-list {V4} seq 60 permit 10.11.24.0/22",
            f"no ip prefix-list {V4} seq 40 permit 10.11.20.0/24",
        ]

    # Nothing is registered any more; a person says that it is right.
    text = desk.registry.read_text(encoding="latin-1")
    desk.load_registry("".join(each for each in text.split("\n\n") if "10.80.0.0" in each))
    desk.plan(expect=PROBLEMS)
    new = held(desk, "edge1.mex")
    told(desk.irrgate("rollback", "2", "--out", "back.zip"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    assert held(desk, "edge1.mex") == old
    steps = applied(desk, "edge1.mex")[len(before["edge1.mex"][1]) :]
    for state in states(before["edge1.mex"][0], steps, V4, SAMPLES):
        assert old & new <= state <= old | new
    told(desk.irrgate("rollback", "1", "--out", "gone.zip"), CHANGES)
    told(desk.irrgate("apply", "gone.zip"), DONE)
    assert not has_list(desk.devices["edge1.mex"], V4)


def test_a_filter_that_becomes_empty_denies_all_from_the_first_to_the_last_moment(
    desk: Desk,
) -> None:
    v6 = "IRR-AS64503-V6"
    desk.apply(desk.plan("--limit", "edge2.mex", expect=CHANGES), expect=DONE)
    before, lines = desk.devices["edge2.mex"].running(), applied(desk, "edge2.mex")
    emptied = desk.registry.read_text(encoding="latin-1")
    emptied = emptied.replace("origin:         AS64503", "origin:         AS64511")
    desk.load_registry(emptied)
    desk.plan("--limit", "edge2.mex", expect=PROBLEMS)
    told(desk.irrgate("accept", "AS64503", "--reason", "it has left"), DONE)
    desk.apply(desk.plan("--limit", "edge2.mex", expect=CHANGES), expect=DONE)
    steps = applied(desk, "edge2.mex")[len(lines) :]
    assert steps
    assert all(line.startswith(f"no ipv6 prefix-list {v6} seq ") for line in steps)
    samples = ["2001:db8:600::/40", "2001:db8:600::/48", "::/0", "2001:db9::/32"]
    *_, last = states(before, steps, v6, samples)
    assert last == set()
    desk.plan("--limit", "edge2.mex", expect=DONE)


def test_a_list_that_a_person_edited_is_taken_back_by_a_plan(desk: Desk) -> None:
    desk.apply(desk.plan("--limit", "edge1.mex", expect=CHANGES), expect=DONE)
    device = desk.devices["edge1.mex"]
    intended = device.running()
    entry = f"ip prefix-list {V4} seq 40 permit 10.11.20.0/24\n"
    by_hand = f"ip prefix-list {V4} seq 7 permit 10.99.0.0/16\n"
    assert entry in intended
    device.set_running(intended.replace(entry, by_hand))
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    assert plan.delta("edge1.mex") == {
        V4: {"added": ["10.11.20.0/24"], "removed": ["10.99.0.0/16"]}
    }
    assert desk.outcomes(plan, expect=DONE) == {"edge1.mex": ("done", "")}
    assert held(desk, "edge1.mex") == set(EJEMPLO_V4)
    desk.plan("--limit", "edge1.mex", expect=DONE)


def test_a_list_of_the_same_name_in_the_other_family_is_left_alone(desk: Desk) -> None:
    device = desk.devices["edge1.mex"]
    other = f"ipv6 prefix-list {V4} seq 5 permit 2001:DB8::/32\n"
    device.set_running(blank(device).replace("end\n", f"{other}end\n"))
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    assert plan.json["hosts"]["edge1.mex"]["strangers"] == [V4]
    desk.apply(plan, expect=DONE)
    assert other in device.running()
    assert held(desk, "edge1.mex") == set(EJEMPLO_V4)


def test_a_router_that_does_not_show_its_numbers_is_held(desk: Desk) -> None:
    device = desk.devices["edge1.mex"]
    entries = "".join(f"ip prefix-list {V4} permit {each}\n" for each in EJEMPLO_V4[:5])
    text = f"no ip prefix-list sequence-number\n{entries}end\n"
    device.set_running(blank(device).replace("end\n", text))
    plan = desk.plan("--limit", "edge1.mex", expect=PROBLEMS)
    status, reason = plan.filters("edge1.mex")[V4]
    assert status == "held"
    assert "does not show the entries' sequence numbers" in reason
    assert "ip prefix-list sequence-number" in reason
    # The others go on.
    assert plan.hosts["edge1.mex"] == "change"


def test_without_an_archive_the_commit_fails_and_says_what_is_missing(desk: Desk) -> None:
    device = desk.devices["edge1.mex"]
    device.set_running(f"hostname {device.name}\n!\nend\n")
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    done = told(desk.irrgate("--json", "apply", plan.path.name), PROBLEMS)
    [router] = json.loads(done.stdout)["routers"]
    assert router["outcome"] == "failed"
    assert "has no archive to go back by" in router["reason"]
    assert events(device) == []
    path = desk.directory / "inventory" / "hosts.yaml"
    path.write_text(path.read_text().replace("data:", "data:\n    commit_confirm: false", 1))
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    desk.apply(plan, expect=DONE)
    assert events(device) == ["lines", "write-memory"]
    assert device.ask("startup") == device.running()


def test_a_session_that_loses_its_prefixes_takes_the_commit_back(desk: Desk) -> None:
    desk.edit("network.yaml", "filters:", "apply: {settle: 0}\nfilters:")
    device = desk.devices["edge1.mex"]
    device.set_running(config(device, {V4: [*EJEMPLO_V4[:5], "10.11.24.0/22"]}))
    before = device.running()
    up = {"address": "198.51.100.2", "asn": 64500, "accepted": 10}
    device.set_neighbors([up], [{**up, "accepted": 1}])
    outcomes = desk.outcomes(desk.plan("--limit", "edge1.mex", expect=CHANGES), expect=PROBLEMS)
    outcome, reason = outcomes["edge1.mex"]
    assert outcome == "reverted"
    assert "198.51.100.2" in reason
    assert device.running() == before
    assert device.candidates() == []
    device.set_neighbors([])

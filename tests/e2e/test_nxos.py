"""NX-OS end to end: plan, apply, read back, over NX-API and over SSH."""

from __future__ import annotations

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
    blank,
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.nxos_lab import change, detours, events, nxos_inventory, sent
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

LIST, LIST_V6, SECOND = "IRR-AS64500-V4", "IRR-AS64500-V6", "IRR-AS64501-V4"
ROUTERS = {"nxos1": "nxos", "nxos2": "nxos_ssh"}
ALL_DONE = dict.fromkeys(ROUTERS, ("done", ""))
BYSTANDERS = [*EJEMPLO_V4, "10.11.24.0/22", "10.10.0.0/16", "10.10.0.0/18", "0.0.0.0/0"]
NUBE = ["10.20.5.0/24", "10.20.0.0/16", "10.20.5.0/25", "0.0.0.0/0"]
REFERENCE = "route-map IN permit 10\n  match ip address prefix-list {name}\n"


@pytest.fixture(scope="module")
def nxos_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("nxos")
    inventory = nxos_inventory(directory, ROUTERS, timeout=30)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(nxos_lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(nxos_lab.devices.values())
    for device in nxos_lab.devices.values():
        device.set_neighbors([])
    desk = new_desk(nxos_lab, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def restart_log(desk: Desk) -> dict[str, str]:
    """Begin anew in what is looked at of the logs; the running configs."""
    running = {name: device.running() for name, device in desk.devices.items()}
    renew(desk.devices.values(), lambda device: running[device.name])
    return running


def test_a_filter_from_its_first_day_to_its_last(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    assert all(events(device) == [] for device in desk.devices.values())  # a dry run sends nothing
    assert desk.outcomes(first, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert events(device) == ["line", "save"]
        assert device.ask("startup") == device.running()
        assert all(accepts(device, LIST, prefix) for prefix in EJEMPLO_V4)
        assert not accepts(device, LIST, "10.10.0.0/16")
        assert accepts(device, LIST_V6, "2001:db8:507::/48")
        assert detours(device, blank(device), LIST, BYSTANDERS) == []
    logged = {name: len(log(device)) for name, device in desk.devices.items()}
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")
    assert {name: len(log(device)) for name, device in desk.devices.items()} == logged

    # One prefix comes, one goes: two lines.
    before = restart_log(desk)
    desk.edit_registry(WITHDRAWN, ADDED)
    change(desk)
    for name, device in desk.devices.items():
        assert sent(device) == [
            f"ip prefix-list {LIST} seq 60 permit 10.11.24.0/22",
            f"no ip prefix-list {LIST} seq 40 permit 10.11.20.0/24",
        ]
        assert detours(device, before[name], LIST, BYSTANDERS) == []

    # The way back is a delta as well, and the entry gets a number that is free.
    before = restart_log(desk)
    told(desk.irrgate("rollback", "2", "--out", "back.zip"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    for name, device in desk.devices.items():
        assert sent(device) == [
            f"ip prefix-list {LIST} seq 70 permit 10.11.20.0/24",
            f"no ip prefix-list {LIST} seq 60 permit 10.11.24.0/22",
        ]
        assert detours(device, before[name], LIST, BYSTANDERS) == []


def test_a_filter_that_comes_to_accept_nothing_says_so(desk: Desk) -> None:
    change(desk)
    before = restart_log(desk)
    text = desk.registry.read_text(encoding="latin-1")
    desk.load_registry(re.sub(r"(origin: +)AS6450[18]\b", r"\1AS64511", text))
    assert desk.plan(expect=PROBLEMS).filters("nxos1")[SECOND][0] == "held"
    assert all(sent(device) == [] for device in desk.devices.values())
    told(desk.irrgate("accept", "AS64501", "--reason", "they left"), DONE)
    change(desk)
    for name, device in desk.devices.items():
        deny, *gone = sent(device)
        assert deny == f"ip prefix-list {SECOND} seq 2000000000 deny 0.0.0.0/0 le 32"
        assert gone
        assert all(line.startswith(f"no ip prefix-list {SECOND} ") for line in gone)
        assert detours(device, before[name], SECOND, NUBE) == []
        assert not any(accepts(device, SECOND, prefix) for prefix in NUBE)
    before = restart_log(desk)
    desk.load_registry(text)
    change(desk)
    for name, device in desk.devices.items():
        assert sent(device)[-1] == f"no ip prefix-list {SECOND} seq 2000000000 deny 0.0.0.0/0 le 32"
        assert detours(device, before[name], SECOND, NUBE) == []


def test_a_peer_that_left_takes_its_filter_along_once_nothing_refers_to_it(desk: Desk) -> None:
    change(desk)
    for device in desk.devices.values():
        device.set_running(device.running() + REFERENCE.format(name=SECOND))
    path = desk.directory / "inventory" / "hosts.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "AS64501" not in line))
    plan = desk.plan(expect=DONE)
    for name in ROUTERS:
        status, reason = plan.filters(name)[SECOND]
        assert status == "still referred to"
        assert "route-map IN permit 10: match ip address prefix-list IRR-AS64501-V4" in reason
    for device in desk.devices.values():
        device.set_running(device.running().replace(REFERENCE.format(name=SECOND), ""))
    change(desk)
    for device in desk.devices.values():
        assert sent(device) == [f"no ip prefix-list {SECOND}"]
        assert not has_list(device, SECOND)
        assert has_list(device, LIST)


def test_what_somebody_edits_by_hand_is_shown_and_taken_back(desk: Desk) -> None:
    change(desk)
    for device in desk.devices.values():
        device.ask("tell", line=f"no ip prefix-list {LIST} seq 40 permit 10.11.20.0/24")
        device.ask("tell", line=f"ip prefix-list {LIST} seq 45 permit 10.11.96.0/20 ge 22 le 32")
    before = restart_log(desk)
    plan = desk.plan(expect=CHANGES)
    for name in ROUTERS:
        delta = plan.delta(name)[LIST]
        assert delta["added"] == ["10.11.20.0/24"]
        assert delta["removed"] == ["10.11.96.0/20 ge 22 le 32"]
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for name, device in desk.devices.items():
        assert (
            sent(device)[-1] == f"no ip prefix-list {LIST} seq 45 permit 10.11.96.0/20 ge 22 le 32"
        )
        assert detours(device, before[name], LIST, [*BYSTANDERS, "10.11.96.0/22"]) == []


def test_an_entry_is_removed_in_the_routers_own_words(desk: Desk) -> None:
    """`ge 22` and `ge 22 le 32` accept the same, and are not the same to a line that removes."""
    change(desk)
    for device in desk.devices.values():
        device.ask("tell", line=f"ip prefix-list {LIST} seq 45 permit 10.11.96.0/20 ge 22")
    restart_log(desk)
    change(desk)
    for device in desk.devices.values():
        assert sent(device) == [f"no ip prefix-list {LIST} seq 45 permit 10.11.96.0/20 ge 22"]


def test_other_lists_are_never_touched(desk: Desk) -> None:
    others = "ip prefix-list STATIC seq 5 permit 192.0.2.128/25\n"
    others += "ip prefix-list IRR-STATIC-V4 seq 5 permit 10.99.0.0/16\n"
    others += f"ipv6 prefix-list {LIST} seq 5 permit 2001:db8::/32\n"
    for device in desk.devices.values():
        device.set_running(device.running() + others)
    plan = desk.plan(expect=CHANGES)
    for name in ROUTERS:
        assert plan.json["hosts"][name]["strangers"] == [LIST, "IRR-STATIC-V4"]
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert not any("STATIC" in line or line.startswith("ipv6 prefix-list IRR-AS64500-V4")
                       for line in sent(device))  # fmt: skip
        assert accepts(device, LIST, "2001:db8::/32")


def test_a_router_that_changed_since_the_review_is_held(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    for device in desk.devices.values():
        device.ask("tell", line=f"ip prefix-list {LIST} seq 5 permit 10.99.0.0/16")
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    why = "its filters are not what they were when the plan was made"
    assert outcomes == dict.fromkeys(ROUTERS, ("held", why))
    assert all(sent(device) == [] for device in desk.devices.values())


def test_a_commit_by_which_a_session_loses_its_routes_is_taken_back(desk: Desk) -> None:
    change(desk)
    desk.edit_registry(WITHDRAWN, ADDED)
    now = [
        {"address": "198.51.100.2", "asn": 64500, "received": 100},
        {"address": "198.51.100.2", "asn": 64500, "received": 7, "family": 6},
        {"address": "2001:db8:1::2", "asn": 64500, "state": "OpenConfirm"},
    ]
    after = [{**now[0], "received": 3}, *now[1:]]
    before = restart_log(desk)
    for device in desk.devices.values():
        device.set_neighbors(now, after)
    plan = desk.plan(expect=CHANGES)
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    for name, (outcome, reason) in outcomes.items():
        assert outcome == "reverted"
        assert re.search(r"198\.51\.100\.2.* 100 .*3", reason), reason
        device = desk.devices[name]
        aim = {*EJEMPLO_V4, "10.11.24.0/22"} - {"10.11.20.0/24"}
        assert detours(device, before[name], LIST, BYSTANDERS, aim) == []
        assert accepts(device, LIST, "10.11.20.0/24")
        assert not accepts(device, LIST, "10.11.24.0/22")
        assert device.ask("startup") == before[name]  # nothing was saved that was not to stay


def test_a_first_load_goes_in_requests_that_the_router_takes(desk: Desk) -> None:
    """2,100 commands in one request it refuses; of 500 it takes as many as there are."""
    routes = "".join(
        f"route: 10.{64 + n // 128}.{2 * (n % 128)}.0/24\norigin: AS64501\nsource: DEMO\n\n"
        for n in range(2100)
    )
    desk.load_registry(desk.registry.read_text(encoding="latin-1") + f"\n{routes}")
    plan = desk.plan(expect=CHANGES)
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert len(sent(device)) > 2100
        assert accepts(device, SECOND, "10.80.102.0/24")
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")


def test_the_sessions_that_use_a_filter_look_again(desk: Desk) -> None:
    change(desk)
    bgp = f"""{REFERENCE.format(name=LIST)}router bgp 64496
  neighbor 198.51.100.2
    address-family ipv4 unicast
      route-map IN in
  neighbor 198.51.100.6
    address-family ipv4 unicast
      prefix-list {SECOND} in
"""
    for device in desk.devices.values():
        device.set_running(device.running() + bgp)
    desk.edit_registry(WITHDRAWN, ADDED)
    change(desk)
    for device in desk.devices.values():
        assert events(device) == ["line", "clear", "save"]
        [cleared] = [record.detail for record in log(device) if record.event == "clear"]
        assert cleared == "clear bgp ipv4 unicast 198.51.100.2 soft in"


def test_the_routers_answer_a_check(desk: Desk) -> None:
    done = told(desk.irrgate("check", "--devices"), DONE)
    assert done.stdout.count("ok") >= len(ROUTERS)

"""Huawei VRP5 and VRP8 behind irrgate: from an empty router to the way back."""

from __future__ import annotations

import pytest

from irrgate.aggregation import LENGTH_BITS
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.huawei_vrp import HuaweiVrpDriver
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    Desk,
    accepts,
    events,
    has_list,
    told,
)
from tests.e2e.huawei_vrp_lab import (
    ROUTERS,
    V4,
    V6,
    VRP5,
    VRP8,
    desk,
    detours,
    moments,
    saved,
    vrp_lab,
)
from tests.lab.demo import ADDED, WITHDRAWN
from tests.unit.platforms.routers import candidate, read

__all__ = ["desk", "vrp_lab"]
pytestmark = pytest.mark.e2e

ALL_DONE = dict.fromkeys(ROUTERS, ("done", ""))
ASKED = [*EJEMPLO_V4, "10.11.24.0/22", "10.10.0.0/16", "10.11.21.128/25", "203.0.113.0/24"]
COMMITTED = {VRP5: ["told", "saved"], VRP8: ["commit", "saved"]}


def test_from_an_empty_router_to_a_change_and_back(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    assert first.json["hosts"][VRP5]["capabilities"]["commit_confirm"] is False
    shown = told(desk.irrgate("show", first.path.name), DONE).stdout
    assert (
        f"+ip ip-prefix {V4} index 10 permit 10.10.0.0 16 greater-equal 17 less-equal 17" in shown
    )
    assert [events(desk.devices[name]) for name in ROUTERS] == [[], []]

    assert desk.outcomes(first, expect=DONE) == ALL_DONE
    for name, device in desk.devices.items():
        assert events(device) == COMMITTED[name]
        assert saved(device) == device.running()
        assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
        assert not any(accepts(device, V4, prefix) for prefix in ASKED[-3:])
        assert accepts(device, V6, "2001:db8:507::/48")
        assert accepts(device, "IRR-AS64501-V4", "10.20.5.0/24")
        assert not accepts(device, "IRR-AS64501-V4", "10.20.5.0/25")
    assert {len(step) for step in moments(desk.devices[VRP5])} == {1}
    assert len(moments(desk.devices[VRP8])) == 1

    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")
    desk.edit_registry(WITHDRAWN, ADDED)
    starts = restart_history(desk)
    second = desk.plan(expect=CHANGES)
    for name in ROUTERS:
        candidate = second.member(f"hosts/{name}/candidate")
        assert candidate.splitlines() == [
            f"ip ip-prefix {V4} index 60 permit 10.11.24.0 22",
            f"undo ip ip-prefix {V4} index 40",
        ]
    assert desk.outcomes(second, expect=DONE) == ALL_DONE
    for name, device in desk.devices.items():
        assert sum(map(len, moments(device))) == 2
        assert detours(device, starts[name], V4, ASKED) == []
        assert accepts(device, V4, "10.11.24.0/22")
        assert not accepts(device, V4, "10.11.20.0/24")

    starts = restart_history(desk)
    told(desk.irrgate("rollback", "2", "--out", "back.zip", "--reason", "INC-1"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    for name, device in desk.devices.items():
        assert accepts(device, V4, "10.11.20.0/24")
        assert not accepts(device, V4, "10.11.24.0/22")
        assert saved(device) == device.running()
        assert detours(device, starts[name], V4, ASKED) == []


def restart_history(desk: Desk) -> dict[str, str]:
    """Let the routers hold what they hold, and begin to count what they do anew."""
    starts = {name: device.running() for name, device in desk.devices.items()}
    for name, device in desk.devices.items():
        device.set_running(starts[name])
    return starts


def test_a_filter_that_comes_to_nothing_denies_and_comes_back(desk: Desk) -> None:
    desk.apply(desk.plan("--limit", "AS64500", expect=CHANGES), expect=DONE)
    starts = restart_history(desk)
    desk.edit("peers.yaml", "max_prefix: {ipv4: 50, ipv6: 20}", 'reject: [0.0.0.0/0, "::/0"]')
    assert desk.plan("--limit", "AS64500", expect=PROBLEMS)
    told(desk.irrgate("accept", "AS64500", "--reason", "they left"), DONE)
    plan = desk.plan("--limit", "AS64500", expect=CHANGES)
    denies = f"ip ip-prefix {V4} index 2000000000 deny 0.0.0.0 0 less-equal 32\n"
    assert denies in plan.member(f"hosts/{VRP5}/candidate")
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for name, device in desk.devices.items():
        assert not any(accepts(device, V4, prefix) for prefix in ASKED)
        assert not accepts(device, V6, "2001:db8:507::/48")
        assert detours(device, starts[name], V4, ASKED) == []
        assert detours(device, starts[name], V6, ["2001:db8:507::/48", "::/0"]) == []
    assert desk.plan("--limit", "AS64500", expect=DONE)

    starts = restart_history(desk)
    desk.edit("peers.yaml", 'reject: [0.0.0.0/0, "::/0"]', "max_prefix: {ipv4: 50, ipv6: 20}")
    desk.apply(desk.plan("--limit", "AS64500", expect=CHANGES), expect=DONE)
    for name, device in desk.devices.items():
        assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
        assert detours(device, starts[name], V4, ASKED) == []


def test_filters_that_nobody_needs_go_unless_something_refers_to_them(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    policy = f"route-policy IN permit node 10\n if-match ip-prefix {V4}\n#\nreturn\n"
    for device in desk.devices.values():
        device.set_running(device.running().removesuffix("return\n") + policy)
    path = desk.directory / "inventory/hosts.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "AS64500" not in line))
    plan = desk.plan(expect=CHANGES)
    for name in ROUTERS:
        status, reason = plan.filters(name)[V4]
        assert status == "still referred to"
        assert f"route-policy IN permit node 10: if-match ip-prefix {V4}" in reason
        assert plan.member(f"hosts/{name}/candidate") == f"undo ip ipv6-prefix {V6}\n"
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert has_list(device, V4)
        assert not has_list(device, V6)
        assert saved(device) == device.running()


def test_what_was_edited_by_hand_is_taken_back_and_strangers_are_left_alone(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    intended = {name: device.running() for name, device in desk.devices.items()}
    others = {
        f"ip ipv6-prefix {V4} index 10 permit 2001:DB8:9:: 48",
        "ip ip-prefix IRR-STATIC-V4 index 10 permit 10.99.0.0 16",
        "ip ip-prefix CUSTOMER index 7 permit 0.0.0.0 8 greater-equal 9 less-equal 10",
    }
    for device in desk.devices.values():
        text = device.running().replace(
            f"{V4} index 40 permit 10.11.20.0 24", f"{V4} index 5 permit 10.11.96.0 20"
        )
        device.set_running(text.replace("#\nreturn\n", "\n".join((*others, "#\nreturn\n"))))
    plan = desk.plan(expect=CHANGES)
    for name in ROUTERS:
        moved = {"added": ["10.11.20.0/24"], "removed": ["10.11.96.0/20"]}
        assert plan.delta(name) == {V4: moved}
        assert plan.json["hosts"][name]["strangers"] == [V4, "IRR-STATIC-V4"]
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for name, device in desk.devices.items():
        held = device.running().splitlines()
        assert others < set(held)
        assert sum("10.11.20.0 24" in line for line in held) == 1
        mine = [line for line in held if line not in others and "10.11.20.0" not in line]
        assert mine == [each for each in intended[name].splitlines() if "10.11.20.0" not in each]


def test_a_hundred_thousand_entries(desk: Desk) -> None:
    """With NAPALM's interface, since what irrgate does around it is the same everywhere."""
    device = desk.devices[VRP5]
    spread = range(0x0B00_0000, 0x0B00_0000 + 200_000 * 256, 512)
    prefixes = PrefixSet.from_keys(Afi.IPV4, (each << LENGTH_BITS | 24 for each in spread))
    text = candidate("huawei_vrp", {V4: prefixes})
    assert text.count("\n") == 100_000
    driver = HuaweiVrpDriver(
        device.host,
        device.username,
        device.password,
        timeout=60,
        optional_args=device.napalm_optional_args(),
    )
    with driver:
        driver.load_merge_candidate(config=text)
        driver.commit_config()
        running = driver.get_config(retrieve="running")["running"]
    assert read("huawei_vrp", running)[V4].prefixes == prefixes

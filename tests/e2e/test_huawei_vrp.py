"""Huawei VRP5 and VRP8 behind irrgate: from an empty router to the way back."""

from __future__ import annotations

import pytest

from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    Desk,
    accepts,
    events,
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
    starts = {name: device.running() for name, device in desk.devices.items()}
    for name, device in desk.devices.items():
        device.set_running(starts[name])
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

    starts = {name: device.running() for name, device in desk.devices.items()}
    for name, device in desk.devices.items():
        device.set_running(starts[name])
    told(desk.irrgate("rollback", "2", "--out", "back.zip", "--reason", "INC-1"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    for name, device in desk.devices.items():
        assert accepts(device, V4, "10.11.20.0/24")
        assert not accepts(device, V4, "10.11.24.0/22")
        assert saved(device) == device.running()
        assert detours(device, starts[name], V4, ASKED) == []

"""A filter that somebody changes on a router: told as drift, and taken back only by a plan."""

from __future__ import annotations

import pytest

from tests.e2e.desk import CHANGES, DONE, EJEMPLO_V4, Desk, accepts, config
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

NAME = "IRR-AS64500-V4"
ROUTERS = ["edge1.mex", "edge2.mex"]  # eos and junos


@pytest.mark.parametrize("router", ROUTERS)
def test_a_filter_edited_by_hand_is_told_and_taken_back(desk: Desk, router: str) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    device = desk.devices[router]
    device.set_running(config(device, {NAME: [*EJEMPLO_V4, "10.66.0.0/16"]}))
    plan = desk.plan("--limit", router, expect=CHANGES)
    filters = plan.filters(router)
    assert filters.pop(NAME) == ("change", "drift: changed on the router since deployment 1")
    removed = ("new", "drift: removed on the router since deployment 1")
    assert set(filters.values()) == {removed}
    assert accepts(device, NAME, "10.66.0.0/16")
    desk.apply(plan, expect=DONE)
    assert not accepts(device, NAME, "10.66.0.0/16")
    after = desk.plan("--limit", router, expect=DONE).filters(router)
    assert set(after.values()) == {("unchanged", "")}


def test_a_change_of_the_registry_is_no_drift(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    desk.edit_registry(WITHDRAWN, ADDED)
    filters = desk.plan(expect=CHANGES).filters("edge1.mex")
    assert not any("drift" in reason for _, reason in filters.values())

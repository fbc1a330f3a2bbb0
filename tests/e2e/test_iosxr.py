"""An emulated IOS-XR router, planned and committed as a person does it."""

from __future__ import annotations

import pytest

from tests.e2e.desk import CHANGES, DONE, EJEMPLO_V4, Desk, accepts, events, has_list
from tests.e2e.iosxr_lab import ROUTER, V4, V6, desk, router, xr_lab
from tests.lab.harness import LabDevice

__all__ = ["desk", "router", "xr_lab"]
pytestmark = pytest.mark.e2e


def test_two_plans_and_an_apply_between_them(desk: Desk, router: LabDevice) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == {ROUTER: "change"}
    assert events(router) == ["lock", "discard", "unlock"]
    assert router.locks() == router.candidates() == []
    assert not has_list(router, V4)

    assert desk.outcomes(first, expect=DONE) == {ROUTER: ("done", "")}
    assert events(router)[3:] == ["lock", "commit-confirmed", "confirmed", "unlock"]
    assert router.locks() == router.candidates() == []
    assert all(accepts(router, V4, prefix) for prefix in EJEMPLO_V4)
    for prefix in ("10.10.0.0/16", "10.10.0.0/18", "10.11.21.128/25", "203.0.113.0/24"):
        assert not accepts(router, V4, prefix)
    assert accepts(router, "IRR-AS64501-V4", "10.20.5.0/24")
    assert not accepts(router, "IRR-AS64501-V4", "10.20.5.0/25")
    assert accepts(router, V6, "2001:db8:507::/48")
    assert not has_list(router, "IRR-AS64510-V4")

    before = router.apply_log()
    second = desk.plan(expect=DONE)
    assert second.hosts == {ROUTER: "unchanged"}
    assert desk.apply(second, expect=DONE).stdout == "nothing to change\n"
    assert router.apply_log() == before

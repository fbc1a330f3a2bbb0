"""A filter that serves is not lost to an answer that is unknown, empty, or too far from it."""

from __future__ import annotations

import re

import pytest

from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    WIDE,
    Desk,
    accepts,
    config,
    has_list,
    told,
)
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

UNIVERSIDAD = """route:          198.51.100.0/24
origin:         AS64503
source:         DEMO
"""


def test_a_peer_whose_set_is_unknown_keeps_its_filter_while_others_go_on(desk: Desk) -> None:
    device = desk.devices["edge1.mex"]
    device.set_running(config(device, {"IRR-AS64501-V4": ["10.77.0.0/16"]}))
    desk.edit("peers.yaml", "AS64501:AS-CLIENTES", "AS64501:AS-CLIENTAS")
    plan = desk.plan(expect=PROBLEMS)
    reason = "AS64501:AS-CLIENTAS does not exist in DEMO, DEMO-RIR"
    for name in ("edge1.mex", "edge1.bog"):
        assert plan.filters(name)["IRR-AS64501-V4"] == ("held", reason)
        assert "AS64501" not in plan.member(f"hosts/{name}/candidate")
    assert reason in told(desk.irrgate("show", plan.path.name, environ=WIDE), DONE).stdout
    done = desk.apply(plan, expect=PROBLEMS)
    assert "the plan holds things back: irrgate show lists them" in done.stderr
    assert len(re.findall(r"│ done", done.stdout)) == 4
    assert accepts(device, "IRR-AS64501-V4", "10.77.0.0/16")
    assert accepts(device, "IRR-AS64500-V4", "192.0.2.0/24")
    assert not has_list(desk.devices["edge1.bog"], "IRR-AS64501-V4")
    assert desk.plan(expect=PROBLEMS).hosts["edge1.bog"] == "held"


def test_an_answer_that_is_empty_does_not_empty_a_filter(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    text = desk.registry.read_text(encoding="latin-1")
    emptied = text.replace("origin:         AS64503", "origin:         AS64511")
    desk.load_registry(emptied.replace(WITHDRAWN, ADDED))
    running = desk.devices["edge1.bog"].running()

    plan = desk.plan(expect=PROBLEMS)
    reason = "empty: nothing is left of the filter (limit: at least one prefix)"
    assert plan.filters("edge1.bog") == {
        "IRR-AS64501-V4": ("unchanged", ""),
        "IRR-AS64503-V4": ("held", reason),
        "IRR-AS64503-V6": ("held", reason),
    }
    assert plan.hosts["edge1.bog"] == "held"
    assert set(desk.outcomes(plan, expect=PROBLEMS)) == {"edge1.mex", "edge2.mex"}
    assert desk.devices["edge1.bog"].running() == running
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V4", "10.11.24.0/22")


def test_a_new_filter_that_is_empty_denies_all(desk: Desk) -> None:
    desk.edit("hosts.yaml", "AS64510", "AS64503")
    desk.load_registry(
        desk.registry.read_text("latin-1")
        .replace(UNIVERSIDAD, "")
        .replace("10.40.0.0/19\norigin:         AS64503", "10.40.0.0/19\norigin:         AS64511")
    )
    plan = desk.plan(expect=CHANGES)
    desk.apply(plan, expect=DONE)
    for name in ("edge1.bog", "edge1.mex", "edge2.bog"):
        device = desk.devices[name]
        assert has_list(device, "IRR-AS64503-V4")
        for prefix in ("0.0.0.0/0", "10.40.0.0/19", "255.255.255.255/32", "192.0.2.0/24"):
            assert not accepts(device, "IRR-AS64503-V4", prefix)
    desk.plan(expect=DONE)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (
            ["10.0.0.0/9", *EJEMPLO_V4],
            r"max_shrink: loses \d+% of its address space \(limit: 30%\)",
        ),
        (
            ["10.10.0.0/17"],
            r"max_growth: grows to [\d.]+ times its address space \(limit: 1.2 times\)",
        ),
    ],
)
def test_a_filter_that_moves_too_far_at_once_is_held(
    desk: Desk, held: list[str], reason: str
) -> None:
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("guards:\n  max_growth: 1.2\n")
    for name in ("edge1.mex", "edge2.mex"):
        device = desk.devices[name]
        device.set_running(config(device, {"IRR-AS64500-V4": held}))
    before = {name: desk.devices[name].running() for name in ("edge1.mex", "edge2.mex")}
    plan = desk.plan("--limit", "AS64500", expect=PROBLEMS)
    assert list(plan.hosts) == ["edge1.mex", "edge2.mex"]
    for name, text in before.items():
        status, why = plan.filters(name)["IRR-AS64500-V4"]
        assert status == "held"
        assert re.fullmatch(reason, why)
        assert plan.filters(name)[
            "IRR-AS64501-V4" if name == "edge1.mex" else "IRR-AS64502-V4"
        ] == ("new", "")
        assert "AS64500-V4" not in plan.member(f"hosts/{name}/candidate")
        assert desk.devices[name].running() == text

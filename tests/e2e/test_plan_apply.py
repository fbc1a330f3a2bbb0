"""plan and apply, as a person runs them, against emulated routers of both platforms."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from tests.e2e.desk import (
    CHANGES,
    COULD_NOT_RUN,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    WIDE,
    Desk,
    accepts,
    blank,
    config,
    events,
    has_list,
    log,
    told,
)
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

ROUTERS = ["edge1.bog", "edge1.mex", "edge2.bog", "edge2.mex"]
ALL_DONE = dict.fromkeys(ROUTERS, ("done", ""))
COMMITTED = {
    "eos": ["session", "commit-confirmed", "confirmed", "write-memory"],
    "junos": ["lock", "commit-confirmed", "confirmed", "unlock"],
}
DRY_RUN = {"eos": ["session", "discard"], "junos": ["lock", "discard", "unlock"]}


def test_two_plans_and_an_apply_between_them(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    assert {status for name in ROUTERS for status, _ in first.filters(name).values()} == {"new"}
    for device in desk.devices.values():
        assert events(device) == DRY_RUN[device.platform]
        assert device.locks() == device.candidates() == []
        assert not has_list(device, "IRR-AS64501-V4")

    assert desk.outcomes(first, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert events(device) == DRY_RUN[device.platform] + COMMITTED[device.platform]
        assert device.locks() == device.candidates() == []
    for name in ("edge1.mex", "edge2.mex"):
        device = desk.devices[name]
        assert all(accepts(device, "IRR-AS64500-V4", prefix) for prefix in EJEMPLO_V4)
        for prefix in ("10.10.0.0/16", "10.10.0.0/18", "10.11.21.128/25", "203.0.113.0/24"):
            assert not accepts(device, "IRR-AS64500-V4", prefix)
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64501-V4", "10.20.5.0/24")
    assert not accepts(desk.devices["edge1.mex"], "IRR-AS64501-V4", "10.20.5.0/25")
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64500-V6", "2001:db8:507::/48")
    assert not has_list(desk.devices["edge1.mex"], "IRR-AS64510-V4")

    before = {name: device.apply_log() for name, device in desk.devices.items()}
    second = desk.plan(expect=DONE)
    assert second.hosts == dict.fromkeys(ROUTERS, "unchanged")
    applied = desk.apply(second, expect=DONE)
    assert applied.stdout == "nothing to change\n"
    # No session, no lock: a router on which nothing differs is read and nothing else.
    assert {name: device.apply_log() for name, device in desk.devices.items()} == before


def test_a_plan_that_was_applied_finds_the_routers_as_intended(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    desk.apply(plan, expect=DONE)
    running = {name: device.running() for name, device in desk.devices.items()}
    assert desk.outcomes(plan, expect=DONE) == dict.fromkeys(ROUTERS, ("already", ""))
    assert {name: device.running() for name, device in desk.devices.items()} == running
    for device in desk.devices.values():
        since = events(device)[len(DRY_RUN[device.platform] + COMMITTED[device.platform]) :]
        assert since == [event for event in DRY_RUN[device.platform] if event in since]


def test_one_prefix_added_and_one_withdrawn(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    before = {name: device.running().splitlines() for name, device in desk.devices.items()}
    logged = {name: len(log(device)) for name, device in desk.devices.items()}
    desk.edit_registry(WITHDRAWN, ADDED)

    plan = desk.plan(expect=CHANGES)
    moved = {"added": ["10.11.24.0/22"], "removed": ["10.11.20.0/24"]}
    have_it = ["edge1.mex", "edge2.mex"]
    changed = {name: plan.filters(name) for name in ROUTERS if plan.hosts[name] == "change"}
    assert list(changed) == have_it
    for name, filters in changed.items():
        assert filters.pop("IRR-AS64500-V4") == ("change", "")
        assert {status for status, _ in filters.values()} == {"unchanged"}
        assert plan.delta(name) == {"IRR-AS64500-V4": moved}
        assert "IRR-AS64501" not in plan.member(f"hosts/{name}/candidate")
    shown = (
        "Prefixes IRR-AS64500-V4 on edge1.mex, edge2.mex\n  + 10.11.24.0/22\n  - 10.11.20.0/24\n"
    )
    assert shown in plan.printed.stdout

    assert desk.outcomes(plan, expect=DONE) == dict.fromkeys(have_it, ("done", ""))
    for name, device in desk.devices.items():
        after = device.running().splitlines()
        gone = [
            line.split()[-1 if "permit" in line else 0] for line in set(before[name]) - set(after)
        ]
        come = [
            line.split()[-1 if "permit" in line else 0] for line in set(after) - set(before[name])
        ]
        if name in have_it:
            assert (gone, come) == (["10.11.20.0/24"], ["10.11.24.0/22"])
            [change] = [record for record in log(device)[logged[name] :] if record.changed]
            assert len(change.objects) == 1
            assert "IRR-AS64500-V4" in change.objects[0]
        else:
            assert after == before[name]
            assert len(log(device)) == logged[name]


def test_a_config_edited_by_hand_is_shown_and_taken_back(desk: Desk) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    intended = {name: device.running() for name, device in desk.devices.items()}
    by_hand = {"edge1.mex": "seq 40 permit 10.11.20.0/24", "edge2.mex": "10.11.20.0/24 exact;"}
    for name, entry in by_hand.items():
        text = intended[name]
        assert text.count(entry) == 1
        desk.devices[name].set_running(text.replace(entry, entry.replace("20.0/24", "96.0/20")))

    plan = desk.plan(expect=CHANGES)
    for name in by_hand:
        assert plan.delta(name) == {
            "IRR-AS64500-V4": {"added": ["10.11.20.0/24"], "removed": ["10.11.96.0/20"]}
        }
    assert desk.outcomes(plan, expect=DONE) == dict.fromkeys(by_hand, ("done", ""))
    for name in by_hand:
        device = desk.devices[name]
        assert accepts(device, "IRR-AS64500-V4", "10.11.20.0/24")
        assert not accepts(device, "IRR-AS64500-V4", "10.11.96.0/20")
    assert desk.devices["edge2.mex"].running() == intended["edge2.mex"]


def bgpq4(desk: Desk, *arguments: str) -> str:
    """What bgpq4 prints itself, from the same server."""
    server = re.search(r"127\.0\.0\.1:\d+", (desk.directory / "inventory/network.yaml").read_text())
    assert server
    argv = ["bgpq4", "-h", server[0], "-S", "DEMO,DEMO-RIR", "-p", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_the_same_filter_in_other_words_is_left_alone(desk: Desk) -> None:
    """bgpq4's own EOS list: other numbers, single entries instead of ranges. Junos: the order."""
    eos, junos = desk.devices["edge1.bog"], desk.devices["edge2.bog"]
    written = bgpq4(desk, "-4", "-e", "-l", "IRR-AS64503-V4", "AS64503")
    written += bgpq4(desk, "-6", "-e", "-l", "IRR-AS64503-V6", "AS64503")
    written += bgpq4(desk, "-4", "-R", "24", "-e", "-l", "IRR-AS64501-V4", "AS64501:AS-CLIENTES")
    assert "permit 10.40.0.0/19" in written
    eos.set_running(blank(eos).replace("end\n", f"{written}!\nend\n"))
    entries = ["10.31.0.0/23 prefix-length-range /24-/24", "10.30.64.0/18 exact"]
    entries.append("10.30.0.0/16 exact")
    text = config(junos, {"IRR-AS64502-V4": ["10.0.0.0/8"]})
    junos.set_running(text.replace("10.0.0.0/8 exact", ";\n        ".join(entries)))

    plan = desk.plan("--limit", "edge1.bog", "--limit", "edge2.bog", expect=CHANGES)
    assert plan.hosts == {"edge1.bog": "unchanged", "edge2.bog": "change"}
    assert plan.filters("edge2.bog")["IRR-AS64502-V4"] == ("unchanged", "")
    assert "AS64502" not in plan.member("hosts/edge2.bog/candidate")
    assert events(eos) == []


def test_other_lists_beside_the_managed_ones_are_never_touched(desk: Desk) -> None:
    lists = {"CUSTOMER-STATIC": ["192.0.2.128/25"], "IRR-STATIC-V4": ["10.99.0.0/16"]}
    for device in desk.devices.values():
        device.set_running(config(device, lists))
    plan = desk.plan(expect=CHANGES)
    for name in ROUTERS:
        candidate = plan.member(f"hosts/{name}/candidate")
        assert "CUSTOMER-STATIC" not in candidate
        assert "IRR-STATIC" not in candidate
        assert plan.json["hosts"][name]["strangers"] == ["IRR-STATIC-V4"]
        line = f"{name} holds filters that the inventory does not have, left alone: IRR-STATIC-V4"
        assert line in plan.printed.stdout
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for device in desk.devices.values():
        assert accepts(device, "CUSTOMER-STATIC", "192.0.2.128/25")
        assert accepts(device, "IRR-STATIC-V4", "10.99.0.0/16")
        assert not any("STATIC" in name for record in log(device) for name in record.objects)


def test_what_was_reviewed_is_committed_whatever_the_registry_says_by_then(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    desk.edit_registry(WITHDRAWN, ADDED)
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for name in ("edge1.mex", "edge2.mex"):
        device = desk.devices[name]
        assert accepts(device, "IRR-AS64500-V4", "10.11.20.0/24")
        assert not accepts(device, "IRR-AS64500-V4", "10.11.24.0/22")


def test_a_router_whose_config_changed_since_the_review_is_held(desk: Desk) -> None:
    for device in desk.devices.values():
        device.set_running(config(device, {"IRR-AS64500-V4": EJEMPLO_V4}))
    desk.edit_registry(WITHDRAWN, ADDED)
    plan = desk.plan(expect=CHANGES)
    changed = ["edge1.mex", "edge2.mex"]
    for name in changed:
        device = desk.devices[name]
        device.set_running(config(device, {"IRR-AS64500-V4": [*EJEMPLO_V4, "10.99.0.0/16"]}))
    running = {name: device.running() for name, device in desk.devices.items()}

    done = desk.apply(plan, expect=PROBLEMS)
    for name in ROUTERS:
        held = f"{name} +│ held +│ its filters are not what they were when the plan was made"
        assert bool(re.search(held, done.stdout)) == (name in changed)
        assert bool(re.search(rf"{name} +│ done", done.stdout)) == (name not in changed)
    for name in changed:
        device = desk.devices[name]
        assert device.running() == running[name]
        assert events(device) == {"eos": [], "junos": ["lock", "unlock"]}[device.platform]
        assert device.locks() == device.candidates() == []
        since = f"{name} since the review: IRR-AS64500-V4 now has 10.99.0.0/16\n"
        assert since in done.stderr


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        (["edge1.mex"], ["edge1.mex"]),
        (["junos"], ["edge2.bog", "edge2.mex"]),
        (["AS64503"], ["edge1.bog"]),
        (["as64504", "edge1.mex"], ["edge1.mex", "edge2.bog"]),
    ],
)
def test_limit_takes_hosts_groups_and_peers(desk: Desk, limit: list[str], hosts: list[str]) -> None:
    limits = [word for each in limit for word in ("--limit", each)]
    plan = desk.plan(*limits, expect=CHANGES)
    assert list(plan.hosts) == hosts
    for name, device in desk.devices.items():
        assert events(device) == (DRY_RUN[device.platform] if name in hosts else [])


def test_a_part_of_a_plan_can_be_applied(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    assert desk.outcomes(plan, "--limit", "edge2.bog", expect=DONE) == {"edge2.bog": ("done", "")}
    assert desk.outcomes(plan, expect=DONE) == {**ALL_DONE, "edge2.bog": ("already", "")}


def test_offline_asks_no_router(desk: Desk) -> None:
    for device in desk.devices.values():
        device.inject("error", "login", count=99)
    plan = desk.plan("--offline", expect=DONE)
    assert plan.hosts == dict.fromkeys(ROUTERS, "offline")
    assert all(fault["struck"] == 0 for d in desk.devices.values() for fault in d.faults())
    ejemplo = plan.json["peers"]["AS64500"]["filters"]["ipv4"]
    assert (ejemplo["status"], ejemplo["registered"], ejemplo["entries"]) == ("ready", 8, 5)
    done = told(desk.irrgate("apply", plan.path.name), COULD_NOT_RUN)
    assert "was made with --offline, so no router's diff was reviewed" in done.stderr


def test_a_workspace_that_was_edited_after_the_plan_is_refused(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    desk.edit("peers.yaml", "more_specifics: true", "more_specifics: false")
    done = told(desk.irrgate("apply", plan.path.name), COULD_NOT_RUN)
    assert "was made for another workspace, or " in done.stderr
    assert "was changed since" in done.stderr
    for device in desk.devices.values():
        assert events(device) == DRY_RUN[device.platform]
    desk.edit("peers.yaml", "more_specifics: false}", "more_specifics: true}   # a comment")
    desk.apply(plan, expect=DONE)


def test_json_of_every_command(desk: Desk) -> None:
    def printed(*arguments: str, expect: int = DONE) -> object:
        return json.loads(told(desk.irrgate("--json", *arguments), expect).stdout)

    plan = printed("plan", "--out", "a.zip", expect=CHANGES)
    assert isinstance(plan, dict)
    assert plan["summary"]["hosts_change"] == 4
    assert printed("show", "a.zip") == plan
    assert printed("show", "--format", "json", "a.zip") == plan
    assert printed("apply", "a.zip") == {
        "deployment": 1,
        "routers": [{"router": name, "outcome": "done", "reason": ""} for name in ROUTERS],
        "recovered": [],
        "interrupted": False,
        "trouble": "",
    }
    checked = printed("check", "--irr", "--devices")
    assert isinstance(checked, dict)
    assert [each["ok"] for each in checked["checks"]] == [True] * 6
    expanded = printed("expand", "-4", "DEMO::AS-EJEMPLO", "AS64503")
    assert isinstance(expanded, list)
    assert [each["verdict"] for each in expanded] == ["whole", "whole"]
    assert expanded[1]["prefixes"] == ["10.40.0.0/19", "198.51.100.0/24"]


def test_show_for_people(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    text = told(desk.irrgate("show", plan.path.name), DONE).stdout
    assert text == plan.printed.stdout
    assert re.search(r"edge1.mex +│ AS64500 Ejemplo Telecom +│ IRR-AS64500-V4 +│ +\+6 │ new", text)
    assert "+   seq 10 permit 10.10.0.0/16 ge 17 le 17" in text
    assert "Routers: 4 to change. Filters: 11 new." in text
    assert "AS64510" not in text
    everything = told(desk.irrgate("show", "--all", plan.path.name, environ=WIDE), DONE).stdout
    assert "a provider carries what nobody can list: no filter" in everything
    markdown = told(desk.irrgate("show", "--format", "markdown", plan.path.name), DONE).stdout
    assert "| edge1.mex | AS64500 Ejemplo Telecom | IRR-AS64500-V4 | +6 |  | new |  |" in markdown
    assert "<details><summary>Diff of edge2.mex</summary>" in markdown


def test_long_lists_are_shortened_on_the_screen_and_whole_in_the_file(desk: Desk) -> None:
    routes = "".join(
        f"route: 10.50.{n}.0/24\norigin: AS64503\nsource: DEMO\n\n" for n in range(0, 200, 2)
    )
    desk.load_registry(desk.registry.read_text(encoding="latin-1") + f"\n{routes}")
    plan = desk.plan("--limit", "edge1.bog", expect=CHANGES)
    text = plan.printed.stdout
    assert f"… 82 more: unzip -p {plan.path.name} hosts/edge1.bog/delta.json" in text
    assert re.search(rf"… \d+ more: unzip -p {plan.path.name} hosts/edge1.bog/diff", text)
    assert "10.50.198.0/24" not in text
    assert len(plan.delta("edge1.bog")["IRR-AS64503-V4"]["added"]) == 102
    assert "10.50.198.0/24" in plan.member("hosts/edge1.bog/diff")
    assert oct(plan.path.stat().st_mode & 0o777) == "0o600"


def test_routers_of_one_group_are_each_configured_on_their_own_address(desk: Desk) -> None:
    """Nornir shares a group's options between its hosts; whoever writes a port there sends all
    of them to one router, and every one is reported as done."""
    plan = desk.plan(expect=CHANGES)
    for name, device in desk.devices.items():
        diff = plan.member(f"hosts/{name}/diff")
        if device.platform == "eos":
            assert f"hostname {name}" in diff
    assert desk.outcomes(plan, expect=DONE) == ALL_DONE
    for name, device in desk.devices.items():
        for filter_name in plan.filters(name):
            assert has_list(device, filter_name)
        assert len(re.findall(r"(?:prefix|filter)-list IRR-", device.running())) == len(
            plan.filters(name)
        )
        assert events(device) == DRY_RUN[device.platform] + COMMITTED[device.platform]

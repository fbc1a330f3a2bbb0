"""An emulated IOS-XR router, planned and committed as a person does it."""

from __future__ import annotations

import time

import asyncssh
import pytest

from irrgate.prefixes import Afi, PrefixSet
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    PROBLEMS,
    WIDE,
    Desk,
    accepts,
    config,
    events,
    has_list,
    log,
    told,
)
from tests.e2e.iosxr_lab import POLICY, ROUTER, V4, V6, connected, desk, load, router, xr_lab
from tests.e2e.test_removal import leave
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.harness import LabDevice

__all__ = ["desk", "router", "xr_lab"]
pytestmark = pytest.mark.e2e

COMMITTED = ["lock", "commit-confirmed", "confirmed", "unlock"]


def held(router: LabDevice) -> set[str]:
    """The digests of all that the filter has held since the router was renewed."""
    return {record.lists.get(V4, "missing") for record in log(router)}


def test_two_plans_and_an_apply_between_them(desk: Desk, router: LabDevice) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == {ROUTER: "change"}
    assert events(router) == ["lock", "discard", "unlock"]
    assert router.locks() == router.candidates() == []
    assert not has_list(router, V4)
    assert f"+  prefix-set {V4}\n" in first.member(f"hosts/{ROUTER}/diff")
    assert f"prefix-set {V4}" in told(desk.irrgate("show", first.path.name), DONE).stdout

    assert desk.outcomes(first, expect=DONE) == {ROUTER: ("done", "")}
    assert events(router)[3:] == COMMITTED
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


def test_a_change_and_the_way_back(desk: Desk, router: LabDevice) -> None:
    router.set_running(config(router, {V4: EJEMPLO_V4}).removesuffix("end\n") + POLICY + "end\n")
    by_hand = router.lists()[V4]
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    before, old = router.running(), router.lists()[V4]
    assert held(router) == {by_hand, old}
    desk.edit_registry(WITHDRAWN, ADDED)
    plan = desk.plan(expect=CHANGES)
    assert plan.delta(ROUTER) == {V4: {"added": ["10.11.24.0/22"], "removed": ["10.11.20.0/24"]}}
    assert plan.member(f"hosts/{ROUTER}/diff").splitlines() == [
        f"   prefix-set {V4}",
        "<-   10.11.20.0/24,",
        "+>   10.11.24.0/22,",
        "   end-set",
        "   !",
    ]
    # One set, whole, and nothing to remove it first.
    candidate = plan.member(f"hosts/{ROUTER}/candidate")
    assert candidate.startswith(f"prefix-set {V4}\n")
    assert candidate.count("prefix-set") == 1
    desk.apply(plan, expect=DONE)
    new = router.lists()[V4]
    assert accepts(router, V4, "10.11.24.0/22")

    told(desk.irrgate("rollback", "2", "--out", "back.zip", "--reason", "INC-1"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    assert not accepts(router, V4, "10.11.24.0/22")
    assert router.running() == before
    assert router.lists()[V4] == old
    assert held(router) == {by_hand, old, new}


def test_an_empty_filter_denies_all_and_says_so(desk: Desk, router: LabDevice) -> None:
    text = desk.registry.read_text(encoding="latin-1")
    desk.load_registry(text.replace("origin:         AS64501", "origin:         AS64511"))
    desk.edit("peers.yaml", "AS64501:AS-CLIENTES", "AS64501")
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    assert "prefix-set IRR-AS64501-V4\n  # no ipv4 prefix is accepted\nend-set" in router.running()
    assert not accepts(router, "IRR-AS64501-V4", "10.20.5.0/24")
    assert desk.plan(expect=DONE).hosts == {ROUTER: "unchanged"}


def test_a_peer_that_left_takes_along_what_nothing_refers_to(desk: Desk, router: LabDevice) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    leave(desk, "AS64500")
    leave(desk, "AS64501")
    plan = desk.plan(expect=CHANGES)
    router.set_running(router.running().removesuffix("end\n") + POLICY + "end\n")
    outcome, reason = desk.outcomes(plan, expect=PROBLEMS)[ROUTER]
    assert outcome == "held"
    assert "is referred to by now: route-policy AS64500-IN" in reason

    plan = desk.plan(expect=CHANGES)
    status, reason = plan.filters(ROUTER)[V4]
    assert status == "still referred to"
    assert f"route-policy AS64500-IN: if destination in {V4} then" in reason
    gone = {V6, "IRR-AS64501-V4"}
    assert {name for name, (said, _) in plan.filters(ROUTER).items() if said == "remove"} == gone
    desk.apply(plan, expect=DONE)
    assert not any(has_list(router, name) for name in gone)
    assert has_list(router, V4)


def test_a_set_edited_by_hand_is_shown_and_taken_back(desk: Desk, router: LabDevice) -> None:
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    intended = router.running()
    by_hand = intended.replace(
        "  10.11.20.0/24,\n", "  # Ana: for a test\n  10.11.96.0/20 le 24,\n  2001:db8::/32,\n"
    )
    assert by_hand != intended
    router.set_running(by_hand)
    plan = desk.plan(expect=CHANGES)
    assert plan.delta(ROUTER) == {
        V4: {"added": ["10.11.20.0/24"], "removed": ["10.11.96.0/20 le 24"]}
    }
    desk.apply(plan, expect=DONE)
    assert router.running() == intended


def test_sets_of_others_and_other_kinds_of_sets_are_left_alone(
    desk: Desk, router: LabDevice
) -> None:
    theirs = (
        "prefix-set CORE\n  10.0.0.0/8\nend-set\n!\nprefix-set IRR-CORE\n  10.0.0.0/8\nend-set\n"
    )
    router.set_running(f"hostname x\n!\n{theirs}!\nend\n")
    plan = desk.plan(expect=CHANGES)
    assert plan.filters(ROUTER).keys() == {V4, V6, "IRR-AS64501-V4"}
    desk.apply(plan, expect=DONE)
    assert theirs in router.running().replace("end-set\n!\nprefix-set IRR-AS", "end-set\n@")


def test_more_lines_than_the_router_takes_are_known_at_the_plan(
    desk: Desk, router: LabDevice
) -> None:
    router.set_running(f"hostname {router.name}\nrpl maximum lines 10\n!\nend\n")
    done = desk.plan(expect=PROBLEMS)
    reason = done.json["hosts"][ROUTER]["reason"]
    assert "its policies and sets would have 15 lines, and it takes 10" in reason
    assert "rpl maximum lines 18" in reason
    assert router.locks() == []


def test_the_check_learns_its_key_and_a_wrong_one_is_refused(desk: Desk, router: LabDevice) -> None:
    told(desk.irrgate("check", "--devices"), DONE)
    known = desk.directory / "lab" / "known_hosts"
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    known.write_text(f"{known.read_text().split(' ')[0]} {other}")
    plan = desk.plan(expect=PROBLEMS)
    assert "its SSH host key" in plan.json["hosts"][ROUTER]["reason"]
    known.unlink()
    assert "is not there" in desk.plan(expect=PROBLEMS).json["hosts"][ROUTER]["reason"]
    assert events(router) == []


def test_names_of_napalms_other_driver_are_refused(desk: Desk) -> None:
    desk.edit("groups.yaml", "platform: iosxr_netconf", "platform: iosxr")
    done = desk.irrgate("check", environ=WIDE)
    assert done.exit_code != DONE
    assert "use platform iosxr_netconf" in done.stdout + done.stderr


def test_a_first_load_of_100_000_entries(router: LabDevice) -> None:
    router.clear_faults()
    router.set_running("hostname x\n!\nend\n")
    prefixes = PrefixSet.from_entries(
        Afi.IPV4, [((10 << 24) + n * 512, 24, 24, 24 + (n & 1) * 2) for n in range(100_000)]
    )
    started = time.monotonic()
    with connected(router) as driver:
        load(driver, {V4: prefixes})
        assert driver.compare_config().count("\n") > 100_000
        driver.commit_config(revert_in=600)
        found = driver.get_config()["running"]
        driver.confirm_commit()
    assert time.monotonic() - started < 60
    assert router.apply_log()[-1].entries[V4] == prefixes.entry_count
    assert found.count("\n") > 100_000

"""Whole runs of irrgate with a real FRR behind: what it cannot bear is held, filter by filter."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from irrgate.prefixes import Afi
from tests.e2e.daemon_desk import desk_of
from tests.e2e.desk import CHANGES, DONE, PROBLEMS, Plan, told
from tests.e2e.test_frr import NAME, NAME_V6, OLD, connected, frr, holds, lists, saved
from tests.e2e.test_frr_faults import wrapper
from tests.lab.daemons.frr import Frr
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.under_test import eventually, lab
from tests.lab.daemons.wanted import needs_frr
from tests.lab.daemons.workspace import REGISTERED, registry
from tests.lab.network import LabNetwork

__all__ = ["frr"]
pytestmark = [pytest.mark.e2e, needs_frr, needs_namespaces]
PARENT = "2001:db8:4000::/36"
MANY = tuple(f"10.{n}.{2 * m}.0/24" for n in range(4) for m in range(100))


MEDDLES = """\
case "$*" in
*" -f delta") "$real" "$@"; code=$?; mv @/armed @/done 2> /dev/null; exit $code ;;
*"show running-config"*)
    if mv @/done @/over 2> /dev/null; then
        entry="ip prefix-list IRR-AS64500-V4 seq 25 permit any"
        "$real" "$1" "$2" "$3" "$4" -c configure -c "$entry"
    fi ;;
esac
exec "$real" "$@"
"""
"""a person, who is at work in vtysh just when a commit is in and was not read back"""


def planned(desk: LabNetwork, expect: int) -> dict[str, tuple[str, str]]:
    """Plan; the status of each filter, and why."""
    done = told(desk.irrgate("plan", "--out", "plan.zip"), expect)
    return Plan(desk.directory / "plan.zip", done).filters("router")


def test_a_filter_that_takes_frr_too_long_is_held_alone(frr: Frr, tmp_path: Path) -> None:
    assert frr.vtysh("-c", "conf", "-c", f"no ip prefix-list {NAME}").returncode == 0
    with desk_of(frr, tmp_path / "desk", max_seconds=0.5) as desk:
        desk.load_registry(registry((*REGISTERED, *MANY)))
        found = planned(desk, PROBLEMS)
        status, reason = found[NAME]
        assert status == "held"
        assert reason.startswith("FRR ")
        assert "s to add 403 entries to its 0 and remove 0; the limit is 0.5 s" in reason
        assert found[NAME_V6] == ("new", "")
        told(desk.irrgate("apply", "plan.zip"), PROBLEMS)
        with connected(frr) as driver:
            assert lists(driver).keys() == {NAME_V6}


def test_a_change_that_a_users_route_map_would_lose_routes_by_is_held(tmp_path: Path) -> None:
    """FRR before 9.0: `le 48` becomes `le 40` on one prefix. The lab's IPv6 is by a route-map."""
    daemon = Frr(tmp_path / "router")
    with lab(daemon, tmp_path / "lab") as found, desk_of(daemon, tmp_path / "desk") as desk:
        told(desk.irrgate("refresh"), DONE)
        found.announce([PARENT, f"{PARENT.partition('/')[0]}/40", "2001:db8:1::/48"])
        assert eventually(lambda: len(daemon.accepted(Afi.IPV6)) == 3)
        desk.edit("network.yaml", "ipv6: 48}", "ipv6: 40}")
        status, reason = planned(desk, PROBLEMS)[NAME_V6]
        assert status == "held"
        assert f"two entries have the prefix {PARENT} on the way" in reason
        assert "no route-map AS64500-IN optimization" in reason
        off = "no route-map AS64500-IN optimization"
        assert daemon.vtysh("-c", "conf", "-c", off).returncode == 0
        assert planned(desk, CHANGES)[NAME_V6][0] == "change"
        told(desk.irrgate("apply", "plan.zip"), DONE)
        found.announce([PARENT, f"{PARENT.partition('/')[0]}/40"])
        time.sleep(2.5)
        assert daemon.accepted(Afi.IPV6) == {PARENT, f"{PARENT.partition('/')[0]}/40"}


@pytest.mark.parametrize("confirms", [True, False])
def test_what_a_person_does_in_the_midst_of_a_commit_is_seen_and_all_goes_back(
    frr: Frr, tmp_path: Path, confirms: bool
) -> None:
    """By FRR's own way back, and where the timer must not be used by sending what was there."""
    meddler = wrapper(tmp_path, MEDDLES.replace("@/", f"{tmp_path}/"))
    before, text = saved(frr), frr.config.read_text()
    with desk_of(frr, tmp_path / "desk", vtysh=meddler) as desk:
        if not confirms:
            desk.edit("hosts.yaml", '"data": {', '"data": {"commit_confirm": false, ')
        told(desk.irrgate("plan", "--out", "plan.zip"), CHANGES)
        (tmp_path / "armed").touch()
        done = told(desk.irrgate("--json", "apply", "plan.zip"), PROBLEMS)
        assert (tmp_path / "over").exists()
        (outcome,) = json.loads(done.stdout)["routers"]
        assert outcome["outcome"] == "reverted", outcome
        assert NAME in outcome["reason"]
        with connected(frr) as driver:
            assert holds(driver, OLD)
            assert NAME_V6 not in lists(driver)
            assert not driver.has_pending_commit()
        assert sorted(saved(frr)) == sorted(before)
        if confirms:
            assert frr.config.read_text() == text

"""FRR by route-maps over short lists, against the real one: growing while routes come in."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from irrgate.platforms import frr_map
from irrgate.platforms.frr_map_text import read_route_maps
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import CandidateRefused, CommitRefused
from tasks.drivers.frr import FrrDriver
from tests.e2e.test_frr import (
    NAME,
    NEW,
    OLD,
    connected,
    filtering,
    holds,
    lists,
    load,
)
from tests.e2e.test_frr_faults import kill_midway, wrapper
from tests.e2e.test_truth import watched
from tests.lab.daemons.frr import FrrRouteMap
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.truth import Verdict, covered, everything
from tests.lab.daemons.under_test import Lab, eventually, lab
from tests.lab.daemons.wanted import needs_frr

pytestmark = [pytest.mark.e2e, needs_frr, needs_namespaces]

_LEAKED = (20, 77, 133)
SMALL = {
    Afi.IPV4: PrefixSet.parse(Afi.IPV4, ["192.0.2.0/24", "10.10.0.0/17 le 24"]),
    Afi.IPV6: PrefixSet.parse(Afi.IPV6, ["2001:db8:1::/48", "2001:db8:4000::/36 le 48"]),
}
LARGE = {
    Afi.IPV4: PrefixSet.parse(
        Afi.IPV4,
        [
            "192.0.2.0/24",
            "10.10.0.0/17 le 18",
            *(f"{a}.0.0.0/8 ge 16 le 16" for a in (20, 77, 133)),
        ],
    ),
    Afi.IPV6: PrefixSet.parse(
        Afi.IPV6, ["2001:db8:1::/48", *(f"2a00:{n:x}::/32" for n in range(0x1000, 0x1009))]
    ),
}
EMPTY = {afi: PrefixSet.empty(afi) for afi in Afi}
HIJACKS = ["198.51.100.0/24", "198.51.100.128/25", "2001:db8:ffff::/48"]


@pytest.fixture(autouse=True)
def short_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few entries are several lists."""
    monkeypatch.setattr(frr_map, "PART_ENTRIES", 2)


@pytest.fixture
def router(tmp_path: Path) -> Iterator[FrrRouteMap]:
    """An FRR with OLD in its filter."""
    with filtering(FrrRouteMap(tmp_path / "router")) as daemon:
        assert isinstance(daemon, FrrRouteMap)
        yield daemon


@pytest.fixture
def driver(router: FrrRouteMap) -> Iterator[FrrDriver]:
    with connected(router) as opened:
        yield opened


@contextmanager
def hijacking(found: Lab) -> Iterator[None]:
    """Let the neighbour announce again and again what no filter has: some comes in any moment."""
    done = threading.Event()

    def announce() -> None:
        while not done.is_set():
            for routes in (set(everything()) - set(HIJACKS), everything()):
                found.announce(sorted(routes))
                done.wait(0.02)

    thread = threading.Thread(target=announce)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        found.announce(everything())


@pytest.mark.parametrize(
    ("old", "new"), [(SMALL, LARGE), (LARGE, SMALL), (SMALL, EMPTY), (EMPTY, LARGE)]
)
def test_no_route_is_let_through_or_lost_on_the_way(
    tmp_path: Path, old: dict[Afi, PrefixSet], new: dict[Afi, PrefixSet]
) -> None:
    """The map grows, lists become spare and are used again: there, and the way back as well."""
    check_there_and_back(tmp_path, old, new)


ONE_BY_ONE = """\
for last; do :; done
case $* in *" -f "*) ;; *) exec "$real" "$@" ;; esac
say() { "$real" "$1" "$2" "$3" "$4" -c configure -c "$5" ${6:+-c "$6"} < /dev/null; sleep 0.3; }
while IFS= read -r line; do
    case $line in
    exit) ;;
    " "*) say "$1" "$2" "$3" "$4" "$entry" "${line# }" ;;
    *) entry=$line && say "$1" "$2" "$3" "$4" "$line" ;;
    esac
done < "$last"
"""


def test_no_line_of_a_change_lets_through_or_loses_a_route(tmp_path: Path) -> None:
    """With a vtysh that takes its time after each line: long enough for FRR to act upon it."""
    new = {Afi.IPV4: LARGE[Afi.IPV4], Afi.IPV6: SMALL[Afi.IPV6]}
    check_there_and_back(tmp_path, SMALL, new, vtysh=wrapper(tmp_path, ONE_BY_ONE))


def check_there_and_back(
    tmp_path: Path, old: dict[Afi, PrefixSet], new: dict[Afi, PrefixSet], **options: object
) -> None:
    daemon = FrrRouteMap(tmp_path / "router")
    were, are = (covered(each, everything()) for each in (old, new))
    verdicts = {afi: Verdict() for afi in Afi}
    with lab(daemon, tmp_path / "lab") as found, connected(daemon, **options) as driver:
        load(driver, *old.values())
        driver.commit_config()
        found.announce(everything())
        found.wait_accepted(were)
        with hijacking(found), watched(found, verdicts, were, are):
            load(driver, *new.values())
            driver.commit_config(revert_in=600)
            found.wait_accepted(are)
            time.sleep(1)
        assert found.accepted() == are
        with hijacking(found), watched(found, verdicts, are, were):
            driver.rollback()
            found.wait_accepted(were)
            time.sleep(1)
        assert found.accepted() == were
        assert all(holds(driver, each) for each in old.values())
    assert [verdict.wrong for verdict in verdicts.values()] == [[], []]


def test_a_route_map_that_is_never_applied_by_itself_is_applied(tmp_path: Path) -> None:
    """Nor are those that call it: the first entries come into a map that had no list."""
    daemon = FrrRouteMap(tmp_path / "router")
    right = covered(SMALL, everything())
    with lab(daemon, tmp_path / "lab") as found, connected(daemon) as driver:
        found.announce(everything())
        configure(daemon, "bgp route-map delay-timer 0")
        load(driver, *SMALL.values())
        driver.commit_config()
        found.wait_accepted(right, 10)
        assert found.accepted() == right


def saved_maps(router: FrrRouteMap) -> tuple[str, ...]:
    return read_route_maps(router.config.read_text()).get(NAME, ())


def map_lines(parts: int) -> tuple[str, ...]:
    return (
        f"no route-map {NAME} optimization",
        *(
            f"route-map {NAME} permit {10 * part}: match ip address prefix-list {NAME}-{part}"
            for part in range(1, parts + 1)
        ),
    )


def test_a_confirmed_commit_runs_and_is_saved_and_comes_again(
    router: FrrRouteMap, driver: FrrDriver
) -> None:
    assert saved_maps(router) == map_lines(1)
    before = router.config.read_text()
    load(driver, LARGE[Afi.IPV4])
    assert driver.compare_config().splitlines()[-3:] == [
        f"@@ route-map {NAME} @@",
        *(f"+{line}" for line in map_lines(3)[2:]),
    ]
    driver.commit_config(revert_in=600)
    assert holds(driver, LARGE[Afi.IPV4])
    assert router.config.read_text() == before
    driver.confirm_commit()
    assert saved_maps(router) == map_lines(3)
    assert router.config.read_text().startswith("! a comment of the user's\n")
    router.restart()
    with connected(router) as again:
        assert holds(again, LARGE[Afi.IPV4])
        # As a person saves it, and irrgate after that.
        router.show("write memory")
        load(again, OLD)
        again.commit_config()
        assert saved_maps(router) == map_lines(3)
    router.restart()
    with connected(router) as again:
        assert holds(again, OLD)


def test_nobody_confirms_and_it_goes_back_though_the_connection_is_gone(
    router: FrrRouteMap,
) -> None:
    with connected(router) as driver:
        load(driver, LARGE[Afi.IPV4])
        driver.commit_config(revert_in=1)
        assert holds(driver, LARGE[Afi.IPV4])
    with connected(router) as another:
        assert eventually(lambda: holds(another, OLD))
        assert eventually(lambda: not another.has_pending_commit())
    assert saved_maps(router) == map_lines(1)


def test_a_restart_before_the_confirmation_has_the_old_filter_and_can_be_confirmed(
    router: FrrRouteMap,
) -> None:
    with connected(router) as driver:
        load(driver, LARGE[Afi.IPV4])
        driver.commit_config(revert_in=600)
        router.kill("bgpd")
        router.start_daemon("bgpd")
        router.vtysh("-b")
        assert holds(driver, OLD)
        driver.confirm_commit()
        assert holds(driver, LARGE[Afi.IPV4])
    assert saved_maps(router) == map_lines(3)


def test_a_filter_goes_whole_and_comes_back(router: FrrRouteMap, driver: FrrDriver) -> None:
    load(driver, LARGE[Afi.IPV4])
    driver.commit_config()
    driver.load_merge_candidate(config=f"no route-map {NAME} ! ip\n")
    driver.commit_config(revert_in=600)
    running = router.show("show running-config")
    assert NAME not in running.replace(f"neighbor 198.18.0.2 route-map {NAME} in", "")
    driver.rollback()
    assert holds(driver, LARGE[Afi.IPV4])
    driver.load_merge_candidate(config=f"no route-map {NAME} ! ip\n")
    driver.commit_config()
    assert NAME not in router.config.read_text().replace(f"route-map {NAME} in", "")


def test_lists_can_be_set_whole(driver: FrrDriver) -> None:
    text = (
        f"ip prefix-list {NAME}-1 seq 5 permit 10.10.0.0/17 le 24\n"
        f"no route-map {NAME} optimization\n"
        f"route-map {NAME} permit 10\n match ip address prefix-list {NAME}-1\n"
    )
    driver.load_replace_candidate(config=text)
    assert driver.compare_config().splitlines()[3:] == [
        f"-ip prefix-list {NAME}-1 seq 20 permit 192.0.2.0/24"
    ]


@pytest.mark.parametrize("resumed", [True, False])
def test_a_vtysh_that_is_killed_midway_leaves_no_wrong_filter(
    router: FrrRouteMap, resumed: bool
) -> None:
    """The map is part of what it is to be; it is taken back, or the next one goes on from there."""
    many = PrefixSet.parse(
        Afi.IPV4, [f"10.{n}.{m}.0/24" for n in range(4) for m in range(0, 200, 2)]
    )
    kill_midway(router, many.union(NEW))
    if not resumed:
        shutil.rmtree(router.run_directory)
    with connected(router) as driver:
        held = lists(driver)[NAME].prefixes
        assert not OLD.difference(OLD.difference(NEW)).difference(held)
        assert not held.difference(OLD.union(NEW).union(many))
        if resumed:
            assert eventually(lambda: not driver.has_pending_commit(), 60)
            assert holds(driver, OLD)
        load(driver, NEW)
        driver.commit_config()
        assert holds(driver, NEW)


@pytest.mark.parametrize("lines", [("deny 15",), ("deny 15", "permit 40"), ("deny 15", "deny 20")])
def test_what_a_run_leaves_behind_an_entry_that_denies_goes(
    router: FrrRouteMap, driver: FrrDriver, lines: tuple[str, ...]
) -> None:
    configure(router, *(f"route-map {NAME} {line}" for line in lines))
    assert not holds(driver, OLD)
    load(driver, LARGE[Afi.IPV4])
    driver.commit_config(revert_in=600)
    assert holds(driver, LARGE[Afi.IPV4])
    driver.rollback()
    assert f"route-map {NAME} deny 15" in router.show("show running-config")
    load(driver, OLD)
    driver.commit_config()
    assert holds(driver, OLD)
    assert saved_maps(router) == map_lines(1)


def test_what_a_person_adds_to_the_map_is_told(router: FrrRouteMap, driver: FrrDriver) -> None:
    load(driver, NEW)
    configure(router, f"route-map {NAME} permit 5", "set local-preference 200")
    with pytest.raises(CommitRefused, match="not what they were any more"):
        driver.commit_config(revert_in=600)
    with pytest.raises(CandidateRefused, match=r"`permit 5`.*none of irrgate's.*local-preference"):
        driver.load_merge_candidate(config=f"ip prefix-list {NAME}-1 seq 90 permit 9.0.0.0/8\n")


def configure(router: FrrRouteMap, *lines: str) -> None:
    """Type lines as a person does."""
    done = router.vtysh(*(word for line in ("conf", *lines) for word in ("-c", line)))
    assert done.returncode == 0, done.stdout + done.stderr

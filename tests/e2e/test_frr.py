"""The FRR driver against the real zebra, bgpd and vtysh: commits, and the ways back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from irrgate.platforms import find_platform
from irrgate.platforms.platform import ManagedList
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import CandidateRefused, CommitRefused, Locked
from tasks.drivers.frr import FrrDriver
from tasks.drivers.frr_route_map import FrrRouteMapDriver
from tests.e2e.daemon_desk import alone
from tests.e2e.test_truth import watched
from tests.lab.daemons.frr import Frr
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.truth import Verdict, covered, everything
from tests.lab.daemons.under_test import FILTERS, Lab, eventually, lab
from tests.lab.daemons.wanted import needs_frr
from tests.unit.platforms.routers import RENDERER

pytestmark = [pytest.mark.e2e, needs_frr, needs_namespaces]
NAME, NAME_V6 = FILTERS[Afi.IPV4], FILTERS[Afi.IPV6]
WANTED = {name: afi for afi, name in FILTERS.items()}
OLD = PrefixSet.parse(Afi.IPV4, ["192.0.2.0/24", "10.10.0.0/17 le 24"])
NEW = PrefixSet.parse(Afi.IPV4, ["198.51.100.0/24", "10.10.0.0/17 le 24"])
NOTHING = PrefixSet.empty(Afi.IPV4)


@pytest.fixture
def frr(tmp_path: Path) -> Iterator[Frr]:
    """An FRR with OLD in its filter."""
    with filtering(Frr(tmp_path / "router")) as daemon:
        yield daemon


@contextmanager
def filtering(daemon: Frr) -> Iterator[Frr]:
    """Start an FRR that nobody has a session with, and give it OLD."""
    with alone(daemon):
        with connected(daemon) as opened:
            load(opened, OLD)
            opened.commit_config()
        yield daemon


@pytest.fixture
def driver(frr: Frr) -> Iterator[FrrDriver]:
    with connected(frr) as opened:
        yield opened


def connected(daemon: Frr, **changed: object) -> FrrDriver:
    arguments = {"transport": "local", **daemon.optional_args(), **changed}
    driver = FrrDriver if daemon.platform == "frr" else FrrRouteMapDriver
    return driver("router", "", "", 30, arguments)


def lists(driver: FrrDriver) -> dict[str, ManagedList]:
    running = driver.get_config(retrieve="running")["running"]
    return dict(find_platform(driver.platform).parse(running, WANTED, "IRR-").lists)


def delta(driver: FrrDriver, *filters: PrefixSet) -> str:
    held = lists(driver)
    names = {each.afi: FILTERS[each.afi] for each in filters}
    platform = find_platform(driver.platform)
    printed = [platform.printed(names[s.afi], s, held.get(names[s.afi])) for s in filters]
    return RENDERER.render(driver.platform, printed)


def load(driver: FrrDriver, *filters: PrefixSet) -> None:
    driver.load_merge_candidate(config=delta(driver, *filters))


def holds(driver: FrrDriver, prefixes: PrefixSet) -> bool:
    found = lists(driver).get(FILTERS[prefixes.afi])
    return found is not None and found.plain and found.prefixes == prefixes


def saved(daemon: Frr) -> list[str]:
    """The entries of the filter in the saved configuration."""
    text = daemon.config.read_text()
    return [line for line in text.splitlines() if line.startswith(f"ip prefix-list {NAME} ")]


OLD_LINES = [
    f"ip prefix-list {NAME} seq 10 permit 10.10.0.0/17 le 24",
    f"ip prefix-list {NAME} seq 20 permit 192.0.2.0/24",
]
NEW_LINES = [OLD_LINES[0], f"ip prefix-list {NAME} seq 30 permit 198.51.100.0/24"]


# Commits


def test_a_confirmed_commit_runs_and_is_saved(frr: Frr, driver: FrrDriver) -> None:
    before = frr.config.read_text()
    load(driver, NEW)
    assert driver.compare_config().splitlines() == [
        "--- running",
        "+++ candidate",
        f"@@ ip prefix-list {NAME} @@",
        f"-{OLD_LINES[1]}",
        f"+{NEW_LINES[1]}",
    ]
    driver.commit_config(revert_in=600)
    assert holds(driver, NEW)
    ((_, seconds),) = driver._get_pending_commits().items()
    assert 590 < seconds <= 600 + 1
    assert frr.config.read_text() == before
    owner = frr.config.stat()
    driver.confirm_commit()
    assert not driver.has_pending_commit()
    assert saved(frr) == NEW_LINES
    # The user's own lines are what they were, comments included.
    assert frr.config.read_text() == before.replace(OLD_LINES[1], NEW_LINES[1])
    now = frr.config.stat()
    assert (now.st_mode, now.st_uid) == (owner.st_mode, owner.st_uid)
    with connected(frr) as another:
        assert holds(another, NEW)
        with pytest.raises(CommitRefused, match="no commit waits"):
            another.confirm_commit()


def test_a_commit_without_a_timer_stays_and_can_be_taken_back(frr: Frr, driver: FrrDriver) -> None:
    load(driver, NEW)
    driver.commit_config()
    assert saved(frr) == NEW_LINES
    driver.rollback()
    assert holds(driver, OLD)
    assert saved(frr) == OLD_LINES
    with pytest.raises(CommitRefused, match="no commit to go back from"):
        driver.rollback()


def test_nobody_confirms_and_it_goes_back_though_the_connection_is_gone(frr: Frr) -> None:
    driver = connected(frr)
    driver.open()
    load(driver, NEW)
    driver.commit_config(revert_in=1)
    assert holds(driver, NEW)
    driver.close()
    with connected(frr) as another:
        assert eventually(lambda: holds(another, OLD))
        assert eventually(lambda: not another.has_pending_commit())
        assert saved(frr) == OLD_LINES
        load(another, NEW)


@pytest.mark.parametrize("confirms", [True, False])
def test_another_connection_confirms_or_takes_back(frr: Frr, confirms: bool) -> None:
    with connected(frr) as one:
        load(one, NEW)
        one.commit_config(revert_in=600)
    with connected(frr) as other:
        assert other.has_pending_commit()
        with pytest.raises(Locked):
            other.load_merge_candidate(config="")
        if confirms:
            other.confirm_commit()
        else:
            other.rollback()
        assert holds(other, NEW if confirms else OLD)
        assert not other.has_pending_commit()
    assert saved(frr) == (NEW_LINES if confirms else OLD_LINES)


def test_a_list_that_is_new_or_goes_comes_back_as_it_was(driver: FrrDriver) -> None:
    six = PrefixSet.parse(Afi.IPV6, ["2001:db8::/32 le 48"])
    driver.load_merge_candidate(config=f"{delta(driver, six)}no ip prefix-list {NAME}\n")
    driver.commit_config(revert_in=600)
    assert {name: each.prefixes for name, each in lists(driver).items()} == {NAME_V6: six}
    driver.rollback()
    assert holds(driver, OLD)
    assert NAME_V6 not in lists(driver)


def test_nothing_and_back_again(frr: Frr, driver: FrrDriver) -> None:
    for prefixes in (NOTHING, NEW, NOTHING, OLD):
        load(driver, prefixes)
        driver.commit_config()
        assert holds(driver, prefixes)
    assert [line.replace("seq 20", "seq 10") for line in saved(frr)] != []


def test_a_list_of_a_persons_is_taken_over(driver: FrrDriver) -> None:
    lines = ["seq 5 deny 10.10.4.0/24", "seq 7 permit 10.0.0.0/8 le 24", "seq 9 deny any"]
    driver.load_merge_candidate(config=f"no ip prefix-list {NAME}\n")
    driver.commit_config()
    for line in [*lines, "description a person's"]:
        assert driver.cli([f"configure\nip prefix-list {NAME} {line}"])
    held = lists(driver)[NAME]
    assert not held.plain
    load(driver, NEW)
    driver.commit_config(revert_in=600)
    assert holds(driver, NEW)
    driver.rollback()
    assert lists(driver)[NAME].rows == held.rows


def test_lists_can_be_set_whole(driver: FrrDriver) -> None:
    text = f"ip prefix-list {NAME} seq 5 permit 10.10.0.0/17 le 24\n"
    driver.load_replace_candidate(config=text)
    assert driver.compare_config().splitlines()[3:] == [f"-{OLD_LINES[1]}"]
    driver.commit_config()
    driver.load_replace_candidate(config=text)
    assert driver.compare_config() == ""


# What is refused before anything is sent


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("router bgp 64496\n", "of no prefix list"),
        (f"ip prefix-list {NAME} seq 10 permit 1.0.0.0/8\n", "is there already"),
        (f"no ip prefix-list {NAME} seq 20 permit 9.0.0.0/8\n", "not there"),
        (f"ip prefix-list {NAME} seq 30 permit 12.0.0.0/8 le 4\n", "impossible"),
        ("".join(f"no {line}\n" for line in OLD_LINES), "without an entry"),
    ],
)
def test_what_does_not_fit_is_refused(driver: FrrDriver, text: str, words: str) -> None:
    with pytest.raises(CandidateRefused, match=words):
        driver.load_merge_candidate(config=text)
    assert not driver.locked
    assert holds(driver, OLD)


def test_what_takes_frr_too_long_is_refused_with_the_estimate(frr: Frr) -> None:
    many = PrefixSet.parse(Afi.IPV4, [f"10.{n >> 8}.{n & 255}.0/25" for n in range(8000)])
    with connected(frr) as driver:
        with pytest.raises(CandidateRefused, match=f"{NAME}: FRR .* takes about .* limit is 300"):
            load(driver, many)
        load(driver, NEW)
    with connected(frr, max_seconds=0.0001) as driver, pytest.raises(CandidateRefused):
        load(driver, NEW)
    with connected(frr, max_seconds=10_000) as driver:
        load(driver, many)
        driver.discard_config()
        assert driver.compare_config() == ""


def test_what_a_route_map_would_lose_routes_by_is_refused(frr: Frr, driver: FrrDriver) -> None:
    """The lab's IPv6 is by a route-map, with FRR's optimization."""
    load(driver, PrefixSet.parse(Afi.IPV6, ["2001:db8::/32 le 48"]))
    driver.commit_config()
    shorter = PrefixSet.parse(Afi.IPV6, ["2001:db8::/32 le 40"])
    with pytest.raises(CandidateRefused, match="two entries have the prefix 2001:db8::/32"):
        load(driver, shorter)
    off = "no route-map AS64500-IN optimization"
    assert frr.vtysh("-c", "conf", "-c", off).returncode == 0
    load(driver, shorter)


def test_a_stale_candidate_changes_nothing(frr: Frr, driver: FrrDriver) -> None:
    """The lists change between the review and the commit."""
    load(driver, NEW)
    assert frr.vtysh("-c", "conf", "-c", f"no ip prefix-list {NAME} seq 20").returncode == 0
    with pytest.raises(CommitRefused, match="not what they were any more"):
        driver.commit_config(revert_in=600)
    assert lists(driver)[NAME].prefixes == PrefixSet.parse(Afi.IPV4, ["10.10.0.0/17 le 24"])


# While routes come in


ALL_NEW = PrefixSet.parse(
    Afi.IPV4, ["198.51.100.0/24", "10.10.0.0/16 ge 17 le 24", "20.0.0.0/8 le 16"]
)


@pytest.mark.parametrize(
    ("old", "new"), [(OLD, NEW), (OLD, ALL_NEW), (ALL_NEW, OLD), (OLD, NOTHING), (NOTHING, OLD)]
)
def test_no_route_is_let_through_or_lost_on_the_way(
    tmp_path: Path, old: PrefixSet, new: PrefixSet
) -> None:
    """A delta, a full change, and to nothing and back: there, and the way back as well."""
    daemon = Frr(tmp_path / "router")
    announced = everything()
    six = PrefixSet.empty(Afi.IPV6)
    were, are = (covered({Afi.IPV4: each, Afi.IPV6: six}, announced) for each in (old, new))
    with lab(daemon, tmp_path / "lab") as found, connected(daemon) as driver:
        load(driver, old, six)
        driver.commit_config()
        found.announce(announced)
        found.wait_accepted(were)
        change_watched(found, driver, old, new, (were, are))


def change_watched(
    found: Lab,
    driver: FrrDriver,
    old: PrefixSet,
    new: PrefixSet,
    sets: tuple[dict[Afi, set[str]], dict[Afi, set[str]]],
) -> None:
    were, are = sets
    verdicts = {afi: Verdict() for afi in Afi}
    with watched(found, verdicts, were, are):
        load(driver, new)
        driver.commit_config(revert_in=600)
        found.wait_accepted(are)
        time.sleep(1)
    assert found.accepted() == are
    with watched(found, verdicts, are, were):
        driver.rollback()
        found.wait_accepted(were)
        time.sleep(1)
    assert found.accepted() == were
    assert holds(driver, old)
    assert [verdict.wrong for verdict in verdicts.values()] == [[], []]
    assert verdicts[Afi.IPV4].judged > 10


def test_a_route_map_that_is_never_applied_by_itself_is_applied(tmp_path: Path) -> None:
    daemon = Frr(tmp_path / "router")
    six = PrefixSet.parse(Afi.IPV6, ["2001:db8:4000::/36"])
    with lab(daemon, tmp_path / "lab") as found, connected(daemon) as driver:
        found.announce(everything())
        assert daemon.vtysh("-c", "conf", "-c", "bgp route-map delay-timer 0").returncode == 0
        load(driver, six)
        driver.commit_config()
        found.wait_accepted({Afi.IPV4: set(), Afi.IPV6: {"2001:db8:4000::/36"}}, 10)
        assert found.accepted()[Afi.IPV6] == {"2001:db8:4000::/36"}
        time.sleep(0.5)
        peers = driver.get_bgp_neighbors()["global"]["peers"]
        assert peers["198.18.0.2"]["address_family"]["ipv6"]["accepted_prefixes"] == 1

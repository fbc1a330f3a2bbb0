"""The IOS driver before an emulated router: commits, and the ways back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from irrgate.errors import DeviceError
from irrgate.platforms.ios import Ios
from irrgate.platforms.platform import ManagedList
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import (
    CandidateRefused,
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
    Locked,
    LoginRefused,
)
from tasks.drivers.ios import IosDriver
from tests.lab.harness import LabDevice
from tests.lab.ios_semantics import states
from tests.lab.network import EMPTY_CONFIG
from tests.unit.platforms.routers import NAMES, RENDERER, WANTED

pytestmark = pytest.mark.e2e

NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
BLANK = EMPTY_CONFIG["ios"].format(name="edge1.mex")
OLD = PrefixSet.parse(Afi.IPV4, ["10.10.0.0/17 le 24", "192.0.2.0/24"])
NEW = PrefixSet.parse(Afi.IPV4, ["10.10.0.0/17 le 24", "198.51.100.0/24"])
OTHER = PrefixSet.parse(Afi.IPV4, ["203.0.113.0/24"])
SAMPLES = ["10.10.0.0/17", "10.10.64.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]
BGP = """\
router bgp 64496
 bgp log-neighbor-changes
 neighbor CUSTOMERS peer-group
 neighbor 198.51.100.2 remote-as 64500
 neighbor 198.51.100.6 remote-as 64501
 neighbor 198.51.100.10 peer-group CUSTOMERS
 neighbor 2001:DB8:1::2 remote-as 64500
 !
 address-family ipv4
  neighbor CUSTOMERS route-map CUSTOMER-IN in
  neighbor 198.51.100.2 prefix-list IRR-AS64500-V4 in
  neighbor 198.51.100.6 prefix-list OTHER in
  neighbor 198.51.100.6 prefix-list IRR-AS64500-V4 out
 exit-address-family
 !
 address-family ipv6
  neighbor 2001:DB8:1::2 prefix-list IRR-AS64500-V6 in
 exit-address-family
 !
 address-family ipv4 vrf BLUE
  neighbor 192.0.2.9 prefix-list IRR-AS64500-V4 in
 exit-address-family
!
"""
ROUTE_MAP = "route-map CUSTOMER-IN permit 10\n match ip address prefix-list IRR-AS64500-V4\n!\n"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("ios") / "edge1"
    with LabDevice.start("ios", "edge1.mex", directory, running=BLANK) as started:
        yield started


@pytest.fixture
def router(device: LabDevice) -> LabDevice:
    """A router with OLD in its filter, its floor included."""
    device.clear_faults()
    device.ask("secret", secret="")
    device.ask("nvram_locked", locked=False)
    device.ask("cleared")
    device.set_running(BLANK)
    with connected(device) as driver:
        load(driver, OLD)
        driver.commit_config()
        driver.save_config()
    return device


@pytest.fixture
def driver(router: LabDevice) -> Iterator[IosDriver]:
    with connected(router) as opened:
        yield opened


def connected(device: LabDevice, **changed: Any) -> IosDriver:
    device.napalm_optional_args()  # writes known_hosts
    arguments = {"port": device.port, "known_hosts": str(device.directory / "known_hosts")}
    password = changed.pop("password", device.password)
    return IosDriver(device.host, device.username, password, 5, {**arguments, **changed})


def lists(driver: IosDriver) -> dict[str, ManagedList]:
    running = driver.get_config(retrieve="running")["running"]
    return dict(Ios().parse(running, WANTED, "IRR-").lists)


def delta(driver: IosDriver, *filters: PrefixSet) -> str:
    held = lists(driver)
    printed = [Ios().printed(NAMES[s.afi], s, held.get(NAMES[s.afi])) for s in filters]
    return RENDERER.render("ios", printed)


def load(driver: IosDriver, *filters: PrefixSet) -> None:
    driver.load_merge_candidate(config=delta(driver, *filters))


def holds(driver: IosDriver, prefixes: PrefixSet) -> bool:
    found = lists(driver).get(NAMES[prefixes.afi])
    return found is not None and found.plain and found.prefixes == prefixes


def events(device: LabDevice) -> list[str]:
    """What happened since the router was made as it is for a test."""
    device.running()
    records = device.apply_log()
    last = max(at for at, each in enumerate(records) if each.event == "set-running")
    return [each.event for each in records[last + 3 :]]


def applied(device: LabDevice) -> list[str]:
    """Every line that the router took since OLD was in its filter."""
    device.running()
    records = device.apply_log()
    last = max(at for at, each in enumerate(records) if each.event == "set-running")
    texts = [each.detail for each in records[last + 3 :] if each.event == "lines"]
    return [line for text in texts for line in text.split("\n")]


def with_old(device: LabDevice) -> str:
    running = str(device.ask("startup"))
    assert NAME in running
    return running


def never_wrong(before: str, lines: Sequence[str], allowed: PrefixSet, kept: PrefixSet) -> None:
    """At no line was the list missing, wider than `allowed`, or without what is in `kept`."""

    def of(prefixes: PrefixSet) -> set[str]:
        found = set()
        for sample in SAMPLES:
            [(address, length, *_)] = PrefixSet.parse(Afi.IPV4, [sample]).entries()
            if prefixes.contains(address, length):
                found.add(sample)
        return found

    seen = list(states(before, lines, NAME, SAMPLES))
    assert len(seen) > 1
    for state in seen:
        assert of(kept) <= state <= of(allowed)


# Commits


def test_a_confirmed_commit_is_saved_when_it_is_confirmed(
    router: LabDevice, driver: IosDriver
) -> None:
    startup = with_old(router)
    load(driver, NEW)
    assert events(router) == []
    assert driver.compare_config().splitlines() == [
        "--- running",
        "+++ candidate",
        f"@@ ip prefix-list {NAME} @@",
        f"-ip prefix-list {NAME} seq 20 permit 192.0.2.0/24",
        f"+ip prefix-list {NAME} seq 30 permit 198.51.100.0/24",
    ]
    driver.commit_config(revert_in=300)
    assert holds(driver, NEW)
    ((name, seconds),) = driver._get_pending_commits().items()
    assert 295 <= seconds <= 300
    assert driver.is_own_commit(name, "")
    assert router.ask("startup") == startup
    driver.confirm_commit()
    assert not driver.has_pending_commit()
    assert router.ask("startup") == router.running()
    assert events(router) == ["commit-confirmed", "lines", "write-memory", "confirmed"]
    with pytest.raises(CommitRefused, match="no commit waits"):
        driver.confirm_commit()


def test_what_is_not_confirmed_ios_takes_back_without_a_moment_between(
    router: LabDevice, driver: IosDriver
) -> None:
    startup = with_old(router)
    for wanted in (NEW, OTHER):
        load(driver, wanted)
        driver.commit_config(revert_in=60)
        with pytest.raises(Locked):
            driver.load_merge_candidate(config=delta(driver, OLD))
        router.advance(61)
        assert holds(driver, OLD)
        assert not driver.has_pending_commit()
    assert events(router).count("rollback-timer") == 2
    both = PrefixSet.empty(Afi.IPV4)
    never_wrong(startup, applied(router), OLD.union(NEW).union(OTHER), both)


def test_a_reload_before_the_confirmation_brings_the_old_filters(
    router: LabDevice, driver: IosDriver
) -> None:
    load(driver, NEW)
    driver.commit_config(revert_in=300)
    router.restart()
    with connected(router) as again:
        assert holds(again, OLD)
        assert not again.has_pending_commit()


def test_without_a_timer_nothing_is_saved_before_it_is_asked_for(
    router: LabDevice, driver: IosDriver
) -> None:
    startup = with_old(router)
    load(driver, NEW)
    driver.commit_config()
    assert router.ask("startup") == startup
    driver.save_config()
    assert router.ask("startup") == router.running()
    never_wrong(startup, applied(router), OLD.union(NEW), OLD.difference(OLD.difference(NEW)))


@pytest.mark.parametrize("another", [False, True])
def test_a_commit_is_taken_back_by_hand_without_a_moment_between(
    router: LabDevice, driver: IosDriver, another: bool
) -> None:
    """By the lines that lead back, or on a new connection by IOS's own way."""
    startup = with_old(router)
    load(driver, NEW)
    driver.commit_config(revert_in=300)
    if another:
        with connected(router) as second:
            second.commit_mark = driver.commit_mark
            assert second.is_own_commit(*second._get_pending_commits(), "")
            second.rollback()
    else:
        driver.rollback()
    assert holds(driver, OLD)
    assert not driver.has_pending_commit()
    never_wrong(startup, applied(router), OLD.union(NEW), OLD.difference(OLD.difference(NEW)))
    router.advance(400)
    assert holds(driver, OLD)
    assert router.ask("startup") == startup


def test_the_last_commit_that_stays_is_taken_back(router: LabDevice, driver: IosDriver) -> None:
    startup = with_old(router)
    load(driver, NEW)
    driver.commit_config(revert_in=300)
    driver.confirm_commit()
    driver.rollback()
    assert holds(driver, OLD)
    assert router.ask("startup") == router.running() == startup
    with pytest.raises(CommitRefused, match="no commit to go back from"):
        driver.rollback()


def test_a_person_s_commit_is_neither_confirmed_nor_taken_back(
    router: LabDevice, driver: IosDriver
) -> None:
    load(driver, NEW)
    driver.commit_config(revert_in=300)
    ((name, _),) = driver._get_pending_commits().items()
    driver.username = "irrgate"
    assert not driver.is_own_commit(name, "")
    for step in (driver.confirm_commit, driver.rollback):
        with pytest.raises(CommitRefused, match="is lab's"):
            step()
    driver.username = "lab"
    # It is from before the candidate of a run that died.
    driver.commit_mark = "23:59:59.000 UTC Thu Dec 31 2099"
    assert not driver.is_own_commit(name, "")


def test_without_an_archive_a_commit_is_refused_before_it_begins(
    router: LabDevice, driver: IosDriver
) -> None:
    router.set_running("hostname edge1.mex\n!\nend\n")
    load(driver, NEW)
    with pytest.raises(CommitRefused, match="no archive to go back by") as caught:
        driver.commit_config(revert_in=300)
    assert "`path flash:irrgate`" in caught.value.hint
    assert "commit_confirm: false" in caught.value.hint
    assert events(router) == []
    load(driver, NEW)
    driver.commit_config()
    assert holds(driver, NEW)


def test_where_ios_would_go_back_by_an_empty_list_it_is_not_trusted_with_it(
    router: LabDevice, driver: IosDriver
) -> None:
    entry = f"ip prefix-list {NAME} seq 5 permit 192.0.2.0/24\n"
    router.set_running(BLANK.replace("end\n", f"{entry}!\nend\n"))
    load(driver, OTHER)
    with pytest.raises(CommitRefused, match="by way of an empty list"):
        driver.commit_config(revert_in=300)
    load(driver, OTHER)
    driver.commit_config()
    load(driver, OLD)
    driver.commit_config(revert_in=300)
    router.advance(301)
    assert holds(driver, OTHER)


@pytest.mark.parametrize("revert_in", [59, 90, 7260])
def test_times_that_ios_cannot_count(driver: IosDriver, revert_in: int) -> None:
    load(driver, NEW)
    with pytest.raises(CommitRefused, match="in steps of 60"):
        driver.commit_config(revert_in=revert_in)
    assert holds(driver, OLD)


def test_candidates_that_do_not_fit_are_refused(driver: IosDriver) -> None:
    for text, words in (
        ("router bgp 64496\n", "of no prefix list"),
        (f"ip prefix-list {NAME} seq 10 permit 11.0.0.0/8\n", "is there already"),
        (f"no ip prefix-list {NAME} seq 99 permit 11.0.0.0/8\n", "is not there"),
    ):
        with pytest.raises(CandidateRefused, match=words):
            driver.load_merge_candidate(config=text)
    assert not driver.locked
    with pytest.raises(CommitRefused, match="no candidate is loaded"):
        driver.commit_config()
    with pytest.raises(NotImplementedError):
        driver.load_replace_candidate(config="")


def test_a_list_that_goes_and_comes_back(router: LabDevice, driver: IosDriver) -> None:
    driver.load_merge_candidate(config=f"no ip prefix-list {NAME}\n")
    assert driver.compare_config().count(f"\n-ip prefix-list {NAME} seq ") == 3
    driver.commit_config(revert_in=300)
    assert NAME not in router.running()
    driver.rollback()
    assert holds(driver, OLD)


# Large changes


def many(count: int) -> PrefixSet:
    keys = (((10 << 24) + (2 * at << 8), 24, 24, 24) for at in range(count))
    return PrefixSet.from_entries(Afi.IPV4, keys)


def test_a_first_load_of_100_000_entries_goes_by_scp(router: LabDevice) -> None:
    """And the file is gone again; one more prefix is one more line."""
    wanted = PrefixSet.from_entries(
        Afi.IPV4, (((1 << 24) + (2 * at << 8), 24, 24, 24) for at in range(100_000))
    )
    with connected(router) as driver:
        load(driver, wanted)
        driver.commit_config(revert_in=300)
        driver.confirm_commit()
        assert holds(driver, wanted)
        assert router.ask("flash") == []
        before = len(applied(router))
        load(driver, wanted.union(OTHER))
        driver.commit_config(revert_in=300)
        driver.confirm_commit()
        assert applied(router)[before:] == [
            f"ip prefix-list {NAME} seq 1000030 permit 203.0.113.0/24"
        ]


@pytest.mark.parametrize("how", ["no scp", "inline_transfer"])
def test_a_router_that_takes_no_files_is_told_line_by_line(router: LabDevice, how: str) -> None:
    if how == "no scp":
        router.set_running(router.running().replace("ip scp server enable\n", ""))
    with connected(router, **({} if how == "no scp" else {"inline_transfer": True})) as driver:
        load(driver, many(2000))
        router.inject("error", "load")
        driver.commit_config(revert_in=300)
        assert holds(driver, many(2000))
    assert router.faults()[0]["struck"] == 0


def test_a_file_that_did_not_come_whole_is_not_used(router: LabDevice, driver: IosDriver) -> None:
    load(driver, many(2000))
    router.inject("garbage", "load")
    with pytest.raises(CommitRefused, match="is not what was sent"):
        driver.commit_config(revert_in=300)
    assert events(router) == []
    assert router.ask("flash") == []
    load(driver, many(2000))
    router.ask("flash_free", bytes=1000)
    with pytest.raises(CommitRefused, match="has 1,000 bytes free"):
        driver.commit_config(revert_in=300)
    router.ask("flash_free", bytes=10_000_000)
    load(driver, many(2000))
    router.inject("error", "load", text="No space left on device")
    with pytest.raises(Exception, match="No space left on device"):
        driver.commit_config(revert_in=300)
    assert events(router) == []
    assert holds(driver, OLD)


# Lines that are not taken


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    "said", ["%Insertion failed - seq # exists: 30", "% Invalid input detected at '^' marker."]
)
def test_a_line_that_is_refused_is_an_error_in_the_routers_words(
    router: LabDevice, driver: IosDriver, said: str, large: bool
) -> None:
    load(driver, many(2000) if large else NEW)
    router.inject("error", "commit", text=said, skip=0 if not large else 1500)
    with pytest.raises(CommitRefused, match="did not take every line") as caught:
        driver.commit_config(revert_in=300)
    assert said in caught.value.reason
    assert driver.has_pending_commit()
    driver.rollback()
    assert holds(driver, OLD)


def test_a_line_that_is_lost_without_a_word_is_seen_when_it_is_read_back(
    router: LabDevice, driver: IosDriver
) -> None:
    load(driver, NEW)
    router.inject("error", "commit", text=" ")
    driver.commit_config(revert_in=300)
    assert not holds(driver, NEW)


def test_somebody_elses_lock_is_waited_for_by_nobody(router: LabDevice, driver: IosDriver) -> None:
    load(driver, NEW)
    router.inject("foreign_lock", "commit")
    with pytest.raises(Locked, match="user 'noc'"):
        driver.commit_config(revert_in=300)
    assert events(router) == []


def test_a_startup_config_that_cannot_be_written_is_told_before_the_confirmation(
    router: LabDevice, driver: IosDriver
) -> None:
    load(driver, NEW)
    driver.commit_config(revert_in=300)
    router.ask("nvram_locked", locked=True)
    with pytest.raises(CommandFailed, match="startup-config file open failed"):
        driver.confirm_commit()
    assert driver.has_pending_commit()


# Who is who


def test_a_host_key_that_is_not_known(router: LabDevice, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    with pytest.raises(ConnectionFailed, match="is not the one in known_hosts"):
        connected(router, known_hosts=str(empty)).open()
    with pytest.raises(ConnectionFailed, match="cannot be read"):
        connected(router, known_hosts=str(tmp_path / "no-such")).open()
    with connected(router, known_hosts=str(empty), verify_host=False) as opened:
        assert holds(opened, OLD)
        # So is the connection by which files go.
        load(opened, many(2000))
        opened.commit_config()


def test_what_a_wrong_login_says(router: LabDevice) -> None:
    with pytest.raises(LoginRefused, match="did not accept the username"):
        connected(router, password="wrong").open()
    with pytest.raises(DeviceError, match="transport must be ssh"):
        connected(router, transport="telnet")


def test_the_enable_secret(router: LabDevice) -> None:
    router.ask("secret", secret="very-secret")
    with connected(router, secret="very-secret") as opened:
        assert holds(opened, OLD)
    with pytest.raises(LoginRefused, match="enable secret") as caught:
        connected(router, secret="not-it").open()
    assert "not-it" not in f"{caught.value} {caught.value.hint} {caught.value.__context__}"


# BGP sessions


def test_sessions_that_filter_by_a_list_look_again_when_it_changes(
    router: LabDevice, driver: IosDriver
) -> None:
    router.set_running(router.running().replace("end\n", f"{BGP}{ROUTE_MAP}end\n"))
    router.ask("cleared")
    load(driver, NEW)
    driver.commit_config(revert_in=300)
    expected = [
        "clear bgp ipv4 unicast 198.51.100.10 soft in",
        "clear bgp ipv4 unicast 198.51.100.2 soft in",
        "clear bgp vrf BLUE ipv4 unicast 192.0.2.9 soft in",
    ]
    assert router.ask("cleared") == expected
    driver.rollback()
    assert router.ask("cleared") == expected
    load(driver, PrefixSet.parse(Afi.IPV6, ["2001:db8:a::/48"]))
    driver.commit_config()
    assert router.ask("cleared") == ["clear bgp ipv6 unicast 2001:DB8:1::2 soft in"]
    with connected(router, soft_clear=False) as opened:
        load(opened, NEW)
        opened.commit_config()
    assert router.ask("cleared") == []


def test_the_sessions_as_napalm_has_them(router: LabDevice, driver: IosDriver) -> None:
    router.set_neighbors(
        [
            {"address": "198.51.100.2", "asn": 64500, "accepted": 7},
            {"address": "198.51.100.6", "asn": 64501, "state": "Idle"},
            {"address": "2001:db8:1::2", "asn": 64500, "accepted": 3},
        ]
    )
    peers = driver.get_bgp_neighbors()["global"]["peers"]
    assert {name: peer["is_up"] for name, peer in peers.items()} == {
        "198.51.100.2": True,
        "198.51.100.6": False,
        "2001:db8:1::2": True,
    }
    assert peers["198.51.100.2"]["address_family"]["ipv4"]["accepted_prefixes"] == 7
    assert peers["2001:db8:1::2"]["address_family"]["ipv6"]["accepted_prefixes"] == 3
    router.set_neighbors([])
    assert driver.get_facts()["hostname"] == "edge1.mex"

"""The IOS driver before an emulated router: commits, ways back, who is who, BGP sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.errors import DeviceError
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import (
    CandidateRefused,
    CommitRefused,
    ConnectionFailed,
    Locked,
    LoginRefused,
)
from tasks.drivers.ios import IosDriver
from tests.e2e.ios_router import (
    BLANK,
    NAME,
    NEW,
    OLD,
    OTHER,
    applied,
    connected,
    delta,
    events,
    holds,
    load,
    many,
    never_wrong,
    renewed,
    with_old,
)
from tests.lab.harness import LabDevice

pytestmark = pytest.mark.e2e

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
    return renewed(device)


@pytest.fixture
def driver(router: LabDevice) -> Iterator[IosDriver]:
    with connected(router) as opened:
        yield opened


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
    assert events(router) == ["commit-confirmed", "lines", "lines", "write-memory", "confirmed"]
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


def test_what_cannot_be_read_whole_or_by_number_takes_no_candidate(
    router: LabDevice, driver: IosDriver
) -> None:
    text = delta(driver, NEW)
    router.inject("truncate", "get_config")
    with pytest.raises(CandidateRefused, match="is cut off"):
        driver.load_merge_candidate(config=text)
    hidden = "no ip prefix-list sequence-number\n"
    router.set_running(router.running().replace("end\n", f"{hidden}end\n"))
    with pytest.raises(CandidateRefused, match="does not show the entries' sequence numbers"):
        driver.load_merge_candidate(config=text)


def test_a_list_that_goes_and_comes_back(router: LabDevice, driver: IosDriver) -> None:
    driver.load_merge_candidate(config=f"no ip prefix-list {NAME}\n")
    assert driver.compare_config().count(f"\n-ip prefix-list {NAME} seq ") == 3
    driver.commit_config(revert_in=300)
    assert NAME not in router.running()
    driver.rollback()
    assert holds(driver, OLD)


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

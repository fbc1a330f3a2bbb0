"""The IOS driver before an emulated router: large changes, and lines that are not taken."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import (
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
    Locked,
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


# Large changes


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


def test_a_line_that_is_lost_without_a_word_keeps_what_it_was_to_stand_in_for(
    router: LabDevice, driver: IosDriver
) -> None:
    load(driver, NEW)
    router.inject("error", "commit", text=" ")
    with pytest.raises(CommitRefused, match=f"{NAME} has 3 entries, and should have 4"):
        driver.commit_config(revert_in=300)
    assert applied(router) == []
    driver.rollback()
    load(driver, NEW)
    router.inject("error", "commit", text=" ", skip=1)
    driver.commit_config(revert_in=300)
    # What was not taken out is seen when it is read back.
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


def test_what_ios_says_by_itself_is_no_answer_to_a_line(
    router: LabDevice, driver: IosDriver
) -> None:
    """At a timer of one minute it speaks up behind the first prompt."""
    line = f"ip prefix-list {NAME} seq 30 permit 203.0.113.0/24"
    assert driver._asked.configure([line], minutes=1, timeout=5) == []
    assert line in router.running()


def test_a_cut_while_ios_takes_lines_from_a_file_is_taken_back_on_a_new_connection(
    router: LabDevice, driver: IosDriver
) -> None:
    startup = with_old(router)
    load(driver, many(600))
    router.inject("drop", "commit", skip=550)
    with pytest.raises(ConnectionFailed):
        driver.commit_config(revert_in=300)
    with connected(router) as again:
        again.commit_mark = driver.commit_mark
        assert again.is_own_commit(*again._get_pending_commits(), "")
        again.rollback()
        assert holds(again, OLD)
    never_wrong(startup, applied(router), OLD.union(many(600)), PrefixSet.empty(Afi.IPV4))

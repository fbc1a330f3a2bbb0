"""The OpenBGPD driver against the real bgpd and bgpctl: commits, ways back, and what goes wrong."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.errors import ParseError
from irrgate.platforms.openbgpd import Openbgpd as Platform
from irrgate.platforms.openbgpd import changes
from irrgate.platforms.openbgpd_text import merged
from irrgate.platforms.platform import ManagedList
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers import watchdog
from tasks.drivers.errors import (
    CandidateRefused,
    CommitRefused,
    Locked,
)
from tasks.drivers.openbgpd import OpenbgpdDriver
from tests.lab.daemons.namespace import ROUTER, namespaces
from tests.lab.daemons.openbgpd import Openbgpd
from tests.lab.daemons.truth import everything
from tests.lab.daemons.under_test import FILTERS, eventually, lab
from tests.lab.daemons.wanted import needs_openbgpd
from tests.lab.openbgpd_semantics import prefix_sets
from tests.unit.platforms.routers import candidate
from tests.unit.platforms.test_round_trip import anywhere

pytestmark = [pytest.mark.e2e, needs_openbgpd]
NAME = FILTERS[Afi.IPV4]
OLD = PrefixSet.parse(Afi.IPV4, ["192.0.2.0/24", "10.10.0.0/17 le 24"])
NEW = PrefixSet.parse(Afi.IPV4, ["198.51.100.0/24", "10.10.0.0/17 le 24"])
EMPTY = PrefixSet.empty(Afi.IPV6)


@pytest.fixture
def bgpd(tmp_path: Path) -> Iterator[Openbgpd]:
    """A daemon with OLD in its filter, which is in use."""
    daemon = Openbgpd(tmp_path / "router")
    with namespaces((ROUTER,)) as (namespace,):
        try:
            daemon.start(namespace)
            with connected(daemon) as driver:
                driver.load_merge_candidate(config=sets(OLD, EMPTY))
                driver.commit_config()
            daemon.use_filters()
            yield daemon
        finally:
            daemon.stop()
            kill_processes(tmp_path)


@pytest.fixture
def driver(bgpd: Openbgpd) -> Iterator[OpenbgpdDriver]:
    with connected(bgpd) as opened:
        yield opened


def connected(daemon: Openbgpd, **changed: object) -> OpenbgpdDriver:
    arguments = {"transport": "local", **daemon.optional_args(), **changed}
    return OpenbgpdDriver("router", "", "", 30, arguments)


def sets(*filters: PrefixSet) -> str:
    return candidate("openbgpd", {FILTERS[each.afi]: each for each in filters})


def held(driver: OpenbgpdDriver) -> ManagedList:
    wanted = {name: afi for afi, name in FILTERS.items()}
    return Platform().parse(driver.get_config()["running"], wanted, "IRR-").lists[NAME]


def holds(driver: OpenbgpdDriver, prefixes: PrefixSet) -> bool:
    found = held(driver)
    return found.plain and found.prefixes == prefixes


def on_disk(daemon: Openbgpd) -> str:
    return daemon.include.read_text()


def kill_processes(directory: Path) -> None:
    """kill -9 of all that the driver has left running on the router: its folder is where it is."""
    while found := list(processes(f"{directory}/router/run")):
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


def processes(below: str) -> Iterator[int]:
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            running = (
                each.name.isdigit() and (each / "stat").read_text().rpartition(")")[2][1] != "Z"
            )
            if running and str((each / "cwd").readlink()).startswith(below):
                yield int(each.name)


def committed(driver: OpenbgpdDriver, prefixes: PrefixSet, revert_in: int = 600) -> None:
    driver.load_merge_candidate(config=sets(prefixes))
    driver.commit_config(revert_in=revert_in)


# Commits


def test_a_commit_waits_and_is_confirmed_by_another_connection(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    before = on_disk(bgpd)
    driver.load_merge_candidate(config=sets(NEW))
    diff = driver.compare_config()
    assert [line for line in diff.split("\n") if line[:1] in "+-"] == [
        f"--- {bgpd.include}", f"+++ {bgpd.include}", "-\t192.0.2.0/24", "+\t198.51.100.0/24",
    ]  # fmt: skip
    driver.commit_config(revert_in=600)
    assert holds(driver, NEW)
    # What a restart would bring back.
    assert on_disk(bgpd) == before
    driver.close()
    with connected(bgpd) as other:
        assert other.has_pending_commit()
        ((_, seconds),) = other._get_pending_commits().items()
        assert 580 < seconds <= 600
        assert holds(other, NEW)
        other.confirm_commit()
        assert not other.has_pending_commit()
        assert holds(other, NEW)
    assert "198.51.100.0/24" in on_disk(bgpd)
    assert "198.51.100.0/24" in bgpd_prints(bgpd)


def bgpd_prints(daemon: Openbgpd) -> str:
    """The configuration as bgpd itself understands what is on disk."""
    command = ["bgpd", "-nv", "-f", str(daemon.config)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_what_nobody_confirms_goes_back_when_irrgate_is_killed(bgpd: Openbgpd) -> None:
    code = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from tests.e2e.test_openbgpd import *
        driver = connected(Openbgpd(Path(sys.argv[1])))
        driver.open()
        committed(driver, NEW, 4)
        print(holds(driver, NEW), flush=True)
        time.sleep(60)
    """)
    argv = [sys.executable, "-c", code, str(bgpd.directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"True\n"
        os.killpg(process.pid, signal.SIGKILL)
    with connected(bgpd) as driver:
        assert driver.has_pending_commit()
        assert eventually(lambda: not driver.has_pending_commit(), 20)
        assert holds(driver, OLD)


def test_a_commit_is_taken_back_by_name(driver: OpenbgpdDriver) -> None:
    committed(driver, NEW)
    driver.rollback()
    assert not driver.has_pending_commit()
    assert holds(driver, OLD)
    with pytest.raises(CommitRefused, match="no commit waits"):
        driver.confirm_commit()


def test_a_confirmed_commit_is_rolled_back(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    before = on_disk(bgpd)
    committed(driver, NEW)
    driver.confirm_commit()
    driver.rollback()
    assert holds(driver, OLD)
    assert on_disk(bgpd) == before


def test_one_commit_at_a_time(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    with connected(bgpd) as other:
        other.load_merge_candidate(config=sets(PrefixSet.empty(Afi.IPV4)))
        committed(driver, NEW)
        with pytest.raises(Locked):
            other.commit_config(revert_in=60)
        with pytest.raises(Locked):
            other.load_merge_candidate(config=sets(OLD))
    assert holds(driver, NEW)
    assert len(list(bgpd.directory.glob("irrgate.conf.irrgate-[0-9a-f]*"))) == 1


def test_a_candidate_of_what_is_gone_is_not_committed(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    with connected(bgpd) as other:
        other.load_merge_candidate(config=sets(PrefixSet.empty(Afi.IPV4)))
        committed(driver, NEW)
        driver.confirm_commit()
        with pytest.raises(CommitRefused, match="is not what it was any more"):
            other.commit_config(revert_in=60)
    assert holds(driver, NEW)


def test_a_candidate_that_is_discarded_leaves_nothing(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    before = sorted(bgpd.directory.iterdir())
    driver.load_merge_candidate(config=sets(NEW))
    locked = [driver.locked]
    assert driver.compare_config()
    driver.discard_config()
    assert [*locked, driver.locked] == [True, False]
    assert driver.compare_config() == ""
    assert sorted(bgpd.directory.iterdir()) == before


def test_an_empty_filter_is_there_and_says_so(driver: OpenbgpdDriver) -> None:
    committed(driver, PrefixSet.empty(Afi.IPV4))
    driver.confirm_commit()
    assert holds(driver, PrefixSet.empty(Afi.IPV4))


def test_a_filter_that_is_referred_to_is_not_removed(driver: OpenbgpdDriver) -> None:
    driver.load_merge_candidate(config=f'no prefix-set "{NAME}"\n')
    with pytest.raises(CandidateRefused, match=f"bgpd.conf:.*prefix-set '{NAME}' not defined"):
        driver.compare_config()
    referring = Platform().references(driver.get_config()["running"], [NAME])[NAME]
    assert [each.rpartition(": ")[2] for each in referring] == [
        f'allow from AS 64500 prefix-set "{NAME}"'
    ]


# What bgpd makes of the filters


@pytest.mark.parametrize("afi", Afi)
def test_bgpd_reads_a_set_as_irrgate_means_it(tmp_path: Path, afi: Afi) -> None:
    """What bgpd prints of a configuration, read by what has nothing in common with irrgate."""
    name = FILTERS[afi]
    wanted = anywhere(afi, 1000, 7)
    text = merged("", *changes(candidate("openbgpd", {name: wanted})))
    config = tmp_path / "bgpd.conf"
    config.write_text(f"AS 64496\n{text}")
    command = ["bgpd", "-nv", "-f", str(config)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    block = re.search(rf'^prefix-set "{name}" {{.*?^}}$', printed, re.MULTILINE | re.DOTALL)
    assert block is not None
    understood = prefix_sets(block[0])[name].entries
    assert PrefixSet.from_entries(
        afi,
        (
            (int(net.network_address), net.prefixlen, low, high)
            for net, low, high in understood
        ),
    ) == wanted  # fmt: skip


def test_an_empty_filter_lets_nothing_in(tmp_path: Path) -> None:
    daemon = Openbgpd(tmp_path / "router")
    wide = [
        PrefixSet.parse(Afi.IPV4, ["0.0.0.0/0 le 32"]),
        PrefixSet.parse(Afi.IPV6, ["::/0 le 128"]),
    ]
    with lab(daemon, tmp_path / "lab") as found, connected(daemon) as driver:
        driver.load_merge_candidate(config=sets(*wide))
        driver.commit_config()
        daemon.use_filters()
        found.announce([*everything(), "255.255.255.255/32", "::/128"])
        assert eventually(lambda: len(found.accepted()[Afi.IPV4]) > 100)
        assert eventually(lambda: len(found.accepted()[Afi.IPV6]) > 50)
        assert counted(driver) == {afi: len(found.accepted()[afi]) for afi in Afi}
        driver.load_merge_candidate(config=sets(*(PrefixSet.empty(afi) for afi in Afi)))
        driver.commit_config()
        assert eventually(lambda: found.accepted() == {afi: set() for afi in Afi})
        assert counted(driver) == dict.fromkeys(Afi, 0)


def counted(driver: OpenbgpdDriver) -> dict[Afi, int]:
    """What the driver says that the neighbour's filters let in."""
    peers = driver.get_bgp_neighbors()["global"]["peers"]
    assert set(peers) == {"198.18.0.2", "198.18.0.3"}
    assert all(peer["is_up"] for peer in peers.values())
    families = peers["198.18.0.2"]["address_family"]
    return {afi: families[str(afi)]["accepted_prefixes"] for afi in Afi}


# Ways back that nobody asked for


def test_a_restart_of_bgpd_brings_back_the_old_filters(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    committed(driver, NEW)
    bgpd.stop()
    bgpd.again()
    assert holds(driver, OLD)
    with pytest.raises(CommitRefused, match="does not hold what was committed any more"):
        driver.confirm_commit()
    driver.rollback()
    assert not driver.has_pending_commit()
    assert holds(driver, OLD)


def test_a_restart_of_the_router_brings_back_the_old_filters(
    bgpd: Openbgpd, driver: OpenbgpdDriver, tmp_path: Path
) -> None:
    committed(driver, NEW)
    driver.close()
    kill_processes(tmp_path)
    bgpd.stop()
    # What lies below /run is gone.
    shutil.rmtree(bgpd.run_directory)
    bgpd.again()
    with connected(bgpd) as later:
        assert not later.has_pending_commit()
        assert holds(later, OLD)
        committed(later, NEW)
        later.confirm_commit()
        assert holds(later, NEW)
    assert not list(bgpd.directory.glob("irrgate.conf.irrgate-[0-9a-f]*"))


@pytest.mark.parametrize("renamed", [True, False])
def test_a_power_failure_in_the_moment_of_the_reload_is_repaired(
    bgpd: Openbgpd, driver: OpenbgpdDriver, tmp_path: Path, renamed: bool
) -> None:
    """The new file on disk, unconfirmed, the old one beside it: as long as a reload takes.

    Or just before that, when the old one has two names.
    """
    before = on_disk(bgpd)
    committed(driver, NEW)
    driver.close()
    (staged,) = bgpd.directory.glob("irrgate.conf.irrgate-[0-9a-f]*")
    kill_processes(tmp_path)
    bgpd.stop()
    shutil.rmtree(bgpd.run_directory)
    old = bgpd.directory / "irrgate.conf.irrgate-old"
    if renamed:
        bgpd.include.rename(old)
        staged.rename(bgpd.include)
    else:
        old.hardlink_to(bgpd.include)
    bgpd.again()
    with connected(bgpd) as later:
        assert eventually(lambda: holds(later, OLD))
    assert on_disk(bgpd) == before
    assert not old.exists()


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5])
def test_whatever_is_killed_the_old_filters_come_back_whole(
    bgpd: Openbgpd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: float
) -> None:
    """irrgate and its process on the router, at whatever they are about to do."""
    before = on_disk(bgpd)
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tests.e2e.test_openbgpd import *
        driver = connected(Openbgpd(Path(sys.argv[1])))
        driver.open()
        print("open", flush=True)
        committed(driver, NEW, 2)
    """)
    argv = [sys.executable, "-c", code, str(bgpd.directory)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        time.sleep(moment)
        kill_processes(tmp_path)
        os.killpg(process.pid, signal.SIGKILL)
        kill_processes(tmp_path)
    # Sooner than a busy router may keep silent.
    monkeypatch.setattr(watchdog, "_DEAD", 2)
    time.sleep(4)
    with connected(bgpd) as later:
        assert eventually(lambda: not later.has_pending_commit() and holds(later, OLD))
        assert on_disk(bgpd) == before
        committed(later, NEW)
        later.confirm_commit()
        assert holds(later, NEW)
    # Of one that was never begun, which the next commits will find old enough to remove.
    for left in bgpd.directory.glob("irrgate.conf.irrgate-[0-9a-f]*"):
        folder = bgpd.run_directory / left.name.removeprefix("irrgate.conf.")
        assert folder.is_dir()
        assert not (folder / "deadline").exists()
        (folder / "born").write_text("-4000\n")
    with connected(bgpd) as later:
        committed(later, OLD)
        later.rollback()
        committed(later, OLD)
        later.rollback()
    assert not list(bgpd.directory.glob("irrgate.conf.irrgate-[0-9a-f]*"))


def test_a_watchdog_that_was_killed_is_started_again_by_the_next_connection(
    bgpd: Openbgpd, driver: OpenbgpdDriver, tmp_path: Path
) -> None:
    committed(driver, NEW, 2)
    driver.close()
    kill_processes(tmp_path)
    # Longer than a busy router may keep silent.
    time.sleep(17)
    with connected(bgpd) as later:
        assert eventually(lambda: not later.has_pending_commit())
        assert holds(later, OLD)


# What the daemon says, and what it proves


def test_a_change_by_hand_is_seen_and_not_taken_for_ours(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    by_hand = on_disk(bgpd).replace("192.0.2.0/24", "0.0.0.0/0")
    bgpd.include.write_text(by_hand)
    assert not held(driver).plain
    bgpd.bgpctl("reload")
    found = held(driver)
    assert not found.plain
    assert "0.0.0.0/0" in found.prefixes
    committed(driver, OLD)
    driver.confirm_commit()
    assert holds(driver, OLD)


def test_what_irrgate_did_not_write_is_not_overwritten(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    bgpd.include.write_text(f'as-set "mine" {{ 64500 }}\n{on_disk(bgpd)}')
    with pytest.raises(CandidateRefused, match="holds what is no prefix-set: 'as-set"):
        driver.load_merge_candidate(config=sets(NEW))
    with pytest.raises(ParseError, match="holds what is no prefix-set"):
        held(driver)


def test_a_set_of_that_name_elsewhere_is_told(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    text = bgpd.config.read_text()
    bgpd.config.write_text(text.replace("group", f'prefix-set "{NAME}" {{ 10.0.0.0/8 }}\ngroup', 1))
    with pytest.raises(ParseError, match=f"is defined in {bgpd.config}"):
        held(driver)


def test_neighbours_that_are_down(driver: OpenbgpdDriver) -> None:
    found = driver.get_bgp_neighbors()["global"]
    assert found["router_id"] == "198.18.0.1"
    peer = found["peers"]["198.18.0.2"]
    assert (peer["is_up"], peer["local_as"], peer["remote_as"]) == (False, 64496, 64500)
    assert set(peer["address_family"]) == {"ipv4", "ipv6"}


def test_passwords_are_left_out(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    text = bgpd.config.read_text()
    bgpd.config.write_text(text.replace("passive", 'passive\n    tcp md5sig password "hush hush"'))
    running = driver.get_config()["running"]
    assert "hush" not in running
    assert "tcp md5sig password <removed>\n" in running

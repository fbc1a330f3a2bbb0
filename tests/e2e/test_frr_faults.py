"""What goes wrong with FRR, its router and its vtysh: the filters are the old ones or the new."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.errors import DeviceError
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import CommandFailed, CommitRefused, ConnectionFailed, TimedOut
from tasks.drivers.frr import FrrDriver
from tests.e2e.desk import inherited_environ, told
from tests.e2e.test_frr import (
    NAME,
    NAME_V6,
    NEW,
    NEW_LINES,
    OLD,
    OLD_LINES,
    connected,
    driver,
    frr,
    holds,
    lists,
    load,
    saved,
)
from tests.lab.daemons.frr import Frr
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.under_test import eventually
from tests.lab.daemons.wanted import needs_frr, program
from tests.lab.daemons.workspace import daemon_workspace

__all__ = ["driver", "frr"]
pytestmark = [pytest.mark.e2e, needs_frr, needs_namespaces]
MANY = PrefixSet.parse(Afi.IPV4, [f"10.{n >> 7}.{2 * (n & 127)}.0/24" for n in range(400)])


def wrapper(tmp_path: Path, script: str) -> str:
    """A program in the place of vtysh: `real` is vtysh itself."""
    path = tmp_path / "vtysh-wrapper"
    path.write_text(f"#!/bin/sh\nreal={shlex.quote(program('vtysh') or '')}\n{script}")
    path.chmod(0o755)
    return str(path)


def processes(below: Path) -> Iterator[int]:
    """What runs in a folder: what the driver has started on the router."""
    for each in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if each.name.isdigit() and str((each / "cwd").readlink()).startswith(str(below)):
                yield int(each.name)


def kill_all(frr: Frr) -> None:
    while found := list(processes(frr.run_directory)):
        for process in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.02)


# The router and its daemons


def test_a_router_that_restarts_before_the_confirmation_has_the_old_lists(frr: Frr) -> None:
    with connected(frr) as driver:
        load(driver, NEW)
        driver.commit_config(revert_in=600)
    kill_all(frr)
    frr.restart()
    with connected(frr) as driver:
        assert holds(driver, OLD)
        assert not driver.has_pending_commit()
        load(driver, NEW)
        driver.commit_config(revert_in=600)
        driver.confirm_commit()
    frr.restart()
    with connected(frr) as driver:
        assert holds(driver, NEW)


def test_where_bgpd_was_restarted_it_can_be_taken_back_or_confirmed(frr: Frr) -> None:
    for confirms in (False, True):
        with connected(frr) as driver:
            load(driver, NEW)
            driver.commit_config(revert_in=600)
            frr.kill("bgpd")
            frr.start_daemon("bgpd")
            frr.vtysh("-b")
            assert holds(driver, OLD)
            if confirms:
                driver.confirm_commit()
            else:
                driver.rollback()
            assert holds(driver, NEW if confirms else OLD)
    assert saved(frr) == NEW_LINES


def test_a_bgpd_that_is_down_is_not_taken_for_one_without_filters(frr: Frr) -> None:
    """zebra has the lists as well, and vtysh shows what it gets."""
    before = frr.config.read_text()
    with connected(frr) as driver:
        load(driver, NEW)
        frr.kill("bgpd")
        assert f"ip prefix-list {NAME} seq 10" in frr.show("show running-config")
        for step in (driver.get_config, lambda: load(driver, NEW), driver.commit_config):
            with pytest.raises(ConnectionFailed, match="bgpd does not run"):
                step()
    with pytest.raises(ConnectionFailed, match="bgpd does not run"), connected(frr):
        pass
    assert frr.config.read_text() == before


def test_it_is_taken_back_once_bgpd_is_there_again(frr: Frr) -> None:
    with connected(frr) as driver:
        load(driver, NEW)
        driver.commit_config(revert_in=2)
        frr.kill("bgpd")
        time.sleep(2.5)
        assert driver.has_pending_commit()
        frr.start_daemon("bgpd")
        # As a restart would, but with what must not stay.
        for line in NEW_LINES:
            assert frr.vtysh("-c", "conf", "-c", line).returncode == 0
        assert eventually(lambda: holds(driver, OLD), 15)
        assert eventually(lambda: not driver.has_pending_commit())


def test_the_lists_are_bgpds_whatever_other_daemons_have(frr: Frr, driver: FrrDriver) -> None:
    stray = f"ip prefix-list {NAME} seq 99 permit 99.0.0.0/8"
    assert frr.vtysh("-d", "zebra", "-c", "conf", "-c", stray).returncode == 0
    assert stray in frr.show("show running-config")
    assert holds(driver, OLD)
    assert "neighbor 198.18.0.2" in driver.get_config()["running"]
    gone = f"no ip prefix-list {NAME} seq 20"
    assert frr.vtysh("-d", "bgpd", "-c", "conf", "-c", gone).returncode == 0
    assert lists(driver)[NAME].prefixes == PrefixSet.parse(Afi.IPV4, ["10.10.0.0/17 le 24"])


# vtysh


def test_a_batch_that_frr_rejects_with_exit_code_0_is_not_taken_for_done(
    frr: Frr, tmp_path: Path
) -> None:
    bad = f"ip prefix-list {NAME} seq 77 permit 12.0.0.0/8 le 4"
    script = (
        'for last; do :; done\ncase $* in *" -f delta")\n'
        f'echo "{bad}" >> delta; "$real" "$@"; code=$?; echo $code > {tmp_path}/code; '
        "exit $code;;\n"
        'esac\nexec "$real" "$@"\n'
    )
    with connected(frr, vtysh=wrapper(tmp_path, script)) as driver:
        load(driver, NEW)
        with pytest.raises(CommitRefused, match=r"(?s)did not take the new entries.*prefix range"):
            driver.commit_config(revert_in=600)
        assert (tmp_path / "code").read_text() == "0\n"
        assert holds(driver, OLD)
        assert not driver.has_pending_commit()
    assert saved(frr) == OLD_LINES
    assert not list(frr.directory.glob("*.irrgate-new"))


def kill_midway(frr: Frr, wanted: PrefixSet) -> None:
    """Begin to bring the filter there, and kill irrgate and what it has started on the router."""
    with connected(frr) as driver:
        load(driver, wanted)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                driver.commit_config(revert_in=600)
            os._exit(0)
        assert eventually(lambda: any((frr.run_directory).glob("*/said")))
        time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kill_all(frr)


@pytest.mark.parametrize("resumed", [True, False])
def test_a_vtysh_that_is_killed_midway_leaves_no_wrong_list(frr: Frr, resumed: bool) -> None:
    """Part of the delta is in; the watchdog takes it back, or the next delta goes on from there."""
    with connected(frr) as driver:
        load(driver, MANY)
        driver.commit_config()
    other = MANY.difference(PrefixSet.parse(Afi.IPV4, ["10.0.0.0/16 le 24"])).union(OLD)
    kill_midway(frr, other.union(PrefixSet.parse(Afi.IPV4, ["11.0.0.0/16 ge 20 le 20"])))
    if not resumed:
        shutil.rmtree(frr.run_directory)
    with connected(frr) as driver:
        held = lists(driver)[NAME].prefixes
        both = MANY.difference(MANY.difference(other))
        everything = MANY.union(other).union(PrefixSet.parse(Afi.IPV4, ["11.0.0.0/16 le 20"]))
        assert not both.difference(held)
        assert not held.difference(everything)
        if resumed:
            assert eventually(lambda: not driver.has_pending_commit(), 60)
            assert holds(driver, MANY)
        load(driver, other)
        driver.commit_config()
        assert holds(driver, other)


def test_a_watchdog_that_is_killed_while_it_waits_goes_on_with_the_next_look(frr: Frr) -> None:
    with connected(frr) as driver:
        load(driver, NEW)
        driver.commit_config(revert_in=600)
        kill_all(frr)
        driver.confirm_commit()
        assert holds(driver, NEW)
    assert saved(frr) == NEW_LINES


def test_a_user_who_may_not_use_vtysh_is_told(frr: Frr, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    script = 'exec setpriv --reuid 65534 --regid 65534 --clear-groups "$real" "$@"\n'
    if os.getuid():
        pytest.skip("only root can become somebody else")
    with (
        pytest.raises(ConnectionFailed, match="ermission denied") as caught,
        connected(frr, vtysh=wrapper(tmp_path, script)),
    ):
        pass
    assert "frrvty" in caught.value.hint


@pytest.mark.parametrize("vtysh", ["/nowhere/vtysh", "no-such-vtysh"])
def test_a_vtysh_that_is_not_there_is_told(frr: Frr, vtysh: str) -> None:
    with pytest.raises(ConnectionFailed, match="vtysh") as caught, connected(frr, vtysh=vtysh):
        pass
    assert "optional_args" in caught.value.hint


def test_a_vtysh_that_does_not_end_is_given_up(frr: Frr, tmp_path: Path) -> None:
    arguments = {"transport": "local", **frr.optional_args()}
    arguments["vtysh"] = wrapper(tmp_path, "exec sleep 600\n")
    with pytest.raises(TimedOut, match="did not end within 1 s"):
        FrrDriver("router", "", "", 1, arguments).open()


@pytest.mark.parametrize("cut", ["head -n 12", "head -c 900", "sed '$d'"])
def test_what_vtysh_shows_and_is_cut_off_is_an_error(frr: Frr, tmp_path: Path, cut: str) -> None:
    script = f'"$real" "$@" | {cut}\n'
    with (
        pytest.raises(CommandFailed, match="cut off"),
        connected(frr, vtysh=wrapper(tmp_path, script)),
    ):
        pass


# The saved configuration


def test_what_others_save_meanwhile_stays_and_the_new_lists_do_not(frr: Frr) -> None:
    with connected(frr) as driver:
        load(driver, NEW)
        driver.commit_config(revert_in=600)
        theirs = "ip prefix-list THEIRS seq 5 permit any"
        assert frr.vtysh("-c", "conf", "-c", theirs).returncode == 0
        frr.show("write memory")
        assert saved(frr) == NEW_LINES
        driver.rollback()
        assert sorted(saved(frr)) == OLD_LINES
        assert theirs in frr.config.read_text()
        load(driver, NEW)
        driver.commit_config(revert_in=600)
        frr.config.write_text(f"{frr.config.read_text()}! a line of a person's\n")
        driver.confirm_commit()
    assert frr.config.read_text().endswith("! a line of a person's\n")
    assert sorted(saved(frr)) == NEW_LINES


def test_a_saved_configuration_that_would_undo_the_lists_does_not(frr: Frr) -> None:
    """As bgpq4 writes them: a list is removed, and then set without numbers."""
    text = frr.config.read_text().replace(
        "\n".join(OLD_LINES),
        f"no ip prefix-list {NAME}\nip prefix-list {NAME} permit 192.0.2.0/24\nend",
    )
    frr.config.write_text(text)
    with connected(frr) as driver:
        load(driver, NEW)
        driver.commit_config()
    frr.restart()
    with connected(frr) as driver:
        assert holds(driver, NEW)


def test_a_disk_that_is_full_is_known_before_anything_is_changed(frr: Frr, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    try:
        small = disk / "frr.conf"
        shutil.copy(frr.config, small)
        with contextlib.suppress(OSError), (disk / "filling").open("wb") as file:
            file.write(bytes(1 << 20))
        with connected(frr, config=str(small)) as driver:
            load(driver, NEW)
            with pytest.raises(CommitRefused, match="No space left on device"):
                driver.commit_config(revert_in=600)
            assert holds(driver, OLD)
            assert not driver.has_pending_commit()
            assert small.read_text() == frr.config.read_text()
            assert sorted(each.name for each in disk.iterdir()) == ["filling", "frr.conf"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_without_a_saved_configuration_nothing_is_committed(frr: Frr, tmp_path: Path) -> None:
    with connected(frr, config=str(tmp_path / "nowhere.conf")) as driver:
        load(driver, NEW)
        with pytest.raises(CommandFailed, match=r"nowhere\.conf is not there"):
            driver.commit_config(revert_in=600)
        assert holds(driver, OLD)


# Options, and whole runs


@pytest.mark.parametrize(
    "options",
    [
        {"configuration": "/etc/frr/frr.conf"},
        {"config": "frr.conf"},
        {"config": "/etc/frr/$(reboot)"},
        {"vty_socket": "/run/frr; reboot"},
        {"vtysh": "vtysh -c reboot"},
        {"vtysh": "-c"},
        {"run_directory": "run"},
        {"max_seconds": "300"},
        {"max_seconds": True},
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(DeviceError):
        FrrDriver("router", "", "", 60, options)


def test_terminal_escapes_of_a_router_reach_no_terminal(frr: Frr, tmp_path: Path) -> None:
    script = 'printf "\\033[2J\\033]0;owned\\007no daemon is here\\n" >&2\nexit 1\n'
    options = {"transport": "local", **frr.optional_args(), "vtysh": wrapper(tmp_path, script)}
    with daemon_workspace(tmp_path / "desk", "frr", options, inherited_environ()) as network:
        done = told(network.irrgate("plan", "--out", "plan.zip"), 3)
        assert "no daemon is here" in " ".join((done.stdout + done.stderr).split())


def test_a_run_that_must_not_use_the_timer_saves_at_once(frr: Frr, tmp_path: Path) -> None:
    options = {"transport": "local", **frr.optional_args()}
    with daemon_workspace(tmp_path / "desk", "frr", options, inherited_environ()) as network:
        network.edit("hosts.yaml", '"data": {', '"data": {"commit_confirm": false, ')
        told(network.irrgate("refresh"), 0)
        told(network.irrgate("plan", "--out", "plan2.zip"), 0)
        assert len(saved(frr)) == 3
        with connected(frr) as driver:
            assert not driver.has_pending_commit()
            assert lists(driver).keys() == {NAME, NAME_V6}

"""The real script in real shells: who wins, what a killed process leaves, what happens alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks.drivers.errors import CommitRefused, Locked
from tasks.drivers.shell import Shell, open_shell
from tasks.drivers.watchdog import Change, Decision, Watchdog

LONG = 600


@pytest.fixture
def shell() -> Shell:
    return open_shell("router", "", "", 30, {"transport": "local"})


@pytest.fixture
def watchdog(tmp_path: Path, shell: Shell) -> Iterator[Watchdog]:
    yield Watchdog(shell, str(tmp_path / "run"))
    for process in watching(tmp_path):
        os.kill(process, signal.SIGKILL)


@pytest.fixture
def value(tmp_path: Path) -> Path:
    value = tmp_path / "value"
    value.write_text("old\n")
    return value


def change(value: Path) -> Change:
    return Change(
        f"echo new > {value}",
        f"echo confirmed >> {value}.log",
        f"echo old > {value}; echo r >> {value}.log",
    )


def watching(tmp_path: Path) -> list[int]:
    """Return the processes that watch over changes in the test's own folder."""
    found = []
    for each in Path("/proc").iterdir():
        try:
            command = (each / "cmdline").read_bytes()
        except OSError:
            continue
        if each.name.isdigit() and os.fsencode(f"{tmp_path}/run/irrgate-") in command:
            found.append(int(each.name))
    return found


def eventually(fact: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.05)


def armed(watchdog: Watchdog, value: Path, seconds: int = LONG) -> str:
    change_id = watchdog.new_id()
    watchdog.arm(change_id, change(value), seconds)
    assert watchdog.until_made(change_id, 10).made
    return change_id


def test_a_confirmed_change_stays(watchdog: Watchdog, value: Path, tmp_path: Path) -> None:
    change_id = armed(watchdog, value)
    waiting = watchdog.waiting()
    assert waiting is not None
    assert (waiting.id, waiting.made, waiting.alive) == (change_id, True, True)
    assert LONG - 10 < waiting.seconds <= LONG
    watchdog.decide(change_id, Decision.CONFIRM)
    done = watchdog.until_over(change_id, 10)
    assert (done.decision, done.over) == (Decision.CONFIRM, True)
    assert value.read_text() == "new\n"
    assert watchdog.waiting() is None
    eventually(lambda: not watching(tmp_path))


def test_a_change_is_not_over_while_it_would_be_met_as_one_that_waits(
    watchdog: Watchdog, value: Path, tmp_path: Path
) -> None:
    change_id = armed(watchdog, value)
    watchdog.decide(change_id, Decision.CONFIRM)
    assert watchdog.until_over(change_id, 10).over
    # As it is between the last two steps of the process.
    current = tmp_path / "run" / "current"
    current.hardlink_to(tmp_path / "run" / change_id / "name")
    assert watchdog.waiting() is not None
    assert not watchdog.progress(change_id).over
    current.unlink()
    assert watchdog.progress(change_id).over


def test_what_nobody_confirms_is_taken_back_in_time(watchdog: Watchdog, value: Path) -> None:
    began = time.monotonic()
    change_id = armed(watchdog, value, 2)
    assert value.read_text() == "new\n"
    done = watchdog.until_over(change_id, 10)
    assert (done.decision, done.over) == (Decision.REVERT, True)
    assert 1 <= time.monotonic() - began < 5
    assert value.read_text() == "old\n"
    with pytest.raises(CommitRefused, match="too late to confirm the change: it is taken back"):
        watchdog.decide(change_id, Decision.CONFIRM)
    assert value.read_text() == "old\n"


def test_it_outlives_whoever_armed_it(tmp_path: Path, value: Path, watchdog: Watchdog) -> None:
    # As when irrgate is killed with its whole session: the group of the process and its own.
    code = (
        "import sys, time\n"
        "from tests.tasks.test_watchdog import *\n"
        "shell = open_shell('router', '', '', 30, {'transport': 'local'})\n"
        "armed(Watchdog(shell, sys.argv[1]), Path(sys.argv[2]), 3)\n"
        "print('armed', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run"), str(value)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"armed\n"
        os.killpg(process.pid, signal.SIGHUP)
        os.killpg(process.pid, signal.SIGKILL)
    assert value.read_text() == "new\n"
    eventually(lambda: value.read_text() == "old\n")


def test_one_change_at_a_time(watchdog: Watchdog, value: Path, tmp_path: Path) -> None:
    first = armed(watchdog, value)
    other = tmp_path / "other"
    second = watchdog.new_id()
    with pytest.raises(Locked):
        watchdog.arm(second, change(other), LONG)
    assert not other.exists()
    watchdog.forget(second)
    assert not Path(watchdog.folder(second)).exists()
    watchdog.forget(first)
    assert Path(watchdog.folder(first)).exists()
    second = watchdog.new_id()
    watchdog.decide(first, Decision.REVERT)
    assert watchdog.until_over(first, 10).over
    watchdog.arm(second, change(other), LONG)
    assert watchdog.until_made(second, 10).made
    assert other.read_text() == "new\n"


@pytest.mark.parametrize("attempt", range(5))
def test_of_a_confirmation_and_its_opposite_one_wins(
    watchdog: Watchdog, value: Path, attempt: int
) -> None:
    change_id = armed(watchdog, value)
    won: list[Decision] = []
    start = threading.Barrier(6)

    def decide(decision: Decision) -> None:
        start.wait()
        try:
            watchdog.decide(change_id, decision)
            won.append(decision)
        except CommitRefused:
            pass

    threads = [
        threading.Thread(target=decide, args=(each,)) for each in [*Decision, *Decision, *Decision]
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(won)) == 1
    done = watchdog.until_over(change_id, 10)
    assert done.over
    assert done.decision is won[0]
    told = Path(f"{value}.log").read_text()
    assert told == ("confirmed\n" if won[0] is Decision.CONFIRM else "r\n")


@pytest.mark.parametrize("moment", [0.7, 0.9, 1.0, 1.1])
def test_a_confirmation_at_the_very_end_holds_or_is_refused(
    watchdog: Watchdog, value: Path, moment: float
) -> None:
    began = time.monotonic()
    change_id = armed(watchdog, value, 1)
    time.sleep(max(0.0, began + moment - time.monotonic()))
    try:
        watchdog.decide(change_id, Decision.CONFIRM)
        expected = "new\n"
    except CommitRefused:
        expected = "old\n"
    assert watchdog.until_over(change_id, 10).over
    assert value.read_text() == expected


def test_a_change_that_fails_is_taken_back_at_once(watchdog: Watchdog, value: Path) -> None:
    change_id = watchdog.new_id()
    failing = Change(f"echo half > {value}; echo no room; exit 1", "", change(value).revert)
    watchdog.arm(change_id, failing, LONG)
    progress = watchdog.until_over(change_id, 10)
    assert (progress.decision, progress.over) == (Decision.REVERT, True)
    assert "no room" in progress.said
    assert value.read_text() == "old\n"


def test_a_way_back_that_fails_is_tried_until_it_works(
    watchdog: Watchdog, value: Path, tmp_path: Path
) -> None:
    change_id = watchdog.new_id()
    door = tmp_path / "door"
    back = f"[ -e {door} ] || {{ echo closed; exit 1; }}; echo old > {value}"
    watchdog.arm(change_id, Change(f"echo new > {value}", ":", back), LONG)
    watchdog.decide(change_id, Decision.REVERT)
    eventually(lambda: "closed" in watchdog.progress(change_id).said)
    waiting = watchdog.waiting()
    # Till then the router is not what it was, and must not pass for it.
    assert waiting is not None
    assert waiting.seconds == 0
    assert not watchdog.progress(change_id).over
    door.touch()
    assert watchdog.until_over(change_id, 20).over
    assert value.read_text() == "old\n"


def kill_it(tmp_path: Path) -> None:
    while found := watching(tmp_path):
        for process in found:
            os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def test_a_watchdog_that_was_killed_is_started_again(
    watchdog: Watchdog, value: Path, tmp_path: Path
) -> None:
    change_id = armed(watchdog, value, 3)
    kill_it(tmp_path)
    time.sleep(3.5)
    assert value.read_text() == "new\n"
    watchdog.resume(change_id)
    assert watchdog.until_over(change_id, 10).decision is Decision.REVERT
    assert value.read_text() == "old\n"


def test_one_killed_in_the_middle_of_the_change_takes_it_back(
    watchdog: Watchdog, value: Path, tmp_path: Path
) -> None:
    change_id = watchdog.new_id()
    slow = Change(f"echo half > {value}; exec sleep 30", ":", change(value).revert)
    watchdog.arm(change_id, slow, LONG)
    eventually(lambda: value.read_text() == "half\n")
    kill_it(tmp_path)
    assert not watchdog.progress(change_id).made
    watchdog.resume(change_id)
    assert watchdog.until_over(change_id, 10).decision is Decision.REVERT
    assert value.read_text() == "old\n"


def test_a_restart_of_the_router_takes_back_what_its_folder_survived(
    watchdog: Watchdog, value: Path, tmp_path: Path
) -> None:
    change_id = armed(watchdog, value)
    kill_it(tmp_path)
    (tmp_path / "run" / change_id / "boot").write_text("another start\n")
    watchdog.resume(change_id)
    assert watchdog.until_over(change_id, 10).decision is Decision.REVERT
    assert value.read_text() == "old\n"


def test_what_is_over_or_was_never_begun_is_cleared_away(watchdog: Watchdog, value: Path) -> None:
    over = armed(watchdog, value, 1)
    assert watchdog.until_over(over, 10).over
    abandoned, coming = watchdog.new_id(), watchdog.new_id()
    Path(watchdog.folder(abandoned), "born").write_text("-4000\n")
    now = armed(watchdog, value)
    left = {each.name for each in Path(watchdog.folder(now)).parent.iterdir()}
    assert left == {coming, now, "current"}


def test_nothing_is_armed_where_there_is_no_room(shell: Shell, value: Path) -> None:
    watchdog = Watchdog(shell, "/proc/irrgate")
    with pytest.raises(Exception, match="prepare: /proc/irrgate"):
        watchdog.new_id()
    assert watchdog.waiting() is None

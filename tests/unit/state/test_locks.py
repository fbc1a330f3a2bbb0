"""Locks on routers: one run at a time, and none that outlives its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from irrgate.errors import LockedError, StateError
from irrgate.state import HostLock, State
from tests.unit.state.places import Place, deploy

ROOT: Final = Path(__file__).resolve().parents[3]

_HOLD: Final = """
import sys, time
from pathlib import Path
from tests.unit.state.places import NOW, Place, deploy
url = sys.argv[2] or None
with Place(Path(sys.argv[1]), url).open() as state:
    lock = state.lock("edge1", "ana on noc1")
    print(deploy(state, {}, {}, outcome=None), flush=True)
    time.sleep(600)
"""


@contextmanager
def another_run(place: Place) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Start a process that holds edge1 and a deployment; give it with the deployment's number."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, place.directory, place.url or ""],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        with process.stdout:
            yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


class TestHostLocks:
    def test_one_run_at_a_time(self, state: State, place: Place) -> None:
        with state.lock("edge1", "ana") as lock, place.open() as other:
            lock.check()
            for each in (state, other):
                with pytest.raises(LockedError) as caught:
                    each.lock("edge1", "eva")
                assert str(caught.value) == (
                    "edge1: another run is at work on it: ana, since 2026-11-25 02:30:00 UTC"
                )
                assert caught.value.hint
            with other.lock("edge2", "eva") as second:
                second.check()
            lock.check()
        with place.open() as other, other.lock("edge1", "eva") as lock:
            lock.check()

    def test_it_goes_with_the_state(self, state: State, place: Place) -> None:
        other = place.open()
        held = other.lock("edge1", "ana")
        other.close()
        with state.lock("edge1", "eva"), pytest.raises(LockedError, match="lost"):
            held.check()

    def test_what_was_given_back_is_not_held(self, state: State) -> None:
        first = state.lock("edge1", "ana")
        first.release()
        first.release()
        with pytest.raises(LockedError, match="the lock on it was lost") as caught:
            first.check()
        assert caught.value.subject == "edge1"
        with state.lock("edge1", "ana") as second:
            first.release()
            second.check()
            with pytest.raises(LockedError, match="lost"):
                first.check()
            with pytest.raises(LockedError, match="another run"):
                state.lock("edge1", "eva")

    @pytest.mark.parametrize(
        "host", ["núcleo 1", "..", "a/b", "../../etc", ".", "%2F", "running/1", "", "ñ" * 100]
    )
    def test_a_name_stays_a_name(self, state: State, place: Place, host: str) -> None:
        deploy(state, {}, {}, outcome=None)
        with state.lock(host, "ana\nfalse \x1b[2J") as lock:
            lock.check()
            assert set(place.directory.iterdir()) <= {place.database.parent}
            for folder in place.directory.rglob("locks"):
                assert {each.name for each in folder.iterdir() if each.is_dir()} <= {"running"}
            with pytest.raises(LockedError, match=r"ana\\nfalse \\x1b\[2J, since"):
                state.lock(host, "eva")
            with state.lock(f"{host}x", "eva"):
                pass

    def test_of_many_threads_one_has_it(self, state: State) -> None:
        inside: list[str] = []
        most: list[int] = []
        start = threading.Barrier(16)

        def work(name: str) -> None:
            start.wait()
            for _ in range(30):
                try:
                    lock = state.lock("edge1", name)
                except LockedError:
                    continue
                with lock:
                    inside.append(name)
                    most.append(len(inside))
                    lock.check()
                    inside.remove(name)

        threads = [threading.Thread(target=work, args=(f"run {n}",)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(most) == {1}

    def test_a_holder_that_is_killed_holds_nothing(self, state: State, place: Place) -> None:
        with another_run(place) as (process, number):
            with pytest.raises(LockedError, match=r"ana on noc1, since 2026-11-25 02:30:00 UTC"):
                state.lock("edge1", "eva")
            assert state.unended_deployments() == ()
            process.send_signal(signal.SIGKILL)
            process.wait()
            with soon_locked(state) as lock:
                lock.check()
                assert state.unended_deployments() == (number,)
                assert [each.deployment for each in state.unfinished(["edge1"])] == [number]

    def test_a_holder_that_is_stopped_holds_it_still(self, state: State, place: Place) -> None:
        with another_run(place) as (process, _):
            process.send_signal(signal.SIGSTOP)
            with pytest.raises(LockedError, match="ana on noc1"):
                state.lock("edge1", "eva")
            assert state.unended_deployments() == ()


def soon_locked(state: State) -> HostLock:
    """Take the lock on edge1, which a server takes a moment to get back from who was killed."""
    for _ in range(100):
        with suppress(LockedError):
            return state.lock("edge1", "eva")
        time.sleep(0.02)
    return state.lock("edge1", "eva")


def lock_file(place: Place, host: str = "edge1") -> Path:
    return place.database.parent / "locks" / f"{host}.lock"


def test_a_lock_whose_file_was_removed_is_lost(state: State, place: Place) -> None:
    with state.lock("edge1", "ana") as first:
        lock_file(place).unlink()
        with state.lock("edge1", "eva") as second:
            second.check()
            with pytest.raises(LockedError, match="was removed or replaced"):
                first.check()
            first.release()
            second.check()
            with pytest.raises(LockedError, match="eva"):
                state.lock("edge1", "ida")


def test_a_file_that_a_dead_run_left_is_taken_over(state: State, place: Place) -> None:
    with state.lock("edge1", "ana"):
        text = lock_file(place).read_text()
    assert not lock_file(place).exists()
    lock_file(place).write_text(text * 3)
    with state.lock("edge1", "eva"):
        assert lock_file(place).read_text() == "eva, since 2026-11-25 02:30:00 UTC\n"


def test_a_link_in_the_place_of_a_lock_is_not_followed(state: State, place: Place) -> None:
    with state.lock("edge1", "ana"):
        pass
    victim = place.directory / "victim"
    victim.write_text("precious")
    lock_file(place).symlink_to(victim)
    with pytest.raises(StateError, match="cannot be locked"):
        state.lock("edge1", "ana")
    assert victim.read_text() == "precious"


def test_nothing_is_left_open(state: State) -> None:
    deploy(state, {}, {})
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(50):
        with state.lock("edge1", "ana"), pytest.raises(LockedError):
            state.lock("edge1", "eva")
        deploy(state, {}, {})
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208

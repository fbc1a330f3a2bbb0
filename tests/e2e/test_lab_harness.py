"""The harness of the emulated routers: processes that start fast and never stay behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.lab.clock import DeviceClock, Timers
from tests.lab.harness import PROJECT, LabDevice, LabError

pytestmark = pytest.mark.e2e


def test_a_device_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    directory = tmp_path / "edge1"
    script = (
        "import sys, time; from pathlib import Path; from tests.lab.harness import LabDevice\n"
        "device = LabDevice.start('eos', 'edge1', Path(sys.argv[1]))\n"
        "print(device.pid, flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", script, str(directory)]
    with subprocess.Popen(argv, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody reaped yet has ended all the same.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")


def test_a_device_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"'foo bar': Invalid input \(at token 0: 'foo'\)"):
        LabDevice.start("eos", "edge1", tmp_path / "edge1", running="foo bar\n")


def test_a_directory_that_is_deep_has_a_control_socket_all_the_same(tmp_path: Path) -> None:
    # A unix socket's own path has at most 107 bytes.
    directory = tmp_path / ("x" * 100) / "edge1"
    with LabDevice.start("eos", "edge1", directory) as device:
        assert "hostname edge1\n" in device.running()


def test_what_the_device_refuses_is_told(tmp_path: Path) -> None:
    with LabDevice.start("eos", "edge1", tmp_path / "edge1") as device:
        with pytest.raises(LabError, match="edge1: lunch: ValueError: no such operation"):
            device.ask("lunch")
        with pytest.raises(LabError, match="Invalid input"):
            device.set_running("foo bar\n")
        device.kill()
        with pytest.raises(LabError, match="edge1: running"):
            device.running()


def test_an_unknown_platform_is_no_device(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no emulated 'vyos'"):
        LabDevice.start("vyos", "edge1", tmp_path)


def test_timers_run_in_the_order_of_their_time() -> None:
    timers = Timers(DeviceClock(), threading.RLock())
    ran: list[str] = []
    timers.after(20, lambda: ran.append("second"))
    timers.after(10, lambda: ran.append("first"))
    timers.after(15, lambda: ran.append("never")).cancel()
    timers.after(40, lambda: ran.append("later"))
    timers.advance(30)
    assert ran == ["first", "second"]

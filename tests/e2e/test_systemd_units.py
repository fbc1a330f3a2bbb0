"""The units of docs/automation/systemd: as systemd reads them, and what they do to irrgate."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.checkers import check
from tests.e2e.desk import DONE, Desk, accepts
from tests.e2e.pipelines import AUTOMATION
from tests.lab.network import irrgate_argv

pytestmark = pytest.mark.e2e

UNITS = AUTOMATION / "systemd"
SERVICE = (UNITS / "irrgate-refresh.service").read_text(encoding="utf-8")
PROGRAM = "/opt/irrgate/bin/irrgate"
MAX_EXPOSURE = 15
"""tenths of what `systemd-analyze security` counts up to 100; a service without any has 96"""


def test_systemd_reads_them_without_a_complaint(tmp_path: Path) -> None:
    for name in ("irrgate-refresh.service", "irrgate-refresh.timer"):
        # What is started has to be there; where it is installed is not for a test to write to.
        text = (UNITS / name).read_text(encoding="utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / name).write_text(text)
    units = sorted(tmp_path.iterdir())
    assert check("systemd-analyze", "verify", "--man=no", *units) == ""


def test_the_service_may_do_little() -> None:
    threshold = ("--offline=true", f"--threshold={MAX_EXPOSURE}")
    path = UNITS / "irrgate-refresh.service"
    told = check("systemd-analyze", "security", "--no-pager", *threshold, path)
    assert "OK" in told.splitlines()[-1]


def test_the_user_can_be_made(tmp_path: Path) -> None:
    argv = ("--root", str(tmp_path), str(UNITS / "irrgate.conf"))
    (tmp_path / "etc").mkdir()
    check("systemd-sysusers", *argv)
    made = (tmp_path / "etc/passwd").read_text()
    assert re.search(r"^irrgate:x:\d+:\d+:irrgate:/var/lib/irrgate:", made, re.MULTILINE)
    assert "User=irrgate\n" in SERVICE


def test_when_it_runs() -> None:
    timer = (UNITS / "irrgate-refresh.timer").read_text(encoding="utf-8")
    (when,) = re.findall(r"^OnCalendar=(.*)$", timer, re.MULTILINE)
    assert "Next elapse" in check("systemd-analyze", "calendar", when)


_DENIED = """
import ctypes, mmap, os, sys
# PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, as of Linux 6.3: what MemoryDenyWriteExecute does.
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit(77)
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    os.execv(sys.argv[1], sys.argv[1:])
"""


def test_what_it_starts_needs_no_memory_that_is_written_and_executed(desk: Desk) -> None:
    assert "MemoryDenyWriteExecute=yes\n" in SERVICE
    (started,) = re.findall(rf"^ExecStart={PROGRAM} (.*)$", SERVICE, re.MULTILINE)
    options = started.replace("/var/lib/irrgate", str(desk.directory)).split()
    done = subprocess.run(
        [sys.executable, "-c", _DENIED, *irrgate_argv(), *options],
        env=desk.environ,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode == 77:
        pytest.skip("this kernel cannot deny it: Linux 6.3 is needed")
    assert done.returncode == DONE, done.stderr
    assert accepts(desk.devices["edge1.mex"], "IRR-AS64501-V4", "10.20.5.0/24")

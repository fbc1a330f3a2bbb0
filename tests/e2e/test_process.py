"""The console script as a process: Ctrl-C, a reader that goes away, a full disk, odd terminals."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.desk import (
    CHANGES,
    COULD_NOT_RUN,
    DONE,
    INTERRUPTED,
    Desk,
    events,
    eventually,
    told,
)
from tests.lab import faulty_irr
from tests.lab.harness import LabDevice
from tests.lab.network import Finished, irrgate_argv
from tests.unit.irr.scripts import alive, bgpq4_children

pytestmark = pytest.mark.e2e

PROMPT = 2.5
"""seconds in which a command that is interrupted ends"""
FIRST = "edge1.mex"
"""the router that comes first in the inventory, and alone where there is one worker"""


def finished(process: subprocess.Popen[str], expect: int, seconds: float = 30) -> Finished:
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return told(Finished(process.returncode, out, err), expect)


def left_over(desk: Desk) -> list[str]:
    """What lies in the workspace beside what was there."""
    there = {"inventory", "lab", ".irrgate"}
    return sorted(path.name for path in desk.directory.iterdir() if path.name not in there)


def untouched(devices: list[LabDevice]) -> bool:
    return all(events(device) == [] for device in devices)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("fault", ["hang-before", "hang-object"])
def test_an_interrupt_while_the_irr_server_hangs(
    desk: Desk, number: signal.Signals, fault: str, tmp_path: Path
) -> None:
    with faulty_irr.start(fault, log=tmp_path / "log") as port:
        path = desk.directory / "inventory" / "network.yaml"
        path.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", path.read_text()))
        process = desk.start("plan")
        asked = "!m" if fault == "hang-object" else "!a4AS-MODELO"
        log = tmp_path / "log"
        assert eventually(lambda: log.exists() and asked in log.read_text(), 20)
        running = bgpq4_children(process.pid)
        assert running or fault == "hang-object"
        process.send_signal(number)
        done = finished(process, INTERRUPTED, PROMPT)
    assert done.stderr == "interrupted\n"
    assert done.stdout == ""
    assert not any(alive(pid) for pid in running)
    assert left_over(desk) == []
    assert untouched(list(desk.devices.values()))


def under_way(device: LabDevice, step: str) -> Callable[[], bool]:
    return lambda: [f["struck"] for f in device.faults() if f["step"] == step] == [1]


def test_an_interrupted_plan_leaves_the_router_under_way_clean(desk: Desk) -> None:
    first = desk.devices[FIRST]
    first.inject("slow", "compare", seconds=1)
    process = desk.start("plan", "--router-workers", "1")
    assert eventually(under_way(first, "compare"), 20)
    process.send_signal(signal.SIGINT)
    done = finished(process, INTERRUPTED, PROMPT)
    assert "interrupted: 1 router(s) are under way and are left clean first" in done.stderr
    assert done.stderr.endswith("interrupted\n")
    assert events(first) == ["session", "discard"]
    assert first.candidates() == first.locks() == []
    assert untouched([device for name, device in desk.devices.items() if name != FIRST])
    assert left_over(desk) == []


def test_a_second_interrupt_waits_for_nobody(desk: Desk) -> None:
    junos = desk.devices["edge2.mex"]
    junos.inject("hang", "compare", seconds=60)
    process = desk.start("plan", "--limit", "edge2.mex")
    assert eventually(under_way(junos, "compare"), 20)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    finished(process, INTERRUPTED, PROMPT)
    junos.clear_faults()
    assert eventually(lambda: junos.locks() == junos.candidates() == [])
    assert left_over(desk) == []


def test_an_interrupted_apply_ends_what_it_began_and_says_what_it_did_not(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    first = desk.devices[FIRST]
    first.inject("slow", "commit", seconds=1)
    process = desk.start("apply", plan.path.name, "--router-workers", "1")
    assert eventually(under_way(first, "commit"), 20)
    process.send_signal(signal.SIGINT)
    done = finished(process, INTERRUPTED, 10)
    assert re.search(rf"{FIRST} +│ done", done.stdout)
    assert done.stdout.count("interrupted before its turn came") == 3
    assert events(first)[-3:] == ["commit-confirmed", "confirmed", "write-memory"]
    for name, device in desk.devices.items():
        if name != FIRST:
            assert "commit-confirmed" not in events(device)
            assert device.candidates() == device.locks() == []
    assert len(re.findall("│ done|│ already", desk.apply(plan, expect=DONE).stdout)) == 4


def test_a_reader_that_has_seen_enough(desk: Desk) -> None:
    """The exit code is that of what was done: `irrgate apply plan.zip | head -1`."""
    plan = desk.plan(expect=CHANGES)
    for arguments, expect in (
        (["show", plan.path.name], DONE),
        (["plan", "--out", "other.zip"], CHANGES),
        (["apply", plan.path.name], DONE),
        (["expand", "AS-MODELO", "AS64500"], DONE),
    ):
        process = desk.start(*arguments)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(30) == expect, said
        assert "Traceback" not in said
        assert "Broken pipe" not in said
    assert "confirmed" in events(desk.devices[FIRST])


def shell(desk: Desk, line: str, **environ: str) -> Finished:
    done = subprocess.run(
        ["bash", "-c", f'irrgate() {{ {irrgate_argv()[0]} "$@"; }}; {line}'],
        capture_output=True,
        text=True,
        env={**desk.environ, **environ},
        cwd=desk.directory,
        timeout=60,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def test_standard_streams_that_are_not_there(desk: Desk) -> None:
    told(shell(desk, "irrgate plan --out a.zip >&- 2>&- <&-"), CHANGES)
    told(shell(desk, "irrgate show a.zip >&-"), DONE)
    done = told(shell(desk, "irrgate show a.zip 2>&-"), DONE)
    assert done.stdout.startswith("Plan ")


def test_a_disk_that_is_full(desk: Desk) -> None:
    done = told(shell(desk, "irrgate expand AS-MODELO > /dev/full"), COULD_NOT_RUN)
    assert done.stderr.endswith(
        "error: standard output: cannot be written: No space left on device\n"
    )


def test_a_narrow_terminal(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    shown = told(shell(desk, f"irrgate show {plan.path.name}", COLUMNS="40"), DONE).stdout
    tables = shown.partition("Prefixes ")[0].splitlines()
    assert max(len(line) for line in tables) <= 40
    assert re.search(r"^ edge1.mex │ .* │ new +$", shown, re.MULTILINE)
    shown = told(shell(desk, f"irrgate show {plan.path.name}", COLUMNS="none"), DONE).stdout
    assert shown == plan.printed.stdout


def test_a_terminal_that_knows_ascii_only(desk: Desk) -> None:
    plan = desk.plan(expect=CHANGES)
    line = f"irrgate show {plan.path.name}"
    shown = told(shell(desk, line, PYTHONIOENCODING="ascii"), DONE).stdout
    assert shown.isascii()
    assert re.search(r"edge1.mex +. AS64500 Ejemplo Telecom +. IRR-AS64500-V4", shown)

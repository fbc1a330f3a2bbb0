"""Whole runs of irrgate with a real BIRD behind, when something is not as it should be."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon_desk import alone, desk_of, planned
from tests.e2e.desk import CHANGES, DONE, PROBLEMS, WIDE, eventually, told
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.wanted import needs_bird
from tests.lab.daemons.workspace import LATER, registry
from tests.lab.network import LabNetwork, irrgate_argv

pytestmark = [pytest.mark.e2e, needs_bird, needs_namespaces]
V4 = "IRR-AS64500-V4"


@pytest.fixture
def bird(tmp_path: Path) -> Iterator[Bird]:
    """A BIRD whose sessions are all down: nobody is there."""
    with alone(Bird(tmp_path / "bird")) as bird:
        yield bird


@pytest.fixture
def desk(bird: Bird, tmp_path: Path) -> Iterator[LabNetwork]:
    with desk_of(bird, tmp_path / "desk") as desk:
        yield desk


def test_a_configuration_that_does_not_include_our_file(bird: Bird, desk: LabNetwork) -> None:
    bird.config.write_text(bird.config.read_text().replace('include "irrgate.conf";', ""))
    done = told(desk.irrgate("plan", "--out", "plan.zip", environ=WIDE), PROBLEMS)
    # Folded by the table, wherever that may be.
    said = re.sub(r"[\s│]", "", done.stdout)
    assert f"{bird.config}doesnotinclude{bird.include}" in said
    assert f'putinclude"{bird.include}";into{bird.config}' in said


def test_an_error_elsewhere_in_the_configuration(bird: Bird, desk: LabNetwork) -> None:
    with bird.config.open("a") as config:
        config.write("nonsense;\n")
    lines = bird.config.read_text().count("\n")
    status, reason = planned(desk, PROBLEMS)
    assert status == "failed"
    assert f"BIRD does not accept it: {bird.config}:{lines}:" in reason
    assert bird.include.read_text() == ""
    assert "up and running" in bird.birdc("show", "status")


def test_bird_goes_down_between_plan_and_apply(bird: Bird, desk: LabNetwork) -> None:
    assert planned(desk, CHANGES)[0] == "change"
    bird.stop()
    done = told(desk.irrgate("apply", "plan.zip"), PROBLEMS)
    assert "Unable to connect to server control socket" in done.stdout + done.stderr
    bird.again()
    told(desk.irrgate("apply", "plan.zip"), DONE)
    assert "192.0.2.0/24" in bird.birdc("eval", f"'{V4}'")


def test_what_changed_since_the_plan_is_held(bird: Bird, desk: LabNetwork) -> None:
    told(desk.irrgate("refresh"), DONE)
    desk.load_registry(registry(LATER))
    planned(desk, CHANGES)
    # Somebody takes a filter out by hand.
    bird.include.write_text("")
    bird.birdc("configure")
    done = told(desk.irrgate("apply", "plan.zip"), PROBLEMS)
    assert "not what they were when the plan was made" in " ".join(done.stdout.split())
    assert bird.include.read_text() == ""


def test_a_run_that_is_killed_while_its_commit_waits(bird: Bird, desk: LabNetwork) -> None:
    """What it has begun is brought to its end by the next one, and BIRD and file are the same."""
    planned(desk, CHANGES)
    note = bird.directory / ".irrgate.conf.irrgate-pending"
    with subprocess.Popen(
        [*irrgate_argv(), "-w", str(desk.directory), "apply", "plan.zip"],
        env=desk.environ,
        cwd=desk.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        assert eventually(note.exists, 30)
        os.killpg(run.pid, signal.SIGKILL)
    told(desk.irrgate("recover"), DONE)
    told(desk.irrgate("plan", "--out", "again.zip"), DONE)
    assert not note.exists()
    assert "192.0.2.0/24" in bird.birdc("eval", f"'{V4}'")
    bird.birdc("configure")
    assert "192.0.2.0/24" in bird.birdc("eval", f"'{V4}'")


def test_a_filter_goes_when_nothing_refers_to_it_any_more(bird: Bird, desk: LabNetwork) -> None:
    told(desk.irrgate("refresh"), DONE)
    bird.use_filters()
    peers = desk.directory / "inventory" / "peers.yaml"
    peers.write_text(peers.read_text().replace("AS64500", "AS64502"))
    hosts = desk.directory / "inventory" / "hosts.yaml"
    hosts.write_text(hosts.read_text().replace("AS64500", "AS64502"))
    done = desk.irrgate("plan", "--out", "plan.zip", environ=WIDE)
    said = " ".join(done.stdout.split())
    assert f"{bird.config}: filter registered_v4 {{ if net ~ '{V4}' then accept; reject; }}" in said
    bird.config.write_text(bird.text(filtered=False))
    bird.birdc("configure")
    planned(desk, CHANGES)
    told(desk.irrgate("apply", "plan.zip"), DONE)
    assert V4 not in bird.include.read_text()
    assert "CF_SYM_UNDEFINED" in bird.birdc("eval", f"'{V4}'", check=False)

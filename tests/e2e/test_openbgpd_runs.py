"""Whole runs of irrgate with a real OpenBGPD behind, when something is not as it should be."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.daemon_desk import alone, desk_of, planned
from tests.e2e.desk import CHANGES, DONE, PROBLEMS, WIDE, eventually, told
from tests.e2e.test_openbgpd import kill_processes
from tests.lab.daemons.openbgpd import Openbgpd
from tests.lab.daemons.wanted import needs_openbgpd
from tests.lab.daemons.workspace import LATER, registry
from tests.lab.network import LabNetwork, irrgate_argv

pytestmark = [pytest.mark.e2e, needs_openbgpd]
V4 = "IRR-AS64500-V4"


@pytest.fixture
def bgpd(tmp_path: Path) -> Iterator[Openbgpd]:
    """A bgpd whose sessions are all down: nobody is there."""
    with alone(Openbgpd(tmp_path / "router")) as daemon:
        yield daemon


@pytest.fixture
def desk(bgpd: Openbgpd, tmp_path: Path) -> Iterator[LabNetwork]:
    with desk_of(bgpd, tmp_path / "desk") as desk:
        yield desk


def test_a_configuration_that_does_not_include_our_file(bgpd: Openbgpd, desk: LabNetwork) -> None:
    bgpd.config.write_text(re.sub("include .*", "", bgpd.config.read_text()))
    done = told(desk.irrgate("plan", "--out", "plan.zip", environ=WIDE), PROBLEMS)
    # Folded by the table, wherever that may be.
    said = re.sub(r"[\s│]", "", done.stdout)
    assert f"{bgpd.config}doesnotinclude{bgpd.include}" in said
    assert f'writeinclude"{bgpd.include}"into{bgpd.config}' in said


def test_an_error_elsewhere_in_the_configuration(bgpd: Openbgpd, desk: LabNetwork) -> None:
    with bgpd.config.open("a") as config:
        config.write("nonsense\n")
    lines = bgpd.config.read_text().count("\n")
    status, reason = planned(desk, PROBLEMS)
    assert status == "failed"
    assert f"{bgpd.config}:{lines}: syntax error" in reason
    assert bgpd.include.read_text() == ""
    assert bgpd.bgpctl("show", "sets")


def test_what_changed_since_the_plan_is_held(bgpd: Openbgpd, desk: LabNetwork) -> None:
    told(desk.irrgate("refresh"), DONE)
    desk.load_registry(registry(LATER))
    planned(desk, CHANGES)
    # Somebody lets everything in by hand.
    by_hand = bgpd.include.read_text().replace("192.0.2.0/24", "0.0.0.0/0 or-longer")
    bgpd.include.write_text(by_hand)
    bgpd.bgpctl("reload")
    done = told(desk.irrgate("apply", "plan.zip"), PROBLEMS)
    assert "not what they were when the plan was made" in " ".join(done.stdout.split())
    assert bgpd.include.read_text() == by_hand


@pytest.mark.parametrize("reboot", [False, True])
def test_a_run_that_is_killed_while_its_commit_waits(
    bgpd: Openbgpd, desk: LabNetwork, reboot: bool
) -> None:
    """What it has begun is brought to its end by the next one, and bgpd and file are the same."""
    planned(desk, CHANGES)
    waiting = bgpd.run_directory / "current"
    with subprocess.Popen(
        [*irrgate_argv(), "-w", str(desk.directory), "apply", "plan.zip"],
        env=desk.environ,
        cwd=desk.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as run:
        assert eventually(waiting.exists, 30)
        os.killpg(run.pid, signal.SIGKILL)
    if reboot:
        # With all that runs on it, and what it had below /run.
        bgpd.stop()
        kill_processes(bgpd.directory.parent)
        shutil.rmtree(bgpd.run_directory)
        bgpd.again()
    # After a restart it is what it was before.
    told(desk.irrgate("recover"), DONE)
    assert eventually(lambda: (V4 in bgpd.bgpctl("show", "sets")) is not reboot)
    told(desk.irrgate("refresh"), DONE)
    assert not waiting.exists()
    bgpd.bgpctl("reload")
    assert V4 in bgpd.bgpctl("show", "sets")
    planned(desk, DONE)


def test_a_router_whose_commit_timer_must_not_be_used(bgpd: Openbgpd, desk: LabNetwork) -> None:
    hosts = desk.directory / "inventory" / "hosts.yaml"
    inventory = json.loads(hosts.read_text())
    inventory["router"]["data"]["commit_confirm"] = False
    hosts.write_text(json.dumps(inventory))
    told(desk.irrgate("refresh"), DONE)
    assert V4 in bgpd.bgpctl("show", "sets")
    assert V4 in bgpd.include.read_text()
    planned(desk, DONE)


def test_a_filter_goes_when_nothing_refers_to_it_any_more(bgpd: Openbgpd, desk: LabNetwork) -> None:
    told(desk.irrgate("refresh"), DONE)
    bgpd.use_filters()
    for name in ("peers.yaml", "hosts.yaml"):
        path = desk.directory / "inventory" / name
        path.write_text(path.read_text().replace("AS64500", "AS64502"))
    done = desk.irrgate("plan", "--out", "plan.zip", environ=WIDE)
    said = " ".join(done.stdout.split())
    assert f'{bgpd.config}: allow from AS 64500 prefix-set "{V4}"' in said
    bgpd.config.write_text(bgpd.text(filtered=False))
    bgpd.bgpctl("reload")
    planned(desk, CHANGES)
    told(desk.irrgate("apply", "plan.zip"), DONE)
    assert V4 not in bgpd.include.read_text()
    assert eventually(lambda: V4 not in bgpd.bgpctl("show", "sets"))

"""Both demos, as they are run by hand, with real BIRD and FRR."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.desk import inherited_environ
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.wanted import needs, needs_bird, needs_frr
from tests.lab.demo_real import ROUTES, staged
from tests.lab.harness import PROJECT

pytestmark = [pytest.mark.e2e, needs(root=True), needs_bird, needs_namespaces]
REJECTED = "10 routes announced that AS64500 did not register: 10 rejected by BIRD, 10 by FRR"


def demo(module: str) -> list[str]:
    """What a demo prints, line by line; it must end well, and without a colour."""
    done = subprocess.run(
        [sys.executable, "-m", module],
        cwd=PROJECT,
        env=inherited_environ(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\033" not in done.stdout
    return done.stdout.splitlines()


def verdicts(lines: list[str], prefix: str) -> list[list[str]]:
    """Each time that a route is in a table: what BIRD and FRR did with it."""
    rows = [line for line in lines if line.startswith(f"  {prefix} ")]
    return [re.findall("accepted|rejected", row) for row in rows]


@needs_frr
def test_the_real_demo() -> None:
    lines = demo("tests.lab.demo_real")
    assert lines[-2] == REJECTED
    assert re.fullmatch(r"Done in \d+ s\. .*", lines[-1])
    for name in ("BIRD", "FRR"):
        assert any(re.match(rf"  {name} +accepts 13 of 13", line) for line in lines)
    accepted, rejected = ["accepted"] * 2, ["rejected"] * 2
    assert verdicts(lines, "10.10.4.0/24") == [accepted]
    assert verdicts(lines, "0.0.0.0/0") == [rejected]
    assert verdicts(lines, "198.51.100.0/24") == [rejected, accepted]
    assert verdicts(lines, "192.0.2.0/24") == [accepted, rejected]


@needs_frr
def test_the_demo_ends_with_real_daemons() -> None:
    lines = demo("tests.lab.demo")
    assert lines[-2] == REJECTED
    assert re.fullmatch(r"Done in \d+ s\. Next: irrgate init my-network", lines[-1])


def test_a_daemon_that_accepts_too_much_or_too_little_stops_it(tmp_path: Path) -> None:
    with staged(["BIRD"], tmp_path) as stage:
        stage.accepted(list(ROUTES))
        with pytest.raises(SystemExit, match=r"^demo: BIRD is wrong about ::/0$"):
            stage.accepted([each for each in ROUTES if each != "::/0"], seconds=0)
        with pytest.raises(SystemExit, match=r"^demo: BIRD is wrong about 10\.99\.0\.0/16$"):
            stage.accepted([*ROUTES, "10.99.0.0/16"], seconds=0)

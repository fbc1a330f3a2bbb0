"""NAPALM's own driver tests, on a real BIRD; and plain NAPALM, without irrgate around it."""

from __future__ import annotations

import difflib
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.platforms.bird_file import read_candidate, write_own
from tasks.drivers.bird import BirdDriver
from tests.e2e.napalm_suite import (
    ConfigTests,
    GetterTests,
    check_signature,
    drop_what_is_not_there,
    opened,
    own_methods,
)
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.wanted import needs_bird
from tests.lab.harness import PROJECT

pytestmark = [pytest.mark.e2e, needs_bird, needs_namespaces]

INITIAL = "define 'IRR-AS1-V4' = [ # ipv4\n    192.0.2.0/24\n];\n"
CHANGED = INITIAL.replace("192.0.2.0/24", "198.51.100.0/24")
MERGED = "define 'IRR-AS1-V6' = [ # ipv6\n    2001:db8::/32{32,48}\n];\n"
CANDIDATES = {
    "initial.conf": INITIAL,
    "new_good.conf": CHANGED,
    "new_typo.conf": INITIAL.replace("];", ")"),
    "merge_good.conf": MERGED,
    # One that only BIRD itself finds.
    "merge_typo.conf": MERGED.replace("2001:db8::/32", "2001:db9::/31"),
}
DIFFS = {"new_good.diff": (INITIAL, CHANGED), "merge_good.diff": (INITIAL + MERGED, INITIAL)}


def diff(path: Path, old: str, new: str) -> str:
    """The diff of two files that hold these filters, by Python's own idea of it."""
    before, after = (write_own(read_candidate(each).blocks).splitlines(True) for each in (old, new))
    return "".join(difflib.unified_diff(before, after, str(path), f"{path} (new)"))


@pytest.fixture(scope="class")
def device(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    directory = tmp_path_factory.mktemp("napalm")
    daemon = Bird(directory / "router")
    files = {name: diff(daemon.include, *texts) for name, texts in DIFFS.items()}
    files |= CANDIDATES
    with opened(daemon, BirdDriver, files, directory) as (request.cls.device, request.cls.vendor):
        yield


@pytest.mark.usefixtures("device")
class TestConfig(unittest.TestCase, ConfigTests):
    """See NAPALM."""


@pytest.mark.usefixtures("device")
class TestGetters(unittest.TestCase, GetterTests):
    """See NAPALM."""


drop_what_is_not_there(TestGetters, BirdDriver)


@pytest.mark.parametrize("name", own_methods(BirdDriver))
def test_each_method_is_called_as_napalms(name: str) -> None:
    check_signature(BirdDriver, name)


def test_napalm_finds_the_driver_by_its_name(tmp_path: Path) -> None:
    """As docs/daemons.md says it."""
    (tmp_path / "custom_napalm").mkdir()
    (tmp_path / "custom_napalm" / "__init__.py").touch()
    (tmp_path / "custom_napalm" / "bird.py").write_text(
        "from tasks.drivers.bird import BirdDriver  # noqa: F401\n"
    )
    code = "import napalm; print(napalm.get_network_driver('bird'))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{tmp_path}:{PROJECT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "<class 'tasks.drivers.bird.BirdDriver'>\n"

"""NAPALM's own driver tests, on a real BIRD; and plain NAPALM, without irrgate around it."""

from __future__ import annotations

import difflib
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from napalm.base.test.base import TestConfigNetworkDriver as NapalmConfigTests
from napalm.base.test.base import TestGettersNetworkDriver as NapalmGetterTests
from napalm.base.test.getters import BaseTestGetters

from irrgate.platforms.bird_file import read_candidate, write_own
from tasks.drivers.bird import BirdDriver
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.under_test import NEIGHBOUR_ASN, lab
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
    """Give the class what NAPALM's tests want: `device`, and `vendor`, where their files are."""
    directory = tmp_path_factory.mktemp("napalm")
    daemon = Bird(directory / "router")
    for name, text in CANDIDATES.items():
        (directory / name).write_text(text)
    for name, (old, new) in DIFFS.items():
        (directory / name).write_text(diff(daemon.include, old, new))
    with lab(daemon, directory / "lab"):
        opened = BirdDriver("router", "", "", 60, {"transport": "local", **daemon.optional_args()})
        opened.open()
        opened.load_replace_candidate(filename=str(directory / "initial.conf"))
        opened.commit_config()
        request.cls.device, request.cls.vendor = opened, str(directory)
        yield
        opened.close()


@pytest.mark.usefixtures("device")
class TestConfig(unittest.TestCase, NapalmConfigTests):  # type: ignore[misc]
    device: ClassVar[Any]
    vendor: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        """The fixture has done it."""

    @classmethod
    def tearDownClass(cls) -> None:
        """The fixture does it."""

    # It has no template that sets a host name.
    test_load_template = None


@pytest.mark.usefixtures("device")
class TestGetters(unittest.TestCase, NapalmGetterTests):  # type: ignore[misc]
    device: ClassVar[Any]

    def test_sessions(self) -> None:
        found = self.device.get_bgp_neighbors()["global"]["peers"]["198.18.0.2"]
        assert (found["is_up"], found["remote_as"]) == (True, NEIGHBOUR_ASN)


for test in dir(NapalmGetterTests):
    # The others would be skipped, one by one.
    if test.startswith("test_") and test.removeprefix("test_") not in vars(BirdDriver):
        setattr(TestGetters, test, None)


class TestSignatures:
    driver = BirdDriver

    def test_each_method_is_called_as_napalms(self) -> None:
        BaseTestGetters.test_method_signatures(self)


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

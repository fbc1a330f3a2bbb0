"""NAPALM's own driver tests, on a real FRR."""

from __future__ import annotations

import inspect
import itertools
import re
import unittest
from collections.abc import Iterator
from typing import Any, ClassVar

import napalm.base.base as napalm_base
import pytest
from napalm.base.test.base import TestConfigNetworkDriver as NapalmConfigTests
from napalm.base.test.base import TestGettersNetworkDriver as NapalmGetterTests

from tasks.drivers.frr import FrrDriver
from tests.lab.daemons.frr import Frr
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.under_test import NEIGHBOUR_ASN, lab
from tests.lab.daemons.wanted import needs_frr

pytestmark = [pytest.mark.e2e, needs_frr, needs_namespaces]

INITIAL = """\
ip prefix-list IRR-AS1-V4 seq 10 permit 192.0.2.0/24
ip prefix-list IRR-AS2-V4 seq 10 permit 10.0.0.0/8
"""
MERGED = "ip prefix-list IRR-AS2-V4 seq 20 permit 11.0.0.0/8 le 24\n"
FILES = {
    "initial.conf": INITIAL,
    "new_good.conf": INITIAL.replace("192.0.2.0/24", "198.51.100.0/24"),
    "new_good.diff": """\
--- running
+++ candidate
@@ ip prefix-list IRR-AS1-V4 @@
-ip prefix-list IRR-AS1-V4 seq 10 permit 192.0.2.0/24
+ip prefix-list IRR-AS1-V4 seq 20 permit 198.51.100.0/24
""",
    "new_typo.conf": INITIAL.replace("permit 10", "permits 10"),
    "merge_good.conf": MERGED,
    # What takes it back.
    "merge_good.diff": """\
--- running
+++ candidate
@@ ip prefix-list IRR-AS2-V4 @@
-ip prefix-list IRR-AS2-V4 seq 20 permit 11.0.0.0/8 le 24
""",
    "merge_typo.conf": MERGED.replace("le 24", "le 4"),
}


@pytest.fixture(scope="class")
def device(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Give the class what NAPALM's tests want: `device`, and `vendor`, where their files are."""
    directory = tmp_path_factory.mktemp("napalm")
    daemon = Frr(directory / "router")
    for name, text in FILES.items():
        (directory / name).write_text(text)
    with lab(daemon, directory / "lab"):
        arguments = {"transport": "local", **daemon.optional_args()}
        opened = FrrDriver("router", "", "", 60, arguments)
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

    def test_replacing_config_and_diff_and_discard(self) -> None:
        """As NAPALM's, but for the numbers, which depend on what the other tests left."""
        self.device.load_replace_candidate(filename=f"{self.vendor}/new_good.conf")
        numbers = itertools.count(10, 10)
        found = re.sub(
            r"seq [0-9]+", lambda _: f"seq {next(numbers)}", self.device.compare_config()
        )
        assert found == self.read_file(f"{self.vendor}/new_good.diff")
        self.device.discard_config()
        assert self.device.compare_config() == ""


@pytest.mark.usefixtures("device")
class TestGetters(unittest.TestCase, NapalmGetterTests):  # type: ignore[misc]
    device: ClassVar[Any]

    def test_sessions(self) -> None:
        found = self.device.get_bgp_neighbors()["global"]["peers"]["198.18.0.2"]
        assert (found["is_up"], found["remote_as"]) == (True, NEIGHBOUR_ASN)


for test in dir(NapalmGetterTests):
    # The others would be skipped, one by one.
    if test.startswith("test_") and test.removeprefix("test_") not in vars(FrrDriver):
        setattr(TestGetters, test, None)

METHODS = [name for name in vars(FrrDriver) if hasattr(napalm_base.NetworkDriver, name)]


@pytest.mark.parametrize("name", [each for each in METHODS if not each.startswith("_")])
def test_each_method_is_called_as_napalms(name: str) -> None:
    theirs = getattr(napalm_base.NetworkDriver, name)
    ours = inspect.signature(getattr(FrrDriver, name)).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in inspect.signature(theirs).parameters.values()
    ]

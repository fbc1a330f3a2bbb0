"""NAPALM's own driver tests, on a real FRR."""

from __future__ import annotations

import itertools
import re
import unittest
from collections.abc import Iterator

import pytest

from tasks.drivers.frr import FrrDriver
from tests.e2e.napalm_suite import (
    ConfigTests,
    GetterTests,
    check_signature,
    drop_what_is_not_there,
    opened,
    own_methods,
)
from tests.lab.daemons.frr import Frr
from tests.lab.daemons.namespace import needs_namespaces
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
    directory = tmp_path_factory.mktemp("napalm")
    daemon = Frr(directory / "router")
    with opened(daemon, FrrDriver, FILES, directory) as (request.cls.device, request.cls.vendor):
        yield


@pytest.mark.usefixtures("device")
class TestConfig(unittest.TestCase, ConfigTests):
    """See NAPALM."""

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
class TestGetters(unittest.TestCase, GetterTests):
    """See NAPALM."""


drop_what_is_not_there(TestGetters, FrrDriver)


@pytest.mark.parametrize("name", own_methods(FrrDriver))
def test_each_method_is_called_as_napalms(name: str) -> None:
    check_signature(FrrDriver, name)

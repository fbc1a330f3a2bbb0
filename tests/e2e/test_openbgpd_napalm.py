"""NAPALM's own driver tests, on a real OpenBGPD."""

from __future__ import annotations

import inspect
import unittest
from collections.abc import Iterator
from typing import Any, ClassVar

import napalm.base.base as napalm_base
import pytest
from napalm.base.test.base import TestConfigNetworkDriver as NapalmConfigTests
from napalm.base.test.base import TestGettersNetworkDriver as NapalmGetterTests

from tasks.drivers.openbgpd import OpenbgpdDriver
from tests.lab.daemons.openbgpd import Openbgpd
from tests.lab.daemons.under_test import NEIGHBOUR_ASN, lab
from tests.lab.daemons.wanted import needs_openbgpd

pytestmark = [pytest.mark.e2e, needs_openbgpd]

INITIAL = 'prefix-set "IRR-AS1-V4" {\n\t192.0.2.0/24\n}\n'
MERGED = 'prefix-set "IRR-AS1-V6" {\n\t2001:db8::/32 maxlen 48\n}\n'
FILES = {
    "initial.conf": INITIAL,
    "new_good.conf": INITIAL.replace("192.0.2.0/24", "198.51.100.0/24"),
    "new_good.diff": """\
--- {include}
+++ {include}
@@ -1,4 +1,4 @@
 # Written by irrgate: a change by hand is undone by the next one.
 prefix-set "IRR-AS1-V4" {{
-\t192.0.2.0/24
+\t198.51.100.0/24
 }}
""",
    "new_typo.conf": INITIAL.replace("}", "maxlan 24 }"),
    "merge_good.conf": MERGED,
    # What takes it back.
    "merge_good.diff": """\
--- {include}
+++ {include}
@@ -2,6 +2,3 @@
 prefix-set "IRR-AS1-V4" {{
 \t192.0.2.0/24
 }}
-prefix-set "IRR-AS1-V6" {{
-\t2001:db8::/32 maxlen 48
-}}
""",
    # One that only bgpd itself finds: the bits beyond the length are allowed, the length is not.
    "merge_typo.conf": MERGED.replace("2001:db8::/32 maxlen 48", "2001:db8::/32 maxlen 129"),
}


@pytest.fixture(scope="class")
def device(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Give the class what NAPALM's tests want: `device`, and `vendor`, where their files are."""
    directory = tmp_path_factory.mktemp("napalm")
    daemon = Openbgpd(directory / "router")
    for name, text in FILES.items():
        shown = text.format(include=daemon.include) if name.endswith(".diff") else text
        (directory / name).write_text(shown)
    with lab(daemon, directory / "lab"):
        arguments = {"transport": "local", **daemon.optional_args()}
        opened = OpenbgpdDriver("router", "", "", 60, arguments)
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
    if test.startswith("test_") and test.removeprefix("test_") not in vars(OpenbgpdDriver):
        setattr(TestGetters, test, None)

METHODS = [name for name in vars(OpenbgpdDriver) if hasattr(napalm_base.NetworkDriver, name)]


@pytest.mark.parametrize("name", [each for each in METHODS if not each.startswith("_")])
def test_each_method_is_called_as_napalms(name: str) -> None:
    theirs = getattr(napalm_base.NetworkDriver, name)
    ours = inspect.signature(getattr(OpenbgpdDriver, name)).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in inspect.signature(theirs).parameters.values()
    ]

"""NAPALM's own driver tests, on a real OpenBGPD."""

from __future__ import annotations

import unittest
from collections.abc import Iterator

import pytest

from tasks.drivers.openbgpd import OpenbgpdDriver
from tests.e2e.napalm_suite import (
    ConfigTests,
    GetterTests,
    check_signature,
    drop_what_is_not_there,
    opened,
    own_methods,
)
from tests.lab.daemons.openbgpd import Openbgpd
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
    directory = tmp_path_factory.mktemp("napalm")
    daemon = Openbgpd(directory / "router")
    files = {
        name: text.format(include=daemon.include) if name.endswith(".diff") else text
        for name, text in FILES.items()
    }
    with opened(daemon, OpenbgpdDriver, files, directory) as (
        request.cls.device,
        request.cls.vendor,
    ):
        yield


@pytest.mark.usefixtures("device")
class TestConfig(unittest.TestCase, ConfigTests):
    """See NAPALM."""


@pytest.mark.usefixtures("device")
class TestGetters(unittest.TestCase, GetterTests):
    """See NAPALM."""


drop_what_is_not_there(TestGetters, OpenbgpdDriver)


@pytest.mark.parametrize("name", own_methods(OpenbgpdDriver))
def test_each_method_is_called_as_napalms(name: str) -> None:
    check_signature(OpenbgpdDriver, name)

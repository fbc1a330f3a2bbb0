"""NAPALM's own driver tests, for the drivers of routing daemons: what each of them shares.

A test file has a class of each kind for its driver, and a fixture `device` that uses `opened`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import napalm.base.base as napalm_base
from napalm.base.test.base import TestConfigNetworkDriver as NapalmConfigTests
from napalm.base.test.base import TestGettersNetworkDriver as NapalmGetterTests

from tests.lab.daemons.under_test import NEIGHBOUR_ASN, DaemonUnderTest, lab


@contextmanager
def opened(
    daemon: DaemonUnderTest, driver: type[Any], files: Mapping[str, str], directory: Path
) -> Iterator[tuple[Any, str]]:
    """Yield what NAPALM's tests want: `device`, and `vendor`, where their files are."""
    for name, text in files.items():
        (directory / name).write_text(text)
    with lab(daemon, directory / "lab"):
        device = driver("router", "", "", 60, {"transport": "local", **daemon.optional_args()})
        device.open()
        device.load_replace_candidate(filename=str(directory / "initial.conf"))
        device.commit_config()
        yield device, str(directory)
        device.close()


class ConfigTests(NapalmConfigTests):  # type: ignore[misc]
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


class GetterTests(NapalmGetterTests):  # type: ignore[misc]
    device: ClassVar[Any]

    def test_sessions(self) -> None:
        found = self.device.get_bgp_neighbors()["global"]["peers"]["198.18.0.2"]
        assert (found["is_up"], found["remote_as"]) == (True, NEIGHBOUR_ASN)


def drop_what_is_not_there(tests: type[GetterTests], driver: type[Any]) -> None:
    """Take out the tests of getters that a driver has not: they would be skipped, one by one."""
    ours = own_methods(driver)
    for test in dir(NapalmGetterTests):
        if test.startswith("test_") and test.removeprefix("test_") not in ours:
            setattr(tests, test, None)


def own_methods(driver: type[Any]) -> list[str]:
    """Return the public methods of NAPALM's that a driver, or what it is made of, brings along."""
    theirs = napalm_base.NetworkDriver
    return [
        name
        for name in dir(driver)
        if not name.startswith("_")
        and hasattr(theirs, name)
        and getattr(driver, name) is not getattr(theirs, name)
    ]


def check_signature(driver: type[Any], name: str) -> None:
    """Check that a method is called as NAPALM's is."""
    theirs = inspect.signature(getattr(napalm_base.NetworkDriver, name)).parameters
    ours = inspect.signature(getattr(driver, name)).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in theirs.values()
    ]

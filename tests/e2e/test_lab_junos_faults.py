"""Faults of the emulated Junos device, and what the real JunOSDriver makes of each.

Most of it are exceptions of PyEZ, ncclient and lxml, not NAPALM's own: a caller that catches
NapalmException alone lets them through. What the device did meanwhile is in its apply log.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from jnpr.junos.exception import (  # type: ignore[import-untyped]
    CommitError,
    ConnectAuthError,
    ConnectClosedError,
    ConnectError,
    ConnectRefusedError,
    RpcError,
    RpcTimeoutError,
)
from lxml.etree import XMLSyntaxError
from napalm.base.exceptions import (
    LockError,
    MergeConfigException,
    NapalmException,
)
from napalm.junos.junos import JunOSDriver

from tests.lab.harness import LabDevice
from tests.lab.junos_driver import (
    CHANGE,
    RUNNING,
    events,
    eventually,
    opened,
    reset,
    verified,
)

pytestmark = pytest.mark.e2e

CHANGED = RUNNING.replace("192.0.2.0/24", "203.0.113.0/24")
LOCKED = ["lock"]
GIVEN_UP = ["lock", "discard", "unlock"]
COMMITTED = ["lock", "commit", "unlock"]
UNCONFIRMED = ["lock", "commit-confirmed", "unlock"]


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    with LabDevice.start("junos", "edge1", tmp_path_factory.mktemp("lab") / "edge1") as device:
        yield device


@pytest.fixture
def edge1(device: LabDevice) -> LabDevice:
    reset(device)
    return device


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    # ncclient and paramiko log each connection that breaks, with its traceback.
    for name in ("ncclient", "paramiko"):
        caplog.set_level(logging.CRITICAL, logger=name)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="An unknown exception occurred")
        yield


def load(driver: JunOSDriver) -> None:
    driver.load_merge_candidate(config=CHANGE)


def read(driver: JunOSDriver) -> None:
    driver.get_config(retrieve="running")


def commit(driver: JunOSDriver) -> None:
    driver.commit_config()


def commit_unconfirmed(driver: JunOSDriver) -> None:
    driver.commit_config(revert_in=60)


def confirm(driver: JunOSDriver) -> None:
    driver.confirm_commit()


STEPS: dict[str, tuple[Callable[[JunOSDriver], None], ...]] = {
    "get_config": (read,),
    "load": (load,),
    "compare": (load, lambda driver: driver.compare_config()),
    "commit": (load, commit),
    "confirm": (
        load,
        commit_unconfirmed,
        confirm,
    ),
    "bgp": (lambda driver: driver.get_bgp_neighbors(),),
    "rollback": (
        load,
        commit_unconfirmed,
        lambda driver: driver.rollback(),
    ),
    "discard": (load, lambda driver: driver.discard_config()),
}
"""What a driver does up to and with each step."""


def do_all(device: LabDevice, actions: Sequence[Callable[[JunOSDriver], None]]) -> None:
    with opened(device) as driver:
        for action in actions:
            action(driver)


@pytest.mark.parametrize(
    ("kind", "step", "raised", "did"),
    [
        ("error", "get_config", RpcError, []),
        ("drop", "get_config", ConnectClosedError, []),
        ("garbage", "get_config", XMLSyntaxError, []),
        ("hang", "get_config", RpcTimeoutError, []),
        ("error", "load", MergeConfigException, ["lock", "unlock"]),
        ("drop", "load", ConnectClosedError, ["lock", "unlock"]),
        ("drop_after", "load", ConnectClosedError, GIVEN_UP),
        ("garbage", "load", XMLSyntaxError, GIVEN_UP),
        ("hang", "load", RpcTimeoutError, ["lock", "unlock"]),
        ("slow", "load", RpcTimeoutError, GIVEN_UP),
        ("error", "compare", RpcError, GIVEN_UP),
        ("drop", "compare", ConnectClosedError, GIVEN_UP),
        ("error", "commit", CommitError, GIVEN_UP),
        ("drop", "commit", ConnectClosedError, GIVEN_UP),
        ("drop_after", "commit", ConnectClosedError, COMMITTED),
        ("garbage", "commit", XMLSyntaxError, COMMITTED),
        ("hang", "commit", RpcTimeoutError, GIVEN_UP),
        ("slow", "commit", RpcTimeoutError, COMMITTED),
        ("error", "confirm", CommitError, UNCONFIRMED),
        ("drop", "confirm", ConnectClosedError, UNCONFIRMED),
        ("drop_after", "confirm", ConnectClosedError, [*UNCONFIRMED, "confirmed"]),
        ("error", "bgp", RpcError, []),
        ("drop", "bgp", ConnectClosedError, []),
        ("error", "rollback", RpcError, UNCONFIRMED),
        ("drop", "rollback", ConnectClosedError, UNCONFIRMED),
        ("error", "discard", RpcError, GIVEN_UP),
        ("drop", "discard", ConnectClosedError, GIVEN_UP),
    ],
)
def test_a_fault_at_a_step(
    edge1: LabDevice, kind: str, step: str, raised: type[Exception], did: list[str]
) -> None:
    with opened(edge1) as driver:
        *before, struck = STEPS[step]
        for action in before:
            action(driver)
        edge1.inject(kind, step)
        if kind in {"hang", "slow"}:
            driver.device.timeout = 1
        with pytest.raises(raised) as caught:
            struck(driver)
    assert isinstance(caught.value, NapalmException) == (raised is MergeConfigException)
    assert edge1.faults()[0]["struck"] == 1
    assert eventually(lambda: edge1.ask("sessions") == [])
    assert events(edge1) == did
    assert edge1.locks() == []
    was_applied = {"commit", "commit-confirmed"} & set(did)
    assert edge1.running() == (CHANGED if was_applied else RUNNING)


def test_the_commit_of_a_rollback_is_told_from_one_that_confirms(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        for action in STEPS["rollback"][:-1]:
            action(driver)
        edge1.inject("drop_after", "rollback", skip=1)
        edge1.inject("error", "confirm")
        with pytest.raises(ConnectClosedError):
            driver.rollback()
    assert [fault["struck"] for fault in edge1.faults()] == [1, 0]
    assert edge1.running() == RUNNING


@pytest.mark.parametrize(
    ("fault", "step", "did"),
    [
        ("hang", "load", LOCKED),
        ("hang_after", "load", LOCKED),
        ("hang", "commit", LOCKED),
        ("hang_after", "commit", UNCONFIRMED[:2]),
        ("hang", "confirm", UNCONFIRMED),
        ("hang_after", "confirm", [*UNCONFIRMED, "confirmed"]),
    ],
)
def test_a_device_that_hangs_says_so_while_it_does(
    edge1: LabDevice, fault: str, step: str, did: list[str]
) -> None:
    with opened(edge1) as driver, ThreadPoolExecutor(1) as pool:
        load(driver)
        if step == "confirm":
            driver.commit_config(revert_in=60)
        edge1.inject(fault, step)
        struck = {"load": load, "commit": commit_unconfirmed, "confirm": confirm}[step]
        waiting = pool.submit(struck, driver)
        assert edge1.wait_for_hang()
        assert events(edge1) == did
        edge1.clear_faults()
        assert waiting.exception(timeout=5) is not None
    assert not edge1.hangs()


@pytest.mark.parametrize(
    ("step", "fault", "did", "changed"),
    [
        ("connect", "restart", ["start"], False),
        ("login", "restart", ["start"], False),
        ("get_config", "restart_after", ["start"], False),
        ("load", "restart", ["lock", "start"], False),
        ("load", "restart_after", ["lock", "start"], False),
        ("commit", "restart", ["lock", "start"], False),
        ("commit", "restart_after", ["lock", "commit", "start"], True),
        ("confirm", "restart", [*UNCONFIRMED, "start"], True),
        ("confirm", "restart_after", [*UNCONFIRMED, "confirmed", "start"], True),
        ("rollback", "restart", [*UNCONFIRMED, "start"], True),
        ("discard", "restart", ["lock", "start"], False),
    ],
)
def test_a_device_that_reboots_keeps_what_was_committed(
    edge1: LabDevice, step: str, fault: str, did: list[str], *, changed: bool
) -> None:
    edge1.inject(fault, step)
    with pytest.raises((ConnectError, ConnectClosedError)):
        do_all(edge1, STEPS.get(step, ()))
    assert edge1.faults()[0]["struck"] == 1
    assert events(edge1) == did
    assert edge1.locks() == []
    assert edge1.running() == (CHANGED if changed else RUNNING)
    with opened(edge1) as driver:
        read(driver)


def test_a_reboot_does_not_lose_the_timer_of_a_commit(edge1: LabDevice) -> None:
    edge1.inject("restart_after", "commit")
    with pytest.raises(ConnectClosedError):
        do_all(edge1, (load, commit_unconfirmed))
    assert edge1.running() == CHANGED
    assert [each["name"] for each in edge1.candidates()] == ["commit confirmed"]
    edge1.advance(61)
    assert edge1.running() == RUNNING
    assert events(edge1) == ["lock", "commit-confirmed", "start", "rollback-timer"]


def test_neighbors_that_a_commit_changes(edge1: LabDevice) -> None:
    up = {"address": "198.51.100.2", "peer_as": 64500, "accepted": 20, "uptime": 60}
    edge1.set_neighbors([up], after_commit=[{**up, "accepted": 1}])

    def accepted(driver: JunOSDriver) -> int:
        peers = driver.get_bgp_neighbors()["global"]["peers"]
        return int(peers["198.51.100.2"]["address_family"]["ipv4"]["accepted_prefixes"])

    with opened(edge1) as driver:
        assert accepted(driver) == 20
        load(driver)
        driver.commit_config(revert_in=60)
        assert accepted(driver) == 1
        edge1.advance(61)
        assert accepted(driver) == 20


def test_a_close_after_a_timeout_leaves_the_session_and_its_lock(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        load(driver)
        edge1.inject("hang", "compare")
        driver.device.timeout = 1
        with pytest.raises(RpcTimeoutError):
            driver.compare_config()
        with pytest.raises(RpcTimeoutError):
            driver.close()
        assert driver.device._conn._session.transport.is_active()
        assert [lock["user"] for lock in edge1.locks()] == ["lab"]
        # This is what ends it (and what `opened` does).
        driver.device._conn._session.close()
        assert eventually(lambda: edge1.locks() == [])
    assert events(edge1) == GIVEN_UP


def test_a_truncated_config_is_still_an_answer(edge1: LabDevice) -> None:
    edge1.inject("truncate", "get_config")
    with opened(edge1) as driver:
        running = driver.get_config(retrieve="running")["running"]
        whole = driver.get_config(retrieve="running")["running"]
    assert len(running) < len(whole)
    assert whole.startswith(running)


@pytest.mark.parametrize("kind", ["error", "drop"])
def test_a_fault_at_close(edge1: LabDevice, kind: str) -> None:
    with opened(edge1) as driver:
        load(driver)
        edge1.inject(kind, "close")
        if kind == "error":
            with pytest.raises(Exception, match="internal error"):
                driver.close()
        else:
            driver.close()
    assert eventually(lambda: edge1.locks() == [])
    assert events(edge1) == GIVEN_UP


def test_a_foreign_lock_stands_until_it_is_cleared(edge1: LabDevice) -> None:
    edge1.inject("foreign_lock", "load")
    with opened(edge1) as driver:
        for _ in range(2):
            with pytest.raises(LockError, match=r"locked by:\n  noc terminal  \(pid 4711\)"):
                load(driver)
        assert [lock["user"] for lock in edge1.locks()] == ["noc"]
        edge1.clear_faults()
        load(driver)


def test_refused_at_connect(edge1: LabDevice) -> None:
    edge1.inject("refuse", "connect")
    driver = verified(edge1)
    with pytest.raises(ConnectRefusedError):
        driver.open()
    driver.open()
    driver.close()


def test_a_silent_port(edge1: LabDevice) -> None:
    # It hangs up after a second here. A driver would wait for 15 s (paramiko's banner timeout),
    # whatever its own timeout is, and PyEZ calls it refused when it took less than 3 s.
    edge1.inject("hang", "connect", seconds=1)
    with pytest.raises(ConnectError) as caught:
        verified(edge1, timeout=1).open()
    assert "Error reading SSH protocol banner" in str(caught.value.__context__)


@pytest.mark.parametrize("kind", ["error", "drop"])
def test_a_fault_at_login(edge1: LabDevice, kind: str) -> None:
    edge1.inject(kind, "login")
    with pytest.raises(ConnectAuthError):
        verified(edge1).open()

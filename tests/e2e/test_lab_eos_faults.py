"""What NAPALM's EOSDriver does at each fault of the emulated EOS, and what the device did."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from napalm.base.exceptions import SessionLockedException
from napalm.eos.eos import EOSDriver
from pyeapi.eapilib import (  # type: ignore[import-untyped]
    CommandError,
)
from pyeapi.eapilib import ConnectionError as EapiConnectionError

from tests.lab.harness import LabDevice, LabError

pytestmark = pytest.mark.e2e

NEW_LIST = "ip prefix-list IRR-AS64501-V4\n   seq 10 permit 203.0.113.0/24\n!\n"
CUT = "Remote end closed connection without response"
HUNG = "timed out"
NONSENSE = "unable to connect to eAPI"
OWN_ERROR = r"Error \[1000\]: CLI command .* failed: could not run command .*Disk is full"

Step = Callable[[EOSDriver], object]
New = Callable[..., EOSDriver]


def do_open(driver: EOSDriver) -> None:
    driver.open()


def do_get_config(driver: EOSDriver) -> None:
    driver.get_config(retrieve="running")


def do_load(driver: EOSDriver) -> None:
    driver.load_merge_candidate(config=NEW_LIST)


def do_commit(driver: EOSDriver) -> None:
    driver.commit_config()


# step: what is done before the fault is armed, what it strikes, what the log then holds after the
# step was applied, and after it was not.
STEPS: dict[str, tuple[list[Step], Step, list[str], list[str]]] = {
    "login": ([], do_open, [], []),
    "get_config": ([do_open], do_get_config, [], []),
    "load": ([do_open], do_load, ["session"], []),
    "compare": ([do_open, do_load], EOSDriver.compare_config, ["session"], ["session"]),
    "commit": (
        [do_open, do_load],
        do_commit,
        ["session", "commit", "write-memory"],
        ["session"],
    ),
    "confirm": (
        [do_open, do_load, lambda driver: driver.commit_config(revert_in=300)],
        EOSDriver.confirm_commit,
        ["session", "commit-confirmed", "confirmed", "write-memory"],
        ["session", "commit-confirmed"],
    ),
    "bgp": ([do_open], EOSDriver.get_bgp_neighbors, [], []),
    "rollback": (
        [do_open, do_load, lambda driver: driver.commit_config(revert_in=300)],
        EOSDriver.rollback,
        ["session", "commit-confirmed", "rollback", "write-memory"],
        ["session", "commit-confirmed"],
    ),
    "discard": (
        [do_open, do_load],
        EOSDriver.discard_config,
        ["session", "discard"],
        ["session"],
    ),
    "close": ([do_open, do_load], EOSDriver.close, ["session", "discard"], ["session"]),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # pyeapi logs every failing connection with its traceback.
    logging.getLogger("pyeapi").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("pyeapi").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def powered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("faults")
    with LabDevice.start("eos", "edge1", directory / "edge1") as device:
        yield device


@pytest.fixture
def edge1(powered: LabDevice) -> LabDevice:
    """The module's one device, as if it were new: its log says when that was."""
    if not powered.alive:
        powered.restart()
    powered.clear_faults()
    powered.ask("forget_sessions")
    powered.set_running("hostname edge1\n")
    return powered


@pytest.fixture
def new_driver(edge1: LabDevice) -> Iterator[New]:
    drivers: list[EOSDriver] = []

    def new(timeout: float = 10) -> EOSDriver:
        driver = EOSDriver(
            edge1.host,
            edge1.username,
            edge1.password,
            timeout=timeout,
            optional_args=edge1.napalm_optional_args(),
        )
        drivers.append(driver)
        return driver

    yield new
    for driver in drivers:
        driver.config_session = None  # its __del__ closes, and a close aborts this session


def events(device: LabDevice) -> list[str]:
    """What happened since the device was made new."""
    all_events = [record.event for record in device.apply_log()]
    return all_events[len(all_events) - all_events[::-1].index("set-running") :]


def strike(device: LabDevice, step: str, driver: EOSDriver) -> None:
    assert [fault["struck"] for fault in device.faults()] == [0]
    try:
        STEPS[step][1](driver)
    finally:
        assert [fault["struck"] for fault in device.faults()] == [1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("fault", "message", "applied"),
    [
        ("drop", CUT, False),
        ("drop_after", CUT, True),
        ("garbage", NONSENSE, True),
        ("error", OWN_ERROR, False),
    ],
)
def test_fault_at_step(
    edge1: LabDevice, new_driver: New, step: str, fault: str, message: str, *, applied: bool
) -> None:
    before, _, log_applied, log_not_applied = STEPS[step]
    driver = new_driver()
    for action in before:
        action(driver)
    edge1.inject(fault, step, text="Disk is full")
    kind = CommandError if fault == "error" else EapiConnectionError
    if (step, fault) == ("login", "error"):
        kind, message = EapiConnectionError, "Unauthorized. Unable to authenticate user"
    if (step, fault) == ("load", "error"):
        # The driver aborts a session that was not made, and raises what the abort says.
        message = r"Session napalm_\d+ does not exist"
    with pytest.raises(kind, match=message):
        strike(edge1, step, driver)
    assert events(edge1) == (log_applied if applied else log_not_applied)


@pytest.mark.parametrize("step", ["login", "get_config", "load", "commit", "discard"])
def test_a_hang_applies_nothing(edge1: LabDevice, new_driver: New, step: str) -> None:
    before, _, _, log_not_applied = STEPS[step]
    driver = new_driver(timeout=0.3)
    for action in before:
        action(driver)
    edge1.inject("hang", step, seconds=60)
    with pytest.raises(EapiConnectionError, match=HUNG):
        strike(edge1, step, driver)
    edge1.clear_faults()
    time.sleep(0.1)  # time in which the request that hung could be applied
    assert events(edge1) == log_not_applied


def test_a_slow_commit_is_applied_though_its_client_gave_up(
    edge1: LabDevice, new_driver: New
) -> None:
    driver = new_driver(timeout=0.3)
    do_open(driver)
    do_load(driver)
    edge1.inject("slow", "commit", seconds=60)
    with pytest.raises(EapiConnectionError, match=HUNG):
        strike(edge1, "commit", driver)
    assert events(edge1) == ["session"]
    edge1.clear_faults()
    deadline = time.monotonic() + 5
    while "write-memory" not in events(edge1) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "IRR-AS64501-V4" in edge1.running()


@pytest.mark.parametrize(
    ("fault", "message"),
    [("refuse", "Connection reset by peer"), ("hang", HUNG), ("slow", HUNG)],
)
def test_fault_at_connect(edge1: LabDevice, new_driver: New, fault: str, message: str) -> None:
    driver = new_driver(timeout=0.3)
    edge1.inject(fault, "connect", seconds=60)
    with pytest.raises(EapiConnectionError, match=message):
        driver.open()
    edge1.clear_faults()
    driver.open()


def test_a_device_without_power_refuses_connections(edge1: LabDevice, new_driver: New) -> None:
    driver = new_driver()
    edge1.kill()
    with pytest.raises(EapiConnectionError, match="Connection refused"):
        driver.open()


def test_a_truncated_running_config_is_no_error_of_the_driver(
    edge1: LabDevice, new_driver: New
) -> None:
    driver = new_driver()
    driver.open()
    edge1.inject("truncate", "get_config")
    text = driver.get_config(retrieve="running")["running"]
    whole = edge1.running()
    assert text == whole[: len(whole) // 2]
    assert driver.get_config(retrieve="running")["running"] == whole


def test_a_fault_strikes_as_often_as_it_was_armed(edge1: LabDevice, new_driver: New) -> None:
    driver = new_driver()
    driver.open()
    edge1.inject("drop", "get_config", count=2)
    for _ in range(2):
        with pytest.raises(EapiConnectionError):
            do_get_config(driver)
    do_get_config(driver)


def test_steps_go_by_before_a_fault_that_skips_them(edge1: LabDevice, new_driver: New) -> None:
    driver = new_driver()
    driver.open()
    edge1.inject("error", "get_config", skip=2, text="Disk is full")
    do_get_config(driver)
    do_get_config(driver)
    assert edge1.faults()[0]["struck"] == 0
    with pytest.raises(CommandError, match=OWN_ERROR):
        do_get_config(driver)
    do_get_config(driver)
    assert edge1.steps()["get_config"] == 4


@pytest.mark.parametrize(("fault", "applied"), [("hang", False), ("hang_after", True)])
@pytest.mark.parametrize("step", ["load", "commit", "confirm", "rollback"])
def test_a_device_that_hangs_says_so_while_it_does(
    edge1: LabDevice, new_driver: New, step: str, fault: str, *, applied: bool
) -> None:
    before, struck, log_applied, log_not_applied = STEPS[step]
    driver = new_driver()
    for action in before:
        action(driver)
    edge1.inject(fault, step)
    assert not edge1.hangs()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(struck, driver)
        assert edge1.wait_for_hang()
        assert events(edge1) == (log_applied if applied else log_not_applied)
        edge1.clear_faults()
        assert isinstance(waiting.exception(timeout=5), EapiConnectionError)
    assert not edge1.hangs()
    assert events(edge1) == (log_applied if applied else log_not_applied)


RESTARTS = {
    # What the log holds once it is up again, and whether it has the new list: an EOS comes up with
    # its startup config, and a commit is in there only after `write memory`.
    "connect": (["start"], ["start"]),
    "login": (["start"], ["start"]),
    "get_config": (["start"], ["start"]),
    "load": (["start"], ["session", "start"]),
    "compare": (["session", "start"], ["session", "start"]),
    "commit": (["session", "start"], ["session", "commit", "start"]),
    "bgp": (["start"], ["start"]),
    "confirm": (
        ["session", "commit-confirmed", "start"],
        ["session", "commit-confirmed", "confirmed", "start"],
    ),
    "rollback": (
        ["session", "commit-confirmed", "start"],
        ["session", "commit-confirmed", "rollback", "start"],
    ),
    "discard": (["session", "start"], ["session", "discard", "start"]),
}


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (step, fault)
        for step in RESTARTS
        for fault in ("restart", "restart_after")
        if fault == "restart" or step not in {"connect", "login"}
    ],
)
def test_a_device_that_reboots_forgets_what_was_not_saved(
    edge1: LabDevice, new_driver: New, step: str, fault: str
) -> None:
    before, struck = ([], do_open) if step == "connect" else STEPS[step][:2]
    driver = new_driver()
    for action in before:
        action(driver)
    port, pid = edge1.port, edge1.pid
    edge1.inject(fault, step)
    with pytest.raises(EapiConnectionError):
        struck(driver)
    assert edge1.faults()[0]["struck"] == 1
    assert events(edge1) == RESTARTS[step][fault == "restart_after"]
    assert edge1.candidates() == []
    assert "IRR-AS64501-V4" not in edge1.running()
    assert (edge1.port, edge1.pid, edge1.alive) == (port, pid, True)
    do_open(new_driver())


def test_a_foreign_session_that_begins_at_a_step(edge1: LabDevice, new_driver: New) -> None:
    driver = new_driver()
    do_open(driver)
    edge1.inject("foreign_lock_from", "compare")
    do_load(driver)
    assert edge1.faults()[0]["struck"] == 0
    assert [lock["user"] for lock in edge1.locks()] == ["lab"]
    driver.compare_config()
    assert [lock["user"] for lock in edge1.locks()] == ["lab", "noc"]
    driver.discard_config()
    second = new_driver()
    do_open(second)
    with pytest.raises(SessionLockedException):
        do_load(second)
    # By coming, and by each look at the sessions since.
    assert int(str(edge1.faults()[0]["struck"])) >= 2


def test_neighbors_that_a_commit_changes(edge1: LabDevice, new_driver: New) -> None:
    up = {"address": "198.51.100.2", "asn": 64500, "accepted": 20}
    edge1.set_neighbors([up], after_commit=[{**up, "state": "Active", "accepted": 0}])
    driver = new_driver()
    do_open(driver)
    do_load(driver)

    def is_up() -> bool:
        peers = driver.get_bgp_neighbors()["global"]["peers"]
        return bool(peers["198.51.100.2"]["is_up"])

    assert is_up()
    driver.commit_config(revert_in=60)
    assert not is_up()
    edge1.advance(61)
    assert is_up()


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ("truncate", "commit"),
        ("restart_after", "connect"),
        ("hang_after", "login"),
        ("refuse", "load"),
        ("explode", "load"),
        ("drop", "lunch"),
    ],
)
def test_a_fault_that_cannot_be_is_refused(edge1: LabDevice, fault: str, step: str) -> None:
    with pytest.raises(LabError):
        edge1.inject(fault, step)

"""What NAPALM's EOSDriver does at each fault of the emulated EOS, and what the device did."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import pytest
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


@pytest.mark.parametrize(
    ("fault", "step"),
    [("truncate", "commit"), ("refuse", "load"), ("explode", "load"), ("drop", "lunch")],
)
def test_a_fault_that_cannot_be_is_refused(edge1: LabDevice, fault: str, step: str) -> None:
    with pytest.raises(LabError):
        edge1.inject(fault, step)

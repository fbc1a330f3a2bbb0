"""The real JunOSDriver on an emulated device, its host key verified, for tests."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import ncclient.transport.session
from napalm.junos.junos import JunOSDriver

from tests.lab.apply_log import Applied
from tests.lab.harness import LabDevice

# ncclient looks for something to send every 0.1 s only: each request waits for that, and a test
# makes ten. Nothing else depends on it.
ncclient.transport.session.TICK = 0.005

RUNNING = """\
system {
    host-name edge1;
}
policy-options {
    route-filter-list IRR-AS64500-V4 {
        192.0.2.0/24 exact;
    }
    policy-statement FROM-AS64500 {
        term irr {
            from route-filter-list IRR-AS64500-V4;
            then accept;
        }
        then reject;
    }
}
protocols {
    bgp {
        group CUSTOMERS {
            neighbor 198.51.100.2 {
                import FROM-AS64500;
            }
        }
    }
}
"""


def change(body: str, tag: str = "replace: ") -> str:
    """A candidate for the filter of RUNNING."""
    return f"policy-options {{\n    {tag}route-filter-list IRR-AS64500-V4 {{ {body} }}\n}}\n"


CHANGE = change("203.0.113.0/24 exact;")
DIFF = """\
[edit policy-options route-filter-list IRR-AS64500-V4]
-    192.0.2.0/24 exact;
+    203.0.113.0/24 exact;"""


def verified(device: LabDevice, timeout: int = 20, **optional: object) -> JunOSDriver:
    """A driver that is not open yet; it takes the device's own host key and no other."""
    arguments = {**device.napalm_optional_args(), **optional}
    driver = JunOSDriver(
        device.host, device.username, device.password, timeout, optional_args=arguments
    )
    driver.device._hostkey_verify = True
    return driver


@contextlib.contextmanager
def opened(device: LabDevice, timeout: int = 20, **optional: object) -> Iterator[JunOSDriver]:
    """An open driver; its session ends with the block, in whatever state it is."""
    driver = verified(device, timeout, **optional)
    driver.open()
    try:
        yield driver
    finally:
        cut(driver)


def cut(driver: JunOSDriver) -> None:
    """End the SSH connection; after a timeout `driver.close()` leaves it (and its lock) alone."""
    with contextlib.suppress(Exception):
        driver.device._conn._session.close()


def reset(device: LabDevice, running: str = RUNNING) -> None:
    """Make a device that was used before like new, but for its history."""
    device.clear_faults()
    device.ask("netconf_11", enabled=False)
    eventually(lambda: device.ask("sessions") == [])
    device.set_running(running)


def applied(device: LabDevice) -> list[Applied]:
    """What the device did since it was reset."""
    log = device.apply_log()
    starts = [i for i, entry in enumerate(log) if entry.event == "set-running"]
    return log[starts[-1] + 1 if starts else 1 :]


def events(device: LabDevice) -> list[str]:
    return [entry.event for entry in applied(device)]


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within 5 s: a device takes its time to see that a client is gone."""
    deadline = time.monotonic() + 5
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

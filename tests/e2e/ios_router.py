"""The IOS driver before an emulated router with a filter in it, for tests of the driver alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irrgate.platforms.ios import Ios
from irrgate.platforms.platform import ManagedList
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.ios import IosDriver
from tests.lab.harness import LabDevice
from tests.lab.ios_semantics import states
from tests.lab.network import EMPTY_CONFIG
from tests.unit.platforms.routers import NAMES, RENDERER, WANTED

NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
BLANK = EMPTY_CONFIG["ios"].format(name="edge1.mex")
OLD = PrefixSet.parse(Afi.IPV4, ["10.10.0.0/17 le 24", "192.0.2.0/24"])
NEW = PrefixSet.parse(Afi.IPV4, ["10.10.0.0/17 le 24", "198.51.100.0/24"])
OTHER = PrefixSet.parse(Afi.IPV4, ["203.0.113.0/24"])
SAMPLES = ["10.10.0.0/17", "10.10.64.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]


def renewed(device: LabDevice) -> LabDevice:
    """The router with OLD in its filter, its floor included."""
    device.clear_faults()
    device.ask("secret", secret="")
    device.ask("nvram_locked", locked=False)
    device.ask("cleared")
    device.set_running(BLANK)
    with connected(device) as driver:
        load(driver, OLD)
        driver.commit_config()
        driver.save_config()
    return device


def connected(device: LabDevice, **changed: Any) -> IosDriver:
    device.napalm_optional_args()  # writes known_hosts
    arguments = {"port": device.port, "known_hosts": str(device.directory / "known_hosts")}
    password = changed.pop("password", device.password)
    return IosDriver(device.host, device.username, password, 5, {**arguments, **changed})


def lists(driver: IosDriver) -> dict[str, ManagedList]:
    running = driver.get_config(retrieve="running")["running"]
    return dict(Ios().parse(running, WANTED, "IRR-").lists)


def delta(driver: IosDriver, *filters: PrefixSet) -> str:
    held = lists(driver)
    printed = [Ios().printed(NAMES[s.afi], s, held.get(NAMES[s.afi])) for s in filters]
    return RENDERER.render("ios", printed)


def load(driver: IosDriver, *filters: PrefixSet) -> None:
    driver.load_merge_candidate(config=delta(driver, *filters))


def holds(driver: IosDriver, prefixes: PrefixSet) -> bool:
    found = lists(driver).get(NAMES[prefixes.afi])
    return found is not None and found.plain and found.prefixes == prefixes


def events(device: LabDevice) -> list[str]:
    """What happened since the router was made as it is for a test."""
    device.running()
    records = device.apply_log()
    last = max(at for at, each in enumerate(records) if each.event == "set-running")
    return [each.event for each in records[last + 3 :]]


def applied(device: LabDevice) -> list[str]:
    """Every line that the router took since OLD was in its filter."""
    device.running()
    records = device.apply_log()
    last = max(at for at, each in enumerate(records) if each.event == "set-running")
    texts = [each.detail for each in records[last + 3 :] if each.event == "lines"]
    return [line for text in texts for line in text.split("\n")]


def with_old(device: LabDevice) -> str:
    running = str(device.ask("startup"))
    assert NAME in running
    return running


def never_wrong(before: str, lines: Sequence[str], allowed: PrefixSet, kept: PrefixSet) -> None:
    """At no line was the list missing, wider than `allowed`, or without what is in `kept`."""

    def of(prefixes: PrefixSet) -> set[str]:
        found = set()
        for sample in SAMPLES:
            [(address, length, *_)] = PrefixSet.parse(Afi.IPV4, [sample]).entries()
            if prefixes.contains(address, length):
                found.add(sample)
        return found

    seen = list(states(before, lines, NAME, SAMPLES))
    assert len(seen) > 1
    for state in seen:
        assert of(kept) <= state <= of(allowed)


def many(count: int) -> PrefixSet:
    keys = (((10 << 24) + (2 * at << 8), 24, 24, 24) for at in range(count))
    return PrefixSet.from_entries(Afi.IPV4, keys)

"""A workspace with one emulated IOS-XR router, which the tests of a process share."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from irrgate.prefixes import PrefixSet
from tasks.drivers.iosxr_netconf import IosxrNetconfDriver
from tests.e2e.command_server import CommandServer
from tests.e2e.desk import Desk, inherited_environ, new_desk, renew
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.network import LabNetwork, lab_network
from tests.unit.platforms.routers import candidate

ROUTER = "edge3.mex"
V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
_HOSTS = f"""\
{ROUTER}:
  hostname: 127.0.0.1
  port: 1
  groups: [iosxr_netconf]
  data:
    sessions:
      - {{peer: AS64500, address: 198.51.100.2}}
      - {{peer: AS64500, address: "2001:db8:1::2"}}
      - {{peer: AS64501, address: 198.51.100.6}}
      - {{peer: AS64510, address: 198.51.100.10}}
"""
GROUPS = """\
iosxr_netconf:
  platform: iosxr_netconf
  connection_options:
    napalm:
      extras:
        optional_args:
          known_hosts: lab/known_hosts
"""
POLICY = f"""\
route-policy AS64500-IN
  if destination in {V4} then
    pass
  endif
end-policy
!
router bgp 64496
 neighbor 198.51.100.2
  remote-as 64500
  address-family ipv4 unicast
   route-policy AS64500-IN in
  !
 !
!
"""


@pytest.fixture(scope="session")
def xr_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("iosxr")
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "hosts.yaml").write_text(_HOSTS)
    (inventory / "groups.yaml").write_text(GROUPS)
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(xr_lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    """A workspace that the test may change, a new router, and the shipped registry."""
    for device in xr_lab.devices.values():
        device.set_neighbors([])
    renew(xr_lab.devices.values())
    desk = new_desk(xr_lab, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


@pytest.fixture
def router(desk: Desk) -> LabDevice:
    return desk.devices[ROUTER]


@contextmanager
def connected(
    device: LabDevice, timeout: int = 30, **options: object
) -> Iterator[IosxrNetconfDriver]:
    """The driver, logged in to a device whose key it knows, and closed at the end."""
    arguments = {**device.napalm_optional_args(), **options}
    driver = IosxrNetconfDriver(device.host, device.username, device.password, timeout, arguments)
    driver.open()
    try:
        yield driver
    finally:
        driver.close()


def load(driver: IosxrNetconfDriver, filters: Mapping[str, PrefixSet]) -> None:
    """Load what irrgate renders for these filters."""
    driver.load_merge_candidate(config=candidate("iosxr_netconf", filters))

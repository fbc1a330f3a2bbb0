"""A workspace with a VRP5 and a VRP8, which the tests of a process share, and their states."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import Desk, blank, inherited_environ, new_desk, renew
from tests.lab.harness import PROJECT, LabDevice
from tests.lab.huawei_vrp import TOLD
from tests.lab.huawei_vrp_config import VrpConfig
from tests.lab.huawei_vrp_semantics import prefix_list
from tests.lab.network import LabNetwork, lab_network

VRP5, VRP8 = "edge5.mex", "edge8.mex"
ROUTERS = [VRP5, VRP8]
V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
TIMEOUT = 2
"""seconds that the driver waits for a router's next byte"""
_HOST = """\
{name}:
  hostname: 127.0.0.1
  groups: [huawei_vrp]
  data:
    sessions:
      - {{peer: AS64500, address: 198.51.100.2}}
      - {{peer: AS64500, address: "2001:db8:1::2"}}
      - {{peer: AS64501, address: 198.51.100.6}}
      - {{peer: AS64510, address: 198.51.100.10}}
"""
_GROUP = f"""\
huawei_vrp:
  platform: huawei_vrp
  connection_options:
    napalm:
      extras: {{timeout: {TIMEOUT}, optional_args: {{known_hosts: lab/known_hosts}}}}
"""


@pytest.fixture(scope="session")
def vrp_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("huawei_vrp")
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "hosts.yaml").write_text("".join(_HOST.format(name=name) for name in ROUTERS))
    (inventory / "groups.yaml").write_text(_GROUP)
    with (inventory / "network.yaml").open("a") as file:
        file.write("apply: {settle: 0}\n")
    environ = inherited_environ()
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network


@pytest.fixture
def desk(vrp_lab: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    """A workspace that the test may change, new routers, and the shipped registry."""
    renew(vrp_lab.devices.values(), fresh)
    desk = new_desk(vrp_lab, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def fresh(device: LabDevice, *blocks: str) -> str:
    """The config of a new router with these blocks in it; of VRP8 where that is its name."""
    text = blank(device).removesuffix("return\n")
    if device.name == VRP8:
        text = text.replace("V200R010", "V800R021")
    return "".join((text, *(f"{block.rstrip()}\n#\n" for block in blocks), "return\n"))


def moments(device: LabDevice) -> list[list[str]]:
    """The lines that took effect since the running config was set, by moment."""
    text = (device.directory / TOLD).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def saved(device: LabDevice) -> str:
    """What the router would start with."""
    return str(device.ask("saved"))


def detours(
    device: LabDevice, start: str, name: str, prefixes: Sequence[str], aim: Collection[str] = ()
) -> list[str]:
    """Where a list was, on its way from `start`, what neither its old nor its new content says.

    Of each prefix: let through while neither lets it through, or kept out while both do. A list
    that is new is missing at first, and then lets everything through. `aim` is what the new
    content lets through, where the list did not get there.
    """
    keyword = "ipv6-prefix" if ":" in prefixes[0] else "ip-prefix"
    config = VrpConfig(start)
    states = [_accepted(config, name, keyword, prefixes)]
    for lines in moments(device):
        for line in lines:
            config.tell(line)
        states.append(_accepted(config, name, keyword, prefixes))
    assert config.text() == device.running()
    if states[0] is None:
        states = states[1:]
    missing = [f"missing after step {at}" for at, held in enumerate(states) if held is None]
    if missing:
        return missing
    found = [held for held in states if held is not None]
    old, new = found[0], set(aim) or found[-1]
    wrong = []
    for at, held in enumerate(found):
        if held - (old | new):
            wrong.append(f"wider after step {at}: {held - (old | new)}")
        if (old & new) - held:
            wrong.append(f"narrower after step {at}: {(old & new) - held}")
    return wrong


def _accepted(
    config: VrpConfig, name: str, keyword: str, prefixes: Sequence[str]
) -> set[str] | None:
    if (keyword, name) not in config.lists:
        return None
    rule = prefix_list(config.text(), name, keyword)
    return {prefix for prefix in prefixes if rule.accepts(prefix)}

"""The side of the registries: whatever an IRR server answers, no router is changed by a failure.

Two routers, one of each platform, hold what the registry had before. Then the registry has more,
and its server fails in every way known; the refresh that meets it changes nothing. Once the server
answers right, the next refresh brings the new filters.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.command_server import CommandServer, command_server
from tests.e2e.desk import inherited_environ
from tests.lab import faulty_irr
from tests.lab.faulty_irr import Fault
from tests.lab.network import EMPTY_CONFIG, Finished, LabNetwork, lab_network
from tests.torture.bench import INVENTORY
from tests.torture.trial import said, unseemly
from tests.torture.witness import Contents, managed, never_whole, told

COLUMNS = ("eos", "junos")
NOWHERE = "127.0.0.1:1"
NO_NAME = "no-such-host.invalid"
PEERS = "AS64500:\n  name: Ejemplo Telecom\n  role: customer\n  as_sets: [{object}]\n"
OBJECT = "AS-EJEMPLO"


@dataclass(frozen=True, slots=True)
class IrrCase:
    """What the servers do, what is asked of them, and what is written in network.yaml."""

    row: str
    fault: Fault | None = None
    server: str = ""
    asked: str = OBJECT
    sources: str = "TEST, OTHER"
    refused: bool = False
    """True where irrgate does not even begin"""


IRR_CASES = (
    IrrCase("IRR: the set is not known", Fault.UNKNOWN_SET),
    IrrCase("IRR: the set is empty, or without routes", Fault.EMPTY_SET),
    IrrCase("IRR: an error to every query", Fault.ERROR_ALL),
    IrrCase("IRR: an error instead of the prefixes", Fault.ERROR_DATA),
    IrrCase("IRR: an error for one member of several", Fault.ERROR_ONE, asked="TEST::AS-EJEMPLO"),
    IrrCase("IRR: nothing found, and an error when asked for the set", Fault.ERROR_OBJECT),
    IrrCase("IRR: nothing found, and silence when asked for the set", Fault.HANG_OBJECT),
    IrrCase("IRR: nothing found, and closed when asked for the set", Fault.CLOSE_OBJECT),
    IrrCase("IRR: `BADSRC::AS-X`", Fault.UNKNOWN_PINNED, asked="BADSRC::AS-EJEMPLO"),
    IrrCase("IRR: `SRC::AS123`", Fault.NONE, asked="TEST::AS64500", refused=True),
    IrrCase("IRR: a private ASN", Fault.EMPTY_SET, asked="AS64512"),
    IrrCase("IRR: an unknown source", Fault.UNKNOWN_SOURCE),
    IrrCase("IRR: the connection is refused", server=NOWHERE),
    IrrCase("IRR: the server's name is not known", server=NO_NAME),
    IrrCase("IRR: a line that is no answer", Fault.GARBAGE),
    IrrCase("IRR: closed before the answer", Fault.CLOSE_BEFORE),
    IrrCase("IRR: closed in mid-answer", Fault.CLOSE_MIDWAY),
    IrrCase("IRR: reset in mid-answer", Fault.RESET_MIDWAY),
    IrrCase("IRR: the final code is missing", Fault.NO_FINAL_CODE),
    IrrCase("IRR: a length shorter than the data", Fault.SHORT_LENGTH),
    IrrCase("IRR: a length longer than the data", Fault.LONG_LENGTH),
    IrrCase("IRR: prefixes that are none", Fault.BAD_PREFIXES),
    IrrCase("IRR: a /33", Fault.BAD_LENGTH),
    IrrCase("IRR: the server hangs at connect", Fault.HANG_ACCEPT),
    IrrCase("IRR: the server hangs before the answer", Fault.HANG_BEFORE),
    IrrCase("IRR: the server hangs in mid-answer", Fault.HANG_MIDWAY),
    IrrCase("IRR: one byte a second", Fault.DRIP),
    IrrCase("IRR: sources of 300 characters", Fault.NONE, sources="", refused=True),
    IrrCase("IRR: a name of 300 characters", Fault.NONE, asked="AS-" + "X" * 297, refused=True),
)
"""every row of what bgpq4 makes of a server (docs/reliability.md), and of what it is asked"""
LONG_SOURCES = ", ".join(f"SOURCE{number:03}" for number in range(30))


@dataclass
class IrrBench(LabNetwork):
    """Two routers that hold the older filters, and a registry that now has the new ones."""

    server: CommandServer | None = None
    right: int = 0
    """the port of the server that answers right"""
    configs: dict[str, str] = field(default_factory=dict)
    old: dict[str, Contents] = field(default_factory=dict)
    new: dict[str, Contents] = field(default_factory=dict)

    def refresh(self) -> Finished:
        assert self.server
        argv = ["-w", str(self.directory), "--json", "refresh"]
        return self.server.run(argv, self.environ, self.directory)

    def holds(self) -> dict[str, Contents]:
        return {name: managed(device.lists()) for name, device in self.devices.items()}

    def write(self, server: str, asked: str = OBJECT, sources: str = "TEST, OTHER") -> None:
        """Put the server and what it is asked into the inventory."""
        network = self.directory / "inventory" / "network.yaml"
        text = network.read_text(encoding="utf-8")
        text = re.sub(r"servers: .*", f"servers: {json.dumps([server])}", text)
        text = re.sub(r"sources: .*", f"sources: [{sources or LONG_SOURCES}]", text)
        network.write_text(text, encoding="utf-8")
        peers = self.directory / "inventory" / "peers.yaml"
        peers.write_text(PEERS.format(object=asked), encoding="utf-8")

    def renew(self) -> None:
        """Put routers and state back to what they were before the registry changed."""
        for name, device in self.devices.items():
            device.clear_faults()
            if device.platform == "eos":
                device.ask("forget_sessions")
            device.set_running(self.configs[name])
        state = self.directory / ".irrgate"
        shutil.rmtree(state)
        shutil.copytree(self.directory / "kept-state", state)

    def begin(self) -> None:
        """Refresh twice, before and after the registry changed, to learn the filters."""
        with faulty_irr.start(Fault.OLDER) as port:
            self._brought(port)
        self.old = self.holds()
        self.configs = {name: device.running() for name, device in self.devices.items()}
        shutil.copytree(self.directory / ".irrgate", self.directory / "kept-state")
        self._brought(self.right)
        self.new = self.holds()
        for name in self.devices:
            if self.old[name].keys() != self.new[name].keys() or self.old[name] == self.new[name]:
                raise RuntimeError(f"{name}: the registry's change does not reach it")

    def _brought(self, port: int) -> None:
        self.write(f"127.0.0.1:{port}")
        done = self.refresh()
        if done.exit_code != 0:
            raise RuntimeError(f"a refresh without a fault failed: {done}")


@contextmanager
def irr_bench(directory: Path) -> Iterator[IrrBench]:
    """Start both routers, in a new directory; ends with the block."""
    inventory = directory / "inventory"
    shutil.copytree(INVENTORY, inventory)
    hosts = ""
    for number, platform in enumerate(COLUMNS, 1):
        hosts += f"{platform}:\n  hostname: 127.0.0.1\n  groups: [{platform}]\n"
        hosts += "  data:\n    sessions:\n"
        for address in (f"198.51.100.{number}", f"2001:db8:1::{number}"):
            hosts += f'      - {{peer: AS64500, address: "{address}"}}\n'
    (inventory / "hosts.yaml").write_text(hosts, encoding="utf-8")
    network_file = inventory / "network.yaml"
    text = network_file.read_text(encoding="utf-8").replace("203.0.113.0/24", "10.255.0.0/16")
    text = text.replace("timeout: 2", "timeout: 1")
    text = text.replace("special_use: true", "special_use: true\n  max_length: {ipv4: 25}")
    network_file.write_text(text, encoding="utf-8")
    (directory / "commands").mkdir()
    with (
        command_server(directory / "commands") as server,
        lab_network(
            directory / "network",
            environ=inherited_environ(),
            inventory=inventory,
            running={name: EMPTY_CONFIG[name].format(name=name) for name in COLUMNS},
        ) as network,
        faulty_irr.start(Fault.NONE) as right,
    ):
        made = IrrBench(
            network.directory,
            network.registry,
            network.devices,
            network.environ,
            server=server,
            right=right,
        )
        made.begin()
        yield made


def run_irr_case(bench: IrrBench, case: IrrCase) -> dict[str, list[str]]:
    """Return what is wrong with what came of the case, by platform."""
    bench.renew()
    starts = {name: len(device.apply_log()) for name, device in bench.devices.items()}
    common: list[str] = []
    if case.fault is None:
        common += _struck(bench, case, case.server)
    else:
        with faulty_irr.start(case.fault) as port:
            common += _struck(bench, case, f"127.0.0.1:{port}")
    problems = {name: [*common, *_unchanged(bench, name, starts[name])] for name in COLUMNS}
    bench.write(f"127.0.0.1:{bench.right}")
    done = bench.refresh()
    for name, device in bench.devices.items():
        problems[name] += unseemly("the next refresh", done)
        if done.exit_code != 0:
            problems[name].append(f"the next refresh: exit code {done.exit_code}: {said(done)}")
        old, new = bench.old[name], bench.new[name]
        if (found := managed(device.lists())) != new:
            problems[name].append(f"after the next refresh it holds {told(found, old, new)}")
        problems[name] += never_whole(device.apply_log()[starts[name] :], old, new)
    return problems


def _struck(bench: IrrBench, case: IrrCase, server: str) -> Iterator[str]:
    bench.write(server, case.asked, case.sources)
    done = bench.refresh()
    yield from unseemly("refresh", done)
    if done.exit_code != (1 if case.refused else 3):
        yield f"refresh: exit code {done.exit_code} though nothing right was answered: {said(done)}"


def _unchanged(bench: IrrBench, name: str, start: int) -> Iterator[str]:
    device = bench.devices[name]
    for record in device.apply_log()[start:]:
        if record.changed:
            yield f"the router was changed: {record.event} of {', '.join(record.objects)}"
    if (found := managed(device.lists())) != bench.old[name]:
        yield f"the router holds {told(found, bench.old[name], bench.new[name])}"

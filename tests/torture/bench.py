"""One router under torture, and the workspace that it belongs to; made new for each case.

The router holds four managed filters: one that a plan leaves as it is, two that it changes (IPv4
and IPv6), and one of a peer that is not there any more. The plan makes a fourth, new.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.command_server import CommandServer, command_server
from tests.e2e.desk import inherited_environ
from tests.lab.faults import Step
from tests.lab.harness import LabDevice
from tests.lab.network import Finished, LabNetwork, irrgate_argv, lab_network
from tests.torture.cases import Column, Place, places
from tests.torture.witness import Contents, managed

INVENTORY = Path(__file__).with_name("inventory")
ROUTER = "edge1"
OLD = {
    "IRR-AS64500-V4": ["10.10.0.0/20", "10.11.0.0/22", "10.13.0.0/24", "192.0.2.0/24"],
    "IRR-AS64500-V6": ["2001:db8:500::/40"],
    "IRR-AS64502-V6": ["2001:db8:502::/48"],
    "IRR-AS64509-V4": ["10.90.0.0/16", "10.93.0.0/16"],
}
UNCHANGED, CHANGED, NEW = "IRR-AS64500-V6", "IRR-AS64500-V4", "IRR-AS64502-V4"
REMOVED = "IRR-AS64509-V4"
SESSIONS = {
    "198.51.100.2": ("IRR-AS64500-V4", 64500, 40),
    "2001:db8:1::2": ("IRR-AS64500-V6", 64500, 20),
}


@dataclass
class Bench(LabNetwork):
    """A workspace with its one router."""

    column: Column = Column.EOS
    server: CommandServer | None = None
    plan: str = "reviewed.zip"
    old: Contents = field(default_factory=dict)
    new: Contents = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    """how often each step comes in an apply without a fault"""
    start_of_log: int = 0

    @property
    def device(self) -> LabDevice:
        return self.devices[ROUTER]

    def irrgate(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Finished:
        """As LabNetwork's, by the command server."""
        assert self.server
        argv = ["-w", str(self.directory), *arguments]
        return self.server.run(argv, {**self.environ, **(environ or {})}, self.directory)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the console script itself: what is killed is what people run."""
        with (self.directory / "killed.log").open("wb") as log:
            return subprocess.Popen(
                [*irrgate_argv(), "-w", str(self.directory), *arguments],
                stdout=log,
                stderr=log,
                env=self.environ,
                cwd=self.directory,
            )

    def holds(self) -> Contents:
        """The managed filters that the router has now."""
        return managed(self.device.lists())

    def renew(self) -> None:
        """Make router, workspace and state as they were when the plan was made."""
        if not self.device.alive:
            self.device.restart()
        self.device.clear_faults()
        if self.column.platform == "eos":
            self.device.ask("forget_sessions")
        self.device.set_running(running(self.column.platform))
        self.set_sessions()
        self._keep_state(restore=True)
        self.start_of_log = len(self.device.apply_log())

    def set_sessions(self, after_commit: Mapping[str, object] | None = None) -> None:
        """Give the router its BGP sessions; a commit makes of each what `after_commit` says."""
        asn = {"eos": "asn", "junos": "peer_as"}[self.column.platform]
        now = [
            {"address": address, asn: peer, "accepted": accepted, "received": accepted}
            for address, (_, peer, accepted) in SESSIONS.items()
        ]
        after = None if after_commit is None else [{**each, **after_commit} for each in now]
        self.device.set_neighbors(now, after)

    def refresh(self) -> list[Finished]:
        """What the next night does: `irrgate refresh`, which first ends what is unfinished."""
        return [self.irrgate("--json", "refresh")]

    def _keep_state(self, *, restore: bool) -> None:
        state, kept = self.directory / ".irrgate", self.directory / "kept-state"
        source, target = (kept, state) if restore else (state, kept)
        shutil.rmtree(target, ignore_errors=True)
        if source.exists():
            shutil.copytree(source, target)

    def calibrate(self) -> None:
        """Make the plan, apply it without a fault, and learn what the new filters are."""
        self.renew()
        self.old = self.holds()
        planned = self.irrgate("plan", "--out", self.plan)
        if planned.exit_code != 2:
            raise RuntimeError(f"{self.column}: the plan has no changes: {planned}")
        self._keep_state(restore=False)
        self.device.clear_faults()
        applied = self.irrgate("apply", self.plan)
        self.steps = self.device.steps()
        self.new = self.holds()
        if applied.exit_code != 0 or not _as_intended(self.old, self.new):
            raise RuntimeError(f"{self.column}: the apply without a fault failed: {applied}")
        if (known := _known_steps(self.column)) != (came := _of_a_session(self.steps)):
            raise RuntimeError(f"{self.column}: an apply has the steps {came}, not {known}")


def _as_intended(old: Contents, new: Contents) -> bool:
    is_new = NEW not in old and NEW in new
    gone = REMOVED in old and REMOVED not in new
    return is_new and gone and old[UNCHANGED] == new[UNCHANGED] and old[CHANGED] != new[CHANGED]


def _known_steps(column: Column) -> dict[str, int]:
    """How often each step must come: what cases.Place knows, and where trial finds it."""
    looks = {Step.BGP: {"eos": 4, "junos": 3}[column.platform]}  # requests for one look
    steps = Counter[str]()
    for place in places(column):
        if not (place.is_way_back or place is Place.DISCARD):
            steps[str(place.step)] += looks.get(place.step, 1)
    return _of_a_session(steps)


def _of_a_session(steps: Mapping[str, int]) -> dict[str, int]:
    """Without the connections: EOS makes one for each request."""
    return {step: steps[step] for step in sorted(steps) if step not in {"connect", "login"}}


@contextmanager
def bench(column: Column, directory: Path) -> Iterator[Bench]:
    """Start a router and all that it needs, in a new directory; ends with the block."""
    inventory = directory / "inventory"
    shutil.copytree(INVENTORY, inventory)
    hosts = inventory / "hosts.yaml"
    text = hosts.read_text(encoding="utf-8").replace("[eos]", f"[{column.platform}]")
    if not column.has_timer:
        text = text.replace("  data:\n", "  data:\n    commit_confirm: false\n")
    hosts.write_text(text, encoding="utf-8")
    (directory / "commands").mkdir()
    with (
        command_server(directory / "commands") as server,
        lab_network(
            directory / "network",
            environ=inherited_environ(),
            inventory=inventory,
            running={ROUTER: running(column.platform)},
        ) as network,
    ):
        made = Bench(
            network.directory,
            network.registry,
            network.devices,
            network.environ,
            column=column,
            server=server,
        )
        made.calibrate()
        yield made


def running(platform: str) -> str:
    """The router's config before: its filters, and sessions that refer to two of them."""
    return _eos() if platform == "eos" else _junos()


def _eos() -> str:
    text = f"hostname {ROUTER}\n!\n"
    for name, prefixes in OLD.items():
        keyword = "ipv6" if name.endswith("V6") else "ip"
        text += f"{keyword} prefix-list {name}\n"
        for at, prefix in enumerate(prefixes, 1):
            text += f"   seq {10 * at} permit {prefix}\n"
        text += "!\n"
    text += "router bgp 64496\n   router-id 198.51.100.1\n"
    for address, (name, peer, _) in SESSIONS.items():
        text += f"   neighbor {address} remote-as {peer}\n"
        text += f"   neighbor {address} prefix-list {name} in\n"
    return f"{text}!\nend\n"


def _junos() -> str:
    lists, policies, neighbors = "", "", ""
    for name, prefixes in OLD.items():
        entries = "".join(f" {prefix} exact;" for prefix in prefixes)
        lists += f"    route-filter-list {name} {{{entries} }}\n"
    for address, (name, peer, _) in SESSIONS.items():
        policy = f"FROM-{name}"
        policies += f"    policy-statement {policy} {{ term irr {{ from route-filter-list {name};"
        policies += " then accept; } then reject; }\n"
        neighbors += f"            neighbor {address} {{ import {policy}; peer-as {peer}; }}\n"
    return (
        f"system {{ host-name {ROUTER}; }}\npolicy-options {{\n{lists}{policies}}}\n"
        f"protocols {{\n    bgp {{\n        group PEERS {{\n{neighbors}        }}\n    }}\n}}\n"
    )

"""`make demo-real`: what real BIRD and FRR accept of a neighbour, before and after irrgate.

    python -m tests.lab.demo_real

In network namespaces, so that nothing of this machine is touched: each daemon that is installed,
and a neighbour that announces what it has registered, and much that it has not. irrgate itself is
the real command line, with its own drivers for these daemons.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from irrgate.prefixes import Afi
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.frr import Frr
from tests.lab.daemons.namespace import available
from tests.lab.daemons.under_test import NEIGHBOUR_ASN, DaemonUnderTest, Lab, lab
from tests.lab.daemons.wanted import FRR, program
from tests.lab.daemons.workspace import (
    ANOTHERS,
    LATER,
    MAX_LENGTH,
    REGISTERED,
    daemon_host,
    hosts_workspace,
    registry,
)
from tests.lab.network import LabNetwork
from tests.lab.telling import Style, interruptible, paint, run, say

CHANGES = 2
NAMESPACES = "the daemons run in network namespaces"
PROGRAMS: Final[Mapping[str, tuple[str, ...]]] = {
    "BIRD": ("bird", "birdc"),
    "FRR": (f"{FRR}/bgpd", f"{FRR}/zebra", "vtysh"),
}
ROUTES: Final[Mapping[str, str]] = {
    "192.0.2.0/24": "its own",
    "2001:db8:1::/48": "its own",
    "10.10.4.0/24": "more specific",
    "192.0.2.128/25": "more specific",
    "10.0.0.0/8": "less specific",
    "198.51.100.0/24": "hijack",
    "2001:db8:ffff::/48": "hijack",
    "20.77.0.0/16": "leak",
    "2a00:1000::/32": "leak",
    "192.168.0.0/16": "bogon",
    "fc00::/7": "bogon",
    "0.0.0.0/0": "default",
    "::/0": "default",
}
"""What the neighbour announces; no bogons that a daemon refuses unasked, such as 127.0.0.0/8."""


class Openable(DaemonUnderTest, Protocol):
    """A daemon that can do without filters, too."""

    def accept_all(self) -> None:
        """Take whatever the neighbour announces, as a router does that nobody filters."""


@dataclass
class Stage:
    """The daemons that run, by name, and the workspace that has them all."""

    labs: dict[str, Lab]
    daemons: dict[str, Openable]
    network: LabNetwork

    def accepted(self, wanted: Sequence[str], seconds: float = 30) -> dict[str, set[str]]:
        """What each daemon accepts; raises SystemExit if these are not it in so many seconds."""
        families = {afi: {p for p in wanted if (":" in p) == (afi is Afi.IPV6)} for afi in Afi}
        found: dict[str, set[str]] = {}
        for name, each in self.labs.items():
            each.wait_accepted(families, seconds)
            found[name] = set().union(*each.accepted().values())
            if wrong := found[name] ^ set(wanted):
                raise SystemExit(f"demo: {name} is wrong about {', '.join(sorted(wrong))}")
        return found


def why(prefix: str, registered: Sequence[str]) -> tuple[bool, str]:
    """Whether the neighbour may announce a prefix, and the reason, by what it has registered."""
    net = ipaddress.ip_network(prefix)
    if prefix in registered:
        return True, f"AS{NEIGHBOUR_ASN} has registered it"
    for each in map(ipaddress.ip_network, registered):
        if each.version == net.version and int(each[0]) <= int(net[0]) <= int(each[-1]):
            longest = MAX_LENGTH[f"ipv{net.version}"]
            if net.prefixlen > longest:
                return False, f"longer than /{longest}"
            if net.prefixlen > each.prefixlen:
                return True, f"within {each}"
    if prefix in ANOTHERS:
        return False, f"AS{ANOTHERS[prefix]} has registered it"
    return False, "nobody has registered it"


def allowed(registered: Sequence[str]) -> list[str]:
    return [prefix for prefix in ROUTES if why(prefix, registered)[0]]


def table(
    accepted: Mapping[str, set[str]], registered: Sequence[str], shown: Mapping[str, str]
) -> None:
    """Print a line for each route: what it is, what each daemon did with it, and why."""
    names = "".join(f"{name:10}" for name in accepted)
    print(paint(f"  {'prefix':20}{'':15}{names}", Style.QUIET))
    for prefix, what in shown.items():
        verdicts = "".join(
            paint(f"{'accepted':10}", Style.GOOD)
            if prefix in each
            else paint(f"{'rejected':10}", Style.BAD)
            for each in accepted.values()
        )
        print(f"  {prefix:20}{what:15}{verdicts}{why(prefix, registered)[1]}")


def tell(stage: Stage, *, short: bool) -> str:
    """Run it, and return what was rejected in the end, in a sentence."""
    names = " and ".join(stage.labs)
    asn = f"AS{NEIGHBOUR_ASN}"
    say(f"Real {names}, without filters, and {asn}, which announces {len(ROUTES)} routes")
    for name, found in stage.accepted(list(ROUTES)).items():
        print(
            f"  {name:5}accepts {len(found)} of {len(ROUTES)}: hijacks, a leak, bogons, a default"
        )
    registered = REGISTERED
    if short:
        say("One command plans and commits the filters")
        run(stage.network, "refresh")
    else:
        say("The plan: dry-run on each router, as far as it has one. Exit code 2")
        run(stage.network, "plan", "--out", "plan.zip", expect=CHANGES)
        say("Apply commits it, reads it back, and confirms")
        run(stage.network, "apply", "plan.zip")
    say(f"The routers filter {asn} by that. Their own tables, now:")
    for daemon in stage.daemons.values():
        daemon.use_filters()
    accepted = stage.accepted(allowed(registered))
    table(accepted, registered, ROUTES)
    if not short:
        registered = LATER
        accepted = follow(stage, asn)
    return summary(accepted, registered)


def follow(stage: Stage, asn: str) -> dict[str, set[str]]:
    """Change the registry, and print what the daemons accept otherwise than before."""
    say(f"The registry changes: {asn} takes two networks over, and gives two back")
    stage.network.load_registry(registry(LATER))
    run(stage.network, "refresh")
    before, now = allowed(REGISTERED), allowed(LATER)
    accepted = stage.accepted(now)
    changed = {each: "given back" for each in before if each not in now}
    changed |= {each: "taken over" for each in now if each not in before}
    table(accepted, LATER, changed)
    return accepted


def summary(accepted: Mapping[str, set[str]], registered: Sequence[str]) -> str:
    """Count what was rejected, by what the daemons themselves say."""
    unregistered = set(ROUTES).difference(allowed(registered))
    first, *others = (f"{len(unregistered - each)} {{}} by {n}" for n, each in accepted.items())
    said = ", ".join([first.format("rejected"), *(each.replace(" {}", "") for each in others)])
    return f"{len(unregistered)} routes announced that AS{NEIGHBOUR_ASN} did not register: {said}"


@contextmanager
def staged(names: Sequence[str], directory: Path) -> Iterator[Stage]:
    """Start the daemons, each with a neighbour of its own, and the workspace."""
    makers: dict[str, Callable[[Path], Openable]] = {"BIRD": Bird, "FRR": Frr}
    daemons = {name: makers[name](directory / name.lower()) for name in names}
    with ExitStack() as stack:
        labs: dict[str, Lab] = {}
        for name, daemon in daemons.items():
            labs[name] = stack.enter_context(lab(daemon, directory / f"{daemon.platform}-lab"))
            daemon.accept_all()
            labs[name].announce(list(ROUTES))
        hosts = {
            daemon.platform: daemon_host(
                daemon.platform, {"transport": "local", **daemon.optional_args()}
            )
            for daemon in daemons.values()
        }
        network = stack.enter_context(
            hosts_workspace(directory / "workspace", hosts, dict(os.environ))
        )
        yield Stage(labs, daemons, network)


def installed() -> list[str]:
    """Those of the two daemons whose programs are all here."""
    return [name for name, programs in PROGRAMS.items() if all(map(program, programs))]


def obstacle(names: Sequence[str]) -> str | None:
    """What keeps this part from running here, and what to do about it; None: nothing."""
    if not names:
        return "neither BIRD nor FRR is installed: as root, apt-get install bird2 frr iproute2"
    if os.getuid():
        return f"{NAMESPACES}, as root: sudo .venv/bin/python -m tests.lab.demo_real"
    if program("ip") is None:
        return "the program ip is not installed: as root, apt-get install iproute2"
    if not available():
        return f"{NAMESPACES}, which this system refuses: a container needs --cap-add SYS_ADMIN"
    return None


def real_part(names: Sequence[str], *, short: bool) -> str:
    """Run all of it in a folder that is gone afterwards; returns what to end with.

    Raises SystemExit when a daemon does not start, or does anything but what it must.
    """
    with tempfile.TemporaryDirectory(prefix="irrgate-demo-") as temporary, ExitStack() as stack:
        try:
            stage = stack.enter_context(staged(names, Path(temporary)))
        except (OSError, RuntimeError) as error:
            raise SystemExit(f"demo: {error}") from error
        return f"\n{paint(tell(stage, short=short), Style.HEADING)}"


def main() -> None:
    started = time.monotonic()
    names = installed()
    if said := obstacle(names):
        raise SystemExit(f"demo: {said}")
    for name in PROGRAMS.keys() - names:
        print(f"{name} is not installed: without it. As root, apt-get install bird2 frr")
    print(real_part(names, short=False))
    print(f"Done in {time.monotonic() - started:.0f} s. How: docs/daemons.md")


if __name__ == "__main__":
    with interruptible():
        main()

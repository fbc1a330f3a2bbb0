"""What big filters cost on real daemons: BIRD, OpenBGPD, and FRR as far as it goes.

    python -m benchmarks.daemons irr.db.gz [bird openbgpd frr frr_route_map]

Each filter is brought to a daemon as apply does it, by irrgate's own driver on the same machine:
render and check, dry run, commit to be confirmed, read back and compare, confirm. Then 100 entries
change. The daemon runs in the truth lab, with the filters in use and no routes.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.expansion import network, peer
from benchmarks.irr import BIG_SET, VARIABLE, load
from irrgate.errors import IrrgateError
from irrgate.filters import Filter
from irrgate.intents import Intents
from irrgate.irr.bgpq4 import find_bgpq4
from irrgate.irr.expander import Expander
from irrgate.platforms import find_platform
from irrgate.platforms.frr import work_of
from irrgate.platforms.frr_cost import seconds_for
from irrgate.platforms.platform import ManagedList, read_candidate
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from irrgate.rpsl import Asn
from tasks.connection import NapalmConnection
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.frr import Frr, FrrRouteMap
from tests.lab.daemons.openbgpd import Openbgpd
from tests.lab.daemons.under_test import FILTERS, DaemonUnderTest, lab
from tests.lab.irr_process import irr_server

DAEMONS: Final[Mapping[str, Callable[[Path], Any]]] = {
    "bird": Bird,
    "openbgpd": Openbgpd,
    "frr": Frr,
    "frr_route_map": FrrRouteMap,
}
"""each makes a DaemonUnderTest"""
HUNDRED_THOUSAND: Final = 100_000
LARGEST: Final = 847_000
CHANGED: Final = 100
REVERT_IN: Final = 600
OWN_AIM: Final = 5.0
"""seconds of irrgate's own for 100,000 entries"""
FRR_SECONDS: Final = 300.0
"""what FRR's filter is estimated to take: the driver takes on no change of one filter of more"""
ON_LISTS: Final = (10_000, 30_000)
"""entries of filters by route-maps over short lists"""

Filters = Mapping[Afi, PrefixSet]


@dataclass(frozen=True, slots=True)
class Used:
    """What was used up to now: by this process, by the programs it started, by the daemon."""

    wall: float
    own: float
    tools: float
    daemon: float


@dataclass
class StepFigures:
    """One filter brought to one daemon; seconds by step, and what was used for all of them."""

    daemon: str
    what: str
    entries: int
    seconds: dict[str, float] = field(default_factory=dict)
    own_cpu: float = 0.0
    tools_cpu: float = 0.0
    """of the programs that the driver runs on the router, such as birdc and cat"""
    daemon_cpu: float = 0.0
    daemon_mib: float = 0.0
    """the daemon's peak until then"""

    @property
    def own_per_hundred_thousand(self) -> float:
        return self.own_cpu / self.entries * HUNDRED_THOUSAND


@dataclass
class Router:
    """A daemon of the lab, and an open driver to it."""

    daemon: DaemonUnderTest
    driver: Any
    held: dict[str, ManagedList] = field(default_factory=dict)

    def bring(self, what: str, filters: Filters) -> StepFigures:
        """Bring filters to the daemon by the steps of apply, and time them."""
        platform, renderer = find_platform(self.daemon.platform), Renderer()
        wanted = {FILTERS[afi]: afi for afi in filters}
        entries = sum(each.entry_count for each in filters.values())
        found = StepFigures(self.daemon.platform, what, entries)
        self.held = self._read(wanted)
        before = self._used()
        with _timed(found, "render"):
            printed = [
                platform.printed(FILTERS[afi], each, self.held.get(FILTERS[afi]))
                for afi, each in filters.items()
            ]
            candidate = renderer.render(platform.name, printed)
            made = read_candidate(platform, candidate, self.held, wanted)
            self._compare(made.lists, filters)
        with _timed(found, "dry run"):
            self.driver.load_merge_candidate(config=candidate)
            if not self.driver.compare_config():
                raise SystemExit(f"{what}: nothing to change")
            self.driver.discard_config()
        with _timed(found, "commit"):
            self.driver.load_merge_candidate(config=candidate)
            self.driver.commit_config(revert_in=REVERT_IN)
        with _timed(found, "read back"):
            self.held = self._read(wanted)
            self._compare(self.held, filters)
        with _timed(found, "confirm"):
            self.driver.confirm_commit()
        after = self._used()
        found.own_cpu = after.own - before.own
        found.tools_cpu = after.tools - before.tools
        found.daemon_cpu = after.daemon - before.daemon
        found.daemon_mib = sum(_peak_mib(pid) for pid in _processes(self.daemon))
        return found

    def _read(self, wanted: Mapping[str, Afi]) -> dict[str, ManagedList]:
        running = self.driver.get_config(retrieve="running")["running"]
        platform = find_platform(self.daemon.platform)
        return dict(platform.parse(running, wanted, "IRR-").lists)

    @staticmethod
    def _compare(lists: Mapping[str, ManagedList], filters: Filters) -> None:
        for afi, wanted in filters.items():
            if lists[FILTERS[afi]].prefixes != wanted:
                raise SystemExit(f"{FILTERS[afi]} is not what it was to be")

    def _used(self) -> Used:
        own, tools = (
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        return Used(
            time.monotonic(),
            own.ru_utime + own.ru_stime,
            tools.ru_utime + tools.ru_stime,
            sum(_cpu_seconds(pid) for pid in _processes(self.daemon)),
        )


@contextmanager
def _timed(figures: StepFigures, step: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    figures.seconds[step] = time.monotonic() - started


def _processes(daemon: DaemonUnderTest) -> list[int]:
    """Return the daemon's processes: those that the lab started, and their children."""
    started = getattr(daemon, "processes", None) or {"": getattr(daemon, "process", None)}
    waiting = [each.pid for each in started.values() if each is not None]
    found = []
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        waiting.extend(map(int, children.split()))
    return found


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextmanager
def router(name: str, directory: Path) -> Iterator[Router]:
    """Start a daemon in the lab, and open irrgate's driver to it."""
    daemon: DaemonUnderTest = DAEMONS[name](directory / "daemon")
    with lab(daemon, directory / "lab"):
        plugin = NapalmConnection()
        extras = {
            "timeout": 900,
            "optional_args": {"transport": "local", **daemon.optional_args()},
        }
        plugin.open("127.0.0.1", "", "", None, name, extras)
        try:
            yield Router(daemon, plugin.connection)
        finally:
            plugin.close()


def big_set(snapshot: Path) -> dict[Afi, PrefixSet]:
    """Return AS-NETIX's filters, as irrgate's policy has them."""
    with irr_server(snapshot) as server:
        ours = network(server.port)
        asn = Asn(1000)
        neighbour = peer(asn.number, BIG_SET, ours.filters)
        program = find_bgpq4(os.environ)
        with Expander(ours.irr, program=program, clock=time.monotonic) as expander:
            intents = Intents(ours, {asn: neighbour}.__getitem__, expander)
            found = {}
            for afi in Afi:
                made = intents.filter(asn, afi)
                assert isinstance(made, Filter), made
                found[afi] = made.prefixes
            return found


def first_entries(prefixes: PrefixSet, number: int) -> PrefixSet:
    """Return the filter of the first entries of another."""
    return PrefixSet.from_entries(prefixes.afi, islice(prefixes.entries(), number))


def apart(number: int) -> PrefixSet:
    """Return so many /24, no two of which can be one entry."""
    return PrefixSet.from_entries(
        Afi.IPV4, (((1 << 24) + 512 * n, 24, 24, 24) for n in range(number))
    )


def without_a_few(filters: Filters) -> dict[Afi, PrefixSet]:
    """Return the same filters but for CHANGED entries of the first."""
    afi, whole = next(iter(filters.items()))
    step = max(1, whole.entry_count // CHANGED)
    gone = PrefixSet.from_entries(afi, islice(whole.entries(), 0, step * CHANGED, step))
    return {**filters, afi: whole.difference(gone)}


def for_frr(version: str, prefixes: PrefixSet) -> PrefixSet:
    """Return the largest part of a filter that FRR is estimated to take FRR_SECONDS for."""
    platform = find_platform("frr")
    low, high = 1, prefixes.entry_count
    while low < high:
        middle = (low + high + 1) // 2
        made = platform.printed("", first_entries(prefixes, middle), None)
        estimate = seconds_for(version, {"zebra", "bgpd"}, work_of(made, 0))
        low, high = (middle, high) if estimate <= FRR_SECONDS else (low, middle - 1)
    return first_entries(prefixes, low)


def measure(name: str, netix: Filters, directory: Path) -> Iterator[StepFigures]:
    """Yield the figures of each filter on one daemon, each on a daemon that is new."""
    # The lab's daemons refer to a filter of either family.
    few = first_entries(netix[Afi.IPV6], 10)
    if name == "frr":
        cases = [_for_frr(netix, few, directory)]
    elif name == "frr_route_map":
        parts = (first_entries(netix[Afi.IPV4], number) for number in ON_LISTS)
        cases = [(f"a part of {BIG_SET}", {Afi.IPV4: each, Afi.IPV6: few}) for each in parts]
    else:
        part = first_entries(netix[Afi.IPV4], HUNDRED_THOUSAND)
        cases = [
            (f"a part of {BIG_SET}", {Afi.IPV4: part, Afi.IPV6: few}),
            (BIG_SET, netix),
            ("/24 of which none merge", {Afi.IPV4: apart(LARGEST), Afi.IPV6: few}),
        ]
    for number, (what, filters) in enumerate(cases):
        with router(name, directory / f"{name}-{number}") as found:
            yield found.bring(what, filters)
            found.daemon.use_filters()
            yield found.bring(f"{CHANGED} of them go", without_a_few(filters))


def _for_frr(netix: Filters, few: PrefixSet, directory: Path) -> tuple[str, Filters]:
    """Return a filter that FRR takes a while over, after a look at one that is refused."""
    with router("frr", directory / "frr-refused") as found:
        version = found.driver.get_facts()["os_version"]
        large = first_entries(netix[Afi.IPV4], HUNDRED_THOUSAND)
        try:
            found.bring("", {Afi.IPV4: large, Afi.IPV6: few})
        except IrrgateError as exc:
            print(f"frr {version} refuses {HUNDRED_THOUSAND:,} entries: {exc.reason}", flush=True)
    most = for_frr(version, netix[Afi.IPV4])
    return f"a part of {BIG_SET}, on {version}", {Afi.IPV4: most, Afi.IPV6: few}


def row(found: StepFigures) -> str:
    """Return one line of the table in docs/performance.md."""
    seconds = found.seconds
    is_whole = not found.what.endswith("go")
    aim = ""
    # Of less, most is waiting and starting programs: nothing that grows with the entries.
    if is_whole and found.entries >= HUNDRED_THOUSAND:
        per = found.own_per_hundred_thousand
        aim = f"{per:.2f} {'met' if per <= OWN_AIM else 'MISSED'}"
    cells = (
        found.daemon,
        f"{found.what} ({found.entries:,} entries)" if is_whole else found.what,
        *(f"{seconds[step]:.2f}" for step in ("render", "dry run", "commit", "read back")),
        f"{found.own_cpu:.2f}",
        aim,
        f"{found.tools_cpu:.2f}",
        f"{found.daemon_cpu:.2f}",
        f"{found.daemon_mib:.0f} MiB",
    )
    return f"| {' | '.join(cells)} |"


HEAD: Final = (
    "| daemon | filter | render | dry run | commit | read back | irrgate CPU "
    "| per 100,000 (aim 5) | tools CPU | daemon CPU | daemon peak |\n" + "|---" * 11 + "|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("dump", nargs="?", type=Path, default=os.environ.get(VARIABLE))
    parser.add_argument("daemons", nargs="*", choices=[*DAEMONS, []], default=[])
    parser.add_argument("--snapshot", type=Path, help="use this snapshot instead of loading one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="irrgate-") as made:
        directory = Path(made)
        directory.chmod(0o755)
        snapshot = arguments.snapshot or directory / "registry.irr"
        if arguments.snapshot is None:
            if arguments.dump is None:
                print(f"skipped: no registry dump (name one as the argument, or in {VARIABLE})")
                return
            load(Path(arguments.dump), snapshot)
        netix = big_set(snapshot)
        print(HEAD, flush=True)
        for name in arguments.daemons or DAEMONS:
            for figures in measure(name, netix, directory):
                print(row(figures), flush=True)


if __name__ == "__main__":
    main()

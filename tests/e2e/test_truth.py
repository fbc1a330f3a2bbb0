"""What real daemons accept by irrgate's filters, held against the filters' own `contains`.

`make truth` runs this alone, and ends with what was judged.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from irrgate.platforms import find_platform
from irrgate.prefixes import Afi, PrefixSet
from tasks.connection import NapalmConnection
from tests.e2e.desk import inherited_environ, told
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.frr import Frr, FrrRouteMap
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.openbgpd import Openbgpd
from tests.lab.daemons.sshd import SshServer, ssh_server
from tests.lab.daemons.truth import ANNOUNCED, Verdict, covered, everything
from tests.lab.daemons.under_test import FILTERS, DaemonUnderTest, Lab, eventually, lab
from tests.lab.daemons.wanted import needs_bird, needs_frr, needs_openbgpd, needs_sshd
from tests.lab.daemons.workspace import LATER, MAX_LENGTH, REGISTERED, daemon_workspace, registry

DAEMONS = [
    pytest.param(Bird, id="bird", marks=needs_bird),
    pytest.param(Frr, id="frr", marks=needs_frr),
    pytest.param(FrrRouteMap, id="frr_route_map", marks=needs_frr),
    pytest.param(Openbgpd, id="openbgpd", marks=needs_openbgpd),
]
TRANSPORTS = ["local", pytest.param("ssh", marks=needs_sshd)]
Verdicts = dict[Afi, Verdict]

pytestmark = [pytest.mark.e2e, needs_namespaces]


@pytest.fixture(params=DAEMONS)
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> DaemonUnderTest:
    made: DaemonUnderTest = request.param(tmp_path / "daemon")
    return made


@pytest.fixture(params=TRANSPORTS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SshServer | None]:
    """The sshd by which irrgate reaches the daemon, if it is not on its own machine."""
    if request.param == "local":
        yield None
        return
    with ssh_server(tmp_path / "sshd") as server:
        yield server


@pytest.fixture
def verdicts(
    daemon: DaemonUnderTest, record_property: Callable[[str, object], None]
) -> Iterator[Verdicts]:
    """What was judged, for the end of the run, and for the test."""
    found = {afi: Verdict() for afi in Afi}
    yield found
    for afi, verdict in found.items():
        judged = (daemon.platform, str(afi), verdict.judged, len(verdict.wrong))
        record_property("truth", judged)


def test_the_filters_filter(
    daemon: DaemonUnderTest, server: SshServer | None, verdicts: Verdicts, tmp_path: Path
) -> None:
    """The first filters, a change of the registry by `irrgate refresh`, and all that it saw."""
    options = {"transport": "local"} if server is None else server.optional_args()
    options |= daemon.optional_args()
    username = server.username if server else ""
    with (
        lab(daemon, tmp_path / "lab") as found,
        daemon_workspace(
            tmp_path / "desk", daemon.platform, options, inherited_environ(), username
        ) as network,
    ):
        announced = set(everything())
        found.announce(everything())
        assert found.accepted() == {afi: set() for afi in Afi}

        told(network.irrgate("refresh"), 0)
        daemon.use_filters()
        old = covered(filters_on(daemon, options, username), announced)
        found.wait_accepted(old)
        judge(found, announced, old, verdicts)
        assert set().union(*old.values()) == {*registered(REGISTERED)} | within_max_length()

        network.load_registry(registry(LATER))
        told(network.irrgate("plan", "--out", "plan.zip"), 2)
        with watched(found, verdicts, old, covered(planned(LATER), announced)):
            told(network.irrgate("refresh"), 0)
            new = covered(filters_on(daemon, options, username), announced)
            found.wait_accepted(new)
        judge(found, announced, new, verdicts)
        assert set().union(*new.values()) == {*registered(LATER)} | within_max_length()
        told(network.irrgate("plan", "--out", "plan2.zip"), 0)
    wrong = {afi: verdict.wrong for afi, verdict in verdicts.items()}
    assert wrong == {afi: [] for afi in Afi}


def registered(prefixes: tuple[str, ...]) -> set[str]:
    """Of the registered prefixes those that are announced as such."""
    return set(prefixes) & set(everything())


def within_max_length() -> set[str]:
    return set(ANNOUNCED["more specific, within max_length"])


def planned(prefixes: tuple[str, ...]) -> dict[Afi, PrefixSet]:
    """The filters of a registry, by the policy of the workspace."""
    ranges: dict[Afi, list[str]] = {afi: [] for afi in Afi}
    for each in prefixes:
        afi = Afi.IPV6 if ":" in each else Afi.IPV4
        ranges[afi].append(f"{each} le {MAX_LENGTH[afi]}")
    return {afi: PrefixSet.parse(afi, ranges[afi]) for afi in Afi}


def filters_on(
    daemon: DaemonUnderTest, options: Mapping[str, object], username: str
) -> dict[Afi, PrefixSet]:
    """The filters as irrgate reads them on the router."""
    plugin = NapalmConnection()
    extras = {"optional_args": dict(options)}
    plugin.open("127.0.0.1", username, "", None, daemon.platform, extras)
    try:
        running = plugin.connection.get_config(retrieve="running")["running"]
    finally:
        plugin.close()
    wanted = {name: afi for afi, name in FILTERS.items()}
    lists = find_platform(daemon.platform).parse(running, wanted, "IRR-").lists
    return {afi: lists[name].prefixes for afi, name in FILTERS.items()}


def judge(
    found: Lab, announced: set[str], right: Mapping[Afi, set[str]], verdicts: Verdicts
) -> None:
    accepted = found.accepted()
    for afi, verdict in verdicts.items():
        of_family = {each for each in announced if (":" in each) == (afi is Afi.IPV6)}
        verdict.compare(of_family, right[afi], accepted[afi])


@contextmanager
def watched(
    found: Lab, verdicts: Verdicts, old: Mapping[Afi, set[str]], new: Mapping[Afi, set[str]]
) -> Iterator[None]:
    """Watch the daemon's table, and all that the collector hears, while the block lasts."""
    # What is on its way to the collector belongs to before.
    assert eventually(lambda: heard(found) == {each for afi in Afi for each in old[afi]})
    before = len(found.log())
    done = threading.Event()
    samples: list[Mapping[Afi, set[str]]] = []

    def sample() -> None:
        while not done.is_set():
            samples.append(found.accepted())
            done.wait(0.01)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield
        assert eventually(lambda: heard(found) == {each for afi in Afi for each in new[afi]})
    finally:
        done.set()
        thread.join()
    changes = found.log()[before:]
    assert len(samples) > 3
    for afi, verdict in verdicts.items():
        of_family = [each for each in changes if (":" in each["prefix"]) == (afi is Afi.IPV6)]
        verdict.watch(of_family, old[afi], new[afi])
        for each in samples:
            verdict.judged += len(each[afi])
            verdict.wrong += [f"{p} was in the table" for p in each[afi] - old[afi] - new[afi]]
            verdict.wrong += [f"{p} was not in it" for p in old[afi] & new[afi] - each[afi]]


def heard(found: Lab) -> set[str]:
    """What the collector has by now."""
    has: set[str] = set()
    for change in found.log():
        if change["event"] == "announce":
            has.add(change["prefix"])
        elif change["event"] == "withdraw":
            has.discard(change["prefix"])
        elif change["event"] == "up":
            has.clear()
    return has

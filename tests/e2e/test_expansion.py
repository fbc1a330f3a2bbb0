"""Expansion with the real bgpq4, against servers that fail in every way known, and a right one.

The verdicts are whole, empty, unknown and failed. What a wrong one would do: `whole` for a part of
a set drops some of a customer's routes, `empty` for an error drops them all.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from irrgate.irr.bgpq4 import Query, find_bgpq4
from irrgate.irr.expander import Empty, Expander, Expansion, Failed, Unknown, Whole
from irrgate.network import IrrServer, IrrSettings
from irrgate.platforms import PLATFORMS
from irrgate.prefixes import Afi, format_entry, parse_keys
from irrgate.rpsl import SourceName, parse_object
from irrgate.workspace import load_workspace
from tests.e2e.desk import DONE, PROBLEMS, Desk, inherited_environ, told
from tests.lab import faulty_irr
from tests.lab.faulty_irr import Fault
from tests.unit.irr.scripts import bgpq4_children, script

pytestmark = pytest.mark.e2e

TIMEOUT = 1
ALL_V4 = sorted(parse_keys(Afi.IPV4, faulty_irr.IPV4.decode().split()))
NOWHERE = IrrServer("127.0.0.1", 1)

Serve = Callable[..., IrrServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server with a fault, for the test's time."""
    with ExitStack() as stack:

        def start(fault: Fault, log: Path | None = None) -> IrrServer:
            port = stack.enter_context(faulty_irr.start(fault, log=log))
            return IrrServer("127.0.0.1", port)

        yield start


def expand(
    *servers: IrrServer,
    asked: str = "AS-EJEMPLO",
    afi: Afi = Afi.IPV4,
    sources: tuple[str, ...] = ("TEST", "OTHER"),
    timeout: int = TIMEOUT,
) -> Expansion:
    irr = IrrSettings(servers, tuple(map(SourceName, sources)), timeout, 4)
    query = Query(parse_object(asked), afi, irr.sources)
    program = find_bgpq4(inherited_environ())
    started = time.monotonic()
    with Expander(irr, program=program, clock=time.monotonic) as expander:
        [expansion] = expander.expand([query])
    # Twice: bgpq4 itself, and the question whether the set exists. Measured as a whole, by the
    # wall, with a second for starting a process on a loaded machine.
    assert time.monotonic() - started < len(servers) * 2 * timeout + 1
    assert bgpq4_children() == []
    return expansion


SAID = "bgpq4 says "
OBJECT = "bgpq4 found nothing, and asked whether the set exists: "
FAILURES = {
    Fault.ERROR_ALL: SAID,
    Fault.ERROR_DATA: SAID + "ERROR:",
    Fault.ERROR_OBJECT: OBJECT + "answers !mas-set,AS-EJEMPLO with an error",
    Fault.HANG_OBJECT: OBJECT + "no whole answer",
    Fault.CLOSE_OBJECT: OBJECT + "closed the connection before its answer was whole",
    Fault.UNKNOWN_SOURCE: SAID,
    Fault.GARBAGE: SAID,
    Fault.CLOSE_BEFORE: SAID,
    Fault.CLOSE_MIDWAY: SAID,
    Fault.RESET_MIDWAY: SAID,
    Fault.NO_FINAL_CODE: SAID,
    Fault.LONG_LENGTH: "",
    Fault.HANG_ACCEPT: "no answer within 1 s",
    Fault.HANG_BEFORE: "no answer within 1 s",
    Fault.HANG_MIDWAY: "no answer within 1 s",
    Fault.DRIP: "no answer within 1 s",
    Fault.BAD_PREFIXES: SAID + "ERROR:",
}
"""How the reason begins; what bgpq4 says after it is its own affair."""
OTHERS = {Fault.NONE, Fault.OLDER, Fault.ERROR_ONE, Fault.UNKNOWN_SET, Fault.EMPTY_SET}
OTHERS |= {Fault.SHORT_LENGTH, Fault.BAD_LENGTH, Fault.UNKNOWN_PINNED}


def test_every_fault_of_the_server_is_tried() -> None:
    assert set(FAILURES) | OTHERS | {Fault.HUGE} == set(Fault)


@pytest.mark.parametrize("afi", Afi)
def test_whole(serve: Serve, afi: Afi) -> None:
    server = serve(Fault.NONE)
    found = expand(server, afi=afi)
    assert isinstance(found.verdict, Whole)
    expected = faulty_irr.IPV4 if afi is Afi.IPV4 else faulty_irr.IPV6
    assert list(found.verdict.keys) == sorted(parse_keys(afi, expected.decode().split()))
    assert (found.server, found.attempts) == (server, ())


@pytest.mark.parametrize("fault", FAILURES)
def test_a_server_that_fails(serve: Serve, fault: Fault) -> None:
    server = serve(fault)
    found = expand(server)
    assert isinstance(found.verdict, Failed), found.verdict
    assert found.verdict.reason.startswith(f"{server}: {FAILURES[fault]}"), found.verdict.reason
    assert found.verdict.reason.isprintable()
    assert found.server is None


def test_one_member_of_several_that_fails(serve: Serve) -> None:
    """bgpq4 exits 0 with the list of the others, and says ERROR on stderr alone."""
    found = expand(serve(Fault.ERROR_ONE), asked="TEST::AS-EJEMPLO")
    assert isinstance(found.verdict, Failed)
    assert "bgpq4 says ERROR:" in found.verdict.reason
    whole = expand(serve(Fault.NONE), asked="TEST::AS-EJEMPLO")
    assert isinstance(whole.verdict, Whole)


def test_unknown_and_empty_are_two_things(serve: Serve) -> None:
    assert expand(serve(Fault.UNKNOWN_SET)).verdict == Unknown()
    assert expand(serve(Fault.EMPTY_SET)).verdict == Empty()
    # An ASN is no object that could be missing.
    assert expand(serve(Fault.UNKNOWN_SET), asked="AS64500").verdict == Empty()


def test_a_length_shorter_than_its_data_goes_unnoticed(serve: Serve) -> None:
    """A limit, not a feature: bgpq4 prints a list without its last prefix, and no complaint.

    The server's framing is all that there is to go by. The guard on shrinking (max_shrink) is what
    stands between such a server and a router.
    """
    found = expand(serve(Fault.SHORT_LENGTH))
    assert isinstance(found.verdict, Whole)
    assert list(found.verdict.keys) == ALL_V4[:-1]


def test_a_prefix_that_is_too_long_goes_unnoticed(serve: Serve) -> None:
    """A limit as well: bgpq4 makes a /32 of a /33. What it stood for is missing (max_shrink)."""
    found = expand(serve(Fault.BAD_LENGTH))
    assert isinstance(found.verdict, Whole)
    right = faulty_irr.IPV4.decode().split()
    told_as = [*right[:-1], "203.0.113.0/32"]
    assert list(found.verdict.keys) == sorted(parse_keys(Afi.IPV4, told_as))


def test_a_source_that_one_set_is_pinned_to(serve: Serve) -> None:
    server = serve(Fault.UNKNOWN_PINNED)
    found = expand(server, asked="BADSRC::AS-EJEMPLO")
    assert isinstance(found.verdict, Failed)
    assert "bgpq4 says ERROR:" in found.verdict.reason
    assert isinstance(expand(server, asked="TEST::AS-EJEMPLO").verdict, Whole)


def test_a_huge_set(serve: Serve) -> None:
    found = expand(serve(Fault.HUGE), timeout=60)
    assert isinstance(found.verdict, Whole)
    assert found.verdict.count == faulty_irr.HUGE_PREFIXES


def test_servers_that_are_not_there(serve: Serve) -> None:
    no_name = IrrServer("no-such-host.invalid")
    good = serve(Fault.NONE)
    found = expand(NOWHERE, no_name, good, timeout=10)
    assert isinstance(found.verdict, Whole)
    assert found.server == good
    assert [each.server for each in found.attempts] == [NOWHERE, no_name]
    assert all(each.reason.startswith("bgpq4 says ERROR:") for each in found.attempts)


def test_the_next_server_is_asked_after_each_kind_of_failure(serve: Serve) -> None:
    hangs, lies, good = serve(Fault.HANG_MIDWAY), serve(Fault.ERROR_DATA), serve(Fault.NONE)
    found = expand(hangs, lies, good)
    assert isinstance(found.verdict, Whole)
    assert found.server == good
    assert [each.server for each in found.attempts] == [hangs, lies]
    assert found.attempts[0].reason == "no answer within 1 s"
    assert 1 <= found.seconds < 3


def test_an_answer_of_nothing_is_an_answer(serve: Serve, tmp_path: Path) -> None:
    """Fail-over is for failures: what the first server knows to be empty is not asked again."""
    log = tmp_path / "log"
    second = serve(Fault.NONE, log)
    assert expand(serve(Fault.EMPTY_SET), second).verdict == Empty()
    assert expand(serve(Fault.UNKNOWN_SET), second).verdict == Unknown()
    assert not log.exists()


PRIVATE_MEMBER = """
as-set:  AS-MIXTO
members: AS65540, AS64512
source:  DEMO

route:   10.1.0.0/16
origin:  AS65540
source:  DEMO

route:   10.2.0.0/16
origin:  AS64512
source:  DEMO
"""

DOUBLE = """
as-set:  AS-DOBLE
members: AS64500
source:  DEMO

as-set:  AS-DOBLE
members: AS64502
source:  DEMO-RIR

as-set:  AS-VACIO
source:  DEMO

route:   10.90.0.0/24
origin:  AS64511
source:  DEMO-RIR
"""


@pytest.fixture
def registry(desk: Desk) -> Callable[..., Expansion]:
    """Expand from the embedded server, which has the demo's registry and more."""
    desk.load_registry(desk.registry.read_text(encoding="latin-1") + DOUBLE + PRIVATE_MEMBER)
    irr = load_workspace(desk.directory, known_platforms=tuple(PLATFORMS)).network.irr

    def ask(asked: str, *sources: str) -> Expansion:
        names = sources or ("DEMO", "DEMO-RIR")
        return expand(irr.servers[0], asked=asked, sources=names, timeout=10)

    return ask


def prefixes(found: Expansion) -> list[str]:
    assert isinstance(found.verdict, Whole), found.verdict
    keys = [(key >> 8, key & 255, key & 255, key & 255) for key in found.verdict.keys]
    return [format_entry(found.query.afi, entry) for entry in keys]


def test_a_source_that_is_named_is_the_one_that_is_asked(
    registry: Callable[..., Expansion],
) -> None:
    ejemplo, modelo = ["10.10.0.0/17", "10.10.128.0/17", "192.0.2.0/24"], ["10.30.0.0/16"]
    modelo.append("10.30.64.0/18")
    assert prefixes(registry("DEMO::AS-DOBLE")) == ejemplo
    assert prefixes(registry("DEMO-RIR::AS-DOBLE")) == modelo
    assert prefixes(registry("AS-DOBLE")) == ejemplo
    assert prefixes(registry("AS-DOBLE", "DEMO-RIR", "DEMO")) == modelo
    # The set is found in DEMO; the routes of its members still come from the sources selected.
    assert registry("DEMO::AS-DOBLE", "DEMO-RIR").verdict == Empty()


@pytest.mark.parametrize("asked", ["AS-MIXTO", "DEMO::AS-MIXTO"])
def test_a_private_member_fails_no_set_and_means_the_same_pinned_or_not(
    asked: str, registry: Callable[..., Expansion]
) -> None:
    """Without -p bgpq4 complains of AS64512 where it expands the set itself: when it is pinned."""
    assert prefixes(registry(asked)) == ["10.1.0.0/16", "10.2.0.0/16"]


def test_a_set_that_one_source_has_and_another_has_not(
    registry: Callable[..., Expansion],
) -> None:
    assert len(prefixes(registry("AS-MODELO"))) == 4
    assert len(prefixes(registry("DEMO-RIR::AS-MODELO"))) == 4
    assert registry("AS-MODELO", "DEMO").verdict == Unknown()
    assert registry("DEMO::AS-MODELO").verdict == Unknown()
    assert registry("DEMO::AS-MODELO", "DEMO-RIR").verdict == Unknown()
    assert registry("AS-VACIO").verdict == Empty()
    assert registry("DEMO::AS-VACIO").verdict == Empty()
    assert registry("AS-NO-EXISTE").verdict == Unknown()


def test_a_source_that_does_not_exist_is_a_failure(registry: Callable[..., Expansion]) -> None:
    """bgpq4 would expand BADSRC::AS-MODELO from its default sources, with exit code 0."""
    for found in (registry("BADSRC::AS-MODELO"), registry("AS-MODELO", "DEMO", "BADSRC")):
        assert isinstance(found.verdict, Failed)
        assert "bgpq4 says ERROR:" in found.verdict.reason


def use_server(desk: Desk, *servers: IrrServer) -> None:
    path = desk.directory / "inventory" / "network.yaml"
    text = path.read_text()
    line = next(line for line in text.splitlines() if line.lstrip().startswith("servers:"))
    listed = json.dumps([f"{each.host}:{each.port}" for each in servers])
    path.write_text(text.replace(line, f"  servers: {listed}"))


def test_each_query_reaches_the_server_once_however_many_routers_want_it(
    desk: Desk, serve: Serve, tmp_path: Path
) -> None:
    log = tmp_path / "queries"
    desk.edit("peers.yaml", "RS-PRUEBA", "AS-PRUEBA")
    desk.edit("peers.yaml", "DEMO::", "")
    use_server(desk, serve(Fault.NONE, log))
    plan = desk.plan("--offline", expect=DONE)
    data = ("!a4", "!a6", "!i")
    asked = Counter(line for line in log.read_text().splitlines() if line.startswith(data))
    # AS64501 and AS64502 have sessions on two routers each, AS64500 as well.
    assert asked["!a4AS64501:AS-CLIENTES"] == asked["!a4AS-MODELO"] == asked["!a6AS-MODELO"] == 1
    assert set(asked.values()) == {1}
    assert sum(1 for peer in plan.json["peers"].values() for _ in peer["filters"]) == 8


def test_a_plan_names_the_servers_that_failed_and_the_one_that_answered(
    desk: Desk, serve: Serve
) -> None:
    [good] = load_workspace(desk.directory, known_platforms=tuple(PLATFORMS)).network.irr.servers
    bad = serve(Fault.ERROR_DATA)
    use_server(desk, bad, good)
    plan = desk.plan("--offline", expect=DONE)
    for peer in plan.json["peers"].values():
        for made in peer["filters"].values():
            for query in made["queries"]:
                assert query["server"] == str(good)
                [failed] = query["failed_servers"]
                assert failed.startswith(f"{bad}: bgpq4 says ERROR:")
    assert f"{bad}: bgpq4 says ERROR:" in " ".join(
        told(
            desk.irrgate("show", "--all", plan.path.name, environ={"COLUMNS": "500"}), DONE
        ).stdout.split()
    )


def test_one_set_that_fails_keeps_one_filter(desk: Desk, serve: Serve) -> None:
    desk.edit("peers.yaml", "AS-MODELO", "AS-BROKEN")
    desk.edit("peers.yaml", "DEMO::", "")
    use_server(desk, serve(Fault.ERROR_ONE))
    plan = desk.plan(expect=PROBLEMS)
    status, why = plan.filters("edge2.mex")["IRR-AS64502-V4"]
    assert status == "held"
    assert "AS-BROKEN could not be expanded: 127.0.0.1:" in why
    assert plan.filters("edge2.mex")["IRR-AS64500-V4"] == ("new", "")
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    assert {outcome for outcome, _ in outcomes.values()} == {"done"}
    assert plan.json["peers"]["AS64502"]["filters"]["ipv4"]["queries"][0]["verdict"] == "failed"


WRAPPERS = {
    "ignores SIGTERM": ("trap '' TERM; sleep 60", "no answer within 1 s"),
    "prints half of its JSON": (
        """printf '{ "irrgate": [\\n { "prefix": "192.0.2.0'""",
        "bgpq4 printed what is not its JSON: ",
    ),
    "prints nothing": ("exit 0", "bgpq4 printed what is not its JSON: "),
    "crashes": ("kill -6 $$", "bgpq4 ended with signal 6"),
}


@pytest.mark.parametrize(("body", "reason"), WRAPPERS.values(), ids=WRAPPERS)
def test_another_program_of_the_name(desk: Desk, tmp_path: Path, body: str, reason: str) -> None:
    path = desk.directory / "inventory" / "network.yaml"
    path.write_text(path.read_text().replace("timeout: 30", "timeout: 1"))
    script(tmp_path, body)
    desk.environ["PATH"] = f"{tmp_path}:{desk.environ['PATH']}"
    plan = desk.plan("--limit", "AS64504", expect=PROBLEMS)
    assert plan.hosts == {"edge2.bog": "held"}
    for status, why in plan.filters("edge2.bog").values():
        assert status == "held"
        assert " could not be expanded: 127.0.0.1:" in why
        assert reason in why


def test_expand_by_hand(desk: Desk) -> None:
    done = told(desk.irrgate("expand", "-4", "DEMO::AS-EJEMPLO", "AS64509"), DONE)
    assert done.stdout.splitlines() == [
        "10.10.0.0/16 ge 17 le 17",
        "10.11.0.0/20",
        "10.11.16.0/22",
        "10.11.20.0/24",
        "192.0.2.0/24",
        "10.31.0.0/23 ge 24 le 24",
    ]
    assert "8 registered, 1 dropped: longer than max_length, 1 dropped: our own prefixes" in (
        done.stderr
    )
    done = told(desk.irrgate("expand", "AS-NO-EXISTE", "AS64511", "AS64503"), PROBLEMS)
    assert "AS-NO-EXISTE ipv4: AS-NO-EXISTE does not exist in DEMO, DEMO-RIR" in done.stderr
    assert "AS64511 ipv4: the IRR has no route of it" in done.stderr
    assert "2001:db8:503::/48" in done.stdout

"""A real IRRd and the embedded server, with the same registries: they answer alike.

The registries are the demo's and nasty.db. bgpq4 asks both servers the same, set by set and query
kind by query kind; what is compared is what it prints, its errors and its exit code.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from psycopg import sql

from irrgate.irr.client import IrrClient
from irrgate.irr.snapshot import LoadReport, Problem, load_dumps
from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import SourceName, parse_set_name
from tests.e2e.desk import eventually
from tests.e2e.postgres_cluster import cluster
from tests.e2e.postgres_cluster import programs as postgres_programs
from tests.lab.irr_process import irr_server
from tests.lab.network import irrgate_argv
from tests.lab.real_irrd import (
    WHOIS_WORKERS,
    Imported,
    RealIrrd,
    check_configuration,
    real_irrd,
    split_by_source,
)
from tests.lab.real_irrd import programs as irrd_programs

pytestmark = pytest.mark.e2e

ROOT: Final = Path(__file__).resolve().parents[2]
DEMO: Final = ROOT / "inventory" / "registry" / "demo.db"
NASTY: Final = Path(__file__).with_name("nasty.db")
TEXT: Final = f"{DEMO.read_text()}\n\n{NASTY.read_text()}"

SETS: Final = [
    *dict.fromkeys(re.findall(r"^(?:as|route)-set:\s*(\S+)", TEXT, re.MULTILINE)),
    "AS-IS-NOT-THERE",
    "RS-IS-NOT-THERE",
    "AS64500:AS-IS-NOT-THERE",
]
AS_SETS: Final = [name for name in SETS if ":RS-" not in name and not name.startswith("RS-")]
ROUTE_SETS: Final = [name for name in SETS if name not in AS_SETS]
ASNS: Final = sorted({*re.findall(r"\bAS[0-9]+\b", TEXT), "AS64597"} - {"AS4294967296"})

# A range is written out prefix by prefix, so IPv4 ends at 26 here and not at 32.
FAMILIES: Final = (("-4", "-m", "26"), ("-6", "-m", "128"))
SELECTIONS: Final = (
    "NASTY", "NASTY-B,NASTY", "DEMO-RIR,DEMO", "NASTY,NOWHERE",
)  # fmt: skip
ALL_SOURCES: Final = "NASTY,NASTY-B,NASTY-BROKEN,DEMO,DEMO-RIR"
BGPQ4_LOSES: Final = {"RS-ONE-LENGTH", "RS-ALL-ONE-LENGTH", "RS-MP", "RS-HOST"}
"""a member with `^n` each"""
FAILING: Final = "RS-BEYOND"
PINS: Final = ("NASTY", "NASTY-B", "NOWHERE")

Command = tuple[str, ...]


@dataclass(frozen=True)
class Servers:
    """The two servers on 127.0.0.1, and what each made of the registries."""

    irrd: RealIrrd
    embedded: int
    report: LoadReport
    problems: list[Problem]


def needed(path: Path | None, what: str) -> Path:
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail(what)
        pytest.skip(what)
    return path


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    programs = needed(irrd_programs(), "IRRd is not installed: sh .ci/install-irrd")
    postgres = needed(postgres_programs(), "PostgreSQL is missing: apt-get install postgresql")
    with ExitStack() as stack:
        # Not below pytest's: the path of a Unix socket has at most 107 bytes.
        made = stack.enter_context(tempfile.TemporaryDirectory(prefix="irrgate-irrd-"))
        directory = Path(made)
        database = stack.enter_context(cluster(postgres))
        name = database.new_database()
        database.execute(sql.SQL("CREATE EXTENSION pgcrypto"), name)
        url = database.socket_url(name).replace("+psycopg", "")
        dump, snapshot = directory / "all.db", directory / "snapshot.irr"
        dump.write_text(TEXT)
        problems: list[Problem] = []
        report = load_dumps([dump], snapshot, on_problem=problems.append)
        # IRRd searches its sources as they are configured, ours as they come in the dump.
        sources = split_by_source(TEXT, directory)
        assert list(sources) == list(report.objects)
        irrd = stack.enter_context(real_irrd(programs, directory, url, sources))
        embedded = stack.enter_context(irr_server(snapshot))
        yield Servers(irrd, embedded.port, report, problems)


def test_irrd_takes_the_demo_registry_whole(servers: Servers) -> None:
    imported = servers.irrd.imported()
    assert {name: imported[name] for name in ("DEMO", "DEMO-RIR")} == {
        "DEMO": Imported(18, 18),
        "DEMO-RIR": Imported(7, 7),
    }
    for name in ("DEMO", "DEMO-RIR"):
        assert sum(servers.report.objects[name].values()) == imported[name].kept
    lines = DEMO.read_text().count("\n")
    assert [each for each in servers.problems if each.line <= lines] == []


def test_both_drop_the_same_broken_objects(servers: Servers) -> None:
    imported = servers.irrd.imported()
    broken = imported["NASTY-BROKEN"]
    assert sum(servers.report.objects["NASTY-BROKEN"].values()) == broken.kept < broken.read
    refused = [each for each in servers.problems if each.kind == "object skipped"]
    assert len(refused) == len(servers.irrd.refusals()) == broken.read - broken.kept
    assert imported["NASTY"].read == imported["NASTY"].kept


@dataclass(frozen=True)
class Heard:
    """What bgpq4 made of a server's answers."""

    exit_code: int
    printed: Any
    errors: list[str]


def bgpq4(port: int, arguments: Command) -> Heard:
    argv = ["bgpq4", "-h", f"127.0.0.1:{port}", "-p", "-j", "-l", "x", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    # bgpq4 quotes an answer with whatever else it has read by then, in further lines.
    errors = sorted(line for line in done.stderr.splitlines() if line[:5] in {"ERROR", "FATAL"})
    try:
        printed: Any = sorted(json.dumps(each) for each in json.loads(done.stdout)["x"])
    except ValueError:
        # A route-set of a source: a line of its own before the JSON.
        printed = done.stdout
    return Heard(done.returncode, printed, errors)


def in_families(arguments: Sequence[Command], names: Sequence[str]) -> list[Command]:
    return [(*each, *family, name) for each in arguments for family in FAMILIES for name in names]


def plainly() -> list[Command]:
    return in_families([()], SETS) + [(f, asn) for f in ("-4", "-6") for asn in ASNS]


def of_sources() -> list[Command]:
    sources = [("-S", selection) for selection in SELECTIONS]
    of_asns = [("-S", "NASTY-B", f, asn) for f in ("-4", "-6") for asn in ASNS]
    return in_families(sources, SETS) + of_asns


def pinned_to_a_source() -> list[Command]:
    names = [f"{pin}::{name}" for pin in PINS for name in AS_SETS]
    others = [f"NASTY-B::{name}" for name in ("AS-TWICE", "AS-OVER", "AS-ONLY-B")]
    return in_families([()], names) + in_families([("-S", "NASTY")], others)


def to_a_depth() -> list[Command]:
    return in_families([("-L", "1"), ("-L", "2", "-S", "NASTY-B,NASTY,DEMO")], AS_SETS)


def with_exceptions() -> list[Command]:
    exceptions = (("AS64500",), ("AS-NEST-3", "AS64505"))
    names = [*AS_SETS, "RS-NEST", "RS-OF-ASNS"]
    return [
        (*family, name, "EXCEPT", *each)
        for family in FAMILIES for name in names for each in exceptions
    ]  # fmt: skip


def of_lengths() -> list[Command]:
    ranged = in_families([("-R", "24"), ("-r", "26", "-R", "28"), ("-A",), ("-w",)], SETS)
    return ranged + [("-4", "-R", "24", "-m", "24", name) for name in SETS]


def for_asns() -> list[Command]:
    kinds: list[Command] = [("-t",), ("-f", "1"), ("-L", "1", "-t"), ("-S", "NASTY-B,NASTY", "-t")]
    asked = [(*kind, name) for kind in kinds for name in [*AS_SETS, "NASTY-B::AS-TWICE"]]
    return asked + [("-t", name, "EXCEPT", "AS-NEST-3", "AS64501") for name in AS_SETS]


KINDS: Final[list[Callable[[], list[Command]]]] = [
    plainly, of_sources, pinned_to_a_source, to_a_depth, with_exceptions, of_lengths, for_asns,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_bgpq4_hears_the_same_from_both(
    servers: Servers, kind: Callable[[], list[Command]]
) -> None:
    def both(arguments: Command) -> tuple[Command, Heard, Heard]:
        ports = servers.irrd.port, servers.embedded
        return arguments, *(bgpq4(port, arguments) for port in ports)  # type: ignore[return-value]

    with ThreadPoolExecutor(WHOIS_WORKERS - 1) as pool:
        heard = list(pool.map(both, kind()))
    assert [each for each in heard if each[1] != each[2]] == []
    assert sum(bool(irrd.printed) for _, irrd, _ in heard) > 10, "there was something to compare"


class Conversation:
    """A socket to a server; its answers as they are framed."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        self._stream = self._socket.makefile("rwb")

    def ask(self, query: str) -> tuple[str, str]:
        """Return the letter of the answer, and its data or message."""
        self._stream.write(f"{query}\n".encode())
        self._stream.flush()
        line = self._stream.readline().decode()
        if line[:1] != "A":
            return line[:1], line[1:].strip()
        data = self._stream.read(int(line[1:])).decode()
        assert data.endswith("\n"), query
        assert self._stream.readline() == b"C\n", query
        return "A", data[:-1]

    def keep_open(self) -> None:
        """Send `!!`, to which there is no answer: the next one is to the next query."""
        self._stream.write(b"!!\n")

    def end(self) -> bytes:
        """Send `!q`; return what the server still says. A reset would make IRRd close another."""
        self._stream.write(b"!q\n")
        self._stream.flush()
        rest = self._stream.read()
        self._stream.close()
        self._socket.close()
        return rest


def as_a_set(data: str) -> object:
    # Names are the same in either case; IRRd keeps that of a route-set's members.
    return sorted(data.upper().split())


def as_it_is(data: str) -> object:
    return data


def as_an_object(data: str) -> object:
    """The class with its key, the members and the source; ours keeps nothing else of an object."""
    attributes: dict[str, list[str]] = {}
    name = ""
    for line in data.upper().splitlines():
        name, value = (name, line[1:]) if line[0] in " +" else line.split(":", 1)
        attributes.setdefault(name, []).extend(re.findall(r"[^\s,]+", value.partition("#")[0]))
    members = attributes.get("MEMBERS", []) + attributes.get("MP-MEMBERS", [])
    return next(iter(attributes.items())), sorted(members), attributes["SOURCE"]


QUERIES: Final[list[tuple[str, Callable[[str], object]]]] = [
    ("!nbgpq4 1.9", as_it_is), ("!nirrgate", as_it_is), ("!n", as_it_is),
    ("!a", as_it_is), ("!a4", as_it_is), ("!a6", as_it_is),
    ("!s-lc", as_it_is), ("!s-*", as_it_is), ("!s", as_it_is), ("!sNOWHERE", as_it_is),
    ("!sNASTY,NOWHERE", as_it_is), ("!s-lc", as_it_is), ("!snasty-b,nasty", as_it_is),
    ("!s-lc", as_it_is), ("!iAS-TWICE", as_a_set), ("!a4AS-OVER", as_a_set),
    ("!sDEMO,DEMO-RIR,NASTY,NASTY-B,NASTY-BROKEN", as_it_is),
    *((f"!{kind}{name}", as_a_set) for kind in "ai" for name in SETS),
    *((f"!{kind}{name}", as_a_set) for kind in ("a4", "a6") for name in SETS),
    *((f"!i{name},1", as_a_set) for name in SETS),
    *((f"!{kind}{asn}", as_a_set) for kind in "g6" for asn in [*ASNS, "as64500"]),
    *((f"!mas-set,{name}", as_an_object) for name in AS_SETS if name != "AS-MP"),
    *((f"!mroute-set,{name}", as_an_object) for name in ROUTE_SETS if name != "RS-HOST"),
    ("!mas-set,RS-PLAIN", as_an_object), ("!mroute-set,AS-NEST-1", as_an_object),
    ("!mroute,192.0.2.0/24AS64500", as_an_object), ("!mroute,192.0.2.0/24-AS64501", as_an_object),
    ("!mroute6,2001:db8::/48AS64500", as_an_object), ("!mroute,192.0.2.0/24AS64599", as_an_object),
    ("!mroute,192.0.2.0/24", as_an_object), ("!maut-num,AS64599", as_an_object),
    ("!mperson,X", as_an_object), ("!mnonsense,AS-NEST-1", as_an_object),
    ("!j-*", as_a_set), ("!jDEMO", as_it_is), ("!jdemo,NOWHERE,nasty", as_a_set), ("!j*", as_it_is),
    ("!iAS64500", as_a_set), ("!iAS64500,1", as_a_set), ("!a4AS64500", as_a_set),
    ("!iAS-ANY", as_a_set), ("!a4AS-ANY", as_a_set), ("!iNASTY::AS-NEST-1", as_a_set),
    ("!iNONSENSE,1", as_a_set), ("!i192.0.2.0/24", as_a_set), ("!iAS-NEST-1,2", as_a_set),
    ("!i", as_it_is), ("!g", as_it_is), ("!6", as_it_is), ("!j", as_it_is), ("!m", as_it_is),
    ("!t", as_it_is), ("!t20", as_it_is),
]  # fmt: skip

ERRORS: Final = ("!gAS", "!gNONSENSE", "!g64500", "!gAS4294967296", "!mas-set", "!t0", "!tx", "!x")
"""an error from either, in words of its own"""


def test_the_raw_answers_are_the_same(servers: Servers) -> None:
    conversations = Conversation(servers.irrd.port), Conversation(servers.embedded)
    for each in conversations:
        each.keep_open()
    differing = []
    letters = set()
    for query, read in QUERIES:
        (irrd_letter, irrd), (letter, data) = (each.ask(query) for each in conversations)
        letters.add(letter)
        same = read(irrd) == read(data) if letter == irrd_letter == "A" else irrd == data
        if letter != irrd_letter or not same:
            differing.append((query, irrd_letter + irrd, letter + data))
    assert differing == []
    assert letters == set("ACDF")
    for query in ERRORS:
        assert [each.ask(query)[0] for each in conversations] == ["F", "F"], query
    assert [each.end() for each in conversations] == [b"", b""]


def test_a_connection_without_two_exclamation_marks_is_for_one_query(servers: Servers) -> None:
    for port in (servers.irrd.port, servers.embedded):
        with socket.create_connection(("127.0.0.1", port), 20) as connection:
            connection.sendall(b"!gAS64505\n")
            assert connection.makefile("rb").read().startswith(b"A")


def test_our_client_reads_both_alike(servers: Servers) -> None:
    seen = []
    for port in (servers.irrd.port, servers.embedded):
        with IrrClient("127.0.0.1", port, 20) as client:
            client.select_sources([SourceName("NASTY"), SourceName("DEMO")])
            exist = {name: client.object_exists(parse_set_name(name)) for name in SETS}
            members = {name: sorted(client.members(parse_set_name(name))) for name in SETS}
            seen.append((client.sources(), exist, members, set(client.serials())))
    assert seen[0] == seen[1]
    assert seen[0][1]["AS-EMPTY"]
    assert not seen[0][1]["AS-ONLY-B"]


def workspace(port: int, directory: Path) -> Path:
    """Write a workspace that asks a server on 127.0.0.1."""
    inventory = directory / "inventory"
    inventory.mkdir(parents=True)
    (inventory / "hosts.yaml").write_text("{}\n")
    (inventory / "peers.yaml").write_text("{}\n")
    (inventory / "network.yaml").write_text(
        f"asn: 64496\nirr: {{servers: ['127.0.0.1:{port}'], workers: {WHOIS_WORKERS // 2},"
        f" timeout: 20, sources: [{ALL_SOURCES}]}}\n"
        "filters: {max_length: {ipv4: 28, ipv6: 128}, special_use: true}\n"
    )
    return directory


def irrgate(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [*irrgate_argv(), "-w", str(directory), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    return done


def expanded(port: int, directory: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """What `irrgate expand` prints of every set and ASN, but for the server."""
    done = irrgate(workspace(port, directory), "--json", "expand", *SETS, *ASNS)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert {each.pop("server") for each in found} <= {f"127.0.0.1:{port}", None}
    return {(each["object"], each["afi"]): each for each in found}


Expansions = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def expansions(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> list[Expansions]:
    """What irrgate makes of IRRd's answers, and of the embedded server's."""
    found = []
    for port in (servers.irrd.port, servers.embedded):
        found.append(expanded(port, tmp_path_factory.mktemp("workspace") / "ws"))
        # The reasons of failures name the port.
        for each in found[-1].values():
            each["reason"] = re.sub(r":[0-9]{4,}", "", each["reason"])
    return found


def test_irrgate_expands_the_same_from_both(expansions: list[Expansions]) -> None:
    irrd, embedded = expansions
    assert irrd == embedded
    assert {each["verdict"] for each in irrd.values()} == {"whole", "empty", "unknown", "failed"}
    # Its one member of IPv4 has a range beyond /32, of which bgpq4 complains.
    assert {name for (name, _), each in irrd.items() if each["verdict"] == "failed"} == {FAILING}


def test_irrgate_expands_to_what_bgpq4_prints(
    servers: Servers, expansions: list[Expansions]
) -> None:
    asked = [
        (name, afi, ("-S", ALL_SOURCES, *family, name))
        for name in [*SETS, *ASNS] if name not in {FAILING, *BGPQ4_LOSES}
        for afi, family in ((Afi.IPV4, ("-4", "-m", "28")), (Afi.IPV6, ("-6",)))
    ]  # fmt: skip
    with ThreadPoolExecutor(WHOIS_WORKERS - 1) as pool:
        heard = list(pool.map(lambda each: bgpq4(servers.irrd.port, each[2]), asked))
    for (name, afi, _), each in zip(asked, heard, strict=True):
        printed = [json.loads(one)["prefix"] for one in each.printed]
        whole = PrefixSet.parse(afi, [one for one in printed if not one.endswith("/0")])
        ours = expansions[0][name.upper(), str(afi)]["prefixes"]
        assert PrefixSet.parse(afi, ours) == whole, name


def test_irrd_sends_members_of_one_length_as_they_are_and_irrgate_keeps_them(
    servers: Servers, expansions: list[Expansions]
) -> None:
    """bgpq4 reads 10.4.0.0/22^24 as a range from 24 to 0, and drops it without a word."""
    for port, found in zip((servers.irrd.port, servers.embedded), expansions, strict=True):
        with IrrClient("127.0.0.1", port, 20) as client:
            members = client.members(parse_set_name("RS-ONE-LENGTH"))
        assert sorted(members) == ["10.4.0.0/22^24", "10.6.0.0/24^24", "10.6.8.0/21"]
        heard = bgpq4(port, ("-4", "RS-ONE-LENGTH"))
        printed = [json.loads(each)["prefix"] for each in heard.printed]
        assert (printed, heard.errors) == (["10.6.0.0/24", "10.6.8.0/21"], [])
        assert found["RS-ONE-LENGTH", "ipv4"]["prefixes"] == [
            "10.4.0.0/22 ge 24 le 24",
            "10.6.0.0/24",
            "10.6.8.0/21",
        ]
        assert found["RS-ALL-ONE-LENGTH", "ipv4"]["prefixes"] == ["10.4.0.0/22 ge 23 le 23"]
        assert "2001:db8:8::/46 ge 48 le 48" in found["RS-MP", "ipv6"]["prefixes"]


def test_irrgate_check_tells_a_mirror_that_denies_us(servers: Servers, tmp_path: Path) -> None:
    directory = workspace(servers.irrd.port, tmp_path / "ws")
    done = irrgate(directory, "check", "--irr")
    assert done.returncode == 0
    assert "IRRd -- version 4.5.4, has NASTY, NASTY-B" in " ".join(done.stdout.split())

    settings = json.loads(servers.irrd.settings.read_text())
    denying = json.loads(servers.irrd.settings.read_text())
    denying["irrd"]["access_lists"] = {"ours": ["192.0.2.0/24"]}
    denying["irrd"]["server"]["whois"]["access_list"] = "ours"
    servers.irrd.reload(denying)
    try:
        assert eventually(lambda: not answers(servers.irrd.port), 40)
        done = irrgate(directory, "check", "--irr")
        assert done.returncode == 3
        assert "after '%% Access denied'" in " ".join((done.stdout + done.stderr).split())
    finally:
        servers.irrd.reload(settings)
        assert eventually(lambda: answers(servers.irrd.port), 40)


def answers(port: int) -> bool:
    """Tell whether every worker lets us in; each connection is read to its end."""
    with ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 5))
            for _ in range(WHOIS_WORKERS)
        ]
        said = []
        for client in clients:
            with suppress(OSError):
                client.sendall(b"!!\n!v\n!q\n")
                said.append(client.makefile("rb").read())
        return sum(each.startswith(b"A") for each in said) == WHOIS_WORKERS


def test_the_mirror_of_the_docs_is_to_irrds_own_liking(tmp_path: Path) -> None:
    programs = needed(irrd_programs(), "IRRd is not installed: sh .ci/install-irrd")
    text = (ROOT / "docs" / "own-mirror.md").read_text()
    [block] = re.findall(r"^```yaml\n(irrd:\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    settings = tmp_path / "irrd.yaml"
    settings.write_text(block.replace("/var/lib/irrd", str(tmp_path)))
    assert check_configuration(programs, settings) == []
    settings.write_text(settings.read_text().replace("nrtm_port: 4444", "nrtm_porto: 4444"))
    [told] = check_configuration(programs, settings)
    assert "Unknown key(s) under source RIPE: nrtm_porto" in told
    for name in re.findall(r"^    ([A-Z]+):$", block, re.MULTILINE):
        assert re.search(rf"sources_default: \[.*{name}.*\]", block)

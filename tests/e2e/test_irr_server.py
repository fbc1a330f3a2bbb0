"""The embedded IRR server as it runs: the command line, real sockets, the real bgpq4."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from irrgate.irr.client import IrrClient
from irrgate.irr.snapshot import load_dumps
from irrgate.rpsl import parse_set_name
from tests.lab.irr_process import END_SECONDS, ROOT, Running, irr_server

pytestmark = pytest.mark.e2e

REGISTRY = """\
as-set: AS-EXAMPLE
members: AS64500, AS-INNER, AS-NOT-THERE
source: TEST

as-set: AS-INNER
members: AS64501, AS-EXAMPLE
source: TEST

as-set: AS-INNER
members: AS64502
source: OTHER

as-set: AS64500:AS-CUSTOMERS
members: AS64502
source: TEST

route-set: RS-EXAMPLE
members: 192.0.2.0/25^26-26, RS-INNER
source: TEST

route-set: RS-INNER
members: AS64501, 192.0.2.128/25
source: TEST

route: 192.0.2.0/24
origin: AS64500
source: TEST

route: 198.51.100.0/24
origin: AS64501
source: OTHER

route: 203.0.113.0/24
origin: AS64502
source: OTHER

route6: 2001:db8::/32
origin: AS64500
source: TEST
"""

BIG_ROUTES = 100_000


def load(text: str, snapshot: Path) -> None:
    dump = snapshot.with_suffix(".db")
    dump.write_text(text)
    report = load_dumps([dump], snapshot, on_problem=print)
    assert not report.problems


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("irr") / "snapshot.irr"
    load(REGISTRY, path)
    return path


@pytest.fixture(scope="module")
def port(snapshot: Path) -> Iterator[int]:
    with irr_server(snapshot) as server:
        yield server.port


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A registry whose AS-BIG has an answer of 1.4 MB."""
    path = tmp_path_factory.mktemp("irr") / "big.irr"
    routes = "".join(
        f"route: 10.{n >> 12 & 255}.{n >> 4 & 255}.{(n & 15) * 16}/28\n"
        f"origin: AS{64512 + n % 1000}\nsource: TEST\n\n"
        for n in range(BIG_ROUTES)
    )
    members = ", ".join(f"AS{64512 + n}" for n in range(1000))
    load(f"as-set: AS-BIG\nmembers: {members}\nsource: TEST\n\n{routes}", path)
    with irr_server(path) as server:
        yield server


def bgpq4(port: int, *arguments: str, host: str = "127.0.0.1") -> list[str]:
    """The prefixes that bgpq4 prints; everything else it says is a failure."""
    argv = ["bgpq4", "-h", f"{host}:{port}", "-p", "-j", "-l", "x", *arguments]
    done = subprocess.run(argv, capture_output=True, timeout=30, check=True)
    assert done.stderr == b""
    return [row["prefix"] if isinstance(row, dict) else row for row in json.loads(done.stdout)["x"]]


class Conversation:
    """A plain socket to the server."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), 10)
        self.stream = self.socket.makefile("rb")

    def send(self, *queries: str) -> None:
        self.socket.sendall("".join(f"{query}\n" for query in queries).encode())

    def answer(self) -> str:
        """The next answer's data, or its whole line where it has none."""
        line = self.stream.readline().decode()
        if line[:1] != "A":
            return line
        data = self.stream.read(int(line[1:])).decode()
        assert self.stream.readline() == b"C\n"
        return data.removesuffix("\n")


@contextmanager
def talking(port: int, host: str = "127.0.0.1") -> Iterator[Conversation]:
    conversation = Conversation(port, host)
    try:
        yield conversation
    finally:
        conversation.stream.close()
        conversation.socket.close()


@pytest.mark.parametrize(
    ("arguments", "prefixes"),
    [
        ("-4 AS-EXAMPLE", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("-6 AS-EXAMPLE", ["2001:db8::/32"]),
        ("-4 AS64500", ["192.0.2.0/24"]),
        ("-6 AS64500", ["2001:db8::/32"]),
        ("-4 AS64500 AS-INNER AS64502", ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]),
        ("-4 AS-NOT-THERE", []),
        ("-4 -S TEST AS-EXAMPLE", ["192.0.2.0/24"]),
        ("-4 -S OTHER,TEST AS-EXAMPLE", ["192.0.2.0/24", "203.0.113.0/24"]),
        ("-4 -S TEST,OTHER AS-EXAMPLE", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("-4 OTHER::AS-INNER", ["203.0.113.0/24"]),
        ("-4 TEST::AS-INNER", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("-4 -L 1 AS-EXAMPLE", ["192.0.2.0/24"]),
        ("-4 -L 2 AS-EXAMPLE", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("-4 AS-EXAMPLE EXCEPT AS64500", ["198.51.100.0/24"]),
        ("-4 AS-EXAMPLE EXCEPT AS-INNER", ["192.0.2.0/24"]),
        ("-4 AS64500:AS-CUSTOMERS", ["203.0.113.0/24"]),
        ("-4 TEST::AS64500:AS-CUSTOMERS", ["203.0.113.0/24"]),
        (
            "-4 RS-EXAMPLE",
            ["192.0.2.0/26", "192.0.2.64/26", "192.0.2.128/25", "198.51.100.0/24"],
        ),
        ("-4 -T AS-EXAMPLE", ["192.0.2.0/24", "198.51.100.0/24"]),
        ("-t AS-EXAMPLE", [64500, 64501]),
        ("-f 1 AS-EXAMPLE", [64500, 64501]),
    ],
)
def test_bgpq4_gets_what_is_registered(port: int, arguments: str, prefixes: list[object]) -> None:
    assert bgpq4(port, *arguments.split()) == prefixes


def test_bgpq4_gets_it_over_ipv6(port: int) -> None:
    with talking(port, "::1") as client:
        client.send("!gas64500")
        assert client.answer() == "192.0.2.0/24"
    # bgpq4 takes no literal address with colons; localhost is both.
    assert bgpq4(port, "-4", "AS-EXAMPLE", host="localhost") == ["192.0.2.0/24", "198.51.100.0/24"]


def test_bgpq4_is_told_of_an_unknown_source(port: int) -> None:
    argv = ["bgpq4", "-h", f"127.0.0.1:{port}", "-S", "NOPE", "-j", "AS-EXAMPLE"]
    done = subprocess.run(argv, capture_output=True, timeout=30, check=False)
    assert done.returncode == 1
    assert b"ERROR:Invalid source(s) 'NOPE'" in done.stderr


def test_bgpq4_gets_a_big_set_whole(big: Running) -> None:
    prefixes = bgpq4(big.port, "-4", "AS-BIG")
    assert len(prefixes) == len(set(prefixes)) == BIG_ROUTES
    # The other way: every AS by itself, a thousand queries in a pipeline.
    assert bgpq4(big.port, "-4", "TEST::AS-BIG") == prefixes


def test_the_client_tells_an_empty_set_from_an_unknown_one(port: int) -> None:
    with IrrClient("localhost", port, timeout=10) as client:
        assert client.version().startswith("irrgate")
        assert client.object_exists(parse_set_name("AS-INNER"))
        assert client.object_exists(parse_set_name("OTHER::AS-INNER"))
        assert not client.object_exists(parse_set_name("OTHER::AS-EXAMPLE"))
        assert client.object_exists(parse_set_name("AS-EXAMPLE")), "the pin does not stay"
        assert client.object_exists(parse_set_name("RS-INNER"))
        assert not client.object_exists(parse_set_name("AS-NOT-THERE"))


def test_answers_come_in_the_order_of_the_queries(port: int) -> None:
    with talking(port) as client:
        client.send("!!", *(f"!gas{64500 + n % 4}" for n in range(2000)), "nonsense", "!q")
        expected = ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "D\n"]
        assert [client.answer() for _ in range(2000)] == expected * 500
        assert client.answer() == "F not an IRRd query\n"
        assert client.stream.read() == b""


def test_queries_may_come_in_pieces(port: int) -> None:
    with talking(port) as client:
        for piece in (b"!", b"!\n!ga", b"s6450", b"0\r", b"\n"):
            client.socket.sendall(piece)
            time.sleep(0.02)
        assert client.answer() == "192.0.2.0/24"


def test_without_two_exclamation_marks_one_answer_ends_it(port: int) -> None:
    with talking(port) as client:
        client.send("!gas64500", "!gas64501")
        assert client.answer() == "192.0.2.0/24"
        assert client.stream.read() == b""


def test_a_client_may_close_its_half_and_still_read(port: int) -> None:
    with talking(port) as client:
        client.send("!!", "!gas64500")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer() == "192.0.2.0/24"
        assert client.stream.read() == b""


@pytest.mark.parametrize("rest", [b"", b"\n!gas64500\n", b"X" * 8_000_000])
def test_a_query_without_an_end_is_refused(port: int, rest: bytes) -> None:
    with talking(port) as client:
        client.socket.sendall(b"!!\n!gas64501\n!i" + b"X" * 5000 + rest)
        assert client.answer() == "198.51.100.0/24", "what came before is answered"
        assert client.answer() == "F a query has at most 2048 bytes\n"
        assert client.stream.read() == b""


def test_silence_ends_with_an_error(snapshot: Path) -> None:
    with irr_server(snapshot, "--idle", "0.3") as server, talking(server.port) as client:
        client.send("!!", "!gas64500")
        assert client.answer() == "192.0.2.0/24"
        started = time.monotonic()
        assert client.answer() == "F idle for too long\n"
        assert client.stream.read() == b""
        assert 0.2 < time.monotonic() - started < 5


def test_a_client_that_does_not_read_is_let_go(big: Running) -> None:
    with talking(big.port) as client:
        client.send("!!", "!t1", *["!a4AS-BIG"] * 20)
        time.sleep(1.5)
        # What the kernel had buffered is still there, and then it is over.
        size = 0
        while data := client.socket.recv(1 << 20):
            size += len(data)
    assert size < 20 * 1_400_000


def cpu_ticks(server: Running) -> int:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_nothing_more_is_made_for_a_client_that_left(big: Running) -> None:
    with talking(big.port) as client:
        client.send("!!", *["!a4AS-BIG"] * 500)
        assert client.answer().startswith("10.0.0.0/28")
    time.sleep(0.3)
    before = cpu_ticks(big)
    time.sleep(0.5)
    assert cpu_ticks(big) - before < 15, "hundredths of a second; 500 answers are 50 seconds"


def test_too_many_clients_are_told_so(snapshot: Path) -> None:
    with irr_server(snapshot, "--max-clients", "2") as server:
        with talking(server.port) as one, talking(server.port) as two:
            for client in (one, two):
                client.send("!!", "!gas64500")
                assert client.answer() == "192.0.2.0/24"
            with talking(server.port) as three:
                three.send("!!")
                assert three.answer() == "F too many clients; come again later\n"
                assert three.stream.read() == b""
            one.send("!gas64501")
            assert one.answer() == "198.51.100.0/24"
        assert bgpq4(server.port, "-4", "AS64500") == ["192.0.2.0/24"], "there is room again"


def test_hundreds_of_clients_at_once(port: int) -> None:
    clients = [Conversation(port) for _ in range(300)]
    for client in clients:
        client.send("!!", "!a4AS-EXAMPLE")
    for client in clients:
        assert client.answer() == "192.0.2.0/24 198.51.100.0/24"
    for client in clients:
        client.send("!gas64502", "!q")
    for client in clients:
        assert client.answer() == "203.0.113.0/24"
        client.stream.close()
        client.socket.close()


def test_big_answers_leave_the_small_ones_their_turn(big: Running) -> None:
    """Four clients ask for 56 MB each; a fifth has its small answers in between."""
    stop = time.monotonic() + 2

    def drink() -> int:
        with talking(big.port) as client:
            client.send("!!", *["!a4AS-BIG"] * 40, "!q")
            size = 0
            while time.monotonic() < stop and (data := client.socket.recv(1 << 18)):
                size += len(data)
            return size

    with ThreadPoolExecutor(4) as pool:
        drinkers = [pool.submit(drink) for _ in range(4)]
        waits = []
        with talking(big.port) as client:
            client.send("!!")
            while time.monotonic() < stop - 0.5:
                started = time.monotonic()
                client.send("!gas64512")
                assert client.answer().startswith("10.0.0.0/28")
                waits.append(time.monotonic() - started)
        assert all(drinker.result() > 1_000_000 for drinker in drinkers)
    # 0.02 s here; a server that made each answer in one go would need its 0.15 s four times.
    assert sorted(waits)[len(waits) // 2] < 0.2
    assert len(waits) >= 5


def test_a_new_snapshot_is_seen_by_new_clients_only(tmp_path: Path) -> None:
    path = tmp_path / "snapshot.irr"
    load("route: 192.0.2.0/24\norigin: AS64500\nsource: TEST\n", path)
    with irr_server(path) as server, talking(server.port) as before:
        before.send("!!", "!gas64500")
        assert before.answer() == "192.0.2.0/24"
        load("route: 198.51.100.0/24\norigin: AS64500\nsource: NEW\n", path)
        with talking(server.port) as after:
            after.send("!!", "!gas64500", "!s-lc")
            assert [after.answer(), after.answer()] == ["198.51.100.0/24", "NEW"]
        before.send("!gas64500", "!s-lc")
        assert [before.answer(), before.answer()] == ["192.0.2.0/24", "TEST"]

        # Rubbish in its place, and nothing at all: the last good one goes on.
        path.with_name("rubbish").write_text("rubbish")
        path.with_name("rubbish").rename(path)
        assert bgpq4(server.port, "-4", "AS64500") == ["198.51.100.0/24"]
        path.unlink()
        assert bgpq4(server.port, "-4", "AS64500") == ["198.51.100.0/24"]
        load("route: 203.0.113.0/24\norigin: AS64500\nsource: NEW\n", path)
        assert bgpq4(server.port, "-4", "AS64500") == ["203.0.113.0/24"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well_even_with_clients(snapshot: Path, number: signal.Signals) -> None:
    with irr_server(snapshot) as server, talking(server.port) as client:
        client.send("!!", "!gas64500")
        assert client.answer() == "192.0.2.0/24"
        server.process.send_signal(number)
        assert server.process.wait(END_SECONDS) == 0
        assert client.stream.read() == b""


def test_it_listens_on_loopback_unless_told(snapshot: Path) -> None:
    with irr_server(snapshot) as server:
        sockets = Path(f"/proc/{server.process.pid}/net/tcp").read_text()
        sockets += Path(f"/proc/{server.process.pid}/net/tcp6").read_text()
        suffix = f":{server.port:04X}"
        addresses = {
            line.split()[1].removesuffix(suffix)
            for line in sockets.splitlines()
            if line.split()[1].endswith(suffix) and line.split()[3] == "0A"
        }
        assert addresses == {"0100007F", "00000000000000000000000001000000"}
    with irr_server(snapshot, "--listen", "127.0.0.9") as server:
        with talking(server.port, "127.0.0.9") as client:
            client.send("!gas64500")
            assert client.answer() == "192.0.2.0/24"
        with pytest.raises(ConnectionRefusedError):
            Conversation(server.port)


def test_the_ready_file_has_the_port(snapshot: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    with irr_server(snapshot, "--ready-file", str(ready)) as server:
        until = time.monotonic() + 5
        while not ready.exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        assert int(ready.read_text()) == server.port


def irr(*arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "playbooks.irr", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_a_port_that_is_taken_is_named(snapshot: Path, port: int) -> None:
    done = irr("serve", "--snapshot", str(snapshot), "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: 127.0.0.1 port {port}: cannot listen: Address already")
    assert done.stdout == ""


@pytest.mark.parametrize("address", ["192.0.2.1", "localhost", "nonsense", "0x7f.1:80"])
def test_an_address_that_is_not_ours_is_named(snapshot: Path, address: str) -> None:
    done = irr("serve", "--snapshot", str(snapshot), "--port", "0", "--listen", address)
    assert done.returncode == 1
    assert f"error: {address} port 0: cannot listen" in done.stderr


def test_what_is_no_snapshot_is_named(tmp_path: Path) -> None:
    done = irr("serve", "--snapshot", str(tmp_path / "nowhere"), "--port", "0")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"error: {tmp_path / 'nowhere'}: there is no such snapshot\nhint:"
    )


def test_load_reports_counts_and_the_first_problems(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    broken = "".join(f"route: 192.0.2.{n}/24\norigin: AS1\nsource: TEST\n\n" for n in range(1, 5))
    dump.write_text(REGISTRY + "\nperson: x\n\n" + broken)
    done = irr("load", str(dump), "--snapshot", str(tmp_path / "s"), "--show-problems", "2")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "TEST: 1 route, 1 route6, 3 as-set, 2 route-set",
        "OTHER: 2 route, 1 as-set",
        f"{tmp_path / 's'}: 10 objects kept, 0 duplicate routes, 1 of other classes",
    ]
    warnings = done.stderr.splitlines()
    assert warnings[0].startswith(f"warning: {dump}:43: 192.0.2.1/24 has host bits set")
    assert len(warnings) == 4
    assert warnings[-1] == "4 times: object skipped"


def test_load_reports_to_programs_too(tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_text(REGISTRY + "\nperson: x\n\nnonsense\n")
    done = irr("load", str(dump), "--snapshot", str(tmp_path / "s"), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "snapshot": str(tmp_path / "s"),
        "objects": {
            "TEST": {"route": 1, "route6": 1, "as-set": 3, "route-set": 2},
            "OTHER": {"route": 2, "as-set": 1},
        },
        "duplicates": 0,
        "ignored": {"person": 1},
        "problems": {"object skipped": 1},
    }


def test_a_bad_source_name_and_a_bad_dump_are_told_without_a_traceback(tmp_path: Path) -> None:
    target = str(tmp_path / "s")
    done = irr("load", "/dev/null", "--snapshot", target, "--source", "-x")
    assert done.returncode == 1
    assert done.stderr.startswith("error: '-x': a name cannot begin with -")
    done = irr("load", str(tmp_path), "--snapshot", target)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}: cannot be read: Is a directory")
    assert list(tmp_path.iterdir()) == []

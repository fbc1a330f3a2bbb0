"""The expander: each query once, so many at a time, the next server, and a way to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from irrgate.errors import Bgpq4MissingError
from irrgate.irr.bgpq4 import Query
from irrgate.irr.expander import Attempt, Expander, Expansion, Failed, Verdict, Whole
from irrgate.network import IrrServer, IrrSettings
from irrgate.prefixes import Afi, format_entry
from irrgate.rpsl import Asn, SourceName, parse_object
from tests.unit.irr.scripts import children, script
from tests.unit.irr.serving import server

FIRST, SECOND = IrrServer("192.0.2.1"), IrrServer("192.0.2.2", 4343)
ONE = """echo '{ "irrgate": [ { "prefix": "192.0.2.0/24", "exact": true } ] }'"""

Make = Callable[..., Expander]


def query(number: int, afi: Afi = Afi.IPV4) -> Query:
    return Query(Asn(64500 + number), afi, ())


def settings(*servers: IrrServer, timeout: int = 10, workers: int = 4) -> IrrSettings:
    return IrrSettings(servers or (FIRST,), (), timeout, workers)


@pytest.fixture
def ticks() -> Callable[[], float]:
    """A clock on which each look takes a second."""
    counter = count()
    return lambda: float(next(counter))


def test_each_distinct_query_runs_once_whoever_asks(
    tmp_path: Path, ticks: Callable[[], float]
) -> None:
    program = script(tmp_path, f'echo "$*" >> {tmp_path}/log; {ONE}')
    asked = [query(n, afi) for n in range(3) for afi in Afi] * 10
    done: list[Expansion] = []
    with Expander(settings(), program=program, clock=ticks, on_done=done.append) as expander:
        answers: list[list[Expansion]] = []
        threads = [
            threading.Thread(target=lambda: answers.append(expander.expand(asked)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        again = expander.expand(asked)
    assert len((tmp_path / "log").read_text().splitlines()) == 6
    assert all(answer == again for answer in answers)
    assert [each.query for each in again] == asked
    assert len(done) == 6


def test_a_query_that_failed_is_not_tried_again(tmp_path: Path, ticks: Callable[[], float]) -> None:
    program = script(tmp_path, f"echo run >> {tmp_path}/log; exit 7")
    with Expander(settings(), program=program, clock=ticks) as expander:
        [first] = expander.expand([query(1)])
        [second] = expander.expand([query(1)])
    assert first is second
    assert first.verdict == Failed("192.0.2.1: bgpq4 ended with exit code 7")
    assert (tmp_path / "log").read_text() == "run\n"


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_run_at_once_than_there_are_workers(
    tmp_path: Path, ticks: Callable[[], float], workers: int
) -> None:
    running = tmp_path / "running"
    running.mkdir()
    body = f"touch {running}/$$; ls {running} | wc -l >> {tmp_path}/counts; sleep 0.15; {ONE}"
    program = script(tmp_path, f"{body}; rm {running}/$$")
    with Expander(settings(workers=workers), program=program, clock=ticks) as expander:
        expander.expand(query(n) for n in range(9))
    counts = [int(line) for line in (tmp_path / "counts").read_text().split()]
    assert len(counts) == 9
    assert max(counts) == workers


def test_the_next_server_is_asked_when_one_fails(
    tmp_path: Path, ticks: Callable[[], float]
) -> None:
    program = script(tmp_path, f'case "$2" in 192.0.2.1:*) echo ERROR:no >&2;; esac; {ONE}')
    with Expander(settings(FIRST, SECOND), program=program, clock=ticks) as expander:
        [found] = expander.expand([query(1)])
    assert isinstance(found.verdict, Whole)
    assert found.server == SECOND
    assert found.attempts == (Attempt(FIRST, "bgpq4 says ERROR:no"),)
    assert found.seconds == 1.0


def test_when_all_servers_fail_each_is_named(tmp_path: Path, ticks: Callable[[], float]) -> None:
    program = script(tmp_path, 'case "$2" in 192.0.2.1:*) exit 1;; esac; echo "not JSON"')
    with Expander(settings(FIRST, SECOND), program=program, clock=ticks) as expander:
        [found] = expander.expand([query(1)])
    assert isinstance(found.verdict, Failed)
    assert found.verdict.reason.startswith(
        "192.0.2.1: bgpq4 ended with exit code 1; "
        "192.0.2.2:4343: bgpq4 printed what is not its JSON: "
    )
    assert found.server is None
    assert [each.server for each in found.attempts] == [FIRST, SECOND]


def test_an_asn_without_routes_is_empty_without_asking_for_an_object(
    tmp_path: Path, ticks: Callable[[], float]
) -> None:
    program = script(tmp_path, """echo '{ "irrgate": [] }'""")
    with Expander(settings(), program=program, clock=ticks) as expander:
        [found] = expander.expand([query(1)])
    assert type(found.verdict).__name__ == "Empty"


def test_a_program_that_is_gone_ends_the_run(tmp_path: Path, ticks: Callable[[], float]) -> None:
    program = str(tmp_path / "bgpq4")
    with (
        pytest.raises(Bgpq4MissingError, match="cannot be started"),
        Expander(settings(FIRST, SECOND), program=program, clock=ticks) as expander,
    ):
        expander.expand([query(1)])


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[str]:
    yield script(tmp_path, f"trap '' TERM; echo $$ >> {tmp_path}/begun; sleep 60")
    assert children() == []


def wait_for_lines(path: Path, lines: int) -> None:
    deadline = time.monotonic() + 10
    while not path.exists() or len(path.read_text().splitlines()) < lines:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_error_in_the_context_kills_what_runs(
    tmp_path: Path, hanging: str, ticks: Callable[[], float]
) -> None:
    futures: list[Future[Expansion]] = []

    def interrupted() -> None:
        irr = settings(timeout=60, workers=2)
        with Expander(irr, program=hanging, clock=ticks) as expander:
            futures.extend(expander.submit(query(n)) for n in range(5))
            wait_for_lines(tmp_path / "begun", 2)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 5
    assert children() == []
    assert len((tmp_path / "begun").read_text().splitlines()) == 2
    assert isinstance(futures[0].result(5).verdict, Failed)
    with pytest.raises(CancelledError):
        futures[4].result(5)


def test_stop_from_another_thread_wakes_those_who_wait(
    tmp_path: Path, hanging: str, ticks: Callable[[], float]
) -> None:
    with Expander(settings(timeout=60), program=hanging, clock=ticks) as expander:
        threading.Timer(0.3, expander.stop).start()
        [found] = expander.expand([Query(parse_object("AS-EJEMPLO"), Afi.IPV6, ())])
    assert found.verdict == Failed("192.0.2.1: bgpq4 was interrupted")


MEMBERS = b"A45\n192.0.2.0/24 10.4.0.0/22^24 2001:db8::/32^48\nC\n"
NOTHING = """echo '{ "irrgate": [ ] }'"""


def complete(tmp_path: Path, printed: str, said: bytes, **options: Any) -> Verdict:
    """The verdict on a route-set, where bgpq4 prints this and the server has these members."""

    def answer(line: bytes) -> bytes:
        return {b"!!": b"", b"!iRS-X,1": said, b"!mroute-set,RS-X": b"D\n"}.get(line, b"C\n")

    asked = Query(parse_object("RS-X"), Afi.IPV4, (SourceName("TEST"),), **options)
    with server(answer) as port:
        irr = settings(IrrServer("127.0.0.1", port))
        program = script(tmp_path, printed)
        with Expander(irr, program=program, clock=time.monotonic) as expander:
            [found] = expander.expand([asked])
    return found.verdict


def test_a_route_set_gets_what_bgpq4_loses_of_it(tmp_path: Path) -> None:
    found = complete(tmp_path, ONE, MEMBERS)
    assert isinstance(found, Whole)
    assert len(found.keys) == 1
    assert [format_entry(Afi.IPV4, entry) for entry in found.ranges] == ["10.4.0.0/22 ge 24 le 24"]
    assert found.count == 2


def test_a_route_set_of_which_bgpq4_loses_everything_is_no_empty_one(tmp_path: Path) -> None:
    found = complete(tmp_path, NOTHING, MEMBERS)
    assert isinstance(found, Whole)
    assert found.count == 1


def test_what_is_longer_than_allowed_is_not_added(tmp_path: Path) -> None:
    found = complete(tmp_path, ONE, MEMBERS, max_length=23)
    assert isinstance(found, Whole)
    assert found.count == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"F no\n", "asked for the members that bgpq4 drops: answers !iRS-X,1 with an error"),
        (b"END", "asked for the members that bgpq4 drops: closed the connection"),
        (b"A13\n10.4.0/22^24\nC\n", "answers !iRS-X,1 with what is no prefix"),
    ],
)
def test_without_its_members_a_route_set_is_not_whole(
    tmp_path: Path, said: bytes, reason: str
) -> None:
    found = complete(tmp_path, ONE, said)
    assert isinstance(found, Failed)
    assert reason in found.reason

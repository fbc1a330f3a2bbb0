"""The client against servers that say exactly what a test lets them say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from irrgate.errors import IrrServerError
from irrgate.irr.client import IrrClient, JournalState, SourceSerials
from irrgate.rpsl import SourceName, parse_set_name
from tests.unit.irr.serving import server

AS_SET = parse_set_name("AS-EXAMPLE")
PINNED = parse_set_name("OTHER::AS-EXAMPLE")
OBJECT = b"as-set:  as-example # ours\nsource: TEST\n"


def framed(data: bytes) -> bytes:
    return b"A%d\n%bC\n" % (len(data), data)


def whole(query: bytes) -> bytes:
    """What a server that works answers."""
    answers = {
        b"!v": framed(b"IRRd -- version 4.5.4\n"),
        b"!s-lc": framed(b"TEST,OTHER\n"),
        b"!mas-set,AS-EXAMPLE": framed(OBJECT),
        b"!iAS-EXAMPLE,1": framed(b"AS64500 AS64501\n"),
        b"!iRS-OTHER,1": b"D\n",
        b"!j-*": framed(b"TEST:Y:0-123:456\nOTHER:N:-\n"),
        b"!jTEST,NOPE": framed(b"TEST:Y:7-9\nNOPE:X:Database unknown\n"),
        b"!sNOPE": b"F One or more selected sources are unavailable.\n",
    }
    return b"" if query == b"!!" else answers.get(query, b"C\n" if query[:2] != b"!m" else b"D\n")


def failing(query: bytes, said: bytes) -> Callable[[bytes], bytes]:
    return lambda line: said if line == query else whole(line)


def test_a_set_exists_or_not() -> None:
    with server(whole) as port, IrrClient("127.0.0.1", port, 5) as client:
        assert client.object_exists(AS_SET) is True
        assert client.object_exists(parse_set_name("AS-OTHER")) is False
        assert client.object_exists(parse_set_name("RS-OTHER")) is False


def test_members_of_a_set_and_of_the_sets_in_it() -> None:
    with server(whole) as port, IrrClient("127.0.0.1", port, 5) as client:
        assert client.members(AS_SET) == ("AS64500", "AS64501")
        assert client.members(parse_set_name("RS-OTHER")) == ()
        with pytest.raises(IrrServerError, match="no answer to that"):
            client.members(parse_set_name("AS-NO-DATA"))


def test_what_a_server_says_before_it_closes_is_told() -> None:
    for answer in (lambda _: b"%% Access deniedEND", failing(b"!v", b"%% Access deniedEND")):
        with (
            server(answer) as port,
            pytest.raises(IrrServerError) as told,
            IrrClient("127.0.0.1", port, 5) as client,
        ):
            client.version()
        assert told.value.reason.endswith(", after '%% Access denied'")


def test_a_pinned_set_is_searched_in_its_source_only() -> None:
    asked: list[bytes] = []

    def noting(line: bytes) -> bytes:
        asked.append(line)
        return whole(line)

    with server(noting) as port, IrrClient("127.0.0.1", port, 5) as client:
        client.object_exists(PINNED)
    assert asked == [
        b"!!",
        b"!nirrgate",
        b"!s-lc",
        b"!sOTHER",
        b"!mas-set,AS-EXAMPLE",
        b"!sTEST,OTHER",
        b"!q",
    ]


def test_what_a_server_says_of_itself() -> None:
    with server(whole) as port, IrrClient("127.0.0.1", port, 5) as client:
        assert client.version() == "IRRd -- version 4.5.4"
        assert client.sources() == (SourceName("TEST"), SourceName("OTHER"))
        assert client.serials() == (
            SourceSerials("TEST", JournalState.KEPT, 0, 123),
            SourceSerials("OTHER", JournalState.NOT_KEPT),
        )
        assert client.serials([SourceName("TEST"), SourceName("NOPE")]) == (
            SourceSerials("TEST", JournalState.KEPT, 7, 9),
            SourceSerials("NOPE", JournalState.UNKNOWN_SOURCE),
        )


def test_it_speaks_ipv6_and_names_its_server() -> None:
    with server(failing(b"!v", b"F no\n"), socket.AF_INET6) as port:
        with IrrClient("::1", port, 5) as client, pytest.raises(IrrServerError) as told:
            client.version()
        assert told.value.subject == f"[::1]:{port}"


def test_an_error_does_not_end_the_conversation() -> None:
    with server(whole) as port, IrrClient("127.0.0.1", port, 5) as client:
        with pytest.raises(IrrServerError, match="selected sources are unavailable"):
            client.select_sources([SourceName("NOPE")])
        assert client.object_exists(AS_SET)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"C\n", "no answer to that"),
        (b"E\n", "no answer to that"),
        (b"DD\n", "no answer to that"),
        (b"D \n", "no answer to that"),
        (b"d\n", "no answer to that"),
        (b"\n", "no answer to that"),
        (b"HTTP/1.1 400 Bad Request\r\n", "no answer to that"),
        (b"F Internal error\n", "error: 'F Internal error'"),
        (b"F \x1b[2J\n", r"error: 'F \\x1b"),
        (b"D\nD\n", "more than the answer"),
        (framed(OBJECT) + b"D\n", "more than the answer"),
        (b"A%d\n%bC\n" % (len(OBJECT) - 5, OBJECT), "not as long as it says"),
        (b"A%d\n%bC\n" % (OBJECT.index(b"\n") + 1, OBJECT), "not as long as it says"),
        (b"A%d\n%bC\nEND" % (len(OBJECT) + 5, OBJECT), "closed the connection"),
        (b"A%d\n%bD\n" % (len(OBJECT), OBJECT), "not as long as it says"),
        (b"A0\nC\n", "not as long as it says"),
        (b"A99999999\n", "announces 99999999 bytes"),
        (b"A999999999999999999\n", "no answer to that"),
        (b"A-5\n", "no answer to that"),
        (b"END", "closed the connection"),
        (b"DEND", "closed the connection"),
        (b"A5\nas-END", "closed the connection"),
        (b"x" * 5000, "a line without an end"),
        (framed(b"as-set: AS-OTHER\n"), "another object"),
        (framed(b"route-set: AS-EXAMPLE\n"), "another object"),
        (framed(b"\n"), "another object"),
    ],
)
def test_only_an_answer_is_an_answer(said: bytes, reason: str) -> None:
    answer = failing(b"!mas-set,AS-EXAMPLE", said)
    with server(answer) as port, IrrClient("127.0.0.1", port, 5) as client:
        with pytest.raises(IrrServerError, match=reason) as told:
            client.object_exists(AS_SET)
        assert str(told.value).isprintable()
        assert told.value.subject == f"127.0.0.1:{port}"
        if not said.startswith(b"F"):
            with pytest.raises(IrrServerError, match="failed before"):
                client.object_exists(AS_SET)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (b"!nirrgate", b"D\n"),
        (b"!s-lc", b"C\n"),
        (b"!s-lc", framed(b"\n")),
        (b"!s-lc", framed(b"TEST,-h\n")),
        (b"!sOTHER", b"D\n"),
        (b"!sTEST,OTHER", b"F gone\n"),
    ],
)
def test_every_step_towards_a_pinned_set_must_be_right(query: bytes, said: bytes) -> None:
    def ask() -> None:
        with IrrClient("127.0.0.1", port, 5) as client:
            client.object_exists(PINNED)

    with server(failing(query, said)) as port, pytest.raises(IrrServerError):
        ask()


@pytest.mark.parametrize("line", [b"TEST\n", b"TEST:Q:1-2\n", b":Y:1-2\n", b"TEST:Y:1-x\n"])
def test_serials_that_cannot_be_read_are_an_error(line: bytes) -> None:
    answer = failing(b"!j-*", framed(line))
    with (
        server(answer) as port,
        IrrClient("127.0.0.1", port, 5) as client,
        pytest.raises(IrrServerError, match="answers !j with"),
    ):
        client.serials()


def timed(act: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(IrrServerError, match=r"timed out|no whole answer within 0.3 s"):
        act()
    return time.monotonic() - started


@pytest.mark.parametrize("query", [b"!nirrgate", b"!s-lc", b"!mas-set,AS-EXAMPLE"])
def test_silence_ends_in_time(query: bytes) -> None:
    def act() -> None:
        with IrrClient("127.0.0.1", port, 0.3) as client:
            client.object_exists(PINNED)

    with server(failing(query, b"")) as port:
        assert 0.2 < timed(act) < 2


def test_a_server_that_drips_has_no_more_time_than_a_silent_one() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                for byte in b"C" * 60:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with listener:
        client = IrrClient("127.0.0.1", listener.getsockname()[1], 0.3)
        assert 0.2 < timed(client.__enter__) < 2
    thread.join(5)


def test_a_name_that_does_not_resolve_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        done.wait(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    client = IrrClient("irr.example", 43, 0.2)
    started = time.monotonic()
    with pytest.raises(IrrServerError, match=r"not resolved within 0\.2 s"):
        client.__enter__()
    assert time.monotonic() - started < 2
    done.set()


@pytest.mark.parametrize("host", ["x" * 300, "a..b", "-h"])
def test_a_name_that_is_none_is_told(host: str) -> None:
    with pytest.raises(IrrServerError), IrrClient(host, 1, 5):
        pass


def test_nobody_listening_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(IrrServerError, match="cannot be reached: Connection refused"):
        IrrClient("127.0.0.1", port, 5).__enter__()

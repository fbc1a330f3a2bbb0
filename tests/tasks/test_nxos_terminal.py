"""The terminal of NX-OS, on a channel that plays what a router says in answer to each line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from tasks.drivers.errors import CommandFailed, CommitRefused, ConnectionFailed, TimedOut
from tasks.drivers.nxos_terminal import NxosTerminal

PROMPT, CONFIG = "edge1# ", "edge1(config)# "


class Channel:
    """Says the first of `said` by itself, and one more for each line that it is told."""

    def __init__(self, said: Sequence[str], *, at_once: int = 1 << 17) -> None:
        self._said = list(said)
        self._at_once = at_once
        self._ready = self._said.pop(0)
        self.told: list[str] = []
        self.closed = False

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def sendall(self, data: bytes) -> None:
        self.told.append(data.decode().removesuffix("\n"))
        if self._said:
            self._ready += self._said.pop(0)

    def recv(self, size: int) -> bytes:
        if not self._ready:
            raise TimeoutError
        size = min(size, self._at_once)
        received, self._ready = self._ready[:size], self._ready[size:]
        return received.encode()

    def close(self) -> None:
        self.closed = True


LOGIN = [
    f"Cisco Nexus Operating System (NX-OS) Software\r\n\r{PROMPT}",
    f"terminal length 0\r\n\r{PROMPT}",
    f"terminal width 511\r\n{PROMPT}",
    f"terminal no monitor\r\n{' ' * 20}^\r\n% Invalid command at '^' marker.\r\n{PROMPT}",
]


def logged_in(*said: str, at_once: int = 1 << 17) -> tuple[NxosTerminal, Channel]:
    channel = Channel([*LOGIN, *said], at_once=at_once)
    terminal = NxosTerminal(cast("Any", channel), "edge1.example", 5)
    terminal.login()
    channel.told.clear()
    return terminal, channel


@pytest.mark.parametrize("at_once", [1, 7, 1 << 17])
def test_what_a_command_prints_in_pieces_of_any_size(at_once: int) -> None:
    """What looks like a prompt in the middle of it is none, nor is another router's."""
    text = "hostname edge1\r\nbanner motd # edge1# \r\nedge2# \r\nedge1(config)# x"
    terminal, _ = logged_in(f"show running-config\r\n{text}\r\n{PROMPT}", at_once=at_once)
    assert terminal.ask("show running-config") == text.replace("\r", "")


def test_escapes_of_a_terminal_are_not_in_it() -> None:
    terminal, _ = logged_in(f"show hostname\r\n\x1b[7medge1\x1b[0m \r\n{PROMPT}")
    assert terminal.ask("show hostname").strip() == "edge1"


def test_a_line_that_is_refused_is_the_last_that_is_sent() -> None:
    terminal, channel = logged_in(
        f"configure terminal\r\nEnter configuration commands.\r\n{CONFIG}",
        f"one\r\n{CONFIG}",
        f"two\r\n% Sequence number already exists\r\n{CONFIG}",
        f"end\r\n{PROMPT}",
    )
    with pytest.raises(CommitRefused, match="two: % Sequence number already exists"):
        terminal.configure(["one", "two", "three"])
    assert channel.told == ["configure terminal", "one", "two", "end"]
    assert not channel.closed


def test_whatever_is_said_to_a_line_is_a_refusal() -> None:
    terminal, _ = logged_in(
        f"configure terminal\r\n{CONFIG}", f"one\r\nThink twice.\r\n{CONFIG}", f"end\r\n{PROMPT}"
    )
    with pytest.raises(CommitRefused, match=r"one: Think twice\."):
        terminal.configure(["one"])


@pytest.mark.parametrize("echo", ["on", "onee", "2026 Nov 25 %ETHPORT-5-IF_DOWN: mgmt0", ""])
def test_a_line_that_the_router_read_otherwise_ends_the_session(echo: str) -> None:
    terminal, channel = logged_in(f"configure terminal\r\n{CONFIG}", f"{echo}\r\nx\r\n{CONFIG}")
    with pytest.raises(ConnectionFailed, match="one: the router read "):
        terminal.configure(["one", "two"])
    assert channel.told == ["configure terminal", "one"]
    assert channel.closed
    assert not terminal.is_alive()


def test_a_command_that_is_refused() -> None:
    said = f"show x\r\n{' ' * 12}^\r\n% Invalid command at '^' marker.\r\n{PROMPT}"
    terminal, _ = logged_in(said)
    with pytest.raises(CommandFailed, match=r"show x: \^ % Invalid command at '\^' marker"):
        terminal.ask("show x")


def test_a_user_who_may_not_configure() -> None:
    terminal, channel = logged_in(
        f"configure terminal\r\n% Permission denied for the role\r\n{PROMPT}"
    )
    with pytest.raises(CommandFailed, match="configure terminal: % Permission denied"):
        terminal.configure(["one"])
    assert channel.told == ["configure terminal"]


def test_an_answer_that_does_not_come() -> None:
    terminal, channel = logged_in("show version\r\nCisco Nexus")
    with pytest.raises(TimedOut, match="did not answer within 5 s"):
        terminal.ask("show version")
    assert channel.closed


def test_a_router_that_shows_no_prompt() -> None:
    channel = Channel(["Password expired. New password: "])
    with pytest.raises(TimedOut):
        NxosTerminal(cast("Any", channel), "edge1.example", 5).login()

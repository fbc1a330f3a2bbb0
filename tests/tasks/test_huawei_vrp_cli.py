"""What a VRP's terminal may print: echoes, prompts, remarks, questions, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from tasks.drivers.errors import CommandFailed, ConnectionFailed, TimedOut
from tasks.drivers.huawei_vrp_cli import AHEAD, VrpCli
from tasks.drivers.huawei_vrp_show import interfaces, neighbours_of, version_facts
from tests.lab.huawei_vrp_show import INTERFACES, peers, version

PROMPT = "[~edge1]"


def echoed(line: str) -> str:
    return f"{line}\r\n"


class Terminal:
    """The other end of a channel: what it prints for each line comes in pieces of some size."""

    def __init__(
        self,
        answer: Callable[[str], str] = echoed,
        *,
        piece: int = 1000,
        greeting: str = "\r\nInfo: hello\r\n<edge1>",
    ) -> None:
        self.answer = answer
        self.lines: list[str] = []
        self.closed = self.gone = False
        self.unanswered = 0
        """bytes at most that were sent and not answered"""
        self._piece = piece
        self._waiting: list[str] = []
        self._output = greeting.encode()

    def sendall(self, data: bytes) -> None:
        self._waiting += data.decode().removesuffix("\n").split("\n")
        self.unanswered = max(self.unanswered, sum(len(line) + 1 for line in self._waiting))

    def recv(self, size: int) -> bytes:
        if not self._output and self._waiting:
            line = self._waiting.pop(0)
            self.lines.append(line)
            said = self.answer(line)
            prompt = "" if said.endswith((":", "]", ">")) else PROMPT
            self._output = f"{said}{prompt}".encode()
        if self.gone:
            return b""
        if not self._output:
            raise TimeoutError
        piece = self._output[: min(self._piece, size)]
        self._output = self._output[len(piece) :]
        return piece

    def settimeout(self, timeout: float) -> None:
        del timeout

    def close(self) -> None:
        self.closed = True


def logged_in(terminal: Terminal) -> VrpCli:
    cli = VrpCli(cast("Any", terminal), "edge1", 2)
    cli.login()
    assert cli.sysname == "edge1"
    return cli


def entries(count: int) -> list[str]:
    return [f"ip ip-prefix A index {n} permit 10.{n >> 8}.{n & 255}.0 24" for n in range(count)]


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_lines_are_sent_ahead_and_no_more_than_a_router_buffers(piece: int) -> None:
    terminal = Terminal(piece=piece)
    logged_in(terminal).tell(entries(1000))
    assert terminal.lines == entries(1000)
    assert AHEAD // 2 < terminal.unanswered <= AHEAD


def test_a_line_that_is_longer_than_that_is_sent_alone() -> None:
    terminal = Terminal()
    logged_in(terminal).tell(["x" * (AHEAD + 1), "y"])
    assert len(terminal.lines) == 2


def refusing(wrong: str, said: str) -> Callable[[str], str]:
    return lambda line: f"{line}\r\n{said if line == wrong else ''}"


@pytest.mark.parametrize(
    "said",
    [
        "             ^\r\nError: Unrecognized command found at '^' position.\r\n",
        "Error:Ambiguous command found at '^' position.\r\n",
        "Info: Failed to add the entry.\r\n",
        "What does that mean\r\n",
        "  ---- More ----\r\n",
    ],
)
def test_a_line_that_is_refused_is_the_last_but_for_those_on_their_way(said: str) -> None:
    lines = entries(1000)
    terminal = Terminal(refusing(lines[10], said))
    cli = logged_in(terminal)
    with pytest.raises(CommandFailed) as caught:
        cli.tell(lines)
    assert caught.value.reason == f"{lines[10]}: {' '.join(said.split())}"
    assert len("\n".join(terminal.lines[10:])) < AHEAD
    # The session goes on: all answers were read.
    assert cli.run("return").text == ""


@pytest.mark.parametrize("remark", ["", "\r\n", "Info: Done.\r\n", "Warning: Slow.\r\n\r\n"])
def test_remarks_are_no_refusals(remark: str) -> None:
    terminal = Terminal(lambda line: f"{line}\r\n{remark}")
    logged_in(terminal).tell(entries(100))
    assert terminal.lines == entries(100)


@pytest.mark.parametrize(
    "echo",
    [
        lambda line: f"{line[:40]} \x1b[1D{line[40:]}\r\n",
        lambda line: f"{line[:40]}\r\n{line[40:]}\r\n",
        lambda line: f" {line} \r\n",
    ],
)
def test_an_echo_is_known_by_its_characters(echo: Callable[[str], str]) -> None:
    terminal = Terminal(echo)
    logged_in(terminal).tell(entries(100))
    assert terminal.lines == entries(100)


def test_a_line_that_arrived_damaged_is_found() -> None:
    """`index 100` that became `index 10` is an entry that nobody reviewed."""
    lines = entries(200)
    terminal = Terminal(lambda line: echoed(line.replace("index 100", "index 10")))
    with pytest.raises(
        CommandFailed, match=r"index 100 .*the router read another line: .*index 10 "
    ):
        logged_in(terminal).tell(lines)
    assert len(terminal.lines) < 200


def test_an_answer_too_many_and_one_that_does_not_come() -> None:
    terminal = Terminal(lambda line: f"{line}\r\n{PROMPT}{line}\r\n")
    with pytest.raises(CommandFailed, match="more lines than it was told"):
        logged_in(terminal).tell(["a"])
    assert terminal.closed
    terminal = Terminal(lambda line: f"{line}:")
    with pytest.raises(TimedOut, match="said nothing for 2 s"):
        logged_in(terminal).tell(["a"])
    assert terminal.closed


def test_a_question_is_told_and_not_answered_by_yes() -> None:
    asked = "reset\r\nContinue? [Y/N]:"
    terminal = Terminal(lambda line: asked if line == "reset" else echoed(line))
    cli = logged_in(terminal)
    with pytest.raises(CommandFailed, match=r"reset: the router asks reset Continue\? \[Y/N\]"):
        cli.run("reset")
    assert terminal.lines == ["reset", "n"]
    assert cli.run("return").prompt == PROMPT
    with pytest.raises(CommandFailed, match="the router asks"):
        cli.tell(["reset"])
    assert terminal.closed


def test_a_question_that_the_next_line_has_answered_ends_the_session_at_once() -> None:
    terminal = Terminal(lambda line: "a\r\nSure? [Y/N]:b\r\n" if line == "a" else "...:")
    with pytest.raises(CommandFailed, match=r"a: Sure\? \[Y/N\]:b"):
        logged_in(terminal).tell(["a", "b", "c"])
    assert terminal.closed
    assert terminal.lines == ["a"]


def test_yes_is_said_where_it_is_meant_and_a_name_is_left_as_proposed() -> None:
    asks = {
        "save": "save\r\nAre you sure to continue?[Y/N]",
        "y": "y\r\nPlease input the file name (*.cfg) [vrpcfg.zip]:",
        "": "\r\nflash:/vrpcfg.zip exists, overwrite? [Y/N]:",
    }
    said = iter(("y", "done"))

    def answer(line: str) -> str:
        if line == "y" and next(said) == "done":
            return "y\r\nInfo: Save the configuration successfully.\r\n"
        return asks[line]

    terminal = Terminal(answer)
    text = logged_in(terminal).consent("save").text
    assert terminal.lines == ["save", "y", "", "y"]
    assert text.endswith("Save the configuration successfully.")
    endless = Terminal(lambda line: f"{line}\r\nSure? [Y/N]:")
    with pytest.raises(CommandFailed, match="goes on asking"):
        logged_in(endless).consent("save")


def test_what_looks_like_a_question_in_a_config_is_none() -> None:
    body = 'header shell information "[x]:"\r\n a [Y/N]:\r\nreturn\r\n'
    for piece in range(1, 60):
        terminal = Terminal(lambda line: f"{line}\r\n{body}", piece=piece)
        assert logged_in(terminal).run("display").text == body.replace("\r", "").rstrip("\n")


def test_the_age_of_the_password_is_not_what_we_came_for() -> None:
    old = "Warning: The password is to expire.\r\nChange now? [Y/N]:"
    terminal = Terminal(lambda line: f"{line}\r\n<edge1>", greeting=old)
    logged_in(terminal)
    assert terminal.lines == ["n"]
    with pytest.raises(ConnectionFailed, match="showed no prompt: n What else"):
        logged_in(Terminal(lambda line: f"{line}\r\nWhat else? [Y/N]:", greeting=old))


def test_a_connection_that_ends_is_told() -> None:
    terminal = Terminal()
    cli = logged_in(terminal)
    terminal.gone = True
    with pytest.raises(ConnectionFailed, match="closed the connection"):
        cli.run("display version")


# What is displayed


def shown(neighbors: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    commands = (
        "display bgp peer",
        "display bgp ipv6 peer",
        "display bgp vpnv4 all peer",
        "display bgp vpnv6 all peer",
    )
    return neighbours_of({each: peers(neighbors, each) for each in commands})


def test_sessions_are_read_with_their_families_and_instances() -> None:
    both = {"address": "192.0.2.9", "state": "Established", "prefixes": {"ipv4": 7, "ipv6": 3}}
    down = {"address": "192.0.2.8", "state": "Idle(Admin)", "asn": "1.10", "prefixes": {"ipv4": 0}}
    far = {**both, "address": "2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:FFFF", "prefixes": {"ipv6": 5}}
    neighbors: list[Mapping[str, object]] = [
        both,
        down,
        {**far, "vrf": "RED"},
        {**both, "vrf": "BLUE"},
    ]
    found = shown(neighbors)
    assert found.keys() == {"global", "RED", "BLUE"}
    peer = found["global"]["peers"]["192.0.2.9"]
    assert (peer["is_up"], peer["uptime"], peer["remote_as"]) == (True, 14722, 64500)
    counts = {afi: each["accepted_prefixes"] for afi, each in peer["address_family"].items()}
    assert counts == {"ipv4": 7, "ipv6": 3}
    idle = found["global"]["peers"]["192.0.2.8"]
    assert (idle["is_up"], idle["is_enabled"], idle["remote_as"]) == (False, False, 65546)
    assert idle["address_family"]["ipv4"]["accepted_prefixes"] == -1
    [address] = found["RED"]["peers"]
    assert address == "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    assert found["RED"]["router_id"] == "192.0.2.9"
    assert found["BLUE"]["peers"]["192.0.2.9"]["address_family"].keys() == {"ipv4", "ipv6"}


def test_a_router_without_bgp_has_no_sessions() -> None:
    assert neighbours_of({}) == {"global": {"router_id": "", "peers": {}}}


def test_version_and_interfaces_of_both_lines() -> None:
    assert version_facts(version(two_phase=True)) == (
        "8.200 (NE8000 V800R021C00SPC100)", "NE8000 M4", 12 * 86400.0 + 3 * 3600 + 4 * 60,
    )  # fmt: skip
    assert version_facts(version(two_phase=False)) == (
        "5.170 (AR2200 V200R010C00SPC600)", "AR2220 Router", 86400.0 + 2 * 3600 + 3 * 60,
    )  # fmt: skip
    assert version_facts("") == ("", "", -1.0)
    assert interfaces(INTERFACES) == ["GigabitEthernet0/0/1", "LoopBack0"]


class Slow(Terminal):
    """A router that takes a second over what follows on the first piece of an answer."""

    paused = False

    def settimeout(self, timeout: float) -> None:
        self.timeout = timeout

    def recv(self, size: int) -> bytes:
        if self.lines and self.timeout < 1 and not self.paused:
            self.paused = True
            raise TimeoutError
        return super().recv(size)


def test_a_pause_in_a_config_after_what_looks_like_a_question_is_no_question() -> None:
    command = "display current-configuration"
    first = f"{command}\r\ndescription really [Y/N]"
    rest = "\r\n description nothing else\r\n#\r\nreturn\r\n"
    terminal = Slow(lambda _: first + rest, piece=len(first))
    said = logged_in(terminal).run(command)
    assert said.text.endswith("nothing else\n#\nreturn")
    assert terminal.lines == [command]


@pytest.mark.parametrize("role", ["HRP_M", "HRP_S"])
def test_a_firewall_in_hot_standby_says_which_of_the_two_it_is(role: str) -> None:
    greeting = f"\r\nInfo: hello\r\n{role}<edge1>"
    terminal = Terminal(lambda line: f"{line}\r\n{role}<edge1>", greeting=greeting)
    assert logged_in(terminal).run("return").prompt == "<edge1>"

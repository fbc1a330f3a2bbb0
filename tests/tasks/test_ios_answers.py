"""What IOS prints, as documents and transcripts have it, and what is read there."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from irrgate.prefixes import Afi
from tasks.drivers.cli_terminal import CliTerminal
from tasks.drivers.errors import CommandFailed, ConnectionFailed, TimedOut
from tasks.drivers.ios_clears import clear_commands
from tasks.drivers.ios_router import NOISE, IosRouter, is_before, lists_of
from tasks.drivers.ios_sessions import neighbours_of

LINE = "ip prefix-list A seq 5 permit 10.0.0.0/8"
OTHER = "ip prefix-list A seq 10 permit 11.0.0.0/8"
MARK = "!irrgate 2"


class Channel:
    """A channel on which a router says what it is given to say, in these pieces."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = [piece.replace("\n", "\r\n").encode() for piece in pieces]
        self.sent = ""

    def settimeout(self, seconds: float) -> None:
        self._wait = seconds

    def recv_ready(self) -> bool:
        return False

    def recv(self, size: int) -> bytes:
        if not self._pieces:
            raise TimeoutError
        return self._pieces.pop(0)[:size]

    def sendall(self, data: bytes) -> None:
        self.sent += data.decode()


def terminal(*pieces: str) -> CliTerminal:
    return CliTerminal(Channel(pieces), "edge1", "edge1", 0.2, noise=NOISE)


# The terminal


@pytest.mark.parametrize(
    "pieces",
    [
        (f"{LINE}\nedge1(config)#{OTHER}\nedge1(config)#{MARK}\nedge1(config)#",),
        (f"{LINE}\nedge1(con", f"fig)#{OTHER}\nedge1(config)#!irr", "gate 2\nedge1(config)#"),
        (
            (
                f"{LINE}\nedge1(config)#Rollback Confirmed Change: Rollback will begin soon. "
                f"Enter it\n\nedge1(config)#{OTHER}\nedge1(config)#{MARK}\nedge1(config)#"
            ),
        ),
        (
            (
                f"{LINE}\n*Nov 25 14:02:07.123: %BGP-5-ADJCHANGE: neighbor 192.0.2.1 Up\n"
                f"edge1(config)#{OTHER}\nedge1(config)#{MARK}\nedge1(config)#"
            ),
        ),
    ],
    ids=["at once", "in pieces", "what IOS says by itself", "a log message"],
)
def test_lines_that_are_taken(pieces: tuple[str, ...]) -> None:
    assert terminal(*pieces).paste([LINE, OTHER]) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (f"{LINE}\n%Insertion failed - seq # exists: 5\nedge1(config)#{OTHER}\n", "seq 5 .*failed"),
        (f"{LINE}\nCommand authorization failed.\n\nedge1(config)#{OTHER}\n", "authorization"),
        (f"{LINE}\nedge1(config)#{OTHER}\n     ^\n% Invalid input\n", "seq 10 .*% Invalid input"),
        (f"{LINE}\nedge1(config)#ip prefix-list A seq 10 per.0.0.0/8\n", "seq 10 .*did not come"),
        (f"{LINE}\n", "seq 10 .*did not come back"),
    ],
    ids=["insertion", "authorization", "the last", "not whole", "lost"],
)
def test_lines_that_are_answered(said: str, words: str) -> None:
    text = f"{said}edge1(config)#{MARK}\nedge1(config)#"
    refused = "; ".join(map(str, terminal(text).paste([LINE, OTHER])))
    assert re.search(words, refused)


def test_a_question_that_nobody_expects_is_an_error() -> None:
    with pytest.raises(CommandFailed, match="Really do it"):
        terminal("reload\nReally do it? [confirm]").run("reload")
    channel = Channel(["copy a b\nDestination filename [b]? ", "\n3 bytes copied\nedge1#"])
    asked = CliTerminal(channel, "edge1", "edge1", 0.2)
    said = asked.run("copy a b", answers={r"Destination filename \[": ""})
    assert said.endswith("3 bytes copied")
    assert channel.sent == "copy a b\n\n"


@pytest.mark.parametrize("end", ["why?", "[x]", "[x]: ", "Really? [confirm]"])
def test_what_looks_like_a_question_in_a_config_is_none(end: str) -> None:
    """The config comes in pieces, and one of them ends anywhere."""
    said = terminal(f"show x\n description {end}", " more\nend\n", "edge1#").run("show x")
    assert said == f" description {end} more\nend"


def test_a_router_that_says_nothing_more() -> None:
    with pytest.raises(TimedOut, match=r"did not answer 'show clock' within 0\.2 s"):
        terminal("show clock\n*14:02").run("show clock")
    with pytest.raises(ConnectionFailed, match="closed the connection"):
        terminal("show clock\n", "").run("show clock")


def test_a_line_of_output_that_begins_like_a_prompt_is_none() -> None:
    said = terminal("show x\nedge1 is here\nedge1.example\n", "edge1#").run("show x")
    assert said == "edge1 is here\nedge1.example"


# What waits to be confirmed

PENDING = """\
show archive config rollback timer
Time configured(or reconfigured): 22:59:35 UTC Tue Mar 3 2026
Timer type: absolute timer
Timer value: 5 min
User: irrgate
edge1#"""


@pytest.mark.parametrize(
    ("clock", "left"),
    [
        ("*22:59:35.001 UTC Tue Mar  3 2026", 300),
        ("23:00:35.999 UTC Tue Mar 3 2026", 240),
        (".23:30:00.000 UTC Tue Mar 3 2026", 0),
        ("the clock is broken", -1),
    ],
)
def test_the_time_that_is_left(clock: str, left: int) -> None:
    router = IosRouter(terminal(PENDING, f"show clock\n{clock}\nedge1#"), "edge1")
    pending = router.pending()
    assert pending is not None
    assert (pending.user, pending.seconds) == ("irrgate", left)


@pytest.mark.parametrize(
    "said", ["%No Rollback Confirmed Change pending", "Archive feature not enabled", "^\n% Invalid"]
)
def test_nothing_waits(said: str) -> None:
    command = "show archive config rollback timer"
    assert IosRouter(terminal(f"{command}\n{said}\nedge1#"), "edge1").pending() is None


def test_what_cannot_be_read_is_not_taken_for_nothing() -> None:
    command = "show archive config rollback timer"
    with pytest.raises(CommandFailed):
        IosRouter(terminal(f"{command}\n$@!garbled\nedge1#"), "edge1").pending()
    with pytest.raises(CommandFailed):
        IosRouter(terminal("show bgp all summary\n$@!garbled\nedge1#"), "edge1").sessions(
            "bgp all summary"
        )


def test_a_log_message_is_no_error() -> None:
    said = "%ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_CONFIRM: Confirmed by lab"
    IosRouter(terminal(f"configure confirm\n{said}\nedge1#"), "edge1").confirm()
    for wrong in ("%No Rollback Confirmed Change pending", "Command authorization failed."):
        with pytest.raises(CommandFailed, match="configure confirm: "):
            IosRouter(terminal(f"configure confirm\n{wrong}\nedge1#"), "edge1").confirm()


def test_times_of_one_router() -> None:
    before, after = "22:59:35 UTC Tue Mar 3 2026", "*22:59:36.500 UTC Tue Mar  3 2026"
    assert is_before(before, after)
    assert not is_before(after, before)
    assert not is_before("", after)


# Who filters by a list

POLICIES = """\
hostname edge1
router bgp 64496
 template peer-policy CUSTOMER
  route-map CUSTOMER-IN in
 exit-peer-policy
 !
 template peer-policy SPECIAL
  inherit peer-policy CUSTOMER 10
 exit-peer-policy
 !
 neighbor GROUP peer-group
 neighbor 192.0.2.1 remote-as 64501
 neighbor 192.0.2.2 peer-group GROUP
 neighbor 192.0.2.3 remote-as 64503
 neighbor 192.0.2.5 remote-as 64505
 neighbor 192.0.2.5 prefix-list A in
 !
 address-family ipv4
  neighbor GROUP prefix-list A in
  neighbor 192.0.2.1 inherit peer-policy SPECIAL
  neighbor 192.0.2.3 prefix-list A out
 exit-address-family
 !
 address-family ipv6
  neighbor 2001:DB8::1 route-map CUSTOMER-IN in
 exit-address-family
!
route-map CUSTOMER-IN permit 10
 match ip address prefix-list B A
route-map OTHER permit 10
 match ip address prefix-list AB
!
end
"""


def test_sessions_that_filter_by_a_list_are_found_through_policies_and_groups() -> None:
    assert clear_commands(POLICIES, {"A"}) == [
        "clear bgp ipv4 unicast 192.0.2.5 soft in",
        "clear bgp ipv4 unicast 192.0.2.2 soft in",
        "clear bgp ipv4 unicast 192.0.2.1 soft in",
        "clear bgp ipv6 unicast 2001:DB8::1 soft in",
    ]
    assert clear_commands(POLICIES, {"AB", "C"}) == []
    assert clear_commands("hostname edge1\nend\n", {"A"}) == []


# Sessions

SUMMARY = "BGP router identifier 192.0.2.254, local AS number 1.10\n"
NEIGHBORS = """\
BGP neighbor is 192.0.2.1,  remote AS 64501, external link
 Description: a customer
  BGP version 4, remote router ID 192.0.2.99
  BGP state = Established, up for 3w4d
 For address family: IPv4 Unicast
    Prefixes Current:              10          7 (Consumes 100 bytes)
 For address family: IPv6 Unicast
    Prefixes Current:               1          2 (Consumes 100 bytes)
BGP neighbor is 192.0.2.2,  remote AS 64502, external link
 Administratively shut down
  BGP version 4, remote router ID 0.0.0.0
  BGP state = Idle
BGP neighbor is *192.0.2.1,  vrf BLUE,  remote AS 64511, external link
  BGP version 4, remote router ID 192.0.2.98
  BGP state = Established, up for 00:01:02
 For address family: VPNv4 Unicast
  Translates address family IPv4 Unicast for VRF BLUE
    Prefixes Current:               0          3 (Consumes 100 bytes)
"""


def test_sessions_by_vrf_and_family() -> None:
    tables = neighbours_of(SUMMARY, NEIGHBORS)
    assert tables["global"]["router_id"] == "192.0.2.254"
    first, second = tables["global"]["peers"].values()
    assert (first["local_as"], first["remote_as"]) == (65546, 64501)
    assert (first["is_up"], first["uptime"]) == (True, 3 * 604_800 + 4 * 86_400)
    counts = {name: each["accepted_prefixes"] for name, each in first["address_family"].items()}
    assert counts == {"ipv4": 7, "ipv6": 2}
    assert (second["is_up"], second["is_enabled"]) == (False, False)
    assert second["address_family"] == {}
    assert neighbours_of(SUMMARY, "")["global"]["peers"] == {}
    [blue] = tables["BLUE"]["peers"].values()
    assert list(tables["BLUE"]["peers"]) == ["192.0.2.1"]
    assert (blue["remote_as"], blue["uptime"]) == (64511, 62)
    assert blue["address_family"]["ipv4"]["accepted_prefixes"] == 3


def test_a_description_does_not_hide_the_sessions() -> None:
    shown = NEIGHBORS.replace("a customer", "BFD not configured yet")
    said = f"show bgp ipv4 unicast neighbors\n{shown}edge1#"
    assert IosRouter(terminal(said), "edge1").sessions("bgp ipv4 unicast neighbors") == (
        shown.rstrip("\n")
    )


def test_the_lines_of_lists_without_their_descriptions() -> None:
    text = f"{LINE}\nip prefix-list A description permit 12.0.0.0/8\nipv6 prefix-list A seq 5 x \n"
    assert lists_of(text) == {
        (Afi.IPV4, "A"): ("seq 5 permit 10.0.0.0/8",),
        (Afi.IPV6, "A"): ("seq 5 x",),
    }

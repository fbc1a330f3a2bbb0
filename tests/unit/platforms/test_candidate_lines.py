"""A candidate that says more to a terminal than its lines say to the parser."""

from __future__ import annotations

import pytest

from irrgate.errors import ParseError
from irrgate.platforms import find_platform
from irrgate.platforms.nxos import Nxos
from irrgate.platforms.platform import read_candidate
from irrgate.prefixes import Afi
from tasks.drivers.nxos_change import merge_change

LINES = {
    "frr": "ip prefix-list {name} seq 5 permit 10.0.0.0/8",
    "ios": "ip prefix-list {name} seq 5 permit 10.0.0.0/8",
    "nxos": "ip prefix-list {name} seq 5 permit 10.0.0.0/8",
    "nxos_ssh": "ip prefix-list {name} seq 5 permit 10.0.0.0/8",
    "huawei_vrp": "ip ip-prefix {name} index 5 permit 10.0.0.0 8",
}


@pytest.mark.parametrize("platform", LINES)
@pytest.mark.parametrize(
    "more", ["\r!\x15reload", "\x85!\x15reload", "\x0b!x", "\u2028#x", "\t", "\x1b[A"]
)
def test_what_a_terminal_would_obey_is_in_no_line(platform: str, more: str) -> None:
    line = LINES[platform].format(name="IRR-A")
    with pytest.raises(ParseError, match="no terminal takes as it is"):
        read_candidate(find_platform(platform), f"{line}{more}\n", {}, {"IRR-A": Afi.IPV4})


@pytest.mark.parametrize("platform", LINES)
@pytest.mark.parametrize("name", ["IRR-A?", "IRR-\x15A", "IRR-Ä", "IRR;A"])
def test_a_name_is_one_that_irrgate_could_have_given(platform: str, name: str) -> None:
    """A question mark asks for help on a terminal, and a semicolon ends a command of NX-API."""
    line = LINES[platform].format(name=name)
    with pytest.raises(ParseError):
        read_candidate(find_platform(platform), f"{line}\n", {}, {name: Afi.IPV4})


def test_line_ends_of_either_kind_and_space_around_lines_are_none_of_that() -> None:
    line = LINES["nxos"].format(name="IRR-A")
    for text in (" {}\r\n\r\n!a\r\n", "{}\n", "  {}  "):
        [change] = merge_change(Nxos(), text.format(line), {}).lists
        assert [said for _, said in change.added] == ["seq 5 permit 10.0.0.0/8"]

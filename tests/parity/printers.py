"""What bgpq4 prints for each platform, and how its text stands in a running config there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from irrgate.platforms.bird_file import write_own
from irrgate.platforms.daemon_files import DaemonFile, DaemonFiles, join_files
from irrgate.platforms.nxos import sealed
from irrgate.platforms.openbgpd_text import running_text, seal_of
from irrgate.platforms.ros import END as ROS_END
from irrgate.platforms.sros_text import to_xml
from irrgate.prefixes import Afi, PrefixSet


def _same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Printer:
    """One form of bgpq4's output."""

    platform: str
    flags: tuple[str, ...]
    running: Callable[[str], str]
    """bgpq4's text to a running config that holds it, with nothing in it changed"""
    label: Callable[[str], str] = _same
    """the name of a list to what `-l` must be for it"""
    listed: Callable[[Afi, str], PrefixSet] | None = None
    """what the entries of the text say each by itself, where the platform evaluates them
    otherwise than bgpq4 thinks"""


def _ended(text: str) -> str:
    return f"{text}end\n"


def _returned(text: str) -> str:
    return f"{text}return\n"


def _bird(text: str) -> str:
    # The driver ends its file with a digest of what is in it.
    digest = write_own({}).splitlines(keepends=True)[-1]
    own = DaemonFile("/etc/bird/irrgate.conf", text + digest if text else "")
    return join_files(DaemonFiles(own, (DaemonFile("/etc/bird/bird.conf", "# empty\n"),)))


def _openbgpd(text: str) -> str:
    own = DaemonFile("/etc/bgpd/irrgate.conf", text)
    return running_text(own, {"/etc/bgpd.conf": "AS 64496\n"}, seal_of(text))


def _nxos(text: str) -> str:
    # A comment is no line of a running config.
    counted = sum("prefix-list" in line and line[0] != "!" for line in text.splitlines())
    return sealed(f"version 9.3(8)\n{text}", counted)


_JUNOS_ENTRY: Final = re.compile(
    r"^ +(\S+/([0-9]+)) (?:exact|upto /([0-9]+)|prefix-length-range /([0-9]+)-/([0-9]+));$",
    re.MULTILINE,
)


def _junos_entries(afi: Afi, text: str) -> PrefixSet:
    """Every entry by itself: bgpq4 aggregates as if any entry that matches would do."""
    ranges = [
        f"{prefix} ge {low or length} le {high or upto or length}"
        for prefix, length, upto, low, high in _JUNOS_ENTRY.findall(text)
    ]
    return PrefixSet.parse(afi, ranges)


_SRL_ENTRY: Final = '%N {"ip-prefix": "%n/%l", "mask-length-range": "%a..%A"}\\n'
"""bgpq4 1.9 has no output for SR Linux: these are its prefixes and lengths in the router's words"""


def _srl(text: str) -> str:
    sets: dict[str, list[object]] = {}
    for line in text.splitlines():
        name, _, entry = line.partition(" ")
        if name:
            sets.setdefault(name, []).append(json.loads(entry))
    listed = [{"name": name, "prefix": entries} for name, entries in sets.items()]
    policy = {"srl_nokia-routing-policy:routing-policy": {"prefix-set": listed}}
    return json.dumps({"srl_nokia-system:system": {}, **policy})


_VRP_ENTRY: Final = re.compile(
    r"permit (\S+) ([0-9]+)(?: greater-equal ([0-9]+))?(?: less-equal ([0-9]+))?$", re.MULTILINE
)


def _vrp_entries(afi: Afi, text: str) -> PrefixSet:
    """Every entry by itself: to VRP the address 0.0.0.0 is any, where bgpq4 means the network."""
    ranges = [
        f"{address}/{length} ge {low or length} le {high or (afi.bits if low else length)}"
        for address, length, low, high in _VRP_ENTRY.findall(text)
    ]
    return PrefixSet.parse(afi, ranges)


def _ros(text: str) -> str:
    # 1.9 prints `dst=P`, which RouterOS refuses; since 1.12 it is `dst==P` (bgpq4's issue 102).
    return re.sub(r"\(dst=(?!=)", "(dst==", text) + f"{ROS_END}\n"


PRINTERS: Final = (
    Printer("eos", ("-e",), _ended),
    Printer("junos", ("-J", "-z"), _same, listed=_junos_entries),
    Printer("sros", ("-n",), to_xml),
    Printer("sros", ("-N",), to_xml),
    Printer("bird", ("-b",), _bird, label=lambda name: f"define '{name}'"),
    Printer("openbgpd", ("-B", "-E"), _openbgpd),
    Printer("ios", (), _ended),
    Printer("ios", ("-s",), _ended),
    Printer("frr", (), _ended),
    Printer("frr", ("-s",), _ended),
    Printer("iosxr_netconf", ("-X",), _ended),
    Printer("srl", ("-F", _SRL_ENTRY), _srl),
    Printer("huawei_vrp", ("-U",), _returned, listed=_vrp_entries),
    Printer("nxos", (), _nxos),
    Printer("nxos", ("-s",), _nxos),
    Printer("nxos_ssh", (), _nxos),
    # It puts the family behind the name itself.
    Printer("ros", ("-K7",), _ros, label=lambda name: name[:-3]),
)
"""In the order in which `make parity` prints them."""

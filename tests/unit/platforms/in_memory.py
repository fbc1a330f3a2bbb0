"""A router of each platform in memory, made of the lab's own parsers, printers and oracles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, Protocol

from lxml import etree

from irrgate.platforms.bird_file import merged, read_own, write_own
from irrgate.platforms.bird_file import read_candidate as read_bird_candidate
from irrgate.platforms.daemon_files import DaemonFile, DaemonFiles, join_files
from irrgate.platforms.openbgpd import changes
from irrgate.platforms.openbgpd_text import merged as merged_sets
from irrgate.platforms.openbgpd_text import running_text, seal_of
from irrgate.platforms.ros import END
from irrgate.prefixes import Afi
from irrgate.render import Renderer
from tests.lab.bird_semantics import BirdSet
from tests.lab.bird_semantics import prefix_sets as bird_sets
from tests.lab.eos_mode import ConfigMode
from tests.lab.eos_mode import parse_config as parse_eos
from tests.lab.eos_semantics import EosPrefixList, prefix_list
from tests.lab.frr_lists import FrrLists
from tests.lab.ios_config import IosConfig
from tests.lab.ios_semantics import rule as ios_rule
from tests.lab.iosxr_config import parse_config as parse_iosxr
from tests.lab.iosxr_semantics import PrefixSetRule
from tests.lab.iosxr_semantics import prefix_sets as iosxr_sets
from tests.lab.junos_loader import load_text
from tests.lab.junos_loader import parse_config as parse_junos
from tests.lab.junos_semantics import RouteFilter, route_filters
from tests.lab.junos_tree import render
from tests.lab.nxos_config import parse_config as parse_nxos
from tests.lab.nxos_semantics import prefix_list as nxos_list
from tests.lab.openbgpd_semantics import OpenbgpdSet
from tests.lab.openbgpd_semantics import prefix_sets as openbgpd_sets
from tests.lab.ros_config import RosConfig
from tests.lab.ros_script import run_line
from tests.lab.ros_semantics import RosChain
from tests.lab.ros_semantics import chain as ros_chain
from tests.lab.srl_semantics import SrlPrefixSet
from tests.lab.srl_semantics import prefix_sets as srl_sets
from tests.lab.srl_tree import SrlConfig
from tests.lab.sros_semantics import SrosPrefixList
from tests.lab.sros_semantics import prefix_lists as sros_lists
from tests.lab.sros_tree import check as check_sros
from tests.lab.sros_tree import parse_config as parse_sros

NAMES: Final = {Afi.IPV4: "IRR-AS64500-V4", Afi.IPV6: "IRR-AS64500-V6"}
WANTED: Final[Mapping[str, Afi]] = {name: afi for afi, name in NAMES.items()}
RENDERER: Final = Renderer()

EOS_RUNNING: Final = """\
! Command: show running-config
!
hostname edge1
!
ip prefix-list CORE
   seq 10 permit 10.0.0.0/8
!
end
"""
JUNOS_RUNNING: Final = """\
version 22.4R1.10;
system {
    host-name edge1;
}
policy-options {
    route-filter-list CORE {
        10.0.0.0/8 exact;
    }
}
"""
SRL_RUNNING: Final = """\
{"srl_nokia-system:system": {"name": {"host-name": "edge1"}},
 "srl_nokia-routing-policy:routing-policy": {"prefix-set": [{"name": "CORE", "prefix": [
  {"ip-prefix": "10.0.0.0/8", "mask-length-range": "exact"}]}]}}
"""
SROS_RUNNING: Final = """\
<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf">
    <system>
        <name>edge1</name>
    </system>
    <policy-options>
        <prefix-list>
            <name>CORE</name>
            <prefix>
                <ip-prefix>10.0.0.0/8</ip-prefix>
                <type>exact</type>
            </prefix>
        </prefix-list>
    </policy-options>
</configure>
"""
IOS_RUNNING: Final = """\
hostname edge1
!
ip prefix-list CORE seq 5 permit 10.0.0.0/8
!
end
"""
IOSXR_RUNNING: Final = """\
!! IOS XR Configuration 7.3.1
!! Last configuration change at Fri Oct  2 23:27:33 2020 by admin
!
hostname edge1
rpl maximum lines 1000000
prefix-set CORE
  10.0.0.0/8
end-set
!
end
"""
_BIRD_USER: Final = {
    "/etc/bird/bird.conf": "define 'CORE' = [ 10.0.0.0/8 ];\ninclude \"irrgate.conf\";\n"
}
_OPENBGPD_USER: Final = {
    "/etc/bgpd.conf": """\
AS 64496
prefix-set CORE { 10.0.0.0/8 }
include "/etc/bgpd/irrgate.conf"
""",
}


class Rule(Protocol):
    """A list as the device evaluates it."""

    def accepts(self, prefix: str) -> bool: ...


class Router(Protocol):
    """What a test needs of a router."""

    platform: str

    def load(self, candidate: str) -> None:
        """Commit a candidate; the test fails where the device refuses a line."""

    def running(self) -> str:
        """Return the running config in the form in which the device prints it."""

    def rule(self, name: str) -> Rule:
        """Return the list as the device evaluates it."""


class EosRouter:
    def __init__(self, running: str = EOS_RUNNING) -> None:
        self.platform = "eos"
        self._config = parse_eos(running)

    def load(self, candidate: str) -> None:
        lines = [line.strip() for line in candidate.splitlines()]
        ConfigMode(self._config).feed(lines, 0, len(lines))

    def running(self) -> str:
        return self._config.text("show running-config", "edge1 (vEOS-lab)")

    def rule(self, name: str) -> EosPrefixList:
        return prefix_list(self._config, name, "ipv6" if WANTED[name] is Afi.IPV6 else "ip")


class JunosRouter:
    def __init__(self, running: str = JUNOS_RUNNING) -> None:
        self.platform = "junos"
        self._root = parse_junos(running)

    def load(self, candidate: str) -> None:
        errors = load_text(candidate, self._root, replace=True)
        assert not errors, errors[0]

    def running(self) -> str:
        return render(self._root)

    def rule(self, name: str) -> RouteFilter:
        return route_filters(self.running())[name]


class SrlRouter:
    """The router's own tree, given the commands of a `set`."""

    def __init__(self, running: str = SRL_RUNNING) -> None:
        self.platform = "srl"
        self._config = SrlConfig.parse(running)

    def load(self, candidate: str) -> None:
        config = self._config.copy()
        for command in json.loads(candidate):
            config.apply(command)
        config.check(config.prefix_sets())
        self._config = config

    def running(self) -> str:
        return self._config.text()

    def rule(self, name: str) -> SrlPrefixSet:
        return srl_sets(self.running())[name]


class SrosRouter:
    def __init__(self, running: str = SROS_RUNNING) -> None:
        self.platform = "sros"
        self._tree = parse_sros(running)

    def load(self, candidate: str) -> None:
        self._tree = self._tree.edited(etree.fromstring(candidate, etree.XMLParser(huge_tree=True)))
        assert not check_sros(self._tree)

    def running(self) -> str:
        return self._tree.xml()

    def rule(self, name: str) -> SrosPrefixList:
        return sros_lists(self.running())[name]


class IosxrRouter:
    def __init__(self, running: str = IOSXR_RUNNING) -> None:
        self.platform = "iosxr_netconf"
        self._config = parse_iosxr(running)

    def load(self, candidate: str) -> None:
        self._config.load(candidate)
        assert not self._config.problems()

    def running(self) -> str:
        return f"!! IOS XR Configuration 7.3.1\n!\n{self._config.text()}end\n"

    def rule(self, name: str) -> PrefixSetRule:
        return iosxr_sets(self.running())[name]


class BirdRouter:
    """The files alone; what the driver makes of a candidate is irrgate's own merge of it."""

    def __init__(self, user: Mapping[str, str] = _BIRD_USER) -> None:
        self.platform = "bird"
        self._user = tuple(DaemonFile(path, text) for path, text in user.items())
        self._own = DaemonFile("/etc/bird/irrgate.conf", "")

    def load(self, candidate: str) -> None:
        blocks = merged(read_own(self._own.text), read_bird_candidate(candidate))
        self._own = DaemonFile(self._own.path, write_own(blocks))

    def running(self) -> str:
        return join_files(DaemonFiles(self._own, self._user))

    def rule(self, name: str) -> BirdSet:
        return bird_sets(self._own.text)[name]


class FrrRouter:
    """FRR, which is told a candidate line by line."""

    def __init__(self) -> None:
        self.platform = "frr"
        self.lists = FrrLists()
        self.lists.tell("ip prefix-list CORE seq 10 permit 10.0.0.0/8")

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                self.lists.tell(line)

    def running(self) -> str:
        return self.lists.running()

    def rule(self, name: str) -> Rule:
        rule = self.lists.rule("ipv6" if WANTED[name] is Afi.IPV6 else "ip", name)
        assert rule
        return rule


def nxos_shown(text: str) -> str:
    """Return an NX-OS config as the driver has it: with what the router counts in it."""
    counted = sum("prefix-list" in line for line in text.splitlines())
    head = "\n!Command: show running-config\n\nversion 9.3(8)\n"
    return f"{head}{text}\n!irrgate: {counted} lines with prefix-list\n"


class NxosRouter:
    """NX-OS, which is told a candidate line by line, and counts its lines as the driver asks."""

    def __init__(self) -> None:
        self.platform = "nxos"
        self._config = parse_nxos("hostname edge1\nip prefix-list CORE seq 10 permit 10.0.0.0/8\n")

    def load(self, candidate: str) -> None:
        for line in filter(None, candidate.splitlines()):
            self._config.tell(line)

    def running(self) -> str:
        return nxos_shown(self._config.text())

    def rule(self, name: str) -> Rule:
        return nxos_list(self._config, name, "ipv6" if WANTED[name] is Afi.IPV6 else "ip")


class IosRouter:
    """IOS, which is told a candidate line by line."""

    def __init__(self, running: str = IOS_RUNNING) -> None:
        self.platform = "ios"
        self.config = IosConfig.parse(running)

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                said = self.config.lists.tell(line)
                assert not said, said

    def running(self) -> str:
        return self.config.text()

    def rule(self, name: str) -> Rule:
        return ios_rule(self.config.lists, "ipv6" if WANTED[name] is Afi.IPV6 else "ip", name)


class OpenbgpdRouter:
    """The files alone; what the driver makes of a candidate is irrgate's own merge of it."""

    def __init__(self, user: Mapping[str, str] = _OPENBGPD_USER) -> None:
        self.platform = "openbgpd"
        self._user = user
        self.own = ""

    def load(self, candidate: str) -> None:
        self.own = merged_sets(self.own, *changes(candidate))

    def running(self) -> str:
        own = DaemonFile("/etc/bgpd/irrgate.conf", self.own)
        return running_text(own, self._user, seal_of(self.own))

    def rule(self, name: str) -> OpenbgpdSet:
        return openbgpd_sets(self.own)[name]


class RosRouter:
    """RouterOS, which is told a candidate line by line; it prints what the driver makes of it."""

    def __init__(self) -> None:
        self.platform = "ros"
        self.config = RosConfig()
        self.config.add("CORE", "if (dst==10.0.0.0/8) {accept}")

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                run_line(self.config, line)

    def running(self) -> str:
        return f"{self.config.text()}{END}\n"

    def rule(self, name: str) -> RosChain:
        return ros_chain(self.config, name)

"""Running configs of each platform with a filter in them that nobody asked for."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import Stranger
from irrgate.prefixes import PrefixSet
from tests.lab.frr_lists import FrrLists
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import (
    WANTED,
    BirdRouter,
    FrrRouteMapRouter,
    OpenbgpdRouter,
    RosRouter,
    candidate,
    nxos_shown,
)

NAME = "IRR-AS1-V4"
EOS_LIST = f"ip prefix-list {NAME}\n   seq 10 permit 10.0.0.0/8\n!\n"
JUNOS_LIST = f"    route-filter-list {NAME} {{\n        10.0.0.0/8 exact;\n    }}\n"


def eos(*blocks: str) -> str:
    return "! Command: show running-config\n!\nhostname edge1\n!\n" + "".join(blocks) + "end\n"


def junos(*policy_options: str, after: str = "") -> str:
    return f"version 22.4R1.10;\npolicy-options {{\n{''.join(policy_options)}}}\n{after}"


def bird(text: str, lists: Mapping[str, PrefixSet] | None = None) -> str:
    router = BirdRouter(user={"/etc/bird/bird.conf": text})
    router.load(candidate("bird", lists or {NAME: prefixes("10.0.0.0/8")}))
    return router.running()


def frr(*blocks: str) -> str:
    lists = FrrLists()
    lists.tell(f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8")
    return lists.running(blocks="".join(blocks))


def frr_route_map(*blocks: str) -> str:
    router = FrrRouteMapRouter()
    router.load(candidate("frr_route_map", {NAME: prefixes("10.0.0.0/8")}))
    return router.maps.running(blocks="".join(blocks))


def ios(*blocks: str) -> str:
    entry = f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8\n"
    return f"hostname edge1\n!\n{entry}!\n{''.join(blocks)}end\n"


def iosxr(*blocks: str) -> str:
    listed = f"prefix-set {NAME}\n  10.0.0.0/8\nend-set\n!\n"
    return f"!! IOS XR Configuration 7.3.1\n!\nhostname edge1\n{listed}{''.join(blocks)}end\n"


def nxos(*blocks: str) -> str:
    return nxos_shown("".join((f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/8 \n", *blocks)))


def openbgpd(text: str, lists: Mapping[str, PrefixSet] | None = None) -> str:
    router = OpenbgpdRouter(user={"/etc/bgpd.conf": text})
    router.load(candidate("openbgpd", lists or {NAME: prefixes("10.0.0.0/8")}))
    return router.running()


def vrp(*blocks: str) -> str:
    listed = f"ip ip-prefix {NAME} index 10 permit 10.0.0.0 8\n"
    return "#\n".join(("!Software Version V200R010C00SPC600\n", *blocks, listed, "return\n"))


def ros(*lines: str) -> str:
    router = RosRouter()
    router.load(candidate("ros", {NAME: prefixes("10.0.0.0/8")}))
    return "".join((*lines, router.running()))


def in_group(policy_options: str) -> str:
    inside = textwrap.indent(policy_options, 8 * " ")
    return f"groups {{\n    G {{\n        policy-options {{\n{inside}        }}\n    }}\n}}\n"


def strangers(platform: str, running: str) -> tuple[Stranger, ...]:
    found = PLATFORMS[platform].parse(running, WANTED, "IRR-").strangers
    names = [each.name for each in found]
    assert names == sorted(set(names))
    asked = PLATFORMS[platform].references(running, names)
    assert {each.name: each.references for each in found} == asked
    return found


def only(platform: str, running: str) -> Stranger:
    (stranger,) = strangers(platform, running)
    return stranger


# What counts on EOS

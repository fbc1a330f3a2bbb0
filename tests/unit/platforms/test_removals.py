"""Candidates that remove filters: only those that the caller names, beside what they set."""

from __future__ import annotations

import re

import pytest

from irrgate.errors import ParseError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms import routers
from tests.unit.platforms.routers import NAMES, WANTED, candidate

GONE = {"IRR-AS1-V4": Afi.IPV4, "IRR-AS1-V6": Afi.IPV6}
KEPT = NAMES[Afi.IPV4]
SET = {KEPT: prefixes("10.0.0.0/8")}
REMOVES = {
    "frr": ("no ip prefix-list IRR-AS1-V4\n", "no ipv6 prefix-list IRR-AS1-V6\n"),
    "frr_route_map": ("no route-map IRR-AS1-V4 ! ip\n", "no route-map IRR-AS1-V6 ! ipv6\n"),
    "ios": ("no ip prefix-list IRR-AS1-V4\n", "no ipv6 prefix-list IRR-AS1-V6\n"),
    "eos": ("no ip prefix-list IRR-AS1-V4\n", "no ipv6 prefix-list IRR-AS1-V6\n"),
    "nxos": ("no ip prefix-list IRR-AS1-V4\n", "no ipv6 prefix-list IRR-AS1-V6\n"),
    "junos": (
        "    delete: route-filter-list IRR-AS1-V4;\n",
        "    delete: route-filter-list IRR-AS1-V6;\n",
    ),
    "sros": tuple(
        f'    <prefix-list nc:operation="remove">\n      <name>{name}</name>\n    </prefix-list>\n'
        for name in GONE
    ),
    "huawei_vrp": ("undo ip ip-prefix IRR-AS1-V4\n", "undo ip ipv6-prefix IRR-AS1-V6\n"),
    "iosxr_netconf": ("no prefix-set IRR-AS1-V4\n", "no prefix-set IRR-AS1-V6\n"),
    "openbgpd": ('no prefix-set "IRR-AS1-V4"\n', 'no prefix-set "IRR-AS1-V6"\n'),
    "ros": (
        "/routing filter rule remove [find chain=IRR-AS1-V4]\n",
        "/routing filter rule remove [find chain=IRR-AS1-V6]\n",
    ),
    "bird": ("# remove 'IRR-AS1-V4' # ipv4\n", "# remove 'IRR-AS1-V6' # ipv6\n"),
    "srl": (
        '{"action": "delete", "path": "/routing-policy/prefix-set[name=IRR-AS1-V4]"}',
        '{"action": "delete", "path": "/routing-policy/prefix-set[name=IRR-AS1-V6]"}',
    ),
}


def parsed(platform: str, text: str) -> RunningFilters:
    return PLATFORMS[platform].parse_candidate(text, WANTED, GONE)


def taken_out(platform: str, text: str, line: str) -> str:
    left = text.replace(line, "")
    if platform != "srl":
        return left
    # JSON has a comma between two of a list, and none before the first or after the last.
    return re.sub(r"(\[\s*),", r"\1", re.sub(r",(\s*[,\]])", r"\1", left))


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@pytest.mark.parametrize("lists", [{}, SET], ids=["alone", "with a list"])
def test_what_is_removed_is_read_back(platform: str, lists: dict[str, PrefixSet]) -> None:
    text = candidate(platform, lists, removals=GONE)
    found = parsed(platform, text)
    assert found.removed == ("IRR-AS1-V4", "IRR-AS1-V6")
    assert list(found.lists) == list(lists)
    assert found.strangers == ()
    for line in REMOVES[platform]:
        assert line in text
        without = parsed(platform, taken_out(platform, text, line))
        assert len(without.removed) == 1


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_candidate_that_removes_nothing_says_so(platform: str) -> None:
    assert parsed(platform, candidate(platform, SET)).removed == ()


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@pytest.mark.parametrize("removals", [{}, {"IRR-AS2-V4": Afi.IPV4}])
def test_a_removal_that_nobody_asked_for_is_refused(
    platform: str, removals: dict[str, Afi]
) -> None:
    text = candidate(platform, SET, removals={"IRR-AS1-V4": Afi.IPV4})
    with pytest.raises(ParseError, match="IRR-AS1-V4"):
        PLATFORMS[platform].parse_candidate(text, WANTED, removals)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_wanted_list_is_not_removed(platform: str) -> None:
    text = candidate(platform, {}, removals={KEPT: Afi.IPV4})
    with pytest.raises(ParseError, match=KEPT):
        parsed(platform, text)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_list_that_is_to_go_is_not_set_either(platform: str) -> None:
    text = candidate(platform, {"IRR-AS1-V4": prefixes("10.0.0.0/8")})
    found = parsed(platform, text)
    assert [each.name for each in found.strangers] == ["IRR-AS1-V4"]
    assert found.removed == ()


@pytest.mark.parametrize(
    ("platform", "line"),
    [
        ("eos", "no ipv6 prefix-list IRR-AS1-V4"),
        ("eos", "no ip prefix-list IRR-AS1-V6"),
        ("eos", "no ip prefix-list IRR-AS1-V4 seq 10"),
        ("eos", "no ip prefix-list"),
        ("eos", "no route-map IRR-AS1-V4"),
        ("sros", "<prefix-list><name>IRR-AS1-V4</name></prefix-list>"),
        ("sros", '<prefix-list nc:operation="delete"><name>IRR-AS1-V4</name></prefix-list>'),
        ("sros", '<policy-statement nc:operation="remove"><name>IRR-AS1-V4</name>'),
        ("sros", '<prefix-list nc:operation="remove"><name>&lt;IRR-.*&gt;</name></prefix-list>'),
        (
            "sros",
            '<prefix-list nc:operation="remove"><name>IRR-AS1-V4</name><prefix/></prefix-list>',
        ),
        ("junos", "    delete: prefix-list IRR-AS1-V4;"),
        ("junos", "    delete: policy-statement IRR-AS1-V4;"),
        ("junos", "    delete: route-filter-list IRR-AS1-V4 { }"),
        ("junos", "    delete: route-filter-list IRR-AS1-V4 10.0.0.0/8 exact;"),
        ("junos", "    delete: route-filter-list <IRR-*>;"),
        ("junos", "    delete: route-filter-list;"),
        ("junos", "    replace: route-filter-list IRR-AS1-V4;"),
        ("junos", "    inactive: route-filter-list IRR-AS1-V4;"),
        ("bird", "# remove 'IRR-AS1-V4' # ipv6"),
        ("bird", "# remove 'IRR-AS1-V4'"),
        ("bird", "# remove IRR-AS1-V4 # ipv4"),
        ("bird", "# remove 'IRR-*' # ipv4"),
        ("bird", "undefine 'IRR-AS1-V4';"),
        ("bird", 'include "other.conf";'),
        ("frr", "no ipv6 prefix-list IRR-AS1-V4"),
        ("frr", "no ip prefix-list IRR-AS1-V6"),
        ("frr", "no ip prefix-list IRR-AS1-V4 seq 10 permit 10.0.0.0/8"),
        ("frr", "no ip prefix-list IRR-AS1-V4 description"),
        ("frr", "no ip prefix-list"),
        ("frr", "no route-map IRR-AS1-V4"),
        ("frr_route_map", "no route-map IRR-AS1-V4 ! ipv6"),
        ("frr_route_map", "no route-map IRR-AS1-V4"),
        ("frr_route_map", "no route-map IRR-* ! ip"),
        ("frr_route_map", "no ip prefix-list IRR-AS1-V4-1"),
        ("frr_route_map", "no ip prefix-list IRR-AS1-V4-1 seq 10 permit 10.0.0.0/8"),
        ("frr_route_map", "no route-map OTHERS ! ip"),
        ("huawei_vrp", "undo ip ipv6-prefix IRR-AS1-V4"),
        ("huawei_vrp", "undo ip ip-prefix IRR-AS1-V6"),
        ("huawei_vrp", "undo ip ip-prefix IRR-AS1-V4 index 10"),
        ("huawei_vrp", "undo ip ip-prefix IRR-AS1-V4 10.0.0.0 8"),
        ("huawei_vrp", "undo ip ip-prefix IRR-AS1-V4 description"),
        ("huawei_vrp", "undo ip ip-prefix"),
        ("huawei_vrp", "undo route-policy IRR-AS1-V4"),
        ("nxos", "no ipv6 prefix-list IRR-AS1-V4"),
        ("nxos", "no ip prefix-list IRR-AS1-V4 seq 10 permit 10.0.0.0/8"),
        ("nxos", "no ip prefix-list IRR-AS1-V4 ; no route-map IRR-AS1-V4"),
        ("nxos", "no route-map IRR-AS1-V4"),
        ("iosxr_netconf", "no prefix-set IRR-AS1-V4 IRR-AS1-V6"),
        ("iosxr_netconf", "no prefix-set"),
        ("iosxr_netconf", "no route-policy IRR-AS1-V4"),
        ("iosxr_netconf", "no prefix-set IRR-AS64500-V4"),
        ("iosxr_netconf", "no as-path-set IRR-AS1-V4"),
        ("openbgpd", "no prefix-set IRR-AS1-V4"),
        ("ros", "/routing filter rule remove [find]"),
        ("ros", "/routing filter rule remove [find chain~IRR-]"),
        ("ros", "/routing filter rule remove [find chain=IRR-AS1-V4 || chain=X]"),
        ("ros", "/routing filter rule remove numbers=0"),
        ("ros", '/routing filter rule remove [find chain=IRR-AS1-V4 rule="reject"]'),
        ("ros", "/routing bgp connection remove [find]"),
        ("ros", "/system reboot"),
        ("openbgpd", 'no prefix-set "IRR-*"'),
        ("openbgpd", 'no as-set "IRR-AS1-V4"'),
        ("openbgpd", "allow from any"),
        ("openbgpd", 'include "/etc/other.conf"'),
        ("srl", '{"action": "delete", "path": "/routing-policy"}'),
        ("srl", '{"action": "delete", "path": "/routing-policy/prefix-set"}'),
        ("srl", '{"action": "delete", "path": "/routing-policy/prefix-set[name=*]"}'),
        ("srl", '{"action": "delete", "path": "/routing-policy/policy[name=IRR-AS1-V4]"}'),
        ("srl", '{"action": "delete", "path": "/routing-policy/prefix-set[name=IRR-AS1-V4]/x"}'),
        ("srl", '{"action": "update", "path": "/routing-policy/prefix-set[name=IRR-AS1-V4]"}'),
        (
            "srl",
            REMOVES["srl"][0].replace('"path"', '"path": "/system", "path"'),
        ),
        ("srl", '"delete"'),
        ("junos", "    /* gone */ delete: route-filter-list IRR-AS1-V4;"),
    ],
)
def test_no_other_way_to_remove_is_let_through(platform: str, line: str) -> None:
    text = candidate(platform, SET, removals={"IRR-AS1-V4": Afi.IPV4})
    old = REMOVES[platform][0]
    assert old in text
    with pytest.raises(ParseError):
        parsed(platform, text.replace(old, f"{line}\n"))


def test_on_junos_a_list_goes_once() -> None:
    line = REMOVES["junos"][0]
    text = candidate("junos", SET, removals={"IRR-AS1-V4": Afi.IPV4})
    with pytest.raises(ParseError, match="IRR-AS1-V4"):
        parsed("junos", text.replace(line, line + line))


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_after_the_candidate_the_filter_is_gone_and_the_others_are_not(platform: str) -> None:
    device = routers.router(platform)
    module = PLATFORMS[platform]
    device.load(candidate(platform, {"IRR-AS1-V4": prefixes("10.1.0.0/16"), **SET}))
    (stranger,) = module.parse(device.running(), WANTED, "IRR-").strangers
    changed = {KEPT: prefixes("10.2.0.0/16")}
    held = module.parse(device.running(), WANTED, "IRR-").lists[KEPT]
    device.load(candidate(platform, changed, held, {stranger.name: stranger.afi or Afi.IPV6}))
    found = module.parse(device.running(), WANTED, "IRR-")
    assert found.strangers == ()
    assert found.lists[KEPT].prefixes == changed[KEPT]
    assert "CORE" in device.running()


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_when_the_last_filter_goes_the_config_is_still_read(platform: str) -> None:
    empty = {"eos": "hostname edge1\nend\n", "junos": "system {\n    host-name edge1;\n}\n"}
    device = routers.router(platform, empty.get(platform))
    module = PLATFORMS[platform]
    device.load(candidate(platform, {"IRR-AS1-V4": prefixes("10.1.0.0/16")}))
    assert len(module.parse(device.running(), WANTED, "IRR-").strangers) == 1
    device.load(candidate(platform, {}, removals={"IRR-AS1-V4": Afi.IPV4}))
    assert module.parse(device.running(), WANTED, "IRR-") == RunningFilters({}, ())

"""Which sessions of an NX-OS router have to look again when a prefix list changed."""

from __future__ import annotations

import pytest

from irrgate.platforms.numbered import Key
from irrgate.prefixes import Afi
from tasks.drivers.nxos_clears import clear_commands

V4: Key = (Afi.IPV4, "IRR-AS64500-V4")
V6: Key = (Afi.IPV6, "IRR-AS64500-V6")
RUNNING = """\
ip prefix-list IRR-AS64500-V4 seq 10 permit 10.0.0.0/8
route-map IN4 permit 10
  match ip address prefix-list OTHER IRR-AS64500-V4
route-map IN6 permit 10
  match ipv6 address prefix-list IRR-AS64500-V6
route-map NAMESAKE permit 10
  match ip address prefix-list IRR-AS64500-V4-OLD
  description IRR-AS64500-V4
router bgp 64496
  router-id 192.0.2.1
  address-family ipv4 unicast
    redistribute direct route-map IN4
  template peer-policy POLICY
    route-map IN4 in
  template peer CUSTOMER
    remote-as 64500
    address-family ipv4 unicast
      inherit peer-policy POLICY 10
  neighbor 198.51.100.2
    remote-as 64500
    address-family ipv4 unicast
      prefix-list IRR-AS64500-V4 in
      prefix-list OTHER out
  neighbor 198.51.100.6
    inherit peer CUSTOMER
  neighbor 198.51.100.10
    address-family ipv4 unicast
      prefix-list IRR-AS64500-V4 out
      route-map NAMESAKE in
  neighbor 203.0.113.0/24
    inherit peer CUSTOMER
  neighbor 2001:db8:1::2
    address-family ipv6 unicast
      route-map IN6 in
  vrf CUSTOMERS
    neighbor 198.51.100.14
      address-family ipv4 unicast
        route-map IN4 in
  neighbor 198.51.100.18
    inherit peer NOWHERE
"""


@pytest.mark.parametrize(
    ("lists", "cleared"),
    [
        (
            [V4],
            [
                "clear bgp ipv4 unicast 198.51.100.2 soft in",
                "clear bgp ipv4 unicast 198.51.100.6 soft in",
                "clear bgp ipv4 unicast 198.51.100.14 soft in vrf CUSTOMERS",
            ],
        ),
        ([V6], ["clear bgp ipv6 unicast 2001:db8:1::2 soft in"]),
        ([(Afi.IPV4, "OTHER")], [
            "clear bgp ipv4 unicast 198.51.100.6 soft in",
            "clear bgp ipv4 unicast 198.51.100.14 soft in vrf CUSTOMERS",
        ]),
        ([], []),
    ],
)  # fmt: skip
def test_the_sessions_that_filter_by_a_list_look_again(
    lists: list[Key], cleared: list[str]
) -> None:
    assert clear_commands(RUNNING, lists) == cleared


def test_templates_that_take_over_each_other() -> None:
    running = """\
router bgp 64496
  template peer A
    inherit peer B
  template peer B
    inherit peer A
    address-family ipv4 unicast
      prefix-list IRR-AS64500-V4 in
  neighbor 198.51.100.2
    inherit peer A
"""
    assert clear_commands(running, [V4]) == ["clear bgp ipv4 unicast 198.51.100.2 soft in"]


def test_a_router_without_bgp() -> None:
    assert clear_commands("hostname edge1\n", [V4, V6]) == []


def test_no_name_of_a_router_gets_into_a_command() -> None:
    running = """\
router bgp 64496
  vrf x;reload
    neighbor 198.51.100.2
      address-family ipv4 unicast
        prefix-list IRR-AS64500-V4 in
  neighbor 198.51.100.2;reload
    address-family ipv4 unicast
      prefix-list IRR-AS64500-V4 in
"""
    assert clear_commands(running, [V4]) == []

"""Address space in which nobody's routes belong: IANA's special-purpose and reserved blocks.

The blocks are netaddr's, who keeps IANA's registries; the few that its release does not have yet
are named here with their RFC.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import netaddr
import netaddr.ip

from irrgate.prefixes import Afi, PrefixRange, PrefixSet

_NOT_IN_NETADDR = {
    Afi.IPV4: (
        "192.88.99.0/24",  # 6to4 relay anycast, deprecated by RFC 7526
    ),
    Afi.IPV6: (
        "3fff::/20",  # documentation, RFC 9637
        "3ffe::/16",  # 6bone, returned by RFC 3701
    ),
}


@cache
def special_use(afi: Afi) -> PrefixSet:
    """Return all prefixes inside special-use space: private, documentation, reserved, multicast.

    What IANA marks as globally reachable inside of such a block (AS112, say) is not in the set.
    A prefix that merely covers a special-use block is not in it either.
    """
    of = netaddr.ip
    if afi is Afi.IPV4:
        blocks: list[Any] = [*of.IPV4_NOT_GLOBALLY_REACHABLE, of.IPV4_MULTICAST]
        exceptions = of.IPV4_NOT_GLOBALLY_REACHABLE_EXCEPTIONS
    else:
        blocks = [*of.IPV6_NOT_GLOBALLY_REACHABLE, *of.IPV6_RESERVED, of.IPV6_MULTICAST]
        exceptions = of.IPV6_NOT_GLOBALLY_REACHABLE_EXCEPTIONS
    blocks += [netaddr.IPNetwork(text) for text in _NOT_IN_NETADDR[afi]]
    return _all_below(afi, blocks).difference(_all_below(afi, exceptions))


def _all_below(afi: Afi, networks: list[Any]) -> PrefixSet:
    return PrefixSet.from_ranges(
        afi,
        [PrefixRange(afi, n.first, n.prefixlen, n.prefixlen, afi.bits) for n in networks],
    )

"""What each platform can do, and how its managed objects are read back and printed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from irrgate.errors import PlatformError
from irrgate.platforms.bird import Bird
from irrgate.platforms.eos import Eos
from irrgate.platforms.frr import Frr
from irrgate.platforms.frr_route_map import FrrRouteMap
from irrgate.platforms.huawei_vrp import HuaweiVrp
from irrgate.platforms.ios import Ios
from irrgate.platforms.iosxr import IosxrNetconf
from irrgate.platforms.junos import Junos
from irrgate.platforms.nxos import Nxos, NxosSsh
from irrgate.platforms.openbgpd import Openbgpd
from irrgate.platforms.platform import Platform
from irrgate.platforms.ros import Ros
from irrgate.platforms.srl import Srl
from irrgate.platforms.sros import Sros

PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType(
    {
        platform.name: platform
        for platform in (
            Eos(),
            Junos(),
            Bird(),
            Frr(),
            FrrRouteMap(),
            Openbgpd(),
            Ios(),
            IosxrNetconf(),
            HuaweiVrp(),
            Nxos(),
            NxosSsh(),
            Ros(),
            Sros(),
            Srl(),
        )
    }
)
"""By the NAPALM driver's name."""

REFUSED: Final = {
    "iosxr": (
        "is NAPALM's driver for the old XML agent, whose commits irrgate cannot make safe",
        "use platform iosxr_netconf, and netconf-yang agent ssh on the router",
    ),
}
"""NAPALM drivers that irrgate knows and does not use: why, and what to do"""


def find_platform(name: str) -> Platform:
    """Return the platform, or raise PlatformError that names the nearest known one."""
    try:
        return PLATFORMS[name]
    except KeyError:
        if name in REFUSED:
            reason, hint = REFUSED[name]
            raise PlatformError(name, reason, hint=hint) from None
        near = difflib.get_close_matches(name, PLATFORMS, 1)
        raise PlatformError(
            ascii(name),
            f"not a platform that irrgate knows; it knows {', '.join(PLATFORMS)}",
            hint=f"did you mean {near[0]}?" if near else "",
        ) from None

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
from irrgate.platforms.huawei_vrp import HuaweiVrp
from irrgate.platforms.junos import Junos
from irrgate.platforms.openbgpd import Openbgpd
from irrgate.platforms.platform import Capabilities, Platform, UpdateStrategy

PLATFORMS: Final[Mapping[str, Platform]] = MappingProxyType(
    {
        platform.name: platform
        for platform in (Eos(), Junos(), HuaweiVrp(), Bird(), Frr(), Openbgpd())
    }
)
"""By the NAPALM driver's name."""

CAPABILITY_HEADINGS: Final = (
    "platform", "update", "atomic", "commit-confirm", "the way back", "verified by", "limits",
)  # fmt: skip
_UPDATES: Final = {
    UpdateStrategy.REPLACE: "each filter whole, in a candidate",
    UpdateStrategy.SESSION: "each filter whole, in a configuration session",
    UpdateStrategy.DELTA: "entry by entry, new ones before old ones go",
}


def find_platform(name: str) -> Platform:
    """Return the platform, or raise PlatformError that names the nearest known one."""
    try:
        return PLATFORMS[name]
    except KeyError:
        near = difflib.get_close_matches(name, PLATFORMS, 1)
        raise PlatformError(
            ascii(name),
            f"not a platform that irrgate knows; it knows {', '.join(PLATFORMS)}",
            hint=f"did you mean {near[0]}?" if near else "",
        ) from None


def capability_rows() -> tuple[tuple[str, ...], ...]:
    """Return what is promised on each platform, a row each, under CAPABILITY_HEADINGS."""
    return tuple(
        (name, *_capability_row(platform.capabilities)) for name, platform in PLATFORMS.items()
    )


def _capability_row(has: Capabilities) -> tuple[str, ...]:
    confirm = "no"
    if has.commit_confirm:
        confirm = "any seconds" if has.revert_step == 1 else f"multiples of {has.revert_step} s"
    back = "the router itself, unless confirmed"
    limits = f"names of {has.max_name} characters"
    if has.max_sequence is not None:
        limits += f", sequence numbers to {has.max_sequence}"
    return (
        _UPDATES[has.strategy],
        "yes" if has.atomic else "no",
        confirm,
        back if has.commit_confirm else "the filters as they were, sent again and read back",
        has.verified_host,
        limits,
    )

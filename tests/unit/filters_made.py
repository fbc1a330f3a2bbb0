"""Filters, and why there are none, for tests that start where expansion ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from irrgate.filters import Filter, NoFilter
from irrgate.irr.expander import Unknown
from irrgate.network import GuardLimits, PerAfi
from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import Asn

LIMITS: Final = GuardLimits(0.3, 3.0, PerAfi(1000, 500), timedelta(days=7))
NO_LIMITS: Final = GuardLimits(1.0, float(1 << 130), PerAfi(10**9, 10**9), timedelta(days=7))


def family(texts: tuple[str, ...]) -> Afi:
    return Afi.IPV6 if any(":" in text for text in texts) else Afi.IPV4


def prefixes(*texts: str) -> PrefixSet:
    return PrefixSet.parse(family(texts), texts)


def made(held: PrefixSet, peer: int = 64500) -> Filter:
    name = f"IRR-AS{peer}-{held.afi.tag}"
    return Filter(Asn(peer), held.afi, name, held, held.prefix_count, {}, (), ())


def filter_of(*texts: str, peer: int = 64500) -> Filter:
    return made(prefixes(*texts), peer)


def no_filter(peer: int = 64500, afi: Afi = Afi.IPV4) -> NoFilter:
    name = f"IRR-AS{peer}-{afi.tag}"
    return NoFilter(Asn(peer), afi, name, Unknown(), "AS-NOWHERE does not exist", ())

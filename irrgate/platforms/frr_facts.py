"""What FRR says of itself in a running config that irrgate's driver has read, and what follows.

The driver puts a comment before the config, since `show running-config` does not say which daemons
there are; a config without it is of an FRR of which only the version may be known.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from irrgate.errors import PlatformError
from irrgate.platforms.frr_cost import Work, is_at_least, seconds_for, seconds_for_map

_COMMENT: Final = re.compile(
    r"\A! irrgate: daemons ([^;\n]*); at most ([0-9.e+]+) s for a filter\n"
)
_VERSION: Final = re.compile(r"^frr version (\S+)", re.MULTILINE)
_UNOPTIMIZED: Final = re.compile(r"^no route-map (\S+) optimization[ \r]*$", re.MULTILINE)
_ROUTE_MAP: Final = re.compile(
    r"^route-map (\S+) (?:permit|deny) [0-9]+[ \r]*\n((?:[ !][^\n]*\n)*)", re.MULTILINE
)
_MATCH: Final = re.compile(r"^ match ip(?:v6)? address prefix-list (\S+)", re.MULTILINE)
_UNAFFECTED: Final = 9
"""the first major version in which a route-map's optimization has all entries of one prefix (FRR's
pull request 13369)"""


@dataclass(frozen=True, slots=True)
class FrrFacts:
    """What is to be known of one FRR to change its lists."""

    version: str
    daemons: tuple[str, ...]
    max_seconds: float | None
    """that a change of one filter may take; None: any"""
    optimized: Mapping[str, str] = field(default_factory=dict)
    """lists that a route-map with FRR's optimization refers to, and the first such route-map"""


def comment(daemons: Iterable[str], max_seconds: float) -> str:
    """Return what the driver puts before a running config."""
    return f"! irrgate: daemons {' '.join(daemons)}; at most {max_seconds:g} s for a filter\n"


def read_facts(running: str) -> FrrFacts:
    """Return what a running config says."""
    said = _COMMENT.match(running)
    version = _VERSION.search(running)
    return FrrFacts(
        version[1] if version else "",
        tuple(said[1].split()) if said else (),
        float(said[2]) if said else None,
        _optimized(running),
    )


def _optimized(running: str) -> dict[str, str]:
    without = set(_UNOPTIMIZED.findall(running))
    found: dict[str, str] = {}
    for match in _ROUTE_MAP.finditer(running):
        if match[1] not in without:
            for name in _MATCH.findall(match[2]):
                found.setdefault(name, match[1])
    return found


def refuse_too_long(name: str, facts: FrrFacts, works: Iterable[Work], come: int = 0) -> None:
    """Raise PlatformError, with the estimate, where FRR would take longer than it may.

    `come` are new entries of a route-map over these lists.
    """
    works = list(works)
    seconds = sum(seconds_for(facts.version, facts.daemons, work) for work in works)
    seconds += seconds_for_map(facts.daemons, come, sum(work.held + work.added for work in works))
    if facts.max_seconds is None or seconds <= facts.max_seconds:
        return
    added, held, removed = (
        sum(getattr(work, part) for work in works) for part in ("added", "held", "removed")
    )
    raise PlatformError(
        name,
        f"FRR {facts.version} takes about {seconds:,.0f} s to add {added:,} entries to its "
        f"{held:,} and remove {removed:,}; the limit is {facts.max_seconds:g} s",
        hint="platform frr_route_map spreads a filter over short lists; FRR 9.0 and newer is 700 "
        "times as fast; max_seconds under optional_args raises the limit",
    )


def refuse_twin_prefixes(
    name: str, facts: FrrFacts, held: Iterable[str], changed: Iterable[str]
) -> None:
    """Raise PlatformError where a route-map would lose routes by the change, for good.

    `held` are the prefixes of the entries before and of those added, as FRR prints them; `changed`
    those of what is added and removed. Before FRR 9.0 a route-map finds the entries of its lists
    by a table with one place for each prefix, which is gone when one of two entries of the prefix
    goes (10.0.0.0/8 le 24 and 10.0.0.0/8 le 16): routes that the other one permits are denied
    from then on (measured on 8.4.4; FRR's issue 14246). The way back goes through the same states,
    so what is added counts as well.
    """
    if name not in facts.optimized or is_at_least(facts.version, _UNAFFECTED):
        return
    times = Counter(map(_spelled_out, held))
    twins = sorted({each for each in map(_spelled_out, changed) if times[each] > 1})
    if twins:
        route_map = facts.optimized[name]
        raise PlatformError(
            name,
            f"two entries have the prefix {twins[0]} on the way; when one of them goes, FRR "
            f"{facts.version} loses the routes of both by the optimization of route-map "
            f"{route_map}",
            hint=f"on the router: no route-map {route_map} optimization",
        )


def _spelled_out(prefix: str) -> str:
    """Return a prefix so that `any` is the one that it stands for, of either family."""
    return "/0" if prefix == "any" or prefix.endswith("/0") else prefix

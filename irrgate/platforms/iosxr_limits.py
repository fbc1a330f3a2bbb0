"""How many lines of policies and sets an IOS-XR router holds, and how many it takes.

`rpl maximum lines` counts all of them together; without it 131,072 are taken
(Cisco-IOS-XR-policy-repository-cfg, maximum-lines-of-policy).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.iosxr_text import prefix_sets

DEFAULT_MAXIMUM: Final = 131_072

_MAXIMUM = re.compile(r"^rpl maximum lines ([0-9]+)", re.MULTILINE)
_POLICIES = re.compile(
    r"^(?:route-policy|[a-z-]+-set(?: [a-z]+)?) [^\n]*\n.*?^end-(?:policy|set)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class PolicyLines:
    """The lines of a router's policies and sets, as it counts them."""

    total: int
    maximum: int
    sets: Mapping[str, int]
    """of each prefix set"""

    def after(self, candidate: str) -> int:
        """Return the lines that there are after a candidate; prefix sets are replaced whole."""
        try:
            written = {each.name: _lines(each.body) for each in prefix_sets(candidate)}
        except ParseError:
            # The router has the last word on it.
            return 0
        return self.total + sum(lines - self.sets.get(name, 0) for name, lines in written.items())


def policy_lines(running: str) -> PolicyLines:
    """Count the lines of a running config; one that cannot be read has none."""
    given = _MAXIMUM.findall(running)
    maximum = int(given[-1]) if given else DEFAULT_MAXIMUM
    try:
        sets = {each.name: _lines(each.body) for each in prefix_sets(running)}
    except ParseError:
        return PolicyLines(0, maximum, {})
    total = sum(match[0].count("\n") + 1 for match in _POLICIES.finditer(running))
    return PolicyLines(total, maximum, sets)


def _lines(body: str) -> int:
    return body.count("\n") + 2

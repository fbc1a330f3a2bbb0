"""Random prefix sets as a registry has them: nested, adjacent, host routes, and none at all."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from typing import Final

SETS: Final = 300
SEED: Final = 20261125
FIRST_ASN: Final = 131_100
"""of the origins: public numbers, which bgpq4 does not pass over"""
_LONGEST: Final = {4: 32, 6: 128}
_USUAL: Final = {4: (8, 24), 6: (20, 48)}


def set_name(number: int) -> str:
    return f"AS-PARITY{number}"


def registry(sets: int = SETS, seed: int = SEED) -> str:
    """An RPSL dump with an as-set of one origin for each random set."""
    random_ = random.Random(seed)
    objects = []
    for number in range(sets):
        origin = f"AS{FIRST_ASN + number}"
        objects.append(f"as-set: {set_name(number)}\nmembers: {origin}\nsource: TEST\n")
        for version, kind in ((4, "route"), (6, "route6")):
            objects += (
                f"{kind}: {prefix}\norigin: {origin}\nsource: TEST\n"
                for prefix in sorted(set(_prefixes(random_, version)))
            )
    return "\n".join(objects)


def _prefixes(random_: random.Random, version: int) -> Iterator[str]:
    """A few families of prefixes around random places; every tenth set has none."""
    if random_.random() < 0.1:
        return
    bits = _LONGEST[version]
    for _ in range(random_.randint(1, 6)):
        low, high = _USUAL[version]
        length = random_.randint(low, high)
        base = (random_.randrange(1 << length)) << (bits - length)
        yield _text(version, base, length)
        for _ in range(random_.randint(0, 8)):
            # Neighbours, more specifics down to hosts, and what covers the first.
            deeper = random_.choice((length, length, length + 1, length + 1, length + 2, bits))
            deeper = min(deeper, bits)
            step = random_.randrange(4) << (bits - deeper)
            yield _text(version, base + step, deeper)
        if random_.random() < 0.3:
            yield _text(version, base, max(length - random_.randint(1, 3), 1))


def _text(version: int, address: int, length: int) -> str:
    bits = _LONGEST[version]
    address = address % (1 << bits) >> (bits - length) << (bits - length)
    network = (ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network)((address, length))
    return str(network)

"""SR Linux configurations, as its JSON-RPC server gives them."""

from __future__ import annotations

import json
from collections.abc import Iterable

NAME = "IRR-AS1-V4"
POLICY = "srl_nokia-routing-policy:routing-policy"


def entry(prefix: str, lengths: str = "exact") -> dict[str, str]:
    return {"ip-prefix": prefix, "mask-length-range": lengths}


def srl(policies: Iterable[object] = (), **top: object) -> str:
    """A configuration with a prefix-set NAME, and what else is given."""
    policy = {"prefix-set": [{"name": NAME, "prefix": [entry("10.0.0.0/8")]}]}
    system = {"srl_nokia-system:system": {"name": {"host-name": "edge1"}}}
    return json.dumps({**system, **top, POLICY: {**policy, "policy": list(policies)}})

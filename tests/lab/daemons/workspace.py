"""A workspace for one real daemon: its neighbour in the inventory, and an IRR server behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.daemons.namespace import NEIGHBOUR, v4, v6
from tests.lab.daemons.under_test import LOCAL_ASN, NEIGHBOUR_ASN
from tests.lab.network import PASSWORD, LabNetwork, irr_server

REGISTERED = (
    "192.0.2.0/24", "10.10.0.0/17", "10.20.0.0/16",
    "2001:db8:1::/48", "2001:db8:4000::/36", "2001:db8:8000::/36",
)  # fmt: skip
"""what the registry has for the neighbour in the beginning"""
LATER = (
    "198.51.100.0/24", "10.10.0.0/17", "10.20.0.0/16",
    "2001:db8:ffff::/48", "2001:db8:4000::/36", "2001:db8:8000::/36",
)  # fmt: skip
"""and after a change: of each family one has come, one has gone"""
MAX_LENGTH = {"ipv4": 24, "ipv6": 48}

NETWORK = """\
asn: AS{asn}
prefixes: [203.0.113.0/24]
irr: {{servers: ["127.0.0.1:{port}"], sources: [LAB], timeout: 30}}
filters:
  special_use: true
  more_specifics: true
  max_length: {{ipv4: 24, ipv6: 48}}
apply: {{settle: 1, revert_in: 60}}
guards: {{min_length: {{ipv4: 8, ipv6: 19}}}}
"""


def registry(prefixes: tuple[str, ...]) -> str:
    """A registry in which the neighbour has these; another network has what it may hijack."""
    objects = [("198.51.100.0/24", 64501), ("2001:db8:ffff::/48", 64501)]
    objects += [(each, NEIGHBOUR_ASN) for each in prefixes]
    return "".join(
        f"{'route6' if ':' in prefix else 'route'}: {prefix}\norigin: AS{asn}\nsource: LAB\n\n"
        for prefix, asn in objects
    )


@contextmanager
def daemon_workspace(
    directory: Path,
    platform: str,
    optional_args: Mapping[str, Any],
    environ: Mapping[str, str],
    username: str = "",
) -> Iterator[LabNetwork]:
    """Yield a workspace of one router, `router`, with the neighbour's two sessions."""
    inventory = directory / "inventory"
    (inventory / "registry").mkdir(parents=True)
    dump = inventory / "registry" / "lab.db"
    network = LabNetwork(directory, dump, environ={**environ, "IRRGATE_PASSWORD": PASSWORD})
    sessions = [{"peer": f"AS{NEIGHBOUR_ASN}", "address": at(NEIGHBOUR)} for at in (v4, v6)]
    host: dict[str, Any] = {
        "hostname": "127.0.0.1",
        "platform": platform,
        "connection_options": {"napalm": {"extras": {"optional_args": dict(optional_args)}}},
        "data": {"sessions": sessions},
    }
    if username:
        host["username"] = username
    # JSON is YAML.
    (inventory / "hosts.yaml").write_text(json.dumps({"router": host}))
    (inventory / "groups.yaml").write_text("{}\n")
    (inventory / "defaults.yaml").write_text("{}\n")
    peers = {f"AS{NEIGHBOUR_ASN}": {"name": "Vecino", "role": "customer"}}
    (inventory / "peers.yaml").write_text(json.dumps(peers))
    (inventory / "network.yaml").write_text(NETWORK.format(asn=LOCAL_ASN, port=1))
    network.load_registry(registry(REGISTERED))
    with irr_server(network) as port:
        (inventory / "network.yaml").write_text(NETWORK.format(asn=LOCAL_ASN, port=port))
        yield network

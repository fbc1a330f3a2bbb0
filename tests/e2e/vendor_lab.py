"""The demo network with routers of one platform in it, and the IRR server behind them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.lab.harness import PROJECT
from tests.lab.network import LabNetwork, lab_network

SESSIONS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "edge1.mex": [
        {"peer": "AS64500", "address": "198.51.100.2"},
        {"peer": "AS64500", "address": "2001:db8:1::2"},
        {"peer": "AS64501", "address": "198.51.100.6"},
    ],
    "edge2.mex": [
        {"peer": "AS64500", "address": "198.51.100.18"},
        {"peer": "AS64503", "address": "2001:db8:1::22"},
    ],
}
"""by router; AS64500-V4 is on both"""


@contextmanager
def vendor_lab(
    directory: Path,
    platform: str,
    environ: Mapping[str, str],
    optional_args: Mapping[str, Any],
    *,
    sessions: Mapping[str, Sequence[Mapping[str, str]]] = SESSIONS,
    **extras: Any,
) -> Iterator[LabNetwork]:
    """Start routers of a platform, each with its sessions, and an IRR server; see lab_network.

    `extras` are of the NAPALM connection, such as `timeout`.
    """
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    yaml = YAML()
    hosts = {
        name: {"hostname": "127.0.0.1", "groups": [platform], "data": {"sessions": [*listed]}}
        for name, listed in sessions.items()
    }
    napalm = {"extras": {**extras, "optional_args": dict(optional_args)}}
    groups = {platform: {"platform": platform, "connection_options": {"napalm": napalm}}}
    yaml.dump(hosts, inventory / "hosts.yaml")
    yaml.dump(groups, inventory / "groups.yaml")
    with lab_network(directory / "network", environ=environ, inventory=inventory) as network:
        yield network

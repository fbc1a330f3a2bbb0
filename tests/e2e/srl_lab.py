"""Emulated SR Linux routers behind irrgate, for the tests of that platform."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.lab.harness import PROJECT

GROUP = """\
srl:
  platform: srl
  connection_options:
    napalm:
      extras:
        timeout: {timeout}
        optional_args:
          ca_file: lab/certificates.pem
"""


def srl_inventory(
    directory: Path, sessions: dict[str, list[tuple[str, str]]], timeout: int
) -> Path:
    """The demo's peers, before routers that all are SR Linux."""
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    (inventory / "groups.yaml").write_text(GROUP.format(timeout=timeout))
    hosts = ""
    for name, wanted in sessions.items():
        hosts += f"{name}:\n  hostname: 127.0.0.1\n  groups: [srl]\n  data:\n    sessions:\n"
        hosts += "".join(f'      - {{peer: {peer}, address: "{at}"}}\n' for peer, at in wanted)
    (inventory / "hosts.yaml").write_text(hosts)
    with (inventory / "network.yaml").open("a") as network:
        network.write("\napply: {settle: 0}\n")
    return inventory

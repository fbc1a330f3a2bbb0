"""A small right workspace, in which a test changes one file."""

from __future__ import annotations

from pathlib import Path

import pytest

from irrgate.errors import WorkspaceError
from irrgate.network import Workspace
from irrgate.workspace import WorkspaceErrors, load_workspace

PLATFORMS = ("eos", "junos")

HOSTS = """\
edge1.mex:
  hostname: 192.0.2.1
  platform: junos
  groups: [edge]
  data:
    site: mex
    sessions:
      - {peer: AS64500, address: 198.51.100.2}
      - {peer: AS64500, address: "2001:db8:ffff::2"}
      - {peer: AS64502, address: 198.51.100.10}
edge2.mex:
  hostname: 192.0.2.2
  platform: eos
"""

GROUPS = """\
edge:
  connection_options:
    napalm:
      password: hunter2
      extras: {optional_args: {port: 8443}}
"""

PEERS = """\
AS64500:
  name: Ejemplo Telecom
  role: customer
  as_sets: [RIPE::AS-EJEMPLO]
  max_prefix: {ipv4: 200, ipv6: 50}
  accept: [192.0.2.0/24]
  filters: {more_specifics: true}
AS64502:
  role: provider
AS64503: {role: rs}
"""

NETWORK = """\
asn: 64496
prefixes: [203.0.113.0/24, "2001:db8::/32"]
irr:
  servers: [rr.example.net, whois.example.net:4343]
  sources: [RPKI, RIPE]
filters:
  special_use: true
"""

FILES = {"hosts": HOSTS, "groups": GROUPS, "peers": PEERS, "network": NETWORK}


def write(directory: Path, **files: str | bytes | None) -> Path:
    """Write the right workspace, with these files (hosts=..., peers=...) in place of its own."""
    inventory = directory / "inventory"
    inventory.mkdir(parents=True, exist_ok=True)
    for name, content in {**FILES, **files}.items():
        path = inventory / f"{name}.yaml"
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return directory


def load(directory: Path, **files: str | bytes | None) -> Workspace:
    return load_workspace(write(directory, **files), known_platforms=PLATFORMS)


def errors(directory: Path, **files: str | bytes | None) -> list[WorkspaceError]:
    """Return the errors of a workspace, which must have some."""
    with pytest.raises(WorkspaceErrors) as caught:
        load(directory, **files)
    assert caught.value.errors
    assert str(caught.value) == "\n".join(map(str, caught.value.errors))
    return list(caught.value.errors)


def only_error(directory: Path, **files: str | bytes | None) -> WorkspaceError:
    found = errors(directory, **files)
    assert len(found) == 1, [str(each) for each in found]
    return found[0]


def changed(text: str, old: str, new: str) -> str:
    """Return `text` with its one `old` replaced."""
    assert text.count(old) == 1, old
    return text.replace(old, new)

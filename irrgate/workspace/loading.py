"""A workspace's files as one checked value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from irrgate.network import FilterPolicy, Network, Peer, Router, Workspace
from irrgate.prefixes import Afi
from irrgate.workspace.complaints import Complaint, workspace_errors
from irrgate.workspace.documents import BrokenFileError, Document, read_document
from irrgate.workspace.neighbours import read_neighbours, read_network
from irrgate.workspace.routers import InventoryReader

HOSTS: Final = "inventory/hosts.yaml"
GROUPS: Final = "inventory/groups.yaml"
DEFAULTS: Final = "inventory/defaults.yaml"
PEERS: Final = "inventory/peers.yaml"
NETWORK: Final = "inventory/network.yaml"

_OPTIONAL: Final = frozenset({GROUPS, DEFAULTS})


def load_workspace(directory: Path, *, known_platforms: Collection[str]) -> Workspace:
    """Read the workspace, or raise WorkspaceErrors with all that is wrong in all of its files.

    `known_platforms` are the NAPALM driver names that irrgate has a platform module for. Secrets
    (user names, passwords, connection extras) are read past: they are in no field and no error.
    """
    complaints: list[Complaint] = []
    documents: dict[str, Document | None] = {}
    broken: set[str] = set()
    if not (directory / "inventory").is_dir():
        raise workspace_errors(
            str(directory),
            [
                Complaint(
                    str(directory),
                    0,
                    "is no workspace: it has no folder inventory/",
                    "irrgate init DIR writes one to start from; -w DIR names it",
                )
            ],
        )
    for file in (HOSTS, GROUPS, DEFAULTS, PEERS, NETWORK):
        try:
            documents[file] = _read(directory, file, complaints)
        except BrokenFileError as exc:
            complaints.append(exc.complaint)
            documents[file] = None
            broken.add(file)
    network = neighbours = None
    routers: Mapping[str, Router] = {}
    if (document := documents[NETWORK]) is not None:
        network = read_network(document, complaints)
    if (document := documents[PEERS]) is not None:
        neighbours = read_neighbours(document, network, complaints)
    if (document := documents[HOSTS]) is not None:
        reader = InventoryReader(
            hosts=document,
            groups=documents[GROUPS],
            defaults=documents[DEFAULTS],
            known_platforms=known_platforms,
            neighbours=neighbours,
            whole=not broken & _OPTIONAL,
            windows=network.windows if network else None,
            complaints=complaints,
        )
        routers = reader.routers()
    if complaints or network is None or neighbours is None:
        raise workspace_errors(str(directory), complaints)
    return Workspace(
        directory=directory,
        network=network,
        peers=neighbours.peers,
        hosts=routers,
        digest=digest(network, neighbours.peers, routers),
    )


def _read(directory: Path, file: str, complaints: list[Complaint]) -> Document | None:
    if file in _OPTIONAL and not (directory / file).exists():
        return None
    document = read_document(directory, file, complaints)
    if document is None and file not in _OPTIONAL:
        complaints.append(
            Complaint(file, 0, "the file is empty", "write {} where nothing is meant")
        )
    return document


def digest(network: Network, peers: Mapping[Any, Peer], hosts: Mapping[str, Router]) -> str:
    """Return the SHA-256 of what they mean: the same on every machine, whatever the order."""
    meaning = {
        "irrgate workspace": 1,
        "network": _network_meaning(network),
        "peers": {str(peer.asn): _peer_meaning(peer) for peer in peers.values()},
        "hosts": {
            host.name: {
                "platform": host.platform,
                "hostname": host.hostname,
                "sessions": [[str(each.peer), each.address] for each in host.sessions],
            }
            for host in hosts.values()
        },
    }
    canonical = json.dumps(meaning, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _network_meaning(network: Network) -> dict[str, Any]:
    irr, guards = network.irr, network.guards
    return {
        "asn": str(network.asn),
        "prefixes": [str(each) for each in network.prefixes],
        "servers": [f"{server.host}:{server.port}" for server in irr.servers],
        "sources": [str(source) for source in irr.sources],
        "timeout": irr.timeout,
        "workers": irr.workers,
        "filters": _policy_meaning(network.filters),
        "max_shrink": guards.max_shrink,
        "max_growth": guards.max_growth,
        "max_prefixes": [guards.max_prefixes[afi] for afi in Afi],
        "max_age": int(guards.max_age.total_seconds()),
        "max_plan_age": int(guards.max_plan_age.total_seconds()),
        "min_length": [guards.min_length[afi] for afi in Afi],
    }


def _peer_meaning(peer: Peer) -> dict[str, Any]:
    return {
        "name": peer.name,
        "role": str(peer.role),
        "as_sets": [sorted(map(str, peer.as_sets[afi])) for afi in Afi],
        "max_prefix": [peer.max_prefix[afi] for afi in Afi],
        "accept": [str(each) for each in peer.accept],
        "reject": [str(each) for each in peer.reject],
        "filters": _policy_meaning(peer.policy),
    }


def _policy_meaning(policy: FilterPolicy) -> dict[str, Any]:
    return {
        "name": policy.names.template,
        "max_length": [policy.max_length[afi] for afi in Afi],
        "more_specifics": policy.more_specifics,
        "special_use": policy.special_use,
    }

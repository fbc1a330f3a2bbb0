"""The plan: what would be changed where, whole enough to be reviewed and then committed as it is.

A zip that `unzip -p` can read:

    plan.json                 this module's `Plan`
    plan.sha256               the SHA-256 of every other member, as `sha256sum -c` reads it
    filters/<digest>.json     each distinct filter once, however many routers share it
    hosts/<name>/candidate    the exact text that is loaded on the router
    hosts/<name>/diff         the router's own diff of it, from the dry run
    hosts/<name>/delta.json   the prefixes that each filter gains and loses

plan.json holds the SHA-256 of each router's members and the digest of each filter's prefixes, so
that its own SHA-256 stands for the whole plan. One that was truncated or edited is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

SCHEMA: Final = 1
"""The version of the plan file; a plan of another version is refused."""


def _host_name(name: str) -> str:
    """Return the name if it can be a folder in the plan, or raise ValueError."""
    if name.startswith((".", "-")) or ".." in name or "/" in name or "\\" in name:
        raise ValueError(f"{name!a} cannot be the name of a folder")
    if not name.isprintable():
        raise ValueError(f"{name!a} holds a character that cannot be printed")
    return name


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
HostName = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(_host_name)
]
FilterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,254}$")]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PeerStatus(StrEnum):
    """What became of a peer's filter of one family before any router was looked at."""

    READY = "ready"
    EMPTY = "empty"
    """the IRR knows the object and has nothing for it: a deny-all, if a guard lets it pass"""
    UNKNOWN = "unknown"
    FAILED = "failed"
    HELD = "held"
    """a guard said no"""

    @property
    def is_problem(self) -> bool:
        """True when the old filter stays because of it."""
        return self in {PeerStatus.UNKNOWN, PeerStatus.FAILED, PeerStatus.HELD}


class FilterStatus(StrEnum):
    """What would happen to one filter on one router."""

    UNCHANGED = "unchanged"
    CHANGE = "change"
    NEW = "new"
    HELD = "held"

    @property
    def is_written(self) -> bool:
        """True when the candidate holds the filter."""
        return self in {FilterStatus.CHANGE, FilterStatus.NEW}


class HostStatus(StrEnum):
    """What would happen to a router."""

    UNCHANGED = "unchanged"
    CHANGE = "change"
    HELD = "held"
    """nothing to change but what is held"""
    FAILED = "failed"
    OFFLINE = "offline"
    """the router was not asked, on request"""


class QueryRecord(_Model):
    """One expansion, as the plan shows it."""

    object: str
    sources: str
    server: str | None
    verdict: Literal["whole", "empty", "unknown", "failed"]
    prefixes: int
    seconds: float
    failed_servers: tuple[str, ...] = ()
    """`server: reason` of those asked in vain before"""


class PeerFilterRecord(_Model):
    """A peer's filter of one family: where it comes from and what was made of it."""

    name: FilterName
    status: PeerStatus
    reason: str = ""
    digest: Digest | None = None
    """of the filter's prefixes; its member is filters/<digest>.json"""
    registered: int = 0
    entries: int = 0
    addresses: int = 0
    dropped: dict[str, int] = {}
    accepted: tuple[str, ...] = ()
    queries: tuple[QueryRecord, ...] = ()


class PeerRecord(_Model):
    """A neighbour in the plan."""

    name: str
    role: str
    filters: dict[Literal["ipv4", "ipv6"], PeerFilterRecord] = {}
    note: str = ""
    """why there is no filter, for a provider or a route server"""


class HostFilterRecord(_Model):
    """One filter on one router."""

    peer: str
    afi: Literal["ipv4", "ipv6"]
    status: FilterStatus
    reason: str = ""
    digest: Digest | None = None
    """of the intended prefixes; None when there is no intended filter"""
    added: int = 0
    """prefixes and ranges that the router would accept anew"""
    removed: int = 0


class HostRecord(_Model):
    """A router in the plan."""

    platform: str
    status: HostStatus
    reason: str = ""
    filters: dict[FilterName, HostFilterRecord] = {}
    strangers: tuple[str, ...] = ()
    """filters with irrgate's prefix on the router that the inventory does not have: left alone"""
    candidate: Digest | None = None
    diff: Digest | None = None
    delta: Digest | None = None
    reviewed: Digest | None = None
    """of the diff's text with trailing white space gone; what apply compares the router's with"""


class Plan(_Model):
    """plan.json; see the module."""

    schema_version: Literal[1] = Field(alias="schema")
    irrgate: str
    created: str
    """when, ISO 8601 with the zone"""
    workspace: Digest
    limit: tuple[str, ...] = ()
    peers: dict[str, PeerRecord]
    hosts: dict[HostName, HostRecord]
    filters: tuple[Digest, ...] = ()
    summary: dict[str, int]

    @property
    def has_changes(self) -> bool:
        """True when a router would be changed."""
        return any(host.status is HostStatus.CHANGE for host in self.hosts.values())

    @property
    def has_problems(self) -> bool:
        """True when something was held back or failed."""
        return any(
            host.status in {HostStatus.HELD, HostStatus.FAILED}
            or any(each.status is FilterStatus.HELD for each in host.filters.values())
            for host in self.hosts.values()
        ) or any(
            each.status.is_problem for peer in self.peers.values() for each in peer.filters.values()
        )

    def members(self) -> dict[str, Digest | None]:
        """Return the members of the file beside plan.json and plan.sha256, with their SHA-256.

        A filter's is None: its name is the digest of its prefixes.
        """
        members: dict[str, Digest | None] = {f"filters/{d}.json": None for d in self.filters}
        for host, record in self.hosts.items():
            digests = (record.candidate, record.diff, record.delta)
            for kind, digest in zip(("candidate", "diff", "delta.json"), digests, strict=True):
                if digest is not None:
                    members[f"hosts/{host}/{kind}"] = digest
        return members


def summarise(peers: Mapping[str, PeerRecord], hosts: Mapping[str, HostRecord]) -> dict[str, int]:
    """Return the counts that a plan is summed up by: hosts by status, filters by status."""
    counts = {f"hosts_{status}": 0 for status in HostStatus}
    counts |= {f"filters_{status}": 0 for status in FilterStatus}
    counts["peers"] = len(peers)
    for host in hosts.values():
        counts[f"hosts_{host.status}"] += 1
        for each in host.filters.values():
            counts[f"filters_{each.status}"] += 1
    return dict(sorted(counts.items()))


class FilterMember(_Model):
    """filters/<digest>.json."""

    afi: Literal["ipv4", "ipv6"]
    entries: tuple[str, ...]


class DeltaRecord(_Model):
    """What one filter on one router gains and loses, as entries."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


DeltaMember = dict[str, DeltaRecord]
"""hosts/<name>/delta.json: by the filter's name."""

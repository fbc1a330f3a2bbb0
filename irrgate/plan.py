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
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from irrgate.guards import CLOCK_SKEW, Guard

SCHEMA: Final = 2
"""The version of the plan file; a plan of another version is refused."""


def _host_name(name: str) -> str:
    """Return the name if it can be a folder in the plan, or raise ValueError."""
    if name.startswith((".", "-")) or ".." in name or "/" in name or "\\" in name:
        raise ValueError(f"{name!a} cannot be the name of a folder")
    if not name.isprintable():
        raise ValueError(f"{name!a} holds a character that cannot be printed")
    return name


def _line(text: str) -> str:
    """Return the text if a terminal only prints it, or raise ValueError."""
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _moment(text: str) -> str:
    """Return the text if it is a time with its zone, or raise ValueError."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("is a time without its zone")
    return text


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
HostName = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(_host_name)
]
Line = Annotated[str, AfterValidator(_line)]
"""text on one line; whatever stands in a plan comes to a terminal"""
Moment = Annotated[
    str, StringConstraints(max_length=40), AfterValidator(_line), AfterValidator(_moment)
]
"""ISO 8601 with the zone"""
PeerName = Annotated[str, StringConstraints(pattern=r"^AS(0|[1-9][0-9]{0,9})$")]
AfiName = Literal["ipv4", "ipv6"]
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
    STALE = "stale"
    """the IRR gave no filter: the last one that served stands in for it"""
    TOO_OLD = "too_old"
    """the IRR gave no filter, and the last one that served is older than max_age: held"""

    @property
    def is_problem(self) -> bool:
        """True when an old filter stays because of it."""
        return self not in {PeerStatus.READY, PeerStatus.EMPTY}


class FilterStatus(StrEnum):
    """What would happen to one filter on one router."""

    UNCHANGED = "unchanged"
    CHANGE = "change"
    NEW = "new"
    HELD = "held"
    REMOVE = "remove"
    """no session here needs it any more, and nothing on the router refers to it"""
    REFERRED = "still referred to"
    """no session here needs it any more, but something on the router refers to it: it stays"""

    @property
    def is_written(self) -> bool:
        """True when the candidate holds the filter."""
        return self in {FilterStatus.CHANGE, FilterStatus.NEW}

    @property
    def counted(self) -> str:
        """The name under which a plan's summary counts it."""
        return f"filters_{self.name.lower()}"

    @property
    def is_change(self) -> bool:
        """True when the candidate does something to the filter, be it its removal."""
        return self.is_written or self is FilterStatus.REMOVE


class HostStatus(StrEnum):
    """What would happen to a router."""

    UNCHANGED = "unchanged"
    CHANGE = "change"
    HELD = "held"
    """nothing to change but what is held"""
    FAILED = "failed"
    OFFLINE = "offline"
    """the router was not asked, on request"""


class Purpose(StrEnum):
    """What a plan was made for."""

    PLAN = "plan"
    REFRESH = "refresh"
    ROLLBACK = "rollback"


class QueryRecord(_Model):
    """One expansion, as the plan shows it."""

    object: Line
    sources: Line
    server: Line | None
    verdict: Literal["whole", "empty", "unknown", "failed"]
    prefixes: int
    seconds: float
    failed_servers: tuple[Line, ...] = ()
    """`server: reason` of those asked in vain before"""


class ReadingRecord(_Model):
    """One guard's judgement: what it measured, against which limit."""

    guard: Guard
    figure: Line
    limit: Line
    passed: bool


class StaleRecord(_Model):
    """The last filter that served, where it stands in for one that the IRR did not give."""

    digest: Digest
    since: Moment
    """when the IRR gave it"""
    age_seconds: int


class AcceptedRecord(_Model):
    """By whose word a filter passes that the guards would hold."""

    acceptance: int
    who: Line
    reason: Line


class PeerFilterRecord(_Model):
    """A peer's filter of one family: where it comes from and what was made of it."""

    name: FilterName
    status: PeerStatus
    reason: Line = ""
    digest: Digest | None = None
    """of the filter's prefixes; its member is filters/<digest>.json. Of an unknown set: of what
    would be left of the filter, were the set taken for an empty one"""
    registered: int = 0
    entries: int = 0
    addresses: int = 0
    dropped: dict[Line, int] = {}
    accepted: tuple[Line, ...] = ()
    queries: tuple[QueryRecord, ...] = ()
    guards: tuple[ReadingRecord, ...] = ()
    """those that need no router; the others stand with each router"""
    stale: StaleRecord | None = None
    accepted_by: AcceptedRecord | None = None


class PeerRecord(_Model):
    """A neighbour in the plan."""

    name: Line
    role: Line
    filters: dict[AfiName, PeerFilterRecord] = {}
    note: Line = ""
    """why there is no filter, for a provider or a route server"""


class HostFilterRecord(_Model):
    """One filter on one router."""

    peer: PeerName
    afi: AfiName
    status: FilterStatus
    reason: Line = ""
    digest: Digest | None = None
    """of the intended prefixes; None when there is no intended filter"""
    running: Digest | None = None
    """of the prefixes that the router holds now; None when it has no such list"""
    added: int = 0
    """prefixes and ranges that the router would accept anew"""
    removed: int = 0
    guards: tuple[ReadingRecord, ...] = ()
    """those that compare with what the router holds, or with the last filter that served"""
    acceptance: int | None = None
    """the acceptance by which it passes here, where a guard would hold it"""
    references: tuple[Line, ...] = ()
    """what on the router still refers to a filter that no session here needs"""


class CapabilitiesRecord(_Model):
    """What can be promised on a router."""

    strategy: Line
    """how a filter is brought to its new content"""
    atomic: bool
    """all filters of a candidate change at once, or none of them"""
    commit_confirm: bool
    """the router takes back by itself what nobody confirms"""
    way_back: Line
    """how a commit that went wrong is undone, in words"""


class HostRecord(_Model):
    """A router in the plan."""

    platform: Line
    status: HostStatus
    reason: Line = ""
    capabilities: CapabilitiesRecord | None = None
    filters: dict[FilterName, HostFilterRecord] = {}
    strangers: tuple[Line, ...] = ()
    """filters with irrgate's prefix on the router that the inventory does not have: left alone"""
    candidate: Digest | None = None
    diff: Digest | None = None
    delta: Digest | None = None
    reviewed: Digest | None = None
    """of the diff's text with trailing white space gone; what apply compares the router's with"""


class Inputs(_Model):
    """What the plan was made from: with the same, and the same IRR and routers, it is the same."""

    irrgate: Line
    """irrgate's version"""
    workspace: Digest
    templates: dict[Line, Digest] = {}
    """the SHA-256 of each template that could be used, by platform"""


class Plan(_Model):
    """plan.json; see the module."""

    schema_version: Literal[2] = Field(alias="schema")
    created: Moment
    expires: Moment
    """after this time it is not applied any more"""
    purpose: Purpose
    rollback_of: int | None = None
    """the deployment that it takes back"""
    reason: Line = ""
    """why it was made, where somebody said so"""
    inputs: Inputs
    limit: tuple[Line, ...] = ()
    peers: dict[PeerName, PeerRecord]
    hosts: dict[HostName, HostRecord]
    filters: tuple[Digest, ...] = ()
    summary: dict[str, int]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.summary != summarise(self.peers, self.hosts):
            raise ValueError("the summary is not that of the plan")
        if (self.rollback_of is not None) != (self.purpose is Purpose.ROLLBACK):
            raise ValueError("a deployment is named by a rollback, and by nothing else")
        return self

    def has_expired(self, now: datetime) -> bool:
        """Tell whether the plan is too old to be applied at `now`, which has a zone."""
        return now > datetime.fromisoformat(self.expires)

    def is_of_the_future(self, now: datetime) -> bool:
        """Tell whether the plan was made after `now`: one of two clocks is wrong, or jumped back.

        Then its age cannot be told, and it is not applied either.
        """
        return now < datetime.fromisoformat(self.created) - CLOCK_SKEW

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
    counts |= {status.counted: 0 for status in FilterStatus}
    counts["peers"] = len(peers)
    for host in hosts.values():
        counts[f"hosts_{host.status}"] += 1
        for each in host.filters.values():
            counts[each.status.counted] += 1
    return dict(sorted(counts.items()))


class FilterMember(_Model):
    """filters/<digest>.json."""

    afi: AfiName
    entries: tuple[str, ...]


class DeltaRecord(_Model):
    """What one filter on one router gains and loses, as entries."""

    added: tuple[Line, ...]
    removed: tuple[Line, ...]


DeltaMember = dict[FilterName, DeltaRecord]
"""hosts/<name>/delta.json: by the filter's name."""

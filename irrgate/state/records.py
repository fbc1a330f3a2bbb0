"""What the state holds, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from pydantic import JsonValue

from irrgate.prefixes import Afi
from irrgate.rpsl import Asn

DONE: Final = "done"
"""the outcome of a host, and the result of a deployment, that is as it was intended"""

GoodBy = Literal["committed", "accepted", "found"]
DeploymentKind = Literal["apply", "refresh", "rollback"]
Filters = Mapping[str, str | None]
"""filter name → digest of its prefix set; None: the router has no such filter"""


@dataclass(frozen=True, slots=True)
class GoodFilter:
    """The last filter of a name that was committed, accepted, or found right on a router."""

    name: str
    peer: Asn
    afi: Afi
    digest: str
    """of its prefix set"""
    entries: int
    objects: str
    """what was expanded, as text"""
    sources: str
    server: str | None
    expanded_at: datetime
    """when the IRR last said so; it never moves back for one content"""
    why: GoodBy


@dataclass(frozen=True, slots=True)
class HeldFilter:
    """A filter that the last plan held, and the guards that held it."""

    name: str
    peer: Asn
    afi: Afi
    digest: str | None
    """of the candidate; None: there is none, so nothing can be accepted"""
    entries: int
    guards: tuple[str, ...]
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A person's word that one filter may become this very content, once."""

    id: int
    name: str
    digest: str
    who: str
    reason: str
    at: datetime
    used_by: int | None
    """the deployment that used it up"""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A step on a router, written down before it was taken."""

    step: str
    at: datetime
    detail: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeploymentHost:
    """A router in a deployment: named at its beginning, and maybe begun and ended since."""

    deployment: int
    host: str
    platform: str = ""
    """empty until it is begun"""
    before: Filters = field(default_factory=dict)
    after: Filters = field(default_factory=dict)
    began_at: datetime | None = None
    outcome: str | None = None
    """None until it is ended"""
    reason: str = ""
    ended_at: datetime | None = None
    journal: tuple[JournalEntry, ...] = ()

    @property
    def is_unfinished(self) -> bool:
        """True when the router was begun and not ended: nobody knows what it holds."""
        return self.began_at is not None and self.outcome is None


@dataclass(frozen=True, slots=True)
class Left:
    """A filter as irrgate last left it on a router."""

    deployment: int
    digest: str | None
    """None: it was removed"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """Who changed which routers, when and why, and what came of it."""

    id: int
    kind: DeploymentKind
    who: str
    reason: str
    plan: str
    """the plan's digest"""
    began_at: datetime
    outside_window: str
    """the reason for which it may run outside of the change windows; empty: it was inside"""
    result: str | None
    """None until it is ended"""
    ended_at: datetime | None
    hosts: tuple[DeploymentHost, ...]
    """in the order in which they were named"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the state holds, in figures."""

    where: str
    schema: int
    good_filters: int
    held_filters: int
    prefix_sets: int
    deployments: int

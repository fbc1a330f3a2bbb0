"""The inventory as types: our network, its neighbours, its routers, and what is allowed between.

Everything here was parsed and checked by `irrgate.workspace`; nothing of it holds a secret. The
neighbour's role is RFC 9234's, as seen from us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import Final, Generic, Self, TypeVar

from irrgate.errors import IrrServerError, RpslError, WorkspaceError
from irrgate.prefixes import Afi, PrefixRange
from irrgate.rpsl import MAX_ASN, Asn, RpslObject, SourceName, parse_asn
from irrgate.windows import ChangeWindows

T = TypeVar("T")

MAX_SOURCES_LENGTH: Final = 240
"""characters of the comma-joined sources; bgpq4 hangs when `-S` is longer than about 250."""

MAX_FILTER_NAME_LENGTH: Final = 63
"""characters; the least of what the platforms take for the name of a prefix list."""

MIN_FILTER_HEAD_LENGTH: Final = 3
"""characters of a filter's name before the first placeholder: they mark what irrgate manages."""

WHOIS_PORT: Final = 43


@dataclass(frozen=True, slots=True)
class PerAfi(Generic[T]):
    """One value for each address family."""

    ipv4: T
    ipv6: T

    def __getitem__(self, afi: Afi) -> T:
        return self.ipv4 if afi is Afi.IPV4 else self.ipv6


class Role(StrEnum):
    """What a neighbour is to us (RFC 9234); the value is what people write."""

    CUSTOMER = "customer"
    PEER = "peer"
    PROVIDER = "provider"
    RS = "rs"
    RS_CLIENT = "rs-client"

    @property
    def has_filter(self) -> bool:
        """True where the IRR can say what the neighbour announces.

        Nobody can list what a provider or a route server carries.
        """
        return self not in {Role.PROVIDER, Role.RS}


_PLACEHOLDERS: Final = ("{peer}", "{afi}")
_NAME_LITERAL: Final = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class FilterNames:
    """How filters are named: a template such as `IRR-{peer}-{afi}`; made by `parse`."""

    template: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the template, or raise WorkspaceError with the reason.

        Each of {peer} and {afi} stands in it once; the rest is [A-Za-z0-9_-] and begins with a
        letter; at least 3 characters come before the first placeholder; the longest name that
        it gives has 63 characters. So names differ, and none is an option or a line to a router.
        """
        subject = ascii(text)
        literal = text
        for placeholder in _PLACEHOLDERS:
            if text.count(placeholder) != 1:
                raise WorkspaceError(
                    subject, f"{placeholder} must stand in it once", hint='as in "IRR-{peer}-{afi}"'
                )
            literal = literal.replace(placeholder, "")
        if not _NAME_LITERAL.fullmatch(literal):
            raise WorkspaceError(
                subject, "only letters, digits, - and _ may stand beside {peer} and {afi}"
            )
        names = cls(text)
        if len(names.managed_prefix) < MIN_FILTER_HEAD_LENGTH or not text[0].isalpha():
            raise WorkspaceError(
                subject,
                f"it must begin with a letter and at least {MIN_FILTER_HEAD_LENGTH} characters "
                "before the first placeholder, by which irrgate knows its own filters",
            )
        longest = len(names.of(Asn(MAX_ASN), Afi.IPV6))
        if longest > MAX_FILTER_NAME_LENGTH:
            raise WorkspaceError(
                subject,
                f"it gives names of up to {longest} characters, at most "
                f"{MAX_FILTER_NAME_LENGTH} are allowed",
            )
        return names

    @property
    def managed_prefix(self) -> str:
        """What every filter that irrgate manages begins with, and no other may."""
        return self.template.partition("{")[0]

    def of(self, peer: Asn, afi: Afi) -> str:
        """Return the name of the peer's filter, such as IRR-AS64500-V4."""
        return self.template.replace("{peer}", str(peer)).replace("{afi}", afi.tag)

    def parse_name(self, name: str) -> tuple[Asn, Afi] | None:
        """Return the peer and the family whose filter has exactly this name, or None."""
        tags = "|".join(afi.tag for afi in Afi)
        pattern = self.template.replace("{peer}", "(?P<peer>AS[0-9]{1,10})")
        match = re.fullmatch(pattern.replace("{afi}", f"(?P<afi>{tags})"), name, re.ASCII)
        if match is None:
            return None
        [afi] = [each for each in Afi if each.tag == match["afi"]]
        try:
            peer = parse_asn(match["peer"])
        except RpslError:
            return None
        return peer, afi


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """What a filter accepts of what the IRR says."""

    names: FilterNames
    max_length: PerAfi[int]
    """the longest prefix accepted: 8 to 32, and 16 to 128"""
    more_specifics: bool
    """a registered prefix covers its more specifics up to `max_length`"""
    special_use: bool
    """documentation and private resources are allowed: for labs"""

    def filter_name(self, peer: Asn, afi: Afi) -> str:
        """Return the name of the peer's filter, such as IRR-AS64500-V4."""
        return self.names.of(peer, afi)

    @property
    def managed_prefix(self) -> str:
        """What every filter that irrgate manages begins with."""
        return self.names.managed_prefix


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """How far a filter may move in one step without a person's word."""

    max_shrink: float
    """0 to 1: the part of its address space that a filter may lose"""
    max_growth: float
    """above 0: how many times its address space a filter may grow to"""
    max_prefixes: PerAfi[int]
    max_age: timedelta
    """how long a last-known-good filter may stand in for a failing expansion"""
    max_plan_age: timedelta = timedelta(hours=24)
    """how long after it was made a plan may be applied"""
    min_length: PerAfi[int] = PerAfi(8, 19)
    """a filter with a shorter prefix is held; 0 to 32, and 0 to 128"""


_HOST_LABEL: Final = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME: Final = re.compile(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*\.?")
_PORT: Final = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True, order=True)
class IrrServer:
    """An IRR server, as bgpq4's `-h` takes it; made by `parse`."""

    host: str
    port: int = WHOIS_PORT

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the server that `host` or `host:port` names, or raise IrrServerError."""
        subject = ascii(text)
        host, port = _split_port(text)
        if _is_ipv6(host):
            raise IrrServerError(
                subject,
                "bgpq4 cannot be given an IPv6 address as its server",
                hint="write a host name that resolves to it (one in /etc/hosts will do)",
            )
        if not _HOST_NAME.fullmatch(host) or len(host) > 253:
            raise IrrServerError(
                subject, "not a server: a host name or IPv4 address is expected, maybe with :PORT"
            )
        if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
            raise IrrServerError(subject, "a port is a number from 1 to 65535")
        return cls(host.lower(), int(port))

    def __str__(self) -> str:
        return self.host if self.port == WHOIS_PORT else f"{self.host}:{self.port}"


def _split_port(text: str) -> tuple[str, str]:
    default = str(WHOIS_PORT)
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return (host if _is_ipv6(host) else text), rest.removeprefix(":") or default
    if text.count(":") > 1:
        return text, default
    host, colon, port = text.partition(":")
    return host, port if colon else default


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class IrrSettings:
    """Which registries are asked, and how patiently."""

    servers: tuple[IrrServer, ...]
    """in order; the next one is asked when one fails"""
    sources: tuple[SourceName, ...]
    """in order of preference, none twice"""
    timeout: int
    """seconds for one expansion, 1 to 3600"""
    workers: int
    """expansions at once, 1 to 64"""


@dataclass(frozen=True, slots=True)
class ApplySettings:
    """In which order routers are committed, and what a commit must show to be confirmed."""

    canary: int = 0
    """routers committed first, alone; 0: none"""
    batch: int | None = None
    """routers in one batch after that, at least 1; None: all"""
    max_failures: int | None = None
    """failed routers after which no further batch begins; None: no budget"""
    revert_in: int = 300
    """seconds after which a router takes an unconfirmed commit back, 60 to 3600"""
    bgp_check: bool = True
    max_accepted_loss: float = 0.5
    """0 to 1: the part of its accepted prefixes that a session may lose by a commit"""
    settle: int = 5
    """seconds between the commit and the BGP check, 0 to 300"""


@dataclass(frozen=True, slots=True)
class StateSettings:
    """Where the state lies, and for how long history is kept."""

    url: str | None = None
    """without a password; None: SQLite in .irrgate/state.db"""
    keep: timedelta = timedelta(days=365)
    """history older than this is pruned"""


class NotifyEvent(StrEnum):
    """What people are told of; the value is what they write."""

    HELD = "held"
    FAILED = "failed"
    STALE = "stale"
    CHANGED = "changed"


DEFAULT_NOTIFY: Final = frozenset({NotifyEvent.HELD, NotifyEvent.FAILED, NotifyEvent.STALE})


@dataclass(frozen=True, slots=True)
class Network:
    """Ourselves: inventory/network.yaml."""

    asn: Asn
    prefixes: tuple[PrefixRange, ...]
    """ours, single prefixes in order; they and their more specifics are accepted from nobody"""
    irr: IrrSettings
    filters: FilterPolicy
    guards: GuardLimits
    apply: ApplySettings = ApplySettings()
    state: StateSettings = StateSettings()
    notify: frozenset[NotifyEvent] = DEFAULT_NOTIFY
    metrics: Path | None = None
    """the file of node_exporter's textfile collector; None: none is written"""
    windows: ChangeWindows | None = None
    """those of routers without their own; None: always open"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A neighbour: one entry of inventory/peers.yaml."""

    asn: Asn
    name: str
    role: Role
    as_sets: PerAfi[tuple[RpslObject, ...]]
    """what is expanded, as written; empty for a family without a filter"""
    max_prefix: PerAfi[int | None]
    accept: tuple[PrefixRange, ...]
    reject: tuple[PrefixRange, ...]
    policy: FilterPolicy
    """the network's, with this peer's own keys over it"""

    @property
    def has_filter(self) -> bool:
        """True when at least one family of the peer gets a filter from the IRR."""
        return self.role.has_filter

    def has_filter_for(self, afi: Afi) -> bool:
        """Tell whether the peer gets a filter for the family."""
        return bool(self.objects(afi))

    def objects(self, afi: Afi) -> tuple[RpslObject, ...]:
        """Return what is expanded into the peer's filter of the family; empty: no filter."""
        return self.as_sets[afi]


@dataclass(frozen=True, slots=True, order=True)
class Session:
    """A BGP session of a router."""

    peer: Asn
    afi: Afi
    address: str
    """the neighbour's; IPv6 in RFC 5952's form"""
    has_filter: bool
    """False for a session with a provider or a route server"""


@dataclass(frozen=True, slots=True)
class Router:
    """A host of the inventory, with what it inherits from its groups as Nornir has it."""

    name: str
    platform: str
    """the NAPALM driver's name"""
    hostname: str
    groups: tuple[str, ...]
    """its own and theirs, in Nornir's order of inheritance"""
    sessions: tuple[Session, ...]
    """sorted"""
    windows: ChangeWindows | None = None
    """the effective ones: the host's own or inherited, else the network's; None: always open"""
    commit_confirm: bool = True
    """False for a router whose commit timer must not be used"""

    def filters(self) -> tuple[tuple[Asn, Afi], ...]:
        """Return the filters that the router holds, sorted; sessions of a peer share one."""
        return tuple(sorted({(s.peer, s.afi) for s in self.sessions if s.has_filter}))


@dataclass(frozen=True, slots=True)
class Workspace:
    """All that a person wrote, checked as a whole; made by `irrgate.workspace.load_workspace`."""

    directory: Path
    network: Network
    peers: Mapping[Asn, Peer]
    """by ASN, in order"""
    hosts: Mapping[str, Router]
    """by name, in order"""
    digest: str
    """SHA-256 of what the workspace means; comments, order and secrets do not change it"""

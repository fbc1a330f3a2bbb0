"""The plan's records out of what the domain decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Literal

from irrgate import __version__
from irrgate.changes import FilterChange, RouterChanges
from irrgate.errors import RenderError
from irrgate.filters import Filter, NoFilter, Provenance
from irrgate.guards import Reading
from irrgate.irr.expander import Empty, Failed, Unknown, Whole
from irrgate.network import Router, Workspace
from irrgate.plan import (
    AcceptedRecord,
    AfiName,
    CapabilitiesRecord,
    DeltaMember,
    DeltaRecord,
    FilterStatus,
    HostFilterRecord,
    HostRecord,
    HostStatus,
    Inputs,
    PeerFilterRecord,
    PeerRecord,
    PeerStatus,
    QueryRecord,
    ReadingRecord,
    StaleRecord,
)
from irrgate.platforms import find_platform
from irrgate.prefixes import Afi, PrefixSet, format_entry
from irrgate.printable import printable
from irrgate.render import Renderer
from irrgate.rpsl import Asn
from irrgate.standins import Considered, stale_words

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import Acceptance

_AFI_NAMES: Mapping[Afi, AfiName] = {Afi.IPV4: "ipv4", Afi.IPV6: "ipv6"}
_NO_FILTER: Final = "a {} carries what nobody can list: no filter"
_VERDICTS: Mapping[type, Literal["whole", "empty", "unknown", "failed"]] = {
    Whole: "whole",
    Empty: "empty",
    Unknown: "unknown",
    Failed: "failed",
}


def inputs_of(workspace: Workspace) -> Inputs:
    """Return the digests of what a plan is made from."""
    platforms = sorted({host.platform for host in workspace.hosts.values()})
    renderer = Renderer.of(workspace)
    templates = {}
    for platform in platforms:
        # What cannot be read fails where it is rendered, for the routers that need it.
        with suppress(RenderError):
            templates[platform] = renderer.digest(platform)
    return Inputs(irrgate=__version__, workspace=workspace.digest, templates=templates)


def peer_records(
    workspace: Workspace,
    hosts: Iterable[str],
    made: Mapping[tuple[Asn, Afi], Considered],
) -> dict[str, PeerRecord]:
    """Return the records of all peers that have a session on one of `hosts`, by ASN.

    Peers that `made` has filters of are among them, be they in the inventory or not any more.
    """
    seen = {
        session.peer
        for name in hosts
        if name in workspace.hosts
        for session in workspace.hosts[name].sessions
    }
    records = {}
    for asn in sorted(seen | {asn for asn, _ in made}):
        peer = workspace.peers.get(asn)
        note = "" if peer is None or peer.has_filter else _NO_FILTER.format(peer.role)
        records[str(asn)] = PeerRecord(
            name=peer.name if peer else "",
            role=str(peer.role) if peer else "",
            note=note,
            filters={
                _AFI_NAMES[afi]: _peer_filter(made[asn, afi]) for afi in Afi if (asn, afi) in made
            },
        )
    return records


def _peer_filter(known: Considered) -> PeerFilterRecord:
    intent = known.intent
    queries = tuple(_query(each) for each in intent.sources)
    guards = readings_of(known.readings)
    if isinstance(intent, NoFilter):
        unknown = isinstance(intent.verdict, Unknown)
        status = PeerStatus.UNKNOWN if unknown else PeerStatus.FAILED
        return PeerFilterRecord(
            name=intent.name,
            status=PeerStatus.TOO_OLD if known.is_too_old else status,
            reason=printable(intent.reason),
            digest=intent.would_be.prefixes.digest if intent.would_be else None,
            queries=queries,
            guards=guards,
            stale=_stale(known),
        )
    status, reason = _status(known, intent)
    return PeerFilterRecord(
        name=intent.name,
        status=status,
        reason=printable(reason),
        digest=intent.prefixes.digest,
        registered=intent.registered,
        entries=intent.prefixes.entry_count,
        addresses=intent.prefixes.address_count,
        dropped={str(reason): count for reason, count in sorted(intent.dropped.items())},
        accepted=tuple(map(str, intent.accepted)),
        queries=queries,
        guards=guards,
        stale=_stale(known),
        accepted_by=_accepted(known.acceptance),
    )


def _status(known: Considered, intent: Filter) -> tuple[PeerStatus, str]:
    if known.held_by:
        return PeerStatus.HELD, "; ".join(map(str, known.held_by))
    if intent.stale:
        return PeerStatus.STALE, stale_words(intent.stale)
    status = PeerStatus.READY if intent.prefixes else PeerStatus.EMPTY
    word = known.acceptance
    return status, f"accepted by {word.who}: {word.reason}" if word else ""


def _query(each: Provenance) -> QueryRecord:
    return QueryRecord(
        object=str(each.query.object),
        sources=",".join(map(str, each.query.sources)),
        server=str(each.server) if each.server else None,
        verdict=_VERDICTS[each.verdict],
        prefixes=each.count,
        seconds=round(each.seconds, 3),
        failed_servers=tuple(printable(f"{a.server}: {a.reason}") for a in each.attempts),
    )


def readings_of(readings: Iterable[Reading]) -> tuple[ReadingRecord, ...]:
    """Return the guards' judgements as the plan shows them."""
    return tuple(
        ReadingRecord(
            guard=each.guard,
            figure=printable(each.figure),
            limit=printable(each.limit),
            passed=each.passed,
        )
        for each in readings
    )


def _stale(known: Considered) -> StaleRecord | None:
    if known.age is None or known.good is None:
        return None
    return StaleRecord(
        digest=known.good.digest,
        since=known.good.expanded_at.isoformat(timespec="seconds"),
        age_seconds=int(known.age.total_seconds()),
    )


def _accepted(word: Acceptance | None) -> AcceptedRecord | None:
    if word is None:
        return None
    return AcceptedRecord(
        acceptance=word.id, who=printable(word.who), reason=printable(word.reason)
    )


def confirms(router: Router) -> bool:
    """Tell whether a commit on a router is to be confirmed, and else taken back by the router."""
    return router.commit_confirm and find_platform(router.platform).capabilities.commit_confirm


def capabilities_record(router: Router) -> CapabilitiesRecord:
    """Return what can be promised on a router, and how a commit that went wrong is undone."""
    can = find_platform(router.platform).capabilities
    if confirms(router):
        way_back = "the router takes back by itself what is not confirmed"
    elif can.commit_confirm:
        way_back = "irrgate puts back the filters that it saved (data.commit_confirm is false)"
    else:
        way_back = "irrgate puts back the filters that it saved"
    return CapabilitiesRecord(
        strategy=str(can.strategy),
        atomic=can.atomic,
        commit_confirm=confirms(router),
        way_back=way_back,
    )


def changes_record(
    router: Router,
    changes: RouterChanges,
    digests: Mapping[str, str],
    reviewed: str | None,
) -> HostRecord:
    """Return a router's record; `digests` are those of its members in the plan, if it has any."""
    filters = {name: _host_filter(change) for name, change in changes.filters.items()}
    statuses = {each.status for each in filters.values()}
    if digests:
        status = HostStatus.CHANGE
    else:
        status = HostStatus.HELD if FilterStatus.HELD in statuses else HostStatus.UNCHANGED
    return HostRecord(
        platform=router.platform,
        status=status,
        capabilities=capabilities_record(router),
        filters=filters,
        strangers=tuple(printable(stranger.name) for stranger in changes.strangers),
        candidate=digests.get("candidate"),
        diff=digests.get("diff"),
        delta=digests.get("delta"),
        reviewed=reviewed,
    )


def _host_filter(change: FilterChange) -> HostFilterRecord:
    intent, stranger = change.intent, change.stranger
    return HostFilterRecord(
        peer=str(change.peer),
        afi=_AFI_NAMES[change.afi],
        status=change.status,
        reason=printable(change.reason),
        digest=intent.prefixes.digest if isinstance(intent, Filter) else None,
        running=change.running.prefixes.digest if change.running else None,
        added=count(change.added),
        removed=count(change.removed),
        guards=readings_of(change.readings),
        acceptance=change.acceptance,
        references=tuple(map(printable, stranger.references)) if stranger else (),
    )


def count(prefixes: PrefixSet) -> int:
    """Return the number of prefixes and ranges, as a person would write them."""
    return sum(1 for _ in prefixes.spelled_out())


def delta_of(changes: RouterChanges) -> DeltaMember:
    """Return what each filter of a router gains and loses that the candidate changes."""
    return {
        change.name: DeltaRecord(added=_texts(change.added), removed=_texts(change.removed))
        for change in changes.changed
    }


def _texts(prefixes: PrefixSet) -> tuple[str, ...]:
    return tuple(format_entry(prefixes.afi, entry) for entry in prefixes.spelled_out())

"""The plan's records out of what the domain decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from irrgate import __version__
from irrgate.changes import RouterChanges
from irrgate.filters import Filter, NoFilter, Provenance
from irrgate.guards import Veto
from irrgate.intents import Intent
from irrgate.irr.expander import Empty, Failed, Unknown, Whole
from irrgate.network import Workspace
from irrgate.plan import (
    AfiName,
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
)
from irrgate.prefixes import Afi, PrefixSet, format_entry
from irrgate.printable import printable
from irrgate.render import Renderer
from irrgate.rpsl import Asn

_AFI_NAMES: Mapping[Afi, AfiName] = {Afi.IPV4: "ipv4", Afi.IPV6: "ipv6"}
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
    return Inputs(
        irrgate=__version__,
        workspace=workspace.digest,
        templates={platform: renderer.digest(platform) for platform in platforms},
    )


def peer_records(
    workspace: Workspace,
    hosts: Iterable[str],
    made: Mapping[tuple[Asn, Afi], Intent],
    vetoes: Mapping[str, tuple[Veto, ...]],
) -> dict[str, PeerRecord]:
    """Return the records of all peers that have a session on one of `hosts`, by ASN."""
    seen = {session.peer for name in hosts for session in workspace.hosts[name].sessions}
    records = {}
    for asn in sorted(seen):
        peer = workspace.peers[asn]
        note = "" if peer.has_filter else f"a {peer.role} carries what nobody can list: no filter"
        records[str(asn)] = PeerRecord(
            name=peer.name,
            role=str(peer.role),
            note=note,
            filters={
                _AFI_NAMES[afi]: _peer_filter(made[asn, afi], vetoes)
                for afi in Afi
                if (asn, afi) in made
            },
        )
    return records


def _peer_filter(intent: Intent, vetoes: Mapping[str, tuple[Veto, ...]]) -> PeerFilterRecord:
    queries = tuple(_query(each) for each in intent.sources)
    if isinstance(intent, NoFilter):
        unknown = isinstance(intent.verdict, Unknown)
        status = PeerStatus.UNKNOWN if unknown else PeerStatus.FAILED
        return PeerFilterRecord(
            name=intent.name, status=status, reason=printable(intent.reason), queries=queries
        )
    vetoed = vetoes.get(intent.name, ())
    status = PeerStatus.READY if intent.prefixes else PeerStatus.EMPTY
    return PeerFilterRecord(
        name=intent.name,
        status=PeerStatus.HELD if vetoed else status,
        reason="; ".join(map(str, vetoed)),
        digest=intent.prefixes.digest,
        registered=intent.registered,
        entries=intent.prefixes.entry_count,
        addresses=intent.prefixes.address_count,
        dropped={str(reason): count for reason, count in sorted(intent.dropped.items())},
        accepted=tuple(map(str, intent.accepted)),
        queries=queries,
    )


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


def changes_record(
    platform: str,
    changes: RouterChanges,
    digests: Mapping[str, str],
    reviewed: str | None,
) -> HostRecord:
    """Return a router's record; `digests` are those of its members in the plan, if it has any."""
    filters = {}
    for name, change in changes.filters.items():
        intent = change.intent
        filters[name] = HostFilterRecord(
            peer=str(intent.peer),
            afi=_AFI_NAMES[intent.afi],
            status=change.status,
            reason=printable(change.reason),
            digest=intent.prefixes.digest if isinstance(intent, Filter) else None,
            running=change.running.prefixes.digest if change.running else None,
            added=count(change.added),
            removed=count(change.removed),
        )
    statuses = {each.status for each in filters.values()}
    if digests:
        status = HostStatus.CHANGE
    else:
        status = HostStatus.HELD if FilterStatus.HELD in statuses else HostStatus.UNCHANGED
    return HostRecord(
        platform=platform,
        status=status,
        filters=filters,
        strangers=tuple(printable(stranger.name) for stranger in changes.strangers),
        candidate=digests.get("candidate"),
        diff=digests.get("diff"),
        delta=digests.get("delta"),
        reviewed=reviewed,
    )


def count(prefixes: PrefixSet) -> int:
    """Return the number of prefixes and ranges, as a person would write them."""
    return sum(1 for _ in prefixes.spelled_out())


def delta_of(changes: RouterChanges) -> DeltaMember:
    """Return what each written filter of a router gains and loses."""
    return {
        change.intent.name: DeltaRecord(added=_texts(change.added), removed=_texts(change.removed))
        for change in changes.written
    }


def _texts(prefixes: PrefixSet) -> tuple[str, ...]:
    return tuple(format_entry(prefixes.afi, entry) for entry in prefixes.spelled_out())

"""A small plan with all that a plan may have, and the file of it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from irrgate.guards import Guard
from irrgate.plan import (
    AcceptedRecord,
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
    Plan,
    Purpose,
    QueryRecord,
    ReadingRecord,
    StaleRecord,
    summarise,
)
from irrgate.plan_file import PlanWriter
from irrgate.prefixes import PrefixSet
from tests.unit.filters_made import prefixes

Members = list[tuple[str, bytes]]

FILTERS: Final = (
    prefixes("10.0.0.0/24", "10.2.0.0/15 le 24", "10.8.0.0/13 ge 20 le 24"),
    prefixes("2001:db8::/32 le 48"),
)
HOSTS: Final = ("edge1.mex", "edge2.mex", "núcleo 1")
NAME: Final = "IRR-AS64500-V4"
READING: Final = ReadingRecord(
    guard=Guard.GROWTH, figure="grows to 3.1 times", limit="3 times", passed=False
)


def candidate(host: str) -> str:
    return f"! {host}\n" + "".join(f"   seq {n} permit 10.{n}.0.0/24\n" for n in range(200))


def diff(host: str) -> str:
    return f"--- {host}\n+   seq 10 permit 10.0.0.0/24\n"


DELTA: Final[DeltaMember] = {
    "IRR-AS64501-V4": DeltaRecord(added=(), removed=("10.9.0.0/24",)),
    NAME: DeltaRecord(added=("10.0.0.0/24", "10.2.0.0/15 le 24"), removed=()),
}


def add_hosts(writer: PlanWriter, hosts: Iterable[str] = HOSTS) -> dict[str, HostRecord]:
    """Add the hosts' members in the given order; return their records, in order of names."""
    records = {}
    for host in hosts:
        digests = writer.add_host(host, candidate(host), diff(host), DELTA)
        written = HostFilterRecord(
            peer="AS64500",
            afi="ipv4",
            status=FilterStatus.CHANGE,
            digest=FILTERS[0].digest,
            reason="[b]grows[/b]",
            running=FILTERS[1].digest,
            added=2,
            removed=1,
            guards=(READING,),
            acceptance=7,
            references=("route-map IN permit 10",),
        )
        records[host] = HostRecord(
            platform="eos",
            status=HostStatus.CHANGE,
            filters={NAME: written},
            reason="as intended",
            capabilities=CapabilitiesRecord(
                strategy="session", atomic=True, commit_confirm=True, way_back="by itself"
            ),
            strangers=("IRR-AS1-V4",),
            reviewed="0" * 64,
            candidate=digests["candidate"],
            diff=digests["diff"],
            delta=digests["delta"],
        )
    return dict(sorted(records.items()))


def plan_of(hosts: dict[str, HostRecord], filters: Iterable[PrefixSet] = FILTERS) -> Plan:
    held = HostRecord(platform="junos", status=HostStatus.FAILED, reason="connect: refused")
    query = QueryRecord(
        object="RIPE::AS-EJEMPLO",
        sources="RIPE",
        server="192.0.2.1",
        verdict="whole",
        prefixes=3,
        seconds=0.25,
        failed_servers=("192.0.2.2: timed out",),
    )
    record = PeerFilterRecord(
        name=NAME,
        status=PeerStatus.READY,
        digest=FILTERS[0].digest,
        registered=3,
        entries=3,
        addresses=FILTERS[0].address_count,
        dropped={"special-use space": 1},
        accepted=("10.0.0.0/24",),
        queries=(query,),
        reason="no answer",
        guards=(READING,),
        stale=StaleRecord(
            digest=FILTERS[0].digest, since="2025-12-31T00:00:00+00:00", age_seconds=86_400
        ),
        accepted_by=AcceptedRecord(acceptance=7, who="ana@noc", reason="a new customer"),
    )
    peer = PeerRecord(name="Ejemplo", role="customer", note="x", filters={"ipv4": record})
    peers = {"AS64500": peer}
    hosts = {**hosts, "edge9.mex": held}
    return Plan(
        schema=2,
        created="2026-01-01T00:00:00+00:00",
        expires="2026-01-02T00:00:00+00:00",
        purpose=Purpose.PLAN,
        inputs=Inputs(irrgate="0.1.0", workspace="a" * 64, templates={"eos": "b" * 64}),
        limit=("edge1.mex",),
        peers=peers,
        hosts=hosts,
        filters=tuple(sorted(each.digest for each in filters)),
        summary=summarise(peers, hosts),
    )


def write(
    target: Path,
    hosts: Iterable[str] = HOSTS,
    filters: Iterable[PrefixSet] = FILTERS,
    changed: Callable[[Plan], Plan] = lambda plan: plan,
) -> Plan:
    """Write the plan to `target` and return it."""
    with PlanWriter(target) as writer:
        for each in filters:
            assert writer.add_filter(each) == each.digest
        plan = changed(plan_of(add_hosts(writer, hosts), filters))
        writer.finish(plan)
    return plan


def members(path: Path) -> Members:
    """Return the members of a plan file, whatever they are."""
    with zipfile.ZipFile(path) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]

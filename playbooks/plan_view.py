"""A plan for people: rows and lines that the text and the Markdown form share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from irrgate.plan import (
    CapabilitiesRecord,
    FilterStatus,
    HostStatus,
    PeerFilterRecord,
    Plan,
    ReadingRecord,
)
from irrgate.plan_file import PlanFile
from irrgate.printable import printable

MAX_DELTA_LINES = 20
"""prefixes shown of each filter's gains and losses; the plan file has all"""
MAX_DIFF_LINES = 30
"""lines shown of each router's diff; the plan file has all"""


@dataclass(frozen=True, slots=True)
class RouterRow:
    """One filter on one router, or one router as a whole."""

    router: str
    peer: str
    filter: str
    added: str
    removed: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One peer's filter of one family, and where it comes from."""

    peer: str
    filter: str
    status: str
    objects: str
    registered: str
    dropped: str
    entries: str
    server: str
    reason: str


@dataclass(frozen=True, slots=True)
class GuardRow:
    """How one guard judged a filter: by itself, or on some routers."""

    filter: str
    routers: str
    guard: str
    figure: str
    limit: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The first lines of something long."""

    title: str
    lines: tuple[str, ...]
    more: int
    where: str
    """how to see all of it"""


def router_rows(plan: Plan, *, everything: bool) -> Iterator[RouterRow]:
    """Yield what would happen where; without `everything` only what is not unchanged."""
    for name, host in plan.hosts.items():
        if host.status in {HostStatus.FAILED, HostStatus.OFFLINE}:
            yield RouterRow(name, "", "", "", "", str(host.status), host.reason)
            continue
        rows = 0
        for filter_name, each in host.filters.items():
            if each.status is FilterStatus.UNCHANGED and not everything:
                continue
            rows += 1
            peer = plan.peers.get(each.peer)
            yield RouterRow(
                name,
                f"{each.peer} {peer.name}".rstrip() if peer else each.peer,
                filter_name,
                f"+{each.added}" if each.added else "",
                f"-{each.removed}" if each.removed else "",
                str(each.status),
                each.reason,
            )
        if not rows and everything:
            yield RouterRow(name, "", "", "", "", str(host.status), host.reason)


def peer_rows(plan: Plan, *, everything: bool) -> Iterator[PeerRow]:
    """Yield the filters that some router gets, or that are held; all with `everything`."""
    moving = {
        name
        for host in plan.hosts.values()
        for name, each in host.filters.items()
        if each.status is not FilterStatus.UNCHANGED
    }
    for asn, peer in plan.peers.items():
        for each in peer.filters.values():
            if everything or each.name in moving or each.status.is_problem:
                yield _peer_row(f"{asn} {peer.name}".rstrip(), each)
        if peer.note and everything:
            yield PeerRow(f"{asn} {peer.name}", "", "none", "", "", "", "", "", peer.note)


def _peer_row(peer: str, each: PeerFilterRecord) -> PeerRow:
    dropped = "; ".join(f"{count} {reason}" for reason, count in each.dropped.items())
    accepted = f" + {', '.join(each.accepted)} by the inventory" if each.accepted else ""
    servers = sorted({query.server for query in each.queries if query.server})
    return PeerRow(
        peer,
        each.name,
        str(each.status),
        ", ".join(query.object for query in each.queries) + accepted,
        str(each.registered),
        dropped,
        str(each.entries),
        ", ".join(servers),
        each.reason or "; ".join(f for query in each.queries for f in query.failed_servers),
    )


def guard_rows(plan: Plan) -> Iterator[GuardRow]:
    """Yield every guard's judgement, once for all routers alike."""
    for peer in plan.peers.values():
        for each in peer.filters.values():
            for reading in each.guards:
                yield _guard_row(each.name, "", reading)
    alike: dict[tuple[str, ReadingRecord], list[str]] = {}
    for name, host in plan.hosts.items():
        for filter_name, of_host in host.filters.items():
            for reading in of_host.guards:
                alike.setdefault((filter_name, reading), []).append(name)
    for (filter_name, reading), names in alike.items():
        yield _guard_row(filter_name, ", ".join(names), reading)


def _guard_row(name: str, routers: str, reading: ReadingRecord) -> GuardRow:
    verdict = "passed" if reading.passed else "veto"
    return GuardRow(name, routers, str(reading.guard), reading.figure, reading.limit, verdict)


def headline(plan: Plan) -> str:
    """Return what the plan is for and how long it may be applied."""
    about = "" if plan.rollback_of is None else f", takes deployment {plan.rollback_of} back"
    why = f" ({plan.reason})" if plan.reason else ""
    return f"made {plan.created}{about}{why}, expires {plan.expires}"


def promises(plan: Plan) -> Iterator[str]:
    """Yield what can be promised of a commit on the routers that change, once for all alike."""
    alike: dict[CapabilitiesRecord, list[str]] = {}
    for name, host in plan.hosts.items():
        if host.status is HostStatus.CHANGE and host.capabilities is not None:
            alike.setdefault(host.capabilities, []).append(name)
    for can, names in alike.items():
        at_once = "at once" if can.atomic else "step by step"
        yield f"{', '.join(names)}: committed {at_once} ({can.strategy}); {can.way_back}"


def deltas(opened: PlanFile, path: str) -> Iterator[Excerpt]:
    """Yield the prefixes that each filter gains and loses, once for all routers alike."""
    alike: dict[tuple[str, tuple[str, ...], int], list[str]] = {}
    for name, host in opened.plan.hosts.items():
        if host.delta is None:
            continue
        for filter_name, delta in opened.delta(name).items():
            lines = [f"+ {text}" for text in delta.added] + [f"- {text}" for text in delta.removed]
            lines = lines or [f"  {host.filters[filter_name].reason or 'the same prefixes'}"]
            more = max(0, len(lines) - MAX_DELTA_LINES)
            key = (filter_name, tuple(lines[:MAX_DELTA_LINES]), more)
            alike.setdefault(key, []).append(name)
    for (filter_name, shown, more), names in sorted(alike.items(), key=lambda each: each[0][0]):
        where = f"unzip -p {path} hosts/{names[0]}/delta.json"
        yield Excerpt(f"{filter_name} on {', '.join(names)}", shown, more, where)


def diffs(opened: PlanFile, path: str) -> Iterator[Excerpt]:
    """Yield the routers' own diffs from the dry run."""
    for name, host in opened.plan.hosts.items():
        if host.diff is None:
            continue
        # A router's text may hold what a terminal would obey.
        lines = [printable(line.expandtabs()) for line in opened.diff(name).splitlines()]
        yield Excerpt(
            name,
            tuple(lines[:MAX_DIFF_LINES]),
            max(0, len(lines) - MAX_DIFF_LINES),
            f"unzip -p {path} hosts/{name}/diff",
        )


def strangers(plan: Plan) -> Iterator[str]:
    """Yield a line for each router that holds filters which the inventory does not have."""
    for name, host in plan.hosts.items():
        if host.strangers:
            listed = ", ".join(host.strangers[:5])
            more = f" and {len(host.strangers) - 5} more" if len(host.strangers) > 5 else ""
            yield (
                f"{name} holds filters that the inventory does not have, left alone: {listed}{more}"
            )


def summary(plan: Plan) -> str:
    """Return the plan in one sentence."""
    counts = plan.summary
    hosts = ", ".join(
        f"{counts[f'hosts_{status}']} {word}"
        for status, word in (
            (HostStatus.CHANGE, "to change"),
            (HostStatus.UNCHANGED, "unchanged"),
            (HostStatus.HELD, "held"),
            (HostStatus.FAILED, "failed"),
            (HostStatus.OFFLINE, "not asked"),
        )
        if counts[f"hosts_{status}"]
    )
    filters = ", ".join(
        f"{counts[status.counted]} {status}" for status in FilterStatus if counts[status.counted]
    )
    text = f"Routers: {hosts or 'none'}."
    return f"{text} Filters: {filters}." if filters else text

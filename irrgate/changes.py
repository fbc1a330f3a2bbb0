"""What to change on one router: the intended filters against those that it holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from irrgate.errors import ParseError, RenderError
from irrgate.filters import Filter, NoFilter
from irrgate.guards import Veto, judge_change
from irrgate.network import GuardLimits
from irrgate.plan import FilterStatus
from irrgate.platforms.platform import (
    ManagedList,
    Platform,
    PrintedList,
    RunningFilters,
    Stranger,
)
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import TEMPLATE, Renderer


@dataclass(frozen=True, slots=True)
class FilterChange:
    """What would happen to one filter on one router."""

    intent: Filter | NoFilter
    status: FilterStatus
    reason: str
    added: PrefixSet
    removed: PrefixSet
    running: ManagedList | None


@dataclass(frozen=True, slots=True)
class RouterChanges:
    """What would happen to a router's filters, by name in order."""

    filters: Mapping[str, FilterChange]
    strangers: tuple[Stranger, ...]

    @property
    def written(self) -> tuple[FilterChange, ...]:
        """The filters that the candidate holds, by name in order."""
        return tuple(change for change in self.filters.values() if change.status.is_written)


def wanted_names(intents: Iterable[Filter | NoFilter]) -> dict[str, Afi]:
    """Return the names to look for in a running config."""
    return {intent.name: intent.afi for intent in intents}


def decide(
    intents: Iterable[Filter | NoFilter],
    running: RunningFilters,
    limits: GuardLimits,
    vetoed: Mapping[str, tuple[Veto, ...]],
) -> RouterChanges:
    """Return what would happen to each intended filter; `vetoed` are held before any look."""
    filters = {
        intent.name: _decide(
            intent, running.lists.get(intent.name), limits, vetoed.get(intent.name, ())
        )
        for intent in sorted(intents, key=lambda each: each.name)
    }
    return RouterChanges(filters, running.strangers)


def _decide(
    intent: Filter | NoFilter,
    running: ManagedList | None,
    limits: GuardLimits,
    vetoes: tuple[Veto, ...],
) -> FilterChange:
    nothing = PrefixSet.empty(intent.afi)
    if isinstance(intent, NoFilter):
        return FilterChange(intent, FilterStatus.HELD, intent.reason, nothing, nothing, running)
    old = running.prefixes if running else None
    if running and running.plain and running.prefixes == intent.prefixes:
        return FilterChange(intent, FilterStatus.UNCHANGED, "", nothing, nothing, running)
    vetoes += judge_change(old, intent, limits)
    added = intent.prefixes.difference(old or nothing)
    removed = (old or nothing).difference(intent.prefixes)
    if vetoes:
        reason = "; ".join(map(str, vetoes))
        return FilterChange(intent, FilterStatus.HELD, reason, added, removed, running)
    status = FilterStatus.CHANGE if running else FilterStatus.NEW
    reason = "" if added or removed or running is None else "has a form that irrgate does not write"
    return FilterChange(intent, status, reason, added, removed, running)


def render_candidate(platform: Platform, renderer: Renderer, changes: RouterChanges) -> str:
    """Return the text that brings the router's filters to what is intended.

    It holds only the filters that change. Raises RenderError when the platform's own parser does
    not read the same filters out of it, whatever template printed them.
    """
    printed: list[PrintedList] = []
    for change in changes.written:
        prefixes = _intended(change)
        printed.append(platform.printed(change.intent.name, prefixes, change.running))
    candidate = renderer.render(platform.name, printed)
    verify_candidate(platform, candidate, changes)
    return candidate


def verify_candidate(platform: Platform, candidate: str, changes: RouterChanges) -> None:
    """Raise RenderError unless `candidate` says exactly what `changes` intend."""
    subject = f"template {platform.name}/{TEMPLATE}"
    hint = "if the workspace has a template of its own for the platform, look there first"
    try:
        found = platform.parse_candidate(
            candidate, {change.intent.name: change.intent.afi for change in changes.written}
        )
    except ParseError as exc:
        raise RenderError(subject, f"printed what cannot be read back: {exc}", hint=hint) from exc
    for change in changes.written:
        name = change.intent.name
        read = found.lists.get(name)
        if read is None or not read.plain or read.prefixes != _intended(change):
            raise RenderError(subject, f"printed something else than {name} holds", hint=hint)
    if found.strangers:
        raise RenderError(
            subject, f"printed a filter too many: {found.strangers[0].name}", hint=hint
        )


def _intended(change: FilterChange) -> PrefixSet:
    if isinstance(change.intent, NoFilter):
        raise TypeError(f"{change.intent.name} has no filter to write")
    return change.intent.prefixes

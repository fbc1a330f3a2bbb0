"""A textfile for Prometheus: how old filters are, what is held, how runs end.

Written for node_exporter's textfile collector after a run, whole and renamed. What must outlive a
run is read back from the old file: the last run and the last success of each kind, and with
--limit the filters and routers that were left out. Points in time are given as such, so that an
age goes on growing when no run comes any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from irrgate.errors import MetricsError
from irrgate.reports import FilterReport, RouterReport, RunReport
from irrgate.whole_file import write_whole

if TYPE_CHECKING:
    # Loading it takes time that only a run with metrics is to spend.
    from prometheus_client import CollectorRegistry

Labels = tuple[str, ...]
"""the values of a family's labels, in its order"""

_MAX_OLD_FILE: Final = 64 << 20
"""bytes; about 100,000 filters have half of that"""
_MODE: Final = 0o644
"""node_exporter is another user; nothing in the file is a secret"""


@dataclass(frozen=True, slots=True)
class _Family:
    """A metric: what it is called, and what it counts by."""

    name: str
    labels: Labels
    help: str


_FILTER: Final = ("peer", "afi")
_ROUTER: Final = ("router",)
_KIND: Final = ("kind",)

_DATA: Final = _Family(
    "irrgate_filter_data_timestamp_seconds",
    _FILTER,
    "When the IRR said what the routers' filter rests on, in seconds since the epoch.",
)
_ENTRIES: Final = _Family(
    "irrgate_filter_entries", _FILTER, "Entries of the filter that the last run made or kept."
)
_STALE: Final = _Family(
    "irrgate_filter_stale",
    _FILTER,
    "1 where the last expansion failed and the last-known-good filter stands in, else 0.",
)
_FILTER_HELD: Final = _Family(
    "irrgate_filter_held",
    (*_FILTER, "guard"),
    "1 for each guard that holds the filter; filters that are not held have none.",
)
_OUTCOME: Final = _Family(
    "irrgate_router_outcome",
    (*_ROUTER, "outcome"),
    "1 for what came of the router in the last run that looked at it.",
)
_ROUTER_SECONDS: Final = _Family(
    "irrgate_router_duration_seconds",
    _ROUTER,
    "Time that the last run spent on committing to the router.",
)
_DURATION: Final = _Family(
    "irrgate_run_duration_seconds", _KIND, "How long the last run of this kind took."
)
_EXIT: Final = _Family(
    "irrgate_run_exit_code", _KIND, "The exit code of the last run of this kind."
)
_LAST_RUN: Final = _Family(
    "irrgate_last_run_timestamp_seconds",
    _KIND,
    "When the last run of this kind ended, in seconds since the epoch.",
)
_LAST_SUCCESS: Final = _Family(
    "irrgate_last_success_timestamp_seconds",
    _KIND,
    "When the last run of this kind ended in which nothing was held and nothing failed.",
)

_OF_FILTERS: Final = (_DATA, _ENTRIES, _STALE, _FILTER_HELD)
_OF_ROUTERS: Final = (_OUTCOME, _ROUTER_SECONDS)
_OF_RUNS: Final = (_DURATION, _EXIT, _LAST_RUN, _LAST_SUCCESS)
_FAMILIES: Final = (*_OF_FILTERS, *_OF_ROUTERS, *_OF_RUNS)

_Samples = dict[_Family, dict[Labels, float]]


def write_metrics(path: Path, report: RunReport) -> None:
    """Write the textfile after a run; raises MetricsError when it cannot be.

    The file is replaced as a whole, is readable by everybody (0644), and survives a crash of the
    machine whole. An old one that is damaged counts as none.
    """
    samples = _kept(_read(path), report)
    for family, labels, value in _measured(report):
        samples[family][labels] = value
    _replace(path, _text(samples))


def _kept(old: _Samples, report: RunReport) -> _Samples:
    """Return what of the old file still holds after the run."""
    # A run that could not look at anything says nothing about filters and routers.
    whole = report.whole and not report.failure
    filters = {(each.peer, each.afi) for each in report.filters}
    undated = {(each.peer, each.afi) for each in report.filters if each.rests_on is None}
    routers = {(each.name,) for each in report.routers if each.asked}
    unasked = {(each.name,) for each in report.routers if not each.asked}
    kept: _Samples = {family: {} for family in _FAMILIES}
    for family, of_family in old.items():
        for labels, value in of_family.items():
            if family is _DATA and labels in undated:
                is_old = False
            elif family in _OF_FILTERS:
                is_old = whole or labels[:2] in filters
            else:
                router = labels[:1]
                is_old = family in _OF_ROUTERS and (
                    router in routers or (whole and router not in unasked)
                )
            if not is_old:
                kept[family][labels] = value
    return kept


def _measured(report: RunReport) -> Iterator[tuple[_Family, Labels, float]]:
    for each in report.filters:
        yield from _of_filter(each)
    for router in report.routers:
        if router.asked:
            yield from _of_router(router)
    kind, ended = (str(report.kind),), report.ended.timestamp()
    yield _DURATION, kind, report.seconds
    yield _EXIT, kind, report.exit_code
    yield _LAST_RUN, kind, ended
    if report.succeeded:
        yield _LAST_SUCCESS, kind, ended


def _of_filter(each: FilterReport) -> Iterator[tuple[_Family, Labels, float]]:
    labels = (each.peer, each.afi)
    if each.rests_on is not None:
        yield _DATA, labels, each.rests_on.timestamp()
    yield _ENTRIES, labels, each.entries
    yield _STALE, labels, float(each.stale)
    for guard in each.held_by:
        yield _FILTER_HELD, (*labels, guard), 1.0


def _of_router(each: RouterReport) -> Iterator[tuple[_Family, Labels, float]]:
    yield _OUTCOME, (each.name, each.outcome), 1.0
    yield _ROUTER_SECONDS, (each.name,), each.seconds


def _text(samples: Mapping[_Family, Mapping[Labels, float]]) -> bytes:
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - see above

    registry = CollectorRegistry()
    for family in _FAMILIES:
        if samples[family]:
            _register(registry, family, samples[family])
    return generate_latest(registry)


def _register(
    registry: CollectorRegistry, family: _Family, samples: Mapping[Labels, float]
) -> None:
    from prometheus_client import Gauge  # noqa: PLC0415 - see above

    gauge = Gauge(family.name, family.help, family.labels, registry=registry)
    for labels, value in sorted(samples.items()):
        gauge.labels(*labels).set(value)


def _read(path: Path) -> _Samples:
    """Return what the old file says; nothing where it is missing or damaged."""
    found: _Samples = {}
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_OLD_FILE + 1)
        if len(text) <= _MAX_OLD_FILE:
            for family, labels, value in _parsed(text.decode()):
                found.setdefault(family, {})[labels] = value
    # The parser stumbles on damaged text in many ways; nothing of such a file is believed.
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
    return found


def _parsed(text: str) -> Iterator[tuple[_Family, Labels, float]]:
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    families = {family.name: family for family in _FAMILIES}
    for metric in text_string_to_metric_families(text):
        for sample in metric.samples:
            family = families.get(sample.name)
            if family is None or sample.labels.keys() != set(family.labels):
                continue
            if math.isfinite(sample.value):
                yield family, tuple(sample.labels[name] for name in family.labels), sample.value


def _replace(path: Path, content: bytes) -> None:
    try:
        # Its name does not end in .prom: node_exporter is not to read it before it is whole.
        write_whole(path, content, _MODE, suffix=".new")
    except OSError as exc:
        raise MetricsError(
            str(path),
            f"the metrics cannot be written: {exc.strerror or exc}",
            hint="its directory must be there, and writable for the user that runs irrgate",
        ) from exc

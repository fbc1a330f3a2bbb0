"""A run with a bit of everything, and the pieces that it is made of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from irrgate.reports import FilterReport, FilterState, RouterReport, RunKind, RunReport

STARTED: Final = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
ENDED: Final = STARTED + timedelta(seconds=90)

SHRINK: Final = "max_shrink: loses 45% of its address space (limit: 30%)"

CURRENT: Final = FilterReport("AS64500", "ipv4", "IRR-AS64500-V4", FilterState.CURRENT, 12, STARTED)
STALE: Final = FilterReport(
    "AS64501",
    "ipv4",
    "IRR-AS64501-V4",
    FilterState.STALE,
    3,
    STARTED - timedelta(days=2, hours=5),
    reason="rr.example.net: no answer within 120 s",
)
HELD: Final = FilterReport(
    "AS64502",
    "ipv6",
    "IRR-AS64502-V6",
    FilterState.HELD,
    7,
    STARTED - timedelta(hours=3),
    ("max_prefixes", "max_shrink"),
    SHRINK,
)

DONE: Final = RouterReport("edge1.mex", "eos", "done", seconds=4.5)
FAILED: Final = RouterReport("edge2.mex", "junos", "failed", "connect: refused", 0.5)
UNCHANGED: Final = RouterReport("edge1.bog", "eos", "unchanged")
HELD_ROUTER: Final = RouterReport("edge2.bog", "junos", "held", "its diff is another one now")


def run(**changes: Any) -> RunReport:
    """Return a refresh in which all went well, with these differences."""
    report = RunReport(
        kind=RunKind.REFRESH,
        started=STARTED,
        ended=ENDED,
        exit_code=0,
        whole=True,
        routers=(DONE, UNCHANGED),
        filters=(CURRENT,),
        deployment=7,
        changed=("edge1.mex",),
    )
    return replace(report, **changes)


MIXED: Final = run(
    exit_code=3,
    routers=(DONE, FAILED, UNCHANGED, HELD_ROUTER),
    filters=(CURRENT, STALE, HELD),
)

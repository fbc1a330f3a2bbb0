"""Places where a state may lie, and what tests put into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import Asn
from irrgate.state import GoodFilter, HeldFilter, State, open_state
from tests.unit.filters_made import prefixes

NOW: Final = datetime(2026, 11, 25, 2, 30, 0, 123456, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
NAME: Final = "IRR-AS64500-V4"
OLD: Final = prefixes("192.0.2.0/24", "198.51.100.0/24 le 26")
NEW: Final = prefixes("192.0.2.0/24")
SIX: Final = prefixes("2001:db8::/32 le 48", "2001:db8:8000::/33")


@dataclass(frozen=True, slots=True)
class Place:
    """A directory or a database in which there is no state yet."""

    directory: Path
    url: str | None = None

    def open(self) -> State:
        return open_state(self.directory, self.url, {}, clock=lambda: NOW)

    @property
    def database(self) -> Path:
        return self.directory / ".irrgate" / "state.db"


def good(content: PrefixSet = OLD, **changes: object) -> GoodFilter:
    made = GoodFilter(
        NAME, Asn(64500), Afi.IPV4, content.digest, content.entry_count, "AS-EJEMPLO",
        "RIPE,RADB", "rr.ntt.net", NOW, "committed",
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def held(content: PrefixSet | None = NEW, **changes: object) -> HeldFilter:
    digest, entries = (content.digest, content.entry_count) if content else (None, 0)
    made = HeldFilter(NAME, Asn(64500), Afi.IPV4, digest, entries, ("shrink", "empty"), NOW)
    return replace(made, **changes)  # type: ignore[arg-type]


def deploy(
    state: State,
    before: Mapping[str, str | None],
    after: Mapping[str, str | None],
    *,
    kind: str = "apply",
    outcome: str | None = "done",
    at: datetime = NOW,
) -> int:
    """Deploy to one router, to the end when an outcome is given."""
    number = state.begin_deployment(kind, "ana", "ticket 7", "abc", ["edge1"], at)  # type: ignore[arg-type]
    state.begin_host(number, "edge1", "eos", before, after, at)
    if outcome is not None:
        state.end_host(number, "edge1", outcome, "", at)
        state.end_deployment(number, outcome, at)
    return number

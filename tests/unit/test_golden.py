"""What irrgate sends to routers, as text that people have reviewed: tests/golden/PLATFORM/CASE.txt.

`pytest --update tests/unit/test_golden.py` rewrites the files; review them with `git diff`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms import routers
from tests.unit.platforms.routers import candidate, read

GOLDEN: Final = Path(__file__).resolve().parents[1] / "golden"
V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"

SINGLES = prefixes("192.0.2.0/24", "198.51.100.0/25", "203.0.113.128/25", "10.0.0.0/8")
RANGES = prefixes(
    "10.0.0.0/8 le 24",  # its more specifics
    "172.16.0.0/12 ge 24 le 24",  # only those of one length
    "192.168.0.0/24",
    "192.168.1.0/24",  # adjacent: one entry for both
)
NESTED = prefixes("10.0.0.0/8 le 16", "10.1.0.0/16 le 24", "10.1.2.0/24 ge 32 le 32")
IPV6 = prefixes("2001:db8::/32", "2001:db8:100::/40 le 48", "2001:db8:ffff::/48")

CASES: Final[Mapping[str, Mapping[str, PrefixSet]]] = {
    "singles": {V4: SINGLES},
    "ranges": {V4: RANGES},
    "nested": {V4: NESTED},
    "ipv6": {V6: IPV6},
    "nothing": {V4: PrefixSet.empty(Afi.IPV4), V6: PrefixSet.empty(Afi.IPV6)},
    "everything": {V4: prefixes("0.0.0.0/0 le 32"), V6: prefixes("::/0 ge 1 le 128")},
    "both-families": {V4: SINGLES, V6: IPV6},
}
GONE: Final = {"IRR-AS64501-V4": Afi.IPV4, "IRR-AS64501-V6": Afi.IPV6}
REMOVALS: Final[Mapping[str, Mapping[str, PrefixSet]]] = {
    "removals": {},
    "change-and-removals": {V4: SINGLES},
}


def compare(request: pytest.FixtureRequest, path: Path, text: str) -> None:
    """Compare with the reviewed text, or renew it."""
    if request.config.getoption("--update"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.is_file(), f"{path} is missing: pytest --update writes it, to be reviewed"
    assert text == path.read_text()


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@pytest.mark.parametrize("case", CASES)
def test_candidates(request: pytest.FixtureRequest, platform: str, case: str) -> None:
    text = candidate(platform, CASES[case])
    compare(request, GOLDEN / platform / f"{case}.txt", text)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_one_prefix_comes_and_one_goes(request: pytest.FixtureRequest, platform: str) -> None:
    device = routers.router(platform)
    device.load(candidate(platform, {V4: SINGLES}))
    changed = SINGLES.difference(prefixes("198.51.100.0/25")).union(prefixes("172.16.0.0/12"))
    text = candidate(platform, {V4: changed}, read(platform, device.running())[V4])
    compare(request, GOLDEN / platform / "update.txt", text)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@pytest.mark.parametrize("case", REMOVALS)
def test_filters_go(request: pytest.FixtureRequest, platform: str, case: str) -> None:
    text = candidate(platform, REMOVALS[case], removals=GONE)
    compare(request, GOLDEN / platform / f"{case}.txt", text)


def test_no_reviewed_text_is_left_over() -> None:
    cases = {f"{case}.txt" for case in [*CASES, *REMOVALS, "update"]}
    for platform in routers.PLATFORMS:
        assert {path.name for path in (GOLDEN / platform).iterdir()} == cases

"""What all tests share: hypothesis without a stopwatch, and the switch that renews golden files."""

from __future__ import annotations

import pytest
from hypothesis import settings

# A loaded machine is slow now and then, which says nothing about the code.
settings.register_profile("irrgate", deadline=None)
settings.load_profile("irrgate")


TRUTH = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite the files of tests/golden, to be reviewed"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the truth tests judged, by daemon and family, and in all."""
    found: dict[tuple[str, str], list[int]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "truth" and getattr(report, "when", "") == "teardown":
                    platform, family, judged, wrong = value
                    sums = found.setdefault((platform, family), [0, 0])
                    sums[0], sums[1] = sums[0] + judged, sums[1] + wrong
    if found:
        lines = [
            f"{platform} {family}: {judged} routes judged, {wrong} wrong"
            for (platform, family), (judged, wrong) in sorted(found.items())
        ]
        judged, wrong = (sum(each[at] for each in found.values()) for at in (0, 1))
        terminalreporter.config.stash[TRUTH] = [*lines, f"{judged} routes judged, {wrong} wrong"]


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was judged comes last, after pytest's own words."""
    for line in config.stash.get(TRUTH, []):
        print(line)

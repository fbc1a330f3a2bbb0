"""What is promised on each platform: docs/platforms.md says it as the code does.

`pytest --update tests/unit/platforms/test_capabilities.py` writes the page anew.
"""

from __future__ import annotations

import dataclasses

import pytest

from irrgate.platforms import PLATFORMS
from irrgate.platforms.promises import HEADINGS, capability_row, capability_rows, platforms_page
from tests.lab.harness import PROJECT


def test_the_page_in_the_docs_is_the_codes(request: pytest.FixtureRequest) -> None:
    path = PROJECT / "docs" / "platforms.md"
    if request.config.getoption("--update"):
        path.write_text(platforms_page(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == platforms_page()


def test_what_goes_wrong_on_a_platform_is_told_with_what_is_done_about_it() -> None:
    for name, platform in PLATFORMS.items():
        assert platform.capabilities.faults, name
        for each in platform.capabilities.faults:
            assert not each.fault.endswith("."), each
            assert not each.answer.endswith("."), each


def test_each_platform_has_its_row() -> None:
    rows = capability_rows()
    assert [row[0] for row in rows] == list(PLATFORMS)
    assert {len(row) for row in rows} == {len(HEADINGS)}
    assert all(all(row) for row in rows)


@pytest.mark.parametrize(
    ("change", "column", "cell"),
    [
        ({"atomic": False}, "atomic", "no"),
        ({"commit_confirm": False}, "commit-confirm", "no"),
        (
            {"commit_confirm": False},
            "the way back",
            "the filters as they were, sent again and read back",
        ),
        ({"revert_step": 1}, "commit-confirm", "any seconds"),
        ({"revert_step": 60}, "commit-confirm", "multiples of 60 s"),
        ({"max_name": 31, "max_sequence": None}, "limits", "names of 31 characters"),
        (
            {"max_name": 31, "max_sequence": 9},
            "limits",
            "names of 31 characters, sequence numbers to 9",
        ),
    ],
)
def test_a_promise_less_is_a_cell_that_says_so(
    change: dict[str, bool | int | None], column: str, cell: str
) -> None:
    has = dataclasses.replace(PLATFORMS["eos"].capabilities, **change)  # type: ignore[arg-type]
    assert capability_row(has)[HEADINGS.index(column) - 1] == cell

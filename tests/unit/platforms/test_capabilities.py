"""The table of what is promised on each platform: docs/routers.md has it as the code has it."""

from __future__ import annotations

import dataclasses

import pytest

from irrgate.platforms import (
    CAPABILITY_HEADINGS,
    PLATFORMS,
    _capability_row,
    capability_rows,
)
from tests.lab.harness import PROJECT


def markdown() -> str:
    rows = [CAPABILITY_HEADINGS, tuple("---" for _ in CAPABILITY_HEADINGS), *capability_rows()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def test_the_table_in_the_docs_is_the_codes() -> None:
    text = (PROJECT / "docs" / "routers.md").read_text(encoding="utf-8")
    assert text.count("| platform | update |") == 1
    assert f"\n\n{markdown()}\n" in text, f"docs/routers.md should have this table:\n{markdown()}"


def test_each_platform_has_its_row() -> None:
    rows = capability_rows()
    assert [row[0] for row in rows] == list(PLATFORMS)
    assert {len(row) for row in rows} == {len(CAPABILITY_HEADINGS)}
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
    assert _capability_row(has)[CAPABILITY_HEADINGS.index(column) - 1] == cell

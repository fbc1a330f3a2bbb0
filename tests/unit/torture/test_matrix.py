"""What a torture run prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.matrix import BEGIN, END, Result, lost, table, verdict, write_table

RESULTS = [
    Result("eos", "cut", "eos: cut, at load"),
    Result("eos", "cut", "eos: cut, at commit", ("a lock is left",)),
    Result("junos", "hang", "junos: hang, at load"),
]
TABLE = """\
| fault | eos | junos |
|---|---|---|
| cut | 1/2 |  |
| hang |  | 1/1 |
| all | 1/2 | 1/1 |
"""


def test_the_table_has_platforms_across_and_faults_down() -> None:
    assert table(RESULTS, ["eos", "junos"], ["cut", "never tried", "hang"]) == TABLE


def test_what_was_lost_is_told_and_counted() -> None:
    assert lost(RESULTS) == "lost: eos: cut, at commit\n    a lock is left\n"
    assert verdict(RESULTS) == "3 cases, 1 lost"
    assert verdict([RESULTS[0]]) == "1 cases, 0 lost"


def test_the_table_is_written_between_its_marks(tmp_path: Path) -> None:
    path = tmp_path / "reliability.md"
    path.write_text(f"# Before\n\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        write_table(path, TABLE, "3 cases, 1 lost")
        text = f"# Before\n\n{BEGIN}\n\n{TABLE}\n3 cases, 1 lost\n\n{END}\nafter\n"
        assert path.read_text() == text
    path.write_text("no marks")
    with pytest.raises(ValueError, match="has no place for the table"):
        write_table(path, TABLE, "")

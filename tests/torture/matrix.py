"""The result of a torture run: a table, platforms across and faults down, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

BEGIN = "<!-- the table is written by: make torture -->"
END = "<!-- end of the table -->"


@dataclass(frozen=True, slots=True)
class Result:
    """One case: its cell of the table, its name, and what is wrong with it (nothing: passed)."""

    column: str
    row: str
    name: str
    problems: tuple[str, ...] = ()


def table(results: Sequence[Result], columns: Sequence[str], rows: Sequence[str]) -> str:
    """The matrix as Markdown; a cell is passed/total, or empty where there is no such case."""
    lines = [
        "| fault | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for row in rows:
        of_row = [each for each in results if each.row == row]
        cells = [_cell([each for each in of_row if each.column == column]) for column in columns]
        if of_row:
            lines.append(f"| {row} | " + " | ".join(cells) + " |")
    totals = [_cell([each for each in results if each.column == column]) for column in columns]
    lines.append("| all | " + " | ".join(totals) + " |")
    return "\n".join(lines) + "\n"


def _cell(results: Sequence[Result]) -> str:
    if not results:
        return ""
    return f"{sum(not each.problems for each in results)}/{len(results)}"


def lost(results: Sequence[Result]) -> str:
    """Every case that was lost, with why."""
    return "".join(
        f"lost: {each.name}\n" + "".join(f"    {problem}\n" for problem in each.problems)
        for each in results
        if each.problems
    )


def verdict(results: Sequence[Result]) -> str:
    """The last line of a run."""
    return f"{len(results)} cases, {sum(bool(each.problems) for each in results)} lost"


def write_table(path: Path, text: str, line: str) -> None:
    """Put the table and the verdict between the marks of a document."""
    document = path.read_text(encoding="utf-8")
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no place for the table, between {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{line}\n\n{END}{after}", encoding="utf-8")

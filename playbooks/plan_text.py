"""A plan on a terminal, and as Markdown for a merge request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from irrgate.plan import Plan
from irrgate.plan_file import PlanFile
from playbooks import plan_view
from playbooks.plan_view import Excerpt

_STYLES: Final = {
    "change": "yellow",
    "new": "green",
    "held": "bold magenta",
    "failed": "bold red",
    "unknown": "bold magenta",
    "stale": "bold magenta",
    "too_old": "bold red",
    "remove": "yellow",
    "still referred to": "magenta",
    "done": "green",
    "reverted": "bold red",
}

_KEPT: Final = frozenset({"Router", "Status", "Added", "Removed"})
_KEPT_WIDTH: Final = 16


def show_text(opened: PlanFile, path: str, console: Console, *, everything: bool = False) -> None:
    """Print the plan as tables, with the prefixes and the diffs shortened."""
    plan = opened.plan
    told = escape(plan_view.headline(plan))
    console.print(f"[bold]Plan {opened.digest[:12]}[/] {told}", highlight=False)
    print_table(
        console,
        "Routers",
        ("Router", "Peer", "Filter", "Added", "Removed", "Status", "Reason"),
        [
            (r.router, r.peer, r.filter, r.added, r.removed, r.status, r.reason)
            for r in plan_view.router_rows(plan, everything=everything)
        ],
    )
    print_table(
        console,
        "Filters",
        (
            "Peer",
            "Filter",
            "Status",
            "From",
            "Registered",
            "Dropped",
            "Entries",
            "Server",
            "Reason",
        ),
        [
            (
                r.peer,
                r.filter,
                r.status,
                r.objects,
                r.registered,
                r.dropped,
                r.entries,
                r.server,
                r.reason,
            )
            for r in plan_view.peer_rows(plan, everything=everything)
        ],
    )
    if everything:
        print_table(
            console,
            "Guards",
            ("Filter", "Router", "Guard", "Figure", "Limit", "Verdict"),
            [
                (r.filter, r.routers, r.guard, r.figure, r.limit, r.verdict)
                for r in plan_view.guard_rows(plan)
            ],
        )
    for excerpt in plan_view.deltas(opened, path):
        _print_excerpt(console, "Prefixes", excerpt)
    for excerpt in plan_view.diffs(opened, path):
        _print_excerpt(console, "Diff of", excerpt)
    for line in (*plan_view.promises(plan), *plan_view.strangers(plan)):
        console.print(line, style="dim", markup=False, highlight=False)
    console.print(plan_view.summary(plan), style="bold", highlight=False)


def print_table(
    console: Console, title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print a table, if it has rows, without the columns in which nothing stands."""
    listed = list(rows)
    if not listed:
        return
    used = [i for i in range(len(headings)) if any(row[i] for row in listed)]
    table = Table(title=title, title_justify="left", title_style="bold", show_edge=False)
    for i in used:
        right = headings[i] in {"Added", "Removed", "Registered", "Entries"}
        justify: Literal["right", "left"] = "right" if right else "left"
        # On a narrow terminal the other columns fold first: these are what is looked for.
        short = max(len(row[i]) for row in listed) <= _KEPT_WIDTH
        whole = short and headings[i] in _KEPT
        table.add_column(headings[i], justify=justify, overflow="fold", no_wrap=whole)
    for row in listed:
        table.add_row(*(_styled(row[i], headings[i]) for i in used))
    console.print(table)
    console.print()


def _styled(text: str, heading: str) -> str:
    style = _STYLES.get(text) if heading == "Status" else None
    if heading == "Added":
        style = "green"
    if heading == "Removed":
        style = "red"
    return f"[{style}]{escape(text)}[/]" if style and text else escape(text)


def _print_excerpt(console: Console, kind: str, excerpt: Excerpt) -> None:
    console.print(f"{kind} {excerpt.title}", style="bold", markup=False, highlight=False)
    for line in excerpt.lines:
        stripped = line.lstrip()
        style = "green" if stripped[:1] == "+" else "red" if stripped[:1] == "-" else ""
        console.print(f"  {line}", style=style, markup=False, highlight=False, soft_wrap=True)
    if excerpt.more:
        console.print(
            f"  … {excerpt.more} more: {excerpt.where}", style="dim", markup=False, highlight=False
        )
    console.print()


def markdown(opened: PlanFile, path: str, *, everything: bool = False) -> str:
    """Return the plan as GitHub and GitLab render it."""
    plan = opened.plan
    lines = [f"## irrgate plan `{opened.digest[:12]}`", "", plan_view.summary(plan), ""]
    lines += [f"Plan {_cell(plan_view.headline(plan))}", ""]
    routers = list(plan_view.router_rows(plan, everything=everything))
    if routers:
        lines += [
            "| Router | Peer | Filter | Added | Removed | Status | Reason |",
            "|---|---|---|---:|---:|---|---|",
        ]
        lines += [
            _row(r.router, r.peer, r.filter, r.added, r.removed, r.status, r.reason)
            for r in routers
        ]
        lines.append("")
    problems = [r for r in plan_view.peer_rows(plan, everything=everything) if r.reason]
    lines += [f"- **{_cell(r.filter)}** {r.status}: {_cell(r.reason)}" for r in problems]
    lines += [""] if problems else []
    for title, excerpts in (
        ("Prefixes", plan_view.deltas(opened, path)),
        ("Diff of", plan_view.diffs(opened, path)),
    ):
        for excerpt in excerpts:
            lines += _details(title, excerpt)
    if everything:
        lines += _guards(plan)
    lines += [
        f"- {_cell(line)}" for line in (*plan_view.promises(plan), *plan_view.strangers(plan))
    ]
    return "\n".join(lines).rstrip() + "\n"


def _guards(plan: Plan) -> list[str]:
    rows = list(plan_view.guard_rows(plan))
    if not rows:
        return []
    head = ["| Filter | Router | Guard | Figure | Limit | Verdict |", "|---|---|---|---|---|---|"]
    cells = [_row(r.filter, r.routers, r.guard, r.figure, r.limit, r.verdict) for r in rows]
    return [*head, *cells, ""]


def _details(title: str, excerpt: Excerpt) -> list[str]:
    more = [f"… {excerpt.more} more: {excerpt.where}"] if excerpt.more else []
    fence = "`" * 4
    return [
        f"<details><summary>{title} {_cell(excerpt.title)}</summary>",
        "",
        f"{fence}diff",
        *(line.replace(fence, "") for line in excerpt.lines),
        *more,
        fence,
        "",
        "</details>",
        "",
    ]


def _row(*cells: str) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


_ESCAPES: Final = str.maketrans({c: f"\\{c}" for c in "\\`*_{}[]<>#|"} | {"\n": " "})


def _cell(text: str) -> str:
    return text.translate(_ESCAPES)

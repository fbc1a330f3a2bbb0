"""The commands that make plans and show them; no router is changed."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from irrgate.plan import Plan
from irrgate.plan_file import PlanFile
from irrgate.reports import RunKind
from playbooks.options import Everything, Limit, RouterWorkers
from playbooks.plan_text import markdown, show_text
from playbooks.planning import PlanRequest, make_plan
from playbooks.progress import Steps
from playbooks.reporting import telling
from playbooks.terminal import Exit, Terminal, local_now, told_errors


class ShowFormat(StrEnum):
    """How `show` prints a plan."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


def plan(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="The plan file to write.")] = Path(
        "plan.zip"
    ),
    limit: Limit = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Stop before the routers are asked.")
    ] = False,
    everything: Everything = False,
    router_workers: RouterWorkers = 20,
) -> None:
    """Expand, render, and dry-run on every router; write the plan. Changes no router."""
    terminal: Terminal = context.obj
    with told_errors(), telling(terminal, RunKind.PLAN) as told, Steps(terminal.err) as steps:
        told.workspace = workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            request = PlanRequest(
                workspace,
                terminal.environ,
                local_now(),
                time.monotonic,
                state,
                tuple(limit or ()),
                offline,
                router_workers,
            )
            made = make_plan(request, out, steps)
            told.planned(made, plan_exit(made))
    show_plan(terminal, out, ShowFormat.TEXT, everything=everything)
    typer.echo(f"plan written to {out}", err=True)
    raise typer.Exit(plan_exit(made))


def plan_exit(made: Plan) -> Exit:
    """Return the exit code of a plan."""
    if made.has_problems:
        return Exit.PROBLEMS
    return Exit.CHANGES if made.has_changes else Exit.DONE


def show(
    context: typer.Context,
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN")],
    form: Annotated[ShowFormat, typer.Option("--format", "-f", help="How.")] = ShowFormat.TEXT,
    everything: Everything = False,
) -> None:
    """Print a plan for people."""
    show_plan(context.obj, plan_file, form, everything=everything)


def show_plan(terminal: Terminal, path: Path, form: ShowFormat, *, everything: bool) -> None:
    """Print the plan of a file."""
    with told_errors(), PlanFile(path) as opened:
        if terminal.as_json or form is ShowFormat.JSON:
            typer.echo(opened.plan.model_dump_json(by_alias=True, indent=1))
        elif form is ShowFormat.MARKDOWN:
            typer.echo(markdown(opened, str(path), everything=everything), nl=False)
        else:
            show_text(opened, str(path), terminal.out, everything=everything)

"""The commands that change routers: apply, refresh, recover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from irrgate.commits import CommitReport
from irrgate.network import Workspace
from irrgate.plan_file import PlanFile
from irrgate.reports import RunKind
from playbooks.applying import Applied, ApplyRequest, apply_plan
from playbooks.batches import Canary
from playbooks.options import Limit, RouterWorkers
from playbooks.plan_text import print_table
from playbooks.progress import Steps
from playbooks.recovering import recover_workspace
from playbooks.refreshing import Refreshed, refresh_routers
from playbooks.reporting import telling
from playbooks.terminal import Exit, Terminal, local_now, tell, told_errors

if TYPE_CHECKING:  # at run time it would load SQLAlchemy, for any command
    from irrgate.state import State

CanaryOption = Annotated[
    list[str] | None,
    typer.Option(
        "--canary",
        metavar="N|HOST",
        help="So many routers, or these (repeatable), first; the others when they came through.",
    ),
]
Batch = Annotated[
    int | None, typer.Option(min=1, help="So many routers at a time, after the canary.")
]
MaxFailures = Annotated[
    int | None, typer.Option(min=0, help="Begin no further router once more than so many failed.")
]
RevertIn = Annotated[
    int | None,
    typer.Option(
        min=60, max=3600, help="Seconds after which a router undoes what was not confirmed."
    ),
]
OutsideWindow = Annotated[
    str,
    typer.Option(
        metavar="REASON", help="Change routers outside of their change windows; it is recorded."
    ),
]
Reason = Annotated[str, typer.Option(help="Why, for the history.")]


def apply(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    context: typer.Context,
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN")],
    limit: Limit = None,
    canary: CanaryOption = None,
    batch: Batch = None,
    max_failures: MaxFailures = None,
    revert_in: RevertIn = None,
    outside_window: OutsideWindow = "",
    reason: Reason = "",
    router_workers: RouterWorkers = 20,
) -> None:
    """Commit what was reviewed: the plan's bytes, where the router is still as it was."""
    terminal: Terminal = context.obj
    with (
        told_errors(),
        telling(terminal, RunKind.APPLY) as told,
        PlanFile(plan_file) as opened,
        Steps(terminal.err) as steps,
    ):
        told.workspace = workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            request = _requesting(terminal, workspace, state, limit, canary)(
                batch, max_failures, revert_in, outside_window, reason, router_workers
            )
            applied = apply_plan(request, opened, str(plan_file), steps)
            has_problems = opened.plan.has_problems
            code = apply_exit(applied, has_problems=has_problems)
            told.applied(opened.plan, applied, code, state)
    tell_applied(terminal, applied)
    if has_problems and not terminal.as_json:
        typer.echo("the plan holds things back: irrgate show lists them", err=True)
    raise typer.Exit(code)


def refresh(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    context: typer.Context,
    limit: Limit = None,
    canary: CanaryOption = None,
    batch: Batch = None,
    max_failures: MaxFailures = None,
    revert_in: RevertIn = None,
    outside_window: OutsideWindow = "",
    reason: Reason = "",
    router_workers: RouterWorkers = 20,
) -> None:
    """Plan and apply, unattended, within the guards and the change windows."""
    terminal: Terminal = context.obj
    with (
        told_errors(),
        telling(terminal, RunKind.REFRESH) as told,
        Steps(terminal.err) as steps,
    ):
        told.workspace = workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            request = _requesting(terminal, workspace, state, limit, canary)(
                batch, max_failures, revert_in, outside_window, reason, router_workers
            )
            refreshed = refresh_routers(request, steps)
            told.applied(refreshed.made, refreshed.applied, refreshed.exit_code, state)
    _tell_refreshed(terminal, refreshed)
    raise typer.Exit(refreshed.exit_code)


def recover(
    context: typer.Context, limit: Limit = None, router_workers: RouterWorkers = 20
) -> None:
    """Bring to an end what a run that died has begun; apply and refresh do it first as well."""
    terminal: Terminal = context.obj
    with told_errors(), Steps(terminal.err) as steps:
        workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            request = _requesting(terminal, workspace, state, limit)(router_workers=router_workers)
            reports = recover_workspace(request, steps)
    rows = _rows(reports)
    if terminal.as_json:
        terminal.print_json([_row_json(row) for row in rows])
    else:
        print_table(terminal.out, "Recovered", ("Router", "Status", "Reason"), rows)
        if not rows:
            typer.echo("nothing was left unfinished")
    if any(not each.outcome.is_settled for each in reports.values()):
        raise typer.Exit(Exit.PROBLEMS)


def _requesting(
    terminal: Terminal,
    workspace: Workspace,
    state: State,
    limit: Sequence[str] | None,
    canary: Sequence[str] | None = None,
) -> partial[ApplyRequest]:
    """Return what makes the request of the rest of its options."""
    return partial(
        ApplyRequest,
        workspace,
        terminal.environ,
        state,
        local_now,
        tuple(limit or ()),
        Canary.parse(canary) if canary else None,
    )


def apply_exit(applied: Applied, *, has_problems: bool) -> Exit:
    """Return the exit code of an apply."""
    if applied.interrupted:
        return Exit.INTERRUPTED
    if has_problems or not applied.is_done or not applied.is_settled:
        return Exit.PROBLEMS
    return Exit.DONE


def tell_applied(terminal: Terminal, applied: Applied) -> None:
    """Print what came of each router."""
    if applied.trouble is not None:
        tell(applied.trouble)
    rows = _rows(applied.outcomes)
    if terminal.as_json:
        terminal.print_json(
            {
                "deployment": applied.deployment,
                "routers": [_row_json(row) for row in rows],
                "recovered": [_row_json(row) for row in _rows(applied.recovered)],
                "interrupted": applied.interrupted,
                "trouble": str(applied.trouble or ""),
            }
        )
        return
    table = ("Router", "Status", "Reason")
    print_table(terminal.out, "Left unfinished by an earlier run", table, _rows(applied.recovered))
    title = f"Deployment {applied.deployment}" if applied.deployment else "Apply"
    print_table(terminal.out, title, table, rows)
    if not rows:
        typer.echo("nothing to change")
    for name, each in applied.outcomes.items():
        for line in each.since:
            typer.echo(f"{name} since the review: {line}", err=True)
        if each.diff:
            typer.echo(f"the diff of {name} now, not the reviewed one:\n{each.diff}", err=True)


def _tell_refreshed(terminal: Terminal, refreshed: Refreshed) -> None:
    if refreshed.applied is not None:
        tell_applied(terminal, refreshed.applied)
    if not terminal.as_json:
        typer.echo(f"plan kept as {refreshed.plan}", err=True)
        if refreshed.held:
            typer.echo("held back:", err=True)
        for line in refreshed.held:
            typer.echo(f"  {line}", err=True)


def _rows(reports: Mapping[str, CommitReport]) -> list[tuple[str, str, str]]:
    return [
        (name, str(each.outcome), f"{each.reason} ({each.hint})" if each.hint else each.reason)
        for name, each in reports.items()
    ]


def _row_json(row: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("router", "outcome", "reason"), row, strict=True))

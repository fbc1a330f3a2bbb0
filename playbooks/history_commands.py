"""The commands that look back: history, and rollback, which plans the way back."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from playbooks.options import Everything, Limit, RouterWorkers
from playbooks.plan_commands import ShowFormat, plan_exit, show_plan
from playbooks.plan_text import print_table
from playbooks.planning import PlanRequest
from playbooks.progress import Steps
from playbooks.rolling_back import plan_way_back
from playbooks.terminal import Terminal, local_now, told_errors

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import Deployment, DeploymentHost

Number = Annotated[int, typer.Argument(metavar="DEPLOYMENT", min=1, help="As history lists it.")]


def history(
    context: typer.Context,
    deployment: Annotated[
        int | None, typer.Argument(metavar="[DEPLOYMENT]", min=1, help="One, with its journal.")
    ] = None,
    limit: Annotated[int, typer.Option("--last", "-n", min=1, help="So many.")] = 20,
) -> None:
    """List who changed which routers, when and why, and what came of it."""
    terminal: Terminal = context.obj
    with told_errors():
        workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            found = [state.deployment(deployment)] if deployment else list(state.deployments(limit))
    if terminal.as_json:
        terminal.print_json([_json(each) for each in found])
        return
    if deployment:
        _print_one(terminal, found[0])
        return
    print_table(
        terminal.out,
        "History",
        ("Deployment", "Began", "Kind", "Who", "Routers", "Result", "Reason"),
        [
            (
                str(each.id),
                _when(each.began_at),
                each.kind,
                each.who,
                _counted(each),
                each.result or "has not ended",
                _reason(each),
            )
            for each in found
        ],
    )
    if not found:
        typer.echo("no deployment yet")


def rollback(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    context: typer.Context,
    deployment: Number,
    out: Annotated[Path, typer.Option("--out", "-o", help="The plan file to write.")] = Path(
        "rollback.zip"
    ),
    limit: Limit = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    everything: Everything = False,
    router_workers: RouterWorkers = 20,
) -> None:
    """Plan the way back from a deployment; apply then commits it. Changes no router."""
    terminal: Terminal = context.obj
    with told_errors(), Steps(terminal.err) as steps:
        workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            request = PlanRequest(
                workspace,
                terminal.environ,
                local_now(),
                time.monotonic,
                state,
                tuple(limit or ()),
                router_workers=router_workers,
                reason=reason,
            )
            made = plan_way_back(request, deployment, out, steps)
    show_plan(terminal, out, ShowFormat.TEXT, everything=everything)
    typer.echo(f"plan written to {out}; irrgate apply {out} commits it", err=True)
    typer.echo(
        "refresh holds what is rolled back from until the registry changes or it is accepted",
        err=True,
    )
    raise typer.Exit(plan_exit(made))


def _print_one(terminal: Terminal, one: Deployment) -> None:
    typer.echo(f"deployment {one.id}: {one.kind} by {one.who}, {_when(one.began_at)}")
    typer.echo(f"plan {one.plan[:12]}, result: {one.result or 'has not ended'}")
    if _reason(one):
        typer.echo(_reason(one))
    print_table(
        terminal.out,
        "Routers",
        ("Router", "Status", "Began", "Ended", "Steps", "Filters", "Reason"),
        [
            (
                each.host,
                each.outcome or ("unfinished" if each.is_unfinished else "not begun"),
                _when(each.began_at),
                _when(each.ended_at),
                ", ".join(entry.step for entry in each.journal),
                str(len(each.before)) if each.before else "",
                each.reason,
            )
            for each in one.hosts
        ],
    )


def _counted(one: Deployment) -> str:
    outcomes = [each.outcome or "not ended" for each in one.hosts]
    return ", ".join(f"{outcomes.count(each)} {each}" for each in dict.fromkeys(outcomes))


def _reason(one: Deployment) -> str:
    outside = f"outside the change window: {one.outside_window}" if one.outside_window else ""
    return "; ".join(filter(None, (one.reason, outside)))


def _when(moment: datetime | None) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds") if moment else ""


def _json(one: Deployment) -> dict[str, Any]:
    return {
        "deployment": one.id,
        "kind": one.kind,
        "who": one.who,
        "reason": one.reason,
        "outside_window": one.outside_window,
        "plan": one.plan,
        "began": one.began_at.isoformat(),
        "ended": one.ended_at.isoformat() if one.ended_at else None,
        "result": one.result,
        "routers": [_host_json(each) for each in one.hosts],
    }


def _host_json(each: DeploymentHost) -> dict[str, Any]:
    return {
        "router": each.host,
        "outcome": each.outcome,
        "reason": each.reason,
        "before": dict(each.before),
        "after": dict(each.after),
        "journal": [{"step": e.step, "at": e.at.isoformat()} for e in each.journal],
    }

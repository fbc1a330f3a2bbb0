"""What a run tells the world outside of its terminal: the metrics file, and a message.

Neither can change what came of the run: what goes wrong with them is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import typer

from irrgate.commits import CommitReport
from irrgate.errors import IrrgateError, MetricsError
from irrgate.metrics import write_metrics
from irrgate.network import DEFAULT_NOTIFY, Workspace
from irrgate.plan import Plan, Purpose
from irrgate.reports import RouterOutcome, RunKind, RunReport, report_of_plan
from playbooks.applying import Applied
from playbooks.notifying import notify
from playbooks.terminal import Exit, Terminal, local_now

if TYPE_CHECKING:  # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed
    from irrgate.state import State


@dataclass
class RunTeller:
    """Collects what a run comes to; made by `telling`."""

    kind: RunKind
    started: datetime
    workspace: Workspace | None = None
    """to be set as soon as it is known: it says where to write and what is worth a message"""
    report: RunReport | None = field(default=None, init=False)

    def planned(self, plan: Plan, exit_code: Exit) -> None:
        """Note a plan that was made and no more."""
        self.report = report_of_plan(
            plan, kind=self.kind, started=self.started, ended=local_now(), exit_code=exit_code
        )

    def applied(self, plan: Plan, applied: Applied, exit_code: Exit, state: State) -> None:
        """Note what came of the plan's routers."""
        kind = RunKind.ROLLBACK if plan.purpose is Purpose.ROLLBACK else self.kind
        unsettled = {
            name: each for name, each in applied.recovered.items() if not each.outcome.is_settled
        }
        self.report = report_of_plan(
            plan,
            kind=kind,
            started=self.started,
            ended=local_now(),
            exit_code=exit_code,
            deployment=applied.deployment,
            outcomes=_outcomes({**unsettled, **applied.outcomes}, _seconds(applied, state)),
        )

    def failed(self, reason: str) -> None:
        """Note that the run could not be made."""
        self.report = RunReport(
            kind=self.kind,
            started=self.started,
            ended=local_now(),
            exit_code=Exit.COULD_NOT_RUN,
            whole=False,
            failure=reason,
        )


@contextmanager
def telling(terminal: Terminal, kind: RunKind) -> Iterator[RunTeller]:
    """Tell of the run in the context when it has ended, be it by an error of ours."""
    teller = RunTeller(kind, local_now())
    try:
        yield teller
    except IrrgateError as exc:
        teller.failed(str(exc))
        raise
    finally:
        if teller.report is not None:
            for warning in tell_of_run(teller.report, teller.workspace, terminal.environ):
                typer.echo(f"warning: {warning}", err=True)


def tell_of_run(
    report: RunReport, workspace: Workspace | None, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Write the metrics and send the message that the workspace asks for; return warnings.

    Of a plan nobody is sent a message: who made it has it before them.
    """
    warnings: list[str] = []
    if workspace is not None and workspace.network.metrics is not None:
        try:
            write_metrics(workspace.network.metrics, report)
        except MetricsError as exc:
            warnings.append(str(exc))
    if report.kind is not RunKind.PLAN:
        events = DEFAULT_NOTIFY if workspace is None else workspace.network.notify
        warnings += notify(report, events, environ)
    return tuple(warnings)


def _outcomes(
    reports: Mapping[str, CommitReport], seconds: Mapping[str, float]
) -> dict[str, RouterOutcome]:
    return {
        name: RouterOutcome(str(each.outcome), each.reason, seconds.get(name, 0.0))
        for name, each in reports.items()
    }


def _seconds(applied: Applied, state: State) -> dict[str, float]:
    if applied.deployment is None or applied.trouble is not None:
        return {}
    return {
        each.host: max(0.0, (each.ended_at - each.began_at).total_seconds())
        for each in state.deployment(applied.deployment).hosts
        if each.began_at is not None and each.ended_at is not None
    }

"""The composition `refresh`: recover, plan and apply, unattended, and tell whoever must know."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from irrgate.errors import PlanError
from irrgate.plan import FilterStatus, HostStatus, Plan, Purpose
from irrgate.plan_file import PlanFile
from playbooks.applying import Applied, ApplyRequest, apply_plan
from playbooks.planning import PlanRequest, make_plan
from playbooks.progress import Steps
from playbooks.recovering import recover_workspace
from playbooks.terminal import Exit

PLANS: Final = ".irrgate/plans"
KEPT_PLANS: Final = 30
"""plans of refreshes that are kept; what they changed stays in the history"""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What came of a refresh."""

    plan: Path
    made: Plan
    applied: Applied
    exit_code: Exit
    held: tuple[str, ...]
    """what the plan holds back, a line each"""


def refresh_routers(request: ApplyRequest, steps: Steps) -> Refreshed:
    """Bring all routers to what the IRR says, as far as the guards and change windows allow.

    Raises IrrgateError when nothing could be planned at all.
    """
    workspace, state = request.workspace, request.state
    recovered = recover_workspace(request, steps)
    target = plan_path(workspace.directory, request.now())
    plan_request = PlanRequest(
        workspace,
        request.environ,
        request.now(),
        time.monotonic,
        state,
        request.limit,
        router_workers=request.router_workers,
        purpose=Purpose.REFRESH,
        reason=request.reason,
    )
    made = make_plan(plan_request, target, steps)
    applied = Applied(None, {})
    if made.has_changes:
        with PlanFile(target) as opened:
            applied = apply_plan(request, opened, str(target), steps)
    applied = replace(applied, recovered={**recovered, **applied.recovered})
    _tidy(request, target)
    return Refreshed(target, made, applied, refresh_exit(made, applied), tuple(held_lines(made)))


def plan_path(directory: Path, now: datetime) -> Path:
    """Return where the plan of a refresh is kept; makes the folder, for its owner only.

    Raises PlanError where there can be no such folder.
    """
    folder = directory / PLANS
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise PlanError(str(folder), f"cannot be made, to keep plans in: {exc.strerror}") from exc
    return folder / f"refresh-{now.strftime('%Y%m%dT%H%M%S%z')}.zip"


def refresh_exit(made: Plan, applied: Applied) -> Exit:
    """Return the exit code of a refresh; of several the first of 130, 3, 0 wins."""
    if applied.interrupted:
        return Exit.INTERRUPTED
    if made.has_problems or not applied.is_done or not applied.is_settled:
        return Exit.PROBLEMS
    return Exit.DONE


def held_lines(made: Plan) -> list[str]:
    """Return what a plan holds back or could not look at, a line each."""
    of_peers = {
        each.name: each.reason
        for peer in made.peers.values()
        for each in peer.filters.values()
        if each.status.is_problem
    }
    lines = [f"{name}: {reason}" for name, reason in of_peers.items()]
    alike: dict[tuple[str, str], list[str]] = {}
    for host, record in made.hosts.items():
        if record.status is HostStatus.FAILED:
            lines.append(f"{host}: {record.reason}")
        for name, each in record.filters.items():
            if each.status is FilterStatus.HELD and each.reason != of_peers.get(name):
                alike.setdefault((name, each.reason), []).append(host)
    lines += [f"{name} on {', '.join(hosts)}: {reason}" for (name, reason), hosts in alike.items()]
    return lines


def _tidy(request: ApplyRequest, target: Path) -> None:
    """Forget what is older than it has to be kept."""
    plans = sorted(set(target.parent.glob("refresh-*.zip")) - {target})
    for old in plans[: 1 - KEPT_PLANS]:
        # What cannot be removed is no reason to call the refresh a failure.
        with contextlib.suppress(OSError):
            old.unlink(missing_ok=True)
    keep: timedelta = request.workspace.network.state.keep
    request.state.prune(request.now() - keep)

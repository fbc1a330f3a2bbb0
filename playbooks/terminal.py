"""What the commands share: results to standard output, the rest to standard error, exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from irrgate.errors import IrrgateError
from irrgate.network import Workspace
from irrgate.platforms import PLATFORMS
from irrgate.workspace import WorkspaceErrors, load_workspace

if TYPE_CHECKING:
    from irrgate.state import State

PIPE_WIDTH = 160
"""columns of tables where nobody says how wide the output is"""


class Exit(IntEnum):
    """Exit codes, as pipelines read them; of several the first of 1, 3, 2, 0 wins."""

    DONE = 0
    """nothing to change, or all done"""
    COULD_NOT_RUN = 1
    CHANGES = 2
    """the plan has changes"""
    PROBLEMS = 3
    """something was held back or failed, and the rest is right"""
    INTERRUPTED = 130
    """Ctrl-C"""


@dataclass(frozen=True, slots=True)
class Terminal:
    """What was said before the command: the workspace, and how to answer."""

    directory: Path
    as_json: bool
    environ: Mapping[str, str]
    out: Console
    err: Console

    def workspace(self) -> Workspace:
        """Read the workspace; raises WorkspaceErrors."""
        return load_workspace(self.directory, known_platforms=tuple(PLATFORMS))

    def state(self, workspace: Workspace) -> State:
        """Open the workspace's state, a context manager; raises StateError."""
        # SQLAlchemy takes 0.2 s to load, for nothing where no state is needed.
        from irrgate.state import open_state  # noqa: PLC0415

        return open_state(workspace.directory, workspace.network.state.url, self.environ)

    def print_json(self, value: Any) -> None:
        """Print a result for programs."""
        typer.echo(json.dumps(value, indent=1))


def local_now() -> datetime:
    """Return the time with the machine's zone."""
    return datetime.now().astimezone()


def make_terminal(directory: Path, *, as_json: bool, environ: Mapping[str, str]) -> Terminal:
    """Return the terminal as it is; without one on the other end, lines are wide and plain."""
    given = environ.get("COLUMNS", "")
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    if given.isdecimal() and int(given):
        width = int(given)
    out = Console(file=sys.stdout, width=width, highlight=False)
    return Terminal(directory, as_json, environ, out, Console(stderr=True, highlight=False))


@contextmanager
def told_errors() -> Iterator[None]:
    """Print irrgate's own errors for people and leave with 1; anything else is a bug and passes."""
    try:
        yield
    except WorkspaceErrors as exc:
        for each in exc.errors:
            tell(each)
        typer.echo(f"{len(exc.errors)} error(s) in {exc.subject}", err=True)
        raise typer.Exit(Exit.COULD_NOT_RUN) from None
    except IrrgateError as exc:
        tell(exc)
        raise typer.Exit(Exit.COULD_NOT_RUN) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(Exit.INTERRUPTED) from None


def tell(error: IrrgateError) -> None:
    """Print one error, and what to do about it."""
    typer.echo(f"error: {error}", err=True)
    if error.hint:
        typer.echo(f"  hint: {error.hint}", err=True)

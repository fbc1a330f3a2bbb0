"""`check --devices --learn-keys`: the fingerprints, the question, and what was written."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from irrgate.errors import WorkspaceError
from irrgate.network import Workspace
from playbooks.checking import Finding
from playbooks.learning import Learned, Standing, learn, look
from playbooks.terminal import Terminal

_IS_FINE = frozenset({Standing.KNOWN, Standing.NEW, Standing.UNPROVEN})
_OWN_WORDS = {
    Standing.KNOWN: "known",
    Standing.NEW: "new",
    Standing.CHANGED: "CHANGED",
    Standing.UNPROVEN: "not proven",
    Standing.FAILED: "FAILED",
}


def learn_keys(
    terminal: Terminal, workspace: Workspace, limit: tuple[str, ...], workers: int, *, yes: bool
) -> list[Finding]:
    """Show who the routers say they are, and write what is new once a person has said yes.

    Raises WorkspaceError where there is nobody to ask.
    """
    found = look(workspace, terminal.environ, limit, workers)
    new = [each for each in found if each.standing is Standing.NEW]
    if new and _is_agreed(terminal, found, new, yes=yes):
        for path in learn(found):
            typer.echo(f"{path}: written", err=True)
    elif new:
        typer.echo("nothing was written", err=True)
    return [
        Finding(
            f"{each.router} is {_OWN_WORDS[each.standing]}",
            ok=each.standing in _IS_FINE,
            detail=each.detail,
            hint=each.hint,
        )
        for each in found
    ]


def _is_agreed(
    terminal: Terminal, found: Sequence[Learned], new: Sequence[Learned], *, yes: bool
) -> bool:
    if yes:
        return True
    if terminal.as_json or not sys.stdin.isatty():
        raise WorkspaceError(
            "--learn-keys",
            f"{len(new)} router(s) are not known yet, and there is nobody to ask",
            hint="run it at a terminal; or add --yes, on a network that you trust by itself",
        )
    for each in found:
        typer.echo(f"{_OWN_WORDS[each.standing]:10} {each.router}: {each.detail}", err=True)
    typer.echo(
        "Compare each new fingerprint with the one that the router itself shows, on its console.",
        err=True,
    )
    return typer.confirm(f"Trust these {len(new)} new router(s) from now on?", err=True)

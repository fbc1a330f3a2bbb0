"""`irrgate accept`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from irrgate.prefixes import Afi
from irrgate.rpsl import parse_asn
from playbooks.accepting import accept_held
from playbooks.identity import who
from playbooks.terminal import Terminal, told_errors


class Family(StrEnum):
    """The address families, as typed."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"


def accept(
    context: typer.Context,
    peer: Annotated[str, typer.Argument(metavar="PEER", help="As in AS64500.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the history.")],
    family: Annotated[Family | None, typer.Option("--afi", help="Only this family.")] = None,
) -> None:
    """Let what the last plan held of a peer through, this content and once; changes no router."""
    terminal: Terminal = context.obj
    afi = None if family is None else Afi(family.value)
    with told_errors():
        workspace = terminal.workspace()
        with terminal.state(workspace) as state:
            by = who(terminal.environ), reason
            accepted = accept_held(state, parse_asn(peer), afi, by, datetime.now().astimezone())
    if terminal.as_json:
        terminal.print_json([each.as_json() for each in accepted])
        return
    if len(accepted) > 1:
        typer.echo(f"{len(accepted)} filters of {peer} were held, and all are accepted:")
    for each in accepted:
        typer.echo(each.headline())
        for line in each.lines():
            typer.echo(f"  {line}")
    typer.echo("accepted once, and no other content: the next plan lets it through", err=True)

"""irrgate's command line."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from irrgate import __version__
from irrgate.starter import write_starter
from playbooks import irr
from playbooks.accept_command import accept
from playbooks.apply_commands import apply, recover, refresh
from playbooks.checking import check_devices, check_irr
from playbooks.expanding import expand_objects
from playbooks.history_commands import history, rollback
from playbooks.learn_keys import learn_keys
from playbooks.options import Limit, RouterWorkers
from playbooks.plan_commands import plan, show
from playbooks.progress import Steps
from playbooks.streams import StandardStreams
from playbooks.terminal import Exit, Terminal, make_terminal, told_errors

app = typer.Typer(
    name="irrgate",
    help="Keeps the prefix filters on a network's routers equal to what the registries say.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(irr.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"irrgate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Option("--workspace", "-w", help="The workspace.", metavar="DIR")
    ] = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="Results as JSON.")] = False,
    version: Annotated[  # noqa: ARG001 - typer's form of an option that only prints
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Read the options that come before the command."""
    context.obj = make_terminal(directory, as_json=as_json, environ=os.environ)


@app.command()
def init(directory: Annotated[Path, typer.Argument(metavar="DIR")]) -> None:
    """Write a commented workspace to start from."""
    with told_errors():
        for path in write_starter(directory):
            typer.echo(str(path))
    typer.echo(f"next: edit these, then run irrgate -w {directory} check", err=True)


@app.command()
def check(  # noqa: PLR0913, PLR0917 - an option each
    context: typer.Context,
    devices: Annotated[bool, typer.Option("--devices", help="Log in to each router.")] = False,
    irr_servers: Annotated[bool, typer.Option("--irr", help="Ask each IRR server.")] = False,
    learn: Annotated[
        bool,
        typer.Option("--learn-keys", help="Show who each router says it is; ask to keep it."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Keep what is new without asking.")] = False,
    limit: Limit = None,
    router_workers: RouterWorkers = 20,
) -> None:
    """Validate the workspace; with --devices and --irr what it points to as well."""
    terminal: Terminal = context.obj
    with told_errors():
        workspace = terminal.workspace()
        findings = []
        if irr_servers:
            findings += check_irr(workspace, terminal.environ)
        chosen = tuple(limit or ())
        if learn:
            findings += learn_keys(terminal, workspace, chosen, router_workers, yes=yes)
        if devices:
            findings += check_devices(workspace, terminal.environ, chosen, router_workers)
    if terminal.as_json:
        terminal.print_json(
            {
                "workspace": workspace.digest,
                "peers": len(workspace.peers),
                "hosts": len(workspace.hosts),
                "checks": [
                    {"what": f.what, "ok": f.ok, "detail": f.detail, "hint": f.hint}
                    for f in findings
                ],
            }
        )
    else:
        for finding in findings:
            typer.echo(f"{'ok     ' if finding.ok else 'FAILED '} {finding.what}: {finding.detail}")
            if finding.hint:
                typer.echo(f"         hint: {finding.hint}")
        typer.echo(
            f"{workspace.directory}: {len(workspace.hosts)} routers and {len(workspace.peers)} "
            "peers, no error in the workspace"
        )
    if not all(finding.ok for finding in findings):
        raise typer.Exit(Exit.PROBLEMS)


@app.command()
def expand(
    context: typer.Context,
    objects: Annotated[list[str], typer.Argument(metavar="OBJECT…", help="As-sets and ASNs.")],
    ipv4: Annotated[bool, typer.Option("-4", help="Only IPv4.")] = False,
    ipv6: Annotated[bool, typer.Option("-6", help="Only IPv6.")] = False,
) -> None:
    """Print the prefixes of as-sets and ASNs, as the network's policy sees them."""
    terminal: Terminal = context.obj
    with told_errors(), Steps(terminal.err) as steps:
        expanded = expand_objects(
            terminal.workspace(), objects, (ipv4, ipv6), terminal.environ, steps
        )
    if terminal.as_json:
        terminal.print_json([each.as_json() for each in expanded])
    else:
        for each in expanded:
            typer.echo(each.headline(), err=True)
            if each.prefixes:
                typer.echo("\n".join(each.prefixes))
    if not all(each.ok for each in expanded):
        raise typer.Exit(Exit.PROBLEMS)


for _command in (plan, show, accept, apply, refresh, recover, history, rollback):
    app.command()(_command)


def main() -> None:
    """Run the command line; the console script."""
    # The drivers log what goes wrong with tracebacks, and PyEZ warns of `an unknown exception` at
    # every answer that is no XML; what matters of it is in our own errors.
    # Threads that start and read bgpq4 wait for this long each time that another one computes:
    # with Python's 5 ms, 400 short runs are a sixth slower.
    sys.setswitchinterval(0.0005)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())
    for name in ("nornir", "paramiko", "ncclient", "pyeapi", "netmiko"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    # A pipeline that is cancelled, or a terminal that is closed, is left as cleanly as by Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    streams = StandardStreams()
    try:
        app()
    except SystemExit as exc:
        code = _exit_code(exc)
        lost = streams.failure()
        if lost:
            typer.echo(f"error: standard output: cannot be written: {lost}", err=True)
            code = Exit.COULD_NOT_RUN
        if code == Exit.INTERRUPTED:
            # Threads may wait for a router or a server, for minutes.
            os._exit(code)
        sys.exit(code)


def _exit_code(exc: SystemExit) -> int:
    code = exc.code if isinstance(exc.code, int) else Exit.DONE
    if code == Exit.CHANGES and not isinstance(exc.__context__, typer.Exit):
        # typer's code for a wrong command line, which a pipeline would take for changes.
        return Exit.COULD_NOT_RUN
    return code


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()

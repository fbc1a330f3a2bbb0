"""`irrgate irr`: the embedded IRR server and the snapshots that it answers from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from irrgate.errors import IrrgateError
from irrgate.irr.protocol import DEFAULT_PORT
from irrgate.irr.server import ServerSettings, serve
from irrgate.irr.snapshot import LoadReport, Problem, load_dumps
from irrgate.rpsl import parse_source

app = typer.Typer(
    name="irr",
    help="The embedded IRR server: RPSL dumps in, answers for bgpq4 out.",
    no_args_is_help=True,
)

_Snapshot = Annotated[Path, typer.Option("--snapshot", help="The snapshot file.")]


@app.command()
def load(
    dumps: Annotated[
        list[str], typer.Argument(help="RPSL dumps, plain or gzip; - is standard input.")
    ],
    snapshot: _Snapshot,
    source: Annotated[
        str, typer.Option(help="The source of objects that name none; else they are skipped.")
    ] = "",
    show_problems: Annotated[
        int, typer.Option(min=0, help="How many problems to print; all are counted.")
    ] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Read RPSL dumps into a new snapshot, which replaces the old one when it is whole."""
    shown = 0

    def tell(problem: Problem) -> None:
        nonlocal shown
        shown += 1
        if shown <= show_problems:
            typer.echo(f"warning: {problem}", err=True)
        elif show_problems and shown == show_problems + 1:
            typer.echo("warning: more problems follow, which are only counted", err=True)

    with _told_errors():
        default_source = parse_source(source).name if source else ""
        report = load_dumps(dumps, snapshot, on_problem=tell, default_source=default_source)
    if as_json:
        typer.echo(json.dumps({"snapshot": str(snapshot), **asdict(report)}, indent=2))
    else:
        _print_report(report, snapshot)


@app.command(name="serve")
def serve_command(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    snapshot: _Snapshot,
    listen: Annotated[
        list[str] | None,
        typer.Option(help="An address to listen on, repeatable; default 127.0.0.1 and ::1."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = DEFAULT_PORT,
    ready_file: Annotated[
        Path | None, typer.Option(help="Write the port here once clients can connect.")
    ] = None,
    max_clients: Annotated[int, typer.Option(min=1, help="Clients at once.")] = 512,
    idle: Annotated[
        float, typer.Option(min=0.1, help="Seconds after which a silent client is disconnected.")
    ] = 60.0,
) -> None:
    """Answer bgpq4 from a snapshot; prints `listening on port N` when ready."""

    def ready(bound: int) -> None:
        typer.echo(f"listening on port {bound}")
        if ready_file is not None:
            temporary = ready_file.with_name(f"{ready_file.name}.new")
            temporary.write_text(f"{bound}\n")
            temporary.replace(ready_file)

    with _told_errors():
        serve(
            ServerSettings(
                snapshot=snapshot,
                listen=tuple(listen or ()),
                port=port,
                max_clients=max_clients,
                idle_seconds=idle,
            ),
            on_ready=ready,
            on_warning=lambda text: typer.echo(f"warning: {text}", err=True),
        )


def _print_report(report: LoadReport, snapshot: Path) -> None:
    for source, classes in report.objects.items():
        counts = ", ".join(f"{number:,} {name}" for name, number in classes.items())
        typer.echo(f"{source}: {counts or 'nothing'}")
    other = sum(report.ignored.values())
    typer.echo(
        f"{snapshot}: {report.kept:,} objects kept, {report.duplicates:,} duplicate routes,"
        f" {other:,} of other classes"
    )
    for kind, number in report.problems.items():
        typer.echo(f"{number:,} times: {kind}", err=True)


@contextmanager
def _told_errors() -> Iterator[None]:
    try:
        yield
    except IrrgateError as exc:
        typer.echo(f"error: {exc}", err=True)
        if exc.hint:
            typer.echo(f"hint: {exc.hint}", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    app()

"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Limit = Annotated[
    list[str] | None,
    typer.Option("--limit", "-l", help="Only these hosts, groups or peers; repeatable."),
]
Everything = Annotated[bool, typer.Option("--all", help="Show what is unchanged as well.")]
RouterWorkers = Annotated[int, typer.Option(min=1, max=500, help="Routers at once.")]

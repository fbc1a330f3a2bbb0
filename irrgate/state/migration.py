"""Brings a database to the schema of this irrgate, or refuses the one of a newer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection, inspect, select, update

from irrgate.errors import StateError
from irrgate.state import schema


def _index_filters_by_host(connection: Connection) -> None:
    """Let what was left on a router be found without reading the whole history."""
    for index in schema.host_filters.indexes:
        if index.name == "host_filters_of":
            index.create(connection, checkfirst=True)


STEPS: Final[Mapping[int, Callable[[Connection], None]]] = {1: _index_filters_by_host}
"""by version: what makes a database of that version one of the next"""


def prepare(
    connection: Connection,
    where: str,
    *,
    newest: int = schema.SCHEMA_VERSION,
    steps: Mapping[int, Callable[[Connection], None]] = STEPS,
) -> None:
    """Create the tables or migrate them, in the transaction of the caller.

    Raises StateError for a database of a newer irrgate, or of another program.
    """
    found = _version(connection, where)
    if found is None:
        schema.metadata.create_all(connection)
        identity = secrets.token_hex(4)
        connection.execute(schema.version.insert().values(version=newest, identity=identity))
        return
    if found > newest:
        raise StateError(
            where,
            f"was written by a newer irrgate (version {found}; this one reads {newest})",
            hint="update this irrgate; it is left as it is",
        )
    for number in range(found, newest):
        steps[number](connection)
    if found < newest:
        connection.execute(update(schema.version).values(version=newest))


def _version(connection: Connection, where: str) -> int | None:
    tables = inspect(connection).get_table_names()
    if schema.version.name not in tables:
        ours = sorted(set(tables) & set(schema.metadata.tables))
        others = connection.dialect.name == "sqlite" and tables
        if ours or others:
            raise StateError(
                where,
                f"has a table {(ours or tables)[0]!a} and is no state of irrgate's",
                hint="name another database for the state, or move this one out of the way",
            )
        return None
    found: list[int] = list(connection.execute(select(schema.version.c.version)).scalars())
    if len(found) != 1 or found[0] < 1:
        raise StateError(
            where,
            "does not say by which version of irrgate it was written",
            hint="it is damaged: restore it from a backup",
        )
    return found[0]

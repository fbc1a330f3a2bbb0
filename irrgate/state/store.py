"""The state as a whole: opened by `open_state`, closed at the end of its block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import func, select

from irrgate.state import schema
from irrgate.state.database import Database
from irrgate.state.deployment_store import DeploymentStore
from irrgate.state.filter_store import FilterStore
from irrgate.state.history import History
from irrgate.state.locks import FileLocks, Locks
from irrgate.state.migration import prepare
from irrgate.state.records import Stored
from irrgate.state.sqlite import FOLDER, open_file

URL_VARIABLE: Final = "IRRGATE_STATE_URL"


class State(FilterStore, DeploymentStore, History):
    """What irrgate remembers of a network; for many threads at once, and many runs."""

    def __init__(self, database: Database, locks: Locks) -> None:
        super().__init__(database, locks)
        with database.reading() as connection:
            found = connection.execute(select(schema.version.c.identity)).scalar_one()
        self._identity = str(found)

    @property
    def where(self) -> str:
        """The file or server, without a password."""
        return self._database.where

    @property
    def identity(self) -> str:
        """Eight hexadecimal digits: the same for all runs that share this state, and no others."""
        return self._identity

    def stored(self) -> Stored:
        """Return what the state holds, in figures."""
        tables = (
            schema.good_filters, schema.held_filters, schema.prefix_sets, schema.deployments
        )  # fmt: skip
        with self._database.reading() as connection:
            counts = [
                connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in tables
            ]
        return Stored(self.where, schema.SCHEMA_VERSION, *counts)

    def close(self) -> None:
        """Give back all locks; a deployment without an end counts as left behind from here on."""
        self._running.clear()
        self._locks.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _now() -> datetime:
    return datetime.now(UTC)


def open_state(
    directory: Path,
    settings_url: str | None,
    environ: Mapping[str, str],
    *,
    clock: Callable[[], datetime] = _now,
) -> State:
    """Open the state of the workspace in `directory`, made or migrated where that is due.

    It lies in `.irrgate/state.db`, or in the PostgreSQL database that `settings_url` or, before
    it, IRRGATE_STATE_URL names. `clock` is only for telling others since when a lock is held.
    Raises StateError when it cannot be read and written, or was written by a newer irrgate.
    """
    url = environ.get(URL_VARIABLE) or settings_url
    locks: Locks
    if url:
        from irrgate.state.postgres import open_server  # noqa: PLC0415

        database, locks = open_server(url, clock)
    else:
        database = open_file(directory)
        locks = FileLocks(directory / FOLDER / "locks", clock)
    try:
        with database.writing() as connection:
            prepare(connection, database.where)
        return State(database, locks)
    except BaseException:
        database.close()
        raise

"""A database that holds a state: whole changes or none, and every failure as a StateError."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from irrgate.errors import StateError

Explain = Callable[[BaseException], tuple[str, str]]
"""from what the driver raised to (reason, hint)"""

WRITING = {"irrgate_writing": True}


class Database:
    """An engine with what it takes to say what is wrong with it; for many threads at once."""

    def __init__(self, engine: Engine, where: str, explain: Explain) -> None:
        self._engine = engine
        self._explain = explain
        self.where = where
        # SQLite lets waiting writers poll: threads of one process take turns here instead.
        self._turn = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a transaction that sees one moment; raises StateError."""
        with self.failures(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction: durable when the block has ended, or undone; raises StateError."""
        with self._turn, self.failures(), self._engine.connect() as plain:
            connection = plain.execution_options(**WRITING)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Close the connections that are not in use."""
        with self.failures():
            self._engine.dispose()

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn what the database raises in the block into StateError."""
        try:
            yield
        except SQLAlchemyError as exc:
            cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig else exc
            reason, hint = self._explain(cause)
            raise StateError(self.where, reason, hint=hint) from exc
        except ValueError as exc:
            # What a column holds is no time, ASN or family.
            raise StateError(
                self.where,
                f"holds what irrgate never wrote: {exc}",
                hint="it is damaged: restore it from a backup",
            ) from exc

"""Locks in PostgreSQL: advisory locks of one session, which end with it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection, Engine, delete, select, text
from sqlalchemy.exc import SQLAlchemyError

from irrgate.errors import StateError
from irrgate.state import schema
from irrgate.state.database import Database
from irrgate.state.locks import Clock, HostLock, Locked, described, lost, taken

_TAKE: Final = text("SELECT pg_try_advisory_lock(:key)")
_GIVE_BACK: Final = text("SELECT pg_advisory_unlock(:key)")
_SCHEMA: Final = text("SELECT current_schema()")
_STILL_HELD: Final = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND pid = pg_backend_pid() AND ((classid::bigint << 32) | objid::bigint) = :key"
)


class ServerLocks:
    """Locks for all machines that use the database, in one session of this run."""

    def __init__(self, engine: Engine, database: Database, clock: Clock) -> None:
        self._engine = engine.execution_options(irrgate_locks=True, isolation_level="AUTOCOMMIT")
        self._database = database
        self._clock = clock
        self._turn = threading.Lock()
        self._session: Connection | None = None
        self._schema = ""
        # The server would give one session the same lock twice.
        self._held: dict[int, _ServerLock] = {}

    def take(self, what: Locked, name: str, holder: str) -> HostLock:
        """Take the lock or raise LockedError; StateError when the server cannot be asked."""
        label = f"{what}/{name}"
        with self._asking() as session:
            key = _key(self._schema, label)
            if key in self._held or not session.execute(_TAKE, {"key": key}).scalar():
                raise taken(name, _holder(session, label))
            text = described(holder, self._clock())
            holders = schema.lock_holders
            session.execute(delete(holders).where(holders.c.name == label))
            session.execute(holders.insert().values(name=label, holder=text))
            lock = _ServerLock(self, key, label, name)
            self._held[key] = lock
            return lock

    def check(self, lock: _ServerLock) -> None:
        """Raise LockedError unless the session that took the lock lives and has it."""
        try:
            with self._asking() as session:
                if self._held.get(lock.key) is not lock:
                    raise lost(
                        lock.name, "it was given back, or the connection to the server ended"
                    )
                if session.execute(_STILL_HELD, {"key": lock.key}).scalar() != 1:
                    del self._held[lock.key]
                    raise lost(lock.name, "the server does not have it any more")
        except StateError as exc:
            raise lost(lock.name, f"{exc}") from exc

    def give_back(self, lock: _ServerLock) -> None:
        """Give the lock back, if it is still held."""
        # A server that does not answer has ended the session, and so the lock, or soon will.
        with suppress(StateError), self._asking() as session:
            if self._held.get(lock.key) is not lock:
                return
            del self._held[lock.key]
            holders = schema.lock_holders
            session.execute(delete(holders).where(holders.c.name == lock.label))
            session.execute(_GIVE_BACK, {"key": lock.key})

    def close(self) -> None:
        """Give back all locks that are still held, and end the session."""
        # One by one: the server ends a session some time after it was closed.
        for lock in tuple(self._held.values()):
            lock.release()
        with self._turn:
            self._forget()

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        with self._turn, self._database.failures():
            try:
                if self._session is None:
                    self._session = self._engine.connect()
                    # Never back into the pool: its locks would live on there.
                    self._session.detach()
                    self._schema = self._session.execute(_SCHEMA).scalar_one()
                yield self._session
            except SQLAlchemyError:
                self._forget()
                raise

    def _forget(self) -> None:
        session, self._session = self._session, None
        self._held.clear()
        if session is not None:
            with suppress(SQLAlchemyError):
                session.close()


class _ServerLock(HostLock):
    def __init__(self, locks: ServerLocks, key: int, label: str, name: str) -> None:
        super().__init__(name)
        self._locks = locks
        self.key = key
        self.label = label

    def check(self) -> None:
        self._locks.check(self)

    def release(self) -> None:
        self._locks.give_back(self)


def _key(schema_name: str, label: str) -> int:
    """Return the 64 bits, with a sign, that the server takes for a lock's name.

    They are of the whole database, in which each network may have a schema.
    """
    hashed = hashlib.sha256(f"irrgate lock {schema_name} {label}".encode()).digest()
    return int.from_bytes(hashed[:8], "big", signed=True)


def _holder(session: Connection, label: str) -> str:
    holders = schema.lock_holders
    found = session.execute(select(holders.c.holder).where(holders.c.name == label)).scalar()
    return found or ""

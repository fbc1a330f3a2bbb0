"""The state in a PostgreSQL database, for runs on several machines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import URL, Connection, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from irrgate.errors import StateError
from irrgate.state.database import Database
from irrgate.state.locks import Clock
from irrgate.state.postgres_locks import ServerLocks

_SCHEMES: Final = frozenset({"postgresql", "postgresql+psycopg"})
_SUBJECT: Final = "state.url"
_FORM: Final = (
    "write postgresql://USER@HOST/DATABASE; in a password, @ : / ? % as %40 %3A %2F %3F %25"
)
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]*")

_CONNECT: Final[Mapping[str, str]] = {
    # A server that went away without a word is noticed within a minute, not in two hours.
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "application_name": "irrgate",
}
_SESSION: Final = (
    # Whatever the server's default: what is written is on disk when a call returns.
    "SET synchronous_commit = on",
    "SET lock_timeout = '60s'",
    "SET idle_in_transaction_session_timeout = '10min'",
    # The locks of a machine that lost its power are free after a minute.
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
)
_ONE_WRITER: Final = 0x69727267_61746501
"""the key of the advisory lock under which a transaction writes: `irrgate` and a one"""


def open_server(text: str, clock: Clock) -> tuple[Database, ServerLocks]:
    """Return the database that the URL names, and the locks in it; raises StateError.

    No error has the URL's password in it, and nothing is connected to yet.
    """
    url = _parsed(text)
    where = _where(url)
    try:
        engine = create_engine(
            url, poolclass=QueuePool, pool_size=2, max_overflow=8, pool_pre_ping=True,
            hide_parameters=True,
        )  # fmt: skip
    except ModuleNotFoundError as exc:
        raise StateError(
            where,
            "needs psycopg, which is not installed",
            hint="run  pip install 'irrgate[postgres]'",
        ) from exc
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    database = Database(engine, where, _Explanation(url))
    return database, ServerLocks(engine, database, clock)


def _parsed(text: str) -> URL:
    scheme, found, _ = text.partition("://")
    if not found or scheme not in _SCHEMES:
        raise StateError(
            _SUBJECT,
            "is no URL of a PostgreSQL database",
            hint=f"{_FORM}; without a URL, the state is a file in .irrgate/",
        )
    url = None
    try:
        url = make_url(text)
        fits = url.port is None or 1 <= url.port <= 65535
    except (ArgumentError, ValueError):
        fits = False
    # With a second @ nobody can say where the password ends.
    fits = fits and text.count("@") <= 1
    if url is None or not fits or not url.database or not _HOST.fullmatch(url.host or ""):
        # Not one word of it: any part may be a piece of the password.
        raise StateError(_SUBJECT, "is no whole URL of a PostgreSQL database", hint=_FORM)
    defaults = {name: value for name, value in _CONNECT.items() if name not in url.query}
    return url.set(drivername="postgresql+psycopg").update_query_dict(defaults)


def _where(url: URL) -> str:
    asked = url.query.get("host", "the local server")
    host = url.host or (asked if isinstance(asked, str) else ", ".join(asked))
    port = f":{url.port}" if url.port else ""
    return f"the PostgreSQL database {ascii(url.database)[1:-1]} at {host}{port}"


def _configure(connection: Any, _record: object) -> None:
    autocommit, connection.autocommit = connection.autocommit, True
    for statement in _SESSION:
        connection.execute(statement)
    connection.autocommit = autocommit


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get("irrgate_writing"):
        # As in SQLite: whoever reads in order to write sees nothing change in between.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_WRITER})")
    elif not options.get("irrgate_locks"):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


class _Explanation:
    """Says in words what the driver raised, without the password."""

    def __init__(self, url: URL) -> None:
        secrets = {url.password, url.query.get("password")}
        self._secrets = [str(each) for each in secrets if each]

    def __call__(self, exc: BaseException) -> tuple[str, str]:
        state = getattr(exc, "sqlstate", None) or ""
        text = " ".join(str(exc).split())
        for secret in self._secrets:
            text = text.replace(secret, "***")
        for prefix, (reason, hint) in _REASONS.items():
            if state.startswith(prefix):
                return f"{reason} ({text})", hint
        if state:
            return f"cannot be used ({text})", ""
        # A connection that is refused has no SQLSTATE, and its words may be of any language.
        for words, (reason, hint) in _REFUSALS.items():
            if words in text:
                return f"{reason} ({text})", hint
        return (
            f"cannot be reached, or lets nobody in ({text})",
            "see whether the server runs, and the host, port, user and password of state.url",
        )


_REFUSALS: Final = {
    "authentication failed": ("refuses the user or the password", "see state.url"),
    "no pg_hba.conf entry": ("is not for this user and machine", "see the server's pg_hba.conf"),
    "does not exist": ("does not exist, or its user does not", "make it: createdb, createuser"),
    "too many clients": ("has no connection left", "raise max_connections, or end what holds them"),
}

_REASONS: Final = {
    "28": ("refuses the user or the password", "see IRRGATE_STATE_URL or state.url"),
    "3D": ("does not exist", "make it: createdb DATABASE"),
    "42501": ("does not allow it", "grant the user CREATE on the schema, or its tables"),
    "53100": ("cannot be written: the server's disk is full", "make room there"),
    "53300": ("has no connection left", "raise max_connections, or end what holds them"),
    "25006": ("is read-only", "name the primary server, not a standby"),
    "55P03": ("has been locked by another program for a minute", "end what holds it"),
    "57P": ("was shut down", "start the server, then run this again"),
    "XX001": ("is damaged", "restore it from a backup"),
    "XX002": ("is damaged", "restore it from a backup"),
    "23": ("refuses an entry that contradicts what it holds", ""),
}
"""by the first characters of the SQLSTATE"""

"""The tables of the state, alike in SQLite and PostgreSQL.

Nothing is ordered by time that has a number: the clock may jump back.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA_VERSION: Final = 2

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """A point in time, kept as whole microseconds since 1970 in UTC; read as UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the microseconds; ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time; ValueError when it is out of range."""
        try:
            return None if value is None else _EPOCH + value * _MICROSECOND
        except (OverflowError, TypeError) as exc:
            raise ValueError(f"{value!a:.40} is no time") from exc


metadata: Final = MetaData()

# One row. Its name is told from other programs' tables in a database that is shared.
version: Final = Table(
    "irrgate_schema",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    # By which the runs that share this state know what one of them left on a router.
    Column("identity", Text, nullable=False),
)

prefix_sets: Final = Table(
    "prefix_sets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("afi", Text, nullable=False),
    Column("packed", LargeBinary, nullable=False),
    # The newest deployment at the time when the set was last wanted: what is newer is not pruned.
    Column("kept_after", Integer, nullable=False),
)


def _set(name: str, *, nullable: bool) -> Column[str]:
    return Column(name, Text, ForeignKey(prefix_sets.c.digest), nullable=nullable, index=True)


good_filters: Final = Table(
    "good_filters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("peer", BigInteger, nullable=False),
    Column("afi", Text, nullable=False),
    _set("digest", nullable=False),
    Column("entries", Integer, nullable=False),
    Column("objects", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("server", Text),
    Column("expanded_at", Moment, nullable=False),
    Column("why", Text, nullable=False),
)

held_filters: Final = Table(
    "held_filters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("peer", BigInteger, nullable=False),
    Column("afi", Text, nullable=False),
    # Not a reference: a candidate may be held whose prefixes nobody keeps.
    Column("digest", Text, index=True),
    Column("entries", Integer, nullable=False),
    Column("guards", Text, nullable=False),
    Column("seen_at", Moment, nullable=False),
)

deployments: Final = Table(
    "deployments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("outside_window", Text, nullable=False),
    Column("result", Text),
    Column("ended_at", Moment),
    # A number is never given twice, whatever was pruned.
    sqlite_autoincrement=True,
)

_DEPLOYMENT: Final = deployments.c.id


def _deployment() -> Column[int]:
    return Column(
        "deployment", Integer, ForeignKey(_DEPLOYMENT, ondelete="CASCADE"), primary_key=True
    )


acceptances: Final = Table(
    "acceptances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Moment, nullable=False),
    # The newest deployment then: what it rolled back, or any before it, was accepted since.
    Column("after_deployment", Integer, nullable=False),
    Column("used_by", Integer, ForeignKey(_DEPLOYMENT, ondelete="CASCADE")),
    Index("acceptances_of", "name", "digest"),
    sqlite_autoincrement=True,
)

deployment_hosts: Final = Table(
    "deployment_hosts",
    metadata,
    _deployment(),
    Column("host", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("platform", Text, nullable=False),
    Column("began_at", Moment),
    Column("outcome", Text, index=True),
    Column("reason", Text, nullable=False),
    Column("ended_at", Moment),
)


def _of_a_host() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["deployment", "host"],
        [deployment_hosts.c.deployment, deployment_hosts.c.host],
        ondelete="CASCADE",
    )


host_filters: Final = Table(
    "host_filters",
    metadata,
    Column("deployment", Integer, primary_key=True),
    Column("host", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    _set("before", nullable=True),
    _set("after", nullable=True),
    _of_a_host(),
    Index("host_filters_of", "host", "name", "deployment"),
)

journal: Final = Table(
    "journal",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("deployment", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("detail", Text, nullable=False),
    _of_a_host(),
    Index("journal_of", "deployment", "host"),
)

lock_holders: Final = Table(
    "lock_holders",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
)
"""who holds a lock of PostgreSQL's, and since when, in words: the lock itself does not say"""

"""Deployments as they are read: the history, what was left unfinished, what was rolled back."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, func, or_, select

from irrgate.errors import StateError
from irrgate.state import schema
from irrgate.state.prefix_store import PrefixStore, newest_deployment
from irrgate.state.records import (
    DONE,
    Deployment,
    DeploymentHost,
    DeploymentKind,
    JournalEntry,
    Left,
)

_Key = tuple[int, str]
_hosts = schema.deployment_hosts
_filters = schema.host_filters
_IS_OF_HOST = and_(_hosts.c.deployment == _filters.c.deployment, _hosts.c.host == _filters.c.host)
_AT_ONCE: Final = 500
"""names in one question; SQLite takes no more than 999 of anything from old versions on"""
_UNFINISHED = and_(_hosts.c.began_at.is_not(None), _hosts.c.outcome.is_(None))


class _Both(NamedTuple):
    before: dict[str, str | None]
    after: dict[str, str | None]


class History(PrefixStore):
    """The part of the state that says what was done."""

    def unfinished(self, hosts: Collection[str] | None = None) -> tuple[DeploymentHost, ...]:
        """Return the routers that were begun and not ended, oldest first, with their journals.

        Those of a run that is still at work are among them: take the router's lock, then ask
        again, and what is there then was left by a run that died.
        """
        with self._database.reading() as connection:
            numbers = connection.execute(select(_hosts.c.deployment).where(_UNFINISHED)).scalars()
            found = _hosts_of(connection, sorted(set(numbers)), _UNFINISHED, journals=True)
        wanted = None if hosts is None else set(hosts)
        return tuple(
            each
            for number in sorted(found)
            for each in found[number]
            if wanted is None or each.host in wanted
        )

    def deployment(self, id: int) -> Deployment:  # noqa: A002
        """Return a deployment with its routers and their journals; StateError when unknown."""
        table = schema.deployments
        with self._database.reading() as connection:
            row = connection.execute(select(table).where(table.c.id == id)).one_or_none()
            if row is None:
                raise StateError(
                    self._database.where,
                    f"there is no deployment {id}",
                    hint="`irrgate history` lists those that are kept",
                )
            return _deployment(row, _hosts_of(connection, [id], journals=True)[id])

    def deployments(self, limit: int = 50) -> tuple[Deployment, ...]:
        """Return the newest deployments, newest first, with their routers but no journal."""
        table = schema.deployments
        with self._database.reading() as connection:
            rows = connection.execute(
                select(table).order_by(table.c.id.desc()).limit(limit)
            ).all()  # fmt: skip
            found = _hosts_of(connection, [row.id for row in rows], journals=False)
            return tuple(_deployment(row, found[row.id]) for row in rows)

    def left_on(self, host: str, names: Collection[str]) -> dict[str, Left]:
        """Return what the newest deployment that went through on the router left of each filter.

        Of those that no deployment has changed there, nothing is known.
        """
        found: dict[str, Left] = {}
        wanted = sorted(names)
        with self._database.reading() as connection:
            for at in range(0, len(wanted), _AT_ONCE):
                rows = connection.execute(
                    select(_filters.c.name, _filters.c.deployment, _filters.c.after)
                    .join(_hosts, _IS_OF_HOST)
                    .where(
                        _filters.c.host == host,
                        _filters.c.name.in_(wanted[at : at + _AT_ONCE]),
                        _hosts.c.outcome == DONE,
                    )
                    .order_by(_filters.c.deployment)
                )
                found |= {row.name: Left(row.deployment, row.after) for row in rows}
        return found

    def rolled_back(self, name: str, digest: str) -> int | None:
        """Return the deployment by which a router was rolled back from this very content.

        None when there is none, or when a person accepted that content since, or a later rollback
        brought it back.
        """
        accepted = schema.acceptances
        with self._database.reading() as connection:
            away = _newest_rollback(connection, name, _filters.c.before, _filters.c.after, digest)
            back = _newest_rollback(connection, name, _filters.c.after, _filters.c.before, digest)
            if away is None or (back is not None and back > away):
                return None
            since = connection.execute(
                select(accepted.c.id).where(
                    accepted.c.name == name,
                    accepted.c.digest == digest,
                    accepted.c.after_deployment >= away,
                )
            )
            return away if since.first() is None else None

    def rolled_back_names(self) -> frozenset[str]:
        """Return the names of the filters that any rollback changed: of others, nothing can be."""
        with self._database.reading() as connection:
            names = connection.execute(
                select(_filters.c.name)
                .distinct()
                .join(schema.deployments, schema.deployments.c.id == _filters.c.deployment)
                .where(schema.deployments.c.kind == "rollback")
            ).scalars()
            return frozenset(names)

    def prune(self, older_than: datetime) -> None:
        """Forget the deployments that began before that, and the prefix sets that nobody wants.

        The newest deployment, those without an end, and those with a router that was begun and
        not ended stay however old they are.
        """
        table = schema.deployments
        unfinished = select(_hosts.c.deployment).where(_UNFINISHED)
        with self._database.writing() as connection:
            newest = newest_deployment(connection)
            connection.execute(
                delete(table).where(
                    table.c.began_at < older_than,
                    table.c.result.is_not(None),
                    table.c.id != newest,
                    table.c.id.not_in(unfinished),
                )
            )
            running = connection.execute(
                select(func.min(table.c.id)).where(table.c.result.is_(None))
            ).scalar()
            # A run keeps its sets before its deployment refers to them.
            _drop_unwanted_sets(connection, min(newest, running or newest))


def _newest_rollback(
    connection: Connection,
    name: str,
    side: ColumnElement[str],
    other: ColumnElement[str],
    digest: str,
) -> int | None:
    """Return the newest finished rollback that has `digest` on one side and not on the other."""
    return connection.execute(
        select(func.max(_filters.c.deployment))
        .join(_hosts, and_(_hosts.c.deployment == _filters.c.deployment,
                           _hosts.c.host == _filters.c.host))
        .join(schema.deployments, schema.deployments.c.id == _filters.c.deployment)
        .where(
            schema.deployments.c.kind == "rollback",
            _hosts.c.outcome == DONE,
            _filters.c.name == name,
            side == digest,
            or_(other.is_(None), other != digest),
        )
    ).scalar()  # fmt: skip


def _drop_unwanted_sets(connection: Connection, kept_since: int) -> None:
    sets = schema.prefix_sets
    unused = schema.acceptances.c.used_by.is_(None)
    wanted = [
        select(column).where(column.is_not(None))
        for column in (
            schema.good_filters.c.digest,
            schema.held_filters.c.digest,
            _filters.c.before,
            _filters.c.after,
        )
    ] + [select(schema.acceptances.c.digest).where(unused)]
    connection.execute(
        delete(sets).where(
            sets.c.kept_after < kept_since,
            *(sets.c.digest.not_in(each) for each in wanted),
        )
    )


def _hosts_of(
    connection: Connection,
    numbers: Sequence[int],
    only: ColumnElement[bool] | None = None,
    *,
    journals: bool,
) -> Mapping[int, tuple[DeploymentHost, ...]]:
    found: dict[int, list[DeploymentHost]] = defaultdict(list)
    filters = _filters_of(connection, numbers)
    steps = _journals_of(connection, numbers) if journals else {}
    wanted = select(_hosts).where(_hosts.c.deployment.in_(numbers))
    if only is not None:
        wanted = wanted.where(only)
    for row in connection.execute(wanted.order_by(_hosts.c.deployment, _hosts.c.position)):
        key = row.deployment, row.host
        both = filters.get(key, _Both({}, {}))
        found[row.deployment].append(
            DeploymentHost(
                row.deployment, row.host, row.platform, both.before, both.after, row.began_at,
                row.outcome, row.reason, row.ended_at, tuple(steps.get(key, ())),
            )
        )  # fmt: skip
    return defaultdict(tuple, {number: tuple(each) for number, each in found.items()})


def _filters_of(connection: Connection, numbers: Sequence[int]) -> Mapping[_Key, _Both]:
    found: dict[_Key, _Both] = defaultdict(lambda: _Both({}, {}))
    for row in _rows_of(connection, _filters, numbers, _filters.c.name):
        both = found[row.deployment, row.host]
        both.before[row.name], both.after[row.name] = row.before, row.after
    return found


def _journals_of(
    connection: Connection, numbers: Sequence[int]
) -> Mapping[_Key, list[JournalEntry]]:
    found: dict[_Key, list[JournalEntry]] = defaultdict(list)
    for row in _rows_of(connection, schema.journal, numbers, schema.journal.c.id):
        entry = JournalEntry(row.step, row.at, json.loads(row.detail))
        found[row.deployment, row.host].append(entry)
    return found


def _rows_of(
    connection: Connection, table: Table, numbers: Sequence[int], order: ColumnElement[Any]
) -> Sequence[Row[Any]]:
    wanted = select(table).where(table.c.deployment.in_(numbers)).order_by(order)
    return connection.execute(wanted).all()


def _deployment(row: Row[Any], hosts: tuple[DeploymentHost, ...]) -> Deployment:
    return Deployment(
        row.id, cast("DeploymentKind", row.kind), row.who, row.reason, row.plan, row.began_at,
        row.outside_window, row.result, row.ended_at, hosts,
    )  # fmt: skip

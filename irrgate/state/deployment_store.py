"""Deployments and their journal, as they are written while routers are changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import Connection, select, update

from irrgate.errors import LockedError, StateError
from irrgate.state import schema
from irrgate.state.database import Database
from irrgate.state.locks import HostLock, Locked, Locks
from irrgate.state.prefix_store import PrefixStore
from irrgate.state.records import DeploymentKind
from irrgate.state.texts import said, told


class DeploymentStore(PrefixStore):
    """The part of the state that is written before and after every step on a router."""

    def __init__(self, database: Database, locks: Locks) -> None:
        super().__init__(database)
        self._locks = locks
        self._running: dict[int, HostLock] = {}

    def lock(self, host: str, holder: str) -> HostLock:
        """Take the lock on a router; LockedError names the run that holds it and since when."""
        return self._locks.take(Locked.HOST, host, holder)

    def begin_deployment(  # noqa: PLR0913, PLR0917 - a row of the history, by its columns
        self,
        kind: DeploymentKind,
        who: str,
        reason: str,
        plan: str,
        hosts: Sequence[str],
        at: datetime,
        outside_window: str = "",
    ) -> int:
        """Write down who is going to change which routers, and return the deployment's number.

        Until `end_deployment` or the end of this process it is seen as running by others.
        Raises StateError for a text of a person's that cannot be kept.
        """
        for what, text in (
            ("who deploys", who),
            ("the reason", reason),
            ("the reason to deploy outside of the change windows", outside_window),
        ):
            said(what, text)
        table = schema.deployments
        lock = None
        try:
            with self._database.writing() as connection:
                number: int = connection.execute(
                    table.insert()
                    .values(
                        kind=kind, who=who, reason=reason, plan=plan, began_at=at,
                        outside_window=outside_window,
                    )
                    .returning(table.c.id)
                ).scalar_one()  # fmt: skip
                named = [
                    {"deployment": number, "host": host, "position": position,
                     "platform": "", "reason": ""}
                    for position, host in enumerate(dict.fromkeys(hosts))
                ]  # fmt: skip
                if named:
                    connection.execute(schema.deployment_hosts.insert(), named)
                # Before anybody sees the row, so that nobody takes it for a dead run's.
                lock = self._running_lock(number)
        except BaseException:
            if lock is not None:
                lock.release()
            raise
        self._running[number] = lock
        return number

    def begin_host(  # noqa: PLR0913, PLR0917 - as above
        self,
        deployment: int,
        host: str,
        platform: str,
        before: Mapping[str, str | None],
        after: Mapping[str, str | None],
        at: datetime,
    ) -> None:
        """Write down what a router holds and what it is to hold, before it is touched.

        By filter name, the digest of a set that is kept, or None where there is no such filter.
        Raises StateError when a set is not kept, or the router was begun before.
        """
        table = schema.deployment_hosts
        key = (table.c.deployment == deployment) & (table.c.host == host)
        with self._database.writing() as connection:
            self._require_running(connection, deployment)
            self._require(connection, (*before.values(), *after.values()))
            begun = connection.execute(
                update(table)
                .where(key, table.c.began_at.is_(None), table.c.outcome.is_(None))
                .values(platform=platform, began_at=at)
            )
            if not begun.rowcount:
                raise self._contradiction(
                    deployment, f"{host} was begun or ended before, or is not named in it"
                )
            filters = [
                {"deployment": deployment, "host": host, "name": name,
                 "before": before.get(name), "after": after.get(name)}
                for name in sorted(before.keys() | after.keys())
            ]  # fmt: skip
            if filters:
                connection.execute(schema.host_filters.insert(), filters)

    def journal(
        self,
        deployment: int,
        host: str,
        step: str,
        at: datetime,
        detail: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """Write a step down before it is taken; it is on disk when this returns."""
        text = json.dumps(dict(detail or {}), sort_keys=True)
        with self._database.writing() as connection:
            connection.execute(
                schema.journal.insert().values(
                    deployment=deployment, host=host, step=step, at=at, detail=text
                )
            )

    def end_host(self, deployment: int, host: str, outcome: str, reason: str, at: datetime) -> None:
        """Write down what came of a router; StateError when that is written already."""
        table = schema.deployment_hosts
        with self._database.writing() as connection:
            ended = connection.execute(
                update(table)
                .where(
                    table.c.deployment == deployment,
                    table.c.host == host,
                    table.c.outcome.is_(None),
                )
                .values(outcome=outcome, reason=told(reason), ended_at=at)
            )
            if not ended.rowcount:
                raise self._contradiction(
                    deployment, f"{host} was ended before, or is not named in it"
                )

    def end_deployment(self, deployment: int, result: str, at: datetime) -> None:
        """Write down what came of it all; StateError when that is written already."""
        table = schema.deployments
        with self._database.writing() as connection:
            ended = connection.execute(
                update(table)
                .where(table.c.id == deployment, table.c.result.is_(None))
                .values(result=told(result), ended_at=at)
            )
            if not ended.rowcount:
                raise self._contradiction(deployment, "it was ended before, or there is none")
        lock = self._running.pop(deployment, None)
        if lock is not None:
            lock.release()

    def unended_deployments(self) -> tuple[int, ...]:
        """Return the deployments that have no end and whose process is gone, oldest first."""
        table = schema.deployments
        with self._database.reading() as connection:
            open_ones = connection.execute(
                select(table.c.id).where(table.c.result.is_(None)).order_by(table.c.id)
            ).scalars().all()  # fmt: skip
        dead = []
        for number in open_ones:
            try:
                self._running_lock(number).release()
            except LockedError:
                continue
            dead.append(number)
        return tuple(dead)

    def _running_lock(self, deployment: int) -> HostLock:
        return self._locks.take(Locked.RUN, str(deployment), "")

    def _require_running(self, connection: Connection, deployment: int) -> None:
        table = schema.deployments
        found = connection.execute(
            select(table.c.id).where(table.c.id == deployment, table.c.result.is_(None))
        )
        if found.first() is None:
            raise self._contradiction(deployment, "it was ended before, or there is none")

    def _contradiction(self, deployment: int, reason: str) -> StateError:
        return StateError(self._database.where, f"deployment {deployment}: {reason}")

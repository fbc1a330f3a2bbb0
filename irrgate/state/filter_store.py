"""The last known good filters, what the last plan held, and what people accepted."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, Row, bindparam, delete, select, update

from irrgate.errors import StateError
from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import Asn
from irrgate.state import schema
from irrgate.state.prefix_store import PrefixStore, newest_deployment
from irrgate.state.records import Acceptance, GoodBy, GoodFilter, HeldFilter
from irrgate.state.texts import said

_NAMES_AT_ONCE: Final = 500
"""names in one statement; PostgreSQL takes 65,535 values, SQLite 32,766"""


class FilterStore(PrefixStore):
    """The part of the state that knows filters by their names."""

    def good(self, name: str) -> GoodFilter | None:
        """Return the last known good filter of the name."""
        table = schema.good_filters
        with self._database.reading() as connection:
            row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
            return None if row is None else _good(row)

    def goods(self) -> dict[str, GoodFilter]:
        """Return all last known good filters by name, in order."""
        table = schema.good_filters
        with self._database.reading() as connection:
            rows = connection.execute(select(table)).all()
            return {row.name: _good(row) for row in sorted(rows, key=lambda row: row.name)}

    def keep_good(self, good: GoodFilter, prefixes: PrefixSet) -> None:
        """Make this the last known good filter of its name.

        For the content that is there already, its time does not move back, and what a person
        accepted stays accepted.
        """
        self.keep_goods([(good, prefixes)])

    def keep_goods(self, goods: Iterable[tuple[GoodFilter, PrefixSet]]) -> None:
        """Make each the last known good filter of its name, all of them at once or none."""
        with self._database.writing() as connection:
            for good, prefixes in goods:
                self._keep_good(connection, good, prefixes)

    def _keep_good(self, connection: Connection, good: GoodFilter, prefixes: PrefixSet) -> None:
        if (prefixes.digest, prefixes.afi) != (good.digest, good.afi):
            raise StateError(good.name, "its digest is not the one of its prefixes")
        table = schema.good_filters
        values = {
            "peer": good.peer.number, "afi": good.afi.value, "digest": good.digest,
            "entries": good.entries, "objects": good.objects, "sources": good.sources,
            "server": good.server, "expanded_at": good.expanded_at, "why": good.why,
        }  # fmt: skip
        self._keep(connection, prefixes)
        old = connection.execute(
            select(table.c.digest, table.c.expanded_at, table.c.why).where(
                table.c.name == good.name
            )
        ).one_or_none()
        if old is None:
            connection.execute(table.insert().values(name=good.name, **values))
            return
        if old.digest == good.digest:
            values["expanded_at"] = max(old.expanded_at, good.expanded_at)
            if old.why == "accepted":
                values["why"] = old.why
        connection.execute(update(table).where(table.c.name == good.name).values(**values))

    def touch_good(self, name: str, digest: str, expanded_at: datetime) -> None:
        """Note that the IRR said the same again; other content and older news change nothing."""
        self.touch_goods({name: digest}, expanded_at)

    def touch_goods(self, digests: Mapping[str, str], expanded_at: datetime) -> None:
        """Do as `touch_good` does with many filters at once, by their names."""
        table = schema.good_filters
        if not digests:
            return
        with self._database.writing() as connection:
            connection.execute(
                update(table)
                .where(
                    table.c.name == bindparam("of_name"),
                    table.c.digest == bindparam("of_digest"),
                    table.c.expanded_at < expanded_at,
                )
                .values(expanded_at=expanded_at),
                [{"of_name": name, "of_digest": digests[name]} for name in sorted(digests)],
            )

    def set_held(self, names_planned: Collection[str], held: Sequence[HeldFilter]) -> None:
        """Replace what is held of the names that were planned; of other names it stays."""
        table = schema.held_filters
        names = sorted({*names_planned, *(each.name for each in held)})
        rows = [
            {
                "name": each.name, "peer": each.peer.number, "afi": each.afi.value,
                "digest": each.digest, "entries": each.entries,
                "guards": json.dumps(each.guards), "seen_at": each.seen_at,
            }
            for each in held
        ]  # fmt: skip
        with self._database.writing() as connection:
            for start in range(0, len(names), _NAMES_AT_ONCE):
                some = names[start : start + _NAMES_AT_ONCE]
                connection.execute(delete(table).where(table.c.name.in_(some)))
            if rows:
                connection.execute(table.insert(), rows)

    def held(self, peer: Asn | None = None, afi: Afi | None = None) -> tuple[HeldFilter, ...]:
        """Return what is held, of a peer and a family or of all, by name."""
        table = schema.held_filters
        wanted = select(table)
        if peer is not None:
            wanted = wanted.where(table.c.peer == peer.number)
        if afi is not None:
            wanted = wanted.where(table.c.afi == afi.value)
        with self._database.reading() as connection:
            rows = connection.execute(wanted).all()
            return tuple(_held(row) for row in sorted(rows, key=lambda row: row.name))

    def accept(
        self,
        held: HeldFilter,
        prefixes: PrefixSet | None,
        who: str,
        reason: str,
        at: datetime,
    ) -> Acceptance:
        """Let the held content through once, in a person's name; keep `prefixes` where given.

        It takes the place of an acceptance of the same content that was not used yet. Raises
        StateError for a filter that has no candidate, and for a text that cannot be kept.
        """
        said("who accepts", who)
        said("the reason", reason)
        digest = held.digest
        if digest is None:
            raise StateError(
                held.name,
                "has no content that could be accepted: its expansion failed",
                hint="plan again; it can be accepted once an expansion is whole",
            )
        if prefixes is not None and (prefixes.digest, prefixes.afi) != (digest, held.afi):
            raise StateError(held.name, "its digest is not the one of its prefixes")
        table = schema.acceptances
        with self._database.writing() as connection:
            if prefixes is not None:
                self._keep(connection, prefixes)
            connection.execute(
                delete(table).where(
                    table.c.name == held.name, table.c.digest == digest, table.c.used_by.is_(None)
                )
            )
            values = {"name": held.name, "digest": digest, "who": who, "reason": reason, "at": at}
            row = connection.execute(
                table.insert()
                .values(**values, after_deployment=newest_deployment(connection))
                .returning(table)
            ).one()
            return _acceptance(row)

    def acceptance(self, name: str, digest: str) -> Acceptance | None:
        """Return the acceptance of the filter's content that was not used yet."""
        table = schema.acceptances
        with self._database.reading() as connection:
            row = connection.execute(
                select(table)
                .where(table.c.name == name, table.c.digest == digest, table.c.used_by.is_(None))
                .order_by(table.c.id.desc())
            ).first()
            return None if row is None else _acceptance(row)

    def acceptances(self) -> dict[tuple[str, str], Acceptance]:
        """Return all acceptances that were not used yet, by the filter's name and the digest."""
        table = schema.acceptances
        with self._database.reading() as connection:
            rows = connection.execute(
                select(table).where(table.c.used_by.is_(None)).order_by(table.c.id)
            ).all()  # fmt: skip
            return {(row.name, row.digest): _acceptance(row) for row in rows}

    def use_acceptance(self, id: int, deployment: int) -> None:  # noqa: A002
        """Note which deployment used an acceptance up; StateError when it was used before."""
        table = schema.acceptances
        with self._database.writing() as connection:
            used = connection.execute(
                update(table)
                .where(table.c.id == id, table.c.used_by.is_(None))
                .values(used_by=deployment)
            )
            if not used.rowcount:
                raise StateError(
                    self._database.where,
                    f"acceptance {id} was used before, or there is none of that number",
                    hint="a held change that is accepted once is let through once",
                )


def _good(row: Row[Any]) -> GoodFilter:
    return GoodFilter(
        row.name, Asn(row.peer), Afi(row.afi), row.digest, row.entries, row.objects, row.sources,
        row.server, row.expanded_at, cast("GoodBy", row.why),
    )  # fmt: skip


def _held(row: Row[Any]) -> HeldFilter:
    guards = tuple(json.loads(row.guards))
    return HeldFilter(
        row.name, Asn(row.peer), Afi(row.afi), row.digest, row.entries, guards, row.seen_at
    )


def _acceptance(row: Row[Any]) -> Acceptance:
    return Acceptance(row.id, row.name, row.digest, row.who, row.reason, row.at, row.used_by)

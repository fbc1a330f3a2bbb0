"""Prefix sets, each kept once under its digest, however many filters and deployments have it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, func, select, update

from irrgate.errors import StateError
from irrgate.prefixes import Afi, PrefixSet
from irrgate.state import schema
from irrgate.state.database import Database

_FASTEST: Final = 1
"""zlib's level: 847,000 prefixes become 2.8 MB in 0.07 s; the best takes 0.5 s for 2.5 MB"""


class PrefixStore:
    """The part of the state that keeps prefix sets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep_prefixes(self, prefixes: PrefixSet) -> str:
        """Keep the set, if it is not there already, and return its digest."""
        digest = prefixes.digest
        with self._database.writing() as connection:
            self._keep(connection, prefixes)
        return digest

    def prefixes(self, digest: str) -> PrefixSet:
        """Return the set; StateError when it is missing or not what was kept."""
        where = self._database.where
        table = schema.prefix_sets
        with self._database.reading() as connection:
            row = connection.execute(
                select(table.c.afi, table.c.packed).where(table.c.digest == digest)
            ).one_or_none()
        if row is None:
            raise StateError(where, f"holds no prefix set {digest!a:.20}")
        try:
            found = PrefixSet.unpacked(Afi(row.afi), zlib.decompress(row.packed))
            if found.digest == digest:
                return found
        except (ValueError, OverflowError, zlib.error) as exc:
            raise self._damaged(digest) from exc
        raise self._damaged(digest)

    def _damaged(self, digest: str) -> StateError:
        return StateError(
            self._database.where,
            f"the prefix set {digest:.12} is not what was kept under that name",
            hint="it is damaged: restore it from a backup",
        )

    def _keep(self, connection: Connection, prefixes: PrefixSet) -> None:
        table = schema.prefix_sets
        digest = prefixes.digest
        after = newest_deployment(connection)
        known = connection.execute(
            update(table).where(table.c.digest == digest).values(kept_after=after)
        )
        if not known.rowcount:
            connection.execute(
                table.insert().values(
                    digest=digest,
                    afi=prefixes.afi.value,
                    packed=zlib.compress(prefixes.packed(), _FASTEST),
                    kept_after=after,
                )
            )

    def _require(self, connection: Connection, digests: Iterable[str | None]) -> None:
        """Raise StateError unless each of the sets is kept."""
        table = schema.prefix_sets
        for digest in {each for each in digests if each is not None}:
            known = connection.execute(select(table.c.afi).where(table.c.digest == digest))
            if known.first() is None:
                raise StateError(
                    self._database.where,
                    f"the prefix set {digest:.12} is not kept, so there would be no way back to it",
                )


def newest_deployment(connection: Connection) -> int:
    """Return the number of the newest deployment, 0 when there is none."""
    return connection.execute(select(func.max(schema.deployments.c.id))).scalar() or 0

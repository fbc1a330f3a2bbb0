"""A snapshot opened for reading: the questions that the resolver asks, one range read each."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from irrgate.errors import SnapshotError
from irrgate.irr.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    Family,
    block_key,
    route_key,
    unpack_numbers,
)

_LOAD_HINT: Final = "make one with: irrgate irr load DUMP... --snapshot PATH"


@dataclass(frozen=True, slots=True)
class RegisteredSet:
    """A set as one source has it.

    Members by reference are among `asns` and `prefixes`, and those that come only so in
    `by_reference` as well, as text.
    """

    name: str
    source: int
    asns: tuple[int, ...]
    names: tuple[str, ...]
    prefixes: tuple[str, ...]
    mbrs_by_ref: tuple[str, ...]
    by_reference: frozenset[str] = frozenset()

    @property
    def is_as_set(self) -> bool:
        """False for a route-set; a hierarchical name bears its kind in any of its parts."""
        return self.name.startswith("AS-") or ":AS-" in self.name


@dataclass(frozen=True, slots=True)
class RegisteredAutNum:
    """An AS as one source has it: only what ties it to sets."""

    source: int
    member_of: tuple[str, ...]
    mnt_by: tuple[str, ...]


class Registry:
    """An open snapshot. Not for more than one thread at once."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self.path = path
        self.sources: tuple[str, ...] = tuple(
            name for (name,) in connection.execute("SELECT name FROM sources ORDER BY id")
        )
        meta = dict(connection.execute("SELECT name, value FROM meta"))
        self.prefix_count = {f: int(meta[f"prefixes_{f.name.lower()}"]) for f in Family}
        newest = int(meta["newest_dump"])
        self.newest_dump = datetime.fromtimestamp(newest, UTC) if newest else None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a snapshot, or raise SnapshotError that says what was found instead."""
        if not path.exists():
            raise SnapshotError(str(path), "there is no such snapshot", hint=_LOAD_HINT)
        # A snapshot is replaced, never changed, so no lock is needed (immutable).
        uri = f"file:{quote(os.fspath(path.absolute()))}?mode=ro&immutable=1"
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(uri, uri=True)
            connection.execute("PRAGMA mmap_size = 1073741824")
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            _check(path, application, version)
            return cls(connection, path)
        except (sqlite3.Error, KeyError, ValueError) as exc:
            if connection is not None:
                connection.close()
            raise SnapshotError(
                str(path), f"not a whole irrgate snapshot: {exc}", hint=_LOAD_HINT
            ) from exc
        except SnapshotError:
            if connection is not None:
                connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def object_counts(self) -> dict[str, dict[str, int]]:
        """Return the number of objects by source and class."""
        counts: dict[str, dict[str, int]] = {name: {} for name in self.sources}
        for source, class_name, count in self._connection.execute("SELECT * FROM objects"):
            counts[self.sources[source]][class_name] = count
        return counts

    def set_names(self) -> list[str]:
        """Return the names of all sets of all sources, each once, sorted."""
        rows = self._connection.execute("SELECT DISTINCT name FROM sets ORDER BY name")
        return [name for (name,) in rows]

    def sets_named(self, name: str) -> list[RegisteredSet]:
        """Return the sets of this name (upper case), of all sources."""
        rows = self._connection.execute(
            "SELECT source, asns, names, prefixes, mbrs_by_ref, by_reference"
            " FROM sets WHERE name = ?",
            (name,),
        ).fetchall()
        return [_registered_set(name, row) for row in rows]

    def aut_nums(self, asn: int) -> list[RegisteredAutNum]:
        """Return the aut-num objects of an AS, of all sources."""
        rows = self._connection.execute(
            "SELECT source, member_of, mnt_by FROM aut_nums WHERE asn = ?", (asn,)
        )
        return [RegisteredAutNum(s, tuple(m.split()), tuple(b.split())) for s, m, b in rows]

    def routes(self, origin: int, family: Family) -> list[tuple[int, bytes, bytes]]:
        """Return (source, packed ranks, prefixes with spaces between) for each source."""
        first = route_key(origin, family, 0)
        return [
            (key & 0xFFFF, ranks, prefixes)
            for key, ranks, prefixes in self._connection.execute(
                "SELECT key, ranks, prefixes FROM routes WHERE key BETWEEN ? AND ?",
                (first, first | 0xFFFF),
            )
        ]

    def ranks(self, origin: int, family: Family) -> list[tuple[int, bytes]]:
        """Return (source, packed ranks) for each source; cheaper than routes() by their text."""
        first = route_key(origin, family, 0)
        return [
            (key & 0xFFFF, ranks)
            for key, ranks in self._connection.execute(
                "SELECT key, ranks FROM routes WHERE key BETWEEN ? AND ?", (first, first | 0xFFFF)
            )
        ]

    def prefix_block(self, family: Family, block: int) -> list[bytes]:
        """Return the prefixes of a block of ranks."""
        (text,) = self._connection.execute(
            "SELECT prefixes FROM prefix_blocks WHERE key = ?", (block_key(family, block),)
        ).fetchone()
        prefixes: list[bytes] = text.split(b" ")
        return prefixes


def _check(path: Path, application: int, version: int) -> None:
    if application != APPLICATION_ID:
        found = "another program's" if application else "some"
        raise SnapshotError(
            str(path),
            f"{found} SQLite database (application id {application:#x}), not an irrgate snapshot",
            hint=_LOAD_HINT,
        )
    if version != SCHEMA_VERSION:
        raise SnapshotError(
            str(path),
            f"a snapshot of schema version {version}; this irrgate reads version {SCHEMA_VERSION}",
            hint="load the dumps again",
        )


_SetRow = tuple[int, bytes, str, str, str, str]


def _registered_set(name: str, row: _SetRow) -> RegisteredSet:
    source, asns, names, prefixes, mbrs_by_ref, by_reference = row
    numbers = unpack_numbers(asns)
    texts = tuple(prefixes.split())
    added = by_reference.split()
    referring: frozenset[str] = frozenset()
    if by_reference.startswith("AS"):
        referring = frozenset(added).difference(f"AS{number}" for number in numbers)
        numbers = tuple(sorted({*numbers, *(int(member[2:]) for member in added)}))
    elif added:
        referring = frozenset(added).difference(texts)
        texts = tuple(sorted({*texts, *added}))
    return RegisteredSet(
        name, source, numbers, tuple(names.split()), texts, tuple(mbrs_by_ref.split()), referring
    )

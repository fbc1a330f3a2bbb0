"""Writes a collection into the tables of a snapshot."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Final

from irrgate.irr import schema
from irrgate.irr.collection import Collection
from irrgate.irr.packed_prefix import prefix_text
from irrgate.irr.registry_objects import References, SetObject
from irrgate.irr.schema import BLOCK, Family, pack_numbers
from irrgate.rpsl import SetKind

_PACKED: Final = {
    Family.IPV4: re.compile(rb".{5}", re.DOTALL),
    Family.IPV6: re.compile(rb".{17}", re.DOTALL),
}


@dataclass(slots=True)
class Counts:
    """What was written: objects by source and class, and the routes that were there twice."""

    objects: dict[str, dict[str, int]] = field(default_factory=dict)
    duplicates: int = 0

    def add(self, source: str, class_name: str, number: int = 1) -> None:
        """Count objects of a class."""
        classes = self.objects.setdefault(source, {})
        classes[class_name] = classes.get(class_name, 0) + number


def write(path: Path, collection: Collection, newest_dump: float) -> Counts:
    """Write everything as one transaction; raises sqlite3.Error.

    `newest_dump` is when the youngest of the dumps was made (seconds since 1970, 0: unknown).
    """
    counts = Counts({name: {} for name in collection.sources})
    # The caller renames a whole file into place, so a journal would protect nothing.
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {schema.SCHEMA_VERSION}")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(schema.TABLES)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO sources VALUES (?, ?)",
            ((number, name) for name, number in collection.sources.items()),
        )
        for family in Family:
            _write_routes(connection, family, collection, counts)
        _write_sets(connection, collection, counts)
        _write_aut_nums(connection, collection, counts)
        connection.executemany(
            "INSERT INTO objects VALUES (?, ?, ?)",
            (
                (collection.sources[source], class_name, number)
                for source, classes in counts.objects.items()
                for class_name, number in classes.items()
            ),
        )
        connection.execute("INSERT INTO meta VALUES ('newest_dump', ?)", (str(int(newest_dump)),))
        connection.execute("COMMIT")
    finally:
        connection.close()
    return counts


def _write_routes(
    connection: sqlite3.Connection, family: Family, collection: Collection, counts: Counts
) -> None:
    split = _PACKED[family].findall
    routes = {
        key: known
        for key, known in sorted(collection.routes.items())
        if schema.split_route_key(key)[1] == family
    }
    distinct: set[bytes] = set()
    for known in routes.values():
        distinct.update(split(known))
    order = sorted(distinct)
    del distinct
    texts = [prefix_text(packed).encode("ascii") for packed in order]
    connection.executemany(
        "INSERT INTO prefix_blocks VALUES (?, ?)",
        (
            (schema.block_key(family, start // BLOCK), b" ".join(texts[start : start + BLOCK]))
            for start in range(0, len(texts), BLOCK)
        ),
    )
    connection.execute(
        "INSERT INTO meta VALUES (?, ?)", (f"prefixes_{family.name.lower()}", str(len(order)))
    )
    rank_of = {packed: rank for rank, packed in enumerate(order)}
    del order
    names = list(collection.sources)
    class_name = "route" if family is Family.IPV4 else "route6"

    def rows() -> Iterator[tuple[int, bytes, bytes]]:
        for key, known in routes.items():
            found = split(known)
            ranks = sorted({rank_of[packed] for packed in found})
            counts.add(names[schema.split_route_key(key)[2]], class_name, len(ranks))
            counts.duplicates += len(found) - len(ranks)
            yield key, pack_numbers(ranks), b" ".join([texts[rank] for rank in ranks])

    connection.executemany("INSERT INTO routes VALUES (?, ?, ?)", rows())


def _write_sets(connection: sqlite3.Connection, collection: Collection, counts: Counts) -> None:
    by_reference = _members_by_reference(collection)
    rows = []
    for (name, source), found in sorted(collection.sets.items()):
        counts.add(source, found.kind.value)
        rows.append(
            (
                name,
                collection.sources[source],
                pack_numbers(sorted(found.asns)),
                " ".join(sorted(found.names)),
                " ".join(sorted(found.prefixes)),
                " ".join(found.mbrs_by_ref),
                " ".join(sorted(by_reference.get((name, source), ()))),
            )
        )
    connection.executemany("INSERT INTO sets VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _members_by_reference(collection: Collection) -> dict[tuple[str, str], set[str]]:
    """Return the members that sets take by reference (RFC 2622, section 5).

    Both sides must agree: the member names the set, and the set names ANY or a maintainer of the
    member. Only within one source: a maintainer's name means nothing in another registry, where
    anybody could take it.
    """
    members: dict[tuple[str, str], set[str]] = defaultdict(set)
    aut_nums = (
        (f"AS{asn}", source, aut_num.references)
        for (asn, source), aut_num in collection.aut_nums.items()
    )
    for member, source, references in chain(collection.route_references, aut_nums):
        for name in references.member_of:
            found = collection.sets.get((name, source))
            if found is not None and _accepts(found, member, references):
                members[name, source].add(member)
    return members


def _accepts(found: SetObject, member: str, references: References) -> bool:
    if member.startswith("AS") != (found.kind is SetKind.AS_SET):
        return False
    allowed = found.mbrs_by_ref
    return "ANY" in allowed or not set(allowed).isdisjoint(references.mnt_by)


def _write_aut_nums(connection: sqlite3.Connection, collection: Collection, counts: Counts) -> None:
    for _, source in collection.aut_nums:
        counts.add(source, "aut-num")
    connection.executemany(
        "INSERT INTO aut_nums VALUES (?, ?, ?, ?)",
        (
            (
                asn,
                collection.sources[source],
                " ".join(aut_num.references.member_of),
                " ".join(aut_num.references.mnt_by),
            )
            for (asn, source), aut_num in sorted(collection.aut_nums.items())
        ),
    )

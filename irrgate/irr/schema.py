"""The tables of a snapshot, and how its keys and blobs are made.

A snapshot is written once and then only read, so its tables are shaped by what is asked:

- `routes` has one row for each origin, family and source, whose key is one integer with these in
  that order: the routes of an origin are one range of the primary key. `prefixes` is the answer
  to `!g` as it goes over the wire; `ranks` the same prefixes as numbers, for unions.
- A prefix's rank is its place among all distinct prefixes of its family in the snapshot, in the
  order of the addresses. The union of 51,000 origins is then a byte set in an array, and its text
  comes out sorted from `prefix_blocks`, BLOCK prefixes a row (AS-NETIX has 686,000 for IPv4: 0.7 s
  and 7 MB, where a set of strings takes 1.4 s and 137 MB).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

APPLICATION_ID: Final = 0x49525247
"""`IRRG`, in SQLite's header, so that no other database is taken for a snapshot."""

SCHEMA_VERSION: Final = 1

BLOCK: Final = 1024
MAX_SOURCES: Final = 1 << 12


class Family(IntEnum):
    """An address family, as a bit of the keys."""

    IPV4 = 0
    IPV6 = 1


TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE objects (
    source INTEGER NOT NULL, class TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (source, class)
) WITHOUT ROWID;
CREATE TABLE sets (
    name TEXT NOT NULL, source INTEGER NOT NULL,
    asns BLOB NOT NULL, names TEXT NOT NULL, prefixes TEXT NOT NULL,
    mbrs_by_ref TEXT NOT NULL, by_reference TEXT NOT NULL,
    PRIMARY KEY (name, source)
) WITHOUT ROWID;
CREATE TABLE aut_nums (
    asn INTEGER NOT NULL, source INTEGER NOT NULL,
    member_of TEXT NOT NULL, mnt_by TEXT NOT NULL,
    PRIMARY KEY (asn, source)
) WITHOUT ROWID;
CREATE TABLE routes (key INTEGER PRIMARY KEY, ranks BLOB NOT NULL, prefixes BLOB NOT NULL);
CREATE TABLE prefix_blocks (key INTEGER PRIMARY KEY, prefixes BLOB NOT NULL);
"""


def route_key(origin: int, family: int, source: int) -> int:
    """Return the key of an origin's routes: 32 bits of origin, 1 of family, 16 of source."""
    return origin << 17 | family << 16 | source


def split_route_key(key: int) -> tuple[int, int, int]:
    """Return (origin, family, source) of a key."""
    return key >> 17, key >> 16 & 1, key & 0xFFFF


def block_key(family: int, block: int) -> int:
    """Return the key of a block of prefixes."""
    return family << 32 | block


def pack_numbers(numbers: Sequence[int]) -> bytes:
    """Pack ASNs or ranks: four bytes each, the least significant first, on every machine."""
    return struct.pack(f"<{len(numbers)}I", *numbers)


def unpack_numbers(blob: bytes) -> tuple[int, ...]:
    """Undo pack_numbers."""
    return struct.unpack(f"<{len(blob) // 4}I", blob)

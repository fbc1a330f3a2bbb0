"""Lists of which the first entry that matches decides, and in which what matches none is denied."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from irrgate.platforms.platform import Row
from irrgate.prefixes import Afi, PrefixSet


def first_match(afi: Afi, rows: Iterable[Row]) -> PrefixSet:
    """Return what a list accepts: of each permit what no deny before it has, by their numbers."""
    accepted = denied = PrefixSet.empty(afi)
    for permits, run in groupby(sorted(rows), key=itemgetter(1)):
        entries = PrefixSet.from_entries(afi, (entry for _, _, entry in run))
        if permits:
            accepted = accepted.union(entries.difference(denied))
        else:
            denied = denied.union(entries)
    return accepted

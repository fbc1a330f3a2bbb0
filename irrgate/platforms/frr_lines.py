"""The lines of FRR's prefix lists, as irrgate.platforms.numbered_lines has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from irrgate.platforms.numbered_delta import Numbering
from irrgate.platforms.numbered_lines import (
    FAMILIES,
    KEYWORDS,
    Dialect,
    entry_text,
    printed_lines,
    read_lines,
)
from irrgate.platforms.platform import Line, Row
from irrgate.platforms.reading import refuse_without_last
from irrgate.prefixes import Afi

__all__ = ["DIALECT", "FAMILIES", "KEYWORDS", "entry_text", "lines_of", "read_rows"]


# FRR shows every number; what bgpq4 prints without is read as FRR would number it.
DIALECT: Final = Dialect(
    partial(refuse_without_last, line="end", system="FRR"),
    Numbering(max_sequence=4_294_967_295),
    any_word=True,
    unnumbered_step=5,
)


def read_rows(afi: Afi, name: str, rests: Iterable[str]) -> tuple[Row, ...]:
    """Return the entries of a list; see read_lines."""
    return read_lines(DIALECT, afi, name, rests).rows


def lines_of(afi: Afi, rows: Sequence[Row]) -> list[Line]:
    """Return entries as a template prints them."""
    return printed_lines(DIALECT, afi, rows)

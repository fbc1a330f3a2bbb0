"""What the parsers of running configs share: whole configs, prefixes, lengths, strangers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.platform import Stranger
from irrgate.prefixes import Afi, parse_keys

_QUALIFIERS: Final = re.compile(
    r"eq ([0-9]{1,3})|le ([0-9]{1,3})|ge ([0-9]{1,3})(?: le ([0-9]{1,3}))?"
)


def refuse_without_last(running: str, line: str, system: str) -> None:
    """Raise ParseError unless a running config ends with the line that ends all of its system's."""
    if not running.rstrip().endswith(f"\n{line}"):
        raise ParseError(
            "running config",
            f"is cut off: {system} ends it with the line `{line}`, which is missing",
        )


def keys_of(afi: Afi, texts: Sequence[str], name: str) -> Sequence[int]:
    """Return the keys of prefixes as `parse_keys` does; raises ParseError about the list `name`."""
    try:
        return parse_keys(afi, texts)
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc


@lru_cache(maxsize=4096)
def lengths_of(qualifiers: str, length: int, bits: int) -> tuple[int, int, int] | None:
    """Return (length, ge, le) of an entry with `eq`, `ge`, `le`, or None where they cannot be."""
    if not qualifiers:
        return length, length, length
    match = _QUALIFIERS.fullmatch(qualifiers)
    if match is None:
        return None
    exact, le, ge, ge_le = match.groups()
    low, high = int(exact or ge or length), int(exact or le or ge_le or bits)
    return (length, low, high) if length <= low <= high <= bits else None


def stranger_of(
    name: str,
    afi: Afi | None,
    references: tuple[str, ...],
    *,
    ours: bool,
    read: Callable[[Afi], object],
) -> Stranger:
    """Return what there is to know of a filter that nobody asked for.

    It is removable when it is of irrgate's own kind (`ours`), of one family, has a name that
    irrgate could have given, and `read` does not raise ParseError.
    """
    removable = ours and is_own_name(name)
    if afi is None or not removable:
        return Stranger(name, afi, references, removable=False)
    try:
        read(afi)
    except ParseError:
        removable = False
    return Stranger(name, afi, references, removable)

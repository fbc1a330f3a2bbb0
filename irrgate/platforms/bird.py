"""BIRD 2: prefix set constants, `define 'NAME' = [ 192.0.2.0/24, 10.0.0.0/8{8,24} ];`.

A prefix matches when any entry does; the empty set matches nothing. Syntax: BIRD User's Guide,
"Data types", prefix set. The filters stand in a file of irrgate's own, which the user's
configuration includes; see `irrgate.platforms.bird_file`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.bird_file import Block, read_candidate, read_own
from irrgate.platforms.daemon_files import find_references, split_files
from irrgate.platforms.platform import (
    NONE,
    Capabilities,
    DriverFault,
    Line,
    ManagedList,
    PrintedList,
    Removal,
    RunningFilters,
    Stranger,
    UpdateStrategy,
    removable_afi,
)
from irrgate.platforms.reading import keys_of, stranger_of
from irrgate.prefixes import Afi, PrefixSet, format_prefixes

_MAX_NAME: Final = 64
"""SYM_MAX_LEN of BIRD 2.0.12, measured; with the quotes around it or without"""

_COMMENT = re.compile(r"#[^\n]*")
_SEPARATOR = re.compile(r"[ \t]*,[ \t]*\n")
_LENGTHS = re.compile(r"([0-9]{1,3}),([0-9]{1,3})\}")

_FAULTS: Final = (
    DriverFault(
        "`configure soft` leaves existing routes unfiltered",
        "`configure` is used, and `configure timeout` for what waits to be confirmed",
    ),
    DriverFault(
        "BIRD cannot print the configuration that it runs",
        "irrgate's file ends with a digest that BIRD is asked for after each load",
    ),
)


class Bird:
    """The BIRD platform."""

    name: Final = "bird"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        revert_step=1,
        commit_message=True,
        max_sequence=None,
        max_name=_MAX_NAME,
        atomic=True,
        commit_confirm=True,
        verified_host="SSH host key",
        tested="the real daemon",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix sets of what the driver's get_config returns; see Platform.

        Where a filter was changed by hand, none is as irrgate would have written it.
        """
        files = split_files(running)
        own = read_own(files.own.text)
        lists: dict[str, ManagedList] = {}
        strange: list[Block] = []
        for name, block in own.blocks.items():
            if not name.startswith(managed_prefix):
                continue
            if wanted.get(name) == block.family:
                lists[name] = _managed(block, plain=own.intact)
            else:
                strange.append(block)
        references = find_references(files, [each.name for each in strange])
        strangers = sorted(
            (_stranger(each, references[each.name], wanted) for each in strange),
            key=lambda each: each.name,
        )
        return RunningFilters(lists, tuple(strangers))

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines of the user's files that mention each of `names`; see Platform."""
        return find_references(split_files(running), names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the prefix sets that a candidate sets; see Platform.

        Nothing else may stand in it, which would be committed unread.
        """
        found = read_candidate(candidate)
        for name, family in found.removals.items():
            if removals.get(name) != family:
                raise ParseError(name, "the candidate removes a filter that is to stay")
        lists: dict[str, ManagedList] = {}
        strangers: list[Stranger] = []
        for name, block in sorted(found.blocks.items()):
            if wanted.get(name) == block.family:
                lists[name] = _managed(block, plain=True)
            else:
                strangers.append(Stranger(name, Afi(block.family), (), removable=False))
        return RunningFilters(lists, tuple(strangers), tuple(sorted(found.removals)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the set's entries, none for a filter that accepts nothing; see Platform."""
        del running
        afi = prefixes.afi
        entries = list(prefixes.entries())
        lines: list[Line] = [
            (0, "", text, None if ge == le == length else ge, None if ge == le == length else le)
            for text, (_, length, ge, le) in zip(
                format_prefixes(afi, entries), entries, strict=True
            )
        ]
        return PrintedList(name, afi, str(afi), lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the set; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, str(afi))


def _managed(block: Block, *, plain: bool) -> ManagedList:
    afi = Afi(block.family)
    entries = _entries(block, afi)
    accepted = PrefixSet.from_entries(afi, entries)
    # In any order: all of them accept.
    written = list(accepted.entries())
    canonical = entries == written or sorted(entries) == sorted(written)
    return ManagedList(block.name, afi, accepted, plain and canonical)


def _stranger(block: Block, references: tuple[str, ...], wanted: Mapping[str, Afi]) -> Stranger:
    return stranger_of(
        block.name,
        Afi(block.family),
        references,
        ours=block.name not in wanted,
        read=lambda afi: _entries(block, afi),
    )


def _entries(block: Block, afi: Afi) -> list[Entry]:
    """Return the entries in the order of the text, or raise ParseError."""
    body = _COMMENT.sub("", block.body) if "#" in block.body else block.body
    texts = _SEPARATOR.sub("\n", body).split()
    # `192.0.2.0/24` or `10.0.0.0/8{8,24}`.
    parts = [text.partition("{") for text in texts]
    keys = keys_of(afi, [prefix for prefix, _, _ in parts], block.name)
    entries: list[Entry] = []
    for key, text, (_, brace, lengths) in zip(keys, texts, parts, strict=True):
        length = key & LENGTH_MASK
        if not brace:
            entries.append((key >> LENGTH_BITS, length, length, length))
            continue
        low, high = _range(lengths)
        if not length <= low <= high <= afi.bits:
            raise ParseError(block.name, f"an entry has impossible lengths: {text[:80]!a}")
        entries.append((key >> LENGTH_BITS, length, low, high))
    return entries


@lru_cache(maxsize=4096)
def _range(lengths: str) -> tuple[int, int]:
    """Return the two lengths of `8,24}`; (1, 0), which is no range, where they cannot be."""
    match = _LENGTHS.fullmatch(lengths)
    return (int(match[1]), int(match[2])) if match else (1, 0)

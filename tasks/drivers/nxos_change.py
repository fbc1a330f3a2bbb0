"""A change of NX-OS's prefix lists: the lines that are sent, in their order, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.candidate_lines import candidate_lines
from irrgate.platforms.numbered import Key, NumberedLists
from irrgate.platforms.numbered_delta import Delta, applied
from irrgate.platforms.numbered_lines import KEYWORDS, read_lines
from irrgate.platforms.nxos import list_lines
from irrgate.platforms.platform import Row

Lists = Mapping[Key, Sequence[str]]
"""what stands on each list's lines after its name"""
Said = tuple[Row, str]
"""an entry, and the words for it"""

_NUMBER: Final = re.compile(r"seq ([0-9]+) ")


@dataclass(frozen=True, slots=True)
class ListChange:
    """What is done to one list; those removed in the router's own words for them."""

    key: Key
    added: tuple[Said, ...]
    removed: tuple[Said, ...]
    existed: bool
    exists: bool

    @property
    def head(self) -> str:
        """What the list's lines begin with."""
        afi, name = self.key
        return f"{KEYWORDS[afi]} prefix-list {name}"

    def reversed(self) -> ListChange:
        """Return the way back: the same steps, the last one first."""
        back = self.removed[::-1] if self.exists else self.removed
        return ListChange(self.key, back, self.added[::-1], self.exists, self.existed)


@dataclass(frozen=True, slots=True)
class ListsChange:
    """What one commit does to a router's prefix lists."""

    lists: tuple[ListChange, ...] = field(default=())

    def __bool__(self) -> bool:
        return bool(self.lists)

    @property
    def added(self) -> list[str]:
        """The lines that add entries, which are sent first."""
        return [f"{each.head} {text}" for each in self._staying for _, text in each.added]

    @property
    def removed(self) -> list[str]:
        """The lines that remove entries, and then those that remove lists."""
        entries = [f"no {each.head} {text}" for each in self._staying for _, text in each.removed]
        gone = [f"no {each.head}" for each in self.lists if not each.exists and each.existed]
        return [*entries, *gone]

    @property
    def _staying(self) -> Iterator[ListChange]:
        return (each for each in self.lists if each.exists)

    def reversed(self) -> ListsChange:
        """Return the way back."""
        return ListsChange(tuple(each.reversed() for each in self.lists[::-1]))

    def missing(self, platform: NumberedLists, lists: Lists) -> str | None:
        """Return the first line that was to be added and of which a router holds nothing."""
        for each in self._staying:
            afi, name = each.key
            held = set(read_lines(platform.dialect, afi, name, lists.get(each.key, ())).rows)
            for row, text in each.added:
                if row not in held:
                    return f"{each.head} {text}"
        return None

    def diff(self) -> str:
        """Return the difference as people read it, by list and number; empty where there is none.

        It has no context: lists are long, and their order is that of the numbers.
        """
        return "\n".join(["--- running", "+++ candidate", *self._diff()]) if self else ""

    def _diff(self) -> Iterator[str]:
        for each in self.lists:
            yield f"@@ {each.head} @@"
            marked = [("-", *said) for said in each.removed] + [("+", *said) for said in each.added]
            for mark, _, text in sorted(marked, key=lambda line: line[1][0]):
                yield f"{mark}{each.head} {text}"


def merge_change(platform: NumberedLists, candidate: str, lists: Lists) -> ListsChange:
    """Return what a candidate, which is a delta, does to the lists of a router.

    Raises ParseError where it does not fit them, or is not one of those that
    irrgate.platforms.numbered_delta lets pass.
    """
    deltas, gone = platform.read_changes(candidate)
    # Of these lines none is without a number any more, and those that remove begin with `no`.
    words = list_lines("\n".join(candidate_lines(candidate)))
    changes = []
    for key, delta in deltas.items():
        added = zip(delta.added, words.get(key, ()), strict=True)
        changes.append(_changed(platform, key, delta, tuple(added), lists))
    for key in gone:
        if key in lists:
            removed = tuple(_held(platform, key, lists[key]).values())
            changes.append(ListChange(key, (), removed, existed=True, exists=False))
    return ListsChange(tuple(changes))


def _changed(
    platform: NumberedLists, key: Key, delta: Delta, added: tuple[Said, ...], lists: Lists
) -> ListChange:
    afi, name = key
    held = _held(platform, key, lists.get(key, ()))
    applied(name, afi, [row for row, _ in held.values()], delta)
    removed = tuple(held[number] for number, _, _ in delta.removed)
    return ListChange(key, added, removed, existed=key in lists, exists=True)


def _held(platform: NumberedLists, key: Key, lines: Sequence[str]) -> dict[int, Said]:
    """Return the entries of a list by their numbers; a description is none."""
    listed = read_lines(platform.dialect, *key, lines)
    if not listed.numbered:
        raise ParseError(key[1], "the router does not show the numbers of its entries")
    words = {int(match[1]): line for line in lines if (match := _NUMBER.match(line))}
    return {row[0]: (row, words[row[0]]) for row in listed.rows}

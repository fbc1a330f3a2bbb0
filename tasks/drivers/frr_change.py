"""A change of numbered prefix lists, line by line: what is sent and read back, and the way back.

FRR's, and those of other platforms where one is given.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.frr import Frr, Key, read_changes
from irrgate.platforms.frr_cost import Work
from irrgate.platforms.frr_lines import KEYWORDS, entry_text, read_rows
from irrgate.platforms.numbered import NumberedLists
from irrgate.platforms.numbered_delta import Delta, accepted_by, applied, delta_to
from irrgate.platforms.numbered_lines import printed_lines, read_lines
from tasks.drivers.frr_map_commands import MapChange

FRR: Final = Frr()
Lists = Mapping[Key, Sequence[str]]
"""what stands on each list's lines after its name, in the order of the numbers"""


@dataclass(frozen=True, slots=True)
class ListChange:
    """What is done to one list; entries as they stand after the list's name."""

    key: Key
    before: tuple[str, ...]
    after: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    existed: bool
    exists: bool
    owner: str = ""
    """the filter that it is a list of; empty: it is one itself"""

    @property
    def filter(self) -> str:
        """The name of the filter."""
        return self.owner or self.key[1]

    @property
    def head(self) -> str:
        """What the list's lines begin with."""
        afi, name = self.key
        return f"{KEYWORDS[afi]} prefix-list {name}"

    @property
    def work(self) -> Work:
        """For an estimate of the time."""
        words = Counter(word for text in self.added for word in text.split(" ")[4:])
        return Work(
            self.key[1],
            len(self.before),
            len(self.added),
            len(self.removed),
            words["ge"] + words["le"],
        )


@dataclass(frozen=True, slots=True)
class ListsChange:
    """What one commit does to a router's prefix lists, and to route-maps of irrgate's own."""

    lists: tuple[ListChange, ...] = ()
    maps: tuple[MapChange, ...] = ()

    def __bool__(self) -> bool:
        return any(
            each.before != each.after or each.existed != each.exists for each in self.lists
        ) or any(each.before != each.after for each in self.maps)

    @property
    def filters(self) -> Mapping[str, Sequence[ListChange]]:
        """The lists by the names of the filters."""
        found: dict[str, list[ListChange]] = {}
        for each in self.lists:
            found.setdefault(each.filter, []).append(each)
        return found

    def come(self, name: str) -> int:
        """Return how many entries a filter's route-map gets."""
        return sum(len(set(m.after) - set(m.before)) for m in self.maps if m.name == name)

    @property
    def names(self) -> set[str]:
        """The names of all lists and route-maps."""
        return {each.key[1] for each in self.lists} | {each.name for each in self.maps}

    def commands(self) -> str:
        """Return the lines for vtysh: what comes, in lists and then in route-maps, what goes."""
        maps = (line for each in self.maps for line in each.commands())
        return _text([*self.coming(), *maps, *self.going()])

    def coming(self) -> list[str]:
        """Return the lines by which entries of lists come."""
        staying = (each for each in self.lists if each.exists)
        return [f"{each.head} {text}" for each in staying for text in each.added]

    def going(self) -> list[str]:
        """Return the lines by which entries of lists go, and after them what goes whole."""
        staying = (each for each in self.lists if each.exists)
        removes = [f"no {each.head} {text}" for each in staying for text in each.removed]
        gone = [f"no route-map {each.name}" for each in self.maps if each.before and not each.after]
        gone += [f"no {each.head}" for each in self.lists if not each.exists and each.existed]
        return [*removes, *gone]

    def reversed(self) -> ListsChange:
        """Return the way back: the same steps, the last one first, so by the same states."""
        return ListsChange(
            tuple(
                ListChange(
                    each.key,
                    each.after,
                    each.before,
                    each.removed[::-1] if each.exists else each.before,
                    each.added[::-1],
                    each.exists,
                    each.existed,
                    each.owner,
                )
                for each in self.lists[::-1]
            ),
            tuple(each.reversed() for each in self.maps[::-1]),
        )

    def lines(self, *, after: bool) -> str:
        """Return all lines, before the change or after it: a list's as a config has them."""
        of_lists = (
            f"{each.head} {text}"
            for each in self.lists
            for text in (each.after if after else each.before)
        )
        of_maps = (line for each in self.maps for line in (each.after if after else each.before))
        return _text([*of_lists, *of_maps])

    def fates(self) -> str:
        """Return a line for each list and route-map: family and name, and whether it stays."""
        of_lists = (
            f"{KEYWORDS[each.key[0]]} {each.key[1]} {'stays' if each.exists else 'goes'}"
            for each in self.lists
        )
        of_maps = (
            f"route-map {each.name} {'stays' if each.after else 'goes'}" for each in self.maps
        )
        return _text([*of_lists, *of_maps])

    def diff(self) -> str:
        """Return the difference as people read it, by list and number; empty where there is none.

        It has no context: lists are long, and their order is that of the numbers.
        """
        if not self:
            return ""
        return "\n".join(["--- running", "+++ candidate", *self._diff()])

    def _diff(self) -> Iterator[str]:
        for each in self.lists:
            gone = each.before if not each.exists else each.removed
            if gone or each.added:
                yield f"@@ {each.head} @@"
            marked = [("-", text) for text in gone] + [("+", text) for text in each.added]
            for mark, text in sorted(marked, key=lambda pair: int(pair[1].split(" ", 2)[1])):
                yield f"{mark}{each.head} {text}"
        for of_map in self.maps:
            if of_map.before != of_map.after:
                yield from of_map.diff()


def _text(lines: Sequence[str] | Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def merge_change(candidate: str, lists: Lists, platform: NumberedLists = FRR) -> ListsChange:
    """Return what a candidate, which is a delta, does to the lists of a router.

    Raises ParseError where it does not fit them, or is not one of those that
    irrgate.platforms.numbered_delta lets pass.
    """
    deltas, gone = platform.read_changes(candidate)
    changes = [changed_list(key, delta, lists, platform=platform) for key, delta in deltas.items()]
    changes += (removed_list(key, lists) for key in gone if key in lists)
    return ListsChange(tuple(changes))


def replace_change(candidate: str, lists: Lists) -> ListsChange:
    """Return what makes each list that a text holds accept what it says there.

    Lists that the text does not hold are left alone. Raises ParseError, or PlatformError where
    there is no way without a moment in between.
    """
    deltas, gone = read_changes(candidate)
    changes = []
    for key, wanted in deltas.items():
        afi, name = key
        accepted = accepted_by(afi, applied(name, afi, (), wanted))
        rows = read_rows(afi, name, lists.get(key, ()))
        changes.append(changed_list(key, delta_to(name, accepted, rows), lists))
    merged = merge_change("".join(f"no {KEYWORDS[a]} prefix-list {n}\n" for a, n in gone), lists)
    return ListsChange((*changes, *merged.lists))


def removed_list(key: Key, lists: Lists) -> ListChange:
    """Return the end of a list."""
    return ListChange(key, tuple(lists[key]), (), (), (), existed=True, exists=False)


def changed_list(
    key: Key, delta: Delta, lists: Lists, owner: str = "", platform: NumberedLists = FRR
) -> ListChange:
    """Return what a delta does to a list; raises ParseError where it does not fit."""
    afi, name = key
    before = tuple(lists.get(key, ()))
    dialect = platform.dialect
    listed = read_lines(dialect, afi, name, before)
    if not listed.numbered:
        raise ParseError(name, "the router does not show the entries' sequence numbers")
    rows = listed.rows
    texts = {number: text for (number, _, _), text in zip(rows, before, strict=True)}
    after_rows = applied(name, afi, rows, delta, dialect.numbering)
    added = tuple(map(entry_text, printed_lines(dialect, afi, delta.added)))
    new = {number: text for (number, _, _), text in zip(delta.added, added, strict=True)}
    return ListChange(
        key,
        before,
        tuple(new.get(number) or texts[number] for number, _, _ in after_rows),
        added,
        tuple(texts[number] for number, _, _ in delta.removed),
        existed=key in lists,
        exists=True,
        owner=owner,
    )

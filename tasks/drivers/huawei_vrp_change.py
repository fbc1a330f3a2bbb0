"""A change of VRP's prefix lists: what is sent, in which steps, its diff, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from irrgate.errors import ParseError
from irrgate.platforms.huawei_vrp import read_changes
from irrgate.platforms.huawei_vrp_lines import KEYWORDS, entry_text, lines_of, read_rows
from irrgate.platforms.numbered import Key
from irrgate.platforms.numbered_delta import accepted_by, applied, delta_to
from irrgate.platforms.platform import Row

Lists = Mapping[Key, Sequence[str]]
"""what stands on each list's lines after its name"""


@dataclass(frozen=True, slots=True)
class ListChange:
    """What is done to one list; () is a list that does not exist."""

    key: Key
    before: tuple[Row, ...]
    after: tuple[Row, ...]
    added: tuple[Row, ...]
    """in their order"""
    removed: tuple[Row, ...]

    @property
    def head(self) -> str:
        """What the list's lines begin with."""
        afi, name = self.key
        return f"ip {KEYWORDS[afi]} {name}"

    def texts(self, rows: Sequence[Row]) -> list[str]:
        """Return what stands on the lines of entries after the list's name."""
        return list(map(entry_text, lines_of(self.key[0], rows)))

    def reversed(self) -> ListChange:
        """Return the way back, by the same states."""
        removed = self.added[::-1] if self.before else ()
        added = self.removed[::-1] if self.after else self.before
        return ListChange(self.key, self.after, self.before, added, removed)


@dataclass(frozen=True, slots=True)
class ListsChange:
    """What one commit does to a router's prefix lists."""

    lists: tuple[ListChange, ...] = ()

    def __bool__(self) -> bool:
        return any(each.before != each.after for each in self.lists)

    def steps(self) -> tuple[tuple[str, ...], ...]:
        """Return the lines, in steps of which each begins when the one before was taken whole.

        Within a step a line that is refused harms none of the others. A permit that is gone though
        the one in its place was refused would lose routes, and a deny that is gone though a permit
        is still there would let routes in.
        """
        staying = [each for each in self.lists if each.after]
        adds = [(f"{each.head} {text}", row[1]) for each in staying for row, text in _told(each)]
        drops = [
            (f"undo {each.head} index {number}", permits)
            for each in staying
            for number, permits, _ in each.removed
        ]
        gone = [f"undo {each.head}" for each in self.lists if each.before and not each.after]
        steps = (
            [line for line, permits in adds if not permits],
            [line for line, permits in adds if permits],
            [line for line, permits in drops if permits],
            [line for line, permits in drops if not permits],
            gone,
        )
        return tuple(map(tuple, filter(None, steps)))

    def unmet(self, lists: Lists) -> str:
        """Return why no entry may go yet from a router that holds these lists, or nothing.

        What was to come must be there. And an index is all that says which entry goes: it must be
        the one that was looked at.
        """
        for each in self.lists:
            held = set(_rows(each.key, lists)) if each.after else set()
            for row, text in _told(each):
                if row not in held:
                    return f"said to have taken, and has not: {each.head} {text}"
            for row in each.removed:
                if row not in held:
                    return f"{each.head} index {row[0]} was changed meanwhile"
        return ""

    def reversed(self) -> ListsChange:
        """Return the way back: the same steps, the last one first."""
        return ListsChange(tuple(each.reversed() for each in self.lists[::-1]))

    def diff(self) -> str:
        """Return the difference as people read it, by list and index; empty where there is none.

        It has no context: lists are long, and their order is that of the indexes.
        """
        if not self:
            return ""
        return "\n".join(["--- running", "+++ candidate", *self._diff()])

    def _diff(self) -> Iterator[str]:
        for each in self.lists:
            gone = each.removed if each.after else each.before
            if gone or each.added:
                yield f"@@ {each.head} @@"
            marked = [("-", row, text) for row, text in zip(gone, each.texts(gone), strict=True)]
            marked += [("+", row, text) for row, text in _told(each)]
            for mark, _, text in sorted(marked, key=itemgetter(1)):
                yield f"{mark}{each.head} {text}"


def _told(change: ListChange) -> Iterator[tuple[Row, str]]:
    return zip(change.added, change.texts(change.added), strict=True)


def _rows(key: Key, lists: Lists) -> tuple[Row, ...]:
    afi, name = key
    return read_rows(afi, name, lists.get(key, ())).rows


def merge_change(candidate: str, lists: Lists) -> ListsChange:
    """Return what a candidate, which is a delta, does to the lists of a router.

    Raises ParseError where it does not fit them, or is not one of those that
    irrgate.platforms.numbered_delta lets pass.
    """
    changes = read_changes(candidate)
    found: list[ListChange] = []
    for key in changes.keys:
        rows = _rows(key, lists)
        delta = changes.delta(key, rows)
        after = applied(key[1], key[0], rows, delta)
        found.append(ListChange(key, rows, after, delta.added, delta.removed))
    gone = (key for key in changes.gone if key in lists)
    found += (ListChange(key, _rows(key, lists), (), (), ()) for key in gone)
    return ListsChange(tuple(found))


def replace_change(candidate: str, lists: Lists) -> ListsChange:
    """Return what makes each list that a text holds accept what it says there.

    Lists that the text does not hold are left alone. Raises ParseError, or PlatformError where
    there is no way without a moment in between.
    """
    changes = read_changes(candidate)
    if changes.removed or changes.gone:
        raise ParseError("candidate", "a text that replaces lists has no undo lines")
    found: list[ListChange] = []
    for key, rows in changes.added.items():
        afi, name = key
        before = _rows(key, lists)
        delta = delta_to(name, accepted_by(afi, rows), before)
        after = applied(name, afi, before, delta)
        found.append(ListChange(key, before, after, delta.added, delta.removed))
    return ListsChange(tuple(found))

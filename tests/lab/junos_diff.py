"""The difference of two configs in the form of Junos's `show | compare`.

    [edit policy-options]
    +   prefix-list NEW {
    +       192.0.2.0/24;
    +   }
    [edit policy-options route-filter-list IRR-AS64500-V4]
    -    198.51.100.0/24 exact;
    +    203.0.113.0/24 exact;

`!` marks what was moved, activated or deactivated.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

from tests.lab.junos_tree import FilterList, Node, Value, ordered_keys, render_statement, same


def compare(before: Node, after: Node) -> str:
    """What `after` changes in `before`; a lone newline when it changes nothing."""
    return "\n" + "".join(_level(before, after, ()))


def changed_statements(before: Node, after: Node) -> list[str]:
    """What differs: the statements under [edit policy-options], other hierarchies as a whole.

    Filter lists by their bare name.
    """
    names: list[str] = []
    for key in {**before.children, **after.children}:
        one, other = before.children.get(key), after.children.get(key)
        if same(one, other) and (key in before.inactive) == (key in after.inactive):
            continue
        if key == "policy-options":
            names += _changed_options(one, other)
        else:
            names.append(key)
    return names


def _changed_options(one: Value, other: Value) -> list[str]:
    before = one if isinstance(one, Node) else Node()
    after = other if isinstance(other, Node) else Node()
    names = []
    for key in {**before.children, **after.children}:
        old, new = before.children.get(key), after.children.get(key)
        both = key in before.children and key in after.children
        if both and same(old, new) and (key in before.inactive) == (key in after.inactive):
            continue
        is_filter = isinstance(old, FilterList) or isinstance(new, FilterList)
        names.append(key.split(" ", 1)[1] if is_filter else key)
    return names


def _level(before: Node, after: Node, path: tuple[str, ...]) -> Iterator[str]:
    yield from _headed(path, _own_lines(before, after))
    for key, value in before.children.items():
        other = after.children.get(key)
        if isinstance(value, Node) and isinstance(other, Node):
            yield from _level(value, other, (*path, key))
        elif isinstance(value, FilterList) and isinstance(other, FilterList):
            yield from _headed((*path, key), _filter_lines(value, other))


def _headed(path: tuple[str, ...], lines: Iterable[str]) -> Iterator[str]:
    first = True
    for line in lines:
        if first:
            yield f"[{' '.join(('edit', *path))}]\n"
            first = False
        yield line


def _own_lines(before: Node, after: Node) -> Iterator[str]:
    """The lines of a hierarchy's own statements, not of the blocks that both have."""
    for key, value in before.children.items():
        if key not in after.children:
            yield from _signed("-", key, value, before)
            continue
        other = after.children[key]
        if (key in before.inactive) != (key in after.inactive):
            state = "inactive" if key in after.inactive else "active"
            yield f"!   {state}: {key} {{ ... }}\n"
        blocks = isinstance(value, Node) and isinstance(other, Node)
        blocks = blocks or (isinstance(value, FilterList) and isinstance(other, FilterList))
        if not blocks and not same(value, other):
            yield from _signed("-", key, value, before)
            yield from _signed("+", key, other, after)
    for key, value in after.children.items():
        if key not in before.children:
            yield from _signed("+", key, value, after)
    for key in _moved(ordered_keys(before), ordered_keys(after)):
        yield f"!    {key} {{ ... }}\n"


def _signed(sign: str, key: str, value: Value, node: Node) -> Iterator[str]:
    tag = "inactive: " if key in node.inactive else ""
    for line in render_statement(key, value, tag=tag):
        yield f"{sign}   {line}"


def _filter_lines(before: FilterList, after: FilterList) -> Iterator[str]:
    if before is after:
        return
    old, new = before.entries, after.entries
    for key, action in old.items():
        if key not in new or new[key] != action:
            yield f"-    {key};\n" if action is None else f"-    {key} {action};\n"
    for key, action in new.items():
        if key not in old or old[key] != action:
            yield f"+    {key};\n" if action is None else f"+    {key} {action};\n"
    for key in sorted(before.inactive ^ after.inactive):
        if key in old and key in new:
            yield f"!    {'inactive' if key in after.inactive else 'active'}: {key};\n"
    for key in _moved(list(old), list(new)):
        yield f"!    {key};\n"


def _moved(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The fewest of the common items that must move to come from one order to the other."""
    kept = set(before).intersection(after)
    old = [key for key in before if key in kept]
    new = [key for key in after if key in kept]
    if old == new:
        return []
    place = {key: index for index, key in enumerate(old)}
    stays = _increasing([place[key] for key in new])
    return [key for index, key in enumerate(new) if index not in stays]


def _increasing(numbers: Sequence[int]) -> set[int]:
    """The indexes of a longest increasing subsequence."""
    tails: list[int] = []
    indexes: list[int] = []
    previous: list[int] = []
    for index, number in enumerate(numbers):
        slot = bisect_left(tails, number)
        previous.append(indexes[slot - 1] if slot else -1)
        if slot == len(tails):
            tails.append(number)
            indexes.append(index)
        else:
            tails[slot] = number
            indexes[slot] = index
    found: set[int] = set()
    index = indexes[-1] if indexes else -1
    while index >= 0:
        found.add(index)
        index = previous[index]
    return found

"""Sets of prefixes as integers: the canonical form, set difference, and short lists of entries.

A *key* is a prefix as one integer, `address << 8 | length`, so that sorting keys puts each prefix
before its more specifics, and the left half of a prefix has the prefix's key plus one. A *mask*
has bit n set when prefixes of length n are accepted. A node (key, mask) therefore says: of the
space below this prefix, all prefixes of the lengths in the mask are accepted.

The canonical form of a set is the one dict of nodes, in key order, in which
- a length that both halves of a prefix accept is lifted into the prefix, and
- a length that a less specific node accepts is not repeated below it.
Two dicts in canonical form are equal exactly when they accept the same prefixes, so equality and
digests are about meaning, not about how a list was written.

All of it is linear in the number of nodes: about 1 µs a prefix for real as-sets.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from typing import Final

Nodes = dict[int, int]
"""key → mask."""

Entry = tuple[int, int, int, int]
"""(address, length, ge, le): a line of a prefix list, ge and le both inclusive and always given."""

_SMALL: Final = 256
"""nodes; up to here `subtract` looks first whether the smaller set touches the larger at all"""

LENGTH_BITS: Final = 8
LENGTH_MASK: Final = 0xFF


def span(ge: int, le: int) -> int:
    """Return the mask of the lengths from `ge` to `le`, both included."""
    return (2 << le) - (1 << ge)


def last_key(key: int, bits: int) -> int:
    """Return the greatest key that can lie below the prefix `key`; `bits` is 32 or 128."""
    host = (1 << (bits - (key & LENGTH_MASK))) - 1
    return ((key >> LENGTH_BITS | host) << LENGTH_BITS) | LENGTH_MASK


def canonical(nodes: Nodes, bits: int) -> Nodes:
    """Return the canonical form of `nodes`, which is used up; `bits` is 32 or 128."""
    _lift(nodes, bits)
    return _without_repeats(nodes, bits)


def _lift(nodes: Nodes, bits: int) -> None:
    """Add to each prefix the lengths that both of its halves accept, longest prefixes first."""
    levels: list[list[int]] = [[] for _ in range(bits + 1)]
    for key in nodes:
        levels[key & LENGTH_MASK].append(key)
    get = nodes.get
    for length in range(bits, 0, -1):
        # The right half's key is the left half's plus the bit in which the two differ.
        step = 1 << (bits - length + LENGTH_BITS)
        shorter = levels[length - 1]
        for key in levels[length]:
            if key & step:
                continue
            right = get(key + step)
            if right is None:
                continue
            common = nodes[key] & right
            if common:
                parent = key - 1
                mask = get(parent)
                if mask is None:
                    shorter.append(parent)
                    nodes[parent] = common
                else:
                    nodes[parent] = mask | common
        levels[length] = []


def _without_repeats(nodes: Nodes, bits: int) -> Nodes:
    """Return `nodes` in key order without the lengths that a less specific node accepts."""
    kept: Nodes = {}
    stack: list[tuple[int, int]] = []  # (last key below, lengths accepted there), outermost first
    end = -1
    inherited = 0
    for key in sorted(nodes):
        mask = nodes[key]
        while key > end and stack:
            stack.pop()
            end, inherited = stack[-1] if stack else (-1, 0)
        mask &= ~inherited
        if not mask:
            continue
        kept[key] = mask
        if mask >> ((key & LENGTH_MASK) + 1):
            end = last_key(key, bits)
            inherited |= mask
            stack.append((end, inherited))
    return kept


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """Yield the maximal (ge, le) runs of consecutive lengths in `mask`, shortest first."""
    while mask:
        lowest = mask & -mask
        # Adding the lowest bit carries through the run, up to the bit after it.
        carried = mask + lowest
        after = carried & -carried
        yield lowest.bit_length() - 1, after.bit_length() - 2
        mask &= carried


def entries(nodes: Nodes, bits: int) -> Iterator[Entry]:
    """Yield few entries that together accept exactly what canonical `nodes` accept.

    A list in which any entry that matches accepts: prefix-list, prefix-set, ip-prefix. A run of
    lengths that both halves of a prefix accept as part of longer runs of their own is left to the
    halves, since an entry for it here would spare none of theirs.
    """
    stack: list[tuple[int, int, int]] = []  # (last key below, accepted there, printed for there)
    end = -1
    accepted = printed = 0
    for key, mask in nodes.items():
        while key > end and stack:
            stack.pop()
            end, accepted, printed = stack[-1] if stack else (-1, 0, 0)
        length = key & LENGTH_MASK
        own = 1 << length
        if mask == own and not accepted >> length:
            yield key >> LENGTH_BITS, length, length, length
            continue
        # Bits below the own length are gone from `accepted` for good: nothing here has them.
        whole = (mask | accepted) >> length << length
        now_printed = printed
        for ge, le in runs(whole):
            run = span(ge, le)
            if not run & ~printed:
                continue
            if ge == length or _spares_an_entry(nodes, key, whole, (run, printed), bits):
                yield key >> LENGTH_BITS, length, ge, le
                now_printed |= run
        if whole >> (length + 1):
            end = last_key(key, bits)
            accepted, printed = whole, now_printed
            stack.append((end, accepted, printed))


def _spares_an_entry(
    nodes: Nodes, key: int, whole: int, run_and_printed: tuple[int, int], bits: int
) -> bool:
    """Tell whether printing the lengths `run` at `key` makes one of its halves need none."""
    run, printed = run_and_printed
    missing = run & ~printed
    longer = (key & LENGTH_MASK) + 1
    step = 1 << (bits - longer + LENGTH_BITS)
    for half in (key + 1, key + 1 + step):
        more = nodes.get(half)
        if more is None:
            # The half accepts just what its parent does.
            return True
        accepted = more | (whole >> longer << longer)
        for ge, le in runs(accepted):
            if span(ge, le) & ~printed == missing:
                return True
    return False


def longest_match_entries(nodes: Nodes, bits: int) -> Iterator[Entry]:
    """Yield entries that are right where only the longest matching entry counts (Junos).

    Junos looks up the most specific entry that contains a route and examines no other; entries of
    one prefix are scanned in order ("How Route Filters Are Evaluated in Routing Policy Match
    Conditions"). So each node's entries repeat what its less specific nodes accept below it.
    """
    stack: list[tuple[int, int]] = []
    end = -1
    accepted = 0
    for key, mask in nodes.items():
        while key > end and stack:
            stack.pop()
            end, accepted = stack[-1] if stack else (-1, 0)
        length = key & LENGTH_MASK
        whole = (mask | accepted) >> length << length
        for ge, le in runs(whole):
            yield key >> LENGTH_BITS, length, ge, le
        if whole >> (length + 1):
            end = last_key(key, bits)
            accepted = whole
            stack.append((end, accepted))


def subtract(left: Nodes, right: Nodes, bits: int) -> Nodes:
    """Return in canonical form what canonical `left` accepts and canonical `right` does not.

    Nodes that both hold alike, which is nearly all of two versions of one filter, cost one
    look-up each; where `right` is much the smaller, what it does not touch costs nothing. The
    result may be `left` itself.
    """
    if len(right) <= _SMALL or len(right) * 8 < len(left):
        touched = _touched(left, right, bits)
        if not touched:
            return left
        kept = {key: mask for key, mask in left.items() if key not in touched}
        # What is left of the touched nodes is canonical together with the others: their lengths
        # differ where one lies in the other, and nothing can be lifted that was not before.
        for key, mask in _remaining({k: left[k] for k in sorted(touched)}, right, bits).items():
            kept[key] = kept.get(key, 0) | mask
        return {key: kept[key] for key in sorted(kept)}
    return _remaining(left, right, bits)


def _touched(left: Nodes, right: Nodes, bits: int) -> set[int]:
    """Return the keys of `left` that lie in, or cover, a node of `right`."""
    keys = list(left)
    touched: set[int] = set()
    end = -1
    for key in right:
        if key <= end:
            continue
        end = last_key(key, bits)
        low = bisect_left(keys, key)
        touched.update(keys[low : bisect_right(keys, end, low)])
        address = key >> LENGTH_BITS
        for shorter in range(key & LENGTH_MASK):
            host = bits - shorter
            covering = (address >> host << host) << LENGTH_BITS | shorter
            # One that accepts its own length alone has nothing below it to lose.
            if left.get(covering, 0) >> (shorter + 1):
                touched.add(covering)
    return touched


def _remaining(left: Nodes, right: Nodes, bits: int) -> Nodes:
    """Do as `subtract`, by a look at every node of `left`."""
    wide_lengths = sorted({k & LENGTH_MASK for k, m in right.items() if m >> ((k & 0xFF) + 1)})
    right_keys: list[int] | None = None
    rest: Nodes = {}
    get = right.get
    for key, mask in left.items():
        if get(key) == mask:
            continue
        remaining = mask & ~_accepted_at(right, key, wide_lengths, bits)
        if not remaining:
            continue
        if remaining >> ((key & LENGTH_MASK) + 1):
            if right_keys is None:
                right_keys = list(right)
            low = bisect_right(right_keys, key)
            high = bisect_right(right_keys, last_key(key, bits))
            _carve(rest, key, remaining, (right, right_keys, low, high), bits)
        else:
            rest[key] = rest.get(key, 0) | remaining
    return canonical(rest, bits)


def _accepted_at(nodes: Mapping[int, int], key: int, wide_lengths: list[int], bits: int) -> int:
    """Return the lengths that `nodes` accept everywhere below `key`."""
    mask = nodes.get(key, 0)
    address, length = key >> LENGTH_BITS, key & LENGTH_MASK
    for shorter in wide_lengths:
        if shorter >= length:
            break
        host = bits - shorter
        mask |= nodes.get((address >> host << host) << LENGTH_BITS | shorter, 0)
    return mask


def _carve(
    rest: Nodes, key: int, mask: int, below: tuple[Nodes, list[int], int, int], bits: int
) -> None:
    """Add to `rest` what (key, mask) accepts beyond the nodes of `below`, all beneath `key`."""
    right, keys, low, high = below
    if not any(right[k] & mask for k in keys[low:high]):
        rest[key] = rest.get(key, 0) | mask
        return
    length = key & LENGTH_MASK
    own = mask & (1 << length)
    if own:
        rest[key] = rest.get(key, 0) | own
    step = 1 << (bits - length - 1 + LENGTH_BITS)
    for half in (key + 1, key + 1 + step):
        remaining = (mask & ~own) & ~right.get(half, 0)
        if remaining:
            first = bisect_right(keys, half, low, high)
            last = bisect_right(keys, last_key(half, bits), low, high)
            _carve(rest, half, remaining, (right, keys, first, last), bits)


def accepts(nodes: Mapping[int, int], address: int, length: int, bits: int) -> bool:
    """Tell whether the prefix `address`/`length` is accepted; at most length + 1 look-ups."""
    for shorter in range(length, -1, -1):
        host = bits - shorter
        mask = nodes.get((address >> host << host) << LENGTH_BITS | shorter)
        if mask is not None and mask >> length & 1:
            return True
    return False


def outside(keys: list[int], nodes: Nodes, bits: int) -> list[int]:
    """Return the sorted `keys` of those single prefixes that canonical `nodes` do not accept.

    Costs two bisections for each of the outermost nodes and a copy, whatever the number of keys;
    only keys below a node that does not accept all beneath it are looked at one by one.
    """
    kept: list[int] = []
    start = 0
    end = -1
    for key, mask in nodes.items():
        if key <= end:
            continue
        end = last_key(key, bits)
        low = bisect_left(keys, key, start)
        high = bisect_right(keys, end, low)
        kept += keys[start:low]
        if mask != span(key & LENGTH_MASK, bits):
            kept += [k for k in keys[low:high] if not accepts(nodes, k >> 8, k & LENGTH_MASK, bits)]
        start = high
    return kept + keys[start:]


def spaces(nodes: Nodes, bits: int) -> Iterator[tuple[int, int]]:
    """Yield the first and last address of each outermost node of canonical `nodes`, in order."""
    end = -1
    for key in nodes:
        if key > end:
            end = last_key(key, bits)
            yield key >> LENGTH_BITS, end >> LENGTH_BITS


def shared_addresses(left: Nodes, right: Nodes, bits: int) -> int:
    """Return how many addresses lie both in nodes of canonical `left` and of `right`."""
    shared = 0
    others = spaces(right, bits)
    first, last = next(others, (-1, -1))
    for start, end in spaces(left, bits):
        while 0 <= first <= end:
            if last >= start:
                shared += min(end, last) - max(start, first) + 1
            if last > end:
                break
            first, last = next(others, (-1, -1))
    return shared

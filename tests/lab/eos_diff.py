"""The diff of two EOS configurations, as `show session-config named X diffs` prints it.

A unified diff with three lines of context. difflib is quadratic and would take minutes for lists
of 100,000 entries: here blocks are matched by their header and entries by their number, since
both sides are printed in the same order; difflib sees other blocks only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from tests.lab.eos_config import EosConfig
from tests.lab.eos_prefix_list import Entries

_CONTEXT = 3


@dataclass(slots=True)
class _Span:
    """Lines old[i1:i2] that become new[j1:j2]."""

    i1: int
    i2: int
    j1: int
    j2: int


def diff(old: EosConfig, new: EosConfig, session: str) -> str:
    """The diff's text, or the empty string where the two are the same."""
    spans = _merged(_spans(old, new))
    if not spans:
        return ""
    old_lines, new_lines = list(old.lines()), list(new.lines())
    head = ["--- system:/running-config", f"+++ session:/{session}-session-config"]
    return "\n".join([*head, *_hunks(spans, old_lines, new_lines)]) + "\n"


def _spans(old: EosConfig, new: EosConfig) -> Iterator[_Span]:
    """What differs, block by block, in order; touching spans are not merged yet."""
    old_blocks, new_blocks = old.blocks(), new.blocks()
    i = j = old_at = new_at = 0
    while i < len(old_blocks) or j < len(new_blocks):
        before = old_blocks[i] if i < len(old_blocks) else None
        after = new_blocks[j] if j < len(new_blocks) else None
        if before == after and before is not None:
            header = before[1]
            yield from _block_spans(old, new, header, (old_at, new_at))
            old_at += _height(old, header)
            new_at += _height(new, header)
            i, j = i + 1, j + 1
        elif after is None or (before is not None and before < after):
            assert before is not None
            height = _height(old, before[1])
            yield _Span(old_at, old_at + height, new_at, new_at)
            old_at, i = old_at + height, i + 1
        else:
            height = _height(new, after[1])
            yield _Span(old_at, old_at, new_at, new_at + height)
            new_at, j = new_at + height, j + 1


def _height(config: EosConfig, header: str) -> int:
    entries = config.list_at(header)
    return len(entries) + 2 if entries is not None else len(config.block_lines(header))


def _block_spans(
    old: EosConfig, new: EosConfig, header: str, at: tuple[int, int]
) -> Iterator[_Span]:
    before, after = old.list_at(header), new.list_at(header)
    if before is not None and after is not None:
        if before is not after:
            yield from _entry_spans(before, after, (at[0] + 1, at[1] + 1))
    elif old.stanzas[header] != new.stanzas[header]:
        lines = old.block_lines(header), new.block_lines(header)
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, *lines, autojunk=False).get_opcodes():
            if tag != "equal":
                yield _Span(at[0] + i1, at[0] + i2, at[1] + j1, at[1] + j2)


def _entry_spans(before: Entries, after: Entries, at: tuple[int, int]) -> Iterator[_Span]:
    changed = sorted({number for number, _ in before.items() ^ after.items()})
    if not changed:
        return
    old_numbers, new_numbers = sorted(before), sorted(after)
    for number in changed:
        i = at[0] + bisect_left(old_numbers, number)
        j = at[1] + bisect_left(new_numbers, number)
        yield _Span(i, i + (number in before), j, j + (number in after))


def _merged(spans: Iterator[_Span]) -> list[_Span]:
    merged: list[_Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last is not None and (last.i2, last.j2) == (span.i1, span.j1):
            last.i2, last.j2 = span.i2, span.j2
        else:
            merged.append(span)
    return merged


def _hunks(spans: list[_Span], old: list[str], new: list[str]) -> Iterator[str]:
    group: list[_Span] = []
    for span in spans:
        if group and span.i1 - group[-1].i2 > 2 * _CONTEXT:
            yield from _hunk(group, old, new)
            group = []
        group.append(span)
    yield from _hunk(group, old, new)


def _hunk(group: list[_Span], old: list[str], new: list[str]) -> Iterator[str]:
    first, last = group[0], group[-1]
    lead = min(_CONTEXT, first.i1)
    tail = min(_CONTEXT, len(old) - last.i2)
    old_range = _range(first.i1 - lead, last.i2 + tail)
    new_range = _range(first.j1 - lead, last.j2 + tail)
    yield f"@@ -{old_range} +{new_range} @@"
    at = first.i1 - lead
    for span in group:
        yield from (f" {line}" for line in old[at : span.i1])
        yield from (f"-{line}" for line in old[span.i1 : span.i2])
        yield from (f"+{line}" for line in new[span.j1 : span.j2])
        at = span.i2
    yield from (f" {line}" for line in old[at : at + tail])


def _range(start: int, stop: int) -> str:
    # As `diff -u` has it: from 1, one line without a count, no lines at the line before.
    count = stop - start
    if count == 1:
        return str(start + 1)
    return f"{start + 1 if count else start},{count}"

"""OpenBGPD: `prefix-set`, in a file of irrgate's own that the user's configuration includes.

A route is in a prefix-set when any of its entries matches. One without entries matches nothing, so
that a rule that allows what is in it denies everything (measured on 7.7). Syntax: bgpd.conf(5),
"SET CONFIGURATION" and, for the operators after a prefix, "PARAMETERS".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.daemon_files import find_references
from irrgate.platforms.openbgpd_text import defined_elsewhere, definitions, is_seal, split
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

MAX_NAME: Final = 127
"""bytes: `prefix-set "..." too long: max 127` (bgpd 7.7)"""

_REMOVAL: Final = re.compile(r'^no prefix-set "([^"\n]*)"\n', re.MULTILINE)
_SINGLE: Final = re.compile(r"^\t([0-9a-f.:]+/[0-9]+)$", re.MULTILINE)
_RANGE: Final = re.compile(
    r"^\t([0-9a-f.:]+/[0-9]+) (?:maxlen ([0-9]+)|prefixlen ([0-9]+) - ([0-9]+))$", re.MULTILINE
)
_ENTRY: Final = re.compile(
    r"[\s,]*(?P<prefix>[0-9A-Fa-f.:]+/[0-9]+)"
    r"(?:\s+(?:(?P<orlonger>or-longer)|maxlen\s+(?P<maxlen>[0-9]+)"
    r"|prefixlen\s*(?:(?P<low>[0-9]+)\s*-\s*(?P<high>[0-9]+)"
    r"|(?P<operator><=|>=|=|<|>)\s*(?P<length>[0-9]+))))?(?=[\s,]|\Z)"
)
_COMMENT: Final = re.compile(r"#[^\n]*")
_DENY_ALL: Final = {f"\n\t# accepts no {afi} prefix\n": afi for afi in Afi}

_FAULTS: Final = (
    DriverFault(
        "`bgpctl reload` exits with 0 when it failed",
        "its words are read, and then the filters",
    ),
    DriverFault(
        "The daemon cannot undo a reload",
        (
            "a watchdog on the router puts the old file back when nobody confirms, also when the "
            "connection is lost"
        ),
    ),
)


class Openbgpd:
    """The OpenBGPD platform."""

    name: Final = "openbgpd"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        revert_step=1,
        commit_message=False,
        max_sequence=None,
        max_name=MAX_NAME,
        atomic=True,
        commit_confirm=True,
        verified_host="SSH host key",
        tested="the real daemon",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix-sets of what `openbgpd_text.joined` makes; see Platform.

        Where the daemon did not prove that it holds what the file says, no list is plain.
        """
        text = split(running)
        ours = definitions(text.files.own.text, text.files.own.path)
        theirs = defined_elsewhere(text.files)
        for name in wanted.keys() & theirs.keys():
            path, _ = theirs[name]
            raise ParseError(name, f"is defined in {path}", hint="delete it there")
        lists = {
            name: _managed(name, afi, ours[name], proven=text.proven)
            for name, afi in wanted.items()
            if name in ours
        }
        managed = {name for name in ours | theirs if name.startswith(managed_prefix)}
        strange = sorted(each for each in managed - wanted.keys() if not is_seal(each))
        referring = find_references(text.files, strange)
        return RunningFilters(
            lists,
            tuple(
                _stranger(name, ours.get(name), theirs.get(name), referring[name])
                for name in strange
            ),
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines of the user's own files that mention each of `names`; see Platform."""
        return find_references(split(running).files, names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the prefix-sets that a candidate sets; see Platform.

        It is no file for bgpd, but what changes in one: `no prefix-set "NAME"` removes a set.
        """
        bodies, removed = changes(candidate)
        for name in removed:
            if name not in removals:
                raise ParseError(name, "the candidate removes a set that is to stay")
        lists = {
            name: _managed(name, wanted[name], body, proven=True)
            for name, body in bodies.items()
            if name in wanted
        }
        strangers = tuple(
            Stranger(name, _family(bodies[name]), (), removable=False)
            for name in sorted(bodies.keys() - lists.keys())
        )
        return RunningFilters(lists, strangers, tuple(sorted(removed)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the set's entries; see Platform. Entries have no numbers."""
        del running
        afi = prefixes.afi
        entries = list(prefixes.entries())
        texts = format_prefixes(afi, entries)
        lines: list[Line] = [
            (0, "", text, ge if ge > length else None, le if le > length else None)
            for text, (_, length, ge, le) in zip(texts, entries, strict=True)
        ]
        return PrintedList(name, afi, str(afi), lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the set; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, str(afi))


def changes(candidate: str) -> tuple[dict[str, str], set[str]]:
    """Return what a candidate sets (name to body) and removes, or raise ParseError."""
    removed = _REMOVAL.findall(candidate)
    bodies = definitions(_REMOVAL.sub("", candidate), "the candidate")
    for name in removed:
        if name in bodies or removed.count(name) > 1:
            raise ParseError(name, "the candidate has the set twice")
    return bodies, set(removed)


def _stranger(
    name: str, body: str | None, elsewhere: tuple[str, str] | None, references: tuple[str, ...]
) -> Stranger:
    afi = _family(body if body is not None else elsewhere[1] if elsewhere else "")
    return stranger_of(
        name,
        afi,
        references,
        ours=body is not None and elsewhere is None,
        read=lambda family: _managed(name, family, body or "", proven=True),
    )


def _family(body: str) -> Afi | None:
    """Return the family of a set; None where it has entries of both, or none of either."""
    if body in _DENY_ALL:
        return _DENY_ALL[body]
    prefixes = [match["prefix"] for match in _ENTRY.finditer(_COMMENT.sub("", body))]
    six = sum(":" in prefix for prefix in prefixes)
    if not prefixes or 0 < six < len(prefixes):
        return None
    return Afi.IPV6 if six else Afi.IPV4


def _managed(name: str, afi: Afi, body: str, *, proven: bool) -> ManagedList:
    if body in _DENY_ALL:
        plain = proven and _DENY_ALL[body] is afi
        return ManagedList(name, afi, PrefixSet.empty(afi), plain)
    singles = _SINGLE.findall(body)
    keys = keys_of(afi, singles, name)
    entries = [(key >> LENGTH_BITS, n := key & LENGTH_MASK, n, n) for key in keys]
    ours = True
    # Single prefixes are most of nearly every set: the rest is read slowly.
    if len(singles) + 1 != body.count("\n"):
        rest = _SINGLE.sub("", body)
        ours = not _RANGE.sub("", rest).strip("\n")
        entries += _others(afi, rest, name)
        entries.sort()
    accepted = PrefixSet.from_entries(afi, entries)
    plain = proven and ours and bool(entries) and entries == list(accepted.entries())
    return ManagedList(name, afi, accepted, plain)


def _others(afi: Afi, text: str, name: str) -> Iterator[Entry]:
    bare = _COMMENT.sub("", text) if "#" in text else text
    unknown = _ENTRY.sub("", bare).strip(" \t\r\n,")
    if unknown:
        raise ParseError(name, f"an entry of the set is unknown: {unknown[:80]!a}")
    matched = list(_ENTRY.finditer(bare))
    keys = keys_of(afi, [match["prefix"] for match in matched], name)
    for key, match in zip(keys, matched, strict=True):
        address, length = key >> LENGTH_BITS, key & LENGTH_MASK
        low, high = _lengths(match, length, afi.bits)
        if not length <= low <= high <= afi.bits:
            raise ParseError(name, f"an entry has impossible lengths: {match[0].strip(' ,')!a}")
        yield address, length, low, high


def _lengths(match: re.Match[str], length: int, bits: int) -> tuple[int, int]:
    """Return the shortest and the longest length that an entry accepts."""
    if match["orlonger"]:
        return length, bits
    if match["maxlen"]:
        return length, int(match["maxlen"])
    if match["low"]:
        return int(match["low"]), int(match["high"])
    if not match["operator"]:
        return length, length
    n = int(match["length"])
    return {
        "=": (n, n),
        "<=": (length, n),
        "<": (length, n - 1),
        ">=": (n, bits),
        ">": (n + 1, bits),
    }[match["operator"]]

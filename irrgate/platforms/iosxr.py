"""Cisco IOS-XR: `prefix-set`, a set without an order in which no entry denies.

A set is replaced whole and at once by writing it again; `no prefix-set` is refused by the router
while an attached policy uses the set, and is never sent before writing it. The deny-all is a set
without an entry, in which `destination in` is false for every route (Cisco's routing
configuration guide has this very form); a remark in it says that it is meant so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry
from irrgate.errors import ParseError
from irrgate.platforms.eos_references import Sections
from irrgate.platforms.iosxr_text import FoundSet, prefix_sets
from irrgate.platforms.mentions import References, mentions
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
from irrgate.platforms.reading import keys_of, lengths_of, refuse_without_last, stranger_of
from irrgate.prefixes import Afi, PrefixSet, format_prefixes

_KEYWORD: Final = "prefix-set"
_REMOVAL = re.compile(r"no prefix-set (\S+)")
_REMARK = re.compile(r"#[^\n]*")
_EMPTY: Final = {f"# no {afi} prefix is accepted": afi for afi in Afi}
"""the remark that stands alone in a set that is empty on purpose, as the template prints it"""
_FAULTS: Final = (
    DriverFault(
        "Any SSH host key is taken: ncclient's handler for IOS-XR waves unknown hosts through",
        "the driver has a handler of its own, and looks the key up in known_hosts",
    ),
    DriverFault(
        "A commit with revert_in, or a message, is NotImplementedError",
        "revert_in is a confirmed commit of the NETCONF session, which the router takes back when "
        "the session ends, however it ends",
    ),
    DriverFault(
        "IOS-XR tells nobody which commits wait to be confirmed",
        "after a lost connection the lock, and a commit without changes, must be granted first",
    ),
    DriverFault(
        "An error while loading leaves the lock until the session ends",
        "the candidate is discarded and the lock given back, whatever went wrong",
    ),
    DriverFault(
        "The candidate is put into XML as it is",
        "it is escaped",
    ),
    DriverFault(
        "A running config of more than 10 MB is refused by the XML parser",
        "the parser is told to take it",
    ),
    DriverFault(
        "Of a BGP session with several families the first one's prefixes are counted",
        "each family's are",
    ),
    DriverFault(
        "NAPALM's rollback() takes back the router's last commit, whoever made it",
        "it takes back the commit of this session, or nothing",
    ),
)


class IosxrNetconf:
    """The IOS-XR platform, by NETCONF."""

    name: Final = "iosxr_netconf"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        revert_step=1,
        commit_message=False,
        max_sequence=None,
        max_name=255,
        atomic=True,
        commit_confirm=True,
        verified_host="SSH host key",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix sets of `show running-config`; see Platform."""
        refuse_without_last(running, "end", "IOS-XR")
        lists: dict[str, ManagedList] = {}
        strange: dict[str, FoundSet] = {}
        for found in prefix_sets(running):
            if not found.name.startswith(managed_prefix):
                continue
            if found.name in lists or found.name in strange:
                raise ParseError(found.name, "stands twice in the running config")
            if found.name in wanted:
                lists[found.name] = _managed(found.name, wanted[found.name], found.body)
            else:
                strange[found.name] = found
        references = _find_references(running, strange)
        return RunningFilters(
            lists,
            tuple(_stranger(strange[name], references[name]) for name in sorted(strange)),
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names`; see Platform."""
        refuse_without_last(running, "end", "IOS-XR")
        return _find_references(running, names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the prefix sets that a candidate sets; see Platform.

        A set that is written is replaced whole, so that nothing needs to be removed before; what
        bgpq4 writes, `no prefix-set` and the set again, is taken nevertheless. Nothing else may
        stand in the candidate, which would be committed unread.
        """
        lists: dict[str, ManagedList] = {}
        strangers: dict[str, Stranger] = {}
        removed: set[str] = set()
        position = 0
        for found in (*prefix_sets(candidate), None):
            end = found.start if found else len(candidate)
            for line in filter(None, map(str.strip, candidate[position:end].split("\n"))):
                match = _REMOVAL.fullmatch(line)
                if match is None and not line.startswith("!"):
                    raise ParseError("candidate", f"has a line that is of no prefix set: {line!a}")
                if match is not None and (match[1] in lists or match[1] in strangers):
                    raise ParseError(match[1], "the candidate removes the set after it wrote it")
                removed |= {match[1]} if match else set()
            if found is None:
                break
            position, name = found.end, found.name
            if name in lists or name in strangers:
                raise ParseError(name, "the candidate has the set twice")
            if name in wanted:
                lists[name] = _managed(name, wanted[name], found.body)
            else:
                strangers[name] = Stranger(name, _family(found.body), (), removable=False)
        gone = removed - lists.keys() - strangers.keys()
        for name in sorted(gone - removals.keys()):
            raise ParseError(name, "the candidate removes a set that is to stay")
        ordered = tuple(strangers[each] for each in sorted(strangers))
        return RunningFilters(lists, ordered, tuple(sorted(gone)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the set's entries; see Platform. The action is `eq` where one length matches.

        An empty set has no lines: the template says what that means.
        """
        del running
        afi = prefixes.afi
        entries = list(prefixes.entries())
        texts = format_prefixes(afi, entries)
        lines: list[Line] = [
            _line(text, length, ge, le)
            for text, (_, length, ge, le) in zip(texts, entries, strict=True)
        ]
        return PrintedList(name, afi, _KEYWORD, lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the set; see Platform."""
        return Removal(stranger.name, removable_afi(stranger), _KEYWORD)


def _line(text: str, length: int, ge: int, le: int) -> Line:
    # `ge 32` is out of range on some releases, and `eq 32` on none.
    if ge == le:
        return (0, "", text, None, None) if ge == length else (0, "eq", text, ge, None)
    return (0, "", text, ge if ge > length else None, le)


def _stranger(found: FoundSet, references: tuple[str, ...]) -> Stranger:
    return stranger_of(
        found.name,
        _family(found.body),
        references,
        ours=True,
        read=lambda afi: _managed(found.name, afi, found.body),
    )


def _family(body: str) -> Afi | None:
    """Return the family of a set; None where its entries are of both, or nothing says."""
    items, remarks = _items(body)
    if not items:
        return _EMPTY.get(remarks[0]) if len(remarks) == 1 else None
    six = sum(":" in item for item in items)
    if 0 < six < len(items):
        return None
    return Afi.IPV6 if six else Afi.IPV4


def _items(body: str) -> tuple[list[str], list[str]]:
    """Return the entries of a set's text as they stand between commas, and its remarks."""
    remarks: list[str] = []
    if "#" in body:
        remarks = [each.strip() for each in _REMARK.findall(body)]
        body = _REMARK.sub("", body)
    return (list(map(str.strip, body.split(","))) if body.strip() else []), remarks


def _managed(name: str, afi: Afi, body: str) -> ManagedList:
    items, remarks = _items(body)
    if "" in items:
        raise ParseError(name, "a comma of the set stands where there is no entry on both sides")
    # A set may hold both families, and no route of the one is matched by an entry of the other.
    four = afi is Afi.IPV4
    own = items if four and ":" not in body else [i for i in items if (":" in i) is not four]
    exact = [item for item in own if "/" in item and " " not in item and "\n" not in item]
    entries = [
        (key >> LENGTH_BITS, length := key & LENGTH_MASK, length, length)
        for key in keys_of(afi, exact, name)
    ]
    if len(exact) < len(own):
        single = set(exact)
        entries += _other_entries(afi, [item for item in own if item not in single], name)
    accepted = PrefixSet.from_entries(afi, entries)
    entries.sort()
    plain = len(own) == len(items) and entries == list(accepted.entries())
    if remarks and not (not items and [_EMPTY.get(each) for each in remarks] == [afi]):
        plain = False
    return ManagedList(name, afi, accepted, plain)


def _other_entries(afi: Afi, items: list[str], name: str) -> Iterator[Entry]:
    split = [" ".join(item.split()).partition(" ") for item in items]
    # Only what has a length of its own may have others.
    texts = [each[0] if "/" in each[0] or each[2] else f"{each[0]}/{afi.bits}" for each in split]
    for key, (_, _, rest), item in zip(keys_of(afi, texts, name), split, items, strict=True):
        lengths = lengths_of(rest, key & LENGTH_MASK, afi.bits)
        if lengths is None:
            raise ParseError(name, f"an entry of the set is unknown: {item!a}")
        yield (key >> LENGTH_BITS, *lengths)


def _find_references(running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the lines that mention each of `names`, with the sections that they stand in.

    Not those of the set of that name itself.
    """
    if not names:
        return {}
    references = References(names)
    sections = Sections(running)
    spans = {found.name: (found.start, found.end) for found in prefix_sets(running)}
    for position, name in mentions(running, names):
        start, end = spans.get(name, (0, 0))
        if not start <= position < end:
            references.add(name, ": ".join(sections.path(position)))
    return references.told()

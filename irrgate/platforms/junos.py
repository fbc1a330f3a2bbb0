"""Juniper Junos: `policy-options route-filter-list`, longest match.

Junos looks up the longest entry that contains a route and examines that one alone; when its match
type fails, shorter entries are not tried; entries of one prefix are scanned in order ("How Route
Filters Are Evaluated in Routing Policy Match Conditions"). Lists are printed so that they are
right under this rule, and read back under it.

The deny-all is one entry for a prefix that no routing table has, with the action reject. A list
without entries is avoided, since what it means depends on the release; and `0.0.0.0/0 orlonger
reject` too, since an action in the policy that refers to the list takes precedence over the
entry's and would turn it into accept-all (route-filter-list, Juniper's CLI reference).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry, Nodes, last_key, span
from irrgate.errors import ParseError
from irrgate.platforms.junos_blocks import FoundList, route_filter_lists
from irrgate.platforms.junos_references import find_references
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
from irrgate.prefixes import Afi, PrefixSet, format_address, format_prefixes

_ENTRY = re.compile(
    r"\s*(?P<inactive>inactive: )?(?P<prefix>[0-9A-Fa-f.:]+/[0-9]+) "
    r"(?:(?P<exact>exact)|(?P<orlonger>orlonger)|(?P<longer>longer)|upto /(?P<upto>[0-9]{1,3})"
    r"|prefix-length-range /(?P<low>[0-9]{1,3})-/(?P<high>[0-9]{1,3}))"
    r"(?:;| (?P<action>accept|reject);| \{\s*(?P<then>accept|reject);\s*\})"
)
_TOP: Final = ("policy-options",)
_OMITTED = "delete its `apply-flags omit`"
_COMMENT = re.compile(r"/\*.*?\*/|#[^\n]*", re.DOTALL)
_CANDIDATE = re.compile(r"\s*policy-options \{(.*)\}\s*", re.DOTALL)
_REPLACED = re.compile(r"\s*replace: route-filter-list (\S+) \{((?:[^{}]++|\{[^{}]*+\})*+)\}\s*")
_DELETED = re.compile(r"\s*delete: route-filter-list ([^\s;{}]+);\s*")


def nothing(afi: Afi) -> str:
    """Return the prefix of the deny-all entry: the last host of the address space."""
    return f"{format_address(afi, (1 << afi.bits) - 1)}/{afi.bits}"


_FAULTS: Final = (
    DriverFault(
        "JunOSDriver never verifies the SSH host key",
        "PyEZ is told to, with the workspace's known_hosts",
    ),
    DriverFault(
        "After a timeout close() leaves the session, and with it the lock on the configuration",
        "the SSH session is cut",
    ),
    DriverFault(
        (
            "confirm_commit() says yes as well when the timer has just run and there is nothing to "
            "confirm"
        ),
        "what waits, and what the router holds, is read after it",
    ),
    DriverFault(
        "Revert times are counted in minutes",
        "revert_in is rounded up to a multiple of 60 seconds",
    ),
    DriverFault(
        (
            "Route-filter-lists are evaluated by longest match alone, which bgpq4's aggregated "
            "output does not heed"
        ),
        (
            "irrgate's lists repeat what shorter entries accept, and running lists are read by that"
            " rule"
        ),
    ),
)


class Junos:
    """The Junos platform."""

    name: Final = "junos"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        revert_step=60,
        commit_message=True,
        max_sequence=None,
        max_name=255,
        atomic=True,
        commit_confirm=True,
        verified_host="SSH host key",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed route-filter-lists of the configuration as text; see Platform."""
        lists: dict[str, ManagedList] = {}
        strange: dict[str, list[FoundList]] = {}
        for found in route_filter_lists(running):
            name = found.name
            if found.path[0] == "groups":
                _refuse_inherited(found, wanted)
            if not name.startswith(managed_prefix):
                continue
            if name not in wanted:
                strange.setdefault(name, []).append(found)
            elif found.active:
                lists[name] = _managed(name, wanted[name], found.body)
            else:
                # As if it were not there, but the router holds it.
                afi = wanted[name]
                lists[name] = ManagedList(name, afi, PrefixSet.empty(afi), plain=False)
        references = find_references(running, strange) if strange else {}
        return RunningFilters(
            lists,
            tuple(_stranger(name, strange[name], references[name]) for name in sorted(strange)),
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the statements that mention each of `names`; see Platform."""
        return find_references(running, names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the route-filter-lists that a candidate sets; see Platform.

        Each must carry `replace:`, without which its entries are added to those that are there,
        and those of `removals` `delete:`. Nothing else may stand in the candidate, which would be
        committed unread: no comment either, since Junos keeps it.
        """
        whole = _CANDIDATE.fullmatch(candidate)
        if whole is None:
            raise ParseError("candidate", "is not one policy-options block and nothing else")
        lists: dict[str, ManagedList] = {}
        strangers: dict[str, Stranger] = {}
        removed: set[str] = set()
        position, end = whole.span(1)
        while position < end:
            replaced = _REPLACED.match(candidate, position, end)
            match = replaced or _DELETED.match(candidate, position, end)
            if match is None:
                line = candidate[position:end].split("\n", 2)[:2]
                raise ParseError(
                    "candidate",
                    f"has a line that sets or removes no list: {' '.join(line).strip()!a}",
                )
            position = match.end()
            name = match[1].strip('"')
            if name in lists or name in strangers or name in removed:
                raise ParseError(name, "the candidate has the list twice")
            if replaced is None:
                if name not in removals:
                    raise ParseError(name, "the candidate deletes a list that is to stay")
                removed.add(name)
            elif name in wanted:
                lists[name] = _managed(name, wanted[name], match[2])
            else:
                strangers[name] = Stranger(name, _family(match[2]), (), removable=False)
        ordered = tuple(strangers[each] for each in sorted(strangers))
        return RunningFilters(lists, ordered, tuple(sorted(removed)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the list's entries; see Platform. Entries have no numbers."""
        del running
        afi = prefixes.afi
        if not prefixes:
            return PrintedList(name, afi, str(afi), [(0, "reject", nothing(afi), None, None)])
        entries = list(prefixes.longest_match_entries())
        texts = format_prefixes(afi, entries)
        lines: list[Line] = [
            (0, "", text, ge if ge > length else None, le if le > length else None)
            for text, (_, length, ge, le) in zip(texts, entries, strict=True)
        ]
        return PrintedList(name, afi, str(afi), lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the list; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, str(afi))


def _stranger(name: str, found: list[FoundList], references: tuple[str, ...]) -> Stranger:
    families = {_family(each.body) for each in found}
    afi = families.pop() if len(families) == 1 else None
    own = [each for each in found if each.path == _TOP and each.active]
    return stranger_of(
        name,
        afi,
        references,
        ours=len(own) == len(found),
        read=lambda family: [_managed(name, family, each.body) for each in own],
    )


def _family(body: str) -> Afi | None:
    first = _ENTRY.search(_COMMENT.sub("", body))
    if first is None:
        return None
    return Afi.IPV6 if ":" in first["prefix"] else Afi.IPV4


def _refuse_inherited(found: FoundList, wanted: Mapping[str, Afi]) -> None:
    """Raise ParseError for a list in a group that Junos may add to one of `wanted`.

    Where the group is applied, its entries count beside the list's own, and no replacing of the
    list takes them away. Names in groups may have wildcards: `<IRR-*>`.
    """
    pattern = found.name.strip("<>") if found.name.startswith("<") else None
    for name in wanted:
        if name == found.name or (pattern is not None and fnmatchcase(name, pattern)):
            raise ParseError(
                name,
                f"also stands in {' '.join(found.path[:2])}, whence its entries may be inherited",
                hint=f"delete {' '.join(found.path)} route-filter-list {found.name}",
            )


def _managed(name: str, afi: Afi, body: str) -> ManagedList:
    noted = "/*" in body or "#" in body
    if noted and "/* OMITTED */" in body:
        raise ParseError(name, "the router does not show its entries", hint=_OMITTED)
    bare = _COMMENT.sub("", body) if noted else body
    exact: list[str] = []
    others: list[str] = []
    for line in bare.split("\n"):
        words = line.split()
        if len(words) == 2 and words[1] == "exact;":
            exact.append(words[0])
        elif words:
            others.append(line)
    rest = "\n".join(others)
    unknown = _ENTRY.sub("", rest).strip()
    if unknown:
        raise ParseError(name, f"an entry of the list is unknown: {unknown[:80]!a}")
    matched = list(_ENTRY.finditer(rest))
    # The router's own remarks begin with ##; other comments a person has put there.
    plain = not noted or not _COMMENT.search(re.sub("##[^\n]*", "", body))
    if any(each["inactive"] or each["action"] or each["then"] for each in matched):
        matched = list(_ENTRY.finditer(bare))
        plain = plain and _is_deny_all(matched, afi)
        return ManagedList(name, afi, _longest_match(afi, matched, name), plain)
    keys = keys_of(afi, exact, name)
    entries = [(key >> LENGTH_BITS, n := key & LENGTH_MASK, n, n) for key in keys]
    entries += _entries(afi, matched, name)
    entries.sort()
    united = PrefixSet.from_entries(afi, entries)
    if entries == list(united.longest_match_entries()):
        return ManagedList(name, afi, united, plain and bool(entries))
    accepted = _longest_match(afi, list(_ENTRY.finditer(bare)), name)
    return ManagedList(name, afi, accepted, plain=False)


def _is_deny_all(matched: list[re.Match[str]], afi: Afi) -> bool:
    if len(matched) != 1 or matched[0]["inactive"] or not matched[0]["exact"]:
        return False
    rejects = "reject" in (matched[0]["action"], matched[0]["then"])
    return rejects and matched[0]["prefix"] == nothing(afi)


def _entries(afi: Afi, matched: list[re.Match[str]], name: str) -> Iterator[Entry]:
    bits = afi.bits
    keys = keys_of(afi, [each["prefix"] for each in matched], name)
    for key, each in zip(keys, matched, strict=True):
        address, length = key >> LENGTH_BITS, key & LENGTH_MASK
        ge, le = length, bits
        if each["exact"]:
            le = length
        elif each["longer"]:
            ge = length + 1
        elif each["upto"]:
            le = int(each["upto"])
        elif each["low"]:
            ge, le = int(each["low"]), int(each["high"])
        if not length <= ge <= le <= bits:
            raise ParseError(name, f"an entry has impossible lengths: {each[0].strip()!a}")
        yield address, length, ge, le


def _longest_match(afi: Afi, matched: list[re.Match[str]], name: str) -> PrefixSet:
    """Return what a list of any entries accepts: each less what longer ones hide.

    The entries of one prefix are scanned in the order of the text; the first whose lengths fit
    decides. What is inactive is as if it were not there.
    """
    bits = afi.bits
    active = [each for each in matched if not each["inactive"]]
    masks: Nodes = {}
    decided: Nodes = {}
    for (address, length, ge, le), each in zip(_entries(afi, active, name), active, strict=True):
        key = address << LENGTH_BITS | length
        fresh = span(ge, le) & ~decided.get(key, 0)
        decided[key] = decided.get(key, 0) | fresh
        rejects = "reject" in (each["action"], each["then"])
        masks[key] = masks.get(key, 0) | (0 if rejects else fresh)
    hiding = _hiding(masks, bits)
    accepted: list[Entry] = []
    simple: Nodes = {}
    for key, mask in masks.items():
        below = hiding[bisect_right(hiding, key) : bisect_right(hiding, last_key(key, bits))]
        if not below or not mask >> ((key & LENGTH_MASK) + 1):
            simple[key] = mask
            continue
        hidden = PrefixSet.from_nodes(afi, {k: span(k & LENGTH_MASK, bits) for k in below})
        accepted += PrefixSet.from_nodes(afi, {key: mask}).difference(hidden).entries()
    for address, length, ge, le in accepted:
        key = address << LENGTH_BITS | length
        simple[key] = simple.get(key, 0) | span(ge, le)
    return PrefixSet.from_nodes(afi, {key: mask for key, mask in simple.items() if mask})


def _hiding(masks: Nodes, bits: int) -> list[int]:
    """Return the sorted keys that accept less than the next shorter one would there.

    The others hide nothing that they do not accept themselves, which is most of a list that some
    tool has printed.
    """
    found: list[int] = []
    stack: list[tuple[int, int]] = []  # (last key below, mask), outermost first
    for key in sorted(masks):
        while stack and key > stack[-1][0]:
            stack.pop()
        mask = masks[key]
        if stack and stack[-1][1] & ~mask & span(key & LENGTH_MASK, bits):
            found.append(key)
        stack.append((last_key(key, bits), mask))
    return found

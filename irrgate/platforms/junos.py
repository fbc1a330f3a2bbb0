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
from collections.abc import Iterator, Mapping
from typing import Final

from irrgate.aggregation import LENGTH_BITS, LENGTH_MASK, Entry, Nodes, last_key, span
from irrgate.errors import ParseError
from irrgate.platforms.platform import (
    Capabilities,
    Line,
    ManagedList,
    PrintedList,
    RunningFilters,
    UpdateStrategy,
)
from irrgate.prefixes import Afi, PrefixSet, format_address, parse_keys

_OPEN = re.compile(r"(?:(inactive|protect): )*(\S.*?) \{")
_LIST = re.compile(r"route-filter-list (\S+)")
_ENTRY = re.compile(
    r"\s*(inactive: )?([0-9A-Fa-f.:]+/\d+) "
    r"(?:(exact)|(orlonger)|(longer)|upto /(\d+)|prefix-length-range /(\d+)-/(\d+))"
    r"(?:;| (accept|reject);| \{\s*(accept|reject);\s*\})"
)
_REPLACE = re.compile(r"^( *)replace: ", re.MULTILINE)
_REPLACED = re.compile(r"^ *replace: route-filter-list (\S+) \{$", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|##[^\n]*", re.DOTALL)


def nothing(afi: Afi) -> str:
    """Return the prefix of the deny-all entry: the last host of the address space."""
    return f"{format_address(afi, (1 << afi.bits) - 1)}/{afi.bits}"


class Junos:
    """The Junos platform."""

    name: Final = "junos"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        revert_step=60,
        commit_message=True,
        max_sequence=None,
        max_name=255,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed route-filter-lists of the configuration as text; see Platform."""
        lists: dict[str, ManagedList] = {}
        strangers: set[str] = set()
        for name, body, active in _route_filter_lists(running):
            if not name.startswith(managed_prefix):
                continue
            afi = wanted.get(name)
            if afi is None:
                strangers.add(name)
            else:
                lists[name] = _managed(name, afi, body, active=active)
        return RunningFilters(lists, tuple(sorted(strangers)))

    def parse_candidate(self, candidate: str, wanted: Mapping[str, Afi]) -> RunningFilters:
        """Return the route-filter-lists that a candidate sets; see Platform.

        Each must carry `replace:`, without which its entries are added to those that are there.
        """
        replaced = set(_REPLACED.findall(candidate))
        found = self.parse(_REPLACE.sub(r"\1", candidate), wanted, "")
        for name in found.lists:
            if name not in replaced:
                raise ParseError(name, "the candidate adds to the list and does not replace it")
        return found

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the list's entries; see Platform. Entries have no numbers."""
        del running
        afi = prefixes.afi
        if not prefixes:
            return PrintedList(name, afi, str(afi), [(0, "reject", nothing(afi), None, None)])
        return PrintedList(name, afi, str(afi), list(_lines(prefixes)))


def _lines(prefixes: PrefixSet) -> Iterator[Line]:
    afi = prefixes.afi
    for address, length, ge, le in prefixes.longest_match_entries():
        yield (
            0,
            "",
            f"{format_address(afi, address)}/{length}",
            ge if ge > length else None,
            le if le > length else None,
        )


def _route_filter_lists(running: str) -> Iterator[tuple[str, str, bool]]:
    """Yield (name, text between the braces, active) of each list under policy-options.

    Only the lines outside of the lists are looked at one by one. Raises ParseError when the
    braces do not balance, as when the text was cut off.
    """
    path: list[str] = []
    position = 0
    while position < len(running):
        end = running.find("\n", position)
        end = len(running) if end < 0 else end
        line = running[position:end].strip()
        position = end + 1
        if line == "}":
            if not path:
                raise ParseError("running config", "has a closing brace too many")
            path.pop()
        elif line.endswith("{"):
            opened = _OPEN.fullmatch(line)
            header = opened[2] if opened else line
            found = _LIST.fullmatch(header)
            if found and path == ["policy-options"]:
                close = re.compile(r"^ {4}\}", re.MULTILINE).search(running, position)
                if close is None:
                    raise ParseError("running config", f"is cut off inside {found[1]}")
                inactive = bool(opened and opened[1] == "inactive")
                yield found[1].strip('"'), running[position : close.start()], not inactive
                position = close.end()
            else:
                path.append(header)
        elif path == ["policy-options"] and (found := _LIST.fullmatch(line.removesuffix(";"))):
            # An empty list is printed without braces.
            yield found[1].strip('"'), "", True
    if path:
        raise ParseError("running config", f"is cut off inside {path[-1]}")


def _managed(name: str, afi: Afi, body: str, *, active: bool) -> ManagedList:
    exact: list[str] = []
    others: list[str] = []
    for line in body.split("\n"):
        words = line.split()
        if len(words) == 2 and words[1] == "exact;":
            exact.append(words[0])
        elif words:
            others.append(line)
    rest = "\n".join(others)
    bare = _COMMENT.sub("", rest)
    # Of each entry: inactive, prefix, exact, orlonger, longer, upto, from, to, action, action.
    matched = _ENTRY.findall(bare)
    unknown = _ENTRY.sub("", bare).strip()
    if unknown:
        raise ParseError(name, f"an entry in the running config is unknown: {unknown[:80]!a}")
    plain = active and bare == rest
    if [each[1] for each in matched] == [nothing(afi)] and matched[0][8] == "reject" and not exact:
        return ManagedList(name, afi, PrefixSet.empty(afi), plain)
    try:
        singles = parse_keys(afi, exact)
        keys = parse_keys(afi, [each[1] for each in matched])
    except ValueError as exc:
        raise ParseError(name, str(exc)) from exc
    entries = [(k >> LENGTH_BITS, k & 0xFF, k & 0xFF, k & 0xFF) for k in singles]
    for key, each in zip(keys, matched, strict=True):
        if each[0] or each[8] or each[9]:
            plain = False
        if not each[0] and "reject" not in each[8:]:
            entries.append(_entry(key, each, afi.bits, name))
    united = PrefixSet.from_entries(afi, entries)
    entries.sort()
    if plain and entries == list(united.longest_match_entries()):
        return ManagedList(name, afi, united, plain and bool(entries))
    return ManagedList(name, afi, _longest_match(afi, singles + keys, entries), plain=False)


def _entry(key: int, each: tuple[str, ...], bits: int, name: str) -> Entry:
    address, length = key >> LENGTH_BITS, key & LENGTH_MASK
    if each[2]:
        return address, length, length, length
    if each[3] or each[4]:
        ge, le = length + bool(each[4]), bits
    elif each[5]:
        ge, le = length, int(each[5])
    else:
        ge, le = int(each[6]), int(each[7])
    if not length <= ge <= le <= bits:
        raise ParseError(name, f"an entry has impossible lengths: {each[1]} {ge}-{le}")
    return address, length, ge, le


def _longest_match(afi: Afi, keys: list[int], entries: list[Entry]) -> PrefixSet:
    """Return what a list accepts in which entries nest: each but what longer entries hide.

    `keys` are the prefixes of all entries, those included that accept nothing.
    """
    bits = afi.bits
    masks: Nodes = dict.fromkeys(sorted(keys), 0)
    for address, length, ge, le in entries:
        masks[address << LENGTH_BITS | length] |= span(ge, le)
    ordered = list(masks)
    accepted = PrefixSet.empty(afi)
    simple: Nodes = {}
    for index, key in enumerate(ordered):
        end = last_key(key, bits)
        hidden = index + 1
        while hidden < len(ordered) and ordered[hidden] <= end:
            hidden += 1
        if hidden == index + 1 or not masks[key] >> ((key & LENGTH_MASK) + 1):
            simple[key] = masks[key]
            continue
        below = {k: span(k & LENGTH_MASK, bits) for k in ordered[index + 1 : hidden]}
        own = PrefixSet.from_nodes(afi, {key: masks[key]})
        accepted = accepted.union(own.difference(PrefixSet.from_nodes(afi, below)))
    nodes = {key: mask for key, mask in simple.items() if mask}
    return accepted.union(PrefixSet.from_nodes(afi, nodes))

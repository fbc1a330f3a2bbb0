"""Nokia SR Linux: `/routing-policy/prefix-set`, by its JSON-RPC interface.

A route is in a prefix-set when any of its entries matches; there is no entry that denies. What a
set without entries matches is not documented, so the deny-all is one entry for a prefix that no
router has in its tables: the last address of the family, which is no unicast address (RFC 919,
RFC 4291), and which BGP ignores as semantically incorrect (RFC 4271, 6.3).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.mentions import is_own_name
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
from irrgate.platforms.srl_json import (
    Json,
    RawSet,
    families,
    prefix_sets,
    read_commands,
    read_config,
    read_entries,
    read_set,
)
from irrgate.platforms.srl_references import find_references
from irrgate.prefixes import Afi, PrefixSet, format_address, format_prefixes

MAX_NAME: Final = 255
"""`srl_nokia-common:name` has a length of 1..255"""
_NOTHING: Final = {afi: (format_address(afi, (1 << afi.bits) - 1), afi.bits) for afi in Afi}
"""the address and the length of the deny-all entry"""

_FAULTS: Final = (
    DriverFault(
        "A prefix-set has no entry that denies, and what an empty one matches is not documented",
        "a filter that accepts nothing is one entry for the last address, which no route is for",
    ),
    DriverFault(
        "napalm-srl 1.0.5 pins protobuf 3.20.3, and its JSON candidates do not load",
        "irrgate has a driver of its own that speaks JSON-RPC",
    ),
    DriverFault(
        "napalm-srlinux makes a checkpoint for each commit, of which a router keeps ten, confirms"
        " whatever commit waits, and goes back by a whole checkpoint, others' changes included",
        "the driver makes no checkpoint, and confirms and takes back only a commit of its own",
    ),
    DriverFault(
        "A release before 23.3.2 does not know `confirm-timeout`",
        "a commit to be confirmed is refused there before it is sent",
    ),
    DriverFault(
        "With `commit-confirmed-timeout` of its JSON-RPC server a router takes any commit back that"
        " nobody confirms",
        "a commit that was to stay is confirmed at once, or reported",
    ),
    DriverFault(
        "A commit is not saved: after a restart the router has what was saved last",
        "the running configuration is saved once the commit is confirmed",
    ),
)


class Srl:
    """The SR Linux platform."""

    name: Final = "srl"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        revert_step=1,
        commit_message=False,
        max_sequence=None,
        max_name=MAX_NAME,
        atomic=True,
        commit_confirm=True,
        verified_host="TLS certificate",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix-sets of the configuration as JSON; see Platform."""
        config = read_config(running)
        sets = prefix_sets(config)
        lists = {
            name: _managed(afi, read_set(name, sets[name]))
            for name, afi in wanted.items()
            if name in sets
        }
        strange = sorted(each for each in sets.keys() - wanted if each.startswith(managed_prefix))
        references = find_references(config, strange) if strange else {}
        return RunningFilters(
            lists, tuple(_stranger(name, sets[name], references[name]) for name in strange)
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the values that mention each of `names`; see Platform."""
        return find_references(read_config(running), names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the prefix-sets that a candidate sets; see Platform.

        It is what the driver sends: the commands of one `set`, and nothing else.
        """
        commands = read_commands(candidate)
        for name in commands.removed:
            if name not in removals:
                raise ParseError(name, "the candidate removes a set that is to stay")
        sets = commands.replaced
        lists = {name: _managed(afi, sets[name]) for name, afi in wanted.items() if name in sets}
        strangers = tuple(
            Stranger(name, _family(sets[name]), (), removable=False)
            for name in sorted(sets.keys() - lists.keys())
        )
        return RunningFilters(lists, strangers, tuple(sorted(commands.removed)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the set's entries; see Platform. Entries have no numbers."""
        del running
        if len(name) > MAX_NAME:
            raise PlatformError(name, f"SR Linux has names of {MAX_NAME} characters at most")
        afi = prefixes.afi
        address, bits = _NOTHING[afi]
        lines: list[Line] = [(0, "", f"{address}/{bits}", None, None)]
        if prefixes:
            entries = list(prefixes.entries())
            lines = [
                (0, "", text, ge, le) if (ge, le) != (length, length) else (0, "", text, None, None)
                for text, (_, length, ge, le) in zip(
                    format_prefixes(afi, entries), entries, strict=True
                )
            ]
            if lines == [(0, "", f"{address}/{bits}", None, None)]:
                # This very prefix, told from the deny-all by the other way of writing it.
                lines = [(0, "", f"{address}/{bits}", bits, bits)]
        return PrintedList(name, afi, str(afi), lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the set; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, str(afi))


def _managed(afi: Afi, found: RawSet) -> ManagedList:
    name = found.name
    raw = families(found.entries)[afi]
    plain = len(raw) == len(found.entries) and not found.annotated
    entries = read_entries(name, afi, raw)
    address, bits = _NOTHING[afi]
    last = (1 << afi.bits) - 1
    if [entry[0] for entry in entries] == [last] and raw[0][1] == "exact":
        written = list(raw) == [(f"{address}/{bits}", "exact")]
        return ManagedList(name, afi, PrefixSet.empty(afi), plain and written)
    entries.sort()
    accepted = PrefixSet.from_entries(afi, entries)
    plain = plain and bool(entries) and entries == list(accepted.entries())
    return ManagedList(name, afi, accepted, plain)


def _stranger(name: str, held: Json, references: tuple[str, ...]) -> Stranger:
    try:
        found = read_set(name, held)
        afi = _family(found)
        if afi is not None and is_own_name(name):
            _managed(afi, found)
            return Stranger(name, afi, references, removable=True)
    except ParseError:
        afi = None
    return Stranger(name, afi, references, removable=False)


def _family(found: RawSet) -> Afi | None:
    """Return the family of a set; None where it has entries of both, or none of either."""
    present = [afi for afi, entries in families(found.entries).items() if entries]
    return present[0] if len(present) == 1 else None

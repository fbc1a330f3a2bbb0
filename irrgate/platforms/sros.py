"""Nokia SR OS, model-driven: `configure policy-options prefix-list`, any match (XML, nokia-conf).

An entry is a prefix with a type: `exact`, `through` (its own length to another), `range` (from one
length to another) and `longer`, or those that irrgate never writes, `to` and `address-mask`. A
route matches a list when it matches any entry; what becomes of it then is the policy's business
(nokia-conf-policy-options; Unicast Routing Protocols Guide, "Policy statements").

What a list without entries matches is written nowhere, so it is avoided: the deny-all is one entry
that no route matches. See docs/sros.md.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Final

from irrgate.errors import ParseError
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
from irrgate.platforms.reading import stranger_of
from irrgate.platforms.sros_config import CONF, FoundList, SrosConfig, refuse_hidden
from irrgate.platforms.sros_entries import family_of, nothing, read_list, written_entries
from irrgate.prefixes import Afi, PrefixSet, format_prefixes

_CANDIDATE: Final = re.compile(
    rf'\s*<configure xmlns="{re.escape(CONF)}"'
    r' xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1\.0">'
    r"\s*<policy-options>(.*)</policy-options>\s*</configure>\s*",
    re.DOTALL,
)
_WRITTEN: Final = re.compile(
    r'\s*<prefix-list nc:operation="(replace|remove)">\s*<name>([^<>&]*)</name>'
)
_CLOSE: Final = "</prefix-list>"

_FAULTS: Final = (
    DriverFault(
        "napalm-sros 1.0.2 prints the errors of connecting, locking and reading, and goes on",
        "a driver of irrgate's own, which raises them",
    ),
    DriverFault(
        "napalm-sros 1.0.2 does not look at the host key, and adds no lock to what it sends by CLI",
        "the same driver: the key is verified, and all goes by NETCONF under the candidate's lock",
    ),
    DriverFault(
        "napalm-sros 1.0.2 ignores revert_in",
        "the same driver: a confirmed commit with a persist-id, that any later session can confirm "
        "or cancel",
    ),
    DriverFault(
        "SR OS shows nobody a commit that waits to be confirmed",
        "irrgate asks for its own by its persist-id, and is refused while another's waits",
    ),
)


class Sros:
    """The SR OS platform."""

    name: Final = "sros"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.REPLACE,
        # The CLI's timer counts minutes; the same timer is behind NETCONF's seconds.
        revert_step=60,
        commit_message=True,
        max_sequence=None,
        max_name=32,
        atomic=True,
        commit_confirm=True,
        verified_host="SSH host key",
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed prefix-lists of `configure` as XML; see Platform."""
        config = SrosConfig(running)
        lists: dict[str, ManagedList] = {}
        strange: dict[str, list[FoundList]] = {}
        for name in wanted:
            if inherited := config.inherited(name):
                where = " ".join(inherited.path[1:])
                raise ParseError(
                    name,
                    f"also stands in {where}, whence its entries may be inherited",
                    hint=f"delete {where} prefix-list {inherited.name}",
                )
        for found in config.lists:
            if not found.name.startswith(managed_prefix):
                continue
            if found.is_own and found.name in wanted:
                lists[found.name] = _managed(found.name, wanted[found.name], found.body)
            else:
                strange.setdefault(found.name, []).append(found)
        references = config.references(strange)
        return RunningFilters(
            lists,
            tuple(_stranger(name, strange[name], references[name]) for name in sorted(strange)),
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the elements that mention each of `names`; see Platform."""
        return SrosConfig(running).references(names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return the prefix-lists that a candidate sets; see Platform.

        Each must say that it replaces what is there, and those of `removals` that they are
        removed. Nothing else may stand in the candidate, which would be committed unread.
        """
        refuse_hidden(candidate, "candidate")
        whole = _CANDIDATE.fullmatch(candidate)
        if whole is None:
            raise ParseError("candidate", "is not one policy-options element and nothing else")
        lists: dict[str, ManagedList] = {}
        strangers: dict[str, Stranger] = {}
        removed: set[str] = set()
        position, end = whole.span(1)
        while match := _WRITTEN.match(candidate, position, end):
            operation, name = match.groups()
            close = candidate.find(_CLOSE, match.end(), end)
            if close < 0:
                raise ParseError(name, "does not end in the candidate")
            body, position = candidate[match.end() : close], close + len(_CLOSE)
            if "=" in body:
                # An entry with an operation of its own does something else than to be there.
                raise ParseError(name, "the candidate has an entry with an attribute")
            if name in lists or name in strangers or name in removed:
                raise ParseError(name, "the candidate has the list twice")
            if operation == "remove":
                if name not in removals or body.strip():
                    raise ParseError(name, "the candidate removes a list that is to stay")
                removed.add(name)
            elif name in wanted:
                lists[name] = _managed(name, wanted[name], body)
            else:
                strangers[name] = Stranger(name, family_of(body), (), removable=False)
        if left := candidate[position:end].strip():
            line = left.split("\n", 1)[0]
            raise ParseError("candidate", f"has a line that sets or removes no list: {line!a}")
        ordered = tuple(strangers[each] for each in sorted(strangers))
        return RunningFilters(lists, ordered, tuple(sorted(removed)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the list's entries, each with its type; see Platform. They have no numbers."""
        del running
        afi = prefixes.afi
        if not prefixes:
            return PrintedList(name, afi, str(afi), [(0, "longer", nothing(afi), None, None)])
        entries = written_entries(prefixes)
        texts = format_prefixes(afi, entries)
        lines: list[Line] = [
            _line(text, length, ge, le)
            for text, (_, length, ge, le) in zip(texts, entries, strict=True)
        ]
        return PrintedList(name, afi, str(afi), lines)

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the list; see Platform."""
        afi = removable_afi(stranger)
        return Removal(stranger.name, afi, str(afi))


def _line(prefix: str, length: int, ge: int, le: int) -> Line:
    if ge > length:
        return 0, "range", prefix, ge, le
    return (0, "through", prefix, None, le) if le > length else (0, "exact", prefix, None, None)


def _stranger(name: str, found: list[FoundList], references: tuple[str, ...]) -> Stranger:
    families = {family_of(each.body) for each in found}
    afi = families.pop() if len(families) == 1 else None
    return stranger_of(
        name,
        afi,
        references,
        ours=all(each.is_own for each in found),
        read=lambda family: [_managed(name, family, each.body) for each in found],
    )


def _managed(name: str, afi: Afi, body: str) -> ManagedList:
    read = read_list(body, afi, name)
    accepted = read.accepted(afi)
    plain = read.plain and (
        read.denies
        # A list without entries may match nothing, but does not say so.
        or (bool(accepted) and sorted(read.entries) == sorted(written_entries(accepted)))
    )
    return ManagedList(name, afi, accepted, plain)

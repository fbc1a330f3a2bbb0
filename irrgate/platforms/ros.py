"""MikroTik RouterOS 7: a chain of `/routing filter rule`, of which the first that matches decides.

The driver prints what it reads over the API as the lines of `/export terse`, and a last line of
its own. A chain has no family: irrgate's have rules of one. What matches no rule is rejected,
MikroTik's manual says, and irrgate's chains say so themselves. Nothing is committed at once here,
so a candidate is a delta: see irrgate.platforms.ros_delta.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from irrgate.errors import ParseError
from irrgate.platforms.mentions import is_own_name
from irrgate.platforms.platform import (
    NONE,
    Capabilities,
    DriverFault,
    ManagedList,
    PrintedList,
    Removal,
    RunningFilters,
    Stranger,
    UpdateStrategy,
    removable_afi,
)
from irrgate.platforms.ros_candidate import RosPrinted, read_changes
from irrgate.platforms.ros_delta import RosList, applied, chain_list, delta_to
from irrgate.platforms.ros_references import find_references
from irrgate.platforms.ros_rules import escaped, lines_of, read_rules, unescaped
from irrgate.prefixes import Afi, PrefixSet

END: Final = "# irrgate: end of the configuration"
"""the last line of what the driver prints"""
MAX_ENTRIES: Final = 100_000

_START: Final = "/routing filter rule add "
_RULE: Final = re.compile(
    r"^/routing filter rule add +chain=(\"[^\"\\\n]*(?:\\.[^\"\\\n]*)*\"|[^\s\"]+)"
    r"((?: +(?!rule=)[a-z-]+=\S+)*)"
    r" +rule=\"([^\"\\\n]*(?:\\.[^\"\\\n]*)*)\"[ \r]*$",
    re.MULTILINE,
)
_FIRST_PREFIX: Final = re.compile(r"[0-9A-Fa-f:.]+/[0-9]")

_FAULTS: Final = (
    DriverFault(
        "napalm-ros takes back a commit that was not confirmed by restoring a backup of the whole "
        "router, which reboots it",
        "irrgate has a driver of its own, which puts the rules back one by one",
    ),
    DriverFault(
        "napalm-ros verifies no certificate, and reads the configuration from a file that it "
        "makes on the router each time",
        "irrgate's driver verifies the certificate of API-SSL, and writes no file",
    ),
    DriverFault(
        "A rule takes effect as it comes, and the API has neither a candidate nor safe mode",
        "rules come before others go, each answer is read, and what was there before is put back "
        "where something goes wrong",
    ),
    DriverFault(
        "The rules of a chain are tried one after another for each route: a long chain costs the "
        "router time whenever routes come or rules change",
        f"prefixes that make one range are one rule, and more than {MAX_ENTRIES:,} are refused",
    ),
    DriverFault(
        "The manual does not say whether a session's prefix-count has the rejected routes, and it "
        "is one for all families",
        "it is told for sessions of one family, and for others only whether they are up",
    ),
)


@dataclass(slots=True)
class Chain:
    """The rules of a chain as they are printed."""

    texts: list[str] = field(default_factory=list)
    """of those that are not disabled, in their order"""
    off: list[str] = field(default_factory=list)
    """of those that are disabled"""
    invalid: set[int] = field(default_factory=set)
    """where among the texts the router says that a rule is not valid"""

    def read(self, name: str, afi: Afi) -> RosList:
        """Return it as a filter of one family."""
        rules = read_rules(afi, self.texts)
        for at in self.invalid:
            rules[at] = (rules[at][0], None)
        return chain_list(name, afi, rules, tuple(self.off))


class Ros:
    """The RouterOS platform."""

    name: Final = "ros"
    capabilities: Final = Capabilities(
        strategy=UpdateStrategy.DELTA,
        revert_step=1,
        commit_message=False,
        max_sequence=None,
        max_name=255,
        atomic=False,
        commit_confirm=False,
        verified_host="TLS certificate",
        max_entries=MAX_ENTRIES,
        faults=_FAULTS,
    )

    def parse(self, running: str, wanted: Mapping[str, Afi], managed_prefix: str) -> RunningFilters:
        """Return the managed chains of what the driver prints; see Platform."""
        chains = read_chains(running, managed_prefix)
        lists = {
            name: chains[name].read(name, afi) for name, afi in wanted.items() if name in chains
        }
        strange = sorted(chains.keys() - wanted.keys())
        references = find_references(running, strange)
        return RunningFilters(
            lists, tuple(_stranger(name, chains[name], references[name]) for name in strange)
        )

    def references(self, running: str, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the lines that mention each of `names`; see Platform."""
        _refuse_cut_off(running)
        return find_references(running, names)

    def parse_candidate(
        self, candidate: str, wanted: Mapping[str, Afi], removals: Mapping[str, Afi] = NONE
    ) -> RunningFilters:
        """Return what a candidate makes of a router without such chains; see Platform."""
        return self.apply_candidate(candidate, {}, wanted, removals)

    def apply_candidate(
        self,
        candidate: str,
        running: Mapping[str, ManagedList],
        wanted: Mapping[str, Afi],
        removals: Mapping[str, Afi] = NONE,
    ) -> RunningFilters:
        """Return the chains as they are after a candidate; see DeltaPlatform."""
        deltas, gone = read_changes(candidate)
        for name in gone:
            if name not in removals:
                raise ParseError(name, "the candidate removes a chain that is to stay")
            if name in deltas:
                raise ParseError(name, "the candidate sets the chain and removes it")
        lists = {name: running[name] for name in wanted if name in running}
        strangers: list[Stranger] = []
        for name, delta in deltas.items():
            if name in wanted:
                lists[name] = applied(name, wanted[name], running.get(name), delta)
            elif delta.removed or delta.off:
                raise ParseError(name, "the candidate removes rules of a chain not asked for")
            else:
                strangers.append(Stranger(name, None, (), removable=False))
        strangers.sort(key=lambda each: each.name)
        return RunningFilters(lists, tuple(strangers), tuple(sorted(gone)))

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        """Return the rules that come and those that go; see Platform.

        Raises PlatformError for a chain with rejects of somebody else's on which there is no way
        without a moment in between.
        """
        afi = prefixes.afi
        delta = delta_to(name, prefixes, running)
        added = [known[1] for _, known in read_rules(afi, delta.added) if known]
        return RosPrinted(
            name,
            afi,
            "",
            lines_of(afi, added),
            rejects=delta.reject,
            before=escaped(delta.before),
            gone=[escaped(text) for text in delta.removed],
            off=[escaped(text) for text in delta.off],
        )

    def removal(self, stranger: Stranger) -> Removal:
        """Return what removes the chain; see Platform."""
        return Removal(stranger.name, removable_afi(stranger), "")


def read_chains(running: str, managed_prefix: str = "") -> dict[str, Chain]:
    """Return the chains whose names begin so, by name; raises ParseError."""
    _refuse_cut_off(running)
    chains: dict[str, Chain] = {}
    found = 0
    for match in _RULE.finditer(running):
        found += 1
        name, options, text = match.groups()
        if name[0] == '"':
            name = unescaped(name[1:-1])
        if not name.startswith(managed_prefix):
            continue
        chain = chains.get(name)
        if chain is None:
            chain = chains[name] = Chain()
        text = unescaped(text)
        if not options:
            chain.texts.append(text)
        elif options.split() == ["disabled=yes"]:
            chain.off.append(text)
        else:
            chain.invalid.add(len(chain.texts))
            chain.texts.append(text)
    there = running.count(f"\n{_START}") + running.startswith(_START)
    if found != there:
        raise ParseError("running config", f"{there - found} of its filter rules cannot be read")
    return chains


def _refuse_cut_off(running: str) -> None:
    if running[-len(END) - 80 :].rstrip().rpartition("\n")[2] != END:
        raise ParseError(
            "running config", f"is cut off: the driver ends it with the line `{END}`, which is gone"
        )


def family_of(name: str, texts: Sequence[str]) -> Afi:
    """Return the family of a chain: by its name, or else by the first prefix in its rules."""
    afi = _family(name)
    if afi is not None:
        return afi
    first = next(filter(None, map(_FIRST_PREFIX.search, texts)), None)
    return Afi.IPV6 if first and ":" in first[0] else Afi.IPV4


def _stranger(name: str, chain: Chain, references: tuple[str, ...]) -> Stranger:
    afi = _family(name)
    known = afi is not None and all(rule is not None for _, rule in chain.read(name, afi).rules)
    return Stranger(name, afi, references, known and is_own_name(name))


def _family(name: str) -> Afi | None:
    """Return the family of a chain by its name: in its rules an empty one has none."""
    tags = [afi for afi in Afi if afi.tag in name]
    return tags[0] if len(tags) == 1 else None

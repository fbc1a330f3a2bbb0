"""The configuration of an emulated Arista EOS: what it holds, and the form in which EOS prints it.

Prefix lists are a mapping from sequence number to entry, so that 850,000 entries are copied,
compared and printed without a parse. Everything else is text under its header.

Where the form comes from: Arista's manual, "ACLs and Route Maps", and running configs that the
public AVD project prints. A list in block form, three spaces of indent, `!` after every block.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tests.lab.apply_log import content_digest
from tests.lab.eos_prefix_list import Entries

ListKey = tuple[str, str]  # ("ip" or "ipv6", name)
Stanza = dict[str, tuple[str, ...]]  # the header of a nested block ("" for none) and its lines
SortKey = tuple[int, tuple[tuple[int, int, str], ...]]

# The order in which EOS prints; what is not named comes where `None` is.
_ORDER: Final = (
    "no aaa",
    "transceiver",
    "service",
    "logging",
    "hostname",
    "ip name-server",
    "ntp",
    "snmp-server",
    "spanning-tree",
    "aaa",
    "username",
    "vlan",
    "vrf",
    "management",
    None,
    "interface",
    "ip routing",
    "ip as-path",
    "ip community-list",
    "ip prefix-list",
    "ipv6 unicast-routing",
    "ipv6 prefix-list",
    "ip route",
    "ipv6 route",
    "route-map",
    "router",
)
_RANKS: Final = {prefix: rank for rank, prefix in enumerate(_ORDER)}
_DIGITS: Final = re.compile(r"(\d+)")


class EosConfig:
    """One configuration: the running one, the startup one, or a session's.

    A copy shares its lists with the original until one of the two edits them.
    """

    def __init__(self) -> None:
        self.lists: dict[ListKey, Entries] = {}
        self.stanzas: dict[str, Stanza] = {}
        self._owned: set[ListKey] = set()

    def copy(self) -> EosConfig:
        """A configuration of its own, in the time of copying the lists' names."""
        twin = EosConfig()
        twin.lists = dict(self.lists)
        twin.stanzas = dict(self.stanzas)
        self._owned = set()
        return twin

    def clear(self) -> None:
        """What `rollback clean-config` does."""
        self.lists = {}
        self.stanzas = {}
        self._owned = set()

    def entries_of(self, key: ListKey) -> Entries:
        """The entries of a list, to be edited; the list is created where there is none."""
        if key not in self._owned:
            self.lists[key] = Entries(self.lists.get(key))
            self._owned.add(key)
        return self.lists[key]

    def remove_list(self, key: ListKey) -> None:
        self.lists.pop(key, None)
        self._owned.discard(key)

    @property
    def hostname(self) -> str:
        found = (header for header in self.stanzas if header.startswith("hostname "))
        return next(found, "hostname localhost").split()[1]

    def counts(self) -> dict[str, int]:
        """How many entries each prefix list has, for the apply log."""
        lists = sorted(self.lists.items())
        return {f"{family} prefix-list {name}": len(held) for (family, name), held in lists}

    def digests(self) -> dict[str, str]:
        """The digest of each prefix list's entries, without their numbers, for the apply log."""
        lists = sorted(self.lists.items())
        return {
            f"{family} prefix-list {name}": content_digest(held.values())
            for (family, name), held in lists
        }

    def changed_objects(self, other: EosConfig) -> list[str]:
        """The names of lists and stanzas that are not the same in both, sorted."""
        names = {
            f"{key[0]} prefix-list {key[1]}"
            for key in self.lists.keys() | other.lists.keys()
            if self.lists.get(key) != other.lists.get(key)
        }
        names |= {
            header
            for header in self.stanzas.keys() | other.stanzas.keys()
            if self.stanzas.get(header) != other.stanzas.get(header)
        }
        return sorted(names)

    def blocks(self) -> list[tuple[SortKey, str]]:
        """The headers of all blocks in the order in which they are printed."""
        headers = [f"{family} prefix-list {name}" for family, name in self.lists]
        return sorted((sort_key(header), header) for header in [*headers, *self.stanzas])

    def list_at(self, header: str) -> Entries | None:
        """The prefix list that a block's header names, or None for another block."""
        words = header.split(" ")
        if len(words) == 3 and words[1] == "prefix-list":
            return self.lists.get((words[0], words[2]))
        return None

    def block_lines(self, header: str) -> list[str]:
        """A block as it is printed, its closing `!` included."""
        entries = self.list_at(header)
        if entries is not None:
            body = [f"   seq {number} {entries[number]}" for number in sorted(entries)]
            return [header, *body, "!"]
        return [header, *_stanza_lines(self.stanzas[header]), "!"]

    def lines(self) -> Iterator[str]:
        """The whole configuration as it is printed, without the leading comments."""
        for _, header in self.blocks():
            yield from self.block_lines(header)
        yield "end"

    def text(self, command: str, device: str) -> str:
        """The answer to `show running-config` and its like."""
        lead = f"! Command: {command}\n! device: {device}\n!\n"
        return lead + "\n".join(self.lines()) + "\n"


def sort_key(header: str) -> SortKey:
    """Where a block is printed: by kind, then by its words, numbers by value."""
    words = header.split(" ")
    rank = next(
        (_RANKS[prefix] for prefix in (" ".join(words[:2]), words[0]) if prefix in _RANKS),
        _RANKS[None],
    )
    parts = _DIGITS.split(header)
    return rank, tuple((1, int(p), "") if p.isdecimal() else (0, 0, p) for p in parts if p)


def _stanza_lines(stanza: Stanza) -> Iterator[str]:
    for header, lines in stanza.items():
        if header:
            yield "   !"
            yield f"   {header}"
        indent = "      " if header else "   "
        for line in lines:
            yield f"{indent}{line}"

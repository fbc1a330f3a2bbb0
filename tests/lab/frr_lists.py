"""FRR's prefix lists in memory, as FRR 8.4.4 was seen to treat each line that it is told.

For tests; it has nothing in common with irrgate's own reading of them.
"""

from __future__ import annotations

import re

from tests.lab.eos_prefix_list import Entries
from tests.lab.eos_semantics import EosPrefixList

_ANY = {"ip": "0.0.0.0/0 le 32", "ipv6": "::/0 le 128"}
_LINE = re.compile(
    r"(no )?(ip|ipv6) prefix-list (\S+)(?: seq ([0-9]+) (permit|deny) (\S+(?: [gl]e [0-9]+)*))?"
)
HEAD = "Building configuration...\n\nCurrent configuration:\n!\nfrr version 8.4.4\n!\n"


class Everything:
    """A list that exists and has no entry."""

    def accepts(self, prefix: str) -> bool:
        return bool(prefix)


class FrrLists:
    """The prefix lists of one daemon, by family and name; each has its entries by number."""

    def __init__(self) -> None:
        self.lists: dict[tuple[str, str], dict[int, tuple[str, str]]] = {}
        self._said: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        """the same the other way round, so that it is quicker here than there"""

    def tell(self, line: str) -> None:
        """One line of `vtysh -f`; AssertionError for one that FRR would not take."""
        match = _LINE.fullmatch(line)
        assert match, line
        no, family, name, sequence, action, what = match.groups()
        key = family, name
        held, said = self.lists.setdefault(key, {}), self._said.setdefault(key, {})
        if sequence is None:
            assert no, line
            held.clear()
        elif no:
            # By its number alone, whatever else the line says.
            said.pop(held.pop(int(sequence), ("", "")), None)
        else:
            number, entry = int(sequence), (action, " ".join(what.split()))
            assert 0 < number < 1 << 32, line
            if entry not in said:
                said.pop(held.get(number, ("", "")), None)
                held[number] = entry
                said[entry] = number
        if not held:
            # The last entry takes the list along, unless it has a description.
            del self.lists[key], self._said[key]

    def rule(self, family: str, name: str) -> EosPrefixList | Everything | None:
        """The list as FRR evaluates it; None: there is none, and all is denied."""
        held = self.lists.get((family, name))
        if held is None:
            return None
        if not held:
            return Everything()
        entries = Entries()
        for number, (action, what) in held.items():
            entries[number] = f"{action} {_ANY[family] if what == 'any' else what}"
        return EosPrefixList(family, entries)

    def running(self, *, blocks: str = "") -> str:
        """`show running-config`, with other blocks of a config in it."""
        lines = [
            f"{family} prefix-list {name} seq {number} {action} {what}\n"
            for (family, name), held in sorted(self.lists.items())
            for number, (action, what) in sorted(held.items())
        ]
        return f"{HEAD}{''.join(lines)}!\n{blocks}end\n"

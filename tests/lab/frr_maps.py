"""FRR's route-maps over prefix lists in memory, as FRR 8.4.4 was seen to treat each line.

For tests; it has nothing in common with irrgate's own reading of them.
"""

from __future__ import annotations

import re

from tests.lab.frr_lists import HEAD, Everything, FrrLists

_ENTRY = re.compile(r"(no )?route-map (\S+) (permit|deny) ([0-9]+)")
_OPTIMIZATION = re.compile(r"(no )?route-map (\S+) optimization")
_MATCH = re.compile(r"match (ip|ipv6) address prefix-list (\S+)")


class FrrMap:
    """A route-map as FRR evaluates it: the first entry that matches decides."""

    def __init__(self, lists: FrrLists, family: str, entries: dict[int, tuple[str, list[str]]]):
        self._lists, self._family, self._entries = lists, family, entries

    def accepts(self, prefix: str) -> bool:
        for number in sorted(self._entries):
            action, statements = self._entries[number]
            if all(self._matches(each, prefix) for each in statements):
                return action == "permit"
        return False

    def _matches(self, statement: str, prefix: str) -> bool:
        match = _MATCH.fullmatch(statement)
        assert match, statement
        family, name = match.groups()
        # A match of the other family matches nothing; neither does a list that is not there.
        rule = self._lists.rule(family, name) if family == self._family else None
        return rule is not None and rule.accepts(prefix)


class FrrMaps(FrrLists):
    """The prefix lists and route-maps of one daemon."""

    def __init__(self) -> None:
        super().__init__()
        self.maps: dict[str, dict[int, tuple[str, list[str]]]] = {}
        self.unoptimized: set[str] = set()
        self._inside: list[str] | None = None

    def tell(self, line: str) -> None:
        """One line of `vtysh -f`; AssertionError for one that FRR would not take."""
        words = line.strip()
        if match := _ENTRY.fullmatch(words):
            no, name, action, number = match.groups()
            entries = self.maps.setdefault(name, {})
            held = entries.get(int(number))
            if no:
                assert held, line
                assert held[0] == action, line
                del entries[int(number)]
                if not entries and name not in self.unoptimized:
                    del self.maps[name]
                return
            if held is None or held[0] != action:
                # Of the other kind it is made anew, without its matches.
                held = entries[int(number)] = (action, [])
            self._inside = held[1]
        elif match := _OPTIMIZATION.fullmatch(words):
            self.maps.setdefault(match[2], {})
            (self.unoptimized.add if match[1] else self.unoptimized.discard)(match[2])
        elif words == "exit":
            assert self._inside is not None, line
            self._inside = None
        elif _MATCH.fullmatch(words):
            assert self._inside is not None, line
            self._inside.append(words)
        elif match := re.fullmatch(r"no route-map (\S+)", words):
            del self.maps[match[1]]
            self.unoptimized.discard(match[1])
        else:
            self._inside = None
            super().tell(words)

    def map(self, family: str, name: str) -> FrrMap | Everything | None:
        """The route-map as FRR evaluates it; None: there is none, and all is denied."""
        entries = self.maps.get(name)
        return None if entries is None else FrrMap(self, family, entries)

    def running(self, *, blocks: str = "") -> str:
        """`show running-config`, with other blocks of a config in it."""
        text = super().running(blocks=blocks).removeprefix(HEAD).removesuffix("end\n")
        for name, entries in sorted(self.maps.items()):
            if name in self.unoptimized:
                text += f"no route-map {name} optimization\n!\n"
            for number, (action, statements) in sorted(entries.items()):
                body = "".join(f" {each}\n" for each in statements)
                text += f"route-map {name} {action} {number}\n{body}exit\n!\n"
        return f"{HEAD}{text}end\n"

"""What an IOS router does with a prefix, read from its own running config.

For tests; it has nothing in common with irrgate's own reading. A list that is missing, or has no
entry, lets everything pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.lab.eos_prefix_list import Entries
from tests.lab.eos_semantics import EosPrefixList
from tests.lab.ios_config import IosConfig
from tests.lab.ios_lists import IosLists


class Everything:
    """A list that is missing, or has no entry."""

    def accepts(self, prefix: str) -> bool:
        return bool(prefix)


def rule(lists: IosLists, family: str, name: str) -> EosPrefixList | Everything:
    """A list as IOS evaluates it."""
    held = lists.lists.get((family, name))
    if held is None or not held.entries:
        return Everything()
    return EosPrefixList(family, Entries(held.entries))


def accepts(running: str, name: str, prefix: str) -> bool:
    """Whether the list of that name, in the prefix's family, lets the prefix pass."""
    lists = IosConfig.parse(running).lists
    return rule(lists, "ipv6" if ":" in prefix else "ip", name).accepts(prefix)


def states(
    running: str, lines: Iterable[str], name: str, prefixes: list[str]
) -> Iterator[set[str]]:
    """What a list lets pass of some prefixes: of a running config, and after each of the lines."""
    lists = IosConfig.parse(running).lists
    family = "ipv6" if ":" in prefixes[0] else "ip"
    for line in ("", *lines):
        if line:
            lists.tell(line)
        if not line or name in line.split(" "):
            held = rule(lists, family, name)
            yield {prefix for prefix in prefixes if held.accepts(prefix)}

"""Which BGP sessions of an NX-OS router filter by some lists, and what lets them look again.

Cisco's guide says both that a session is to be reset when its policy changed, and that NX-OS asks
for the routes again by itself. `soft in` is that request: it interrupts nothing, also when it comes
twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from irrgate.platforms.numbered import Key
from irrgate.platforms.numbered_lines import KEYWORDS
from irrgate.prefixes import Afi

Use = tuple[str, str]
"""prefix-list or route-map, and its name"""

_ROUTE_MAP: Final = re.compile(r"^route-map (\S+) .*\n((?:[ \t]+.*\n)*)", re.MULTILINE)
_BGP: Final = re.compile(r"^router bgp .*\n((?:[ \t]+.*\n)*)", re.MULTILINE)
_OWNER: Final = re.compile(r"(neighbor|template peer|template peer-policy) (\S+)")
_USE: Final = re.compile(r"(prefix-list|route-map) (\S+) in")
_INHERITS: Final = re.compile(r"inherit (peer|peer-policy) (\S+)")
_ADDRESS: Final = re.compile(r"[0-9A-Fa-f.:]+")
_VRF: Final = re.compile(r"[A-Za-z0-9_.:-]+")


@dataclass(slots=True)
class _Block:
    """A neighbour, or a template that neighbours take over."""

    uses: set[Use] = field(default_factory=set)
    inherits: set[str] = field(default_factory=set)


def clear_commands(running: str, lists: Collection[Key]) -> list[str]:
    """Return the commands that let the sessions which filter by any of `lists` look again."""
    blocks: dict[tuple[str, str], _Block] = {}
    for vrf, owner, line in _lines(running):
        block = blocks.setdefault((vrf, owner), _Block())
        if match := _USE.fullmatch(line):
            block.uses.add((match[1], match[2]))
        elif match := _INHERITS.match(line):
            block.inherits.add(f"template {match[1]} {match[2]}")
    found: list[str] = []
    for afi in Afi:
        by = _filters(running, afi, {name for of, name in lists if of is afi})
        for (vrf, owner), block in blocks.items():
            kind, _, address = owner.partition(" ")
            # A range of addresses is no session, and a name that is none is not put into a command.
            known = _ADDRESS.fullmatch(address) and _VRF.fullmatch(vrf or "default")
            if kind == "neighbor" and known and not by.isdisjoint(_uses(block, blocks, set())):
                of = f" vrf {vrf}" if vrf else ""
                found.append(f"clear bgp {afi} unicast {address} soft in{of}")
    return found


def _filters(running: str, afi: Afi, names: Collection[str]) -> set[Use]:
    """Return the lists of a family, and the route-maps that match any of them."""
    matches = re.compile(rf"[ \t]+match {KEYWORDS[afi]} address prefix-list (.*)")
    maps = {
        name
        for name, block in (_ROUTE_MAP.findall(running) if names else ())
        if any(not set(names).isdisjoint(each.split()) for each in matches.findall(block))
    }
    return {("prefix-list", name) for name in names} | {("route-map", name) for name in maps}


def _uses(block: _Block, blocks: dict[tuple[str, str], _Block], seen: set[str]) -> set[Use]:
    """Return what a block filters by, with the templates that it takes over, those of those too."""
    found = set(block.uses)
    for name in block.inherits - seen:
        seen.add(name)
        # Templates stand outside of the VRFs.
        found |= _uses(blocks.get(("", name), _Block()), blocks, seen)
    return found


def _lines(running: str) -> Iterator[tuple[str, str, str]]:
    """Yield the lines below each neighbour and template: its VRF, what it is, and the line."""
    for section in _BGP.findall(running):
        above: list[tuple[int, str]] = []
        for text in section.splitlines():
            line, indent = text.strip(), len(text) - len(text.lstrip())
            above = [(at, words) for at, words in above if at < indent]
            vrf, owner = "", ""
            for _, words in above:
                if words.startswith("vrf "):
                    vrf = words.split()[1]
                elif match := _OWNER.match(words):
                    owner = match[0]
            if owner:
                yield vrf, owner, line
            above.append((indent, line))

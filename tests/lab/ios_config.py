"""The config of an emulated IOS router: prefix lists that it knows, and blocks that it does not."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Self

from tests.lab.ios_lists import IosLists

_AFTER_LISTS = ("route-map ", "snmp-server ", "control-plane", "line ", "ntp ")
"""what IOS shows after the prefix lists"""


@dataclass
class IosConfig:
    """Blocks by their first line, each with its indented lines, and the prefix lists."""

    blocks: dict[str, list[str]] = field(default_factory=dict)
    lists: IosLists = field(default_factory=IosLists)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `show running-config` prints; ValueError where it is not whole."""
        config = cls()
        if not text.rstrip().endswith("\nend"):
            raise ValueError("the config does not end with the line `end`")
        block: list[str] = []
        for line in map(str.rstrip, text.rstrip().removesuffix("\nend").split("\n")):
            if not line or line.startswith(("!", "Building ", "Current ")):
                continue
            if line.startswith(" "):
                block.append(line)
            elif "ip prefix-list " in line or "ipv6 prefix-list " in line:
                if said := config.lists.tell(line):
                    raise ValueError(f"{line}: {said}")
            else:
                block = config.blocks.setdefault(line, [])
        return config

    @property
    def hostname(self) -> str:
        found = [head for head in self.blocks if head.startswith("hostname ")]
        return found[0].split(" ")[1] if found else "Router"

    @property
    def archives(self) -> bool:
        """Whether there is a place for archived configs."""
        return any(line.startswith(" path ") for line in self.blocks.get("archive", []))

    def copy(self) -> IosConfig:
        return copy.deepcopy(self)

    def text(self) -> str:
        """What `show running-config` prints."""
        before: list[str] = []
        after: list[str] = []
        for head, lines in self.blocks.items():
            into = after if head.startswith(_AFTER_LISTS) else before
            into += [head, *lines, "!"] if lines else [head]
        body = "\n".join(["!", *before, *self.lists.lines(), "!", *after, "end", ""])
        size = len(body.encode())
        return f"Building configuration...\n\nCurrent configuration : {size} bytes\n{body}"


def replacing(now: IosLists, then: IosLists) -> list[str]:
    """What `configure replace` does to prefix lists: what is too much goes, then the rest comes."""
    have, want = now.lines(), then.lines()
    too_much, missing = set(have) - set(want) - {"!"}, set(want) - set(have) - {"!"}
    gone = [f"no {line}" for line in have if line in too_much]
    return gone + [line for line in want if line in missing]

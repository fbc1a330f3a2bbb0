"""The configuration of the emulated IOS-XR device: its text, and what a candidate changes in it.

What it knows of are prefix sets and route policies; anything else is a block of lines that is
kept as it was given, by its first line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.lab.iosxr_prefix_set import CliRefused, SetValue, read_set

MAX_LINES = 131072
"""of all policies and sets together, unless `rpl maximum lines` says another number"""

_BLOCK = re.compile(
    r"(?:hostname|router|rpl|interface|neighbor-group|netconf-yang|ssh|username|vrf|banner|"
    r"route-policy|prefix-set|end-policy|logging|line|ntp|snmp-server|service) .*|end-policy"
)
_MAXIMUM = re.compile(r"rpl maximum lines (\d+)")


@dataclass
class Config:
    """Sets and policies by name, and the rest by first lines, in order."""

    sets: dict[str, SetValue] = field(default_factory=dict)
    policies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    blocks: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def clone(self) -> Config:
        """A copy that can be changed; what it holds never is."""
        return Config(dict(self.sets), dict(self.policies), dict(self.blocks))

    def text(self) -> str:
        """The configuration without what the device says before and behind it."""
        routers = {key: lines for key, lines in self.blocks.items() if key.startswith("router ")}
        others = {key: lines for key, lines in self.blocks.items() if key not in routers}
        parts = [_block(key, lines) for key, lines in others.items()]
        parts += [f"{value.text(name)}!\n" for name, value in self.sets.items()]
        parts += [f"{policy_text(name, lines)}!\n" for name, lines in self.policies.items()]
        parts += [_block(key, lines) for key, lines in routers.items()]
        return "".join(parts)

    def load(self, text: str) -> None:
        """Do what the lines say; CliRefused for the first that the device does not take."""
        lines = iter(text.split("\n"))
        last = ""
        for line in lines:
            words = line.strip()
            if line.startswith(" ") and last:
                self.blocks[last] = (*self.blocks[last], line)
            elif not words or words.startswith("!") or words == "end":
                continue
            else:
                last = self._statement(words, lines)

    def problems(self) -> list[str]:
        """What a commit of it would be refused for."""
        wanted = self.blocks.keys() | {
            line.strip() for each in self.blocks.values() for line in each
        }
        attached = {
            words[1].partition("(")[0]
            for line in wanted
            if (words := line.split())[:1] == ["route-policy"]
        }
        found = [
            f"Policy [{policy}] uses '{name}'. There is no '{name}' prefix-set found"
            for policy in sorted(attached & self.policies.keys())
            for name in _used(self.policies[policy])
            if name not in self.sets
        ]
        lines = sum(value.lines for value in self.sets.values())
        lines += sum(len(policy) + 2 for policy in self.policies.values())
        if lines > self.maximum:
            found.append(
                f"The number of policy lines ({lines}) would exceed the maximum ({self.maximum})"
            )
        return found

    @property
    def maximum(self) -> int:
        given = [match[1] for key in self.blocks if (match := _MAXIMUM.fullmatch(key))]
        return int(given[-1]) if given else MAX_LINES

    def _statement(self, words: str, lines: Iterator[str]) -> str:
        """Take a line of the top level; its key where lines below it may follow."""
        match words.split():
            case ["prefix-set", name]:
                self.sets[name] = read_set(name, _until("end-set", name, lines))
            case ["route-policy", name]:
                self.policies[name] = tuple(_until("end-policy", name, lines))
            case ["no", "prefix-set", name]:
                self.sets.pop(name, None)
            case ["no", "route-policy", name]:
                self.policies.pop(name, None)
            case ["no", *rest]:
                self.blocks.pop(" ".join(rest), None)
            case _ if _BLOCK.fullmatch(words):
                head = words.split(maxsplit=1)[0]
                if head == "hostname":
                    self.blocks = {k: v for k, v in self.blocks.items() if k.split()[0] != head}
                self.blocks.setdefault(words, ())
                return words
            case _:
                raise CliRefused(f"% Invalid input detected at '^' marker.: {words}")
        return ""


def parse_config(text: str) -> Config:
    """The configuration of a text; ValueError where the device would not take it."""
    config = Config()
    try:
        config.load(text)
    except CliRefused as exc:
        raise ValueError(str(exc)) from exc
    return config


def changed_objects(one: Config, other: Config) -> list[str]:
    """What differs between two, by the names that the apply log has."""
    kinds: tuple[tuple[Mapping[str, object], Mapping[str, object]], ...] = (
        (one.sets, other.sets),
        (one.policies, other.policies),
        (one.blocks, other.blocks),
    )
    return [
        name
        for before, after in kinds
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]


def policy_text(name: str, lines: tuple[str, ...]) -> str:
    return "".join([f"route-policy {name}\n", *(f"{line}\n" for line in lines), "end-policy\n"])


def _until(end: str, name: str, lines: Iterator[str]) -> list[str]:
    found: list[str] = []
    for line in lines:
        if line.strip() == end:
            return found
        found.append(line.rstrip())
    raise CliRefused(f"% {name}: there is no {end}")


def _used(policy: tuple[str, ...]) -> Iterator[str]:
    for line in policy:
        yield from re.findall(r"\bdestination in ([A-Za-z][\w.:-]*)", line)


def _block(key: str, lines: tuple[str, ...]) -> str:
    end = "!\n" if lines or key.startswith(("router ", "interface ")) else ""
    return "".join([f"{key}\n", *(f"{line}\n" for line in lines), end])

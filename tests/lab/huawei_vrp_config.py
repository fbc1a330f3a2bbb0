"""The configuration of an emulated Huawei VRP: what it holds, what it takes, how it prints it.

Prefix lists are entries by index; everything else is text between lines of `#`. Syntax and limits
are those of Huawei's command references ("ip ip-prefix", "ip ipv6-prefix" of the NetEngine 8000 and
the CloudEngine), the words of syntax errors those that VRP's CLI overview lists. What VRP says to
a list or an entry that does not exist, to an index or a prefix that is there already, is not known
from there: here it refuses them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from tests.lab.apply_log import content_digest

ListKey = tuple[str, str]
"""("ip-prefix" or "ipv6-prefix", name)"""
Entries = dict[int, str]

MAX_INDEX = 4_294_967_295
MAX_NAME = 169
_LINE = re.compile(
    r"(undo )?ip (ip-prefix|ipv6-prefix) (\S+)"
    r"(?: description (.+)|(?: index (\S+))?(?: (permit|deny) (\S+) (\S+)( match-network)?"
    r"(?: greater-equal (\S+))?(?: less-equal (\S+))?)?)"
)
_LIST = ("ip ip-prefix ", "ip ipv6-prefix ")


class VrpError(Exception):
    """A line that is not taken, in the router's own words."""


def unrecognized(line: str) -> VrpError:
    return VrpError(f"{' ' * len(line)}^\nError: Unrecognized command found at '^' position.")


def _wrong(line: str, part: str) -> VrpError:
    at = " " * line.index(part)
    return VrpError(f"{at}^\nError: Wrong parameter found at '^' position.")


class VrpConfig:
    """One configuration: the running one, the saved one, or a session's candidate."""

    def __init__(self, text: str = "") -> None:
        """Read a text as `display current-configuration` prints it; ValueError where it is none."""
        self.lists: dict[ListKey, Entries] = {}
        self.blocks: list[str] = []
        self.max_entries: int | None = None
        self._said: dict[ListKey, set[str]] = {}
        lines = text.rstrip("\n").removesuffix("\nreturn").split("\n")
        block: list[str] = []
        for line in [*lines, "#"]:
            if line.startswith(_LIST):
                try:
                    self.tell(line.rstrip(), loading=True)
                except VrpError as exc:
                    raise ValueError(f"{line}: {exc}") from exc
            elif line == "#" and block:
                self.blocks.append("\n".join(block))
                block = []
            elif line != "#" and line:
                block.append(line)

    def copy(self) -> VrpConfig:
        twin = VrpConfig()
        twin.lists = {key: dict(held) for key, held in self.lists.items()}
        twin._said = {key: set(said) for key, said in self._said.items()}
        twin.blocks = list(self.blocks)
        twin.max_entries = self.max_entries
        return twin

    @property
    def is_two_phase(self) -> bool:
        """VRP8: what is told takes effect by a commit."""
        return self.blocks[:1] != [] and self.blocks[0].startswith("!Software Version V8")

    @property
    def sysname(self) -> str:
        found = re.search(r"^sysname (\S+)", "\n".join(self.blocks), re.MULTILINE)
        return found[1] if found else "HUAWEI"

    def tell(self, line: str, *, loading: bool = False) -> None:
        """One line of the system view; VrpError for one that VRP does not take."""
        match = _LINE.fullmatch(line)
        if match is None:
            raise unrecognized(line)
        undo, keyword, name, description, index, action, *entry = match.groups()
        if len(name) > MAX_NAME:
            raise _wrong(line, name)
        key = keyword, name
        if undo:
            self._undo(key, line, index, has_entry=action is not None)
        elif action is None:
            if description is None:
                at = " " * len(line)
                raise VrpError(f"{at}^\nError:Incomplete command found at '^' position.")
        else:
            self._add(key, line, index, f"{action} {_entry_text(line, keyword, entry)}", loading)

    def _undo(self, key: ListKey, line: str, index: str | None, *, has_entry: bool) -> None:
        if has_entry:
            raise VrpError(f"{' ' * len(line)}^\nError: Too many parameters found at '^' position.")
        held = self.lists.get(key)
        if held is None:
            raise VrpError("Error: The specified prefix list does not exist.")
        if index is None:
            del self.lists[key], self._said[key]
            return
        number = _index(line, index)
        if number not in held:
            raise VrpError("Error: The specified entry of the prefix list does not exist.")
        self._said[key].discard(held.pop(number))
        # The last entry takes the list along.
        if not held:
            del self.lists[key], self._said[key]

    def _add(self, key: ListKey, line: str, index: str | None, text: str, loading: bool) -> None:
        held, said = self.lists.get(key, {}), self._said.get(key, set())
        number = max(held, default=0) // 10 * 10 + 10 if index is None else _index(line, index)
        if not loading and (number in held or text in said):
            raise VrpError("Error: The same entry exists in the prefix list already.")
        if self.max_entries is not None and len(held) >= self.max_entries:
            raise VrpError("Error: The number of entries of the prefix list reached the limit.")
        held[number] = text
        said.add(text)
        self.lists[key], self._said[key] = held, said

    def lines(self) -> Iterator[str]:
        """The prefix lists as they are printed."""
        for (keyword, name), held in sorted(self.lists.items()):
            for number in sorted(held):
                yield f"ip {keyword} {name} index {number} {held[number]}"

    def text(self) -> str:
        """What `display current-configuration` prints."""
        blocks = [*self.blocks]
        if self.lists:
            blocks.append("\n".join(self.lines()))
        return "".join(f"{block}\n#\n" for block in blocks) + "return\n"

    def digests(self) -> dict[str, str]:
        """The digest of each list's entries, without their numbers."""
        return {
            f"ip {keyword} {name}": content_digest(held.values())
            for (keyword, name), held in sorted(self.lists.items())
        }


def _index(line: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MAX_INDEX:
        raise _wrong(line, text)
    return int(text)


def _entry_text(line: str, keyword: str, entry: list[str | None]) -> str:
    """An entry as VRP prints it: without host bits, in upper case, with both lengths or none."""
    address, length, network, ge, le = entry
    width = 32 if keyword == "ip-prefix" else 128
    kind = ipaddress.IPv4Address if width == 32 else ipaddress.IPv6Address
    try:
        number = int(kind(address or ""))
    except ValueError as exc:
        raise _wrong(line, str(address)) from exc
    lengths = [length or "", ge or length or "", le or (str(width) if ge else length) or ""]
    for text in lengths:
        if not text.isdecimal() or int(text) > width:
            raise _wrong(line, text)
    low, shortest, longest = map(int, lengths)
    if not low <= shortest <= longest:
        raise VrpError("Error: The mask length range is invalid.")
    number = number >> (width - low) << (width - low)
    if network and number:
        raise _wrong(line, "match-network")
    between = f" greater-equal {shortest} less-equal {longest}" if ge or le else ""
    return f"{str(kind(number)).upper()} {low}{network or ''}{between}"

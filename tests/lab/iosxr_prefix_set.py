"""The entries of IOS-XR prefix sets: what a device takes, and how it refuses the rest.

From Cisco's routing configuration guide, "Implementing Routing Policy", prefix-set: an address, a
mask length that may be missing (then it is a host), `ge`, `le`, or `eq`, entries between commas,
remarks from `#` to the end of the line. Newlines are blanks. Both families may stand in one set,
and a set may be empty. The guide of NCS 5500 says that `ge` must be less than 32 (128): refused
here above. Wildcard masks are not known to this device.

Host bits: no source found; refused here.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tests.lab.apply_log import content_digest

_NAME: Final = re.compile(r"[\w\-.:,@#%$+=|;]+")
_ENTRY: Final = re.compile(
    r"([0-9A-Fa-f.:]+)(?:/(\d{1,3})"
    r"(?: eq (\d{1,3})| ge (\d{1,3})(?: le (\d{1,3}))?| le (\d{1,3}))?)?"
)
_FAMILIES: Final = {32: socket.AF_INET, 128: socket.AF_INET6}


class CliRefused(Exception):  # noqa: N818 - the CLI refuses a line, nothing is broken
    """A line that the device does not take."""


@dataclass(frozen=True)
class SetValue:
    """What a prefix set holds: its lines as the device prints them, without commas."""

    entries: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The digest of its entries, in whatever order they stand."""
        return content_digest(self.entries)

    @property
    def lines(self) -> int:
        """What it counts against `rpl maximum lines`."""
        return len(self.entries) + len(self.remarks) + 2

    def text(self, name: str) -> str:
        parts = [f"prefix-set {name}\n", *(f"  {remark}\n" for remark in self.remarks)]
        if self.entries:
            parts.append("  " + ",\n  ".join(self.entries) + "\n")
        return "".join([*parts, "end-set\n"])


def read_set(name: str, lines: list[str]) -> SetValue:
    """The set of the lines between its header and its end; CliRefused for what cannot be."""
    if _NAME.fullmatch(name) is None:
        raise CliRefused(f"% Invalid input detected at '^' marker.: prefix-set {name}")
    remarks: list[str] = []
    bare: list[str] = []
    for line in lines:
        before, mark, after = line.partition("#")
        bare.append(before)
        if mark:
            remarks.append(f"#{after}".strip())
    text = " ".join(" ".join(bare).split())
    items = [item.strip() for item in text.split(",")] if text else []
    for item in items:
        _check(name, item)
    return SetValue(tuple(dict.fromkeys(items)), tuple(remarks))


def _check(name: str, item: str) -> None:
    match = _ENTRY.fullmatch(item)
    if match is None:
        raise CliRefused(f"% Invalid input detected at '^' marker.: prefix-set {name}: {item}")
    address, length, *numbers = match.groups()
    bits = 128 if ":" in address else 32
    try:
        packed = int.from_bytes(socket.inet_pton(_FAMILIES[bits], address), "big")
    except OSError:
        raise CliRefused(
            f"% Invalid input detected at '^' marker.: prefix-set {name}: {item}"
        ) from None
    if length is None:
        return
    own = int(length)
    equal, low, low_high, high = (None if each is None else int(each) for each in numbers)
    if own > bits or packed & ((1 << max(bits - own, 0)) - 1):
        raise CliRefused(f"% prefix-set {name}: {item}: the address has bits beyond its length")
    if low is not None and low >= bits:
        raise CliRefused(f"% prefix-set {name}: {item}: ge must be less than {bits}")
    first = next((each for each in (equal, low) if each is not None), own)
    last = next((each for each in (equal, low_high, high) if each is not None), bits)
    if not own <= first <= last <= bits:
        raise CliRefused(f"% prefix-set {name}: {item}: the lengths cannot be")

"""Nodes as bytes: what a set's digest is of, and what is kept of it.

For IPv4 all keys and then all masks, 8 bytes each; for IPv6 each key and its mask, 17 bytes each;
the least significant byte first, on every machine.
"""

from __future__ import annotations

import sys
from array import array
from typing import Final

from irrgate.aggregation import Nodes

_WIDE: Final = 17
"""bytes of an IPv6 key (136 bits) or mask (129)"""


def pack(nodes: Nodes, bits: int) -> bytes:
    """Return `nodes` as bytes, in their order; `bits` is 32 or 128."""
    if bits == 32:
        return _words(array("Q", [*nodes.keys(), *nodes.values()])).tobytes()
    return b"".join(
        [
            key.to_bytes(_WIDE, "little") + mask.to_bytes(_WIDE, "little")
            for key, mask in nodes.items()
        ]
    )


def unpack(packed: bytes, bits: int) -> Nodes:
    """Return the nodes that were packed; ValueError for bytes that no nodes give."""
    if bits == 32:
        words = array("Q")
        words.frombytes(packed)
        half, odd = divmod(len(_words(words)), 2)
        keys, masks = words[:half].tolist(), words[half:].tolist()
    else:
        if len(packed) % (2 * _WIDE):
            raise ValueError("ends within a prefix")
        numbers = [
            int.from_bytes(packed[at : at + _WIDE], "little") for at in range(0, len(packed), _WIDE)
        ]
        odd, keys, masks = 0, numbers[::2], numbers[1::2]
    if odd:
        raise ValueError("ends within a prefix")
    return dict(zip(keys, masks, strict=True))


def _words(words: array[int]) -> array[int]:
    if sys.byteorder == "big":
        words.byteswap()
    return words

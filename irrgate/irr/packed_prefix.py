"""A prefix as bytes: the address's 4 or 16 and one of length.

Packed ones sort in the order of the addresses and cost a few bytes each.
"""

from __future__ import annotations

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final

from irrgate.irr.rpsl_dump import BrokenObject

MAX_LENGTH: Final = {AF_INET: 32, AF_INET6: 128}
_HOST_MASK: Final = {
    family: [(1 << (bits - length)) - 1 for length in range(bits + 1)]
    for family, bits in MAX_LENGTH.items()
}
_LENGTH_BYTE: Final = [bytes([length]) for length in range(129)]


def pack_prefix(address: str, length: int) -> bytes:
    """Pack a prefix, or raise BrokenObject with the reason."""
    family = AF_INET6 if ":" in address else AF_INET
    try:
        packed = inet_pton(family, address)
        mask = _HOST_MASK[family][length]
    except (OSError, IndexError):
        raise BrokenObject(f"{address}/{length} is not a prefix") from None
    if int.from_bytes(packed) & mask:
        raise BrokenObject(f"{address}/{length} has host bits set")
    return packed + _LENGTH_BYTE[length]


def prefix_text(packed: bytes) -> str:
    """Return the canonical text of a packed prefix (RFC 5952 for IPv6)."""
    if len(packed) == 5:
        return "{}.{}.{}.{}/{}".format(*packed)
    return f"{inet_ntop(AF_INET6, packed[:-1])}/{packed[-1]}"

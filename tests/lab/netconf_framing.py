"""NETCONF framing: base 1.0 (RFC 4742, ends with `]]>]]>`) and 1.1 (RFC 6242, chunks).

A message of 30 MB comes in some thousand pieces: each is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

END = b"]]>]]>"
CHUNK = 4096
"""bytes a chunk that is sent; ncclient scans a chunk again with every 4,096 bytes it reads."""

_HEADER = re.compile(rb"\n#(?:([1-9][0-9]{0,9})|(#))\n")
_LONGEST_HEADER = 13


class FramingError(ValueError):
    """What came is no NETCONF framing."""


class Framer:
    """Cuts a stream of bytes into messages; `chunked` is set after the hellos."""

    def __init__(self) -> None:
        self.chunked = False
        self._buffer = bytearray()
        self._scanned = 0
        self._chunks: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def message(self) -> bytes | None:
        """The next whole message, or None until more comes."""
        return self._chunked_message() if self.chunked else self._delimited_message()

    def _delimited_message(self) -> bytes | None:
        end = self._buffer.find(END, max(self._scanned - len(END), 0))
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[: end + len(END)]
        self._scanned = 0
        return message

    def _chunked_message(self) -> bytes | None:
        while True:
            header = _HEADER.match(self._buffer)
            if header is None:
                if len(self._buffer) >= _LONGEST_HEADER:
                    raise FramingError("no chunk header where one must be")
                return None
            if header[2]:
                del self._buffer[: header.end()]
                message = b"".join(self._chunks)
                self._chunks.clear()
                return message
            start, size = header.end(), int(header[1])
            if len(self._buffer) < start + size:
                return None
            self._chunks.append(bytes(self._buffer[start : start + size]))
            del header  # it holds the buffer, which could not shrink
            del self._buffer[: start + size]


def frame(message: bytes, *, chunked: bool) -> Iterator[bytes]:
    """The pieces in which a message is sent."""
    if not chunked:
        yield message
        yield b"\n" + END + b"\n"
        return
    for start in range(0, len(message), CHUNK):
        piece = message[start : start + CHUNK]
        yield b"\n#%d\n%s" % (len(piece), piece)
    yield b"\n##\n"

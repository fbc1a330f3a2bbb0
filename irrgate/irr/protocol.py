"""The IRRd query protocol: what the embedded server and the client both know about the wire.

A query is a line that begins with `!`. An answer is `A<n>`, n bytes of data (its final newline
counted) and `C`; or `C` alone (done, nothing to say); `D` (no such object, or nothing in it);
`F <message>` (an error). Answers come in the order of the queries, which a client may send
without waiting (bgpq4 does). What shapes this module, all measured with bgpq4 1.9:

- it reads the answers to `!n`, `!a` and `!s` with one read() each, and the whole answer to
  `!s-lc` with one read() of 256 bytes: an answer must never be sent in pieces without need;
- it asks `!a` with no name, and uses `!a4` and `!a6` only when the answer is exactly
  `F Missing required set name for A query`;
- it trusts `<n>`: a length shorter than the data gives a truncated list and exit code 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DEFAULT_PORT: Final = 43

MAX_QUERY_BYTES: Final = 2048
"""bgpq4 never sends more than 255 bytes; a `!j` with every source that exists fits."""

NO_DATA: Final = b"C\n"
NOT_FOUND: Final = b"D\n"

MISSING_A_NAME: Final = b"F Missing required set name for A query\n"
"""Exactly these words turn bgpq4's use of `!a4` and `!a6` on."""


@dataclass(frozen=True, slots=True)
class Query:
    """One query: the letter after the `!`, and what follows it; `command` is empty for junk."""

    command: str
    argument: str


def parse_query(line: bytes) -> Query:
    """Split a line (without its newline) into command and argument.

    A line that is no query, or that holds anything but printable ASCII, has the empty command,
    so that there is one place which answers it with an error.
    """
    if line[:1] != b"!" or len(line) < 2 or not line.isascii():
        return Query("", "")
    text = line.decode("ascii").rstrip()
    if not text.isprintable():
        return Query("", "")
    return Query(text[1:2], text[2:].strip())


def answer(data: bytes) -> bytes:
    """Frame `data` (no final newline), or say that there is none."""
    if not data:
        return NOT_FOUND
    return b"A%d\n%b\nC\n" % (len(data) + 1, data)


def error(message: str) -> bytes:
    """Frame an error; the message is cut and made one printable line, since it may quote input."""
    shown = "".join(c if c.isprintable() and c.isascii() else "?" for c in message[:400])
    return f"F {shown}\n".encode("ascii")

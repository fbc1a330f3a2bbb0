"""Reads RPSL dumps (RFC 2622, section 2) as a stream: big chunks, whole objects, in bytes.

A dump is a list of objects with blank lines between them; an object is a list of attributes, the
first of which names its class. A value goes on in lines that begin with a space, a tab or a `+`;
`#` begins a comment anywhere, `%` a remark at the beginning of a line. A line of white space is
a blank line (that is why `+` exists). Registries write latin-1 or UTF-8 into descriptions, so
nothing here decodes more than the names and numbers that it needs.

1.65 million route objects are read one by one in Python, so the common shape of a route object
is matched by one regular expression (SIMPLE_ROUTE), and only the rest is taken apart line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

CHUNK_BYTES: Final = 1 << 20

MAX_OBJECT_BYTES: Final = 16 << 20
"""The largest as-sets of the public registries are about 1 MB; a dump that has no blank line at
all must not be read into memory whole."""

SIMPLE_ROUTE: Final = re.compile(
    rb"""
    \n*+ (?P<class>route6?) : [\ \t]*+ (?P<address>[0-9a-f.:]++) / (?P<length>[0-9]{1,3})
        [\ \t]*+ \n
    (?: (?!origin:|source:|member-of:|route6?:) [a-z][a-z0-9_-]*+ : [^\n]*+ \n
        (?: [\ \t+] [^\n]*+ \n )*+ )*+
    origin : [\ \t]*+ as (?P<origin>0|[1-9][0-9]{0,9}+) [\ \t]*+ \n
    (?: (?!origin:|source:|member-of:|route6?:) [a-z][a-z0-9_-]*+ : [^\n]*+ \n
        (?: [\ \t+] [^\n]*+ \n )*+ )*+
    source : [\ \t]*+ (?P<source>[a-z][a-z0-9_-]*+) [\ \t]*+ \n
    (?: (?!origin:|source:|member-of:|route6?:) [a-z][a-z0-9_-]*+ : [^\n]*+ \n
        (?: [\ \t+] [^\n]*+ \n )*+ )*+
    \n
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""A route object of one prefix, one origin and one source, with no comment in these, no
`member-of` and nothing odd; up to the blank line after it. What does not match is not wrong, it
takes the long way."""

_BLANK_LINE = re.compile(rb"\n[ \t]+(?=\n)")
_CLASS_NAME = re.compile(rb"([A-Za-z][A-Za-z0-9-]{0,63}):")
_ATTRIBUTE = re.compile(rb"(\*?[A-Za-z0-9][A-Za-z0-9_*-]*):(.*)")
_BOM = b"\xef\xbb\xbf"


class BrokenObject(Exception):  # noqa: N818 - it is caught where it is thrown into a Problem
    """An object that cannot be read: the reason, and its line counted from the object's first."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole objects, each followed by an empty line; `first_line` counts from 1."""

    text: bytes
    first_line: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: name in lower case, value without comments, line within the object.

    A value of several lines has newlines between them: in a list these are as good as commas.
    """

    name: str
    value: bytes
    line: int


def read_chunks(stream: BinaryIO) -> Iterator[Chunk]:
    """Yield the dump in chunks of whole objects, line ends made LF, blank lines made empty.

    Raises BrokenObject (its line counted from the dump's first) for an "object" larger than
    MAX_OBJECT_BYTES: what has no blank lines is no dump.
    """
    unfinished = partial_line = b""
    line = 1
    data = stream.read(CHUNK_BYTES).removeprefix(_BOM)
    while data:
        data = partial_line + data
        end = data.rfind(b"\n") + 1
        partial_line = data[end:]
        text = _normalise(unfinished + data[:end])
        cut = text.rfind(b"\n\n") + 2
        if cut >= 2:
            yield Chunk(text[:cut], line)
            line += text.count(b"\n", 0, cut)
            text = text[cut:]
        unfinished = text
        if len(unfinished) + len(partial_line) > MAX_OBJECT_BYTES:
            raise BrokenObject(f"no blank line within {MAX_OBJECT_BYTES} bytes", line - 1)
        data = stream.read(CHUNK_BYTES)
    yield Chunk(_normalise(unfinished + partial_line + b"\n\n"), line)


def _normalise(text: bytes) -> bytes:
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    if b" \n" in text or b"\t\n" in text:
        text = _BLANK_LINE.sub(b"\n", b"\n" + text)[1:]
    return text


def class_of(paragraph: bytes) -> str:
    """Return the class of an object (lower case), or "" for remarks and comments alone.

    Raises BrokenObject where the first line that counts is no attribute.
    """
    match = _CLASS_NAME.match(paragraph)
    if match is None:
        for number, line in enumerate(paragraph.split(b"\n")):
            if line and line[:1] not in b"#%":
                match = _CLASS_NAME.match(line)
                if match is None:
                    raise BrokenObject("the object does not begin with its class", number)
                break
        else:
            return ""
    return match[1].decode("ascii").lower()


def attributes_of(paragraph: bytes) -> list[Attribute]:
    """Take an object apart; raises BrokenObject at a line that is no attribute."""
    found: list[tuple[str, list[bytes], int]] = []
    for number, line in enumerate(paragraph.split(b"\n")):
        first = line[:1]
        if not line or first in b"#%":
            continue
        if first in b" \t+":
            if not found:
                raise BrokenObject("a continuation line with nothing before it", number)
            found[-1][1].append(_without_comment(line[1:]))
            continue
        match = _ATTRIBUTE.fullmatch(line)
        if match is None:
            raise BrokenObject("a line that is no attribute (name: value)", number)
        # `*xx...` are a registry's notes about an object that it could not convert.
        name = match[1].decode("ascii").lower()
        found.append((name, [_without_comment(match[2])], number))
    return [
        Attribute(name, b"\n".join(parts).strip(), number)
        for name, parts, number in found
        if not name.startswith("*")
    ]


def _without_comment(value: bytes) -> bytes:
    return value.partition(b"#")[0].strip()

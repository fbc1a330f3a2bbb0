"""YAML files as plain values that remember their lines.

ruamel.yaml decides what is YAML, since Nornir will read the inventory with it; but it needs 5 s
for 2,000 peers and 500 routers, where libyaml needs 0.3 s. So libyaml's parser is tried first
where it is there (NAPALM brings it), and whatever it refuses, ruamel.yaml has the last word on.
Only their events are used: no tag is resolved and no object is constructed by either.

The one meaning of a plain scalar is YAML 1.2's, as in Nornir: `no` is text. What YAML's versions
read differently (012, 1_000, 0x10) becomes `Unclear`, which no field takes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import ruamel.yaml
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import implicit_resolvers

from irrgate.workspace.complaints import Complaint
from irrgate.workspace.syntax import syntax_in_words

try:
    # No stubs in our lock file, and none needed: its events are read by their names.
    import yaml as libyaml  # type: ignore[import-untyped]
    from yaml.cyaml import CParser  # type: ignore[import-untyped]
except ImportError:  # a NAPALM without libyaml: slower, otherwise the same
    CParser = None

__all__ = ["BrokenFileError", "CParser", "Document", "Unclear", "parse_document", "read_document"]

MAX_DEPTH: Final = 100
MAX_REPEATED: Final = 1_000_000
"""values that aliases may add to a file: enough for an inventory, and an end to a YAML bomb"""

_READ_DIFFERENTLY: Final = re.compile(
    "[\t\x85\u2028\u2029\ufeff]|\r(?!\n)|(?:\\A|[\\s\\[{,:?-])[|>&*!]"
)
"""where libyaml may take what ruamel.yaml, and so Nornir, refuses or reads otherwise (found by
comparing them on random files): tabs, odd line ends, block scalars, anchors, aliases, tags"""

Path_ = tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Unclear:
    """A scalar without quotes that YAML 1.1 and 1.2 read as different things, or as no text."""

    text: str


@dataclass(frozen=True, slots=True)
class Branch:
    """The lines of a list's items or a mapping's keys; a scalar's lines are plain integers."""

    line: int
    children: dict[Hashable, Marks] | list[Marks]


Marks = int | Branch


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and where."""

    file: str
    """relative to the workspace: inventory/peers.yaml"""
    value: Any
    marks: Marks

    def line(self, path: Path_) -> int:
        """Return the line of the key or item at `path`; steps that the file lacks are skipped."""
        here = self.marks
        line = here.line if isinstance(here, Branch) else here
        for step in path:
            children = here.children if isinstance(here, Branch) else {}
            if isinstance(children, list):
                if not isinstance(step, int) or step >= len(children):
                    continue
                here = children[step]
            elif step in children:
                here = children[step]
            else:
                continue
            line = here.line if isinstance(here, Branch) else here
        return line

    def complaint(self, path: Path_, reason: str, hint: str = "") -> Complaint:
        """Return a complaint about what stands at `path`."""
        return Complaint(self.file, self.line(path), reason, hint)


class BrokenFileError(Exception):
    """A file out of which no value can be had; holds the complaint."""

    def __init__(self, complaint: Complaint) -> None:
        super().__init__(complaint)
        self.complaint = complaint


def read_document(directory: Path, file: str, complaints: list[Complaint]) -> Document | None:
    """Read `directory/file`; None where it holds nothing but comments.

    Raises BrokenFileError when it cannot be read at all, and adds to `complaints` what else is
    wrong with it, such as duplicate keys (of which the first is kept).
    """
    try:
        data = (directory / file).read_bytes()
    except FileNotFoundError:
        raise BrokenFileError(
            Complaint(file, 0, "the file is missing", "irrgate init writes one to start from")
        ) from None
    except OSError as exc:
        raise BrokenFileError(Complaint(file, 0, f"cannot be read: {exc.strerror}")) from exc
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise BrokenFileError(
            Complaint(
                file,
                line,
                f"byte 0x{data[exc.start]:02X} is not UTF-8",
                "save the file in UTF-8",
            )
        ) from exc
    return parse_document(file, text, complaints)


def parse_document(file: str, text: str, complaints: list[Complaint]) -> Document | None:
    """Do as `read_document` with a file's text."""
    composer = _Composer(file, _events(file, text))
    document = composer.document()
    complaints.extend(composer.complaints)
    return document


def _events(file: str, text: str) -> list[Any]:
    if CParser is not None and not _READ_DIFFERENTLY.search(text):
        try:
            return list(libyaml.parse(text, Loader=CParser))
        except libyaml.YAMLError:
            pass
    try:
        return list(ruamel.yaml.YAML(typ="safe", pure=True).parse(io.StringIO(text)))
    except MarkedYAMLError as exc:
        line, reason, hint = syntax_in_words(exc)
        raise BrokenFileError(Complaint(file, line, reason, hint)) from exc
    except ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise BrokenFileError(
            Complaint(file, line, f"the character U+{int(exc.character):04X} cannot stand here")
        ) from exc
    except YAMLError as exc:
        raise BrokenFileError(Complaint(file, 0, f"is not YAML: {exc}")) from exc


@dataclass(slots=True)
class _Built:
    """A composed node: its value, its lines below it, and how many values it holds."""

    value: Any
    children: dict[Hashable, Marks] | list[Marks] | None = None
    size: int = 1

    def marks(self, line: int) -> Marks:
        return line if self.children is None else Branch(line, self.children)


@dataclass(slots=True)
class _Composer:
    """Turns parser events into plain values; libyaml's and ruamel.yaml's have the same names."""

    file: str
    events: Iterable[Any]
    complaints: list[Complaint] = field(default_factory=list)
    anchors: dict[str, _Built] = field(default_factory=dict)
    repeated: int = 0
    stream: Iterator[Any] = field(init=False)

    def document(self) -> Document | None:
        self.stream = iter(self.events)
        next(self.stream)
        start = next(self.stream)
        if _kind(start) == "StreamEnd":
            return None
        if start.version and tuple(start.version) != (1, 2):
            raise self.broken(start, "irrgate and Nornir read YAML 1.2; take the %YAML line out")
        event = next(self.stream)
        built = self.node(event, 0)
        next(self.stream)
        after = next(self.stream)
        if _kind(after) != "StreamEnd":
            raise self.broken(
                after, "a second document begins; a file holds one", "take the line --- out"
            )
        if built.value is None:
            return None
        return Document(self.file, built.value, built.marks(_line(event)))

    def node(self, event: Any, depth: int) -> _Built:
        kind = _kind(event)
        if kind == "Alias":
            return self.alias(event)
        if event.tag is not None:
            raise self.broken(
                event,
                f"the tag {event.tag!a} cannot be used: irrgate reads plain YAML",
                "write the value without it; quotes make it text",
            )
        if depth > MAX_DEPTH:
            raise self.broken(event, f"more than {MAX_DEPTH} levels of nesting")
        if kind == "Scalar":
            plain = event.implicit[0]
            built = _Built(resolve(event.value) if plain else event.value)
        elif kind == "SequenceStart":
            built = self.sequence(depth)
        else:
            built = self.mapping(depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = built
        return built

    def alias(self, event: Any) -> _Built:
        built = self.anchors.get(event.anchor)
        if built is None:
            raise self.broken(event, f"*{event.anchor} stands for nothing that is complete above")
        self.repeated += built.size
        if self.repeated > MAX_REPEATED:
            raise self.broken(event, f"aliases repeat more than {MAX_REPEATED:,} values")
        return built

    def sequence(self, depth: int) -> _Built:
        values: list[Any] = []
        lines: list[Marks] = []
        size = 1
        while _kind(event := next(self.stream)) != "SequenceEnd":
            item = self.node(event, depth + 1)
            values.append(item.value)
            lines.append(item.marks(_line(event)))
            size += item.size
        return _Built(values, lines, size)

    def mapping(self, depth: int) -> _Built:
        values: dict[Hashable, Any] = {}
        lines: dict[Hashable, Marks] = {}
        merged: list[tuple[Any, _Built]] = []
        size = 1
        while _kind(event := next(self.stream)) != "MappingEnd":
            key = self.key(event)
            is_merge = key == "<<" and _kind(event) == "Scalar" and event.implicit[0]
            value = self.node(next(self.stream), depth + 1)
            size += value.size
            if is_merge:
                merged.append((event, value))
            elif key in values:
                first = lines[key]
                self.complaints.append(
                    Complaint(
                        self.file,
                        _line(event),
                        f"the key {_key_text(key)} stands here again; it is on line "
                        f"{first.line if isinstance(first, Branch) else first} already",
                        "make them one",
                    )
                )
            else:
                values[key] = value.value
                lines[key] = value.marks(_line(event))
        for event, value in merged:
            self.merge(event, value, values, lines)
        return _Built(values, lines, size)

    def key(self, event: Any) -> Hashable:
        if _kind(event) in {"Scalar", "Alias"}:
            value = self.node(event, 0).value
            if isinstance(value, Hashable):
                return value
        raise self.broken(event, "a key must be one word, not a list or a mapping")

    def merge(
        self, event: Any, source: _Built, values: dict[Hashable, Any], lines: dict[Hashable, Marks]
    ) -> None:
        """Add the keys of `<<: *source` that the mapping lacks, the first of several first."""
        several = isinstance(source.value, list)
        for index, mapping in enumerate(source.value if several else [source.value]):
            if not isinstance(mapping, dict):
                raise self.broken(event, "<< takes a mapping, or a list of mappings")
            children = source.children
            if several:
                branch = source.children[index]  # type: ignore[index]
                children = branch.children if isinstance(branch, Branch) else None
            for key, value in mapping.items():
                if key not in values:
                    values[key] = value
                    lines[key] = children[key]  # type: ignore[index]

    def broken(self, event: Any, reason: str, hint: str = "") -> BrokenFileError:
        return BrokenFileError(Complaint(self.file, _line(event), reason, hint))


def _kind(event: Any) -> str:
    return type(event).__name__.removesuffix("Event")


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _key_text(key: Hashable) -> str:
    return ascii(key.text if isinstance(key, Unclear) else key).strip("'\"")


_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(
    r"[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+][0-9]+)?)"
)
_UNCLEAR: Final = tuple(
    regexp
    for versions, tag, regexp, _ in implicit_resolvers
    if (1, 2) in versions and tag.rpartition(":")[2] in {"int", "float", "timestamp", "value"}
)
"""what ruamel.yaml, and so Nornir, does not read as text"""


def resolve(text: str) -> object:
    """Return what a scalar without quotes means: nothing, a truth value, a number, or text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.=0123456789":
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return Unclear(text) if any(unclear.match(text) for unclear in _UNCLEAR) else text

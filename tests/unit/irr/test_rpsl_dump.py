"""Dumps as they come: broken up anywhere, in any style, with remarks and rubbish."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.irr import rpsl_dump
from irrgate.irr.collection import Collection, DumpCollector, Problem
from irrgate.irr.rpsl_dump import BrokenObject, Chunk, attributes_of, class_of, read_chunks

DUMP = (
    b"% a remark\r\n\r\n"
    b"route: 192.0.2.0/24\r\norigin: AS64500\r\nsource: TEST\r\n  \t \r\n"
    b"\r\n"
    b"as-set: AS-X\nmembers: AS64500,\n+ AS64501\n+\n\tAS64502\nsource: TEST\n \n"
    b"route6: 2001:db8::/32\norigin: AS64500\nsource: TEST"
)


class Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time, as a pipe may."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self._sizes = sizes
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002 - as a stream has it
        self._reads += 1
        return super().read(self._sizes[self._reads % len(self._sizes)])


def collected(dump: io.BytesIO) -> tuple[Collection, list[Problem]]:
    collection, problems = Collection(), list[Problem]()
    collector = DumpCollector(collection, "dump", problems.append)
    for chunk in read_chunks(dump):
        collector.read(chunk)
    return collection, problems


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_it_does_not_matter_where_a_read_ends(sizes: list[int]) -> None:
    whole, problems = collected(io.BytesIO(DUMP))
    assert len(whole.routes) == 2
    assert whole.sets["AS-X", "TEST"].asns == (64500, 64501, 64502)
    assert not problems
    assert collected(Dribble(DUMP, sizes)) == (whole, problems)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_lines_are_counted_from_the_beginning_of_the_dump(sizes: list[int]) -> None:
    dump = DUMP + b"\n\nroute: 192.0.2.1/24\norigin: AS1\nsource: TEST\n\n# note\nnonsense\n"
    _, problems = collected(Dribble(dump, sizes))
    assert [(p.line, p.reason) for p in problems] == [
        (19, "192.0.2.1/24 has host bits set"),
        (24, "the object does not begin with its class"),
    ]


def test_what_has_no_blank_line_is_no_dump(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpsl_dump, "MAX_OBJECT_BYTES", 1000)
    for text in (b"descr: x\n" * 500, b"x" * 5000):
        with pytest.raises(BrokenObject, match="no blank line within 1000 bytes"):
            list(read_chunks(Dribble(text, [100])))


def test_a_byte_order_mark_is_no_part_of_the_first_class() -> None:
    assert next(read_chunks(io.BytesIO(b"\xef\xbb\xbfroute: x\n"))) == Chunk(b"route: x\n\n\n", 1)


def test_attributes_lose_comments_and_keep_continuations() -> None:
    text = (
        b"as-set:  AS-X # the name\n"
        b"# a whole line\n"
        b"% a remark\n"
        b"Members: AS1, # one\n"
        b"         AS2 # two\n"
        b"+        AS3\n"
        b"+\n"
        b"*xx-notes: not ours\n"
        b" nor this\n"
        b"source:\tTEST # really\n\n"
    )
    assert [(a.name, a.value, a.line) for a in attributes_of(text)] == [
        ("as-set", b"AS-X", 0),
        ("members", b"AS1,\nAS2\nAS3", 3),
        ("source", b"TEST", 9),
    ]


def test_a_line_that_is_no_attribute_is_named() -> None:
    with pytest.raises(BrokenObject, match="no attribute") as told:
        attributes_of(b"as-set: AS-X\nmembers AS1\n\n")
    assert told.value.line == 1


def test_the_class_is_the_first_attribute() -> None:
    assert class_of(b"% remark\n# comment\nRoute6: x\n\n") == "route6"
    assert class_of(b"% remark\n# comment\n\n") == ""
    with pytest.raises(BrokenObject, match="class") as told:
        class_of(b"% remark\n AS1\n\n")
    assert told.value.line == 1


SPACES = st.sampled_from(["", " ", "      ", "\t"])
NOISE = st.sampled_from(
    [
        "",
        "descr: caf\xe9 # x\n",
        "descr: a\n b\n+ c\n",
        "mnt-by: M\n",
        "remarks:\n",
        "admin-c:x:y\n",
    ]
)
PREFIXES = st.sampled_from(
    ["192.0.2.0/24", "192.0.2.1/24", "192.0.2.0/33", "192.0.2/24", "2001:DB8::/32", "::/0", "1.1.1"]
)
ORIGINS = st.sampled_from(["AS64500", "as64500", "AS0", "AS064500", "AS4294967296", "64500", "AS"])


@st.composite
def route_objects(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(["route", "route6", "Route"]))
    parts = [
        f"origin:{draw(SPACES)}{draw(ORIGINS)}{draw(SPACES)}\n",
        f"source:{draw(SPACES)}{draw(st.sampled_from(['TEST', 'test', '']))}\n",
        draw(st.sampled_from(["", "origin: AS64501\n", "source: OTHER\n", "member-of: RS-X\n"])),
    ]
    body = "".join(part + draw(NOISE) for part in draw(st.permutations(parts)))
    return f"{name}:{draw(SPACES)}{draw(PREFIXES)}{draw(SPACES)}\n{draw(NOISE)}{body}\n"


@given(st.lists(route_objects(), min_size=1, max_size=4))
def test_the_short_way_and_the_long_way_read_the_same(objects: list[str]) -> None:
    """A comment line means nothing, but keeps an object from the regular expression."""
    # The short way is for sources that are known already.
    objects = ["route: 10.0.0.0/8\norigin: AS1\nsource: TEST\n\n", *objects]
    short, told = collected(io.BytesIO("".join(objects).encode("latin-1")))
    commented = "".join(text[:-1] + "# c\n\n" for text in objects)
    long, told_too = collected(io.BytesIO(commented.encode("latin-1")))
    assert (short.routes, short.sources, short.route_references) == (
        long.routes,
        long.sources,
        long.route_references,
    )
    assert [problem.reason for problem in told] == [problem.reason for problem in told_too]

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import ruamel.yaml
from hypothesis import example, given
from hypothesis import strategies as st

from irrgate.workspace import documents
from irrgate.workspace.complaints import Complaint
from irrgate.workspace.documents import (
    BrokenFileError,
    Unclear,
    parse_document,
    read_document,
    resolve,
)


def nornirs() -> ruamel.yaml.YAML:
    """Return the reader that Nornir uses; a new one, since an error leaves it unusable."""
    return ruamel.yaml.YAML(typ="safe", pure=True)


@pytest.fixture(params=["libyaml", "ruamel.yaml"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every test with both parsers: libyaml is not everywhere."""
    if request.param == "ruamel.yaml":
        monkeypatch.setattr(documents, "CParser", None)
    else:
        assert documents.CParser is not None
    return str(request.param)


def value(text: str) -> Any:
    complaints: list[Complaint] = []
    document = parse_document("x.yaml", text, complaints)
    assert not complaints
    return document and document.value


def broken(text: str) -> Complaint:
    with pytest.raises(BrokenFileError) as caught:
        parse_document("x.yaml", text, [])
    return caught.value.complaint


@pytest.mark.parametrize(
    "text",
    [
        "a: {peer: AS1, address: 2001:db8::2}",
        "a: {address: 2001:db8::}",
        "a: [2001:db8::/32, ::/0, ::1]",
        "a: [no, yes, on, off, No, y]",
        "a: [true, False, ~, null, '', \"\", 'no']",
        "a: [1, -1, 0, 1.5, 1e3, 64500]",
        "a: 1:20",
        "a: |\n  one\n  two\n",
        "a: >-\n  one\n  two\n",
        "b: &x {c: 1}\na:\n  <<: *x\n  d: 2\n",
        "b: &x {c: 1, d: 1}\na:\n  c: 0\n  <<: *x\n",
        "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\n",
        "a: &a [1, 2]\nb: *a\n",
        "'<<': 1",
        "\ufeffa: 1",
        "---\na: 1\n...\n",
        "? a\n: b\n",
        "a:\n- 1\n- 2\n",
        "{a: 1, b: [x, {y: z}]}",
    ],
)
def test_a_file_means_to_us_what_it_means_to_nornir(text: str) -> None:
    assert value(text) == nornirs().load(text)


SCALARS = st.one_of(
    st.integers(), st.booleans(), st.none(), st.text(max_size=20), st.floats(allow_nan=False)
)
PLAIN = st.recursive(
    SCALARS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below),
    max_leaves=20,
)


@given(PLAIN)
def test_whatever_is_written_means_to_us_what_it_means_to_nornir(written: Any) -> None:
    stream = io.StringIO()
    nornirs().dump({"a": written}, stream)
    try:
        expected = nornirs().load(stream.getvalue())
    except ruamel.yaml.error.YAMLError:  # it writes {:0: null}, which it cannot read
        broken(stream.getvalue())
        return
    read = value(stream.getvalue())

    def clear(each: Any) -> Any:
        """Take Unclear for the number that it may be: a field would refuse it."""
        if isinstance(each, Unclear):
            return nornirs().load(each.text)
        if isinstance(each, list):
            return [clear(below) for below in each]
        if isinstance(each, dict):
            return {key: clear(below) for key, below in each.items()}
        return each

    assert clear(read) == expected


RESOLVER = ruamel.yaml.resolver.VersionedResolver(loader=nornirs())


@given(st.text(alphabet="0123456789+-._:eExobT infa~=", max_size=12))
@example("=")
@example("._")
def test_no_plain_scalar_is_read_otherwise_than_nornir_reads_it(text: str) -> None:
    """It is the same, or Unclear, which no field takes."""
    ours = resolve(text)
    tag = str(RESOLVER.resolve(ruamel.yaml.nodes.ScalarNode, text, (True, False)))
    kind = tag.rpartition(":")[2]
    if isinstance(ours, Unclear):
        return
    expected = {"int": int, "float": float, "null": type(None), "bool": bool}.get(kind, str)
    assert type(ours) is expected


@pytest.mark.parametrize(
    "text", ["012", "1_000", "0x10", "0o17", "0b1", ".inf", "1e999", "2024-01-31", "9" * 5000]
)
def test_what_yaml_versions_read_differently_is_unclear(text: str) -> None:
    assert value(f"a: {text}") == {"a": Unclear(text)}
    assert value(f"a: '{text}'") == {"a": text}


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "~\n"])
def test_a_file_without_a_value(text: str) -> None:
    assert value(text) is None


def test_lines_are_those_of_keys_and_items() -> None:
    text = "# c\na:\n  b: |\n    x\n    y\n  c:\n    - 1\n    - {d: 2,\n       e: 3}\n"
    document = parse_document("x.yaml", text, [])
    assert document is not None
    lines = {
        (): 2,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 6,
        ("a", "c", 0): 7,
        ("a", "c", 1): 8,
        ("a", "c", 1, "d"): 8,
        ("a", "c", 1, "e"): 9,
    }
    assert {path: document.line(path) for path in lines} == lines
    assert document.line(("a", "missing")) == 2
    assert document.line(("a", "c", 7)) == 6


def test_lines_of_what_an_anchor_brings_are_where_it_was_written() -> None:
    text = "a: &a\n  x: 1\nb: *a\nc:\n  <<: *a\n  y: 2\nd:\n  <<: [{w: 0}, *a]\n"
    document = parse_document("x.yaml", text, [])
    assert document is not None
    assert document.line(("b",)) == 3
    assert document.line(("b", "x")) == 2
    assert document.line(("c", "x")) == 2
    assert document.line(("c", "y")) == 6
    assert document.line(("d", "w")) == 8
    assert document.line(("d", "x")) == 2


def test_a_duplicate_key_names_both_lines_and_the_rest_is_still_read() -> None:
    complaints: list[Complaint] = []
    document = parse_document("x.yaml", "a: 1\nb:\n  c: 1\n  c: 2\na:\n  d: 3\n", complaints)
    assert document is not None
    assert document.value == {"a": 1, "b": {"c": 1}}
    assert [(each.line, each.reason) for each in complaints] == [
        (4, "the key c stands here again; it is on line 3 already"),
        (5, "the key a stands here again; it is on line 1 already"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 2001:db8::", 1, 'column 13: a ":" stands where no key can be'),
        ("AS1:\n  a: 1\n   b: 2\n", 3, 'column 5: a ":" stands where no key can be'),
        ("a:\n\tb: 1", 2, "a tab: YAML is indented with spaces"),
        ("a:\tb", 1, "a tab: YAML is indented with spaces"),
        ("a: [1,\n  2\nb: 3\n", 3, "opened on line 1 lacks its ]"),
        ("a: {x: 1\nb: 2\n", 2, "opened on line 1 lacks its }"),
        ("a: 1\nb: 'x\nc: 2\n", 4, "the quote opened on line 2 is never closed"),
        ("a: @x", 1, "a value cannot begin with '@'"),
        ("a:\n  - 1\n b: 2\n", 3, "the indentation does not fit"),
        ('a: "\\q"', 1, "\\'q' means nothing in double quotes"),
        ("a: 1\nb: \x01", 2, "U+0001"),
        ("a: *x", 1, "*x stands for nothing"),
        ("a: &x [*x]", 1, "*x stands for nothing"),
        ("a: 1\nb: !foo 1", 2, "the tag '!foo'"),
        ("a: !!python/object/apply:os.system [true]", 1, "python/object/apply:os.system"),
        ("a: !!str 1", 1, "tag:yaml.org,2002:str"),
        ("? [a, b]\n: c", 1, "a key must be one word"),
        ("a: &a [1]\n*a : 2", 2, "a key must be one word"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: {<<: 3}", 1, "<< takes a mapping"),
        ("a: {<<: [{b: 1}, 3]}", 1, "<< takes a mapping"),
        ("[" * 102 + "]" * 102, 1, "more than 100 levels"),
        ("{a: " * 5000 + "1" + "}" * 5000, 1, "more than 100 levels"),
    ],
)
def test_a_syntax_error_says_in_words_what_and_where(text: str, line: int, words: str) -> None:
    complaint = broken(text)
    assert words in complaint.reason
    assert complaint.line == line
    assert complaint.reason.isprintable()
    assert "<stream" not in complaint.reason


def test_another_version_of_yaml_is_refused() -> None:
    assert "YAML 1.2" in broken("%YAML 1.1\n---\na: no\n").reason
    assert value("%YAML 1.2\n---\na: no\n") == {"a": "no"}


def test_a_yaml_bomb_ends_early() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases repeat more than 1,000,000 values" in broken("\n".join(lines)).reason


@given(st.text(alphabet="ab:-[]{},'\"#&*!|>%@`\n\t ?<~0", max_size=60))
def test_any_text_is_a_value_or_a_complaint(text: str) -> None:
    try:
        document = parse_document("x.yaml", text, [])
        complaint = None if document is None else document.complaint((), "")
    except BrokenFileError as exc:
        complaint = exc.complaint
    assert complaint is None or (complaint.reason.isprintable() and complaint.line >= 0)


def test_bytes_that_are_not_utf_8_name_their_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"a: 1\nb: ma\xf1ana\n")
    with pytest.raises(BrokenFileError) as caught:
        read_document(tmp_path, "x.yaml", [])
    assert caught.value.complaint == Complaint(
        "x.yaml", 2, "byte 0xF1 is not UTF-8", "save the file in UTF-8"
    )


def test_libyaml_and_ruamel_agree_whatever_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """What both take means the same; what libyaml refuses, ruamel.yaml has decided."""

    @given(
        st.text(
            alphabet="ab:-[]{},'\"#&*|>\n ?<~0.\\\t\x7f\x85\xa0\u2028\ufeff\U0001f600", max_size=60
        )
    )
    @example("a: |#")
    @example("a: &b? c")
    @example("&a: 1")
    @example("a: |\n \n   b")
    @example("a:\tb")
    @example("a: 'b\x85c'")
    @example("*a:\r")
    def check(text: str) -> None:
        results: list[Any] = []
        for available in (documents.CParser, None):
            with monkeypatch.context() as patch:
                patch.setattr(documents, "CParser", available)
                try:
                    document = parse_document("x.yaml", text, [])
                    results.append(document and (document.value, document.marks))
                except BrokenFileError as exc:
                    results.append(exc.complaint.reason)
        assert results[0] == results[1]

    check()

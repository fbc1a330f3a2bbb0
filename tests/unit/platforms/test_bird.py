"""BIRD's prefix sets, irrgate's own file on a router with BIRD, and the files around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError
from irrgate.platforms import find_platform
from irrgate.platforms.bird_file import (
    merged,
    message_of,
    read_candidate,
    read_own,
    write_own,
)
from irrgate.platforms.daemon_files import DaemonFile, DaemonFiles, join_files, split_files
from irrgate.platforms.platform import ManagedList
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import NAMES, WANTED, BirdRouter, candidate

V4, V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
BIRD = find_platform("bird")


def block(body: str, name: str = V4, family: str = "ipv4") -> str:
    return f"define '{name}' = [ # {family}\n{body}];\n"


def held(body: str) -> ManagedList:
    return BIRD.parse_candidate(block(body), WANTED).lists[V4]


# A set


@pytest.mark.parametrize(
    ("body", "accepted", "plain"),
    [
        ("    10.0.0.0/8\n", "10.0.0.0/8", True),
        ("    10.0.0.0/8{8,24}\n", "10.0.0.0/8 le 24", True),
        ("    10.0.0.0/8{24,24}\n", "10.0.0.0/8 ge 24 le 24", True),
        ("    0.0.0.0/0{0,32}\n", "0.0.0.0/0 le 32", True),
        ("\t10.0.0.0/8 ,\n  11.0.0.0/9\n\n", "10.0.0.0/8, 11.0.0.0/9", True),
        ("    11.0.0.0/9,\n    10.0.0.0/8\n", "10.0.0.0/8, 11.0.0.0/9", True),
        ("    10.0.0.0/8, # ours\n    11.0.0.0/9\n", "10.0.0.0/8, 11.0.0.0/9", True),
        ("    10.0.0.0/8{8,8}\n", "10.0.0.0/8", True),
        ("    10.0.0.0/9,\n    10.128.0.0/9\n", "10.0.0.0/8 ge 9 le 9", False),
        ("    10.0.0.0/8,\n    10.0.0.0/8\n", "10.0.0.0/8", False),
        ("    # no prefix: nothing is accepted\n", "", True),
        ("", "", True),
    ],
)
def test_what_a_set_accepts(body: str, accepted: str, plain: bool) -> None:
    found = held(body)
    assert str(found.prefixes) == accepted
    assert found.plain is plain


@pytest.mark.parametrize(
    "body",
    [
        "    10.0.0.0/33\n",
        "    10.0.0.1/8\n",
        "    10.0.0.0\n",
        "    2001:db8::/32\n",
        "    10.0.0.0/8+\n",
        "    10.0.0.0/8-\n",
        "    10.0.0.0/8{0,8}\n",
        "    10.0.0.0/8{24,16}\n",
        "    10.0.0.0/8{8,33}\n",
        "    10.0.0.0/8{8}\n",
        "    10.0.0.0/8{8,24\n",
        "    10.0.0.0/8;\n",
        "    CORE\n",
    ],
)
def test_an_entry_that_irrgate_would_not_write_is_none(body: str) -> None:
    with pytest.raises(ParseError, match=V4):
        held(body)


@pytest.mark.parametrize(
    "text",
    [
        "protocol bgp { }\n",
        block("    10.0.0.0/8\n") + 'include "x";\n',
        block("    10.0.0.0/8\n") + "# a comment\n",
        block("    10.0.0.0/8\n") + block("    10.0.0.0/8\n"),
        block("    10.0.0.0/8\n") + f"# remove '{V4}' # ipv4\n",
        block("    10.0.0.0/8\n").replace("];", "]"),
        block("    10.0.0.0/8\n").replace("# ipv4", "# ipv5"),
        block("    10.0.0.0/8\n")[:-4],
        "define 'IRRGATE-CONTENT' = \"00\";\n",
    ],
)
def test_a_candidate_holds_filters_and_nothing_else(text: str) -> None:
    with pytest.raises(ParseError):
        BIRD.parse_candidate(text, WANTED, {V4: Afi.IPV4})


def test_a_filter_of_the_other_family_is_a_stranger() -> None:
    found = BIRD.parse_candidate(block("    10.0.0.0/8\n", V6), WANTED)
    assert [(each.name, each.afi) for each in found.strangers] == [(V6, Afi.IPV4)]
    router = BirdRouter()
    router.load(block("    10.0.0.0/8\n", V6))
    (stranger,) = BIRD.parse(router.running(), WANTED, "IRR-").strangers
    assert (stranger.name, stranger.afi, stranger.removable) == (V6, Afi.IPV4, False)


# irrgate's own file


def own(*names: str, message: str = "") -> str:
    text = "".join(candidate("bird", {name: prefixes("10.0.0.0/8")}) for name in names)
    return write_own(read_candidate(text).blocks, message)


def test_a_file_is_read_as_it_was_written() -> None:
    found = read_own(own("IRR-B", "IRR-A"))
    assert list(found.blocks) == ["IRR-A", "IRR-B"]
    assert found.intact
    assert write_own(found.blocks) == own("IRR-A", "IRR-B")
    assert read_own("").blocks == {}
    assert read_own("").digest == ""


def test_the_digest_is_of_the_filters_alone() -> None:
    assert read_own(own("IRR-A", message="x")).digest == read_own(own("IRR-A")).digest
    assert read_own(own("IRR-A")).digest != read_own(own("IRR-B")).digest
    assert read_own(own("IRR-A")).digest != read_own(own()).digest != ""


@given(st.text())
def test_a_message_is_one_line_that_opens_nothing(message: str) -> None:
    text = own("IRR-A", message=message)
    assert len(text.split("\n")) == len(own("IRR-A").split("\n"))
    told = message_of(text)
    assert told.isprintable()
    assert len(told) <= 200
    assert read_own(text).intact


def test_a_file_that_was_cut_off_anywhere_is_not_read() -> None:
    text = own("IRR-A", "IRR-B")
    header = text.index("define")
    for end in range(header + 1, len(text) - 1):
        with pytest.raises(ParseError):
            read_own(text[:end])


def test_a_filter_that_was_changed_by_hand_is_seen() -> None:
    router = BirdRouter()
    router.load(candidate("bird", {V4: prefixes("10.0.0.0/8"), V6: PrefixSet.empty(Afi.IPV6)}))
    running = router.running()
    lists = BIRD.parse(running, WANTED, "IRR-").lists
    assert all(each.plain for each in lists.values())
    changed = BIRD.parse(running.replace("10.0.0.0/8", "11.0.0.0/8"), WANTED, "IRR-").lists
    assert str(changed[V4].prefixes) == "11.0.0.0/8"
    assert not any(each.plain for each in changed.values())


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "define X = 1;\n",
        lambda text: text.replace("define 'IRRGATE", "define X = 1;\ndefine 'IRRGATE"),
        lambda text: text.replace("define 'IRR-A'", "include \"x\";\ndefine 'IRR-A'"),
        lambda text: text + text,
        lambda text: text.replace("IRRGATE-CONTENT", "IRRGATE"),
    ],
)
def test_what_irrgate_has_not_written_has_no_place_there(change: object) -> None:
    assert callable(change)
    with pytest.raises(ParseError):
        read_own(change(own("IRR-A")))


def test_a_candidate_changes_what_it_names() -> None:
    before = read_own(own("IRR-A", "IRR-B", "IRR-C"))
    text = candidate("bird", {"IRR-B": prefixes("11.0.0.0/8"), "IRR-D": prefixes("12.0.0.0/8")})
    after = merged(before, read_candidate(text + "# remove 'IRR-C' # ipv4\n"))
    assert sorted(after) == ["IRR-A", "IRR-B", "IRR-D"]
    assert after["IRR-A"] == before.blocks["IRR-A"]
    assert "11.0.0.0/8" in after["IRR-B"].body


# The files as one text

FILES = st.lists(st.tuples(st.text("ab/.", min_size=1), st.text()), max_size=4)


@given(st.text(), FILES)
def test_files_that_are_joined_come_apart_again(text: str, others: list[tuple[str, str]]) -> None:
    files = DaemonFiles(DaemonFile("/own", text), tuple(DaemonFile(*each) for each in others))
    joined = join_files(files)
    assert split_files(joined) == files
    for end in {len(joined) // 3, len(joined) // 2, len(joined) - 2}:
        with pytest.raises(ParseError, match="cut off"):
            split_files(joined[:end])


def test_a_file_that_looks_like_the_frame_is_none() -> None:
    inner = join_files(DaemonFiles(DaemonFile("/own", "x\n"), ()))
    files = DaemonFiles(DaemonFile("/own", inner), (DaemonFile("/user", inner),))
    assert split_files(join_files(files)) == files


@pytest.mark.parametrize("text", ["", "\n", "define X = 1;\n", "# irrgate: end of 1 files\n"])
def test_what_is_not_the_drivers_text_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="cut off"):
        BIRD.parse(text, WANTED, "IRR-")

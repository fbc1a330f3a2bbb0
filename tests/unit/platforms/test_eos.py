"""EOS: numbers that stay, forms that a router prints, edits by hand, texts that are cut off."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.platforms.routers import (
    UNIVERSES,
    WANTED,
    EosRouter,
    candidate,
    read,
    read_candidate,
)

EOS = PLATFORMS["eos"]
NAME = "IRR-AS64500-V4"
NAME_V6 = "IRR-AS64500-V6"
FOUR = UNIVERSES[Afi.IPV4]


def config(*lines: str) -> str:
    """Return a running config that ends as EOS ends it."""
    return "\n".join(("! Command: show running-config", "!", "hostname edge1", "!", *lines)) + (
        "\n!\nend\n"
    )


def block(*entries: str, name: str = NAME, keyword: str = "ip") -> str:
    return config(f"{keyword} prefix-list {name}", *(f"   {entry}" for entry in entries))


def parse(running: str) -> RunningFilters:
    return EOS.parse(running, WANTED, "IRR-")


def strangers(found: RunningFilters) -> list[str]:
    return [stranger.name for stranger in found.strangers]


def only(running: str, name: str = NAME) -> ManagedList:
    (held,) = parse(running).lists.values()
    assert held.name == name
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


def every_other(count: int) -> list[str]:
    """Return prefixes that do not aggregate."""
    return [f"10.{index >> 7}.{(index & 127) << 1}.0/24" for index in range(count)]


def held_after(texts: Iterable[str], router: EosRouter | None = None) -> tuple[EosRouter, str]:
    router = router or EosRouter()
    running = read("eos", router.running()).get(NAME)
    text = candidate("eos", {NAME: four(*texts)}, running)
    router.load(text)
    return router, text


# Sequence numbers


def test_one_prefix_in_and_one_out_of_a_thousand_change_two_lines() -> None:
    texts = every_other(1000)
    router, before = held_after(texts)
    gone, new = texts[500], "172.16.0.0/24"
    _, after = held_after([*(text for text in texts if text != gone), new], router)
    changed = [
        line
        for line in difflib.unified_diff(before.split("\n"), after.split("\n"), n=0, lineterm="")
        if line[0] in "+-" and line[:3] not in {"+++", "---"}
    ]
    assert changed == [f"-   seq 5010 permit {gone}", f"+   seq 10010 permit {new}"]


@given(st.lists(st.sets(st.sampled_from(every_other(30)), min_size=1), min_size=2, max_size=6))
def test_an_entry_that_stays_keeps_its_number(versions: list[set[str]]) -> None:
    router = EosRouter()
    before: dict[str, int] = {}
    for texts in versions:
        router, _ = held_after(sorted(texts), router)
        held = read("eos", router.running())[NAME]
        after = {
            str(PrefixSet.from_entries(Afi.IPV4, [entry])): number
            for entry, number in held.sequences.items()
        }
        assert after.keys() == texts
        assert len(set(after.values())) == len(texts)
        for text in texts & before.keys():
            assert after[text] == before[text]
        before = after


def test_a_new_list_leaves_room_between_its_numbers() -> None:
    _, text = held_after(every_other(3))
    numbers = [line.split()[1] for line in text.split("\n") if line.startswith("   seq")]
    assert numbers == ["10", "20", "30"]


@pytest.mark.parametrize(("count", "last"), [(6553, 65530), (6554, 6554)])
def test_numbers_stay_within_the_documented_ones(count: int, last: int) -> None:
    router, _ = held_after(every_other(count))
    assert max(read("eos", router.running())[NAME].sequences.values()) == last


def test_when_numbers_run_out_new_entries_take_the_gaps_and_the_others_stay() -> None:
    texts = every_other(6553)
    router, _ = held_after(texts)
    before = read("eos", router.running())[NAME].sequences
    router, _ = held_after([*texts[1:], "172.16.0.0/24", "172.16.2.0/24"], router)
    after = read("eos", router.running())[NAME].sequences
    assert {after[entry] for entry in after.keys() - before.keys()} == {1, 2}
    assert all(after[entry] == before[entry] for entry in after.keys() & before.keys())
    assert max(after.values()) <= 65535


def test_more_entries_than_documented_numbers_are_numbered_all_the_same() -> None:
    router, _ = held_after(every_other(32_768))  # 128 * 256, all that 10/8 has of these
    texts = [*every_other(32_768), *(f"172.{i >> 8}.{i & 255}.0/25" for i in range(33_000))]
    router, _ = held_after(texts, router)
    held = read("eos", router.running())[NAME]
    assert held.prefixes == four(*texts)
    assert max(held.sequences.values()) == len(texts)


def test_a_list_that_a_person_numbered_keeps_the_persons_numbers() -> None:
    router = EosRouter(block("seq 7 permit 10.0.0.0/24", "seq 4000000000 permit 10.0.2.0/24"))
    _, text = held_after(["10.0.0.0/24", "10.0.2.0/24", "10.0.4.0/24"], router)
    assert [line.strip() for line in text.split("\n") if line.startswith("   seq")] == [
        "seq 1 permit 10.0.4.0/24",
        "seq 7 permit 10.0.0.0/24",
        "seq 4000000000 permit 10.0.2.0/24",
    ]


# What a router prints


@pytest.mark.parametrize(
    ("qualifiers", "entry"),
    [
        ("", "10.0.0.0/8"),
        (" eq 24", "10.0.0.0/8 ge 24 le 24"),
        (" eq 8", "10.0.0.0/8"),
        (" ge 24", "10.0.0.0/8 ge 24 le 32"),
        (" ge 8", "10.0.0.0/8 le 32"),
        (" le 24", "10.0.0.0/8 le 24"),
        (" ge 16 le 24", "10.0.0.0/8 ge 16 le 24"),
    ],
)
def test_qualifiers(qualifiers: str, entry: str) -> None:
    held = only(block(f"seq 10 permit 10.0.0.0/8{qualifiers}"))
    assert held.prefixes == four(entry)
    assert held.plain


@pytest.mark.parametrize(
    "qualifiers",
    ["eq 33", "eq 7", "ge 7", "le 7", "le 33", "ge 24 le 16", "le 24 ge 16", "ge 9 ge 10",
     "eq 24 le 32", "ge", "lt 24", "ge 24 le", "ge x", "ge \N{ARABIC-INDIC DIGIT NINE}"],
)  # fmt: skip
def test_impossible_qualifiers_are_no_filter(qualifiers: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        parse(block(f"seq 10 permit 10.0.0.0/8 {qualifiers}"))


def test_the_older_form_with_the_name_on_every_line() -> None:
    lines = [
        f"ip prefix-list {NAME} seq 10 permit 10.0.0.0/24",
        f"ip prefix-list {NAME} seq 20 permit 10.0.2.0/23 ge 24 le 24",
        f"ipv6 prefix-list {NAME_V6} seq 10 permit 2001:db8::/32 le 48",
    ]
    found = parse(config(*lines)).lists
    assert found[NAME].prefixes == four("10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24")
    assert found[NAME].plain
    assert list(found[NAME].sequences.values()) == [10, 20]
    assert found[NAME_V6].prefixes == PrefixSet.parse(Afi.IPV6, ["2001:db8::/32 le 48"])


def test_both_families_have_their_own_lists_of_one_name() -> None:
    running = config(
        f"ip prefix-list {NAME}",
        "   seq 10 permit 10.0.0.0/24",
        "!",
        f"ipv6 prefix-list {NAME}",
        "   seq 10 permit 2001:db8::/32",
    )
    found = parse(running)
    assert found.lists[NAME].prefixes == four("10.0.0.0/24")
    assert strangers(found) == [NAME]


def test_a_list_of_the_wrong_family_is_not_the_filter() -> None:
    found = parse(block("seq 10 permit 2001:db8::/32", keyword="ipv6"))
    assert not found.lists
    assert strangers(found) == [NAME]


def test_line_ends_of_windows() -> None:
    running = block("seq 10 permit 10.0.0.0/24", "seq 20 permit 10.0.2.0/24 le 25")
    held = only(running.replace("\n", "\r\n"))
    assert held.prefixes == four("10.0.0.0/24", "10.0.2.0/24 le 25")
    assert held.plain


def test_white_space_at_line_ends_hides_no_list() -> None:
    running = block("seq 10 permit 10.0.0.0/24").replace(NAME, f"{NAME} ")
    assert only(running).prefixes == four("10.0.0.0/24")


def test_a_blank_line_in_a_list_does_not_end_it() -> None:
    running = block("seq 10 permit 10.0.0.0/24", "seq 20 permit 10.0.2.0/24")
    held = only(running.replace("   seq 20", "\n   seq 20"))
    assert held.prefixes == four("10.0.0.0/24", "10.0.2.0/24")


def test_a_config_without_lists() -> None:
    assert parse(config()) == RunningFilters({}, ())


def test_a_list_without_entries_denies_but_is_written_anew() -> None:
    held = only(block())
    assert not held.prefixes
    assert not held.plain


def test_the_deny_all_is_plain() -> None:
    assert only(block("seq 10 deny 0.0.0.0/0 le 32")).plain
    held = only(block("seq 10 deny ::/0 le 128", name=NAME_V6, keyword="ipv6"), NAME_V6)
    assert held.plain
    assert not held.prefixes


# Lists that a person has edited


@pytest.mark.parametrize(
    "entries",
    [
        ["seq 5 remark by hand", "seq 10 permit 10.0.0.0/24"],
        ["remark by hand", "seq 10 permit 10.0.0.0/24"],
        ["!! by hand", "seq 10 permit 10.0.0.0/24"],
        ["seq 10 permit 10.0.0.0/24", "seq 20 permit 10.0.0.0/24"],
        ["seq 10 permit 10.0.0.0/25", "seq 20 permit 10.0.0.0/24 le 25"],
        ["seq 10 deny 10.0.9.0/24", "seq 20 permit 10.0.0.0/24"],
        ["seq 10 permit 10.0.0.0/24", "seq 20 deny 0.0.0.0/0 le 32"],
    ],
)
def test_a_list_edited_by_hand_is_not_plain(entries: list[str]) -> None:
    held = only(block(*entries))
    assert "10.0.0.0/24" in held.prefixes
    assert not held.plain


def test_a_deny_in_the_middle_takes_from_what_comes_after_it() -> None:
    held = only(
        block(
            "seq 10 permit 10.0.1.0/24",
            "seq 20 deny 10.0.0.0/16 le 24",
            "seq 30 permit 10.0.0.0/8 le 24",
        )
    )
    assert "10.0.1.0/24" in held.prefixes
    assert "10.0.2.0/24" not in held.prefixes
    assert "10.0.0.0/16" not in held.prefixes
    assert "10.1.0.0/16" in held.prefixes


@st.composite
def hand_made(draw: st.DrawFn) -> str:
    """Return a block of permits and denies in any order of numbers, remarks between them."""
    numbers = draw(st.lists(st.integers(0, 60), min_size=1, max_size=8, unique=True))
    lines = []
    for number in numbers:
        _, address, length = draw(st.sampled_from(FOUR.prefixes))
        text = next(t for t, a, n in FOUR.prefixes if (a, n) == (address, length))
        low = draw(st.integers(length, 32))
        high = draw(st.integers(low, 32))
        qualifiers = draw(
            st.sampled_from(["", f" eq {low}", f" ge {low}", f" le {high}", f" ge {low} le {high}"])
        )
        action = draw(st.sampled_from(["permit", "permit", "deny", "remark"]))
        lines.append(
            f"seq {number} remark x"
            if action == "remark"
            else f"seq {number} {action} {text}" + qualifiers
        )
    return block(*lines)


@given(hand_made())
def test_what_is_read_of_any_list_is_what_the_device_accepts(running: str) -> None:
    router = EosRouter(running)
    held = only(router.running())
    assert not FOUR.disagreement(router.rule(NAME), held.prefixes)
    assert held.prefixes == only(running).prefixes  # in whatever order the lines come


@given(hand_made())
def test_a_plain_list_has_just_the_entries_that_irrgate_writes(running: str) -> None:
    held = only(running)
    written = [entry for _, *entry in EOS.printed(NAME, held.prefixes, held).lines]
    lines = [line.split() for line in running.split("\n") if line.startswith("   seq ")]
    if held.plain:
        assert len(lines) == len(written)
        assert "remark" not in running
        assert {line[2] for line in lines} == {action for action, *_ in written}
        assert {line[3] for line in lines} == {prefix for _, prefix, *_ in written}


# Texts that are no whole list


@pytest.mark.parametrize(
    "line",
    ["seq 10 permit 10.0.0.0/33", "seq 10 permit 10.0.0.1/24", "seq 10 permit 2001:db8::/32",
     "seq x permit 10.0.0.0/24", "seq 99999999999 permit 10.0.0.0/24", "permit 10.0.0.0/24",
     "seq \N{ARABIC-INDIC DIGIT ONE} permit 10.0.0.0/24", "seq 10 allow 10.0.0.0/24",
     "seq 10 permit", "match all",
     f"seq {'9' * 5000} permit 10.0.0.0/24", "seq 10 permit 10.0.0.0 255.0.0.0"],
)  # fmt: skip
def test_an_unknown_line_in_a_managed_list_names_the_list(line: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        parse(block("seq 5 permit 10.9.0.0/24", line))


@pytest.mark.parametrize("line", ["permit 10.0.0.0/24", "description x", "seq 10 allow 10.0.0.0/8"])
def test_an_unknown_line_in_the_older_form_names_the_list(line: str) -> None:
    with pytest.raises(ParseError, match=NAME):
        parse(config(f"ip prefix-list {NAME} {line}"))


def test_an_unknown_line_in_a_list_of_others_does_not_matter() -> None:
    assert not parse(block("match all", name="CORE")).lists
    assert strangers(parse(block("match all", name="IRR-AS1-V4"))) == ["IRR-AS1-V4"]


def test_a_number_that_two_entries_have() -> None:
    with pytest.raises(ParseError, match=NAME):
        parse(block("seq 10 permit 10.0.0.0/24", "seq 10 permit 10.0.2.0/24"))


def test_a_config_that_is_cut_off_anywhere() -> None:
    router, _ = held_after(every_other(20))
    running = router.running()
    whole = running.rstrip()
    assert parse(whole).lists
    for end in range(len(whole)):
        with pytest.raises(ParseError, match="cut off"):
            parse(running[:end])


# Candidates


def test_a_candidate_that_removes_no_list_adds_to_it() -> None:
    text = candidate("eos", {NAME: four("10.0.0.0/24")})
    with pytest.raises(ParseError, match=NAME):
        read_candidate("eos", text.replace(f"no ip prefix-list {NAME}\n", ""))


@pytest.mark.parametrize(
    "line",
    ["no ip prefix-list CORE", "no router bgp 64496", "   no router bgp 64496", "router bgp 64496",
     "rollback clean-config", f"no ip prefix-list {NAME} seq 10", f"default ip prefix-list {NAME}",
     f"no ip prefix-list {NAME}", "   no seq 10", "!! a comment that EOS keeps", "end",
     "seq 99 permit 0.0.0.0/0 le 32", f"ipv6 prefix-list {NAME}", "copy running-config flash:x"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["first", "in the list", "last"])
def test_a_candidate_has_nothing_beside_its_lists(line: str, place: str) -> None:
    lines = candidate("eos", {NAME: four("10.0.0.0/24")}).rstrip("\n").split("\n")
    at = {"first": 0, "in the list": 3, "last": len(lines)}[place]
    lines.insert(at, line)
    text = "\n".join(lines) + "\n"
    if line == f"no ip prefix-list {NAME}" and place == "first":
        assert read_candidate("eos", text)[NAME].plain  # removed twice is removed
    elif line.startswith("seq 99") and place == "in the list":
        assert "203.0.113.0/24" in read_candidate("eos", text)[NAME].prefixes
    else:
        with pytest.raises(ParseError):
            read_candidate("eos", text)


def test_a_candidate_of_the_other_family_is_another_list() -> None:
    text = candidate("eos", {NAME: four("10.0.0.0/24")}).replace("ip prefix", "ipv6 prefix")
    found = EOS.parse_candidate(text, WANTED)
    assert not found.lists
    assert strangers(found) == [NAME]


def test_blank_lines_and_comments_in_a_candidate_reach_no_router() -> None:
    text = candidate("eos", {NAME: four("10.0.0.0/24")})
    spaced = "! made by hand\n\n" + text.replace("\n", "\n\n")
    assert read_candidate("eos", spaced)[NAME].prefixes == four("10.0.0.0/24")

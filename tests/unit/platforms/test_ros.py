"""RouterOS: deltas by which no chain is ever wrong, rules of other people's, names and strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.errors import ParseError, PlatformError
from irrgate.platforms.limits import print_within_limits
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.platforms.ros import END, MAX_ENTRIES, Ros, family_of
from irrgate.platforms.ros_rules import escaped, unescaped
from irrgate.prefixes import Afi, PrefixSet
from tests.lab.ros_config import RosConfig, parse_config
from tests.lab.ros_rules import RuleRefusedError, parse_rule
from tests.lab.ros_script import run_line
from tests.unit.platforms.routers import NAMES, UNIVERSES, WANTED, RosRouter, candidate, read

ROS = Ros()
NAME, NAME_V6 = NAMES[Afi.IPV4], NAMES[Afi.IPV6]
ADD = f"/routing filter rule add chain={NAME}"
REMOVE = "/routing filter rule remove [find chain="
PLACE = f'place-before=[find chain={NAME} rule="reject"]'


def listed(*rules: str, name: str = NAME, options: str = "") -> str:
    return "".join(
        f'/routing filter rule add chain={name}{options} rule="{rule}"\n' for rule in rules
    )


def parse(running: str) -> RunningFilters:
    return ROS.parse(f"{running}{END}\n", WANTED, "IRR-")


def only(*rules: str) -> ManagedList:
    (held,) = parse(listed(*rules)).lists.values()
    return held


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


def exactly(prefix: str) -> str:
    return f"if (dst=={prefix}) {{accept}}"


def applied(text: str, held: ManagedList | None = None) -> ManagedList:
    running = {NAME: held} if held else {}
    return ROS.apply_candidate(text, running, {NAME: Afi.IPV4}).lists[NAME]


# Every state on the way


def states(router: RosRouter, text: str, afi: Afi) -> list[set[str]]:
    """What the chain accepts before the candidate, and after each rule that comes or goes."""
    seen: list[set[str]] = []
    texts = [prefix for prefix, *_ in UNIVERSES[afi].prefixes]

    def look() -> None:
        there = router.config.counts.get(NAMES[afi])
        rule = (
            router.rule(NAMES[afi])
            if there
            and any(each.chain == NAMES[afi] and not each.disabled for each in router.config.rules)
            else None
        )
        seen.append({each for each in texts if rule and rule.accepts(each)})

    look()
    for line in filter(None, text.splitlines()):
        run_line(router.config, line)
        look()
    return seen


@st.composite
def rules(draw: st.DrawFn, afi: Afi) -> list[tuple[str, bool]]:
    """A chain as a person might have it: rules of any kind in any order, (text, disabled)."""
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    made = []
    for _ in range(draw(st.integers(0, 6))):
        action = draw(st.sampled_from(("accept", "accept", "reject")))
        space, end = draw(st.sampled_from(("", " "))), draw(st.sampled_from(("", ";")))
        what = draw(st.sampled_from(("==", " in ")))
        condition = f"dst{what}{draw(st.sampled_from(texts))}"
        kind = draw(st.integers(0, 12))
        rule = f"if ({space}{condition}{space}) {{{action}{end}}}"
        rule = {
            0: action,
            1: "set bgp-local-pref 50",
            2: f"if ({condition}) {{accept}} else {{}}",
        }.get(kind, rule)
        made.append((rule, draw(st.integers(0, 8)) == 0))
    if draw(st.booleans()):
        made.append(("reject", False))
    return made


CASES = st.sampled_from(tuple(Afi)).flatmap(lambda afi: st.tuples(st.just(afi), rules(afi)))


@given(CASES, st.data())
def test_no_state_on_the_way_is_wrong(
    case: tuple[Afi, list[tuple[str, bool]]], data: st.DataObject
) -> None:
    """Of any chain, or the change is refused: nothing outside old and new, nothing lost of both."""
    afi, made = case
    texts = [text for text, *_ in UNIVERSES[afi].prefixes]
    wanted = PrefixSet.parse(afi, sorted(data.draw(st.sets(st.sampled_from(texts), max_size=5))))
    router = RosRouter()
    for rule, disabled in made:
        router.config.add(NAMES[afi], rule, disabled=disabled)
    running = read("ros", router.running()).get(NAMES[afi])
    try:
        text = candidate("ros", {NAMES[afi]: wanted}, running)
    except PlatformError:
        return
    old, *between = states(router, text, afi)
    new = between[-1] if between else old
    unknown = any(rule.endswith("else {}") for rule, _ in made)
    for state in between:
        assert state <= old | new
        # What a rule accepts that irrgate does not know goes when it goes.
        assert unknown or old & new <= state
    held = read("ros", router.running())[NAMES[afi]]
    assert (held.prefixes, held.plain) == (wanted, True)
    assert not UNIVERSES[afi].disagreement(router.rule(NAMES[afi]), wanted)
    assert candidate("ros", {NAMES[afi]: wanted}, held) == ""


@given(st.lists(st.sets(st.sampled_from(range(8)), max_size=6), min_size=2, max_size=6))
def test_irrgates_own_chains_always_have_a_way(versions: list[set[int]]) -> None:
    router = RosRouter()
    before: dict[str, str] = {}
    for version in versions:
        wanted = four(*(f"10.0.{2 * each}.0/24" for each in sorted(version)))
        running = read("ros", router.running()).get(NAME)
        router.load(candidate("ros", {NAME: wanted}, running))
        assert read("ros", router.running())[NAME].prefixes == wanted
        after = {rule.text: rule.id for rule in router.config.rules if rule.chain == NAME}
        # What stays is not touched, and the reject is never made anew.
        kept = after.keys() & before.keys()
        assert {each: after[each] for each in kept} == {each: before[each] for each in kept}
        assert "reject" in after
        before = after


# What a chain says


@pytest.mark.parametrize(
    ("rule", "accepts"),
    [
        ("if (dst==10.0.0.0/8) {accept}", "10.0.0.0/8"),
        ("if ( dst == 10.0.0.0/8 ) { accept; }", "10.0.0.0/8"),
        ("if (dst in 10.0.0.0/8) {accept}", "10.0.0.0/8 le 32"),
        ("if (dst in 10.0.0.0/8 && dst-len in 16-24) {accept}", "10.0.0.0/8 ge 16 le 24"),
        ("if (dst in 10.0.0.0/8 && dst-len in 4..24) {accept}", "10.0.0.0/8 le 24"),
        ("if (dst in 10.0.0.0/8 && dst-len==16) {accept}", "10.0.0.0/8 ge 16 le 16"),
        ("if (dst in 10.0.0.0/8 && dst-len<=24) {accept}", "10.0.0.0/8 le 24"),
        ("if (dst in 10.0.0.0/8 && dst-len < 24) {accept;};", "10.0.0.0/8 le 23"),
        ("if (dst in 10.0.0.0/8 && dst-len>24) {accept}", "10.0.0.0/8 ge 25 le 32"),
        ("if (dst in 10.0.0.0/8 && dst-len>=24) {accept}", "10.0.0.0/8 ge 24 le 32"),
        ("accept", "0.0.0.0/0 le 32"),
    ],
)
def test_rules_about_prefixes_in_any_spelling(rule: str, accepts: str) -> None:
    parse_rule(rule)
    held = only(rule, "reject")
    assert held.prefixes == four(accepts)
    # What irrgate would write of it is another text, and means the same.
    assert held.plain
    assert candidate("ros", {NAME: four(accepts)}, held) == ""


@pytest.mark.parametrize(
    "rule",
    [
        "if (dst in CUSTOMERS) {accept}",
        "if (dst==10.0.0.0/8 && dst-len in 8-24) {accept}",
        "if (dst in 10.0.0.0/8 && dst-len in 24-16) {accept}",
        "if (dst in 10.0.0.0/24 && dst-len < 24) {accept}",
        "if (dst in 10.0.0.0/8 && dst-len == 8-24) {accept}",
        "if (dst in 10.0.0.0/8 && rpki valid) {accept}",
        "if (dst in 10.0.0.0/8 || dst in 11.0.0.0/8) {accept}",
        "if (not dst in 10.0.0.0/8) {accept}",
        "if (dst!=10.0.0.0/8) {accept}",
        "if (dst in 10.0.0.0/8) {accept} else {reject}",
        "if (dst in 10.0.0.0/8) {set bgp-med 5; accept}",
        "if (dst==2001:db8::/32) {accept}",
        "if (dst==10.0.0.1/8) {accept}",
        "if (dst=10.0.0.0/8) {accept}",
        "jump OTHER",
        "return",
        "set bgp-local-pref 50",
    ],
)
def test_a_rule_that_says_something_else_is_taken_out_by_the_next_plan(rule: str) -> None:
    held = only(exactly("10.0.0.0/8"), rule, exactly("11.0.0.0/8"), "reject")
    assert held.prefixes == four("10.0.0.0/8", "11.0.0.0/8")
    assert not held.plain
    text = candidate("ros", {NAME: four("10.0.0.0/8", "12.0.0.0/8")}, held)
    new, *gone = text.splitlines()
    # It may keep routes from what stands behind it.
    assert f'place-before=[find chain={NAME} rule="{escaped(rule)}"]' in new
    assert gone == [
        f'/routing filter rule remove [find chain={NAME} rule="{each}"]'
        for each in (exactly("11.0.0.0/8"), escaped(rule))
    ]
    assert applied(text, held).plain


def test_what_stands_behind_the_reject_is_taken_out() -> None:
    held = only(exactly("10.0.0.0/8"), "reject", "accept", exactly("10.0.0.0/8"))
    assert (held.prefixes, held.plain) == (four("10.0.0.0/8"), False)
    text = candidate("ros", {NAME: four("10.0.0.0/8")}, held)
    assert text == f'/routing filter rule remove [find chain={NAME} rule="accept"]\n'
    # The other one has the text of a rule that stays, and is of no consequence.
    assert applied(text, held).plain


def test_what_comes_back_from_behind_the_reject_is_not_removed_with_it() -> None:
    held = only("reject", exactly("10.0.0.0/8"))
    text = candidate("ros", {NAME: four("10.0.0.0/8")}, held)
    assert " remove " not in text
    assert applied(text, held).plain


def test_a_chain_without_its_reject_gets_one_first() -> None:
    held = only(exactly("10.0.0.0/8"))
    assert (held.prefixes, held.plain) == (four("10.0.0.0/8"), False)
    text = candidate("ros", {NAME: four("10.0.0.0/8", "12.0.0.0/8")}, held)
    first, second = text.splitlines()
    assert first == f'/routing filter rule add chain={NAME} rule="reject"'
    assert second == f'{ADD} {PLACE} rule="{exactly("12.0.0.0/8")}"'
    assert applied(text, held).plain


def test_a_disabled_rule_does_not_count_and_goes() -> None:
    running = listed(exactly("10.0.0.0/8"), options=" disabled=yes") + listed("reject")
    held = parse(running).lists[NAME]
    assert (held.prefixes, held.plain) == (four(), False)
    text = candidate("ros", {NAME: four("10.0.0.0/8")}, held)
    assert f'[find chain={NAME} rule="{exactly("10.0.0.0/8")}" disabled=yes]' in text
    config = parse_config(running)
    for line in text.splitlines():
        run_line(config, line)
    assert [(rule.text, rule.disabled) for rule in config.rules] == [
        (exactly("10.0.0.0/8"), False), ("reject", False)
    ]  # fmt: skip


def test_a_rule_that_the_router_says_is_invalid_is_unknown() -> None:
    running = listed(exactly("10.0.0.0/8"), options=" invalid=yes") + listed("reject")
    held = parse(running).lists[NAME]
    assert (held.prefixes, held.plain) == (four(), False)


def test_a_way_that_would_lose_a_route_is_refused() -> None:
    held = only(
        "if (dst in 10.0.0.0/8) {accept}",
        "if (dst in 10.1.0.0/16) {reject}",
        exactly("10.1.0.0/16"),
        "reject",
    )
    with pytest.raises(PlatformError, match="would lose routes that are to stay") as caught:
        ROS.printed(NAME, four("10.1.0.0/16"), held)
    assert "take them out on the router" in caught.value.hint


# The running config


@pytest.mark.parametrize("cut", ["", "\n", f"{END} or so\n", f"x{END}\n"])
def test_a_config_that_is_cut_off_is_not_one_without_filters(cut: str) -> None:
    with pytest.raises(ParseError, match="cut off"):
        ROS.parse(listed("reject") + cut, WANTED, "IRR-")


def test_a_config_cut_off_anywhere_is_an_error() -> None:
    whole = listed(exactly("10.0.0.0/8"), "reject") + f"{END}\n"
    for at in range(len(whole) - 1):
        with pytest.raises(ParseError):
            ROS.parse(whole[:at], WANTED, "IRR-")
    assert ROS.parse(whole.rstrip(), WANTED, "IRR-").lists


@pytest.mark.parametrize(
    "line",
    [
        f'/routing filter rule add chain={NAME} rule="reject',
        f"/routing filter rule add chain={NAME} rule=reject",
        f'/routing filter rule add rule="reject" chain={NAME}',
        '/routing filter rule add chain="IRR-A rule="reject"',
    ],
)
def test_a_rule_that_cannot_be_read_is_an_error_whosever_it_is(line: str) -> None:
    with pytest.raises(ParseError, match="1 of its filter rules cannot be read"):
        parse(f"{line}\n")


@given(st.text(max_size=40))
def test_strings_are_read_as_they_were_written(text: str) -> None:
    inside = escaped(text)
    assert inside.isascii()
    assert inside.isprintable()
    assert unescaped(inside) == text


@given(st.text(alphabet='ab"\\$? \n{}', min_size=1, max_size=12))
def test_whatever_stands_in_a_rule_it_is_one_rule(text: str) -> None:
    running = listed(exactly("10.0.0.0/8"), escaped(text), "reject")
    held = parse(running).lists[NAME]
    assert held.prefixes in {four("10.0.0.0/8"), four("0.0.0.0/0 le 32")}
    printed = candidate("ros", {NAME: four("10.0.0.0/8")}, held)
    assert applied(printed, held).plain if printed else held.plain


def test_strangers_are_told_apart_by_their_names() -> None:
    found = parse(
        listed("reject", name="IRR-AS1-V4")
        + listed("reject", name="IRR-AS1-V6")
        + listed("reject", name="IRR-OTHER")
        + listed("jump X", name="IRR-AS2-V4")
        + listed("reject", name='"IRR-AS 3-V4"')
    )
    assert [(each.name, each.afi, each.removable) for each in found.strangers] == [
        ("IRR-AS 3-V4", Afi.IPV4, False),
        ("IRR-AS1-V4", Afi.IPV4, True),
        ("IRR-AS1-V6", Afi.IPV6, True),
        ("IRR-AS2-V4", Afi.IPV4, False),
        ("IRR-OTHER", None, False),
    ]


@pytest.mark.parametrize(
    "line",
    [
        '/routing filter rule add chain=IN rule="if (chain IRR-AS1-V4) {accept}"',
        '/routing filter rule add chain=IN rule="jump IRR-AS1-V4"',
        '/routing filter rule add chain=IRR-AS64500-V4 rule="jump IRR-AS1-V4"',
        "/routing bgp connection add input.filter=IRR-AS1-V4 name=a",
        "/routing bgp template add name=a output.filter-chain=IRR-AS1-V4",
        "/routing ospf instance add in-filter-chain=IRR-AS1-V4 name=a",
    ],
)
def test_what_names_a_chain_refers_to_it(line: str) -> None:
    running = listed("if (dst==10.0.0.0/8) {accept}", "reject", name="IRR-AS1-V4")
    (found,) = parse(f"{running}{line}\n").strangers
    assert found.references == (line,)
    (other,) = parse(f"{running}{line.replace('AS1-V4', 'AS1-V4-OLD')}\n").strangers
    assert other.references == ()


def test_a_chains_own_rules_are_no_reference() -> None:
    (found,) = parse(listed("jump IRR-AS1-V4", "reject", name="IRR-AS1-V4")).strangers
    assert found.references == ()


# A candidate


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (f'{ADD} {PLACE} rule="{exactly("10.0.0.0/8")}"', "there already"),
        (f'{ADD} rule="reject"', "adds a reject to a chain that has"),
        (f'{ADD} rule="{exactly("11.0.0.0/8")}"', "behind one"),
        (f'{ADD} {PLACE} rule="accept; accept"', "unknown"),
        (f'{ADD} {PLACE} rule="if (dst==2001:db8::/32) {{accept}}"', "unknown"),
        (f'{ADD} {PLACE} rule="reject"', "unknown"),
        (f'{ADD} {PLACE.replace("reject", "x")} rule="accept"', "before one that is not there"),
        (f'{ADD} {PLACE.replace(NAME, "B")} rule="accept"', "before one of another chain"),
        (f'{REMOVE}{NAME} rule="reject"]', "removes the reject"),
        (f'{REMOVE}{NAME} rule="accept"]', "removes a rule that is not there"),
        (f'{REMOVE}{NAME} rule="x" disabled=yes]', "removes a disabled rule that is not there"),
        (f"{REMOVE}{NAME}]", "removes a chain that is to stay"),
        ("/routing filter rule print", "of no filter rule"),
        ("/system reboot", "of no filter rule"),
    ],
)
def test_a_candidate_that_does_not_fit_is_refused(line: str, says: str) -> None:
    held = only(exactly("10.0.0.0/8"), "reject")
    with pytest.raises(ParseError, match=says):
        applied(f"{line}\n", held)


def test_a_candidate_adds_all_before_it_removes_any() -> None:
    held = only(exactly("10.0.0.0/8"), "reject")
    text = candidate("ros", {NAME: four("11.0.0.0/8")}, held)
    add, remove = text.splitlines()
    with pytest.raises(ParseError, match="adds rules after it removed some"):
        applied(f"{remove}\n{add}\n", held)
    with pytest.raises(ParseError, match="removes rules after it removed a chain"):
        applied(f"/routing filter rule remove [find chain=X]\n{remove}\n", held)
    with pytest.raises(ParseError, match="the chain's reject after other rules"):
        applied(f'{add}\n/routing filter rule add chain={NAME} rule="reject"\n')
    came, goes = exactly("12.0.0.0/8"), f'{REMOVE}{NAME} rule="{exactly("12.0.0.0/8")}"]'
    with pytest.raises(ParseError, match="adds a rule and removes it"):
        applied(f'{ADD} {PLACE} rule="{came}"\n{goes}\n', held)


def test_each_rule_goes_in_its_turn() -> None:
    """What stood behind a reject must not take effect before it goes itself."""
    accepts, unknown = exactly("10.0.0.0/8"), "jump OTHER"
    rejects = "if (dst in 10.0.0.0/8) {reject}"
    held = only(rejects, unknown, accepts, "reject")
    goes = [f'{REMOVE}{NAME} rule="{each}"]' for each in (accepts, unknown, rejects)]
    assert candidate("ros", {NAME: four()}, held).splitlines() == goes
    for wrong in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        with pytest.raises(ParseError, match="removes a rule after others"):
            applied("\n".join(goes[at] for at in wrong), held)


def test_a_chain_is_not_left_without_a_rule() -> None:
    with pytest.raises(ParseError, match="leave the chain without a rule"):
        applied(f'{REMOVE}{NAME} rule="accept"]\n', only("accept"))


def test_rules_of_a_chain_that_nobody_asked_for_are_not_removed() -> None:
    with pytest.raises(ParseError, match="a chain not asked for"):
        applied('/routing filter rule remove [find chain=IRR-X rule="reject"]\n')


def test_too_many_rules_are_refused_before_the_push() -> None:
    many = PrefixSet.from_entries(
        Afi.IPV4, ((0x0B000000 + (n << 9), 24, 24, 24) for n in range(MAX_ENTRIES + 1))
    )
    with pytest.raises(PlatformError, match="100,001 entries, and ros takes 100,000"):
        print_within_limits(ROS, NAME, many, None)


@pytest.mark.parametrize(
    ("name", "texts", "afi"),
    [
        ("IRR-AS1-V6", ["if (dst==10.0.0.0/8) {accept}"], Afi.IPV6),
        ("A-CHAIN", ["reject", "if (dst==2001:db8::/32) {accept}"], Afi.IPV6),
        ("A-CHAIN", ["reject", "if (dst==10.0.0.0/8) {accept}"], Afi.IPV4),
        ("A-CHAIN", [], Afi.IPV4),
    ],
)
def test_the_family_of_a_chain(name: str, texts: list[str], afi: Afi) -> None:
    assert family_of(name, texts) is afi


# The lab's own reading, which the tests lean on


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "if (dst=10.0.0.0/8) {accept}",
        "if (dst==10.0.0.0/33) {accept}",
        "if (dst==10.0.0.1/8) {accept}",
        "if dst==10.0.0.0/8 {accept}",
        "if (dst==10.0.0.0/8) {accept",
        "accept accept",
        "allow",
        "jump",
    ],
)
def test_the_lab_refuses_what_is_no_rule(rule: str) -> None:
    with pytest.raises(RuleRefusedError):
        RosConfig().add("A", rule)

"""Whether a diff is the reviewed one, and whether a router holds what was committed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.commits import CommitOrder, candidate_doubt, changed_since, diff_digest, misread
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import candidate

DIFF = "[edit policy-options]\n+    10.0.0.0/24 exact;\n-    10.0.2.0/24 exact;"


@pytest.mark.parametrize(
    "same",
    [
        DIFF + "\n",
        "\n\n" + DIFF + "\n\n",
        DIFF.replace("\n", "\r\n"),
        DIFF.replace(";", ";  "),
        DIFF + "\n   ",
    ],
)
def test_space_that_nobody_sees_makes_no_other_diff(same: str) -> None:
    assert diff_digest(same) == diff_digest(DIFF)


@pytest.mark.parametrize(
    "other",
    [
        "",
        DIFF.replace("+", "-"),
        DIFF.replace("10.0.2", "10.0.3"),
        DIFF.replace("\n", "\n\n", 1),
        DIFF.replace("\n+", "\n +"),
        " " + DIFF,
        "\n".join(reversed(DIFF.split("\n"))),
        DIFF + "\n+    10.0.4.0/24 exact;",
        DIFF.replace("\n", "\x0b"),
        DIFF.replace("\n", "\u2028"),
    ],
)
def test_any_other_text_is_another_diff(other: str) -> None:
    assert diff_digest(other) != diff_digest(DIFF)


@given(st.text(st.characters(), max_size=30))
def test_every_text_has_a_digest(text: str) -> None:
    assert len(diff_digest(text + "\ud800")) == 64
    assert diff_digest(text) == diff_digest(text + "\n")


def order(**intended: PrefixSet) -> dict[str, tuple[Afi, str | None]]:
    return {name: (held.afi, held.digest) for name, held in intended.items()}


def found(plain: bool = True, **held: PrefixSet) -> RunningFilters:
    lists = {name: ManagedList(name, each.afi, each, plain) for name, each in held.items()}
    return RunningFilters(lists, ())


ONE, OTHER = prefixes("10.0.0.0/24"), prefixes("10.0.2.0/24")


def test_a_router_that_holds_what_was_committed() -> None:
    assert misread(order(A=ONE, B=OTHER), found(A=ONE, B=OTHER, C=ONE)) == ()


def test_every_way_not_to_hold_it() -> None:
    assert misread(order(A=ONE), found()) == ("A",)
    assert misread(order(A=ONE), found(A=OTHER)) == ("A",)
    assert misread(order(A=ONE), found(plain=False, A=ONE)) == ("A",)
    assert misread(order(A=PrefixSet.empty(Afi.IPV4)), found(A=ONE)) == ("A",)
    assert misread(order(A=PrefixSet.empty(Afi.IPV4)), found(A=PrefixSet.empty(Afi.IPV6))) == ("A",)
    assert misread(order(B=ONE, A=ONE), found()) == ("A", "B")


def test_a_filter_that_is_to_be_gone() -> None:
    assert misread({"A": (Afi.IPV4, None)}, found(B=ONE)) == ()
    assert misread({"A": (Afi.IPV4, None)}, found(A=PrefixSet.empty(Afi.IPV4))) == ("A",)


def test_what_changed_since_the_review() -> None:
    reviewed = {"A": ONE, "B": ONE, "C": None, "D": OTHER}
    given = CommitOrder(
        "",
        "",
        order(A=OTHER, B=OTHER, C=OTHER, D=ONE),
        {name: each.digest if each else None for name, each in reviewed.items()},
        "",
        reviewed=reviewed.__getitem__,
    )
    many = prefixes(*(f"10.0.{n}.0/24" for n in range(0, 14, 2)))
    assert changed_since(given, found(A=ONE, B=many, C=ONE)) == (
        "B now has 10.0.2.0/24, 10.0.4.0/24, 10.0.6.0/24, 10.0.8.0/24, 10.0.10.0/24 and more",
        "C is there now, with 1 entries",
        "D is gone",
    )
    assert changed_since(given, found(A=OTHER, B=ONE, D=OTHER)) == (
        "A now has 10.0.2.0/24; has no 10.0.0.0/24",
    )


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_a_candidate_that_says_else_than_its_plan_is_found(platform: str) -> None:
    mine, other = prefixes("10.0.0.0/8"), prefixes("192.0.2.0/24")
    nothing = RunningFilters({}, ())

    def doubt(text: str, **intended: PrefixSet) -> str:
        given = {name.replace("_", "-"): value for name, value in order(**intended).items()}
        return candidate_doubt(PLATFORMS[platform], text, given, nothing)

    text = candidate(platform, {"IRR-AS1-V4": mine})
    assert not doubt(text, IRR_AS1_V4=mine)
    wrong = "its candidate does not lead to what the plan has for IRR-AS1-V4"
    assert doubt(text, IRR_AS1_V4=other) == wrong
    both = candidate(platform, {"IRR-AS1-V4": mine, "IRR-AS2-V4": mine})
    assert "IRR-AS2-V4" in doubt(both, IRR_AS1_V4=mine)
    assert "IRR-AS2-V4" in doubt(text, IRR_AS1_V4=mine, IRR_AS2_V4=other)

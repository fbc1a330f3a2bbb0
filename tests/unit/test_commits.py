"""Whether a diff is the reviewed one, and whether a router holds what was committed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irrgate.commits import CommitOrder, diff_digest, misread
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tests.unit.filters_made import prefixes

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


def order(**intended: PrefixSet) -> CommitOrder:
    aims = {name: (held.afi, held.digest) for name, held in intended.items()}
    return CommitOrder("", "", aims, "")


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

"""The demo with real daemons says what a filter does, and why."""

from __future__ import annotations

import pytest

from irrgate.prefixes import Afi, PrefixSet
from tests.lab.daemons.truth import covered
from tests.lab.daemons.workspace import LATER, MAX_LENGTH, REGISTERED
from tests.lab.demo_real import ROUTES, allowed, obstacle, summary, why


@pytest.mark.parametrize("registered", [REGISTERED, LATER])
def test_what_is_allowed_is_what_the_filter_contains(registered: tuple[str, ...]) -> None:
    ranges: dict[Afi, list[str]] = {afi: [] for afi in Afi}
    for each in registered:
        afi = Afi.IPV6 if ":" in each else Afi.IPV4
        ranges[afi].append(f"{each} le {MAX_LENGTH[afi]}")
    filters = {afi: PrefixSet.parse(afi, ranges[afi]) for afi in Afi}
    assert set(allowed(registered)) == set().union(*covered(filters, ROUTES).values())


@pytest.mark.parametrize(
    ("prefix", "right"),
    [
        ("192.0.2.0/24", (True, "AS64500 has registered it")),
        ("10.10.4.0/24", (True, "within 10.10.0.0/17")),
        ("192.0.2.128/25", (False, "longer than /24")),
        ("198.51.100.0/24", (False, "AS64501 has registered it")),
        ("10.0.0.0/8", (False, "nobody has registered it")),
        ("::/0", (False, "nobody has registered it")),
    ],
)
def test_a_route_is_judged_with_a_reason(prefix: str, right: tuple[bool, str]) -> None:
    assert why(prefix, REGISTERED) == right


def test_what_was_rejected_is_counted_for_each_daemon() -> None:
    right = set(allowed(REGISTERED))
    said = summary({"BIRD": right, "FRR": right | {"0.0.0.0/0"}}, REGISTERED)
    assert said == (
        "10 routes announced that AS64500 did not register: 10 rejected by BIRD, 9 by FRR"
    )


def test_without_daemons_it_says_what_to_install() -> None:
    assert "apt-get install bird2 frr" in (obstacle([]) or "")


def test_without_root_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 1000)
    assert "as root: sudo .venv/bin/python -m tests.lab.demo_real" in (obstacle(["BIRD"]) or "")

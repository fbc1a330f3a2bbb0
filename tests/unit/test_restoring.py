"""The saved content of a router's filters, as a candidate."""

from __future__ import annotations

from pathlib import Path

import pytest

from irrgate.errors import RenderError
from irrgate.platforms import PLATFORMS
from irrgate.platforms.platform import ManagedList, RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import TEMPLATE, Renderer
from irrgate.restoring import restoring_candidate
from tests.unit.filters_made import prefixes

OLD, NEW = prefixes("10.0.0.0/24", "10.0.8.0/21 ge 22 le 24"), prefixes("10.0.2.0/24")
EMPTY = PrefixSet.empty(Afi.IPV4)


def held(**lists: PrefixSet) -> RunningFilters:
    return RunningFilters(
        {name: ManagedList(name, each.afi, each, plain=True) for name, each in lists.items()}, ()
    )


@pytest.mark.parametrize("platform", sorted(PLATFORMS))
def test_what_was_saved_is_what_the_candidate_sets(platform: str) -> None:
    before = {"IRR-A": OLD, "IRR-B": None, "IRR-C": EMPTY, "IRR-D": None}
    found = held(**{"IRR-A": NEW, "IRR-B": NEW, "IRR-C": NEW})
    text = restoring_candidate(Renderer(), platform, before, found)
    read = PLATFORMS[platform].parse_candidate(
        text, {"IRR-A": Afi.IPV4, "IRR-C": Afi.IPV4}, {"IRR-B": Afi.IPV4}
    )
    assert {name: each.prefixes for name, each in read.lists.items()} == {
        "IRR-A": OLD,
        "IRR-C": EMPTY,
    }
    assert read.removed == ("IRR-B",)


@pytest.mark.parametrize("printed", ["", "no ip prefix-list IRR-A\n"])
def test_a_template_that_prints_something_else_restores_nothing(
    tmp_path: Path, printed: str
) -> None:
    (tmp_path / "eos").mkdir()
    (tmp_path / "eos" / TEMPLATE).write_text(printed)
    with pytest.raises(RenderError):
        restoring_candidate(Renderer(tmp_path), "eos", {"IRR-A": OLD}, held(**{"IRR-A": NEW}))

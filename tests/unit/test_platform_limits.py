"""A filter that the platform cannot hold is held as it is, and the others go on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from irrgate.changes import Rendered, decide, rendered
from irrgate.errors import PlatformError
from irrgate.plan import FilterStatus
from irrgate.platforms.eos import Eos
from irrgate.platforms.limits import print_within_limits
from irrgate.platforms.platform import ManagedList, PrintedList, RunningFilters
from irrgate.prefixes import PrefixSet
from irrgate.render import Renderer
from irrgate.standins import Considered
from tests.unit.filters_made import NO_LIMITS, filter_of

SMALL, LARGE = filter_of("10.0.0.0/24"), filter_of("10.0.0.0/24", "10.0.2.0/24", peer=64501)
NOTHING = RunningFilters({}, ())


class Narrow(Eos):
    """A platform with limits that are soon met."""

    capabilities = replace(Eos.capabilities, max_entries=1)  # type: ignore[misc]


class Short(Eos):
    capabilities = replace(Eos.capabilities, max_name=len(SMALL.name) - 1)  # type: ignore[misc]


class Full(Eos):
    """A platform that finds no room in one of the lists."""

    def printed(self, name: str, prefixes: PrefixSet, running: ManagedList | None) -> PrintedList:
        if name == LARGE.name:
            raise PlatformError(name, "has no room", hint="make some")
        return super().printed(name, prefixes, running)


def rendered_on(platform: Eos, running: RunningFilters = NOTHING) -> Rendered:
    changes = decide([Considered(SMALL), Considered(LARGE)], running, NO_LIMITS, {})
    return rendered(platform, Renderer(), changes)


def test_a_filter_with_too_many_entries_is_held_alone() -> None:
    made = rendered_on(Narrow())
    held = made.changes.filters[LARGE.name]
    assert held.status is FilterStatus.HELD
    assert held.refused
    assert held.reason.startswith("has 2 entries, and eos takes 1 (")
    assert made.changes.filters[SMALL.name].status is FilterStatus.NEW
    assert SMALL.name in made.candidate
    assert LARGE.name not in made.candidate


def test_a_filter_for_which_the_router_has_no_room_is_held_alone() -> None:
    before = RunningFilters(
        {LARGE.name: ManagedList(LARGE.name, LARGE.afi, SMALL.prefixes, plain=True)}, ()
    )
    made = rendered_on(Full(), before)
    held = made.changes.filters[LARGE.name]
    assert (held.status, held.reason) == (FilterStatus.HELD, "has no room (make some)")
    assert held.running is before.lists[LARGE.name]
    assert held.added
    assert LARGE.name not in made.candidate


def test_names_that_are_too_long_are_held_and_nothing_is_sent() -> None:
    made = rendered_on(Short())
    assert made.candidate == ""
    assert {each.status for each in made.changes.filters.values()} == {FilterStatus.HELD}
    reason = made.changes.filters[SMALL.name].reason
    assert reason == (
        "its name has 14 characters, and eos takes 13 "
        "(shorten filters.name in inventory/network.yaml)"
    )


def test_within_the_limits_nothing_is_held() -> None:
    made = rendered_on(Eos())
    assert not any(each.refused for each in made.changes.filters.values())
    printed = [Eos().printed(each.name, each.prefixes, None) for each in (SMALL, LARGE)]
    assert made.candidate == Renderer().render("eos", printed)


def test_a_filter_is_never_printed_beyond_the_limits() -> None:
    with pytest.raises(PlatformError, match="eos takes 1"):
        print_within_limits(Narrow(), LARGE.name, LARGE.prefixes, None)

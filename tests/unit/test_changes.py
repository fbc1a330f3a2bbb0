"""What is written on a router, and that no template can write anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from irrgate.changes import (
    RouterChanges,
    decide,
    given_names,
    read_running,
    rendered,
    verify_candidate,
    wanted_names,
)
from irrgate.errors import RenderError
from irrgate.filters import Filter, NoFilter, Stale
from irrgate.guards import Guard, Reading
from irrgate.network import FilterNames
from irrgate.plan import FilterStatus
from irrgate.platforms import find_platform
from irrgate.platforms.platform import ManagedList, Platform, RunningFilters, Stranger
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer, shipped_templates
from irrgate.rpsl import Asn
from irrgate.standins import Considered
from irrgate.state import Acceptance
from playbooks.remembering import good_of
from tests.unit.filters_made import LIMITS, NO_LIMITS, filter_of, made, no_filter, prefixes
from tests.unit.platforms import routers
from tests.unit.platforms.routers import UNIVERSES

NAME = "IRR-AS64500-V4"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def running(*texts: str, plain: bool = True, name: str = NAME) -> RunningFilters:
    held = prefixes(*texts)
    return RunningFilters({name: ManagedList(name, held.afi, held, plain)}, ())


NOTHING = RunningFilters({}, ())


def decided(
    *intents: Filter | NoFilter,
    running: RunningFilters = NOTHING,
    vetoed: Mapping[str, tuple[Reading, ...]] | None = None,
) -> RouterChanges:
    vetoed = vetoed or {}
    known = [Considered(each, vetoed.get(each.name, ())) for each in intents]
    return decide(known, running, LIMITS, {})


def render_candidate(platform: Platform, renderer: Renderer, changes: RouterChanges) -> str:
    """The candidate of changes all of which the platform can hold."""
    made = rendered(platform, renderer, changes)
    assert made.changes is changes
    return made.candidate


# What is decided


def test_a_router_that_holds_the_filter_is_not_touched() -> None:
    changes = decided(filter_of("10.0.0.0/24"), running=running("10.0.0.0/24"))
    assert changes.filters[NAME].status is FilterStatus.UNCHANGED
    assert changes.written == ()


def test_a_filter_that_the_router_does_not_have_is_new() -> None:
    change = decided(filter_of("10.0.0.0/24")).filters[NAME]
    assert change.status is FilterStatus.NEW
    assert change.added == prefixes("10.0.0.0/24")
    assert not change.removed
    assert change.running is None


def test_what_comes_and_goes() -> None:
    change = decided(
        filter_of("10.0.0.0/24", "10.0.4.0/24"), running=running("10.0.0.0/24", "10.0.2.0/24 le 25")
    ).filters[NAME]
    assert change.status is FilterStatus.HELD  # half of the space goes
    change = decide(
        [Considered(filter_of("10.0.0.0/24", "10.0.4.0/24"))],
        running("10.0.0.0/24", "10.0.2.0/24 le 25"),
        NO_LIMITS,
        {},
    ).filters[NAME]
    assert change.status is FilterStatus.CHANGE
    assert change.reason == ""
    assert change.added == prefixes("10.0.4.0/24")
    assert change.removed == prefixes("10.0.2.0/24 le 25")


def test_the_right_prefixes_in_a_form_of_others_are_written_anew() -> None:
    change = decided(filter_of("10.0.0.0/24"), running=running("10.0.0.0/24", plain=False)).filters[
        NAME
    ]
    assert change.status is FilterStatus.CHANGE
    assert "form" in change.reason
    assert not change.added
    assert not change.removed


def test_a_guard_keeps_the_filter_and_tells_what_would_have_been() -> None:
    change = decided(filter_of("10.0.4.0/24"), running=running("10.0.0.0/24")).filters[NAME]
    assert change.status is FilterStatus.HELD
    assert "max_shrink" in change.reason
    assert change.added == prefixes("10.0.4.0/24")
    assert change.removed == prefixes("10.0.0.0/24")


def test_a_veto_from_before_holds_a_filter_that_would_be_new() -> None:
    veto = Reading(Guard.MAX_PREFIXES, "5 entries", "4", passed=False)
    changes = decided(filter_of("10.0.0.0/24"), vetoed={NAME: (veto,)})
    assert changes.filters[NAME].status is FilterStatus.HELD
    assert changes.filters[NAME].reason == "max_prefixes: 5 entries (limit: 4)"
    assert changes.written == ()


def test_a_veto_from_before_does_not_touch_what_is_there_already() -> None:
    veto = Reading(Guard.MAX_PREFIXES, "5 entries", "4", passed=False)
    changes = decided(
        filter_of("10.0.0.0/24"), running=running("10.0.0.0/24"), vetoed={NAME: (veto,)}
    )
    assert changes.filters[NAME].status is FilterStatus.UNCHANGED


def test_where_no_filter_could_be_made_the_old_one_stays() -> None:
    changes = decided(no_filter(), running=running("10.0.0.0/24"))
    change = changes.filters[NAME]
    assert change.status is FilterStatus.HELD
    assert change.reason == "AS-NOWHERE does not exist"
    assert changes.written == ()


def test_one_that_fails_does_not_stop_its_neighbours() -> None:
    changes = decided(filter_of("10.0.2.0/24", peer=64501), no_filter())
    assert [change.name for change in changes.written] == ["IRR-AS64501-V4"]


def test_filters_come_in_the_order_of_their_names() -> None:
    intents = [filter_of("10.0.0.0/24", peer=peer) for peer in (64502, 64500, 64501)]
    assert list(decided(*intents).filters) == [
        "IRR-AS64500-V4",
        "IRR-AS64501-V4",
        "IRR-AS64502-V4",
    ]
    assert decided(*intents).filters == decided(*reversed(intents)).filters


def test_strangers_are_told() -> None:
    stranger = Stranger("IRR-AS1-V4", Afi.IPV4, (), removable=True)
    changes = decided(filter_of("10.0.0.0/24"), running=RunningFilters({}, (stranger,)))
    assert changes.strangers == (stranger,)


def test_the_names_to_look_for() -> None:
    assert wanted_names([filter_of("10.0.0.0/24"), no_filter(afi=Afi.IPV6)]) == {
        NAME: Afi.IPV4,
        "IRR-AS64500-V6": Afi.IPV6,
    }


# What served, where the router has nothing or is behind


def test_a_router_that_has_no_such_filter_is_compared_with_what_served() -> None:
    served = prefixes("10.0.0.0/24", "10.0.2.0/24")
    known = Considered(filter_of("10.0.0.0/24"), served=lambda: served)
    change = decide([known], NOTHING, LIMITS, {}).filters[NAME]
    assert change.status is FilterStatus.HELD
    assert change.reason == "max_shrink: loses 50% of its address space (limit: 30%)"
    assert change.added == prefixes("10.0.0.0/24")
    assert [each.guard for each in change.readings] == [Guard.EMPTY, Guard.SHRINK, Guard.GROWTH]


def test_what_the_router_holds_comes_before_what_served_elsewhere() -> None:
    known = Considered(filter_of("10.0.0.0/24"), served=lambda: prefixes("10.0.0.0/8"))
    change = decide([known], running("10.0.0.0/24", plain=False), LIMITS, {}).filters[NAME]
    assert change.status is FilterStatus.CHANGE


@pytest.mark.parametrize("intended", [("10.0.0.0/24",), ()])
def test_what_served_replaces_whatever_the_router_holds(intended: tuple[str, ...]) -> None:
    known = Considered(filter_of(*intended), good=good_of(filter_of(*intended), NOW))
    change = decide([known], running("10.0.0.0/8"), LIMITS, {}).filters[NAME]
    assert change.status is FilterStatus.CHANGE
    assert change.readings == ()


def test_what_a_person_accepted_passes_and_says_so() -> None:
    word = Acceptance(7, NAME, "", "ana@noc", "sold", NOW, None)
    known = Considered(filter_of("10.0.0.0/24"), acceptance=word)
    change = decide([known], running("10.0.0.0/8"), LIMITS, {}).filters[NAME]
    assert (change.status, change.reason) == (FilterStatus.CHANGE, "accepted")
    assert change.acceptance == 7
    assert not all(each.passed for each in change.readings)
    # Where it was not needed, it is not told.
    change = decide([known], NOTHING, LIMITS, {}).filters[NAME]
    assert (change.status, change.reason, change.acceptance) == (FilterStatus.NEW, "", None)


def test_what_stands_in_says_how_old_it_is() -> None:
    stale = Stale(NOW, timedelta(hours=5), "no answer", "AS-X", "RIPE", None)
    known = Considered(replace(filter_of("10.0.0.0/24"), stale=stale))
    for held in (NOTHING, running("10.0.0.0/24")):
        change = decide([known], held, LIMITS, {}).filters[NAME]
        assert change.reason == "stale: what served 5 h ago"


# What nobody needs any more

OLD = "IRR-AS64999-V4"
GIVEN = {OLD: (Asn(64999), Afi.IPV4)}


def leftover(
    *references: str, afi: Afi | None = Afi.IPV4, removable: bool = True, read: bool = True
) -> RunningFilters:
    stranger = Stranger(OLD, afi, references, removable)
    return RunningFilters(running("10.9.0.0/16", name=OLD).lists if read else {}, (stranger,))


def test_what_nothing_refers_to_is_removed() -> None:
    changes = decide([], leftover(), LIMITS, GIVEN)
    change = changes.filters[OLD]
    assert change.status is FilterStatus.REMOVE
    assert (change.intent, change.peer, change.afi) == (None, Asn(64999), Afi.IPV4)
    assert change.removed == prefixes("10.9.0.0/16")
    assert not change.added
    assert changes.written == ()
    assert [each.name for each in changes.removals] == [OLD]
    assert changes.changed == (change,)
    assert changes.strangers == ()


def test_what_something_refers_to_stays() -> None:
    changes = decide([], leftover("route-map IN permit 10", "1 more"), LIMITS, GIVEN)
    change = changes.filters[OLD]
    assert change.status is FilterStatus.REFERRED
    assert change.reason == (
        "no session here needs it, but it stands in: route-map IN permit 10; 1 more"
    )
    assert not change.removed
    assert changes.removals == ()
    assert changes.changed == ()


@pytest.mark.parametrize(
    ("held", "given"),
    [
        (leftover(), {}),
        (leftover(removable=False), GIVEN),
        (leftover(afi=Afi.IPV6), GIVEN),
        (leftover(afi=None), GIVEN),
        (leftover(read=False), GIVEN),
    ],
)
def test_what_is_not_surely_irrgates_own_is_left_alone(
    held: RunningFilters, given: Mapping[str, tuple[Asn, Afi]]
) -> None:
    changes = decide([], held, LIMITS, given)
    assert changes.filters == {}
    assert changes.strangers == held.strangers


def test_the_names_that_irrgate_gives() -> None:
    names = FilterNames.parse("IRR-{peer}-{afi}")
    found = [
        Stranger(name, None, (), removable=False)
        for name in (OLD, "IRR-STATIC-V4", "IRR-AS1-V6", "IRR-AS01-V4", "IRR-AS1-V4-OLD")
    ]
    assert given_names(found, names) == {**GIVEN, "IRR-AS1-V6": (Asn(1), Afi.IPV6)}


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_removals_beside_changes_and_alone(platform: str) -> None:
    module = find_platform(platform)
    intents = [Considered(filter_of("10.0.0.0/24"))]
    for wanted in ([], intents):
        changes = decide(wanted, leftover(), LIMITS, GIVEN)
        candidate = render_candidate(module, Renderer(), changes)
        assert OLD in candidate
        with pytest.raises(RenderError):
            verify_candidate(module, candidate, decide(wanted, NOTHING, LIMITS, GIVEN))
    without = render_candidate(module, Renderer(), decide(intents, NOTHING, LIMITS, GIVEN))
    with pytest.raises(RenderError, match="does not remove"):
        verify_candidate(module, without, decide(intents, leftover(), LIMITS, GIVEN))


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_running_config_is_read_with_what_nobody_asked_for(platform: str) -> None:
    names = FilterNames.parse("IRR-{peer}-{afi}")
    device = routers.router(platform)
    module = find_platform(platform)
    held = decided(filter_of("10.0.0.0/24"), filter_of("10.9.0.0/16", peer=64999))
    device.load(render_candidate(module, Renderer(), held))
    found = read_running(module, device.running(), {NAME: Afi.IPV4}, names)
    assert found.lists[NAME].prefixes == prefixes("10.0.0.0/24")
    assert found.lists[OLD].prefixes == prefixes("10.9.0.0/16")
    assert [each.name for each in found.strangers] == [OLD]
    changes = decide([], found, LIMITS, given_names(found.strangers, names))
    device.load(render_candidate(module, Renderer(), changes))
    assert read_running(module, device.running(), {NAME: Afi.IPV4}, names).strangers == ()


# The circle: running, and the change, give what was intended


@pytest.mark.parametrize("platform", routers.PLATFORMS)
@settings(max_examples=40)
@given(st.data())
def test_after_the_candidate_nothing_is_left_to_do(platform: str, data: st.DataObject) -> None:
    choices = {
        afi: st.sets(st.sampled_from([text for text, *_ in UNIVERSES[afi].prefixes]), max_size=6)
        for afi in Afi
    }
    device = routers.router(platform)
    module = find_platform(platform)
    for _ in range(3):
        intents = [
            made(PrefixSet.parse(afi, sorted(data.draw(choices[afi]))), peer)
            for afi in Afi
            for peer in (64500, 64501)
        ]
        wanted = wanted_names(intents)
        before = module.parse(device.running(), wanted, "IRR-")
        changes = decide(map(Considered, intents), before, NO_LIMITS, {})
        if changes.written:
            device.load(render_candidate(module, Renderer(), changes))
        found = module.parse(device.running(), wanted, "IRR-")
        after = decide(map(Considered, intents), found, NO_LIMITS, {})
        held = {FilterStatus.UNCHANGED, FilterStatus.HELD}
        assert {change.status for change in after.filters.values()} <= held
        for intent in intents:
            vetoed = changes.filters[intent.name].status is FilterStatus.HELD
            kept = before.lists[intent.name].prefixes if vetoed else intent.prefixes
            assert found.lists[intent.name].prefixes == kept


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_candidate_holds_only_what_changes(platform: str) -> None:
    changes = decided(
        filter_of("10.0.0.0/24"),
        filter_of("10.0.2.0/24", peer=64501),
        running=running("10.0.0.0/24"),
    )
    candidate = render_candidate(find_platform(platform), Renderer(), changes)
    assert "IRR-AS64501-V4" in candidate
    assert NAME not in candidate


# Templates that print something else


def tampered(platform: str, old: str, new: str) -> str:
    text = (shipped_templates() / platform / "prefix_filters.j2").read_text()
    assert old in text
    return text.replace(old, new)


LISTS = "{% for list in lists %}"
LINES = "{% for sequence, action, prefix, ge, le in list.lines %}"
EOS_HEAD = "{{ list.keyword }} prefix-list {{ list.name }}"
EOS_ONE_MORE = (
    "no ip prefix-list IRR-AS1-V4\nip prefix-list IRR-AS1-V4\n   seq 1 permit 10.0.0.0/8\n"
)
EOS_TAKEN_BACK = "{% if loop.last %}no ip prefix-list {{ lists[0].name }}\n{% endif %}"
JUNOS_HEAD = "    replace: route-filter-list {{ list.name }} {\n"
JUNOS_ONE_MORE = JUNOS_HEAD.replace("{{ list.name }}", "IRR-AS1-V4") + "10.0.0.0/8 exact;\n}\n"
JUNOS_AGAIN = f"{JUNOS_HEAD}10.0.0.0/8 exact;\n}}\n"
JUNOS_ACTION = "{% if action %} {{ action }}{% endif %}"

EOS_LIES = {
    "drops a line": (LINES, LINES.replace("list.lines", "list.lines[1:]")),
    "prints nothing of a list": (LINES, LINES.replace("list.lines", "[]")),
    "adds a line": (LINES, f"   seq 1 permit 203.0.113.0/24\n{LINES}"),
    "adds a line with a deny": (LINES, f"   seq 1 deny 203.0.113.0/24\n{LINES}"),
    "adds a remark": (LINES, f"   seq 1 remark mine\n{LINES}"),
    "prints another prefix": ("{{ prefix }}", "203.0.113.0/24"),
    "prints a shorter prefix": ("{{ prefix }}", "{{ prefix.split('/')[0] }}/8"),
    "drops the lengths": (" le {{ le }}", ""),
    "turns permit into deny": ("{{ action }}", "deny"),
    "turns deny into permit": ("{{ action }}", "permit"),
    "numbers all lines alike": ("seq {{ sequence }}", "seq 10"),
    "drops a list": ("in lists", "in lists[1:]"),
    "prints only the first list": ("in lists", "in lists[:1]"),
    "adds a list": (LISTS, EOS_ONE_MORE + LISTS),
    "renames a list": ("list.name }}", "list.name }}X"),
    "does not remove the old list": (f"no {EOS_HEAD}\n", ""),
    "removes the new list": (LISTS, f"{LISTS}\n{EOS_TAKEN_BACK}"),
    "removes a list of others": (LISTS, f"no ip prefix-list CORE\n{LISTS}"),
    "removes an entry again": ("   exit", "   no seq 10\n   exit"),
    "mistakes the family": ("{{ list.keyword }}", "ipv6"),
    "does more than filters": (LISTS, f"no router bgp 64496\n{LISTS}"),
}
JUNOS_LIES = {
    "drops a line": (LINES, LINES.replace("list.lines", "list.lines[1:]")),
    "prints nothing of a list": (LINES, LINES.replace("list.lines", "[]")),
    "adds a line": (LINES, f"        203.0.113.0/24 exact;\n{LINES}"),
    "adds a line that rejects": (LINES, f"        203.0.113.0/24 exact reject;\n{LINES}"),
    "adds a comment": (LINES, f"        /* mine */\n{LINES}"),
    "prints another prefix": ("{{ prefix }}", "203.0.113.0/24"),
    "says exact for all": (" upto /{{ le }}", " exact"),
    "adds an action": (JUNOS_ACTION, " accept"),
    "drops the action": (JUNOS_ACTION, ""),
    "drops a list": ("in lists", "in lists[1:]"),
    "prints only the first list": ("in lists", "in lists[:1]"),
    "adds a list": (LISTS, JUNOS_ONE_MORE + LISTS),
    "renames a list": ("{{ list.name }}", "{{ list.name }}X"),
    "does not replace the list": ("replace: ", ""),
    "replaces all policies": ("policy-options {", "replace: policy-options {"),
    "replaces a list twice": ("    }\n{% endfor %}", f"    }}\n{JUNOS_AGAIN}{{% endfor %}}"),
    "deletes a list of others": (LISTS, f"    delete: route-filter-list CORE;\n{LISTS}"),
    "does more than filters": ("policy-options {", "protocols { delete: bgp; }\npolicy-options {"),
}
LIES = {"eos": EOS_LIES, "junos": JUNOS_LIES}


@pytest.mark.parametrize(("platform", "lie"), [(p, lie) for p in LIES for lie in LIES[p]])
def test_a_template_that_prints_something_else_is_refused(
    platform: str, lie: str, tmp_path: Path
) -> None:
    path = tmp_path / platform / "prefix_filters.j2"
    path.parent.mkdir()
    path.write_text(tampered(platform, *LIES[platform][lie]))
    changes = decided(
        filter_of("10.0.0.0/22 le 24", "10.0.8.0/24", "10.0.10.0/24"),
        filter_of("10.1.0.0/24", peer=64501),
        made(PrefixSet.empty(Afi.IPV4), 64502),
    )
    with pytest.raises(RenderError) as raised:
        render_candidate(find_platform(platform), Renderer(tmp_path), changes)
    assert raised.value.subject == f"template {platform}/prefix_filters.j2"
    assert "template of its own" in raised.value.hint


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_a_template_may_print_in_its_own_way(platform: str, tmp_path: Path) -> None:
    """What must be right is what it means."""
    path = tmp_path / platform / "prefix_filters.j2"
    path.parent.mkdir()
    own = tampered(platform, LINES, LINES.replace("list.lines", "list.lines | reverse"))
    path.write_text("\n" + re.sub("^   ", "\t ", own, flags=re.MULTILINE))
    changes = decided(filter_of("10.0.0.0/22 le 24", "10.0.8.0/24"))
    candidate = render_candidate(find_platform(platform), Renderer(tmp_path), changes)
    assert candidate != render_candidate(find_platform(platform), Renderer(), changes)


@pytest.mark.parametrize("platform", routers.PLATFORMS)
def test_the_candidate_of_other_changes_is_refused(platform: str) -> None:
    module = find_platform(platform)
    ours = decided(filter_of("10.0.0.0/24"))
    candidate = render_candidate(module, Renderer(), decided(filter_of("10.0.2.0/24")))
    with pytest.raises(RenderError, match=NAME):
        verify_candidate(module, candidate, ours)

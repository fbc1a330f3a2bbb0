"""Deployments and their journal: what a run writes, and what the next one finds."""

from __future__ import annotations

import pytest

from irrgate.errors import StateError
from irrgate.state import JournalEntry, Left, State
from tests.unit.state.places import HOUR, NAME, NEW, NOW, OLD, SIX, Place, deploy, good, held

BEFORE = {NAME: OLD.digest, "IRR-AS64500-V6": None}
AFTER = {NAME: NEW.digest, "IRR-AS64500-V6": SIX.digest}


@pytest.fixture
def kept(state: State) -> None:
    for each in (OLD, NEW, SIX):
        state.keep_prefixes(each)


@pytest.mark.usefixtures("kept")
class TestDeployments:
    def test_all_of_it_comes_back(self, state: State, place: Place) -> None:
        hosts = ["edge2", "núcleo 1", "edge1", "edge2"]
        number = state.begin_deployment("refresh", "ana", "nightly", "abc", hosts, NOW, "urgent")
        state.begin_host(number, "edge2", "eos", BEFORE, AFTER, NOW + HOUR)
        state.journal(number, "edge2", "commit", NOW + HOUR, {"session": "irrgate-1", "n": [1]})
        state.journal(number, "edge2", "confirm", NOW)
        state.end_host(number, "edge2", "done", "", NOW + 2 * HOUR)
        state.end_host(number, "núcleo 1", "locked", "another run\nis at work \x1b[1m", NOW)
        state.end_deployment(number, "partly", NOW + 3 * HOUR)
        with place.open() as again:
            found = again.deployment(number)
            assert again.deployments()[0].hosts[1:] == found.hosts[1:]
        assert (found.kind, found.who, found.reason, found.plan, found.outside_window) == (
            "refresh", "ana", "nightly", "abc", "urgent",
        )  # fmt: skip
        assert (found.began_at, found.ended_at, found.result) == (NOW, NOW + 3 * HOUR, "partly")
        assert [each.host for each in found.hosts] == ["edge2", "núcleo 1", "edge1"]
        first, second, third = found.hosts
        assert (first.before, first.after, first.platform) == (BEFORE, AFTER, "eos")
        assert (first.began_at, first.ended_at) == (NOW + HOUR, NOW + 2 * HOUR)
        assert first.journal == (
            JournalEntry("commit", NOW + HOUR, {"session": "irrgate-1", "n": [1]}),
            JournalEntry("confirm", NOW),
        )
        assert (second.outcome, second.reason) == ("locked", r"another run\nis at work \x1b[1m")
        assert (third.began_at, third.outcome, third.before) == (None, None, {})

    def test_the_newest_come_first_whatever_the_clock_says(self, state: State) -> None:
        numbers = [deploy(state, BEFORE, AFTER, at=NOW - n * HOUR) for n in range(5)]
        found = state.deployments(3)
        assert [each.id for each in found] == numbers[:1:-1]
        assert all(each.hosts[0].before == BEFORE for each in found)

    def test_one_that_is_not_there(self, state: State) -> None:
        with pytest.raises(StateError, match="no deployment 7") as caught:
            state.deployment(7)
        assert "irrgate history" in caught.value.hint

    def test_a_reason_from_a_router_is_cut_and_never_refused(self, state: State) -> None:
        number = deploy(state, {}, {}, outcome=None)
        state.end_host(number, "edge1", "failed", "\udcff\0" + "x" * 20_000, NOW)
        reason = state.deployment(number).hosts[0].reason
        assert reason.startswith(r"\udcff\x00xxx")
        assert len(reason) == 10_000

    def test_what_is_ended_stays_as_it_was_ended(self, state: State) -> None:
        number = deploy(state, BEFORE, AFTER)
        with pytest.raises(StateError, match=f"deployment {number}: edge1 was ended before"):
            state.end_host(number, "edge1", "failed", "late", NOW)
        with pytest.raises(StateError, match="it was ended before"):
            state.end_deployment(number, "failed", NOW)
        with pytest.raises(StateError, match="it was ended before"):
            state.begin_host(number, "edge1", "eos", {}, {}, NOW)
        found = state.deployment(number)
        assert (found.result, found.hosts[0].outcome) == ("done", "done")

    def test_a_router_is_begun_once(self, state: State) -> None:
        number = state.begin_deployment("apply", "ana", "", "abc", ["edge1", "edge2"], NOW)
        state.begin_host(number, "edge1", "eos", BEFORE, AFTER, NOW)
        state.end_host(number, "edge2", "skipped", "", NOW)
        for host in ("edge1", "edge2", "edge3"):
            with pytest.raises(StateError, match=f"{host} was begun or ended before, or is not"):
                state.begin_host(number, host, "eos", {}, {}, NOW)
        for host, wrong in (("edge3", number), ("edge1", 99)):
            with pytest.raises(StateError):
                state.journal(wrong, host, "commit", NOW)
            with pytest.raises(StateError):
                state.end_host(wrong, host, "done", "", NOW)
        with pytest.raises(StateError):
            state.end_deployment(99, "done", NOW)

    def test_a_router_with_no_way_back_is_not_begun(self, state: State) -> None:
        number = state.begin_deployment("apply", "ana", "", "abc", ["edge1"], NOW)
        with pytest.raises(StateError, match="is not kept, so there would be no way back"):
            state.begin_host(number, "edge1", "eos", {NAME: "f" * 64}, AFTER, NOW)
        assert state.deployment(number).hosts[0].began_at is None
        assert state.unfinished() == ()


@pytest.mark.usefixtures("kept")
class TestUnfinished:
    def test_what_was_begun_and_not_ended_is_found(self, state: State) -> None:
        done = deploy(state, BEFORE, AFTER)
        numbers = []
        for host in ("edge1", "edge2"):
            number = state.begin_deployment("apply", "ana", "", "abc", ["edge0", host], NOW - HOUR)
            state.begin_host(number, host, "eos", BEFORE, AFTER, NOW)
            state.journal(number, host, "commit", NOW, {"session": "x"})
            numbers.append(number)
        found = state.unfinished()
        assert [(each.deployment, each.host) for each in found] == [
            (numbers[0], "edge1"), (numbers[1], "edge2"),
        ]  # fmt: skip
        assert all(each.is_unfinished for each in found)
        assert found[0].after == AFTER
        assert found[0].journal == (JournalEntry("commit", NOW, {"session": "x"}),)
        assert state.unfinished(["edge2", "edge9"]) == found[1:]
        assert state.unfinished([]) == ()
        state.end_host(numbers[0], "edge1", "reverted", "", NOW)
        assert state.unfinished() == found[1:]
        assert not state.deployment(done).hosts[0].is_unfinished

    def test_a_deployment_of_a_live_run_is_not_left_behind(
        self, state: State, place: Place
    ) -> None:
        with place.open() as other:
            left = deploy(other, BEFORE, AFTER, outcome=None)
            running = state.begin_deployment("apply", "eva", "", "abc", ["edge2"], NOW)
            assert state.unended_deployments() == ()
            assert other.unended_deployments() == ()
        assert state.unended_deployments() == (left,)
        assert state.unended_deployments() == (left,)
        state.end_deployment(left, "interrupted", NOW)
        state.end_deployment(running, "done", NOW)
        assert state.unended_deployments() == ()


@pytest.mark.usefixtures("kept")
class TestRolledBack:
    def test_content_that_was_rolled_back_from_is_known(self, state: State) -> None:
        deploy(state, {NAME: OLD.digest}, {NAME: NEW.digest})
        assert state.rolled_back(NAME, NEW.digest) is None
        number = deploy(state, {NAME: NEW.digest}, {NAME: OLD.digest}, kind="rollback")
        assert state.rolled_back(NAME, NEW.digest) == number
        assert state.rolled_back(NAME, OLD.digest) is None
        assert state.rolled_back("IRR-AS1-V4", NEW.digest) is None

    def test_also_when_the_filter_went(self, state: State) -> None:
        number = deploy(state, {NAME: NEW.digest}, {NAME: None}, kind="rollback")
        assert state.rolled_back(NAME, NEW.digest) == number

    @pytest.mark.parametrize("outcome", ["failed", None])
    def test_not_by_a_rollback_that_did_not_happen(self, state: State, outcome: str | None) -> None:
        deploy(state, {NAME: NEW.digest}, {NAME: OLD.digest}, kind="rollback", outcome=outcome)
        assert state.rolled_back(NAME, NEW.digest) is None

    def test_not_where_it_stayed(self, state: State) -> None:
        deploy(state, {NAME: NEW.digest}, {NAME: NEW.digest}, kind="rollback")
        assert state.rolled_back(NAME, NEW.digest) is None

    def test_until_it_is_accepted_later(self, state: State) -> None:
        state.accept(held(NEW), None, "ana", "before", NOW + HOUR)
        number = deploy(state, {NAME: NEW.digest}, {NAME: OLD.digest}, kind="rollback")
        assert state.rolled_back(NAME, NEW.digest) == number
        state.accept(held(NEW, name="IRR-AS1-V4"), None, "ana", "another's", NOW)
        assert state.rolled_back(NAME, NEW.digest) == number
        accepted = state.accept(held(NEW), None, "ana", "after", NOW - HOUR)
        assert state.rolled_back(NAME, NEW.digest) is None
        state.use_acceptance(accepted.id, deploy(state, {}, {}))
        assert state.rolled_back(NAME, NEW.digest) is None
        number = deploy(state, {NAME: NEW.digest}, {NAME: OLD.digest}, kind="rollback")
        assert state.rolled_back(NAME, NEW.digest) == number

    def test_or_a_later_rollback_brings_it_back(self, state: State) -> None:
        away, back = {NAME: NEW.digest}, {NAME: OLD.digest}
        deploy(state, away, back, kind="rollback")
        number = deploy(state, back, away, kind="rollback")
        assert state.rolled_back(NAME, NEW.digest) is None
        assert state.rolled_back(NAME, OLD.digest) == number


@pytest.mark.usefixtures("kept")
class TestPruning:
    def test_what_is_old_goes_with_the_sets_that_only_it_had(self, state: State) -> None:
        old = deploy(state, {NAME: OLD.digest}, {NAME: NEW.digest}, at=NOW - 2 * HOUR)
        state.use_acceptance(state.accept(held(NEW), None, "ana", "once", NOW).id, old)
        young = deploy(state, {NAME: NEW.digest}, {NAME: None})
        state.prune(NOW - HOUR)
        assert [each.id for each in state.deployments()] == [young]
        assert state.prefixes(NEW.digest) == NEW
        with pytest.raises(StateError, match="holds no prefix set"):
            state.prefixes(OLD.digest)
        assert deploy(state, {}, {}) > young

    def test_what_is_newest_or_unfinished_stays(self, state: State) -> None:
        begun = deploy(state, BEFORE, AFTER, outcome=None)
        state.end_deployment(begun, "interrupted", NOW)
        unended = state.begin_deployment("apply", "ana", "", "abc", ["edge1"], NOW)
        gone = deploy(state, BEFORE, AFTER)
        newest = deploy(state, {}, {})
        state.prune(NOW + HOUR)
        assert [each.id for each in state.deployments()] == [newest, unended, begun]
        assert len(state.unfinished()) == 1
        with pytest.raises(StateError, match=f"no deployment {gone}"):
            state.deployment(gone)

    def test_sets_that_something_refers_to_stay(self, state: State) -> None:
        state.keep_good(good(OLD), OLD)
        state.set_held([], [held(NEW)])
        state.accept(held(SIX), None, "ana", "later", NOW)
        deploy(state, {}, {})
        state.prune(NOW + HOUR)
        assert state.stored().prefix_sets == 3

    def test_sets_that_a_run_may_be_about_to_refer_to_stay(self, state: State) -> None:
        running = state.begin_deployment("apply", "ana", "", "abc", ["edge1"], NOW)
        state.keep_prefixes(NEW)
        deploy(state, {}, {})
        state.prune(NOW + HOUR)
        assert state.prefixes(NEW.digest) == NEW
        with pytest.raises(StateError):
            state.prefixes(OLD.digest)
        state.end_deployment(running, "done", NOW)
        state.prune(NOW + HOUR)
        with pytest.raises(StateError):
            state.prefixes(NEW.digest)


@pytest.mark.usefixtures("kept")
class TestWhatWasLeft:
    def test_the_newest_deployment_that_went_through_counts(self, state: State) -> None:
        assert state.left_on("edge1", [NAME]) == {}
        first = deploy(state, {NAME: None}, {NAME: OLD.digest})
        deploy(state, {NAME: OLD.digest}, {NAME: NEW.digest}, outcome="reverted")
        deploy(state, {NAME: OLD.digest}, {NAME: NEW.digest}, outcome=None)
        assert state.left_on("edge1", [NAME, "IRR-AS1-V4"]) == {NAME: Left(first, OLD.digest)}
        second = deploy(state, {NAME: OLD.digest}, {NAME: None})
        assert state.left_on("edge1", [NAME]) == {NAME: Left(second, None)}
        assert state.left_on("edge2", [NAME]) == {}

    def test_many_filters_at_once(self, state: State) -> None:
        names = [f"IRR-AS{number}-V4" for number in range(1200)]
        number = deploy(state, dict.fromkeys(names), dict.fromkeys(names, OLD.digest))
        assert state.left_on("edge1", names) == dict.fromkeys(names, Left(number, OLD.digest))

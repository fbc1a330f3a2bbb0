"""Filters that are remembered: the last good ones, the held ones, and what was accepted."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from irrgate.errors import StateError
from irrgate.prefixes import Afi, PrefixSet
from irrgate.rpsl import Asn
from irrgate.state import State
from tests.unit.filters_made import prefixes
from tests.unit.state.places import HOUR, NAME, NEW, NOW, OLD, SIX, Place, deploy, good, held


class TestPrefixSets:
    @pytest.mark.parametrize(
        "content",
        [
            OLD,
            SIX,
            PrefixSet.empty(Afi.IPV4),
            PrefixSet.empty(Afi.IPV6),
            prefixes("0.0.0.0/0 le 32"),
            prefixes("::/0 le 128"),
        ],
    )
    def test_what_is_kept_is_what_is_read(self, place: Place, content: PrefixSet) -> None:
        with place.open() as state:
            assert state.keep_prefixes(content) == content.digest
            assert state.keep_prefixes(content) == content.digest
            assert state.stored().prefix_sets == 1
        with place.open() as state:
            found = state.prefixes(content.digest)
            assert (found, found.afi) == (content, content.afi)
            assert list(found.entries()) == list(content.entries())

    def test_a_large_one_takes_a_few_bytes_a_prefix(self, state: State) -> None:
        numbers = random.Random(1).sample(range(1 << 20, 14 << 20), 200_000)
        content = PrefixSet.from_keys(Afi.IPV4, [number << 16 | 24 for number in numbers])
        state.keep_prefixes(content)
        with state._database.reading() as connection:
            size = connection.exec_driver_sql("SELECT length(packed) FROM prefix_sets").scalar_one()
        assert size < 5 * len(numbers)
        assert state.prefixes(content.digest) == content

    def test_one_that_is_not_there(self, state: State) -> None:
        with pytest.raises(StateError, match="holds no prefix set"):
            state.prefixes(OLD.digest)

    def test_many_threads_at_once(self, state: State) -> None:
        sets = [prefixes(f"10.{number}.0.0/16") for number in range(40)]
        wrong: list[BaseException] = []

        def keep(some: list[PrefixSet]) -> None:
            try:
                for each in some:
                    assert state.prefixes(state.keep_prefixes(each)) == each
            except BaseException as exc:  # noqa: BLE001
                wrong.append(exc)

        threads = [threading.Thread(target=keep, args=(sets[n % 4 :: 4],)) for n in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert state.stored().prefix_sets == len(sets)


class TestGoodFilters:
    def test_all_of_it_comes_back(self, place: Place) -> None:
        other = good(
            SIX, name="IRR-AS4294967295-V6", peer=Asn(4294967295), afi=Afi.IPV6, server=None,
            why="accepted", expanded_at=NOW.astimezone(None),
        )  # fmt: skip
        with place.open() as state:
            state.keep_good(good(), OLD)
            state.keep_good(other, SIX)
        with place.open() as state:
            assert state.good(NAME) == good()
            assert state.goods() == {NAME: good(), other.name: other}
            assert list(state.goods()) == sorted([NAME, other.name])
            assert state.prefixes(good().digest) == OLD
            assert state.good("IRR-AS1-V4") is None
            assert state.goods()[NAME].expanded_at.utcoffset() == timedelta(0)

    def test_the_newest_takes_the_place_of_the_one_before(self, state: State) -> None:
        state.keep_good(good(), OLD)
        newer = good(NEW, expanded_at=NOW - HOUR, why="found", server="whois.radb.net")
        state.keep_good(newer, NEW)
        assert state.good(NAME) == newer

    def test_its_time_never_moves_back(self, state: State) -> None:
        state.keep_good(good(), OLD)
        state.touch_good(NAME, OLD.digest, NOW - HOUR)
        assert state.good(NAME) == good()
        state.keep_good(good(expanded_at=NOW - HOUR, server="whois.radb.net"), OLD)
        assert state.good(NAME) == good(server="whois.radb.net")
        state.touch_good(NAME, OLD.digest, NOW + HOUR)
        assert state.good(NAME) == good(expanded_at=NOW + HOUR, server="whois.radb.net")

    def test_other_content_does_not_make_it_newer(self, state: State) -> None:
        state.keep_good(good(), OLD)
        state.touch_good(NAME, NEW.digest, NOW + HOUR)
        assert state.good(NAME) == good()

    def test_what_a_person_accepted_stays_accepted(self, state: State) -> None:
        state.keep_good(good(why="accepted"), OLD)
        state.keep_good(good(why="committed", server="whois.radb.net"), OLD)
        assert state.good(NAME) == good(why="accepted", server="whois.radb.net")
        state.keep_good(good(NEW), NEW)
        state.keep_good(good(), OLD)
        assert state.good(NAME) == good()

    def test_many_at_once_or_none(self, state: State) -> None:
        many = [
            (good(content, name=f"IRR-AS{n}-V4"), content) for n, content in enumerate([OLD, NEW])
        ]
        state.keep_goods(many)
        assert list(state.goods().values()) == [each for each, _ in many]
        with pytest.raises(StateError, match="not the one of its prefixes"):
            state.keep_goods([(good(name="IRR-AS7-V4"), OLD), (good(NEW), OLD)])
        assert len(state.goods()) == 2
        digests = {"IRR-AS0-V4": OLD.digest, "IRR-AS1-V4": OLD.digest, "IRR-AS9-V4": OLD.digest}
        state.touch_goods(digests, NOW + HOUR)
        times = {name: each.expanded_at for name, each in state.goods().items()}
        assert times == {"IRR-AS0-V4": NOW + HOUR, "IRR-AS1-V4": NOW}
        state.touch_goods({}, NOW)

    def test_a_digest_that_is_not_its_prefixes(self, state: State) -> None:
        for wrong in (good(NEW), good(afi=Afi.IPV6)):
            with pytest.raises(StateError, match="not the one of its prefixes"):
                state.keep_good(wrong, OLD)
        assert state.goods() == {}
        assert state.stored().prefix_sets == 0

    def test_a_time_without_a_zone_is_refused(self, state: State) -> None:
        with pytest.raises(StateError, match="a time without a zone"):
            state.keep_good(good(expanded_at=NOW.replace(tzinfo=None)), OLD)
        assert state.stored().prefix_sets == 0

    def test_two_runs_that_keep_the_same_at_once(self, state: State, place: Place) -> None:
        names = [f"IRR-AS{n}-V4" for n in range(15)]
        wrong: list[BaseException] = []
        together = threading.Barrier(4)

        def keep(run: State) -> None:
            try:
                for name in names:
                    together.wait()
                    run.keep_good(good(name=name), OLD)
                    run.set_held([name], [held(name=name)])
                    run.accept(held(name=name), None, "ana", "yes", NOW)
            except BaseException as exc:  # noqa: BLE001
                wrong.append(exc)
                together.abort()

        with place.open() as other:
            threads = [threading.Thread(target=keep, args=(run,)) for run in (state, other) * 2]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert wrong == []
        assert set(state.goods()) == {each.name for each in state.held()} == set(names)


class TestHeldFilters:
    def test_a_plan_replaces_what_is_held_of_its_own_names(self, state: State) -> None:
        one, two, three = (held(name=f"IRR-AS{n}-V4", peer=Asn(n)) for n in (1, 2, 3))
        state.set_held([], [one, two])
        assert state.held() == (one, two)
        newer = replace(two, digest=None, entries=0, guards=("unknown set",))
        state.set_held(["IRR-AS2-V4", "IRR-AS3-V4", "IRR-AS4-V4"], [newer, three])
        assert state.held() == (one, newer, three)
        state.set_held(["IRR-AS2-V4"], [])
        assert state.held() == (one, three)

    def test_of_a_peer_and_of_a_family(self, state: State) -> None:
        four = held()
        six = held(SIX, name="IRR-AS64500-V6", afi=Afi.IPV6)
        other = held(name="IRR-AS64501-V4", peer=Asn(64501))
        state.set_held([], [six, other, four])
        assert state.held(Asn(64500)) == (four, six)
        assert state.held(Asn(64500), Afi.IPV6) == (six,)
        assert state.held(afi=Afi.IPV4) == (four, other)
        assert state.held(Asn(1)) == ()

    def test_thousands_of_names(self, state: State) -> None:
        names = [f"IRR-AS{n}-V4" for n in range(40_000)]
        state.set_held([], [held(name=name) for name in names[:2000]])
        assert len(state.held()) == 2000
        state.set_held(names, [])
        assert state.held() == ()


class TestAcceptances:
    def test_it_lets_one_content_through_once(self, state: State) -> None:
        accepted = state.accept(held(), NEW, "ana", "they said so by phone", NOW)
        assert (accepted.name, accepted.digest, accepted.used_by) == (NAME, NEW.digest, None)
        assert (accepted.who, accepted.at) == ("ana", NOW)
        assert state.acceptance(NAME, NEW.digest) == accepted
        assert state.prefixes(NEW.digest) == NEW
        assert state.acceptance(NAME, OLD.digest) is None
        assert state.acceptance("IRR-AS64501-V4", NEW.digest) is None
        number = deploy(state, {}, {})
        state.use_acceptance(accepted.id, number)
        assert state.acceptance(NAME, NEW.digest) is None
        with pytest.raises(StateError, match="was used before"):
            state.use_acceptance(accepted.id, number)

    def test_twice_said_is_once_let_through(self, state: State) -> None:
        state.accept(held(), NEW, "ana", "first", NOW)
        second = state.accept(held(), None, "eva", "second", NOW)
        assert state.acceptance(NAME, NEW.digest) == second
        state.use_acceptance(second.id, deploy(state, {}, {}))
        assert state.acceptance(NAME, NEW.digest) is None

    def test_what_has_no_content_cannot_be_accepted(self, state: State) -> None:
        with pytest.raises(StateError, match="no content") as caught:
            state.accept(held(None), None, "ana", "please", NOW)
        assert caught.value.subject == NAME
        assert caught.value.hint

    def test_nor_one_with_other_prefixes(self, state: State) -> None:
        with pytest.raises(StateError, match="not the one of its prefixes"):
            state.accept(held(), OLD, "ana", "please", NOW)
        assert state.acceptance(NAME, NEW.digest) is None

    def test_nor_for_a_deployment_that_is_not_there(self, state: State) -> None:
        accepted = state.accept(held(), NEW, "ana", "please", NOW)
        with pytest.raises(StateError, match="contradicts"):
            state.use_acceptance(accepted.id, 99)
        assert state.acceptance(NAME, NEW.digest) == accepted

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("x" * 10_001, "10001 characters"),
            ("two\nlines", r"'\\n'"),
            ("a\x1bna", r"'\\x1b'"),
            ("\u202edesrever", r"'\\u202e'"),
            ("\udcff", r"'\\udcff'"),
            ("\0", r"'\\x00'"),
        ],
    )
    def test_texts_that_are_refused(self, state: State, text: str, told: str) -> None:
        for who, reason, window in ((text, "r", ""), ("ana", text, ""), ("ana", "r", text)):
            with pytest.raises(StateError, match=told):
                state.begin_deployment("apply", who, reason, "abc", [], NOW, window)
            if not window:
                with pytest.raises(StateError, match=told):
                    state.accept(held(), NEW, who, reason, NOW)
        assert state.acceptance(NAME, NEW.digest) is None
        assert state.deployments() == ()

    def test_the_longest_text_is_kept(self, state: State) -> None:
        reason = "ñ" * 10_000
        assert state.accept(held(), NEW, "ana", reason, NOW).reason == reason

    def test_all_that_were_not_used(self, state: State) -> None:
        assert state.acceptances() == {}
        number = deploy(state, {}, {})
        used = state.accept(held(), NEW, "ana", "yes", NOW)
        state.use_acceptance(used.id, number)
        first = state.accept(held(), NEW, "ana", "again", NOW)
        other = state.accept(held(OLD, name="IRR-AS1-V4"), OLD, "ana", "yes", NOW)
        assert state.acceptances() == {
            (NAME, NEW.digest): first,
            ("IRR-AS1-V4", OLD.digest): other,
        }

    def test_the_names_that_a_rollback_changed(self, state: State) -> None:
        old, new = state.keep_prefixes(OLD), state.keep_prefixes(NEW)
        deploy(state, {"IRR-AS1-V4": old}, {"IRR-AS1-V4": new})
        assert state.rolled_back_names() == frozenset()
        deploy(state, {NAME: new}, {NAME: old}, kind="rollback")
        assert state.rolled_back_names() == {NAME}
        assert state.rolled_back(NAME, new)

"""Configs and commits of the emulated Junos device, by NAPALM's own JunOSDriver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from jnpr.junos.exception import CommitError, RpcError  # type: ignore[import-untyped]
from napalm.base.exceptions import (
    CommitConfirmException,
    MergeConfigException,
)

from tests.lab.harness import LabDevice
from tests.lab.junos_driver import (
    CHANGE,
    DIFF,
    RUNNING,
    applied,
    change,
    events,
    eventually,
    opened,
    reset,
)
from tests.lab.junos_semantics import accepts, route_filters

pytestmark = pytest.mark.e2e

UNDEFINED = (
    "Policy error: IRR-AS64500-V4 route-filter-list referenced (in term irr) but not defined"
)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    with LabDevice.start("junos", "edge1", tmp_path_factory.mktemp("lab") / "edge1") as device:
        yield device


@pytest.fixture
def edge1(device: LabDevice) -> LabDevice:
    reset(device)
    return device


def test_running_is_read_back_as_it_is_in_the_device(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        running = driver.get_config(retrieve="running")["running"]
    assert running.split("\n", 2)[2] == RUNNING == edge1.running()
    assert running.startswith("\n## Last commit: ")


def test_a_part_of_the_config_can_be_read(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        answer = driver.device.rpc.get_config(
            filter_xml="policy-options/route-filter-list",
            options={"format": "text", "database": "committed"},
        )
    assert "192.0.2.0/24 exact;" in answer.text
    assert "policy-statement" not in answer.text


def test_replace_compare_and_commit_with_a_message(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        assert driver.compare_config() == DIFF
        assert edge1.running() == RUNNING
        driver.commit_config(message="CHG1 & more")
        assert driver.compare_config() == ""
        driver.close()
    assert edge1.running() == RUNNING.replace("192.0.2.0/24", "203.0.113.0/24")
    assert accepts(edge1.running(), "IRR-AS64500-V4", "203.0.113.0/24")
    log = applied(edge1)
    assert events(edge1) == ["lock", "commit", "unlock"]
    assert [entry.changed for entry in log] == [False, True, False]
    assert (log[1].objects, log[1].entries) == (("IRR-AS64500-V4",), {"IRR-AS64500-V4": 1})
    assert (log[1].user, log[1].detail) == ("lab", "CHG1 & more")


def test_merge_without_a_tag_adds(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=change("203.0.113.0/24 exact;", tag=""))
        assert driver.compare_config().split("\n")[1:] == ["+    203.0.113.0/24 exact;"]
        driver.commit_config()
    assert applied(edge1)[-2].entries == {"IRR-AS64500-V4": 2}


def test_replace_candidate_replaces_everything(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_replace_candidate(config="system { host-name edge9; }")
        assert driver.compare_config().startswith("[edit]\n-   policy-options {")
        driver.commit_config()
    assert edge1.running() == "system {\n    host-name edge9;\n}\n"


def test_loading_what_is_there_already_shows_no_difference(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=change("192.0.2.0/24 exact;"))
        assert driver.compare_config() == ""
        assert edge1.candidates() == []


def test_discard_drops_the_candidate_and_releases_the_lock(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        assert [candidate["state"] for candidate in edge1.candidates()] == ["changed"]
        assert [lock["user"] for lock in edge1.locks()] == ["lab"]
        driver.discard_config()
        assert (edge1.candidates(), edge1.locks()) == ([], [])
        driver.close()
    assert edge1.running() == RUNNING
    assert events(edge1) == ["lock", "discard", "unlock"]


def test_commit_with_revert_is_confirmed_in_the_same_connection(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        driver.commit_config(revert_in=120)
        assert driver.has_pending_commit()
        driver.confirm_commit()
        assert not driver.has_pending_commit()
        driver.close()
    edge1.advance(600)
    assert "203.0.113.0/24" in edge1.running()
    assert events(edge1) == ["lock", "commit-confirmed", "unlock", "confirmed"]


def test_a_revert_timer_outlives_its_session_and_another_one_confirms(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        driver.commit_config(revert_in=120)
        driver.close()
    edge1.advance(100)
    with opened(edge1) as driver:
        (left,) = driver._get_pending_commits().values()
        assert 15 <= left <= 21
        driver.confirm_commit()
    edge1.advance(600)
    assert "203.0.113.0/24" in edge1.running()
    assert edge1.candidates() == []


def test_an_unconfirmed_commit_is_reverted(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        driver.commit_config(revert_in=60)
        driver.close()
    edge1.advance(59)
    assert "203.0.113.0/24" in edge1.running()
    edge1.advance(1)
    assert edge1.running() == RUNNING
    with opened(edge1) as driver:
        assert not driver.has_pending_commit()
        history = driver.device.rpc.get_commit_information()
    assert [entry.findtext("user") for entry in history[:3]] == ["root", "lab", "root"]
    reverted = applied(edge1)[-1]
    assert (reverted.event, reverted.objects) == ("rollback-timer", ("IRR-AS64500-V4",))


def test_a_commit_check_confirms_too(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        driver.commit_config(revert_in=60)
        history = driver.device.rpc.get_commit_information()
        assert history[0].findtext("commit-confirmed") == "rollback pending"
        driver.device.cu.commit_check()
        history = driver.device.rpc.get_commit_information()
        assert history[0].findtext("commit-confirmed") is None
        # NAPALM reads the comment, which stays.
        assert driver.has_pending_commit()
    edge1.advance(600)
    assert "203.0.113.0/24" in edge1.running()


def test_revert_in_takes_whole_minutes_only(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        with pytest.raises(CommitConfirmException):
            driver.commit_config(revert_in=90)
    assert eventually(lambda: edge1.locks() == [])
    assert events(edge1) == ["lock", "discard", "unlock"]


def test_rollback_brings_the_config_before_the_last_commit(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        driver.commit_config()
        driver.rollback()
    assert edge1.running() == RUNNING
    assert events(edge1)[-2:] == ["rollback", "commit"]


def test_a_rollback_that_there_is_not(edge1: LabDevice) -> None:
    with opened(edge1) as driver, pytest.raises(RpcError, match="rollback 49 is not available"):
        driver.device.cu.rollback(49)


def test_a_refused_entry_is_named_and_nothing_stays(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        with pytest.raises(MergeConfigException) as caught:
            driver.load_merge_candidate(config=change("192.0.2.0/24 exact; 203.0.113.0/33 exact;"))
        (error,) = caught.value.args[0]
        assert error["bad_element"] == "203.0.113.0/33"
        assert error["edit_path"] == "[edit policy-options route-filter-list IRR-AS64500-V4]"
        assert (edge1.candidates(), edge1.locks()) == ([], [])
    assert edge1.running() == RUNNING
    assert "load-error" in events(edge1)


def test_the_lines_that_were_good_are_in_the_candidate_until_it_is_discarded(
    edge1: LabDevice,
) -> None:
    with opened(edge1) as driver:
        with pytest.raises(RpcError):
            driver.device.cu.load(change("203.0.113.0/24 exact; nonsense;"), format="text")
        assert driver.compare_config() == DIFF


def test_a_commit_that_does_not_check_out_changes_nothing(edge1: LabDevice) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(
            config="policy-options { delete: route-filter-list IRR-AS64500-V4; }"
        )
        with pytest.raises(CommitError) as caught:
            driver.commit_config()
        assert [error["message"] for error in caught.value.errs] == [
            UNDEFINED,
            "configuration check-out failed",
        ]
        assert edge1.candidates() != []
    assert edge1.running() == RUNNING
    assert eventually(lambda: edge1.locks() == [])
    assert events(edge1) == ["lock", "commit-error", "discard", "unlock"]


def test_a_hundred_thousand_entries(edge1: LabDevice) -> None:
    body = "\n".join(f"10.{i >> 8 & 255}.{i & 255}.0/24 exact;" for i in range(65536))
    body += "\n".join(f"11.{i >> 8 & 255}.{i & 255}.0/24 exact;" for i in range(34464))
    with opened(edge1, timeout=60) as driver:
        driver.load_merge_candidate(config=change(body))
        assert driver.compare_config().count("\n+    ") == 100_000
        driver.commit_config()
        running = driver.get_config(retrieve="running")["running"]
    assert applied(edge1)[1].entries == {"IRR-AS64500-V4": 100_000}
    filters = route_filters(running)
    assert accepts(filters, "IRR-AS64500-V4", "11.134.159.0/24")
    assert not accepts(filters, "IRR-AS64500-V4", "11.134.160.0/24")

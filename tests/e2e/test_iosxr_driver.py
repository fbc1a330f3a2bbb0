"""The IOS-XR driver alone: what waits to be confirmed, whose it is, what a lost session does."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import CandidateRefused, CommitRefused, ConnectionFailed, Locked
from tasks.drivers.iosxr_netconf import _NO_CHANGES, IosxrNetconfDriver
from tasks.drivers.iosxr_session import LOST, NotXmlError, _Handler
from tests.e2e.desk import CHANGES, DONE, PROBLEMS, Desk, config, events, eventually, told
from tests.e2e.iosxr_lab import POLICY, ROUTER, V4, connected, desk, load, router, xr_lab
from tests.lab.harness import LabDevice

__all__ = ["desk", "router", "xr_lab"]
pytestmark = pytest.mark.e2e

OLD = ["10.10.0.0/17"]
NEW = PrefixSet.parse(Afi.IPV4, ["10.20.0.0/16"])


@pytest.fixture
def xr(router: LabDevice) -> LabDevice:
    """A router that holds the old filter; no session with it was lost lately."""
    LOST._lost.clear()
    # The router itself sees the end of one that was cut when it gets to it.
    assert eventually(lambda: not router.locks(), 30)
    router.set_running(config(router, {V4: OLD}))
    return router


@pytest.fixture
def driver(xr: LabDevice) -> Iterator[IosxrNetconfDriver]:
    with connected(xr) as driver:
        yield driver


def committed(driver: IosxrNetconfDriver, revert_in: int | None = 600) -> None:
    load(driver, {V4: NEW})
    driver.commit_config(revert_in=revert_in)


# What waits, and whose it is


def test_the_session_that_committed_knows_it_and_confirms_it(
    xr: LabDevice, driver: IosxrNetconfDriver
) -> None:
    before = xr.running()
    committed(driver)
    [(name, seconds)] = driver._get_pending_commits().items()
    assert 590 < seconds <= 600
    assert driver.is_own_commit(name, "any")
    assert not driver.is_own_commit("session 1", "any")
    driver.confirm_commit()
    assert not driver.has_pending_commit()
    assert xr.candidates() == xr.locks() == []
    assert xr.running() != before
    xr.advance(700)
    driver.close()
    assert "rollback-timer" not in events(xr)


@pytest.mark.parametrize("text", ["% No configuration changes to commit.", "no changes"])
def test_words_for_a_commit_that_changes_nothing(text: str) -> None:
    assert _NO_CHANGES.search(text)


def test_taking_it_back_leaves_the_old_filter_at_once(
    xr: LabDevice, driver: IosxrNetconfDriver
) -> None:
    before = xr.running()
    committed(driver)
    driver.rollback()
    assert xr.running() == before
    assert xr.candidates() == []
    assert not driver.has_pending_commit()


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "cut"])
def test_the_end_of_the_session_takes_it_back(xr: LabDevice, closed: bool) -> None:
    before = xr.running()
    with connected(xr) as driver:
        committed(driver)
        if not closed:
            driver._cut()
    assert eventually(lambda: xr.running() == before)
    with connected(xr) as driver:
        assert not driver.has_pending_commit()


def test_another_session_sees_that_one_waits_and_touches_nothing(xr: LabDevice) -> None:
    with connected(xr) as one, connected(xr) as other:
        committed(one)
        with pytest.raises(Locked):
            other._get_pending_commits()
        one._unlock()  # as a person might leave it
        assert other._get_pending_commits() == {"another session": -1}
        for step in (other.confirm_commit, other.rollback):
            with pytest.raises(CommitRefused, match="no commit of this session"):
                step()
        assert not other.is_own_commit("another session", "any")
        assert xr.candidates()
        one.confirm_commit()
        assert not other.has_pending_commit()
    assert xr.locks() == xr.candidates() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The target configuration buffer is empty.", {}),
        ("out of memory", None),
    ],
)
def test_what_else_is_said_of_a_commit_that_changes_nothing(
    xr: LabDevice, text: str, found: dict[str, int] | None
) -> None:
    with connected(xr) as one, connected(xr) as other:
        committed(one)
        one._unlock()
        # To the lab any commit while one waits is a confirmation.
        xr.inject("error", "confirm", text=text)
        if found is None:
            with pytest.raises(CommitRefused, match=text):
                other._get_pending_commits()
        else:
            assert other._get_pending_commits() == found
    assert xr.locks() == []


def test_after_the_time_nothing_is_believed_of_the_same_session(
    xr: LabDevice, driver: IosxrNetconfDriver
) -> None:
    before = xr.running()
    committed(driver, revert_in=1)
    time.sleep(1.1)
    with pytest.raises(ConnectionFailed, match="time to confirm the commit has run out"):
        driver._get_pending_commits()
    assert xr.running() == before
    assert events(xr)[-1] in {"rollback-timer", "unlock"}
    with pytest.raises(ConnectionFailed):
        driver.get_config()


def test_a_commit_without_a_timer_stays(xr: LabDevice) -> None:
    with connected(xr) as driver:
        committed(driver, revert_in=None)
        assert driver._get_pending_commits() == {}
        with pytest.raises(CommitRefused):
            driver.rollback()
    assert "10.20.0.0/16" in xr.running()


# Loading, and the lock


def test_what_is_refused_leaves_no_lock_and_no_candidate(
    xr: LabDevice, driver: IosxrNetconfDriver
) -> None:
    before = xr.running()
    for text in ("bogus\n", f"prefix-set {V4}\n  10.0.0.0/33\nend-set\n", "hostname a\nbogus\n"):
        with pytest.raises(CandidateRefused, match=r"Invalid input|bits beyond"):
            driver.load_merge_candidate(config=text)
        assert xr.locks() == []
        assert driver.compare_config() == ""
    driver.discard_config()
    load(driver, {V4: NEW})
    assert driver.compare_config().splitlines() == [
        f"   prefix-set {V4}", "<-   10.10.0.0/17", "+>   10.20.0.0/16", "   end-set", "   !",
    ]  # fmt: skip
    driver.load_merge_candidate(config="hostname other\n")
    assert "prefix-set" not in driver.compare_config()
    driver.discard_config()
    driver.discard_config()
    assert xr.running() == before
    assert xr.locks() == []


def test_what_xml_has_a_meaning_for_arrives_as_it_is(
    xr: LabDevice, driver: IosxrNetconfDriver
) -> None:
    text = "hostname a<b>&amp;\"'c]]>]]>\n"
    driver.load_merge_candidate(config=text)
    assert f"+  {text}" in driver.compare_config()
    driver.commit_config()
    assert text in driver.get_config()["running"]


def test_what_no_xml_can_have_is_refused(xr: LabDevice, driver: IosxrNetconfDriver) -> None:
    with pytest.raises(CandidateRefused, match="XML compatible"):
        driver.load_merge_candidate(config="hostname \x07\n")
    assert xr.locks() == []


def test_what_the_router_finds_at_the_commit_is_told(
    xr: LabDevice, driver: IosxrNetconfDriver
) -> None:
    policy = POLICY.replace(V4, "NOWHERE")
    xr.set_running(config(xr, {V4: OLD}).removesuffix("end\n") + policy + "end\n")
    load(driver, {V4: NEW})
    with pytest.raises(CommitRefused, match=r"Policy \[AS64500-IN\] uses 'NOWHERE'"):
        driver.commit_config(revert_in=600)
    assert eventually(lambda: xr.locks() == [])


def test_a_warning_is_no_refusal(xr: LabDevice) -> None:
    xr.ask("commit_warnings", texts=["commits have occurred from other sessions"])
    try:
        with connected(xr) as driver:
            committed(driver)
            driver.confirm_commit()
    finally:
        xr.ask("commit_warnings", texts=[])
    assert events(xr)[-2:] == ["confirmed", "unlock"]


@pytest.mark.parametrize("step", ["commit", "confirm", "rollback"])
def test_what_is_refused_ends_the_session_and_what_waits(xr: LabDevice, step: str) -> None:
    before = xr.running()
    with connected(xr) as driver:
        asked: dict[str, Callable[[], None]] = {
            "commit": partial(committed, driver),
            "confirm": driver.confirm_commit,
            "rollback": driver.rollback,
        }
        if step != "commit":
            committed(driver)
        xr.inject("error", step)
        with pytest.raises(CommitRefused, match="internal error"):
            asked[step]()
        assert eventually(lambda: xr.candidates() == xr.locks() == [])
        with pytest.raises(ConnectionFailed):
            driver.get_config()
    assert xr.running() == before


def test_the_lock_of_another_session_is_named(xr: LabDevice, driver: IosxrNetconfDriver) -> None:
    with connected(xr) as other:
        other._lock()
        with pytest.raises(Locked, match=r"session \d+ holds the lock") as raised:
            load(driver, {V4: NEW})
        assert "netconf-yang" in raised.value.hint
        with pytest.raises(Locked), connected(xr, config_lock=True):
            pass
        assert [each["session"] for each in xr.locks()] == [other.device.session_id]


def test_a_session_of_ours_that_the_router_has_not_missed_is_ended(xr: LabDevice) -> None:
    before = xr.running()
    with connected(xr) as lost:
        committed(lost)
        close = lost.device._session.close
        lost.device._session.close = lambda: None  # the network is gone, and nobody tells
        lost._cut()
        assert xr.candidates()
        with connected(xr, config_lock=True) as driver:
            assert xr.candidates() == []
            assert xr.running() == before
            assert not driver.has_pending_commit()
        close()


def test_a_lock_is_kept_as_long_as_the_connection_where_it_is_to_be(xr: LabDevice) -> None:
    with connected(xr, config_lock=True) as driver:
        committed(driver)
        driver.confirm_commit()
        load(driver, {V4: NEW})
        driver.discard_config()
        assert driver._get_pending_commits() == {}
        assert len(xr.locks()) == 1
    assert xr.locks() == []


def test_a_router_without_chunks(xr: LabDevice) -> None:
    """NETCONF 1.0; every other test has 1.1."""
    xr.ask("netconf_11", enabled=False)
    try:
        with connected(xr) as driver:
            committed(driver)
            driver.confirm_commit()
            assert "10.20.0.0/16" in driver.get_config()["running"]
    finally:
        xr.ask("netconf_11", enabled=True)


def test_the_timeout_is_that_of_a_request(xr: LabDevice) -> None:
    with connected(xr, timeout=7) as driver:
        assert driver.device.timeout == 7
    with connected(xr, timeout=900) as driver:
        assert driver.device.timeout == 900


def test_what_the_driver_does_not_do(driver: IosxrNetconfDriver) -> None:
    for step in (
        lambda: driver.load_replace_candidate(config="hostname x\n"),
        lambda: driver.commit_config(message="x"),
        lambda: driver.get_config(full=True),
    ):
        with pytest.raises(NotImplementedError):
            step()
    for seconds in (0, 65536):
        with pytest.raises(CommitRefused, match="1 to 65535"):
            driver.commit_config(revert_in=seconds)
    IosxrNetconfDriver("nowhere", "", "").close()


def test_the_host_key_is_looked_at(xr: LabDevice, tmp_path: Path) -> None:
    (tmp_path / "known_hosts").write_text("")
    settings = tmp_path / "ssh_config"
    settings.write_text(f"Host *\n    UserKnownHostsFile {tmp_path / 'known_hosts'}\n")
    with (
        pytest.raises(ConnectionFailed, match=r"its SSH host key .* is not the one"),
        connected(xr, ssh_config_file=str(settings)),
    ):
        pass
    with connected(xr, ssh_config_file=str(settings), verify_host=False) as driver:
        assert driver.get_facts()["hostname"] == ROUTER


# BGP


def test_each_family_of_a_session_is_counted(xr: LabDevice, driver: IosxrNetconfDriver) -> None:
    xr.set_neighbors(
        [
            {"address": "198.51.100.2", "peer_as": 64500, "families": {"ipv4": 7, "ipv6": 3}},
            {"address": "2001:DB8:1::2", "peer_as": 64500, "state": "bgp-st-idle"},
            {"address": "198.51.100.9", "peer_as": 64501, "vrf": "BLUE", "families": {"ipv4": 1}},
        ]
    )
    found = driver.get_bgp_neighbors()
    assert found["global"]["router_id"] == "203.0.113.1"
    assert found["global"]["peers"].keys() == {"198.51.100.2", "2001:db8:1::2"}
    one = found["global"]["peers"]["198.51.100.2"]
    counts = {afi: each["accepted_prefixes"] for afi, each in one["address_family"].items()}
    assert counts == {"ipv4": 7, "ipv6": 3}
    assert (one["is_up"], one["remote_as"]) == (True, 64500)
    assert not found["global"]["peers"]["2001:db8:1::2"]["is_up"]
    assert found["BLUE"]["peers"].keys() == {"198.51.100.9"}


def test_a_session_that_loses_its_prefixes_takes_the_commit_back(
    desk: Desk, router: LabDevice
) -> None:
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("apply: {settle: 0}\n")
    up = {"address": "198.51.100.2", "peer_as": 64500, "families": {"ipv4": 100}}
    router.set_neighbors([up], after_commit=[{**up, "families": {"ipv4": 1}}])
    before = router.running()
    outcome, reason = desk.outcomes(desk.plan(expect=CHANGES), expect=PROBLEMS)[ROUTER]
    assert outcome == "reverted"
    assert "198.51.100.2" in reason
    assert router.running() == before
    assert events(router)[-2:] == ["rollback", "unlock"]


def test_without_the_timer_the_filters_are_sent_again(desk: Desk, router: LabDevice) -> None:
    desk.edit("hosts.yaml", "  data:\n", "  data:\n    commit_confirm: false\n")
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("apply: {settle: 0}\n")
    router.set_running(config(router, {V4: OLD}))
    up = {"address": "198.51.100.2", "peer_as": 64500, "families": {"ipv4": 100}}
    router.set_neighbors([up], after_commit=[{**up, "families": {"ipv4": 1}}])
    before = router.running()
    plan = desk.plan(expect=CHANGES)
    outcome, _ = desk.outcomes(plan, expect=PROBLEMS)[ROUTER]
    assert outcome == "reverted"
    assert router.running() == before
    assert events(router)[-4:] == ["lock", "commit", "commit", "unlock"]
    router.set_neighbors([up])
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}


# A run that dies


def test_a_run_that_is_killed_after_the_commit_leaves_the_old_filter(
    desk: Desk, router: LabDevice
) -> None:
    router.set_running(config(router, {V4: OLD}))
    before = router.running()
    plan = desk.plan(expect=CHANGES)
    router.inject("hang", "get_config", skip=1)
    run = desk.start("apply", plan.path.name)
    assert router.wait_for_hang(20)
    assert router.running() != before
    run.send_signal(signal.SIGKILL)
    run.communicate()
    assert eventually(lambda: router.running() == before, 10)
    router.clear_faults()
    [row] = json.loads(told(desk.irrgate("--json", "recover"), DONE).stdout)
    assert row["outcome"] == "failed"
    assert router.running() == before
    assert router.locks() == router.candidates() == []
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}


def test_a_router_that_takes_its_time_to_go_back_is_not_believed_meanwhile(
    desk: Desk, router: LabDevice
) -> None:
    """The session and its lock are gone, and the new filter is still there, for some seconds."""
    router.set_running(config(router, {V4: OLD}))
    before = router.running()
    plan = desk.plan(expect=CHANGES)
    router.inject("drop_after", "commit")
    router.ask("revert_delay", seconds=2)
    try:
        outcome, reason = desk.outcomes(plan, expect=PROBLEMS)[ROUTER]
    finally:
        router.ask("revert_delay", seconds=0)
    assert (outcome, reason) == ("failed", "commit: closed the connection without an answer")
    assert router.running() == before
    assert router.candidates() == router.locks() == []


def test_a_commit_of_somebody_else_that_waits_holds_the_router(
    desk: Desk, router: LabDevice
) -> None:
    plan = desk.plan(expect=CHANGES)
    with connected(router) as theirs:
        theirs.load_merge_candidate(config="hostname theirs\n")
        theirs.commit_config(revert_in=600)
        outcome, reason = desk.outcomes(plan, expect=PROBLEMS)[ROUTER]
        assert (outcome, "holds the lock" in reason) == ("failed", True)
        theirs._unlock()
        held = ("held", "a commit of somebody else waits to be confirmed on it")
        assert desk.outcomes(plan, expect=PROBLEMS) == {ROUTER: held}
        theirs.confirm_commit()
    assert desk.outcomes(plan, expect=DONE) == {ROUTER: ("done", "")}


def test_a_config_of_more_than_ten_megabytes_is_read(router: LabDevice) -> None:
    size = 10_500_000
    text = f"hostname x\ninterface Loopback0\n description {'x' * size}\n!\nend\n"
    router.set_running(text)
    with connected(router) as driver:
        assert len(driver.get_config()["running"]) > size


def test_what_is_no_xml_at_all_is_not_waited_for() -> None:
    said = _Handler({}).handle_raw_dispatch("HTTP/1.0 400 Bad Request")
    assert isinstance(said, NotXmlError)
    assert "HTTP/1.0 400" in str(said)

"""The emulated EOS, driven by NAPALM's own EOSDriver over TLS that is verified."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from napalm.base.exceptions import (
    CommitError,
    MergeConfigException,
    ReplaceConfigException,
    SessionLockedException,
)
from napalm.eos.eos import EOSDriver
from pyeapi.eapilib import CommandError  # type: ignore[import-untyped]
from pyeapi.eapilib import ConnectionError as EapiConnectionError

from tests.lab.eos_semantics import accepts
from tests.lab.harness import LabDevice

pytestmark = pytest.mark.e2e

RUNNING = """\
hostname edge1
!
interface Ethernet1
   no switchport
   ip address 198.51.100.1/24
!
ip prefix-list IRR-AS64500-V4
   seq 10 permit 192.0.2.0/24
!
ipv6 prefix-list IRR-AS64500-V6
   seq 10 permit 2001:db8::/32 le 48
!
router bgp 64496
   router-id 198.51.100.1
   neighbor 198.51.100.2 remote-as 64500
   neighbor 198.51.100.2 prefix-list IRR-AS64500-V4 in
   !
   address-family ipv4
      neighbor 198.51.100.2 activate
!
end
"""
NEW_LIST = "ip prefix-list IRR-AS64501-V4\n   seq 10 permit 203.0.113.0/24\n!\n"
DIFF = """\
@@ -7,6 +7,9 @@
 ip prefix-list IRR-AS64500-V4
    seq 10 permit 192.0.2.0/24
 !
+ip prefix-list IRR-AS64501-V4
+   seq 10 permit 203.0.113.0/24
+!
 ipv6 prefix-list IRR-AS64500-V6
    seq 10 permit 2001:db8::/32 le 48
 !"""

Open = Callable[..., EOSDriver]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    # pyeapi logs every failing connection with its traceback.
    logging.getLogger("pyeapi").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("pyeapi").setLevel(logging.NOTSET)


@pytest.fixture
def edge1(tmp_path: Path) -> Iterator[LabDevice]:
    with LabDevice.start("eos", "edge1", tmp_path / "edge1", running=RUNNING) as device:
        yield device


@pytest.fixture
def open_driver(edge1: LabDevice) -> Iterator[Open]:
    drivers: list[EOSDriver] = []

    def opened(timeout: int = 10) -> EOSDriver:
        driver = EOSDriver(
            edge1.host,
            edge1.username,
            edge1.password,
            timeout=timeout,
            optional_args=edge1.napalm_optional_args(),
        )
        drivers.append(driver)
        driver.open()
        return driver

    yield opened
    for driver in drivers:
        driver.config_session = None  # its __del__ closes, and a close aborts this session


def events(device: LabDevice) -> list[str]:
    return [record.event for record in device.apply_log()][1:]  # without its start


def test_merge_compare_and_discard_leave_no_trace(edge1: LabDevice, open_driver: Open) -> None:
    driver = open_driver()
    before = edge1.running()
    driver.load_merge_candidate(config=NEW_LIST)
    assert driver.compare_config() == DIFF
    assert [c["state"] for c in edge1.candidates()] == ["pending"]
    driver.discard_config()
    assert edge1.candidates() == []
    assert edge1.running() == before
    assert events(edge1) == ["session", "discard"]
    assert not any(record.changed for record in edge1.apply_log())
    driver.close()


def test_a_load_that_changes_nothing_has_an_empty_diff(open_driver: Open) -> None:
    driver = open_driver()
    driver.load_merge_candidate(config=RUNNING)
    assert driver.compare_config() == ""
    driver.close()


def test_commit_is_applied_saved_and_logged(edge1: LabDevice, open_driver: Open) -> None:
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config()
    assert events(edge1) == ["session", "commit", "write-memory"]
    commit = edge1.apply_log()[2]
    assert commit.objects == ("ip prefix-list IRR-AS64501-V4",)
    assert commit.entries == {
        "ip prefix-list IRR-AS64500-V4": 1,
        "ip prefix-list IRR-AS64501-V4": 1,
        "ipv6 prefix-list IRR-AS64500-V6": 1,
    }
    assert (commit.user, commit.changed) == ("lab", True)
    running = driver.get_config(retrieve="running")["running"]
    assert running == edge1.running() == edge1.ask("startup")
    assert accepts(running, "IRR-AS64501-V4", "203.0.113.0/24")
    driver.close()


def test_the_running_config_is_printed_as_it_was_given(edge1: LabDevice) -> None:
    lead, _, rest = edge1.running().partition("hostname")
    assert "hostname" + rest == RUNNING
    assert lead.startswith("! Command: show running-config\n! device: edge1 (vEOS-lab, EOS-4.")


@pytest.mark.parametrize("version", ["4.33.1F", "4.31.4M"])
def test_commit_with_revert_in_waits_to_be_confirmed(
    version: str, edge1: LabDevice, open_driver: Open
) -> None:
    edge1.ask("version", version=version)
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config(revert_in=300)
    assert driver.has_pending_commit()
    assert [c["state"] for c in edge1.candidates()] == ["pendingCommitTimer"]
    edge1.advance(299)
    assert "IRR-AS64501-V4" in edge1.running()
    driver.confirm_commit()
    assert not driver.has_pending_commit()
    edge1.advance(1000)
    assert "IRR-AS64501-V4" in edge1.running()
    assert events(edge1) == ["session", "commit-confirmed", "confirmed", "write-memory"]
    driver.close()


def test_the_timer_reverts_though_nobody_is_connected(edge1: LabDevice, open_driver: Open) -> None:
    before = edge1.running()
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config(revert_in=300)
    driver.config_session = None  # or close() aborts the session
    driver.close()
    assert "IRR-AS64501-V4" in edge1.running()
    edge1.advance(301)
    assert edge1.running() == before
    assert events(edge1) == ["session", "commit-confirmed", "rollback-timer"]
    assert edge1.candidates() == []


def test_a_new_connection_can_confirm(edge1: LabDevice, open_driver: Open) -> None:
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config(revert_in=300)
    session, driver.config_session = driver.config_session, None
    driver.close()
    later = open_driver()
    later.config_session = session
    later.confirm_commit()
    edge1.advance(1000)
    assert "IRR-AS64501-V4" in edge1.running()


def test_confirm_after_the_timer_is_refused(edge1: LabDevice, open_driver: Open) -> None:
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config(revert_in=60)
    edge1.advance(61)
    with pytest.raises(CommitError, match="No pending commit-confirm found"):
        driver.confirm_commit()
    driver.config_session = None
    driver.close()


def test_closing_reverts_a_commit_that_waits(edge1: LabDevice, open_driver: Open) -> None:
    before = edge1.running()
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config(revert_in=300)
    driver.close()
    assert edge1.running() == before
    edge1.advance(1000)
    assert events(edge1) == ["session", "commit-confirmed", "rollback"]


def test_rollback_brings_the_startup_config_back(edge1: LabDevice, open_driver: Open) -> None:
    before = edge1.running()
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config()
    driver.rollback()
    assert edge1.running() == before
    assert events(edge1)[-2:] == ["rollback", "write-memory"]
    driver.close()


def test_replace_drops_what_is_not_named(edge1: LabDevice, open_driver: Open) -> None:
    driver = open_driver()
    driver.load_replace_candidate(config="hostname edge1\n!\n" + NEW_LIST)
    assert "-router bgp 64496" in driver.compare_config()
    driver.commit_config()
    assert edge1.running().endswith("!\nhostname edge1\n!\n" + NEW_LIST + "end\n")
    driver.close()


def test_a_refused_line_names_itself_and_leaves_nothing(
    edge1: LabDevice, open_driver: Open
) -> None:
    driver = open_driver()
    before = edge1.running()
    text = NEW_LIST.replace("!", "   seq 20 permit 2001:db8::/32")
    with pytest.raises(MergeConfigException) as caught:
        driver.load_merge_candidate(config=text)
    assert str(caught.value) == (
        "Error [1002]: CLI command 5 of 6 'seq 20 permit 2001:db8::/32' failed: invalid command "
        "[errors: [\"Invalid input (at token 3: '2001:db8::/32')\"]]"
    )
    with pytest.raises(ReplaceConfigException, match="at token 0: 'foo'"):
        driver.load_replace_candidate(config="foo bar\n")
    assert edge1.candidates() == []
    assert edge1.running() == before
    assert events(edge1) == ["session", "load-error", "discard"] * 2
    driver.close()


def test_a_session_commits_its_own_copy(edge1: LabDevice, open_driver: Open) -> None:
    # Merge on commit is off, as on a real EOS: the session that commits last wins.
    first, second = open_driver(), open_driver()
    for driver in (first, second):
        driver.lock_disable = True
    first.load_merge_candidate(config=NEW_LIST)
    second.load_merge_candidate(config=NEW_LIST.replace("AS64501", "AS64502"))
    second.commit_config()
    assert "-ip prefix-list IRR-AS64502-V4" in first.compare_config()
    first.commit_config()
    assert "IRR-AS64501-V4" in edge1.running()
    assert "IRR-AS64502-V4" not in edge1.running()


def test_sessions_are_limited_to_five(edge1: LabDevice, open_driver: Open) -> None:
    drivers = [open_driver() for _ in range(6)]
    for number, driver in enumerate(drivers):
        driver.lock_disable = True
        driver.config_session = f"napalm_{number}"
    for driver in drivers[:5]:
        driver.load_merge_candidate(config=NEW_LIST)
    # The driver answers the refusal with an abort, and that is what is raised.
    with pytest.raises(CommandError, match="Session napalm_5 does not exist") as caught:
        drivers[5].load_merge_candidate(config=NEW_LIST)
    assert "Maximum number of pending sessions" in str(caught.value.__context__)
    assert len(edge1.candidates()) == 5


def test_no_commit_while_another_waits_to_be_confirmed(edge1: LabDevice, open_driver: Open) -> None:
    first, second = open_driver(), open_driver()
    first.load_merge_candidate(config=NEW_LIST)
    first.commit_config(revert_in=300)
    second.load_merge_candidate(config=NEW_LIST.replace("AS64501", "AS64502"))
    with pytest.raises(CommandError, match="has a pending commit timer"):
        second.commit_config()
    assert "IRR-AS64502-V4" not in edge1.running()


def test_a_foreign_session_holds_napalms_lock(
    edge1: LabDevice, open_driver: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once(wait_time: float | None = None) -> None:
        driver._lock()  # the driver's own tries again for 10 s

    edge1.inject("foreign_lock", "load")
    driver = open_driver()
    monkeypatch.setattr(driver, "_obtain_lock", once)
    with pytest.raises(SessionLockedException):
        driver.load_merge_candidate(config=NEW_LIST)
    assert [lock["user"] for lock in edge1.locks()] == ["noc"]
    assert edge1.candidates() == []
    edge1.clear_faults()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.close()


def test_power_cut_brings_the_startup_config_back(edge1: LabDevice, open_driver: Open) -> None:
    driver = open_driver()
    driver.load_merge_candidate(config=NEW_LIST)
    driver.commit_config()
    driver.load_merge_candidate(config=NEW_LIST.replace("AS64501", "AS64502"))
    driver.commit_config(revert_in=300)  # committed, not saved
    port = edge1.port
    edge1.kill()
    assert not edge1.alive
    edge1.restart()
    assert edge1.port == port
    assert "IRR-AS64501-V4" in edge1.running()
    assert "IRR-AS64502-V4" not in edge1.running()
    assert edge1.candidates() == []
    log = edge1.apply_log()
    assert [record.sequence for record in log] == list(range(1, len(log) + 1))
    assert log[-1].event == "start"


def test_wrong_credentials_are_refused(edge1: LabDevice) -> None:
    driver = EOSDriver(
        edge1.host, edge1.username, "wrong", optional_args=edge1.napalm_optional_args()
    )
    with pytest.raises(EapiConnectionError, match="Unauthorized"):
        driver.open()
    assert events(edge1) == []


def test_verification_trusts_this_device_and_no_other(
    edge1: LabDevice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(**optional_args: object) -> None:
        args = {"port": edge1.port, **optional_args}
        EOSDriver(edge1.host, edge1.username, edge1.password, optional_args=args).open()

    with pytest.raises(EapiConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        opened(enforce_verification=True)
    with LabDevice.start("eos", "edge2", tmp_path / "edge2") as edge2:
        context = edge2.napalm_optional_args()["context"]
        with pytest.raises(EapiConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            opened(context=context)
    monkeypatch.setenv("SSL_CERT_FILE", str(edge1.certificate))
    opened(enforce_verification=True)


def test_facts_and_bgp_neighbors(edge1: LabDevice, open_driver: Open) -> None:
    edge1.ask(
        "neighbors",
        neighbors=[
            {"address": "198.51.100.2", "asn": 64500, "received": 20, "accepted": 10},
            {"address": "2001:db8::2", "asn": 64500, "state": "Active"},
        ],
    )
    driver = open_driver()
    facts = driver.get_facts()
    assert (facts["hostname"], facts["interface_list"]) == ("edge1", ["Ethernet1"])
    neighbors = driver.get_bgp_neighbors()["global"]
    assert neighbors["router_id"] == "198.51.100.1"
    peer = neighbors["peers"]["198.51.100.2"]
    assert (peer["local_as"], peer["remote_as"], peer["is_up"]) == (64496, 64500, True)
    assert peer["address_family"]["ipv4"]["accepted_prefixes"] == 10
    assert neighbors["peers"]["2001:db8::2"]["is_up"] is False
    driver.close()


def test_a_hundred_thousand_lines(edge1: LabDevice, open_driver: Open) -> None:
    entries = [f"   seq {n + 1} permit 10.{n >> 8 & 255}.{n & 255}.0/24" for n in range(65536)]
    entries += [
        f"   seq {n + 1} permit 100.{n >> 8 & 63}.{n & 255}.0/24" for n in range(65536, 10**5)
    ]
    driver = open_driver(timeout=60)
    started = time.monotonic()
    driver.load_merge_candidate(config="\n".join(["ip prefix-list IRR-BIG", *entries]))
    driver.commit_config()
    changed = [*entries]
    changed[50_000] = changed[50_000].replace("permit", "deny")
    text = ["no ip prefix-list IRR-BIG", "ip prefix-list IRR-BIG", *changed]
    driver.load_merge_candidate(config="\n".join(text))
    diff = driver.compare_config().splitlines()
    assert [line for line in diff if line[0] in "+-"] == [
        f"-{entries[50_000]}",
        f"+{changed[50_000]}",
    ]
    driver.close()
    assert edge1.apply_log()[2].entries["ip prefix-list IRR-BIG"] == 100_000
    assert time.monotonic() - started < 30  # takes 3 s; a quadratic step takes minutes

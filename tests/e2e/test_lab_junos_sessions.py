"""Sessions of the emulated Junos device: locks, logins, host keys, power cuts."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import asyncssh
import pytest
from jnpr.junos.exception import (  # type: ignore[import-untyped]
    CommitError,
    ConnectAuthError,
    ConnectRefusedError,
    RpcError,
)
from napalm.base.exceptions import LockError
from napalm.junos.junos import JunOSDriver
from ncclient.transport.errors import SSHUnknownHostError

from tests.lab.harness import LabDevice
from tests.lab.junos_driver import (
    CHANGE,
    DIFF,
    RUNNING,
    change,
    events,
    eventually,
    opened,
    reset,
    verified,
)

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    with LabDevice.start("junos", "edge1", tmp_path_factory.mktemp("lab") / "edge1") as device:
        yield device


@pytest.fixture
def edge1(device: LabDevice) -> LabDevice:
    reset(device)
    return device


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    # ncclient and paramiko log each connection that breaks, with its traceback.
    for name in ("ncclient", "paramiko"):
        caplog.set_level(logging.CRITICAL, logger=name)


def test_a_lock_conflict_names_the_holder(edge1: LabDevice) -> None:
    with opened(edge1) as holder, opened(edge1) as other:
        holder.load_merge_candidate(config=CHANGE)
        with pytest.raises(LockError) as caught:
            other.load_merge_candidate(config=CHANGE)
        holder_pid = edge1.locks()[0]["session"]
        assert f"configuration database locked by:\n  lab terminal  (pid {holder_pid})" in str(
            caught.value
        )
        with pytest.raises(CommitError, match="locked by"):
            other.confirm_commit()
        with pytest.raises(RpcError, match="locked by"):
            other.device.cu.load(CHANGE, format="text")
    assert edge1.running() == RUNNING


def test_uncommitted_changes_without_a_lock_keep_others_out(edge1: LabDevice) -> None:
    with opened(edge1, lock_disable=True) as careless:
        careless.load_merge_candidate(config=CHANGE)
        careless.close()
    with opened(edge1) as driver, pytest.raises(LockError, match="configuration database modified"):
        driver.load_merge_candidate(config=CHANGE)


@pytest.mark.parametrize("polite", [True, False])
def test_the_end_of_a_session_releases_its_lock_and_drops_its_changes(
    edge1: LabDevice, polite: bool
) -> None:
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        if polite:
            driver.close()
        else:
            driver.device._conn._session.transport.sock.close()
        assert eventually(lambda: edge1.locks() == [])
    assert edge1.candidates() == []
    assert events(edge1) == ["lock", "discard", "unlock"]
    assert edge1.running() == RUNNING


def test_kill_session_ends_another_session(edge1: LabDevice) -> None:
    with opened(edge1) as holder, opened(edge1) as other:
        holder.load_merge_candidate(config=CHANGE)
        other.device.rpc.kill_session(session_id=str(edge1.locks()[0]["session"]))
        assert eventually(lambda: edge1.locks() == [])
        assert edge1.candidates() == []


def test_a_private_candidate_is_nobody_elses(edge1: LabDevice) -> None:
    with opened(edge1, config_private=True) as driver, opened(edge1) as other:
        driver.load_merge_candidate(config=CHANGE)
        assert driver.compare_config() == DIFF
        assert other.compare_config() == ""
        assert edge1.locks() == []
        driver.commit_config()
    assert "203.0.113.0/24" in edge1.running()


def test_power_cut_keeps_what_was_committed_and_the_revert_timer(edge1: LabDevice) -> None:
    key = json.loads((edge1.directory / "ready.json").read_text())["host_key"]
    with opened(edge1) as driver:
        driver.load_merge_candidate(config=CHANGE)
        driver.commit_config()
        driver.load_merge_candidate(config=change("198.51.100.0/24 exact;"))
        driver.commit_config(revert_in=60)
        driver.load_merge_candidate(config=change("10.0.0.0/8 exact;"))
        edge1.kill()
    edge1.restart()
    assert json.loads((edge1.directory / "ready.json").read_text())["host_key"] == key
    assert "198.51.100.0/24 exact" in edge1.running()
    assert edge1.locks() == []
    edge1.advance(61)
    assert edge1.running() == RUNNING.replace("192.0.2.0/24", "203.0.113.0/24")
    assert events(edge1)[-2:] == ["start", "rollback-timer"]


def test_a_wrong_password(edge1: LabDevice) -> None:
    driver = JunOSDriver(
        edge1.host, edge1.username, "wrong", optional_args=edge1.napalm_optional_args()
    )
    with pytest.raises(ConnectAuthError):
        driver.open()


def test_login_with_a_key(edge1: LabDevice) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(edge1.directory / "id"))
    key.write_public_key(str(edge1.directory / "authorized_keys"))
    arguments = {**edge1.napalm_optional_args(), "key_file": str(edge1.directory / "id")}
    driver = JunOSDriver(edge1.host, edge1.username, "", optional_args=arguments)
    driver.open()
    driver.close()


def test_only_the_right_host_key_is_accepted(edge1: LabDevice) -> None:
    driver = verified(edge1)
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (edge1.directory / "known_hosts").write_text(f"[127.0.0.1]:{edge1.port} {other}")
    with pytest.raises(ConnectRefusedError) as caught:
        driver.open()
    # PyEZ says the same when nothing listens: only the context tells them apart.
    assert isinstance(caught.value.__context__, SSHUnknownHostError)
    # Without the attribute the driver takes any key.
    driver.device._hostkey_verify = False
    driver.open()
    driver.close()


def test_getters(edge1: LabDevice) -> None:
    edge1.ask(
        "bgp_neighbors",
        neighbors=[{"address": "198.51.100.2", "peer_as": 64500, "received": 3, "accepted": 2}],
    )
    with opened(edge1) as driver:
        facts = driver.get_facts()
        peers = driver.get_bgp_neighbors()["global"]["peers"]
    assert (facts["hostname"], facts["model"]) == ("edge1", "MX204")
    assert peers["198.51.100.2"]["is_up"]
    assert peers["198.51.100.2"]["address_family"]["ipv4"]["accepted_prefixes"] == 2


def test_netconf_1_1_framing(edge1: LabDevice) -> None:
    edge1.ask("netconf_11", enabled=True)
    with opened(edge1) as driver:
        assert "urn:ietf:params:netconf:base:1.1" in driver.device._conn.server_capabilities
        driver.load_merge_candidate(config=change("203.0.113.0/24 exact; " * 2000))
        assert driver.compare_config() == DIFF
        driver.close()

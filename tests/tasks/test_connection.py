"""The connection plugin: options of each host's own, identity verified, an end that is one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from nornir.core.configuration import Config

from irrgate.errors import DeviceError
from tasks.connection import (
    CLEANUP_TIMEOUT,
    DEFAULT_TIMEOUT,
    WORKSPACE_KEY,
    NapalmConnection,
    hurry,
)
from tasks.ssh_config import write_ssh_config
from tests.e2e.desk import Desk

pytestmark = pytest.mark.e2e


def open_to(
    desk: Desk, name: str, extras: dict[str, Any], platform: str | None = None
) -> NapalmConnection:
    device = desk.devices[name]
    connection = NapalmConnection()
    connection.open(
        "127.0.0.1",
        device.username,
        device.password,
        device.port,
        platform or device.platform,
        extras,
        Config(user_defined={WORKSPACE_KEY: str(desk.directory)}),
    )
    return connection


def test_a_groups_options_are_nobodys_to_write_in(desk: Desk) -> None:
    """Nornir hands the same dict to every host of a group."""
    shared = {"optional_args": {"ca_file": "lab/certificates.pem", "eos_autoComplete": None}}
    before = copy.deepcopy(shared)
    names = ["edge1.mex", "edge1.bog"]
    connections = [open_to(desk, name, shared) for name in names]
    for name, connection in zip(names, connections, strict=True):
        running = connection.connection.get_config(retrieve="running")["running"]
        assert f"hostname {name}" in running
        connection.close()
    assert shared == before


def test_both_platforms_have_time_for_a_large_config_unless_told_otherwise(desk: Desk) -> None:
    for name, known in (("edge1.mex", "ca_file"), ("edge2.mex", "known_hosts")):
        file = {"ca_file": "lab/certificates.pem", "known_hosts": "lab/known_hosts"}[known]
        options: dict[str, Any] = {"optional_args": {known: file}}
        connection = open_to(desk, name, options)
        assert connection.connection.timeout == DEFAULT_TIMEOUT
        connection.close()
        connection = open_to(desk, name, {**options, "timeout": 7})
        assert connection.connection.timeout == 7
        connection.close()


def test_a_platform_that_nobody_can_verify_is_not_opened(desk: Desk) -> None:
    with pytest.raises(DeviceError, match="no way to verify a router of platform 'vyos'"):
        open_to(desk, "edge1.mex", {}, platform="vyos")


def test_closing_twice_is_closing(desk: Desk) -> None:
    extras = {"optional_args": {"known_hosts": "lab/known_hosts"}}
    connection = open_to(desk, "edge2.mex", extras)
    connection.close()
    connection.close()
    assert connection.connection is None


def test_the_ssh_configuration_names_our_known_hosts_before_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "config").write_text("Host jump\n    User ops\n")
    monkeypatch.setenv("HOME", str(home))
    path = write_ssh_config(tmp_path, tmp_path / "known hosts")
    text = path.read_text()
    assert text == (
        f'Host *\n    UserKnownHostsFile "{tmp_path}/known hosts"\nHost jump\n    User ops\n'
    )
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert oct(path.parent.stat().st_mode & 0o777) == "0o700"
    assert write_ssh_config(tmp_path, tmp_path / "known hosts") == path
    assert write_ssh_config(tmp_path, tmp_path / "others") != path
    assert len(list(path.parent.iterdir())) == 2


def test_cleaning_up_waits_for_a_hanging_router_half_a_minute_at_most(desk: Desk) -> None:
    eos = open_to(desk, "edge1.mex", {"optional_args": {"ca_file": "lab/certificates.pem"}})
    junos = open_to(desk, "edge2.mex", {"optional_args": {"known_hosts": "lab/known_hosts"}})
    transport = eos.connection.device.connection.transport
    device = junos.connection.device
    assert transport.timeout == device.timeout == DEFAULT_TIMEOUT
    for connection in (eos, junos):
        hurry(connection.connection)
    assert transport.timeout == device.timeout == CLEANUP_TIMEOUT
    eos.connection.get_config(retrieve="running")
    for connection in (eos, junos):
        connection.close()

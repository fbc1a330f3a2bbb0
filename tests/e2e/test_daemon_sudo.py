"""A user who is not root on the router: by `sudo -n` everything is done, and without it nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from irrgate.errors import DeviceError
from tests.e2e.daemon_desk import alone
from tests.e2e.desk import DONE, inherited_environ, told
from tests.e2e.test_truth import DAEMONS, filters_on, planned
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.ordinary_user import ordinary_user
from tests.lab.daemons.sshd import SshServer, ssh_server
from tests.lab.daemons.under_test import DaemonUnderTest
from tests.lab.daemons.wanted import needs_sshd, needs_sudo
from tests.lab.daemons.workspace import REGISTERED, daemon_workspace

pytestmark = [pytest.mark.e2e, needs_namespaces, needs_sshd, needs_sudo]


@pytest.fixture
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DaemonUnderTest]:
    with alone(request.param(tmp_path / "daemon")) as made:
        yield made


@contextmanager
def ordinary_login(*, sudo: bool) -> Iterator[SshServer]:
    """An sshd for a user of its own."""
    with (
        ordinary_user(f"irrgate-lab-{os.getpid()}", sudo=sudo) as name,
        # Not below the folders of pytest, which are for root alone.
        TemporaryDirectory(prefix="irrgate-sshd-") as directory,
    ):
        Path(directory).chmod(0o755)
        with ssh_server(Path(directory)) as server:
            server.username = name
            yield server


def options_of(daemon: DaemonUnderTest, server: SshServer) -> dict[str, object]:
    return {**server.optional_args(), **daemon.optional_args(), "sudo": True}


@pytest.mark.parametrize("daemon", DAEMONS, indirect=True)
def test_the_filters_get_there_by_sudo(daemon: DaemonUnderTest, tmp_path: Path) -> None:
    with ordinary_login(sudo=True) as server:
        options, name = options_of(daemon, server), server.username
        with daemon_workspace(
            tmp_path / "desk", daemon.platform, options, inherited_environ(), name
        ) as desk:
            told(desk.irrgate("refresh"), DONE)
            told(desk.irrgate("plan", "--out", "plan.zip"), DONE)
            assert filters_on(daemon, options, name) == planned(REGISTERED)


@pytest.mark.parametrize("daemon", DAEMONS[:1], indirect=True)
def test_a_user_whom_sudo_asks_for_a_password_is_told(
    daemon: DaemonUnderTest, tmp_path: Path
) -> None:
    with (
        ordinary_login(sudo=False) as server,
        pytest.raises(DeviceError, match="password is required"),
    ):
        filters_on(daemon, options_of(daemon, server), server.username)

"""Commands and files on a router, here and over a real sshd."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core.configuration import Config

from irrgate.errors import DeviceError
from tasks.connection import WORKSPACE_KEY, NapalmConnection
from tasks.drivers.errors import CommandFailed, ConnectionFailed, LoginRefused, TimedOut
from tasks.drivers.shell import Shell, open_shell
from tests.lab.daemons.sshd import SshServer, make_key, ssh_server
from tests.lab.daemons.wanted import needs_sshd

pytestmark = needs_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(params=["local", "ssh"])
def shell(request: pytest.FixtureRequest, server: SshServer) -> Iterator[Shell]:
    options = {"transport": "local"} if request.param == "local" else server.optional_args()
    shell = open_shell(server.host, server.username, "", 20, options)
    yield shell
    shell.close()


def test_each_output_and_the_exit_code_come_apart(shell: Shell) -> None:
    ran = shell.script("echo out; echo err >&2; exit 7")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (7, "out\n", "err\n")


def test_no_argument_is_interpreted(shell: Shell) -> None:
    strange = ["$(touch /tmp/x)", "a b", "'", '"', "`id`", "!x", "\n", "*", ";", "~", "é\x1b[31m"]
    ran = shell.run(["printf", "%s|", *strange])
    assert ran.stdout == "".join(f"{each}|" for each in strange)


def test_much_goes_both_ways_at_once(shell: Shell) -> None:
    content = os.urandom(3_000_000).hex()
    ran = shell.script("cat; cat /dev/zero | head -c 3000000 >&2", (), content)
    assert ran.stdout == content
    assert len(ran.stderr) == 3_000_000


def test_a_command_that_ends_without_reading(shell: Shell) -> None:
    assert shell.run(["true"], "x" * 5_000_000).exit_code == 0


def test_programs_of_the_system_are_found(shell: Shell) -> None:
    assert "/usr/sbin" in shell.script("echo $PATH").stdout


def test_what_does_not_end_is_given_up(shell: Shell) -> None:
    begin = time.monotonic()
    with pytest.raises(TimedOut, match=r"did not end within 0\.5 s"):
        shell.run(["sleep", "30"], timeout=0.5)
    assert time.monotonic() - begin < 5
    assert shell.script("echo on").stdout == "on\n"


def test_a_file_is_written_and_read(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "a 'file'"
    assert shell.get(str(path)) is None
    content = os.urandom(1_000_000)
    shell.put(str(path), content)
    assert shell.get(str(path)) == content
    assert path.stat().st_mode & 0o777 == 0o644
    path.chmod(0o640)
    shell.put(str(path), b"")
    assert path.read_bytes() == b""
    assert path.stat().st_mode & 0o777 == 0o640
    shell.put(str(path), b"x", 0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_link_is_followed(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").write_text("old")
    (tmp_path / "link").symlink_to("there/file")
    shell.put(str(tmp_path / "link"), b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_text() == "new"


def test_a_file_that_does_not_arrive_whole_is_not_taken(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    class Half:
        """Of what is sent, the second half is lost."""

        def execute(self, argv: list[str], stdin: bytes, timeout: float) -> object:
            return shell._transport.execute(argv, stdin[: len(stdin) // 2], timeout)

    with pytest.raises(CommandFailed, match="did not arrive whole"):
        Shell(Half(), "r", sudo=False, timeout=5).put(str(path), b"new content")  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_written_says_why(shell: Shell, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match=r"nonexistent|No such file"):
        shell.put(str(tmp_path / "no" / "file"), b"x")
    with pytest.raises(CommandFailed, match="Is a directory"):
        shell.get(str(tmp_path))
    with pytest.raises(CommandFailed, match="No space left on device"):
        shell.check(["sh", "-c", "cat > /dev/full"], "x")


def test_a_connection_that_was_cut(server: SshServer) -> None:
    shell = open_shell(server.host, server.username, "", 20, server.optional_args())
    threading.Timer(0.5, server.cut).start()
    with pytest.raises(ConnectionFailed, match=r"broke|closed"):
        shell.run(["sleep", "20"])
    with pytest.raises(ConnectionFailed):
        shell.run(["true"])
    assert not shell.is_alive()


def test_a_command_that_is_killed(server: SshServer) -> None:
    shell = open_shell(server.host, server.username, "", 20, server.optional_args())
    with pytest.raises(ConnectionFailed, match="sh was killed; what it did is not known"):
        shell.script("kill -9 $$")
    assert shell.run(["true"]).exit_code == 0
    shell.close()


def test_another_host_key(tmp_path: Path) -> None:
    with ssh_server(tmp_path) as server:
        server.new_host_key()
        options = server.optional_args()
        with pytest.raises(ConnectionFailed, match=r"host key ssh-ed25519 SHA256:\S+ is not the"):
            open_shell(server.host, server.username, "", 20, options)
        server.known_hosts.write_text("")
        with pytest.raises(ConnectionFailed, match=r"host key ssh-ed25519 SHA256:\S+ is not the"):
            open_shell(server.host, server.username, "", 20, options)
        with pytest.raises(ConnectionFailed, match="known_hosts"):
            open_shell(server.host, "", "", 20, {**options, "known_hosts": "/nowhere"})
        open_shell(server.host, server.username, "", 20, {**options, "verify_host": False}).close()


def test_a_key_that_is_not_let_in(server: SshServer, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    options = {**server.optional_args(), "key_file": str(tmp_path / "other")}
    with pytest.raises(LoginRefused, match="did not accept the username"):
        open_shell(server.host, server.username, "", 20, options)


def test_what_never_says_a_word(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        options = {"port": mute.getsockname()[1], "verify_host": False}
        begin = time.monotonic()
        with pytest.raises(ConnectionFailed, match="in time"):
            open_shell("127.0.0.1", "x", "y", 1, options)
        assert time.monotonic() - begin < 10
    with pytest.raises(ConnectionFailed, match="does not accept"):
        open_shell("127.0.0.1", "x", "y", 1, options)


@pytest.mark.parametrize("options", [{"transport": "telnet"}, {"sudo": "yes"}])
def test_options_that_cannot_be(options: dict[str, object]) -> None:
    with pytest.raises(DeviceError, match="must be"):
        open_shell("r", "", "", 1, options)


# As irrgate opens it


def opened(server: SshServer, workspace: Path, **options: object) -> str:
    """Open BIRD's driver where there is no BIRD: what it says then, once it is logged in."""
    plugin = NapalmConnection()
    configuration = Config(user_defined={WORKSPACE_KEY: str(workspace)})
    arguments = {"use_agent": False, "socket": "/nowhere/bird.ctl", **options}
    with pytest.raises(DeviceError) as raised:
        plugin.open(
            *(server.host, server.username, "", server.port, "bird"),
            {"optional_args": arguments},
            configuration,
        )
    assert plugin.connection is None
    return raised.value.reason


def test_known_hosts_and_keys_are_the_workspaces(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    (tmp_path / "ssh").mkdir()
    shutil.copy(server.client_key, tmp_path / "ssh" / "key")
    shutil.copy(server.known_hosts, tmp_path / "ssh" / "hosts")
    logged_in, key = "bird", {"key_file": "ssh/key"}
    assert logged_in in opened(server, tmp_path, known_hosts="ssh/hosts", **key)
    assert logged_in in opened(server, tmp_path, verify_host=False, **key)
    assert "is not the one in known_hosts" in opened(server, tmp_path, **key)
    assert "cannot be read" in opened(server, tmp_path, known_hosts="ssh/none", **key)
    assert "did not accept the username" in opened(server, tmp_path, known_hosts="ssh/hosts")
    shutil.copy(server.known_hosts, tmp_path / "known_hosts")
    assert logged_in in opened(server, tmp_path, **key)


def test_what_the_users_own_ssh_config_says_counts(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name, port and key, and the way over another host, which is verified by ssh itself."""
    config = tmp_path / "config"
    common = f"    HostName {server.host}\n    Port {server.port}\n    User {server.username}\n"
    common += f"    IdentityFile {server.client_key}\n"
    jump = f"ssh -F {config} -o UserKnownHostsFile={server.known_hosts} -W %h:%p first"
    text = f"Host rs1\n{common}Host first\n{common}Host rs2\n{common}    ProxyCommand {jump}\n"
    config.write_text(text)
    options = {"known_hosts": str(server.known_hosts), "use_agent": False}
    for name in ("rs1", "rs2"):
        shell = open_shell(name, "", "", 20, {**options, "ssh_config_file": str(config)})
        assert shell.script("echo $0-$1", ["x"]).stdout == "irrgate-x\n"
        shell.close()
    config.write_text("Host\n\x00Match nonsense")
    with pytest.raises(DeviceError, match="cannot be read"):
        open_shell("rs1", "", "", 20, {**options, "ssh_config_file": str(config)})

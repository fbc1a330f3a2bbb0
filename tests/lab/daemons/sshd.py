"""Debian's own sshd on a free port of loopback, with keys of its own; nothing outside `directory`.

with ssh_server(tmp_path) as server:
    BirdDriver(server.host, server.username, "", optional_args=server.optional_args())
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@dataclass
class SshServer:
    directory: Path
    port: int
    process: subprocess.Popen[bytes]
    host: str = "127.0.0.1"
    username: str = field(default_factory=getpass.getuser)

    @property
    def client_key(self) -> Path:
        return self.directory / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "known_hosts"

    def optional_args(self) -> dict[str, object]:
        return {
            "transport": "ssh",
            "port": self.port,
            "key_file": str(self.client_key),
            "known_hosts": str(self.known_hosts),
            "use_agent": False,
        }

    def trust(self, name: str) -> None:
        """Put a host key of the directory into known_hosts, alone."""
        kind, key = (self.directory / f"{name}.pub").read_text().split()[:2]
        self.known_hosts.write_text(f"[{self.host}]:{self.port} {kind} {key}\n")

    def new_host_key(self) -> None:
        """Let the next connection see another host key than the one in known_hosts."""
        for name in ("host_key", "host_key.pub"):
            (self.directory / name).unlink()
        make_key(self.directory / "host_key")

    def cut(self) -> None:
        """End all sessions, as when the network fails; the server goes on listening."""
        for child in children(self.process.pid):
            kill_tree(child)


@contextmanager
def ssh_server(directory: Path) -> Iterator[SshServer]:
    """Start sshd for the user who runs the tests, by key only."""
    assert SSHD, "openssh-server is missing: .ci/install-daemons installs it"
    directory.mkdir(parents=True, exist_ok=True)
    make_key(directory / "host_key")
    make_key(directory / "client_key")
    shutil.copy(directory / "client_key.pub", directory / "authorized_keys")
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    config = directory / "sshd_config"
    config.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/host_key\n"
        f"AuthorizedKeysFile {directory}/authorized_keys\nPidFile {directory}/sshd.pid\n"
        "UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        "PrintMotd no\nMaxStartups 100\n"
    )
    with (directory / "sshd.log").open("ab") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(config)], stdout=log, stderr=log)
    server = SshServer(directory, port, process)
    server.trust("host_key")
    try:
        wait_for_port(port, process)
        yield server
    finally:
        server.cut()
        process.terminate()
        process.wait(10)


def make_key(path: Path) -> None:
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "irrgate lab", "-f", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], host: str = "127.0.0.1") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def children(pid: int) -> list[int]:
    """The processes that `pid` has started and that still run."""
    listed: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        listed += map(int, (task / "children").read_text().split())
    return listed


def kill_tree(pid: int) -> None:
    """kill -9 of a session: the commands that it runs get what they get when it is gone."""
    with contextlib.suppress(ProcessLookupError, FileNotFoundError):
        below = children(pid)
        os.kill(pid, 9)
        for each in below:
            # sshd's own second process for the session; the user's commands are below it.
            if (Path(f"/proc/{each}/comm").read_text().strip()) == "sshd":
                os.kill(each, 9)

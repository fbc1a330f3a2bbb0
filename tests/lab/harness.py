"""Emulated routers for tests and demo: each a process, reached by the real NAPALM drivers.

    with LabDevice.start("eos", "edge1", tmp_path / "edge1", running=TEXT) as edge1:
        edge1.inject("drop_after", "commit")
        driver = EOSDriver(edge1.host, edge1.username, edge1.password,
                           optional_args=edge1.napalm_optional_args())

A device never outlives the process that started it: it watches a pipe whose other end is here,
and which closes however this process ends.
"""

from __future__ import annotations

import contextlib
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.apply_log import Applied, read_apply_log
from tests.lab.control import call_control
from tests.lab.faults import FaultKind, Step

PROJECT = Path(__file__).resolve().parents[2]
PLATFORMS = (
    "eos",
    "junos",
    "ios",
    "iosxr_netconf",
    "huawei_vrp",
    "nxos",
    "nxos_ssh",
    "ros",
    "srl",
    "sros",
)
_NETCONF_BGP = frozenset({"junos", "iosxr_netconf", "srl", "sros"})
START_TIMEOUT = 20.0  # seconds; it takes less than one, but a loaded machine may take its time


class LabError(Exception):
    """An emulated router that did not start, or refuses what a test asks of it."""


@dataclass(frozen=True, slots=True)
class LabConfig:
    """What a device is started with."""

    platform: str
    name: str
    directory: Path
    username: str
    password: str

    def argv(self, port: int, running: Path | None) -> list[str]:
        argv = [sys.executable, "-m", f"tests.lab.{self.platform}", "--lifeline"]
        argv += ["--name", self.name, "--directory", str(self.directory), "--port", str(port)]
        argv += ["--username", self.username, "--password", self.password]
        return argv if running is None else [*argv, "--running", str(running)]


class LabDevice:
    """One running emulated router; a context manager that stops it."""

    def __init__(self, config: LabConfig, running: Path | None) -> None:
        self.config = config
        self.port = 0
        self._process = self._spawn(running)

    @classmethod
    def start(
        cls,
        platform: str,
        name: str,
        directory: Path,
        *,
        running: str | None = None,
        username: str = "lab",
        password: str = "lab-password",
    ) -> Self:
        """Start a device and wait until it listens.

        A `directory` that a device used before has its config still; `running` is for a new one.
        Raises LabError, with what the device said, when it does not come up.
        """
        if platform not in PLATFORMS:
            raise LabError(f"{name}: there is no emulated {platform!r}, only {PLATFORMS}")
        directory = directory.resolve()
        directory.mkdir(parents=True, exist_ok=True)
        file = None
        if running is not None:
            file = directory / "first-running.conf"
            file.write_text(running, encoding="utf-8")
        return cls(LabConfig(platform, name, directory, username, password), file)

    def _spawn(self, running: Path | None) -> subprocess.Popen[bytes]:
        ready = self.config.directory / "ready.json"
        ready.unlink(missing_ok=True)
        with (self.config.directory / "device.log").open("ab") as log:
            process = subprocess.Popen(
                self.config.argv(self.port, running),
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                said = (self.config.directory / "device.log").read_text(encoding="utf-8")[-2000:]
                raise LabError(f"{self.name}: did not start:\n{said}")
            time.sleep(0.005)
        self.port = int(json.loads(ready.read_text(encoding="utf-8"))["port"])
        return process

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def platform(self) -> str:
        return self.config.platform

    @property
    def directory(self) -> Path:
        return self.config.directory

    @property
    def host(self) -> str:
        return "127.0.0.1"

    @property
    def username(self) -> str:
        return self.config.username

    @property
    def password(self) -> str:
        return self.config.password

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def certificate(self) -> Path:
        """The device's own (self-signed) certificate as PEM: what a client over TLS trusts."""
        return self.directory / "certificate.pem"

    def napalm_optional_args(self) -> dict[str, object]:
        """The optional_args with which the NAPALM driver reaches this device and verifies it.

        eos, srl: just this device's certificate is trusted. junos: the host key is in a
        known_hosts file which `ssh_config_file` names; PyEZ looks at it only when the driver's
        `device._hostkey_verify` is set to True before `open()`.
        """
        if self.platform == "eos":
            context = ssl.create_default_context(cafile=str(self.certificate))
            return {"transport": "https", "port": self.port, "context": context}
        if self.platform in {"nxos", "ros", "srl"}:
            return {"port": self.port, "ca_file": str(self.certificate)}
        ssh_config = self._ssh_config()
        if self.platform in {"huawei_vrp", "nxos_ssh"}:
            return {"port": self.port, "known_hosts": str(ssh_config.with_name("known_hosts"))}
        return {"port": self.port, "ssh_config_file": str(ssh_config)}

    def _ssh_config(self) -> Path:
        file = self.directory / "ready.json"
        # A device that reboots takes it away until it listens again.
        deadline = time.monotonic() + START_TIMEOUT
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        ready = json.loads(file.read_text(encoding="utf-8"))
        known_hosts = self.directory / "known_hosts"
        known_hosts.write_text(f"[{self.host}]:{self.port} {ready['host_key']}\n")
        ssh_config = self.directory / "ssh_config"
        ssh_config.write_text(f"Host *\n    UserKnownHostsFile {known_hosts}\n")
        return ssh_config

    def ask(self, op: str, **arguments: object) -> object:
        """One request on the control socket; LabError when the device refuses it.

        A device that reboots by itself is waited for.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                return call_control(self.directory, {"op": op, **arguments})
            except (ConnectionError, FileNotFoundError) as exc:
                if not self.alive or time.monotonic() > deadline:
                    raise LabError(f"{self.name}: {op}: {exc}") from exc
                time.sleep(0.01)
            except (ValueError, OSError) as exc:
                raise LabError(f"{self.name}: {op}: {exc}") from exc

    def running(self) -> str:
        return str(self.ask("running"))

    def set_running(self, text: str) -> None:
        """Make this the running and startup config, past sessions, locks and faults."""
        self.ask("set_running", text=text)

    def candidates(self) -> list[dict[str, object]]:
        """The sessions or candidates that are open now."""
        return self._list("candidates")

    def locks(self) -> list[dict[str, object]]:
        return self._list("locks")

    def lists(self) -> dict[str, str]:
        """The digest of each filter's entries in the running config, as the apply log has them."""
        lists = self.ask("lists")
        assert isinstance(lists, dict)
        return lists

    def faults(self) -> list[dict[str, object]]:
        """The faults that were armed since the last clear, with how often each has struck."""
        return self._list("faults")

    def _list(self, op: str) -> list[dict[str, object]]:
        answer = self.ask(op)
        assert isinstance(answer, list)
        return answer

    def apply_log(self) -> list[Applied]:
        """All that the device did, also before a kill; read from its file."""
        return read_apply_log(self.directory)

    def inject(
        self,
        fault: FaultKind | str,
        step: Step | str,
        *,
        count: int = 1,
        seconds: float = 30.0,
        text: str = "",
        skip: int = 0,
    ) -> None:
        """Arm a fault; see `FaultKind` for what each does and `Step` for where.

        It strikes `count` times, after the step went by `skip` times unharmed.
        """
        how = {"count": count, "seconds": seconds, "text": text, "skip": skip}
        self.ask("fault", kind=fault, step=step, **how)

    def hangs(self) -> bool:
        """Whether a fault has struck that keeps a client waiting now."""
        return any(fault["hanging"] for fault in self.faults())

    def wait_for_hang(self, seconds: float = 10.0) -> bool:
        """Whether `hangs` comes true in that time."""
        deadline = time.monotonic() + seconds
        while not self.hangs():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def steps(self) -> dict[str, int]:
        """How often each step came since the faults were cleared, or since a restart."""
        counts = self.ask("steps")
        assert isinstance(counts, dict)
        return counts

    def set_neighbors(
        self,
        neighbors: Sequence[Mapping[str, object]],
        after_commit: Sequence[Mapping[str, object]] | None = None,
    ) -> None:
        """Give it BGP neighbours, in the platform's own fields, and what a commit makes of them."""
        op = "bgp_neighbors" if self.platform in _NETCONF_BGP else "neighbors"
        changed = None if after_commit is None else list(after_commit)
        self.ask(op, neighbors=list(neighbors), after_commit=changed)

    def clear_faults(self) -> None:
        """Disarm all; what hangs now is cut, and a foreign session is gone."""
        self.ask("clear_faults")

    def advance(self, seconds: float) -> None:
        """Let the device clock run ahead; timers that are due have fired when this returns."""
        self.ask("clock_advance", seconds=seconds)

    def kill(self) -> None:
        """Take its power: kill -9."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Power it on again, on the same directory and port; killed first where it still runs."""
        self.stop(force=True)
        self._process = self._spawn(None)

    def stop(self, *, force: bool = False) -> None:
        """End the process, if it still runs. Its directory stays."""
        if self._process.poll() is None:
            if force:
                self._process.kill()
            else:
                self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

"""A workspace of its own for a test or the demo: emulated routers and a real IRR server behind it.

The shipped inventory (or another) is copied, the ports of what was started are put into it, and
everything ends with the context.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from tasks.shown_identity import REACHED_BY, Proof
from tests.lab.harness import PROJECT, LabDevice

PASSWORD = "lab-password"
EMPTY_CONFIG = {
    "eos": "hostname {name}\n!\nend\n",
    "iosxr_netconf": "hostname {name}\n!\nend\n",
    "junos": "system {{\n    host-name {name};\n}}\n",
    "huawei_vrp": "!Software Version V200R010C00SPC600\n#\nsysname {name}\n#\nreturn\n",
    "nxos": "hostname {name}\nfeature bgp\nfeature nxapi\n",
    "nxos_ssh": "hostname {name}\nfeature bgp\n",
    "sros": '<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf">\n'
    "<system><name>{name}</name></system>\n</configure>\n",
    "ios": "hostname {name}\nip scp server enable\narchive\n path flash:archive\n!\nend\n",
    "ros": "/system identity set name={name}\n",
    "srl": '{{"srl_nokia-system:system":{{"name":{{"host-name":"{name}"}}}}}}',
}


@dataclass
class Finished:
    """What a command printed."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass
class LabNetwork:
    """A workspace and what answers behind it."""

    directory: Path
    registry: Path
    """the RPSL dump that the IRR server's snapshot was made of"""
    devices: dict[str, LabDevice] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def snapshot(self) -> Path:
        return self.directory / "irr.snapshot"

    def irrgate(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Finished:
        """Run the real command line on the workspace."""
        done = subprocess.run(
            [*irrgate_argv(), "-w", str(self.directory), *arguments],
            capture_output=True,
            text=True,
            env={**self.environ, **(environ or {})},
            cwd=self.directory,
            timeout=300,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def load_registry(self, text: str | None = None) -> None:
        """Load the registry, or this text in its place, into the server's snapshot."""
        if text is not None:
            self.registry.write_text(text, encoding="latin-1")
        done = self.irrgate("irr", "load", str(self.registry), "--snapshot", str(self.snapshot))
        if done.exit_code:
            raise RuntimeError(done.stderr)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change the inventory as a person would."""
        path = self.directory / "inventory" / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{file} does not hold {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")


def irrgate_argv() -> list[str]:
    """The console script of this environment; the module where it is not installed."""
    script = Path(sys.executable).with_name("irrgate")
    return [str(script)] if script.exists() else [sys.executable, "-m", "playbooks.cli"]


@contextmanager
def lab_network(
    directory: Path,
    *,
    environ: Mapping[str, str],
    inventory: Path = PROJECT / "inventory",
    running: Mapping[str, str] | None = None,
) -> Iterator[LabNetwork]:
    """Start the routers and the IRR server of an inventory in `directory`, and end them."""
    directory = directory.resolve()
    (directory / "lab").mkdir(parents=True)
    shutil.copytree(inventory, directory / "inventory")
    registry = directory / "inventory" / "registry" / "demo.db"
    network = LabNetwork(directory, registry, environ={**environ, "IRRGATE_PASSWORD": PASSWORD})
    with ExitStack() as stack:
        _start_devices(network, stack, running or {})
        network.load_registry()
        port = stack.enter_context(irr_server(network))
        path = directory / "inventory" / "network.yaml"
        text = path.read_text(encoding="utf-8").replace("127.0.0.1:4343", f"127.0.0.1:{port}")
        path.write_text(text, encoding="utf-8")
        yield network


def _start_devices(network: LabNetwork, stack: ExitStack, running: Mapping[str, str]) -> None:
    yaml = YAML()
    hosts_file = network.directory / "inventory" / "hosts.yaml"
    hosts = yaml.load(hosts_file)
    certificates: list[str] = []
    known_hosts: list[str] = []
    for name, host in hosts.items():
        platform = host.get("platform") or host["groups"][0]
        device = LabDevice.start(
            platform,
            name,
            network.directory / "lab" / name,
            running=running.get(name, EMPTY_CONFIG[platform].format(name=name)),
            password=PASSWORD,
        )
        network.devices[name] = stack.enter_context(device)
        host["port"] = device.port
        if REACHED_BY[platform][0] is Proof.TLS:
            certificates.append(device.certificate.read_text())
        else:
            ready = json.loads((device.directory / "ready.json").read_text())
            known_hosts.append(f"[{device.host}]:{device.port} {ready['host_key']}\n")
    yaml.dump(hosts, hosts_file)
    (network.directory / "lab" / "certificates.pem").write_text("".join(certificates))
    (network.directory / "lab" / "known_hosts").write_text("".join(known_hosts))


@contextmanager
def irr_server(network: LabNetwork) -> Iterator[int]:
    """Serve the network's snapshot; yields the port."""
    ready = network.directory / "irr.ready"
    with subprocess.Popen(
        [
            *irrgate_argv(),
            *("irr", "serve", "--snapshot", str(network.snapshot)),
            *("--listen", "127.0.0.1", "--port", "0", "--ready-file", str(ready)),
        ],
        stdout=subprocess.DEVNULL,
        env=network.environ,
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while not ready.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the IRR server did not start")
                time.sleep(0.01)
            yield int(ready.read_text())
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()

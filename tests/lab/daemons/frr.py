"""FRR as a daemon under test: zebra and bgpd, with a saved configuration as a user's own.

IPv4 is filtered by the neighbour's prefix-list, and IPv6 by a route-map that refers to one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from irrgate.prefixes import Afi
from tests.lab.daemons.namespace import COLLECTOR, NEIGHBOUR, ROUTER, Namespace, v4
from tests.lab.daemons.under_test import (
    COLLECTOR_ASN,
    FILTERS,
    LOCAL_ASN,
    NEIGHBOUR_ASN,
    eventually,
)
from tests.lab.daemons.wanted import FRR, program

CONFIG = f"""\
! a comment of the user's
frr defaults traditional
hostname r1
!
bgp route-map delay-timer 1
!
router bgp {LOCAL_ASN}
 bgp router-id {v4(ROUTER)}
 no bgp ebgp-requires-policy
 neighbor {v4(NEIGHBOUR)} remote-as {NEIGHBOUR_ASN}
 neighbor {v4(COLLECTOR)} remote-as {COLLECTOR_ASN}
 neighbor {v4(NEIGHBOUR)} timers connect 1
 neighbor {v4(COLLECTOR)} timers connect 1
 neighbor {v4(COLLECTOR)} advertisement-interval 0
 !
 address-family ipv4 unicast
  neighbor {v4(NEIGHBOUR)} prefix-list {FILTERS[Afi.IPV4]} in
  neighbor {v4(NEIGHBOUR)} route-map NOTHING out
  neighbor {v4(COLLECTOR)} route-map NOTHING in
 exit-address-family
 !
 address-family ipv6 unicast
  neighbor {v4(NEIGHBOUR)} activate
  neighbor {v4(NEIGHBOUR)} route-map AS{NEIGHBOUR_ASN}-IN in
  neighbor {v4(NEIGHBOUR)} route-map NOTHING out
  neighbor {v4(COLLECTOR)} activate
  neighbor {v4(COLLECTOR)} route-map NOTHING in
 exit-address-family
exit
!
route-map AS{NEIGHBOUR_ASN}-IN permit 10
 match ipv6 address prefix-list {FILTERS[Afi.IPV6]}
exit
!
route-map NOTHING deny 10
exit
!
"""
BY_LIST = f"neighbor {v4(NEIGHBOUR)} prefix-list {FILTERS[Afi.IPV4]} in"
BY_MAP = f"neighbor {v4(NEIGHBOUR)} route-map {FILTERS[Afi.IPV4]} in"
MAP_CONFIG = CONFIG.replace(BY_LIST, BY_MAP).replace(
    f" match ipv6 address prefix-list {FILTERS[Afi.IPV6]}\nexit\n",
    # Before it is there a policy that calls it would accept everything.
    f" call {FILTERS[Afi.IPV6]}\nexit\n!\nroute-map {FILTERS[Afi.IPV6]} deny 5\nexit\n",
)


@dataclass
class Frr:
    """One FRR, all of whose files lie in `directory`."""

    directory: Path
    platform: ClassVar[str] = "frr"
    saved_first: ClassVar[str] = CONFIG
    reference: ClassVar[str] = BY_LIST
    namespace: Namespace | None = field(default=None, init=False)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict, init=False)
    unfiltered: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if os.getuid() == 0:
            # As root FRR becomes a user of its own, who may not enter the folders of the tests.
            self._place = TemporaryDirectory(prefix="irrgate-frr-")
            self.directory = Path(self._place.name)

    @property
    def config(self) -> Path:
        return self.directory / "frr.conf"

    @property
    def run_directory(self) -> Path:
        """What the driver keeps of commits that wait: empty after a restart of the router."""
        return self.directory / "run"

    def start(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.config.write_text(self.saved_first)
            (self.directory / "vtysh.conf").touch()
        self.again()

    def again(self) -> None:
        """Start it, or start it again after a stop, on the saved configuration as it is."""
        if os.getuid() == 0:
            for path in (self.directory, self.config, self.directory / "vtysh.conf"):
                shutil.chown(path, "frr", "frr")
        for name in ("zebra", "bgpd"):
            self.start_daemon(name)
        done = self.vtysh("-b")
        assert done.returncode == 0, done.stdout + done.stderr

    def start_daemon(self, name: str) -> None:
        assert self.namespace
        argv = [f"{FRR}/{name}", "--vty_socket", str(self.directory), "-P", "0"]
        argv += ["-z", str(self.directory / "zserv.api"), "-i", str(self.directory / f"{name}.pid")]
        argv += ["-f", os.devnull, "--log", f"file:{self.directory}/{name}.log"]
        if os.getuid():
            argv += ["-S"]
        socket = self.directory / f"{name}.vty"
        socket.unlink(missing_ok=True)
        self.processes[name] = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *self.namespace.argv(*argv)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for who started it: irrgate may have a commit to bring to its end.
            start_new_session=True,
        )
        process = self.processes[name]
        if not eventually(lambda: self.runs(name) or process.poll() is not None) or process.poll():
            log = self.directory / f"{name}.log"
            said = log.read_text()[-1000:] if log.exists() else ""
            raise RuntimeError(f"{name} did not start: {process.poll()} {said}")

    def runs(self, name: str) -> bool:
        return name in self.vtysh("-c", "show daemons").stdout.split()

    def accept_all(self) -> None:
        """Take whatever the neighbour announces, as a router does that nobody filters."""
        self.refer(no="no ")
        self.unfiltered = True

    def use_filters(self) -> None:
        """Refer to the filters: it does so from the beginning, and a missing list denies."""
        if self.unfiltered:
            self.refer()
            self.unfiltered = False

    def refer(self, no: str = "") -> None:
        """Have the neighbour filtered, or no longer."""
        neighbour = f"{no}neighbor {v4(NEIGHBOUR)}"
        lines = ["configure terminal", f"router bgp {LOCAL_ASN}", "address-family ipv4 unicast"]
        lines += [f"{no}{self.reference}", "exit-address-family"]
        lines += ["address-family ipv6 unicast", f"{neighbour} route-map AS{NEIGHBOUR_ASN}-IN in"]
        done = self.vtysh(*(word for line in lines for word in ("-c", line)))
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self, name: str) -> None:
        """End one daemon as a crash does."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def restart(self) -> None:
        """Take the router's power, and start it again: what is not on its disk is gone."""
        self.stop()
        shutil.rmtree(self.run_directory, ignore_errors=True)
        self.again()

    def vtysh(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [program("vtysh") or "vtysh", "--vty_socket", str(self.directory)]
        argv += ["--config_dir", str(self.directory), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)

    def show(self, command: str) -> str:
        done = self.vtysh("-c", command)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def optional_args(self) -> dict[str, Any]:
        return {
            "vty_socket": str(self.directory),
            "config_dir": str(self.directory),
            "config": str(self.config),
            "run_directory": str(self.run_directory),
        }

    def accepted(self, afi: Afi) -> set[str]:
        shown = json.loads(self.show(f"show bgp {afi} unicast json"))
        return {
            prefix
            for prefix, paths in shown["routes"].items()
            if any(path.get("valid") and path.get("peerId") == v4(NEIGHBOUR) for path in paths)
        }


class FrrRouteMap(Frr):
    """The same with route-maps: IPv4 is filtered by one, and IPv6 by a policy that calls one."""

    platform: ClassVar[str] = "frr_route_map"
    saved_first: ClassVar[str] = MAP_CONFIG
    reference: ClassVar[str] = BY_MAP

"""OpenBGPD as a daemon under test: a configuration as a user's own, which includes irrgate's file.

It needs root: bgpd drops its rights to those of a user of its own.
"""

from __future__ import annotations

import ipaddress
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from irrgate.prefixes import Afi
from tests.lab.daemons.namespace import COLLECTOR, NEIGHBOUR, ROUTER, Namespace, v4
from tests.lab.daemons.under_test import (
    COLLECTOR_ASN,
    FILTERS,
    LOCAL_ASN,
    NEIGHBOUR_ASN,
    eventually,
)
from tests.lab.daemons.wanted import program

CONFIG = """\
AS {asn}
router-id {router}
fib-update no
listen on {router}
socket "{socket}"
include "{include}"
group "edge" {{
    passive
    announce IPv4 unicast
    announce IPv6 unicast
    neighbor {neighbour} {{
        remote-as {neighbour_asn}
        descr "neighbour"
    }}
    neighbor {collector} {{
        remote-as {collector_asn}
        descr "collector"
    }}
}}
deny from any
{uses}
allow to {collector}
"""
USES = 'allow from AS {asn} prefix-set "{name}"\n'
CHROOT = Path("/run/openbgpd")
"""the home of bgpd's user, into which it locks itself; Debian's unit makes it when it starts"""


@dataclass
class Openbgpd:
    """One OpenBGPD, all of whose files lie in `directory`."""

    directory: Path
    platform: str = field(default="openbgpd", init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    namespace: Namespace | None = field(default=None, init=False)

    @property
    def config(self) -> Path:
        return self.directory / "bgpd.conf"

    @property
    def include(self) -> Path:
        return self.directory / "irrgate.conf"

    @property
    def socket(self) -> Path:
        return self.directory / "bgpd.sock"

    @property
    def run_directory(self) -> Path:
        """What is empty after a restart of the router."""
        return self.directory / "run"

    def text(self, *, filtered: bool) -> str:
        """The user's configuration: it cannot refer to filters before there are any."""
        uses = [USES.format(asn=NEIGHBOUR_ASN, name=name) for name in FILTERS.values()]
        return CONFIG.format(
            asn=LOCAL_ASN,
            router=v4(ROUTER),
            socket=self.socket,
            include=self.include,
            neighbour=v4(NEIGHBOUR),
            neighbour_asn=NEIGHBOUR_ASN,
            collector=v4(COLLECTOR),
            collector_asn=COLLECTOR_ASN,
            uses="".join(uses) if filtered else "",
        )

    def start(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.include.touch(mode=0o600)
            self.config.write_text(self.text(filtered=False))
        self.again()

    def again(self) -> None:
        """Start it, or start it again after a stop, on the files as they are."""
        assert self.namespace
        CHROOT.mkdir(exist_ok=True)
        argv = self.namespace.argv(program("bgpd") or "bgpd", "-d", "-f", str(self.config))
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *argv], stdout=log, stderr=log
            )
        if not eventually(lambda: "sets" in self.bgpctl("-j", "show", "sets", check=False)):
            raise RuntimeError("OpenBGPD did not start")

    def use_filters(self) -> None:
        """Refer to the filters, as the user does once they are there."""
        self.config.write_text(self.text(filtered=True))
        said = self.bgpctl("reload")
        assert "request processed" in said, said

    def stop(self) -> None:
        if self.process:
            # It ends its three children; killed, it would leave them.
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def bgpctl(self, *words: str, check: bool = True) -> str:
        argv = [program("bgpctl") or "bgpctl", "-s", str(self.socket), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def optional_args(self) -> dict[str, Any]:
        return {
            "config": str(self.config),
            "include": str(self.include),
            "socket": str(self.socket),
            "run_directory": str(self.run_directory),
        }

    def accepted(self, afi: Afi) -> set[str]:
        family = "inet6" if afi is Afi.IPV6 else "inet"
        told = self.bgpctl("-j", "show", "rib", family, "neighbor", v4(NEIGHBOUR))
        rib = json.loads(told).get("rib", [])
        return {str(ipaddress.ip_network(each["prefix"])) for each in rib if each["valid"]}

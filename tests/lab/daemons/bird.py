"""BIRD 2 as a daemon under test: a configuration as a user's own, which includes irrgate's file."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from irrgate.prefixes import Afi
from tests.lab.daemons.namespace import COLLECTOR, NEIGHBOUR, ROUTER, Namespace, v4, v6
from tests.lab.daemons.under_test import (
    COLLECTOR_ASN,
    FILTERS,
    LOCAL_ASN,
    NEIGHBOUR_ASN,
    eventually,
)
from tests.lab.daemons.wanted import program

CONFIG = """\
router id {router};
log "{directory}/log" all;
include "irrgate.conf";
protocol device {{ }}
filter registered_v4 {{ {v4} reject; }}
filter registered_v6 {{ {v6} reject; }}
template bgp edge {{
    local {router} as {asn};
    strict bind on;
    connect retry time 1;
    error wait time 1, 2;
}}
protocol bgp neighbour from edge {{
    neighbor {neighbour} as {neighbour_asn};
    ipv4 {{ import keep filtered; import filter registered_v4; export none; }};
    ipv6 {{
        import keep filtered;
        import filter registered_v6;
        export none;
        next hop address {router6};
    }};
}}
protocol bgp collector from edge {{
    neighbor {collector} as {collector_asn};
    ipv4 {{ import none; export where source = RTS_BGP; }};
    ipv6 {{ import none; export where source = RTS_BGP; next hop address {router6}; }};
}}
"""
USES = "if net ~ '{name}' then accept;"


@dataclass
class Bird:
    """One BIRD, all of whose files lie in `directory`."""

    directory: Path
    platform: ClassVar[str] = "bird"
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    namespace: Namespace | None = field(default=None, init=False)

    @property
    def config(self) -> Path:
        return self.directory / "bird.conf"

    @property
    def include(self) -> Path:
        return self.directory / "irrgate.conf"

    @property
    def socket(self) -> Path:
        return self.directory / "bird.ctl"

    def text(self, *, filtered: bool, otherwise: str = "") -> str:
        """The user's configuration: it cannot refer to filters before there are any."""
        uses = {
            afi: USES.format(name=name) if filtered else otherwise for afi, name in FILTERS.items()
        }
        return CONFIG.format(
            directory=self.directory,
            asn=LOCAL_ASN,
            router=v4(ROUTER),
            router6=v6(ROUTER),
            neighbour=v4(NEIGHBOUR),
            neighbour_asn=NEIGHBOUR_ASN,
            collector=v4(COLLECTOR),
            collector_asn=COLLECTOR_ASN,
            v4=uses[Afi.IPV4],
            v6=uses[Afi.IPV6],
        )

    def start(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.config.exists():
            self.include.touch()
            self.config.write_text(self.text(filtered=False))
        self.again()

    def again(self) -> None:
        """Start it, or start it again after a stop, on the files as they are."""
        assert self.namespace
        argv = [program("bird") or "bird", "-f", "-c", str(self.config), "-s", str(self.socket)]
        argv = [*self.namespace.argv(*argv), "-P", str(self.directory / "pid")]
        # Ctrl-C is for who started it: irrgate may have a commit to bring to its end.
        argv = ["setpriv", "--pdeathsig", "KILL", *argv]
        self.process = subprocess.Popen(argv, start_new_session=True)
        if not eventually(lambda: "up and running" in self.birdc("show", "status", check=False)):
            raise RuntimeError("BIRD did not start")

    def accept_all(self) -> None:
        """Take whatever the neighbour announces, as a router does that nobody filters."""
        self.config.write_text(self.text(filtered=False, otherwise="accept;"))
        self.birdc("configure")

    def use_filters(self) -> None:
        """Refer to the filters, as the user does once they are there."""
        self.config.write_text(self.text(filtered=True))
        self.birdc("configure")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def birdc(self, *words: str, check: bool = True) -> str:
        argv = [program("birdc") or "birdc", "-s", str(self.socket), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def optional_args(self) -> dict[str, Any]:
        return {
            "config": str(self.config),
            "include": str(self.include),
            "socket": str(self.socket),
        }

    def accepted(self, afi: Afi) -> set[str]:
        table = "master4" if afi is Afi.IPV4 else "master6"
        out = self.birdc("show", "route", "table", table, "protocol", "neighbour")
        return set(re.findall(r"^([0-9a-f.:]+/[0-9]+) ", out, re.MULTILINE))

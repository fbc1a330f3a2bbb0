"""A real daemon between a neighbour that announces and a collector that writes down what it hears.

        neighbour AS64500 ----> the daemon AS64496 ----> collector AS64511
        (speaker, a file)       (filters by irrgate)     (speaker, a log)

The daemon accepts of the neighbour what irrgate's two filters accept, and passes all of it on, so
that nothing that it accepted for a moment is missed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from irrgate.prefixes import Afi
from tests.lab.daemons.namespace import COLLECTOR, NEIGHBOUR, ROUTER, Namespace, namespaces, v4, v6
from tests.lab.daemons.speaker import read_log
from tests.lab.harness import PROJECT

LOCAL_ASN: Final = 64496
NEIGHBOUR_ASN: Final = 64500
COLLECTOR_ASN: Final = 64511
FILTERS: Final[Mapping[Afi, str]] = {Afi.IPV4: "IRR-AS64500-V4", Afi.IPV6: "IRR-AS64500-V6"}
"""by which the daemon filters the neighbour: the name that irrgate gives them"""


class DaemonUnderTest(Protocol):
    """What each of the daemons brings along; made with a directory of its own, not started yet."""

    @property
    def platform(self) -> str:
        """As irrgate calls it."""

    def start(self, namespace: Namespace) -> None:
        """Start it in a namespace, and return when it takes commands.

        Its address there is v4(ROUTER) and v6(ROUTER). Each neighbour has one session for both
        families, over IPv4: NEIGHBOUR, filtered by FILTERS and nothing else, without a limit on
        prefixes; and COLLECTOR, to which all is exported as it comes, and from which nothing is
        accepted. The filters do not exist yet, and nothing of the neighbour is accepted.
        """

    def use_filters(self) -> None:
        """Refer to the filters, as a user does once they are there; may be called again."""

    def stop(self) -> None:
        """End it, whatever state it is in."""

    def optional_args(self) -> dict[str, Any]:
        """The driver's optional_args that reach it, but for the transport and its own keys."""

    def accepted(self, afi: Afi) -> set[str]:
        """The prefixes that it has accepted from the neighbour by now, as `str(ip_network)` has it.

        As the daemon's own program shows them: what is in its table, and may be used.
        """


@dataclass
class Lab:
    """One daemon with its neighbour and its collector, all running."""

    daemon: DaemonUnderTest
    directory: Path
    namespace: Namespace
    speakers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def announced(self) -> Path:
        return self.directory / "announced.txt"

    @property
    def heard(self) -> Path:
        """The collector's log; see tests.lab.daemons.speaker."""
        return self.directory / "heard.jsonl"

    def announce(self, prefixes: Sequence[str]) -> None:
        """Let the neighbour announce just these from now on."""
        # In one step: the speaker may be reading it just now, and withdraws what it does not find.
        new = self.announced.with_suffix(".new")
        new.write_text("".join(f"{each}\n" for each in prefixes), encoding="utf-8")
        new.replace(self.announced)
        if NEIGHBOUR in self.speakers:
            self.speakers[NEIGHBOUR].send_signal(signal.SIGHUP)

    def log(self) -> list[dict[str, Any]]:
        return read_log(self.heard)

    def established(self) -> bool:
        """Whether both sessions are up, as the speakers have it."""
        logs = (self.heard, self.directory / "neighbour.jsonl")
        states = [[x["event"] for x in read_log(log) if x["event"] in STATES] for log in logs]
        return all(each and each[-1] == "up" for each in states)

    def accepted(self) -> dict[Afi, set[str]]:
        return {afi: self.daemon.accepted(afi) for afi in Afi}

    def wait_accepted(self, wanted: Mapping[Afi, set[str]], seconds: float = 30) -> None:
        """Wait until these are accepted; what is accepted is to be compared afterwards."""
        eventually(lambda: self.accepted() == wanted, seconds)


STATES: Final = ("up", "down")


@contextmanager
def lab(daemon: DaemonUnderTest, directory: Path) -> Iterator[Lab]:
    """Start a daemon with its neighbour, which announces nothing yet, and the collector."""
    directory.mkdir(parents=True, exist_ok=True)
    with namespaces() as (router, neighbour, collector):
        found = Lab(daemon, directory, router)
        found.announce([])
        try:
            daemon.start(router)
            for host, asn, namespace, options in (
                (NEIGHBOUR, NEIGHBOUR_ASN, neighbour, ["--announce", str(found.announced)]),
                (COLLECTOR, COLLECTOR_ASN, collector, []),
            ):
                log = found.heard if host == COLLECTOR else directory / "neighbour.jsonl"
                found.speakers[host] = _speaker(namespace, host, asn, [*options, "--log", str(log)])
            if not eventually(found.established, 30):
                raise RuntimeError(f"{daemon.platform}: no BGP sessions")
            yield found
        finally:
            for speaker in found.speakers.values():
                speaker.kill()
                speaker.wait()
            daemon.stop()


def _speaker(
    namespace: Namespace, host: int, asn: int, options: Sequence[str]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.lab.daemons.speaker", "--local", v4(host)]
    command += ["--local-v6", v6(host), "--peer", v4(ROUTER), "--asn", str(asn), *options]
    argv = ["setpriv", "--pdeathsig", "KILL", *namespace.argv(*command)]
    return subprocess.Popen(argv, cwd=PROJECT, stdin=subprocess.DEVNULL, env={**os.environ})


def eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True

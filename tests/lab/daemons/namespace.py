"""Network namespaces of our own, in which daemons talk BGP on port 179 without touching anything.

A router and its neighbours, each in a namespace, on one switch. As root the namespaces are plain
ones; otherwise they lie in a user namespace, in which whoever runs the tests is root.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache

import pytest

V4, V6 = "198.18.0", "fd00:198:18:"
"""the link: benchmarking addresses (RFC 2544), and unique local ones"""
ROUTER, NEIGHBOUR, COLLECTOR = 1, 2, 3


def v4(host: int) -> str:
    return f"{V4}.{host}"


def v6(host: int) -> str:
    return f"{V6}:{host}"


@dataclass(frozen=True)
class Namespace:
    """Where a process runs; held by a process that sleeps."""

    pid: int

    def argv(self, *command: str) -> list[str]:
        """The command line that runs a command in here."""
        how = ["-n"] if os.getuid() == 0 else ["-U", "-n", "--preserve-credentials"]
        return ["nsenter", "-t", str(self.pid), *how, "--", *command]

    def run(self, *command: str) -> str:
        done = subprocess.run(self.argv(*command), check=True, capture_output=True, text=True)
        return done.stdout


@contextmanager
def namespaces(hosts: Sequence[int] = (ROUTER, NEIGHBOUR, COLLECTOR)) -> Iterator[list[Namespace]]:
    """Yield a namespace for each host number, all on one link; gone with the context."""
    with ExitStack() as stack:
        switch = stack.enter_context(_held([] if os.getuid() == 0 else ["-U", "-r"], None))
        switch.run("ip", "link", "add", "br0", "type", "bridge")
        switch.run("ip", "link", "set", "br0", "up")
        found = []
        for host in hosts:
            each = stack.enter_context(_held([], switch))
            switch.run(
                *("ip", "link", "add", f"p{host}", "type", "veth"),
                *("peer", "name", "eth0", "netns", str(each.pid)),
            )
            switch.run("ip", "link", "set", f"p{host}", "master", "br0", "up")
            each.run("ip", "link", "set", "lo", "up")
            each.run("ip", "address", "add", f"{v4(host)}/24", "dev", "eth0")
            each.run("ip", "address", "add", f"{v6(host)}/64", "dev", "eth0", "nodad")
            each.run("ip", "link", "set", "eth0", "up")
            found.append(each)
        yield found


@contextmanager
def _held(options: list[str], inside: Namespace | None) -> Iterator[Namespace]:
    argv = ["unshare", *options, "-n", "--", "sh", "-c", "echo on; exec sleep 3600"]
    if inside is not None and os.getuid():
        # In the same user namespace, so that a link may lead from one to the other.
        argv = inside.argv(*argv)
    # Ended with us however that happens: its stdin would not tell, a pipe to `sleep` neither.
    argv = ["setpriv", "--pdeathsig", "KILL", *argv]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as held:
        try:
            assert held.stdout
            if held.stdout.readline() != "on\n":
                assert held.stderr
                raise RuntimeError(f"no network namespace: {held.stderr.read()}")
            yield Namespace(held.pid)
        finally:
            held.kill()


@cache
def available() -> bool:
    """Whether this system lets us make namespaces at all."""
    try:
        with namespaces((ROUTER,)):
            return True
    except (OSError, RuntimeError, subprocess.CalledProcessError):
        return False


needs_namespaces = pytest.mark.skipif(
    os.environ.get("CI") != "true" and not available(),
    reason="this system lets us make no network namespaces",
)

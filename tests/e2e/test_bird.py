"""The driver for BIRD 2 against a real BIRD: what it promises, and what may go wrong meanwhile."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from irrgate.platforms import find_platform
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.bird import BirdDriver
from tasks.drivers.bird_scripts import OVERDUE
from tasks.drivers.errors import CommandFailed, CommitRefused, ConnectionFailed
from tasks.drivers.shell import Transport
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.namespace import ROUTER, Namespace, namespaces, needs_namespaces
from tests.lab.daemons.sshd import SshServer, ssh_server
from tests.lab.daemons.under_test import FILTERS, eventually
from tests.lab.daemons.wanted import needs_bird, needs_sshd
from tests.unit.platforms.routers import UNIVERSES, candidate

pytestmark = [pytest.mark.e2e, needs_bird, needs_namespaces]
V4, V6 = FILTERS[Afi.IPV4], FILTERS[Afi.IPV6]


@pytest.fixture(scope="module")
def namespace() -> Iterator[Namespace]:
    with namespaces((ROUTER,)) as (found,):
        yield found


@pytest.fixture
def bird(namespace: Namespace, tmp_path: Path) -> Iterator[Bird]:
    """A BIRD whose configuration includes irrgate's file, with one filter in it."""
    bird = Bird(tmp_path / "bird")
    bird.start(namespace)
    try:
        with driver(bird) as first:
            first.load_merge_candidate(config=filters("192.0.2.0/24"))
            first.commit_config()
        yield bird
    finally:
        bird.stop()


@contextmanager
def driver(bird: Bird, **options: object) -> Iterator[BirdDriver]:
    """A driver that is open, on this machine unless it is told otherwise."""
    arguments = {"transport": "local", **bird.optional_args(), **options}
    made = BirdDriver("127.0.0.1", "", "", 20, arguments)
    made.open()
    try:
        yield made
    finally:
        made.close()


def filters(*v4: str, v6: tuple[str, ...] | None = None, remove: tuple[str, ...] = ()) -> str:
    sets = {V4: PrefixSet.parse(Afi.IPV4, v4)} if v4 else {}
    if v6 is not None:
        sets[V6] = PrefixSet.parse(Afi.IPV6, v6)
    gone = {name: Afi.IPV6 if name.endswith("V6") else Afi.IPV4 for name in remove}
    return candidate("bird", sets, removals=gone)


def found(router: BirdDriver) -> RunningFilters:
    running = router.get_config(retrieve="running")["running"]
    return find_platform("bird").parse(running, {V4: Afi.IPV4, V6: Afi.IPV6}, "IRR-")


def held(router: BirdDriver) -> dict[str, str]:
    return {name: str(each.prefixes) for name, each in found(router).lists.items()}


def loaded(bird: Bird, name: str = V4) -> str:
    """What BIRD itself has loaded under a name."""
    said = bird.birdc("eval", f"'{name}'", check=False).splitlines()[-1]
    return re.sub(r"\{[^}]*\}", "", said)


def side_files(bird: Bird) -> set[str]:
    """What irrgate has left beside the user's files, but for its lock and what was before."""
    kept = (".irrgate.conf.irrgate-lock", ".irrgate.conf.irrgate-previous")
    return {x.name for x in bird.directory.iterdir() if "irrgate-" in x.name and x.name not in kept}


# What is promised


def test_a_filter_comes_changes_and_goes(bird: Bird) -> None:
    with driver(bird) as router:
        assert held(router) == {V4: "192.0.2.0/24"}
        router.load_merge_candidate(config=filters(v6=("2001:db8::/32 le 48",)))
        diff = router.compare_config()
        assert "+    2001:db8::/32{32,48}" in diff
        assert "-    " not in diff
        assert loaded(bird, V6).startswith("syntax error")
        router.commit_config(message="both\nfamilies \x1b[2J")
        assert held(router) == {V4: "192.0.2.0/24", V6: "2001:db8::/32 le 48"}
        assert loaded(bird, V6) == "[2001:db8::/32]"
        assert "# Last commit: both families ?[2J\n" in bird.include.read_text()
        router.load_merge_candidate(config=filters(remove=(V4,)))
        router.commit_config()
        assert held(router) == {V6: "2001:db8::/32 le 48"}
        router.load_replace_candidate(config=filters("10.0.0.0/8"))
        assert "-define 'IRR-AS64500-V6' = [ # ipv6" in router.compare_config()
        router.commit_config()
        assert held(router) == {V4: "10.0.0.0/8"}
        router.rollback()
        assert held(router) == {V6: "2001:db8::/32 le 48"}
    assert side_files(bird) == set()


def test_a_candidate_is_looked_at_and_leaves_nothing(bird: Bird) -> None:
    before = bird.include.read_bytes()
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("192.0.2.0/24"))
        assert router.compare_config() == ""
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        assert router.compare_config()
        assert "10.0.0.0/8" in router.get_config(retrieve="candidate")["candidate"]
        router.discard_config()
        assert router.compare_config() == ""
        with pytest.raises(CommitRefused, match="no candidate"):
            router.commit_config()
    assert bird.include.read_bytes() == before
    assert side_files(bird) == set()
    assert loaded(bird) == "[192.0.2.0/24]"


def test_a_filter_that_accepts_nothing_is_read_as_such(bird: Bird) -> None:
    with driver(bird) as router:
        text = candidate("bird", {V4: PrefixSet.empty(Afi.IPV4), V6: PrefixSet.empty(Afi.IPV6)})
        router.load_merge_candidate(config=text)
        router.commit_config()
        for each in found(router).lists.values():
            assert not each.prefixes
            assert each.plain
    assert (loaded(bird, V4), loaded(bird, V6)) == ("[]", "[]")


@pytest.mark.parametrize("afi", list(Afi))
def test_bird_accepts_what_the_set_contains(bird: Bird, afi: Afi) -> None:
    """Sets of nested and adjacent ranges, asked about each prefix of a corner of the space."""
    source = random.Random(str(afi))
    universe = UNIVERSES[afi]
    with driver(bird) as router:
        for _ in range(4):
            drawn = [drawn_entry(source, afi) for _ in range(source.randint(1, 12))]
            prefixes = PrefixSet.from_entries(afi, drawn)
            router.load_replace_candidate(config=candidate("bird", {FILTERS[afi]: prefixes}))
            router.commit_config()
            wrong = universe.disagreement(RealBird(bird, FILTERS[afi]), prefixes)
            assert not wrong, str(prefixes)


@dataclass(frozen=True)
class RealBird:
    bird: Bird
    name: str

    def accepts(self, prefix: str) -> bool:
        return self.bird.birdc("eval", f"{prefix} ~ '{self.name}'").splitlines()[-1] == "TRUE"


def drawn_entry(source: random.Random, afi: Afi) -> tuple[int, int, int, int]:
    universe = UNIVERSES[afi]
    length = source.randint(universe.top - 2, afi.bits)
    host = afi.bits - length
    ge = source.randint(length, afi.bits)
    address = (universe.root + source.randint(0, 15)) >> host << host
    return address, length, ge, source.randint(ge, afi.bits)


def test_what_it_tells_of_itself(bird: Bird) -> None:
    with driver(bird) as router:
        facts = router.get_facts()
        assert (facts["vendor"], facts["model"]) == ("CZ.NIC", "BIRD")
        assert re.fullmatch(r"[23]\.\d+.*", facts["os_version"])
        assert 0 <= facts["uptime"] < 600
        assert "eth0" in facts["interface_list"]
        peers = router.get_bgp_neighbors()["global"]["peers"]
        assert {at: peer["is_up"] for at, peer in peers.items()} == {
            "198.18.0.2": False,
            "198.18.0.3": False,
        }
        assert router.is_alive() == {"is_alive": True}
    assert router.is_alive() == {"is_alive": False}


# A commit that nobody confirms


def test_a_commit_is_confirmed_by_another_connection(bird: Bird) -> None:
    before = bird.include.read_bytes()
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=30)
        (left,) = router._get_pending_commits().values()
        assert 25 <= left <= 30
        assert held(router) == {V4: "10.0.0.0/8"}
        router.load_merge_candidate(config=filters("10.1.0.0/16"))
        with pytest.raises(CommitRefused, match="another commit waits"):
            router.commit_config(revert_in=30)
    # Whoever configures or starts BIRD now gets the old ones.
    assert bird.include.read_bytes() == before
    with driver(bird) as other:
        assert other.has_pending_commit()
        other.confirm_commit()
        assert not other.has_pending_commit()
        assert held(other) == {V4: "10.0.0.0/8"}
        with pytest.raises(CommitRefused, match="no commit waits"):
            other.confirm_commit()
    bird.birdc("configure")
    assert loaded(bird) == "[10.0.0.0/8]"
    assert side_files(bird) == set()


def test_a_commit_is_taken_back_by_another_connection(bird: Bird) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=30)
    with driver(bird) as other:
        other.rollback()
        assert not other.has_pending_commit()
        assert held(other) == {V4: "192.0.2.0/24"}
        # It is no other commit's turn.
        other.rollback()
        assert held(other) == {V4: "192.0.2.0/24"}
    assert loaded(bird) == "[192.0.2.0/24]"
    assert side_files(bird) == set()


def test_nobody_confirms_and_daemon_and_file_are_back(bird: Bird) -> None:
    before = bird.include.read_bytes()
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=2)
        assert loaded(bird) == "[10.0.0.0/8]"
        assert eventually(lambda: loaded(bird) == "[192.0.2.0/24]", 10)
        assert held(router) == {V4: "192.0.2.0/24"}
        assert not router.has_pending_commit()
        with pytest.raises(CommitRefused, match="too late"):
            router.confirm_commit()
    assert bird.include.read_bytes() == before
    with driver(bird) as other:
        other.load_merge_candidate(config=filters("10.2.0.0/16"))
        other.commit_config()
        assert held(other) == {V4: "10.2.0.0/16"}


@pytest.mark.parametrize("again", [True, False], ids=["configure", "start"])
def test_who_loads_the_configuration_meanwhile_gets_the_old_filters(
    bird: Bird, again: bool
) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=60)
        if again:
            bird.birdc("configure")
        else:
            bird.stop()
            bird.again()
        assert loaded(bird) == "[192.0.2.0/24]"
        assert not router.has_pending_commit()
        assert held(router) == {V4: "192.0.2.0/24"}
        with pytest.raises(CommitRefused, match="too late"):
            router.confirm_commit()


def test_a_person_confirms_it_by_hand(bird: Bird) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=60)
        bird.birdc("configure", "confirm")
        assert router.has_pending_commit()
        router.rollback()
        assert held(router) == {V4: "192.0.2.0/24"}
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=60)
        bird.birdc("configure", "confirm")
        router.confirm_commit()
    bird.birdc("configure")
    assert loaded(bird) == "[10.0.0.0/8]"


def test_what_a_person_confirmed_by_hand_is_in_the_file_later(bird: Bird) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config(revert_in=1)
        bird.birdc("configure", "confirm")
        time.sleep(1 + OVERDUE + 1)
    with driver(bird) as router:
        assert not router.has_pending_commit()
        assert held(router) == {V4: "10.0.0.0/8"}
    bird.birdc("configure")
    assert loaded(bird) == "[10.0.0.0/8]"
    assert side_files(bird) == set()


# The connection


@needs_sshd
class TestOverSsh:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[SshServer]:
        with ssh_server(tmp_path / "sshd") as server:
            yield server

    def test_it_is_all_the_same(self, bird: Bird, server: SshServer) -> None:
        with driver(bird, **server.optional_args()) as router:
            router.load_merge_candidate(config=filters("10.0.0.0/8"))
            assert "+    10.0.0.0/8" in router.compare_config()
            router.commit_config(revert_in=30)
            router.confirm_commit()
            assert held(router) == {V4: "10.0.0.0/8"}

    def test_the_connection_is_cut_while_a_commit_waits(
        self, bird: Bird, server: SshServer
    ) -> None:
        with driver(bird, **server.optional_args()) as router:
            router.load_merge_candidate(config=filters("10.0.0.0/8"))
            router.commit_config(revert_in=3)
            server.cut()
            with pytest.raises(ConnectionFailed):
                router.confirm_commit()
            assert router.is_alive() == {"is_alive": False}
        assert loaded(bird) == "[10.0.0.0/8]"
        assert eventually(lambda: loaded(bird) == "[192.0.2.0/24]", 10)
        with driver(bird, **server.optional_args()) as again:
            assert held(again) == {V4: "192.0.2.0/24"}

    def test_another_host_key(self, bird: Bird, server: SshServer) -> None:
        server.new_host_key()
        with pytest.raises(ConnectionFailed, match="is not the one in known_hosts"):
            driver(bird, **server.optional_args()).__enter__()


@pytest.mark.parametrize("after", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
def test_irrgate_is_killed_in_the_middle(bird: Bird, after: float, tmp_path: Path) -> None:
    """Wherever it dies: BIRD and the file hold the old filters, by themselves, and can go on."""
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom tests.e2e.test_bird import *\n"
        "bird = Bird(Path(sys.argv[1]))\n"
        "with driver(bird) as router:\n"
        "    router.load_merge_candidate(config=filters('10.0.0.0/8'))\n"
        "    print('on', flush=True)\n"
        "    router.compare_config()\n"
        "    router.commit_config(revert_in=2)\n"
        "    time.sleep(20)\n"
    )
    argv = ["python", str(script), str(bird.directory)]
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environ) as run:
        assert run.stdout
        run.stdout.readline()
        time.sleep(after)
        run.send_signal(signal.SIGKILL)
    assert eventually(lambda: loaded(bird) == "[192.0.2.0/24]", 10)
    bird.birdc("configure")
    assert loaded(bird) == "[192.0.2.0/24]"
    with driver(bird) as router:
        assert eventually(lambda: not router.has_pending_commit(), 10)
        router.load_merge_candidate(config=filters("10.3.0.0/16"))
        router.commit_config()
        assert held(router) == {V4: "10.3.0.0/16"}


# Two at once


def test_two_writers_do_not_interleave(bird: Bird) -> None:
    """Of two that loaded at the same time, the second finds another file than it has seen."""
    with driver(bird) as one, driver(bird) as two:
        one.load_merge_candidate(config=filters("10.0.0.0/8"))
        two.load_merge_candidate(config=filters(v6=("2001:db8::/32",)))
        one.commit_config()
        with pytest.raises(CommitRefused, match="has been changed since"):
            two.commit_config()
        assert held(two) == {V4: "10.0.0.0/8"}


def test_many_writers_leave_one_of_their_filters(bird: Bird) -> None:
    outcomes: list[str] = []

    def write(number: int) -> None:
        with driver(bird) as router:
            for _ in range(3):
                router.load_merge_candidate(config=filters(f"10.{number}.0.0/16"))
                try:
                    router.commit_config(revert_in=30)
                    router.confirm_commit()
                    outcomes.append("done")
                except CommitRefused as exc:
                    outcomes.append(exc.reason)

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(write, number) for number in range(3)]:
            done.result()
    assert "done" in outcomes
    assert len(outcomes) == 9
    assert re.fullmatch(r"\[10\.[012]\.0\.0/16\]", loaded(bird))
    with driver(bird) as router:
        assert list(held(router)) == [V4]
    assert side_files(bird) == set()


def test_a_writer_waits_for_the_one_at_work(bird: Bird) -> None:
    lock = bird.directory / ".irrgate.conf.irrgate-lock"
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        with subprocess.Popen(["flock", str(lock), "sh", "-c", "echo; sleep 2"], stdout=-1) as held:
            assert held.stdout
            held.stdout.readline()
            router.commit_config(revert_in=30)
            assert held.poll() is not None
        router.confirm_commit()


class Half:
    """A connection that ends in the middle of what is sent, as if that were all."""

    def __init__(self, through: Transport) -> None:
        self.through = through

    def execute(
        self, argv: Sequence[str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        return self.through.execute(argv, stdin[: len(stdin) // 2], timeout)

    def is_alive(self) -> bool:
        return True

    def close(self) -> None:
        self.through.close()


def test_a_candidate_that_does_not_arrive_whole(bird: Bird) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        assert router._shell
        router._shell._transport = Half(router._shell._transport)
        for step in (router.compare_config, router.commit_config):
            with pytest.raises(CommandFailed, match="did not arrive whole"):
                step()
    assert loaded(bird) == "[192.0.2.0/24]"
    assert side_files(bird) == set()


def test_copies_are_for_nobody_who_could_not_read_the_original(bird: Bird, tmp_path: Path) -> None:
    """They hold the user's passwords."""
    birdc, seen = tmp_path / "birdc", tmp_path / "seen"
    show = f"stat -c '%a %n' {bird.directory}/.*irrgate-[a-z]*-* {bird.directory}/.bird* >> {seen}"
    birdc.write_text(f'#!/bin/sh\ncase $3 in configure*) {show} 2>&1 ;; esac\nexec birdc "$@"\n')
    birdc.chmod(0o755)
    bird.config.chmod(0o640)
    bird.include.chmod(0o604)
    with driver(bird, birdc=str(birdc)) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.compare_config()
        router.commit_config()
    text = seen.read_text()
    assert set(re.findall(r"^(\d+) \S+/\.bird\.conf\.irrgate-", text, re.MULTILINE)) == {"640"}
    assert set(re.findall(r"^(\d+) \S+/\.irrgate\.conf", text, re.MULTILINE)) == {"604"}
    assert bird.include.stat().st_mode & 0o777 == 0o604

"""A BIRD that cannot be as it should, and a user's configuration that is not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from irrgate.errors import DeviceError, IrrgateError
from tasks.drivers.bird import BirdDriver
from tasks.drivers.bird_scripts import OVERDUE
from tasks.drivers.errors import CandidateRefused, CommandFailed, CommitRefused, TimedOut
from tests.e2e.test_bird import (
    V4,
    bird,
    driver,
    filters,
    found,
    held,
    loaded,
    namespace,
    side_files,
)
from tests.lab.daemons.bird import Bird
from tests.lab.daemons.namespace import needs_namespaces
from tests.lab.daemons.under_test import eventually
from tests.lab.daemons.wanted import needs_bird

__all__ = ["bird", "namespace"]
pytestmark = [pytest.mark.e2e, needs_bird, needs_namespaces]


def refused(bird: Bird, **options: object) -> DeviceError:
    with pytest.raises(DeviceError) as raised, driver(bird, **options):
        pass
    return raised.value


# The user's configuration


@pytest.mark.parametrize(
    "instead",
    ["", '# include "irrgate.conf";', '/*\ninclude "irrgate.conf";\n*/', 'include "x*.conf";'],
)
def test_a_configuration_that_does_not_include_our_file(bird: Bird, instead: str) -> None:
    text = bird.config.read_text()
    bird.config.write_text(text.replace('include "irrgate.conf";', instead))
    error = refused(bird)
    assert f"{bird.config} does not include {bird.include}" in error.reason
    assert f'include "{bird.include}";' in error.hint


def test_our_file_is_not_there_yet(bird: Bird) -> None:
    bird.include.unlink()
    assert f"touch {bird.include}" in refused(bird).hint


@pytest.mark.parametrize("pattern", ["irrgate.conf", "./irrgate.conf", "irr*.conf", "*gate.c?nf"])
@pytest.mark.parametrize("deep", [False, True])
def test_however_it_is_included(bird: Bird, pattern: str, deep: bool) -> None:
    text = bird.config.read_text()
    (bird.directory / "irrelevant.conf").write_text("define 'OTHER' = [ ];\n")
    (bird.directory / "more").mkdir()
    (bird.directory / "more" / "first.conf").write_text(f'\tinclude  "../{pattern}" ;\n')
    line = 'include "more/*";' if deep else f'  include\t"{pattern}";'
    bird.config.write_text(text.replace('include "irrgate.conf";', line))
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        assert router.compare_config()
        router.commit_config(revert_in=30)
        assert loaded(bird) == "[10.0.0.0/8]"
        router.confirm_commit()
    bird.birdc("configure")
    assert loaded(bird) == "[10.0.0.0/8]"


def test_an_error_elsewhere_in_the_configuration(bird: Bird) -> None:
    """Nothing is loaded, BIRD goes on, and its words say where the error is."""
    before = bird.include.read_bytes()
    with driver(bird) as router:
        with bird.config.open("a") as config:
            config.write("protocol bgp {{ nonsense;\n")
        lines = bird.config.read_text().count("\n")
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        for step in (router.compare_config, router.commit_config):
            with pytest.raises((CandidateRefused, CommitRefused)) as raised:
                step()
            assert f"{bird.config}:{lines}:" in raised.value.reason
            assert "syntax error" in raised.value.reason
        assert held(router) == {V4: "192.0.2.0/24"}
        assert not router.has_pending_commit()
    assert loaded(bird) == "[192.0.2.0/24]"
    assert bird.include.read_bytes() == before
    assert side_files(bird) == set()
    with driver(bird) as router:
        assert held(router) == {V4: "192.0.2.0/24"}


def test_a_filter_that_is_in_use_cannot_go(bird: Bird) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters(v6=()))
        router.commit_config()
        bird.use_filters()
        router.load_merge_candidate(config=filters(remove=(V4,)))
        with pytest.raises(CandidateRefused, match=str(bird.config)):
            router.compare_config()


def test_another_main_configuration(bird: Bird) -> None:
    other = bird.directory / "other.conf"
    other.write_text(bird.config.read_text())
    error = refused(bird, config=str(other))
    assert f"BIRD runs with {bird.config} and not with {other}" in error.reason
    assert error.hint == f"config: {bird.config} under optional_args"
    assert "is not there" in refused(bird, config="/nowhere/bird.conf").reason
    with pytest.raises(DeviceError, match="no path that irrgate can use"):
        BirdDriver("r", "", "", optional_args={"config": '/etc/"; x'})


def test_passwords_are_not_handed_over(bird: Bird) -> None:
    text = bird.config.read_text()
    uses = 'password "sec\\ret";  # IRR-AS64500-V4\n'
    bird.config.write_text(text.replace("strict bind on;", f"strict bind on; {uses}"))
    bird.birdc("configure")
    with driver(bird) as router:
        running = router.get_config()["running"]
    assert 'password "***"' in running
    assert "sec" not in running


# irrgate's own file


def test_the_file_was_changed_by_hand(bird: Bird) -> None:
    """What BIRD runs is not known then: all is written anew, and other filters stay."""
    with driver(bird) as router:
        assert found(router).lists[V4].plain
        bird.include.write_text(bird.include.read_text().replace("192.0.2.0/24", "10.0.0.0/8"))
        assert held(router) == {V4: "10.0.0.0/8"}
        assert not found(router).lists[V4].plain
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config()
        assert found(router).lists[V4].plain
    assert loaded(bird) == "[10.0.0.0/8]"


def test_the_file_is_not_what_bird_has_loaded(bird: Bird) -> None:
    old = bird.include.read_bytes()
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.commit_config()
        bird.include.write_bytes(old)
        with pytest.raises(CommandFailed, match="BIRD has not loaded what") as raised:
            found(router)
        assert "birdc configure" in raised.value.hint
        bird.birdc("configure")
        assert held(router) == {V4: "192.0.2.0/24"}


@pytest.mark.parametrize("text", ["define X = 1;\n", "{whole}define X = 1;\n", "{half}"])
def test_the_file_holds_what_irrgate_has_not_written(bird: Bird, text: str) -> None:
    whole = bird.include.read_text()
    bird.include.write_text(text.format(whole=whole, half=whole[: len(whole) // 2]))
    with driver(bird) as router:
        with pytest.raises(IrrgateError, match=r"cut off|has not written"):
            found(router)
        with pytest.raises(CandidateRefused, match=r"cut off|has not written"):
            router.load_merge_candidate(config=filters("10.0.0.0/8"))


# The daemon and the system


def test_bird_is_down(bird: Bird) -> None:
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        bird.stop()
        for step in (router.compare_config, router.commit_config, router.get_facts):
            with pytest.raises(DeviceError, match="Unable to connect"):
                step()
    error = refused(bird)
    assert "Unable to connect" in error.reason
    assert "is BIRD running?" in error.hint
    bird.again()
    assert loaded(bird) == "[192.0.2.0/24]"
    assert side_files(bird) == set()


def test_bird_does_not_answer(bird: Bird) -> None:
    with driver(bird) as router:
        router._shell.timeout = 1  # type: ignore[union-attr]
        assert bird.process
        os.kill(bird_pid(bird), signal.SIGSTOP)
        try:
            with pytest.raises(TimedOut, match=r"birdc did not end within 1 s"):
                router.get_facts()
        finally:
            os.kill(bird_pid(bird), signal.SIGCONT)


def bird_pid(bird: Bird) -> int:
    return int((bird.directory / "pid").read_text())


NOBODY = 65534


@pytest.fixture
def as_nobody(bird: Bird, tmp_path: Path) -> list[str]:
    """What runs a command as a user without any rights; only where we are root."""
    if os.getuid():
        pytest.skip("needs root")
    for path in (bird.directory, *bird.directory.parents):
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def test_no_permission_on_the_socket(bird: Bird, as_nobody: list[str], tmp_path: Path) -> None:
    birdc = tmp_path / "birdc"
    birdc.write_text(f'#!/bin/sh\nexec {" ".join(as_nobody)} birdc "$@"\n')
    birdc.chmod(0o755)
    error = refused(bird, birdc=str(birdc))
    assert "Permission denied" in error.reason
    assert "group of BIRD's socket" in error.hint


@pytest.fixture
def full_disk(bird: Bird) -> Iterator[Path]:
    """The folder of the user's files, on a file system in which nothing has room any more."""
    if os.getuid():
        pytest.skip("needs root")
    keep = {each.name: each.read_bytes() for each in bird.directory.glob("*.conf")}
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "lab", str(bird.directory)], check=True
    )
    try:
        for name, content in keep.items():
            (bird.directory / name).write_bytes(content)
        bird.stop()
        bird.again()
        yield bird.directory
    finally:
        bird.stop()
        subprocess.run(["umount", "-l", str(bird.directory)], check=True)


def fill_up(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for _ in range(1 << 20):
            file.write(b"x" * 1024)


def test_the_disk_is_full(bird: Bird, full_disk: Path) -> None:
    before = bird.include.read_bytes()
    with driver(bird) as router:
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        fill_up(full_disk / "fill")
        for step in (router.compare_config, router.commit_config):
            with pytest.raises(CommandFailed, match="No space left on device"):
                step()
        assert bird.include.read_bytes() == before
        assert loaded(bird) == "[192.0.2.0/24]"
        (full_disk / "fill").unlink()
        assert held(router) == {V4: "192.0.2.0/24"}
        router.commit_config()
        assert held(router) == {V4: "10.0.0.0/8"}
    assert side_files(bird) == set()


def test_the_folder_cannot_be_written(bird: Bird) -> None:
    if os.getuid():
        pytest.skip("needs root")
    bind = ["mount", "--bind", str(bird.directory), str(bird.directory)]
    subprocess.run(bind, check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(bird.directory)], check=True)
        with driver(bird) as router:
            assert held(router) == {V4: "192.0.2.0/24"}
            router.load_merge_candidate(config=filters("10.0.0.0/8"))
            for step in (router.compare_config, router.commit_config):
                with pytest.raises(CommandFailed, match="Read-only file system"):
                    step()
    finally:
        subprocess.run(["umount", "-l", str(bird.directory)], check=True)
    assert loaded(bird) == "[192.0.2.0/24]"


def test_output_with_terminal_escapes(bird: Bird) -> None:
    """A line of the user's that a terminal would obey is told, if at all, as plain characters."""
    with driver(bird) as router:
        with bird.config.open("a") as config:
            config.write("# \x1b[2J\x07 IRR-AS64599-V4\n\x1b]0;title\x07 nonsense;\n")
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        with pytest.raises(CandidateRefused, match="BIRD does not accept it"):
            router.compare_config()
        assert held(router) == {V4: "192.0.2.0/24"}


DYING_BIRDC = """\
#!/bin/sh
# Runs birdc, and kills all of the session that it belongs to, once: before or after a command.
session=$(ps -o sid= -p $$ | tr -d ' ')
die() {{
    case $1 in "{command}"*) ;; *) return ;; esac
    mkdir {mark} 2>/dev/null || return
    kill -9 $(ps -o pid= -s "$session" | grep -vw $$)
    kill -9 $$
}}
{before}
birdc "$@"; code=$?
{after}
exit $code
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "command", ["eval", "configure check", 'configure \\"', "configure confirm"]
)
def test_a_script_dies_on_the_router(bird: Bird, command: str, when: str, tmp_path: Path) -> None:
    """At each word to BIRD: old or new filters, the same in BIRD and in the file; it goes on."""
    birdc, mark = tmp_path / "birdc", tmp_path / "mark"
    lines = {"before": "", "after": "", when: 'die "$3"'}
    birdc.write_text(DYING_BIRDC.format(command=command, mark=mark, **lines))
    birdc.chmod(0o755)
    mark.mkdir()
    with contextlib.suppress(CommandFailed), driver(bird, birdc=str(birdc)) as router:
        mark.rmdir()
        router.load_merge_candidate(config=filters("10.0.0.0/8"))
        router.compare_config()
        router.commit_config(revert_in=1)
        router.confirm_commit()
    assert mark.exists()
    assert eventually(lambda: not overdue(bird), 15)
    with driver(bird) as router:
        assert not router.has_pending_commit()
        assert held(router) in ({V4: "192.0.2.0/24"}, {V4: "10.0.0.0/8"})
        now = loaded(bird)
        bird.birdc("configure")
        assert loaded(bird) == now
        router.load_merge_candidate(config=filters("10.3.0.0/16"))
        router.commit_config()
        assert held(router) == {V4: "10.3.0.0/16"}
    assert loaded(bird) == "[10.3.0.0/16]"


def overdue(bird: Bird) -> bool:
    """Whether a commit that was left behind still has time."""
    note = bird.directory / ".irrgate.conf.irrgate-pending"
    return note.exists() and time.time() < int(note.read_text().split()[1]) + OVERDUE + 1

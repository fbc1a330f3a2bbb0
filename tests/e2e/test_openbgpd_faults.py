"""An OpenBGPD that cannot be as it should, and a user's configuration that is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from irrgate.errors import DeviceError
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers import openbgpd_scripts
from tasks.drivers.errors import (
    CandidateRefused,
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
)
from tasks.drivers.openbgpd import OpenbgpdDriver
from tests.e2e.test_openbgpd import (
    NEW,
    OLD,
    bgpd,
    committed,
    connected,
    driver,
    holds,
    on_disk,
    sets,
)
from tests.lab.daemons.openbgpd import Openbgpd
from tests.lab.daemons.sshd import ssh_server
from tests.lab.daemons.under_test import eventually
from tests.lab.daemons.wanted import needs_openbgpd, needs_sshd

__all__ = ["bgpd", "driver"]
pytestmark = [pytest.mark.e2e, needs_openbgpd]

# What goes wrong


def test_a_config_without_our_file(bgpd: Openbgpd) -> None:
    text = bgpd.config.read_text()
    bgpd.config.write_text(text.replace("include", "# include"))
    with pytest.raises(DeviceError, match=f"does not include {bgpd.include}") as caught:
        connected(bgpd).open()
    assert f'include "{bgpd.include}"' in caught.value.hint


def test_our_file_is_not_there_yet(bgpd: Openbgpd) -> None:
    bgpd.include.unlink()
    with pytest.raises(DeviceError, match="there is no such file") as caught:
        connected(bgpd).open()
    assert f"touch {bgpd.include}" in caught.value.hint


def test_our_file_is_included_by_another_one(bgpd: Openbgpd) -> None:
    """Beside a file as rpki-client writes it, of which nobody wants to see the most."""
    text = bgpd.config.read_text()
    more, roas = bgpd.directory / "more.conf", bgpd.directory / "roas.conf"
    roas.write_text(
        "roa-set {\n"
        + "".join(f"\t10.{n}.0.0/16 maxlen 24 source-as 64500\n" for n in range(200))
        + "\t2001:db8::/32 source-as 64500 expires 4000000000\n}\n"
    )
    line = f'include "{bgpd.include}"'
    more.write_text(f"# {line}\n\tinclude  '{bgpd.include}'\ninclude \"{roas}\"\n")
    bgpd.config.write_text(text.replace(line, f'include "{more}"'))
    bgpd.bgpctl("reload")
    with connected(bgpd) as driver:
        committed(driver, NEW)
        driver.confirm_commit()
        assert holds(driver, NEW)
        running = driver.get_config()["running"]
    assert f"{roas}\nroa-set {{\n}}\n" in running


def test_a_filter_that_the_rules_use_already(bgpd: Openbgpd) -> None:
    """There is no way back to a configuration that bgpd does not accept."""
    bgpd.include.write_text("")
    with connected(bgpd) as driver:
        driver.load_merge_candidate(config=sets(NEW, PrefixSet.empty(Afi.IPV6)))
        assert driver.compare_config()
        with pytest.raises(CommitRefused, match="does not accept its configuration as it is"):
            driver.commit_config(revert_in=60)
        driver.load_merge_candidate(config=sets(NEW, PrefixSet.empty(Afi.IPV6)))
        driver.commit_config()
        assert holds(driver, NEW)


def test_a_syntax_error_elsewhere_in_the_config(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    with bgpd.config.open("a") as config:
        config.write("deny form any\n")
    driver.load_merge_candidate(config=sets(NEW))
    line = len(bgpd.config.read_text().splitlines())
    for attempt in (driver.compare_config, lambda: driver.commit_config(revert_in=60)):
        with pytest.raises((CandidateRefused, CommitRefused), match=f"{line}: syntax error"):
            attempt()
    assert holds(driver, OLD)
    assert bgpd.process is not None
    assert bgpd.process.poll() is None


def test_what_a_terminal_would_obey(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    with bgpd.config.open("a") as config:
        config.write('allow from any prefix-set "\x1b[2J"\n' * 7)
    driver.load_merge_candidate(config=sets(NEW))
    with pytest.raises(CandidateRefused) as caught:
        driver.compare_config()
    assert caught.value.reason.isprintable()
    assert "\\x1b[2J" in caught.value.reason
    assert caught.value.reason.endswith("and 2 more")


def test_a_reload_that_fails_with_exit_code_0(bgpd: Openbgpd) -> None:
    """What was checked is not what bgpd reads: as when a person saves a mistake in between."""
    checked = bgpd.directory / "checked.conf"
    shutil.copy(bgpd.config, checked)
    with bgpd.config.open("a") as config:
        config.write("deny form any\n")
    before = on_disk(bgpd)
    files = sorted(bgpd.directory.glob("irrgate.conf*"))
    with connected(bgpd, config=str(checked)) as driver:
        driver.load_merge_candidate(config=sets(NEW))
        with pytest.raises(CommitRefused, match="config file has errors, reload failed"):
            driver.commit_config(revert_in=60)
        assert holds(driver, OLD)
        assert not driver.has_pending_commit()
    assert on_disk(bgpd) == before
    assert sorted(bgpd.directory.glob("irrgate.conf*")) == files


def test_a_daemon_that_reads_another_configuration(
    bgpd: Openbgpd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reload is processed, and what was to be loaded is not what is loaded."""
    other = bgpd.directory / "other.conf"
    shutil.copy(bgpd.config, other)
    text = bgpd.config.read_text()
    another = bgpd.directory / "another.conf"
    another.write_text(on_disk(bgpd))
    bgpd.config.write_text(text.replace(str(bgpd.include), str(another)))
    # So long as bgpd gets for taking it.
    asking = openbgpd_scripts._ASKING.replace("tries=300", "tries=5")
    monkeypatch.setattr(openbgpd_scripts, "_ASKING", asking)
    with connected(bgpd, config=str(other)) as driver:
        driver.load_merge_candidate(config=sets(NEW))
        with pytest.raises(
            CommitRefused, match=f"did not take the new filters: does it read {other}"
        ):
            driver.commit_config(revert_in=60)
        assert holds(driver, OLD)


def test_a_daemon_that_is_down(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    bgpd.stop()
    with pytest.raises(CommandFailed, match="count the routes"):
        driver._daemon.accepted()
    with pytest.raises(ConnectionFailed, match="bgpd does not answer") as caught:
        connected(bgpd).open()
    assert "is bgpd started" in caught.value.hint
    driver.load_merge_candidate(config=sets(NEW))
    with pytest.raises(ConnectionFailed, match="bgpd does not answer"):
        driver.commit_config(revert_in=600)
    assert "192.0.2.0/24" in on_disk(bgpd)


def test_a_daemon_that_goes_down_while_a_commit_waits(
    bgpd: Openbgpd, driver: OpenbgpdDriver
) -> None:
    """There is nothing to take back: it is started with the old file."""
    committed(driver, NEW)
    bgpd.stop()
    driver.rollback()
    assert not driver.has_pending_commit()
    bgpd.again()
    assert holds(driver, OLD)


def test_no_permission(bgpd: Openbgpd) -> None:
    code = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tests.e2e.test_openbgpd_faults import ConnectionFailed, Openbgpd, connected
        try:
            connected(Openbgpd(Path(sys.argv[1]))).open()
        except ConnectionFailed as exc:
            print(exc.reason, exc.hint)
    """)
    for each in [bgpd.directory, *bgpd.directory.parents]:
        if each.owner() == "root" and str(each).startswith("/tmp/"):
            each.chmod(each.stat().st_mode | 0o055)
    nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    argv = [*nobody, sys.executable, "-c", code, str(bgpd.directory)]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert "bgpd does not answer: " in said
    assert "ermission denied" in said
    assert "sudo: true" in said


def test_a_full_disk(bgpd: Openbgpd, driver: OpenbgpdDriver) -> None:
    many = PrefixSet.from_entries(
        Afi.IPV4, ((0x0B000000 + (n << 9), 24, 24, 24) for n in range(30_000))
    )
    kept = {each.name: each.read_bytes() for each in bgpd.directory.glob("irrgate.conf*")}
    full = bgpd.directory / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(full)], check=True)
    try:
        for name, content in kept.items():
            (full / name).write_bytes(content)
        text = bgpd.config.read_text()
        bgpd.config.write_text(text.replace(str(bgpd.include), str(full / "irrgate.conf")))
        bgpd.bgpctl("reload")
        with connected(bgpd, include=str(full / "irrgate.conf")) as there:
            there.load_merge_candidate(config=sets(many))
            with pytest.raises(CommandFailed, match="No space left on device"):
                there.commit_config(revert_in=60)
            assert holds(there, OLD)
            assert not there.has_pending_commit()
            # And there is room for what fits.
            committed(there, NEW)
            there.confirm_commit()
            assert holds(there, NEW)
    finally:
        subprocess.run(["umount", "-l", str(full)], check=True)


@needs_sshd
def test_over_ssh(bgpd: Openbgpd, tmp_path: Path) -> None:
    with ssh_server(tmp_path / "sshd") as server:
        arguments = {**bgpd.optional_args(), **server.optional_args()}
        driver = OpenbgpdDriver(server.host, server.username, "", 30, arguments)
        driver.open()
        committed(driver, NEW, 4)
        assert holds(driver, NEW)
        # The network fails, with all that the sessions had started.
        server.cut()
        assert eventually(lambda: not driver.is_alive()["is_alive"])
    with connected(bgpd) as local:
        assert local.has_pending_commit()
        assert eventually(lambda: not local.has_pending_commit(), 20)
        assert holds(local, OLD)


def test_options_that_cannot_be(bgpd: Openbgpd) -> None:
    wrong: list[tuple[dict[str, object], str]] = [
        ({"include": "irrgate.conf"}, "include is not the absolute path of a file"),
        ({"config": "/etc/x y"}, "config is not the absolute path"),
        ({"sokcet": "/x"}, "'sokcet' is unknown"),
    ]
    for changed, said in wrong:
        with pytest.raises(DeviceError, match=said):
            connected(bgpd, **changed)
    check: Callable[[], None] = connected(bgpd, transport="telnet").open
    with pytest.raises(DeviceError, match="transport must be ssh or local"):
        check()

"""Who the routers are, learned once: what is new is shown and asked about, what changed is not."""

from __future__ import annotations

import json
import os
import pty
import select
import ssl
import subprocess
import time

import pytest
from ruamel.yaml import YAML

from tests.e2e.desk import CHANGES, COULD_NOT_RUN, DONE, PROBLEMS, Desk, events, told
from tests.e2e.test_router_identity import JUNOS, ROUTERS, reasons, set_option
from tests.lab.network import irrgate_argv

pytestmark = pytest.mark.e2e

EOS = ["edge1.bog", "edge1.mex"]


def at_a_terminal(desk: Desk, answer: str, *arguments: str) -> tuple[int, str]:
    """Run irrgate on a terminal, and answer its question; its exit code and all that it said."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*irrgate_argv(), "-w", str(desk.directory), *arguments],
        stdin=its,
        stdout=its,
        stderr=its,
        env={**desk.environ, "COLUMNS": "300"},
        start_new_session=True,
    )
    os.close(its)
    said, answered, deadline = "", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if not select.select([ours], [], [], 0.2)[0]:
            continue
        try:
            got = os.read(ours, 65536)
        except OSError:
            break
        said += got.decode()
        if "[y/N]" in said and not answered:
            os.write(ours, f"{answer}\n".encode())
            answered = True
    os.close(ours)
    return process.wait(10), said.replace("\r\n", "\n")


def forget(desk: Desk) -> None:
    (desk.directory / "lab" / "known_hosts").unlink()
    (desk.directory / "lab" / "certificates.pem").unlink()


def learned(desk: Desk, *arguments: str, expect: int) -> dict[str, str]:
    """What is said of each router, by its name."""
    done = told(desk.irrgate("--json", "check", "--learn-keys", *arguments), expect)
    said = (check["what"].partition(" is ") for check in json.loads(done.stdout)["checks"])
    return {router: standing for router, _, standing in said}


def test_all_routers_are_learned_and_then_known(desk: Desk) -> None:
    forget(desk)
    assert learned(desk, "--yes", expect=DONE) == dict.fromkeys(ROUTERS, "new")
    known_hosts = (desk.directory / "lab" / "known_hosts").read_text()
    assert all(f"[127.0.0.1]:{desk.devices[name].port} ssh-" in known_hosts for name in JUNOS)
    assert all("login" not in events(device) for device in desk.devices.values())
    assert learned(desk, expect=DONE) == dict.fromkeys(ROUTERS, "known")
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)


def test_the_fingerprints_are_those_that_others_print(desk: Desk) -> None:
    forget(desk)
    done = told(desk.irrgate("check", "--learn-keys", "--yes"), DONE)
    known_hosts = str(desk.directory / "lab" / "known_hosts")
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", known_hosts], capture_output=True, text=True, check=True
    )
    fingerprints = [line.split()[1] for line in listed.stdout.splitlines()]
    assert len(fingerprints) == len(JUNOS)
    for name in EOS:
        digest = subprocess.run(
            ["openssl", "x509", "-noout", "-fingerprint", "-sha256"],
            input=desk.devices[name].certificate.read_text(),
            capture_output=True,
            text=True,
            check=True,
        )
        fingerprints.append(digest.stdout.strip().partition("=")[2])
    assert all(fingerprint in done.stdout for fingerprint in fingerprints)


def test_a_person_is_asked_and_may_say_no(desk: Desk) -> None:
    forget(desk)
    code, said = at_a_terminal(desk, "n", "check", "--learn-keys")
    assert (code, said.count("SHA256")) == (DONE, 2 * 4), said  # before the question and after
    assert "Trust these 4 new router(s) from now on? [y/N]" in said
    assert "nothing was written" in said
    assert not (desk.directory / "lab" / "known_hosts").exists()
    code, said = at_a_terminal(desk, "y", "check", "--devices", "--learn-keys")
    assert code == DONE, said
    assert said.count("holds 0 of its") == 4


def test_nobody_is_there_to_be_asked(desk: Desk) -> None:
    forget(desk)
    done = told(desk.irrgate("check", "--learn-keys"), COULD_NOT_RUN)
    assert "4 router(s) are not known yet, and there is nobody to ask" in done.stderr
    assert not (desk.directory / "lab" / "known_hosts").exists()


def test_a_key_that_changed_is_never_written(desk: Desk) -> None:
    path = desk.directory / "lab" / "known_hosts"
    key = desk.directory / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    other = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    port = desk.devices["edge2.mex"].port
    text = "".join(
        f"[127.0.0.1]:{port} {other}\n" if f":{port} " in line else f"{line}\n"
        for line in path.read_text().splitlines()
    )
    path.write_text(text)
    expected = {**dict.fromkeys(ROUTERS, "known"), "edge2.mex": "CHANGED"}
    assert learned(desk, "--yes", expect=PROBLEMS) == expected
    assert path.read_text() == text
    # As the hint says, once the key was compared.
    subprocess.run(["ssh-keygen", "-f", path, "-R", f"[127.0.0.1]:{port}"], check=True)
    assert learned(desk, "--yes", expect=DONE)["edge2.mex"] == "new"
    assert reasons(desk, CHANGES) == {}


def test_a_key_of_another_kind_is_no_new_router(desk: Desk) -> None:
    path = desk.directory / "lab" / "known_hosts"
    key = desk.directory / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(key)], check=True)
    other = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    path.write_text(f"[127.0.0.1]:{desk.devices['edge2.mex'].port} {other}\n")
    arguments = ("--yes", "--limit", "edge2.mex")
    done = told(desk.irrgate("check", "--learn-keys", *arguments), PROBLEMS)
    assert "edge2.mex is CHANGED" in done.stdout
    assert "has ssh-rsa" in " ".join(done.stdout.split())
    assert path.read_text().count("\n") == 1


def test_a_certificate_that_changed_is_never_written(desk: Desk) -> None:
    path = desk.directory / "lab" / "certificates.pem"
    forget(desk)
    assert learned(desk, "--yes", "--limit", "eos", expect=DONE) == dict.fromkeys(EOS, "new")
    mine, other = (desk.devices[name] for name in EOS)
    # As if the router at this port had shown the other one's when it was learned.
    pem = {each: each.certificate.read_text().strip() for each in (mine, other)}
    text = path.read_text().replace(pem[mine], pem[other])
    path.write_text(text)
    assert learned(desk, "--yes", "--limit", EOS[0], expect=PROBLEMS) == {EOS[0]: "CHANGED"}
    assert path.read_text() == text
    path.write_text("")
    assert learned(desk, "--yes", "--limit", EOS[0], expect=DONE) == {EOS[0]: "new"}
    path.write_text("M\u00e9xico\n" + path.read_text())
    assert learned(desk, "--yes", "--limit", EOS[0], expect=DONE) == {EOS[0]: "known"}


def test_a_file_that_is_a_link_or_no_file_or_not_of_letters(desk: Desk) -> None:
    path = desk.directory / "lab" / "known_hosts"
    shared = desk.directory / "shared"
    shared.write_bytes(b"# M\xe9xico\n")
    shared.chmod(0o600)
    path.unlink()
    path.symlink_to(shared)
    limited = ("--yes", "--limit", "edge2.mex")
    done = told(desk.irrgate("check", "--learn-keys", *limited), PROBLEMS)
    assert "cannot be read: it is not UTF-8" in " ".join(done.stdout.split())
    shared.write_text("# M\u00e9xico\n")
    assert learned(desk, *limited, expect=DONE) == {"edge2.mex": "new"}
    assert path.is_symlink()
    assert shared.read_text().startswith("# M\u00e9xico\n[127.0.0.1]:")
    assert shared.stat().st_mode & 0o777 == 0o600
    path.unlink()
    path.mkdir()
    done = told(desk.irrgate("check", "--learn-keys", *limited), COULD_NOT_RUN)
    assert f"{path}: cannot be written: Is a directory" in done.stderr
    assert not list(path.parent.glob(".known_hosts-*"))


def test_what_the_user_knew_goes_into_a_new_file(desk: Desk) -> None:
    home = desk.directory / "home"
    (home / ".ssh").mkdir(parents=True)
    (desk.directory / "lab" / "known_hosts").rename(home / ".ssh" / "known_hosts")
    desk.environ["HOME"] = str(home)
    for name in JUNOS:
        set_option(desk, name)
    users = (home / ".ssh" / "known_hosts").read_text()
    assert learned(desk, "--yes", "--limit", "edge2.mex", expect=DONE) == {"edge2.mex": "new"}
    assert (desk.directory / "known_hosts").read_text().startswith(users)
    assert reasons(desk, CHANGES) == {}


def test_a_certificate_needs_a_file_to_be_kept_in(desk: Desk) -> None:
    set_option(desk, "edge1.mex")
    done = told(desk.irrgate("check", "--learn-keys", "--yes", "--limit", "edge1.mex"), DONE)
    assert "edge1.mex is not proven: SHA256 " in done.stdout
    assert "hint: name a ca_file under optional_args" in done.stdout


def test_a_certificate_for_another_name_is_of_no_use(desk: Desk) -> None:
    hosts = desk.directory / "inventory" / "hosts.yaml"
    yaml = YAML()
    loaded = yaml.load(hosts)
    loaded["edge1.mex"]["hostname"] = "127.0.0.2"
    yaml.dump(loaded, hosts)
    (desk.directory / "lab" / "certificates.pem").unlink()
    # The emulated router listens on 127.0.0.1 alone.
    assert learned(desk, "--yes", "--limit", "edge1.mex", expect=PROBLEMS) == {
        "edge1.mex": "FAILED"
    }


def test_a_router_that_is_not_there_or_says_something_else(desk: Desk) -> None:
    eos, junos = desk.devices["edge1.mex"], desk.devices["edge2.mex"]
    hosts = desk.directory / "inventory" / "hosts.yaml"
    yaml = YAML()
    loaded = yaml.load(hosts)
    loaded["edge1.mex"]["port"], loaded["edge2.mex"]["port"] = junos.port, eos.port
    loaded["edge1.bog"]["port"] = 1
    yaml.dump(loaded, hosts)
    done = told(desk.irrgate("check", "--learn-keys", "--yes"), PROBLEMS)
    assert "edge1.bog is FAILED: ask who it is: port 1: Connection refused" in done.stdout
    assert f"port {junos.port} does not speak TLS" in done.stdout
    assert "edge2.mex is FAILED: ask who it is: does not speak SSH" in done.stdout


def test_what_is_switched_off_is_left_alone(desk: Desk) -> None:
    set_option(desk, "edge2.mex", verify_host=False)
    done = told(desk.irrgate("check", "--learn-keys", "--limit", "edge2.mex"), DONE)
    assert "edge2.mex is not proven: verify_host is false" in done.stdout


def test_the_certificates_are_whole(desk: Desk) -> None:
    forget(desk)
    learned(desk, "--yes", expect=DONE)
    pem = (desk.directory / "lab" / "certificates.pem").read_text()
    ssl.create_default_context(cadata=pem)
    assert pem.count("BEGIN CERTIFICATE") == len(EOS)

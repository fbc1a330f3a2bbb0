"""Who a router is and who we are: credentials, TLS certificates, SSH host keys."""

from __future__ import annotations

import subprocess

import pytest
from ruamel.yaml import YAML

from tests.e2e.desk import CHANGES, DONE, PROBLEMS, Desk, events, told

pytestmark = pytest.mark.e2e

EOS = ["edge1.bog", "edge1.mex"]
JUNOS = ["edge2.bog", "edge2.mex"]
ROUTERS = sorted(EOS + JUNOS)
LOGIN = (
    "connect: did not accept the username with its password or key "
    "(set IRRGATE_USERNAME and IRRGATE_PASSWORD, or username and password in the inventory)"
)
UNTRUSTED = (
    "connect: its TLS certificate is not trusted: self-signed certificate "
    "(name the CA's or the router's own certificate as ca_file under optional_args)"
)
KEY_HINT = "compare the key with the router's own, then put it into the workspace's known_hosts"


def reasons(desk: Desk, expect: int = PROBLEMS) -> dict[str, str]:
    hosts = desk.plan(expect=expect).json["hosts"]
    return {name: host["reason"] for name, host in hosts.items() if host["status"] == "failed"}


def set_option(desk: Desk, name: str, **options: object) -> None:
    """Give a router an optional_args of its own, which replaces its group's."""
    path = desk.directory / "inventory" / "hosts.yaml"
    yaml = YAML()
    hosts = yaml.load(path)
    hosts[name]["connection_options"] = {"napalm": {"extras": {"optional_args": options}}}
    yaml.dump(hosts, path)


@pytest.mark.parametrize("variable", ["IRRGATE_USERNAME", "IRRGATE_PASSWORD"])
def test_wrong_credentials(desk: Desk, variable: str) -> None:
    plan = desk.plan(expect=CHANGES)
    wrong = {variable: "not-the-right-one"}
    done = told(desk.irrgate("apply", plan.path.name, environ=wrong), PROBLEMS)
    assert done.stdout.count("did not accept the username") == 4
    desk.environ |= wrong
    assert reasons(desk) == dict.fromkeys(ROUTERS, LOGIN)
    checked = told(desk.irrgate("check", "--devices"), PROBLEMS)
    assert checked.stdout.count("FAILED") == 4
    assert checked.stdout.count("hint: set IRRGATE_USERNAME and IRRGATE_PASSWORD") == 4
    assert "not-the-right-one" not in done.stdout + done.stderr + checked.stdout + checked.stderr
    assert all(len(events(device)) <= 3 for device in desk.devices.values())


def test_credentials_of_the_environment_come_before_the_inventory(desk: Desk) -> None:
    path = desk.directory / "inventory" / "defaults.yaml"
    path.write_text("username: nobody\npassword: nothing\n")
    desk.environ |= {"IRRGATE_USERNAME": "lab"}
    desk.plan(expect=CHANGES)
    del desk.environ["IRRGATE_PASSWORD"]
    assert reasons(desk) == dict.fromkeys(ROUTERS, LOGIN)
    path.write_text(f"username: lab\npassword: {desk.devices['edge1.mex'].password}\n")
    desk.plan(expect=CHANGES)


def test_a_certificate_that_nobody_vouches_for(desk: Desk) -> None:
    other = desk.devices["edge1.bog"].certificate.read_text()
    (desk.directory / "lab" / "certificates.pem").write_text(other)
    assert reasons(desk) == {"edge1.mex": UNTRUSTED}
    set_option(desk, "edge1.mex")
    assert reasons(desk) == {"edge1.mex": UNTRUSTED}


def test_a_ca_file_that_is_not_there(desk: Desk) -> None:
    set_option(desk, "edge1.mex", ca_file="lab/no-such.pem")
    assert reasons(desk) == {
        "edge1.mex": "connect: ca_file lab/no-such.pem cannot be read: No such file or directory"
    }
    (desk.directory / "lab" / "no-such.pem").write_text("no certificate")
    assert reasons(desk) == {
        "edge1.mex": "connect: ca_file lab/no-such.pem cannot be read: it holds no certificate"
    }


def test_a_host_key_that_nobody_knows(desk: Desk) -> None:
    known_hosts = desk.directory / "lab" / "known_hosts"
    lines = known_hosts.read_text().splitlines(keepends=True)
    port = desk.devices["edge2.mex"].port
    known_hosts.write_text("".join(line for line in lines if f":{port} " not in line))
    found = reasons(desk)
    assert list(found) == ["edge2.mex"]
    assert found["edge2.mex"].startswith("connect: its SSH host key MD5:")
    assert found["edge2.mex"].endswith(f" is not the one in known_hosts ({KEY_HINT})")


def test_a_host_key_that_changed(desk: Desk) -> None:
    key = desk.directory / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    other = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    known_hosts = desk.directory / "lab" / "known_hosts"
    port = desk.devices["edge2.mex"].port
    known_hosts.write_text(
        "".join(
            f"[127.0.0.1]:{port} {other}\n" if f":{port} " in line else f"{line}\n"
            for line in known_hosts.read_text().splitlines()
        )
    )
    found = reasons(desk)
    assert list(found) == ["edge2.mex"]
    assert f"is not the one in known_hosts ({KEY_HINT})" in found["edge2.mex"]
    assert events(desk.devices["edge2.mex"]) == []


def test_a_router_is_trusted_unseen_only_by_name(desk: Desk) -> None:
    other = desk.devices["edge1.bog"].certificate.read_text()
    (desk.directory / "lab" / "certificates.pem").write_text(other)
    (desk.directory / "lab" / "known_hosts").write_text("")
    assert list(reasons(desk)) == ["edge1.mex", *JUNOS]
    set_option(desk, "edge1.mex", verify_host=False)
    set_option(desk, "edge2.mex", verify_host=False)
    plan = desk.plan(expect=PROBLEMS)
    failed = [name for name, status in plan.hosts.items() if status == "failed"]
    assert failed == ["edge2.bog"]
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    assert outcomes == dict.fromkeys(["edge1.bog", "edge1.mex", "edge2.mex"], ("done", ""))


def test_verify_host_is_true_or_false(desk: Desk) -> None:
    set_option(desk, "edge2.mex", verify_host="no")
    [(name, reason)] = reasons(desk).items()
    assert (name, reason) == ("edge2.mex", "connect: verify_host must be true or false, not 'no'")


def test_the_known_hosts_of_the_workspace_are_used_without_a_word(desk: Desk) -> None:
    for name in JUNOS:
        set_option(desk, name)
    (desk.directory / "lab" / "known_hosts").rename(desk.directory / "known_hosts")
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)

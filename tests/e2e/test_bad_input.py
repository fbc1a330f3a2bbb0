"""Wrong workspaces, plans, names and command lines: each is named, with what was expected."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from irrgate.platforms import PLATFORMS
from irrgate.workspace import load_workspace
from tests.e2e.desk import CHANGES, COULD_NOT_RUN, DONE, PROBLEMS, Desk, events, told

pytestmark = pytest.mark.e2e


def refused(desk: Desk, *arguments: str, **environ: str) -> str:
    """Run a command that cannot run; what it said, which is nothing on standard output."""
    done = told(desk.irrgate(*arguments, environ=environ), COULD_NOT_RUN)
    assert done.stdout == ""
    return done.stderr


Edit = tuple[str, str, str]

WORKSPACES: dict[str, tuple[Edit, str, str]] = {
    "unknown platform": (
        ("groups.yaml", "platform: junos", "platform: junso"),
        "groups.yaml:10: junos: irrgate has no platform 'junso'",
        "did you mean junos?",
    ),
    "unknown peer in a session": (
        ("hosts.yaml", "AS64510, address: 198.51.100.10}", "AS64599, address: 198.51.100.10}"),
        "hosts.yaml:11: edge1.mex data.sessions: AS64599 is not in inventory/peers.yaml",
        "add it there, or correct the ASN",
    ),
    "a family that the peer has no filter for": (
        ("hosts.yaml", "address: 198.51.100.6}", 'address: "2001:db8:1::6"}'),
        (
            "hosts.yaml:10: edge1.mex data.sessions: AS64501 has no ipv6 filter for the session "
            "with 2001:db8:1::6: its as_sets name no ipv6"
        ),
        "add as_sets for ipv6 in inventory/peers.yaml",
    ),
    "duplicate peers": (
        ("peers.yaml", "AS64502:", "AS64500:"),
        "peers.yaml:11: the key AS64500 stands here again; it is on line 1 already",
        "make them one",
    ),
    "a YAML error": (
        ("peers.yaml", "as_sets: [AS-MODELO]", "as_sets: [AS-MODELO"),
        "peers.yaml:15: column 8: the list or mapping opened on line 14 lacks its ] or a comma",
        "a value that holds",
    ),
    "an unknown key": (
        ("peers.yaml", "max_prefix:", "max_prefxi:"),
        "peers.yaml:5: AS64500 max_prefxi: no such key",
        "did you mean max_prefix?",
    ),
    "a name with control characters": (
        ("peers.yaml", "Nube Ejemplar", '"Nube \\e[2J Ejemplar"'),
        r"peers.yaml:7: AS64501 name: 'Nube \x1b[2J Ejemplar' holds a character that cannot be",
        "",
    ),
    "an option as an as-set": (
        ("peers.yaml", "[AS-MODELO]", '["-f1"]'),
        "peers.yaml:14: AS64502 as_sets: '-f1': a name cannot begin with -",
        "",
    ),
}
COMMANDS = {"check": ["check"], "plan": ["plan"], "expand": ["expand", "AS-MODELO"]}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(("edit", "error", "hint"), WORKSPACES.values(), ids=WORKSPACES)
def test_a_workspace_with_an_error_in_it(
    desk: Desk, command: list[str], edit: Edit, error: str, hint: str
) -> None:
    desk.edit(*edit)
    said = refused(desk, *command)
    assert f"error: inventory/{error}" in said
    assert hint in said
    assert not (desk.directory / "plan.zip").exists()


def test_no_workspace_at_all(desk: Desk, tmp_path: Path) -> None:
    for directory in (tmp_path / "nothing", tmp_path, desk.directory / "inventory" / "hosts.yaml"):
        desk.directory, before = directory, desk.directory
        try:
            argv = ["-w", str(directory), "check"]
            assert desk.server
            done = told(desk.server.run(argv, desk.environ, tmp_path), COULD_NOT_RUN)
        finally:
            desk.directory = before
        assert f"error: {directory}: is no workspace: it has no folder inventory/" in done.stderr
        assert "hint: irrgate init DIR writes one to start from" in done.stderr


def test_files_that_cannot_be_read(desk: Desk) -> None:
    inventory = desk.directory / "inventory"
    (inventory / "peers.yaml").write_bytes(b"AS64500:\n  name: Caf\xe9\n")
    assert "inventory/peers.yaml:2: byte 0xE9 is not UTF-8" in refused(desk, "plan")
    (inventory / "peers.yaml").unlink()
    assert "inventory/peers.yaml: the file is missing" in refused(desk, "plan")
    (inventory / "peers.yaml").mkdir()
    assert "inventory/peers.yaml: cannot be read: Is a directory" in refused(desk, "plan")


def test_init_overwrites_nothing(desk: Desk, tmp_path: Path) -> None:
    before = (desk.directory / "inventory" / "hosts.yaml").read_bytes()
    said = refused(desk, "init", str(desk.directory))
    assert f"error: {desk.directory}/inventory/defaults.yaml: is there already" in said
    assert "hint: irrgate init overwrites nothing: name a new DIR" in said
    assert (desk.directory / "inventory" / "hosts.yaml").read_bytes() == before
    assert not (desk.directory / ".gitignore").exists()
    (tmp_path / "file").touch()
    said = refused(desk, "init", str(tmp_path / "file"))
    assert f"error: {tmp_path}/file: cannot be written: File exists" in said
    told(desk.irrgate("init", str(tmp_path / "new")), DONE)
    assert len(load_workspace(tmp_path / "new", known_platforms=tuple(PLATFORMS)).hosts) == 2


def test_no_bgpq4(desk: Desk) -> None:
    for command in (["plan"], ["expand", "AS-MODELO"]):
        said = refused(desk, *command, PATH="/nonexistent")
        assert said.startswith("error: bgpq4: not found on the PATH; irrgate expands as-sets with")
        assert "  hint: apt install bgpq4 (Debian, Ubuntu)" in said
    assert not (desk.directory / "plan.zip").exists()
    checked = told(desk.irrgate("check", "--irr", environ={"PATH": "/nonexistent"}), PROBLEMS)
    assert "FAILED  bgpq4: not found on the PATH" in checked.stdout
    assert "ok      IRR server 127.0.0.1:" in checked.stdout


def test_an_irr_server_that_is_down(desk: Desk) -> None:
    """Every router keeps what it has: the plan says so, and there is nothing to apply."""
    path = desk.directory / "inventory" / "network.yaml"
    text = path.read_text()
    line = next(line for line in text.splitlines() if "servers:" in line)
    path.write_text(text.replace(line, '  servers: ["127.0.0.1:1"]'))
    plan = desk.plan(expect=PROBLEMS)
    assert set(plan.hosts.values()) == {"held"}
    reason = "AS-MODELO could not be expanded: 127.0.0.1:1: bgpq4 says ERROR:"
    assert plan.filters("edge2.mex")["IRR-AS64502-V4"][1].startswith(reason)
    done = desk.apply(plan, expect=PROBLEMS)
    assert done.stdout == "nothing to change\n"
    assert "the plan holds things back: irrgate show lists them" in done.stderr
    assert all(events(device) == [] for device in desk.devices.values())
    checked = told(desk.irrgate("check", "--irr"), PROBLEMS)
    assert "FAILED  IRR server 127.0.0.1:1: cannot be reached: Connection refused" in checked.stdout
    expanded = told(desk.irrgate("expand", "-4", "AS-MODELO"), PROBLEMS)
    assert f"AS-MODELO ipv4: {reason}" in expanded.stderr
    assert expanded.stdout == ""


@pytest.fixture
def plan_file(desk: Desk) -> Path:
    plan = desk.plan("--limit", "edge2.bog", expect=CHANGES)
    return plan.path.rename(desk.directory / "good.zip")


@pytest.mark.parametrize("command", ["apply", "show"])
def test_a_plan_file_that_is_not_whole(desk: Desk, plan_file: Path, command: str) -> None:
    whole = plan_file.read_bytes()
    before = events(desk.devices["edge2.bog"])
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        (desk.directory / "cut.zip").write_bytes(whole[:size])
        said = refused(desk, command, "cut.zip")
        assert said.startswith("error: cut.zip: is not a whole plan file; it may be truncated\n")
        assert "  hint: make the plan again" in said
    assert "error: none.zip: no such file" in refused(desk, command, "none.zip")
    assert "error: lab: cannot be read: Is a directory" in refused(desk, command, "lab")
    assert "is not a whole plan file" in refused(desk, command, "inventory/hosts.yaml")
    assert events(desk.devices["edge2.bog"]) == before


def test_a_plan_that_was_edited(desk: Desk, plan_file: Path) -> None:
    with zipfile.ZipFile(plan_file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    candidate = "hosts/edge2.bog/candidate"
    members[candidate] = members[candidate].replace(b"10.80.0.0/16", b"10.88.0.0/16")
    with zipfile.ZipFile(desk.directory / "edited.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    said = refused(desk, "apply", "edited.zip")
    assert f"error: edited.zip: was altered after it was made: '{candidate}'" in said
    assert "commit-confirmed" not in events(desk.devices["edge2.bog"])


def test_a_plan_for_another_workspace(desk: Desk, plan_file: Path, tmp_path: Path) -> None:
    told(desk.irrgate("init", str(tmp_path / "other")), DONE)
    assert desk.server
    argv = ["-w", str(tmp_path / "other"), "apply", str(plan_file)]
    done = told(desk.server.run(argv, desk.environ, tmp_path), COULD_NOT_RUN)
    assert f"error: {plan_file}: was made for another workspace, or " in done.stderr
    assert "hint: make the plan again, and have it reviewed again" in done.stderr


@pytest.mark.parametrize("command", [["plan"], ["apply", "good.zip"], ["check", "--devices"]])
def test_a_limit_that_names_nothing(desk: Desk, plan_file: Path, command: list[str]) -> None:
    assert plan_file.exists()
    for word in ("edge9.mex", "AS64599", "", "-x"):
        said = refused(desk, *command, "--limit", "edge1.mex", f"--limit={word}")
        assert f"error: --limit {word!a}: is no host, group or peer of the inventory" in said
    assert not (desk.directory / "plan.zip").exists()


def test_a_limit_that_names_no_router(desk: Desk) -> None:
    """A peer without a session is in the inventory, and selects nobody."""
    desk.edit("peers.yaml", "AS64510:", "AS64509:\n  name: Nadie\n  role: peer\nAS64510:")
    said = refused(desk, "plan", "--limit", "AS64509")
    assert "error: --limit AS64509: no router of the inventory matches it" in said


def test_a_plan_that_has_nothing_of_the_limit(desk: Desk, plan_file: Path) -> None:
    said = refused(desk, "apply", str(plan_file), "--limit", "edge1.mex")
    assert "holds nothing for --limit edge1.mex: it was made with --limit edge2.bog" in said


def test_places_where_no_plan_can_be_written(desk: Desk) -> None:
    for target, reason in (
        ("no/such/folder/plan.zip", "No such file or directory"),
        ("inventory/hosts.yaml/plan.zip", "Not a directory"),
        ("/proc/plan.zip", "No such file or directory"),
        ("lab", "it is a directory"),
    ):
        said = refused(desk, "plan", "--out", target)
        assert f"error: {target}: cannot be written: {reason}" in said
    assert all(events(device) == [] for device in desk.devices.values())


NAMES = {
    "-x": "a name cannot begin with -",
    "AS-X; rm": "a name cannot hold white space",
    "AS-X\nAS-Y": "a name cannot hold white space",
    "AS-X;rm": "not a set name",
    "$(id)": "not a set name",
    "": "an empty string names nothing",
    "AS-" + "X" * 300: "303 characters long, at most 255 are allowed",
    "AS-É": "",
    "AS-\x1b[2J": "",
    "RIPE::AS64500": "not for an ASN",
}


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_that_are_none(desk: Desk, name: str) -> None:
    said = refused(desk, "expand", "--", "AS-MODELO", name)
    assert said.startswith("error: '")
    assert NAMES[name] in said
    assert len(said) < 300
    assert said.isascii()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing command."),
        (["frobnicate"], "No such command 'frobnicate'"),
        (["plan", "--frobnicate"], "No such option: --frobnicate"),
        (["expand", "-x"], "No such option: -x"),
        (["apply"], "Missing argument 'PLAN'"),
        (["apply", "x.zip", "--revert-in", "5"], "greater than or equal to 60"),
        (["plan", "--router-workers", "0"], "greater than or equal to 1"),
        (["show", "--format", "xml", "x.zip"], "'xml' is not one of 'text', 'json', 'markdown'"),
    ],
)
def test_a_wrong_command_line_is_no_plan_with_changes(
    desk: Desk, arguments: list[str], says: str
) -> None:
    """typer's own exit code is 2, which is what a plan that has changes ends with."""
    assert says in refused(desk, *arguments)


TEMPLATES = {
    "{{ foo }}": "eos/prefix_filters.j2: the template cannot be rendered: 'foo' is undefined",
    "{% for": "eos/prefix_filters.j2:1: the template has a syntax error: unexpected 'end of",
    "ip prefix-list X\n   seq 10 permit 0.0.0.0/0 le 32\n": "printed what cannot be read back: X: ",
    "": "printed something else than IRR-AS64501-V4 holds",
}


@pytest.mark.parametrize(("text", "says"), TEMPLATES.items(), ids=range(len(TEMPLATES)))
def test_a_template_that_is_wrong_stops_its_platform(desk: Desk, text: str, says: str) -> None:
    folder = desk.directory / "templates" / "eos"
    folder.mkdir(parents=True)
    (folder / "prefix_filters.j2").write_text(text)
    plan = desk.plan(expect=PROBLEMS)
    assert plan.hosts == {
        "edge1.bog": "failed",
        "edge1.mex": "failed",
        "edge2.bog": "change",
        "edge2.mex": "change",
    }
    assert says in plan.json["hosts"]["edge1.bog"]["reason"]
    assert all("session" not in events(desk.devices[name]) for name in ("edge1.bog", "edge1.mex"))
    shutil.rmtree(desk.directory / "templates")
    desk.plan(expect=CHANGES)

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from irrgate.errors import WorkspaceError
from irrgate.network import GuardLimits, IrrSettings
from irrgate.starter import starter_files, write_starter
from irrgate.workspace import load_workspace
from irrgate.workspace.models import DataEntry, NetworkEntry, PeerEntry
from irrgate.workspace.validation import models_in

PLATFORMS = ("eos", "junos")


def test_a_fresh_starter_is_a_right_workspace(tmp_path: Path) -> None:
    written = write_starter(tmp_path / "new" / "workspace")
    workspace = load_workspace(tmp_path / "new" / "workspace", known_platforms=PLATFORMS)
    assert len(workspace.peers) == 3
    assert sorted(host.platform for host in workspace.hosts.values()) == ["eos", "junos"]
    assert all(host.filters() for host in workspace.hosts.values())
    names = {str(path.relative_to(tmp_path / "new" / "workspace")) for path in written}
    assert names == set(starter_files())
    assert {
        "inventory/hosts.yaml",
        "inventory/groups.yaml",
        "inventory/defaults.yaml",
        "inventory/peers.yaml",
        "inventory/network.yaml",
        "templates/README.md",
        ".gitignore",
    } == names


def test_the_state_is_not_committed(tmp_path: Path) -> None:
    write_starter(tmp_path)
    assert ".irrgate/" in (tmp_path / ".gitignore").read_text().splitlines()


def test_the_starter_may_join_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours\n")
    (tmp_path / "inventory").mkdir()
    write_starter(tmp_path)
    assert (tmp_path / "README.md").read_text() == "ours\n"


@pytest.mark.parametrize("name", starter_files())
def test_nothing_is_overwritten_and_nothing_else_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("ours\n")
    with pytest.raises(WorkspaceError) as caught:
        write_starter(tmp_path)
    assert caught.value.subject == str(path)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert path.read_text() == "ours\n"


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="is there already"):
        write_starter(tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_starter_that_cannot_be_finished_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "inventory").write_text("a file in a folder's place\n")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_starter(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["inventory"]


def all_keys(name: str) -> str:
    """Return a file of the starter with the # of its commented keys taken away."""
    return re.sub(r"(?m)^#(?=[a-z]|  )", "", starter_files()[name].decode())


def test_every_key_is_in_the_starter_with_its_default() -> None:
    """A key that the models gain is one that the starter must explain."""
    network = all_keys("inventory/network.yaml")
    for key, field in NetworkEntry.model_fields.items():
        assert f"\n{key}:" in network
        for model in models_in(field.annotation):
            for below in model.model_fields:
                assert f"\n  {below}:" in network
    peers = starter_files()["inventory/peers.yaml"].decode()
    for key in PeerEntry.model_fields:
        assert f"\n  {key}:" in peers
    groups = all_keys("inventory/groups.yaml")
    for key in DataEntry.model_fields:
        assert f"\n    {key}:" in groups


def test_the_starter_says_the_defaults_that_hold(tmp_path: Path) -> None:
    write_starter(tmp_path)
    path = tmp_path / "inventory/network.yaml"
    full = load_workspace(tmp_path, known_platforms=PLATFORMS).network
    path.write_text(
        "asn: 64496\n"
        "irr: {servers: [rr.ntt.net, whois.radb.net],"
        " sources: [RPKI, RIPE, ARIN, APNIC, AFRINIC, LACNIC]}\n"
        "filters: {special_use: true}\n"
    )
    bare = load_workspace(tmp_path, known_platforms=PLATFORMS).network
    irr: IrrSettings = bare.irr
    guards: GuardLimits = bare.guards
    assert (irr, guards, bare.filters) == (full.irr, full.guards, full.filters)


def test_the_commented_keys_are_right_and_say_their_defaults(tmp_path: Path) -> None:
    """Beside each that has none to show stands an example, and its default in the comment."""
    write_starter(tmp_path)
    bare = load_workspace(tmp_path, known_platforms=PLATFORMS)
    for name in ("inventory/network.yaml", "inventory/groups.yaml"):
        (tmp_path / name).write_text(all_keys(name))
    full = load_workspace(tmp_path, known_platforms=PLATFORMS)
    examples = replace(full.network.apply, batch=None, max_failures=None)
    assert (full.network.apply.batch, full.network.apply.max_failures) == (20, 2)
    assert examples == bare.network.apply
    assert replace(full.network.state, url=None) == bare.network.state
    assert full.network.notify == bare.network.notify
    assert (bare.network.metrics, bare.network.windows) == (None, None)
    assert full.network.metrics == Path("/var/lib/prometheus/node-exporter/irrgate.prom")
    assert full.network.windows is not None
    assert str(full.network.windows) == (
        "mon-fri 02:00-05:00, sat-sun 22:00-04:00 (America/Bogota); "
        "frozen 2026-11-27, 2026-12-20..2027-01-07"
    )
    for router in full.hosts.values():
        assert str(router.windows) == "daily 02:00-05:00 (UTC)"
        assert router.commit_confirm
    assert full.digest == bare.digest

"""What a router inherits is what Nornir's own inventory says that it inherits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ruamel.yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from nornir.plugins.inventory import SimpleInventory

from irrgate.network import Workspace
from irrgate.workspace import load_workspace
from tests.unit.workspace.files import HOSTS, PEERS, load, write

PLATFORMS = st.sampled_from(["eos", "junos"])
HOSTNAMES = st.integers(1, 9).map(lambda n: f"192.0.2.{n}")
SESSIONS = st.lists(
    st.integers(1, 9).map(lambda n: {"peer": "AS64500", "address": f"198.51.100.{n}"}),
    unique_by=lambda session: session["address"],
    max_size=2,
)
WINDOWS = st.sampled_from(["UTC", "Asia/Tokyo"]).map(lambda zone: {"time_zone": zone})
NAMES = [f"g{n}" for n in range(5)]


def maybe(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


CONNECTION = maybe(platform=PLATFORMS, hostname=HOSTNAMES)
ELEMENT = {
    "platform": PLATFORMS,
    "hostname": HOSTNAMES,
    "data": maybe(
        sessions=SESSIONS, change_windows=WINDOWS, commit_confirm=st.booleans(), other=st.just(1)
    ),
    "connection_options": maybe(napalm=CONNECTION, netmiko=CONNECTION),
}


@st.composite
def inventories(draw: st.DrawFn) -> dict[str, Any]:
    """Hosts and groups without a cycle: a group inherits only from later ones."""
    groups = {}
    for index, name in enumerate(NAMES):
        later = NAMES[index + 1 :]
        parents = st.lists(st.sampled_from(later), unique=True) if later else st.just([])
        groups[name] = draw(maybe(**ELEMENT, groups=parents))
    host = maybe(**ELEMENT, groups=st.lists(st.sampled_from(NAMES), unique=True))
    hosts = {f"h{n}": draw(host) for n in range(3)}
    # The defaults have what nobody may lack.
    defaults = draw(maybe(**ELEMENT)) | {"platform": "eos", "hostname": "192.0.2.99"}
    return {"hosts": hosts, "groups": groups, "defaults": defaults}


def seen_by_nornir(directory: Path) -> dict[str, Any]:
    folder = directory / "inventory"
    inventory = SimpleInventory(
        str(folder / "hosts.yaml"), str(folder / "groups.yaml"), str(folder / "defaults.yaml")
    ).load()
    seen = {}
    for name, host in inventory.hosts.items():
        options = host.get_connection_parameters("napalm")
        sessions = {session["address"] for session in host.get("sessions", [])}
        groups = tuple(group.name for group in host.extended_groups())
        zone = host.get("change_windows", {}).get("time_zone")
        timer = host.get("commit_confirm", True)
        seen[name] = (options.platform, options.hostname, groups, sessions, zone, timer)
    return seen


def seen_by_us(workspace: Workspace) -> dict[str, Any]:
    return {
        host.name: (
            host.platform,
            host.hostname,
            host.groups,
            {session.address for session in host.sessions},
            host.windows and host.windows.time_zone,
            host.commit_confirm,
        )
        for host in workspace.hosts.values()
    }


def test_inheritance_is_nornirs(tmp_path_factory: Any) -> None:
    directory = write(tmp_path_factory.mktemp("workspace"))
    yaml = ruamel.yaml.YAML(typ="safe", pure=True)
    # An alias would make Nornir write into an object that two hosts share.
    yaml.representer.ignore_aliases = lambda _: True

    @settings(max_examples=60, deadline=None)
    @given(inventories())
    def check(inventory: dict[str, Any]) -> None:
        for file, content in inventory.items():
            yaml.dump(content, directory / f"inventory/{file}.yaml")
        ours = seen_by_us(load_workspace(directory, known_platforms=["eos", "junos"]))
        assert ours == seen_by_nornir(directory)

    check()


def test_the_napalm_connection_has_its_own_platform(tmp_path: Path) -> None:
    """A host's platform may be another plugin's word, such as netmiko's."""
    hosts = HOSTS.replace(
        "  platform: junos\n",
        "  platform: juniper_junos\n  connection_options: {napalm: {platform: junos}}\n",
    )
    assert load(tmp_path, hosts=hosts).hosts["edge1.mex"].platform == "junos"


def test_sessions_are_inherited_whole_from_the_nearest(tmp_path: Path) -> None:
    groups = """\
edge:
  groups: [all]
  data: {sessions: [{peer: AS64500, address: 198.51.100.77}]}
all:
  data: {sessions: [{peer: AS64500, address: 198.51.100.99}]}
"""
    hosts = HOSTS + "  groups: [edge]\nedge3:\n  hostname: a\n  platform: eos\n  groups: [all]\n"
    routers = load(tmp_path, hosts=hosts, groups=groups, peers=PEERS).hosts
    assert len(routers["edge1.mex"].sessions) == 3
    assert [each.address for each in routers["edge2.mex"].sessions] == ["198.51.100.77"]
    assert [each.address for each in routers["edge3"].sessions] == ["198.51.100.99"]
    assert routers["edge2.mex"].groups == ("edge", "all")


def test_an_empty_list_of_sessions_inherits_none(tmp_path: Path) -> None:
    groups = "edge:\n  data: {sessions: [{peer: AS64500, address: 198.51.100.77}]}\n"
    hosts = HOSTS + "  groups: [edge]\n  data: {sessions: []}\n"
    assert load(tmp_path, hosts=hosts, groups=groups).hosts["edge2.mex"].sessions == ()

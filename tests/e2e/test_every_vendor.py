"""One inventory with a router of every platform: a network is never of one vendor."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from ruamel.yaml import YAML

from irrgate.platforms import find_platform
from irrgate.platforms.platform import UpdateStrategy
from tasks.shown_identity import REACHED_BY, Proof
from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    WIDE,
    Desk,
    accepts,
    inherited_environ,
    new_desk,
    told,
)
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.harness import PLATFORMS, PROJECT
from tests.lab.network import lab_network

pytestmark = pytest.mark.e2e

V4, V6, NUBE = "IRR-AS64500-V4", "IRR-AS64500-V6", "IRR-AS64501-V4"
PROBES = {
    V4: [*EJEMPLO_V4, "10.11.24.0/22", "10.10.0.0/16", "10.10.0.0/18", "203.0.113.0/24"],
    V6: ["2001:db8:507::/48", "2001:db8:508::/48", "2001:db8::/32", "::/0"],
    NUBE: ["10.20.5.0/24", "10.20.5.0/25", "10.10.0.0/17", "0.0.0.0/0"],
}
SESSIONS = [
    {"peer": "AS64500", "address": "198.51.100.2"},
    {"peer": "AS64500", "address": "2001:db8:1::2"},
    {"peer": "AS64501", "address": "198.51.100.6"},
]


def router_of(platform: str) -> str:
    return f"edge-{platform.replace('_', '-')}"


ROUTERS = {router_of(platform): platform for platform in PLATFORMS}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, commands: CommandServer) -> Iterator[Desk]:
    directory = tmp_path_factory.mktemp("vendors")
    inventory = directory / "inventory"
    shutil.copytree(PROJECT / "inventory", inventory)
    yaml = YAML()
    hosts, groups = {}, {}
    for name, platform in ROUTERS.items():
        hosts[name] = {
            "hostname": "127.0.0.1",
            "groups": [platform],
            "data": {"sessions": [dict(each) for each in SESSIONS]},
        }
        is_tls = REACHED_BY[platform][0] is Proof.TLS
        known = (
            {"ca_file": "lab/certificates.pem"} if is_tls else {"known_hosts": "lab/known_hosts"}
        )
        options = {"napalm": {"extras": {"optional_args": known}}}
        groups[platform] = {"platform": platform, "connection_options": options}
    yaml.dump(hosts, inventory / "hosts.yaml")
    yaml.dump(groups, inventory / "groups.yaml")
    with lab_network(
        directory / "network", environ=inherited_environ(), inventory=inventory
    ) as network:
        yield new_desk(network, directory / "desk", commands)


def accepted(desk: Desk, router: str) -> dict[str, list[str]]:
    """Which of the probes each list of a router lets through."""
    device = desk.devices[router]
    return {
        name: [prefix for prefix in prefixes if accepts(device, name, prefix)]
        for name, prefixes in PROBES.items()
    }


def test_all_of_them_from_nothing_to_a_change_and_back(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    shown = told(desk.irrgate("show", first.path.name, environ=WIDE), DONE)
    assert all(router in shown.stdout for router in ROUTERS)
    assert desk.outcomes(first, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    expected = {V4: EJEMPLO_V4, V6: ["2001:db8:507::/48"], NUBE: ["10.20.5.0/24"]}
    found = {router: accepted(desk, router) for router in ROUTERS}
    assert found == dict.fromkeys(ROUTERS, expected)
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")

    desk.edit_registry(WITHDRAWN, ADDED)
    second = desk.plan(expect=CHANGES)
    deltas = {router: second.delta(router) for router in ROUTERS}
    [delta] = {repr(each): each for each in deltas.values()}.values()
    for router, platform in ROUTERS.items():
        if find_platform(platform).capabilities.strategy is UpdateStrategy.DELTA:
            # A line for each entry that comes, and one for each that goes.
            lines = [
                line for line in second.member(f"hosts/{router}/candidate").splitlines() if line
            ]
            assert len(lines) <= sum(len(kind) for each in delta.values() for kind in each.values())
    assert desk.outcomes(second, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    changed = {router: accepted(desk, router) for router in ROUTERS}
    [after] = {repr(each): each for each in changed.values()}.values()
    assert after != expected

    told(desk.irrgate("rollback", "2", "--out", "back.zip", "--reason", "tried"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    found = {router: accepted(desk, router) for router in ROUTERS}
    assert found == dict.fromkeys(ROUTERS, expected)


def test_all_of_them_can_be_checked(desk: Desk) -> None:
    checked = told(desk.irrgate("check", "--devices", "--learn-keys"), DONE)
    for router, platform in ROUTERS.items():
        assert f"ok      {router} is known: " in checked.stdout
        assert f"ok      {router} ({platform}): holds 3 of its 3 filters" in checked.stdout

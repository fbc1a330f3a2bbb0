"""RouterOS: plan and apply as a person runs them, rule by rule over the API with TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    EJEMPLO_V4,
    Desk,
    accepts,
    blank,
    events,
    has_list,
    inherited_environ,
    log,
    new_desk,
    renew,
    told,
)
from tests.e2e.ros_states import never_wrong
from tests.e2e.vendor_lab import SESSIONS, vendor_lab
from tests.lab.demo import ADDED, WITHDRAWN
from tests.lab.network import LabNetwork

pytestmark = pytest.mark.e2e

ROUTERS = list(SESSIONS)
V4, V6, NUBE = "IRR-AS64500-V4", "IRR-AS64500-V6", "IRR-AS64501-V4"
PROBES = {
    V4: [*EJEMPLO_V4, "10.11.24.0/22", "10.10.0.0/16", "203.0.113.0/24", "2001:db8:507::/48"],
    V6: ["2001:db8:507::/48", "2001:db8:508::/48", "10.10.0.0/17"],
    NUBE: ["10.20.5.0/24", "10.20.5.0/25", "10.10.0.0/17"],
}


@pytest.fixture(scope="module")
def routers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    directory = tmp_path_factory.mktemp("ros")
    options = {"ca_file": "lab/certificates.pem"}
    with vendor_lab(directory, "ros", inherited_environ(), options) as network:
        yield network


@pytest.fixture
def desk(routers: LabNetwork, commands: CommandServer, tmp_path: Path) -> Iterator[Desk]:
    renew(routers.devices.values())
    desk = new_desk(routers, tmp_path / "desk", commands)
    shipped = desk.registry.read_bytes()
    yield desk
    if desk.registry.read_bytes() != shipped:
        desk.registry.write_bytes(shipped)
        desk.load_registry()


def said(desk: Desk, name: str) -> list[str]:
    """The rules that came to a router and went since it was renewed."""
    signs = {"add": "+", "remove": "-"}
    return [
        f"{signs[each.event]}{each.objects[0]} {each.detail.partition(' rule=')[2]}"
        for each in log(desk.devices[name])
        if each.event in signs
    ]


def test_from_nothing_to_a_delta_to_nothing(desk: Desk) -> None:
    first = desk.plan(expect=CHANGES)
    assert first.hosts == dict.fromkeys(ROUTERS, "change")
    for device in desk.devices.values():
        assert events(device) == []
    assert desk.outcomes(first, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    for device in desk.devices.values():
        assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
        assert not accepts(device, V4, "203.0.113.0/24")
        assert not accepts(device, V4, "2001:db8:507::/48")
        assert never_wrong(blank(device), device, PROBES) > len(EJEMPLO_V4)
    assert accepts(desk.devices["edge1.mex"], NUBE, "10.20.5.0/24")
    assert not accepts(desk.devices["edge1.mex"], NUBE, "10.20.5.0/25")
    assert accepts(desk.devices["edge1.mex"], V6, "2001:db8:507::/48")
    assert desk.plan(expect=DONE).hosts == dict.fromkeys(ROUTERS, "unchanged")

    before = {name: len(said(desk, name)) for name in ROUTERS}
    desk.edit_registry(WITHDRAWN, ADDED)
    second = desk.plan(expect=CHANGES)
    assert second.member("hosts/edge1.mex/diff").splitlines()[2:] == [
        f"@@ chain {V4} @@",
        "+if (dst==10.11.24.0/22) {accept}",
        "-if (dst==10.11.20.0/24) {accept}",
    ]
    desk.apply(second, expect=DONE)
    for name in ROUTERS:
        assert said(desk, name)[before[name] :] == [
            f"+{V4} if (dst==10.11.24.0/22) {{accept}}",
            f"-{V4} if (dst==10.11.20.0/24) {{accept}}",
        ]
        device = desk.devices[name]
        assert never_wrong(blank(device), device, PROBES, since=before[name]) == 3
    assert not has_list(desk.devices["edge1.mex"], "IRR-AS64510-V4")
    told(desk.irrgate("show", second.path.name), DONE)

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
    PROBLEMS,
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


def edit(desk: Desk, name: str, old: str, new: str) -> str:
    """Change a router's configuration as a person would; returns it."""
    text = desk.devices[name].running()
    assert old in text
    desk.devices[name].set_running(text.replace(old, new))
    return text.replace(old, new)


def line(rule: str, chain: str = V4, options: str = "") -> str:
    return f'/routing filter rule add chain={chain}{options} rule="{rule}"\n'


def test_what_a_person_did_to_a_chain_is_taken_back_by_a_plan(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    device = desk.devices["edge1.mex"]
    before = edit(
        desk, "edge1.mex", line("if (dst==10.11.20.0/24) {accept}"),
        line("if (dst==10.11.20.0/24) {accept}", options=" disabled=yes")
        + line("if (dst in 10.10.0.0/17 && bgp-path-len < 3) {set bgp-local-pref 50; accept}")
        + line("if (dst==198.18.0.0/15) {accept}"),
    )  # fmt: skip
    before = edit(desk, "edge1.mex", line("reject"), line("reject") + line("accept"))
    # Space is no change.
    before = edit(
        desk, "edge1.mex", line("if (dst==10.11.0.0/20) {accept}"),
        line("if ( dst == 10.11.0.0/20 ) { accept; }"),
    )  # fmt: skip
    plan = desk.plan(expect=CHANGES)
    assert plan.hosts == {"edge1.mex": "change", "edge2.mex": "unchanged"}
    assert plan.delta("edge1.mex")[V4] == {
        "added": ["10.11.20.0/24"], "removed": ["198.18.0.0/15"]
    }  # fmt: skip
    assert desk.outcomes(plan, expect=DONE)["edge1.mex"] == ("done", "")
    assert said(desk, "edge1.mex") == [
        f"+{V4} if (dst==10.11.20.0/24) {{accept}}",
        f"-{V4} if (dst==198.18.0.0/15) {{accept}}",
        f"-{V4} if (dst in 10.10.0.0/17 && bgp-path-len < 3) {{set bgp-local-pref 50; accept}}",
        f"-{V4} accept",
        f"-{V4} if (dst==10.11.20.0/24) {{accept}}",
    ]
    assert "if ( dst == 10.11.0.0/20 ) { accept; }" in device.running()
    assert all(accepts(device, V4, prefix) for prefix in EJEMPLO_V4)
    desk.plan(expect=DONE)
    assert before != device.running()


def test_a_filter_of_nothing_is_a_chain_that_rejects(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    desk.edit(
        "peers.yaml", "  max_prefix: {ipv4: 50", "  reject: [0.0.0.0/0]\n  max_prefix: {ipv4: 50"
    )
    held = desk.plan(expect=PROBLEMS)
    assert held.filters("edge2.mex")[V4][0] == "held"
    told(desk.irrgate("accept", "AS64500", "--reason", "they leave"), DONE)
    device = desk.devices["edge2.mex"]
    since, rules = len(said(desk, "edge2.mex")), device.running().count(f"chain={V4} ")
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    assert [each for each in device.running().splitlines(keepends=True) if V4 in each] == [
        line("reject")
    ]
    assert never_wrong(blank(device), device, PROBES, since=since) == rules
    desk.plan(expect=DONE)


def leave(desk: Desk, peer: str) -> None:
    path = desk.directory / "inventory/hosts.yaml"
    lines = path.read_text().splitlines(keepends=True)
    at = next(at for at, each in enumerate(lines) if f"peer: {peer}" in each)
    path.write_text("".join((*lines[:at], *lines[at + 2 :])))


def test_a_chain_that_nobody_needs_goes_once_nothing_refers_to_it(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    leave(desk, "AS64501")
    uses = [
        f'/routing filter rule add chain=NUBE-IN rule="if (chain {NUBE}) {{accept}}"\n',
        f'/routing bgp connection add name=nube input.filter={NUBE} tcp-md5-key="s3cr3t"\n',
    ]
    device = desk.devices["edge1.mex"]
    plain = device.running()
    device.set_running(plain + "".join(uses))
    plan = desk.plan("--limit", "edge1.mex", expect=DONE)
    status, why = plan.filters("edge1.mex")[NUBE]
    assert status == "still referred to"
    assert "chain=NUBE-IN" in why
    assert f"input.filter={NUBE} name=nube" in why
    assert "s3cr3t" not in why
    device.set_running(plain)
    plan = desk.plan(expect=CHANGES)
    assert plan.filters("edge1.mex")[NUBE][0] == "remove"
    # It came to be referred to after the review.
    device.set_running(plain + uses[0])
    outcome, why = desk.outcomes(plan, expect=PROBLEMS)["edge1.mex"]
    assert (outcome, "is referred to by now" in why) == ("held", True)
    device.set_running(plain)
    desk.apply(plan, expect=DONE)
    assert not has_list(device, NUBE)
    assert said(desk, "edge1.mex")[-1] == f"-{NUBE} reject"
    assert never_wrong(plain, device, PROBES, gone=[NUBE])
    desk.plan(expect=DONE)


def test_a_deployment_is_rolled_back(desk: Desk) -> None:
    told(desk.irrgate("refresh"), DONE)
    desk.edit_registry(WITHDRAWN, ADDED)
    told(desk.irrgate("refresh"), DONE)
    told(desk.irrgate("rollback", "2", "--out", "back.zip"), CHANGES)
    told(desk.irrgate("apply", "back.zip"), DONE)
    for device in desk.devices.values():
        assert accepts(device, V4, "10.11.20.0/24")
        assert not accepts(device, V4, "10.11.24.0/22")


def session(address: str, count: int, *, up: bool = True, afi: str = "ip") -> dict[str, object]:
    name = f"ejemplo-{afi}-1"
    row = {"name": name, "remote.address": address, "remote.as": 64500, "remote.afi": afi}
    return {**row, "established": up, "prefix-count": count, "uptime": "1h2m3s"}


@pytest.mark.parametrize(
    ("after", "says"),
    [
        ([session("198.51.100.2", 6, up=False)], "198.51.100.2"),
        ([session("198.51.100.2", 1)], "198.51.100.2"),
    ],
    ids=["down", "without its routes"],
)
def test_a_commit_that_disturbs_a_session_is_taken_back(
    desk: Desk, after: list[dict[str, object]], says: str
) -> None:
    told(desk.irrgate("refresh"), DONE)
    (desk.directory / "inventory/network.yaml").open("a").write("apply: {settle: 0}\n")
    desk.edit_registry(WITHDRAWN, ADDED)
    device = desk.devices["edge1.mex"]
    plan = desk.plan("--limit", "edge1.mex", expect=CHANGES)
    before = device.running()
    since = len(said(desk, "edge1.mex"))
    device.set_neighbors([session("198.51.100.2", 6), session("2001:db8:1::2", 3, afi="ipv6")])
    device.set_neighbors(
        [session("198.51.100.2", 6), session("2001:db8:1::2", 3, afi="ipv6")],
        [*after, session("2001:db8:1::2", 3, afi="ipv6")],
    )
    outcome, why = desk.outcomes(plan, expect=PROBLEMS)["edge1.mex"]
    assert outcome == "reverted", why
    assert says in why
    assert sorted(device.running().splitlines()) == sorted(before.splitlines())
    committed = since + 2
    assert never_wrong(blank(device), device, PROBES, since=since, until=committed) == 3
    assert never_wrong(blank(device), device, PROBES, since=committed) == 3
    desk.plan(expect=CHANGES)

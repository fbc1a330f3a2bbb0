from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest

from irrgate.network import IrrServer, PerAfi, Role, Session
from irrgate.prefixes import Afi, PrefixRange
from irrgate.rpsl import Asn, parse_object
from irrgate.workspace import WorkspaceErrors, load_workspace
from tests.unit.workspace.files import (
    GROUPS,
    HOSTS,
    NETWORK,
    PEERS,
    changed,
    load,
    only_error,
    write,
)


def test_the_network_is_read_with_its_defaults(tmp_path: Path) -> None:
    network = load(tmp_path).network
    assert network.asn == Asn(64496)
    assert list(map(str, network.prefixes)) == ["203.0.113.0/24", "2001:db8::/32"]
    assert network.irr.servers == (
        IrrServer("rr.example.net", 43),
        IrrServer("whois.example.net", 4343),
    )
    assert list(map(str, network.irr.sources)) == ["RPKI", "RIPE"]
    assert (network.irr.timeout, network.irr.workers) == (120, 8)
    assert network.filters.filter_name(Asn(64500), Afi.IPV4) == "IRR-AS64500-V4"
    assert network.filters.managed_prefix == "IRR-"
    assert network.filters.max_length == PerAfi(24, 48)
    assert not network.filters.more_specifics
    assert network.filters.special_use
    assert (network.guards.max_shrink, network.guards.max_growth) == (0.3, 3.0)
    assert network.guards.max_prefixes == PerAfi(300_000, 100_000)
    assert network.guards.max_age == timedelta(days=7)


def test_the_network_is_read_as_written(tmp_path: Path) -> None:
    network = load(
        tmp_path,
        network="""\
asn: AS64496
irr: {servers: [a.example], sources: [ripe], timeout: 5, workers: 64}
filters:
  name: "PFX_{peer}_{afi}"
  max_length: {ipv6: 64}
  more_specifics: true
  special_use: true
guards: {max_shrink: 0, max_growth: 1, max_prefixes: {ipv4: 10}, max_age: 90s}
""",
    ).network
    assert network.prefixes == ()
    assert (network.irr.timeout, network.irr.workers) == (5, 64)
    assert network.filters.managed_prefix == "PFX_"
    assert network.filters.max_length == PerAfi(24, 64)
    assert network.filters.more_specifics
    assert network.guards.max_shrink == 0.0
    assert network.guards.max_prefixes == PerAfi(10, 100_000)
    assert network.guards.max_age == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", timedelta(days=7)),
        ("12h", timedelta(hours=12)),
        ("30m", timedelta(minutes=30)),
        ("90s", timedelta(seconds=90)),
    ],
)
def test_durations(tmp_path: Path, text: str, expected: timedelta) -> None:
    workspace = load(tmp_path, network=f"{NETWORK}guards: {{max_age: {text}}}\n")
    assert workspace.network.guards.max_age == expected


def test_a_peer_is_read_with_the_networks_policy_under_its_own(tmp_path: Path) -> None:
    peer = load(tmp_path).peers[Asn(64500)]
    assert (peer.name, peer.role) == ("Ejemplo Telecom", Role.CUSTOMER)
    assert peer.objects(Afi.IPV4) == (parse_object("RIPE::AS-EJEMPLO"),)
    assert peer.objects(Afi.IPV6) == (parse_object("RIPE::AS-EJEMPLO"),)
    assert peer.max_prefix == PerAfi(200, 50)
    assert peer.accept == (PrefixRange.parse("192.0.2.0/24"),)
    assert peer.reject == ()
    assert peer.policy.more_specifics
    assert peer.policy.special_use
    assert peer.policy.max_length == PerAfi(24, 48)
    assert peer.policy.managed_prefix == "IRR-"


def test_a_peers_own_max_length_replaces_only_its_family(tmp_path: Path) -> None:
    peers = changed(PEERS, "{more_specifics: true}", "{max_length: {ipv4: 28}}")
    network = f"{NETWORK}  max_length: {{ipv4: 20, ipv6: 40}}\n"
    peer = load(tmp_path, peers=peers, network=network).peers[Asn(64500)]
    assert peer.policy.max_length == PerAfi(28, 40)
    assert not peer.policy.more_specifics


def test_what_a_peer_leaves_out_is_the_networks(tmp_path: Path) -> None:
    peers = changed(PEERS, "{more_specifics: true}", "{max_length: {ipv4: 28}}")
    network = f"{NETWORK}  more_specifics: true\n"
    policy = load(tmp_path, peers=peers, network=network).peers[Asn(64500)].policy
    assert policy.more_specifics
    assert policy.special_use


def test_without_as_sets_the_asn_itself_is_expanded(tmp_path: Path) -> None:
    peers = changed(PEERS, "  as_sets: [RIPE::AS-EJEMPLO]\n", "")
    peer = load(tmp_path, peers=peers).peers[Asn(64500)]
    assert peer.objects(Afi.IPV4) == peer.objects(Afi.IPV6) == (Asn(64500),)


def test_as_sets_may_differ_by_family_and_a_name_counts_once(tmp_path: Path) -> None:
    peers = changed(
        PEERS, "[RIPE::AS-EJEMPLO]", "{ipv4: [AS-A, as-a, AS64501], ipv6: [RS-B, AS64500:AS-C]}"
    )
    peer = load(tmp_path, peers=peers).peers[Asn(64500)]
    assert peer.objects(Afi.IPV4) == (parse_object("AS-A"), Asn(64501))
    assert peer.objects(Afi.IPV6) == (parse_object("RS-B"), parse_object("AS64500:AS-C"))


def test_a_provider_has_no_filter(tmp_path: Path) -> None:
    provider = load(tmp_path).peers[Asn(64502)]
    assert not provider.has_filter
    assert not provider.has_filter_for(Afi.IPV4)
    assert provider.objects(Afi.IPV4) == ()


@pytest.mark.parametrize("key", ["AS64500", "as64500", "64500", '"64500"'])
def test_an_asn_may_be_written_as_a_number(tmp_path: Path, key: str) -> None:
    peers = changed(PEERS, "AS64500", key)
    hosts = HOSTS.replace("AS64500", key)
    workspace = load(tmp_path, peers=peers, hosts=hosts)
    assert Asn(64500) in workspace.peers
    assert workspace.digest == load(tmp_path, peers=PEERS, hosts=HOSTS).digest


def test_a_router_is_read_with_its_sessions_sorted(tmp_path: Path) -> None:
    router = load(tmp_path).hosts["edge1.mex"]
    assert (router.platform, router.hostname, router.groups) == ("junos", "192.0.2.1", ("edge",))
    assert router.sessions == (
        Session(Asn(64500), Afi.IPV4, "198.51.100.2", True),
        Session(Asn(64500), Afi.IPV6, "2001:db8:ffff::2", True),
        Session(Asn(64502), Afi.IPV4, "198.51.100.10", False),
    )
    assert router.filters() == ((Asn(64500), Afi.IPV4), (Asn(64500), Afi.IPV6))


def test_a_router_without_sessions_is_fine(tmp_path: Path) -> None:
    router = load(tmp_path).hosts["edge2.mex"]
    assert router.sessions == ()
    assert router.filters() == ()


def test_an_ipv6_address_is_kept_in_one_form_with_or_without_quotes(tmp_path: Path) -> None:
    hosts = changed(HOSTS, '"2001:db8:ffff::2"', "2001:DB8:FFFF:0:0::2")
    session = load(tmp_path, hosts=hosts).hosts["edge1.mex"].sessions[1]
    assert session.address == "2001:db8:ffff::2"


def test_groups_and_defaults_are_optional_and_may_be_empty(tmp_path: Path) -> None:
    hosts = changed(HOSTS, "  groups: [edge]\n", "")
    with_none = load(tmp_path, hosts=hosts, groups=None)
    with_empty = load(tmp_path, hosts=hosts, groups="# nothing yet\n", defaults="")
    assert with_none.digest == with_empty.digest


def test_peers_and_hosts_come_in_order(tmp_path: Path) -> None:
    peers = PEERS + "AS64499: {role: peer}\n"
    hosts = HOSTS + "a-first: {hostname: a.example, platform: eos}\n"
    workspace = load(tmp_path, peers=peers, hosts=hosts)
    assert list(workspace.peers) == sorted(workspace.peers)
    assert list(workspace.hosts) == ["a-first", "edge1.mex", "edge2.mex"]


def test_a_workspace_cannot_be_changed(tmp_path: Path) -> None:
    workspace = load(tmp_path)
    with pytest.raises(TypeError):
        workspace.peers[Asn(1)] = workspace.peers[Asn(64500)]  # type: ignore[index]
    with pytest.raises(TypeError):
        del workspace.hosts["edge1.mex"]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        workspace.network.asn = Asn(1)  # type: ignore[misc]


SAME_MEANING = {
    "comments": {"peers": f"# who\n{PEERS}\n\n# end\n"},
    "order of peers": {
        "peers": "AS64502: {role: provider}\nAS64503: {role: rs}\n" + PEERS.split("AS64502")[0]
    },
    "order of sessions": {
        "hosts": changed(HOSTS, "      - {peer: AS64500, address: 198.51.100.2}\n", "").replace(
            "198.51.100.10}\n", "198.51.100.10}\n      - {peer: 64500, address: 198.51.100.2}\n"
        )
    },
    "another password": {"groups": changed(GROUPS, "hunter2", "correct horse")},
    "another port": {"groups": changed(GROUPS, "8443", "443")},
    "the default written out": {"network": f"{NETWORK}  more_specifics: false\n"},
    "the host's own data": {"hosts": changed(HOSTS, "site: mex", "site: mty")},
    "CRLF and a byte order mark": {"peers": b"\xef\xbb\xbf" + PEERS.replace("\n", "\r\n").encode()},
}

ANOTHER_MEANING = {
    "our ASN": {"network": changed(NETWORK, "64496", "64497")},
    "order of servers": {
        "network": changed(
            NETWORK,
            "[rr.example.net, whois.example.net:4343]",
            "[whois.example.net:4343, rr.example.net]",
        )
    },
    "order of sources": {"network": changed(NETWORK, "[RPKI, RIPE]", "[RIPE, RPKI]")},
    "a guard": {"network": f"{NETWORK}guards: {{max_shrink: 0.4}}\n"},
    "an as-set": {"peers": changed(PEERS, "RIPE::AS-EJEMPLO", "AS-EJEMPLO")},
    "a role": {"peers": changed(PEERS, "customer", "peer")},
    "an accepted prefix": {"peers": changed(PEERS, "192.0.2.0/24", "192.0.2.0/25")},
    "a peer's policy": {"peers": changed(PEERS, "more_specifics: true", "more_specifics: false")},
    "a session": {"hosts": changed(HOSTS, "198.51.100.10", "198.51.100.14")},
    "a platform": {"hosts": changed(HOSTS, "junos", "eos")},
    "where a router is": {"hosts": changed(HOSTS, "192.0.2.2", "192.0.2.3")},
    "a router less": {"hosts": HOSTS.split("edge2")[0]},
}


@pytest.mark.parametrize("files", SAME_MEANING.values(), ids=SAME_MEANING)
def test_the_digest_stays_when_the_meaning_does(
    tmp_path: Path, files: dict[str, str | bytes | None]
) -> None:
    assert load(tmp_path / "changed", **files).digest == load(tmp_path / "plain").digest


@pytest.mark.parametrize("files", ANOTHER_MEANING.values(), ids=ANOTHER_MEANING)
def test_the_digest_changes_with_the_meaning(
    tmp_path: Path, files: dict[str, str | bytes | None]
) -> None:
    assert load(tmp_path / "changed", **files).digest != load(tmp_path / "plain").digest


def test_no_secret_is_kept(tmp_path: Path) -> None:
    assert "hunter2" not in repr(load(tmp_path))


def test_no_secret_is_in_an_error(tmp_path: Path) -> None:
    for wrong in ("12345678", "0x7777", "[hunter2]", "true", "!vault hunter2"):
        error = only_error(tmp_path, groups=changed(GROUPS, "hunter2", wrong))
        assert error.subject == "inventory/groups.yaml:4"
        for secret in ("12345678", "0x7777", "hunter2"):
            assert secret not in str(error) + error.hint


def test_a_folder_that_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceErrors) as caught:
        load_workspace(tmp_path, known_platforms=["eos"])
    (error,) = caught.value.errors
    assert error.subject == str(tmp_path)
    assert "no folder inventory/" in error.reason
    assert "irrgate init" in error.hint


def test_2000_peers_and_500_routers_load_in_seconds(tmp_path: Path) -> None:
    peers = "".join(
        f"AS{100_000 + n}:\n"
        f"  name: Peer {n}\n"
        "  role: customer\n"
        f"  as_sets: [RIPE::AS-PEER{n}]\n"
        "  max_prefix: {ipv4: 200, ipv6: 50}\n"
        "  accept: [192.0.2.0/24]\n"
        for n in range(2000)
    )
    hosts = "".join(
        f"edge{n}:\n"
        f"  hostname: edge{n}.example\n"
        "  platform: junos\n"
        "  groups: [edge]\n"
        "  data:\n"
        "    sessions:\n"
        + "".join(
            f'      - {{peer: AS{100_000 + (n * 8 + m) % 2000}, address: "2001:db8:{n:x}::{m}"}}\n'
            for m in range(8)
        )
        for n in range(500)
    )
    write(tmp_path, peers=peers, hosts=hosts)
    started = time.process_time()
    workspace = load_workspace(tmp_path, known_platforms=["junos"])
    # 0.5 s with libyaml, 3 s without; what grows with the square would need minutes.
    assert time.process_time() - started < 15
    assert (len(workspace.peers), len(workspace.hosts)) == (2000, 500)

"""Every wrong workspace is refused with one error: the file, the line, the reason, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.workspace.files import (
    GROUPS,
    HOSTS,
    NETWORK,
    PEERS,
    changed,
    errors,
    load,
    only_error,
)


@dataclass(frozen=True)
class Wrong:
    """In `file`, `old` becomes `new`; the error stands at `where` and says all of `words`."""

    file: str
    old: str
    new: str
    where: str
    words: tuple[str, ...]


TEXTS = {"hosts": HOSTS, "groups": GROUPS, "peers": PEERS, "network": NETWORK}


def wrong(file: str, old: str, new: str, where: str, *words: str) -> Wrong:
    return Wrong(file, old, new, where, words)


PEERS_CASES = [
    wrong("peers", "AS64503", "as64500", "peers.yaml:10", "AS64500 is here again", "line 1"),
    wrong("peers", "AS64503", "64500", "peers.yaml:10", "AS64500 is here again", "line 1"),
    wrong("peers", "AS64503", "AS64500", "peers.yaml:10", "AS64500 stands here again", "line 1"),
    wrong("peers", "AS64503", "ASX", "peers.yaml:10", "'ASX'", "not an ASN"),
    wrong("peers", "AS64503", "AS4294967296", "peers.yaml:10", "between 0 and 4294967295"),
    wrong("peers", "AS64503", "AS0", "peers.yaml:10", "AS0 is reserved"),
    wrong("peers", "AS64503", "23456", "peers.yaml:10", "AS23456 is reserved"),
    wrong("peers", "AS64503", "-5", "peers.yaml:10", "cannot begin with -"),
    wrong("peers", "AS64503", "1.10", "peers.yaml:10", "an ASN is expected", "AS64500"),
    wrong("peers", "AS64503", "true", "peers.yaml:10", "an ASN is expected, not true"),
    wrong("peers", "AS64503", "AS64496", "peers.yaml:10", "AS64496", "our own ASN"),
    wrong("peers", "customer", "custommer", "peers.yaml:3", "AS64500 role", "mean customer?"),
    wrong("peers", "customer", "rs_client", "peers.yaml:3", "did you mean rs-client?"),
    wrong("peers", "customer", "Customer", "peers.yaml:3", "did you mean customer?"),
    wrong("peers", "customer", "12", "peers.yaml:3", "text is expected, not a number"),
    wrong("peers", "  role: customer\n", "", "peers.yaml:1", "AS64500 role", "is missing"),
    wrong("peers", "max_prefix:", "maxprefix:", "peers.yaml:5", "no such key", "max_prefix?"),
    wrong("peers", "ipv6: 50", "ipv5: 50", "peers.yaml:5", "max_prefix.ipv5", "mean ipv6?"),
    wrong("peers", "ipv4: 200", "ipv4: 0", "peers.yaml:5", "ipv4", "at least 1 is expected"),
    wrong("peers", "ipv4: 200", "ipv4: 4294967295", "peers.yaml:5", "at most 4294967294"),
    wrong("peers", "ipv4: 200", "ipv4: '200'", "peers.yaml:5", "a whole number", "not text"),
    wrong("peers", "ipv4: 200", "ipv4: 2.5", "peers.yaml:5", "a whole number is expected"),
    wrong("peers", "ipv4: 200", "ipv4: true", "peers.yaml:5", "a whole number is expected"),
    wrong("peers", "ipv4: 200", "ipv4: 0200", "peers.yaml:5", "a whole number is expected"),
    wrong("peers", "ipv4: 200", "ipv4: ~", "peers.yaml:5", "max_prefix.ipv4: has no value"),
    wrong("peers", "{ipv4: 200, ipv6: 50}", "200", "peers.yaml:5", "a mapping of keys"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "RIPE::AS-X", "peers.yaml:4", "a list is expected", "["),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "[]", "peers.yaml:4", "as_sets: the list is empty"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "", "peers.yaml:4", "as_sets: has no value"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "{ipv4: []}", "peers.yaml:4", "the list is empty"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "{ipv7: [AS-X]}", "peers.yaml:4", "did you mean ipv6?"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "[AS-A, '-p']", "peers.yaml:4", "cannot begin with -"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "['AS-A AS-B']", "peers.yaml:4", "white space"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", '["AS-A\\n"]', "peers.yaml:4", "cannot be printed"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "[FOO]", "peers.yaml:4", "'FOO'", "not a set name"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "[RIPE::AS64500]", "peers.yaml:4", "not for an ASN"),
    wrong("peers", "[RIPE::AS-EJEMPLO]", "[64500]", "peers.yaml:4", "text is expected"),
    wrong("peers", "[192.0.2.0/24]", "[192.0.2.1/24]", "peers.yaml:6", "192.0.2.0/24?"),
    wrong("peers", "[192.0.2.0/24]", "[192.0.2.0]", "peers.yaml:6", "accept", "not a prefix"),
    wrong("peers", "[192.0.2.0/24]", "[192.0.2.0/33]", "peers.yaml:6", "at most 32"),
    wrong("peers", "[192.0.2.0/24]", "[192.0.2.0/24 ge 20]", "peers.yaml:6", "ge <= le"),
    wrong("peers", "[192.0.2.0/24]", "192.0.2.0/24", "peers.yaml:6", "a list is expected"),
    wrong("peers", "[192.0.2.0/24]", "[203.0.113.0/24]", "peers.yaml:6", "our own"),
    wrong("peers", "[192.0.2.0/24]", "[203.0.113.128/25]", "peers.yaml:6", "our own"),
    wrong("peers", "[192.0.2.0/24]", "[203.0.0.0/16 le 24]", "peers.yaml:6", "our own"),
    wrong("peers", "[192.0.2.0/24]", "['2001:db8:1::/48']", "peers.yaml:6", "2001:db8::/32"),
    wrong("peers", "accept: [192", "reject: [[], 192", "peers.yaml:6", "text", "not a list"),
    wrong("peers", "{more_specifics", "{more_specific", "peers.yaml:7", "mean more_specifics?"),
    wrong("peers", "specifics: true", "specifics: yes", "peers.yaml:7", "true or false", "'yes'"),
    wrong("peers", "specifics: true", "specifics: 1", "peers.yaml:7", "true or false"),
    wrong("peers", "{more_specifics: true}", "{name: X}", "peers.yaml:7", "name of their own"),
    wrong("peers", "{more_specifics: true}", "{max_length: {ipv4: 33}}", "peers.yaml:7", "most 32"),
    wrong("peers", "Ejemplo Telecom", '"a\\x1b[2J"', "peers.yaml:2", "cannot be printed"),
    wrong("peers", "Ejemplo Telecom", '"a\\u202eb"', "peers.yaml:2", "cannot be printed"),
    wrong("peers", "Ejemplo Telecom", "x" * 201, "peers.yaml:2", "at most 200"),
    wrong("peers", "Ejemplo Telecom", "1984", "peers.yaml:2", "text is expected", "in quotes"),
    wrong(
        "peers", "Ejemplo Telecom", "2024-01-31", "peers.yaml:2", "'2024-01-31' may be", "quotes"
    ),
    wrong("peers", "Ejemplo Telecom", "true", "peers.yaml:2", "not true or false"),
    wrong("peers", "[192.0.2.0/24]", "[~]", "peers.yaml:6", "AS64500 accept: has no value"),
    wrong("peers", "provider", "provider\n  as_sets: [AS-X]", "peers.yaml:10", "does nothing"),
    wrong("peers", "provider", "rs\n  accept: [192.0.2.0/24]", "peers.yaml:10", "a rs has no"),
    wrong("peers", "provider", "rs\n  filters: {}", "peers.yaml:10", "AS64502 filters", "nothing"),
    wrong("peers", "AS64502:\n  role: provider", "AS64502:", "peers.yaml:8", "AS64502: has no"),
    wrong("peers", "AS64502:\n  role: provider", "AS64502: [x]", "peers.yaml:8", "not a list"),
]

HOSTS_CASES = [
    wrong("hosts", "junos", "junso", "hosts.yaml:3", "edge1.mex", "'junso'", "mean junos?"),
    wrong("hosts", "platform: eos", "platform: linux", "hosts.yaml:13", "known: eos, junos"),
    wrong("hosts", "  platform: eos\n", "", "hosts.yaml:11", "edge2.mex: no platform"),
    wrong("hosts", "  hostname: 192.0.2.2\n", "", "hosts.yaml:11", "edge2.mex: no hostname"),
    wrong("hosts", "192.0.2.2", "-oProxyCommand=x", "hosts.yaml:12", "no host name"),
    wrong("hosts", "192.0.2.2", "a b", "hosts.yaml:12", "no host name"),
    wrong("hosts", "192.0.2.2", "''", "hosts.yaml:12", "no host name"),
    wrong("hosts", "platform: eos", "platfrom: eos", "hosts.yaml:13", "mean platform?"),
    wrong("hosts", "platform: eos", "platform: eos\n  port: 0", "hosts.yaml:14", "at least 1"),
    wrong("hosts", "[edge]", "[egde]", "hosts.yaml:4", "'egde'", "groups.yaml", "mean edge?"),
    wrong("hosts", "[edge]", "edge", "hosts.yaml:4", "a list is expected, not text"),
    wrong("hosts", "AS64502", "AS64510", "hosts.yaml:10", "AS64510 is not in", "peers.yaml"),
    wrong("hosts", "AS64502", "none", "hosts.yaml:10", "'none'", "not an ASN"),
    wrong("hosts", "198.51.100.10", "198.51.100.2", "hosts.yaml:10", "here again", "line 8"),
    wrong("hosts", "198.51.100.10", "2001:DB8:FFFF:0::2", "hosts.yaml:10", "again", "line 9"),
    wrong("hosts", "198.51.100.10", "198.51.100.0/31", "hosts.yaml:10", "address", "without /"),
    wrong("hosts", "198.51.100.10", "198.51.100.256", "hosts.yaml:10", "no IP address"),
    wrong("hosts", "198.51.100.10", "198.51.100.010", "hosts.yaml:10", "no IP address"),
    wrong("hosts", "198.51.100.10", "198.51", "hosts.yaml:10", "text is expected"),
    wrong("hosts", "198.51.100.10", "fe80::1%eth0", "hosts.yaml:10", "no %interface"),
    wrong("hosts", "198.51.100.10", "0.0.0.0", "hosts.yaml:10", "no neighbour's address"),
    wrong("hosts", "198.51.100.10", "ff02::5", "hosts.yaml:10", "no neighbour's address"),
    wrong("hosts", ", address: 198.51.100.10", "", "hosts.yaml:10", "address: is missing"),
    wrong("hosts", "198.51.100.10}", "198.51.100.10, as: 1}", "hosts.yaml:10", "no such key"),
    wrong("hosts", "{peer: AS64502, address: 198.51.100.10}", "x", "hosts.yaml:10", "not text"),
    wrong("hosts", "sessions:", "Sessions:", "hosts.yaml:7", "did you mean sessions?"),
    wrong("hosts", "sessions:", "session:", "hosts.yaml:7", "did you mean sessions?"),
    wrong("hosts", "edge2.mex", "../../etc/x", "hosts.yaml:11", "cannot hold /"),
    wrong("hosts", "edge2.mex", "edge2/re0", "hosts.yaml:11", "cannot hold /"),
    wrong("hosts", "edge2.mex", "edge2\\re0", "hosts.yaml:11", "cannot hold /"),
    wrong("hosts", "edge2.mex", "edge2..mex", "hosts.yaml:11", "or .."),
    wrong("hosts", "edge2.mex", ".hidden", "hosts.yaml:11", "begin with ."),
    wrong("hosts", "edge2.mex", '"-rf"', "hosts.yaml:11", "begin with . or -"),
    wrong("hosts", "edge2.mex", '"edge2\\n"', "hosts.yaml:11", "cannot be printed"),
    wrong("hosts", "edge2.mex", '"edge2\\0"', "hosts.yaml:11", "cannot be printed"),
    wrong("hosts", "edge2.mex", '"edge2 "', "hosts.yaml:11", "white space"),
    wrong("hosts", "edge2.mex", '""', "hosts.yaml:11", "1 to 100 bytes"),
    wrong("hosts", "edge2.mex", "x" * 101, "hosts.yaml:11", "1 to 100 bytes"),
    wrong("hosts", "edge2.mex", "1200", "hosts.yaml:11", "not text", "put it in quotes"),
    wrong("hosts", "edge2.mex", "0x12", "hosts.yaml:11", "not text", "put it in quotes"),
    wrong("hosts", "edge2.mex", "edge1.mex", "hosts.yaml:11", "edge1.mex stands here again"),
    wrong("hosts", "mex\n    sess", "mex\n    site: b\n    sess", "hosts.yaml:7", "site", "line 6"),
]

NETWORK_CASES = [
    wrong("network", "asn: 64496\n", "", "network.yaml:1", "asn: is missing"),
    wrong("network", "64496", "AS-X", "network.yaml:1", "asn", "not an ASN"),
    wrong("network", "64496", "AS65535", "network.yaml:1", "AS65535 is reserved"),
    wrong("network", "64496", "", "network.yaml:1", "asn: has no value"),
    wrong("network", "203.0.113.0/24", "203.0.113.1/24", "network.yaml:2", "203.0.113.0/24?"),
    wrong("network", "203.0.113.0/24", "203.0.113.0/24^+", "network.yaml:2", "without ge, le"),
    wrong("network", "sources: [RPKI, RIPE]", "sources: []", "network.yaml:5", "list is empty"),
    wrong("network", "[RPKI, RIPE]", "[RPKI, RIPE, ripe]", "network.yaml:5", "RIPE is there twice"),
    wrong("network", "[RPKI, RIPE]", "['RIPE,-A']", "network.yaml:5", "not a source name"),
    wrong("network", "[RPKI, RIPE]", "RIPE", "network.yaml:5", "a list is expected"),
    wrong(
        "network",
        "[RPKI, RIPE]",
        f"[{', '.join(f'SOURCE-{n:03}' for n in range(22))}]",
        "network.yaml:5",
        "241 characters",
        "at most 240",
    ),
    wrong("network", "  sources: [RPKI, RIPE]\n", "", "network.yaml:3", "irr.sources: is missing"),
    wrong("network", "rr.example.net,", "'[2001:db8::1]:43',", "network.yaml:4", "IPv6 address"),
    wrong("network", "rr.example.net,", "-pfoo,", "network.yaml:4", "not a server"),
    wrong("network", "rr.example.net,", "'a b',", "network.yaml:4", "not a server"),
    wrong("network", "rr.example.net,", "a:0,", "network.yaml:4", "from 1 to 65535"),
    wrong("network", "rr.example.net,", "WHOIS.example.net:4343,", "network.yaml:4", "twice"),
    wrong("network", "filters:", "filter:", "network.yaml:6", "filter", "did you mean filters?"),
    wrong("network", "special_use", "specialuse", "network.yaml:7", "did you mean special_use?"),
]


def added(text: str, *words: str) -> Wrong:
    """A line more below `irr`, as line 6."""
    return wrong("network", "filters:", f"{text}\nfilters:", "network.yaml:6", *words)


LIMIT_CASES = [
    added("  timeout: 0", "irr.timeout", "at least 1"),
    added("  timeout: 3601", "irr.timeout", "at most 3600"),
    added("  timeout: 2m", "irr.timeout", "a whole number is expected, not text"),
    added("  workers: 0", "irr.workers", "at least 1"),
    added("  workers: 65", "irr.workers", "at most 64"),
    added("  worker: 8", "irr.worker", "did you mean workers?"),
    added("guards: {max_shrink: -0.1}", "guards.max_shrink", "at least 0"),
    added("guards: {max_shrink: 1.1}", "guards.max_shrink", "at most 1"),
    added("guards: {max_shrink: 30%}", "guards.max_shrink", "a number is expected, not text"),
    added("guards: {max_growth: 0}", "guards.max_growth", "more than 0"),
    added("guards: {max_growth: .inf}", "guards.max_growth", "a number is expected"),
    added("guards: {max_age: 7}", "guards.max_age", "a duration is expected, not 7", "7d"),
    added("guards: {max_age: 7w}", "guards.max_age", "a duration is expected"),
    added("guards: {max_age: 0d}", "guards.max_age", "between 1s and"),
    added("guards: {max_age: 3651d}", "guards.max_age", "between 1s and"),
    added("guards: {max_age: 999999999d}", "guards.max_age", "between 1s and"),
    added("guards: {max_prefixes: {ipv4: 0}}", "guards.max_prefixes.ipv4", "at least 1"),
    added("guards:", "guards: has no value"),
]

FILTER_CASES = [
    wrong("network", "special_use: true", f"special_use: true\n  {line}", "network.yaml:8", *words)
    for line, *words in (
        ("name: 'IRR-{peer}'", "filters.name", "{afi} must stand in it once"),
        ("name: '{peer}-{afi}'", "filters.name", "before the first placeholder"),
        ("max_length: {ipv4: 7}", "filters.max_length.ipv4", "at least 8"),
        ("max_length: {ipv4: 33}", "filters.max_length.ipv4", "at most 32"),
        ("max_length: {ipv6: 15}", "filters.max_length.ipv6", "at least 16"),
        ("max_length: {ipv6: 129}", "filters.max_length.ipv6", "at most 128"),
        ("max_length: {ipv4: ~}", "filters.max_length.ipv4: has no value"),
        ("max_length: 24", "filters.max_length", "a mapping of keys and values"),
        ("more_specifics: no", "filters.more_specifics", "YAML 1.2"),
    )
]

CASES = [*PEERS_CASES, *HOSTS_CASES, *NETWORK_CASES, *LIMIT_CASES, *FILTER_CASES]


JARGON = (
    "pydantic",
    "http",
    "type=",
    "input_value",
    "Traceback",
    "validation",
    "dict",
    "None",
    "Unclear",
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.new[:40]!a}")
def test_a_wrong_file_is_named_with_its_line_and_what_is_wrong(tmp_path: Path, case: Wrong) -> None:
    error = only_error(tmp_path, **{case.file: changed(TEXTS[case.file], case.old, case.new)})
    assert error.subject == f"inventory/{case.where}"
    said = f"{error.reason} | {error.hint}"
    for words in case.words:
        assert words in said
    # In a network engineer's words, and safe for a terminal.
    assert said.isprintable()
    assert len(said) < 300
    for jargon in JARGON:
        assert jargon not in said


PUBLIC = PEERS.replace("AS64500", "AS100").replace("AS64502", "AS200")
PUBLIC_HOSTS = HOSTS.replace("AS64500", "AS100").replace("AS64502", "AS200")
STRICT = changed(NETWORK, "special_use: true", "special_use: false")


def test_public_asns_need_no_special_use(tmp_path: Path) -> None:
    assert load(tmp_path, network=STRICT, peers=PUBLIC, hosts=PUBLIC_HOSTS)


@pytest.mark.parametrize(
    "as_set", ["AS64500", "AS64512", "AS4200000000", "AS65551", "AS64500:AS-X", "AS-X:AS64500"]
)
def test_what_bgpq4_would_drop_is_an_error_outside_labs(tmp_path: Path, as_set: str) -> None:
    peers = changed(PUBLIC, "[RIPE::AS-EJEMPLO]", f"[AS-OK, {as_set}]")
    error = only_error(tmp_path, network=STRICT, peers=peers, hosts=PUBLIC_HOSTS)
    assert error.subject == "inventory/peers.yaml:4"
    assert as_set in error.reason
    assert "special_use: true" in error.hint


def test_a_private_peer_that_is_expanded_itself_is_an_error_outside_labs(tmp_path: Path) -> None:
    peers = PUBLIC + "AS64512:\n  role: customer\n"
    error = only_error(tmp_path, network=STRICT, peers=peers, hosts=PUBLIC_HOSTS)
    assert error.subject == "inventory/peers.yaml:11"
    assert error.reason.startswith("AS64512: this ASN is for ")
    assert "as_sets" in error.hint


def test_a_private_peer_may_have_public_as_sets_or_no_filter(tmp_path: Path) -> None:
    peers = PUBLIC + "AS64512: {role: customer, as_sets: [AS-X]}\nAS64513: {role: rs}\n"
    assert load(tmp_path, network=STRICT, peers=peers, hosts=PUBLIC_HOSTS)


def test_special_use_is_the_peers_own_to_override(tmp_path: Path) -> None:
    own = PUBLIC + "AS64512: {role: peer, filters: {special_use: true}}\n"
    assert load(tmp_path / "a", network=STRICT, peers=own, hosts=PUBLIC_HOSTS)
    other = PEERS + "AS64501: {role: peer, filters: {special_use: false}}\n"
    assert "AS64501" in only_error(tmp_path / "b", peers=other).reason


FOR_IPV4 = changed(
    changed(PEERS, "[RIPE::AS-EJEMPLO]", "{ipv4: [AS-X]}"), "  accept: [192.0.2.0/24]\n", ""
)


def test_a_session_of_a_family_without_a_filter(tmp_path: Path) -> None:
    error = only_error(tmp_path, peers=FOR_IPV4)
    assert error.subject == "inventory/hosts.yaml:9"
    assert "AS64500 has no ipv6 filter" in error.reason
    assert "add as_sets for ipv6" in error.hint


def test_a_provider_may_have_sessions_of_both_families(tmp_path: Path) -> None:
    hosts = changed(HOSTS, "198.51.100.10", '"2001:db8:ffff::a"')
    assert load(tmp_path, hosts=hosts).hosts["edge1.mex"].filters()


@pytest.mark.parametrize("key", ["accept", "reject"])
def test_a_prefix_of_a_family_without_a_filter_would_do_nothing(tmp_path: Path, key: str) -> None:
    hosts = changed(HOSTS, '      - {peer: AS64500, address: "2001:db8:ffff::2"}\n', "")
    peers = changed(FOR_IPV4, "role: customer\n", f"role: customer\n  {key}: ['2001:dc8::/32']\n")
    error = only_error(tmp_path, peers=peers, hosts=hosts)
    assert error.subject == "inventory/peers.yaml:4"
    assert "no ipv6 filter" in error.reason


def test_a_covering_prefix_that_does_not_accept_ours_is_fine(tmp_path: Path) -> None:
    for accepted in ("203.0.0.0/16", "203.0.0.0/16 le 23", "203.0.112.0/24"):
        assert load(tmp_path, peers=changed(PEERS, "[192.0.2.0/24]", f"[{accepted}]"))


def test_as_sets_that_name_no_family(tmp_path: Path) -> None:
    error = only_error(tmp_path, peers=changed(PEERS, "[RIPE::AS-EJEMPLO]", "{}"))
    assert error.subject == "inventory/peers.yaml:4"
    assert "names no address family" in error.reason


@pytest.mark.parametrize(
    ("file", "content", "where", "words"),
    [
        ("peers", None, "peers.yaml", "the file is missing"),
        ("hosts", None, "hosts.yaml", "the file is missing"),
        ("network", None, "network.yaml", "the file is missing"),
        ("peers", "", "peers.yaml", "the file is empty"),
        ("peers", "# nobody yet\n---\n", "peers.yaml", "the file is empty"),
        ("hosts", "\n\n", "hosts.yaml", "the file is empty"),
        ("network", "#", "network.yaml", "the file is empty"),
        ("peers", "AS64500:\n  name: Espa\n  x: ña".encode("latin-1"), "peers.yaml:3", "0xF1"),
        ("peers", b"\xff\xfeA\0S\0", "peers.yaml:1", "not UTF-8"),
        ("peers", "- AS64500\n", "peers.yaml:1", "a mapping of ASNs is expected, not a list"),
        ("peers", "AS64500", "peers.yaml:1", "a mapping of ASNs is expected, not text"),
        ("hosts", "- edge1\n", "hosts.yaml:1", "a mapping of names is expected, not a list"),
        ("groups", "- edge\n", "groups.yaml:1", "a mapping of names is expected, not a list"),
        ("defaults", "- edge\n", "defaults.yaml:1", "a mapping of keys and values is expected"),
        ("defaults", "groups: [edge]\n", "defaults.yaml:1", "no such key"),
        ("network", "64496\n", "network.yaml:1", "a mapping of keys and values is expected"),
        ("network", "asn: [\n", "network.yaml:2", "column 1"),
    ],
)
def test_a_file_as_a_whole(
    tmp_path: Path, file: str, content: str | bytes | None, where: str, words: str
) -> None:
    found = errors(tmp_path, **{file: content})
    about = [error for error in found if error.subject == f"inventory/{where}"]
    assert len(about) == 1, [str(each) for each in found]
    assert words in about[0].reason


def test_a_folder_in_a_files_place(tmp_path: Path) -> None:
    load(tmp_path)
    (tmp_path / "inventory/defaults.yaml").mkdir()
    error = only_error(tmp_path)
    assert str(error) == "inventory/defaults.yaml: cannot be read: Is a directory"


def test_all_errors_of_all_files_come_at_once_in_order(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        hosts=changed(changed(HOSTS, "junos", "junso"), "AS64502", "AS64510"),
        groups=changed(GROUPS, "extras", "extra"),
        peers=changed(changed(PEERS, "role: customer", "roles: customer"), "ipv4: 200", "ipv4: 0"),
        network=changed(changed(NETWORK, "64496", "AS-X"), "RPKI, RIPE", "RPKI, RPKI"),
    )
    assert [error.subject.removeprefix("inventory/") for error in found] == [
        "groups.yaml:5",
        "hosts.yaml:10",
        "network.yaml:1",
        "peers.yaml:1",
        "peers.yaml:3",
        "peers.yaml:5",
    ]


def test_what_follows_from_an_error_is_not_another_one(tmp_path: Path) -> None:
    """A broken peer is still known to sessions, a broken file explains what seems to lack."""
    no_role = changed(PEERS, "  role: customer\n", "")
    assert "role: is missing" in only_error(tmp_path / "a", peers=no_role).reason
    for file in ("peers", "groups", "defaults"):
        error = only_error(tmp_path / file, **{file: "a: [\n"})
        assert error.subject == f"inventory/{file}.yaml:2"
    error = only_error(tmp_path / "d", groups=changed(GROUPS, "napalm:", "napalm: 3\n    other:"))
    assert "a mapping" in error.reason


def test_a_wrong_platform_of_a_group_is_one_error_where_it_is_written(tmp_path: Path) -> None:
    hosts = changed(HOSTS, "  platform: junos\n", "").replace(
        "  platform: eos\n", "  groups: [edge]\n"
    )
    error = only_error(tmp_path, hosts=hosts, groups=f"{GROUPS}  platform: junus\n")
    assert error.subject == "inventory/groups.yaml:6"
    assert error.reason.startswith("edge: ")
    assert error.hint == "did you mean junos?"


def test_a_wrong_session_of_a_group_is_one_error_whoever_inherits_it(tmp_path: Path) -> None:
    groups = f"{GROUPS}  data: {{sessions: [{{peer: AS1, address: 192.0.2.1}}]}}\n"
    error = only_error(tmp_path, groups=groups)
    assert error.subject == "inventory/groups.yaml:6"
    assert "edge data.sessions: AS1 is not in inventory/peers.yaml" in error.reason


def test_the_defaults_are_checked_too(tmp_path: Path) -> None:
    defaults = "platform: ioss\ndata:\n  sessions:\n    - {peer: AS1, address: 192.0.2.1}\n"
    hosts = changed(HOSTS, "  platform: eos\n", "")
    found = errors(tmp_path, defaults=defaults, hosts=hosts)
    assert [str(each) for each in found] == [
        "inventory/defaults.yaml:1: defaults: irrgate has no platform 'ioss'",
        "inventory/defaults.yaml:4: defaults data.sessions: AS1 is not in inventory/peers.yaml",
    ]


@pytest.mark.parametrize("written", ["{peer: AS64500, address: 192.0.2.1}", "AS64500", "3", ""])
def test_sessions_that_are_no_list(tmp_path: Path, written: str) -> None:
    error = only_error(tmp_path, hosts=f"{HOSTS}  data:\n    sessions: {written}\n")
    assert error.subject == "inventory/hosts.yaml:15"
    assert error.reason.startswith("edge2.mex data.sessions: a list is expected, not ")


def test_groups_that_inherit_from_each_other(tmp_path: Path) -> None:
    groups = "edge: {groups: [a]}\na: {groups: [b]}\nb:\n  groups: [a]\n"
    error = only_error(tmp_path, groups=groups)
    assert "the groups a > b > a inherit from each other" in error.reason


def test_a_group_of_a_group_that_is_not_there(tmp_path: Path) -> None:
    error = only_error(tmp_path, groups=f"{GROUPS}  groups: [core]\n")
    assert error.subject == "inventory/groups.yaml:6"
    assert "'core' is not in inventory/groups.yaml" in error.reason

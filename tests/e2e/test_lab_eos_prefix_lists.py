"""The prefix lists of the emulated EOS: what it takes, refuses, prints, and lets pass."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator

import pytest
from napalm.base.exceptions import MergeConfigException
from napalm.eos.eos import EOSDriver

from tests.lab.eos_diff import diff
from tests.lab.eos_mode import parse_config
from tests.lab.eos_prefix_list import Entries
from tests.lab.eos_semantics import EosPrefixList, MissingPrefixListError, accepts
from tests.lab.harness import LabDevice

pytestmark = pytest.mark.e2e

INVALID = "invalid command"
COULD_NOT = "could not run command"


@pytest.fixture(scope="module")
def edge1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("lists")
    with LabDevice.start("eos", "edge1", directory / "edge1") as device:
        yield device


@pytest.fixture
def driver(edge1: LabDevice) -> Iterator[EOSDriver]:
    edge1.set_running("hostname edge1\n")
    driver = EOSDriver(
        edge1.host, edge1.username, edge1.password, optional_args=edge1.napalm_optional_args()
    )
    driver.open()
    yield driver
    driver.close()


def apply(driver: EOSDriver, *lines: str) -> str:
    """Merge and commit; the running config without its first two blocks and its end."""
    driver.load_merge_candidate(config="\n".join(lines))
    driver.commit_config()
    text = str(driver.get_config(retrieve="running")["running"])
    return text.partition("hostname edge1\n!\n")[2].removesuffix("end\n")


@pytest.mark.parametrize(
    ("line", "reason", "text"),
    [
        ("seq 10 permit 192.0.2.1/24", COULD_NOT, "Host part of prefix 192.0.2.1/24"),
        ("seq 10 permit 192.0.2.0/33", INVALID, "at token 3: '192.0.2.0/33'"),
        ("seq 10 permit 192.0.2.0", INVALID, "at token 3: '192.0.2.0'"),
        ("seq 10 permit 192.0.2/24", INVALID, "at token 3: '192.0.2/24'"),
        ("seq 10 permit 192.0.256.0/24", INVALID, "at token 3"),
        ("seq 10 permit 2001:db8::/32", INVALID, "at token 3: '2001:db8::/32'"),
        ("seq 10 permit 192.0.2.0/24 ge 20", COULD_NOT, "Invalid prefix length range"),
        ("seq 10 permit 192.0.2.0/24 eq 20", COULD_NOT, "Invalid prefix length range"),
        ("seq 10 permit 192.0.2.0/24 le 20", COULD_NOT, "Invalid prefix length range"),
        ("seq 10 permit 192.0.2.0/24 ge 28 le 26", COULD_NOT, "Invalid prefix length range"),
        ("seq 10 permit 192.0.2.0/24 le 33", INVALID, "at token 5: '33'"),
        ("seq 10 permit 0.0.0.0/0 ge 0", INVALID, "at token 5: '0'"),
        ("seq 10 permit 192.0.2.0/24 le 28 ge 26", INVALID, "at token 6: 'ge'"),
        ("seq 10 permit 192.0.2.0/24 le", INVALID, "Incomplete command"),
        ("seq 10 permit 192.0.2.0/24 exact", INVALID, "at token 4: 'exact'"),
        ("seq 10 allow 192.0.2.0/24", INVALID, "at token 2: 'allow'"),
        ("seq -1 permit 192.0.2.0/24", INVALID, "at token 1: '-1'"),
        ("seq 4294967296 permit 192.0.2.0/24", INVALID, "at token 1: '4294967296'"),
        ("seq 5 deny 192.0.2.0/24", COULD_NOT, "Duplicate sequence number"),
        ("description IRR", INVALID, "at token 0: 'description'"),
    ],
)
def test_an_entry_that_is_refused(driver: EOSDriver, line: str, reason: str, text: str) -> None:
    config = f"ip prefix-list IRR-A\n   seq 5 permit 192.0.2.0/24\n   {line}\n"
    with pytest.raises(MergeConfigException) as caught:
        driver.load_merge_candidate(config=config)
    message = str(caught.value)
    assert f"CLI command 5 of 6 '{line}' failed: {reason}" in message
    assert text in message


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("ip prefix-list IRR A", "at token 3: 'A'"),
        ('ip prefix-list "IRR" seq 10 permit 192.0.2.0/24', "at token 2"),
        ("ip prefix-list 64500-V4", "at token 2: '64500-V4'"),
        ("ip prefix-list", "Incomplete command (at token 2: 'prefix-list')"),
        ("ip prefix-list IRR-A seq 10 permit 192.0.2.0/40", "at token 6: '192.0.2.0/40'"),
        ("ipv6 prefix-list IRR-A seq 10 permit 2001:db8::/129", "at token 6"),
        ("ipv6 prefix-list IRR-A seq 10 permit 192.0.2.0/24", "at token 6"),
        ("ipv6 prefix-list IRR-A seq 10 permit 2001:db8::1/32", "Host part"),
        ("no ip prefix-list IRR-A seq ten", "at token 5: 'ten'"),
    ],
)
def test_a_command_that_is_refused(driver: EOSDriver, line: str, text: str) -> None:
    with pytest.raises(MergeConfigException) as caught:
        driver.load_merge_candidate(config=line)
    assert text in str(caught.value)


def test_both_forms_are_printed_in_blocks_sorted_by_number_and_name(driver: EOSDriver) -> None:
    printed = apply(
        driver,
        "ipv6 prefix-list B",
        "seq 20 permit 2001:DB8:0:0::/32 ge 48 le 64",
        "seq 4294967295 deny ::/0 le 128",
        "ip prefix-list C seq 30 deny 0.0.0.0/0 le 32",
        "ip prefix-list C seq 7 permit 198.51.100.0 255.255.255.0",
        "ip prefix-list A",
        "permit 203.0.113.0/24 eq 32",
        "permit 192.0.2.0/24",
        "seq 5 remark from the registry",
    )
    assert printed == (
        "ip prefix-list A\n"
        "   seq 5 remark from the registry\n"
        "   seq 10 permit 203.0.113.0/24 eq 32\n"
        "   seq 20 permit 192.0.2.0/24\n"
        "!\n"
        "ip prefix-list C\n"
        "   seq 7 permit 198.51.100.0/24\n"
        "   seq 30 deny 0.0.0.0/0 le 32\n"
        "!\n"
        "ipv6 prefix-list B\n"
        "   seq 20 permit 2001:db8::/32 ge 48 le 64\n"
        "   seq 4294967295 deny ::/0 le 128\n"
        "!\n"
    )


def test_entries_and_lists_are_removed(driver: EOSDriver) -> None:
    lists = [f"ip prefix-list {n} seq {s} permit 192.0.2.0/24" for n in "ABC" for s in (10, 20)]
    printed = apply(
        driver,
        *lists,
        "ip prefix-list A",
        "no seq 10",
        "no seq 99",
        "no ip prefix-list B seq 20",
        "no ip prefix-list C",
        "no ip prefix-list D",
    )
    assert printed == (
        "ip prefix-list A\n   seq 20 permit 192.0.2.0/24\n!\n"
        "ip prefix-list B\n   seq 10 permit 192.0.2.0/24\n!\n"
    )


def test_an_entry_changes_when_its_number_was_freed(driver: EOSDriver) -> None:
    apply(driver, "ip prefix-list A seq 10 permit 192.0.2.0/24")
    printed = apply(driver, "ip prefix-list A", "no seq 10", "seq 10 deny 192.0.2.0/24")
    assert printed == "ip prefix-list A\n   seq 10 deny 192.0.2.0/24\n!\n"


def test_the_same_entry_again_is_no_change(driver: EOSDriver) -> None:
    apply(driver, "ip prefix-list A seq 10 permit 192.0.2.0/24")
    driver.load_merge_candidate(config="ip prefix-list A seq 10 permit 192.0.2.0/24")
    assert driver.compare_config() == ""


def test_the_highest_number_can_be_set(edge1: LabDevice, driver: EOSDriver) -> None:
    edge1.ask("limits", sequence=65535)
    try:
        apply(driver, "ip prefix-list A seq 65535 permit 192.0.2.0/24")
        with pytest.raises(MergeConfigException, match="'65536'"):
            driver.load_merge_candidate(config="ip prefix-list A seq 65536 permit 192.0.2.0/24")
    finally:
        edge1.ask("limits", sequence=4294967295)


def test_an_edit_stays_in_its_session(edge1: LabDevice, driver: EOSDriver) -> None:
    apply(driver, "ip prefix-list A seq 10 permit 192.0.2.0/24")
    before = edge1.running()
    driver.load_merge_candidate(config="ip prefix-list A\nno seq 10\nseq 20 deny 192.0.2.0/24")
    assert edge1.running() == before
    driver.discard_config()
    printed = apply(driver, "ip prefix-list B seq 10 permit 198.51.100.0/24")
    assert printed.startswith("ip prefix-list A\n   seq 10 permit 192.0.2.0/24\n!\n")


def test_a_copy_and_its_original_are_edited_apart() -> None:
    original = parse_config("ip prefix-list A seq 10 permit 192.0.2.0/24")
    copy = original.copy()
    original.entries_of(("ip", "A")).remove(10)
    assert copy.lists["ip", "A"] == {10: "permit 192.0.2.0/24"}


def test_a_neighbors_filter_is_replaced_not_added(driver: EOSDriver) -> None:
    bgp = ["router bgp 64496", "neighbor 198.51.100.2 remote-as 64500"]
    apply(driver, *bgp, "neighbor 198.51.100.2 prefix-list A in")
    printed = apply(driver, bgp[0], "neighbor 198.51.100.2 prefix-list B in")
    assert printed == (
        "router bgp 64496\n   neighbor 198.51.100.2 remote-as 64500\n"
        "   neighbor 198.51.100.2 prefix-list B in\n!\n"
    )


LISTS = """\
ip prefix-list A
   seq 10 deny 192.0.2.128/25
   seq 20 permit 192.0.2.0/24 le 26
   seq 30 permit 198.51.100.0/24 ge 28
   seq 40 permit 203.0.113.0/24 ge 25 le 26
   seq 50 permit 10.0.0.0/8 eq 16
ipv6 prefix-list A
   seq 10 permit 2001:db8::/32 le 48
ip prefix-list EMPTY
ip prefix-list REMARK
   seq 5 remark nothing else
"""


@pytest.mark.parametrize(
    ("prefix", "accepted"),
    [
        ("192.0.2.0/24", True),
        ("192.0.2.128/25", False),
        ("192.0.2.128/26", True),
        ("192.0.2.0/27", False),
        ("192.0.0.0/16", False),
        ("198.51.100.0/24", False),
        ("198.51.100.0/28", True),
        ("198.51.100.255/32", True),
        ("203.0.113.0/25", True),
        ("203.0.113.0/27", False),
        ("10.1.0.0/16", True),
        ("10.0.0.0/8", False),
        ("2001:db8::/32", True),
        ("2001:db8:1::/48", True),
        ("2001:db8:1::/49", False),
        ("2001:db9::/32", False),
    ],
)
def test_the_first_entry_that_matches_decides(prefix: str, *, accepted: bool) -> None:
    assert accepts(LISTS, "A", prefix) is accepted


@pytest.mark.parametrize("name", ["EMPTY", "REMARK"])
def test_a_list_that_matches_nothing_denies(name: str) -> None:
    assert accepts(LISTS, name, "192.0.2.0/24") is False


def test_a_missing_list_is_not_taken_for_a_verdict() -> None:
    with pytest.raises(MissingPrefixListError, match="no ipv6 prefix-list EMPTY"):
        accepts(LISTS, "EMPTY", "2001:db8::/32")


def test_the_index_agrees_with_reading_the_list_line_by_line() -> None:
    rng = random.Random(20)
    for _ in range(200):
        entries = Entries({n: _random_entry(rng) for n in range(rng.randrange(12))})
        held = EosPrefixList("ip", entries)
        for _ in range(30):
            prefix = _random_prefix(rng)
            assert held.accepts(str(prefix)) is _read(entries, prefix), (entries, prefix)


def _random_prefix(rng: random.Random) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((rng.getrandbits(4) << 28, rng.randrange(7)), strict=False)


def _random_entry(rng: random.Random) -> str:
    prefix = _random_prefix(rng)
    low = max(1, rng.randrange(prefix.prefixlen, 8))
    bounds = rng.choice(["", f" eq {low}", f" ge {low}", f" le {low}", f" ge {low} le 7"])
    return f"{rng.choice(['permit', 'deny'])} {prefix}{bounds}"


def _read(entries: Entries, prefix: ipaddress.IPv4Network) -> bool:
    for number in sorted(entries):
        action, covering, *bounds = entries[number].split()
        network = ipaddress.IPv4Network(covering)
        pairs = dict(zip(bounds[::2], map(int, bounds[1::2]), strict=True))
        low = pairs.get("eq", pairs.get("ge", network.prefixlen))
        high = pairs.get("eq", pairs.get("le", 32 if pairs else network.prefixlen))
        if prefix.subnet_of(network) and low <= prefix.prefixlen <= high:
            return action == "permit"
    return False


def test_a_diff_is_a_patch_from_the_one_config_to_the_other() -> None:
    rng = random.Random(21)
    for _ in range(300):
        old, new = (parse_config(_random_config(rng)) for _ in range(2))
        before, after = list(old.lines()), list(new.lines())
        text = diff(old, new, "s")
        assert (text == "") is (before == after)
        assert _patched(before, text.splitlines()[2:]) == after


def _random_config(rng: random.Random) -> str:
    lines = ["hostname edge1"]
    for name in "ABC":
        if rng.random() < 0.7:
            lines.append(f"ip prefix-list {name}")
            numbers = [n for n in range(rng.randrange(30)) if rng.random() < 0.8]
            lines += [f"seq {n} permit 10.{rng.randrange(2)}.{n}.0/24" for n in numbers]
    lines.append("router bgp 64496")
    lines += [f"neighbor 192.0.2.{n} remote-as {rng.randrange(2)}" for n in range(rng.randrange(4))]
    return "\n".join(lines)


def _patched(before: list[str], hunks: list[str]) -> list[str]:
    after: list[str] = []
    at = 0
    for line in hunks:
        if line.startswith("@@"):
            start, _, count = line.split()[1][1:].partition(",")
            begin = int(start) - (count != "0")
            after += before[at:begin]
            at = begin
            continue
        if line[0] in " -":
            assert before[at] == line[1:]
            at += 1
        if line[0] in " +":
            after.append(line[1:])
    return after + before[at:]

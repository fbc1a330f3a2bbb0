"""RosDriver as any NAPALM user meets it, before an emulated router."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import napalm.base.exceptions as napalm_errors
import pytest

from irrgate.errors import DeviceError
from irrgate.platforms import find_platform
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from tasks.connection import NapalmConnection
from tasks.drivers.errors import CandidateRefused, CommitRefused, ConnectionFailed, TimedOut
from tasks.drivers.ros import RosDriver
from tests.lab.harness import LabDevice

pytestmark = pytest.mark.e2e

NAME = "IRR-AS64500-V4"
BLANK = "/system identity set name=edge1\n"
USERS = (
    f'/routing filter rule add chain=IN rule="if (chain {NAME}) {{accept}}"\n'
    '/routing filter rule add chain=IN rule="reject"\n'
)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("ros") / "edge1"
    with LabDevice.start("ros", "edge1", directory, running=BLANK) as device:
        yield device


@pytest.fixture
def driver(device: LabDevice) -> Iterator[RosDriver]:
    device.clear_faults()
    device.set_running(BLANK + USERS)
    driver = made(device)
    driver.open()
    yield driver
    driver.close()


def made(device: LabDevice, **options: object) -> RosDriver:
    arguments = {**device.napalm_optional_args(), **options}
    return RosDriver(device.host, device.username, device.password, 10, arguments)


def four(*texts: str) -> PrefixSet:
    return PrefixSet.parse(Afi.IPV4, texts)


def candidate(prefixes: PrefixSet, driver: RosDriver | None = None, name: str = NAME) -> str:
    platform = find_platform("ros")
    held = None
    if driver is not None:
        running = driver.get_config(retrieve="running")["running"]
        held = platform.parse(running, {name: Afi.IPV4}, "IRR-").lists.get(name)
    return Renderer().render("ros", [platform.printed(name, prefixes, held)])


def accepted(driver: RosDriver, name: str = NAME) -> PrefixSet | None:
    running = driver.get_config(retrieve="running")["running"]
    held = find_platform("ros").parse(running, {name: Afi.IPV4}, "IRR-").lists.get(name)
    return held.prefixes if held else None


def rules(device: LabDevice) -> list[str]:
    return [line for line in device.running().splitlines() if "filter rule" in line]


def test_a_candidate_a_commit_and_the_way_back(driver: RosDriver, device: LabDevice) -> None:
    assert driver.compare_config() == ""
    driver.load_merge_candidate(config=candidate(four("10.0.0.0/8")))
    assert driver.locked
    assert driver.compare_config() == (
        f"--- running\n+++ candidate\n@@ chain {NAME} @@\n+reject\n+if (dst==10.0.0.0/8) {{accept}}"
    )
    assert driver.get_config()["candidate"] == candidate(four("10.0.0.0/8"))
    driver.discard_config()
    driver.discard_config()
    assert driver.compare_config() == ""
    assert rules(device) == USERS.splitlines()
    with pytest.raises(CommitRefused, match="no candidate is loaded"):
        driver.commit_config()

    driver.load_merge_candidate(config=candidate(four("10.0.0.0/8")))
    driver.commit_config(message="for nobody")
    assert accepted(driver) == four("10.0.0.0/8")
    driver.load_merge_candidate(config=candidate(four("12.0.0.0/8"), driver))
    driver.commit_config()
    assert accepted(driver) == four("12.0.0.0/8")
    assert (driver.has_pending_commit(), driver._get_pending_commits()) == (False, {})
    with pytest.raises(CommitRefused, match="no commit waits"):
        driver.confirm_commit()
    driver.rollback()
    assert accepted(driver) == four("10.0.0.0/8")
    with pytest.raises(CommitRefused, match="no commit to go back from"):
        driver.rollback()
    assert USERS.splitlines() == rules(device)[:2]


def test_the_way_back_to_no_chain_and_from_none(driver: RosDriver, device: LabDevice) -> None:
    driver.load_merge_candidate(config=candidate(four("10.0.0.0/8")))
    driver.commit_config()
    driver.rollback()
    assert rules(device) == USERS.splitlines()
    driver.load_merge_candidate(config=candidate(four("10.0.0.0/8")))
    driver.commit_config()
    driver.load_merge_candidate(config=f"/routing filter rule remove [find chain={NAME}]\n")
    assert driver.compare_config().splitlines()[2:] == [
        f"@@ chain {NAME} @@", "-if (dst==10.0.0.0/8) {accept}", "-reject"
    ]  # fmt: skip
    driver.commit_config()
    assert rules(device) == USERS.splitlines()
    driver.rollback()
    assert accepted(driver) == four("10.0.0.0/8")


def test_chains_are_replaced_one_by_one(driver: RosDriver, tmp_path: Path) -> None:
    other = "IRR-AS64501-V4"
    text = candidate(four("10.0.0.0/8")) + candidate(four("11.0.0.0/8"), name=other)
    driver.load_replace_candidate(config=text)
    driver.commit_config()
    file = tmp_path / "candidate"
    file.write_text(candidate(four("12.0.0.0/8")))
    driver.load_replace_candidate(filename=str(file))
    driver.commit_config()
    assert accepted(driver) == four("12.0.0.0/8")
    assert accepted(driver, other) == four("11.0.0.0/8")
    with pytest.raises(CandidateRefused, match="cannot be read: No such file"):
        driver.load_merge_candidate(filename=str(tmp_path / "none"))


def test_a_diff_is_lines_of_print(driver: RosDriver, device: LabDevice) -> None:
    rule = f'/routing filter rule add chain={NAME} rule="return;\\n return"\n'
    device.set_running(f'{BLANK}{rule}/routing filter rule add chain={NAME} rule="reject"\n')
    driver.load_merge_candidate(config=candidate(four(), driver))
    assert driver.compare_config().splitlines()[3:] == ["-return;? return"]
    driver.commit_config()
    assert accepted(driver) == four()


@pytest.mark.parametrize(
    "text",
    [
        "/system reboot\n",
        f'/routing filter rule remove [find chain={NAME} rule="reject"]\n',
        '/routing filter rule remove [find chain=IN rule="reject"]\n',
        '/routing filter rule add chain=IN rule="accept"\n',
    ],
)
def test_a_candidate_that_is_none_is_refused(driver: RosDriver, text: str) -> None:
    with pytest.raises(CandidateRefused) as caught:
        driver.load_merge_candidate(config=text)
    assert isinstance(caught.value, napalm_errors.MergeConfigException)
    assert not driver.locked


def test_a_router_has_no_commit_timer(driver: RosDriver, device: LabDevice) -> None:
    driver.load_merge_candidate(config=candidate(four("10.0.0.0/8")))
    with pytest.raises(CommitRefused, match="takes nothing back"):
        driver.commit_config(revert_in=300)
    assert rules(device) == USERS.splitlines()


def test_after_a_refusal_no_more_is_sent(driver: RosDriver, device: LabDevice) -> None:
    many = PrefixSet.from_entries(
        Afi.IPV4, ((0x0B000000 + (n << 9), 24, 24, 24) for n in range(2_000))
    )
    driver.load_merge_candidate(config=candidate(many))
    device.inject("error", "commit", skip=500)
    with pytest.raises(CommitRefused, match=r"add =chain=.*: failure: not enough memory"):
        driver.commit_config()
    assert 500 <= len(rules(device)) - 2 <= 500 + 100
    # The session goes on: the commit is brought to its end from where it is.
    driver.load_merge_candidate(config=candidate(many, driver))
    driver.commit_config()
    assert accepted(driver) == many
    assert driver.is_alive() == {"is_alive": True}


def test_nothing_is_asked_of_a_session_that_broke(device: LabDevice) -> None:
    device.set_running(BLANK + USERS)
    options = device.napalm_optional_args()
    driver = RosDriver(device.host, device.username, device.password, 1, options)
    driver.open()
    device.inject("slow", "get_config", seconds=1.5)
    with pytest.raises(TimedOut):
        driver.get_config()
    time.sleep(1)
    # The late answer is not one to this.
    with pytest.raises(ConnectionFailed):
        driver.get_facts()
    driver.close()
    device.clear_faults()


@pytest.mark.parametrize("length", [100, 200, 20_000, 300_000])
def test_words_of_any_length_are_read(driver: RosDriver, device: LabDevice, length: int) -> None:
    rule = " || ".join(["if (dst==10.0.0.0/8", *["dst==10.0.0.0/8"] * (length // 19)])
    device.set_running(f'{BLANK}/routing filter rule add chain=IN rule="{rule}) {{accept}}"\n')
    assert f'rule="{rule}) {{accept}}"\n' in driver.get_config()["running"]


def test_what_a_router_is(driver: RosDriver) -> None:
    facts = driver.get_facts()
    assert facts == {
        "uptime": 788_645.0, "vendor": "MikroTik", "os_version": "7.16.1 (stable)",
        "serial_number": "", "model": "CHR", "hostname": "edge1", "fqdn": "edge1",
        "interface_list": ["ether1", "lo"],
    }  # fmt: skip
    found = driver.get_config(retrieve="startup")
    assert found == {"running": "", "candidate": "", "startup": ""}
    with pytest.raises(NotImplementedError):
        driver.get_config(format="xml")


def test_no_key_is_in_what_is_read(driver: RosDriver, device: LabDevice) -> None:
    line = "/routing bgp connection add input.filter=IN name=a output.keep-sent-attributes=yes"
    device.set_running(f'{BLANK}{line} tcp-md5-key="s3cr3t"\n')
    assert f"{line}\n" in driver.get_config()["running"]


def session(name: str, address: str, afi: str, count: int) -> dict[str, object]:
    row = {"name": name, "remote.address": address, "remote.afi": afi, "prefix-count": count}
    return {**row, "established": True, "uptime": "1m1s", "remote.as": 64500, "local.as": 64496}


def test_sessions_and_what_is_known_of_them(driver: RosDriver, device: LabDevice) -> None:
    device.set_running(
        BLANK
        + "/routing bgp connection add name=a remote.address=198.51.100.2/32 remote.as=64500\n"
        + "/routing bgp connection add name=b-1 remote.address=198.51.100.6 vrf=CUST as=64496\n"
        + "/routing bgp connection add name=c remote.address=198.51.100.10 disabled=true\n"
    )
    device.set_neighbors(
        [
            session("a-1", "198.51.100.2", "ip", 7),
            session("b-1-1", "198.51.100.6", "ip,ipv6", 9),
            session("d-1", "fe80::2%ether1", "ipv6", 3),
        ]
    )
    tables = driver.get_bgp_neighbors()
    counts = {
        (vrf, address): (
            peer["is_up"],
            {family: each["accepted_prefixes"] for family, each in peer["address_family"].items()},
        )
        for vrf, table in tables.items()
        for address, peer in table["peers"].items()
    }
    assert counts == {
        ("global", "198.51.100.2"): (True, {"ipv4": 7}),
        ("CUST", "198.51.100.6"): (True, {"ipv4": -1, "ipv6": -1}),
        ("global", "fe80::2"): (True, {"ipv6": 3}),
        ("global", "198.51.100.10"): (False, {"ipv4": 0}),
    }
    assert tables["global"]["peers"]["198.51.100.10"]["is_enabled"] is False
    assert tables["global"]["peers"]["198.51.100.2"]["uptime"] == 61


def test_a_closed_driver_says_so(device: LabDevice) -> None:
    driver = made(device)
    driver.close()
    assert driver.is_alive() == {"is_alive": False}
    with pytest.raises(ConnectionFailed, match="the connection is not open"):
        driver.get_config()
    driver.open()
    driver.close()
    driver.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"transport": "ssh"}, "transport must be api-ssl or api, not 'ssh'"),
        ({"transport": "api"}, "its API without TLS verifies nothing"),
        ({"ssl_wrapper": None}, "optional_args: 'ssl_wrapper' is unknown"),
        ({"ca_file": "/nowhere.pem"}, "ca_file /nowhere.pem cannot be read: No such file"),
    ],
)
def test_options_that_cannot_be(device: LabDevice, options: dict[str, object], says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        made(device, **options).open()


def test_tls_is_not_what_the_other_transport_speaks(device: LabDevice) -> None:
    driver = made(device, transport="api", verify_host=False)
    with pytest.raises(ConnectionFailed):
        driver.open()


def test_by_nornirs_connection(device: LabDevice) -> None:
    connection = NapalmConnection()
    extras = {"optional_args": {"ca_file": str(device.certificate)}}
    connection.open(
        device.host, device.username, device.password, device.port, "ros", extras=extras
    )
    assert isinstance(connection.connection, RosDriver)
    connection.close()

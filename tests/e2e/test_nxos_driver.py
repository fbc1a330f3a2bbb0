"""The NX-OS drivers by themselves, as plain NAPALM has them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from irrgate.errors import DeviceError
from tasks.drivers.errors import (
    CandidateRefused,
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
    LoginRefused,
)
from tasks.drivers.nxos import NxosDriver
from tasks.drivers.nxos_ssh import NxosSshDriver
from tests.lab.harness import LabDevice

pytestmark = pytest.mark.e2e

Driver = NxosDriver | NxosSshDriver
DRIVERS: dict[str, type[Driver]] = {"nxos": NxosDriver, "nxos_ssh": NxosSshDriver}
HEAD = "ip prefix-list IRR-A seq"
START = f"hostname edge1\nfeature bgp\n{HEAD} 10 permit 10.0.0.0/8\n{HEAD} 20 permit 11.0.0.0/8\n"
MORE = f"{HEAD} 30 permit 12.0.0.0/8\n{HEAD} 40 permit 13.0.0.0/8 eq 24\n"
SWAP = f"{MORE}no {HEAD} 10 permit 10.0.0.0/8\nno {HEAD} 20 permit 11.0.0.0/8\n"


@pytest.fixture(scope="module", params=DRIVERS)
def router(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp(request.param) / "edge1"
    with LabDevice.start(request.param, "edge1", directory, running=START) as device:
        yield device


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("api") / "edge1"
    with LabDevice.start("nxos", "edge1", directory, running=START) as device:
        yield device


def opened(device: LabDevice, timeout: float = 20, **changed: object) -> Driver:
    device.set_running(START)
    arguments: dict[str, Any] = {**device.napalm_optional_args(), **changed}
    driver = DRIVERS[device.platform](
        device.host, device.username, device.password, int(timeout), arguments
    )
    driver.open()
    return driver


@pytest.fixture
def driver(router: LabDevice) -> Iterator[Driver]:
    driver = opened(router)
    yield driver
    driver.close()


def lists(device: LabDevice) -> list[str]:
    return [line.strip() for line in device.running().splitlines() if "prefix-list" in line]


def test_a_commit_and_its_way_back(router: LabDevice, driver: Driver) -> None:
    before = lists(router)
    driver.load_merge_candidate(config=SWAP)
    assert driver.compare_config().splitlines() == [
        "--- running",
        "+++ candidate",
        "@@ ip prefix-list IRR-A @@",
        f"-{HEAD} 10 permit 10.0.0.0/8",
        f"-{HEAD} 20 permit 11.0.0.0/8",
        f"+{HEAD} 30 permit 12.0.0.0/8",
        f"+{HEAD} 40 permit 13.0.0.0/8 eq 24",
    ]
    assert lists(router) == before
    driver.commit_config()
    assert lists(router) == MORE.splitlines()
    assert router.ask("startup") == START.replace("bgp\n", "bgp\n\n").replace("/8\n", "/8 \n")
    driver.save_config()
    assert router.ask("startup") == router.running()
    assert driver.compare_config() == ""
    driver.rollback()
    assert lists(router) == before
    with pytest.raises(CommitRefused, match="no commit to go back from"):
        driver.rollback()


def test_a_list_that_is_new_and_one_that_goes(router: LabDevice, driver: Driver) -> None:
    other = "ipv6 prefix-list IRR-B seq 5 permit 2001:db8::/32 le 48"
    driver.load_merge_candidate(config=f"{other}\nno ip prefix-list IRR-A\n")
    driver.commit_config()
    assert lists(router) == [other]
    driver.rollback()
    assert lists(router) == START.splitlines()[2:]


def test_a_candidate_that_was_refused_is_not_in_the_next(router: LabDevice, driver: Driver) -> None:
    for wrong in (
        "hostname x\n",
        f"{HEAD} 10 permit 12.0.0.0/8\n",
        f"no {HEAD} 30 permit 1.0.0.0/8",
    ):
        driver.load_merge_candidate(config=MORE)
        with pytest.raises(CandidateRefused):
            driver.load_merge_candidate(config=wrong)
        assert not driver.locked
    driver.load_merge_candidate(config=f"{HEAD} 50 permit 14.0.0.0/8\n")
    driver.load_merge_candidate(config=MORE)
    driver.discard_config()
    driver.discard_config()
    with pytest.raises(CommitRefused, match="no candidate is loaded"):
        driver.commit_config()
    driver.load_merge_candidate(config=MORE)
    driver.commit_config()
    assert len(lists(router)) == 4


def test_what_a_driver_of_nxos_does_not_do(driver: Driver, tmp_path: Path) -> None:
    with pytest.raises(NotImplementedError):
        driver.load_replace_candidate(config=START)
    driver.load_merge_candidate(config=MORE)
    with pytest.raises(NotImplementedError, match="no commit that takes itself back"):
        driver.commit_config(revert_in=60)
    with pytest.raises(CommitRefused, match="no commit waits to be confirmed"):
        driver.confirm_commit()
    assert not driver.has_pending_commit()
    assert driver._get_pending_commits() == {}
    with pytest.raises(CandidateRefused, match=r"no-such.conf: cannot be read"):
        driver.load_merge_candidate(filename=str(tmp_path / "no-such.conf"))


def test_what_there_is(router: LabDevice, driver: Driver) -> None:
    facts = driver.get_facts()
    assert (facts["vendor"], facts["hostname"], facts["os_version"]) == ("Cisco", "edge1", "9.3(8)")
    assert facts["uptime"] == 86_400 + 3_600 + 60 + 1
    driver.load_merge_candidate(config=MORE)
    found = driver.get_config()
    assert found["running"].endswith("!irrgate: 2 lines with prefix-list\n")
    assert f"{HEAD} 10 permit 10.0.0.0/8" in found["startup"]
    assert found["candidate"] == MORE
    assert "version 9.3(8)" in driver.get_config(retrieve="running", full=True)["running"]
    assert driver.get_config(retrieve="candidate", sanitized=True)["startup"] == ""
    assert driver.is_alive() == {"is_alive": True}
    driver.close()
    driver.close()
    assert driver.is_alive() == {"is_alive": False}
    with pytest.raises(ConnectionFailed, match="is not open"):
        driver.get_config()
    router.set_neighbors([])


def test_sessions_in_every_state_and_of_both_families(router: LabDevice, driver: Driver) -> None:
    first = {"address": "198.51.100.2", "asn": 64500, "received": 5}
    states = ["Idle", "Connect", "OpenSent", "OpenConfirm", "Shut (Admin)"]
    down = [
        {"address": f"198.51.100.{10 + at}", "asn": "1.14", "state": state}
        for at, state in enumerate(states)
    ]
    router.set_neighbors([first, {**first, "family": 6, "received": 7}, *down])
    peers = driver.get_bgp_neighbors()["global"]["peers"]
    families = peers["198.51.100.2"]["address_family"]
    assert {name: each["accepted_prefixes"] for name, each in families.items()} == {
        "ipv4": 5, "ipv6": 7,
    }  # fmt: skip
    assert [peers[each["address"]]["is_up"] for each in down] == [False] * len(down)
    assert [peers[each["address"]]["is_enabled"] for each in down] == [True] * 4 + [False]
    assert {peers[each["address"]]["remote_as"] for each in down} == {65550}
    router.set_neighbors([first])
    assert list(driver.get_bgp_neighbors()["global"]["peers"]) == ["198.51.100.2"]
    router.set_neighbors([])
    assert driver.get_bgp_neighbors()["global"]["peers"] == {}
    router.set_running("hostname edge1\nno feature bgp\n")
    assert driver.get_bgp_neighbors() == {}
    router.inject("error", "bgp", text="% Internal error")
    with pytest.raises(CommandFailed, match="Internal error"):
        driver.get_bgp_neighbors()


def test_a_line_that_somebody_else_took_meanwhile(router: LabDevice, driver: Driver) -> None:
    """The number is in use by now: refused, and nothing is sent after it."""
    driver.load_merge_candidate(
        config=f"{HEAD} 50 permit 14.0.0.0/8\n".join((MORE, SWAP[len(MORE) :]))
    )
    router.ask("tell", line=f"{HEAD} 40 permit 99.0.0.0/8")
    with pytest.raises(CommitRefused, match=r"seq 40 .*: % Sequence number already exists"):
        driver.commit_config()
    old = START.splitlines()[2:]
    assert lists(router) == [*old, f"{HEAD} 30 permit 12.0.0.0/8", f"{HEAD} 40 permit 99.0.0.0/8"]


def test_a_config_that_changes_while_it_is_read(router: LabDevice, driver: Driver) -> None:
    router.inject("truncate", "get_config")
    with pytest.raises(CandidateRefused, match="is cut off, or was changed while it was read"):
        driver.load_merge_candidate(config=MORE)
    driver.load_merge_candidate(config=SWAP)
    router.inject("truncate", "get_config")
    with pytest.raises(CommitRefused, match="is cut off"):
        driver.commit_config()
    assert len(lists(router)) == 4  # all that is new was added, and nothing removed


@pytest.mark.parametrize(
    ("oddity", "error"),
    [
        ("short", "answered 1 of 2 commands"),
        ("remark", f"{HEAD} 30 permit 12.0.0.0/8: Warning: think twice"),
        ("busy", "answered with HTTP status 503 Service Unavailable"),
    ],
)
def test_answers_that_are_not_those_to_the_lines(api: LabDevice, oddity: str, error: str) -> None:
    driver = opened(api)
    driver.load_merge_candidate(config=SWAP)
    api.ask("oddity", kind=oddity)
    with pytest.raises((CommitRefused, ConnectionFailed)) as caught:
        driver.commit_config()
    api.ask("oddity", kind="")
    assert caught.value.reason == error
    assert set(START.splitlines()[2:]) <= set(lists(api))
    driver.close()


def test_a_request_holds_no_more_lines_than_it_may(api: LabDevice) -> None:
    driver = opened(api)
    lines = [f"{HEAD} {n} permit 10.{n >> 8}.{n & 255}.0/24\n" for n in range(100, 2300)]
    driver.load_merge_candidate(config="".join(lines))
    driver.commit_config()
    assert len(lists(api)) == 2 + len(lines)
    driver.close()


UNTRUSTED = "its TLS certificate is not trusted: self-signed certificate"


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"ca_file": None}, ConnectionFailed, UNTRUSTED),
        ({"ca_file": "/no/such.pem"}, ConnectionFailed, "such.pem cannot be read: No such file"),
        ({"ca_file": __file__}, ConnectionFailed, "cannot be read: it holds no certificate"),
        ({"transport": "telnet"}, DeviceError, "transport must be https or http, not 'telnet'"),
        ({"transport": "http"}, ConnectionFailed, "closed the connection without an answer"),
        ({"port": 1}, ConnectionFailed, "refused the connection"),
    ],
)
def test_a_router_that_is_not_reached(
    api: LabDevice, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        opened(api, **options)


def test_the_environment_has_no_say(api: LabDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy is on the way to a router, and no other CA speaks for it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(api.certificate))
    opened(api).close()
    with pytest.raises(ConnectionFailed, match=UNTRUSTED):
        opened(api, ca_file=None)


def test_who_trusts_unseen_says_so(api: LabDevice) -> None:
    driver = opened(api, ca_file=None, verify_host=False)
    assert driver.is_alive() == {"is_alive": True}
    driver.close()


def test_a_wrong_password(router: LabDevice) -> None:
    make = DRIVERS[router.platform]
    driver = make(router.host, router.username, "wrong", 20, router.napalm_optional_args())
    with pytest.raises(LoginRefused, match="did not accept the username with its password"):
        driver.open()
    driver.close()

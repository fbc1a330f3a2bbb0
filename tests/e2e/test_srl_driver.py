"""The driver alone, on an emulated SR Linux: NAPALM's own tests, and what irrgate asks of it."""

from __future__ import annotations

import inspect
import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import napalm.base.base as napalm_base
import pytest
from napalm.base.exceptions import CommitError, ConnectAuthError, LockError, MergeConfigException
from napalm.base.test.base import TestGettersNetworkDriver as NapalmGetterTests

from irrgate.errors import DeviceError
from irrgate.platforms import PLATFORMS
from irrgate.prefixes import Afi, PrefixSet
from tasks.drivers.errors import (
    CandidateRefused,
    CommandFailed,
    CommitRefused,
    ConnectionFailed,
    LoginRefused,
    TimedOut,
)
from tasks.drivers.srl import SrlDriver
from tests.e2e.desk import config
from tests.lab.harness import LabDevice
from tests.unit.filters_made import prefixes
from tests.unit.platforms.routers import candidate
from tests.unit.platforms.test_round_trip import anywhere

pytestmark = pytest.mark.e2e

V4, V6 = "IRR-AS64500-V4", "IRR-AS64500-V6"
OLD, NEW = prefixes("10.0.0.0/8", "192.0.2.0/24"), prefixes("10.0.0.0/8 le 16", "192.0.2.0/24")


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    with LabDevice.start("srl", "srl1", tmp_path_factory.mktemp("srl") / "srl1") as device:
        yield device


@pytest.fixture
def device(router: LabDevice) -> LabDevice:
    router.clear_faults()
    router.set_running(config(router, {V4: ["10.0.0.0/8", "192.0.2.0/24"]}))
    router.set_neighbors([])
    return router


def driver_of(device: LabDevice, timeout: int = 10, **options: object) -> SrlDriver:
    arguments = {**device.napalm_optional_args(), **options}
    return SrlDriver(device.host, device.username, device.password, timeout, arguments)


@pytest.fixture
def driver(device: LabDevice) -> Iterator[SrlDriver]:
    with driver_of(device) as opened:
        yield opened


def loaded(driver: SrlDriver, filters: PrefixSet = NEW) -> SrlDriver:
    driver.load_merge_candidate(config=candidate("srl", {V4: filters}))
    return driver


def held(driver: SrlDriver) -> PrefixSet:
    running = driver.get_config(retrieve="running")["running"]
    return PLATFORMS["srl"].parse(running, {V4: Afi.IPV4}, "IRR-").lists[V4].prefixes


# A commit, and the ways that it may go


def test_a_commit_waits_for_a_connection_that_knows_its_mark(
    device: LabDevice, driver: SrlDriver
) -> None:
    loaded(driver)
    changed = f"  prefix-set {V4}\n-   10.0.0.0/8 exact\n+   10.0.0.0/8 8..16"
    assert driver.compare_config() == changed
    driver.commit_config(revert_in=60)
    mark = driver.commit_mark
    driver.close()
    assert device.ask("startup") != device.running()
    with driver_of(device) as other:
        [pending] = other._get_pending_commits()
        assert other.has_pending_commit()
        assert not other.is_own_commit(pending, "")
        with pytest.raises(CommitRefused, match="somebody else's commit waits"):
            other.confirm_commit()
        other.commit_mark = mark
        assert other.is_own_commit(pending, "")
        other.confirm_commit()
        assert held(other) == NEW
        assert not other.has_pending_commit()
        with pytest.raises(CommitError, match="no commit waits to be confirmed"):
            other.confirm_commit()
    assert device.ask("startup") == device.running()


def test_a_commit_that_is_taken_back_and_one_whose_time_is_over(
    device: LabDevice, driver: SrlDriver
) -> None:
    before = device.running()
    loaded(driver).commit_config(revert_in=60)
    driver.rollback()
    assert device.running() == before
    with pytest.raises(CommitRefused, match="no commit waits"):
        driver.rollback()
    loaded(driver).commit_config(revert_in=60)
    assert held(driver) == NEW
    device.advance(61)
    assert not driver.has_pending_commit()
    assert held(driver) == OLD
    assert device.running() == before == device.ask("startup")


def test_a_commit_of_somebody_else_is_left_alone(device: LabDevice, driver: SrlDriver) -> None:
    loaded(driver)
    device.ask("foreign_commit")
    with pytest.raises(CommitRefused, match="Commit confirmation is in progress"):
        driver.commit_config(revert_in=60)
    [pending] = driver._get_pending_commits()
    # Later than our mark, and by another user.
    assert int(pending) > int(driver.commit_mark)
    assert not driver.is_own_commit(pending, "")
    for act in (driver.confirm_commit, driver.rollback):
        with pytest.raises(CommitRefused, match="somebody else's commit waits"):
            act()
    with pytest.raises(LockError, match="a commit waits to be confirmed on it") as caught:
        loaded(driver)
    assert isinstance(caught.value, DeviceError)
    assert len(device.candidates()) == 1


def test_a_later_commit_of_the_same_user_is_not_ours(device: LabDevice, driver: SrlDriver) -> None:
    loaded(driver).commit_config(revert_in=60)
    device.advance(61)
    device.ask("foreign_commit", user=device.username)
    [pending] = driver._get_pending_commits()
    assert not driver.is_own_commit(pending, "")


def test_a_router_that_does_not_say_who_committed(device: LabDevice, driver: SrlDriver) -> None:
    device.ask("unnamed")
    loaded(driver).commit_config(revert_in=60)
    driver.confirm_commit()


def test_a_commit_without_a_timer_stays_also_where_the_router_has_one_for_all(
    device: LabDevice, driver: SrlDriver
) -> None:
    loaded(driver).commit_config()
    assert held(driver) == NEW
    device.ask("default_timeout", seconds=30)
    loaded(driver, OLD).commit_config()
    assert not driver.has_pending_commit()
    device.advance(31)
    assert held(driver) == OLD
    assert device.ask("startup") == device.running()


def test_what_is_confirmed_and_not_saved_is_saved_when_it_is_asked_for(
    device: LabDevice, driver: SrlDriver
) -> None:
    loaded(driver).commit_config(revert_in=60)
    device.inject("drop_after", "confirm")
    with pytest.raises(ConnectionFailed, match="closed the connection without an answer"):
        driver.confirm_commit()
    assert device.ask("startup") != device.running()
    with driver_of(device) as other:
        assert held(other) == NEW
        assert device.ask("startup") != device.running()
        other.save_config()
        assert device.ask("startup") == device.running()
        loaded(other, OLD).commit_config(revert_in=60)
        with pytest.raises(CommitRefused, match="waits to be confirmed, and is not saved"):
            other.save_config()
        other.rollback()


def test_a_startup_configuration_that_is_not_to_be_saved(device: LabDevice) -> None:
    startup = device.ask("startup")
    with driver_of(device, save_startup=False) as driver:
        loaded(driver).commit_config(revert_in=60)
        driver.confirm_commit()
        assert held(driver) == NEW
    assert device.ask("startup") == startup


def test_a_commit_that_is_under_way_is_waited_for(device: LabDevice, driver: SrlDriver) -> None:
    loaded(driver).commit_config(revert_in=60)
    device.ask("under_way", looks=3)
    assert len(driver._get_pending_commits()) == 1
    device.ask("under_way", looks=1000)
    with driver_of(device, timeout=1) as hasty, pytest.raises(TimedOut, match="still under way"):
        hasty.has_pending_commit()
    device.ask("under_way", looks=0)
    driver.rollback()


@pytest.mark.parametrize("version", ["v22.11.2-116-g0", "v23.3.1-10-g0", "22.6.1"])
def test_a_release_without_commit_confirm_is_not_sent_a_commit_with_it(
    device: LabDevice, version: str
) -> None:
    device.ask("version", version=version)
    with driver_of(device) as driver:
        with pytest.raises(CommitRefused, match="has no commit to be confirmed") as caught:
            loaded(driver).commit_config(revert_in=60)
        assert "commit_confirm: false" in caught.value.hint
        assert held(driver) == OLD
        loaded(driver).commit_config()
        assert held(driver) == NEW


def test_a_router_that_took_no_notice_of_the_timer_is_found_out(
    device: LabDevice, driver: SrlDriver
) -> None:
    loaded(driver)
    device.ask("version", version="v22.11.2-116-g0")
    with pytest.raises(CommitRefused, match="the commit does not wait to be confirmed"):
        driver.commit_config(revert_in=60)


@pytest.mark.parametrize(
    ("revert_in", "why"),
    [(60, "the commit does not wait to be confirmed"), (None, "does not hold what it says")],
)
def test_a_router_that_says_yes_and_does_nothing(
    device: LabDevice, driver: SrlDriver, revert_in: int | None, why: str
) -> None:
    loaded(driver)
    device.ask("next_answer", status=200, text='{"id": {id}, "result": [{}]}')
    with pytest.raises(CommitRefused, match=why):
        driver.commit_config(revert_in=revert_in)
    assert held(driver) == OLD


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
def test_a_time_that_the_router_cannot_count(driver: SrlDriver, seconds: int) -> None:
    with pytest.raises(CommitRefused, match=f"revert_in must be 1 to 86400, not {seconds}"):
        loaded(driver).commit_config(revert_in=seconds)
    assert held(driver) == OLD


# The candidate


def test_candidates_one_on_top_of_the_other(device: LabDevice, driver: SrlDriver) -> None:
    six = PrefixSet.empty(Afi.IPV6)
    driver.load_merge_candidate(config=candidate("srl", {V4: OLD, V6: six}))
    driver.load_merge_candidate(config=candidate("srl", {V4: NEW}, removals={V6: Afi.IPV6}))
    assert V6 not in driver.compare_config()
    driver.load_merge_candidate(config=candidate("srl", {V6: six}))
    diff = driver.compare_config()
    assert diff.endswith(f"\n+ prefix-set {V6}\n+   {'ffff:' * 7}ffff/128 exact")
    assert json.loads(driver.get_config(retrieve="candidate")["candidate"])
    driver.commit_config()
    assert set(device.lists()) == {V4, V6}
    driver.load_merge_candidate(config=candidate("srl", {}, removals={V4: Afi.IPV4}))
    assert driver.compare_config() == (
        f"- prefix-set {V4}\n-   10.0.0.0/8 8..16\n-   192.0.2.0/24 exact"
    )
    driver.discard_config()
    driver.discard_config()
    assert driver.compare_config() == ""
    with pytest.raises(CommitRefused, match="no candidate is loaded"):
        driver.commit_config()


def test_what_is_there_already_makes_no_difference(driver: SrlDriver) -> None:
    assert loaded(driver, OLD).compare_config() == ""


def test_a_file_and_what_is_no_candidate(driver: SrlDriver, tmp_path: Path) -> None:
    file = tmp_path / "candidate.json"
    with pytest.raises(CandidateRefused, match="cannot be read: No such file"):
        driver.load_merge_candidate(filename=str(file))
    file.write_text(candidate("srl", {V4: NEW}))
    driver.load_merge_candidate(filename=str(file))
    assert driver.locked
    with pytest.raises(MergeConfigException, match="candidate: is no JSON"):
        driver.load_merge_candidate(config="set / routing-policy prefix-set X")
    assert not driver.locked


def test_the_router_judges_the_candidate_before_it_is_loaded(
    device: LabDevice, driver: SrlDriver
) -> None:
    root = json.loads(device.running())
    match = {"prefix": {"prefix-set": V4}}
    policy = [{"name": "IN", "statement": [{"name": "10", "match": match}]}]
    root["srl_nokia-routing-policy:routing-policy"]["policy"] = policy
    device.set_running(json.dumps(root))
    with pytest.raises(CandidateRefused, match=r"refers to prefix-set 'IRR-AS64500-V4', which"):
        driver.load_merge_candidate(config=candidate("srl", {}, removals={V4: Afi.IPV4}))
    assert not driver.locked
    assert driver.compare_config() == ""


def test_a_first_load_of_100_000_entries(device: LabDevice, driver: SrlDriver) -> None:
    device.set_running(config(device, {}))
    many = anywhere(Afi.IPV4, 100_000, seed=1)
    loaded(driver, many)
    assert driver.compare_config().count("\n") == many.entry_count
    driver.commit_config(revert_in=60)
    assert held(driver) == many
    driver.confirm_commit()
    changed = many.union(prefixes("198.18.0.0/15"))
    assert loaded(driver, changed).compare_config() == (
        f"  prefix-set {V4}\n+   198.18.0.0/15 exact"
    )
    driver.discard_config()


# What the router shows


Fields = dict[str, object]


def neighbor(address: str, families: list[Fields], **fields: object) -> Fields:
    return {
        "peer-address": address, "admin-state": "enable", "session-state": "established",
        "peer-as": 64500, "peer-router-id": "192.0.2.9", "description": "Ejemplo",
        "last-established": "2026-06-12T16:29:35.500Z", "afi-safi": families, **fields,
    }  # fmt: skip


def family(name: str, *counts: int, **fields: object) -> Fields:
    names = ("received-routes", "active-routes", "rejected-routes", "sent-routes")
    listed = {"afi-safi-name": f"srl_nokia-common:{name}", "admin-state": "enable"}
    return {**listed, **dict(zip(names, counts, strict=False)), **fields}


def test_sessions_of_every_kind(device: LabDevice, driver: SrlDriver) -> None:
    both = [
        family("ipv4-unicast", 7, 3, 2, 1),
        family("ipv6-unicast", 5, 4),
        family("evpn", 9, 9, 0, 9),
        family("ipv4-unicast", 0, 0, 0, 0, **{"admin-state": "disable"}),
    ]
    older = {"ipv4-unicast": {"received-routes": "6", "active-routes": "6", "sent-routes": "1"}}
    device.set_neighbors(
        [
            neighbor("198.51.100.2", both, **{"local-as": {"as-number": 64497}}),
            neighbor("2001:db8::2", [family("ipv6-unicast", 3, 3, 0, 0)],
                     **{"session-state": "active", "admin-state": "disable"}),
            {**neighbor("198.51.100.6", []), **older, "network-instance": "red"},
        ]
    )  # fmt: skip
    found = driver.get_bgp_neighbors()
    assert set(found) == {"global", "red"}
    assert found["global"]["router_id"] == "192.0.2.1"
    first = found["global"]["peers"]["198.51.100.2"]
    assert (first["local_as"], first["remote_as"], first["is_up"]) == (64497, 64500, True)
    assert first["uptime"] > 0
    accepted = {afi: each["accepted_prefixes"] for afi, each in first["address_family"].items()}
    assert accepted == {"ipv4": 5, "ipv6": 4}
    second = found["global"]["peers"]["2001:db8::2"]
    assert (second["is_up"], second["is_enabled"], second["uptime"]) == (False, False, -1)
    assert second["address_family"]["ipv6"]["accepted_prefixes"] == 0
    [third] = found["red"]["peers"].values()
    counts = {"received_prefixes": 6, "accepted_prefixes": 6, "sent_prefixes": 1}
    assert third["address_family"] == {"ipv4": counts}


@pytest.fixture(scope="class")
def for_class(request: pytest.FixtureRequest, router: LabDevice) -> Iterator[None]:
    router.clear_faults()
    router.set_running(config(router, {V4: ["10.0.0.0/8"]}))
    router.set_neighbors([neighbor("198.51.100.2", [family("ipv4-unicast", 7, 3, 2, 1)])])
    with driver_of(router) as opened:
        request.cls.device = opened
        yield


@pytest.mark.usefixtures("for_class")
class TestGetters(unittest.TestCase, NapalmGetterTests):  # type: ignore[misc]
    device: ClassVar[Any]

    # It asks for a sanitized one, which nobody here can make.
    test_get_config_sanitized = None
    test_get_config_filtered = None

    def test_facts(self) -> None:
        facts = self.device.get_facts()
        assert (facts["vendor"], facts["hostname"]) == ("Nokia", "srl1")
        assert facts["os_version"].startswith("v24.10.1")
        assert facts["interface_list"] == ["ethernet-1/1"]
        assert self.device.is_alive() == {"is_alive": True}


for test in dir(NapalmGetterTests):
    # The others would be skipped, one by one.
    if test.startswith("test_") and test.removeprefix("test_") not in vars(SrlDriver):
        setattr(TestGetters, test, None)

METHODS = [name for name in vars(SrlDriver) if hasattr(napalm_base.NetworkDriver, name)]


@pytest.mark.parametrize("name", [each for each in METHODS if not each.startswith("_")])
def test_each_method_is_called_as_napalms(name: str) -> None:
    theirs = getattr(napalm_base.NetworkDriver, name)
    ours = inspect.signature(getattr(SrlDriver, name)).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in inspect.signature(theirs).parameters.values()
    ]


# Who the router is, and who we are


def test_a_router_that_nobody_vouches_for(device: LabDevice) -> None:
    with pytest.raises(ConnectionFailed, match="its TLS certificate is not trusted: self-signed"):
        SrlDriver(device.host, "lab", device.password, 5, {"port": device.port}).open()
    unseen = {"port": device.port, "verify_host": False}
    with SrlDriver(device.host, "lab", device.password, 5, unseen) as driver:
        assert held(driver) == OLD


def test_what_the_login_is_refused_for(device: LabDevice) -> None:
    arguments = device.napalm_optional_args()
    for user, password in (("lab", "wrong"), ("nobody", device.password), ("", "")):
        with pytest.raises(ConnectAuthError, match="did not accept the username"):
            SrlDriver(device.host, user, password, 5, dict(arguments)).open()
    device.inject("error", "login")
    with pytest.raises(LoginRefused, match="did not accept the username"):
        driver_of(device).open()


def test_options_that_cannot_be(device: LabDevice, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="optional_args: 'insecure' is unknown"):
        driver_of(device, insecure=True)
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(DeviceError, match=r"nothing\.pem cannot be read: No such file"):
        driver_of(device, ca_file=str(nothing)).open()
    nothing.write_text("no certificate")
    with pytest.raises(DeviceError, match="cannot be read: it holds no certificate"):
        driver_of(device, ca_file=str(nothing)).open()


@pytest.mark.parametrize(
    ("fault", "step", "why"),
    [
        ("refuse", "connect", "closed the connection without an answer"),
        ("drop", "login", "closed the connection without an answer"),
        ("hang", "login", "did not answer in time"),
        ("garbage", "login", "answered with what is not JSON, or cut off"),
        ("truncate", "get_config", "answered with what is not JSON, or cut off"),
        ("garbage", "get_config", "answered with what is not JSON, or cut off"),
        ("error", "get_config", "Internal error: management server did not answer"),
    ],
)
def test_what_goes_wrong_is_said_in_words(
    device: LabDevice, fault: str, step: str, why: str
) -> None:
    device.inject(fault, step, seconds=2)
    with (
        pytest.raises((ConnectionFailed, CommandFailed, TimedOut), match=why),
        driver_of(device, timeout=1) as driver,
    ):
        driver.get_config()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"status": 200, "text": '{"id": 0, "result": [{}]}'}, "answered another request"),
        ({"status": 200, "text": "[]"}, "answered another request"),
        ({"status": 200, "text": "[" * 100_000}, "answered with what is not JSON"),
        ({"status": 200, "text": '{"id": {id}}'}, "answered without a result"),
        ({"status": 200, "text": '{"id": {id}, "result": []}'}, "answered with more or less than"),
        ({"status": 200, "text": '{"id": {id}, "error": "no"}'}, "no$"),
        ({"status": 413, "text": ""}, r"does not take a request of \d+ bytes"),
        ({"status": 500, "text": "oops"}, "answered with HTTP status 500: oops"),
        ({"status": 302, "text": ""}, "answered with HTTP status 302: "),
        ({"status": 403, "text": ""}, "did not accept the username with its password or key"),
        ({"status": 200, "text": "{}", "more": 9}, "closed the connection in the middle of its"),
    ],
)
def test_an_answer_that_is_none(
    device: LabDevice, driver: SrlDriver, answer: Fields, why: str
) -> None:
    device.ask("next_answer", **answer)
    with pytest.raises(DeviceError, match=why):
        driver.get_config()
    assert held(driver) == OLD


def test_a_connection_that_is_closed_is_not_used(device: LabDevice) -> None:
    driver = driver_of(device)
    driver.close()
    with pytest.raises(DeviceError, match="the connection is not open"):
        driver.get_config()
    assert driver.is_alive() == {"is_alive": False}

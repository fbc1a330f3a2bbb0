"""NAPALM's own driver tests, on an emulated SR OS router, and what its users may do."""

from __future__ import annotations

import inspect
import json
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import napalm.base.base as napalm_base
import ncclient.transport.session
import pytest
from napalm.base.test.base import TestConfigNetworkDriver as NapalmConfigTests
from napalm.base.test.base import TestGettersNetworkDriver as NapalmGetterTests

from irrgate.errors import DeviceError
from tasks.drivers.errors import CandidateRefused, CommitRefused, ConnectionFailed, Locked
from tasks.drivers.sros import SrosDriver
from tasks.unconfirmed import adopt
from tests.e2e.desk import eventually
from tests.lab.harness import LabDevice
from tests.lab.sros_semantics import config

pytestmark = pytest.mark.e2e

INITIAL = """\
/configure policy-options
prefix-list "A" {
    prefix 192.0.2.0/24 type exact { }
}
prefix-list "B" {
    prefix 10.0.0.0/8 type exact { }
}
"""
MERGED = """\
prefix-list "B" {
    prefix 11.0.0.0/8 type through { through-length 24 }
}
"""
FILES = {
    "initial.conf": INITIAL,
    "new_good.conf": INITIAL.replace("192.0.2.0/24", "198.51.100.0/24"),
    "new_good.diff": """\
prefix-list "A" {
-     prefix 192.0.2.0/24 type exact
+     prefix 198.51.100.0/24 type exact
}""",
    "new_typo.conf": INITIAL.replace("type exact", "type exactly"),
    "merge_good.conf": MERGED,
    # What takes it back.
    "merge_good.diff": """\
prefix-list "B" {
-     prefix 11.0.0.0/8 type through through-length 24
}""",
    "merge_typo.conf": MERGED.replace("24", "4"),
}


def whole(inside: str) -> str:
    names = 'xmlns="urn:nokia.com:sros:ns:yang:sr:conf"'
    names += ' xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
    return f"<configure {names}>{inside}</configure>"


def driver(device: LabDevice, **options: Any) -> SrosDriver:
    known_hosts = device.directory / "known_hosts"
    ready = json.loads((device.directory / "ready.json").read_text())
    known_hosts.write_text(f"[{device.host}]:{device.port} {ready['host_key']}\n")
    arguments = {"port": device.port, "known_hosts": str(known_hosts), **options}
    return SrosDriver(device.host, device.username, device.password, 20, arguments)


@pytest.fixture(scope="module", autouse=True)
def _without_waiting() -> Iterator[None]:
    """ncclient looks every 0.1 s for something to send."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ncclient.transport.session, "TICK", 0.005)
        yield


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("sros") / "r1"
    with LabDevice.start("sros", "r1", directory, running=config("r1", {})) as started:
        yield started


@pytest.fixture
def lab(router: LabDevice) -> LabDevice:
    """The router as it was."""
    assert eventually(lambda: not router.locks())
    router.set_running(config("r1", {"A": ["192.0.2.0/24"], "B": ["10.0.0.0/8"]}))
    return router


@pytest.fixture(scope="class")
def device(
    request: pytest.FixtureRequest, router: LabDevice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Give the class what NAPALM's tests want: `device`, and `vendor`, where their files are."""
    directory = tmp_path_factory.mktemp("napalm")
    for name, text in FILES.items():
        (directory / name).write_text(text)
    opened = driver(router)
    opened.open()
    opened.load_replace_candidate(filename=str(directory / "initial.conf"))
    opened.commit_config()
    router.set_neighbors([{"address": "198.51.100.2", "peer_as": 64500, "received": 9}])
    request.cls.device, request.cls.vendor = opened, str(directory)
    yield
    opened.close()


@pytest.mark.usefixtures("device")
class TestConfig(unittest.TestCase, NapalmConfigTests):  # type: ignore[misc]
    device: ClassVar[Any]
    vendor: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        """The fixture has done it."""

    @classmethod
    def tearDownClass(cls) -> None:
        """The fixture does it."""

    # It has no template that sets a host name.
    test_load_template = None


@pytest.mark.usefixtures("device")
class TestGetters(unittest.TestCase, NapalmGetterTests):  # type: ignore[misc]
    device: ClassVar[Any]


for test in dir(NapalmGetterTests):
    # The others would be skipped, one by one.
    if test.startswith("test_") and test.removeprefix("test_") not in vars(SrosDriver):
        setattr(TestGetters, test, None)

METHODS = [name for name in vars(SrosDriver) if hasattr(napalm_base.NetworkDriver, name)]


@pytest.mark.parametrize("name", [each for each in METHODS if not each.startswith("_")])
def test_each_method_is_called_as_napalms(name: str) -> None:
    theirs = getattr(napalm_base.NetworkDriver, name)
    ours = inspect.signature(getattr(SrosDriver, name)).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in inspect.signature(theirs).parameters.values()
    ]


def test_a_candidate_grows_and_is_gone_when_it_is_discarded(lab: LabDevice) -> None:
    before = lab.running()
    with driver(lab) as opened:
        assert opened.compare_config() == ""
        opened.load_merge_candidate(config='prefix-list "C" { prefix 1.0.0.0/8 type longer { } }')
        opened.load_merge_candidate(config=MERGED)
        assert opened.compare_config().splitlines() == [
            'prefix-list "B" {',
            "+     prefix 11.0.0.0/8 type through through-length 24",
            "}",
            '+ prefix-list "C" {',
            "+     prefix 1.0.0.0/8 type longer",
            "+ }",
        ]
        assert "<name>C</name>" in opened.get_config("candidate")["candidate"]
        for _ in range(2):
            opened.discard_config()
            assert not opened.locked
        with pytest.raises(CommitRefused, match="no candidate is loaded"):
            opened.commit_config()
        opened.load_merge_candidate(config=MERGED)
    # Closing is not committing.
    assert eventually(lambda: not lab.locks())
    assert lab.candidates() == []
    assert lab.running() == before


@pytest.mark.parametrize(
    "candidate",
    [
        whole("<router/>"),
        whole("<policy-options><policy-statement/></policy-options>"),
        whole("<policy-options><community><name>X</name></community></policy-options>"),
        whole("<policy-options><prefix-list/></policy-options>"),
        whole("<policy-options>x</policy-options>"),
        whole('<policy-options nc:operation="replace"/>'),
        whole("<policy-options/>").replace("sr:conf", "sr:state"),
        "<configure",
        'router "Base" { }',
    ],
)
def test_what_is_no_prefix_list_does_not_get_as_far_as_the_router(
    lab: LabDevice, candidate: str
) -> None:
    loads = lab.steps().get("load", 0)
    with driver(lab) as opened:
        with pytest.raises(CandidateRefused):
            opened.load_merge_candidate(config=candidate)
        assert not opened.locked
    assert lab.steps().get("load", 0) == loads


def test_a_file_that_is_not_there(lab: LabDevice, tmp_path: Path) -> None:
    with driver(lab) as opened, pytest.raises(CandidateRefused, match="cannot be read"):
        opened.load_merge_candidate(filename=str(tmp_path / "nowhere"))


def test_the_lock_is_held_while_something_is_loaded_or_all_the_time(lab: LabDevice) -> None:
    with driver(lab) as first, driver(lab) as second:
        first.load_merge_candidate(config=MERGED)
        with pytest.raises(Locked, match="Lock denied") as raised:
            second.load_merge_candidate(config=MERGED)
        assert "model-driven" in raised.value.hint
        # Nothing of the first is thrown away by the second.
        second.discard_config()
        first.commit_config()
        second.load_merge_candidate(config=MERGED)
        second.discard_config()
    assert eventually(lambda: not lab.locks())
    with driver(lab, config_lock=True) as holder:
        assert len(lab.locks()) == 1
        holder.load_merge_candidate(config=MERGED)
        holder.discard_config()
        assert len(lab.locks()) == 1
        with pytest.raises(Locked):
            driver(lab, config_lock=True).open()


def test_a_commit_waits_by_its_mark_for_whoever_knows_it(lab: LabDevice) -> None:
    before = lab.running()
    for confirms in (False, True):
        with driver(lab) as opened:
            opened.load_merge_candidate(config=MERGED)
            opened.commit_config(message="why", revert_in=600)
            assert opened._get_pending_commits() == {opened.commit_mark: 600}
            with pytest.raises(Locked, match="a commit waits"):
                opened.load_merge_candidate(config=MERGED)
            mark = opened.commit_mark
        assert eventually(lambda: not lab.locks())
        assert lab.running() != before
        with driver(lab) as other:
            assert not other.has_pending_commit()
            other.commit_mark = mark
            assert other.has_pending_commit()
            assert other.is_own_commit(mark, "")
            if confirms:
                other.confirm_commit()
            else:
                other.rollback()
            assert not other.has_pending_commit()
            assert not other.locked
        assert (lab.running() == before) is not confirms
    assert "why" in {each.detail for each in lab.apply_log()}


def test_what_was_taken_back_does_not_stay_in_the_candidate(lab: LabDevice) -> None:
    before = lab.running()
    with driver(lab, config_lock=True) as opened:
        opened.load_merge_candidate(config=MERGED)
        opened.commit_config(revert_in=600)
        opened.rollback()
        assert lab.candidates() == []
        opened.load_merge_candidate(config='prefix-list "C" { }')
        assert opened.compare_config() == '+ prefix-list "C" {\n+ }'
    assert lab.running() == before


def test_a_confirmation_that_was_refused_is_no_answer(lab: LabDevice) -> None:
    with driver(lab) as opened:
        opened.load_merge_candidate(config=MERGED)
        opened.commit_config(revert_in=600)
        for act in (opened.confirm_commit, opened.rollback):
            lab.inject("error", "confirm" if act == opened.confirm_commit else "rollback")
            with pytest.raises(CommitRefused, match="internal error"):
                act()
            assert opened.has_pending_commit()
        # Nor is a refusal to say whether it waits, whatever for.
        with driver(lab) as other:
            other.commit_mark = opened.commit_mark
            lab.inject("error", "commit")
            with pytest.raises(DeviceError, match="internal error"):
                other.has_pending_commit()
            assert other.has_pending_commit()
        opened.commit_mark = "other"
        lab.set_running(lab.running())
        assert not opened.has_pending_commit()


def test_a_commit_that_is_asked_about_waits_no_longer_than_it_is_told(lab: LabDevice) -> None:
    with driver(lab) as opened:
        opened.load_merge_candidate(config=MERGED)
        opened.commit_config(revert_in=600)
        mark = opened.commit_mark
    assert eventually(lambda: not lab.locks())
    with driver(lab) as other:
        adopt(other, mark, 90.5)
        assert other._get_pending_commits() == {mark: 90}
    [waiting] = lab.candidates()
    assert float(str(waiting["seconds"])) <= 90


def test_what_stays_is_saved(lab: LabDevice) -> None:
    startup = lab.directory / "startup.conf"
    with driver(lab) as opened:
        opened.load_merge_candidate(config=MERGED)
        opened.commit_config(revert_in=600)
        startup.unlink(missing_ok=True)
        lab.inject("error", "save")
        with pytest.raises(CommitRefused, match="cannot be saved: internal error") as caught:
            opened.confirm_commit()
        assert "copy-config" in caught.value.hint
        assert lab.candidates() == lab.locks() == []
        assert not startup.exists()
        opened.save_config()
        assert startup.read_text() == lab.running()
    with driver(lab, save_startup=False) as opened:
        opened.load_merge_candidate(config='prefix-list "C" { prefix 10.0.0.0/8 type exact { } }')
        opened.commit_config(revert_in=600)
        opened.confirm_commit()
        assert startup.read_text() != lab.running()


def test_there_may_be_nothing_to_go_back_from(lab: LabDevice) -> None:
    with driver(lab) as opened:
        with pytest.raises(CommitRefused, match="no commit to go back from"):
            opened.rollback()
        opened.load_merge_candidate(config=MERGED)
        with pytest.raises(CommitRefused, match="must be positive"):
            opened.commit_config(revert_in=0)


def test_what_is_secret_is_left_out_if_asked(lab: LabDevice) -> None:
    secret = "<security><user-password>hash2</user-password></security></system>"
    lab.set_running(lab.running().replace("</system>", secret))
    with driver(lab) as opened:
        assert "hash2" in opened.get_config("running")["running"]
        found = opened.get_config("running", sanitized=True)["running"]
    assert "hash2" not in found
    assert "<user-password>removed</user-password>" in found


@pytest.mark.parametrize("before", range(3))
def test_a_character_may_arrive_in_two_pieces(lab: LabDevice, before: int) -> None:
    text = f"<location>{'x' * before}{'ñ' * 5_000}{'日' * 5_000}</location></system>"
    lab.set_running(lab.running().replace("</system>", text))
    with driver(lab) as opened:
        assert opened.get_config("running")["running"] == lab.running().strip()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ports": 830}, "optional_args: 'ports' is unknown"),
        ({"port": "830"}, "port is no number"),
        ({"known_hosts": "/nowhere/known_hosts"}, "is not there"),
    ],
)
def test_options_that_cannot_be(lab: LabDevice, options: dict[str, Any], says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        driver(lab, **options).open()


def test_a_driver_that_is_not_open(lab: LabDevice) -> None:
    closed = driver(lab)
    assert closed.is_alive() == {"is_alive": False}
    with pytest.raises(ConnectionFailed, match="not open"):
        closed.get_facts()
    closed.close()
    opened = driver(lab)
    opened.open()
    lab.restart()
    with pytest.raises(ConnectionFailed):
        opened.get_facts()
    assert opened.is_alive() == {"is_alive": False}
    opened.close()

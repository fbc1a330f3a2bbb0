"""What goes wrong with a VRP: its filters are the old ones or the new, and it is known which."""

from __future__ import annotations

import signal

import pytest

from tasks.drivers.errors import CommitRefused
from tasks.drivers.huawei_vrp import HuaweiVrpDriver
from tests.e2e.command_server import CommandServer
from tests.e2e.desk import (
    CHANGES,
    DONE,
    PROBLEMS,
    Desk,
    Plan,
    accepts,
    events,
    new_desk,
    renew,
    told,
)
from tests.e2e.huawei_vrp_lab import (
    ROUTERS,
    TIMEOUT,
    V4,
    VRP5,
    VRP8,
    detours,
    fresh,
    moments,
    saved,
    vrp_lab,
)
from tests.lab.harness import LabDevice
from tests.lab.network import LabNetwork

__all__ = ["vrp_lab"]
pytestmark = pytest.mark.e2e

HELD = [
    f"ip ip-prefix {V4} index 10 permit 10.10.0.0 16 greater-equal 17 less-equal 17",
    f"ip ip-prefix {V4} index 20 permit 10.11.0.0 20",
    f"ip ip-prefix {V4} index 30 permit 10.12.0.0 16",
    f"ip ip-prefix {V4} index 40 permit 10.14.0.0 16",
    f"ip ip-prefix {V4} index 50 permit 10.16.0.0 16",
]
"""the first two are to stay, and the others to go; three more are to come"""
PREFIXES = ["10.10.0.0/17", "10.11.0.0/20", "10.12.0.0/16", "10.14.0.0/16", "10.16.0.0/16"]
PREFIXES += ["10.11.16.0/22", "10.11.20.0/24", "192.0.2.0/24", "10.0.0.0/8"]
NEW = [*PREFIXES[:2], *PREFIXES[5:8]]
"""what the list is to let through"""


def before(device: LabDevice) -> str:
    return fresh(device, "\n".join(HELD))


@pytest.fixture(scope="module")
def planned(
    vrp_lab: LabNetwork, commands: CommandServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Desk, Plan]:
    """A plan that changes one list on each router by lines that come and lines that go."""
    desk = new_desk(vrp_lab, tmp_path_factory.mktemp("vrp-desk") / "desk", commands)
    renew(desk.devices.values(), before)
    with (desk.directory / "inventory/network.yaml").open("a") as file:
        file.write("guards: {max_shrink: 1.0, max_growth: 100.0}\n")
    path = desk.directory / "inventory/hosts.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(e for e in lines if "AS64501" not in e and "2001:" not in e))
    plan = desk.plan(expect=CHANGES)
    candidate = plan.member(f"hosts/{VRP5}/candidate").splitlines()
    assert [line.startswith("undo ") for line in candidate] == [False] * 3 + [True] * 3
    return desk, plan


@pytest.fixture
def desk(planned: tuple[Desk, Plan]) -> Desk:
    """The plan's workspace, with its routers as they were when it was made."""
    renew(planned[0].devices.values(), before)
    return planned[0]


@pytest.fixture
def reviewed(planned: tuple[Desk, Plan]) -> Plan:
    return planned[1]


def outcome(desk: Desk, plan: Plan, router: str) -> tuple[str, str]:
    """What comes of the one router that a fault strikes, while the other is done."""
    outcomes = desk.outcomes(plan, expect=PROBLEMS)
    [other] = [name for name in ROUTERS if name != router]
    assert outcomes[other] == ("done", "")
    return outcomes[router]


def accepted(device: LabDevice) -> list[str]:
    return [each for each in PREFIXES if accepts(device, V4, each)]


def assert_as_before(device: LabDevice) -> None:
    assert device.running() == saved(device) == before(device)


# In the middle of a change


CUT = "commit: the router closed the connection"
LATE = f"commit: said nothing for {TIMEOUT} s in the middle of an answer"


@pytest.mark.parametrize(
    ("fault", "at", "says"),
    [
        ("error", 1, "commit: {line}: Error: busy."),
        ("error", 4, "commit: {line}: Error: busy."),
        ("drop", 1, CUT),
        ("drop_after", 4, CUT),
        ("hang", 4, LATE),
    ],
)
def test_vrp5_goes_back_from_the_middle(
    desk: Desk, reviewed: Plan, fault: str, at: int, says: str
) -> None:
    """Of the lines that come, and of those that go."""
    device = desk.devices[VRP5]
    device.inject(fault, "commit", skip=at, seconds=TIMEOUT + 1, text="Error: busy.")
    line = reviewed.member(f"hosts/{VRP5}/candidate").splitlines()[at]
    assert outcome(desk, reviewed, VRP5) == ("reverted", says.format(line=line))
    assert len(moments(device)) > at
    assert detours(device, before(device), V4, PREFIXES, NEW) == []
    assert accepted(device) == PREFIXES[:5]


def test_no_entry_goes_when_one_that_was_to_come_was_refused(desk: Desk, reviewed: Plan) -> None:
    device = desk.devices[VRP5]
    device.ask("max_entries", entries=6)
    end, reason = outcome(desk, reviewed, VRP5)
    assert end == "reverted"
    assert reason.endswith("Error: The number of entries of the prefix list reached the limit.")
    assert moments(device) == [
        [f"ip ip-prefix {V4} index 60 permit 10.11.16.0 22"],
        [f"undo ip ip-prefix {V4} index 60"],
    ]
    assert_as_before(device)


def test_what_was_taken_though_the_answer_was_nonsense_is_done(desk: Desk, reviewed: Plan) -> None:
    """The last step's lines are all on their way when the answer comes."""
    device = desk.devices[VRP5]
    device.inject("garbage", "commit", skip=4)
    assert desk.outcomes(reviewed, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    assert saved(device) == device.running()


def test_a_line_that_is_ignored_without_a_word_is_found(desk: Desk, reviewed: Plan) -> None:
    for device in desk.devices.values():
        device.ask("deaf", lines=2)
    outcomes = desk.outcomes(reviewed, expect=PROBLEMS)
    words = f"does not hold what was committed: {V4}"
    lost = reviewed.member(f"hosts/{VRP5}/candidate").splitlines()[0]
    vrp5 = f"commit: said to have taken, and has not: {lost}"
    assert outcomes == dict.fromkeys(ROUTERS, ("reverted", words)) | {VRP5: ("reverted", vrp5)}
    # What it was to stand in for has stayed where each line takes effect.
    device = desk.devices[VRP5]
    assert detours(device, before(device), V4, PREFIXES, NEW) == []
    for device in desk.devices.values():
        assert accepted(device) == PREFIXES[:5]
        assert "saved" not in events(device)


def test_a_question_in_the_middle_is_not_answered_by_yes(desk: Desk, reviewed: Plan) -> None:
    for device in desk.devices.values():
        device.ask("asks", question="This may take a while. Continue? [Y/N]:")
    outcomes = desk.outcomes(reviewed, expect=PROBLEMS)
    line = reviewed.member(f"hosts/{VRP5}/candidate").splitlines()[0]
    for name in ROUTERS:
        end, reason = outcomes[name]
        assert end == ("reverted" if name == VRP5 else "failed")
        assert reason.startswith(f"commit: {line}: This may take a while. Continue? [Y/N]:")
        assert accepted(desk.devices[name]) == PREFIXES[:5]


def test_a_vrp5_that_reboots_has_what_was_saved(desk: Desk, reviewed: Plan) -> None:
    device = desk.devices[VRP5]
    device.inject("restart", "commit", skip=4)
    end, reason = outcome(desk, reviewed, VRP5)
    assert (end, reason) == ("failed", CUT)
    assert_as_before(device)


@pytest.mark.parametrize(
    ("fault", "step", "says"),
    [
        ("error", "load", "commit: {line}: Error: busy."),
        ("error", "commit", "commit: Error: busy."),
        ("drop", "commit", CUT),
    ],
)
def test_vrp8_takes_all_of_it_or_nothing(
    desk: Desk, reviewed: Plan, fault: str, step: str, says: str
) -> None:
    device = desk.devices[VRP8]
    device.inject(fault, step, seconds=TIMEOUT + 1, text="Error: busy.")
    line = reviewed.member(f"hosts/{VRP8}/candidate").splitlines()[0]
    assert outcome(desk, reviewed, VRP8) == ("failed", says.format(line=line))
    assert moments(device) == []
    assert_as_before(device)


@pytest.mark.parametrize("fault", ["drop_after", "garbage"])
def test_a_commit_of_vrp8_that_was_not_answered_is_done(
    desk: Desk, reviewed: Plan, fault: str
) -> None:
    device = desk.devices[VRP8]
    device.inject(fault, "commit", seconds=TIMEOUT + 1)
    assert desk.outcomes(reviewed, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    assert events(device) == ["commit", "saved"]
    assert saved(device) == device.running()


# Saved, or taken back


def test_a_save_that_fails_once_is_tried_again(desk: Desk, reviewed: Plan) -> None:
    for device, fault in zip(desk.devices.values(), ("error", "drop"), strict=True):
        device.inject(fault, "save", text="Error: Failed to save the configuration.")
    assert desk.outcomes(reviewed, expect=DONE) == dict.fromkeys(ROUTERS, ("done", ""))
    for device in desk.devices.values():
        assert saved(device) == device.running()


def test_what_cannot_be_saved_is_taken_back(desk: Desk, reviewed: Plan) -> None:
    """After a restart it would be gone, and with a list that is new everything let through."""
    says = dict.fromkeys(ROUTERS, "Info: The configuration was saved unsuccessfully.")
    says[VRP5] = "Error: The flash has no space."
    for name, device in desk.devices.items():
        device.inject("error", "save", count=99, text=says[name])
    outcomes = desk.outcomes(reviewed, expect=PROBLEMS)
    for name in ROUTERS:
        assert outcomes[name] == ("reverted", f"save: {says[name]}")
        assert accepted(desk.devices[name]) == PREFIXES[:5]
        assert saved(desk.devices[name]) == before(desk.devices[name])


# The BGP sessions


def test_a_session_that_goes_down_takes_the_change_back(desk: Desk, reviewed: Plan) -> None:
    up = {
        "address": "198.51.100.2",
        "state": "Established",
        "prefixes": {"ipv4": 6, "ipv6": 0},
    }
    far = {**up, "vrf": "CUSTOMERS", "address": "2001:DB8:1:1:1:1:1:2"}
    for device in desk.devices.values():
        device.set_neighbors([up, far], after_commit=[{**up, "state": "Idle"}, far])
    outcomes = desk.outcomes(reviewed, expect=PROBLEMS)
    for name in ROUTERS:
        end, reason = outcomes[name]
        assert end == "reverted"
        assert "198.51.100.2" in reason
        assert accepted(desk.devices[name]) == PREFIXES[:5]
        assert "saved" not in events(desk.devices[name])


# irrgate itself


def test_a_run_that_is_killed_in_the_middle_is_recovered(desk: Desk, reviewed: Plan) -> None:
    device = desk.devices[VRP5]
    device.inject("hang", "commit", skip=4, seconds=30)
    run = desk.start("apply", reviewed.path.name, "--limit", VRP5)
    assert device.wait_for_hang()
    run.send_signal(signal.SIGKILL)
    run.communicate()
    device.clear_faults()
    assert len(moments(device)) == 4
    assert told(desk.irrgate("recover"), DONE)
    assert detours(device, before(device), V4, PREFIXES, NEW) == []
    assert accepted(device) == PREFIXES[:5]


# Before anything is sent


def test_an_index_that_has_come_to_mean_another_entry_is_not_what_was_reviewed(
    desk: Desk, reviewed: Plan
) -> None:
    """The list accepts what it did, and `undo index 20` would remove what is to stay."""
    for device in desk.devices.values():
        text = before(device).replace("index 20 ", "index 99 ").replace("index 30 ", "index 20 ")
        device.set_running(text.replace("index 99 ", "index 30 "))
    outcomes = desk.outcomes(reviewed, expect=PROBLEMS)
    held = ("held", f"its candidate does not lead to what the plan has for {V4}")
    assert outcomes == dict.fromkeys(ROUTERS, held)
    assert all(moments(device) == [] for device in desk.devices.values())


def test_an_index_that_came_to_mean_another_entry_in_the_midst_is_left_alone(
    desk: Desk, reviewed: Plan
) -> None:
    device = desk.devices[VRP5]
    arguments = device.napalm_optional_args()
    driver = HuaweiVrpDriver(device.host, device.username, device.password, TIMEOUT, arguments)
    driver.open()
    try:
        driver.load_merge_candidate(config=reviewed.member(f"hosts/{VRP5}/candidate"))
        device.set_running(before(device).replace("index 30 permit 10.12", "index 30 permit 10.9"))
        with pytest.raises(CommitRefused, match=f"{V4} index 30 was changed meanwhile"):
            driver.commit_config()
    finally:
        driver.close()
    assert all(not line.startswith("undo") for lines in moments(device) for line in lines)


def test_a_trial_of_somebody_else_is_left_alone(desk: Desk, reviewed: Plan) -> None:
    device = desk.devices[VRP8]
    device.ask("trial")
    words = "commit: it has changes that nobody has committed, or a trial of some"
    assert outcome(desk, reviewed, VRP8) == ("failed", words)
    assert_as_before(device)


def test_a_config_that_is_cut_off(desk: Desk, reviewed: Plan) -> None:
    for device in desk.devices.values():
        device.inject("truncate", "get_config")
    outcomes = desk.outcomes(reviewed, expect=PROBLEMS)
    cut = "the running config is cut off: VRP ends it with the line `return`"
    assert outcomes == dict.fromkeys(ROUTERS, ("failed", f"read the running config: {cut}"))
    for device in desk.devices.values():
        assert_as_before(device)


def test_another_host_key_and_a_wrong_password(desk: Desk, reviewed: Plan) -> None:
    keys = desk.directory / "lab/known_hosts"
    known = keys.read_text()
    first, second = known.splitlines()
    keys.write_text(f"{first.split()[0]} {second.partition(' ')[2]}\n{second}\n")
    try:
        end, reason = outcome(desk, reviewed, VRP5)
    finally:
        keys.write_text(known)
    assert end == "failed"
    assert reason.startswith("connect: its SSH host key ssh-ed25519 SHA256:")
    assert " is not the one in known_hosts (compare the key with the router's own" in reason
    wrong = {"IRRGATE_PASSWORD": "not-the-right-one"}
    done = told(desk.irrgate("apply", reviewed.path.name, environ=wrong), PROBLEMS)
    assert done.stdout.count("did not accept the username with its password or key") == 2
    assert "not-the-right-one" not in done.stdout + done.stderr

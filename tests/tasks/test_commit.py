"""commit, and what a candidate leaves behind: nothing, whatever is thrown."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from jnpr.junos.exception import RpcError  # type: ignore[import-untyped]
from nornir.core import Nornir

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport, diff_digest
from irrgate.errors import DeviceError
from irrgate.prefixes import Afi, PrefixSet
from tasks.candidate import loaded_candidate
from tasks.close import close
from tasks.commit import commit
from tasks.compare import compare
from tasks.connection import CONNECTION
from tests.e2e.desk import Desk, config, events, eventually
from tests.lab.harness import LabDevice
from tests.lab.junos_driver import opened
from tests.tasks.nornir_on import nornir_on

pytestmark = pytest.mark.e2e

LIST = "IRR-AS64500-V4"
NAMES = {"eos": "edge1.mex", "junos": "edge2.mex"}
CANDIDATES = {
    "eos": (
        f"no ip prefix-list {LIST}\nip prefix-list {LIST}\n   seq 10 permit 10.0.0.0/8\n   exit\n"
    ),
    "junos": (
        f"policy-options {{\n    replace: route-filter-list {LIST} {{\n        10.0.0.0/8 exact;\n"
        "    }\n}\n"
    ),
}
COMMITTED = PrefixSet.parse(Afi.IPV4, ["10.0.0.0/8"])
OTHER = PrefixSet.parse(Afi.IPV4, ["10.0.0.0/9"])


@pytest.fixture(params=["eos", "junos"])
def router(desk: Desk, request: pytest.FixtureRequest) -> LabDevice:
    device = desk.devices[NAMES[request.param]]
    device.set_running(config(device, {LIST: ["192.0.2.0/24"]}))
    return device


@pytest.fixture
def nornir(desk: Desk, router: LabDevice) -> Iterator[Nornir]:
    over_router = nornir_on(desk, router.name)
    yield over_router
    over_router.run(task=close, on_failed=True)


def order(nornir: Nornir, router: LabDevice, intended: PrefixSet = COMMITTED) -> CommitOrder:
    candidate = CANDIDATES[router.platform]
    compared = nornir.run(task=compare, candidates={router.name: candidate})[router.name][0]
    digest = diff_digest(compared.diff or "")
    return CommitOrder(candidate, digest, {LIST: (Afi.IPV4, intended.digest)}, "irrgate plan 1234")


def committed(
    nornir: Nornir, router: LabDevice, given: CommitOrder, revert_in: int = 300
) -> CommitReport | BaseException:
    result = nornir.run(
        task=commit, orders={router.name: given}, managed_prefix="IRR-", revert_in=revert_in
    )[router.name][0]
    found: CommitReport | BaseException = result.exception or result.result
    assert result.changed == (found == CommitReport(CommitOutcome.DONE))
    return found


def test_a_dry_run_is_gone_before_its_connection_is(nornir: Nornir, router: LabDevice) -> None:
    order(nornir, router)
    assert router.candidates() == router.locks() == []
    discarded = {"eos": ["session", "discard"], "junos": ["lock", "discard", "unlock"]}
    assert events(router) == discarded[router.platform]


def test_what_was_intended_is_committed(nornir: Nornir, router: LabDevice) -> None:
    assert committed(nornir, router, order(nornir, router)) == CommitReport(CommitOutcome.DONE)
    assert "10.0.0.0/8" in router.running()
    assert router.candidates() == router.locks() == []
    if router.platform == "junos":
        assert "irrgate plan 1234" in (Path(router.directory) / "commits.json").read_text()


def test_what_is_read_back_otherwise_is_taken_back(nornir: Nornir, router: LabDevice) -> None:
    """The router said yes, and holds something else than the plan intends."""
    before = router.running()
    report = committed(nornir, router, order(nornir, router, intended=OTHER))
    reason = f"does not hold what was committed: {LIST}"
    assert report == CommitReport(CommitOutcome.REVERTED, reason)
    assert router.running() == before
    assert "commit-confirmed" in events(router)
    assert router.candidates() == router.locks() == []
    router.advance(600)
    assert router.running() == before


def test_another_diff_than_the_reviewed_one_is_not_committed(
    nornir: Nornir, router: LabDevice
) -> None:
    given = order(nornir, router)
    router.set_running(config(router, {LIST: ["192.0.2.0/25"]}))
    before = router.running()
    report = committed(nornir, router, given)
    assert isinstance(report, CommitReport)
    assert report.outcome is CommitOutcome.HELD
    assert "192.0.2.0/25" in report.diff
    assert router.running() == before
    assert "commit-confirmed" not in events(router)
    assert router.candidates() == router.locks() == []


@pytest.mark.parametrize(
    ("revert_in", "counted"), [(60, {"eos": 60, "junos": 60}), (61, {"eos": 61, "junos": 120})]
)
def test_the_timer_is_what_the_platform_can_count(
    nornir: Nornir, router: LabDevice, revert_in: int, counted: dict[str, int]
) -> None:
    given = order(nornir, router)
    before = router.running()
    router.inject("drop", "confirm")
    # Aborting after the failed confirm would end the wait on EOS.
    router.inject("drop", "discard")
    failed = committed(nornir, router, given, revert_in)
    seconds = counted[router.platform]
    assert isinstance(failed, DeviceError)
    assert f"the router may keep them or take them back within {seconds} s" in failed.reason
    if router.platform == "eos":
        assert eventually(lambda: router.running() == before)
        return
    router.advance(seconds - 10)
    assert router.running() != before
    router.advance(11)
    assert router.running() == before


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(1), MemoryError()])
def test_a_candidate_is_discarded_whatever_is_thrown(
    nornir: Nornir, router: LabDevice, error: BaseException
) -> None:
    before = router.running()
    [host] = nornir.inventory.hosts.values()
    driver = host.get_connection(CONNECTION, nornir.config)

    def throw() -> None:
        with loaded_candidate(host, driver, CANDIDATES[router.platform]):
            assert router.candidates() != []
            raise error

    with pytest.raises(type(error)):
        throw()
    assert router.candidates() == router.locks() == []
    assert router.running() == before


def test_a_candidate_that_the_router_refuses_is_gone_too(nornir: Nornir, router: LabDevice) -> None:
    wrong = {"eos": "ip prefix-list\n", "junos": "policy-options { route-filter-list { } }\n"}
    result = nornir.run(task=compare, candidates={router.name: wrong[router.platform]})
    error = result[router.name][0].exception
    assert isinstance(error, DeviceError)
    assert error.reason.startswith("load: ")
    assert router.candidates() == router.locks() == []


def test_a_reviewed_diff_that_is_empty_is_nothing_to_do(nornir: Nornir, router: LabDevice) -> None:
    given = order(nornir, router)
    committed(nornir, router, given)
    before = router.running()
    assert committed(nornir, router, given) == CommitReport(CommitOutcome.ALREADY)
    assert router.running() == before


def test_another_persons_uncommitted_work_is_not_thrown_away(desk: Desk) -> None:
    """Junos has one candidate for all who do not lock it; whoever rolls back, rolls all back."""
    router = desk.devices["edge2.mex"]
    router.set_running(config(router, {LIST: ["192.0.2.0/24"]}))
    nornir = nornir_on(desk, "edge2.mex")
    with opened(router, lock_disable=True) as other:
        other.load_merge_candidate(config=CANDIDATES["junos"])
        [work] = router.candidates()
        result = nornir.run(task=compare, candidates={"edge2.mex": CANDIDATES["junos"]})
        error = result["edge2.mex"][0].exception
        assert isinstance(error, DeviceError)
        assert error.reason == "load: configuration database modified"
        assert error.hint.startswith("somebody is at work on its configuration")
        nornir.run(task=close, on_failed=True)
        assert router.candidates() == [work]
        assert "10.0.0.0/8" in other.compare_config()
        other.discard_config()


def test_what_others_write_before_the_confirm_is_not_committed(desk: Desk, tmp_path: Path) -> None:
    """A confirming commit takes along what is in the shared candidate by then."""
    router = desk.devices["edge2.mex"]
    router.set_running(config(router, {LIST: ["192.0.2.0/24"]}))
    nornir = nornir_on(desk, "edge2.mex", lock=True)
    given = order(nornir, router)
    router.inject("slow", "get_config", seconds=1)
    found: list[CommitReport | BaseException] = []
    committing = threading.Thread(target=lambda: found.append(committed(nornir, router, given)))
    with opened(router, lock_disable=True) as other:
        committing.start()
        assert eventually(lambda: router.faults()[0]["struck"] == 1)
        with contextlib.suppress(RpcError):
            other.load_merge_candidate(config=CANDIDATES["junos"].replace(LIST, "OTHERS"))
        committing.join()
    nornir.run(task=close, on_failed=True)
    assert found == [CommitReport(CommitOutcome.DONE)]
    assert "OTHERS" not in router.running()
    assert router.locks() == []


def test_a_router_that_hangs_is_let_go_with_its_lock(desk: Desk) -> None:
    """After a timeout the driver's own close times out as well, and leaves the session standing."""
    path = desk.directory / "inventory" / "groups.yaml"
    path.write_text(path.read_text().replace("extras:\n", "extras:\n        timeout: 1\n"))
    router = desk.devices["edge2.mex"]
    nornir = nornir_on(desk, "edge2.mex")
    router.inject("hang", "compare", seconds=60)
    result = nornir.run(task=compare, candidates={"edge2.mex": CANDIDATES["junos"]})
    assert isinstance(result["edge2.mex"][0].exception, DeviceError)
    nornir.run(task=close, on_failed=True)
    assert eventually(lambda: router.locks() == router.candidates() == [])


def test_a_lock_that_is_not_granted_leaves_no_session(desk: Desk) -> None:
    router = desk.devices["edge2.mex"]
    nornir = nornir_on(desk, "edge2.mex", lock=True)
    router.inject("foreign_lock", "load")
    given = CommitOrder(CANDIDATES["junos"], "0" * 64, {}, "")
    refused = committed(nornir, router, given)
    assert isinstance(refused, DeviceError)
    assert refused.reason.startswith("connect: configuration database locked by: noc terminal")
    assert eventually(lambda: router.ask("sessions") == [])

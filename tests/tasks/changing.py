"""A router of each platform whose one filter is to be changed, and what commits the change."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core import Nornir

from irrgate.commits import CommitOrder, CommitOutcome, CommitReport, CommitRules, diff_digest
from irrgate.prefixes import Afi, PrefixSet
from irrgate.state import State, open_state
from tasks.close import close
from tasks.commit import commit
from tasks.compare import compare
from tests.e2e.desk import Desk, config
from tests.lab.harness import LabDevice
from tests.tasks.nornir_on import nornir_on
from tests.tasks.runs import RULES, Clock, Targets, run_of

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
OLD = PrefixSet.parse(Afi.IPV4, ["192.0.2.0/24"])
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


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path, None, {}) as opened_state:
        yield opened_state


def order(nornir: Nornir, router: LabDevice, intended: PrefixSet = COMMITTED) -> CommitOrder:
    candidate = CANDIDATES[router.platform]
    compared = nornir.run(task=compare, candidates={router.name: candidate})[router.name][0]
    digest = diff_digest(compared.diff or "")
    return CommitOrder(
        candidate,
        digest,
        {LIST: (Afi.IPV4, intended.digest)},
        {LIST: OLD.digest},
        "irrgate plan 1234",
        reviewed=lambda _: OLD,
    )


def committed(  # noqa: PLR0917
    nornir: Nornir,
    router: LabDevice,
    state: State,
    given: CommitOrder,
    rules: CommitRules = RULES,
    clock: Clock | None = None,
) -> CommitReport:
    """Commit; the router's clock runs with the run's."""
    clock = clock or Clock(on_sleep=router.advance)
    run = run_of(
        state, {router.name: given}, Targets(router.platform, {LIST: COMMITTED}), rules, clock.pace
    )
    result = nornir.run(task=commit, run=run)[router.name][0]
    assert result.exception is None
    report: CommitReport = result.result
    assert result.changed == (report.outcome is CommitOutcome.DONE)
    [host] = state.deployments(1)[0].hosts
    assert host.outcome == (None if report.outcome is CommitOutcome.UNSETTLED else report.outcome)
    return report

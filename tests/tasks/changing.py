"""A router of each platform whose one filter is to be changed, and what commits the change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from napalm.base.base import NetworkDriver
from napalm.eos.eos import EOSDriver
from nornir.core import Nornir

from irrgate.commits import (
    CommitOrder,
    CommitOutcome,
    CommitReport,
    CommitRules,
    Step,
    Unfinished,
    diff_digest,
)
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer
from irrgate.restoring import restoring_candidate
from irrgate.state import State, open_state
from playbooks.deployments import DeploymentJournal
from tasks.close import close
from tasks.commit import commit
from tasks.compare import compare
from tasks.recover import RecoverRun, recover
from tests.e2e.desk import Desk, config
from tests.lab import junos_driver
from tests.lab.harness import LabDevice
from tests.tasks.nornir_on import nornir_on
from tests.tasks.runs import RULES, Clock, Targets, now, run_of

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
    assert result.exception is None, repr(result.exception)
    report: CommitReport = result.result
    assert result.changed == (report.outcome is CommitOutcome.DONE)
    [host] = state.deployments(1)[0].hosts
    assert host.outcome == (None if report.outcome is CommitOutcome.UNSETTLED else report.outcome)
    return report


def died(  # noqa: PLR0917
    nornir: Nornir,
    router: LabDevice,
    state: State,
    given: CommitOrder,
    fault: str,
    step: str,
    rules: CommitRules = RULES,
) -> None:
    """Commit, and lose the router for good at a step: what a run leaves that is killed there.

    With `rules.settle` the fault is armed only after the commit.
    """
    armed = not rules.settle
    if armed:
        router.inject(fault, step)

    def passes(seconds: float) -> None:
        nonlocal armed
        if armed and seconds:
            router.inject("refuse", "connect", count=1000)
        elif seconds:
            router.inject(fault, step)
            armed = True

    report = committed(nornir, router, state, given, rules, Clock(on_sleep=passes))
    assert report.outcome is CommitOutcome.UNSETTLED
    router.clear_faults()
    nornir.run(task=close, on_failed=True)


def recovered(  # noqa: PLR0917
    nornir: Nornir,
    router: LabDevice,
    state: State,
    age: float = 10,
    rules: CommitRules = RULES,
    clock: Clock | None = None,
) -> CommitReport:
    """Bring the one router to an end that a dead run left so many seconds ago."""
    [left] = state.unfinished()
    sent = next((each for each in left.journal if each.step == Step.COMMIT), None)
    unfinished = Unfinished(
        left.deployment,
        {name: state.prefixes(digest) if digest else None for name, digest in left.before.items()},
        sent.detail if sent else None,
        age,
    )
    journal = DeploymentJournal(
        state, left.deployment, "the tests", now, Targets(router.platform, {})
    )
    run = RecoverRun(
        lambda _: unfinished,
        rules,
        {router.name: journal},
        partial(restoring_candidate, Renderer()),
        state.identity,
        (clock or Clock(on_sleep=router.advance)).pace,
    )
    result = nornir.run(task=recover, run=run)[router.name][0]
    assert result.exception is None, repr(result.exception)
    report: CommitReport = result.result
    settled = report.outcome is not CommitOutcome.UNSETTLED
    assert bool(state.unfinished()) != settled
    return report


def events_of(router: LabDevice, *names: str) -> list[str]:
    """Those of `names` that the router wrote down, in order."""
    log = router.apply_log()
    last = max(at for at, each in enumerate(log) if each.event == "set-running")
    return [each.event for each in log[last:] if each.event in names]


@contextlib.contextmanager
def driver_of(router: LabDevice) -> Iterator[NetworkDriver]:
    """Another person's NAPALM on the router; what is pending at the end stays so."""
    if router.platform == "junos":
        with junos_driver.opened(router) as driver:
            yield driver
        return
    eos = EOSDriver(
        router.host,
        router.username,
        router.password,
        optional_args={**router.napalm_optional_args(), "lock_disable": True},
    )
    eos.open()
    try:
        yield eos
    finally:
        eos.config_session = None
        eos.close()


def somebody_commits(router: LabDevice, revert_in: int | None = 600) -> None:
    """Another person commits a list of theirs, to be confirmed unless `revert_in` is None."""
    with driver_of(router) as driver:
        driver.load_merge_candidate(config=CANDIDATES[router.platform].replace(LIST, "OTHERS"))
        driver.commit_config(revert_in=revert_in)

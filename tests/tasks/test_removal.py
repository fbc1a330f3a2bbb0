"""A candidate that removes a filter and changes another: loaded, compared, committed, read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from nornir.core import Nornir
from nornir.core.task import Result, Task

from irrgate.commits import CommitOrder, CommitOutcome, diff_digest
from irrgate.errors import DeviceError
from irrgate.network import FilterNames
from irrgate.platforms import find_platform
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi
from irrgate.render import Renderer
from irrgate.state import open_state
from tasks.candidate import LoadedCandidate
from tasks.close import close
from tasks.commit import commit
from tasks.compare import compare
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.read import read
from tasks.unconfirmed import SESSION_OWNER
from tests.e2e.desk import Desk, accepts, blank, config, events, has_list, log
from tests.lab.harness import LabDevice
from tests.tasks.nornir_on import nornir_on
from tests.tasks.runs import Targets, run_of
from tests.unit.filters_made import prefixes

pytestmark = pytest.mark.e2e

LIST, GONE = "IRR-AS64500-V4", "IRR-AS64999-V4"
NAMES = {"eos": "edge1.mex", "junos": "edge2.mex"}
WANTED = {LIST: Afi.IPV4}
FILTER_NAMES = FilterNames("IRR-{peer}-{afi}")
POLICY = {
    "eos": f"route-map RM-IN permit 10\n   match ip address prefix-list {GONE}\n!\n",
    "junos": (
        f"    policy-statement IN {{\n        term 1 {{\n            from {{\n"
        f"                route-filter-list {GONE};\n            }}\n            then accept;\n"
        "        }\n    }\n"
    ),
}
REFERENCES = {
    "eos": f"route-map RM-IN permit 10: match ip address prefix-list {GONE}",
    "junos": f"policy-options policy-statement IN term 1 from route-filter-list {GONE}",
}


@pytest.fixture(params=["eos", "junos"])
def router(desk: Desk, request: pytest.FixtureRequest) -> LabDevice:
    device = desk.devices[NAMES[request.param]]
    device.set_running(config(device, {LIST: ["192.0.2.0/24"], GONE: ["10.99.0.0/16"]}))
    return device


@pytest.fixture
def nornir(desk: Desk, router: LabDevice) -> Iterator[Nornir]:
    over_router = nornir_on(desk, router.name)
    yield over_router
    over_router.run(task=close, on_failed=True)


def refer_to_it(router: LabDevice) -> None:
    """Put a policy that uses the filter into the running config, as a person would."""
    end = "end\n" if router.platform == "eos" else "}\n"
    policy = POLICY[router.platform]
    router.set_running(f"{router.running().strip().removesuffix(end.strip())}{policy}{end}")


def found(nornir: Nornir, router: LabDevice) -> RunningFilters:
    results = nornir.run(task=read, wanted={router.name: WANTED}, names=FILTER_NAMES)
    result = results[router.name][0]
    assert isinstance(result.result, RunningFilters), result.exception
    return result.result


def candidate(router: LabDevice, before: RunningFilters, *, change: bool) -> str:
    platform = find_platform(router.platform)
    lists = [platform.printed(LIST, prefixes("10.0.0.0/8"), before.lists[LIST])] if change else []
    removals = [platform.removal(stranger) for stranger in before.strangers]
    return Renderer().render(router.platform, lists, removals)


def committing(task: Task, text: str) -> Result:
    driver = task.host.get_connection(CONNECTION, task.nornir.config)
    candidate = LoadedCandidate(task.host, driver, text, SESSION_OWNER)
    with candidate, device_errors(task.host, "commit"):
        driver.commit_config()
    return Result(host=task.host)


def committed(nornir: Nornir, router: LabDevice, text: str) -> BaseException | None:
    error: BaseException | None = nornir.run(task=committing, text=text)[router.name][0].exception
    return error


@pytest.mark.parametrize("change", [True, False], ids=["beside a change", "alone"])
def test_a_filter_that_nothing_refers_to_goes(
    nornir: Nornir, router: LabDevice, change: bool
) -> None:
    before = found(nornir, router)
    (stranger,) = before.strangers
    assert (stranger.name, stranger.afi, stranger.references) == (GONE, Afi.IPV4, ())
    text = candidate(router, before, change=change)
    diff = nornir.run(task=compare, candidates={router.name: text})[router.name][0].diff
    assert diff
    lines = [line for line in diff.splitlines() if line.startswith(("+", "-"))]
    assert any(line.startswith("-") and GONE in line for line in lines)
    assert any("10.0.0.0/8" in line for line in lines) == change
    assert has_list(router, GONE)

    assert committed(nornir, router, text) is None
    after = found(nornir, router)
    assert after.strangers == ()
    assert not has_list(router, GONE)
    assert accepts(router, LIST, "10.0.0.0/8") == change
    assert accepts(router, LIST, "192.0.2.0/24") != change
    assert router.candidates() == router.locks() == []
    assert sum(record.changed for record in log(router)) == 1


@pytest.mark.parametrize("change", [True, False], ids=["beside a change", "alone"])
def test_one_that_is_referred_to(nornir: Nornir, router: LabDevice, change: bool) -> None:
    """Junos refuses the commit; EOS does not, and what is left of the policy is anybody's guess."""
    refer_to_it(router)
    before = found(nornir, router)
    (stranger,) = before.strangers
    assert stranger.references == (REFERENCES[router.platform],)
    running = router.running()
    error = committed(nornir, router, candidate(router, before, change=change))
    if router.platform == "junos":
        assert isinstance(error, DeviceError)
        assert f"{GONE} route-filter-list referenced (in term 1) but not defined" in error.reason
        assert router.running() == running
        assert "commit" not in events(router)
    else:
        assert error is None
        assert not has_list(router, f"{GONE}\n   seq")
        assert f"match ip address prefix-list {GONE}" in router.running()
    assert router.candidates() == router.locks() == []


def test_one_that_is_gone_already(nornir: Nornir, router: LabDevice) -> None:
    """EOS takes `no` of nothing; on Junos it is a warning, which the driver raises."""
    text = candidate(router, found(nornir, router), change=True)
    router.set_running(config(router, {LIST: ["192.0.2.0/24"]}))
    error = committed(nornir, router, text)
    if router.platform == "junos":
        assert isinstance(error, DeviceError)
        assert "statement not found" in error.reason
        assert accepts(router, LIST, "192.0.2.0/24")
    else:
        assert error is None
        assert accepts(router, LIST, "10.0.0.0/8")
    assert router.candidates() == router.locks() == []


def test_the_last_filter_goes(nornir: Nornir, router: LabDevice) -> None:
    router.set_running(config(router, {GONE: ["10.99.0.0/16"]}))
    before = found(nornir, router)
    assert committed(nornir, router, candidate(router, before, change=False)) is None
    assert found(nornir, router) == RunningFilters({}, ())
    router.set_running(blank(router))


def test_a_reference_that_came_since_the_plan_keeps_the_filter(
    nornir: Nornir, router: LabDevice, tmp_path: Path
) -> None:
    text = candidate(router, found(nornir, router), change=False)
    compared = nornir.run(task=compare, candidates={router.name: text})[router.name][0]
    held = prefixes("10.99.0.0/16")
    order = CommitOrder(
        text,
        diff_digest(compared.diff or ""),
        {GONE: (Afi.IPV4, None)},
        {GONE: held.digest},
        "irrgate plan 1234",
        reviewed=lambda _: held,
    )
    refer_to_it(router)
    before = router.running()
    with open_state(tmp_path, None, {}) as state:
        run = run_of(state, {router.name: order}, Targets(router.platform, {GONE: None}))
        report = nornir.run(task=commit, run=run)[router.name][0].result
    assert report.outcome is CommitOutcome.HELD
    referred = f"{GONE} was to be removed, and is referred to by now: "
    assert report.reason == referred + REFERENCES[router.platform]
    assert router.running() == before
    assert router.candidates() == router.locks() == []

"""The metrics and the alerts, as Prometheus' own promtool sees them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from irrgate.metrics import write_metrics
from irrgate.reports import RouterReport, RunReport
from tests.e2e.checkers import check
from tests.e2e.pipelines import AUTOMATION
from tests.unit.reports_made import CURRENT, FAILED, HELD, MIXED, STALE, run

pytestmark = pytest.mark.e2e

ALERTS = AUTOMATION / "alerts.yml"
ZERO = datetime.fromtimestamp(0, UTC)
"""when promtool's tests begin"""


def test_the_textfile_is_as_prometheus_wants_it(tmp_path: Path) -> None:
    write_metrics(tmp_path / "irrgate.prom", run())
    write_metrics(tmp_path / "irrgate.prom", MIXED)
    text = (tmp_path / "irrgate.prom").read_text()
    assert "irrgate_last_success_timestamp_seconds" in text
    assert check("promtool", "check", "metrics", stdin=text) == ""


def test_the_rules_can_be_read() -> None:
    assert "8 rules found" in check("promtool", "check", "rules", "--lint-fatal", ALERTS)


def then(**changes: Any) -> RunReport:
    """Return a run that ended when promtool's tests begin."""
    return run(started=ZERO - timedelta(seconds=90), ended=ZERO, **{"filters": (NOW,), **changes})


NOW = replace(CURRENT, rests_on=ZERO)
BY_TWO = replace(HELD, rests_on=ZERO)
STOOD_IN = replace(STALE, rests_on=ZERO - timedelta(days=2))
OLD = replace(STALE, rests_on=ZERO - timedelta(days=6, hours=22))
REVERTED = RouterReport("edge1.bog", "eos", "reverted")
WARNING, CRITICAL = "warning", "critical"
NO_SUCCESS = {("IrrgateRefreshNoSuccess", WARNING): 1}
MISSING = {("IrrgateRefreshMissing", CRITICAL): 1}


@pytest.mark.parametrize(
    ("runs", "hours", "firing"),
    [
        ([then()], 4, {}),
        ([then()], 25, {}),
        ([then()], 27, MISSING | NO_SUCCESS),
        ([], 1, MISSING),
        # After a success a day has to pass; one that never came is told of at once.
        ([then(), then(filters=(BY_TWO,), exit_code=3)], 4, {("IrrgateFilterHeld", WARNING): 2}),
        (
            [then(filters=(BY_TWO,), exit_code=3)],
            4,
            {("IrrgateFilterHeld", WARNING): 2} | NO_SUCCESS,
        ),
        ([then(), then(filters=(STOOD_IN,), exit_code=3)], 1, {}),
        ([then(), then(filters=(STOOD_IN,), exit_code=3)], 4, {("IrrgateFilterStale", WARNING): 1}),
        (
            [then(), then(filters=(OLD,), exit_code=3)],
            4,
            {("IrrgateFilterStale", WARNING): 1, ("IrrgateFilterDataOld", CRITICAL): 1},
        ),
        (
            [then(), then(routers=(FAILED, REVERTED), exit_code=3)],
            4,
            {("IrrgateRouterFailed", WARNING): 1, ("IrrgateRouterNotSettled", CRITICAL): 1},
        ),
        (
            [then(), then(failure="network.yaml: damaged", exit_code=1)],
            4,
            {("IrrgateCouldNotRun", WARNING): 1},
        ),
    ],
)
def test_the_alerts_that_fire(
    tmp_path: Path, runs: list[RunReport], hours: int, firing: dict[tuple[str, str], int]
) -> None:
    target = tmp_path / "irrgate.prom"
    for each in runs:
        write_metrics(target, each)
    test = {
        "interval": "1m",
        "input_series": _series(target, 60 * hours) if runs else [],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname, severity) (ALERTS{alertstate="firing"})',
                "eval_time": f"{hours}h",
                "exp_samples": [
                    {"labels": f'{{alertname="{name}", severity="{severity}"}}', "value": count}
                    for (name, severity), count in firing.items()
                ],
            }
        ],
    }
    rules = {"rule_files": [str(ALERTS)], "evaluation_interval": "5m", "tests": [test]}
    path = tmp_path / "test.yml"
    with path.open("w") as file:
        YAML(typ="safe").dump(rules, file)
    assert "SUCCESS" in check("promtool", "test", "rules", path)


def _series(textfile: Path, minutes: int) -> list[dict[str, str]]:
    """Return what node_exporter makes of a textfile that stays as it is for so long."""
    found = []
    for line in textfile.read_text().splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            labelled = name.removesuffix("}") + ',instance="noc"}'
            found.append({"series": labelled, "values": f"{float(value):.0f}+0x{minutes}"})
    return found

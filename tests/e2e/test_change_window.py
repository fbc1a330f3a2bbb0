"""The evening of docs/automation/change-window.md, command by command."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from tests.e2e.desk import CHANGES, DONE, PROBLEMS, Desk, accepts, has_list, told
from tests.e2e.pipelines import AUTOMATION, settle_at_once
from tests.lab.demo import ADDED, WITHDRAWN

pytestmark = pytest.mark.e2e

PAGE = AUTOMATION / "change-window.md"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDED_PREFIX = "10.11.24.0/22"


def sections() -> list[list[list[str]]]:
    """Return the commands of the page by section."""
    return [
        [shlex.split(line.removeprefix("$ irrgate ")) for line in block.splitlines()]
        for block in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    ]


def test_the_commands_of_an_evening(desk: Desk) -> None:
    plan, review, apply, look, back = sections()
    settle_at_once(desk)
    desk.apply(desk.plan(expect=CHANGES), expect=DONE)
    desk.edit_registry(WITHDRAWN, ADDED)
    device = desk.devices["edge1.mex"]

    codes = [desk.irrgate(*command).exit_code for command in plan]
    assert codes == [DONE, CHANGES]
    shown = [told(desk.irrgate(*command), DONE).stdout for command in review]
    assert all(ADDED_PREFIX in text for text in shown)

    assert not accepts(device, "IRR-AS64500-V4", ADDED_PREFIX)
    for command in apply:
        told(desk.irrgate(*command), DONE)
    assert accepts(device, "IRR-AS64500-V4", ADDED_PREFIX)

    listed = [told(desk.irrgate(*command), DONE).stdout for command in look]
    assert "Routers: 4 unchanged." in listed[1]
    (newest, _) = json.loads(desk.irrgate("--json", "history").stdout)

    expected = iter((CHANGES, DONE, DONE))
    for command in back:
        words = [str(newest["deployment"]) if word == "17" else word for word in command]
        told(desk.irrgate(*words), next(expected))
    assert not accepts(device, "IRR-AS64500-V4", ADDED_PREFIX)
    assert has_list(device, "IRR-AS64500-V4")
    # It does not come again by itself.
    told(desk.irrgate("refresh"), PROBLEMS)
    assert not accepts(device, "IRR-AS64500-V4", ADDED_PREFIX)

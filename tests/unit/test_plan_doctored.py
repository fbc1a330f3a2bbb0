"""Plans whose digests are right and whose texts are not what irrgate writes: each is refused.

Whatever stands in a plan comes to a terminal by `show`, and some of it into a path or a command
line: every text is tried in turn, be it a value or a name.
"""

from __future__ import annotations

import copy
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from irrgate.errors import PlanError
from irrgate.plan_file import PlanFile
from tests.unit.plans_made import HOSTS, members, write

Where = tuple[Any, ...]
Edit = Callable[[Any], Any]

CONTROL = ["\x1b[2J", "a\nb", "\u202eb", "\x00", "\x7f", "\x9b1m", "a\rb"]
"""what a terminal would obey, or print on another line than it stands on"""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "plan.zip"
    write(path)
    return path


def texts(value: Any, where: Where = ()) -> Iterator[tuple[Where, bool]]:
    """Yield where texts stand in a plan: (the way there, True for a mapping's key)."""
    if isinstance(value, str):
        yield where, False
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from texts(each, (*where, index))
    elif isinstance(value, dict):
        for key, each in value.items():
            yield (*where, key), True
            yield from texts(each, (*where, key))


def put(new: str, where: Where, *, is_key: bool) -> Edit:
    """Return what puts a text in the place of another."""

    def edit(whole: Any) -> Any:
        inside = whole = copy.deepcopy(whole)
        *way, last = where
        for step in way:
            inside = inside[step]
        if is_key:
            inside[new] = inside.pop(last)
        else:
            inside[last] = new
        return whole

    return edit


def doctored(good: Path, path: Path, name: str, edit: Edit) -> Path:
    """Write the plan with one JSON member edited, and every digest that depends on it."""
    held = dict(members(good))
    held[name] = json.dumps(edit(json.loads(held[name]))).encode()
    if name != "plan.json":
        plan = json.loads(held["plan.json"])
        _, host, _ = name.split("/")
        plan["hosts"][host]["delta"] = hashlib.sha256(held[name]).hexdigest()
        held["plan.json"] = json.dumps(plan).encode()
    del held["plan.sha256"]
    sums = [f"{hashlib.sha256(content).hexdigest()}  {each}\n" for each, content in held.items()]
    held["plan.sha256"] = "".join(sums).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in held.items():
            archive.writestr(each, content)
    return path


def loaded(good: Path) -> Any:
    return json.loads(dict(members(good))["plan.json"])


def test_the_plan_that_is_doctored_has_all_that_a_plan_may_have(good: Path) -> None:
    plan = loaded(good)
    of_host = plan["hosts"][HOSTS[0]]
    of_peer = plan["peers"]["AS64500"]["filters"]["ipv4"]
    name = next(iter(of_host["filters"]))
    for each in (of_host["filters"][name], of_peer, of_host, plan["inputs"]):
        empty = [key for key, value in each.items() if value in ("", [], {}, None)]
        assert empty in ([], ["note"]), empty


def test_every_text_with_what_a_terminal_would_obey(good: Path, tmp_path: Path) -> None:
    plan = loaded(good)
    tried = 0
    for where, is_key in texts(plan):
        for bad in CONTROL[:2] if tried > 40 else CONTROL:
            path = doctored(
                good,
                tmp_path / "plan.zip",
                "plan.json",
                put(bad, where, is_key=is_key),
            )
            with pytest.raises(PlanError) as raised:
                PlanFile(path)
            assert str(raised.value).isprintable(), (where, bad)
            tried += 1
    assert tried > 300


PATHS = ["../x", "/etc/passwd", "a/b", "..", "-x", ""]
WORDS = ["a b;c", "$(x)", "a.b"]
NAMES = ["filter", "peer", "peer's filter", "peer of a filter"]


@pytest.mark.parametrize(
    ("kind", "bad"),
    [("host", bad) for bad in PATHS] + [(kind, bad) for kind in NAMES for bad in PATHS + WORDS],
)
def test_names_that_could_be_a_path_or_a_command(
    good: Path, tmp_path: Path, kind: str, bad: str
) -> None:
    name = "IRR-AS64500-V4"
    filters: Where = ("hosts", HOSTS[0], "filters", name)
    where: Where = {
        "host": ("hosts", HOSTS[0]),
        "filter": filters,
        "peer": ("peers", "AS64500"),
        "peer's filter": ("peers", "AS64500", "filters", "ipv4", "name"),
        "peer of a filter": (*filters, "peer"),
    }[kind]
    is_key = kind in {"host", "filter", "peer"}
    edit = put(bad, where, is_key=is_key)
    with pytest.raises(PlanError):
        PlanFile(doctored(good, tmp_path / "plan.zip", "plan.json", edit))


def test_the_prefixes_of_a_delta(good: Path, tmp_path: Path) -> None:
    name = f"hosts/{HOSTS[0]}/delta.json"
    delta = json.loads(dict(members(good))[name])
    for where, is_key in texts(delta):
        for bad in CONTROL:
            if is_key and where[-1] in {"added", "removed"}:
                continue
            path = doctored(
                good,
                tmp_path / "plan.zip",
                name,
                put(bad, where, is_key=is_key),
            )
            with PlanFile(path) as opened, pytest.raises(PlanError):
                opened.delta(HOSTS[0])


@pytest.mark.parametrize(
    "edit",
    [
        {"created": "2026-01-01T00:00:00"},
        {"created": "yesterday"},
        {"expires": "2026-01-02"},
        {"purpose": "attack"},
        {"purpose": "rollback"},
        {"rollback_of": 3},
        {"summary": {}},
        {"summary": {"hosts_change": 0}},
        {"inputs": {}},
    ],
)
def test_what_contradicts_itself(good: Path, tmp_path: Path, edit: dict[str, Any]) -> None:
    with pytest.raises(PlanError):
        PlanFile(doctored(good, tmp_path / "plan.zip", "plan.json", lambda plan: {**plan, **edit}))

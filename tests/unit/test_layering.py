"""The house's rules on imports and sizes, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
FLOORS: Final = ("irrgate", "tasks", "playbooks")
"""from the ground up: imports go down only"""

NOT_IN_THE_DOMAIN: Final = {
    "nornir", "nornir_napalm", "napalm", "nornir_utils", "rich", "typer", "click",
    "pyeapi", "jnpr", "ncclient", "netmiko", "paramiko",
}  # fmt: skip
"""what the domain code knows nothing of: sessions to routers, and the terminal"""

MAX_FILE_LINES: Final = 400
MAX_TEST_LINES: Final = 500
"""a list of cases is read one by one, and may be longer"""
MAX_FUNCTION_LINES: Final = 50
NAMES_THAT_SAY_NOTHING: Final = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
SOURCES: Final = tuple(sorted(p for floor in FLOORS for p in (ROOT / floor).rglob("*.py")))
ALL_SOURCES: Final = SOURCES + tuple(
    sorted(p for floor in ("tests", "benchmarks") for p in (ROOT / floor).rglob("*.py"))
)


def imported(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of all that a module imports, wherever in it that stands.

    `if TYPE_CHECKING:` and functions are no hiding places, nor are `importlib.import_module("x")`
    and `__import__("x")`.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield node.lineno, base
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in {"import_module", "__import__"}:
                yield node.lineno, str(node.args[0].value)


def forbidden_to(floor: str) -> set[str]:
    """Return the top-level packages that a floor must not import."""
    above = set(FLOORS[FLOORS.index(floor) + 1 :]) | {"tests", "benchmarks"}
    return above | NOT_IN_THE_DOMAIN if floor == "irrgate" else above


def offences(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return what a module imports and must not, as `line: name`."""
    forbidden = forbidden_to(module.partition(".")[0])
    found = imported(ast.parse(source), module, is_package=is_package)
    return [f"{line}: {name}" for line, name in found if name.partition(".")[0] in forbidden]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_look_at() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in SOURCES} == set(FLOORS)
    assert len(SOURCES) > 30


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_imports_go_down_only(path: Path) -> None:
    is_package = path.name == "__init__.py"
    assert offences(path.read_text(), module_of(path), is_package=is_package) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("irrgate.x", "import tasks"),
        ("irrgate.x", "import tasks.commit as c"),
        ("irrgate.x", "from playbooks.cli import main"),
        ("irrgate.x.y", "from nornir.core import Nornir"),
        ("irrgate.x", "import os, napalm.eos"),
        ("irrgate.x", "def f():\n    import rich.console"),
        ("irrgate.x", "if TYPE_CHECKING:\n    from typer import Context"),
        ("irrgate.x", "try:\n    import napalm\nexcept ImportError:\n    pass"),
        ("irrgate.x", "import importlib\nimportlib.import_module('tasks.read')"),
        ("irrgate.x", "__import__('nornir')"),
        ("irrgate.x", "from tests.lab import harness"),
        ("tasks.x", "from playbooks import cli"),
        ("tasks.x", "if TYPE_CHECKING:\n    import playbooks.cli"),
        ("tasks.x", "from ..playbooks import cli"),
        ("playbooks.x", "import tests.lab.demo"),
    ],
)
def test_an_import_that_goes_up_is_found(module: str, source: str) -> None:
    assert offences(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("irrgate.x", "import json\nfrom irrgate.errors import PlanError"),
        ("irrgate.x.y", "from . import z\nfrom ..errors import PlanError"),
        ("irrgate.tasks", "from .tasks import read"),
        ("tasks.x", "import nornir, napalm\nfrom irrgate.plan import Plan"),
        ("playbooks.x", "import rich, typer, tasks.read, irrgate.plan"),
        ("irrgate.x", "'import tasks'  # import tasks"),
    ],
)
def test_an_import_that_goes_down_or_sideways_is_none(module: str, source: str) -> None:
    assert offences(source, module) == []


@pytest.mark.parametrize("path", ALL_SOURCES, ids=named)
def test_files_stay_readable(path: Path) -> None:
    limit = MAX_TEST_LINES if path.name.startswith("test_") else MAX_FILE_LINES
    assert len(path.read_text().splitlines()) <= limit


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return how long a function is without its docstring."""
    first = function.body[1 if ast.get_docstring(function) and function.body[1:] else 0]
    return (function.end_lineno or first.lineno) - first.lineno + 1


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_functions_stay_readable(path: Path) -> None:
    long = {
        node.name: body_lines(node)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_names_say_what_is_inside(path: Path) -> None:
    assert not NAMES_THAT_SAY_NOTHING & set(module_of(path).split("."))

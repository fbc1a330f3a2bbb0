"""The wheel: all that irrgate needs is inside, and it works where there is no source tree."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from irrgate.starter import starter_files

ROOT: Final = Path(__file__).resolve().parents[2]

_RENDER: Final = """
import irrgate
from irrgate.platforms import find_platform
from irrgate.prefixes import Afi, PrefixSet
from irrgate.render import Renderer, shipped_templates
prefixes = PrefixSet.parse(
    Afi.IPV4, ["192.0.2.0/24", "198.51.100.0/25", "203.0.113.128/25", "10.0.0.0/8"]
)
printed = find_platform({platform!r}).printed("IRR-AS64500-V4", prefixes, None)
print(irrgate.__file__, shipped_templates(), sep="\\n")
print(Renderer().render({platform!r}, [printed]), end="")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", directory],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (built,) = directory.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel's content, and nothing else of ours."""
    target = tmp_path_factory.mktemp("installed") / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
         "--disable-pip-version-check", "--target", target, wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    return target


def run(installed: Path, directory: Path, *argv: str | Path) -> str:
    """Run a program on the installed wheel, away from the source tree, and return its output."""
    environ = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        argv, cwd=directory, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    sources = {
        str(path.relative_to(ROOT))
        for package in ("irrgate", "tasks", "playbooks")
        for path in (ROOT / package).rglob("*.py")
    }
    assert sources <= inside
    templates = {f"irrgate/{path.relative_to(ROOT)}" for path in (ROOT / "templates").rglob("*.j2")}
    assert len(templates) >= 2
    assert templates <= inside
    starters = [path for path in inside if path.startswith("irrgate/starter/files/")]
    assert len(starters) == len(starter_files())
    assert "irrgate/py.typed" in inside


def test_nothing_else_is_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
        assert not [name for name in archive.namelist() if "__pycache__" in name]
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "irrgate",
        "tasks",
        "playbooks",
    }


def test_the_console_script(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (entry_points,) = [n for n in archive.namelist() if n.endswith("entry_points.txt")]
        assert "irrgate = playbooks.cli:main" in archive.read(entry_points).decode()
        (metadata,) = [n for n in archive.namelist() if n.endswith("METADATA")]
        told = email.message_from_bytes(archive.read(metadata))
    assert told["Requires-Python"] == ">=3.11"
    assert told.get_all("Requires-Dist")


def test_init_without_a_source_tree(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, sys.executable, installed / "bin" / "irrgate", "init", "net")
    written = {str(p.relative_to(tmp_path / "net")) for p in (tmp_path / "net").rglob("*")
               if p.is_file()}  # fmt: skip
    assert written == set(starter_files())


@pytest.mark.parametrize("platform", ["eos", "junos"])
def test_rendering_without_a_source_tree(installed: Path, tmp_path: Path, platform: str) -> None:
    told = run(installed, tmp_path, sys.executable, "-c", _RENDER.format(platform=platform))
    package, templates, text = told.split("\n", 2)
    assert package == str(installed / "irrgate" / "__init__.py")
    assert templates == str(installed / "irrgate" / "templates")
    assert text == (ROOT / "tests" / "golden" / platform / "singles.txt").read_text()

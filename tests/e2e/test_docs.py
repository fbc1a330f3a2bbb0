"""Every command in the docs is run: a doc that lies fails here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.harness import PROJECT
from tests.lab.network import LabNetwork, lab_network

pytestmark = pytest.mark.e2e

DOCS = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
EXPECTED = {"plan": {0, 2}}


def commands(doc: Path) -> list[list[str]]:
    """Return the irrgate commands of a doc's console blocks, in order."""
    found = []
    for block in BLOCK.findall(doc.read_text(encoding="utf-8")):
        for line in block.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words and words[0].endswith("irrgate"):
                found.append(words[1:])
    return found


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabNetwork]:
    with lab_network(tmp_path_factory.mktemp("docs") / "ws", environ=os.environ) as started:
        yield started


def test_the_commands_of_getting_started(network: LabNetwork) -> None:
    ran = commands(PROJECT / "docs" / "getting-started.md")
    assert len(ran) >= 10
    for arguments in ran:
        done = network.irrgate(*arguments)
        assert done.exit_code in EXPECTED.get(arguments[0], {0}), (arguments, done)


def test_the_commands_of_deploying(tmp_path: Path) -> None:
    ran = commands(PROJECT / "docs" / "deploying.md")
    assert [arguments[0] for arguments in ran] == [
        "plan", "apply", "refresh", "history", "history", "rollback", "apply",
    ]  # fmt: skip
    with lab_network(tmp_path / "ws", environ=os.environ) as network:
        for arguments in ran:
            done = network.irrgate(*(word.replace("12", "1") for word in arguments))
            expected = {"plan": 2, "rollback": 2}.get(arguments[0], 0)
            assert done.exit_code == expected, (arguments, done)


@pytest.mark.parametrize("doc", ["README.md", "docs/irr-server.md"])
def test_the_commands_of_the_others(doc: str, network: LabNetwork, tmp_path: Path) -> None:
    script = PROJECT / ".venv" / "bin" / "irrgate"
    for arguments in commands(PROJECT / doc):
        done = subprocess.run(
            [script if script.exists() else "irrgate", *arguments],
            cwd=tmp_path if doc == "README.md" else network.directory,
            env=network.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (arguments, done.stderr)


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: str(doc.relative_to(PROJECT)))
def test_links_lead_somewhere(doc: Path) -> None:
    for target in LINK.findall(doc.read_text(encoding="utf-8")):
        assert (doc.parent / target).exists(), target


def test_every_make_target_in_the_readme_is_there() -> None:
    makefile = (PROJECT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", (PROJECT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target

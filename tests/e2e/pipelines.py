"""Runs the scripts of docs/automation as a runner would: bash, in the workspace's directory."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.e2e.desk import Desk
from tests.lab.harness import PROJECT
from tests.lab.network import Finished, irrgate_argv

AUTOMATION = PROJECT / "docs" / "automation"
_GH = r"""#!/bin/bash
# Keeps what it was given, one call a line; --edit-last fails while there is no comment to edit.
body=; edit=
for (( at = 1; at <= $#; at++ )); do
    case "${!at}" in
        --body-file) next=$(( at + 1 )); body="${!next}" ;;
        --edit-last) edit=1 ;;
    esac
done
[ -n "$GH_TOKEN" ] || exit 4
[ -z "$edit" ] || [ -e "$GH_COMMENT" ] || exit 1
echo "$GH_REPO $*" >> "$GH_COMMENT.calls"
cp "$body" "$GH_COMMENT"
"""


def jobs(path: str) -> dict[str, Any]:
    """Return a pipeline of docs/automation, as YAML has it."""
    loaded: dict[str, Any] = YAML(typ="safe").load(AUTOMATION / path)
    return loaded


def settle_at_once(desk: Desk) -> None:
    """Leave out the wait before BGP sessions are looked at: none of these tests is about it."""
    path = desk.directory / "inventory" / "network.yaml"
    text = path.read_text(encoding="utf-8")
    if "\napply:" not in text:
        path.write_text(f"{text}apply: {{settle: 0}}\n", encoding="utf-8")


@dataclass
class Runner:
    """A runner with irrgate, and with a `gh` that keeps what it is given."""

    desk: Desk
    bin: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bin.mkdir()
        settle_at_once(self.desk)
        self._command("irrgate", f'#!/bin/sh\nexec {shlex.join(irrgate_argv())} "$@"\n')
        self._command("gh", _GH)

    def _command(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def bash(self, lines: Iterable[str], environ: Mapping[str, str]) -> Finished:
        """Run lines as both vendors' runners do: one shell, ended by the first that fails."""
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=self.desk.directory,
            env={
                **self.desk.environ,
                "PATH": f"{self.bin}:{self.desk.environ['PATH']}",
                **self.environ,
                **environ,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


_EXPRESSION = re.compile(r"\$\{\{ ([\w.]+) \}\}")


def filled(text: str, context: Mapping[str, str]) -> str:
    """Return a value of a GitHub workflow with its expressions replaced."""
    return _EXPRESSION.sub(lambda found: context[found[1]], text)


def output_of(path: Path) -> dict[str, str]:
    """Return what steps wrote to $GITHUB_OUTPUT."""
    return dict(line.split("=", 1) for line in path.read_text().splitlines())

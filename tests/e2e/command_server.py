"""Runs irrgate's command line again and again without loading it again: each run is a fork.

    python -m tests.e2e.command_server

Loading typer, pydantic, Nornir and the NAPALM drivers takes a second of CPU, which a test that
runs four commands would spend on nothing else. This process loads them once; each run is a process
of its own, with its own environment, working directory and output, that ends as the console script
does. What is about starting or ending a process is tested with the console script itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.harness import PROJECT
from tests.lab.network import Finished


class CommandServer:
    """The client's end."""

    def __init__(self, process: subprocess.Popen[str], directory: Path) -> None:
        self._process = process
        self._directory = directory

    def run(self, argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> Finished:
        """Run `irrgate ARGV`, and wait until it ends."""
        out, err = self._directory / "stdout", self._directory / "stderr"
        request = {
            "argv": list(argv),
            "environ": dict(environ),
            "cwd": str(cwd),
            "stdout": str(out),
            "stderr": str(err),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "the command server has ended"
        return Finished(int(answer), out.read_text(), err.read_text())


@contextmanager
def command_server(directory: Path) -> Iterator[CommandServer]:
    """Start the server while the block lasts; `directory` is for its files."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.command_server"],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield CommandServer(process, directory)


def serve() -> None:
    """Answer each request on stdin with the exit code of its run; ends with stdin."""
    import napalm.eos  # noqa: PLC0415 - only this process is to load them
    import napalm.junos  # noqa: F401, PLC0415
    import ncclient.transport.session  # noqa: PLC0415

    import irrgate.state  # noqa: F401, PLC0415
    from playbooks.cli import main  # noqa: PLC0415

    # ncclient looks every 0.1 s for something to send, and a router is asked twenty times in a run.
    ncclient.transport.session.TICK = 0.005
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(request)
            main()
            return
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        print(code, flush=True)


def _become(request: Mapping[str, Any]) -> None:
    for descriptor, path, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, request["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, request["stderr"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, mode, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.chdir(request["cwd"])
    sys.argv = ["irrgate", *request["argv"]]


if __name__ == "__main__":
    serve()

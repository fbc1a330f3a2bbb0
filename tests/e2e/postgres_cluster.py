"""A PostgreSQL cluster of the distribution's programs, for tests: unprivileged, on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

PASSWORD: Final = "geh@im/%:?x"
QUOTED: Final = "geh%40im%2F%25%3A%3Fx"
USER: Final = "irrgate"
_SERVICE_USER: Final = "postgres"
"""of the distribution's package: the server refuses to run as root"""

# What is written need not outlive the machine, which only makes the tests faster.
_SETTINGS: Final = "fsync=off full_page_writes=off max_connections=60 shared_buffers=16MB"


def programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, of the newest version; None: not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: p.parts[-3])
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).resolve().parent if there else None


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server, and what is done with it."""

    directory: Path
    bin: Path
    port: int
    _numbers: Iterator[int]

    def url(self, database: str, *, password: str = QUOTED, host: str = "127.0.0.1") -> str:
        return f"postgresql://{USER}:{password}@{host}:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        return f"postgresql+psycopg://{USER}:{QUOTED}@/{database}?host={self.directory}&port={self.port}"

    def new_database(self) -> str:
        name = f"state{next(self._numbers)}"
        self.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return name

    def new_schema(self) -> str:
        """Return the URL of a schema without a table: made faster than a database."""
        name = f"network{next(self._numbers)}"
        self.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        return f"{self.url('postgres')}?options=-csearch_path%3D{name}"

    def execute(
        self, statement: sql.SQL | sql.Composed, database: str = "postgres"
    ) -> list[tuple[object]]:
        with psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, dbname=database,
            autocommit=True,
        ) as connection:  # fmt: skip
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def restart(self) -> None:
        self.control("restart", "-m", "immediate")

    def control(self, *words: str) -> None:
        settings = " ".join(f"-c {each}" for each in _SETTINGS.split())
        options = f"{settings} -p {self.port} -k {self.directory} -c listen_addresses=127.0.0.1"
        log = self.directory / "log"
        run([self.bin / "pg_ctl", "-D", self.directory / "data", "-w", "-l", log, "-o", options,
             *words])  # fmt: skip


def run(command: Sequence[str | Path]) -> None:
    """Run a program of PostgreSQL's as a user that it accepts."""
    if os.geteuid() == 0:
        as_user = ["setpriv", f"--reuid={_SERVICE_USER}", f"--regid={_SERVICE_USER}"]
        command = [*as_user, "--clear-groups", *command]
    # The server inherits the streams of pg_ctl: a pipe would never end.
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False, cwd="/",
    )  # fmt: skip
    assert done.returncode == 0, command


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def cluster(programs_in: Path) -> Iterator[Cluster]:
    """Start a cluster in a folder of its own, and remove it at the end."""
    # Not below pytest's: the path of a unix socket has at most 107 bytes, and the user must enter.
    with tempfile.TemporaryDirectory(prefix="irrgate-pg-") as made:
        directory = Path(made)
        secret = directory / "password"
        secret.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(directory, _SERVICE_USER, _SERVICE_USER)
            shutil.chown(secret, _SERVICE_USER)
        run([programs_in / "initdb", "-D", directory / "data", "-U", USER, "-A", "scram-sha-256",
             "--pwfile", secret, "-N", "-E", "UTF8", "--locale", "C"])  # fmt: skip
        started = Cluster(directory, programs_in, free_port(), count(1))
        started.control("start")
        try:
            yield started
        finally:
            started.control("stop", "-m", "immediate")

"""A real IRRd for tests: from .venv-irrd, on a PostgreSQL database and a Redis of its own.

`.ci/install-irrd` installs it. Nothing here needs root or the Internet, and nothing outlives the
block: databases and log lie in the folder that the caller gives, every socket on loopback.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
VIRTUAL_ENVIRONMENT: Final = ROOT / ".venv-irrd"
VERSION: Final = "4.5.4"

READY_SECONDS: Final = 60.0
"""Four to ten here for 100 objects; most of it is the start of Python, eight times over."""
END_SECONDS: Final = 10.0
WHOIS_WORKERS: Final = 4
"""each serves one connection at a time, from its first query to its end"""

_IMPORTED = re.compile(
    r"File import for (?P<source>\S+): (?P<read>\d+) objects read, (?P<kept>\d+) objects inserted"
)
_RELOADED: Final = "Completed preload store update"
QUIET_SECONDS: Final = 0.5
"""IRRd answers from memory, which it fills anew after each import: routes first, then sets."""
_REFUSED = re.compile(r"Parser error messages: \[(?P<messages>.*)\]; original object text")


class IrrdError(AssertionError):
    """An IRRd that does not do as expected; with the end of its log."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many objects of a source IRRd read, and how many it kept."""

    read: int
    kept: int


@dataclass(frozen=True, slots=True)
class RealIrrd:
    """A running IRRd that answers on 127.0.0.1, all sources loaded."""

    port: int
    log: Path
    settings: Path
    process: subprocess.Popen[bytes]

    def imported(self) -> dict[str, Imported]:
        """Return what IRRd says of each source's import."""
        found = _IMPORTED.finditer(self.log.read_text())
        return {each["source"]: Imported(int(each["read"]), int(each["kept"])) for each in found}

    def reload(self, settings: Mapping[str, Any]) -> None:
        """Put other settings in force; what was sent is in force a moment later."""
        self.settings.write_text(json.dumps(settings))
        self.process.send_signal(signal.SIGHUP)

    def refusals(self) -> list[str]:
        """Return why IRRd refused objects, in the order in which it met them."""
        return [each["messages"] for each in _REFUSED.finditer(self.log.read_text())]


def programs() -> Path | None:
    """Return the folder of IRRd's programs; None: it or its Redis is not installed."""
    ready = VIRTUAL_ENVIRONMENT / f".ready-{VERSION}"
    found = ready.exists() and shutil.which("redis-server") is not None
    return VIRTUAL_ENVIRONMENT / "bin" if found else None


def split_by_source(dump: str, directory: Path) -> dict[str, Path]:
    """Write each source's objects of a dump to a file of its own, as IRRd imports them."""
    texts: dict[str, list[str]] = {}
    for paragraph in re.split(r"\n[ \t]*\n", dump):
        lines = [line for line in paragraph.splitlines() if line[:1] not in {"#", "%"}]
        text = "\n".join(lines).strip("\n")
        if found := re.search(r"^source:\s*(\S+)", text, re.MULTILINE):
            texts.setdefault(found[1], []).append(text)
    paths = {source: directory / f"{source}.db" for source in texts}
    for source, path in paths.items():
        path.write_text("\n\n".join(texts[source]) + "\n")
    return paths


def configuration(
    directory: Path, database_url: str, ports: tuple[int, int], sources: Mapping[str, Path]
) -> dict[str, Any]:
    """Return IRRd's settings; `ports` are those of whois and HTTP."""
    whois, http = ports
    loopback = "127.0.0.1"
    return {
        "irrd": {
            "database_url": database_url,
            "redis_url": f"unix://{directory}/redis.sock",
            "piddir": str(directory),
            "email": {"from": "irrd@example.net", "smtp": "localhost"},
            "auth": {"gnupg_keyring": str(directory / "gnupg")},
            # Its default is an address on the Internet.
            "rpki": {"roa_source": None},
            "server": {
                "whois": {"interface": loopback, "port": whois, "max_connections": WHOIS_WORKERS},
                "http": {
                    "interface": loopback, "port": http, "url": f"http://{loopback}:{http}/",
                    "workers": 1,
                },
            },
            "sources": {
                name: {"import_source": f"file://{path}", "import_timer": 86400}
                for name, path in sources.items()
            },
        }
    }  # fmt: skip


@contextmanager
def real_irrd(
    programs_in: Path, directory: Path, database_url: str, sources: Mapping[str, Path]
) -> Iterator[RealIrrd]:
    """Run IRRd on an empty PostgreSQL database (with pgcrypto) while the block lasts.

    `sources` are searched in their order. `directory` is a short path: a Unix socket is in it.
    """
    (directory / "gnupg").mkdir(mode=0o700)
    ports = _free_port(), _free_port()
    settings = directory / "irrd.yaml"
    # What is JSON is YAML as well.
    settings.write_text(json.dumps(configuration(directory, database_url, ports, sources)))
    log = directory / "irrd.log"
    with _redis(directory), log.open("w") as output:
        _run(programs_in / "irrd_database_upgrade", settings, log)
        process = _start([programs_in / "irrd", "--foreground", "--config", settings], output)
        try:
            started = RealIrrd(ports[0], log, settings, process)
            _wait(started, sources)
            yield started
        finally:
            _end(process)


def check_configuration(programs_in: Path, settings: Path) -> list[str]:
    """Return what IRRd's own checker finds wrong with a file of settings."""
    code = (
        "import sys, irrd.conf as c\n"
        "try: c.config_init(sys.argv[1], commit=False)\n"
        "except c.ConfigurationError as exc: print(exc)\n"
    )
    done = subprocess.run(
        [programs_in / "python", "-c", code, settings],
        capture_output=True, text=True, env=_environ(), timeout=READY_SECONDS, check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def _environ() -> dict[str, str]:
    # CI lets IRRd run as root, as in a container; the other one is IRRd's own for its tests: it
    # looks each second, not each third one, which source is to be imported next.
    return {**os.environ, "CI": "1", "IRRD_TESTING_FAST_SCHEDULER_OVERRIDE": "1"}


@contextmanager
def _redis(directory: Path) -> Iterator[None]:
    path = directory / "redis.sock"
    process = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no",
         "--dir", directory],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + READY_SECONDS
        while not path.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise IrrdError(f"redis-server did not start: {process.returncode}")
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(END_SECONDS)


def _run(program: Path, settings: Path, log: Path) -> None:
    done = subprocess.run(
        [program, "--config", settings],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, env=_environ(),
        timeout=READY_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise IrrdError(f"{program.name} ended with {done.returncode}: {done.stderr[-2000:]}")


def _start(command: list[str | Path], output: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        env=_environ(), start_new_session=True,
    )  # fmt: skip


def _wait(started: RealIrrd, sources: Mapping[str, Path]) -> None:
    """Wait until every source is imported, and every worker has in memory what was imported."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until and started.process.poll() is None:
        reloads = started.log.read_text().count(_RELOADED)
        if set(started.imported()) == set(sources) and _is_seen(started.port, sources):
            time.sleep(QUIET_SECONDS)
            if started.log.read_text().count(_RELOADED) == reloads:
                return
        time.sleep(0.1)
    raise IrrdError(f"IRRd is not ready; its log ends with:\n{started.log.read_text()[-3000:]}")


def _is_seen(port: int, sources: Mapping[str, Path]) -> bool:
    """Tell whether each worker has the first route of each source: as many clients as workers."""
    probes = b"!!\n" + b"".join(map(_probe, sources, sources.values())) + b"!q\n"
    with ExitStack() as stack:
        try:
            clients = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), 10))
                for _ in range(WHOIS_WORKERS)
            ]
            for client in clients:
                client.sendall(probes)
            # To the end: a connection that is reset makes IRRd close another one 30 s later.
            answers = [client.makefile("rb").read() for client in clients]
        except OSError:
            return False
    return all(b"\nD\n" not in b"\n" + answer for answer in answers)


def _probe(source: str, dump: Path) -> bytes:
    found = re.search(r"^(route6?):.*\n(?:.+\n)*?origin:\s*(AS\d+)", dump.read_text(), re.MULTILINE)
    assert found, f"{source} has no route"
    return f"!s{source}\n!{'6' if found[1] == 'route6' else 'g'}{found[2]}\n".encode()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End IRRd and its dozen of children, each of which is in the session of the first."""
    process.terminate()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

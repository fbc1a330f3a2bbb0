"""Commands on this very machine, without a shell between."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Final

from tasks.drivers.errors import CommandFailed, TimedOut

SYSTEM_PATHS: Final = "/usr/local/sbin:/usr/sbin:/sbin"
"""where the daemons' programs are, and where an ordinary user's PATH does not look"""


class LocalTransport:
    """Runs commands as processes of this one; see Transport."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._open = True

    def execute(
        self, argv: Sequence[str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run one command in a session of its own; see Transport."""
        path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_PATHS}"
        environ = {**os.environ, "PATH": path, "LC_ALL": "C"}
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environ,
                start_new_session=True,
            )
        except OSError as exc:
            raise CommandFailed(self._name, f"{argv[0]}: {exc.strerror}") from exc
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            raise TimedOut(
                self._name, f"{argv[0]} did not end within {timeout:g} s", hint=SLOW
            ) from None
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.communicate()
        code = process.returncode
        return (code if code >= 0 else 128 - code), stdout, stderr

    def is_alive(self) -> bool:
        """Tell whether it was not closed."""
        return self._open

    def close(self) -> None:
        """Say that no more commands are to come."""
        self._open = False


SLOW: Final = "if it is only slow, raise timeout under connection_options.napalm.extras"

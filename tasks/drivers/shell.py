"""Commands and files on a router that is an ordinary system, here or over SSH.

Nothing is typed into a terminal: each command is one vector of arguments with its own exit code,
stdout and stderr, so there is no prompt to wait for and no escape sequence to interpret.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from irrgate.errors import DeviceError
from tasks.drivers.errors import CommandFailed
from tasks.drivers.local import LocalTransport
from tasks.drivers.ssh import SshTransport

OPTIONS: Final = frozenset(
    {
        "transport", "sudo", "port", "known_hosts", "verify_host", "key_file", "use_agent",
        "ssh_config_file",
    }
)  # fmt: skip
"""of NAPALM's optional_args, those that `open_shell` reads"""

MISSING_FILE: Final = 44
"""the exit code by which our scripts say that a file is not there"""
SHORT_INPUT: Final = 45
"""and that what arrived is not what was sent"""

_READ: Final = f"""\
[ -e "$1" ] || exit {MISSING_FILE}
exec cat -- "$1"
"""
# The connection may end in the middle of the content, which looks like its end: so the length
# is compared before the new file takes the old one's place. Owner and mode stay.
_WRITE: Final = f"""\
set -eu
umask 077
path=$(readlink -f -- "$1" || printf %s "$1")
new="${{path%/*}}/.${{path##*/}}.irrgate-$$"
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
if [ -e "$path" ]; then cp -p -- "$path" "$new"; fi
cat > "$new"
[ "$(wc -c < "$new")" -eq "$2" ] || exit {SHORT_INPUT}
if [ -n "$3" ]; then chmod "$3" "$new"; elif [ ! -e "$path" ]; then chmod 644 "$new"; fi
sync "$new" 2>/dev/null || sync
mv -f -- "$new" "$path"
sync "${{path%/*}}" 2>/dev/null || sync
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command."""

    exit_code: int
    """as the shell counts: 128 and the number of the signal that ended it"""
    stdout: str
    """UTF-8; a byte that is none is the replacement character"""
    stderr: str

    @property
    def said(self) -> str:
        """Both outputs, the errors first: what a person would have read."""
        return "\n".join(each for each in (self.stderr.strip(), self.stdout.strip()) if each)


class Transport(Protocol):
    """How a command gets to where it runs."""

    def execute(
        self, argv: Sequence[str], stdin: bytes, timeout: float
    ) -> tuple[int, bytes, bytes]:
        """Run one command to its end: (exit code, stdout, stderr).

        Raises TimedOut after `timeout` seconds, ConnectionFailed when the connection ends first.
        """

    def is_alive(self) -> bool:
        """Tell whether another command could be run."""

    def close(self) -> None:
        """End the connection; a command that still runs is left alone."""


class Shell:
    """Runs commands, as root by `sudo -n` where that is asked for, and reads and writes files."""

    def __init__(self, transport: Transport, name: str, *, sudo: bool, timeout: float) -> None:
        self._transport = transport
        self.name = name
        """of the router, for errors"""
        self._sudo = sudo
        self.timeout = timeout
        """seconds that a command gets unless it is told otherwise"""

    def run(
        self, argv: Sequence[str], stdin: bytes | str = b"", timeout: float | None = None
    ) -> Ran:
        """Run one command, whatever its exit code; see Transport for what is raised."""
        command = ["sudo", "-n", "--", *argv] if self._sudo else list(argv)
        sent = stdin.encode() if isinstance(stdin, str) else stdin
        code, stdout, stderr = self._transport.execute(
            command, sent, self.timeout if timeout is None else timeout
        )
        return Ran(code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))

    def script(
        self,
        text: str,
        arguments: Sequence[str] = (),
        stdin: bytes | str = b"",
        timeout: float | None = None,
    ) -> Ran:
        """Run a POSIX shell script, with its arguments as $1 and so on."""
        return self.run(["sh", "-c", text, "irrgate", *arguments], stdin, timeout)

    def check(
        self, argv: Sequence[str], stdin: bytes | str = b"", timeout: float | None = None
    ) -> Ran:
        """Run one command; raises CommandFailed, with what it said, unless it exits 0."""
        ran = self.run(argv, stdin, timeout)
        if ran.exit_code:
            raise self.failed(shlex.join(argv[:4]), ran)
        return ran

    def failed(self, what: str, ran: Ran) -> CommandFailed:
        """Return the error of a command that failed, in its own words."""
        said = ran.said or f"exit code {ran.exit_code} without a word"
        hint = ""
        if "sudo:" in ran.stderr:
            hint = "sudo: true needs a user who may run commands without a password (NOPASSWD)"
        return CommandFailed(self.name, f"{what}: {said}", hint=hint)

    def get(self, path: str) -> bytes | None:
        """Return a file's content; None when there is no such file. Raises CommandFailed."""
        command = ["sh", "-c", _READ, "irrgate", path]
        if self._sudo:
            command = ["sudo", "-n", "--", *command]
        code, stdout, stderr = self._transport.execute(command, b"", self.timeout)
        if code == MISSING_FILE:
            return None
        if code:
            ran = Ran(code, "", stderr.decode(errors="replace"))
            raise self.failed(f"read {path}", ran)
        return stdout

    def put(self, path: str, content: bytes, mode: int | None = None) -> None:
        """Write a file: whole or not at all, and on the disk when this returns.

        An existing file keeps its owner, and its mode unless one is given; a new one gets 0644.
        A symbolic link is followed. Raises CommandFailed, and the old file stands.
        """
        digits = "" if mode is None else f"{mode:o}"
        ran = self.script(_WRITE, [path, str(len(content)), digits], content)
        if ran.exit_code == SHORT_INPUT:
            raise CommandFailed(self.name, f"write {path}: it did not arrive whole")
        if ran.exit_code:
            raise self.failed(f"write {path}", ran)

    def is_alive(self) -> bool:
        """Tell whether another command could be run."""
        return self._transport.is_alive()

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._transport.close()


def open_shell(
    hostname: str,
    username: str,
    password: str,
    timeout: float,
    options: Mapping[str, Any],
) -> Shell:
    """Return a shell on the router; `options` are the driver's optional_args, see OPTIONS.

    Raises ConnectionFailed, LoginRefused or TimedOut; DeviceError for options that cannot be.
    """
    sudo = flag(hostname, options, "sudo", default=False)
    transport = options.get("transport", "ssh")
    if transport == "local":
        return Shell(LocalTransport(hostname), hostname, sudo=sudo, timeout=timeout)
    if transport != "ssh":
        raise DeviceError(hostname, f"transport must be ssh or local, not {transport!a}")
    connection = SshTransport.connect(
        hostname,
        username,
        password,
        timeout,
        port=options.get("port"),
        known_hosts=options.get("known_hosts"),
        verify=flag(hostname, options, "verify_host", default=True),
        key_file=options.get("key_file"),
        use_agent=flag(hostname, options, "use_agent", default=True),
        ssh_config_file=options.get("ssh_config_file"),
    )
    return Shell(connection, hostname, sudo=sudo, timeout=timeout)


def flag(hostname: str, options: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """Return an option that is true or false, or raise DeviceError."""
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise DeviceError(hostname, f"{name} must be true or false, not {value!a}")
    return value

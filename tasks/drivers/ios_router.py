"""What is asked of an IOS router, and what its answers say."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from irrgate.platforms.numbered import Key
from irrgate.platforms.numbered_lines import FAMILIES, KEYWORDS
from tasks.drivers.cli_terminal import CliTerminal, Refusal
from tasks.drivers.errors import CommandFailed, CommitRefused, Locked

NOISE: Final = (r"Rollback Confirmed Change: ", r"Enter configuration commands")
"""what IOS says on a terminal without having been asked"""
MAX_MINUTES: Final = 120
"""the longest time that IOS waits for a confirmation"""
_TOLD: Final = 3
"""refused lines that are told; the rest is counted"""
_LINE: Final = re.compile(r"^(ip|ipv6) prefix-list (\S+) (.*\S)[ \r]*$", re.MULTILINE)
_COUNT: Final = re.compile(r"\bcount: *([0-9]+)")
_FREE: Final = re.compile(r"\(([0-9]+) bytes free\)")
_MD5: Final = re.compile(r"= *([0-9a-f]{32})\b")
_COPIED: Final = re.compile(r"([0-9]+) bytes copied")
_CONFIGURED: Final = re.compile(r"Time configured.*?: *(.*\S)")
_MINUTES: Final = re.compile(r"Timer value: *([0-9]+) min")
_USER: Final = re.compile(r"User: *(.*\S)")
_CLOCK: Final = "%H:%M:%S %a %b %d %Y"
_ERROR: Final = re.compile(
    r"^\s*%(?![A-Z0-9_]+-[0-7]-[A-Z0-9_]+:)|^Command authorization failed|\bfailed\b", re.MULTILINE
)
"""what IOS says when it does not do it, and no log message"""
_NO_BGP: Final = re.compile(
    r"Invalid input|not (?:active|running|configured|enabled|supported)|^% No such|obsolete",
    re.MULTILINE,
)
_QUIET: Final[Mapping[str, str]] = {
    r"Destination filename \[[^]]*\]\?": "",
    r"\[confirm\]": "",
}


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change that IOS takes back by itself unless it is confirmed."""

    user: str
    configured: str
    """when the time was set, by the router's clock, as it prints it"""
    seconds: int
    """left; -1 where it cannot be told"""


class IosRouter:
    """Asks one router, through a terminal in privileged mode."""

    def __init__(self, terminal: CliTerminal, hostname: str) -> None:
        self._terminal = terminal
        self._hostname = hostname

    def shown(self, what: str, *, timeout: float | None = None) -> str:
        """Return what `show` prints; raises CommandFailed for what IOS does not know."""
        output = self._terminal.run(f"show {what}", timeout=timeout)
        if output.lstrip().startswith(("% Invalid", "% Incomplete", "% Ambiguous", "^")):
            raise self._failed(f"show {what}", output)
        return output

    def running(self) -> str:
        """Return `show running-config`, of which the line `end` says that it is whole."""
        return self.shown("running-config")

    def sessions(self, what: str) -> str:
        """Return what `show` prints of BGP; empty where there is none of the kind.

        Raises CommandFailed for what is neither: sessions that are not seen are not watched.
        """
        output = self._terminal.run(f"show {what}")
        # First, since a description may have the words of what there is not.
        if "BGP neighbor is" in output or "router identifier" in output:
            return output
        if output.strip() and not _NO_BGP.search(output):
            raise self._failed(f"show {what}", output)
        return ""

    def count(self, key: Key) -> int:
        """Return how many entries a list has, without having all of them printed."""
        afi, name = key
        said = self._terminal.run(f"show {KEYWORDS[afi]} prefix-list summary {name}")
        match = _COUNT.search(said)
        return int(match[1]) if match else len(lists_of(self.running()).get(key, ()))

    # What changes it

    def configure(
        self, lines: Sequence[str], *, minutes: int | None = None, timeout: float
    ) -> list[Refusal]:
        """Enter lines in configuration mode; return what was said to any of them.

        With `minutes`, IOS takes back what comes from now on, unless it is confirmed. Raises
        Locked, or CommitRefused where IOS does not let us in, or has nothing to go back by.
        """
        command = "configure terminal"
        if minutes is not None:
            command += f" revert timer {minutes}"
        said = self._terminal.run(command)
        if "locked" in said.lower():
            raise Locked(self._hostname, f"its configuration is locked: {_one_line(said)}")
        if _ERROR.search(said):
            raise CommitRefused(self._hostname, f"{command}: {_one_line(said)}")
        refused = self._terminal.paste(lines, timeout=timeout) if lines else []
        # A connection that broke, or on which nothing is answered, is given up as it is.
        self._terminal.run("end")
        return refused

    def copy_to_running(self, path: str, timeout: float) -> list[Refusal]:
        """Let IOS take lines from a file; return what it said to any of them."""
        command = f"copy {path} running-config"
        said = self._terminal.run(command, timeout=timeout, answers=_QUIET)
        refused = [Refusal(path, line.strip()) for line in said.split("\n") if _ERROR.search(line)]
        if not refused and not _COPIED.search(said):
            raise self._failed(command, said)
        return refused

    def save(self) -> None:
        """Write the startup config; raises CommandFailed where IOS does not say that it did."""
        said = self._terminal.run("write memory", answers=_QUIET)
        if "[OK]" not in said:
            raise self._failed("write memory", said)

    def clear(self, commands: Iterable[str]) -> None:
        """Let BGP sessions look again at their routes."""
        for command in commands:
            self._checked(command)

    # What reverts by itself

    def pending(self) -> PendingChange | None:
        """Return the change that waits to be confirmed, whoever made it."""
        said = self._terminal.run("show archive config rollback timer")
        minutes, configured = _MINUTES.search(said), _CONFIGURED.search(said)
        if minutes and configured:
            user = _USER.search(said)
            left = self._seconds_left(configured[1], int(minutes[1]))
            return PendingChange(user[1] if user else "", configured[1], left)
        # A router without an archive has no such command, or says that it has none.
        if "pending" in said or "not enabled" in said or said.lstrip().startswith(("%", "^")):
            return None
        raise self._failed("show archive config rollback timer", said)

    def _seconds_left(self, configured: str, minutes: int) -> int:
        since, now = _clock_time(configured), _clock_time(self.clock())
        if since is None or now is None:
            return -1
        return max(minutes * 60 - int((now - since).total_seconds()), 0)

    def clock(self) -> str:
        """Return the router's time as it prints it."""
        return self.shown("clock").strip().lstrip("*.")

    def has_archive(self) -> bool:
        """Tell whether IOS has where to keep what it would go back to."""
        return "not enabled" not in self.shown("archive")

    def set_timer(self, minutes: int) -> None:
        """Let the time of the change that waits begin anew."""
        self._checked(f"configure revert timer {minutes}")

    def confirm(self) -> None:
        """Let the change that waits stay."""
        self._checked("configure confirm")

    def revert_now(self, timeout: float) -> None:
        """Let IOS take back the change that waits, by its own way."""
        said = self._terminal.run("configure revert now", timeout=timeout, answers=_QUIET)
        if _ERROR.search(said):
            raise self._failed("configure revert now", said)

    # Files

    def free(self, file_system: str) -> int:
        """Return the bytes that are free."""
        said = self._terminal.run(f"dir {file_system}")
        match = _FREE.search(said)
        if match is None:
            raise self._failed(f"dir {file_system}", said)
        return int(match[1])

    def has_file(self, path: str, text: str, timeout: float) -> bool:
        """Tell whether a file holds just this text."""
        said = self._terminal.run(f"verify /md5 {path}", timeout=timeout)
        match = _MD5.search(said)
        expected = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
        return match is not None and match[1] == expected

    def delete(self, path: str) -> None:
        """Remove a file, whether it is there or not."""
        self._terminal.run(f"delete /force {path}")

    def _checked(self, command: str) -> None:
        said = self._terminal.run(command, answers=_QUIET)
        if _ERROR.search(said):
            raise self._failed(command, said)

    def _failed(self, command: str, said: str) -> CommandFailed:
        return CommandFailed(self._hostname, f"{command}: {_one_line(said) or 'no answer'}")


def upload(connection: Any, text: str, path: str) -> None:
    """Send a file by SCP, over an SSH connection of its own to the same router, verified as it."""
    # Loading netmiko takes a while, which only those should wait who go to a router.
    from netmiko.scp_handler import SCPConn  # noqa: PLC0415

    with tempfile.NamedTemporaryFile("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        scp = SCPConn(connection, socket_timeout=connection.timeout)
        try:
            scp.scp_put_file(str(Path(file.name)), path)
        finally:
            scp.close()


def lists_of(running: str) -> dict[Key, tuple[str, ...]]:
    """Return what stands on the lines of each prefix list after its name, in their order.

    Descriptions are left out.
    """
    found: dict[Key, list[str]] = {}
    for keyword, name, rest in _LINE.findall(running):
        if not rest.startswith("description "):
            found.setdefault((FAMILIES[keyword], name), []).append(rest)
    return {key: tuple(rests) for key, rests in found.items()}


def told(refused: Sequence[Refusal]) -> str:
    """Return what was refused as a person reads it."""
    more = len(refused) - _TOLD
    shown = "; ".join(map(str, refused[:_TOLD]))
    return f"{shown}; and {more} more" if more > 0 else shown


def is_before(one: str, other: str) -> bool:
    """Tell whether one time of a router's clock is before another; False where either is none."""
    first, second = _clock_time(one), _clock_time(other)
    return first is not None and second is not None and first < second


def _clock_time(text: str) -> datetime | None:
    """Return a time as `show clock` prints it, without its zone: both times have the same."""
    match = re.search(r"(\d+:\d+:\d+)(?:\.\d+)? (?:\S+ )?(\w{3} \w{3} +\d+ \d{4})", text)
    if match is None:
        return None
    try:
        return datetime.strptime(f"{match[1]} {' '.join(match[2].split())}", _CLOCK)  # noqa: DTZ007
    except ValueError:
        return None


def _one_line(said: str) -> str:
    return " ".join(word for word in said.split() if word != "^")

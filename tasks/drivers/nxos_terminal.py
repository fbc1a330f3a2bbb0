"""The command line of NX-OS on a terminal: each line waits for its prompt, and its answer is read.

No line is sent ahead: what is typed while a command runs is echoed wherever the terminal is then,
and nobody could tell any more what was answered to which line.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from typing import Final

import paramiko

from tasks.drivers.errors import CommandFailed, CommitRefused, ConnectionFailed, TimedOut
from tasks.drivers.local import SLOW
from tasks.drivers.ssh import LOGIN_TIMEOUT

COLUMNS: Final = 511
"""of the terminal, the widest that NX-OS has: no line of ours is longer"""

_RECEIVE: Final = 1 << 17
_TAIL: Final = 400
"""characters at the end of what came in which a prompt is looked for"""
_FIRST_PROMPT: Final = re.compile(r"(?:\A|[\r\n])([^\s#>()]{1,255})# ?\Z")
_REFUSED: Final = re.compile(r"\A[\s^]*(?:%|ERROR|Error|Syntax error)")
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class NxosTerminal:
    """One session on a router; what is written here is typed there."""

    def __init__(self, channel: paramiko.Channel, name: str, timeout: float) -> None:
        """Take over a channel with a terminal; `timeout`: seconds for the answer to a line."""
        self._channel = channel
        self._name = name
        self._timeout = timeout
        self._prompt = self._config_prompt = self._either = _FIRST_PROMPT

    def login(self) -> None:
        """Wait for the first prompt, and switch off what would come between lines."""
        found = self._until(_FIRST_PROMPT, min(self._timeout, LOGIN_TIMEOUT))
        match = _FIRST_PROMPT.search(found)
        host = re.escape(match[1]) if match else ""
        self._prompt = re.compile(rf"(?:\A|[\r\n]){host}# ?\Z")
        self._config_prompt = re.compile(rf"(?:\A|[\r\n]){host}\(config[^()\s]*\)# ?\Z")
        self._either = re.compile(rf"{self._prompt.pattern}|{self._config_prompt.pattern}")
        self.ask("terminal length 0")
        self.ask(f"terminal width {COLUMNS}")
        # Logs in the middle of an answer; where there is no such command there are none.
        with contextlib.suppress(CommandFailed):
            self.ask("terminal no monitor")

    def ask(self, command: str) -> str:
        """Return what a command prints; raises CommandFailed for one that the router refuses."""
        return self._checked(command, self._prompt)

    def configure(self, lines: Sequence[str]) -> None:
        """Have lines taken one by one; raises CommitRefused at the first that is answered."""
        self._checked("configure terminal", self._either)
        try:
            for line in lines:
                said = _words(self._exchange(line, self._config_prompt))
                if said:
                    raise CommitRefused(self._name, f"{line}: {said}")
        except CommitRefused:
            with contextlib.suppress(CommandFailed, ConnectionFailed, TimedOut):
                self.ask("end")
            raise
        self.ask("end")

    def is_alive(self) -> bool:
        """Tell whether another line could be sent."""
        return not self._channel.closed

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    def _checked(self, command: str, prompt: re.Pattern[str]) -> str:
        said = self._exchange(command, prompt)
        if _REFUSED.match(said):
            raise CommandFailed(self._name, f"{command}: {_words(said)}")
        return said

    def _exchange(self, line: str, prompt: re.Pattern[str]) -> str:
        """Send a line and return what comes before the next prompt, without its echo."""
        try:
            self._channel.sendall(f"{line}\n".encode())
        except (OSError, EOFError) as exc:
            raise self._closed() from exc
        text = self._until(prompt, self._timeout)
        text = _ESCAPES.sub("", prompt.sub("", text)).replace("\r", "")
        echo, _, said = text.lstrip("\n").partition("\n")
        if echo.strip() != line:
            # What belongs to what is not known any more.
            self.close()
            raise ConnectionFailed(self._name, f"{line}: the router read {_words(echo)[:200]!a}")
        return said

    def _until(self, prompt: re.Pattern[str], timeout: float) -> str:
        """Receive until the prompt is the last thing that came."""
        end = time.monotonic() + timeout
        received: list[str] = []
        tail = ""
        while True:
            self._channel.settimeout(max(end - time.monotonic(), 0.01))
            try:
                data = self._channel.recv(_RECEIVE)
            except TimeoutError as exc:
                self.close()
                raise TimedOut(
                    self._name, f"did not answer within {timeout:g} s", hint=SLOW
                ) from exc
            except OSError as exc:
                raise self._closed() from exc
            if not data:
                raise self._closed()
            # Names and prefixes are ASCII, and what else there is may be cut in the middle here.
            received.append(bytes(data).decode("latin-1"))
            tail = (tail + received[-1])[-_TAIL:]
            if prompt.search(tail):
                return "".join(received)

    def _closed(self) -> ConnectionFailed:
        return ConnectionFailed(self._name, "closed the connection without an answer")


def _words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())

"""A router's command line over an SSH channel: a command at a time, or lines by the thousand."""

from __future__ import annotations

import codecs
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tasks.drivers.errors import CommandFailed, ConnectionFailed, TimedOut
from tasks.drivers.local import SLOW

BATCH: Final = 200
"""lines that are on their way at once: what a router has to buffer is some 12 KB"""
_PAUSE: Final = 0.5
"""seconds in which nothing follows what is a question"""
_TAIL: Final = 512
"""characters at the end of what was read, in which a prompt is looked for"""
_QUESTION: Final = re.compile(r"(?:\?|\]:?|confirm\]) ?$")
_SYSLOG: Final = re.compile(r".*%[A-Z0-9_]+-[0-7]-[A-Z0-9_]+:.*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that a router answered."""

    line: str
    said: str

    def __str__(self) -> str:
        return f"{self.line}: {self.said}"


class CliTerminal:
    """One shell, whose prompts begin with the same words; used by one thread."""

    def __init__(  # noqa: PLR0913 - of which two have defaults
        self,
        channel: Any,
        hostname: str,
        prompt: str,
        timeout: float,
        *,
        comment: str = "!",
        noise: Sequence[str] = (),
    ) -> None:
        """Take a paramiko channel at its prompt, of which `prompt` are the first characters.

        `noise` has the patterns of lines that the router says by itself, beside log messages.
        """
        self._channel = channel
        self._hostname = hostname
        self._prompt = re.compile(rf"^{re.escape(prompt)}[^\n#>]*[#>] ?", re.MULTILINE)
        self._at_prompt = re.compile(rf"(?:^|\n){re.escape(prompt)}[^\n#>]*[#>] ?$")
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._comment = comment
        self._noise = [_SYSLOG, *map(re.compile, noise)]
        self.timeout = timeout

    def run(
        self,
        command: str,
        *,
        timeout: float | None = None,
        answers: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command, and return what it prints, with plain line ends and without the prompt.

        `answers` has what to say to questions, by the pattern at their end. Raises TimedOut,
        ConnectionFailed, or CommandFailed for a question that has no answer there.
        """
        self._drain()
        self._send(f"{command}\n")
        text = self._until_prompt(command, timeout or self.timeout, answers or {})
        echo, _, output = text.partition("\n")
        return output if command.strip() in echo else text

    def paste(self, lines: Sequence[str], *, timeout: float | None = None) -> list[Refusal]:
        """Enter lines that all leave the prompt as it is; return what was said to any of them.

        So many at once that the router is not waited for after each, and behind them a comment, by
        which it is known that all were taken. Lines after a batch of which one was answered are
        not sent.
        """
        self._drain()
        for start in range(0, len(lines), BATCH):
            batch = lines[start : start + BATCH]
            mark = f"{self._comment}irrgate {start + len(batch)}"
            self._send("".join(f"{line}\n" for line in (*batch, mark)))
            text = self._until_mark(mark, batch[0], timeout or self.timeout)
            if refused := list(self._refusals(batch, text)):
                return refused
        return []

    def _refusals(self, lines: Sequence[str], text: str) -> Iterator[Refusal]:
        expected = iter(lines)
        line = next(expected, None)
        last = lines[0]
        for answer in self._prompt.split(text):
            echo, _, said = answer.partition("\n")
            if line is not None and echo.strip() == line.strip():
                last, line = line, next(expected, None)
            elif self._comment not in echo:
                # Said by itself, or by what was made of a line that did not come whole.
                said = answer
            if words := self._spoken(said):
                yield Refusal(last, words)
        if line is not None:
            yield Refusal(line, "did not come back as it was sent")

    def _until_mark(self, mark: str, command: str, timeout: float) -> str:
        text = ""
        deadline = time.monotonic() + timeout
        while True:
            # Little is looked at again, however much there is.
            start = max(len(text) - _TAIL, 0)
            text += self._receive(command, deadline, timeout)
            at = text.find(f"{mark}\n", start)
            if at >= 0 and self._prompt.search(text, at):
                return text

    def _until_prompt(self, command: str, timeout: float, answers: Mapping[str, str]) -> str:
        parts: list[str] = []
        tail = question = ""
        deadline = time.monotonic() + timeout
        while True:
            try:
                piece = self._receive(command, deadline, timeout, _PAUSE if question else None)
            except TimeoutError as exc:
                self._send("\x03")
                reason = f"{command}: asked {question.strip()!a}"
                raise CommandFailed(self._hostname, reason) from exc
            parts.append(piece)
            tail = (tail + piece)[-_TAIL:]
            if match := self._at_prompt.search(tail):
                text = "".join(parts)
                return text[: len(text) - (len(tail) - match.start())].lstrip("\n")
            # What looks like a question may be the middle of a config.
            question = tail.rpartition("\n")[2]
            if not _QUESTION.search(question) or command in question:
                question = ""
            for pattern, answer in answers.items() if question else ():
                if re.search(pattern, question):
                    self._send(f"{answer}\n")
                    tail = question = ""
                    break

    def _receive(
        self, command: str, deadline: float, timeout: float, pause: float | None = None
    ) -> str:
        """Return what comes next; raises TimeoutError when that takes longer than the pause."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimedOut(
                self._hostname, f"did not answer {command!a} within {timeout:g} s", hint=SLOW
            )
        self._channel.settimeout(left if pause is None else min(left, pause))
        try:
            data = self._channel.recv(1 << 17)
        except TimeoutError:
            if pause is not None:
                raise
            return ""
        except (OSError, EOFError) as exc:
            raise ConnectionFailed(self._hostname, f"the connection broke: {exc}") from exc
        if not data:
            raise ConnectionFailed(self._hostname, "closed the connection without an answer")
        return self._decoder.decode(data).replace("\r", "")

    def _drain(self) -> None:
        """Throw away what the router said by itself since the last command."""
        while self._channel.recv_ready():
            self._channel.recv(1 << 16)

    def _send(self, text: str) -> None:
        self._channel.settimeout(self.timeout)
        try:
            self._channel.sendall(text.encode())
        except TimeoutError as exc:
            raise TimedOut(self._hostname, "does not read what is sent", hint=SLOW) from exc
        except (OSError, EOFError) as exc:
            raise ConnectionFailed(self._hostname, f"the connection broke: {exc}") from exc

    def _spoken(self, output: str) -> str:
        """Return on one line what a router said, without what has nothing to do with a command."""
        lines = (line.strip() for line in output.split("\n"))
        return " ".join(
            line
            for line in lines
            if line not in {"", "^"} and not any(each.match(line) for each in self._noise)
        )

"""VRP's command line over SSH: each line's answer is counted by the prompts, and read.

Lines are sent ahead of their answers, or each of 100,000 would wait for the network. VRP echoes
what it has read, so an answer that does not begin with the line that was sent tells that the router
took another one.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import paramiko

from tasks.drivers.errors import CommandFailed, ConnectionFailed, TimedOut
from tasks.drivers.local import SLOW
from tasks.drivers.ssh import LOGIN_TIMEOUT

COLUMNS: Final = 511
"""of the terminal, so that VRP breaks no line: it takes 510 characters"""
AHEAD: Final = 4096
"""bytes of lines that are on their way without an answer"""

_RECEIVE: Final = 1 << 17
_PAUSE: Final = 0.2
"""seconds in which nothing follows what is a question"""
_LONG_PAUSE: Final = 3.0
"""the same where no question is expected, and a slow router may be in the middle of its config"""
_TAIL: Final = 400
"""characters at the end of an answer in which a prompt or a question is looked for"""
# VRP writes a space and moves the cursor back over it.
_ESCAPES: Final = re.compile(r" ?\x1b\[[0-9;?]*[A-Za-z]")
_FIRST_PROMPT: Final = re.compile(r"(?:\A|[\r\n])(?:HRP_[MS])?<([^<>\[\]\r\n]{1,255})> ?\Z")
_ROLE: Final = re.compile(r"\AHRP_[MS]")
_YES_OR_NO: Final = r"[\[(]y(?:es)?(?:\(yes\))?/no?[^\]\r\n]{0,40}[\])]"
_ASKED: Final = re.compile(_YES_OR_NO, re.IGNORECASE)
_QUESTION: Final = re.compile(rf"{_YES_OR_NO}[ :?]*\Z|\[[^\]\r\n]+\] ?[:?] ?\Z", re.IGNORECASE)
_REFUSED: Final = re.compile(r"\berror\b|\bfail|^ *\^|---- More ----", re.IGNORECASE | re.MULTILINE)
_REMARK: Final = re.compile(r"\s*(?:(?:info|warning) ?:.*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the router said to one line."""

    text: str
    """without the echo and the prompt; its lines end with \\n"""
    prompt: str
    """that came then, such as <edge1>, [edge1] or [*edge1]"""

    @property
    def words(self) -> str:
        """What it says of what is wrong, on one line; all of it where it does not."""
        lines = self.text.splitlines()
        wrong = [line for line in lines if _REFUSED.search(line) and line.strip() != "^"]
        return " ".join(" ".join(wrong or lines).split())

    @property
    def is_refusal(self) -> bool:
        """True where it says that something is wrong."""
        return _REFUSED.search(self.text) is not None


class VrpCli:
    """One session on a router; what is written here is typed there."""

    def __init__(self, channel: paramiko.Channel, name: str, timeout: float) -> None:
        """Take over a channel with a terminal; `timeout`: seconds that pass without a byte."""
        self._channel = channel
        self._name = name
        self._timeout = timeout
        self._prompt = self._last_prompt = _FIRST_PROMPT
        self.sysname = ""
        """the router's name, as its prompts have it"""

    def login(self) -> None:
        """Wait for the first prompt; whether to change the password now is answered by no."""
        wait = min(self._timeout, LOGIN_TIMEOUT)
        text = self._until(wait)
        if _QUESTION.search(text):
            self._send("n")
            text = self._until(wait)
        found = _FIRST_PROMPT.search(text)
        if found is None:
            raise ConnectionFailed(self._name, f"showed no prompt: {_words(text)}")
        self.sysname = found[1]
        # A firewall in hot standby says which of the two it is, and may become the other.
        prompt = rf"(?<=[\r\n])(?:HRP_[MS])?[<\[][~*]?{re.escape(self.sysname)}[>\]]"
        self._prompt, self._last_prompt = re.compile(prompt), re.compile(rf"{prompt} ?\Z")

    def run(self, command: str) -> Answer:
        """Send one line and return its answer, whatever it says.

        A question of the router is answered by no, and raises CommandFailed.
        """
        self._send(command)
        text = self._until(self._timeout, _LONG_PAUSE)
        if self._last_prompt.search(text, len(text) - _TAIL) is None:
            self._send("n")
            self._until(self._timeout)
            raise CommandFailed(self._name, f"{command}: the router asks {_words(text)}")
        return self._answer(command, text)

    def consent(self, command: str, questions: int = 3) -> Answer:
        """Send one line, answer yes to what the router asks, and return all that it said."""
        self._send(command)
        said = ""
        for _ in range(questions + 1):
            text = self._until(self._timeout)
            said += f"{text}\n"
            if self._last_prompt.search(text):
                return self._answer(command, said.rstrip("\n"))
            # Beside yes or no it may ask for the file's name, and proposes one.
            self._send("y" if _ASKED.search(text[-_TAIL:]) else "")
        raise self._lost(f"{command}: the router goes on asking {_words(said)}")

    def tell(self, commands: Sequence[str]) -> None:
        """Send lines in order, some ahead of the answers, up to the first that is refused.

        Raises CommandFailed with the line and the router's words. What was on its way then was
        told as well, AHEAD bytes at most; its answers have been read.
        """
        left = iter(commands)
        line = next(left, None)
        waiting: deque[str] = deque()
        ahead, pending, problem = 0, "", ""
        while True:
            batch = []
            while line is not None and not problem and (ahead + len(line) < AHEAD or not waiting):
                batch.append(line)
                waiting.append(line)
                ahead += len(line) + 1
                line = next(left, None)
            if batch:
                self._send("\n".join(batch))
            if not waiting:
                break
            try:
                received = self._receive()
            except TimedOut as exc:
                if not problem:
                    raise
                raise self._lost(problem) from exc
            *answers, pending = self._prompt.split(pending + received)
            if len(answers) > len(waiting):
                raise self._lost("answered more lines than it was told")
            for text in answers:
                told = waiting.popleft()
                ahead -= len(told) + 1
                problem = problem or self._problem(told, text)
                if problem and _ASKED.search(text):
                    # What came next was the answer, and whose prompt is whose is not known.
                    raise self._lost(problem)
            if waiting and _QUESTION.search(pending, max(len(pending) - _TAIL, 0)):
                raise self._lost(f"{waiting[0]}: the router asks {_words(pending)}")
        if problem:
            raise CommandFailed(self._name, problem)

    def is_alive(self) -> bool:
        """Tell whether another line could be sent."""
        return not self._channel.closed

    def close(self) -> None:
        """End the session: the router forgets what it was told and not to commit."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    def _problem(self, told: str, text: str) -> str:
        """Return what is wrong with an answer to a line of configuration, or nothing."""
        said = _after_echo(told, text)
        if said is None:
            return f"{told}: the router read another line: {_words(text)}"
        if not said or (
            not _REFUSED.search(said) and all(map(_REMARK.fullmatch, said.splitlines()))
        ):
            return ""
        return f"{told}: {_words(said)}"

    def _answer(self, command: str, text: str) -> Answer:
        found = self._last_prompt.search(text, max(len(text) - _TAIL, 0))
        if found is None:
            raise self._lost(f"{command}: no prompt came")
        said = _after_echo(command, text[: found.start()])
        if said is None:
            raise self._lost(f"{command}: the router read another line: {_words(text)}")
        return Answer(said, _ROLE.sub("", found[0].strip()))

    # What goes over the wire

    def _send(self, lines: str) -> None:
        try:
            self._channel.sendall(f"{lines}\n".encode())
        except TimeoutError as exc:
            raise self._late() from exc
        except OSError as exc:
            raise ConnectionFailed(self._name, "the connection was closed") from exc

    def _receive(self, timeout: float | None = None, *, late: bool = True) -> str:
        self._channel.settimeout(self._timeout if timeout is None else timeout)
        try:
            received = self._channel.recv(_RECEIVE)
        except TimeoutError as exc:
            if not late:
                raise
            raise self._late() from exc
        except OSError as exc:
            raise ConnectionFailed(self._name, f"the connection broke: {exc}") from exc
        if not received:
            raise ConnectionFailed(self._name, "the router closed the connection")
        # Names and prefixes are ASCII, and what else there is may be cut in the middle here.
        return bytes(received).decode("latin-1")

    def _until(self, timeout: float, pause: float = _PAUSE) -> str:
        """Receive until a prompt or a question is the last thing that came."""
        received: list[str] = []
        tail = ""
        while True:
            try:
                # What looks like a question may be the middle of a config.
                asked = _QUESTION.search(tail) is not None
                piece = self._receive(pause if asked else timeout, late=not asked)
            except TimeoutError:
                return "".join(received)
            received.append(piece)
            tail = (tail + piece)[-_TAIL:]
            if self._last_prompt.search(tail):
                return "".join(received)

    def _late(self) -> TimedOut:
        self.close()
        return TimedOut(
            self._name,
            f"said nothing for {self._timeout:g} s in the middle of an answer",
            hint=SLOW,
        )

    def _lost(self, reason: str) -> CommandFailed:
        """Return the error of a session in which it is not known what belongs to what."""
        self.close()
        return CommandFailed(self._name, reason)


def _after_echo(command: str, text: str) -> str | None:
    """Return what follows the echo of a command, or None where the router echoed another one."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    text = text.lstrip()
    if text.startswith(command):
        return text[len(command) :].replace("\r", "").strip("\n ")
    # A terminal may break a line, or put a space too many at its end.
    at = 0
    for character in command.replace(" ", ""):
        while at < len(text) and text[at].isspace():
            at += 1
        if text[at : at + 1] != character:
            return None
        at += 1
    return text[at:].replace("\r", "").strip("\n ")


def _words(text: str) -> str:
    """Return what came last, on one line."""
    return " ".join(_ESCAPES.sub("", text[-_TAIL:]).split())

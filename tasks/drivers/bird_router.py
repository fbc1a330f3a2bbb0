"""A router with BIRD: its files, its control socket, and the steps of a commit."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from irrgate.errors import DeviceError, ParseError
from irrgate.platforms.bird_file import OwnFile, read_own
from irrgate.platforms.daemon_files import DaemonFile, DaemonFiles, join_files
from tasks.drivers import bird_scripts as scripts
from tasks.drivers.bird_config import (
    ConfigFile,
    in_place_of,
    read_config,
    way_to,
    without_passwords,
)
from tasks.drivers.errors import CandidateRefused, CommandFailed, CommitRefused, Locked
from tasks.drivers.shell import Ran, Shell

_READING = re.compile(r"^Reading configuration from (/.*)$", re.MULTILINE)
_NOTHING_OF_OURS: Final = "-"
_LOOKS: Final = 5
"""at what BIRD runs, until it is what a file holds: another run may be at work"""
_LONGEST_WORDS: Final = 1000


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are on the router; each of them absolute, but for birdc."""

    config: str
    own: str
    birdc: str
    socket: str

    @property
    def side(self) -> str:
        """What irrgate's other files begin with: hidden ones, which no wildcard includes."""
        path = PurePosixPath(self.own)
        return str(path.with_name(f".{path.name}.irrgate"))


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a commit, and of BIRD."""

    running: str
    """the digest that BIRD shows"""
    now: int
    """the router's time, in seconds"""
    session: str = ""
    deadline: int = 0
    new: str = ""

    @property
    def pending(self) -> bool:
        """True while BIRD runs a commit that nobody has confirmed."""
        return bool(self.session) and self.running == self.new


class BirdRouter:
    """What the driver does on the router, step by step."""

    def __init__(self, shell: Shell, paths: Paths) -> None:
        self._shell = shell
        self._paths = paths
        self._side = paths.side
        self._name = shell.name

    def look(self) -> None:
        """See that BIRD runs, and that what it runs with includes irrgate's file.

        A commit whose time is over, and that nobody has brought to an end, is brought to its end.
        """
        self.ask("show status")
        state = self.state()
        if state.session and state.now > state.deadline + scripts.OVERDUE:
            self._raise_failed("finish what was left behind", self._script(scripts.FINISH))
        way_to(self._shell, self._config(), self._paths.own)
        # It may say that the user's configuration has an error: no matter before a commit.
        reading = _READING.search(self._birdc("configure check").stdout)
        if reading is None:
            return
        if self._real(reading[1]) != self._real(self._paths.config):
            raise DeviceError(
                self._name,
                f"BIRD runs with {reading[1]} and not with {self._paths.config}",
                hint=f"config: {reading[1]} under optional_args",
            )

    def ask(self, command: str) -> str:
        """Return what birdc prints for a command; raises CommandFailed in its words."""
        ran = self._birdc(command)
        if ran.exit_code:
            raise self._not_reached(ran)
        return ran.stdout

    def state(self) -> State:
        """Return what BIRD has loaded, and the commit that may wait to be confirmed."""
        ran = self._script(scripts.STATE)
        self._raise_failed("look at what BIRD runs", ran)
        now, running, *note = ran.stdout.split()
        if len(note) != 3:
            return State(running, int(now))
        session, deadline, new = note
        return State(running, int(now), session, int(deadline), new)

    def own_file(self) -> tuple[bytes | None, OwnFile]:
        """Return irrgate's file (None when there is none yet) and what it holds."""
        content = self._shell.get(self._paths.own)
        return content, read_own((content or b"").decode(errors="replace"))

    def previous(self) -> str:
        """Return irrgate's file as it was before the last commit that stayed."""
        content = self._shell.get(f"{self._side}-previous")
        return (content or b"").decode(errors="replace")

    def running(self) -> str:
        """Return the configuration's files, irrgate's own as BIRD has loaded it.

        Raises CommandFailed when BIRD has loaded neither the file nor the candidate that waits.
        """
        config = self._config()
        way_to(self._shell, config, self._paths.own)
        user = [
            DaemonFile(each.path, without_passwords(each.text))
            for each in config.everything()
            if each.real != self._paths.own
        ]
        own = DaemonFile(self._paths.own, self._loaded_text())
        return join_files(DaemonFiles(own, tuple(user)))

    def _loaded_text(self) -> str:
        for look in range(_LOOKS):
            if look:
                time.sleep(0.2 * look)
            running = self.state().running
            for path in (self._paths.own, f"{self._side}-candidate"):
                text = (self._shell.get(path) or b"").decode(errors="replace")
                try:
                    digest = read_own(text).digest
                except ParseError:
                    if path == self._paths.own:
                        # The parser says what is wrong with it.
                        return text
                    continue
                if running == (digest or _NOTHING_OF_OURS):
                    return text
        raise CommandFailed(
            self._name,
            f"BIRD has not loaded what {self._paths.own} holds",
            hint="birdc configure loads it, if it is right; birdc configure check looks first",
        )

    def check(self, text: str) -> str:
        """Return the diff from irrgate's file to this one, once BIRD has accepted the whole.

        Raises CandidateRefused with BIRD's words. Nothing that BIRD may load is touched.
        """
        session = secrets.token_hex(4)
        staged = f"{self._side}-check-{session}"
        with self._staged(staged, text, session, staged) as main:
            ran = self._birdc(f'configure check "{main}"')
            if ran.exit_code > 1 or "Unable to connect" in ran.said:
                raise self._not_reached(ran)
            if ran.exit_code or "Configuration OK" not in ran.stdout:
                raise CandidateRefused(self._name, self._words(ran, session))
            return self._diff(staged)

    def commit(self, text: str, base: bytes | None, revert_in: int) -> None:
        """Load a file of irrgate's in the place of `base`; after `revert_in` seconds BIRD is back.

        With 0 it stays. Raises CommitRefused with BIRD's words; Locked.
        """
        session = secrets.token_hex(4)
        staged = f"{self._side}-commit-{session}"
        expected = "none" if base is None else hashlib.sha256(base).hexdigest()
        with self._staged(staged, text, session, f"{self._side}-candidate") as main:
            ran = self._script(
                *(scripts.COMMIT, main, str(revert_in), expected),
                *(read_own(text).digest, session, staged),
            )
        if ran.exit_code == scripts.REFUSED and "Unable to connect" not in ran.said:
            raise CommitRefused(self._name, self._words(ran, session))
        self._raise_failed("commit", ran)

    def confirm(self) -> None:
        """Let the commit stay; raises CommitRefused when BIRD is back already."""
        self._raise_failed("confirm", self._script(scripts.CONFIRM))

    def undo(self) -> bool:
        """Take back the commit that waits; False when there is none."""
        ran = self._script(scripts.UNDO)
        if ran.exit_code == scripts.NOTHING:
            return False
        self._raise_failed("take back the commit", ran)
        return True

    # How it is done

    def _config(self) -> ConfigFile:
        return read_config(self._shell, self._paths.config, self._paths.own)

    def _real(self, path: str) -> str:
        return self._shell.check(["readlink", "-m", "--", path]).stdout.strip()

    def _birdc(self, command: str) -> Ran:
        return self._shell.run([self._paths.birdc, "-s", self._paths.socket, command])

    def _script(self, script: str, *arguments: str) -> Ran:
        paths = self._paths
        return self._shell.script(
            script, [paths.birdc, paths.socket, paths.own, self._side, *arguments]
        )

    @contextmanager
    def _staged(self, staged: str, text: str, session: str, included: str) -> Iterator[str]:
        """Put a file beside irrgate's, and copies of the user's files that include `included`.

        Yields the main one's path. No `configure` of somebody else reads any of them.
        """
        written: list[str] = []
        try:
            self._stage(self._paths.own, staged, text, written)
            *way, last = way_to(self._shell, self._config(), self._paths.own)
            for file in reversed(way):
                path = PurePosixPath(file.path)
                copy = str(path.with_name(f".{path.name}.irrgate-{session}"))
                self._stage(file.path, copy, in_place_of(file, last, included), written)
                last, included = file, copy
            yield included
        finally:
            self._shell.run(["rm", "-f", "--", *written])

    def _stage(self, original: str, path: str, text: str, written: list[str]) -> None:
        content = text.encode()
        written.append(path)
        ran = self._shell.script(scripts.STAGE, [original, path, str(len(content))], content)
        if ran.exit_code:
            raise self._shell.failed(f"write beside {original}", ran)

    def _diff(self, staged: str) -> str:
        own = self._paths.own
        old = own if self._shell.run(["test", "-e", own]).exit_code == 0 else "/dev/null"
        ran = self._shell.run(["diff", "-u", "-L", own, "-L", f"{own} (new)", old, staged])
        if ran.exit_code > 1:
            raise self._shell.failed("diff", ran)
        return ran.stdout.rstrip("\n")

    def _words(self, ran: Ran, session: str) -> str:
        """Return what BIRD says of a configuration, with the names that its files have."""
        lines = ran.said.splitlines()
        noise = ("BIRD ", "Reading configuration", "Undo scheduled")
        said = "; ".join(each for each in lines if each and not each.startswith(noise))
        said = re.sub(rf"/\.([^/:]*)\.irrgate-{session}\b", r"/\1", said)
        side = re.escape(PurePosixPath(self._side).name)
        said = re.sub(rf"{side}-[a-z]+(-{session})?", PurePosixPath(self._paths.own).name, said)
        return f"BIRD does not accept it: {said[:_LONGEST_WORDS] or 'without a word'}"

    def _not_reached(self, ran: Ran) -> CommandFailed:
        said = ran.said
        hint = ""
        if "enied" in said:
            hint = "the user must be in the group of BIRD's socket (mostly bird), or sudo: true"
        elif "Unable to connect" in said:
            hint = "is BIRD running? socket under optional_args says where it listens"
        return CommandFailed(self._name, " ".join(said.split()) or "birdc failed", hint=hint)

    def _raise_failed(self, what: str, ran: Ran) -> None:
        """Raise what the exit code of a script means, unless it is 0."""
        own = self._paths.own
        if not ran.exit_code:
            return
        if "Unable to connect" in ran.said:
            raise self._not_reached(ran)
        if ran.exit_code == scripts.LOCKED:
            raise Locked(self._name, f"another run has been at work on {own} for a while")
        if ran.exit_code in _MEANINGS:
            raise CommitRefused(self._name, _MEANINGS[ran.exit_code].format(own=own))
        raise self._shell.failed(what, ran)


_MEANINGS: Final = {
    scripts.PENDING: "another commit waits to be confirmed",
    scripts.CHANGED: "{own} has been changed since the candidate was loaded",
    scripts.REFUSED: "BIRD did not go back to the filters of before",
    scripts.WENT_BACK: "too late: BIRD has gone back to the filters of before",
    scripts.NOTHING: "no commit waits to be confirmed",
}

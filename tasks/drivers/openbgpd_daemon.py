"""What the OpenBGPD driver asks a router: the daemon's sets and sessions, and the configuration."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from irrgate.errors import DeviceError
from irrgate.platforms.openbgpd_text import is_seal
from irrgate.printable import printable
from tasks.drivers.errors import CandidateRefused, CommandFailed, CommitRefused, ConnectionFailed
from tasks.drivers.openbgpd_scripts import (
    CHECK,
    FACTS,
    NOT_WHOLE,
    READ,
    REFUSED,
    REPAIR,
    ROUTES,
    check_arguments,
)
from tasks.drivers.shell import Shell

DEFAULT_CONFIG: Final = "/etc/bgpd.conf"
DEFAULT_INCLUDE: Final = "/etc/bgpd/irrgate.conf"
DEFAULT_SOCKET: Final = "/run/openbgpd/bgpd.sock.0"
_PATH: Final = re.compile(r"/[A-Za-z0-9._/-]+")
_INCLUDE: Final = re.compile(r"""^[ \t]*include[ \t]*(["'])(.*?)\1""", re.MULTILINE)
_MAX_FILES: Final = 200
_MAX_LINES: Final = 5
"""of bgpd's errors that are told"""
_FAMILIES: Final = {"IPv4 unicast": "ipv4", "IPv6 unicast": "ipv6"}


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on the router."""

    config: str = DEFAULT_CONFIG
    """what bgpd was started with"""
    include: str = DEFAULT_INCLUDE
    """irrgate's own file, as the configuration names it"""
    socket: str = DEFAULT_SOCKET
    bgpd: str = "bgpd"

    def check(self, router: str) -> None:
        """Raise DeviceError where one cannot be."""
        for name in ("config", "include", "socket"):
            path = getattr(self, name)
            if not isinstance(path, str) or not _PATH.fullmatch(path):
                raise DeviceError(router, f"{name} is not the absolute path of a file: {path!a}")


@dataclass(frozen=True, slots=True)
class Configuration:
    """The user's own files."""

    texts: Mapping[str, str]
    """by path, without the lines that are prefixes alone"""
    chain: tuple[str, ...]
    """those through which irrgate's file is included, innermost first; the last is the main one"""


class Daemon:
    """An OpenBGPD on a router."""

    def __init__(self, shell: Shell, places: Places) -> None:
        self._shell = shell
        self._places = places

    def loaded(self) -> str | None:
        """Return the seal of irrgate's file as bgpd has loaded it; empty where it has none.

        None where it has several. Raises ConnectionFailed when bgpd does not answer.
        """
        seals = [
            each["name"] for each in self._ask("show", "sets")["sets"] if is_seal(each["name"])
        ]
        if len(seals) > 1:
            return None
        return seals[0] if seals else ""

    def find_file(self, run_directory: str) -> str:
        """Return where irrgate's file really is, the old one put back after a power failure."""
        arguments = [self._places.include, self._places.socket, run_directory]
        ran = self._shell.script(REPAIR, arguments)
        path = ran.stdout.strip().rsplit("\n", 1)[-1]
        if ran.exit_code or not _PATH.fullmatch(path):
            hint = f"touch {self._places.include}, and bgpctl reload"
            raise DeviceError(self._shell.name, ran.said, hint=hint)
        return path

    def configuration(self) -> Configuration:
        """Return the files of the configuration; raises DeviceError where ours is not included."""
        include, main = self._places.include, self._places.config
        texts: dict[str, str] = {}
        included_by: dict[str, str] = {}
        waiting = [main]
        while waiting:
            path = waiting.pop()
            if path in texts:
                continue
            if len(texts) >= _MAX_FILES or not _PATH.fullmatch(path):
                raise DeviceError(self._shell.name, f"{main} includes {path!a}: it is not read")
            ran = self._shell.script(READ, [path])
            if ran.exit_code:
                raise self._unreadable(path, ran.said)
            texts[path] = ran.stdout
            for _, other in _INCLUDE.findall(ran.stdout):
                included_by.setdefault(other, path)
                if other != include:
                    waiting.append(other)
        if include not in included_by:
            raise DeviceError(
                self._shell.name,
                f"{main} does not include {include}",
                hint=f'touch {include}, write include "{include}" into {main} before its '
                "neighbors, and bgpctl reload",
            )
        chain = [included_by[include]]
        while chain[-1] != main:
            chain.append(included_by[chain[-1]])
        return Configuration(texts, tuple(chain))

    def check(self, text: str, file: str, chain: tuple[str, ...]) -> str:
        """Return the difference that `text` would make to irrgate's file.

        Raises CandidateRefused when bgpd does not accept the configuration with it.
        """
        content = text.encode()
        places = self._places
        arguments = check_arguments(len(content), places.include, file, places.bgpd, chain)
        ran = self._shell.script(CHECK, arguments, content)
        here, _, diff = ran.stdout.partition("\n")
        if ran.exit_code == REFUSED:
            for number, path in enumerate([places.include, *chain]):
                diff = diff.replace(f"{here}/{number}", path)
            reason = f"bgpd does not accept the configuration with it: {told(diff)}"
            raise CandidateRefused(self._shell.name, reason)
        if ran.exit_code == NOT_WHOLE:
            raise CommandFailed(self._shell.name, "the candidate did not arrive whole")
        if ran.exit_code:
            raise self._shell.failed("check the candidate", ran)
        # The first two lines name files that are gone by now.
        lines = diff.rstrip("\n").split("\n")[2:]
        return (
            "\n".join([f"--- {places.include}", f"+++ {places.include}", *lines]) if lines else ""
        )

    def check_present(self) -> None:
        """Raise CommitRefused when bgpd does not accept the configuration as it is on disk."""
        ran = self._shell.run([self._places.bgpd, "-n", "-f", self._places.config])
        if ran.exit_code:
            reason = f"bgpd does not accept its configuration as it is: {told(ran.said)}"
            hint = "a commit could not be taken back; first commit a filter, then refer to it"
            raise CommitRefused(self._shell.name, reason, hint=hint)

    def identity(self, main: str) -> tuple[int, str]:
        """Return the AS number and the router id, as bgpd reads them in its configuration."""
        script = '"$1" -nv -f "$2" 2>/dev/null | sed -n "/^AS /p;/^router-id /p;/^$/q"'
        said = self._shell.script(script, [self._places.bgpd, main]).stdout
        number = re.search(r"^AS ([0-9]+)", said, re.MULTILINE)
        router_id = re.search(r"^router-id (\S+)", said, re.MULTILINE)
        return int(number[1]) if number else 0, router_id[1] if router_id else ""

    def neighbours(self) -> list[dict[str, Any]]:
        """Return the sessions as bgpctl has them, without templates of sessions."""
        listed: list[dict[str, Any]] = self._ask("show", "neighbor").get("neighbors", [])
        return [each for each in listed if not each["config"].get("template")]

    def accepted(self) -> dict[tuple[str, str], int]:
        """Return how many routes are let in, by (family, address) of the neighbours that have any.

        bgpd is asked for its whole table: about 5 s for a million routes.
        """
        ran = self._shell.script(ROUTES, [self._places.socket])
        if ran.exit_code:
            raise self._shell.failed("count the routes", ran)
        lines = [line.split() for line in ran.stdout.splitlines()]
        return {(family, address): int(count) for family, address, count in lines}

    def facts(self) -> list[str]:
        """Return the lines of FACTS."""
        return self._shell.script(FACTS).stdout.splitlines()

    def _ask(self, *words: str) -> dict[str, Any]:
        ran = self._shell.run(["bgpctl", "-j", "-s", self._places.socket, *words])
        if ran.exit_code:
            raise self._silent(ran.said)
        try:
            answer: dict[str, Any] = json.loads(ran.stdout)
        except ValueError as exc:
            reason = f"bgpctl {' '.join(words)} answered with what is not JSON"
            raise CommandFailed(self._shell.name, reason) from exc
        return answer

    def _silent(self, said: str) -> ConnectionFailed:
        socket = self._places.socket
        hint = ""
        if "ermission denied" in said:
            hint = "log in as root, or as one who may run sudo without a password, with sudo: true"
        elif "No such file" in said or "refused" in said:
            hint = f"is bgpd started, and its control socket {socket} (optional_args: socket)?"
        return ConnectionFailed(self._shell.name, f"bgpd does not answer: {told(said)}", hint=hint)

    def _unreadable(self, path: str, said: str) -> DeviceError:
        hint = "config under optional_args says where bgpd's configuration is"
        if "ermission denied" in said:
            hint = "log in as root, or as one who may run sudo without a password, with sudo: true"
        return DeviceError(self._shell.name, f"{path} cannot be read: {told(said)}", hint=hint)


def told(said: str) -> str:
    """Return the first of a program's lines as one that a terminal prints and does not obey."""
    lines = [printable(line.strip()) for line in said.strip().splitlines()]
    more = len(lines) - _MAX_LINES
    return "; ".join([*lines[:_MAX_LINES], *([f"and {more} more"] if more > 0 else [])])


def families(session: Mapping[str, Any]) -> list[str]:
    """Return the families of a session: those agreed on, or where it is down, those offered."""
    agreed = session.get("session", {}).get("capabilities", {}).get("multiprotocol")
    offered = session["config"].get("capabilities", {}).get("multiprotocol")
    return [_FAMILIES[each] for each in agreed or offered or () if each in _FAMILIES]

"""vtysh on a router: what is asked of it, and what goes wrong with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from irrgate.errors import ParseError
from tasks.drivers.errors import CommandFailed, ConnectionFailed
from tasks.drivers.frr_scripts import UNPACK
from tasks.drivers.frr_show import COMMANDS, MAP_COMMANDS, Shown, read_shown, read_shown_maps
from tasks.drivers.shell import Ran, Shell

_NEIGHBOURS: Final = "show bgp vrf all neighbors json"
_FACTS: Final = """\
uname -n
hostname -f 2>/dev/null || uname -n
cut -d ' ' -f 1 /proc/uptime 2>/dev/null || echo -1
ls /sys/class/net 2>/dev/null
"""
_READY: Final = """\
command -v flock > /dev/null || { echo "flock (util-linux) is missing"; exit 1; }
command -v awk > /dev/null || { echo "awk is missing"; exit 1; }
[ -f "$1" ] || { echo "the saved configuration $1 is not there"; exit 1; }
d=$(dirname -- "$1")
[ -w "$1" ] && [ -w "$d" ] || { echo "$1 may not be written, or nothing new in $d"; exit 1; }
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on the router."""

    vtysh: str = "vtysh"
    vty_socket: str = ""
    """vtysh's --vty_socket; empty: where FRR has it"""
    config_dir: str = ""
    """vtysh's --config_dir; likewise"""
    config: str = "/etc/frr/frr.conf"
    """the saved configuration, of all daemons (`service integrated-vtysh-config`)"""


class FrrRouter:
    """An FRR on a router."""

    def __init__(self, shell: Shell, places: Places) -> None:
        self._shell = shell
        self._places = places

    def shown(self, *, maps: bool = False) -> Shown:
        """Return what FRR says of itself, `maps`: with bgpd's route-maps.

        Raises ConnectionFailed when bgpd does not run.
        """
        ran = self.vtysh(MAP_COMMANDS if maps else COMMANDS)
        if ran.exit_code:
            raise self.silent(ran)
        if "bgpd" not in ran.stdout.partition("\n")[0].split():
            raise ConnectionFailed(
                self._shell.name,
                "bgpd does not run; vtysh has only those daemons that do",
                hint="start it: what is read without it are the filters of other daemons",
            )
        try:
            return read_shown_maps(ran.stdout) if maps else read_shown(ran.stdout)
        except ParseError as exc:
            raise CommandFailed(self._shell.name, f"vtysh: {exc}") from exc

    def neighbours(self) -> dict[str, Any]:
        """Return the BGP sessions, by VRF and neighbour, as FRR has them."""
        ran = self.vtysh([_NEIGHBOURS])
        if ran.exit_code:
            raise self.silent(ran)
        try:
            found: dict[str, Any] = json.loads(ran.stdout or "{}")
        except ValueError as exc:
            reason = f"vtysh: {_NEIGHBOURS} answered with what is not JSON"
            raise CommandFailed(self._shell.name, reason) from exc
        return found

    def vtysh(self, commands: Sequence[str]) -> Ran:
        """Run commands in one vtysh, which cannot ask for anything: it has no terminal."""
        places = self._places
        argv = ["env", "VTYSH_PAGER=cat", places.vtysh]
        argv += ["--vty_socket", places.vty_socket] if places.vty_socket else []
        argv += ["--config_dir", places.config_dir] if places.config_dir else []
        return self._shell.run([*argv, *(word for each in commands for word in ("-c", each))])

    def check_ready(self) -> None:
        """Raise CommandFailed where the router lacks what a commit needs."""
        ran = self._shell.script(_READY, [self._places.config])
        if ran.exit_code:
            error = self._shell.failed("commit", ran)
            hint = "optional_args has `config`; the user is root, or sudo: true with NOPASSWD"
            raise CommandFailed(self._shell.name, error.reason, hint=error.hint or hint)

    def put(self, folder: str, files: str) -> None:
        """Put the files of a change into its folder."""
        self._shell.put(f"{folder}/bundle", files.encode(), 0o600)
        ran = self._shell.script(UNPACK, [folder])
        if ran.exit_code:
            raise self._shell.failed(f"write {folder}", ran)

    def saved(self) -> str:
        """Return the saved configuration."""
        return (self._shell.get(self._places.config) or b"").decode(errors="replace")

    def facts(self) -> list[str]:
        """Return the system's name, its full name, seconds since its start, its interfaces."""
        return self._shell.script(_FACTS).stdout.splitlines()

    def silent(self, ran: Ran) -> ConnectionFailed:
        """Return the error of a vtysh that failed, in its own words."""
        hint = ""
        if "failed to connect to any daemons" in ran.said or "ermission denied" in ran.said:
            hint = (
                "is FRR running, and may this user talk to it? vtysh is for root and for members "
                "of the group frrvty; sudo: true runs it as root"
            )
        elif "not found" in ran.said or "No such file" in ran.said:
            hint = "vtysh under optional_args says where it is"
        words = " ".join(ran.said.split("\n")[:5]) or f"exit code {ran.exit_code}"
        return ConnectionFailed(self._shell.name, f"vtysh: {words}", hint=hint)


def listed(names: Collection[str]) -> str:
    """Return names for a message: the first few."""
    shown = sorted(names)
    more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
    return ", ".join(shown[:3]) + more

"""A NAPALM driver for BIRD 2: the filters in a file that the user's configuration includes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from irrgate.errors import DeviceError
from irrgate.platforms.bird_file import (
    Block,
    OwnFile,
    merged,
    message_of,
    read_candidate,
    read_own,
    write_own,
)
from tasks.drivers import daemon, loading
from tasks.drivers.bird_router import BirdRouter, Paths
from tasks.drivers.bird_show import interfaces, neighbours, status_value, uptime, version
from tasks.drivers.errors import CommitRefused, ConnectionFailed

DEFAULTS: Final = {
    "config": "/etc/bird/bird.conf",
    "include": "/etc/bird/irrgate.conf",
    "birdc": "birdc",
    "socket": "/run/bird/bird.ctl",
}
"""optional_args of its own"""
_PATH = re.compile(r"/[A-Za-z0-9_./@+:-]*[A-Za-z0-9_-]")
_BIRDC = re.compile(r"[A-Za-z0-9_./@+:-]+")


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A candidate, merged into what the file held."""

    base: bytes | None
    """the file as it was read"""
    blocks: dict[str, Block]
    changes: bool


class BirdDriver(daemon.DaemonDriver):
    """BIRD 2 over SSH or on this machine; see docs/daemons.md."""

    def _take_options(self) -> None:
        paths = {key: str(self._options.get(key, DEFAULTS[key])) for key in DEFAULTS}
        for key, path in paths.items():
            if not (_BIRDC if key == "birdc" else _PATH).fullmatch(path):
                raise DeviceError(self.hostname, f"{key} {path!a} is no path that irrgate can use")
        self._paths = Paths(paths["config"], paths["include"], paths["birdc"], paths["socket"])
        self._router: BirdRouter | None = None
        self._loaded: _Loaded | None = None
        self._committed: str | None = None
        """the digest of what this driver has committed to stay"""

    def _look(self) -> None:
        """See that BIRD runs with a configuration that includes irrgate's file."""
        own = self._open_shell.check(["readlink", "-m", "--", self._paths.own]).stdout.strip()
        router = BirdRouter(self._open_shell, replace(self._paths, own=own))
        router.look()
        self._router = router

    def close(self) -> None:
        """End the connection; what waits to be confirmed goes on waiting."""
        self._router = None
        super().close()

    def _bird(self) -> BirdRouter:
        if self._router is None:
            raise ConnectionFailed(self.hostname, "the connection is not open")
        return self._router

    # The candidate

    def load_merge_candidate(self, filename: str | None = None, config: str | None = None) -> None:
        """Merge filters into what the file holds, by name; the candidate stays here till commit."""
        self._load(filename, config, whole=False)

    def load_replace_candidate(
        self, filename: str | None = None, config: str | None = None
    ) -> None:
        """Put filters in the place of all that the file holds."""
        self._load(filename, config, whole=True)

    def _load(self, filename: str | None, config: str | None, *, whole: bool) -> None:
        with loading.reading(self.hostname, filename, config) as text:
            candidate = read_candidate(text)
            base, own = self._bird().own_file()
        before = own
        if self._loaded is not None:
            before = OwnFile(self._loaded.blocks, "", intact=True)
        blocks = dict(candidate.blocks) if whole else merged(before, candidate)
        changes = blocks != own.blocks or not own.intact
        self._loaded = _Loaded(base, blocks, changes)

    def compare_config(self) -> str:
        """Return the diff of irrgate's file, once BIRD has checked a configuration with it.

        Raises CandidateRefused with BIRD's words when the whole would not be accepted.
        """
        loaded = self._loaded
        if loaded is None or not loaded.changes:
            return ""
        return self._bird().check(_text(loaded))

    def discard_config(self) -> None:
        """Forget the candidate; nothing of it is on the router."""
        self._loaded = None

    # The commit

    def commit_config(self, message: str = "", revert_in: int | None = None) -> None:
        """Load the candidate into BIRD, which takes it back after `revert_in` seconds.

        Without `revert_in` it is to stay. The message goes into the file's second line. Raises
        CommitRefused with BIRD's words, and the filters are what they were.
        """
        loaded = self._loaded
        if loaded is None:
            raise CommitRefused(self.hostname, "no candidate is loaded")
        self._refuse_past(revert_in)
        if not loaded.changes:
            self._loaded = None
            return
        text = write_own(loaded.blocks, message)
        self._bird().commit(text, loaded.base, revert_in or 0)
        self._loaded = None
        self._committed = read_own(text).digest if revert_in is None else None

    def confirm_commit(self) -> None:
        """Let the commit stay; raises CommitRefused when BIRD has taken it back already."""
        digest = self._bird().state().new
        self._bird().confirm()
        self._committed = digest

    def rollback(self) -> None:
        """Take the commit back: the one that waits, or else the one that this driver has made."""
        if self._bird().undo():
            return
        base, own = self._bird().own_file()
        if self._committed is None or own.digest != self._committed:
            return
        previous = self._bird().previous()
        blocks = dict(read_own(previous).blocks)
        self._loaded = _Loaded(base, blocks, changes=blocks != own.blocks)
        self.commit_config(message=message_of(previous))

    def _get_pending_commits(self) -> dict[str, int]:
        """Return the seconds left of the commit that waits to be confirmed, by its session."""
        state = self._bird().state()
        return {state.session: max(0, state.deadline - state.now)} if state.pending else {}

    # What there is

    def get_config(
        self,
        retrieve: str = "all",
        full: bool = False,
        sanitized: bool = False,
        format: str = "text",  # noqa: A002 - NAPALM's name
    ) -> dict[str, str]:
        """Return the files that BIRD's configuration is made of, irrgate's own first.

        As running irrgate's file is what BIRD has loaded, by the digest that BIRD shows: the
        file, or the candidate of a commit that waits; CommandFailed when it is neither. Passwords
        are always left out.
        """
        del full, sanitized, format
        found = {"running": "", "candidate": "", "startup": ""}
        if retrieve in {"all", "running"}:
            found["running"] = self._bird().running()
        if retrieve in {"all", "candidate"} and self._loaded is not None:
            found["candidate"] = write_own(self._loaded.blocks)
        return found

    def get_facts(self) -> dict[str, Any]:
        """Return NAPALM's facts; uptime is BIRD's own."""
        status = self._bird().ask("show status")
        hostname = status_value(status, "Hostname is")
        return {
            "uptime": uptime(status),
            "vendor": "CZ.NIC",
            "os_version": version(status),
            "serial_number": "",
            "model": "BIRD",
            "hostname": hostname.partition(".")[0],
            "fqdn": hostname,
            "interface_list": interfaces(self._bird().ask("show interfaces summary")),
        }

    def get_bgp_neighbors(self) -> dict[str, Any]:
        """Return the BGP sessions by the neighbour's address; all in one table, `global`."""
        router_id = status_value(self._bird().ask("show status"), "Router ID is")
        peers = neighbours(self._bird().ask("show protocols all"))
        return {"global": {"router_id": router_id, "peers": peers}}


def _text(loaded: _Loaded) -> str:
    """Return the new file with the old one's words about its last commit: they are no change."""
    return write_own(loaded.blocks, message_of((loaded.base or b"").decode(errors="replace")))

"""The state of an emulated NX-OS: running and startup config. Each line takes effect as it comes.

Every method is called under the chassis lock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from tests.lab.apply_log import digest
from tests.lab.device import Chassis
from tests.lab.nxos_config import CommandRefused, ListKey, NxosConfig, header, parse_config


class NxosSwitch:
    """The switch's configuration plane."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.stops_on_error = True
        """whether the rest of a request is left out after a line that is refused"""
        self.oddity = ""
        """how NX-API answers as it should not: see control"""
        stored = chassis.load("startup.conf")
        text = stored if stored is not None else chassis.first_running()
        if text is None:
            text = f"hostname {chassis.options.name}\n"
        self.config: NxosConfig = parse_config(text)
        self.changed_at = time.time()
        if stored is None:
            self.save_startup()
        self.publish()
        now = self.digest
        chassis.neighbors.follow("", now)
        chassis.log.append(
            "start",
            before=now,
            after=now,
            entries=self.config.counts(),
            lists=self.config.digests(),
        )

    @property
    def digest(self) -> str:
        return digest(self.config.state)

    def publish(self) -> None:
        """Write the running config to its file; the lines of one request do it once."""
        self.chassis.save("running.conf", self.config.text())

    # What the control socket asks (tests.lab.device.Platform)

    def running(self) -> str:
        return self.config.text()

    def set_running(self, text: str) -> None:
        before, old = self.digest, self.config
        self.config = parse_config(text)
        self.changed_at = time.time()
        self.publish()
        self.save_startup()
        self.chassis.neighbors.follow(before, self.digest)
        changed = {
            key
            for key in old.lists.keys() | self.config.lists.keys()
            if key not in old.lists
            or key not in self.config.lists
            or old.lists[key].state != self.config.lists[key].state
        }
        self.chassis.log.append(
            "set-running",
            objects=sorted(map(header, changed)),
            before=before,
            after=self.digest,
            entries=self.config.counts(),
            lists=self.config.digests(),
        )

    def lists(self) -> Mapping[str, str]:
        return self.config.digests()

    def candidates(self) -> list[dict[str, object]]:
        """NX-OS has none."""
        return []

    def locks(self) -> list[dict[str, object]]:
        """NX-OS has none, or none that anybody minds."""
        return []

    def control(self, op: str, request: Mapping[str, object]) -> object:
        """The operations that only NX-OS has.

        `neighbors`: see nxos_show and tests.lab.neighbors. `startup`: the startup config.
        `stop_on_error`: whether the error action of a request is heeded. `oddity`: NX-API leaves
        out the answer to the last line of a request ("short"), answers each line with a remark
        ("remark"), or the whole with no JSON and status 503 ("busy"). `tell`: a line that
        somebody else types, and that is not in the log as ours.
        """
        match op:
            case "neighbors":
                self.chassis.neighbors.set(request)
            case "startup":
                return self.chassis.load("startup.conf")
            case "stop_on_error":
                self.stops_on_error = bool(request["enabled"])
            case "oddity":
                self.oddity = str(request["kind"])
            case "tell":
                self.tell(str(request["line"]), event="other")
            case _:
                raise ValueError(f"no such operation: {op}")
        return None

    # What the command line does

    def save_startup(self, user: str = "") -> None:
        """`copy running-config startup-config`."""
        self.chassis.save("startup.conf", self.config.text())
        if user:
            now = self.digest
            self.chassis.log.append("save", user=user, before=now, after=now)

    def tell(self, line: str, user: str = "", event: str = "line") -> None:
        """Run a line of a prefix list; CommandRefused where it is refused."""
        before = self.digest
        try:
            key = self.config.tell(line)
        except CommandRefused as exc:
            self.chassis.log.append(
                "refused", user=user, before=before, after=before, detail=f"{line}: {exc}"
            )
            raise
        self.changed_at = time.time()
        after = self.digest
        self.chassis.neighbors.follow(before, after)
        self._log(event, user, key, (before, after), line)

    def _log(
        self, event: str, user: str, key: ListKey, digests: tuple[str, str], line: str
    ) -> None:
        """Log a line with the one list that it is of: the others are what they were."""
        held = self.config.lists.get(key)
        self.chassis.log.append(
            event,
            user=user,
            objects=[header(key)],
            before=digests[0],
            after=digests[1],
            entries={} if held is None else {header(key): len(held.entries)},
            lists={} if held is None else {header(key): held.content},
            detail=line,
        )

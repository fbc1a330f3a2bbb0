"""The state of an emulated SR Linux: running and startup configuration, transactions, their timer.

From the JSON-RPC chapters of Nokia's System Management Guide and of learn.srlinux.dev: a `set` is
one transaction in a private candidate, all or nothing; `validate` tries it and changes nothing;
`confirm-timeout` (from 23.3.2 on; an older release takes no notice) makes it one that goes back
unless /system/configuration/confirmed-accept comes from whoever it may be, and confirmed-reject
takes it back at once. From srl_nokia-configuration: the list of commits, and their states. That
commits are numbered from 1 after a start, that a second one is refused while one waits, and the
words of these refusals are assumed. A commit is not saved; after a restart the startup
configuration runs.

Every method is called under the chassis lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.lab.apply_log import digest
from tests.lab.clock import Timer
from tests.lab.device import Chassis
from tests.lab.srl_tree import ROOTS, SrlConfig, SrlRefusedError, set_steps

FOREIGN_USER: Final = "noc"
DEFAULT_VERSION: Final = "v24.10.1-492-gf8858c5836"
CONFIRM_TIMEOUT: Final = (23, 3, 2)


@dataclass(slots=True)
class Commit:
    """A transaction, as /system/configuration/commit has it."""

    number: int
    user: str
    status: str
    started: str
    previous: SrlConfig | None = None
    timer: Timer | None = None

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.number,
            "type": "private",
            "name": f"private-{self.user}",
            "status": self.status,
            "username": self.user,
            "started": self.started,
        }


class SrlRouter:
    """The router's management server."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.version = DEFAULT_VERSION
        self.commits: list[Commit] = []
        self.default_timeout = 0
        self.under_way = 0
        self.unnamed = False
        self.next_answer: Mapping[str, object] | None = None
        stored = chassis.load("startup.conf")
        text = stored if stored is not None else chassis.first_running()
        self.config = SrlConfig.parse(text if text is not None else "{}")
        self.config.root.setdefault(ROOTS["system"], {})
        self._publish()
        if stored is None:
            self.save()
        chassis.neighbors.follow("", self.digest)
        self._log("start", entries=self.config.counts(), lists=self.config.digests())

    def _publish(self) -> None:
        self.text = self.config.text()
        self.digest = digest(self.text)
        self.chassis.save("running.conf", self.text)

    def _log(self, event: str, user: str = "", session: str = "", **more: Any) -> None:
        same = {"before": self.digest, "after": self.digest}
        self.chassis.log.append(event, user=user, session=session, **{**same, **more})

    def _replace(self, config: SrlConfig, event: str, commit: Commit | None = None) -> None:
        old, before = self.config, self.digest
        self.config = config
        self._publish()
        self.chassis.neighbors.follow(before, self.digest)
        self._log(
            event,
            user=commit.user if commit else "",
            session=str(commit.number) if commit else "",
            objects=old.changed_objects(config),
            before=before,
            entries=config.counts(),
            lists=config.digests(),
        )

    # What the control socket asks (tests.lab.device.Platform)

    def running(self) -> str:
        return self.text

    def set_running(self, text: str) -> None:
        for commit in self.commits:
            if commit.timer is not None:
                commit.timer.cancel()
        self.commits.clear()
        self.version, self.default_timeout, self.under_way = DEFAULT_VERSION, 0, 0
        self.unnamed = False
        self._replace(SrlConfig.parse(text), "set-running")
        self.save()

    def lists(self) -> Mapping[str, str]:
        return self.config.digests()

    def candidates(self) -> list[dict[str, object]]:
        return [
            {"name": str(each.number), "state": each.status, "user": each.user}
            for each in self.commits
            if each.status == "unconfirmed"
        ]

    def locks(self) -> list[dict[str, object]]:
        if self.chassis.faults.foreign_lock(strikes=False) is None:
            return []
        return [{"session": "4711", "user": FOREIGN_USER}]

    def control(self, op: str, request: Mapping[str, object]) -> object:
        """The operations that only SR Linux has.

        `bgp_neighbors`: see tests.lab.neighbors; each has the fields of the router's state, and
        may have a `network-instance`. `version`: as the router tells it. `startup`: the saved
        configuration. `default_timeout`: /system/json-rpc-server/commit-confirmed-timeout.
        `unnamed`: the commits are listed without their users from now on. `foreign_commit`:
        somebody else commits what runs, to be confirmed. `under_way`: how many more looks at the
        commits find the last one still under way. `next_answer`: what the server says to the next
        request, with its `status`, its `text`, in which `{id}` is the request's
        number, and how many bytes `more` than that are announced.
        """
        match op:
            case "bgp_neighbors":
                self.chassis.neighbors.set(request)
            case "version":
                self.version = str(request["version"])
            case "startup":
                return self.chassis.load("startup.conf")
            case "default_timeout":
                self.default_timeout = int(str(request["seconds"]))
            case "foreign_commit":
                self._commit(self.config.copy(), str(request.get("user", FOREIGN_USER)), 600)
            case "unnamed":
                self.unnamed = True
            case "next_answer":
                self.next_answer = dict(request)
            case "under_way":
                self.under_way = int(str(request["looks"]))
            case _:
                raise ValueError(f"no such operation: {op}")
        return None

    # What JSON-RPC asks

    def transaction(self, commands: Sequence[Mapping[str, Any]]) -> SrlConfig:
        """The configuration as the commands make it; SrlRefusedError where one cannot be."""
        if self.chassis.faults.foreign_lock() is not None:
            raise SrlRefusedError(
                f"Configuration is locked by an exclusive session of {FOREIGN_USER}"
            )
        config = self.config.copy()
        for command in commands:
            config.apply(command)
        touched = {set_steps(command) for command in commands}
        sets = config.prefix_sets()
        config.check({name: sets[name] for name in touched if name in sets})
        return config

    def validated(self, user: str, refused: str = "") -> None:
        self._log("load-error" if refused else "validate", user=user, detail=refused)

    def commit(self, commands: Sequence[Mapping[str, Any]], user: str, timeout: int | None) -> None:
        """A `set`: made the running configuration, for good or for so many seconds."""
        if self.waiting() is not None:
            raise SrlRefusedError("Commit confirmation is in progress")
        known = tuple(map(int, self.version.removeprefix("v").split("-")[0].split(".")))
        seconds = timeout if timeout is not None and known >= CONFIRM_TIMEOUT else None
        self._commit(self.transaction(commands), user, seconds or self.default_timeout)

    def _commit(self, config: SrlConfig, user: str, seconds: int) -> None:
        number = max((each.number for each in self.commits), default=0) + 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        commit = Commit(number, user, "unconfirmed" if seconds else "complete", now)
        self.commits.append(commit)
        if seconds:
            commit.previous = self.config
            commit.timer = self.chassis.timers.after(
                seconds, lambda: self._take_back(commit, "rollback-timer")
            )
        self._replace(config, "commit-confirmed" if seconds else "commit", commit)

    def waiting(self) -> Commit | None:
        return next((each for each in self.commits if each.status == "unconfirmed"), None)

    def accept(self, user: str) -> None:
        commit = self._must_wait()
        assert commit.timer is not None
        commit.timer.cancel()
        commit.status, commit.previous = "complete", None
        self._log("confirmed", user=user, session=str(commit.number))

    def reject(self) -> None:
        commit = self._must_wait()
        assert commit.timer is not None
        commit.timer.cancel()
        self._take_back(commit, "rollback")

    def _must_wait(self) -> Commit:
        commit = self.waiting()
        if commit is None:
            raise SrlRefusedError("No commit confirmation is in progress")
        return commit

    def _take_back(self, commit: Commit, event: str) -> None:
        assert commit.previous is not None
        commit.status = "failed"
        self._replace(commit.previous, event, commit)

    def save(self, user: str = "") -> None:
        self.chassis.save("startup.conf", self.text)
        if user:
            self._log("save", user=user)

    def state(self, path: str) -> Any:
        """What the state datastore has, of the paths that NAPALM's driver asks for."""
        shown: dict[str, Any] = {
            "/system/information/version": self.version,
            "/system/name": self.config.get("/system/name"),
            "/platform/chassis": {"type": "7220 IXR-D3L", "serial-number": "Sim Serial No."},
            "/interface[name=*]": {ROOTS["interface"]: [{"name": "ethernet-1/1"}]},
        }
        match path:
            case "/system/information":
                return self._information()
            case "/system/configuration/commit[id=*]":
                return self._shown_commits()
            case "/network-instance[name=*]/protocols/bgp":
                return {ROOTS["network-instance"]: list(self._instances())}
            case _ if path not in shown:
                raise SrlRefusedError(f"Path not valid - '{path}'")
        return shown[path]

    def _information(self) -> dict[str, str]:
        now = datetime.now(UTC)
        booted = now - timedelta(seconds=self.chassis.clock.now())
        return {
            "description": "SRLinux",
            "current-datetime": now.isoformat(timespec="milliseconds"),
            "last-booted": booted.isoformat(timespec="milliseconds"),
            "version": self.version,
        }

    def _shown_commits(self) -> Any:
        shown = [each.shown() for each in self.commits]
        if self.unnamed:
            shown = [{key: each[key] for key in ("id", "status")} for each in shown]
        if shown and self.under_way:
            self.under_way -= 1
            shown[-1]["status"] = "publishing"
        return {"commit": shown} if shown else {}

    def _instances(self) -> list[dict[str, Any]]:
        by_name: dict[str, list[dict[str, Any]]] = {"default": []}
        for each in self.chassis.neighbors.now:
            fields = dict(each)
            by_name.setdefault(str(fields.pop("network-instance", "default")), []).append(fields)
        return [
            {
                "name": name,
                "protocols": {
                    "srl_nokia-bgp:bgp": {
                        "autonomous-system": 64496,
                        "router-id": "192.0.2.1",
                        "neighbor": neighbors,
                    }
                },
            }
            for name, neighbors in by_name.items()
        ]

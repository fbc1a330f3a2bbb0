"""The state of an emulated EOS switch: running and startup config, flash, sessions, commit timer.

As on the real one: a session is a copy of the running config at its creation, and a commit makes
that copy the running config, whatever another session committed meanwhile (merge on commit is off
by default); five sessions may be pending; a commit with a timer is undone when the timer ends or
the session is aborted; after a power cut the startup config runs, and all sessions are gone.

Every method is called under the chassis lock.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tests.lab.apply_log import digest
from tests.lab.clock import Timer
from tests.lab.device import Chassis
from tests.lab.eos_config import EosConfig
from tests.lab.eos_mode import parse_config
from tests.lab.eos_prefix_list import MAX_SEQUENCE, CommandRefused

MAX_PENDING: Final = 5
FOREIGN_SESSION: Final = "noc-change-4711"
DEFAULT_VERSION: Final = "4.33.1F"


class SessionState(StrEnum):
    """Where a session is; `pending` is what NAPALM takes for a lock."""

    PENDING = "pending"
    PENDING_TIMER = "pendingCommitTimer"
    COMPLETED = "completed"


@dataclass(slots=True, eq=False)
class Session:
    """A configuration session."""

    name: str
    user: str
    config: EosConfig
    state: SessionState = SessionState.PENDING
    completed_at: float = 0.0  # wall time
    expires_at: float = 0.0  # device clock
    timer: Timer | None = None
    previous: EosConfig | None = None  # what an abort of a pending commit brings back


class EosSwitch:
    """The switch's configuration plane."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.sessions: dict[str, Session] = {}
        self.version = DEFAULT_VERSION
        self.max_sequence = MAX_SEQUENCE
        stored = chassis.load("startup.conf")
        text = stored if stored is not None else chassis.first_running()
        if text is None:
            text = f"hostname {chassis.options.name}\n"
        self.startup_text = text
        self.running_config = parse_config(text)
        self._publish()
        if stored is None:
            self.save_startup()
        chassis.neighbors.follow("", self.running_digest)
        chassis.log.append(
            "start",
            before=self.running_digest,
            after=self.running_digest,
            entries=self.running_config.counts(),
            lists=self.lists(),
        )

    @property
    def description(self) -> str:
        return f"{self.running_config.hostname} (vEOS-lab, EOS-{self.version})"

    def _publish(self) -> None:
        """Render the running config once for all that read it, and write it to its file."""
        self.running_text = self.running_config.text("show running-config", self.description)
        self.running_digest = digest(self.running_text)
        self.chassis.save("running.conf", self.running_text)

    def _log(self, event: str, session: str = "", user: str = "", detail: str = "") -> None:
        same = self.running_digest
        self.chassis.log.append(
            event, session=session, user=user, before=same, after=same, detail=detail
        )

    def _replace_running(
        self, config: EosConfig, event: str, session: str = "", user: str = "", detail: str = ""
    ) -> None:
        old, before = self.running_config, self.running_digest
        self.running_config = config
        self._publish()
        self.chassis.neighbors.follow(before, self.running_digest)
        self.chassis.log.append(
            event,
            session=session,
            user=user,
            objects=old.changed_objects(config),
            before=before,
            after=self.running_digest,
            entries=config.counts(),
            lists=config.digests(),
            detail=detail,
        )

    # What the control socket asks (tests.lab.device.Platform)

    def running(self) -> str:
        return self.running_text

    def set_running(self, text: str) -> None:
        self._replace_running(parse_config(text), "set-running")
        self.save_startup()

    def lists(self) -> Mapping[str, str]:
        return self.running_config.digests()

    def candidates(self) -> list[dict[str, object]]:
        return [
            {"name": s.name, "state": str(s.state), "user": s.user}
            for s in self.sessions.values()
            if s.state is not SessionState.COMPLETED
        ]

    def locks(self) -> list[dict[str, object]]:
        """The pending sessions: EOS has no lock, and NAPALM takes these for one."""
        held = [
            {"session": s.name, "user": s.user}
            for s in self.sessions.values()
            if s.state is SessionState.PENDING
        ]
        if self.chassis.faults.foreign_lock(strikes=False) is not None:
            held.append({"session": FOREIGN_SESSION, "user": "noc"})
        return [dict(lock) for lock in held]

    def control(self, op: str, request: Mapping[str, object]) -> object:
        """The operations that only EOS has.

        `neighbors`: the BGP neighbours that `show ip bgp …` has, see eos_show and
        tests.lab.neighbors.
        `version`: the EOS
        version; before 4.32 the pending commit timer is shown in another way. `limits`: the
        highest `sequence` of a prefix list entry. `startup`: the startup config.
        `forget_sessions`: all sessions are gone, and what runs, runs on.
        """
        match op:
            case "neighbors":
                self.chassis.neighbors.set(request)
            case "version":
                self.version = str(request["version"])
            case "limits":
                self.max_sequence = int(str(request["sequence"]))
            case "startup":
                return self.startup_text
            case "forget_sessions":
                self._forget_sessions()
            case _:
                raise ValueError(f"no such operation: {op}")
        return None

    def _forget_sessions(self) -> None:
        for session in self.sessions.values():
            if session.timer is not None:
                session.timer.cancel()
        self.sessions.clear()

    # What the command line does

    def save_startup(self, user: str = "") -> None:
        """`write memory`."""
        self.startup_text = self.running_text
        self.chassis.save("startup.conf", self.startup_text)
        if user:
            self._log("write-memory", user=user)

    def save_flash(self, name: str) -> None:
        """`copy startup-config flash:NAME`."""
        self.chassis.save(f"flash/{name}", self.startup_text)

    def open_session(self, name: str, user: str) -> Session:
        """The pending session of that name, created where there is none."""
        session = self.sessions.get(name)
        if session is not None and session.state is SessionState.PENDING_TIMER:
            raise CommandRefused(1000, f"Session {name} is pending a commit confirmation")
        if session is not None and session.state is SessionState.PENDING:
            return session
        pending = sum(s.state is SessionState.PENDING for s in self.sessions.values())
        if pending >= MAX_PENDING:
            raise CommandRefused(1000, "Maximum number of pending sessions has been reached")
        session = Session(name, user, self.running_config.copy())
        self.sessions[name] = session
        self._log("session", session=name, user=user)
        return session

    def load_error(self, session: Session, user: str, detail: str) -> None:
        self._log("load-error", session=session.name, user=user, detail=detail)

    def find(self, name: str) -> Session:
        """A session that is not completed; CommandRefused where there is none."""
        session = self.sessions.get(name)
        if session is None or session.state is SessionState.COMPLETED:
            raise CommandRefused(1000, f"Session {name} does not exist or is already completed")
        return session

    def commit(self, session: Session, user: str, timer: float | None) -> None:
        """Make the session's config the running one, for good or for `timer` seconds."""
        if session.state is SessionState.PENDING_TIMER:
            self._confirm(session, user)
            return
        if waiting := self._waiting():
            raise CommandRefused(1000, f"Session {waiting.name} has a pending commit timer")
        session.previous = self.running_config
        event = "commit" if timer is None else "commit-confirmed"
        self._replace_running(session.config, event, session.name, user)
        session.completed_at = time.time()
        if timer is None:
            self._complete(session)
            return
        session.state = SessionState.PENDING_TIMER
        session.expires_at = self.chassis.clock.now() + timer
        session.timer = self.chassis.timers.after(timer, lambda: self._timer_ended(session))

    def _waiting(self) -> Session | None:
        states = self.sessions.values()
        return next((s for s in states if s.state is SessionState.PENDING_TIMER), None)

    def _confirm(self, session: Session, user: str) -> None:
        assert session.timer is not None
        session.timer.cancel()
        self._log("confirmed", session=session.name, user=user)
        self._complete(session)

    def _complete(self, session: Session) -> None:
        session.state = SessionState.COMPLETED
        session.previous = None
        done = [s for s in self.sessions.values() if s.state is SessionState.COMPLETED]
        for old in sorted(done, key=lambda s: s.completed_at)[:-1]:
            del self.sessions[old.name]  # one completed session is kept

    def _timer_ended(self, session: Session) -> None:
        assert session.previous is not None
        self._replace_running(session.previous, "rollback-timer", session.name, session.user)
        del self.sessions[session.name]

    def abort(self, session: Session, user: str) -> None:
        """Forget a session; one whose commit waits to be confirmed is undone at once."""
        del self.sessions[session.name]
        if session.state is SessionState.PENDING_TIMER:
            assert session.timer is not None
            assert session.previous is not None
            session.timer.cancel()
            self._replace_running(session.previous, "rollback", session.name, user, "abort")
        else:
            self._log("discard", session=session.name, user=user)

    def configure_replace(self, name: str, user: str) -> None:
        """`configure replace flash:NAME`."""
        text = self.chassis.load(f"flash/{name}")
        if text is None:
            raise CommandRefused(1000, f"Error: flash:{name} (No such file or directory)")
        if waiting := self._waiting():
            raise CommandRefused(1000, f"Session {waiting.name} has a pending commit timer")
        detail = f"configure replace flash:{name}"
        self._replace_running(parse_config(text), "rollback", "", user, detail)

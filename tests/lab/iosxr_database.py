"""The configuration database of the emulated IOS-XR device: candidates, the lock, trial commits.

All of it runs under the chassis lock, in threads. What it takes from RFC 6241 and from Cisco's
guide to data models (NETCONF operations; confirmed-commit):

- Each session has a candidate of its own, made of the running config when it is first changed.
- One session may lock the candidate; it is denied while another holds it. A confirmed commit of
  another session that waits is nothing that keeps it from being granted (RFC 6241 7.5).
- A confirmed commit without `persist` ends with its session: the router goes back at once, also
  when the session was cut, and when the router boots (RFC 6241 8.4).
- Only the session that made it confirms it, by a commit; a commit of another is refused while it
  waits (the guide: "Datastore Locked").
- The guide says nothing of how a trial shows in operational data, and NAPALM's users found that it
  does not (napalm pull request 2319): this device does not show it either.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

from tests.lab.apply_log import digest
from tests.lab.clock import Timer
from tests.lab.device import Chassis
from tests.lab.iosxr_config import Config, changed_objects, parse_config
from tests.lab.iosxr_diff import config_diff
from tests.lab.iosxr_prefix_set import CliRefused
from tests.lab.netconf_rpc import RefusedError, RpcError

DEFAULT_TIMEOUT = 600
"""seconds of a confirmed commit that names none (RFC 6241)"""


@dataclass(eq=False, slots=True)
class Session:
    """One NETCONF session."""

    number: int
    user: str
    candidate: Config | None = None
    base: Config | None = None

    @property
    def name(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What a commit asks for; `confirm_seconds` is 0 for one that stays."""

    confirm_seconds: int = 0
    persist: str = ""
    persist_id: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """A commit that is undone at a time (seconds since 1970) unless it is confirmed before."""

    due: float
    session: int
    user: str
    persist: str


SYSTEM = Session(0, "system")


class Database:
    """The candidates and the running config; the caller holds the chassis lock."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self._boot = time.time()
        self._timer: Timer | None = None
        self.holder: Session | None = None
        self.trial: Trial | None = None
        self.changed_at, self.changed_by = self._boot, "system"
        self.revert_delay = 0.0
        """seconds between the end of a session, and of its lock, and that of its commit"""
        self._sessions: list[Session] = []
        text = chassis.load("running.conf")
        self.running = parse_config(text or chassis.first_running() or "")
        self._digest = digest(self.running.text())
        if text is None:
            self._apply(self.running, "start", SYSTEM)
        else:
            self._note("start", SYSTEM)
        trial = chassis.load("trial.json")
        if trial:
            self.trial = Trial(**json.loads(trial))
            self._undo("booted")

    def now(self) -> float:
        """Seconds since 1970 by the device's clock."""
        return self._boot + self.chassis.clock.now()

    def begin(self, session: Session) -> None:
        self._sessions.append(session)

    def end(self, session: Session) -> None:
        """The session is gone, in whatever way; its confirmed commit goes with it."""
        self._sessions.remove(session)
        session.candidate = session.base = None
        if self.holder is session:
            self.holder = None
            self._note("unlock", session, detail="session ended")
        if self.trial and self.trial.session == session.number and not self.trial.persist:
            if self.revert_delay:
                self._undo_in(self.revert_delay, "session ended")
            else:
                self._undo("session ended")

    def lock(self, session: Session) -> None:
        self._not_locked_by_others(session)
        if self.holder is session:
            raise _denied(session.number)
        self.holder = session
        self._note("lock", session)

    def unlock(self, session: Session) -> None:
        if self.holder is not session:
            raise RefusedError(RpcError("", tag="operation-failed", type="application"))
        session.candidate = session.base = None
        self.holder = None
        self._note("unlock", session)

    def load(self, session: Session, text: str) -> None:
        """Load CLI text into the session's candidate: all of it, or nothing."""
        self._not_locked_by_others(session)
        tree = (session.candidate or self.running).clone()
        try:
            tree.load(text)
        except CliRefused as exc:
            self._note("load-error", session, detail=str(exc))
            raise RefusedError(RpcError(str(exc), type="application")) from exc
        if session.candidate is None:
            session.base = self.running
        session.candidate = tree

    def discard(self, session: Session) -> None:
        if session.candidate is not None:
            session.candidate = session.base = None
            self._note("discard", session)

    def compare(self, session: Session) -> str:
        return config_diff(self.running, session.candidate or self.running)

    def anything_to_commit(self) -> bool:
        """Whether any session has a candidate that differs."""
        return any(each.candidate is not None for each in self._sessions)

    def commit(self, session: Session, request: CommitRequest) -> None:
        """Commit the session's candidate; RefusedError when it does not pass."""
        self._not_locked_by_others(session)
        confirms = self._confirms(session, request)
        tree = session.candidate
        if tree is not None and (problems := tree.problems()):
            self._note("commit-error", session, detail="; ".join(problems[:5]))
            raise RefusedError(*(RpcError(each, type="application") for each in problems))
        undo = self.running
        if tree is not None:
            self._apply(tree, "commit-confirmed" if request.confirm_seconds else "commit", session)
            session.candidate = session.base = None
        if request.confirm_seconds:
            self._try(session, request, undo)
        elif confirms:
            self._settle()
            self._note("confirmed", session)

    def cancel(self, session: Session, persist_id: str) -> None:
        """Take back the confirmed commit of this session, or of that token."""
        trial = self.trial
        if trial is None or trial.persist != persist_id:
            raise RefusedError(RpcError("", tag="invalid-value", type="application"))
        if not trial.persist and trial.session != session.number:
            raise RefusedError(RpcError("", tag="operation-failed", type="application"))
        self._undo("cancel-commit")

    def set_running(self, text: str) -> None:
        """Replace the running config past sessions, locks and checks; ValueError if it is none."""
        self._apply(parse_config(text), "set-running", SYSTEM)
        self._settle()
        for session in self._sessions:
            session.candidate = session.base = None

    def _confirms(self, session: Session, request: CommitRequest) -> bool:
        trial = self.trial
        if trial is None:
            if request.persist_id:
                raise RefusedError(RpcError("", tag="invalid-value", type="application"))
            return False
        if trial.persist:
            if trial.persist != request.persist_id:
                raise _datastore_locked(trial)
        elif trial.session != session.number:
            raise _datastore_locked(trial)
        return True

    def _try(self, session: Session, request: CommitRequest, undo: Config) -> None:
        if self.trial is None:
            self.chassis.save("trial.conf", undo.text())
        due = self.now() + request.confirm_seconds
        self.trial = Trial(due, session.number, session.user, request.persist)
        self.chassis.save("trial.json", json.dumps(asdict(self.trial)))
        self._undo_in(request.confirm_seconds, "timer")

    def _undo_in(self, seconds: float, why: str) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.chassis.timers.after(seconds, lambda: self._undo(why))

    def _settle(self) -> None:
        self.trial = None
        self.chassis.save("trial.json", "")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _undo(self, why: str) -> None:
        """The confirmed commit was not confirmed."""
        tree = parse_config(self.chassis.load("trial.conf") or "")
        self._settle()
        self._apply(tree, "rollback-timer" if why == "timer" else "rollback", SYSTEM, why)

    def _not_locked_by_others(self, session: Session) -> None:
        if self.chassis.faults.foreign_lock() is not None:
            raise _denied(4711)
        if self.holder is not None and self.holder is not session:
            raise _denied(self.holder.number)

    def _apply(self, tree: Config, event: str, session: Session, detail: str = "") -> None:
        text = tree.text()
        objects = changed_objects(self.running, tree)
        before, self._digest = self._digest, digest(text)
        self.running = tree
        self.changed_at, self.changed_by = self.now(), session.user
        self.chassis.save("running.conf", text)
        self.chassis.neighbors.follow(before, self._digest)
        self._note(event, session, before=before, objects=objects, detail=detail)

    def _note(
        self,
        event: str,
        session: Session,
        *,
        before: str = "",
        objects: list[str] | None = None,
        detail: str = "",
    ) -> None:
        sets = self.running.sets
        self.chassis.log.append(
            event,
            session=session.name,
            user=session.user,
            objects=objects or (),
            before=before or self._digest,
            after=self._digest,
            entries={name: len(value.entries) for name, value in sets.items()},
            lists={name: value.digest for name, value in sets.items()},
            detail=detail,
        )


def _denied(number: int) -> RefusedError:
    # Without a message (napalm issue 1424).
    info = f"<session-id>{number}</session-id>"
    return RefusedError(RpcError("", tag="lock-denied", type="application", info=info))


def _datastore_locked(trial: Trial) -> RefusedError:
    info = f"<session-id>{trial.session}</session-id>"
    return RefusedError(RpcError("Datastore Locked", tag="in-use", type="application", info=info))

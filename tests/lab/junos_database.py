"""The configuration database of the emulated Junos device: candidates, the lock, commits.

All of it runs under the chassis lock, in threads. What a real device does, and this one too:

- There is one shared candidate. `lock-configuration` takes it for one session alone, and is
  refused while another holds it, and while it has changes that nobody committed. Unlocking, and
  the end of the session that holds the lock, throws uncommitted changes away; changes made
  without a lock stay.
- Any commit, and a commit check too, confirms an unconfirmed one (Junos documentation; seen on a
  vSRX 24.4). It needs the database: while another session holds the lock it is refused.
- A second `commit confirmed` before the first is confirmed starts the timer anew, and what comes
  back is the config from before the first (as RFC 6241 section 8.4 has it).
- The automatic rollback does not ask for the lock, and is a commit of its own, by root via other.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.lab.apply_log import digest
from tests.lab.clock import Timer
from tests.lab.device import Chassis
from tests.lab.junos_check import check_candidate
from tests.lab.junos_diff import changed_statements, compare
from tests.lab.junos_history import Commit, History, Unconfirmed
from tests.lab.junos_loader import LoadError, load_text, parse_config
from tests.lab.junos_tree import FilterList, Node, render, walk_lists
from tests.lab.netconf_rpc import RefusedError

DATABASE_MODIFIED = "configuration database modified"


@dataclass(eq=False, slots=True)
class Session:
    """One NETCONF session; its id is the pid of the mgd that serves it."""

    number: int
    user: str
    since: float
    candidate: Node | None = None
    """Its private candidate (open-configuration private), if it opened one."""
    base: Node | None = None

    @property
    def name(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What commit-configuration asks for; `confirm_minutes` is 0 for a commit that stays."""

    log: str = ""
    confirm_minutes: int = 0
    check: bool = False


ROOT = Session(0, "root", 0.0)


class Database:
    """The candidates and the running config; the caller holds the chassis lock."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.history = History(chassis)
        self._boot = time.time()
        self._timer: Timer | None = None
        self.holder: Session | None = None
        self.changed_by: Session | None = None
        """Who last changed the shared candidate, while it differs from the running config."""
        text = chassis.load("running.conf")
        self.running = parse_config(text or chassis.first_running() or "")
        self.candidate = self.running.clone()
        self._digest = digest(render(self.running))
        if text is None:
            self._apply(self.running, "start", ROOT, "other")
        else:
            self._note("start", ROOT, before=self._digest)
        self._resume()

    def now(self) -> float:
        """Seconds since 1970 by the device's clock."""
        return self._boot + self.chassis.clock.now()

    def lock(self, session: Session) -> None:
        self._writable(session)
        if self.holder is session:
            raise RefusedError("Configuration database is already open")
        if self.changed_by is not None:
            raise RefusedError(DATABASE_MODIFIED)
        self.holder = session
        self._note("lock", session)

    def unlock(self, session: Session) -> None:
        if self.holder is not session:
            raise RefusedError("Configuration database is not open")
        self._discard(session, "unlocked")
        self.holder = None
        self._note("unlock", session)

    def end(self, session: Session) -> None:
        """The session is gone, in whatever way."""
        session.candidate = session.base = None
        if self.holder is session:
            self._discard(session, "session ended")
            self.holder = None
            self._note("unlock", session, detail="session ended")

    def open_private(self, session: Session) -> None:
        self._writable(session)
        session.base = self.running
        session.candidate = self.running.clone()

    def close_private(self, session: Session) -> None:
        session.candidate = session.base = None

    def load(self, session: Session, text: str, action: str) -> list[LoadError]:
        """Load text into the candidate; what was refused is left out, the rest is in."""
        self._writable(session)
        tree = Node() if action == "override" else self.tree(session).clone()
        errors = load_text(text, tree, replace=action == "replace")
        self._store(session, tree)
        if any(not error.warning for error in errors):
            first = errors[0]
            said = f"{len(errors)} errors; line {first.line}: {first.message}: {first.bad_element}"
            self._note("load-error", session, detail=said)
        return errors

    def roll_back(self, session: Session, number: int) -> None:
        """Load an older config into the candidate; 0 throws the changes away."""
        self._writable(session)
        if number == 0:
            self._discard(session, "rollback 0")
            return
        self._store(session, self._older(number))
        self._note("rollback", session, detail=f"rollback {number} into the candidate")

    def compare(self, session: Session, number: int) -> str:
        """What the candidate changes in the running config, or in an older one."""
        return compare(self._older(number), self.tree(session))

    def tree(self, session: Session) -> Node:
        """The candidate that the session works on."""
        return self.candidate if session.candidate is None else session.candidate

    def lists(self) -> dict[str, FilterList]:
        """The lists of the running config, by the name that the apply log has for each."""
        return {key.split(" ", 1)[1]: value for key, value in walk_lists(self.running)}

    def is_confirming(self, request: CommitRequest) -> bool:
        return self.history.unconfirmed is not None and not request.confirm_minutes

    def commit(self, session: Session, request: CommitRequest) -> None:
        """Commit the session's candidate, or check it; RefusedError when it does not check out."""
        self._writable(session)
        if session.candidate is not None:
            self._private_can_commit(session, request)
        tree = self.tree(session)
        if found := check_candidate(tree):
            self._note("commit-error", session, detail="; ".join(found[:5]))
            raise RefusedError.of(found)
        confirming = self.is_confirming(request)
        if request.check:
            if confirming:
                self._stop_timer()
                self.history.settle()
                self._note("confirmed", session, detail="by a commit check")
            return
        event = "confirmed" if confirming else "commit"
        event = "commit-confirmed" if request.confirm_minutes else event
        self._apply(tree.clone(), event, session, "netconf", request)
        if session.candidate is None:
            self.changed_by = None
        else:
            session.base, session.candidate = self.running, self.running.clone()
        self._follow_running()

    def set_running(self, text: str) -> None:
        """Replace the running config past sessions, locks and checks; ValueError if it is none."""
        self._apply(parse_config(text), "set-running", ROOT, "other")
        self.changed_by = None
        self._follow_running()

    def _private_can_commit(self, session: Session, request: CommitRequest) -> None:
        if request.confirm_minutes:
            raise RefusedError("commit confirmed is not possible in private mode")
        if session.base is not self.running:
            # A real device merges what does not overlap. This one refuses what it would have to.
            raise RefusedError("another user has changed the configuration: update needed")

    def _store(self, session: Session, tree: Node) -> None:
        if session.candidate is not None:
            session.candidate = tree
            return
        self.candidate = tree
        self.changed_by = None if tree.same_as(self.running) else session

    def _discard(self, session: Session, why: str) -> None:
        if session.candidate is not None:
            session.base, session.candidate = self.running, self.running.clone()
        elif self.changed_by is not None:
            self.candidate, self.changed_by = self.running.clone(), None
            self._note("discard", session, detail=why)

    def _older(self, number: int) -> Node:
        if number == 0:
            return self.running
        text = self.history.rollback(number)
        if text is None:
            raise RefusedError(f"rollback {number} is not available: No such file or directory")
        return parse_config(text)

    def _writable(self, session: Session) -> None:
        """Refuse the session when another holds the lock."""
        foreign = self.chassis.faults.foreign_lock()
        if foreign is not None:
            raise RefusedError(foreign.text or self._locked_by("noc", 4711, self._boot))
        if self.holder is not None and self.holder is not session:
            raise RefusedError(
                self._locked_by(self.holder.user, self.holder.number, self.holder.since)
            )

    def _locked_by(self, user: str, pid: int, since: float) -> str:
        idle = int(max(self.now() - since, 0))
        clock = f"{idle // 3600:02}:{idle // 60 % 60:02}:{idle % 60:02}"
        when = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return (
            "\nconfiguration database locked by:\n"
            f"  {user} terminal  (pid {pid}) on since {when}, idle {clock}\n      exclusive \n"
        )

    def _follow_running(self) -> None:
        """A shared candidate without changes of its own is the running config."""
        if self.changed_by is None:
            self.candidate = self.running.clone()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _resume(self) -> None:
        waiting = self.history.unconfirmed
        if waiting is not None:
            self._timer = self.chassis.timers.after(max(waiting.due - self.now(), 0), self._undo)

    def _undo(self) -> None:
        """The timer of an unconfirmed commit has run out."""
        tree = parse_config(self.history.undo_text())
        self._apply(tree, "rollback-timer", ROOT, "other")
        self._follow_running()

    def _apply(
        self,
        tree: Node,
        event: str,
        session: Session,
        client: str,
        request: CommitRequest | None = None,
    ) -> None:
        request = request or CommitRequest()
        text = render(tree)
        objects = changed_statements(self.running, tree)
        before, self._digest = self._digest, digest(text)
        seconds, minutes = int(self.now()), request.confirm_minutes
        commit = Commit(
            revision=f"re0-{seconds}-{self.history.next_number()}",
            user=session.user,
            client=client,
            seconds=seconds,
            log=request.log,
            comment=f"commit confirmed, rollback in {minutes}mins" if minutes else "",
            rollback_pending=bool(minutes),
        )
        waiting, undo = None, None
        self._stop_timer()
        if minutes:
            waiting = Unconfirmed(self.now() + 60 * minutes, session.name, session.user)
            undo = None if self.history.unconfirmed else render(self.running)
            self._timer = self.chassis.timers.after(60 * minutes, self._undo)
        self.history.commit(text, commit, waiting, undo)
        self.running = tree
        self.chassis.neighbors.follow(before, self._digest)
        self._note(event, session, before=before, objects=objects, detail=request.log)

    def _note(
        self,
        event: str,
        session: Session,
        *,
        before: str = "",
        objects: list[str] | None = None,
        detail: str = "",
    ) -> None:
        lists = self.lists()
        self.chassis.log.append(
            event,
            session=session.name,
            user=session.user,
            objects=objects or (),
            before=before or self._digest,
            after=self._digest,
            entries={name: len(value.entries) for name, value in lists.items()},
            lists={name: value.digest for name, value in lists.items()},
            detail=detail,
        )

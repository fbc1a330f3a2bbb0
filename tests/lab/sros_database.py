"""The datastores of the emulated SR OS router: candidate, lock, commits that wait.

All of it runs under the chassis lock, in threads. What Nokia's System Management Guide and
RFC 6241 say, and this router does:

- There is one global candidate. `lock` takes it for one session alone, and is refused while
  another holds it and while it has uncommitted changes. Unlocking, and the end of the session
  that holds the lock, throws uncommitted changes away; changes made without a lock stay.
- An error in an edit-config leaves nothing of it in the candidate; the default operation is merge,
  whatever is asked for.
- A confirmed commit with `persist` waits for a commit with that `persist-id`, in whatever session;
  one without it waits in its own session, and is undone when that ends. Nobody else commits
  meanwhile. A confirmed commit with the `persist-id` sets the timer anew.
- What comes back is the configuration from before the first of them. What was committed stays in
  the candidate when it is cancelled (RFC 6241 has only the running configuration go back).

The directory has running.conf, startup.conf once something was saved (it starts from running.conf
all the same), and while a commit waits waiting.json and waiting.conf.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Final

from lxml import etree

from tests.lab.apply_log import digest
from tests.lab.clock import Timer
from tests.lab.device import Chassis
from tests.lab.netconf_rpc import RefusedError, RpcError
from tests.lab.sros_tree import Tree, changed_lists, check, parse_config

_DEFAULT_TIMEOUT: Final = 600


@dataclass(eq=False, slots=True)
class Session:
    """One NETCONF session."""

    number: int
    user: str

    @property
    def name(self) -> str:
        return str(self.number)


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """What a commit asks for."""

    confirmed: bool = False
    timeout: int = _DEFAULT_TIMEOUT
    persist: str = ""
    persist_id: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A commit that is undone at a time (seconds since 1970) unless it is confirmed before."""

    due: float
    persist: str
    session: str


ROOT: Final = Session(0, "root")


class Database:
    """The running config, the candidate and what waits; the caller holds the chassis lock."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self._boot = time.time()
        self._timer: Timer | None = None
        self.holder: Session | None = None
        text = chassis.load("running.conf")
        self.running = parse_config(text or chassis.first_running() or "")
        self.candidate = self.running
        self._digest = digest(self.running.xml())
        kept = chassis.load("waiting.json")
        self.waiting = Waiting(**json.loads(kept)) if kept and kept != "null" else None
        self._keep()
        self._note("start", ROOT, before=self._digest)
        self._wait()

    def now(self) -> float:
        """Seconds since 1970 by the router's clock."""
        return self._boot + self.chassis.clock.now()

    @property
    def changed(self) -> bool:
        return self.candidate is not self.running

    def lock(self, session: Session) -> None:
        self._writable(session)
        if self.holder is session:
            raise _denied("the lock is already held by this session", session)
        if self.changed:
            raise _denied("uncommitted changes exist in the candidate datastore", None)
        self.holder = session
        self._note("lock", session)

    def unlock(self, session: Session) -> None:
        if self.holder is not session:
            raise _denied("the lock is not held by this session", None)
        self._discard(session, "unlocked")
        self.holder = None
        self._note("unlock", session)

    def end(self, session: Session) -> None:
        """The session is gone, in whatever way."""
        if self.holder is session:
            self._discard(session, "session ended")
            self.holder = None
            self._note("unlock", session, detail="session ended")
        if self.waiting and not self.waiting.persist and self.waiting.session == session.name:
            self._undo("rollback", session)

    def edit(self, session: Session, config: etree._Element) -> None:
        self._writable(session)
        try:
            self.candidate = self.candidate.edited(config)
        except RefusedError as exc:
            self._note("load-error", session, detail=str(exc))
            raise

    def discard(self, session: Session) -> None:
        self._writable(session)
        self._discard(session, "discard-changes")

    def validate(self) -> None:
        if found := check(self.candidate):
            raise RefusedError(*(RpcError(said) for said in found))

    def commit(self, session: Session, request: CommitRequest) -> None:
        """Commit the candidate; RefusedError when it does not check out, or another waits."""
        self._writable(session)
        self._may_commit(session, request)
        try:
            self.validate()
        except RefusedError as exc:
            self._note("commit-error", session, detail=str(exc))
            raise
        confirming = self.waiting is not None and not request.confirmed
        event = "commit-confirmed" if request.confirmed else "commit"
        before = self.running
        self._stop()
        if request.confirmed:
            persist = request.persist or request.persist_id
            if self.waiting is None:
                self.chassis.save("waiting.conf", before.xml())
            self.waiting = Waiting(self.now() + request.timeout, persist, session.name)
        else:
            self.waiting = None
        self._apply(self.candidate, "confirmed" if confirming else event, session, request.comment)
        self._wait()

    def cancel(self, session: Session, persist_id: str) -> None:
        """Undo the commit that waits."""
        if self.waiting is None:
            raise RefusedError(RpcError(_NONE_WAITS))
        self._its(session, persist_id)
        committed = self.running
        self._undo("rollback", session)
        self.candidate = committed

    def save(self, session: Session) -> None:
        """Make what is running the startup datastore as well."""
        self.chassis.save("startup.conf", self.running.xml())
        self._note("save", session)

    def set_running(self, text: str) -> None:
        """Replace the running config past sessions, locks and checks; ValueError if it is none."""
        tree = parse_config(text)
        self._stop()
        self.waiting = None
        self._apply(tree, "set-running", ROOT)
        self.candidate = self.running

    def _may_commit(self, session: Session, request: CommitRequest) -> None:
        if request.persist_id or self.waiting is not None:
            self._its(session, request.persist_id)

    def _its(self, session: Session, persist_id: str) -> None:
        """Refuse who may not touch the commit that waits, or says to know one that does not."""
        waiting = self.waiting
        if waiting is None:
            raise RefusedError(RpcError(_NONE_WAITS, tag="invalid-value"))
        if waiting.persist:
            if persist_id != waiting.persist:
                raise RefusedError(RpcError(_ANOTHER_WAITS, tag="invalid-value"))
        elif persist_id or waiting.session != session.name:
            raise RefusedError(RpcError(_ANOTHER_WAITS, tag="invalid-value"))

    def _writable(self, session: Session) -> None:
        """Refuse the session when another holds the lock."""
        foreign = self.chassis.faults.foreign_lock()
        if foreign is not None:
            said = foreign.text or "the candidate datastore is locked by session 4711"
            raise _denied(said, Session(4711, "noc"))
        if self.holder is not None and self.holder is not session:
            said = f"the candidate datastore is locked by session {self.holder.number}"
            raise _denied(said, self.holder)

    def _discard(self, session: Session, why: str) -> None:
        if self.changed:
            self.candidate = self.running
            self._note("discard", session, detail=why)

    def _undo(self, event: str, session: Session) -> None:
        self._stop()
        self.waiting = None
        text = self.chassis.load("waiting.conf")
        assert text is not None
        self._apply(parse_config(text), event, session)
        self.candidate = self.running

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        if self.waiting is not None:
            seconds = max(self.waiting.due - self.now(), 0)
            self._timer = self.chassis.timers.after(
                seconds, lambda: self._undo("rollback-timer", ROOT)
            )

    def _apply(self, tree: Tree, event: str, session: Session, detail: str = "") -> None:
        objects = changed_lists(self.running, tree)
        before, self._digest = self._digest, digest(tree.xml())
        self.running = self.candidate = tree
        self._keep()
        self.chassis.neighbors.follow(before, self._digest)
        self._note(event, session, before=before, objects=objects, detail=detail)

    def _keep(self) -> None:
        # A router that is killed in between goes back, or knows that it has nothing to go back to.
        self.chassis.save("waiting.json", json.dumps(self.waiting and asdict(self.waiting)))
        self.chassis.save("running.conf", self.running.xml())

    def _note(
        self,
        event: str,
        session: Session,
        *,
        before: str = "",
        objects: list[str] | None = None,
        detail: str = "",
    ) -> None:
        lists = self.running.lists
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


_NONE_WAITS: Final = "MINOR: MGMT_CORE #2055: Confirmed commit does not exist"
_ANOTHER_WAITS: Final = "MINOR: MGMT_CORE #2056: Confirmed commit in progress - persist-id mismatch"


def _denied(said: str, holder: Session | None) -> RefusedError:
    info = f"<session-id>{holder.number}</session-id>" if holder else ""
    return RefusedError(
        RpcError(f"MINOR: MGMT_CORE #2052: Lock denied - {said}", tag="lock-denied", info=info)
    )

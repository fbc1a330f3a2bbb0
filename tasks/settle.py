"""After a commit was sent: to the new filters, confirmed, or back to the old ones. Never between.

Whatever the router answered, or whether it answered at all, is not what counts. It is read, as
often as it takes, until it holds the one or the other for good; a connection that is lost is made
again. The same is done for a run that died: `tasks.recover`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from nornir.core.task import Task

from irrgate.bgp import Neighbours, Watch, disturbed, explained_loss
from irrgate.commits import (
    CommitOutcome,
    CommitReport,
    CommitRules,
    Journal,
    Pace,
    Step,
    digests_of,
    misread,
)
from irrgate.errors import IrrgateError, LockedError
from irrgate.platforms.platform import RunningFilters
from irrgate.prefixes import Afi, PrefixSet
from tasks.bgp import read_neighbours
from tasks.connection import CONNECTION
from tasks.device_errors import device_errors
from tasks.read import read_filters
from tasks.restore import Restoring, restore
from tasks.unconfirmed import (
    Pending,
    adopt,
    clear_leftovers,
    drop_connection,
    is_of,
    pending_commit,
    save,
)

if TYPE_CHECKING:  # at run time it would load every driver: half a second for any command
    from napalm.base.base import NetworkDriver

GRACE: Final = 60
"""seconds that a router gets beyond its own timer to be back at what it held before"""
SAVED_DEADLINE: Final = 300
"""seconds to bring back what a router without a commit timer held before"""
TOO_LATE: Final = 20
"""seconds before the router's own timer in which we leave the taking back to it: on Junos
`rollback 1` after the timer has run would bring the new filters again"""
_PATIENCE: Final = 3
"""looks that fail before the commit is taken back, read or unread"""
_FOREIGN: Final = "somebody else's commit waits to be confirmed on it"
_REST: Final = 2.0
"""seconds in which a router that still runs lines takes another one of them"""
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Aim:
    """What a router is to hold in the end, or else again."""

    intended: Mapping[str, tuple[Afi, str | None]]
    before: Mapping[str, PrefixSet | None]
    """what it held of each of these before the commit"""
    session: str
    """by which the driver confirms, and its commit is known (eos), or empty"""
    message: str
    """in the router's commit log, by which its commit is known (junos)"""
    sessions: Mapping[str, tuple[Afi, str]]
    """by the neighbour's address: the session's family, and the name of its filter"""
    baseline: Neighbours | None
    """the BGP sessions before the commit; None: they are not looked at"""
    commit_confirm: bool

    @property
    def wanted(self) -> dict[str, Afi]:
        """The names to look for in a running config."""
        return {name: afi for name, (afi, _) in self.intended.items()}


class Held(StrEnum):
    """What a router holds of the filters of a commit."""

    NEW = "new"
    OLD = "old"
    NEITHER = "neither"


def held(aim: Aim, found: RunningFilters) -> Held:
    """Tell what the router holds: all of the new filters, all of the old ones, or neither."""
    if not misread(aim.intended, found):
        return Held.NEW
    before = {name: each.digest if each else None for name, each in aim.before.items()}
    return Held.OLD if digests_of(found, aim.intended) == before else Held.NEITHER


@dataclass
class Settlement:
    """Brings one router to an end; `run` is called once."""

    task: Task
    aim: Aim
    rules: CommitRules
    journal: Journal
    still_ours: Callable[[], None]
    """raises LockedError once the router is not ours any more"""
    pace: Pace
    owner: str
    restoring: Restoring
    deadline: float
    """of `pace.now`; the router's own timer has run long before"""
    trouble: str = ""
    """what went wrong on the way to the router; the commit may stay all the same"""
    refused: str = ""
    """what the router, or its driver, said against the commit when it was sent"""
    verdict: str = ""
    """why the commit is not to stay; empty while it may"""
    surely_pending: bool = False
    """True when the router has just said that the commit is in and waits"""
    timer_has_run: bool = False
    """True when so much time has passed that the router does not change by itself any more"""
    in_flight: bool = False
    """True when it may still run lines of the commit, of which nobody waits for the answers"""
    found: RunningFilters = field(default_factory=lambda: RunningFilters({}, ()), init=False)
    _was_in: bool = field(default=False, init=False)
    _connected: bool = field(default=True, init=False)
    _failed: int = field(default=0, init=False)
    _impatience: str = field(default="", init=False)
    _is_cleared: bool = field(default=False, init=False)
    _looked_at_sessions: bool = field(default=False, init=False)
    _tried_to_save: bool = field(default=False, init=False)

    def run(self) -> CommitReport:
        """Return what came of it; the router was read to know it, unless it says UNSETTLED."""
        wait = _FIRST_WAIT
        self._was_in = self.surely_pending
        while True:
            report = self._look()
            if report is not None:
                return report
            if self.pace.now() >= self.deadline:
                return self._unsettled()
            self.pace.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _look(self) -> CommitReport | None:
        """Read the router and take one step; None when it must be looked at again."""
        try:
            return self._step()
        except LockedError as exc:
            # Another run may be at work on it by now: what is pending goes back by itself.
            return CommitReport(CommitOutcome.UNSETTLED, exc.reason, hint=exc.hint)
        except IrrgateError as exc:
            self.trouble = self.trouble or exc.reason
            self._failed += 1
            if self._failed >= _PATIENCE:
                self._impatience = exc.reason
            self.surely_pending = False
            self._connected = False
            return None

    def _step(self) -> CommitReport | None:
        driver = self._driver()
        if not self.aim.commit_confirm:
            return self._step_without_timer(driver)
        pending = None if self.surely_pending else pending_commit(self.task.host, driver)
        if pending is not None and not self._is_ours(driver, pending):
            self.trouble = _FOREIGN
            return None
        waits = self.surely_pending or pending is not None
        if waits:
            self._was_in = True
            # What does not wait any more is not to be taken back for a connection's sake.
            self.verdict = self.verdict or self._impatience
        if waits and self.verdict:
            self._take_back(driver, pending)
            waits = False
        now = self._read()
        if now is Held.NEW and not self.verdict:
            return self._confirm(driver) if waits else self._confirmed(driver)
        if waits:
            self.verdict = self.verdict or self.refused or self._not_what_was_committed()
            return self._look()
        if now is Held.NEITHER and self.timer_has_run:
            return self._changed_by_others()
        return self._old(driver) if now is Held.OLD else None

    def _confirmed(self, driver: NetworkDriver) -> CommitReport | None:
        """Return DONE unless the commit came in, to be confirmed, after we had looked for it.

        Who confirmed it may not have come to saving it, which is what makes it outlast a restart.
        """
        if pending_commit(self.task.host, driver) is not None:
            return None
        try:
            save(self.task.host, driver)
        except IrrgateError as exc:
            if self._failed + 1 < _PATIENCE:
                raise
            why = f"{exc.reason}; it holds the new filters, and after a restart the old ones"
            return CommitReport(CommitOutcome.UNSETTLED, why, hint=exc.hint)
        return CommitReport(CommitOutcome.DONE)

    def _old(self, driver: NetworkDriver) -> CommitReport | None:
        """Return what came of it, once no commit is on its way any more that was not answered."""
        if not self._was_in and not self._is_cleared:
            # Without its session it cannot come (eos); on Junos it holds the lock that we have.
            self.still_ours()
            clear_leftovers(self.task.host, driver, self.owner)
            self._is_cleared = True
            return self._look()
        return self._gone_back()

    def _step_without_timer(self, driver: NetworkDriver) -> CommitReport | None:
        now = self._read()
        if now is not Held.NEW and not self._is_at_rest():
            return None
        if now is Held.OLD:
            if self._tried_to_save:
                # It may have been done all the same, and a restart would bring the new filters.
                with contextlib.suppress(IrrgateError):
                    save(self.task.host, driver)
            return self._old(driver)
        self._was_in = True
        self.verdict = self.verdict or self._impatience
        if now is Held.NEW and not self.verdict:
            self.verdict = self._disturbed(driver)
            if not self.verdict:
                self._tried_to_save = True
                save(self.task.host, driver)
                return CommitReport(CommitOutcome.DONE)
        self.verdict = self.verdict or self.trouble or self._not_what_was_committed()
        if pending_commit(self.task.host, driver) is not None:
            # On Junos any commit confirms it.
            self.trouble = _FOREIGN
            return None
        self.still_ours()
        self._note(Step.RESTORE)
        begun = self.pace.now()
        self.in_flight = True
        restore(self.task.host, self.restoring, self.aim.before, self.found, self.owner)
        self.in_flight = False
        # It may be 100,000 lines, and is not over before it was read what came of them.
        self.deadline += self.pace.now() - begun
        return None

    def _is_at_rest(self) -> bool:
        """Tell whether the router has ended what it was sent, read as it is now.

        It may run on when the connection is gone or the run was killed: what is put right before
        that is over is not right for long, and what it holds yet is not what it will hold.
        """
        if self.in_flight:
            before = self.found.lists
            self.pace.sleep(_REST)
            self._read()
            self.in_flight = self.found.lists != before
        return not self.in_flight

    def _confirm(self, driver: NetworkDriver) -> CommitReport | None:
        self.verdict = self._disturbed(driver)
        if self.verdict:
            return self._look()
        self.still_ours()
        self._note(Step.CONFIRM)
        self.surely_pending = False
        with device_errors(self.task.host, "confirm"):
            driver.confirm_commit()
        # Junos says yes as well when its timer has just run, and there is nothing to confirm.
        if pending_commit(self.task.host, driver) is None and self._read() is Held.NEW:
            return CommitReport(CommitOutcome.DONE)
        return None

    def _take_back(self, driver: NetworkDriver, pending: Pending | None) -> None:
        """Undo an unconfirmed commit now; where that is too late, the router's timer does it."""
        self.surely_pending = False
        if pending is None:
            pending = pending_commit(self.task.host, driver)
        if pending is None or 0 <= pending.seconds < TOO_LATE:
            return
        self.still_ours()
        self._note(Step.TAKE_BACK)
        with device_errors(self.task.host, "take back the commit"):
            driver.rollback()

    def _driver(self) -> NetworkDriver:
        host = self.task.host
        if not self._connected:
            drop_connection(host)
        with device_errors(host, "connect"):
            driver: NetworkDriver = host.get_connection(CONNECTION, self.task.nornir.config)
        adopt(driver, self.aim.session, self.deadline - self.pace.now())
        self._connected = True
        return driver

    def _is_ours(self, driver: NetworkDriver, pending: Pending) -> bool:
        return is_of(self.task.host, driver, pending, self.aim.session, self.aim.message)

    def _read(self) -> Held:
        self.found = read_filters(self.task, self.aim.wanted, self.rules.managed_prefix)
        return held(self.aim, self.found)

    def _disturbed(self, driver: NetworkDriver) -> str:
        """Return what the commit did to the BGP sessions, or nothing."""
        if not self._watches():
            return ""
        if not self._looked_at_sessions:
            self.pace.sleep(self.rules.settle)
            self._looked_at_sessions = True
        after = read_neighbours(self.task.host, driver)
        watched = self._watched()
        before, loss = self.aim.baseline or {}, self.rules.max_accepted_loss
        return "; ".join(disturbed(before, after, watched, loss))

    def _watches(self) -> bool:
        """Tell whether there is a session that the commit could have disturbed."""
        known = self.aim.sessions
        sessions = (self.aim.baseline or {}).items()
        return any(each.is_up and name.partition(" ")[0] in known for name, each in sessions)

    def _watched(self) -> dict[str, Watch]:
        explained = {}
        for name in self.aim.intended:
            now = self.found.lists.get(name)
            after = now.prefixes if now else None
            explained[name] = explained_loss(self.aim.before.get(name), after)
        return {
            address: Watch(address, afi, explained.get(name))
            for address, (afi, name) in self.aim.sessions.items()
        }

    def _note(self, step: Step) -> None:
        self.journal.note(self.task.host.name, step, {"because": self.verdict})

    def _not_what_was_committed(self) -> str:
        wrong = ", ".join(misread(self.aim.intended, self.found))
        return f"does not hold what was committed: {wrong}"

    def _gone_back(self) -> CommitReport:
        why = self.verdict or self.trouble
        if self._was_in:
            why = why or "it took the commit back before that was confirmed"
            return CommitReport(CommitOutcome.REVERTED, why)
        return CommitReport(CommitOutcome.FAILED, why or "it did not take the commit")

    def _changed_by_others(self) -> CommitReport:
        """End what cannot come to an end by itself: the router never goes to anything between."""
        wrong = ", ".join(misread(self.aim.intended, self.found))
        return CommitReport(
            CommitOutcome.FAILED,
            f"{self.trouble}; somebody has changed its filters since, and they are left as they "
            f"are: {wrong}",
        )

    def _unsettled(self) -> CommitReport:
        why = self.verdict or self.trouble or "it holds neither the new filters nor the old ones"
        return CommitReport(
            CommitOutcome.UNSETTLED,
            f"{why}; whether it holds the new filters or the old ones is not known",
            hint="irrgate recover looks again, and so does the next apply or refresh",
        )

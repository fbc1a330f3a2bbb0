"""The emulated IOS-XR device: NETCONF over SSH, out of process.

    python -m tests.lab.iosxr_netconf --name edge1 --directory DIR --port 0

Beside what tests.lab.device and tests.lab.ssh_server say, DIR holds trial.json and trial.conf: the
confirmed commit that waits, and what comes back. The control socket knows `bgp_neighbors` (see
tests.lab.neighbors; each is an iosxr_bgp.Neighbor), `revert_delay` (seconds that a commit stands
when its session and its lock are gone: whether a router does it all at once is not known),
`commit_warnings` (what is said of each commit that is done), and what tests.lab.netconf says.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from tests.lab.device import Chassis, Options
from tests.lab.iosxr_bgp import neighbors_of
from tests.lab.iosxr_database import Database, Session
from tests.lab.iosxr_rpc import CLI_NS, DIFF_NS, Router
from tests.lab.netconf import NetconfSessions, lock_holders
from tests.lab.netconf_rpc import Answer
from tests.lab.ssh_server import run_ssh


class Device(NetconfSessions[Session]):
    """The sessions of one device, and what its control socket asks."""

    capabilities = (
        "urn:ietf:params:netconf:base:1.0",
        "urn:ietf:params:netconf:capability:candidate:1.0",
        "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
        "urn:ietf:params:netconf:capability:validate:1.1",
        "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
        "urn:ietf:params:netconf:capability:notification:1.0",
        "urn:ietf:params:netconf:capability:interleave:1.0",
        f"{CLI_NS}?module=Cisco-IOS-XR-cli-cfg&amp;revision=2019-04-05",
        f"{DIFF_NS}?module=Cisco-IOS-XR-cli-diff-act&amp;revision=2019-04-15",
    )
    offers_11 = True

    def __init__(self, chassis: Chassis) -> None:
        super().__init__(chassis)
        self.database = Database(chassis)
        self.router = Router(chassis, self.database, self.kill)

    def running(self) -> str:
        """Without the time of the last change, so that a test can compare two of them."""
        return self.router.running_text(changed=False)

    def set_running(self, text: str) -> None:
        self.database.set_running(text)

    def lists(self) -> Mapping[str, str]:
        return {name: value.digest for name, value in self.database.running.sets.items()}

    def candidates(self) -> list[dict[str, object]]:
        """The confirmed commit that waits; a session's candidate is known to it alone."""
        trial = self.database.trial
        if trial is None:
            return []
        left = round(trial.due - self.database.now(), 3)
        who = {"session": trial.session, "user": trial.user}
        return [{"name": "commit confirmed", "state": "pending", "seconds": left, **who}]

    def locks(self) -> list[dict[str, object]]:
        return lock_holders(self.database.holder, self.chassis.faults)

    def control(self, op: str, request: Mapping[str, object]) -> object:
        if op == "revert_delay":
            self.database.revert_delay = float(str(request["seconds"]))
            return None
        if op == "commit_warnings":
            self.router.warnings = [str(each) for each in _list(request["texts"])]
            return None
        if op == "bgp_neighbors":
            self.chassis.neighbors.set(request)
            neighbors_of(self.chassis.neighbors.now)
            return None
        return super().control(op, request)

    def begin(self, number: int, user: str) -> Session:
        session = Session(number, user)
        with self.chassis.lock:
            self.database.begin(session)
        return session

    def answer(self, session: Session, message: bytes) -> Answer:
        return self.router.answer(session, message)

    def end(self, session: Session) -> None:
        self.database.end(session)


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("a list is needed")
    return value


def main(argv: Sequence[str] | None = None) -> None:
    asyncio.run(run_ssh(Options.parse(argv), Device))


if __name__ == "__main__":
    main(sys.argv[1:])

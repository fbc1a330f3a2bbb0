"""The emulated SR OS router (model-driven): NETCONF over SSH, out of process.

    python -m tests.lab.sros --name edge1 --directory DIR --port 0

Beside what tests.lab.device says, DIR holds `ssh_host_key` (made once), `authorized_keys` (read at
each login, may be missing), and what tests.lab.sros_database keeps. The control socket knows one
operation more than tests.lab.netconf: `bgp_neighbors` (each is a sros_state.Neighbor).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from tests.lab.device import Chassis, Options
from tests.lab.netconf import NetconfSessions, lock_holders
from tests.lab.netconf_rpc import Answer
from tests.lab.sros_database import Database, Session
from tests.lab.sros_rpc import AUGMENTS_NS, Router
from tests.lab.sros_state import State
from tests.lab.ssh_server import run_ssh


class Device(NetconfSessions[Session]):
    """The sessions of one router, and what its control socket asks."""

    offers_11 = True
    capabilities = (
        "urn:ietf:params:netconf:base:1.0",
        "urn:ietf:params:netconf:capability:candidate:1.0",
        "urn:ietf:params:netconf:capability:confirmed-commit:1.1",
        "urn:ietf:params:netconf:capability:rollback-on-error:1.0",
        "urn:ietf:params:netconf:capability:validate:1.1",
        f"{AUGMENTS_NS}?module=nokia-ietf-netconf-augments&amp;revision=2020-12-23",
        "urn:nokia.com:sros:ns:yang:sr:conf?module=nokia-conf&amp;revision=2023-10-31",
        "urn:nokia.com:sros:ns:yang:sr:state?module=nokia-state&amp;revision=2023-10-31",
    )

    def __init__(self, chassis: Chassis) -> None:
        super().__init__(chassis)
        self.database = Database(chassis)
        self.state = State(chassis.options.name, self.database)
        self.router = Router(chassis, self.database, self.state, self.kill)

    def running(self) -> str:
        return self.database.running.xml()

    def set_running(self, text: str) -> None:
        self.database.set_running(text)

    def lists(self) -> Mapping[str, str]:
        return {name: value.digest for name, value in self.database.running.lists.items()}

    def candidates(self) -> list[dict[str, object]]:
        """The global candidate while it is changed, and a commit that awaits confirmation."""
        found: list[dict[str, object]] = []
        waiting = self.database.waiting
        if self.database.changed:
            found.append({"name": "candidate", "state": "changed"})
        if waiting is not None:
            left = round(waiting.due - self.database.now(), 3)
            said = {"state": "pending", "seconds": left, "persist": waiting.persist}
            found.append({"name": "commit confirmed", **said})
        return found

    def locks(self) -> list[dict[str, object]]:
        return lock_holders(self.database.holder, self.chassis.faults)

    def control(self, op: str, request: Mapping[str, object]) -> object:
        if op == "bgp_neighbors":
            self.chassis.neighbors.set(request)
            self.state.neighbors()
            return None
        return super().control(op, request)

    def begin(self, number: int, user: str) -> Session:
        return Session(number, user)

    def answer(self, session: Session, message: bytes) -> Answer:
        return self.router.answer(session, message)

    def end(self, session: Session) -> None:
        self.database.end(session)


def main(argv: Sequence[str] | None = None) -> None:
    asyncio.run(run_ssh(Options.parse(argv), Device))


if __name__ == "__main__":
    main(sys.argv[1:])

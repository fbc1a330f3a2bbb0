"""The emulated Junos device: NETCONF over SSH, out of process.

    python -m tests.lab.junos --name edge1 --directory DIR --port 0

Beside what tests.lab.device says, DIR holds `ssh_host_key` (made once), `authorized_keys` (read at
each login, may be missing), the rollback configs and commits.json. The control socket knows two
operations more: `bgp_neighbors` (see tests.lab.neighbors; each is a junos_facts.Neighbor) and
`netconf_11` (whether new sessions are offered chunked framing; a router does not by default).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from tests.lab.device import Chassis, Options
from tests.lab.junos_database import Database, Session
from tests.lab.junos_facts import Facts
from tests.lab.junos_rpc import Router
from tests.lab.junos_tree import render
from tests.lab.netconf import NetconfSessions, lock_holders
from tests.lab.netconf_rpc import Answer
from tests.lab.ssh_server import run_ssh


class Device(NetconfSessions[Session]):
    """The sessions of one device, and what its control socket asks."""

    capabilities = (
        "urn:ietf:params:netconf:base:1.0",
        "urn:ietf:params:netconf:capability:candidate:1.0",
        "urn:ietf:params:netconf:capability:confirmed-commit:1.0",
        "urn:ietf:params:netconf:capability:validate:1.0",
        "urn:ietf:params:netconf:capability:url:1.0?scheme=http,ftp,file",
        "http://xml.juniper.net/netconf/junos/1.0",
        "http://xml.juniper.net/dmi/system/1.0",
    )

    def __init__(self, chassis: Chassis) -> None:
        super().__init__(chassis)
        self.database = Database(chassis)
        self.facts = Facts(chassis.options.name, self.database)
        self.router = Router(chassis, self.database, self.facts, self.kill)

    def running(self) -> str:
        return render(self.database.running)

    def set_running(self, text: str) -> None:
        self.database.set_running(text)

    def lists(self) -> Mapping[str, str]:
        return {name: value.digest for name, value in self.database.lists().items()}

    def candidates(self) -> list[dict[str, object]]:
        """The shared candidate while it is changed, and a commit that awaits confirmation."""
        found: list[dict[str, object]] = []
        by, waiting = self.database.changed_by, self.database.history.unconfirmed
        if by is not None:
            who = {"session": by.name, "user": by.user}
            found.append({"name": "candidate", "state": "changed", **who})
        if waiting is not None:
            left = round(waiting.due - self.database.now(), 3)
            found.append({"name": "commit confirmed", "state": "pending", "seconds": left})
        return found

    def locks(self) -> list[dict[str, object]]:
        return lock_holders(self.database.holder, self.chassis.faults)

    def control(self, op: str, request: Mapping[str, object]) -> object:
        if op == "bgp_neighbors":
            self.chassis.neighbors.set(request)
            self.facts.neighbors()
            return None
        return super().control(op, request)

    def begin(self, number: int, user: str) -> Session:
        return Session(number, user, self.database.now())

    def answer(self, session: Session, message: bytes) -> Answer:
        return self.router.answer(session, message)

    def end(self, session: Session) -> None:
        self.database.end(session)


def main(argv: Sequence[str] | None = None) -> None:
    asyncio.run(run_ssh(Options.parse(argv), Device))


if __name__ == "__main__":
    main(sys.argv[1:])

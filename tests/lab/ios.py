"""The emulated Cisco IOS router: SSH with a command line and SCP, out of process.

    python -m tests.lab.ios --name edge1 --directory DIR --port 0

Beside what tests.lab.device and tests.lab.ssh_server say, DIR holds `startup.conf` (what it boots
with) and `flash/`. Prefix lists are applied line by line, each line in the apply log: a record
`lines` has those between two commands. The control socket knows besides: `neighbors` (see
tests.lab.ios_show), `startup`, `flash` (its files), `flash_free` (its free `bytes`),
`nvram_locked` (whether the startup config can be written), `cleared` (the soft resets since it was
last asked), `secret` (new sessions begin without privileges, and `enable` asks for it) and
`sessions`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence

from tests.lab.device import Chassis, Options
from tests.lab.faults import FaultKind, Step
from tests.lab.ios_cli import IosCli
from tests.lab.ios_router import IosRouter
from tests.lab.ssh_cli import CliServer, LineCut, Refused, Terminal
from tests.lab.ssh_server import Process, run_ssh


class Device:
    """The sessions of one router, and what its control socket asks."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self._router = IosRouter(chassis)
        self._server = CliServer(self)
        self._secret = ""

    async def serve(self, process: Process) -> None:
        await self._server.serve(process)

    def open(self, terminal: Terminal) -> IosCli:
        with self.chassis.lock:
            self._router.flush()
        return IosCli(self._router, terminal, self._secret)

    def greeting(self) -> str:
        return "\nAuthorized access only.\n\n"

    def received(self, user: str, path: str, data: bytes) -> None:
        """Keep a file that came by SCP."""
        del user
        if "ip scp server enable" not in self._router.config.blocks:
            raise Refused("Administratively disabled.")
        fault = self.chassis.faults.take(Step.LOAD)
        kept = data
        match fault and fault.kind:
            case FaultKind.ERROR:
                raise Refused(fault.text if fault and fault.text else "No space left on device")
            case FaultKind.DROP:
                raise LineCut
            case FaultKind.GARBAGE:
                kept = data[::-1]
        self._router.file(path).write_bytes(kept)

    def running(self) -> str:
        return self._router.running()

    def set_running(self, text: str) -> None:
        self._router.set_running(text)

    def lists(self) -> Mapping[str, str]:
        return self._router.config.lists.digests()

    def candidates(self) -> list[dict[str, object]]:
        """A change that IOS takes back unless it is confirmed."""
        revert = self._router.revert
        if revert is None:
            return []
        left = round(revert.timer.due - self.chassis.clock.now(), 3)
        return [{"name": "revert", "state": "pending", "seconds": left, "user": revert.user}]

    def locks(self) -> list[dict[str, object]]:
        held = self.chassis.faults.foreign_lock(strikes=False)
        return [] if held is None else [{"session": "4711", "user": "noc"}]

    def control(self, op: str, request: Mapping[str, object]) -> object:
        if op == "secret":
            self._secret = str(request["secret"])
            return None
        if op == "sessions":
            return sorted(self._server.open)
        return self._router.control(op, request)


def main(argv: Sequence[str] | None = None) -> None:
    asyncio.run(run_ssh(Options.parse(argv), Device))


if __name__ == "__main__":
    main(sys.argv[1:])

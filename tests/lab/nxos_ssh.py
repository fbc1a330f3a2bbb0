"""An emulated Cisco NX-OS behind SSH: `python -m tests.lab.nxos_ssh --name edge1 --directory DIR`.

It is the one of tests.lab.nxos, by its command line: `edge1# ` and `edge1(config)# `.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tests.lab.device import Chassis, Options
from tests.lab.nxos_cli import meaning
from tests.lab.nxos_config import INVALID, CommandRefused
from tests.lab.nxos_switch import NxosSwitch
from tests.lab.ssh_cli import CliServer, Refused, SessionEnds, Terminal, step
from tests.lab.ssh_server import Process, run_ssh

_TERMINAL = ("terminal length ", "terminal width ", "terminal no monitor")
_ENTERED = "Enter configuration commands, one per line. End with CNTL/Z."


class NxosShell:
    """The command line of one session."""

    echoes = True

    def __init__(self, switch: NxosSwitch, terminal: Terminal) -> None:
        self._switch = switch
        self._terminal = terminal
        self._configures = False
        self.prompt = self._prompt()

    def _prompt(self) -> str:
        mode = "(config)" if self._configures else ""
        return f"{self._switch.config.hostname}{mode}# "

    def enter(self, line: str) -> str:
        """Run one line; what it prints."""
        try:
            return self._enter(line)
        finally:
            self.prompt = self._prompt()

    def _enter(self, line: str) -> str:
        if line in {"exit", "end"} and self._configures:
            self._configures = False
            self._switch.publish()
            return ""
        if line == "exit":
            raise SessionEnds("")
        if line == "configure terminal":
            self._configures = True
            return _ENTERED
        if not line or line.startswith(_TERMINAL):
            return ""
        return self._run(line)

    def _run(self, line: str) -> str:
        switch = self._switch
        which, action = meaning(switch, self._terminal.user, line)

        def act() -> str:
            if " prefix-list " in line and not line.startswith("show ") and not self._configures:
                raise CommandRefused(INVALID)
            return str(action())

        try:
            if which is not None:
                return step(switch.chassis, self._terminal, which, act)
            with switch.chassis.lock:
                return act()
        except CommandRefused as exc:
            marker = f"{' ' * 20}^\n" if "marker" in str(exc) else ""
            raise Refused(f"{marker}{exc}") from exc


class NxosSsh:
    """The router and its sessions."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.switch = NxosSwitch(chassis)
        self._server = CliServer(self)

    def open(self, terminal: Terminal) -> NxosShell:
        return NxosShell(self.switch, terminal)

    def greeting(self) -> str:
        return "Cisco Nexus Operating System (NX-OS) Software\nTAC support: cisco.com/tac\n"

    def received(self, user: str, path: str, data: bytes) -> None:
        raise Refused(f"{user}: {path}: feature scp-server is off, {len(data)} bytes are lost")

    async def serve(self, process: Process) -> None:
        await self._server.serve(process)

    # What the control socket asks (tests.lab.device.Platform)

    def running(self) -> str:
        return self.switch.running()

    def set_running(self, text: str) -> None:
        self.switch.set_running(text)

    def lists(self) -> Mapping[str, str]:
        return self.switch.lists()

    def candidates(self) -> list[dict[str, object]]:
        return self.switch.candidates()

    def locks(self) -> list[dict[str, object]]:
        return self.switch.locks()

    def control(self, op: str, request: Mapping[str, object]) -> object:
        return self.switch.control(op, request)


if __name__ == "__main__":
    asyncio.run(run_ssh(Options.parse(), NxosSsh))
